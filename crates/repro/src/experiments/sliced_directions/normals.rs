//! Normal laws and their true scores, where both variances have closed forms.
//!
//! With `s = −Λx`, `J = −Λ` and `x ~ N(0, Λ⁻¹)` the score is a draw of `N(0, Λ)`. So with `T = tr Λ`, `P = tr Λ²` and `Q = Σ Λ_ii²`, `E ‖A‖² = P − E sᵀΛs + ¼ E ‖s‖⁴ = ¼ T² + ½ P`, `E A_ii² = ¾ Λ_ii²` and
//! `E (tr A)² = ¼ T² + ½ P` for the matrix `A = −Λ + ½ ssᵀ` of the plain form, and
//!
//! | directions | `E_x Var_v` plain | reduced | the reduced form is worse when |
//! |---|---|---|---|
//! | Gaussian | `½ T² + P` | `2 P` | `T²/P < 2` |
//! | signs | `½ T² + P − (3/2) Q` | `2 (P − Q)` | `T² + Q < 2 P`: correlations above `√½` in the plane |
//! | sphere | `(D − 1)(½ T² + P)/(D + 2)` | `2 (D P − T²)/(D + 2)` | `T²/P < 2 (D + 1)/(D + 3)` |
//!
//! `T²/P` lies between 1 and `D`: it is the number of dimensions in which the score varies. What is measured are pairs of directions at the same point: half of the squared difference of their
//! values is a variance over directions, in expectation, whatever the point.

use gibbsian_core::{Density, Directions, Parametric, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_objectives::{SlicedScoreMatching, VarianceReducedSlicedScoreMatching};
use ndarray::{Array1, Array2, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::{FORMS, LAWS, conditional, slices};
use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table, measured};

pub(super) const SAME: Claim = Claim {
    claim: "what is measured here are the library's objectives: the largest relative difference of a loss and the mean of the values along the same directions",
    source: "the definition",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "sums of a thousand terms, relative to the mean of their absolute values",
};

pub(super) const VARIANCES: Claim = Claim {
    claim: "measured variances over directions, averaged over points, are the closed forms: the largest of 48 differences in standard errors",
    source: "the table at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "a normal variable is beyond five errors once in 1.7 million; with 48 of them, and the long tails of squares of fourth-order forms, a false alarm stays below one in a thousand",
};

pub(super) const WORSE: Claim = Claim {
    claim: "where the closed forms say so the form of reduced variance varies more: the largest measured excess of the plain one, in standard errors, over nine such pairs of law and directions",
    source: "the table at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(-5.0)),
    full: Check::at_most(-5.0),
    reason: "the sign is certain to five standard errors",
};

pub(super) const BETTER: Claim = Claim {
    claim: "and elsewhere it varies less: the smallest measured excess of the plain one in standard errors",
    source: "the table at the top of the file",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(5.0)),
    full: Check::at_least(5.0),
    reason: "the sign is certain to five standard errors",
};

pub(super) const EQUAL: Claim = Claim {
    claim: "in the plane with Λ = I and Gaussian directions both forms vary equally: the measured excess of the plain one",
    source: "½ T² − P = 0",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five standard errors: a false alarm in 1.7 million",
};

pub(super) const SHARE: Claim = Claim {
    claim: "equally on average, and not at most points: the share of points of the plane where the reduced form is the worse one",
    source: "‖s‖² < 4 for Λ = I, by the excess 2 sᵀJs + ½ ‖s‖⁴; ‖s‖² is chi-squared with two degrees of freedom, so the share is 1 − e⁻²",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.864_664_716_763_387_3).within_standard_errors(5.0)),
    full: Check::value(0.864_664_716_763_387_3).within_standard_errors(5.0),
    reason: "five standard errors of a share",
};

/// A centred normal law with its true score.
pub(super) struct Normal {
    pub(super) name: &'static str,
    pub(super) model: MultivariateNormal,
    pub(super) precision: Array2<f64>,
    /// `T`.
    pub(super) trace: f64,
    /// `P`.
    squares: f64,
    /// `Q`.
    diagonal: f64,
}

impl Normal {
    pub(super) fn new(name: &'static str, precision: Array2<f64>) -> Result<Self> {
        let centre = Array1::zeros(precision.nrows());
        Ok(Normal {
            name,
            trace: precision.diag().sum(),
            squares: precision.iter().map(|l| l * l).sum(),
            diagonal: precision.diag().iter().map(|l| l * l).sum(),
            model: MultivariateNormal::from_precision(centre, precision.clone())?,
            precision,
        })
    }

    /// `T²/P`.
    fn n_dimensions(&self) -> f64 {
        self.trace * self.trace / self.squares
    }

