//! One parameter, nine ways to estimate it, and the sandwich of each.
//!
//! Data are `N` draws of `N(0, I/k)` in `D` dimensions, the model is `s(x) = −k x`. Every objective is quadratic in `k`, so that its minimum is known from two gradients along the same directions and noise,
//! `k̂ = −g(0)/(g(1) − g(0))`. The estimating equation `ψ = 0` of a datum and its derivative give the sandwich `N Var k̂ → E ψ² / (E ψ')²` (Godambe 1960). With `k = 1`:
//!
//! | objective | `ψ` | `N Var k̂ / k²` |
//! |---|---|---|
//! | explicit | `‖x‖² − D` | `2/D`, which is the Cramér–Rao bound |
//! | sliced, plain | `(v·x)² − ‖v‖²` | `2 E‖v‖⁴/D²`: 2 for signs and the sphere, `2 (D + 2)/D` for Gaussian directions |
//! | sliced, reduced | `‖x‖² − ‖v‖²` | `(2D + Var ‖v‖²)/D²`: `2/D` for signs and the sphere, `4/D` for Gaussian directions |
//! | denoising | `k ‖x̃‖² − x̃·z/σ` | `1/(D σ² k)`, about `1/(1/k + σ²)` in place of `k` |
//!
//! The last: given `x̃`, `z` is normal with mean `σ x̃/w`, `w = 1/k + σ²`, and variance `1/(k w)`; so `E ψ² = D w · (1/(k w))/σ² = D/(k σ²)` at the minimum `1/w`, where `E ψ' = D w`; hence
//! `N Var / (1/w)² = 1/(D σ² k)`. Explicit score matching of the same noisy data would give `2/D`: noise that is drawn, and not averaged over, costs more unless it is larger than the data, `σ² > 1/2k`.

use gibbsian_core::{
    Density, Directions, JvpCotangent, Layout, Objective, Parametric, Score, ScoreJvp, ScoreJvpPullback,
    ScorePullback, Seed, Space,
};
use gibbsian_densities::MultivariateNormal;
use gibbsian_objectives::{
    DenoisingScoreMatching, ImplicitScoreMatching, SlicedScoreMatching, VarianceReducedSlicedScoreMatching,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rayon::prelude::*;

use crate::statistics::{larger, mean_and_error};
use crate::{Check, Claim, Context, Provenance, Result, Table, measured};

pub(super) const SANDWICH: Claim = Claim {
    claim: "the mean squared error of nine estimates of a precision is the sandwich over N: the largest difference in standard errors",
    source: "Godambe (1960); the table at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors, nine times; of the order 1/N, some thousandths of a variance that is measured to 0.05, is what the limit leaves out",
};

pub(super) const PRICE: Claim = Claim {
    claim: "one random direction in place of the trace, plain and with signs, needs D = 5 times the data: the quotient of mean squared errors",
    source: "2 over 2/D",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(5.0).within_standard_errors(5.0)),
    full: Check::value(5.0).within_standard_errors(5.0),
    reason: "five standard errors of a quotient of two means, as if they were independent",
};

const DIM: usize = 5;
/// `k`.
const PRECISION: f64 = 2.0;
/// `N`.
const N_DATA: usize = 1_000;
const SIGMAS: [f64; 2] = [0.3, 1.5];

/// `s(x) = −k x`.
struct Isotropic {
    precision: f64,
}

impl Space for Isotropic {
    fn dim(&self) -> usize {
        DIM
    }
}

impl Parametric for Isotropic {
    fn layout(&self) -> Layout {
        Layout::new().with("precision", &[])
    }

    fn params(&self) -> Array1<f64> {
        array![self.precision]
    }
}

impl Score for Isotropic {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&(&x * -self.precision));
    }
}

impl ScoreJvp for Isotropic {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        self.score_into(v, jvp);
    }
}

impl ScorePullback for Isotropic {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(self.score(x).view(), u.view_mut());
        grad[0] -= (&u * &x).sum();
    }
}

impl ScoreJvpPullback for Isotropic {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut u, mut w] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
        let (score, jvp) = (self.score(x), self.score(v));
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        grad[0] -= (&u * &x).sum() + (&w * &v).sum();
    }
}

