//! Deep Boltzmann machines and deep belief networks against enumeration.

mod binary;
mod joint;
mod learning;
mod machines;
mod mean_field;
mod path;
mod stack;
