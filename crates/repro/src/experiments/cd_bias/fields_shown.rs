//! Figures and tables of the three vector fields.

use super::fields::Comparison;
use crate::{Axis, Context, Plot, Result, Table};

/// The angle with this cosine, which rounding may have put just above one.
pub(super) fn degrees(cosine: f64) -> f64 {
    cosine.min(1.0).acos().to_degrees()
}

/// The value that a fraction `q` of the machines stays below.
pub(super) fn quantile(machines: &[Comparison], q: f64, f: impl Fn(&Comparison) -> f64) -> f64 {
    let mut values: Vec<f64> = machines.iter().map(f).collect();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

type Property = fn(&Comparison) -> f64;

/// Medians as a line and the middle eight tenths as a band.
fn with_band(plot: Plot, label: &str, groups: &[(f64, Vec<Comparison>)], f: Property) -> Plot {
    let at = |q: f64| {
        groups
            .iter()
            .map(move |(x, machines)| (*x, quantile(machines, q, f)))
    };
    let band = at(0.1).zip(at(0.9)).map(|((x, low), (_, high))| (x, low, high));
    plot.line(label, at(0.5)).band(band)
}

pub(super) fn show_by_scale(ctx: &mut Context, groups: &[(f64, Vec<Comparison>)]) -> Result<()> {
    let series: [(&str, Property); 3] = [
        ("CD-1 and likelihood", |c| degrees(c.cd_and_likelihood)),
        ("CD-1 and KL difference", |c| degrees(c.cd_and_difference)),
        ("KL difference and likelihood", |c| {
            degrees(c.difference_and_likelihood)
        }),
    ];
    let plot = Plot::new(
        "Angles between the three gradients",
        Axis::log("standard deviation of the weights"),
        Axis::linear("angle (degrees)"),
    );
    let plot = series
        .into_iter()
        .fold(plot, |plot, (label, f)| with_band(plot, label, groups, f));
    ctx.plot(
        "directions",
        "Random machines with four pixels and three hidden units: medians, and the range from the first to the ninth decile.",
        &plot,
    )?;
    let mut table = Table::new([
        "weight_scale",
        "cd_and_likelihood",
        "cd_and_difference",
        "difference_and_likelihood",
        "neglected",
        "antisymmetric",
    ]);
    for (scale, machines) in groups {
        let median = |f: Property| quantile(machines, 0.5, f);
        table.row([
            (*scale).into(),
            median(series[0].1).into(),
            median(series[1].1).into(),
            median(series[2].1).into(),
            median(|c| c.neglected).into(),
            median(|c| c.antisymmetric).into(),
        ])?;
    }
    ctx.table(
        "directions",
        "Medians for CD-1: angles in degrees, the neglected term over the gradient of the KL difference, antisymmetric over symmetric part.",
        &table,
    )
}

pub(super) fn show_by_steps(ctx: &mut Context, groups: &[(f64, Vec<Comparison>)]) -> Result<()> {
    let plot = Plot::new(
        "What keeps CD-k from being a gradient",
        Axis::log("Gibbs steps k"),
        Axis::log("size, relative to the gradient or the symmetric part"),
    );
    let plot = with_band(plot, "neglected term", groups, |c| c.neglected);
    let plot = with_band(plot, "antisymmetric part", groups, |c| c.antisymmetric);
    ctx.plot(
        "neglected",
        "Weights of standard deviation one. The neglected term is compared with the gradient of the KL difference, the antisymmetric \
         part of the Jacobian of ⟨∂F⟩ at the chains' ends with the symmetric one.",
        &plot,
    )?;
    let mut table = Table::new(["k", "angle_to_likelihood", "neglected", "antisymmetric"]);
    for (k, machines) in groups {
        let median = |f: Property| quantile(machines, 0.5, f);
        table.row([
            (*k as usize).into(),
            median(|c| degrees(c.cd_and_likelihood)).into(),
            median(|c| c.neglected).into(),
            median(|c| c.antisymmetric).into(),
        ])?;
    }
    ctx.table(
        "neglected",
        "Medians for CD-k, weights of standard deviation one.",
        &table,
    )
}
