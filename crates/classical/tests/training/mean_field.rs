//! Mean-field theory against enumeration: the order of its error, its stationary points, its bound, and training with it.

use gibbsian_classical::rbm::MeanField;
use gibbsian_classical::{Bernoulli, MeanFieldLikelihood, MeanFieldOrder, Rbm};
use gibbsian_core::{Objective, Parametric, ParametricMut, Seed, Snapshot};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::{Precision, derivative};
use ndarray::{Array1, Array2, array};

use crate::common::{machine, means};
use crate::support::Exact;

const ORDERS: [MeanFieldOrder; 3] = [
    MeanFieldOrder::First,
    MeanFieldOrder::Second,
    MeanFieldOrder::Third,
];

fn theory(order: MeanFieldOrder) -> MeanField {
    MeanField {
        order,
        ..MeanField::default()
    }
}

/// A machine with biases of order one and weights of order `scale`.
fn weakly_coupled(scale: f64) -> Rbm {
    let like = machine(5, 4, 1.0, 0.8, 3);
    Rbm::new(
        like.visible().clone(),
        like.hidden().clone(),
        &like.weights() * scale,
    )
    .unwrap()
}

fn estimate(order: MeanFieldOrder, rbm: &Rbm) -> f64 {
    let solution = theory(order)
        .solve(rbm, Array2::from_elem((1, rbm.weights().nrows()), 0.5).view())
        .unwrap();
    assert!(solution.residual <= 1e-14, "{order:?}: {}", solution.residual);
    theory(order).log_z(rbm, &solution).unwrap()[0]
}

/// The first term left out decides: the error falls as `W²`, `W³`, `W⁴`.
#[test]
fn errors_of_log_z_have_the_order_of_the_first_term_left_out() {
    for (order, power) in ORDERS.into_iter().zip([2.0, 3.0, 4.0]) {
        let error = |scale: f64| {
            let rbm = weakly_coupled(scale);
            (estimate(order, &rbm) - rbm.log_z().unwrap()).abs()
        };
        // The next order changes a slope by its share, which is of the order of the scale; rounding is 1e-14 beside errors above 1e-9.
        let (coarse, fine) = (error(0.04), error(0.02));
        let slope = (coarse / fine).log2();
        assert!(
            (slope - power).abs() <= 0.15,
            "{order:?}: {slope} from {coarse:e} and {fine:e}"
        );
    }
    // Where couplings are weak enough each order is an improvement.
    let rbm = weakly_coupled(0.02);
    let errors = ORDERS.map(|order| (estimate(order, &rbm) - rbm.log_z().unwrap()).abs());
    assert!(errors[0] > errors[1] && errors[1] > errors[2], "{errors:?}");
}

#[test]
fn without_couplings_every_order_is_exact() {
    let rbm = weakly_coupled(0.0);
    for order in ORDERS {
        assert!((estimate(order, &rbm) - rbm.log_z().unwrap()).abs() <= 1e-14);
    }
}

/// The naive estimate is the best of the bounds `log Z ≥ S(q) − ⟨E⟩_q` by independent units, on any machine.
#[test]
fn naive_mean_field_is_a_lower_bound() {
    for seed in 0..20 {
        let rbm = machine(4, 4, 1.5, 1.0, seed);
        let solution = theory(MeanFieldOrder::First)
            .solve(&rbm, means(6, 4, seed).view())
            .unwrap();
        for estimate in theory(MeanFieldOrder::First).log_z(&rbm, &solution).unwrap() {
            assert!(estimate <= rbm.log_z().unwrap() + 1e-12);
        }
    }
}

/// At a solution the estimate does not change to first order in any mean.
#[test]
fn solutions_are_stationary_points_of_the_estimate() {
    let rbm = weakly_coupled(0.5);
    for order in ORDERS {
        let at = theory(order).solve(&rbm, array![[0.5; 5]].view()).unwrap();
        for unit in 0..9 {
            let mut moved = |step: f64| {
                let mut means = at.clone();
                match unit {
                    0..5 => means.visible[[0, unit]] += step,
                    _ => means.hidden[[0, unit - 5]] += step,
                }
                Ok(array![theory(order).log_z(&rbm, &means).unwrap()[0]])
            };
            // Means stay between zero and one.
            let precision = Precision::DOUBLE.with_step(0.02);
            let slope = derivative(&mut moved, 1.0, precision).unwrap()[0];
            let tolerance = slope.error() + precision.relative;
            assert!(
                slope.error() < 1e-9 && slope.value.abs() <= tolerance,
                "{order:?}, unit {unit}: {slope:?}"
            );
        }
    }
}

fn converged(order: MeanFieldOrder) -> MeanFieldLikelihood {
    MeanFieldLikelihood::new(theory(order), means(3, 5, 9)).unwrap()
}

fn data() -> Array2<f64> {
    array![
        [1.0, 0.0, 1.0, 1.0, 0.0],
        [1.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, 1.0, 1.0, 1.0]
    ]
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    for order in ORDERS {
        let mut rbm = weakly_coupled(0.4);
        conformance::objective(|| converged(order), &rbm, data().view(), Seed::new(1)).unwrap();
        conformance::objective_gradient(
            || converged(order),
            &mut rbm,
            data().view(),
            Precision::DOUBLE,
            Seed::new(1),
        )
        .unwrap();
    }
}

