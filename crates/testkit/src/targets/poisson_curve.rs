//! Counts along a line with a log-linear rate: a posterior that is no member of any family, for joint tests of samplers.
//!
//! `θ ~ N(0, ½² I)`, `y_j | θ ~ Poisson(exp(1 + θ_0 + θ_1 t_j))` at `t_j` evenly in `[−1, 1]`, so
//! `E(θ) = 2 |θ|² − Σ_j [y_j (θ_0 + θ_1 t_j) − exp(1 + θ_0 + θ_1 t_j)]`. The posterior is log-concave, skewed, and correlated where the counts are unbalanced.

use gibbsian_core::{Energy, Potential, Score, Space};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::{Rng, RngExt};
use rand_distr::{Poisson, StandardNormal};

use crate::audit::JointModel;

/// Where the counts are made.
const TIMES: [f64; 4] = [-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0];
const PRIOR_VARIANCE: f64 = 0.25;

/// The joint law of two parameters and four counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoissonCurve;

/// The posterior of the two parameters given four counts.
#[derive(Clone, Debug)]
pub struct PoissonCurvePosterior {
    counts: Array1<f64>,
}

fn rate(theta: ArrayView1<f64>, t: f64) -> f64 {
    (1.0 + theta[0] + theta[1] * t).exp()
}

impl JointModel for PoissonCurve {
    type Posterior = PoissonCurvePosterior;

    fn draw_parameters(&self, rng: &mut dyn Rng) -> Array1<f64> {
        Array1::from_shape_simple_fn(2, || PRIOR_VARIANCE.sqrt() * rng.sample::<f64, _>(StandardNormal))
    }

    fn draw_data(&self, parameters: ArrayView1<f64>, rng: &mut dyn Rng) -> Array1<f64> {
        let draw = |t: &f64| {
            // A chain that has run away asks for rates that no count can have; NaN makes the test fail.
            Poisson::new(rate(parameters, *t)).map_or(f64::NAN, |law| rng.sample(law))
        };
        TIMES.iter().map(draw).collect()
    }

    fn posterior(&self, data: ArrayView1<f64>) -> PoissonCurvePosterior {
        PoissonCurvePosterior {
            counts: data.to_owned(),
        }
    }
}

impl Space for PoissonCurvePosterior {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for PoissonCurvePosterior {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, theta) in out.iter_mut().zip(x.rows()) {
            let log_likelihood: f64 = TIMES
                .iter()
                .zip(&self.counts)
                .map(|(&t, y)| y * (theta[0] + theta[1] * t) - rate(theta, t))
                .sum();
            *out = 0.5 * theta.dot(&theta) / PRIOR_VARIANCE - log_likelihood;
        }
    }
}

impl Score for PoissonCurvePosterior {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (mut out, theta) in out.rows_mut().into_iter().zip(x.rows()) {
            let mut s = array![-theta[0], -theta[1]] / PRIOR_VARIANCE;
            for (&t, y) in TIMES.iter().zip(&self.counts) {
                let residual = y - rate(theta, t);
                s[0] += residual;
                s[1] += residual * t;
            }
            out.assign(&s);
        }
    }
}

impl Potential for PoissonCurvePosterior {}
