//! Gradients at all flipped states, in both forms of the machine.

use gibbsian_classical::{BinaryRbm, Rbm};
use gibbsian_core::{EnergyPullback, Seed};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, ArrayViewMut1};
use rand::RngExt;

use crate::common::{binary_states, machine};
use crate::support::distance;

#[test]
fn flips_share_their_work_and_nothing_else() {
    // One panel of hidden units, and more than one.
    for (v, h) in [(4, 3), (3, 70)] {
        let rbm = machine(v, h, 0.8, 0.6, 5);
        let states = binary_states(v);
        conformance::flips_pullback(&rbm, states.view(), Precision::DOUBLE).unwrap();
        conformance::flips_pullback(&BinaryRbm::from(&rbm), states.view(), Precision::SINGLE).unwrap();
    }
}

/// The fused form is the reference's on machines of any size, weights too large for its table included, and on means.
#[test]
fn the_fused_gradient_is_that_of_the_reference() {
    for (weight, scale) in [(0.3, 1.0), (40.0, 1.0), (0.3, 0.7)] {
        let fused = BinaryRbm::from(&machine(66, 70, weight, 0.6, 5));
        let reference = Rbm::from(&fused);
        let mut rng = Seed::new(3).rng();
        let x = Array2::from_shape_simple_fn((40, 66), || scale * f64::from(rng.random::<f64>() < 0.3));
        let w = Array2::from_shape_simple_fn((40, 66), || rng.random::<f64>() - 0.5);
        let of = |model: &dyn Fn(ArrayViewMut1<f64>)| {
            let mut grad = Array1::zeros(66 * 70 + 66 + 70);
            model(grad.view_mut());
            grad
        };
        let found = of(&|grad| fused.flips_pullback_into(x.view(), w.view(), grad));
        let expected = of(&|grad| reference.flips_pullback_into(x.view(), w.view(), grad));
        // A field of n ≤ 66 terms in single precision is off by n ε Σ|W|, a mean by a quarter of that, and all flips add up.
        let largest_sum = x
            .dot(&reference.weights().mapv(f64::abs))
            .iter()
            .fold(0.0, |m: f64, s| m.max(*s));
        let tolerance = 0.25 * 66.0 * 2.0_f64.powi(-24) * largest_sum * w.mapv(f64::abs).sum();
        let size = |grad: &Array1<f64>| distance(grad, &Array1::zeros(grad.len()));
        let error = distance(&found, &expected);
        assert!(
            error <= tolerance,
            "weights {weight}: {error:e} above {tolerance:e}"
        );
        assert!(
            tolerance <= 0.2 * size(&expected),
            "{tolerance:e} beside {:e}",
            size(&expected)
        );
    }
}
