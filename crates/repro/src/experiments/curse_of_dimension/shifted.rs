//! A normal density that is carried away from the origin, with perfect mixing at every step.

use gibbsian_core::error::check_batch;
use gibbsian_core::{Path, Result, Space, Streams};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// `f_β(x) = exp(−½ |x − β μ 1|²)` in `D` dimensions: every `Z_β` is `(2π)^{D/2}`, and the log-weights of `f_1` under `f_0` are normal with
/// standard deviation `μ √D`.
pub(super) struct Shifted {
    dim: usize,
    shift: f64,
}

impl Shifted {
    pub(super) fn new(dim: usize, shift: f64) -> Self {
        Shifted { dim, shift }
    }

    pub(super) fn log_z(&self) -> f64 {
        0.5 * self.dim as f64 * std::f64::consts::TAU.ln()
    }

    fn draw(&self, n: usize, beta: f64, rng: &mut dyn Rng) -> Array2<f64> {
        let mut rng = Streams::draw(rng).block(0);
        Array2::from_shape_simple_fn((n, self.dim), || {
            beta * self.shift + rng.sample::<f64, _>(StandardNormal)
        })
    }
}

impl Space for Shifted {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Path for Shifted {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.draw(n, 0.0, rng)
    }

    fn log_z_start(&self) -> f64 {
        self.log_z()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        check_batch("x", &x, self.dim)?;
        Ok(x.to_owned())
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(state.rows()) {
            *out -= 0.5 * x.dot(&x);
        }
    }

    // −½ |x − bμ1|² + ½ |x − aμ1|² = (b − a) μ Σ x − ½ (b² − a²) μ² D.
    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        let constant = 0.5 * (to * to - from * from) * self.shift * self.shift * self.dim as f64;
        for (log_weight, x) in log_weights.iter_mut().zip(state.rows()) {
            *log_weight += (to - from) * self.shift * x.sum() - constant;
        }
    }

    fn slope(&self, state: &Array2<f64>, beta: f64, out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(state.rows()) {
            *out += self.shift * x.sum() - beta * self.shift * self.shift * self.dim as f64;
        }
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        *state = self.draw(state.nrows(), beta, rng);
    }
}
