//! The objectives of this crate against enumeration, differences and closed forms, in one program.

mod common;
mod families;
mod two_bumps;

mod adversarial;
mod closed_form_score_matching;
mod contrastive_divergence;
mod denoising;
mod diffusion_recovery;
mod directions;
mod energy_penalty;
mod exact_likelihood;
mod fast_persistent;
mod finite_differences;
mod generalised_score_matching;
mod improved_contrastive_divergence;
mod natural_gradient;
mod nearest_neighbour_entropy;
mod noise_contrastive;
mod noise_levels;
mod noise_support;
mod persistent;
mod prediction;
mod pseudo_likelihood;
mod recovery;
mod replay;
mod run_length;
mod self_normalised;
mod short_run;
mod single_sites;
mod sliced_score_matching;
mod smooth_score_matching;
mod telescoping_ratio;
mod unbiased_contrastive_divergence;
mod weighted;
mod weighted_scores;
