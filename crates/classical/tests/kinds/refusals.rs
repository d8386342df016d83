//! What kinds of units refuse, by name.

use gibbsian_classical::{
    Bernoulli, Binomial, DoubleRectified, Gaussian, Joined, Layer, Rbm, RbmPath, Rectified, Softmax,
};
use gibbsian_core::{Parametric, ParametricMut, Path, Units};
use ndarray::{Array1, Array2, array};

fn text<T: std::fmt::Debug>(result: gibbsian_core::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn zero_and_negative_variances_are_refused() {
    assert_eq!(
        text(Gaussian::with_moments(
            array![0.0, 1.0].view(),
            array![1.0, 0.0].view()
        )),
        "`variances[1]` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        text(Gaussian::new(array![0.0], array![-1.0])),
        "`precision[0]` is -1, but must be finite and greater than zero"
    );
    assert_eq!(
        text(Rectified::new(array![0.0, 0.0], array![1.0])),
        "`precision` has shape [1], but must have shape [2]"
    );
    assert_eq!(
        text(DoubleRectified::new(
            array![0.0],
            array![1.0],
            array![0.0],
            array![0.0]
        )),
        "`negative.precision[0]` is 0, but must be finite and greater than zero"
    );
    let mut rbm = Rbm::new(
        Gaussian::standard(2),
        Bernoulli::unbiased(1),
        Array2::zeros((2, 1)),
    )
    .unwrap();
    let before = rbm.clone();
    let mut params = rbm.params();
    params[5] = -0.5;
    assert_eq!(
        text(rbm.set_params(params.view())),
        "`visible.precision[1]` is -0.5, but must be finite and greater than zero"
    );
    assert_eq!(rbm, before);
}

#[test]
fn data_outside_a_kind_are_refused() {
    let labels = Softmax::unbiased(2, 3).unwrap();
    assert_eq!(
        text(labels.check_rows("x", array![[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]].view())),
        "`x[0, 3..6]` is [1, 1, 0], but must be the indicators of one value, or probabilities that sum to one"
    );
    assert_eq!(
        text(labels.one_hot(array![[0, 3]].view())),
        "`labels[0, 1]` is 3, but must be below 3"
    );
    let counts = Binomial::unbiased(1, 4).unwrap();
    for value in [-1.0, 4.5, f64::NAN] {
        assert!(counts.check_rows("x", array![[value]].view()).is_err(), "{value}");
    }
    assert!(
        Rectified::unbiased(1)
            .check_rows("x", array![[-1e-9]].view())
            .is_err()
    );
    let joined = Joined::new(Bernoulli::unbiased(1), labels);
    assert_eq!(
        text(joined.check_rows("x", array![[0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]].view())),
        "`second.x[0, 3..6]` is [0, 0, 0], but must be the indicators of one value, or probabilities that sum to one"
    );
}

#[test]
fn sizes_and_counts_are_refused() {
    assert_eq!(
        text(Softmax::unbiased(2, 1)),
        "`n_values` is 1, but must be at least 2"
    );
    assert_eq!(
        text(Binomial::unbiased(2, 0)),
        "`n_trials` is 0, but must be in [1, 2^20]"
    );
    assert_eq!(
        text(Softmax::matching_means(array![[0.5, 0.25]].view(), 4, 1.0)),
        "`the sum of means[0]` is 0.75, but must be 1"
    );
    assert_eq!(
        text(Binomial::matching_means(array![3.5].view(), 3, 4, 1.0)),
        "`means[0]` is 3.5, but must be in [0, n_trials]"
    );
    let mut layer = Layer::from(Rectified::unbiased(1));
    assert_eq!(
        text(layer.set_params(Array1::from(vec![0.0, f64::NAN]).view())),
        "`precision[0]` is NaN, but must be finite"
    );
}

#[test]
fn paths_from_another_alphabet_are_refused() {
    let rbm = Rbm::new(
        Softmax::unbiased(2, 3).unwrap(),
        Bernoulli::unbiased(1),
        Array2::zeros((6, 1)),
    )
    .unwrap();
    let path = RbmPath::new(&rbm, Softmax::unbiased(3, 2).unwrap(), Bernoulli::unbiased(1));
    assert_eq!(
        text(path),
        "`base_visible` is a layer with bias [3, 2], but must be of the machine's kind, with bias [2, 3]"
    );
    // Trials are not parameters: the start has the machine's.
    let counts = Rbm::new(
        Binomial::unbiased(1, 4).unwrap(),
        Bernoulli::unbiased(1),
        array![[0.3]],
    )
    .unwrap();
    let path = RbmPath::new(&counts, Binomial::unbiased(1, 9).unwrap(), Bernoulli::unbiased(1)).unwrap();
    let log_z = 4.0 * 2.0_f64.ln() + 2.0_f64.ln();
    assert!((path.log_z_start() - log_z).abs() < 1e-14);
}

#[test]
fn nan_fields_give_nan_and_no_panic() {
    use gibbsian_core::Streams;
    let field = array![[f64::NAN, 0.3, 0.1]];
    let layers: [Layer; 5] = [
        Binomial::unbiased(3, 2).unwrap().into(),
        Gaussian::standard(3).into(),
        Rectified::unbiased(3).into(),
        DoubleRectified::standard(3).into(),
        Softmax::unbiased(1, 3).unwrap().into(),
    ];
    for layer in layers {
        assert!(layer.mean(field.view())[[0, 0]].is_nan(), "{layer:?}");
        let mut out = Array1::zeros(1);
        layer.log_partition_into(field.view(), out.view_mut());
        assert!(out[0].is_nan(), "{layer:?}");
        layer.energy_into(field.view(), out.view_mut());
        assert!(out[0].is_nan(), "{layer:?}");
        layer.sample(field.view(), Streams::from_key(1));
    }
}
