//! Values to fifty digits.

use gibbsian_densities::positive::{PositiveMap, Softplus};
use gibbsian_densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions};

use crate::common::reference::{self, Parameters};
use crate::positive::support::{PolynomialTimesGaussian, Unnormalised, maps, positive};

fn function(p: &Parameters) -> PolynomialTimesGaussian {
    PolynomialTimesGaussian::new(p.vector("coefficients").as_slice().unwrap(), p.number("a"))
}

#[test]
fn softplus_and_its_derivatives_to_the_last_digits() {
    let mut n = 0;
    for line in include_str!("../../reference/softplus.tsv").lines() {
        let [f, value, slope, bend] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let f: f64 = f.parse().unwrap();
        // log log(1 + e^f) vanishes at 0.54 where log(1 + e^f) is one, a number that is rounded.
        let terms = if f > 0.0 { 1.0 } else { 0.0 };
        let place = |what| format!("{what} of softplus at {f:e}");
        reference::compare(&place("logarithm"), Softplus.log_value(f), value, terms);
        reference::compare(&place("slope"), Softplus.log_slope(f), slope, 0.0);
        reference::compare(&place("curvature"), Softplus.relative_curvature(f), bend, 0.0);
        n += 1;
    }
    assert!(n > 100, "{n} lines");
}

#[test]
fn logarithms_and_scores_meet_the_table() {
    reference::log_density_and_score("positive", |p| Unnormalised(positive(function(p), p.word("map"))));
}

#[test]
fn integrals_meet_the_table_within_their_own_error() {
    let mut seen = Vec::new();
    reference::each_parameters("positive", |p| {
        let name = p.word("map");
        let w = p.number("half_width");
        let side = if w == 0.0 {
            Interval::line()
        } else {
            Interval::closed(-w, w).unwrap()
        };
        let model = positive(function(p), name);
        let density = Normalised::new(&model, Domain::interval(side), QuadratureOptions::default())
            .unwrap_or_else(|e| panic!("{name} of {:?}: {e}", model.function()));
        let error = (density.log_z() - p.number("log_z")).abs();
        // The table has log Z rounded to a double.
        let rounding = f64::EPSILON * density.log_z().abs();
        assert!(
            error <= density.normaliser().error + rounding && density.normaliser().error < 1e-12,
            "{name} of {:?}: off by {error:e}, {:?}",
            model.function(),
            density.normaliser(),
        );
        seen.push(name.to_owned());
    });
    for (name, _) in maps() {
        assert!(seen.iter().filter(|s| *s == name).count() >= 5, "{name}");
    }
}
