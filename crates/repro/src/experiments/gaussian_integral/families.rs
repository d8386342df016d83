//! The log-partition of every exponential family against an integral or a sum of `h(x) exp⟨η, T(x)⟩`.

use gibbsian_core::{Discrete, ExponentialFamily};
use gibbsian_densities::quadrature::{Domain, Interval, QuadratureOptions, integrate};
use gibbsian_densities::{
    Bernoulli, Beta, Binomial, Categorical, Dirichlet, Exponential, Gamma, MultivariateNormal, Normal,
    Poisson, Wishart,
};
use ndarray::{Array1, Array2, ArrayView2, array};

use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result, Table};

pub(super) const CONTINUOUS: Claim = Claim {
    claim: "A(η) = log ∫ h exp⟨η, T⟩ for members of every continuous family that has one or two free coordinates; the largest difference",
    source: "the definition of the log-partition",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the quadrature stops at a relative error of 5e-13, and the exponent, of a size up to 50, is rounded to some ε of it",
};

pub(super) const DISCRETE: Claim = Claim {
    claim: "A(η) = log Σ h exp⟨η, T⟩ for members of every discrete family; the largest difference",
    source: "the definition of the log-partition",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "up to 400 terms, each with an exponent of a size up to 1,000 that is rounded to some ε of it",
};

pub(super) const MEANS: Claim = Claim {
    claim: "∇A(η) = E T(x), the integral or sum of T, for all of these members; the largest difference over the root mean square of T",
    source: "Barndorff-Nielsen (1978)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "as for the log-partition",
};

/// What a member says and what was found.
struct Row {
    name: &'static str,
    is_discrete: bool,
    log_partition: f64,
    found: f64,
    mean_error: f64,
}

/// `h(x) exp⟨η, T(x)⟩` of the rows.
fn weights<F: ExponentialFamily>(family: &F, x: ArrayView2<f64>) -> Array1<f64> {
    let exponent = family.statistics(x).dot(&family.natural_parameters()) + family.log_base_measure(x);
    exponent.mapv(f64::exp)
}

/// The root mean squares of the statistics.
fn sizes<F: ExponentialFamily>(family: &F) -> Array1<f64> {
    let variance = family.fisher_information().diag().to_owned();
    (variance + family.mean_parameters().mapv(|m| m * m)).mapv(f64::sqrt)
}

/// A family with coordinates to integrate over: `place` turns them into a point and its volume element.
fn integral<F: ExponentialFamily>(
    name: &'static str,
    family: F,
    domain: Domain,
    place: impl Fn(&[f64]) -> (Vec<f64>, f64),
) -> Result<Row> {
    let points = |t: ArrayView2<f64>| {
        let mut x = Array2::zeros((t.nrows(), family.dim()));
        let mut elements = Array1::zeros(t.nrows());
        for (b, t) in t.rows().into_iter().enumerate() {
            let (point, element) = place(&t.to_vec());
            x.row_mut(b).assign(&Array1::from_vec(point));
            elements[b] = element;
        }
        (x, elements)
    };
    let settings = QuadratureOptions {
        relative: 5e-13,
        ..QuadratureOptions::default()
    };
    let total = integrate(
        |t, mut out| {
            let (x, elements) = points(t);
            out.assign(&(weights(&family, x.view()) * elements));
        },
        &domain,
        settings,
    )?
    .value;
    let (means, sizes) = (family.mean_parameters(), sizes(&family));
    let mut mean_error = 0.0_f64;
    for s in 0..family.n_statistics() {
        let weighted = integrate(
            |t, mut out| {
                let (x, elements) = points(t);
                let weights = weights(&family, x.view()) * elements;
                let statistics = family.statistics(x.view());
                for ((out, &w), &t) in out.iter_mut().zip(&weights).zip(&statistics.column(s)) {
                    // A statistic may be infinite where nothing is.
                    *out = if w == 0.0 { 0.0 } else { w * t };
                }
            },
            &domain,
            settings,
        )?;
        mean_error = larger(mean_error, (weighted.value / total - means[s]).abs() / sizes[s]);
    }
    Ok(Row {
        name,
        is_discrete: false,
        log_partition: family.log_partition(),
        found: total.ln(),
        mean_error,
    })
}

fn line<F: ExponentialFamily>(name: &'static str, family: F, over: Interval) -> Result<Row> {
    integral(name, family, Domain::interval(over), |t| (t.to_vec(), 1.0))
}

