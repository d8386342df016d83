//! Deep Boltzmann machines and deep belief networks against enumeration.

mod arithmetic;
mod binary;
mod binary_training;
mod centred_training;
mod classifier;
mod end_to_end;
mod joint;
mod kinds;
mod learning;
mod machines;
mod mean_field;
mod network;
mod normalisable;
mod path;
mod real;
mod real_machines;
mod stack;
mod wake_sleep;
