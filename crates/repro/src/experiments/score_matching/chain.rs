//! An autoregressive normal density, by score matching and by maximum likelihood.
//!
//! Where all regressions are free the chain is any normal density. There score matching inverts the covariance of the data (Hyvärinen 2005, section 3.1), which is maximum likelihood: its gradient vanishes at the estimate of greatest likelihood.
//!
//! In a smaller family it does not. Let `x_i = a x_{i−1} + σ ε_i`, with `a` and `λ = log σ` the same for all `i`, so that the precision is `K = BᵀB/σ²` with `B = I − aE` and `E` the shift. With `K_α` the
//! derivatives of `K`, the score matching loss of a datum is `½ xᵀK²x − tr K`, its gradient `xᵀM_α x − tr K_α` with `M_α = ½(K K_α + K_α K)`, and by Isserlis' theorem
//!
//! `G_αβ = ½ tr Σ(K_αK_β + K_βK_α)`,  `V_αβ = 2 tr M_αΣM_βΣ`,  `N Cov → G⁻¹ V G⁻¹`,
//!
//! against `I⁻¹` with `I_αβ = ½ tr ΣK_αΣK_β` for maximum likelihood. Both are consistent; the first is never below the second.

use gibbsian_core::{Density, EnergyPullback, Objective, ScoreJvpPullback, Seed};
use gibbsian_densities::LinearGaussianChain;
use gibbsian_linalg::Cholesky;
use gibbsian_objectives::ImplicitScoreMatching;
use ndarray::{Array1, Array2, ArrayView2, array};
use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const SATURATED: Claim = Claim {
    claim: "of all chains, score matching chooses the one of greatest likelihood: the largest entry of its gradient at that estimate",
    source: "Hyvärinen (2005), section 3.1",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-10)),
    full: Check::value(0.0).within(1e-10),
    reason: "two hundred terms of order 100 that cancel, in double precision",
};

pub(super) const LIKELIHOOD: Claim = Claim {
    claim: "chains with one coefficient and one deviation, by maximum likelihood: N times the mean squared error against the bound of Cramér and Rao, the larger difference in standard errors",
    source: "½ tr ΣK_αΣK_β is the Fisher information",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, twice; the correction of order 1/N is below one of them",
};

pub(super) const SCORE: Claim = Claim {
    claim: "the same chains by score matching: N times the mean squared error against the sandwich, the larger difference in standard errors",
    source: "Godambe (1960); the traces at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, twice; the correction of order 1/N is below one of them",
};

pub(super) const ABOVE: Claim = Claim {
    claim: "and score matching errs more on the same samples: the smaller excess of a mean squared error over that of maximum likelihood, in standard errors",
    source: "the bound of Cramér and Rao",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(5.0)),
    full: Check::at_least(5.0),
    reason: "the sign is certain to five standard errors",
};

const DIM: usize = 6;
/// `a`, and `λ = 0`.
const COEFFICIENT: f64 = 0.8;
const N_DATA: usize = 1_000;
const NAMES: [&str; 2] = ["coefficient", "log deviation"];

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("chain");
    ctx.measure(&SATURATED, saturated(seed.child("saturated"))?)?;

    let truth = Tied {
        coefficient: COEFFICIENT,
        log_deviation: 0.0,
    };
    let Information {
        curvature,
        noise,
        fisher,
    } = truth.information()?;
    let inverse = inverse(&curvature);
    let sandwich = inverse.dot(&noise).dot(&inverse);
    let bound = self::inverse(&fisher);

    let n_samples = ctx.pick(2_000, 30_000);
    let chain = truth.chain()?;
    let one = |sample: usize| -> Result<[[f64; 2]; 2]> {
        let x = chain.sample(N_DATA, &mut seed.nth(sample as u64).rng());
        let x = compressed(x.view())?;
        let score = truth.minimise(x.view(), &score_gradient::<LinearGaussianChain>, &|i| {
            &i.curvature
        })?;
        let likelihood = truth.minimise(x.view(), &likelihood_gradient::<LinearGaussianChain>, &|i| {
            &i.fisher
        })?;
        Ok([score, likelihood].map(|m| [m.coefficient - COEFFICIENT, m.log_deviation]))
    };
    let errors: Vec<[[f64; 2]; 2]> = (0..n_samples).into_par_iter().map(one).collect::<Result<_>>()?;

    let n = N_DATA as f64;
    let [mut of_score, mut of_likelihood, mut above] = [0.0, 0.0, f64::INFINITY];
    let mut table = Table::new(["parameter", "method", "closed_form", "measured", "standard_error"]);
    for (i, name) in NAMES.into_iter().enumerate() {
        let mut squares = |method: usize, label: &str, expected: f64| -> Result<f64> {
            let (mean, error) = mean_and_error(errors.iter().map(|e| n * e[method][i].powi(2)));
            table.row([
                name.into(),
                label.into(),
                expected.into(),
                mean.into(),
                error.into(),
            ])?;
            Ok((mean - expected).abs() / error)
        };
        of_score = larger(of_score, squares(0, "score matching", sandwich[[i, i]])?);
        of_likelihood = larger(of_likelihood, squares(1, "maximum likelihood", bound[[i, i]])?);
        let (excess, error) = mean_and_error(errors.iter().map(|e| e[0][i].powi(2) - e[1][i].powi(2)));
        above = smaller(above, excess / error);
    }
    ctx.measure(&LIKELIHOOD, of_likelihood)?;
    ctx.measure(&SCORE, of_score)?;
    ctx.measure(&ABOVE, above)?;
    ctx.note(format!(
        "Chains of {DIM} with a = {COEFFICIENT}: by the formulas score matching needs {:.2} times the data of maximum likelihood for the coefficient and {:.2} times for the deviation.",
        sandwich[[0, 0]] / bound[[0, 0]],
        sandwich[[1, 1]] / bound[[1, 1]],
    ));
    ctx.table(
        "chain",
        "N times the mean squared error of the two parameters of a chain, by both methods on the same samples.",
        &table,
    )
}

