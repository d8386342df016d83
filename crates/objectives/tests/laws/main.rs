//! The objectives of this crate against enumeration, differences and closed forms, in one program.

mod common;
mod families;

mod closed_form_score_matching;
mod contrastive_divergence;
mod exact_likelihood;
mod fast_persistent;
mod natural_gradient;
mod persistent;
mod pseudo_likelihood;
mod single_sites;
mod smooth_score_matching;
mod unbiased_contrastive_divergence;
mod weighted;
