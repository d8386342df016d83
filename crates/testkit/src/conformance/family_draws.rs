//! Laws of what is drawn from exponential families and estimated by them, and what families must refuse.

use gibbsian_core::{ExponentialFamily, Seed};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::family::{Scales, member_at, neighbour};
use crate::agreement::{Agreement, largest};
use crate::differences::Precision;
use crate::stats::{FALSE_ALARM, Test, family, mean};
use crate::verdict::{Failure, Verdict, require};

/// Draws have the mean and covariance of the statistics, the entropy and the divergence.
pub(super) fn moments<F: ExponentialFamily>(
    member: &F,
    scales: &Scales,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    const N_DRAWS: usize = 1 << 15;
    let x = member.sample(N_DRAWS, &mut seed.child("moments").rng());
    let (expected, fisher) = (member.mean_parameters(), member.fisher_information());
    let centred = member.statistics(x.view()) - &expected;
    let mut tests = Vec::new();
    for i in 0..expected.len() {
        let deviations = centred.column(i).to_vec();
        tests.push(mean(
            &format!("draws have the mean parameter {i}"),
            &deviations,
            0.0,
        ));
        for j in 0..=i {
            let products = (&centred.column(i) * &centred.column(j)).to_vec();
            let name = format!("draws have the covariance of the statistics {i} and {j}");
            tests.push(mean(&name, &products, fisher[[i, j]]));
        }
    }
    let other = neighbour(member, scales)?;
    let log_ratio = member.log_density(x.view()) - other.log_density(x.view());
    let name = "the divergence is the mean of log p/q over draws of p";
    tests.push(mean(name, &log_ratio.to_vec(), member.kl_divergence(&other)));
    if let Some(test) = entropy(member, member.log_base_measure(x.view()), precision)? {
        tests.push(test);
    }
    family(&tests, FALSE_ALARM)
}

/// `H = A − ⟨η, ∇A⟩ − E log h`: exactly where the base measure is constant, otherwise as a test over draws.
fn entropy<F: ExponentialFamily>(
    member: &F,
    log_base: Array1<f64>,
    precision: Precision,
) -> Result<Option<Test>, Failure> {
    let law = "the entropy is A − ⟨η, ∇A⟩ − E log h";
    let (log_partition, found) = (member.log_partition(), member.entropy());
    let terms = member.natural_parameters() * member.mean_parameters();
    let expected = log_partition - terms.sum() - found;
    if log_base.iter().any(|l| *l != log_base[0]) {
        return Ok(Some(mean(law, &log_base.to_vec(), expected)));
    }
    let size = log_partition.abs() + terms.mapv(f64::abs).sum() + largest(&log_base);
    let mut agreement = Agreement::new(law);
    agreement.entry(
        || "log h".to_owned(),
        expected,
        log_base[0],
        precision.agreement() * size,
    );
    agreement.verdict().map(|()| None)
}

/// Estimates have the mean statistics of the data and are likelier than their neighbours, and a weight is a repetition.
pub(super) fn estimates<F: ExponentialFamily>(
    member: &F,
    scales: &Scales,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    // Enough draws for the estimate to exist, whatever the member.
    const N_DRAWS: usize = 4096;
    let x = member.sample(N_DRAWS, &mut seed.child("estimates").rng());
    let law = "the estimate has the mean statistics of the data";
    let estimate = member.fit(x.view()).map_err(|e| Failure::refused(law, &e))?;
    let statistics = member.statistics(x.view()).mean_axis(Axis(0));
    scales.same_mean(law, &estimate, statistics.unwrap_or_default().view())?;

    let likelihood = |member: &F| member.log_density(x.view()).sum() / N_DRAWS as f64;
    let best = likelihood(&estimate);
    for (k, &step) in scales.step.iter().enumerate() {
        for sign in [-1.0, 1.0] {
            let law = "the estimate is likelier than its neighbours";
            let mut natural = estimate.natural_parameters();
            // The likelihood falls by ½ · 0.01² at the least that rounding must leave visible.
            natural[k] += 0.01 * sign * step;
            let other = likelihood(&member_at(law, member, &natural)?);
            require(
                best - other > -precision.agreement() * best.abs().max(1.0),
                law,
                format_args!(
                    "log-likelihood {best} at the estimate, {other} with η_{k} moved by {:e}",
                    0.01 * sign * step
                ),
            )?;
        }
    }

    let law = "a weight counts as that many repetitions";
    let weights = Array1::from_shape_fn(N_DRAWS, |b| (b % 3) as f64);
    let weighted = member.fit_weighted(x.view(), weights.view());
    let rows: Vec<usize> = (0..N_DRAWS).flat_map(|b| std::iter::repeat_n(b, b % 3)).collect();
    let repeated = member.fit(x.select(Axis(0), &rows).view());
    let (weighted, repeated) = (
        weighted.map_err(|e| Failure::refused(law, &e))?,
        repeated.map_err(|e| Failure::refused(law, &e))?,
    );
    scales.same_mean(law, &weighted, repeated.mean_parameters().view())
}

