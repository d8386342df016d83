//! What objectives share that compare data with draws of a density of noise.

use gibbsian_core::error::{check_count, check_points};
use gibbsian_core::{Density, EnergyPullback, Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, concatenate};
use rand::Rng;

/// Data and noise in one batch: `B` rows of data, then `k` rows of noise for each of them in turn.
pub(crate) struct Mixed {
    /// `(B + kB, D)`.
    pub(crate) x: Array2<f64>,
    /// `log p_n` of every row.
    pub(crate) log_noise: Array1<f64>,
}

impl Mixed {
    /// # Errors
    /// A batch that does not fit, noise of another dimension, or data where the noise has no density.
    pub(crate) fn draw<M: EnergyPullback + ?Sized, N: Density + ?Sized>(
        model: &M,
        noise: &N,
        n_noise_per_case: usize,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        check_points("x", &x, model.dim())?;
        if noise.dim() != model.dim() {
            let requirement = format!("that of the model, {}", model.dim());
            return Err(Error::parameter("dim of the noise", noise.dim(), requirement));
        }
        let draws = noise.sample(n_noise_per_case * x.nrows(), rng);
        let x = concatenate![Axis(0), x, draws];
        let log_noise = noise.log_density(x.view());
        match log_noise.iter().position(|l| !l.is_finite()) {
            None => Ok(Mixed { x, log_noise }),
            Some(b) => Err(Error::parameter(
                format!("log-density of the noise at row {b} of data and noise"),
                log_noise[b],
                "finite: the noise must be possible wherever the data are",
            )),
        }
    }
}

/// The number of draws of noise a case, at least one.
pub(crate) fn check_noise(n_noise_per_case: usize) -> Result<usize> {
    check_count("n_noise_per_case", n_noise_per_case)
}

/// [`EnergyPullback::energy_pullback_with`], in which rows outside the support that are given no weight are left out, since the energy has no derivative there.
pub(crate) fn pullback_on_support<M: EnergyPullback + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
    mut grad: ArrayViewMut1<f64>,
) {
    let (mut weights, mut rows) = (Array1::zeros(0), Vec::new());
    // Of one pass, which is thrown away if it met such rows.
    let mut pass = Array1::zeros(grad.len());
    let mut watch = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
        weigh(energy, w.view_mut());
        let counts = |b: &usize| energy[*b] != f64::INFINITY || w[*b] != 0.0;
        rows = (0..x.nrows()).filter(counts).collect();
        weights = w.to_owned();
    };
    model.energy_pullback_with(x, &mut watch, pass.view_mut());
    if rows.len() < x.nrows() {
        pass.fill(0.0);
        let (x, w) = (x.select(Axis(0), &rows), weights.select(Axis(0), &rows));
        model.energy_pullback_into(x.view(), w.view(), pass.view_mut());
    }
    grad += &pass;
}