/// A way to estimate: its name, the number it tends to, its sandwich over the square of that, and its objective.
struct Way {
    name: String,
    limit: f64,
    sandwich: f64,
    objective: Box<dyn Fn() -> Result<Box<dyn Objective<Isotropic>>> + Sync>,
}

fn ways() -> Vec<Way> {
    let d = DIM as f64;
    let mut ways = vec![Way {
        name: "explicit".into(),
        limit: PRECISION,
        sandwich: 2.0 / d,
        objective: Box::new(|| Ok(Box::new(ImplicitScoreMatching))),
    }];
    for (law, name, plain, reduced) in [
        (Directions::Rademacher, "signs", 2.0, 2.0 / d),
        (Directions::Sphere, "sphere", 2.0, 2.0 / d),
        (Directions::Gaussian, "Gaussian", 2.0 * (d + 2.0) / d, 4.0 / d),
    ] {
        ways.push(Way {
            name: format!("sliced, {name}"),
            limit: PRECISION,
            sandwich: plain,
            objective: Box::new(move || Ok(Box::new(SlicedScoreMatching::new(law, 1)?))),
        });
        ways.push(Way {
            name: format!("sliced and reduced, {name}"),
            limit: PRECISION,
            sandwich: reduced,
            objective: Box::new(move || Ok(Box::new(VarianceReducedSlicedScoreMatching::new(law, 1)?))),
        });
    }
    for sigma in SIGMAS {
        ways.push(Way {
            name: format!("denoising, σ = {sigma}"),
            limit: 1.0 / (1.0 / PRECISION + sigma * sigma),
            sandwich: 1.0 / (d * sigma * sigma * PRECISION),
            objective: Box::new(move || Ok(Box::new(DenoisingScoreMatching::new(sigma)?))),
        });
    }
    ways
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("precision");
    let n_samples = ctx.pick(1_000, 10_000);
    let mut table = Table::new([
        "objective",
        "limit",
        "sandwich",
        "measured",
        "standard_error",
        "bias",
        "bias_error",
    ]);
    let mut worst = 0.0_f64;
    let mut found = Vec::new();
    for way in ways() {
        let estimates = estimates(&way, n_samples, seed)?;
        let errors = estimates.iter().map(|k| k / way.limit - 1.0);
        let (mean, error) = mean_and_error(errors.clone().map(|e| N_DATA as f64 * e * e));
        let (bias, bias_error) = mean_and_error(errors);
        worst = larger(worst, (mean - way.sandwich).abs() / error);
        table.row([
            way.name.as_str().into(),
            way.limit.into(),
            way.sandwich.into(),
            mean.into(),
            error.into(),
            bias.into(),
            bias_error.into(),
        ])?;
        found.push((mean, error));
    }
    ctx.measure(&SANDWICH, worst)?;
    // The first is explicit, the second plain with signs.
    let [(explicit, explicit_error), (plain, plain_error)] = [found[0], found[1]];
    let quotient = plain / explicit;
    let error = quotient * (explicit_error / explicit).hypot(plain_error / plain);
    ctx.measure(&PRICE, measured(quotient).with_error(error))?;
    ctx.table(
        "precision",
        "N E (k̂/k − 1)² of estimates of a precision from a thousand draws in five dimensions: the sandwich and what was measured; the bias beside it.",
        &table,
    )
}

/// The minima of the objective on many samples; all ways see the same data.
fn estimates(way: &Way, n_samples: usize, seed: Seed) -> Result<Vec<f64>> {
    let truth = MultivariateNormal::isotropic(Array1::zeros(DIM), 1.0 / PRECISION)?;
    let one = |sample: usize| -> Result<f64> {
        let seed = seed.nth(sample as u64);
        let x = truth.sample(N_DATA, &mut seed.child("data").rng());
        let mut objective = (way.objective)()?;
        let mut gradient = |precision: f64| {
            let mut grad = array![0.0];
            let rng = &mut seed.child(&way.name).rng();
            objective.loss_and_grad_into(&Isotropic { precision }, x.view(), rng, grad.view_mut())?;
            Ok::<f64, gibbsian_core::Error>(grad[0])
        };
        let (at_zero, at_one) = (gradient(0.0)?, gradient(1.0)?);
        Ok(-at_zero / (at_one - at_zero))
    };
    (0..n_samples).into_par_iter().map(one).collect()
}
