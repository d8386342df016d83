//! Linear scores, where all of it has a closed form.
//!
//! Data `N(0, vI)` in the plane, `N` of them, each with one draw of noise: `x̃ = x + σz`. The target of denoising score matching is `−z/σ = −x̃/v' + r` with `v' = v + σ²`
//! and a residual `r ~ N(0, RI)`, `R = v/(σ²v')`, that is independent of the noisy points. With their scatter matrix `Q`, of Wishart's law with `N − 1` degrees of freedom and scale `v'`:
//!
//! - **A free score** `b + Bx` has errors `Δ` of `B` whose rows are independent and normal with covariance `R Q⁻¹`. So `E‖Δ‖² = 2R E tr Q⁻¹ = 4R/(v'(N − 4))`, and for the antisymmetric part
//!   `A`, `‖A‖² = ½ (Δ₁₂ − Δ₂₁)²`, the mean is `½ R E tr Q⁻¹`: a quarter, the share of the antisymmetric matrices among all.
//! - **A quadratic energy** has a symmetric `B`, and `QΔ + ΔQ = S + Sᵀ` with the products `S = Σ x̃ rᵀ`. In the axes of `Q`, whose eigenvalues are `q₁` and `q₂`, entries beside the diagonal have variance
//!   `R/(q₁ + q₂)` and not the mean of `R/q₁` and `R/q₂`: `E‖Δ‖² = R E[1/q₁ + 1/q₂ + 2/(q₁ + q₂)] = R/v' · [2/(N − 4) + 1/(N − 2)]`. It has
//!   `½ + (N − 4)/(4(N − 2))` of the error of the free score, three quarters for many data: fewer ways to be wrong.
//! - **A ratio by way of the free score** depends on the path. Around a triangle the difference is the curl `Δ₂₁ − Δ₁₂` times the area, so with the corners `0`, `√v' e₁`, `√v' e₂`
//!   its mean square is `(v'/2)² · 2 E‖A‖² = v/(2σ²(N − 4))`, in nats squared. Less noise makes it worse.

use gibbsian_core::{Density, ScoreJvp, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Init, Net, NeuralEnergy, NeuralScore, Precision};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::{Array1, Array2, array};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::jacobians::Jacobian;
use super::paths::work;
use crate::networks::least_squares;
use crate::statistics::mean_and_error;
use crate::{Check, Claim, Context, Provenance, Result, measured};

pub(super) const QUARTER: Claim = Claim {
    claim: "of the squared error of a free linear score a quarter is antisymmetric",
    source: "the rows of the regression are independent; see the top of the file `linear.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.25).within_standard_errors(5.0)),
    full: Check::value(0.25).within_standard_errors(5.0),
    reason: "five standard errors of independent fits: a false alarm in some 500,000, because squares are skewed",
};

pub(super) const THREE_QUARTERS: Claim = Claim {
    claim: "a quadratic energy has ½ + (N − 4)/(4(N − 2)) of the squared error of a free linear score on the same noisy data, about three quarters",
    source: "regression on symmetric matrices; see the top of the file `linear.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "five standard errors of independent fits: a false alarm in some 500,000, because squares are skewed",
};

pub(super) const PATHS: Claim = Claim {
    claim: "around the triangle of the origin and a deviation along each axis, a free linear score contradicts itself by v/(2σ²(N − 4)) nats squared on average",
    source: "Stokes' theorem; see the top of the file `linear.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_standard_errors(5.0)),
    full: Check::reference().within_standard_errors(5.0),
    reason: "by line integrals; five standard errors of independent fits: a false alarm in some 500,000, because squares are skewed",
};

const N: usize = 30;
const VARIANCE: f64 = 1.0;
const SIGMA: f64 = 0.5;

