//! The members of the exponential family on one number against 50-digit references.

use crate::common::reference::{Parameters, log_density, log_density_and_score};
use gibbsian_densities::*;

#[test]
fn normal() {
    log_density_and_score("normal", |p| {
        Normal::new(p.number("mean"), p.number("deviation")).unwrap()
    });
}

#[test]
fn exponential() {
    log_density_and_score("exponential", |p| Exponential::new(p.number("rate")).unwrap());
}

#[test]
fn gamma() {
    log_density_and_score("gamma", |p| {
        Gamma::new(p.number("shape"), p.number("rate")).unwrap()
    });
}

#[test]
fn bernoulli() {
    log_density("bernoulli", |p: &Parameters| {
        if p.has("logit") {
            Bernoulli::from_logit(p.number("logit")).unwrap()
        } else {
            Bernoulli::new(p.number("probability")).unwrap()
        }
    });
}

#[test]
fn categorical() {
    log_density("categorical", |p| {
        Categorical::from_logits(p.vector("logits")).unwrap()
    });
}

#[test]
fn beta() {
    log_density_and_score("beta", |p| {
        Beta::new(p.number("alpha"), p.number("beta")).unwrap()
    });
}

#[test]
fn von_mises() {
    log_density_and_score("von_mises", |p| {
        VonMises::new(p.number("direction"), p.number("concentration")).unwrap()
    });
}

#[test]
fn poisson() {
    log_density("poisson", |p| Poisson::new(p.number("rate")).unwrap());
}

#[test]
fn binomial() {
    log_density("binomial", |p| {
        Binomial::new(p.number("trials") as u64, p.number("probability")).unwrap()
    });
}
