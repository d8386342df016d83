//! The multivariate normal density against 50-digit references, up to condition numbers of 10¹².

use crate::common::reference::{Parameters, log_density_and_score};
use gibbsian_densities::MultivariateNormal;

#[test]
fn by_covariance() {
    log_density_and_score("normal_by_covariance", |p: &Parameters| {
        MultivariateNormal::from_covariance(p.vector("mean"), p.matrix("covariance")).unwrap()
    });
}

#[test]
fn by_precision() {
    log_density_and_score("normal_by_precision", |p: &Parameters| {
        MultivariateNormal::from_precision(p.vector("mean"), p.matrix("precision")).unwrap()
    });
}
