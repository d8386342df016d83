//! Densities made of densities, normalised by construction.
//!
//! A sum of energies has an intractable normaliser; a few ways to combine densities keep the one they have:
//!
//! | combination | density | type |
//! |---|---|---|
//! | or | `Σ_k w_k p_k(x)` | [`Mixture`] |
//! | and, of separate coordinates | `Π_m p_m(x_m)` | [`Independent`] |
//! | a chain of conditionals | `Π_i p(x_i \| x_<i)` | [`LinearGaussianChain`], [`Nade`] |
//! | change of variables | `p(z) \|det ∂z/∂x\|` | [`Affine`], [`CouplingFlow`] |
//! | temperature, where it is closed | `p(x)^β / Z_β` | [`PowerFamily`], [`Tempered`] |
//!
//! and for the one that does not, "and" on the same coordinates, `Π_i p_i(x)^{β_i}`, there is the energy without its normaliser, [`ProductOfExperts`].
//! "Or" of energies that cannot be drawn from needs their normalisers, [`KnownLogZ`], and is [`MixtureOfEnergies`]; "and not", `p_A p_B^{−α}`, is [`AndNot`], which exists only where
//! it has a normaliser.
//!
//! They nest. Each takes its parts by value, by reference or boxed, and passes on what the parts can do: a mixture of densities with scores
//! has a score, and one of densities without has none. For parts of different types use trait objects: `Box<dyn Density>`,
//! or `Box<dyn SmoothDensity>` for those with scores; of energies, `Box<dyn Energy>` and `Box<dyn SmoothEnergy>`.
//!
//! All of the table but [`Independent`], [`Affine`] and [`Tempered`] choose the energy `E = −log p`, with `log Z = 0`. Then the gradient of
//! the likelihood in the parameters is that of the energy at the data alone, and a model of this kind is trained by maximum likelihood with
//! no samples.

mod affine;
mod alphabets;
mod and_not;
mod capped;
mod coupling_flow;
mod independent;
mod known_log_z;
mod linear_gaussian_chain;
mod mixing;
mod mixture;
mod mixture_of_energies;
mod nade;
mod product_of_experts;
mod rows;
mod tempered;

pub use affine::Affine;
pub use and_not::{AndNot, Criterion};
pub use capped::Capped;
pub use coupling_flow::{CouplingFlow, CouplingOptions, SecondScoreJvp};
pub use independent::Independent;
pub use known_log_z::KnownLogZ;
pub use linear_gaussian_chain::LinearGaussianChain;
pub use mixture::Mixture;
pub use mixture_of_energies::MixtureOfEnergies;
pub use nade::Nade;
pub use product_of_experts::ProductOfExperts;
pub use tempered::{PowerFamily, Tempered};

use gibbsian_core::{Density, Potential, ScoreJvp};

/// A density with a differentiable score: the trait object for combining smooth densities of different types.
///
/// It is implemented for everything that has both traits.
pub trait SmoothDensity: Density + Potential + ScoreJvp {}

impl<T: Density + Potential + ScoreJvp + ?Sized> SmoothDensity for T {}

/// An energy with a differentiable score: the trait object for adding smooth energies of different types.
///
/// It is implemented for everything that has both traits.
pub trait SmoothEnergy: Potential + ScoreJvp {}

impl<T: Potential + ScoreJvp + ?Sized> SmoothEnergy for T {}
