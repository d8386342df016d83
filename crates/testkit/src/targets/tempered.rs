//! A tempered family between two pairwise models.
//!
//! `f_β = exp(−E_β)` with parameters interpolated between a model without couplings, which is normalised and sampled
//! site by site, and the target. Energies are linear in the parameters, so
//! `log f_to − log f_from = (to − from)(E_0 − E_1)`; the transition is the palindromic Gibbs sweep of the
//! interpolated model.

use gibbsian_core::path::exchange_rows;
use gibbsian_core::{Blocks, Discrete, Energy, Error, Path, Result, Space, Streams, error};
use ndarray::{Array1, Array2, ArrayView2, Axis, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::bernoulli::logistic;
use super::{Pairwise, Sweep};

/// The path from independent spins to a [`Pairwise`] model.
#[derive(Clone, Debug)]
pub struct Tempered {
    fields: Array1<f64>,
    start: Pairwise,
    target: Pairwise,
}

impl Tempered {
    /// The path from independent spins in the given fields `(D)` to `target`.
    ///
    /// # Errors
    /// Fields of the wrong length or not finite.
    pub fn new(fields: Array1<f64>, target: Pairwise) -> Result<Self> {
        error::check_shape("fields", &fields, &[target.dim()])?;
        let start = Pairwise::new(fields.clone(), Array2::zeros((target.dim(), target.dim())))?;
        Ok(Tempered {
            fields,
            start,
            target,
        })
    }

    /// The interpolated model at `beta`.
    pub fn at(&self, beta: f64) -> Pairwise {
        self.start.interpolate(&self.target, beta)
    }

    /// `E_0(x_b) − E_1(x_b)`.
    fn gap(&self, x: &Array2<f64>) -> Array1<f64> {
        self.start.energy(x.view()) - self.target.energy(x.view())
    }
}

impl Space for Tempered {
    fn dim(&self) -> usize {
        self.target.dim()
    }
}

impl Path for Tempered {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let up = self.fields.mapv(|h| logistic(2.0 * h));
        Array2::from_shape_fn((n, self.dim()), |(_, i)| {
            if rng.random::<f64>() < up[i] { 1.0 } else { -1.0 }
        })
    }

    fn log_z_start(&self) -> f64 {
        // log 2 cosh h = |h| + log(1 + exp(−2|h|)).
        self.fields
            .iter()
            .map(|h| h.abs() + (-2.0 * h.abs()).exp().ln_1p())
            .sum()
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        error::check_batch("x", &x, self.dim())?;
        for ((b, i), v) in x.indexed_iter() {
            if !self.target.alphabet(i).contains(v) {
                return Err(Error::parameter(format!("x[{b}, {i}]"), v, "-1 or 1"));
            }
        }
        Ok(x.to_owned())
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        CowArray::from(state.view())
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        for (out, e) in out.iter_mut().zip(self.start.energy(state.view())) {
            *out -= e;
        }
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        for (w, gap) in log_weights.iter_mut().zip(self.gap(state)) {
            *w += (to - from) * gap;
        }
    }

    fn slope(&self, state: &Array2<f64>, _beta: f64, out: &mut [f64]) {
        for (out, gap) in out.iter_mut().zip(self.gap(state)) {
            *out += gap;
        }
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        let (model, streams) = (self.at(beta), Streams::draw(rng));
        for (visit, block) in Sweep::Palindrome.order(self.dim()).into_iter().enumerate() {
            model.resample(state.view_mut(), block, None, &mut streams.block(visit));
        }
    }

    fn select(&self, state: &Array2<f64>, rows: &[usize]) -> Array2<f64> {
        state.select(Axis(0), rows)
    }

    fn exchange(&self, a: &mut Array2<f64>, b: &mut Array2<f64>, swap: &[bool]) {
        exchange_rows(a, b, swap);
    }
}
