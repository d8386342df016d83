//! Spin units: the laws of layers, machines with spins on either side against enumeration, and the Bernoulli machine in other words.

use crate::common::{enumeration, layer};
use gibbsian_classical::{Bernoulli, Rbm, Spin};
use gibbsian_core::{BlockLaw, Discrete, Energy, FiniteUnits, Parametric, Seed, SmoothUnits, Streams, Units};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array};

fn spins(bias: Array1<f64>) -> Spin {
    Spin::new(bias).unwrap()
}

fn weights() -> Array2<f64> {
    array![
        [0.7, -0.4, 0.9],
        [-0.8, 0.3, 0.2],
        [0.5, 0.6, -1.1],
        [0.1, -0.9, 0.4]
    ]
}

const VISIBLE: [f64; 4] = [0.3, -0.6, 0.2, 0.4];
const HIDDEN: [f64; 3] = [-0.2, 0.5, 0.1];

#[test]
fn a_layer_obeys_the_laws_of_units() {
    let field = array![
        [0.4, -0.9, 1.7],
        [-2.1, 0.3, 0.6],
        [1.2, 2.3, -0.8],
        [0.1, -0.2, 0.9]
    ];
    let units = spins(array![0.7, -1.3, 0.2]);
    conformance::finite_units(&units, field.view(), Precision::DOUBLE, Seed::new(11)).unwrap();
}

#[test]
fn machines_with_spins_on_either_side_are_those_of_enumeration() {
    fn check<V: FiniteUnits + SmoothUnits, H: FiniteUnits>(visible: V, hidden: H, base: (V, H), seed: u64) {
        let rbm = Rbm::new(visible, hidden, weights()).unwrap();
        let (b, c) = (Array1::from_iter(VISIBLE), Array1::from_iter(HIDDEN));
        let joint_energy = |v: ndarray::ArrayView1<f64>, h: ndarray::ArrayView1<f64>| {
            let mut energy = -b.dot(&v) - c.dot(&h);
            for ((i, j), w) in weights().indexed_iter() {
                energy -= v[i] * w * h[j];
            }
            energy
        };
        enumeration::smooth_machine(&rbm, joint_energy, base, Seed::new(seed)).unwrap();
    }
    let (b, c) = (Array1::from_iter(VISIBLE), Array1::from_iter(HIDDEN));
    let (b_0, c_0) = (array![-0.1, 0.4, 0.8, 0.3], array![0.2, -0.7, 0.0]);
    check(
        spins(b.clone()),
        spins(c.clone()),
        (spins(b_0.clone()), spins(c_0.clone())),
        1,
    );
    check(
        spins(b.clone()),
        layer(c.clone()),
        (spins(b_0.clone()), layer(c_0.clone())),
        2,
    );
    check(layer(b), spins(c), (layer(b_0), spins(c_0)), 3);
}

/// `v = 2x − 1`, `h = 2y − 1`: weights `4W`, biases `2b − 2W1` and `2c − 2W'1`, and `E(v, h) = E(x, y) + b'1 + c'1 − 1'W1`.
#[test]
fn a_machine_of_spins_is_a_bernoulli_machine_in_other_words() {
    let (b, c) = (Array1::from_iter(VISIBLE), Array1::from_iter(HIDDEN));
    let constant = b.sum() + c.sum() - weights().sum();
    let bernoulli = Rbm::new(
        layer(&b * 2.0 - weights().sum_axis(Axis(1)) * 2.0),
        layer(&c * 2.0 - weights().sum_axis(Axis(0)) * 2.0),
        weights() * 4.0,
    )
    .unwrap();
    let rbm = Rbm::new(spins(b), spins(c), weights()).unwrap();

    // States are listed in the order of the alphabets, so that row k of one list is row k of the other in other words.
    let (v, x) = (rbm.states().unwrap(), bernoulli.states().unwrap());
    assert_eq!(v, &x * 2.0 - 1.0);
    let tolerance = Precision::DOUBLE.agreement();
    close(
        "free energies differ by the constant",
        &rbm.energy(v.view()),
        &(bernoulli.energy(x.view()) + constant),
        tolerance,
    )
    .unwrap();
    let (log_z, log_z_bernoulli) = (rbm.log_z().unwrap(), bernoulli.log_z().unwrap());
    assert!((log_z - (log_z_bernoulli - constant)).abs() <= 1e-13);
    close(
        "hidden means",
        &rbm.hidden_mean(v.view()),
        &(bernoulli.hidden_mean(x.view()) * 2.0 - 1.0),
        tolerance,
    )
    .unwrap();
    close(
        "transitions have the same probabilities",
        &rbm.block_matrix(0, v.view()),
        &bernoulli.block_matrix(0, x.view()),
        tolerance,
    )
    .unwrap();
    // Both threshold the same numbers at the same probabilities, up to rounding that these draws do not meet.
    let streams = Streams::from_key(5);
    assert_eq!(
        rbm.sample_hidden(v.view(), streams),
        bernoulli.sample_hidden(x.view(), streams) * 2.0 - 1.0
    );
}

