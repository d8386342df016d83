//! Student's t in several dimensions and the uniform density on a box: 50-digit references, laws, draws, refusals.

mod student_t;
mod uniform_box;
