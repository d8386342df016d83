//! The exact likelihood against the listed law, and its gradient against differences.

use crate::common::{call, data, model, refusal};
use crate::pseudo_likelihood::{HardCore, allowed};
use gibbsian_core::{Objective, Record, Seed, Snapshot};
use gibbsian_objectives::ExactLikelihood;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView1};

#[test]
fn the_loss_is_the_mean_negative_log_probability() {
    let audit = Audit::new(&model()).unwrap();
    let log_p =
        |row: ArrayView1<f64>| audit.pi[audit.states.rows().into_iter().position(|s| s == row).unwrap()].ln();
    let expected = -data().rows().into_iter().map(log_p).sum::<f64>() / 4.0;
    let (loss, _) = call(&mut ExactLikelihood, data().view(), &mut Seed::new(1).rng()).unwrap();
    assert!((loss - expected).abs() <= 1e-14, "{loss} instead of {expected}");
}

#[test]
fn the_gradient_is_the_derivative_of_the_loss() {
    conformance::objective(|| ExactLikelihood, &model(), data().view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(
        || ExactLikelihood,
        &mut model(),
        data().view(),
        Precision::DOUBLE,
        Seed::new(1),
    )
    .unwrap();
}

#[test]
fn states_outside_the_support_have_no_derivative() {
    conformance::objective_gradient(
        || ExactLikelihood,
        &mut HardCore::new(0.7),
        allowed().view(),
        Precision::DOUBLE,
        Seed::new(1),
    )
    .unwrap();
}

#[test]
fn the_gradient_vanishes_where_the_data_are_the_model() {
    // The model without parameters is uniform, and so is a minibatch of every state once.
    let uniform = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3))).unwrap();
    let states = Audit::new(&uniform).unwrap().states;
    let mut grad = Array1::from_elem(6, f64::NAN);
    let loss = ExactLikelihood
        .loss_and_grad_into(&uniform, states.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    assert!((loss - 8.0_f64.ln()).abs() <= 1e-15);
    assert!(grad.iter().all(|g| g.abs() <= 1e-16), "{grad}");
}

#[test]
fn a_snapshot_is_empty_and_restores() {
    assert_eq!(ExactLikelihood.snapshot(), Record::new());
    ExactLikelihood.restore(&Record::new()).unwrap();
}

#[test]
fn what_cannot_be_evaluated_is_refused() {
    assert_eq!(
        refusal(&mut ExactLikelihood, Array2::zeros((0, 3))),
        "`x` has shape [0, 3], but must have shape (at least 1, 3)"
    );
    let mut x = data();
    x[[2, 1]] = f64::NAN;
    assert_eq!(
        refusal(&mut ExactLikelihood, x),
        "`x[2, 1]` is NaN, but must be finite"
    );
    let large = Pairwise::new(Array1::zeros(25), Array2::zeros((25, 25))).unwrap();
    let error = ExactLikelihood
        .loss_and_grad_into(
            &large,
            Array2::ones((1, 25)).view(),
            &mut Seed::new(1).rng(),
            Array1::zeros(325).view_mut(),
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`n_states` is 33554432, but must be at most 2^24 to be listed at once"
    );
}