/// Descent from a weakly coupled start with the third order ends where descent of the likelihood does, up to the error of the theory.
#[test]
fn training_raises_the_exact_likelihood() {
    let x = data();
    let exact_loss = |rbm: &Rbm| {
        let mut grad = Array1::zeros(rbm.n_params());
        Exact
            .loss_and_grad_into(rbm, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap()
    };
    let trained = |mut objective: Box<dyn Objective<Rbm>>| {
        let mut rbm = weakly_coupled(0.1);
        let mut grad = Array1::zeros(rbm.n_params());
        for _ in 0..40 {
            objective
                .loss_and_grad_into(&rbm, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
                .unwrap();
            rbm.set_params((rbm.params() - &grad * 0.2).view()).unwrap();
        }
        exact_loss(&rbm)
    };
    let start = exact_loss(&weakly_coupled(0.1));
    let by_likelihood = trained(Box::new(Exact));
    let few = MeanField {
        order: MeanFieldOrder::Third,
        damping: 0.0,
        tolerance: 0.0,
        max_sweeps: 3,
    };
    let by_theory = trained(Box::new(MeanFieldLikelihood::new(few, means(3, 5, 9)).unwrap()));
    assert!(start - by_likelihood > 0.5, "{start} to {by_likelihood}");
    assert!(
        (by_theory - by_likelihood).abs() < 0.02 * (start - by_likelihood),
        "{by_theory} against {by_likelihood} from {start}"
    );
}

#[test]
fn solutions_survive_an_interruption() {
    let (rbm, x) = (weakly_coupled(0.4), data());
    let few = MeanField {
        max_sweeps: 2,
        tolerance: 0.0,
        ..MeanField::default()
    };
    let new = || MeanFieldLikelihood::new(few, means(3, 5, 9)).unwrap();
    let call = |objective: &mut MeanFieldLikelihood| {
        let mut grad = Array1::zeros(rbm.n_params());
        let loss = objective
            .loss_and_grad_into(&rbm, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap();
        (loss, grad)
    };
    let mut whole = new();
    call(&mut whole);
    let mut resumed = new();
    resumed.restore(&whole.snapshot()).unwrap();
    let mut other = MeanFieldLikelihood::new(few, means(3, 5, 1)).unwrap();
    call(&mut other);
    conformance::snapshot(&whole, &mut other).unwrap();
    let expected = call(&mut whole);
    assert_eq!(call(&mut resumed), expected);
    assert_eq!(call(&mut other), expected);
}

#[test]
fn bad_input_is_refused_by_name() {
    let rbm = weakly_coupled(0.4);
    let half = Array2::from_elem((1, 5), 0.5);
    let refused =
        |theory: MeanField, start: Array2<f64>| theory.solve(&rbm, start.view()).unwrap_err().to_string();
    let default = MeanField::default();
    let damped = MeanField {
        damping: 1.0,
        ..default
    };
    assert_eq!(
        refused(damped, half.clone()),
        "`damping` is 1, but must be in [0, 1)"
    );
    let idle = MeanField {
        max_sweeps: 0,
        ..default
    };
    assert_eq!(
        refused(idle, half.clone()),
        "`max_sweeps` is 0, but must be at least 1"
    );
    assert!(refused(default, &half * 3.0).contains("start[0, 0]"));
    assert!(refused(default, &half * f64::NAN).contains("start[0, 0]"));
    assert!(refused(default, Array2::zeros((0, 5))).contains("start"));
    assert!(MeanFieldLikelihood::new(damped, half.clone()).is_err());
    assert!(MeanFieldLikelihood::new(default, half * 2.5).is_err());
}

/// `W²` overflows, and times a slope of zero it is no number: neither layer's change may hide that of the other.
#[test]
fn means_that_are_no_numbers_have_no_small_residual() {
    let visible = Bernoulli::new(array![0.0, 0.0]).unwrap();
    let rbm = Rbm::new(
        visible,
        Bernoulli::new(array![0.0]).unwrap(),
        array![[1e200], [-1e200]],
    )
    .unwrap();
    let mut seen = 0;
    for start in [array![[0.5, 0.5]], array![[1.0, 0.0]]] {
        let means = MeanField::default().solve(&rbm, start.view()).unwrap();
        let finite = means.visible.iter().chain(&means.hidden).all(|m| m.is_finite());
        assert!(finite || means.residual.is_nan(), "{means:?}");
        seen += usize::from(!finite);
    }
    assert!(seen > 0, "no mean overflows any more: choose others");
}

/// A tolerance promises the derivative of the loss, which is no such thing at means that do not solve the equations; without one few sweeps an update are what is asked for.
#[test]
fn means_that_ran_out_of_sweeps_are_trained_on_without_a_tolerance_only() {
    let rbm = machine(5, 4, 1.0, 0.8, 3);
    let x = array![[1.0, 0.0, 1.0, 1.0, 0.0]];
    let learn = |tolerance: f64| {
        let theory = MeanField {
            tolerance,
            max_sweeps: 2,
            ..MeanField::default()
        };
        let mut objective = MeanFieldLikelihood::new(theory, means(3, 5, 1)).unwrap();
        let mut grad = Array1::zeros(rbm.n_params());
        let loss = objective.loss_and_grad_into(&rbm, x.view(), &mut Seed::new(1).rng(), grad.view_mut());
        (loss, objective.visible().to_owned())
    };
    let (refused, kept) = learn(1e-14);
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("residual") && message.contains("max_sweeps"),
        "{message}"
    );
    assert_eq!(kept, means(3, 5, 1), "a refused update moves no solution");
    assert!(learn(0.0).0.is_ok());
}
