//! Telescoping density-ratio estimation (Rhodes, Xu and Gutmann 2020).
//!
//! Where data and noise are easily told apart a classifier learns nothing of their ratio. Put waymarks between them, `x_m = √(1 − α_m²) x_0 + α_m x_n` from a case `x_0` and a draw of noise `x_n`, with
//! `0 = α_0 < α_1 < … < α_M = 1`, so that neighbours are hard to tell apart, and the ratio becomes a product of easy ones,
//!
//! `log p_0(x) = log p_n(x) + Σ_{m<M} log r_m(x)`,  `r_m = p_m/p_{m+1}`.
//!
//! Each `log r_m` is the log-odds of a logistic regression of `x_m` against `x_{m+1}`. One model with a time gives all of them: `log r_m(x) = −E(x, α_m)`, and `E` at the time 1 is never asked for. The loss is the mean of the
//! logistic losses,
//!
//! `L = 1/M Σ_m ⟨−log σ(−E(x_m, α_m)) − log σ(E(x_{m+1}, α_m))⟩`.
//!
//! The energies carry their constants, so that the density comes out normalised up to the error of the estimate; waymarks of one case share their noise, which lowers the variance of the gradient.

use gibbsian_core::error::{check_loss, check_points};
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::{
    At, Density, Energy, EnergyPullback, Error, Objective, Result, Stateless, TimeEnergy, TimeEnergyPullback,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, s};
use rand::Rng;

/// The mean logistic loss of telling neighbouring waymarks apart, on fresh noise, and its gradient.
#[derive(Clone, Debug)]
pub struct TelescopingRatioEstimation<N> {
    noise: N,
    waymarks: Array1<f64>,
}

impl<N: Density> TelescopingRatioEstimation<N> {
    /// The objective with these `α` `(M + 1)` from data to `noise`.
    ///
    /// # Errors
    /// Waymarks that do not go up from 0 to 1.
    pub fn new(noise: N, waymarks: Array1<f64>) -> Result<Self> {
        let ends = (waymarks.first(), waymarks.last());
        if ends != (Some(&0.0), Some(&1.0)) {
            return Err(Error::parameter("waymarks", &waymarks, "from 0 to 1"));
        }
        match (1..waymarks.len()).find(|&m| waymarks[m].is_nan() || waymarks[m] <= waymarks[m - 1]) {
            None => Ok(TelescopingRatioEstimation { noise, waymarks }),
            Some(m) => Err(Error::parameter(
                format!("waymarks[{m}]"),
                waymarks[m],
                format!("above the one before, {}", waymarks[m - 1]),
            )),
        }
    }

    /// The number `M` of ratios.
    pub fn n_bridges(&self) -> usize {
        self.waymarks.len() - 1
    }

    /// The estimate `log p_n(x_b) − Σ_m E(x_b, α_m)` of the log-density of the data at the rows of `x` `(B, D)`.
    ///
    /// # Panics
    /// When `x` has another number of columns than the model or the noise.
    pub fn log_density<M: TimeEnergy + ?Sized>(&self, model: &M, x: ArrayView2<f64>) -> Array1<f64> {
        let mut log_density = self.noise.log_density(x);
        for &alpha in self.waymarks.slice(s![..self.n_bridges()]) {
            let t = Array1::from_elem(x.nrows(), alpha);
            log_density -= &At::new(model, t.view()).energy(x);
        }
        log_density
    }
}

impl<M: TimeEnergyPullback + ?Sized, N: Density> Objective<M> for TelescopingRatioEstimation<N> {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        if self.noise.dim() != model.dim() {
            let requirement = format!("that of the model, {}", model.dim());
            return Err(Error::parameter(
                "dim of the noise",
                self.noise.dim(),
                requirement,
            ));
        }
        let (n, n_bridges) = (x.nrows(), self.n_bridges());
        let noise = self.noise.sample(n, rng);
        let waymark = |m: usize| {
            let alpha: f64 = self.waymarks[m];
            &x * (1.0 - alpha * alpha).sqrt() + &noise * alpha
        };
        // For each bridge its nearer end and then its farther one.
        let mut points = Array2::zeros((2 * n * n_bridges, x.ncols()));
        let mut t = Array1::zeros(points.nrows());
        for m in 0..n_bridges {
            let (first, middle, end) = (2 * n * m, 2 * n * m + n, 2 * n * (m + 1));
            points.slice_mut(s![first..middle, ..]).assign(&waymark(m));
            points.slice_mut(s![middle..end, ..]).assign(&waymark(m + 1));
            t.slice_mut(s![first..end]).fill(self.waymarks[m]);
        }
        let share = 1.0 / (n * n_bridges) as f64;
        let mut loss = 0.0;
        let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
            for (row, (e, w)) in energy.iter().zip(&mut w).enumerate() {
                // The log-odds of the nearer end are −E.
                let sign = if row / n % 2 == 0 { 1.0 } else { -1.0 };
                loss += share * softplus(sign * e);
                *w = sign * share * sigmoid(sign * e);
            }
        };
        grad.fill(0.0);
        At::new(model, t.view()).energy_pullback_with(points.view(), &mut weigh, grad);
        check_loss(loss, "in telescoping ratio estimation")
    }
}

/// Noise is drawn anew at every call.
impl<N> Stateless for TelescopingRatioEstimation<N> {}
