//! Other parameters of the same law: free energies move by the constant that is returned, and nothing else changes.

use gibbsian_classical::rbm::Scalable;
use gibbsian_classical::{
    Bernoulli, Binomial, DoubleRectified, Gaussian, Joined, Rbm, Rectified, Softmax, Spin,
};
use gibbsian_core::{
    BlockLaw, Blocks, ContinuousUnits, Discrete, Energy, EnergyPullback, Parametric, Score, Seed,
};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array};

fn weights(n_visible: usize, n_hidden: usize) -> Array2<f64> {
    let numbers = [0.7, -0.4, 0.9, -0.8, 0.3, 0.2, 0.5, 0.6, -1.1, 0.1];
    Array2::from_shape_fn((n_visible, n_hidden), |(i, j)| {
        numbers[(3 * i + j) % numbers.len()]
    })
}

/// Free energies at corresponding points differ by the constant, and `log Z` by minus it.
fn same_law<A: gibbsian_core::FiniteUnits, B: gibbsian_core::FiniteUnits, H: gibbsian_core::FiniteUnits>(
    before: &Rbm<A, H>,
    after: &Rbm<B, H>,
    constant: f64,
    map: impl Fn(&Array2<f64>) -> Array2<f64>,
) {
    let v = before.states().unwrap();
    let x = map(&v);
    let tolerance = Precision::DOUBLE.agreement();
    close(
        "free energies",
        &before.energy(v.view()),
        &(after.energy(x.view()) + constant),
        tolerance,
    )
    .unwrap();
    let (log_z, other) = (before.log_z().unwrap(), after.log_z().unwrap());
    assert!(
        (log_z - (other - constant)).abs() <= 1e-13,
        "{log_z} and {other} − {constant}"
    );
    close(
        "hidden means",
        &before.hidden_mean(v.view()),
        &after.hidden_mean(x.view()),
        tolerance,
    )
    .unwrap();
    close(
        "transitions",
        &before.block_matrix(0, v.view()),
        &after.block_matrix(0, x.view()),
        tolerance,
    )
    .unwrap();
}

#[test]
fn spins_are_bits_in_other_words_beside_any_hidden_layer() {
    let spins = Spin::new(array![0.3, -0.6, 0.2]).unwrap();
    fn there_and_back<H: gibbsian_core::FiniteUnits + gibbsian_classical::units::Shift>(
        spins: &Spin,
        hidden: H,
    ) {
        let n_hidden = hidden.n_units();
        let rbm = Rbm::new(spins.clone(), hidden, weights(3, n_hidden)).unwrap();
        let (bits, constant) = rbm.with_bernoulli_visible().unwrap();
        same_law(&rbm, &bits, constant, |v| (v + 1.0) / 2.0);
        let (spins, back) = bits.with_spin_visible().unwrap();
        same_law(&bits, &spins, back, |x| x * 2.0 - 1.0);
        assert!((constant + back).abs() < 1e-15);
        let v = rbm.states().unwrap();
        close(
            "there and back",
            &spins.energy(v.view()),
            &rbm.energy(v.view()),
            1e-14,
        )
        .unwrap();
    }
    there_and_back(&spins, Bernoulli::new(array![-0.2, 0.5]).unwrap());
    there_and_back(&spins, Spin::new(array![-0.2, 0.5]).unwrap());
    there_and_back(&spins, Binomial::new(array![-0.2, 0.5], 2).unwrap());
    let labels = Softmax::new(array![[-0.2, 0.5, 0.1]]).unwrap();
    there_and_back(&spins, Joined::new(Bernoulli::new(array![0.4]).unwrap(), labels));
}

