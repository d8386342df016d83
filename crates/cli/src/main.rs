//! The program `gibbsian`.

fn main() {}
