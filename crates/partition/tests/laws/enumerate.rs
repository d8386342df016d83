//! Enumeration and tables against closed forms.

use crate::common::{ALPHA, TinyIsing, TinyRbm, binary_states, softplus};
use gibbsian_core::{Discrete, Energy, Seed, Space};
use gibbsian_partition::{ExactDistribution, exact_log_z};
use gibbsian_testkit::stats::chi_square;
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, ArrayView2, ArrayViewMut1, array};

const SEED: Seed = Seed::new(20_260_103);

/// Independent sites with three symbols, `E(x) = −Σ_i b_i x_i`, and an energy of choice where the symbol 2 is taken at site 0.
struct Sites {
    biases: Array1<f64>,
    forbidden: f64,
}

impl Space for Sites {
    fn dim(&self) -> usize {
        self.biases.len()
    }
}

impl Discrete for Sites {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0, 2.0]
    }
}

impl Energy for Sites {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, row) in out.iter_mut().zip(x.rows()) {
            *e = -row.dot(&self.biases) + if row[0] == 2.0 { self.forbidden } else { 0.0 };
        }
    }
}

fn sites(n: usize, forbidden: f64) -> Sites {
    Sites {
        biases: Array1::from_iter((0..n).map(|i| 3.0 * (i as f64).sin())),
        forbidden,
    }
}

#[test]
fn independent_sites_factorise() {
    let model = sites(9, 0.0);
    let expected: f64 = model
        .biases
        .iter()
        .map(|b| (1.0 + b.exp() + (2.0 * b).exp()).ln())
        .sum();
    let found = exact_log_z(&model).unwrap();
    assert!((found - expected).abs() < 1e-12 * expected, "{found} {expected}");
}

#[test]
fn an_rbm_summed_over_its_visible_units_equals_the_sum_over_its_hidden_units() {
    let rbm = TinyRbm::random(14, 5, 1.0, SEED.child("rbm"));
    let hidden = binary_states(5);
    let fields = hidden.dot(&rbm.weights.t()) + &rbm.visible;
    let logs = hidden.dot(&rbm.hidden) + fields.mapv(softplus).sum_axis(ndarray::Axis(1));
    let expected = logs.mapv(f64::exp).sum().ln();
    let found = exact_log_z(&rbm).unwrap();
    assert!((found - expected).abs() < 1e-12 * expected.abs());
}

#[test]
fn a_table_agrees_with_sums_over_factors() {
    let model = sites(5, 0.0);
    let exact = ExactDistribution::new(&model).unwrap();
    assert!((exact.log_z() - exact_log_z(&model).unwrap()).abs() < 1e-12);
    assert!((exact.probabilities().sum() - 1.0).abs() < 1e-12);
    let (mut mean, mut entropy) = (vec![], 0.0);
    for b in &model.biases {
        let weights = [0.0, 1.0, 2.0].map(|x| (b * x).exp());
        let z: f64 = weights.iter().sum();
        mean.push((weights[1] + 2.0 * weights[2]) / z);
        entropy -= weights.iter().map(|w| w / z * (w / z).ln()).sum::<f64>();
    }
    for (found, expected) in exact.mean().iter().zip(&mean) {
        assert!((found - expected).abs() < 1e-12);
    }
    assert!((exact.entropy() - entropy).abs() < 1e-12);
    assert!((exact.expectation(|x| x[2]) - mean[2]).abs() < 1e-12);
    // Independent sites: the second moment off the diagonal is the product of the means.
    assert!((exact.second_moment()[[1, 3]] - mean[1] * mean[3]).abs() < 1e-12);

    // KL(p ‖ q) = ⟨E_q − E_p⟩_p + log Z_q − log Z_p.
    let other = TinyIsing::random(5, 0.5, SEED);
    let p = ExactDistribution::new(&TinyIsing::random(5, 0.9, SEED)).unwrap();
    let q = ExactDistribution::new(&other).unwrap();
    let p_model = TinyIsing::random(5, 0.9, SEED);
    let energy = |m: &TinyIsing, x: ndarray::ArrayView1<f64>| m.energy(x.insert_axis(ndarray::Axis(0)))[0];
    let expected = p.expectation(|x| energy(&other, x) - energy(&p_model, x)) + q.log_z() - p.log_z();
    assert!((p.kl_to(&q).unwrap() - expected).abs() < 1e-12 && expected > 1e-3);
    assert_eq!(p.total_variation_to(&p).unwrap(), 0.0);
    assert!(p.kl_to(&exact).is_err());
}

#[test]
fn draws_follow_the_table_and_never_leave_the_support() {
    let model = sites(2, f64::INFINITY);
    let exact = ExactDistribution::new(&model).unwrap();
    let n = 100_000;
    let draws = exact.sample(n, &mut SEED.child("draws").rng());
    let mut counts = [0; 9];
    for row in draws.rows() {
        counts[(row[0] + 3.0 * row[1]) as usize] += 1;
    }
    // A count in a state of probability zero is refused outright.
    chi_square("draws", &counts, &exact.probabilities().to_vec()).assert(ALPHA);
}

#[test]
fn states_outside_the_support_count_nothing_and_energies_without_meaning_are_named() {
    let model = sites(3, f64::INFINITY);
    let expected = (1.0 + model.biases[0].exp()).ln()
        + model
            .biases
            .iter()
            .skip(1)
            .map(|b| (1.0 + b.exp() + (2.0 * b).exp()).ln())
            .sum::<f64>();
    assert!((exact_log_z(&model).unwrap() - expected).abs() < 1e-12);
    for bad in [f64::NAN, f64::NEG_INFINITY] {
        let message = exact_log_z(&sites(8, bad)).unwrap_err().to_string();
        assert!(message.contains("state number 2 "), "{message}");
        assert!(ExactDistribution::new(&sites(3, bad)).is_err());
    }
    let mut nowhere = sites(2, 0.0);
    nowhere.biases.fill(f64::NEG_INFINITY);
    nowhere.biases[0] = 0.0;
    assert!(exact_log_z(&nowhere).is_err());
}

#[test]
fn a_space_too_large_is_an_error_with_the_count() {
    let message = exact_log_z(&sites(21, 0.0)).unwrap_err().to_string();
    assert!(
        message.contains("10460353203") && message.contains("4294967296"),
        "{message}"
    );
    assert!(
        exact_log_z(&sites(60, 0.0))
            .unwrap_err()
            .to_string()
            .contains("above 2^64")
    );
    assert!(ExactDistribution::new(&sites(16, 0.0)).is_err());
}

#[test]
fn sums_have_the_same_bits_on_any_number_of_threads() {
    let model = TinyIsing::random(14, 1.0, SEED.child("threads"));
    same_on_any_number("log Z", || array![exact_log_z(&model).unwrap()]).unwrap();
}
