//! Planted bugs in forward processes.

use gibbsian_core::process::{GaussianTransition, VarianceExploding, VariancePreserving};
use gibbsian_core::{LinearGaussian, Result};
use gibbsian_testkit::conformance::linear_gaussian;

use crate::planted::caught;

/// What is wrong with the process.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    None,
    /// The squared level instead of its growth since `t = 0`.
    LevelForVariance,
    /// `g²` of the preserving process without its cancelling factor.
    Diffusion,
    /// A drift of twice the rate.
    Drift,
    /// The variance of a transition not scaled.
    Transition,
    Inverse,
}

struct Planted<P>(P, Bug);

impl<P: LinearGaussian> LinearGaussian for Planted<P> {
    fn horizon(&self) -> f64 {
        self.0.horizon()
    }

    fn alpha(&self, t: f64) -> f64 {
        self.0.alpha(t)
    }

    fn variance(&self, t: f64) -> f64 {
        self.0.variance(t)
            + if self.1 == Bug::LevelForVariance {
                0.01
            } else {
                0.0
            }
    }

    fn drift_rate(&self, t: f64) -> f64 {
        self.0.drift_rate(t) * if self.1 == Bug::Drift { 2.0 } else { 1.0 }
    }

    fn diffusion_squared(&self, t: f64) -> f64 {
        self.0.diffusion_squared(t) * if self.1 == Bug::Diffusion { 1.001 } else { 1.0 }
    }

    fn transition(&self, s: f64, t: f64) -> GaussianTransition {
        let mut transition = self.0.transition(s, t);
        if self.1 == Bug::Transition {
            transition.variance = self.0.variance(t) - self.0.variance(s);
        }
        transition
    }

    fn time_at_log_snr(&self, log_snr: f64) -> Result<f64> {
        let log_snr = log_snr + if self.1 == Bug::Inverse { 1e-3 } else { 0.0 };
        self.0.time_at_log_snr(log_snr)
    }
}

#[test]
fn a_wrong_process_is_reported() {
    let exploding = VarianceExploding::new(0.1, 10.0).unwrap();
    let preserving = VariancePreserving::new(0.1, 20.0).unwrap();
    linear_gaussian(&Planted(preserving, Bug::None)).unwrap();
    caught(
        linear_gaussian(&Planted(exploding, Bug::LevelForVariance)),
        "data start as they are",
    );
    caught(
        linear_gaussian(&Planted(preserving, Bug::Diffusion)),
        "the moments solve the equation",
    );
    caught(
        linear_gaussian(&Planted(preserving, Bug::Drift)),
        "the moments solve the equation",
    );
    caught(
        linear_gaussian(&Planted(preserving, Bug::Transition)),
        "transitions compose",
    );
    caught(
        linear_gaussian(&Planted(exploding, Bug::Inverse)),
        "σ, g and λ belong to σ², g² and α",
    );
}
