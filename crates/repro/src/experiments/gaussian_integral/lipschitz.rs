//! Which map makes the best density of a function whose slope is bounded?
//!
//! **A bound on the slope of `f` means nothing for `f²` and `|f|` alone.** If `f` is divided by a thousand so is its slope, and `g / Z` stays what it was. Softplus
//! of `f − c` tends to `exp(f − c)` as `c` grows, so that it can do what the exponential can. A comparison needs the scale of `g`: here `g` is to be the density *without
//! being divided by anything*, and what it misses is the divergence of densities that need not be normalised (Csiszár 1991),
//!
//! `D(p ‖ g) = ∫ p log(p/g) − p + g = KL(p ‖ g/Z) + (Z − 1 − log Z) ≥ KL(p ‖ g/Z)`.
//!
//! For the exponential, which can shift `f` by `log Z` at no cost, the best `g` has `Z = 1` and nothing changes.
//!
//! For every map the best `f` is found by convex minimisation, to within a stated gap of the global minimum.
//!
//! **What to expect.** Softplus is never better than the exponential or the absolute value: with `|f'| ≤ L` both `|g'| ≤ L` and `|(log g)'| ≤ L`. A spike of mass `m` that is too narrow for any of
//! them is approached by `½ m L exp(−L|x|)`, by the square of `(3mL/2)^{1/3} − L|x|`, and by `(mL)^{1/2} − L|x|`: heights `mL/2`, `(3mL/2)^{2/3}`, `(mL)^{1/2}`. So the order
//! depends on `mL`, that is on the unit of length: where densities are large the exponential wins, and where they are small it loses.

use gibbsian_densities::positive::{Absolute, Exp, Positive, PositiveMap, Softplus, Square};
use gibbsian_densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions, integrate_line};
use gibbsian_densities::{Normal, Univariate};
use rayon::prelude::*;

use super::best_function::{GAP, N_CELLS, PiecewiseLinear, best};
use crate::statistics::{larger, smaller};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

/// The largest relative error of a density that is linear between nodes in its logarithm, `(h/s)²/8` for a narrowest deviation `s`.
const INTERPOLATION: f64 = 1.2e-3;

const MAPS: [(&str, &dyn PositiveMap); 4] = [
    ("exp f", &Exp),
    ("f²", &Square),
    ("|f|", &Absolute),
    ("softplus f", &Softplus),
];

pub(super) const SOLVER: Claim = Claim {
    claim: "the best exponential of slope 1 for a Laplace density of rate 4 on [−5, 5] misses it by the closed form",
    source: "the optimum is the Laplace density of rate 1: log(4/1) − 1 + 1/4 up to the cut tails",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within(1e-7)),
    full: Check::reference().within(1e-7),
    reason: "the best f is linear between nodes, so that only the gap of 1e-8 of the barrier and the square of the grid's relative error of 5e-5 remain",
};

pub(super) const SCALE_FREE: Claim = Claim {
    claim: "with a free scale a slope of 0.01 is enough for f² and |f|: the larger KL, on the target that the exponential needs slopes of hundreds for",
    source: "homogeneity: g/Z does not change when f is multiplied by a number",
    provenance: Provenance::Exact,
    quick: Some(Check::between(0.0, 1e-5)),
    full: Check::between(0.0, 1e-5),
    reason: "√p and p themselves, linear between nodes: a relative error of 1.2e-3 at most enters the divergence with half its square",
};

pub(super) const SHIFTED: Claim = Claim {
    claim: "with a free shift softplus does what the exponential does: difference of their KL when max f = −20",
    source: "log(1 + e^f) = e^f (1 − e^f/2 + …)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-8)),
    full: Check::value(0.0).within(1e-8),
    reason: "log g differs from f by e^−20/2 = 1e-9 at most, and log Z by as much",
};

