//! `log Z`, moments and entropy against plain sums, and on machines whose answers are known at any size.

use gibbsian_classical::BoltzmannMachine;
use gibbsian_core::math::softplus;
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2};

use super::{assert_all_close, assert_close, boltzmann, enumerate, moments};

#[test]
fn small_machines_agree_with_plain_sums() {
    // From one unit to more than one table holds; weak, strong, nearly deterministic.
    for (n, weight, bias) in [
        (1, 1.0, 1.0),
        (2, 3.0, 1.0),
        (9, 0.5, 0.5),
        (12, 5.0, 5.0),
        (16, 0.7, 1.0),
        (17, 2.0, 3.0),
    ] {
        let machine = boltzmann(n, weight, bias, n as u64);
        let (states, p, log_z) = enumerate(&machine);
        let exact = machine.moments().unwrap();
        // An energy is a sum of n² terms, each with its rounding.
        assert_close(machine.log_z().unwrap(), log_z, 1e-14);
        assert_close(exact.log_z, log_z, 1e-14);
        assert_all_close(&exact.second, &moments(&states, &p), 1e-13);
        let entropy: f64 = -p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        assert_close(exact.entropy, entropy, 1e-12);
        let means = exact.means().to_owned();
        for ((i, j), c) in exact.covariance().indexed_iter() {
            assert_close(*c, exact.second[[i, j]] - means[i] * means[j], 1e-15);
        }
    }
}

#[test]
fn disjoint_pairs_factorise_at_any_size() {
    // Units 0 and 1 are coupled, 2 and 3, …, and the last one is alone; in the order below a pair lies across the low and the high units.
    let n = 23;
    let mut weights = Array2::zeros((n, n));
    let order: Vec<usize> = (0..n).map(|i| (i * 7) % n).collect();
    let bias = Array1::from_shape_fn(n, |i| 0.3 * (i as f64).sin());
    let mut log_z = softplus(bias[order[n - 1]]);
    let mut products = Vec::new();
    for (k, pair) in order.chunks_exact(2).enumerate() {
        let (i, j) = (pair[0], pair[1]);
        let w = (k as f64).cos();
        weights[[i, j]] = w;
        weights[[j, i]] = w;
        let both = (w + bias[i] + bias[j]).exp();
        let z = 1.0 + bias[i].exp() + bias[j].exp() + both;
        log_z += z.ln();
        products.push((i, j, both / z));
    }
    let machine = BoltzmannMachine::new(weights, bias).unwrap();
    let exact = machine.moments().unwrap();
    assert_close(exact.log_z, log_z, 1e-14);
    for &(i, j, expected) in &products {
        assert_close(exact.second[[i, j]], expected, 1e-13);
        assert_close(exact.second[[j, i]], expected, 1e-13);
    }
    let (a, b) = (products[0].0, products[4].1);
    assert_close(exact.covariance()[[a, b]], 0.0, 1e-13);
}

#[test]
fn sums_have_the_same_bits_on_any_number_of_threads() {
    let machine = boltzmann(17, 0.7, 1.0, 3);
    threads::same_on_any_number("moments", || {
        let exact = machine.moments().unwrap();
        exact
            .second
            .into_iter()
            .chain([exact.log_z, exact.entropy])
            .collect::<Array1<f64>>()
    })
    .unwrap();
}
