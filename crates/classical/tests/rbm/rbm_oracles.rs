//! The machine against enumeration of its joint density: free energy, conditionals, partition function, flips, derivatives.

use crate::common::{binary_states, machine, means};
use gibbsian_classical::Rbm;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// `E(v, h)` from the definition, with plain sums.
fn joint_energy(rbm: &Rbm, v: ArrayView1<f64>, h: ArrayView1<f64>) -> f64 {
    let mut energy = 0.0;
    for (i, v_i) in v.iter().enumerate() {
        energy -= rbm.visible().bias()[i] * v_i;
        for (j, h_j) in h.iter().enumerate() {
            energy -= v_i * rbm.weights()[[i, j]] * h_j;
        }
    }
    energy - rbm.hidden().bias().dot(&h)
}

/// `−E(v, h)` of all pairs of states.
fn log_joint(rbm: &Rbm, v: &Array2<f64>, h: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((v.nrows(), h.nrows()), |(a, b)| {
        -joint_energy(rbm, v.row(a), h.row(b))
    })
}

/// `|found − expected| ≤ 1e-12 max(1, |expected|)`.
#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{found} instead of {expected}"
    );
}

fn cases(n: u32) -> ProptestConfig {
    ProptestConfig {
        cases: n,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Machines from nearly independent units to nearly deterministic ones.
fn machines() -> impl Strategy<Value = Rbm> {
    (1..=6usize, 1..=6usize, 0.01..20.0, 0.0..20.0, any::<u64>())
        .prop_map(|(v, h, weight, bias, seed)| machine(v, h, weight, bias, seed))
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn the_free_energy_sums_the_hidden_units_out(rbm in machines()) {
        let (v, h) = (rbm.states().unwrap(), rbm.transposed().states().unwrap());
        let log_joint = log_joint(&rbm, &v, &h);
        for (free_energy, row) in rbm.energy(v.view()).iter().zip(log_joint.rows()) {
            assert_close(*free_energy, -log_sum_exp(&row.to_vec()));
        }
    }

    #[test]
    fn the_joint_energy_is_its_definition(rbm in machines()) {
        let joint = rbm.joint();
        let x = joint.states().unwrap();
        let (v, h) = x.view().split_at(Axis(1), rbm.weights().nrows());
        for (b, energy) in joint.energy(x.view()).iter().enumerate() {
            assert_close(*energy, joint_energy(&rbm, v.row(b), h.row(b)));
        }
    }

    #[test]
    fn conditional_means_are_ratios_of_joints(rbm in machines()) {
        let (v, h) = (rbm.states().unwrap(), rbm.transposed().states().unwrap());
        let log_joint = log_joint(&rbm, &v, &h);
        // E[h | v] = Σ_h h p(v, h) / Σ_h p(v, h), and the same with the layers exchanged.
        let expected = |log_p: ArrayView1<f64>, states: &Array2<f64>| {
            let log_p = log_p.to_vec();
            let log_total = log_sum_exp(&log_p);
            let p: Array1<f64> = log_p.iter().map(|l| (l - log_total).exp()).collect();
            p.dot(states)
        };
        for (found, log_p) in rbm.hidden_mean(v.view()).rows().into_iter().zip(log_joint.rows()) {
            for (found, expected) in found.iter().zip(expected(log_p, &h)) {
                assert_close(*found, expected);
            }
        }
        for (found, log_p) in rbm.visible_mean(h.view()).rows().into_iter().zip(log_joint.columns()) {
            for (found, expected) in found.iter().zip(expected(log_p, &v)) {
                assert_close(*found, expected);
            }
        }
    }

    #[test]
    fn the_partition_function_is_the_sum_over_all_pairs(rbm in machines()) {
        let (v, h) = (rbm.states().unwrap(), rbm.transposed().states().unwrap());
        let expected = log_sum_exp(&log_joint(&rbm, &v, &h).into_iter().collect::<Vec<_>>());
        assert_close(rbm.log_z().unwrap(), expected);
        assert_close(rbm.transposed().log_z().unwrap(), expected);
        assert_close(rbm.log_z_over_hidden().unwrap(), expected);
        assert_close(rbm.transposed().log_z_over_hidden().unwrap(), expected);
    }

    #[test]
    fn the_cost_of_a_change_is_a_difference_of_energies(rbm in machines()) {
        let v = rbm.states().unwrap();
        conformance::discrete_energy(&rbm, v.view(), Precision::DOUBLE)
            .map_err(|f| TestCaseError::fail(f.to_string()))?;
    }
}

#[test]
fn the_larger_layer_may_be_beyond_enumeration() {
    // Over 9 hidden units, in several blocks of states; 100 visible units cannot be listed.
    let rbm = machine(100, 9, 0.3, 1.0, 3);
    let h = binary_states(9);
    let terms: Vec<f64> = h
        .rows()
        .into_iter()
        .map(|h| {
            let field = rbm.weights().dot(&h) + rbm.visible().bias();
            rbm.hidden().bias().dot(&h) + field.mapv(|x| x.max(0.0) + (-x.abs()).exp().ln_1p()).sum()
        })
        .collect();
    assert_close(rbm.log_z().unwrap(), log_sum_exp(&terms));
    assert_close(rbm.transposed().log_z().unwrap(), log_sum_exp(&terms));
}

#[test]
fn energies_and_their_gradients_obey_the_laws_of_their_traits() {
    let mut rbm = machine(5, 4, 0.8, 0.7, 21);
    // Means count as data as well as states.
    for x in [binary_states(5), means(6, 5, 3)] {
        conformance::energy(&rbm, x.view(), Precision::DOUBLE).unwrap();
        conformance::energy_pullback(&mut rbm, x.view(), Precision::DOUBLE).unwrap();
    }
    conformance::energy(&rbm.joint(), means(6, 9, 4).view(), Precision::DOUBLE).unwrap();
    conformance::discrete_energy(&rbm.joint(), binary_states(9).view(), Precision::DOUBLE).unwrap();
}
