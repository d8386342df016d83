//! The likelihood by enumeration of the smaller layer, against enumeration of what is visible.

use gibbsian_classical::{Biased, EnumeratedLikelihood, Rbm, Spin};
use gibbsian_core::{Discrete, FiniteUnits, Objective, Parametric, Record, Seed, Snapshot};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, s};

use crate::common::machine;
use crate::support::{Exact, distance};

fn evaluate<M: Parametric>(objective: &mut impl Objective<M>, model: &M, x: &Array2<f64>) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    let loss = objective
        .loss_and_grad_into(model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    grad.into_iter().chain([loss]).collect()
}

#[test]
fn either_layer_gives_the_exact_likelihood() {
    fn check<V: FiniteUnits + Biased, H: FiniteUnits>(rbm: &Rbm<V, H>) {
        let x = rbm.states().unwrap().slice(s![1..4, ..]).to_owned();
        let error = distance(
            &evaluate(&mut EnumeratedLikelihood, rbm, &x),
            &evaluate(&mut Exact, rbm, &x),
        );
        assert!(error <= 1e-13, "{error:e}");
    }
    check(&machine(3, 5, 1.0, 0.7, 1));
    check(&machine(5, 3, 1.0, 0.7, 2));
    // More than one batch of states, the last one not full.
    check(&machine(9, 10, 0.5, 0.7, 3));
    let mixed = machine(5, 3, 0.7, 0.7, 4);
    let hidden = Spin::new(mixed.hidden().bias().to_owned()).unwrap();
    check(&Rbm::new(mixed.visible().clone(), hidden, mixed.weights().to_owned()).unwrap());
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    for (v, h) in [(3, 4), (4, 3)] {
        let mut rbm = machine(v, h, 0.9, 0.6, 5);
        let x = rbm.states().unwrap().slice(s![1..4, ..]).to_owned();
        conformance::objective(|| EnumeratedLikelihood, &rbm, x.view(), Seed::new(1)).unwrap();
        conformance::objective_gradient(
            || EnumeratedLikelihood,
            &mut rbm,
            x.view(),
            Precision::DOUBLE,
            Seed::new(1),
        )
        .unwrap();
    }
    assert_eq!(EnumeratedLikelihood.snapshot(), Record::new());
    EnumeratedLikelihood.restore(&Record::new()).unwrap();
}

/// A machine whose visible layer could never be enumerated.
#[test]
fn a_wide_machine_has_an_exact_gradient() {
    let rbm = machine(200, 6, 0.2, 0.5, 6);
    let x = Array2::from_shape_fn((3, 200), |(b, i)| ((b + i) % 3 == 0) as u8 as f64);
    let all = evaluate(&mut EnumeratedLikelihood, &rbm, &x);
    // E[v] from the sum over the hidden states, for the gradient of the visible biases.
    let h = rbm.transposed().states().unwrap();
    let p = crate::support::log_law(&rbm.transposed(), h.view()).mapv(f64::exp);
    let expected = p.dot(&rbm.visible_mean(h.view())) - x.mean_axis(ndarray::Axis(0)).unwrap();
    let found = all.slice(s![1200..1400]).to_owned();
    assert!(distance(&found, &expected) <= 1e-13);
    let wide = machine(40, 40, 0.2, 0.5, 6);
    let refused = EnumeratedLikelihood.loss_and_grad_into(
        &wide,
        Array2::zeros((1, 40)).view(),
        &mut Seed::new(1).rng(),
        Array1::zeros(wide.n_params()).view_mut(),
    );
    assert!(refused.unwrap_err().to_string().contains("layers"));
}
