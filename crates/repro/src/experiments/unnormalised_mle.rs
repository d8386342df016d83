//! Maximum likelihood without the normaliser, and with it.
//!
//! The likelihood of `p_θ = exp(f_θ)/Z_θ` is `f_θ − log Z_θ`. Who forgets the second term maximises something else: all of `f_θ` can be raised
//! at once, and nothing makes the rest of the space less likely. For a normal density with `f = −x²/(2σ²)` the gradient in `σ²` is positive at every value, and ascent
//! ends wherever a bound is put. With `log Z` it ends at the mean square. Score matching never sees `Z` and ends there too.
//!
//! The term that was forgotten is an expectation under the model, `−∂ log Z/∂θ = ⟨∂E/∂θ⟩`, so that the gradient of the log-likelihood is the mean of `−∂E/∂θ` over
//! data minus that over the model. Both sides are computed here, in closed form and by quadrature or enumeration.
//!
//! Data: the 1,797 handwritten digits of 8 × 8 pixels with values 0 to 16 (Alpaydin and Kaynak 1998): the total ink of each, and counts of single pixels.

use std::path::Path;

use gibbsian_core::{
    ContinuousFamily, Density, EnergyPullback, ExponentialFamily, Parametric, ParametricMut,
};
use gibbsian_data::{Header, read_table};
use gibbsian_densities::quadrature::{Domain, Interval, Settings, expectation};
use gibbsian_densities::{
    Binomial, Categorical, Exponential, Gamma, MultivariateNormal, Natural, Normal, Poisson,
};
use gibbsian_objectives::ClosedFormScoreMatching;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis as ArrayAxis, array, s};

use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table};

const RUNS_AWAY: Claim = Claim {
    claim: "ascent on the mean of f = −x²/(2σ²) ends at the bound on σ², whatever it is: the smallest end over bound, for bounds from 10 to 10⁴ times the mean square",
    source: "∂f/∂σ² = x²/(2σ⁴) > 0",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "the ascent is clipped at the bound, and stays there exactly",
};

const STAYS: Claim = Claim {
    claim: "ascent on the mean of f − log Z ends at σ² = Σ x²/N, whatever the bound: the largest relative difference",
    source: "the maximum likelihood estimate of a centred normal density",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "each step halves the distance, until rounding: sums over 1,797 numbers, and a precision that is inverted twice",
};

const SCORE_MATCHING: Claim = Claim {
    claim: "score matching, which has no Z, ends at σ² = Σ x²/N as well: relative difference",
    source: "Hyvärinen (2005): for a normal density the estimates coincide",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "a system of two equations with a scaled condition number of 1, from sums over 1,797 numbers",
};

const STEP_RAISES_F: Claim = Claim {
    claim: "a step along the gradient of the mean of f, from the estimate, raises the mean of f: the least increase over families and step sizes",
    source: "a gradient step",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1e-9)),
    full: Check::at_least(1e-9),
    reason: "f is linear in natural parameters: the increase is the step size times a squared norm",
};

const STEP_LOWERS_LIKELIHOOD: Claim = Claim {
    claim: "the same step lowers the exact log p(x_train): the largest change over families and step sizes",
    source: "the estimate is the only maximum: −½ ε² gᵀ ∇²A g to leading order",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(-1e-9)),
    full: Check::at_most(-1e-9),
    reason: "log p is strictly concave in natural parameters, so that every step from its maximum lowers it; the smallest step does by 1e-7 or more, far above rounding",
};

const FULL_STEP_RAISES: Claim = Claim {
    claim: "away from the estimate a step along the gradient of the mean of f − log Z raises log p(x_train): the least increase over families and step sizes",
    source: "a gradient step",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(1e-9)),
    full: Check::at_least(1e-9),
    reason: "steps of at most a tenth of the inverse of the largest curvature do not overshoot; the gain is about the step times a squared gradient, above 1e-5",
};

const NORMAL_GRADIENT: Claim = Claim {
    claim: "gradient of log p = −∂E/∂θ at the data + ⟨∂E/∂θ⟩ under the model, for a normal density in the plane: closed form against pullback and quadrature, the largest difference over the size of the terms",
    source: "∂ log N/∂μ = P (x − μ), ∂ log N/∂P = ½ (Σ − (x − μ)(x − μ)ᵀ)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the quadrature stops at a relative error of 1e-13 of ⟨|∂E/∂θ|⟩",
};