#[test]
fn both_layers_of_spins_become_bits() {
    let rbm = Rbm::new(
        Spin::new(array![0.3, -0.6, 0.2]).unwrap(),
        Spin::new(array![0.1, 0.4]).unwrap(),
        weights(3, 2),
    )
    .unwrap();
    let (half, first) = rbm.with_bernoulli_visible().unwrap();
    let (bits, second) = half.transposed().with_bernoulli_visible().unwrap();
    let bits = bits.transposed();
    let v = rbm.states().unwrap();
    let x = (&v + 1.0) / 2.0;
    close(
        "free energies",
        &rbm.energy(v.view()),
        &(bits.energy(x.view()) + first + second),
        Precision::DOUBLE.agreement(),
    )
    .unwrap();
    // 4W, 2b − 2W1, 2c − 2W'1.
    close("weights", &bits.weights(), &(weights(3, 2) * 4.0), 1e-15).unwrap();
    let expected = array![0.6, -1.2, 0.4] - weights(3, 2).sum_axis(Axis(1)) * 2.0;
    close("biases", &bits.visible().bias(), &expected, 1e-15).unwrap();
}

#[test]
fn exchanged_values_change_no_probability_beside_any_hidden_layer() {
    let labels = Softmax::new(array![[-0.2, 0.5, 0.1]]).unwrap();
    let rbm = Rbm::new(
        Bernoulli::new(array![0.3, -0.6, 0.2, 0.9]).unwrap(),
        Joined::new(Spin::new(array![0.1, 0.4]).unwrap(), labels),
        weights(4, 5),
    )
    .unwrap();
    for mask in [[true; 4], [false, true, false, true], [false; 4]] {
        let flipped = Array1::from_iter(mask);
        let (other, constant) = rbm.with_flipped_visible(flipped.view()).unwrap();
        let exchange = |v: &Array2<f64>| {
            Array2::from_shape_fn(
                v.raw_dim(),
                |(b, i)| if mask[i] { 1.0 - v[[b, i]] } else { v[[b, i]] },
            )
        };
        same_law(&rbm, &other, constant, exchange);
    }
    let error = rbm.with_flipped_visible(array![true].view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`visible` has shape [1], but must have shape [4]"
    );
}

#[test]
fn the_zero_sum_gauge_changes_no_probability_and_has_the_least_weights() {
    let rbm = Rbm::new(
        Softmax::new(array![[0.3, -0.6, 0.9], [0.1, 0.2, -0.5]]).unwrap(),
        Bernoulli::new(array![0.1, 0.4]).unwrap(),
        weights(6, 2),
    )
    .unwrap();
    let (gauge, constant) = rbm.with_zero_sum_visible().unwrap();
    same_law(&rbm, &gauge, constant, Clone::clone);
    for unit in gauge.weights().axis_chunks_iter(Axis(0), 3) {
        assert!(unit.sum_axis(Axis(0)).iter().all(|s| s.abs() < 1e-15));
    }
    assert!(
        gauge
            .visible()
            .bias()
            .sum_axis(Axis(1))
            .iter()
            .all(|s| s.abs() < 1e-15)
    );
    let squares = |rbm: &Rbm<Softmax, Bernoulli>| rbm.weights().mapv(|w| w * w).sum();
    assert!(squares(&gauge) < squares(&rbm));
}

