//! Formulas in TeX as MathML, for the report of the experiments and for the book.
