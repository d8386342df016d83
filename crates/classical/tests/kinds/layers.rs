//! The laws of single layers, one conformance line a kind, and their numbers far out.

use gibbsian_classical::{
    Bernoulli, Binomial, DoubleRectified, FiniteLayer, Gaussian, Joined, Layer, Rectified, Softmax, Spin,
};
use gibbsian_core::{FiniteUnits, ResponsiveUnits, Seed, Streams, Units};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

const DOUBLE: Precision = Precision::DOUBLE;

fn fields(n: usize) -> Array2<f64> {
    let numbers = [
        0.4, -0.9, 1.7, -0.3, 0.8, -2.1, 0.3, 0.6, 1.2, 1.3, -0.8, 0.1, -0.2, 0.9, 0.5,
    ];
    Array2::from_shape_fn((3, n), |(b, i)| numbers[(5 * b + i) % numbers.len()])
}

fn softmax() -> Softmax {
    Softmax::new(array![[0.7, -1.3, 0.2], [0.4, 0.1, -0.6]]).unwrap()
}

#[test]
fn finite_layers_obey_the_laws_of_units() {
    fn check(layer: impl FiniteUnits, seed: u64) {
        conformance::finite_units(&layer, fields(layer.n_units()).view(), DOUBLE, Seed::new(seed)).unwrap();
    }
    check(softmax(), 1);
    check(Binomial::new(array![0.5, -0.9], 5).unwrap(), 2);
    let bits = Bernoulli::new(array![0.7, -0.4]).unwrap();
    let spins = Spin::new(array![0.2, 0.9]).unwrap();
    check(Joined::new(spins, bits.clone()), 3);
    check(
        Joined::new(bits.clone(), Softmax::new(array![[0.3, -0.2, 0.8]]).unwrap()),
        4,
    );
    check(FiniteLayer::from(Binomial::new(array![-0.5, 1.1], 2).unwrap()), 5);
    let joined: Joined<FiniteLayer, FiniteLayer> = Joined::new(bits.into(), softmax().into());
    check(FiniteLayer::from(joined), 6);
}

#[test]
fn continuous_layers_obey_the_laws_of_units() {
    fn check(layer: impl Units, seed: u64) {
        conformance::continuous_units(&layer, fields(2).view(), DOUBLE, Seed::new(seed)).unwrap();
    }
    let gaussian = Gaussian::new(array![0.7, -1.3], array![0.6, 2.5]).unwrap();
    check(gaussian.clone(), 1);
    let rectified = Rectified::new(array![0.7, -1.3], array![0.6, 2.5]).unwrap();
    check(rectified.clone(), 2);
    let double = DoubleRectified::new(
        array![0.7, -1.3],
        array![0.6, 2.5],
        array![-0.9, 0.4],
        array![1.1, 0.8],
    );
    check(double.unwrap(), 3);
    check(Layer::from(gaussian), 4);
    let one = |layer: Layer| layer;
    let first = one(Gaussian::new(array![0.3], array![1.4]).unwrap().into());
    let second = one(Rectified::new(array![-0.5], array![0.9]).unwrap().into());
    check(Layer::from(Joined::new(first, second)), 5);
}

/// Far below zero a rectified unit is exponential with the rate `y = −t/√γ`, far above it is Gaussian.
#[test]
fn rectified_units_keep_their_digits_in_both_tails() {
    let gamma: f64 = 4.0;
    let units = Rectified::new(array![0.0], array![gamma]).unwrap();
    let law = |t: f64| {
        let field = array![[t]];
        let mut log_partition = Array1::zeros(1);
        units.log_partition_into(field.view(), log_partition.view_mut());
        (units.mean(field.view())[[0, 0]], log_partition[0])
    };
    for t in [1e3, 1e6, 1e12] {
        let (mean, log_partition) = law(-t);
        // E x = 1/t − 2γ/t³ + …, Γ = −log t − γ/t² + …: what is left out is below γ²/t⁴ of either.
        let small = gamma / (t * t);
        assert!(
            (mean * t - (1.0 - 2.0 * small)).abs() <= 4.0 * f64::EPSILON + 20.0 * small * small,
            "{t}: {mean:e}"
        );
        assert!(
            (log_partition + t.ln() + small).abs() <= 1e-14 + 3.0 * small * small,
            "{t}: {log_partition}"
        );
        let (mean, log_partition) = law(t);
        assert!(
            (mean / (t / gamma) - 1.0).abs() <= 4.0 * f64::EPSILON,
            "{t}: {mean}"
        );
        let normal = 0.5 * (t * t / gamma + (std::f64::consts::TAU / gamma).ln());
        assert!(
            (log_partition / normal - 1.0).abs() <= 4.0 * f64::EPSILON,
            "{t}: {log_partition}"
        );
    }
    // A draw far below zero is a number, and of the size of the mean.
    let field = Array2::from_elem((1000, 1), -1e9);
    let draws = units.sample(field.view(), Streams::from_key(1));
    assert!(draws.iter().all(|x| *x >= 0.0));
    let mean = draws.mean().unwrap() * 1e9;
    // The standard error of 1000 exponential draws is 0.032; five of them.
    assert!((mean - 1.0).abs() < 0.16, "{mean}");
}