    /// `E_x Var_v` of both forms, by the table at the top of the file.
    pub(super) fn expected(&self, law: Directions) -> [f64; 2] {
        let (t2, p, q) = (self.trace * self.trace, self.squares, self.diagonal);
        let d = self.precision.nrows() as f64;
        match law {
            Directions::Gaussian => [0.5 * t2 + p, 2.0 * p],
            Directions::Rademacher => [0.5 * t2 + p - 1.5 * q, 2.0 * (p - q)],
            Directions::Sphere => [
                (d - 1.0) * (0.5 * t2 + p) / (d + 2.0),
                2.0 * (d * p - t2) / (d + 2.0),
            ],
        }
    }

    /// Variances over directions of both forms, and the excess of the plain one, from pairs of directions at `n` points: a mean and its error each.
    fn observed(&self, law: Directions, n: usize, seed: Seed) -> [(f64, f64); 3] {
        let x = self.model.sample(n, &mut seed.child("points").rng());
        let values = |name: &str| {
            let v = law.draw(x.dim(), &mut seed.child(name).rng());
            slices(&self.model, x.view(), v.view())
        };
        let (one, other) = (values("one"), values("other"));
        let [plain, reduced] = [0, 1].map(|form| (&one[form] - &other[form]).mapv(|d| 0.5 * d * d));
        let excess = &plain - &reduced;
        [plain, reduced, excess].map(|values| mean_and_error(values.iter().copied()))
    }
}

/// Eight precisions, from one dimension to thirty-two.
fn cases(seed: Seed) -> Result<Vec<Normal>> {
    let mut rng = seed.rng();
    let root = Array2::from_shape_simple_fn((16, 16), || rng.sample::<f64, _>(StandardNormal));
    let crowd = root.dot(&root.t()) / 16.0 + 0.1 * Array2::<f64>::eye(16);
    // One direction, far from every axis, in which the law is narrow.
    let sheet = 0.05 * Array2::<f64>::eye(8) + 0.5;
    [
        ("line", array![[2.0]]),
        ("disc", Array2::eye(2)),
        ("needle", array![[1.0, 0.0], [0.0, 0.01]]),
        ("ellipse", array![[1.0, 0.9], [0.9, 1.0]]),
        ("ball", Array2::eye(3)),
        ("sheet", sheet),
        ("crowd", crowd),
        ("high", Array2::eye(32)),
    ]
    .into_iter()
    .map(|(name, precision)| Normal::new(name, precision))
    .collect()
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("normals");
    let cases = cases(seed.child("cases"))?;
    ctx.measure(&SAME, objectives(&cases, seed.child("same"))?)?;
    let mut table = Table::new([
        "law",
        "dimensions",
        "effective",
        "directions",
        "form",
        "closed_form",
        "measured",
        "standard_error",
    ]);
    let [mut worst, mut worse, mut better] = [0.0, f64::NEG_INFINITY, f64::INFINITY];
    let mut n_worse = 0;
    for (number, case) in cases.iter().enumerate() {
        let d = case.precision.nrows();
        let n = ctx.pick(1_200_000, 24_000_000) / (d + 1);
        for (law, directions) in LAWS {
            let found = case.observed(law, n, seed.nth(number as u64).child(directions));
            let expected = case.expected(law);
            for ((form, expected), (mean, error)) in FORMS.into_iter().zip(expected).zip(found) {
                // Where the variance is zero only rounding is left, and no error of a mean.
                let difference = (mean - expected).abs();
                if difference.is_nan() || difference > 1e-12 * case.trace * case.trace {
                    worst = larger(worst, difference / error);
                }
                table.row([
                    case.name.into(),
                    d.into(),
                    case.n_dimensions().into(),
                    directions.into(),
                    form.into(),
                    expected.into(),
                    mean.into(),
                    error.into(),
                ])?;
            }
            let (excess, error) = found[2];
            match expected[0] - expected[1] {
                e if e.abs() < 1e-12 && d > 1 => ctx.measure(&EQUAL, measured(excess).with_error(error))?,
                e if e < -1e-12 => {
                    worse = larger(worse, excess / error);
                    n_worse += 1;
                }
                e if e > 1e-12 => better = smaller(better, excess / error),
                _ => {}
            }
        }
    }
    if n_worse != 9 {
        return Err(format!("{n_worse} pairs where the second form is the worse one").into());
    }
    ctx.measure(&VARIANCES, worst)?;
    ctx.measure(&WORSE, worse)?;
    ctx.measure(&BETTER, better)?;
    share(ctx, &cases[1], seed.child("share"))?;
    ctx.table(
        "normals",
        "Variance over directions, averaged over the points of a normal law, of both forms: the closed form, and what pairs of directions gave. `effective` is T²/P.",
        &table,
    )?;
    shown(ctx, seed.child("shown"))
}

