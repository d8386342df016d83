//! The constant of contrast with noise in a family where its error is known.
//!
//! Let `c` be the learned constant and `log Z(θ)` the normaliser of what was learned. With `g = −∂(E + c)/∂(θ, c)`, `P = ν p_n/(p + ν p_n)`, `I = ∫ g gᵀ P p` and `m = ∫ g P p` the estimate from `N` cases and `νN`
//! draws of noise has the covariance `[I⁻¹ − (1 + 1/ν) I⁻¹ m mᵀ I⁻¹]/N` (Gutmann and Hyvärinen 2012, theorem 3). The gradient of `c − log Z(θ)` is `−ḡ = −E_p g`, and since the last entry of `g` is
//! −1, `I⁻¹ m` is the last unit vector with a minus, so that
//!
//! `N Var(c − log Z(θ)) → ḡᵀ I⁻¹ ḡ − 1 − 1/ν  ≤  χ²(p‖p_n)/ν`.
//!
//! Consistency leaves a bias of order `1/N`: the constant is set on the sample that the energy has bent to, which gains a likelihood `n/2N` nat a case by `n` parameters, five here, and the bias turns out as large: −0.00122 where this is 0.00125. Twice the
//! difference of a sample minus the mean of those of its halves is without that order (Quenouille 1956), so its mean over samples is zero to the accuracy of any run.
//!
//! The bound follows because `ḡᵀ I⁻¹ ḡ` is the square of the projection of `1/P` on the span of `g`. It is the variance of an estimate of `Z` by importance sampling from the same noise, and no family, however rich, has more.

