//! Machines of unbounded units that have no normaliser are refused, and those that have one are not.

use gibbsian_classical::{Bernoulli, DoubleRectified, Gaussian, Rbm, Rectified};
use gibbsian_core::{Parametric, ParametricMut, Units};
use ndarray::{Array2, array};

fn gaussian(precision: [f64; 2]) -> Gaussian {
    Gaussian::new(array![0.1, -0.2], array![precision[0], precision[1]]).unwrap()
}

fn refused<V: Units, H: Units>(visible: V, hidden: H, weights: Array2<f64>) -> bool {
    match Rbm::new(visible, hidden, weights) {
        Ok(_) => false,
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.contains("`weights`") && text.contains("has no integral"),
                "{text}"
            );
            true
        }
    }
}

/// The largest singular value of `[[a, a], [−a, a]]` is `√2 a`; precisions divide by their roots.
#[test]
fn gaussian_layers_are_normalisable_up_to_a_singular_value_of_one() {
    let weights = |a: f64| array![[a, a], [-a, a]];
    let edge = 0.5_f64.sqrt();
    assert!(!refused(
        gaussian([1.0, 1.0]),
        gaussian([1.0, 1.0]),
        weights(edge - 1e-6)
    ));
    assert!(refused(
        gaussian([1.0, 1.0]),
        gaussian([1.0, 1.0]),
        weights(edge + 1e-6)
    ));
    // All scales by √(4 · 9) = 6.
    assert!(!refused(
        gaussian([4.0, 4.0]),
        gaussian([9.0, 9.0]),
        weights(6.0 * edge - 1e-5)
    ));
    assert!(refused(
        gaussian([4.0, 4.0]),
        gaussian([9.0, 9.0]),
        weights(6.0 * edge + 1e-5)
    ));
    // A bounded layer needs nothing.
    assert!(!refused(
        gaussian([1.0, 1.0]),
        Bernoulli::unbiased(2),
        weights(100.0)
    ));
    let mut rbm = Rbm::new(gaussian([1.0, 1.0]), gaussian([1.0, 1.0]), weights(0.5)).unwrap();
    let before = rbm.clone();
    assert!(
        rbm.set_params((rbm.params() * 2.5).view()).is_ok(),
        "precisions grow as well"
    );
    let mut params = before.params();
    params.slice_mut(ndarray::s![..4]).mapv_inplace(|w| 2.5 * w);
    rbm = before.clone();
    assert!(rbm.set_params(params.view()).is_err());
    assert_eq!(rbm, before);
}

/// One-sided units cannot go in every direction: what only they could profit from is not refused.
#[test]
fn rectified_layers_are_refused_in_open_directions_only() {
    let rectified = || Rectified::new(array![0.1, 0.2], array![1.0, 1.0]).unwrap();
    let all = |a: f64| Array2::from_elem((2, 2), a);
    // v'Wh = a (v₁ + v₂)(h₁ + h₂) ≤ 2a |v||h|.
    assert!(refused(rectified(), rectified(), all(0.5 + 1e-6)));
    assert!(!refused(rectified(), rectified(), all(0.5 - 1e-6)));
    // Never positive.
    assert!(!refused(rectified(), rectified(), all(-50.0)));
    assert!(refused(rectified(), gaussian([1.0, 1.0]), all(-0.51)));
    // Opposite filters: at any v only one of the two hidden units gains, so that the limit is that of one, |w| = 1, and not √½ of it.
    let opposite = |a: f64| array![[a, -a], [0.0, 0.0]];
    assert!(!refused(gaussian([1.0, 1.0]), rectified(), opposite(0.99)));
    assert!(refused(gaussian([1.0, 1.0]), rectified(), opposite(1.01)));
    // The steeper side of a double-rectified unit allows more.
    let double = DoubleRectified::new(array![0.0], array![4.0], array![0.0], array![1.0]).unwrap();
    let one = || Rectified::new(array![0.1], array![1.0]).unwrap();
    assert!(!refused(double.clone(), one(), array![[1.9]]));
    assert!(refused(double.clone(), one(), array![[2.1]]));
    assert!(refused(double.clone(), one(), array![[-1.1]]));
    assert!(!refused(double, one(), array![[-0.9]]));
}