const FAMILY_GRADIENT: Claim = Claim {
    claim: "the same in the natural parameters of a gamma, a Poisson, a binomial and a categorical law: T(x) − ∇A(η) against integrals and sums over the model",
    source: "∂E/∂η = −T(x)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "as above, and sums of up to 400 terms",
};

const PYTHAGORAS: Claim = Claim {
    claim: "maximum likelihood is minimal KL: KL(data ‖ p) = KL(data ‖ estimate) + KL(estimate ‖ p) for 200 binomial laws p of a pixel, the largest difference over the left side",
    source: "Csiszár (1975); Amari and Nagaoka (2000): the Pythagorean relation in an exponential family",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "sums of 17 terms of a size up to a few hundred nats, each rounded to some ε",
};

const SAME_MINIMUM: Claim = Claim {
    claim: "the KL from the data, minimised over the law's logit by golden section, has its minimum at the maximum likelihood estimate: difference of the logits",
    source: "KL(data ‖ p_θ) = −H(data) − mean log p_θ(x)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-6)),
    full: Check::value(0.0).within(1e-6),
    reason: "a minimum can be located to the root of the rounding error of its value, 2e-8 here, times a factor for the curvature",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "unnormalised-mle",
    title: "Maximum likelihood needs the normaliser",
    shows: "What becomes of maximum likelihood when log Z is left out: the model makes everything likelier, without end. With it, raising the \
            data lowers the rest.\n\nThe gradient of log Z is an expectation under the model. Maximum likelihood minimises the \
            divergence from the data to the model.",
    source: "Hyvärinen (2005); Csiszár (1975)",
    budget_seconds: 10,
    claims: &[
        RUNS_AWAY,
        STAYS,
        SCORE_MATCHING,
        STEP_RAISES_F,
        STEP_LOWERS_LIKELIHOOD,
        FULL_STEP_RAISES,
        NORMAL_GRADIENT,
        FAMILY_GRADIENT,
        PYTHAGORAS,
        SAME_MINIMUM,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../data/tables/digits8x8.csv.gz"
    ));
    let digits = read_table(path, Header::Absent)?.into_values();
    let pixels = digits.slice(s![.., ..64]);
    let ink = pixels.sum_axis(ArrayAxis(1)).insert_axis(ArrayAxis(1));
    runaway(ctx, &ink)?;
    steps(ctx, &ink, pixels)?;
    gradients(ctx, &ink, pixels)?;
    divergence(ctx, pixels)
}

/// The ascent of a centred normal density with and without `log Z`.
fn runaway(ctx: &mut Context, ink: &Array2<f64>) -> Result<()> {
    let centred = ink - ink.mean().unwrap_or(0.0);
    let mean_square = centred.mapv(|x| x * x).mean().unwrap_or(f64::NAN);
    let (mut least, mut worst) = (f64::INFINITY, 0.0_f64);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for exponent in 1..=4 {
        let bound = mean_square * 10f64.powi(exponent);
        without = ascend(&centred, mean_square / 9.0, bound, Normaliser::Forgotten)?;
        with = ascend(&centred, mean_square / 9.0, bound, Normaliser::Kept)?;
        least = least.min(without[without.len() - 1] / bound);
        worst = worst.max((with[with.len() - 1] / mean_square - 1.0).abs());
    }
    ctx.measure(&RUNS_AWAY, least)?;
    ctx.measure(&STAYS, worst)?;
    let estimate = ClosedFormScoreMatching::unweighted().estimate(&Normal::standard(), centred.view())?;
    ctx.measure(&SCORE_MATCHING, estimate.member.variance() / mean_square - 1.0)?;

    let path = |path: &[f64]| {
        let points = path.iter().enumerate().skip(1);
        let points = points.filter(|(k, _)| k.is_power_of_two() || *k < 16);
        points
            .map(|(k, v)| (k as f64, v / mean_square))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "The variance of a centred normal density, fitted to the ink of digits",
        Axis::log("step"),
        Axis::log("σ² / (Σ x²/N)"),
    )
    .line("ascent on f", path(&without))
    .line("ascent on f − log Z", path(&with))
    .horizontal("the bound", 1e4)
    .horizontal("score matching", estimate.member.variance() / mean_square);
    ctx.plot(
        "runaway",
        "Without log Z the ascent takes whatever variance it is allowed.",
        &plot,
    )
}

