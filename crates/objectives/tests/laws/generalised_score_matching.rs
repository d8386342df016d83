//! Score matching with boundary weights for any score, held to the closed form of exponential families.

use crate::families::{Kind, Line};
use crate::two_bumps::TwoBumps;
use gibbsian_core::{Objective, Parametric, ScoreJvpPullback, Seed};
use gibbsian_objectives::{
    BoundaryWeight, ClosedFormScoreMatching, GeneralisedScoreMatching, HalfLine, ImplicitScoreMatching,
    UnitInterval, Unweighted,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, array};

/// Loss followed by gradient.
fn value<M: ScoreJvpPullback>(model: &M, mut objective: impl Objective<M>, x: &Array2<f64>) -> Array1<f64> {
    let mut all = Array1::zeros(model.n_params() + 1);
    let rng = &mut Seed::new(1).rng();
    let grad = all.slice_mut(ndarray::s![1..]);
    all[0] = objective.loss_and_grad_into(model, x.view(), rng, grad).unwrap();
    all
}

fn positive() -> Array2<f64> {
    array![[0.3], [1.2], [0.05], [2.7]]
}

fn proper() -> Array2<f64> {
    array![[0.3], [0.99], [0.05], [0.6]]
}

#[test]
fn it_obeys_the_laws_of_objectives() {
    const DOUBLE: Precision = Precision::DOUBLE;
    let half_line = || GeneralisedScoreMatching::new(HalfLine);
    let interval = || GeneralisedScoreMatching::new(UnitInterval);
    let (mut gamma, mut beta) = (Line::new(Kind::Gamma), Line::new(Kind::Beta));
    conformance::score_jvp_pullback(&mut gamma, positive().view(), DOUBLE).unwrap();
    conformance::objective(half_line, &gamma, positive().view(), Seed::new(1)).unwrap();
    conformance::objective_gradient(half_line, &mut gamma, positive().view(), DOUBLE, Seed::new(2)).unwrap();
    conformance::objective_gradient(interval, &mut beta, proper().view(), DOUBLE, Seed::new(3)).unwrap();
}

/// On an exponential family the objective is `½ ηᵀGη + gᵀη` and its gradient `Gη + g`.
#[test]
fn on_a_family_it_is_the_quadratic_objective_of_the_closed_form() {
    fn check(kind: Kind, weight: impl BoundaryWeight + Copy, x: Array2<f64>) {
        let model = Line::new(kind);
        let found = value(&model, GeneralisedScoreMatching::new(weight), &x);
        let quadratic = ClosedFormScoreMatching::weighted(weight)
            .quadratic(&model, x.view())
            .unwrap();
        let natural = model.params();
        let gradient = quadratic.curvature.dot(&natural) + &quadratic.slope;
        let scale = quadratic.curvature.mapv(f64::abs).sum() + quadratic.slope.mapv(f64::abs).sum();
        assert!(
            (found[0] - quadratic.loss(natural.view())).abs() <= 1e-14 * scale,
            "{kind:?}"
        );
        let error = &found.slice(ndarray::s![1..]) - &gradient;
        assert!(
            error.iter().all(|e| e.abs() <= 1e-14 * scale),
            "{kind:?}: {error}"
        );
    }
    check(Kind::Normal, Unweighted, positive());
    check(Kind::Exponential, HalfLine, positive());
    check(Kind::Gamma, HalfLine, positive());
    check(Kind::Beta, UnitInterval, proper());
}

#[test]
fn without_a_weight_it_is_implicit_score_matching() {
    let model = TwoBumps::new(array![1.2, -0.7]);
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
    let found = value(&model, GeneralisedScoreMatching::new(Unweighted), &x);
    let expected = value(&model, ImplicitScoreMatching, &x);
    // The same few terms in another order.
    let error = &found - &expected;
    assert!(
        error.iter().all(|e| e.abs() < 1e-14),
        "{found} instead of {expected}"
    );
}
