//! What the traits promise, of the machine and of its visible marginal.

use gibbsian_classical::VisibleMarginal;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, EnergyPullback, Parametric, Seed};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, ArrayView2, array};

use super::{assert_close, boltzmann, energy};
use crate::common::{binary_states, machine, means};

const DOUBLE: Precision = Precision::DOUBLE;

#[test]
fn the_joint_model_obeys_the_laws_of_its_traits() {
    let mut joint = boltzmann(5, 0.9, 0.7, 1);
    let states = joint.states().unwrap();
    for x in [states.clone(), means(6, 5, 3)] {
        conformance::energy(&joint, x.view(), DOUBLE).unwrap();
        conformance::energy_pullback(&mut joint, x.view(), DOUBLE).unwrap();
    }
    conformance::discrete_energy(&joint, states.view(), DOUBLE).unwrap();
    conformance::relaxed_energy(&joint, states.view(), DOUBLE).unwrap();
    conformance::blocks(&joint, states.view(), Seed::new(2)).unwrap();
    conformance::block_law(&joint, Redraw::Conditional, Seed::new(3)).unwrap();
    conformance::transition_law(&Sweep::Forward, &joint, Balance::Global, Seed::new(4)).unwrap();
    conformance::parametric(&mut joint).unwrap();
    conformance::snapshot(&boltzmann(5, 1.0, 1.0, 8), &mut joint).unwrap();
    for (found, s) in boltzmann(5, 0.9, 0.7, 1)
        .energy(states.view())
        .iter()
        .zip(states.rows())
    {
        assert_close(*found, energy(&boltzmann(5, 0.9, 0.7, 1), s), 1e-14);
    }
}

#[test]
fn the_visible_marginal_obeys_the_laws_of_its_traits() {
    for (n, n_visible) in [(7, 4), (4, 4), (4, 1)] {
        let mut visible = VisibleMarginal::new(boltzmann(n, 0.9, 0.7, 11), n_visible).unwrap();
        let states = visible.states().unwrap();
        for x in [states.clone(), means(5, n_visible, 4)] {
            conformance::energy(&visible, x.view(), DOUBLE).unwrap();
            conformance::energy_pullback(&mut visible, x.view(), DOUBLE).unwrap();
        }
        conformance::discrete_energy(&visible, states.view(), DOUBLE).unwrap();
        conformance::relaxed_energy(&visible, states.view(), DOUBLE).unwrap();
        conformance::blocks(&visible, states.view(), Seed::new(5)).unwrap();
        conformance::block_law(&visible, Redraw::Conditional, Seed::new(6)).unwrap();
        conformance::parametric(&mut visible).unwrap();
        let other = VisibleMarginal::new(boltzmann(n, 1.0, 1.0, 8), n_visible).unwrap();
        conformance::snapshot(&other, &mut visible).unwrap();
    }
}

#[test]
fn the_free_energy_and_the_hidden_means_sum_over_hidden_states() {
    let joint = boltzmann(8, 1.5, 1.0, 21);
    let visible = VisibleMarginal::new(joint.clone(), 3).unwrap();
    let (v, h) = (binary_states(3), binary_states(5));
    let hidden_means = visible.hidden_mean(v.view());
    for (b, free_energy) in visible.energy(v.view()).iter().enumerate() {
        let minus: Vec<f64> = h
            .rows()
            .into_iter()
            .map(|h| {
                -energy(
                    &joint,
                    v.row(b).iter().chain(h).copied().collect::<Array1<f64>>().view(),
                )
            })
            .collect();
        let log_total = log_sum_exp(&minus);
        assert_close(*free_energy, -log_total, 1e-14);
        for (j, mean) in hidden_means.row(b).iter().enumerate() {
            let expected: f64 = minus
                .iter()
                .zip(h.column(j))
                .map(|(l, h)| (l - log_total).exp() * h)
                .sum();
            assert_close(*mean, expected, 1e-14);
        }
    }
}

#[test]
fn a_restricted_machine_is_the_case_without_couplings_inside_a_layer() {
    let rbm = machine(5, 4, 1.2, 0.8, 31);
    let visible = VisibleMarginal::try_from(&rbm).unwrap();
    let v = rbm.states().unwrap();
    for (a, b) in visible.energy(v.view()).iter().zip(&rbm.energy(v.view())) {
        assert_close(*a, *b, 1e-13);
    }
    assert_close(visible.log_z().unwrap(), rbm.log_z().unwrap(), 1e-13);
    for (a, b) in visible
        .hidden_mean(v.view())
        .iter()
        .zip(&rbm.hidden_mean(v.view()))
    {
        assert_close(*a, *b, 1e-13);
    }
    // The gradients are those of the same tensors.
    let w = Array1::linspace(-1.0, 2.0, v.nrows());
    let gradient = |model: &dyn EnergyPullback| {
        let mut grad = Array1::zeros(model.n_params());
        model.energy_pullback_into(v.view(), w.view(), grad.view_mut());
        grad
    };
    let (restricted, full) = (gradient(&rbm), gradient(&visible));
    let full = symmetric(full.as_slice().unwrap(), 9);
    for i in 0..5 {
        for j in 0..4 {
            assert_close(full[[i, 5 + j]], restricted[4 * i + j], 1e-13);
        }
    }
    for i in 0..9 {
        assert_close(full[[i, i]], restricted[20 + i], 1e-13);
    }
}

/// The upper triangle and the diagonal that a flat gradient holds.
fn symmetric(flat: &[f64], n: usize) -> Array2<f64> {
    let mut out = Array2::zeros((n, n));
    let mut k = 0;
    for i in 0..n {
        for j in i + 1..n {
            out[[i, j]] = flat[k];
            k += 1;
        }
    }
    for i in 0..n {
        out[[i, i]] = flat[k + i];
    }
    out
}

#[test]
fn parameters_lie_as_the_layout_says() {
    let weights = array![[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]];
    let machine = gibbsian_classical::BoltzmannMachine::new(weights, array![4.0, 5.0, 6.0]).unwrap();
    assert_eq!(machine.params(), array![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(machine.layout().locate(4), "bias[1]");
    let second = array![[0.5, 0.1, 0.2], [0.1, 0.6, 0.3], [0.2, 0.3, 0.7]];
    assert_eq!(
        machine.statistics(second.view()),
        array![0.1, 0.2, 0.3, 0.5, 0.6, 0.7]
    );
}

#[test]
fn nan_stays_in_its_row() {
    let visible = VisibleMarginal::new(boltzmann(6, 1.0, 1.0, 5), 4).unwrap();
    let x: Array2<f64> = array![[1.0, 0.0, f64::NAN, 0.0], [1.0, 0.0, 1.0, 0.0]];
    let nan = |x: ArrayView2<f64>| visible.energy(x).mapv(f64::is_nan);
    assert_eq!(nan(x.view()), array![true, false]);
    assert!(visible.hidden_mean(x.view()).row(0).iter().all(|m| m.is_nan()));
}

#[test]
fn a_marginal_without_hidden_units_is_the_machine() {
    let joint = boltzmann(5, 1.0, 1.0, 6);
    let visible = VisibleMarginal::new(joint.clone(), 5).unwrap();
    let x = joint.states().unwrap();
    for (a, b) in visible.energy(x.view()).iter().zip(&joint.energy(x.view())) {
        assert_close(*a, *b, 1e-15);
    }
    assert_eq!(visible.n_hidden(), 0);
}
