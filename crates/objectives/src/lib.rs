//! Training objectives, one a file, each agnostic of the model.
//!
//! The gradient of the log-likelihood of a Gibbs density is `−⟨∂E/∂θ⟩_data + ⟨∂E/∂θ⟩_model`. Objectives differ in where the second, negative phase comes from:
//! enumeration ([`ExactLikelihood`]), short chains from the data ([`ContrastiveDivergence`], and in coupled pairs [`UnbiasedContrastiveDivergence`]), persistent chains
//! ([`PersistentContrastiveDivergence`], and [`FastPersistentContrastiveDivergence`] with fast weights). Pseudo-likelihood ([`PseudoLikelihood`]) has none: it replaces the law of a case by those of its sites.
//! So do ratio matching ([`RatioMatching`]), minimum probability flow ([`MinimumProbabilityFlow`]) and the discrete form of score matching ([`ConcreteScoreMatching`]), which judge
//! the costs of changing single sites by other functions.
//!
//! Rows that count by weights are taken by the exact likelihood, contrastive divergence, persistent contrastive divergence and score matching; the others refuse them.
//!
//! [`NaturalGradient`] turns the gradient of any of them into the direction that does not depend on the parametrisation.
//!
//! Score matching compares gradients in `x` instead, where no normaliser is left. For exponential families its minimum has a closed form
//! ([`ClosedFormScoreMatching`]); for any score it is an expectation of second derivatives ([`ImplicitScoreMatching`], with a boundary [`GeneralisedScoreMatching`]), which can be taken along random
//! directions ([`SlicedScoreMatching`], [`VarianceReducedSlicedScoreMatching`]) and there by differences
//! ([`FiniteDifferenceSlicedScoreMatching`], [`FiniteDifferenceVarianceReducedSlicedScoreMatching`]); or a regression on noise, at one level ([`DenoisingScoreMatching`]), at many
//! ([`MultiLevelDenoising`]) or along a forward process ([`DenoisingInTime`]).
#![deny(unsafe_code)]

pub mod boundary_weight;
mod chains;
pub mod closed_form_score_matching;
pub mod concrete_score_matching;
pub mod contrastive_divergence;
pub mod denoising_in_time;
pub mod denoising_score_matching;
pub mod exact_likelihood;
pub mod fast_persistent;
pub mod finite_difference_sliced_score_matching;
pub mod gaussian_noise;
pub mod generalised_score_matching;
pub mod implicit_score_matching;
pub mod minimum_probability_flow;
pub mod multi_level_denoising;
pub mod natural_gradient;
mod noised_rows;
pub mod persistent;
mod phases;
pub mod pseudo_likelihood;
pub mod ratio_matching;
pub mod row_uniforms;
mod sites;
pub mod sliced_score_matching;
pub mod unbiased_contrastive_divergence;

pub use boundary_weight::{BoundaryWeight, HalfLine, UnitInterval, Unweighted};
pub use closed_form_score_matching::{ClosedFormScoreMatching, QuadraticObjective, ScoreMatchingEstimate};
pub use concrete_score_matching::ConcreteScoreMatching;
pub use contrastive_divergence::ContrastiveDivergence;
pub use denoising_in_time::{DenoisingInTime, TimeLaw, TimeWeight, TimedLoss};
pub use denoising_score_matching::{DenoisingError, DenoisingScoreMatching};
pub use exact_likelihood::ExactLikelihood;
pub use fast_persistent::{FastPersistentContrastiveDivergence, FastWeights};
pub use finite_difference_sliced_score_matching::{
    FiniteDifferenceSlicedScoreMatching, FiniteDifferenceVarianceReducedSlicedScoreMatching,
};
pub use gaussian_noise::GaussianNoise;
pub use generalised_score_matching::GeneralisedScoreMatching;
pub use implicit_score_matching::ImplicitScoreMatching;
pub use minimum_probability_flow::MinimumProbabilityFlow;
pub use multi_level_denoising::MultiLevelDenoising;
pub use natural_gradient::{NaturalGradient, fisher_information};
pub use persistent::PersistentContrastiveDivergence;
pub use pseudo_likelihood::{PseudoLikelihood, pseudo_log_likelihood};
pub use ratio_matching::RatioMatching;
pub use row_uniforms::RowUniforms;
pub use sliced_score_matching::{SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
pub use unbiased_contrastive_divergence::{UnbiasedContrastiveDivergence, Window};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
