//! The fused machine's parameters: their layout, their way to the reference and back, snapshots, and refusals.

use crate::common::machine;
use crate::fused::{SHAPES, pair};
use gibbsian_classical::{Bernoulli, BinaryRbm, Rbm};
use gibbsian_core::{Parametric, ParametricMut, Record, Snapshot, Values};
use gibbsian_testkit::agreement::identical;
use gibbsian_testkit::conformance;
use ndarray::{Array1, array};

/// Parameters with few binary digits, which single precision holds even when scaled by 17/16.
fn short_numbers(rbm: &Rbm) -> BinaryRbm {
    let mut machine = BinaryRbm::from(rbm);
    let params = rbm.params().mapv(|p| (64.0 * p).round() / 64.0);
    machine.set_params(params.view()).unwrap();
    machine
}

#[test]
fn parameters_obey_the_laws_of_their_traits_at_every_shape() {
    for (v, h) in SHAPES {
        let mut fast = short_numbers(&machine(v, h, 0.5, 0.5, 1));
        conformance::parametric(&mut fast).unwrap();
        let mut other = BinaryRbm::from(&machine(v, h, 0.5, 0.5, 2));
        conformance::snapshot(&fast, &mut other).unwrap();
        assert_eq!(fast, other);
    }
}

#[test]
fn the_reference_has_the_same_parameters_in_the_same_places() {
    for (v, h) in SHAPES {
        let (fast, reference) = pair(v, h, 0.5, 0.5, 3);
        assert_eq!(fast.layout(), reference.layout());
        identical("there and back", &fast.params(), &reference.params()).unwrap();
        assert_eq!(BinaryRbm::from(&reference), fast);
        let mut set = BinaryRbm::from(&machine(v, h, 1.0, 1.0, 4));
        assert_ne!(set, fast);
        set.set_params(reference.params().view()).unwrap();
        assert_eq!(set, fast);
        assert_eq!(fast.weights().mapv(f64::from), reference.weights());
        assert_eq!((fast.n_visible(), fast.n_hidden()), (v, h));
    }
}

#[test]
fn parameters_are_rounded_to_the_nearest_and_saturate() {
    let rbm = Rbm::new(
        crate::common::layer(array![0.1, -1e300]),
        crate::common::layer(array![1e39]),
        array![[1.0 / 3.0], [1e-50]],
    )
    .unwrap();
    let params = BinaryRbm::from(&rbm).params();
    let expected = [1.0_f32 / 3.0, 0.0, 0.1, f32::MIN, f32::MAX].map(f64::from);
    assert_eq!(params.to_vec(), expected);
}

#[test]
fn parameters_beyond_single_precision_are_refused_by_name() {
    let mut fast = BinaryRbm::from(&machine(2, 3, 1.0, 1.0, 1));
    let before = fast.clone();
    for (at, name) in [
        (4, "weights[1, 1]"),
        (7, "visible.bias[1]"),
        (10, "hidden.bias[2]"),
    ] {
        for (bad, said) in [
            (f64::NAN, "NaN, but must be finite".to_owned()),
            (
                -1e39,
                format!("{}, but must be a number that single precision can hold", -1e39),
            ),
        ] {
            let mut params = fast.params() + 1.0;
            params[at] = bad;
            let error = fast.set_params(params.view()).unwrap_err();
            assert_eq!(error.to_string(), format!("`{name}` is {said}"));
            assert_eq!(fast, before);
        }
    }
    assert!(fast.set_params(Array1::zeros(10).view()).is_err());
    assert_eq!(fast, before);
}

#[test]
fn a_snapshot_of_another_machine_is_refused() {
    let mut fast = BinaryRbm::from(&machine(2, 3, 1.0, 1.0, 1));
    let before = fast.clone();
    for shape in [(3, 3), (2, 4), (3, 2)] {
        let record = BinaryRbm::from(&machine(shape.0, shape.1, 1.0, 1.0, 1)).snapshot();
        let error = fast.restore(&record).unwrap_err().to_string();
        assert!(error.contains("`weights`") && error.contains("[2, 3]"), "{error}");
        assert_eq!(fast, before);
    }
    // Shapes that fit, and a number that is none.
    let mut record = Record::new();
    for (name, shape, values) in before.snapshot().entries() {
        let mut values = values.clone();
        if let (Values::F32(values), "hidden.bias") = (&mut values, name) {
            values[1] = f32::INFINITY;
        }
        record.put(name, shape, values);
    }
    let error = fast.restore(&record).unwrap_err();
    assert_eq!(error.to_string(), "`hidden.bias[1]` is inf, but must be finite");
    assert_eq!(fast, before);
}

#[test]
fn log_z_is_that_of_the_reference() {
    let (fast, reference) = pair(70, 9, 0.5, 0.5, 3);
    let (found, expected) = (fast.log_z().unwrap(), reference.log_z().unwrap());
    assert!(
        (found - expected).abs() <= 1e-12 * expected,
        "{found} instead of {expected}"
    );
    let large = Rbm::new(
        Bernoulli::unbiased(33),
        Bernoulli::unbiased(40),
        ndarray::Array2::zeros((33, 40)),
    );
    let error = BinaryRbm::from(&large.unwrap()).log_z().unwrap_err();
    assert!(error.to_string().contains("at most 32 units"), "{error}");
}
