//! Many spins a word: Metropolis and heat-bath sweeps of periodic square lattices with one coupling and one field.
//!
//! A site has one of ten situations: its spin, and how many of four neighbours are equal to it. With a bit a spin, that number is added up for 64 sites by a
//! handful of logical operations, and what remains is to turn each site with the probability of its situation. That is where such codes were tempted to
//! share random numbers between sites. Here no two sites share any: each site has an integer of its own, compared with the threshold of its situation until they differ
//! ([`LaneRng::fill_below`]), so that
//!
//! `P(turn | x, neighbours) = ⌊2⁶⁴ p⌋ / 2⁶⁴`,  independently over the sites of a colour.
//!
//! The lattice is a checkerboard. Sites of one colour are independent given the other, and a sweep redraws first those whose coordinates add up to an even number and then the
//! others. Of each row the sites of a colour are consecutive bits, a *field*: the left and right neighbours of a site are the site of the other colour in its own place and that in the place beside it. Narrow lattices
//! have several chains in a word, a field each, and lattices more than 128 sites wide have rows of several words. Rows of chains that advance together lie side by side, so that
//! the sites above and below are the same bits of other words.
//!
//! Multi-spin coding is as old as Creutz, Jacobs and Rebbi (1979); with single bits, Bhanot, Duke and Salvador (1986).

mod kernel;
mod lattice;
mod rule;

pub use kernel::{MultiSpinHeatBath, MultiSpinMetropolis};
pub use lattice::MultiSpinState;