#[test]
fn the_scale_of_real_units_is_free() {
    let scales = array![0.5, 3.0];
    let v = array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]];
    let visible = Bernoulli::new(array![0.3, -0.6, 0.2]).unwrap();
    let check = |before: Array1<f64>, after: Array1<f64>| {
        // exp(−F) integrates the hidden units over y = h/s: a factor 1/Π s.
        let expected = after - scales.mapv(f64::ln).sum();
        close("free energies", &before, &expected, 1e-14).unwrap();
    };
    let (linear, precision) = (array![0.3, -0.4], array![1.5, 0.7]);
    let hidden = Gaussian::new(linear.clone(), precision.clone()).unwrap();
    let rbm = Rbm::new(visible.clone(), hidden, weights(3, 2)).unwrap();
    let scaled = rbm
        .transposed()
        .with_scaled_visible(scales.view())
        .unwrap()
        .transposed();
    check(rbm.energy(v.view()), scaled.energy(v.view()));
    close(
        "means",
        &rbm.hidden_mean(v.view()),
        &(scaled.hidden_mean(v.view()) * &scales),
        1e-14,
    )
    .unwrap();

    let (below, above) = (array![-0.2, 0.5], array![0.9, 2.0]);
    let hidden = DoubleRectified::new(linear.clone(), precision.clone(), below, above).unwrap();
    let rbm = Rbm::new(visible.clone(), hidden, weights(3, 2)).unwrap();
    let scaled = rbm
        .transposed()
        .with_scaled_visible(scales.view())
        .unwrap()
        .transposed();
    check(rbm.energy(v.view()), scaled.energy(v.view()));
    close(
        "means",
        &rbm.hidden_mean(v.view()),
        &(scaled.hidden_mean(v.view()) * &scales),
        1e-14,
    )
    .unwrap();

    let hidden = Rectified::new(linear, precision).unwrap();
    let rbm = Rbm::new(visible, hidden, weights(3, 2)).unwrap();
    let scaled = rbm
        .transposed()
        .with_scaled_visible(scales.view())
        .unwrap()
        .transposed();
    check(rbm.energy(v.view()), scaled.energy(v.view()));
    let error = rbm
        .transposed()
        .with_scaled_visible(array![1.0, 0.0].view())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`scales[1]` is 0, but must be finite and greater than zero"
    );
}

/// The same of visible units whose precisions are learnt: energies at corresponding points are equal, densities have the factor of the change of variables, and gradients follow the chain rule.
fn scaled_visible_units<V: Scalable + ContinuousUnits>(visible: V) {
    let scales = array![0.4, 2.5];
    let rbm = Rbm::new(
        visible,
        Bernoulli::new(array![0.2, -0.5, 0.1]).unwrap(),
        weights(2, 3),
    )
    .unwrap();
    let scaled = rbm.with_scaled_visible(scales.view()).unwrap();
    let (v, h) = (array![[0.3, 0.8], [1.1, 0.2], [0.6, 2.4]], Array2::eye(3));
    let y = &v / &scales;
    let same =
        |law: &str, found: &Array2<f64>, expected: &Array2<f64>| close(law, found, expected, 1e-14).unwrap();
    close(
        "joint energies",
        &scaled.joint_energy(y.view(), h.view()),
        &rbm.joint_energy(v.view(), h.view()),
        1e-14,
    )
    .unwrap();
    close(
        "free energies",
        &scaled.energy(y.view()),
        &rbm.energy(v.view()),
        1e-14,
    )
    .unwrap();
    same(
        "hidden means",
        &scaled.hidden_mean(y.view()),
        &rbm.hidden_mean(v.view()),
    );
    same(
        "visible means",
        &(scaled.visible_mean(h.view()) * &scales),
        &rbm.visible_mean(h.view()),
    );
    // ∂/∂y = s ∂/∂v.
    same(
        "scores",
        &scaled.score(y.view()),
        &(rbm.score(v.view()) * &scales),
    );
    // ∫ exp(−E) dv = Π s ∫ exp(−E) dy.
    let log_z = [&rbm, &scaled].map(|rbm| rbm.log_z_over_hidden().unwrap());
    let expected = log_z[1] + scales.mapv(f64::ln).sum();
    assert!((log_z[0] - expected).abs() < 1e-13, "{log_z:?}");

    // Draws from the same stream are the same points.
    let [mut v_drawn, mut y_drawn] = [v.clone(), y.clone()];
    rbm.resample(v_drawn.view_mut(), 0, None, &mut Seed::new(1).rng());
    scaled.resample(y_drawn.view_mut(), 0, None, &mut Seed::new(1).rng());
    close("draws", &(y_drawn * &scales), &v_drawn, 1e-13).unwrap();

    // With W' = sW, θ' = sθ and γ' = s²γ a gradient is s or s² times that in the other coordinates; of the hidden biases it is the same.
    let w = array![0.5, -1.0, 2.0];
    let gradient = |rbm: &Rbm<V, Bernoulli>, x: &Array2<f64>| {
        let mut grad = Array1::zeros(rbm.n_params());
        rbm.energy_pullback_into(x.view(), w.view(), grad.view_mut());
        grad
    };
    let mut expected = gradient(&scaled, &y);
    let layout = rbm.layout();
    for (k, expected) in expected.iter_mut().enumerate() {
        let name = layout.locate(k);
        *expected *= match () {
            () if name.starts_with("weights") => scales[k / 3],
            () if name.contains("precision") => scales[(k - 6) % 2].powi(2),
            () if name.contains("linear") => scales[(k - 6) % 2],
            () => 1.0,
        };
    }
    close("gradients", &gradient(&rbm, &v), &expected, 1e-13).unwrap();
}