#[test]
fn large_fields_neither_overflow_nor_lose_the_rare_spin() {
    let units = Spin::unbiased(3);
    let field = array![[800.0, -800.0, 0.0]];
    assert_eq!(units.mean(field.view()), array![[1.0, -1.0, 0.0]]);
    let mut gamma = Array1::zeros(1);
    units.log_partition_into(field.view(), gamma.view_mut());
    assert!((gamma[0] - (1600.0 + 2.0_f64.ln())).abs() <= 1e-12);
    assert_eq!(
        units
            .sample(field.view(), Streams::from_key(1))
            .slice(ndarray::s![.., ..2]),
        array![[1.0, -1.0]]
    );
}

/// Counting the pseudo-cases one by one.
#[test]
fn matching_means_is_the_base_rate_with_pseudo_cases() {
    // Means of four cases: always up, always down, three up of four.
    let means = array![1.0, -1.0, 0.5];
    for pseudo_count in [1.0, 2.5] {
        let units = Spin::matching_means(means.view(), 4, pseudo_count).unwrap();
        let found = units.mean(Array2::zeros((1, 3)).view());
        for (i, n_up) in [4.0, 0.0, 3.0].into_iter().enumerate() {
            let (up, down) = (n_up + pseudo_count, 4.0 - n_up + pseudo_count);
            let expected = (up - down) / (up + down);
            assert!((found[[0, i]] - expected).abs() <= 1e-15, "unit {i}: {found}");
        }
    }
}

#[test]
#[should_panic(expected = "x has shape [2, 4]")]
fn a_field_of_another_width_is_a_bug() {
    // Not the log-partition of the first three units.
    Spin::unbiased(3).log_partition_into(Array2::zeros((2, 4)).view(), Array1::zeros(2).view_mut());
}

#[test]
fn bad_input_is_refused_by_name() {
    let error = Spin::new(array![0.0, f64::NAN]).unwrap_err();
    assert_eq!(error.to_string(), "`bias[1]` is NaN, but must be finite");
    let error = Spin::matching_means(array![0.5, -1.5].view(), 10, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "`means[1]` is -1.5, but must be in [-1, 1]");
    let error = Spin::matching_means(array![0.5].view(), 10, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`pseudo_count` is 0, but must be finite and greater than zero"
    );
    for value in [-1.0 - 1e-12, 1.0 + 1e-12, f64::NAN, f64::INFINITY] {
        assert!(!Spin::unbiased(2).admits(0, value), "{value}");
    }
    assert!(Spin::unbiased(2).admits(0, 0.0));
    assert_eq!(Spin::unbiased(2).params(), array![0.0, 0.0]);
    let rbm = Rbm::new(Spin::unbiased(2), Bernoulli::unbiased(1), Array2::zeros((2, 1))).unwrap();
    assert_eq!(
        rbm.check_visible(array![[1.0, -2.0]].view())
            .unwrap_err()
            .to_string(),
        "`x[0, 1]` is -2, but must be in [-1, 1]; write bits of 0 and 1 as 2x - 1, and divide other values by the largest"
    );
}
