//! Annealed clamped and free phases.

use gibbsian_classical::boltzmann::Temperature;
use gibbsian_classical::{TwoPhase, TwoPhaseOptions, VisibleMarginal};
use gibbsian_core::{Discrete, Energy, EnergyPullback, Objective, Parametric, Record, Seed, Snapshot};
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2};

use super::boltzmann;
use crate::common::binary_states;

#[test]
fn the_phases_obey_the_laws_of_objectives() {
    let visible = VisibleMarginal::new(boltzmann(6, 0.8, 0.5, 4), 4).unwrap();
    let make = || TwoPhase::new(TwoPhaseOptions::default()).unwrap();
    conformance::objective(make, &visible, binary_states(4).view(), Seed::new(2)).unwrap();
    assert_eq!(make().snapshot(), Record::new());
}

/// With weak couplings a few sweeps forget the start, and the gradient is that of the likelihood.
#[test]
fn the_mean_gradient_is_that_of_the_likelihood() {
    let visible = VisibleMarginal::new(boltzmann(6, 0.5, 0.5, 14), 4).unwrap();
    let x = binary_states(4).select(ndarray::Axis(0), &[3, 7, 7, 12, 15, 0]);
    let mut exact = Array1::zeros(visible.n_params());
    visible.energy_pullback_into(x.view(), Array1::from_elem(6, 1.0 / 6.0).view(), exact.view_mut());
    let states = visible.states().unwrap();
    let p = visible
        .energy(states.view())
        .mapv(|f| -(-f - visible.log_z().unwrap()).exp());
    visible.energy_pullback_into(states.view(), p.view(), exact.view_mut());

    let at = |temperature, n_sweeps| Temperature {
        temperature,
        n_sweeps,
    };
    // Twenty sweeps: the second eigenvalue of a sweep is far below a half for these couplings, so what remains of the start is below 10⁻⁶.
    let options = TwoPhaseOptions {
        schedule: vec![at(2.0, 2), at(1.0, 20)],
        n_collected: 2,
        n_free: 20,
    };
    let mut rule = TwoPhase::new(options).unwrap();
    let n = 2_000;
    let mut draws = Array2::zeros((n, visible.n_params()));
    for (k, mut row) in draws.rows_mut().into_iter().enumerate() {
        let mut rng = Seed::new(5).nth(k as u64).rng();
        rule.loss_and_grad_into(&visible, x.view(), &mut rng, row.view_mut())
            .unwrap();
    }
    let tests: Vec<_> = draws
        .columns()
        .into_iter()
        .zip(&exact)
        .enumerate()
        .map(|(k, (column, exact))| mean(&visible.layout().locate(k), &column.to_vec(), *exact))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn options_are_checked() {
    let refuse = |options| TwoPhase::new(options).unwrap_err().to_string();
    let options = TwoPhaseOptions::default();
    assert!(
        refuse(TwoPhaseOptions {
            schedule: vec![Temperature {
                temperature: 0.0,
                n_sweeps: 1
            }],
            ..options.clone()
        })
        .contains("`temperature` is 0")
    );
    assert!(
        refuse(TwoPhaseOptions {
            n_collected: 0,
            ..options.clone()
        })
        .contains("`n_collected`")
    );
    assert!(refuse(TwoPhaseOptions { n_free: 0, ..options }).contains("`n_free`"));
}