#[derive(Clone, Copy, PartialEq)]
enum Normaliser {
    Kept,
    Forgotten,
}

/// The values of `v = σ²` in an ascent by natural gradients, clipped at a bound.
///
/// The Fisher information in `v` is `1/(2v²)` and the gradient of the mean of `f` is `P² ∂E/∂P` for the precision `P = 1/v`: half the step is the mean of `2 ∂E/∂P`, which is the mean square
/// of the data, less that of the model, which is `v`.
fn ascend(x: &Array2<f64>, start: f64, bound: f64, normaliser: Normaliser) -> Result<Vec<f64>> {
    let n_steps = (2.0 * bound / start) as usize;
    let weights = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
    let mut v: f64 = start;
    let mut path = vec![v];
    for _ in 0..n_steps {
        let model = MultivariateNormal::isotropic(array![0.0], v)?;
        let mut gradient = Array1::zeros(model.n_params());
        model.energy_pullback_into(x.view(), weights.view(), gradient.view_mut());
        let data = 2.0 * gradient[1];
        v = match normaliser {
            Normaliser::Kept => (v + 0.5 * (data - v)).min(bound),
            Normaliser::Forgotten => (v + 0.5 * data).min(bound),
        };
        // Nothing moves any more.
        if Some(&v) == path.last() {
            break;
        }
        path.push(v);
    }
    Ok(path)
}

/// What one step does to a family on its data.
struct Step {
    family: &'static str,
    size: f64,
    raised_f: f64,
    /// The change of log p of a step on `f`, from the estimate.
    without: f64,
    /// The change of log p of a step on `f − log Z`, from elsewhere.
    with: f64,
}

fn steps(ctx: &mut Context, ink: &Array2<f64>, pixels: ArrayView2<f64>) -> Result<()> {
    // Ink per pixel, about 5, keeps the parameters of order one.
    let ink = ink / 64.0;
    let pixel = counts(pixels);
    let mut found = Vec::new();
    found.extend(step_family("normal", &Normal::standard(), ink.view())?);
    found.extend(step_family("exponential", &Exponential::new(1.0)?, ink.view())?);
    found.extend(step_family("gamma", &Gamma::new(1.0, 1.0)?, ink.view())?);
    found.extend(step_family("poisson", &Poisson::new(1.0)?, pixel.view())?);
    found.extend(step_family("binomial", &Binomial::new(16, 0.5)?, pixel.view())?);
    let least = |f: fn(&Step) -> f64| found.iter().map(f).fold(f64::INFINITY, f64::min);
    ctx.measure(&STEP_RAISES_F, least(|s| s.raised_f))?;
    ctx.measure(&STEP_LOWERS_LIKELIHOOD, -least(|s| -s.without))?;
    ctx.measure(&FULL_STEP_RAISES, least(|s| s.with))?;

    let mut table = Table::new([
        "family",
        "step",
        "change_of_f",
        "log_p_without_log_z",
        "log_p_with_log_z",
    ]);
    for s in &found {
        table.row([
            s.family.into(),
            s.size.into(),
            s.raised_f.into(),
            s.without.into(),
            s.with.into(),
        ])?;
    }
    ctx.table(
        "steps",
        "Changes of the mean of f and of log p by a step on f from the estimate, and of log p by a step on f − log Z from elsewhere.",
        &table,
    )
}

/// Steps in natural parameters, in units of the inverse of the largest curvature of `A` there.
fn step_family<F: ExponentialFamily + Clone>(
    family: &'static str,
    member: &F,
    x: ArrayView2<f64>,
) -> Result<Vec<Step>> {
    let estimate = member.fit(x)?;
    let mean_log_p = |member: &F| member.log_density(x).mean().unwrap_or(f64::NAN);
    let weights = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
    // The gradients of the mean of f, which is minus the energy, and of log Z.
    let of_f = |member: &F| {
        let model = Natural::new(member.clone());
        let mut gradient = Array1::zeros(model.n_params());
        model.energy_pullback_into(x, weights.view(), gradient.view_mut());
        -gradient
    };
    let moved = |member: &F, step: &Array1<f64>| -> Result<F> {
        let mut model = Natural::new(member.clone());
        model.set_params((model.params() + step).view())?;
        Ok(model.into_member())
    };
    let best = mean_log_p(&estimate);
    // Somewhere else: the estimate of the half of the data that is above the median.
    let middle = x.mean().unwrap_or(0.0);
    let above: Vec<usize> = (0..x.nrows()).filter(|&b| x[(b, 0)] > middle).collect();
    let elsewhere = member.fit(x.select(ArrayAxis(0), &above).view())?;
    let trace = |member: &F| member.fisher_information().diag().sum();
    let largest = trace(&estimate).max(trace(&elsewhere));

    let mut steps = Vec::new();
    for size in [1e-3, 1e-2, 1e-1] {
        let gradient = of_f(&estimate);
        let step = &gradient * (size / largest);
        // T has no part in log h, so that f moves by the product of step and mean statistics alone.
        let raised_f = step.dot(&gradient);
        let without = mean_log_p(&moved(&estimate, &step)?) - best;
        let step = (of_f(&elsewhere) - elsewhere.mean_parameters()) * (size / largest);
        let with = mean_log_p(&moved(&elsewhere, &step)?) - mean_log_p(&elsewhere);
        steps.push(Step {
            family,
            size,
            raised_f,
            without,
            with,
        });
    }
    Ok(steps)
}

