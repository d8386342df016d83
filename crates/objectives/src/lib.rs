//! Training objectives, one a file, each agnostic of the model.
//!
#![doc = include_str!("formulas.md")]
//!
//! The gradient of the log-likelihood of a Gibbs density is `−⟨∂E/∂θ⟩_data + ⟨∂E/∂θ⟩_model`. Objectives differ in where the second, negative phase comes from:
//! enumeration ([`ExactLikelihood`]), short chains from the data ([`ContrastiveDivergence`], and in coupled pairs [`UnbiasedContrastiveDivergence`]), persistent chains
//! ([`PersistentContrastiveDivergence`], and [`FastPersistentContrastiveDivergence`] with fast weights). Pseudo-likelihood ([`PseudoLikelihood`]) has none: it replaces the law of a case by those of its sites.
//! So do ratio matching ([`RatioMatching`]), minimum probability flow ([`MinimumProbabilityFlow`]) and the discrete forms of score matching ([`ConcreteScoreMatching`], [`DiscreteScoreMatching`]), which judge
//! the costs of changing single sites by other functions.
//!
//! Neural energies add chains in a replay buffer ([`ReplayContrastiveDivergence`]), short chains from noise ([`ShortRunContrastiveDivergence`]) and the gradient through the last step of a chain
//! ([`ImprovedContrastiveDivergence`]); [`AdversarialLikelihood`] learns the sampler, and [`DiffusionRecoveryLikelihood`] needs only chains near noised data. [`NoiseContrastiveEstimation`] and
//! [`RankingNoiseContrastiveEstimation`] need none: they tell data from draws of a known density, the first with the normaliser as a parameter ([`SelfNormalised`]); [`TelescopingRatioEstimation`] does so step by step. What the last minibatch of a
//! contrastive objective looked like is in its [`PhaseReport`], which [`Reported`] shares while a loop runs; [`Traced`] keeps the energies of persistent chains for `R̂`, and [`RunLength`] asks whether chains have arrived.
//!
//! Rows that count by weights are taken by the exact likelihood, all contrastive objectives but those with fast weights, coupled chains or gradients through chains, score matching, recovery likelihood,
//! both forms of contrast with noise, and flow and equilibrium matching where pairs are independent; the others refuse them.
//!
//! [`NaturalGradient`] turns the gradient of any of them into the direction that does not depend on the parametrisation; [`GradientPenalised`] holds the slope of any energy at the data down.
//!
//! Score matching compares gradients in `x` instead, where no normaliser is left. For exponential families its minimum has a closed form
//! ([`ClosedFormScoreMatching`]); for any score it is an expectation of second derivatives ([`ImplicitScoreMatching`], with a boundary [`GeneralisedScoreMatching`]), which can be taken along random
//! directions ([`SlicedScoreMatching`], [`VarianceReducedSlicedScoreMatching`]) and there by differences
//! ([`FiniteDifferenceSlicedScoreMatching`], [`FiniteDifferenceVarianceReducedSlicedScoreMatching`]), or with noise from within
//! the model ([`CurvaturePropagationScoreMatching`]); or a regression on noise, at one level ([`DenoisingScoreMatching`]), at many
//! ([`MultiLevelDenoising`]) or along a forward process ([`DenoisingInTime`]).
//!
//! Flow matching ([`FlowMatching`]) regresses a velocity in time on those of paths that join data with noise, straight ones or others ([`AffinePath`]), drawn independently or joined by optimal transport within the
//! minibatch ([`Coupling`]). A single energy, told no time, can be the landscape of that transport: one that comes to rest at the data ([`EquilibriumMatching`]), or one that is the data's own energy there ([`EnergyMatching`]).
#![deny(unsafe_code)]

#[macro_use]
mod phases;

