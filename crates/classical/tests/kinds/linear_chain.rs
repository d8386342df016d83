//! Chains of labels against enumeration of all labellings.

use gibbsian_classical::{LinearChainCrf, SequenceLikelihood};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Objective, Parametric, Seed};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Array3, array};

const LENGTH: usize = 5;

fn chain() -> LinearChainCrf {
    let weights = array![[0.7, -0.4, 0.9], [-0.8, 0.3, 0.2]];
    let transitions = array![[1.1, -0.7, 0.2], [0.4, -0.3, 0.9], [-1.2, 0.6, 0.1]];
    LinearChainCrf::new(weights, array![0.2, -0.5, 0.1], transitions).unwrap()
}

fn sequence() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9], [0.6, 0.8]]
}

/// All `3^5` labellings.
fn labellings() -> Vec<Vec<usize>> {
    (0..3_usize.pow(LENGTH as u32))
        .map(|number| (0..LENGTH as u32).map(|t| number / 3_usize.pow(t) % 3).collect())
        .collect()
}

fn log_weights() -> Vec<f64> {
    let x = sequence();
    labellings()
        .iter()
        .map(|y| -chain().energy(x.view(), y).unwrap())
        .collect()
}

#[test]
fn energies_are_their_definition() {
    let y = [2, 0, 0, 1, 2];
    let (chain, x) = (chain(), sequence());
    let scores = x.dot(&array![[0.7, -0.4, 0.9], [-0.8, 0.3, 0.2]]) + array![0.2, -0.5, 0.1];
    let positions: f64 = (0..LENGTH).map(|t| scores[[t, y[t]]]).sum();
    // 2 → 0 → 0 → 1 → 2.
    let expected = -positions - (-1.2 + 1.1 - 0.7 + 0.9);
    assert!((chain.energy(x.view(), &y).unwrap() - expected).abs() < 1e-14);
}

#[test]
fn the_normaliser_and_all_marginals_are_those_of_enumeration() {
    let (log_weights, labellings) = (log_weights(), labellings());
    let log_z = log_sum_exp(&log_weights);
    let (mut single, mut pairs) = (Array2::zeros((LENGTH, 3)), Array3::zeros((LENGTH - 1, 3, 3)));
    for (y, l) in labellings.iter().zip(&log_weights) {
        let p = (l - log_z).exp();
        for t in 0..LENGTH {
            single[[t, y[t]]] += p;
        }
        for t in 1..LENGTH {
            pairs[[t - 1, y[t - 1], y[t]]] += p;
        }
    }
    let found = chain().marginals(sequence().view()).unwrap();
    assert!((found.log_z - log_z).abs() <= 1e-13);
    close("single marginals", &found.single, &single, 1e-13).unwrap();
    close("pair marginals", &found.pairs, &pairs, 1e-13).unwrap();
    let one = chain().marginals(array![[0.3, 1.2]].view()).unwrap();
    assert_eq!(one.pairs.dim(), (0, 3, 3));
    assert!((one.single.sum() - 1.0).abs() < 1e-15);
}

#[test]
fn the_likeliest_labelling_is_that_of_enumeration() {
    let (log_weights, labellings) = (log_weights(), labellings());
    let best = (0..log_weights.len())
        .max_by(|a, b| log_weights[*a].total_cmp(&log_weights[*b]))
        .unwrap();
    let (y, energy) = chain().likeliest(sequence().view()).unwrap();
    assert_eq!(y, labellings[best]);
    assert!((energy + log_weights[best]).abs() < 1e-13);
    // Ties go to the first label.
    let uniform = LinearChainCrf::uniform(2, 3).unwrap();
    assert_eq!(
        uniform.likeliest(sequence().view()).unwrap(),
        (vec![0; LENGTH], 0.0)
    );
}

#[test]
fn long_sequences_do_not_underflow() {
    // exp(−E) is beyond the range of doubles by thousands of digits; with equal scores Z is 3^T e^{sT}.
    let chain = LinearChainCrf::new(
        array![[0.0, 0.0, 0.0]],
        Array1::from_elem(3, -7.0),
        Array2::zeros((3, 3)),
    )
    .unwrap();
    let found = chain.marginals(Array2::zeros((2000, 1)).view()).unwrap();
    let expected = 2000.0 * (3.0_f64.ln() - 7.0);
    assert!((found.log_z / expected - 1.0).abs() < 1e-13, "{}", found.log_z);
    assert!(found.single.iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-11));
}

fn rows() -> Array2<f64> {
    let mut rows = Array2::from_shape_fn((3, 15), |(b, i)| ((7 * b + 3 * i) % 11) as f64 / 4.0 - 1.2);
    for b in 0..3 {
        for t in 0..LENGTH {
            rows[[b, 10 + t]] = ((b + 2 * t) % 3) as f64;
        }
    }
    rows
}

#[test]
fn the_likelihood_and_its_gradient_are_exact() {
    let objective = || SequenceLikelihood::new(LENGTH).unwrap();
    conformance::parametric(&mut chain()).unwrap();
    conformance::objective(objective, &chain(), rows().view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(
        objective,
        &mut chain(),
        rows().view(),
        Precision::DOUBLE,
        Seed::new(2),
    )
    .unwrap();
    let mut grad = Array1::zeros(chain().n_params());
    let loss = objective()
        .loss_and_grad_into(&chain(), rows().view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    let mut expected = 0.0;
    for row in rows().rows() {
        let x = Array2::from_shape_fn((LENGTH, 2), |(t, d)| row[2 * t + d]);
        let energy = |y: &[usize]| chain().energy(x.view(), y).unwrap();
        let y: Vec<usize> = (0..LENGTH).map(|t| row[10 + t] as usize).collect();
        let all: Vec<f64> = labellings().iter().map(|y| -energy(y)).collect();
        expected += (energy(&y) + log_sum_exp(&all)) / 3.0;
    }
    assert!((loss - expected).abs() <= 1e-13, "{loss} instead of {expected}");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let text = |e: gibbsian_core::Error| e.to_string();
    let error =
        LinearChainCrf::new(Array2::zeros((2, 3)), Array1::zeros(3), Array2::zeros((3, 2))).unwrap_err();
    assert_eq!(
        text(error),
        "`transitions` has shape [3, 2], but must have shape [3, 3]"
    );
    let x = sequence();
    assert_eq!(
        text(chain().energy(x.view(), &[0, 1, 3, 0, 0]).unwrap_err()),
        "`y[2]` is 3, but must be below 3"
    );
    assert_eq!(
        text(chain().energy(x.view(), &[0, 1]).unwrap_err()),
        "`y` has shape [2], but must have shape [5]"
    );
    assert_eq!(
        text(chain().marginals(Array2::zeros((0, 2)).view()).unwrap_err()),
        "`x` has shape [0, 2], but must have shape (at least 1, 2)"
    );
    let mut bad = rows();
    bad[[1, 12]] = 1.5;
    let mut grad = Array1::zeros(chain().n_params());
    let error = SequenceLikelihood::new(LENGTH)
        .unwrap()
        .loss_and_grad_into(&chain(), bad.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap_err();
    assert_eq!(text(error), "`x[1, 12]` is 1.5, but must be a label below 3");
    assert_eq!(
        text(SequenceLikelihood::new(0).unwrap_err()),
        "`length` is 0, but must be at least 1"
    );
}