/// The values of a pixel in the middle, as counts `(N, 1)` of 16.
fn counts(pixels: ArrayView2<f64>) -> Array2<f64> {
    pixels.column(27).to_owned().insert_axis(ArrayAxis(1))
}

/// Both sides of the gradient identity.
fn gradients(ctx: &mut Context, ink: &Array2<f64>, pixels: ArrayView2<f64>) -> Result<()> {
    // Upper against lower half of the ink, scaled to order one.
    let halves = ndarray::stack![
        ArrayAxis(1),
        pixels.slice(s![.., ..32]).sum_axis(ArrayAxis(1)),
        pixels.slice(s![.., 32..]).sum_axis(ArrayAxis(1))
    ] / 100.0;
    let model = MultivariateNormal::from_covariance(array![1.2, 1.8], array![[0.3, 0.1], [0.1, 0.2]])?;
    let x = halves.slice(s![..1, ..]);
    let mut data = Array1::zeros(model.n_params());
    model.energy_pullback_into(x, array![1.0].view(), data.view_mut());
    // ∂ log N/∂μ = P r and ∂ log N/∂P = ½ (Σ − r rᵀ), an entry beside the diagonal standing twice.
    let r = &x.row(0) - &model.mean();
    let covariance = model.covariance();
    let of_precision = |i: usize, j: usize| 0.5 * (covariance[(i, j)] - r[i] * r[j]);
    let of_mean = model.precision().dot(&r);
    let closed = [
        of_mean[0],
        of_mean[1],
        of_precision(0, 0),
        2.0 * of_precision(1, 0),
        of_precision(1, 1),
    ];
    let mut worst = 0.0_f64;
    for (k, in_data) in data.iter().enumerate() {
        let entry = |x: ArrayView2<f64>| {
            let mut gradient = Array1::zeros(model.n_params());
            model.energy_pullback_into(x, array![1.0].view(), gradient.view_mut());
            gradient[k]
        };
        let under_model = |f: fn(f64) -> f64| {
            let each = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
                for (out, row) in out.iter_mut().zip(x.rows()) {
                    *out = f(entry(row.insert_axis(ArrayAxis(0))));
                }
            };
            expectation(
                &model,
                each,
                &Domain::whole(2)?,
                Settings {
                    relative: 1e-12,
                    ..Settings::default()
                },
            )
        };
        let size = closed[k].abs() + in_data.abs();
        worst = worst.max((closed[k] - (under_model(|g| g)?.value - in_data)).abs() / size);
    }
    ctx.measure(&NORMAL_GRADIENT, worst)?;

    let ink = ink / 64.0;
    let pixel = counts(pixels);
    let range = |n: usize| Array2::from_shape_fn((n, 1), |(k, _)| k as f64);
    let labels = Categorical::new(Array1::from_vec((1..=10).map(|k| f64::from(k) / 55.0).collect()))?;
    let states = gibbsian_core::Discrete::states(&labels)?;
    let worst = [
        integral_identity(&Gamma::new(1.0, 1.0)?.fit(ink.view())?, ink.slice(s![..1, ..]))?,
        sum_identity(
            &Poisson::new(1.0)?.fit(pixel.view())?,
            pixel.slice(s![..1, ..]),
            range(400),
        ),
        sum_identity(
            &Binomial::new(16, 0.5)?.fit(pixel.view())?,
            pixel.slice(s![..1, ..]),
            range(17),
        ),
        sum_identity(&labels, states.slice(s![3..4, ..]), states.clone()),
    ];
    Ok(ctx.measure(&FAMILY_GRADIENT, worst.into_iter().fold(0.0, f64::max))?)
}

