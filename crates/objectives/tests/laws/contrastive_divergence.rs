//! Contrastive divergence against its expectation, which on a listed space is a power of the transition matrix.

use crate::common::{call, data, energy_derivatives, model, refusal};
use gibbsian_core::{Record, Seed, Snapshot, TransitionLaw};
use gibbsian_objectives::{ContrastiveDivergence, ExactLikelihood};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, Axis};

/// Mean and variance of one chain's negative phase after `k` steps from the data, averaged over the rows of the data.
fn expectation(k: usize) -> (Array1<f64>, Array1<f64>) {
    let (model, x) = (model(), data());
    let audit = Audit::new(&model).unwrap();
    let p = Sweep::Forward.transition_matrix(&model, audit.states.view());
    let at_states = energy_derivatives(&model, audit.states.view());
    let positive = energy_derivatives(&model, x.view()).mean_axis(Axis(0)).unwrap();
    let (mut mean, mut variance) = (Array1::<f64>::zeros(6), Array1::<f64>::zeros(6));
    for row in x.rows() {
        let mut law = Array1::zeros(8);
        law[audit.states.rows().into_iter().position(|s| s == row).unwrap()] = 1.0;
        for _ in 0..k {
            law = law.dot(&p);
        }
        let first = law.dot(&at_states);
        let second = law.dot(&at_states.mapv(|g| g * g));
        variance = variance + (second - &first * &first) / x.nrows() as f64;
        mean = mean + first / x.nrows() as f64;
    }
    (positive - mean, variance)
}

#[test]
fn the_expected_gradient_is_that_of_chains_of_k_steps() {
    const COPIES: usize = 20_000;
    let x = data();
    let many = Array2::from_shape_fn((COPIES * x.nrows(), 3), |(b, i)| x[[b % x.nrows(), i]]);
    let mut tests = Vec::new();
    for k in [1, 2, 5] {
        let mut objective = ContrastiveDivergence::new(Sweep::Forward, k).unwrap();
        let (_, grad) = call(&mut objective, many.view(), &mut Seed::new(k as u64).rng()).unwrap();
        let (expected, variance) = expectation(k);
        for i in 0..6 {
            let error = (variance[i] / many.nrows() as f64).sqrt();
            tests.push(z_test(
                &format!("CD-{k}, parameter {i}"),
                grad[i],
                expected[i],
                error,
            ));
        }
        // One step more would be seen: somewhere it is twenty standard errors away.
        if k < 5 {
            let (further, _) = expectation(k + 1);
            let seen = (0..6).any(|i| {
                (further[i] - expected[i]).abs() > 20.0 * (variance[i] / many.nrows() as f64).sqrt()
            });
            assert!(seen, "CD-{k} and CD-{} cannot be told apart", k + 1);
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn long_chains_give_the_likelihood_gradient_in_expectation() {
    let (_, exact) = call(&mut ExactLikelihood, data().view(), &mut Seed::new(1).rng()).unwrap();
    let distance = |k| (&expectation(k).0 - &exact).mapv(f64::abs).sum();
    assert!(distance(1) > 0.05, "{}", distance(1));
    assert!(distance(200) < 1e-12, "{}", distance(200));
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    let make = || ContrastiveDivergence::new(Sweep::Forward, 2).unwrap();
    conformance::objective(make, &model(), data().view(), Seed::new(3)).unwrap();
}

#[test]
fn nothing_is_carried_from_call_to_call() {
    let make = || ContrastiveDivergence::new(Sweep::Forward, 2).unwrap();
    let (mut used, x) = (make(), data());
    for seed in 0..3 {
        call(&mut used, x.view(), &mut Seed::new(seed).rng()).unwrap();
    }
    assert_eq!(used.snapshot(), Record::new());
    // A run that goes on with a new objective is the run that was never interrupted.
    let mut resumed = make();
    resumed.restore(&used.snapshot()).unwrap();
    let next = |objective| call(objective, x.view(), &mut Seed::new(7).rng()).unwrap();
    assert_eq!(next(&mut resumed), next(&mut used));
}

#[test]
fn bad_input_is_refused_by_name() {
    assert_eq!(
        ContrastiveDivergence::new(Sweep::Forward, 0)
            .unwrap_err()
            .to_string(),
        "`n_steps` is 0, but must be at least 1"
    );
    let mut objective = ContrastiveDivergence::new(Sweep::Forward, 1).unwrap();
    assert_eq!(
        refusal(&mut objective, Array2::zeros((3, 2))),
        "`x` has shape [3, 2], but must have shape (at least 1, 3); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()"
    );
}
