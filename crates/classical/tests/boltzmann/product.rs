//! Products of restricted machines.

use gibbsian_classical::Rbm;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy};
use ndarray::Axis;

use super::assert_close;
use crate::common::machine;

#[test]
fn a_product_sums_the_free_energies_and_has_a_normaliser_of_its_own() {
    let parts = [
        machine(6, 3, 1.0, 0.8, 1),
        machine(6, 5, 0.7, 0.5, 2),
        machine(6, 1, 2.0, 1.0, 3),
    ];
    let product = Rbm::product(&[&parts[0], &parts[1], &parts[2]]).unwrap();
    assert_eq!(product.weights().dim(), (6, 9));
    let v = product.states().unwrap();
    let sum = parts
        .iter()
        .map(|m| m.energy(v.view()))
        .fold(ndarray::Array1::zeros(64), |a, b| a + b);
    for (found, expected) in product.energy(v.view()).iter().zip(&sum) {
        assert_close(*found, *expected, 1e-14);
    }
    assert_close(
        product.log_z().unwrap(),
        log_sum_exp(&sum.mapv(|f| -f).to_vec()),
        1e-13,
    );
    // The hidden units of the parts, in order.
    let means = product.hidden_mean(v.view());
    let expected: Vec<_> = parts.iter().map(|m| m.hidden_mean(v.view())).collect();
    let views: Vec<_> = expected.iter().map(|m| m.view()).collect();
    for (found, expected) in means.iter().zip(&ndarray::concatenate(Axis(1), &views).unwrap()) {
        assert_close(*found, *expected, 1e-15);
    }
}

#[test]
fn what_cannot_be_multiplied_is_refused() {
    assert_eq!(
        Rbm::product(&[]).unwrap_err().to_string(),
        "`machines` is empty, but must be at least one machine"
    );
    let (a, b) = (machine(3, 2, 1.0, 1.0, 1), machine(4, 2, 1.0, 1.0, 1));
    assert_eq!(
        Rbm::product(&[&a, &b]).unwrap_err().to_string(),
        "`the visible units of machines[1]` is 4, but must be 3, as many as the first has"
    );
}
