//! The objectives of this crate against enumeration, differences and closed forms, in one program.

mod common;
mod families;
mod two_bumps;

mod closed_form_score_matching;
mod contrastive_divergence;
mod denoising;
mod directions;
mod exact_likelihood;
mod fast_persistent;
mod finite_differences;
mod generalised_score_matching;
mod natural_gradient;
mod noise_levels;
mod persistent;
mod prediction;
mod pseudo_likelihood;
mod recovery;
mod single_sites;
mod sliced_score_matching;
mod smooth_score_matching;
mod unbiased_contrastive_divergence;
mod weighted;
mod weighted_scores;