pub(super) const SOFTPLUS_LAST: Claim = Claim {
    claim: "softplus is nowhere better than the exponential or the absolute value: the least excess of its miss over the larger of theirs, over all bounds and both units",
    source: "g = softplus f has |g'| ≤ |f'| and |(log g)'| ≤ |f'|",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0).within(INTERPOLATION)),
    full: Check::at_least(0.0).within(INTERPOLATION),
    reason: "the sets of densities are nested, up to the interpolation error of a grid",
};

pub(super) const LARGE_SQUARE: Claim = Claim {
    claim: "where the narrow component is 40 high, with slope 100: f² misses the target by more than exp f does",
    source: "heights of the best spikes of mass ½: 25 for the exponential, 18 for the square",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the heights suggest a lead of 0.07 nats, many times the 1e-3 of the grid",
};

pub(super) const LARGE_ABSOLUTE: Claim = Claim {
    claim: "where the narrow component is 40 high, with slope 100: |f| misses the target by more than f² does",
    source: "heights of the best spikes of mass ½: 18 for the square, 7 for the absolute value",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the heights suggest a lead of 0.4 nats",
};

pub(super) const SMALL_EXP: Claim = Claim {
    claim: "in a unit of length a hundred times smaller, where no density exceeds ½, with slope 0.3: exp f misses the target by more than f² does",
    source: "heights of the best spikes of mass ½: 0.08 for the exponential, 0.37 for the square",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the heights suggest a lead of 0.4 nats; the order is the reverse of that in the larger unit",
};

pub(super) const SMALL_SQUARE: Claim = Claim {
    claim: "in that smaller unit, with slope 0.3: f² misses the target by more than |f| does",
    source: "slopes at the target itself: 0.54 for √p, 0.49 for p",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "the square is the further of the two from what it needs",
};

pub(super) const UNITS: Claim = Claim {
    claim: "a unit of length a hundred times smaller takes slopes smaller by 100 for exp f, 100^{3/2} for f² and 100² for |f|: the largest difference between divergences that should be equal",
    source: "densities scale with the unit of length, √p with its root, log p by a constant",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(2.0 * GAP)),
    full: Check::at_most(2.0 * GAP),
    reason: "two minima of the same problem, each to within the gap of the barrier",
};

/// `½ N(0, c²) + ½ N(2c, (c/20)²)` on `[−5c, 5c]`.
#[derive(Clone, Copy)]
struct TwoScales {
    unit: f64,
    components: [Normal; 2],
    log_mass: f64,
}

impl TwoScales {
    fn new(unit: f64) -> Result<Self> {
        let components = [Normal::new(0.0, unit)?, Normal::new(2.0 * unit, 0.05 * unit)?];
        let mass = components.map(|n| n.cdf(5.0 * unit) - n.cdf(-5.0 * unit));
        Ok(TwoScales {
            unit,
            components,
            log_mass: (0.5 * (mass[0] + mass[1])).ln(),
        })
    }

    fn log_density(&self, x: f64) -> f64 {
        let [wide, narrow] = self.components.map(|n| n.log_density_at(x));
        gibbsian_core::math::log_add_exp(wide, narrow) - std::f64::consts::LN_2 - self.log_mass
    }
}

/// `D(p ‖ g)` and `KL(p ‖ g/Z)`.
#[derive(Clone, Copy)]
struct Missed {
    divergence: f64,
    kl: f64,
}

/// By quadrature over the cells of the grid.
fn missed(log_p: &(dyn Fn(f64) -> f64 + Sync), f: &PiecewiseLinear, map: &dyn PositiveMap) -> Result<Missed> {
    let settings = QuadratureOptions {
        relative: 1e-9,
        ..QuadratureOptions::default()
    };
    let side = Interval::closed(-f.half_width, f.half_width)?;
    let ratio = |x: f64| {
        let log_p = log_p(x);
        log_p.exp() * (log_p - map.log_value(f.at(x)))
    };
    let cross = integrate_line(ratio, side, settings)?.value;
    let density = Normalised::new(Positive::new(f.clone(), map), Domain::interval(side), settings)?;
    let log_z = density.log_z();
    Ok(Missed {
        divergence: cross + log_z.exp_m1(),
        kl: cross + log_z,
    })
}

