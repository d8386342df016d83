//! An acceptance rule that is often printed, and what it samples.
//!
//! Some texts accept a Langevin proposal `y = x + ε s(x) + √(2ε) z` with probability `min(1, p(y)/p(x))`, as if it were symmetric. On `N(0, 1)` the
//! law that this leaves invariant can be told: the proposal `q(y | x) = N(y; (1 − ε) x, 2ε)` is reversible with respect to the law of unadjusted
//! Langevin sampling, `μ = N(0, 1/(1 − ε/2))`, that is `μ(x) q(y | x)` is symmetric. With the rule `a(x, y) = min(1, p(y)/p(x))`, for which
//! `p(x) a(x, y)` is symmetric, flows balance for the density `∝ μ p`, because `μ(x) p(x) q(y | x) a(x, y)` is a product of two symmetric functions. Its precision is
//! `(1 − ε/2) + 1`: the chain has variance **`1/(2 − ε/2)`**, one half as `ε → 0`, and not 1. In general the invariant density tends to `p²`. A
//! shorter step does not help.

use crate::common::{Standard, normal_moments, run};
use gibbsian_core::error::check_batch;
use gibbsian_core::{Acceptance, Density, Kernel, Potential, Result, Seed, Streams};
use gibbsian_samplers::Mala;
use gibbsian_testkit::audit::exact_start;
use gibbsian_testkit::conformance::Balance;
use gibbsian_testkit::stats::{self, FALSE_ALARM};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, CowArray, Ix2, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// A Langevin proposal, accepted with `min(1, p(y)/p(x))`.
#[derive(Clone, Copy)]
struct NoProposalRatio {
    step_size: f64,
}

impl<T: Potential + ?Sized> Kernel<T> for NoProposalRatio {
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Array2<f64>> {
        check_batch("x", &x, target.dim())?;
        Ok(x)
    }

    fn refresh(&self, _target: &T, _state: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, x: &mut Array2<f64>, rng: &mut dyn Rng) -> Acceptance {
        let mut rng = Streams::draw(rng).block(0);
        let z = Array2::from_shape_simple_fn(x.raw_dim(), || rng.sample::<f64, _>(StandardNormal));
        let y = &*x + self.step_size * target.score(x.view()) + (2.0 * self.step_size).sqrt() * z;
        let log_ratio = target.energy(x.view()) - target.energy(y.view());
        let mut count = Acceptance::default();
        for ((mut x, y), log_ratio) in x.rows_mut().into_iter().zip(y.rows()).zip(log_ratio) {
            let probability = log_ratio.min(0.0).exp();
            count.proposed += 1;
            count.probability += probability;
            if rng.random::<f64>() < probability {
                count.accepted += 1;
                x.assign(&y);
            }
        }
        count
    }
}

const N_CHAINS: usize = 400_000;

/// Chains that start with the variance claimed keep it; with the target's variance they do not. Of the right rule the opposite is true.
#[test]
fn the_variance_of_the_wrong_rule_is_not_that_of_the_target() {
    for (k, epsilon) in [0.05, 0.4, 1.0].into_iter().enumerate() {
        let claimed = 1.0 / (2.0 - 0.5 * epsilon);
        let (wrong, right) = (
            NoProposalRatio { step_size: epsilon },
            Mala::new(epsilon).unwrap(),
        );
        let moments = |x: &Array2<f64>, variance: f64| {
            let tests = normal_moments("after 10 steps", x, &Array1::zeros(1), &array![[variance]]);
            stats::family(&tests, FALSE_ALARM)
        };
        let seed = Seed::new(1).nth(k as u64);
        let narrow = Gaussian::new(array![0.0], array![[1.0 / claimed]]).unwrap();
        let narrow = narrow.sample(N_CHAINS, &mut seed.child("narrow").rng());
        let wide = Standard(1).sample(N_CHAINS, &mut seed.child("wide").rng());
        let after = |x: &Array2<f64>| run(&wrong, &Standard(1), x.clone(), 10, seed.child("steps")).0;
        moments(&after(&narrow), claimed).unwrap();
        assert!(moments(&after(&wide), 1.0).is_err(), "ε = {epsilon}");

        let after = |x: &Array2<f64>| run(&right, &Standard(1), x.clone(), 10, seed.child("steps")).0;
        moments(&after(&wide), 1.0).unwrap();
        assert!(moments(&after(&narrow), claimed).is_err(), "ε = {epsilon}");
    }
}

/// From anywhere, the wrong rule goes to its own law: a halved step halves the distance from one half, not from one.
#[test]
fn the_bias_does_not_vanish_with_the_step() {
    let mut variances = Vec::new();
    for epsilon in [0.4, 0.2] {
        let kernel = NoProposalRatio { step_size: epsilon };
        let start = Standard(1).sample(100_000, &mut Seed::new(2).rng());
        let n_steps = (15.0 / epsilon) as usize;
        let (x, _) = run(&kernel, &Standard(1), start, n_steps, Seed::new(3));
        let variance = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let claimed = 1.0 / (2.0 - 0.5 * epsilon);
        // Five deviations of the mean of independent squares.
        assert!(
            (variance - claimed).abs() < 5.0 * claimed * (2.0 / 100_000_f64).sqrt(),
            "{variance}"
        );
        variances.push(variance);
    }
    assert!(variances.iter().all(|v| (v - 1.0).abs() > 0.4), "{variances:?}");
}

#[test]
fn the_kit_sees_it() {
    let kernel = NoProposalRatio { step_size: 0.4 };
    assert!(exact_start(&kernel, &Standard(2), Balance::Global, 50_000, 5, Seed::new(4)).is_err());
    let right = Mala::new(0.4).unwrap();
    exact_start(&right, &Standard(2), Balance::Detailed, 50_000, 5, Seed::new(4)).unwrap();
}