/// `with_natural` or `with_mean`.
type Build<F> = for<'a> fn(&F, ArrayView1<'a, f64>) -> gibbsian_core::Result<F>;

/// Parameters, data and weights that do not fit are refused.
pub(super) fn refusals<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, seed: Seed) -> Verdict {
    let refused = |what: &str, outcome: gibbsian_core::Result<F>| {
        require(
            outcome.is_err(),
            "what does not fit is refused",
            format_args!("{what} was taken"),
        )
    };
    for (name, parameters, build) in [
        (
            "natural",
            member.natural_parameters(),
            F::with_natural as Build<F>,
        ),
        ("mean", member.mean_parameters(), F::with_mean),
    ] {
        let long = concatenate![Axis(0), parameters, parameters];
        refused(
            &format!("twice as many {name} parameters"),
            build(member, long.view()),
        )?;
        refused(
            &format!("no {name} parameters"),
            build(member, parameters.slice(s![..0])),
        )?;
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for k in 0..parameters.len() {
                let mut spoilt = parameters.clone();
                spoilt[k] = bad;
                refused(
                    &format!("{name} parameter {k} = {bad}"),
                    build(member, spoilt.view()),
                )?;
            }
        }
    }

    let data = member.sample(64, &mut seed.child("refusals").rng());
    let d = data.ncols();
    let wide = Array2::from_shape_fn((data.nrows(), d + 1), |(b, i)| data[[b, i.min(d - 1)]]);
    refused("data of no rows", member.fit(data.slice(s![..0, ..])))?;
    refused("data with a column too many", member.fit(wide.view()))?;
    for bad in [f64::NAN, f64::INFINITY] {
        let mut spoilt = data.clone();
        spoilt[[data.nrows() - 1, d - 1]] = bad;
        refused(&format!("data with an entry {bad}"), member.fit(spoilt.view()))?;
    }
    let ones = Array1::ones(data.nrows());
    refused(
        "a weight too few",
        member.fit_weighted(data.view(), ones.slice(s![1..])),
    )?;
    refused(
        "weights all zero",
        member.fit_weighted(data.view(), (&ones * 0.0).view()),
    )?;
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let mut weights = ones.clone();
        weights[3] = bad;
        refused(
            &format!("a weight of {bad}"),
            member.fit_weighted(data.view(), weights.view()),
        )?;
    }
    outside(member, x, data)
}

/// Where there are points outside the support, density and base measure say so together, and no estimate is made of them.
fn outside<F: ExponentialFamily>(member: &F, x: ArrayView2<f64>, data: Array2<f64>) -> Verdict {
    for (what, moved) in [("mirrored", -&x), ("moved", &x + 0.37), ("stretched", &x * 1e3)] {
        let (log_p, log_base) = (
            member.log_density(moved.view()),
            member.log_base_measure(moved.view()),
        );
        for b in 0..x.nrows() {
            let row = moved.slice(s![b..=b, ..]);
            require(
                (log_p[b] == f64::NEG_INFINITY) == (log_base[b] == f64::NEG_INFINITY),
                "log p is −∞ exactly where log h is",
                format_args!("log p = {}, log h = {} at {row}", log_p[b], log_base[b]),
            )?;
            if log_p[b] == f64::NEG_INFINITY {
                require(
                    member.energy(row)[0] == f64::INFINITY,
                    "the energy is +∞ outside the support",
                    format_args!("{} at {row}", member.energy(row)[0]),
                )?;
                let outcome = member.fit(concatenate![Axis(0), data, row].view());
                require(
                    outcome.is_err(),
                    "what does not fit is refused",
                    format_args!("a {what} row outside the support was taken: {row}"),
                )?;
            }
        }
    }
    Ok(())
}