pub mod adversarial;
pub mod affine_path;
pub mod assignment;
pub mod boundary_weight;
mod chains;
pub mod closed_form_score_matching;
pub mod concrete_score_matching;
mod contrast_with_noise;
pub mod contrastive_divergence;
pub mod coupling;
pub mod curvature_propagation;
pub mod denoising_in_time;
pub mod denoising_score_matching;
pub mod diffusion_recovery;
pub mod discrete_score_matching;
pub mod energy_matching;
pub mod energy_traces;
pub mod equilibrium_matching;
pub mod exact_likelihood;
pub mod fast_persistent;
pub mod finite_difference_sliced_score_matching;
pub mod flow_matching;
pub mod gaussian_noise;
pub mod generalised_score_matching;
pub mod gradient_penalty;
pub mod implicit_score_matching;
pub mod improved_contrastive_divergence;
pub mod minimum_probability_flow;
pub mod multi_level_denoising;
pub mod natural_gradient;
pub mod nearest_neighbour_entropy;
pub mod noise_contrastive;
mod noised_rows;
pub mod persistent;
pub mod phase_report;
pub mod pseudo_likelihood;
pub mod ranking_noise_contrastive;
pub mod ratio_matching;
pub mod replay;
pub mod row_uniforms;
pub mod run_length;
pub mod self_normalised;
pub mod short_run;
mod sites;
pub mod sliced_score_matching;
pub mod source;
pub mod telescoping_ratio;
mod transport;
pub mod unbiased_contrastive_divergence;
pub mod watched;

pub use adversarial::{AdversarialLikelihood, AdversarialReport, Adversaries, LearntSampler};
pub use affine_path::{AffinePath, FlowVelocity, PathScales, ProcessPath, StraightPath, TrigonometricPath};
pub use assignment::Assignment;
pub use boundary_weight::{BoundaryWeight, HalfLine, UnitInterval, Unweighted};
pub use closed_form_score_matching::{ClosedFormScoreMatching, QuadraticObjective, ScoreMatchingEstimate};
pub use concrete_score_matching::ConcreteScoreMatching;
pub use contrastive_divergence::ContrastiveDivergence;
pub use coupling::Coupling;
pub use curvature_propagation::CurvaturePropagationScoreMatching;
pub use denoising_in_time::{DenoisingInTime, TimeLaw, TimeWeight, TimedLoss};
pub use denoising_score_matching::{DenoisingError, DenoisingScoreMatching};
pub use diffusion_recovery::{DiffusionRecoveryLikelihood, Recovery};
pub use discrete_score_matching::DiscreteScoreMatching;
pub use energy_matching::{EnergyMatching, TemperatureRamp};
pub use energy_traces::{EnergyTraces, Traced};
pub use equilibrium_matching::{EquilibriumMatching, GradientDecay};
pub use exact_likelihood::ExactLikelihood;
pub use fast_persistent::{FastPersistentContrastiveDivergence, FastWeights};
pub use finite_difference_sliced_score_matching::{
    FiniteDifferenceSlicedScoreMatching, FiniteDifferenceVarianceReducedSlicedScoreMatching,
};
pub use flow_matching::FlowMatching;
pub use gaussian_noise::GaussianNoise;
pub use generalised_score_matching::GeneralisedScoreMatching;
pub use gradient_penalty::GradientPenalised;
pub use implicit_score_matching::ImplicitScoreMatching;
pub use improved_contrastive_divergence::{ImprovedContrastiveDivergence, LastStep};
pub use minimum_probability_flow::MinimumProbabilityFlow;
pub use multi_level_denoising::MultiLevelDenoising;
pub use natural_gradient::{NaturalGradient, fisher_information};
pub use nearest_neighbour_entropy::{nearest_neighbour_entropy, nearest_neighbour_entropy_and_grad_into};
pub use noise_contrastive::NoiseContrastiveEstimation;
pub use persistent::PersistentContrastiveDivergence;
pub use phase_report::{PhaseReport, Visit};
pub use pseudo_likelihood::{PseudoLikelihood, pseudo_log_likelihood};
pub use ranking_noise_contrastive::RankingNoiseContrastiveEstimation;
pub use ratio_matching::RatioMatching;
pub use replay::{Replay, ReplayBuffer, ReplayContrastiveDivergence};
pub use row_uniforms::RowUniforms;
pub use run_length::RunLength;
pub use self_normalised::SelfNormalised;
pub use short_run::ShortRunContrastiveDivergence;
pub use sliced_score_matching::{SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
pub use source::{Draws, Source, StandardNoise};
pub use telescoping_ratio::TelescopingRatioEstimation;
pub use unbiased_contrastive_divergence::{UnbiasedContrastiveDivergence, Window};
pub use watched::{LastReport, PersistentNegatives, Reported, TwoPhases, Watch, Watched};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