use gibbsian_core::{Density, EnergyPullback, Objective, Parametric, ParametricMut, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_linalg::Cholesky;
use gibbsian_objectives::{NoiseContrastiveEstimation, SelfNormalised};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use rayon::prelude::*;

use super::claims::{ASYMPTOTIC, CENTRED};
use super::grid::Grid;
use crate::statistics::mean_and_error;
use crate::{Context, Result, measured};

type Model = SelfNormalised<MultivariateNormal>;

/// Cases of a sample; its halves have as many as let every one of ten thousand find its minimum.
const N_DATA: usize = 2_000;
/// Newton steps to a minimum, at most.
const MOST_STEPS: usize = 200;
/// `ν`.
const NOISE_A_CASE: usize = 4;

pub(super) fn measure(ctx: &mut Context, noise: &MultivariateNormal) -> Result<()> {
    let seed = ctx.seed().child("normal family");
    let truth = MultivariateNormal::from_covariance(array![0.5, -0.3], array![[1.0, 0.4], [0.4, 0.6]])?;
    let Theory {
        information,
        variance,
        bound,
    } = Theory::new(&truth, noise)?;
    let n_samples = ctx.pick(400, 10_000);
    let family = Family {
        truth: &truth,
        noise,
        information: Cholesky::new("the information", information.view())?,
    };
    let differences: Vec<[f64; 2]> = (0..n_samples)
        .into_par_iter()
        .map(|sample| family.differences(seed.nth(sample)))
        .collect::<Result<_>>()?;

    let error = (variance / N_DATA as f64).sqrt();
    let squares = differences.iter().map(|[whole, _]| (whole / error).powi(2));
    let (mean, of_mean) = mean_and_error(squares);
    ctx.measure(&ASYMPTOTIC, measured(mean).with_error(of_mean))?;
    let without_bias = differences.iter().map(|[whole, halves]| 2.0 * whole - halves);
    let (mean, of_mean) = mean_and_error(without_bias);
    ctx.measure(&CENTRED, measured(mean).with_error(of_mean))?;
    let [(of_whole, whole_error), (of_halves, halves_error)] =
        [0, 1].map(|part| mean_and_error(differences.iter().map(|pair| pair[part])));
    ctx.note(format!(
        "Contrast with noise of a normal family, {N_DATA} cases and {NOISE_A_CASE} draws of noise for each: c − log Z has the standard error {error:.4} by the asymptotic formula, and {:.4} at most in \
         any family; the mean of {n_samples} samples is {of_whole:+.5} ± {whole_error:.5}, that of their halves {of_halves:+.5} ± {halves_error:.5}.",
        (bound / N_DATA as f64).sqrt()
    ));
    Ok(())
}

/// `I`, and the variance of the difference times `N` with its bound.
struct Theory {
    information: Array2<f64>,
    variance: f64,
    bound: f64,
}

impl Theory {
    /// By quadrature.
    fn new(truth: &MultivariateNormal, noise: &MultivariateNormal) -> Result<Self> {
        let grid = Grid::new(0.1);
        let (x, weights) = (grid.points(), grid.weights());
        let nu = NOISE_A_CASE as f64;
        let (p, p_n) = (
            truth.log_density(x).mapv(f64::exp),
            noise.log_density(x).mapv(f64::exp),
        );
        let model = SelfNormalised::new(truth.clone(), truth.log_z())?;
        let n = model.n_params();
        let (mut information, mut mean, mut square) = (Array2::zeros((n, n)), Array1::<f64>::zeros(n), 0.0);
        for b in 0..x.nrows() {
            if p[b] < 1e-30 {
                continue;
            }
            let mut g = Array1::<f64>::zeros(n);
            model.energy_pullback_into(x.slice(s![b..b + 1, ..]), array![-1.0].view(), g.view_mut());
            let share = nu * p_n[b] / (p[b] + nu * p_n[b]);
            let column = g.view().insert_axis(Axis(1));
            information.scaled_add(weights[b] * p[b] * share, &column.dot(&column.t()));
            mean.scaled_add(weights[b] * p[b], &g);
            square += weights[b] * p[b] * p[b] / p_n[b];
        }
        let solved = Cholesky::new("the information", information.view())?.solve_vector(mean.view());
        Ok(Theory {
            variance: mean.dot(&solved) - 1.0 - 1.0 / nu,
            bound: (square - 1.0) / nu,
            information,
        })
    }
}

/// The family whose members are sought, by contrast with this noise.
struct Family<'a> {
    truth: &'a MultivariateNormal,
    noise: &'a MultivariateNormal,
    information: Cholesky,
}

impl Family<'_> {
    /// `c − log Z` of the estimate from one sample, and the mean of those from its halves.
    fn differences(&self, seed: Seed) -> Result<[f64; 2]> {
        let x = self.truth.sample(N_DATA, &mut seed.child("data").rng());
        let (first, second) = x.view().split_at(Axis(0), N_DATA / 2);
        let halves = self.difference(first, seed.child("noise of the first half"))?
            + self.difference(second, seed.child("noise of the second half"))?;
        Ok([self.difference(x.view(), seed.child("noise"))?, 0.5 * halves])
    }

    /// `c − log Z` of the estimate from these data, with noise that stays the same while it is sought.
    fn difference(&self, x: ArrayView2<f64>, noise: Seed) -> Result<f64> {
        let mut objective = NoiseContrastiveEstimation::new(self.noise.clone(), NOISE_A_CASE)?;
        let mut model: Model = SelfNormalised::new(self.truth.clone(), self.truth.log_z())?;
        let mut grad = Array1::zeros(model.n_params());
        // Newton steps with the expected curvature come nearer by a factor of order N^−½ each.
        for _ in 0..MOST_STEPS {
            objective.loss_and_grad_into(&model, x, &mut noise.rng(), grad.view_mut())?;
            let step = self.information.solve_vector(grad.view());
            model.set_params((model.params() - &step).view())?;
            if step.iter().all(|s| s.abs() < 1e-9) {
                return Ok(model.log_z() - model.model().log_z());
            }
        }
        Err(format!("no minimum after {MOST_STEPS} steps").into())
    }
}