/// In a strong field only one side of a double-rectified unit counts, and it is Gaussian: `Var x = 1/γ`, with the derivative `−1/γ²`.
#[test]
fn double_rectified_units_keep_the_derivative_of_their_variance() {
    let (positive, negative): (f64, f64) = (2.0, 0.5);
    let units = DoubleRectified::new(array![0.3], array![positive], array![-0.2], array![negative]).unwrap();
    let one = array![[1.0]];
    for (field, gamma, at) in [
        (1e4, positive, 1),
        (1e8, positive, 1),
        (-1e4, negative, 3),
        (-1e8, negative, 3),
    ] {
        let (mut out, mut grad) = (Array2::zeros((1, 1)), Array1::zeros(4));
        units.response_pullback_into(
            array![[field]].view(),
            one.view(),
            one.view(),
            out.view_mut(),
            grad.view_mut(),
        );
        let mut expected = Array1::<f64>::zeros(4);
        expected[at] = -gamma.powi(-2);
        assert!(
            (&grad - &expected).iter().all(|e| e.abs() <= 1e-14),
            "{field}: {grad}"
        );
    }
}

#[test]
fn categorical_units_neither_overflow_nor_lose_the_rare_value() {
    let units = Softmax::unbiased(1, 3).unwrap();
    let field = array![[800.0, -800.0, 0.0]];
    let mean = units.mean(field.view());
    assert_eq!(mean[[0, 0]], 1.0);
    assert!(
        (mean[[0, 2]].ln() + 800.0).abs() < 1e-10 || mean[[0, 2]] == 0.0,
        "{mean}"
    );
    let mut log_partition = Array1::zeros(1);
    units.log_partition_into(field.view(), log_partition.view_mut());
    assert_eq!(log_partition[0], 800.0);
    assert_eq!(
        units.sample(field.view(), Streams::from_key(1)),
        array![[1.0, 0.0, 0.0]]
    );
}

/// Counting the pseudo-cases one by one.
#[test]
fn matched_starts_have_the_means_of_the_data() {
    let units = Softmax::matching_means(array![[0.75, 0.25, 0.0]].view(), 4, 0.5).unwrap();
    let found = units.mean(Array2::zeros((1, 3)).view());
    let expected = array![[3.5 / 5.5, 1.5 / 5.5, 0.5 / 5.5]];
    assert!((found - expected).iter().all(|d| d.abs() <= 1e-15));

    let units = Binomial::matching_means(array![0.0, 1.5].view(), 3, 4, 0.5).unwrap();
    let found = units.mean(Array2::zeros((1, 2)).view());
    // Four cases of three trials, and half a case of none and half a case of three successes.
    let expected = array![[(0.5 * 3.0) / 5.0, (4.0 * 1.5 + 0.5 * 3.0) / 5.0]];
    assert!((found - expected).iter().all(|d| d.abs() <= 1e-15));

    let units = Gaussian::with_moments(array![1.5, -2.0].view(), array![0.25, 9.0].view()).unwrap();
    assert_eq!(units.mean(Array2::zeros((1, 2)).view()), array![[1.5, -2.0]]);
    assert_eq!(units.precision(), array![4.0, 1.0 / 9.0]);
}

#[test]
fn probabilities_count_as_categorical_data_and_nothing_else_does() {
    let units = softmax();
    let energy = |x: Array2<f64>| {
        let mut out = Array1::zeros(1);
        units.energy_into(x.view(), out.view_mut());
        out[0]
    };
    // Linear between the states.
    let mixed = energy(array![[0.25, 0.75, 0.0, 0.0, 0.5, 0.5]]);
    let expected = -(0.25 * 0.7 - 0.75 * 1.3 + 0.5 * 0.1 - 0.5 * 0.6);
    assert!((mixed - expected).abs() < 1e-15);
    for outside in [
        array![[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]],
        array![[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]],
        array![[1.5, -0.5, 0.0, 1.0, 0.0, 0.0]],
    ] {
        assert_eq!(energy(outside.clone()), f64::INFINITY, "{outside}");
        assert!(units.check_rows("x", outside.view()).is_err());
    }
    assert!(energy(array![[f64::NAN, 0.0, 0.0, 1.0, 0.0, 0.0]]).is_nan());
    assert_eq!(
        units.one_hot(array![[2, 0]].view()).unwrap(),
        array![[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]
    );
}