/// The squared errors of one pair of fits.
struct Fit {
    free: f64,
    antisymmetric: f64,
    energy: f64,
    /// The squared difference of two paths.
    paths: f64,
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n_fits = ctx.pick(4_000, 100_000);
    let fits = fits(ctx, n_fits)?;
    let n = N as f64;
    // What has mean zero is averaged, in units of the mean error of a free score.
    let unit = fits.iter().map(|fit| fit.free).sum::<f64>() / n_fits as f64;
    let (excess, error) = mean_and_error(
        fits.iter()
            .map(|fit| (fit.antisymmetric - 0.25 * fit.free) / unit),
    );
    ctx.measure(&QUARTER, measured(0.25 + excess).with_error(error))?;
    let share = 0.5 + (n - 4.0) / (4.0 * (n - 2.0));
    let (excess, error) = mean_and_error(fits.iter().map(|fit| (fit.energy - share * fit.free) / unit));
    let found = measured(share + excess).against(share).with_error(error);
    ctx.measure(&THREE_QUARTERS, found)?;
    let (mean, error) = mean_and_error(fits.iter().map(|fit| fit.paths));
    let expected = VARIANCE / (2.0 * SIGMA * SIGMA * (n - 4.0));
    ctx.measure(&PATHS, measured(mean).against(expected).with_error(error))
}

fn fits(ctx: &Context, n_fits: u64) -> Result<Vec<Fit>> {
    let seed = ctx.seed().child("linear");
    let data = MultivariateNormal::isotropic(Array1::zeros(2), VARIANCE)?;
    let (free, energy) = (free_score()?, quadratic_energy()?);
    let total = VARIANCE + SIGMA * SIGMA;
    let corners = array![[0.0, 0.0], [total.sqrt(), 0.0], [0.0, total.sqrt()]];
    let truth = [-1.0 / total, 0.0, 0.0, -1.0 / total];
    let square_error = |b: [f64; 4]| b.iter().zip(truth).map(|(b, t)| (b - t).powi(2)).sum::<f64>();
    (0..n_fits)
        .into_par_iter()
        .map_init(
            || (free.clone(), energy.clone()),
            |(free, energy), run| {
                let seed = seed.nth(run);
                let x = data.sample(N, &mut seed.child("data").rng());
                let mut objective = DenoisingScoreMatching::new(SIGMA)?;
                least_squares(free, &mut objective, x.view(), seed.child("noise"))?;
                least_squares(energy, &mut objective, x.view(), seed.child("noise"))?;
                let found = matrix(free);
                let [a, b, c] = [0, 1, 2].map(|k| corners.row(k));
                let around = work(free, a, b)? + work(free, b, c)?;
                Ok(Fit {
                    free: square_error(found),
                    antisymmetric: 0.5 * (found[1] - found[2]).powi(2),
                    energy: square_error(matrix(energy)),
                    paths: (around - work(free, a, c)?).powi(2),
                })
            },
        )
        .collect()
}

/// The entries of the Jacobian of a linear score, row by row.
fn matrix(score: &dyn ScoreJvp) -> [f64; 4] {
    let origin = Array2::zeros((1, 2));
    Jacobian::of(score, origin.view())
        .entries()
        .next()
        .unwrap_or([f64::NAN; 4])
}

/// `b + Bx` with any matrix.
fn free_score() -> Result<NeuralScore> {
    let forward = |net: &mut Net<'_>, x| {
        let matrix = net.matrix("matrix", (2, 2), Init::Zeros);
        let shift = net.row("shift", 2, Init::Zeros);
        net.affine(x, matrix, shift)
    };
    let score = NeuralScore::new(2, forward, &mut Seed::new(0).rng())?;
    Ok(score.with_precision(Precision::Double))
}

/// `w · (½x₁², ½x₂², x₁x₂, x₁, x₂)`, whose score is linear with a symmetric matrix.
fn quadratic_energy() -> Result<NeuralEnergy> {
    let forward = |net: &mut Net<'_>, x| {
        let squares = net.mul(x, x);
        let squares = net.scale(0.5, squares);
        let (first, second) = (net.slice(x, 0, 1), net.slice(x, 1, 1));
        let product = net.mul(first, second);
        let features = net.concat(&[squares, product, x]);
        let weights = net.matrix("weights", (5, 1), Init::Zeros);
        net.matmul(features, weights)
    };
    let energy = NeuralEnergy::new(2, forward, &mut Seed::new(0).rng())?;
    Ok(energy.with_precision(Precision::Double))
}