/// The best functions of all maps at one bound.
struct Row {
    slope: f64,
    functions: Vec<PiecewiseLinear>,
    missed: Vec<Missed>,
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let (rate, slope, w) = (4.0, 1.0, 5.0_f64);
    let cut = |r: f64| -(-r * w).exp_m1();
    let laplace = move |x: f64| -rate * x.abs() + (0.5 * rate / cut(rate)).ln();
    let found = missed(&laplace, &best(&laplace, w, &Exp, slope), &Exp)?;
    let mean_distance = (1.0 - (-rate * w).exp() * (1.0 + rate * w)) / (rate * cut(rate));
    let exact = (rate / cut(rate)).ln() - (slope / cut(slope)).ln() - (rate - slope) * mean_distance;
    ctx.measure(&SOLVER, crate::measured(found.divergence).against(exact))?;

    let large = sweep(0.1, &[10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])?;
    ctx.progress(1, 2, "bounded slopes");
    let small = sweep(10.0, &[0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0])?;
    let at = |rows: &[Row], slope: f64| -> Result<[f64; 4]> {
        let row = rows
            .iter()
            .find(|row| row.slope == slope)
            .ok_or("a slope that was swept")?;
        Ok(std::array::from_fn(|map| row.missed[map].divergence))
    };

    // The map, and two bounds that mean the same in the two units.
    let equal = [
        (0, 10.0, 0.1),
        (0, 20.0, 0.2),
        (1, 20.0, 0.02),
        (1, 100.0, 0.1),
        (2, 200.0, 0.02),
        (2, 1000.0, 0.1),
    ];
    let mut difference = 0.0_f64;
    for (map, one, other) in equal {
        difference = larger(
            difference,
            (at(&large, one)?[map] - at(&small, other)?[map]).abs(),
        );
    }
    ctx.measure(&UNITS, difference)?;

    let target = TwoScales::new(0.1)?;
    ctx.measure(&SCALE_FREE, scale_free(&target, 0.01)?)?;
    let exponential = &large[3];
    ctx.measure(
        &SHIFTED,
        shifted(&target, &exponential.functions[0], -20.0)? - exponential.missed[0].kl,
    )?;

    let lead = (large.iter().chain(&small))
        .map(|row| row.missed[3].divergence - larger(row.missed[0].divergence, row.missed[2].divergence))
        .fold(f64::INFINITY, smaller);
    ctx.measure(&SOFTPLUS_LAST, lead)?;
    let [exp, square, absolute, _] = at(&large, 100.0)?;
    ctx.measure(&LARGE_SQUARE, square - exp)?;
    ctx.measure(&LARGE_ABSOLUTE, absolute - square)?;
    let [exp, square, absolute, _] = at(&small, 0.3)?;
    ctx.measure(&SMALL_EXP, exp - square)?;
    ctx.measure(&SMALL_SQUARE, square - absolute)?;
    show(ctx, &large, &small)
}

/// The best functions on the target in this unit of length, for each bound.
fn sweep(unit: f64, slopes: &[f64]) -> Result<Vec<Row>> {
    let target = TwoScales::new(unit)?;
    let log_p = move |x: f64| target.log_density(x);
    let one = |&slope: &f64| -> Result<Row> {
        let functions: Vec<PiecewiseLinear> = MAPS
            .par_iter()
            .map(|(_, map)| best(&log_p, 5.0 * unit, *map, slope))
            .collect();
        let missed = (functions.par_iter().zip(MAPS))
            .map(|(f, (_, map))| missed(&log_p, f, map))
            .collect::<Result<_>>()?;
        Ok(Row {
            slope,
            functions,
            missed,
        })
    };
    slopes.par_iter().map(one).collect()
}

