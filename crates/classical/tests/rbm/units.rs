//! Bernoulli units: the laws of layers, the base rates of Salakhutdinov and Murray, and input that is refused.

use crate::common::layer;
use gibbsian_classical::Bernoulli;
use gibbsian_core::{Parametric, Seed, Units};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

#[test]
fn a_layer_obeys_the_laws_of_units() {
    let units = layer(array![0.7, -1.3, 0.2]);
    let field = array![
        [0.4, -0.9, 1.7],
        [-2.1, 0.3, 0.6],
        [1.2, 2.3, -0.8],
        [0.1, -0.2, 0.9]
    ];
    conformance::finite_units(&units, field.view(), Precision::DOUBLE, Seed::new(11)).unwrap();
    conformance::parametric(&mut layer(array![0.7, -1.3, 0.2])).unwrap();
}

#[test]
fn means_and_log_partition_do_not_overflow_in_large_fields() {
    let units = layer(array![0.0, 0.0, 0.0]);
    let field = array![[800.0, -800.0, 0.0]];
    assert_eq!(units.mean(field.view()), array![[1.0, 0.0, 0.5]]);
    let mut gamma = Array1::zeros(1);
    units.log_partition_into(field.view(), gamma.view_mut());
    assert!((gamma[0] - (800.0 + 2.0_f64.ln())).abs() <= 1e-12);
}

/// Counting the pseudo-cases one by one.
#[test]
fn matching_means_is_the_base_rate_with_pseudo_cases() {
    let cases: Array2<f64> = array![[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]];
    let means = array![1.0, 0.0, 0.5];
    for pseudo_count in [1.0, 2.5] {
        let units = Bernoulli::matching_means(means.view(), 4, pseudo_count).unwrap();
        let found = units.mean(Array2::zeros((1, 3)).view());
        for (i, column) in cases.columns().into_iter().enumerate() {
            let on = column.iter().filter(|v| **v == 1.0).count() as f64 + pseudo_count;
            let off = column.iter().filter(|v| **v == 0.0).count() as f64 + pseudo_count;
            assert!(
                (found[[0, i]] - on / (on + off)).abs() <= 1e-15,
                "unit {i}: {found}"
            );
        }
    }
}

#[test]
#[should_panic(expected = "x has shape [2, 4]")]
fn a_field_of_another_width_is_a_bug() {
    // Not the log-partition of the first three units.
    Bernoulli::unbiased(3).log_partition_into(Array2::zeros((2, 4)).view(), Array1::zeros(2).view_mut());
}

#[test]
fn bad_input_is_refused_by_name() {
    let error = Bernoulli::new(array![0.0, f64::NAN]).unwrap_err();
    assert_eq!(error.to_string(), "`bias[1]` is NaN, but must be finite");
    let error = Bernoulli::matching_means(array![0.5, 1.5].view(), 10, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "`means[1]` is 1.5, but must be in [0, 1]");
    let error = Bernoulli::matching_means(array![0.5].view(), 10, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`pseudo_count` is 0, but must be finite and greater than zero"
    );
    assert!(Bernoulli::unbiased(2).admits(1, 0.3));
    for value in [-1e-12, 1.0 + 1e-12, f64::NAN, f64::INFINITY] {
        assert!(!Bernoulli::unbiased(2).admits(1, value), "{value}");
    }
    assert_eq!(Bernoulli::unbiased(2).params(), array![0.0, 0.0]);
}
