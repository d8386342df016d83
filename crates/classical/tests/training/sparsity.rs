//! Sparsity: the penalty and its gradient, and what training with it does to the activities.

use gibbsian_classical::{Penalty, Rbm, SparsityTarget};
use gibbsian_core::{Objective, Parametric, ParametricMut, Record, Seed, Snapshot};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, Axis, array};

use crate::common::machine;
use crate::support::{Exact, OneSweep};

const PENALTIES: [Penalty; 2] = [Penalty::Squares, Penalty::Divergence];

fn data() -> Array2<f64> {
    array![
        [1.0, 0.0, 1.0, 1.0],
        [1.0, 1.0, 0.0, 1.0],
        [1.0, 0.0, 0.0, 1.0],
        [0.0, 1.0, 1.0, 1.0]
    ]
}

fn activity(rbm: &Rbm) -> Array1<f64> {
    rbm.hidden_mean(data().view()).mean_axis(Axis(0)).unwrap()
}

fn loss(objective: &mut impl Objective<Rbm>, rbm: &Rbm) -> f64 {
    let mut grad = Array1::zeros(rbm.n_params());
    objective
        .loss_and_grad_into(rbm, data().view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap()
}

#[test]
fn the_penalty_is_that_of_the_mean_activities() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let (p, strength) = (0.2, 1.5);
    let bernoulli = |p: f64, q: f64| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
    let q = activity(&rbm);
    for (penalty, expected) in [
        (Penalty::Squares, q.mapv(|q| (q - p) * (q - p)).sum()),
        (Penalty::Divergence, q.mapv(|q| bernoulli(p, q)).sum()),
    ] {
        let mut sparse = SparsityTarget::new(Exact, p, strength, penalty).unwrap();
        let added = loss(&mut sparse, &rbm) - loss(&mut Exact, &rbm);
        assert!(
            (added - strength * expected).abs() <= 1e-14,
            "{penalty:?}: {added}"
        );
    }
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    for penalty in PENALTIES {
        let mut rbm = machine(4, 3, 0.8, 0.6, 5);
        let sampled = || SparsityTarget::new(OneSweep, 0.1, 2.0, penalty).unwrap();
        conformance::objective(sampled, &rbm, data().view(), Seed::new(1)).unwrap();
        let exact = || SparsityTarget::new(Exact, 0.1, 2.0, penalty).unwrap();
        conformance::objective_gradient(exact, &mut rbm, data().view(), Precision::DOUBLE, Seed::new(1))
            .unwrap();
    }
}

#[test]
fn training_brings_the_activities_to_the_target() {
    for penalty in PENALTIES {
        let mut rbm = machine(4, 3, 0.8, 0.6, 5);
        let mut sparse = SparsityTarget::new(Exact, 0.1, 50.0, penalty).unwrap();
        let before = activity(&rbm);
        let mut grad = Array1::zeros(rbm.n_params());
        for _ in 0..500 {
            sparse
                .loss_and_grad_into(&rbm, data().view(), &mut Seed::new(1).rng(), grad.view_mut())
                .unwrap();
            rbm.set_params((rbm.params() - &grad * 0.02).view()).unwrap();
        }
        let after = activity(&rbm);
        assert!(before.iter().any(|q| (q - 0.1).abs() > 0.2), "{before}");
        // What the likelihood pulls, of order one, over the strength.
        assert!(
            after.iter().all(|q| (q - 0.1).abs() <= 0.03),
            "{penalty:?}: {after}"
        );
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    for target in [0.0, 1.0, -0.5, f64::NAN] {
        let error = SparsityTarget::new(Exact, target, 1.0, Penalty::Squares).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`target` is {target}, but must be in (0, 1)")
        );
    }
    let error = SparsityTarget::new(Exact, 0.5, -1.0, Penalty::Squares).unwrap_err();
    assert!(error.to_string().contains("strength"));
    let mut sparse = SparsityTarget::new(Exact, 0.5, 1.0, Penalty::Squares).unwrap();
    assert_eq!(sparse.snapshot(), Record::new());
    sparse.restore(&Record::new()).unwrap();
}
