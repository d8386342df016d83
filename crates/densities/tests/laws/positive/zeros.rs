//! What happens where a function vanishes, and where it is infinite.

use gibbsian_core::{Energy, Score, ScoreJvp};
use gibbsian_densities::positive::{Absolute, Exp, Positive, PositiveMap, Softplus, Square};
use ndarray::array;

use crate::positive::support::{PolynomialTimesGaussian, maps};

#[test]
fn squares_and_absolute_values_repel_from_their_zeros() {
    // f = x.
    let f = PolynomialTimesGaussian::new(&[0.0, 1.0], 0.0);
    let x = array![[0.0], [1e-300], [-1e-300]];
    for (k, model) in [
        (2.0, &Positive::new(&f, Square) as &dyn Model),
        (1.0, &Positive::new(&f, Absolute)),
    ] {
        let energy = model.energy(x.view());
        assert_eq!(energy[0], f64::INFINITY);
        assert_eq!(energy[1], -k * 1e-300_f64.ln());
        let score = model.score(x.view());
        assert!(score[(0, 0)].is_infinite());
        assert_eq!((score[(1, 0)], score[(2, 0)]), (k / 1e-300, -k / 1e-300));
        // s' = −k/x², which overflows at 1e−300 but not at 1e−150.
        let divergence = model.divergence(array![[1e-150]].view());
        assert!((divergence[0] / (-k * 1e300) - 1.0).abs() < 1e-15);
    }
    // A double zero has no direction.
    let flat = PolynomialTimesGaussian::new(&[0.0, 0.0, 1.0], 0.0);
    assert!(Positive::new(&flat, Square).score(array![[0.0]].view())[(0, 0)].is_nan());
}

#[test]
fn exponents_at_infinity_mean_no_density() {
    for (map, zero_slope) in [(&Exp as &dyn PositiveMap, 1.0), (&Softplus, 1.0)] {
        assert_eq!(map.log_value(f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(map.log_slope(f64::NEG_INFINITY), zero_slope);
        assert_eq!(map.relative_curvature(f64::NEG_INFINITY), 0.0);
        assert_eq!(map.log_value(f64::INFINITY), f64::INFINITY);
    }
    assert_eq!(Softplus.log_slope(f64::INFINITY), 0.0);
    assert_eq!(Softplus.relative_curvature(f64::INFINITY), -1.0);
}

#[test]
fn magnitudes_whose_squares_leave_the_range_of_doubles_keep_their_logarithms() {
    for f in [1e-300, -1e-300, 1e300, -1e300] {
        let log = 2.0 * f64::abs(f).ln();
        assert_eq!(Square.log_value(f), log);
        let model = Positive::new(PolynomialTimesGaussian::new(&[f], 0.0), Square);
        assert_eq!(model.energy(array![[1.0]].view()), array![-log]);
    }
    for (name, map) in maps() {
        assert!(map.log_value(-1e300).is_finite(), "{name}");
    }
}

trait Model: Energy + ScoreJvp {}
impl<T: Energy + ScoreJvp> Model for T {}
