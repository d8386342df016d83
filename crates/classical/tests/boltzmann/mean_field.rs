//! Mean fields: what they bound, and why they do not learn correlations.

use gibbsian_classical::boltzmann::MeanField;
use gibbsian_classical::{BoltzmannMachine, ExactFit, MeanFieldLearning, Observations, VisibleMarginal};
use gibbsian_core::math::sigmoid;
use gibbsian_core::{Energy, Objective, Parametric, Seed};
use gibbsian_testkit::conformance;
use ndarray::{Array1, Array2, array, s};

use super::{assert_close, boltzmann};
use crate::common::{binary_states, means};

#[test]
fn means_settle_at_a_fixed_point_and_bound_log_z() {
    for (weight, seed) in [(0.3, 1), (1.0, 2), (3.0, 3)] {
        let machine = boltzmann(9, weight, 0.5, seed);
        let start = means(5, 9, 7);
        let settled = MeanField::default()
            .settle(&machine, start.view(), Array1::from_elem(9, true).view())
            .unwrap();
        for unit in 0..9 {
            let field = machine.field(settled.means.view(), unit);
            for (m, f) in settled.means.column(unit).iter().zip(&field) {
                // A last sweep moved no mean by more than the tolerance; a field is at most nine couplings off.
                assert_close(*m, sigmoid(*f), 1e-10);
            }
        }
        let log_z = machine.log_z().unwrap();
        assert!(settled.free_energy.iter().all(|f| -f <= log_z + 1e-12));
    }
    // Of independent units the bound is log Z.
    let machine = BoltzmannMachine::independent(array![0.5, -1.0, 2.0]).unwrap();
    let settled = MeanField::default()
        .settle(
            &machine,
            Array2::zeros((1, 3)).view(),
            Array1::from_elem(3, true).view(),
        )
        .unwrap();
    assert_close(-settled.free_energy[0], machine.log_z().unwrap(), 1e-14);
}

#[test]
fn clamped_units_keep_their_values_and_bound_the_free_energy() {
    let machine = boltzmann(7, 0.8, 0.5, 4);
    let visible = VisibleMarginal::new(machine.clone(), 4).unwrap();
    let v = binary_states(4);
    let mut start = Array2::from_elem((16, 7), 0.5);
    start.slice_mut(s![.., ..4]).assign(&v);
    let free = Array1::from_shape_fn(7, |i| i >= 4);
    let settled = MeanField::default()
        .settle(&machine, start.view(), free.view())
        .unwrap();
    assert_eq!(settled.means.slice(s![.., ..4]), v);
    for (bound, free_energy) in settled.free_energy.iter().zip(&visible.energy(v.view())) {
        assert!(*bound >= free_energy - 1e-12 && *bound < free_energy + 0.5);
    }
    // A value between the two is a value too, and has no entropy.
    let coins = BoltzmannMachine::independent(array![0.0, 0.0]).unwrap();
    let settled = MeanField::default()
        .settle(&coins, array![[0.5, 0.5]].view(), array![false, true].view())
        .unwrap();
    assert_eq!(settled.free_energy[0], -std::f64::consts::LN_2);
}

#[test]
fn learning_obeys_the_laws_of_objectives_where_the_fixed_point_is_unique() {
    let visible = VisibleMarginal::new(boltzmann(6, 0.3, 0.5, 4), 4).unwrap();
    let x = binary_states(4);
    let make = || MeanFieldLearning::new(MeanField::default(), 3).unwrap();
    conformance::objective(make, &visible, x.view(), Seed::new(2)).unwrap();
    let mut rng = Seed::new(3).rng();
    // The loss is a function of the parameters alone, and its gradient is the one at fixed means.
    let mut gradient = Array1::zeros(visible.n_params());
    make()
        .loss_and_grad_into(&visible, x.view(), &mut rng, gradient.view_mut())
        .unwrap();
    conformance::objective_gradient(
        make,
        &mut visible.clone(),
        x.view(),
        gibbsian_testkit::differences::Precision::DOUBLE,
        Seed::new(4),
    )
    .unwrap();
}

/// At the exact maximum the likelihood has no slope; the rule of mean fields does not see that correlations are explained.
#[test]
fn the_free_phase_moves_couplings_by_the_covariance_that_is_explained_already() {
    let x = array![
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [1.0, 1.0],
        [1.0, 1.0],
        [1.0, 1.0],
        [0.0, 1.0],
        [1.0, 0.0]
    ];
    let start = BoltzmannMachine::independent(Array1::zeros(2)).unwrap();
    let fitted = ExactFit::default()
        .maximise(&start, &Observations::complete(x.view()).unwrap())
        .unwrap();
    let machine = fitted.machine;
    // Means of a half, and ⟨s₀ s₁⟩ = 3/8: a covariance of 1/8, w = 2 log 3 and b = −log 3.
    assert_close(machine.weights()[[0, 1]], 2.0 * 3f64.ln(), 1e-12);
    let visible = VisibleMarginal::new(machine.clone(), 2).unwrap();
    let mut grad = Array1::zeros(3);
    MeanFieldLearning::new(MeanField::default(), 1)
        .unwrap()
        .loss_and_grad_into(&visible, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    // m = σ(2 log 3 m − log 3) has the solution 1/2, unstable only beyond w = 4: the gradient is minus the covariance.
    assert_close(grad[0], -(3.0 / 8.0 - 0.25), 1e-9);
    assert_close(grad[1], 0.0, 1e-9);
}

/// A unit between infinite fields of both signs has no mean, and a change that is no number is not small.
#[test]
fn means_that_are_no_numbers_have_not_settled() {
    let n = 65;
    let mut weights = Array2::zeros((n, n));
    for j in 1..n {
        let w = if j % 2 == 0 { 1.7e308 } else { -1.7e308 };
        weights[[0, j]] = w;
        weights[[j, 0]] = w;
    }
    let machine = BoltzmannMachine::new(weights, Array1::zeros(n)).unwrap();
    let start = Array2::from_elem((1, n), 0.5);
    assert!(
        machine.field(start.view(), 0)[0].is_nan(),
        "the order of the sum has changed: choose others"
    );
    let found = MeanField::default().settle(&machine, start.view(), Array1::from_elem(n, true).view());
    let message = found.unwrap_err().to_string();
    assert!(message.contains("the change of the means"), "{message}");
}
