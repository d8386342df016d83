//! The program on small data: what it says against exact values, what it leaves against the library's own readers, and what it refuses.

mod common;
mod configurations;
mod data;
mod dbm;
mod defaults;
mod energy;
mod front;
mod judging;
mod pictures;
mod printed;
mod rbm;
mod refusals;
mod resume;
mod score;
