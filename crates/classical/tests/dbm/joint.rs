//! The joint model: energies, sums, conditionals, gradients, refusals.

use gibbsian_classical::dbm::Joint;
use gibbsian_classical::units::{Bernoulli, Spin};
use gibbsian_classical::{Dbm, Rbm};
use gibbsian_core::{Discrete, Energy, Parametric, Seed};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, array};

use crate::machines::{Listed, Plain, SIZES, machine, rbm, spins, visible_states};

const DOUBLE: Precision = Precision::DOUBLE;

/// Energies, `log Z` and `log p(v)` against plain sums, and the conformance lines of the joint model.
pub fn obeys<V: Plain, H: Plain>(dbm: &Dbm<V, H>, seed: Seed) {
    let listed = Listed::of(dbm);
    let joint = Joint::new(dbm.clone());
    let tolerance = DOUBLE.agreement();
    let energies = listed.log_weights.mapv(|w| -w);
    close(
        "energy",
        &joint.energy(listed.states.view()),
        &energies,
        tolerance,
    )
    .unwrap();
    close(
        "log Z over either half",
        &array![dbm.log_z().unwrap(), dbm.log_z_over_odd().unwrap()],
        &array![listed.log_z(), listed.log_z()],
        tolerance,
    )
    .unwrap();
    let v = visible_states(dbm);
    let expected: Array1<f64> = v.rows().into_iter().map(|v| -listed.log_marginal(v)).collect();
    let free_energy = dbm.free_energy(v.view()).unwrap();
    close("free energy", &free_energy, &expected, tolerance).unwrap();
    let total: f64 = free_energy.mapv(|f| (-f - listed.log_z()).exp()).sum();
    assert!((total - 1.0).abs() < 1e-13, "probabilities add up to {total}");

    let x = listed.states.view();
    conformance::energy(&joint, x, DOUBLE).unwrap();
    conformance::discrete(&joint).unwrap();
    conformance::discrete_energy(&joint, x, DOUBLE).unwrap();
    conformance::energy_pullback(&mut joint.clone(), x, DOUBLE).unwrap();
    conformance::parametric(&mut dbm.clone()).unwrap();
    conformance::blocks(&joint, x, seed.child("blocks")).unwrap();
    conformance::block_law(&joint, Redraw::Conditional, seed.child("law")).unwrap();
    conformance::transition_law(&Sweep::Forward, &joint, Balance::Global, seed.child("sweep")).unwrap();
}

#[test]
fn machines_of_every_depth_are_what_enumeration_says() {
    for (k, sizes) in SIZES.into_iter().enumerate() {
        obeys(&machine(sizes, 0.9, k as u64), Seed::new(k as u64));
    }
}

#[test]
fn spins_below_make_a_machine_too() {
    obeys(&spins(&[3, 2, 2], 0.8, 1), Seed::new(11));
}

#[test]
fn snapshots_restore_every_parameter() {
    let mut other = machine(SIZES[2], 0.5, 2);
    conformance::snapshot(&machine(SIZES[2], 0.5, 1), &mut other).unwrap();
}

#[test]
fn one_hidden_layer_is_a_restricted_machine() {
    let rbm = rbm(4, 3, 1.0, 3);
    let dbm = Dbm::from(&rbm);
    let v = rbm.states().unwrap();
    let tolerance = DOUBLE.agreement();
    close(
        "free energy",
        &dbm.free_energy(v.view()).unwrap(),
        &rbm.energy(v.view()),
        tolerance,
    )
    .unwrap();
    close(
        "log Z",
        &array![dbm.log_z().unwrap()],
        &array![rbm.log_z().unwrap()],
        tolerance,
    )
    .unwrap();
    let states = dbm.joint().states().unwrap();
    close(
        "joint energy",
        &dbm.joint().energy(states.view()),
        &rbm.joint().energy(states.view()),
        tolerance,
    )
    .unwrap();
    identical("parameters", &dbm.params(), &rbm.params()).unwrap();
}

/// A bad machine's message.
fn refusal(sizes: &[usize], weights: Vec<Array2<f64>>) -> String {
    let hidden = sizes[1..].iter().map(|n| Bernoulli::unbiased(*n)).collect();
    Dbm::new(Bernoulli::unbiased(sizes[0]), hidden, weights)
        .unwrap_err()
        .to_string()
}

#[test]
fn machines_that_are_none_are_refused_by_name() {
    let w = |m, n| Array2::<f64>::zeros((m, n));
    assert!(refusal(&[3], vec![]).contains("`hidden`"));
    assert!(refusal(&[3, 2, 2], vec![w(3, 2)]).contains("2 layers and 1 matrices"));
    assert!(refusal(&[3, 0, 2], vec![w(3, 0), w(0, 2)]).contains("at least one unit"));
    assert!(refusal(&[3, 2], vec![w(2, 3)]).contains("[3, 2]"));
    let bad = refusal(&[1, 1, 1], vec![w(1, 1), array![[f64::NAN]]]);
    assert!(bad.contains("weights.2"), "{bad}");
}

#[test]
fn rows_that_do_not_fit_are_refused_by_name() {
    let dbm = machine(&[3, 2, 2], 1.0, 1);
    for (x, expected) in [
        (
            array![[0.0, 1.0]],
            "`x` has shape [1, 2], but must have shape (at least 1, 3)",
        ),
        (array![[0.0, 2.0, 0.0]], "`x[0, 1]` is 2, but must be in [0, 1]"),
        (
            array![[0.0, f64::NAN, 0.0]],
            "`x[0, 1]` is NaN, but must be in [0, 1]",
        ),
        (
            array![[0.0, 1.0, 0.0], [1.0, 1.0, -1.0]],
            "`x[1, 2]` is -1, but must be in [0, 1]",
        ),
    ] {
        let refused = |what: &str, error: Option<gibbsian_core::Error>| {
            let message = error.unwrap_or_else(|| panic!("{what} took {x}")).to_string();
            assert!(message.starts_with(expected), "{what}: {message}");
        };
        refused("the free energy", dbm.free_energy(x.view()).err());
        refused("mean field", dbm.mean_field(x.view(), 1e-9, 5).err());
        refused("a draw", dbm.draw_upward(x.view(), &mut Seed::new(1).rng()).err());
    }
}

#[test]
fn machines_too_large_to_be_enumerated_are_refused() {
    let large = machine(&[70, 70, 70], 0.1, 1);
    let message = large.log_z().unwrap_err().to_string();
    assert!(message.contains("2^32"), "{message}");
    assert!(large.log_z_over_odd().is_err());
    // A small half is enough, whichever it is, and with the visible units given their number does not matter.
    assert!(machine(&[70, 3, 70], 0.1, 1).log_z().is_ok());
    assert!(machine(&[4, 70, 3], 0.1, 1).log_z().is_ok());
    let v = Array2::zeros((1, 70));
    assert!(machine(&[70, 70, 3], 0.1, 1).free_energy(v.view()).is_ok());
}

#[test]
fn the_kinds_of_units_are_free() {
    let _: Dbm<Spin, Spin> =
        Dbm::from(&Rbm::new(Spin::unbiased(2), Spin::unbiased(2), Array2::zeros((2, 2))).unwrap());
}
