//! The lines of the test kit.

use gibbsian_core::{Energy, Score};
use gibbsian_densities::positive::{Exp, Positive, PositiveMap};
use gibbsian_densities::quadrature::{Domain, Interval, Normalised, QuadratureOptions};
use gibbsian_densities::{MultivariateNormal, QuadraticEnergy};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, array, s};

use crate::positive::support::{PolynomialTimesGaussian, maps};

fn precision() -> Precision {
    // Away from the zeros of f by more than the largest step.
    Precision::DOUBLE.with_step(0.03)
}

fn quadratic() -> QuadraticEnergy {
    QuadraticEnergy::new(array![[1.5, 0.4], [0.4, -0.8]], array![0.3, -0.5], 0.7).unwrap()
}

/// Points of the plane where the quadratic function has either sign.
fn plane() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -1.7], [0.2, 2.9], [-0.1, -3.0]]
}

#[test]
fn every_map_of_a_quadratic_function_conforms() -> Verdict {
    let (f, x) = (quadratic(), plane());
    let values = f.energy(x.view());
    assert!(values.iter().any(|&e| e > 0.5) && values.iter().any(|&e| e < -0.5));
    for (_, map) in maps() {
        let model = Positive::new(&f, map);
        conformance::energy(&model, x.view(), precision())?;
        conformance::score(&model, x.view(), precision())?;
        conformance::potential(&model, x.view(), precision())?;
        conformance::score_jvp(&model, x.view(), precision())?;
    }
    Ok(())
}

#[test]
fn every_map_passes_gradients_to_the_parameters_of_the_function() -> Verdict {
    let line = array![[0.4], [-1.3], [2.1], [0.9]];
    for (_, map) in maps() {
        let f = PolynomialTimesGaussian::new(&[0.7, -1.1, 0.4, 0.9], 0.3);
        let mut model = Positive::new(f, map);
        conformance::parametric(&mut model)?;
        conformance::potential(&model, line.view(), precision())?;
        conformance::score_jvp(&model, line.view(), precision())?;
        conformance::energy_pullback(&mut model, line.view(), precision())?;
    }
    for (_, map) in maps() {
        let f =
            MultivariateNormal::from_covariance(array![0.5, -1.0], array![[2.0, 0.6], [0.6, 1.0]]).unwrap();
        conformance::energy_pullback(&mut Positive::new(f, map), plane().view(), precision())?;
    }
    Ok(())
}

#[test]
fn the_exponential_of_a_function_is_its_own_gibbs_density() {
    let (f, x) = (quadratic(), plane());
    let model = Positive::new(&f, Exp);
    assert_eq!(model.energy(x.view()), f.energy(x.view()));
    assert_eq!(model.score(x.view()), f.score(x.view()));
}

#[test]
fn a_normalised_model_conforms() -> Verdict {
    let side = Interval::closed(-3.0, 3.0).unwrap();
    let domain = Domain::rectangle(side, side);
    for (name, map) in maps() {
        // The zeros of a quadratic function are kinks of its absolute value along a curve, of which no product rule has many digits.
        let relative = if name == "absolute" { 1e-4 } else { 1e-12 };
        let settings = QuadratureOptions {
            relative,
            ..QuadratureOptions::default()
        };
        let model = Normalised::new(Positive::new(quadratic(), map), domain.clone(), settings).unwrap();
        let x = plane();
        conformance::energy(&model, x.view(), precision())?;
        conformance::score(&model, x.view(), precision())?;
        // Differences would step across the edge, on which the last point lies.
        let inside = x.slice(s![..4, ..]);
        conformance::potential(&model, inside, precision())?;
        conformance::score_jvp(&model, inside, precision())?;
    }
    Ok(())
}

#[test]
fn a_normalised_model_ends_where_its_domain_does() {
    let domain = Domain::interval(Interval::closed(-1.0, 1.0).unwrap());
    let f = PolynomialTimesGaussian::new(&[2.0, 1.0], 0.0);
    let model = Normalised::new(Positive::new(f, Exp), domain, QuadratureOptions::default()).unwrap();
    let x = array![[-1.0], [1.0], [1.0_f64.next_up()], [f64::NAN], [f64::INFINITY]];
    let log_p = model.log_density(x.view());
    assert_eq!(log_p[0], 1.0 - model.log_z());
    assert_eq!(log_p[1], 3.0 - model.log_z());
    assert_eq!(log_p[2], f64::NEG_INFINITY);
    assert!(log_p[3].is_nan());
    assert_eq!(log_p[4], f64::NEG_INFINITY);
    let score = model.score(x.view());
    assert_eq!(score[(1, 0)], 1.0);
    assert!(score[(2, 0)].is_nan() && score[(3, 0)].is_nan() && score[(4, 0)].is_nan());
    // On an open interval the ends do not belong.
    let open = Domain::interval(Interval::above(0.0).unwrap());
    assert!(!open.contains(array![0.0].view()) && open.contains(array![1e-300].view()));
}

#[test]
fn maps_are_bent_between_an_absolute_value_and_an_exponential() {
    for (name, map) in maps() {
        for f in [-1e200, -30.0, -1.0, -1e-3, 1e-300, 0.2, 3.0, 40.0, 1e10] {
            let bend = map.relative_curvature(f);
            assert!((-1.0..=0.0).contains(&bend), "{name} at {f}: {bend}");
        }
        assert!(map.log_value(f64::NAN).is_nan(), "{name}");
        assert!(map.log_slope(f64::NAN).is_nan(), "{name}");
        assert!(map.relative_curvature(f64::NAN).is_nan(), "{name}");
    }
}