#[test]
fn the_scale_of_real_visible_units_is_free() {
    let (linear, precision) = (array![0.3, -0.4], array![1.5, 0.7]);
    scaled_visible_units(Gaussian::new(linear.clone(), precision.clone()).unwrap());
    scaled_visible_units(Rectified::new(linear.clone(), precision.clone()).unwrap());
    let (below, above) = (array![-0.2, 0.5], array![0.9, 2.0]);
    scaled_visible_units(DoubleRectified::new(linear, precision, below, above).unwrap());
}

/// What is finite in one coordinate need not be in another; that is an error and no panic, and nothing infinite gets into a machine.
#[test]
fn parameters_that_overflow_in_other_coordinates_are_refused() {
    let refused = |found: gibbsian_core::Result<()>, name: &str| {
        let message = found.unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    };
    let gaussian = Gaussian::new(array![0.3], array![1.5]).unwrap();
    let real = Rbm::new(gaussian, Bernoulli::unbiased(1), array![[0.5]]).unwrap();
    for scale in [1e-200, 1e200] {
        refused(
            real.with_scaled_visible(array![scale].view()).map(drop),
            "precision",
        );
    }
    // Weights, biases, what a hidden unit receives, the constant.
    let spins = |bias: f64, w: f64| {
        let visible = Spin::new(array![bias, bias]).unwrap();
        Rbm::new(visible, Bernoulli::unbiased(1), array![[w], [w]]).unwrap()
    };
    refused(spins(0.0, 1e308).with_bernoulli_visible().map(drop), "bias");
    refused(spins(1e308, 0.0).with_bernoulli_visible().map(drop), "constant");
    let one = Rbm::new(
        Spin::new(array![1e308]).unwrap(),
        Bernoulli::unbiased(1),
        array![[0.0]],
    )
    .unwrap();
    refused(one.with_bernoulli_visible().map(drop), "visible.bias");
    let one = Rbm::new(Spin::unbiased(1), Bernoulli::unbiased(1), array![[1e308]]).unwrap();
    refused(one.with_bernoulli_visible().map(drop), "weights");
    let bits = |bias: f64, w: f64| {
        let visible = Bernoulli::new(Array1::from_elem(4, bias)).unwrap();
        Rbm::new(visible, Bernoulli::unbiased(1), Array2::from_elem((4, 1), w)).unwrap()
    };
    refused(bits(0.0, 1e308).with_spin_visible().map(drop), "hidden.bias");
    refused(bits(1e308, 0.0).with_spin_visible().map(drop), "constant");
    refused(
        bits(1e308, 0.0)
            .with_flipped_visible(array![true, true, true, true].view())
            .map(drop),
        "constant",
    );
    let labels = |bias: f64, w: f64| {
        let visible = Softmax::new(Array2::from_elem((1, 3), bias)).unwrap();
        Rbm::new(visible, Bernoulli::unbiased(1), Array2::from_elem((3, 1), w)).unwrap()
    };
    refused(labels(0.0, 1e308).with_zero_sum_visible().map(drop), "bias");
    refused(labels(1e308, 0.0).with_zero_sum_visible().map(drop), "bias");
}