/// A family on finitely many points, or on as many of them as have any weight.
fn sum<F: ExponentialFamily>(name: &'static str, family: F, x: Array2<f64>) -> Row {
    let weights = weights(&family, x.view());
    let total = weights.sum();
    let statistics = family.statistics(x.view());
    let mean = statistics.t().dot(&weights) / total;
    let error = (mean - family.mean_parameters()).mapv(f64::abs) / sizes(&family);
    Row {
        name,
        is_discrete: true,
        log_partition: family.log_partition(),
        found: total.ln(),
        mean_error: error.fold(0.0, |a, &b| larger(a, b)),
    }
}

fn counts(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 1), |(k, _)| k as f64)
}

fn rows() -> Result<Vec<Row>> {
    let open = Interval::open(0.0, 1.0)?;
    let above = || Interval::above(0.0);
    let mut rows = Vec::new();
    for (mean, deviation) in [(0.0, 1.0), (-2.0, 0.4), (3.0, 5.0)] {
        rows.push(line(
            "normal",
            Normal::new(mean, deviation)?,
            Interval::line_around(mean, deviation)?,
        )?);
    }
    for rate in [0.2, 1.0, 7.0] {
        rows.push(line("exponential", Exponential::new(rate)?, above()?)?);
    }
    for (shape, rate) in [(0.3, 1.0), (2.5, 0.5), (20.0, 4.0)] {
        rows.push(line("gamma", Gamma::new(shape, rate)?, above()?)?);
        // The Wishart density of one dimension is a gamma density by other names.
        rows.push(integral(
            "wishart 1×1",
            Wishart::new(2.0 * shape, array![[0.5 / rate]])?,
            Domain::interval(above()?),
            |t| (t.to_vec(), 1.0),
        )?);
    }
    for (alpha, beta) in [(1.5, 3.0), (2.0, 2.0), (9.0, 1.0)] {
        rows.push(line("beta", Beta::new(alpha, beta)?, open)?);
        rows.push(integral(
            "dirichlet of 2",
            Dirichlet::new(array![alpha, beta])?,
            Domain::interval(open),
            |t| (vec![t[0], 1.0 - t[0]], 1.0),
        )?);
    }
    // The triangle x₁ + x₂ < 1 is the square in x₁ and x₂/(1 − x₁).
    rows.push(integral(
        "dirichlet of 3",
        Dirichlet::new(array![1.5, 2.0, 4.0])?,
        Domain::rectangle(open, open),
        |t| {
            let (x, rest) = (t[0], 1.0 - t[0]);
            (vec![x, rest * t[1], rest * (1.0 - t[1])], rest)
        },
    )?);
    let plane = MultivariateNormal::from_covariance(array![0.5, -1.0], array![[2.0, 0.6], [0.6, 0.5]])?;
    rows.push(integral("normal in the plane", plane, Domain::whole(2)?, |t| {
        (t.to_vec(), 1.0)
    })?);

    for p in [0.03, 0.5, 0.9] {
        let bernoulli = Bernoulli::new(p)?;
        let states = bernoulli.states()?;
        rows.push(sum("bernoulli", bernoulli, states));
        rows.push(sum("binomial", Binomial::new(40, p)?, counts(41)));
    }
    for probabilities in [
        array![0.2, 0.8],
        array![0.1, 0.2, 0.3, 0.4],
        Array1::from_elem(9, 1.0 / 9.0),
    ] {
        let categorical = Categorical::new(probabilities)?;
        let states = categorical.states()?;
        rows.push(sum("categorical", categorical, states));
    }
    for rate in [0.1, 3.0, 60.0] {
        // Beyond 400 the terms are below 1e-150 of the sum.
        rows.push(sum("poisson", Poisson::new(rate)?, counts(400)));
    }
    Ok(rows)
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let rows = rows()?;
    let worst = |is_discrete: bool| {
        (rows.iter().filter(|row| row.is_discrete == is_discrete))
            .map(|row| (row.found - row.log_partition).abs())
            .fold(0.0, larger)
    };
    ctx.measure(&CONTINUOUS, worst(false))?;
    ctx.measure(&DISCRETE, worst(true))?;
    ctx.measure(&MEANS, rows.iter().map(|row| row.mean_error).fold(0.0, larger))?;
    let mut table = Table::new(["family", "log_partition", "found", "mean_error"]);
    for row in &rows {
        table.row([
            row.name.into(),
            row.log_partition.into(),
            row.found.into(),
            row.mean_error.into(),
        ])?;
    }
    ctx.table("families", "The log-partition of each member, the logarithm of the integral or sum, and the relative error of the mean statistics.", &table)
}