/// The largest relative difference between losses of the library's objectives and the mean over rows.
fn objectives(cases: &[Normal], seed: Seed) -> Result<f64> {
    let mut worst = 0.0_f64;
    for case in cases {
        let x = case.model.sample(1_000, &mut seed.child("points").rng());
        let mut grad = Array1::zeros(case.model.n_params());
        for (law, name) in LAWS {
            let v = law.draw(x.dim(), &mut seed.child(name).rng());
            let losses = [
                SlicedScoreMatching::along(&case.model, x.view(), v.view(), grad.view_mut())?,
                VarianceReducedSlicedScoreMatching::along(&case.model, x.view(), v.view(), grad.view_mut())?,
            ];
            for (loss, values) in losses.into_iter().zip(slices(&case.model, x.view(), v.view())) {
                let n = values.len() as f64;
                let size = values.mapv(f64::abs).sum() / n;
                worst = larger(worst, (loss - values.sum() / n).abs() / size);
            }
        }
    }
    Ok(worst)
}

/// At how many points of the plane the reduced form is the worse one.
fn share(ctx: &mut Context, disc: &Normal, seed: Seed) -> Result<()> {
    let n = ctx.pick(50_000, 1_000_000);
    let x = disc.model.sample(n, &mut seed.rng());
    let variances = conditional(&disc.model, x.view(), Directions::Gaussian)?;
    let worse = variances
        .iter()
        .map(|[plain, reduced]| f64::from(u8::from(reduced > plain)));
    let (share, error) = mean_and_error(worse);
    ctx.measure(&SHARE, measured(share).with_error(error))
}

/// The excess over P against the effective dimension, along a family from a needle to a ball.
fn shown(ctx: &mut Context, seed: Seed) -> Result<()> {
    const DIM: usize = 8;
    let of = |width: f64| {
        let mut precision = width * Array2::<f64>::eye(DIM);
        precision[[0, 0]] = 1.0;
        Normal::new("", precision)
    };
    let mut plot = Plot::new(
        "From a needle to a ball in eight dimensions",
        Axis::linear("effective dimension T²/P"),
        Axis::linear("(plain − reduced)/P"),
    )
    .horizontal("", 0.0);
    let curve: Vec<Normal> = (0..=60)
        .map(|k| of(f64::from(k).max(0.5) / 60.0))
        .collect::<Result<_>>()?;
    let marks: Vec<Normal> = [0.02, 0.1, 0.2, 0.35, 0.6, 1.0]
        .into_iter()
        .map(of)
        .collect::<Result<_>>()?;
    for (law, name) in LAWS {
        let excess = |case: &Normal| {
            let [plain, reduced] = case.expected(law);
            (plain - reduced) / case.squares
        };
        let found: Vec<(f64, f64, f64)> = (marks.iter().enumerate())
            .map(|(k, case)| {
                let (mean, error) = case.observed(law, 20_000, seed.child(name).nth(k as u64))[2];
                (case.n_dimensions(), mean / case.squares, error / case.squares)
            })
            .collect();
        plot = plot
            .points(name, found.iter().map(|&(d, mean, _)| (d, mean)))
            .error_bars(
                found
                    .iter()
                    .map(|&(d, mean, e)| (d, mean - 2.0 * e, mean + 2.0 * e)),
            )
            .theory("", curve.iter().map(|case| (case.n_dimensions(), excess(case))));
    }
    ctx.plot(
        "excess",
        "How much more the plain form varies than that of reduced variance, averaged over points; below zero the reduced form is the worse one. Precisions are 1 once and t seven times. Dashed: closed forms; \
         bars are two standard errors.",
        &plot,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_are_averages_of_conditional_variances() {
        // Against a plain loop over the fourth moments of s ~ N(0, Λ) in the plane, by Isserlis' theorem.
        let normal = Normal::new("", array![[2.0, 0.5], [0.5, 1.0]]).unwrap();
        let l = &normal.precision;
        let mut gaussian = 0.0;
        for i in 0..2 {
            for j in 0..2 {
                let square = l[[i, i]] * l[[j, j]] + 2.0 * l[[i, j]] * l[[i, j]];
                // E (−Λ_ij + ½ s_i s_j)².
                gaussian += 2.0 * (l[[i, j]] * l[[i, j]] - l[[i, j]] * l[[i, j]] + 0.25 * square);
            }
        }
        let [plain, reduced] = normal.expected(Directions::Gaussian);
        assert!((plain - gaussian).abs() < 1e-14);
        assert!((reduced - 2.0 * l.iter().map(|l| l * l).sum::<f64>()).abs() < 1e-14);
        let excess = |law| {
            let [plain, reduced] = normal.expected(law);
            plain - reduced
        };
        // The table of the objectives' own documentation.
        let (t2, p) = (9.0, 5.5);
        assert!((excess(Directions::Rademacher) - 2.0 * (0.5 * 2.0 - 0.25)).abs() < 1e-14);
        assert!((excess(Directions::Sphere) - (0.5 * 5.0 * t2 - 3.0 * p) / 4.0).abs() < 1e-14);
    }
}
