//! Units of −1 and +1, and Hebb's rule.

use gibbsian_classical::BoltzmannMachine;
use gibbsian_core::{Discrete, Energy};
use ndarray::{Array1, Array2, Axis, array, concatenate};

use super::{assert_close, boltzmann};

#[test]
fn spins_have_the_same_law_up_to_the_constant_that_is_returned() {
    let machine = boltzmann(6, 1.3, 0.9, 3);
    let spins = machine.to_spins();
    let states = machine.states().unwrap();
    for (e, s) in machine.energy(states.view()).iter().zip(states.rows()) {
        let x = s.mapv(|s| 2.0 * s - 1.0);
        let of_spins = -0.5 * x.dot(&spins.couplings.dot(&x)) - spins.fields.dot(&x);
        assert_close(*e, of_spins + spins.constant, 1e-14);
    }
    let (back, constant) =
        BoltzmannMachine::from_spins(spins.couplings.view(), spins.fields.clone()).unwrap();
    assert_close(constant, spins.constant, 1e-14);
    for (a, b) in back.weights().iter().zip(machine.weights()) {
        assert_close(*a, *b, 1e-15);
    }
    for (a, b) in back.bias().iter().zip(machine.bias()) {
        assert_close(*a, *b, 1e-14);
    }
}

#[test]
fn orthogonal_patterns_and_their_negatives_are_minima() {
    // Rows of a Hadamard matrix of order 16, without the first.
    let hadamard = Array2::from_shape_fn(
        (16, 16),
        |(i, j)| if (i & j).count_ones() % 2 == 0 { 1.0 } else { -1.0 },
    );
    let patterns = hadamard.select(Axis(0), &[1, 6, 11]);
    let machine = BoltzmannMachine::hebbian(patterns.view(), 2.0).unwrap();
    let as_units = |x: Array2<f64>| x.mapv(|x| (x + 1.0) / 2.0);
    let stored = as_units(concatenate![Axis(0), patterns.view(), (-&patterns).view()]);
    assert_eq!(machine.settle(stored.view()).unwrap(), stored);
    // J = β (1/N) Σ x x' gives a pattern the energy −β (N − P)/2 of spins, and its mirror image the same.
    let constant = machine.to_spins().constant;
    for e in machine.energy(stored.view()) {
        assert_close(e - constant, -2.0 * (16.0 - 3.0) / 2.0, 1e-13);
    }
    // Two wrong units are put right.
    let mut damaged = stored.clone();
    for mut row in damaged.rows_mut() {
        row[2] = 1.0 - row[2];
        row[9] = 1.0 - row[9];
    }
    assert_eq!(machine.settle(damaged.view()).unwrap(), stored);
}

#[test]
fn settling_goes_downhill_and_ends_where_no_flip_does() {
    let machine = boltzmann(10, 1.0, 0.5, 8);
    let states = machine.states().unwrap();
    let settled = machine.settle(states.view()).unwrap();
    let mut deltas = Array2::zeros(settled.raw_dim());
    gibbsian_core::DiscreteEnergy::flip_deltas_into(&machine, settled.view(), deltas.view_mut());
    assert!(deltas.iter().all(|d| *d >= -1e-12));
    for (after, before) in machine
        .energy(settled.view())
        .iter()
        .zip(&machine.energy(states.view()))
    {
        assert!(after <= before);
    }
    assert_eq!(machine.settle(settled.view()).unwrap(), settled);
}

#[test]
fn what_is_no_pattern_is_refused() {
    let refuse = |x: Array2<f64>, beta| BoltzmannMachine::hebbian(x.view(), beta).unwrap_err().to_string();
    assert_eq!(
        refuse(array![[1.0, 0.0]], 1.0),
        "`patterns[0, 1]` is 0, but must be -1 or 1"
    );
    assert!(refuse(Array2::zeros((0, 3)), 1.0).contains("`patterns` has shape [0, 3]"));
    assert!(refuse(array![[1.0, -1.0]], 0.0).contains("`beta` is 0"));
    let error = BoltzmannMachine::from_spins(array![[0.0, 1.0], [2.0, 0.0]].view(), Array1::zeros(2));
    assert_eq!(
        error.unwrap_err().to_string(),
        "`couplings[0, 1]` is 1, but must be equal to couplings[1, 0], which is 2"
    );
}