/// The largest `|T(x) − ∇A(η) − (T(x) − ⟨T⟩)|` over `⟨|T|⟩`, with `⟨T⟩` by quadrature on the half-line.
fn integral_identity<F: ContinuousFamily>(member: &F, x: ArrayView2<f64>) -> Result<f64> {
    let domain = Domain::interval(Interval::above(0.0)?);
    let in_data = member.statistics(x).row(0).to_owned();
    let closed = &in_data - &member.mean_parameters();
    let mut worst = 0.0_f64;
    for k in 0..member.n_statistics() {
        let statistic =
            |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| out.assign(&member.statistics(x).column(k));
        let of_model = expectation(member, statistic, &domain, Settings::default())?.value;
        let size = in_data[k].abs() + of_model.abs();
        worst = worst.max((closed[k] - (in_data[k] - of_model)).abs() / size);
    }
    Ok(worst)
}

/// The same with a sum over states.
fn sum_identity<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, states: Array2<f64>) -> f64 {
    let in_data = member.statistics(x).row(0).to_owned();
    let p = member.log_density(states.view()).exp();
    let of_model = member.statistics(states.view()).t().dot(&p);
    let closed = &in_data - &member.mean_parameters();
    let size = in_data.mapv(f64::abs) + of_model.mapv(f64::abs);
    let error = (closed - (in_data - of_model)).mapv(f64::abs) / size;
    error.fold(0.0, |a: f64, &b| a.max(b))
}

/// Maximum likelihood as minimal divergence, for binomial laws of a pixel.
fn divergence(ctx: &mut Context, pixels: ArrayView2<f64>) -> Result<()> {
    let x = counts(pixels);
    let values = Array2::from_shape_fn((17, 1), |(k, _)| k as f64);
    let mut frequencies = Array1::<f64>::zeros(17);
    for &count in &x {
        frequencies[count as usize] += 1.0 / x.nrows() as f64;
    }
    let to_model = |law: &Binomial| -> f64 {
        (frequencies.iter().zip(law.log_density(values.view())))
            .filter(|(q, _)| **q > 0.0)
            .map(|(q, log_p)| q * (q.ln() - log_p))
            .sum()
    };
    let estimate = Binomial::new(16, 0.5)?.fit(x.view())?;
    let least = to_model(&estimate);
    let mut worst = 0.0_f64;
    let mut curve = Vec::new();
    for k in 1..=200 {
        let p = f64::from(k) / 201.0;
        let law = Binomial::new(16, p)?;
        let divergence = to_model(&law);
        worst = worst.max((divergence - least - estimate.kl_divergence(&law)).abs() / divergence);
        curve.push((
            p,
            divergence,
            estimate.kl_divergence(&law),
            -law.log_density(x.view()).mean().unwrap_or(f64::NAN),
        ));
    }
    ctx.measure(&PYTHAGORAS, worst)?;

    let logit = |p: f64| gibbsian_core::math::logit(p);
    let at = |logit: f64| {
        Binomial::new(16, gibbsian_core::math::sigmoid(logit)).map_or(f64::NAN, |law| to_model(&law))
    };
    let found = golden_section(at, -4.0, 4.0);
    ctx.measure(&SAME_MINIMUM, found - logit(estimate.mean_parameters()[0] / 16.0))?;

    let plot = Plot::new(
        "Binomial laws for the value of a pixel",
        Axis::linear("probability"),
        Axis::linear("nats"),
    )
    .line("KL(data ‖ p)", curve.iter().map(|c| (c.0, c.1)))
    .line("KL(estimate ‖ p)", curve.iter().map(|c| (c.0, c.2)))
    .dashed("−mean log p", curve.iter().map(|c| (c.0, c.3)))
    .vertical("maximum likelihood", estimate.mean_parameters()[0] / 16.0);
    ctx.plot("divergence", "The three curves differ by constants.", &plot)
}

/// The minimum of a function with one, to the accuracy that its values permit (Kiefer 1953).
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..60 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(left) < f(right) {
            high = right;
        } else {
            low = left;
        }
    }
    0.5 * (low + high)
}
