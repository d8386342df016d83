//! Factor graphs: the laws of the model, messages and elimination against enumeration, refusals.

mod graphs;

mod inference;
mod model;
mod refusals;
