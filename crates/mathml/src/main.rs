//! The preprocessor that turns the formulas of the book into MathML.

fn main() {}