/// The largest entry of the gradient of implicit score matching at the estimate of greatest likelihood.
fn saturated(seed: Seed) -> Result<f64> {
    let mut rng = seed.rng();
    let mixing = Array2::from_shape_simple_fn((DIM, DIM), || rng.sample::<f64, _>(StandardNormal));
    let mixing = 0.3 * mixing + Array2::<f64>::eye(DIM);
    let x =
        Array2::from_shape_simple_fn((200, DIM), || rng.sample::<f64, _>(StandardNormal)).dot(&mixing) + 0.5;
    let fitted = LinearGaussianChain::fit(x.view())?;
    let gradient = score_gradient(&fitted, x.view())?;
    Ok(gradient.iter().fold(0.0, |worst, g| larger(worst, g.abs())))
}

/// As few rows with the same second moment, on which everything here depends: `√D` times those of the Cholesky factor.
fn compressed(x: ArrayView2<f64>) -> Result<Array2<f64>> {
    let moment = x.t().dot(&x) / x.nrows() as f64;
    let factor = Cholesky::new("the second moment", moment.view())?;
    Ok((DIM as f64).sqrt() * &factor.lower().t())
}

/// The gradient of implicit score matching in all parameters of a model.
fn score_gradient<M: ScoreJvpPullback>(model: &M, x: ArrayView2<f64>) -> Result<Array1<f64>> {
    let mut grad = Array1::zeros(model.n_params());
    // It draws nothing.
    ImplicitScoreMatching.loss_and_grad_into(model, x, &mut Seed::new(0).rng(), grad.view_mut())?;
    Ok(grad)
}

/// The gradient of the mean negative log-likelihood; the energies of chains are normalised.
fn likelihood_gradient<M: EnergyPullback>(model: &M, x: ArrayView2<f64>) -> Result<Array1<f64>> {
    let mut grad = Array1::zeros(model.n_params());
    let share = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
    model.energy_pullback_into(x, share.view(), grad.view_mut());
    Ok(grad)
}

/// The gradient of an objective in all parameters of a chain, on these rows.
type Gradient = dyn Fn(&LinearGaussianChain, ArrayView2<f64>) -> Result<Array1<f64>>;

/// A chain with one coefficient and one deviation.
#[derive(Clone, Copy, Debug)]
struct Tied {
    coefficient: f64,
    log_deviation: f64,
}

/// What the model says of itself.
struct Information {
    /// `G`.
    curvature: Array2<f64>,
    /// `V`.
    noise: Array2<f64>,
    /// `I`.
    fisher: Array2<f64>,
}

impl Tied {
    fn chain(self) -> Result<LinearGaussianChain> {
        let coefficients = shift() * self.coefficient;
        let deviations = Array1::from_elem(DIM, self.log_deviation.exp());
        Ok(LinearGaussianChain::new(
            coefficients,
            Array1::zeros(DIM),
            deviations,
        )?)
    }