/// The larger KL of `f²` and `|f|` for `f = c √p` and `f = c p`, with `c` such that the steepest cell has this slope.
fn scale_free(target: &TwoScales, slope: f64) -> Result<f64> {
    let half_width = 5.0 * target.unit;
    let h = 2.0 * half_width / N_CELLS as f64;
    let mut largest = 0.0_f64;
    for (map, power) in [(&Square as &dyn PositiveMap, 0.5), (&Absolute, 1.0)] {
        let mut values: Vec<f64> = (0..=N_CELLS)
            .map(|i| (power * target.log_density(h * i as f64 - half_width)).exp())
            .collect();
        let steepest = values
            .windows(2)
            .map(|v| (v[1] - v[0]).abs() / h)
            .fold(0.0, larger);
        values.iter_mut().for_each(|v| *v *= slope / steepest);
        let f = PiecewiseLinear { half_width, values };
        largest = larger(largest, missed(&|x| target.log_density(x), &f, map)?.kl);
    }
    Ok(largest)
}

/// The KL of softplus of `f`, shifted so that its maximum is `top`.
fn shifted(target: &TwoScales, f: &PiecewiseLinear, top: f64) -> Result<f64> {
    let highest = f.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let values = f.values.iter().map(|v| v - highest + top).collect();
    let f = PiecewiseLinear { values, ..f.clone() };
    Ok(missed(&|x| target.log_density(x), &f, &Softplus)?.kl)
}

fn show(ctx: &mut Context, large: &[Row], small: &[Row]) -> Result<()> {
    for (name, title, rows, caption) in [
        (
            "slope-large-densities",
            "Divergence left at a bounded slope, densities up to 40",
            large,
            "The narrow component is 40 high: the exponential comes nearest once the slope exceeds some tens. What remains at 1e-7 is the grid.",
        ),
        (
            "slope-small-densities",
            "Divergence left at a bounded slope, densities up to 0.4",
            small,
            "The same target in a unit of length a hundred times smaller, 0.4 high: now the exponential is the one that cannot follow.",
        ),
    ] {
        let mut plot = Plot::new(
            title,
            Axis::log("bound on the slope |f'|"),
            Axis::log("D(p ‖ g) (nats)"),
        );
        for (k, (map, _)) in MAPS.iter().enumerate() {
            plot = plot.line(*map, rows.iter().map(|row| (row.slope, row.missed[k].divergence)));
        }
        ctx.plot(name, caption, &plot)?;
    }

    let target = TwoScales::new(0.1)?;
    let xs: Vec<f64> = (0..=400).map(|i| 0.1 + 0.2 * f64::from(i) / 400.0).collect();
    let mut plot = Plot::new(
        "The best g at slope 100",
        Axis::linear("x"),
        Axis::log("density").range(0.05, 60.0),
    );
    for (f, (name, map)) in large[3].functions.iter().zip(MAPS) {
        plot = plot.line(name, xs.iter().map(|&x| (x, map.log_value(f.at(x)).exp())));
    }
    plot = plot.dashed("target", xs.iter().map(|&x| (x, target.log_density(x).exp())));
    ctx.plot(
        "slope-best-densities",
        "Around the narrow component, of standard deviation 0.005.",
        &plot,
    )?;

    let mut table = Table::new(["unit", "slope", "map", "divergence", "kl"]);
    for (unit, rows) in [(0.1, large), (10.0, small)] {
        for row in rows {
            for ((name, _), missed) in MAPS.iter().zip(&row.missed) {
                table.row([
                    unit.into(),
                    row.slope.into(),
                    (*name).into(),
                    missed.divergence.into(),
                    missed.kl.into(),
                ])?;
            }
        }
    }
    ctx.table(
        "bounded-slopes",
        "The divergence of g, and that of g/Z, for each unit, bound and map.",
        &table,
    )
}