    fn information(self) -> Result<Information> {
        let variance = (2.0 * self.log_deviation).exp();
        let b = Array2::<f64>::eye(DIM) - shift() * self.coefficient;
        let k = b.t().dot(&b) / variance;
        let half = shift().t().dot(&b);
        let slopes = [-(&half + &half.t()) / variance, -2.0 * &k];
        let sigma = self.chain()?.covariance();
        let moments = slopes.each_ref().map(|s| 0.5 * (k.dot(s) + s.dot(&k)));
        let trace = |a: &Array2<f64>| a.diag().sum();
        let matrix = |f: &dyn Fn(usize, usize) -> f64| Array2::from_shape_fn((2, 2), |(i, j)| f(i, j));
        Ok(Information {
            curvature: matrix(&|i, j| {
                let product = slopes[i].dot(&slopes[j]);
                0.5 * trace(&sigma.dot(&(&product + &product.t())))
            }),
            noise: matrix(&|i, j| 2.0 * trace(&moments[i].dot(&sigma).dot(&moments[j]).dot(&sigma))),
            fisher: matrix(&|i, j| 0.5 * trace(&sigma.dot(&slopes[i]).dot(&sigma).dot(&slopes[j]))),
        })
    }

    /// Where the gradient vanishes, by Newton steps with the curvature that the model expects, which come nearer by a factor of order `N^−½` each.
    fn minimise(
        self,
        x: ArrayView2<f64>,
        gradient: &Gradient,
        curvature: &dyn Fn(&Information) -> &Array2<f64>,
    ) -> Result<Self> {
        let mut model = self;
        for _ in 0..40 {
            let slope = tied(&gradient(&model.chain()?, x)?);
            let step = inverse(curvature(&model.information()?)).dot(&slope);
            model.coefficient -= step[0];
            model.log_deviation -= step[1];
            if step.iter().all(|s| s.abs() < 1e-12) {
                return Ok(model);
            }
        }
        Err("no minimum after 40 steps".into())
    }
}

/// The gradient in the two parameters, from that in all of the chain's.
fn tied(all: &Array1<f64>) -> Array1<f64> {
    let n_coefficients = DIM * (DIM - 1) / 2;
    // Row i of the coefficients has i of them, of which the last is a.
    let coefficient = (1..DIM).map(|i| all[i * (i - 1) / 2 + i - 1]).sum::<f64>();
    let log_deviation = all.iter().skip(n_coefficients + DIM).sum::<f64>();
    array![coefficient, log_deviation]
}

/// `E`: ones below the diagonal.
fn shift() -> Array2<f64> {
    Array2::from_shape_fn((DIM, DIM), |(i, j)| f64::from(u8::from(i == j + 1)))
}

/// The inverse of a matrix of two rows.
fn inverse(a: &Array2<f64>) -> Array2<f64> {
    let determinant = a[[0, 0]] * a[[1, 1]] - a[[0, 1]] * a[[1, 0]];
    array![[a[[1, 1]], -a[[0, 1]]], [-a[[1, 0]], a[[0, 0]]]] / determinant
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_testkit::differences::{Precision, derivative};

    /// At the truth, on data with its own second moment, the expected gradient is zero and its derivative, by the differences of the test kit, is the curvature.
    #[test]
    fn the_curvatures_are_derivatives_of_the_gradients() {
        let truth = Tied {
            coefficient: 0.7,
            log_deviation: 0.2,
        };
        let covariance = truth.chain().unwrap().covariance();
        let factor = Cholesky::new("covariance", covariance.view()).unwrap();
        let x = (DIM as f64).sqrt() * &factor.lower().t();
        let information = truth.information().unwrap();
        for i in 0..2 {
            // Both gradients, one after the other.
            let mut moved = |step: f64| {
                let mut model = truth;
                if i == 0 {
                    model.coefficient += step;
                } else {
                    model.log_deviation += step;
                }
                let chain = model.chain().unwrap();
                let gradients = [
                    tied(&score_gradient(&chain, x.view()).unwrap()),
                    tied(&likelihood_gradient(&chain, x.view()).unwrap()),
                ];
                Ok(gradients.iter().flatten().copied().collect())
            };
            let slopes = derivative(&mut moved, 1.0, Precision::DOUBLE).unwrap();
            let expected = [&information.curvature, &information.fisher].map(|m| m.column(i));
            for (slope, &expected) in slopes.iter().zip(expected.iter().flatten()) {
                // Traces of products of order one round, also where they cancel.
                let allowed = 2.0 * slope.error() + 1e-12 * (1.0 + expected.abs());
                assert!(allowed < 1e-7, "parameter {i}: an error of {}", slope.error());
                assert!(
                    (slope.value - expected).abs() <= allowed,
                    "parameter {i}: {slope:?} {expected}"
                );
            }
        }
    }
}
