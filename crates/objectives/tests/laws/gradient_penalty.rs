//! The penalty on the slope of the energy: its value, its gradient, and where it moves a maximum.

use gibbsian_core::{Objective, Parametric, ParametricMut, Score, Seed};
use gibbsian_objectives::{
    AdversarialLikelihood, Adversaries, GradientPenalised, ImplicitScoreMatching, LearntSampler,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::{Gaussian, LinearGenerator};
use ndarray::{Array1, Array2, ArrayView1, array};

const LAMBDA: f64 = 0.3;

fn energy() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn pair() -> Adversaries<Gaussian, LinearGenerator> {
    let generator = LinearGenerator::new(array![[0.6], [-0.3]], array![0.2, -0.4]).unwrap();
    Adversaries::new(energy(), generator).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]]
}

fn game() -> AdversarialLikelihood {
    AdversarialLikelihood::new(LearntSampler {
        n_importance: 5,
        generator_rate: 2.0,
        ..LearntSampler::new(20, 0.5, 0.85)
    })
    .unwrap()
}

/// `½ λ Σ_b w_b ‖s(x_b)‖² / B`.
fn penalty(model: &impl Score, w: ArrayView1<f64>) -> f64 {
    let score = model.score(data().view());
    let squares: Array1<f64> = score.rows().into_iter().map(|s| s.dot(&s)).collect();
    0.5 * LAMBDA * squares.dot(&w) / 3.0
}

fn call<M: Parametric>(mut objective: impl Objective<M>, model: &M) -> (f64, Array1<f64>) {
    let mut grad = Array1::zeros(model.n_params());
    let rng = &mut Seed::new(1).rng();
    let loss = objective.loss_and_grad_into(model, data().view(), rng, grad.view_mut());
    (loss.unwrap(), grad)
}

fn weighted<M: Parametric>(
    mut objective: impl Objective<M>,
    model: &M,
    w: ArrayView1<f64>,
) -> (f64, Array1<f64>) {
    let mut grad = Array1::zeros(model.n_params());
    let rng = &mut Seed::new(1).rng();
    let loss = objective.weighted_loss_and_grad_into(model, data().view(), w, rng, grad.view_mut());
    (loss.unwrap(), grad)
}

#[test]
fn the_objective_obeys_the_laws_of_its_traits() {
    conformance::score_pullback(&mut pair(), data().view(), Precision::DOUBLE).unwrap();
    let make = || GradientPenalised::new(game(), LAMBDA).unwrap();
    conformance::objective(make, &pair(), data().view(), Seed::new(3)).unwrap();
    let make = || GradientPenalised::new(ImplicitScoreMatching, LAMBDA).unwrap();
    conformance::objective(make, &energy(), data().view(), Seed::new(4)).unwrap();
    conformance::objective_gradient(
        make,
        &mut energy(),
        data().view(),
        Precision::DOUBLE,
        Seed::new(5),
    )
    .unwrap();
}

/// Of two players the energy is penalised and the sampler is left alone.
#[test]
fn a_game_gets_the_gradient_of_the_penalty_in_the_energy() {
    let model = pair();
    let (loss, grad) = call(game(), &model);
    let (penalised, penalised_grad) = call(GradientPenalised::new(game(), LAMBDA).unwrap(), &model);
    let all = Array1::ones(3);
    assert!((penalised - loss - penalty(&model, all.view())).abs() <= 1e-13);
    let added = &penalised_grad - &grad;
    assert!(added.iter().take(5).any(|d| d.abs() > 0.1));
    assert!(added.iter().skip(5).all(|&d| d == 0.0));
    let value = |model: &Adversaries<Gaussian, LinearGenerator>| array![penalty(model, all.view())];
    parameter_gradient(
        "the gradient of the penalty",
        &mut pair(),
        added.view(),
        &value,
        Precision::DOUBLE,
    )
    .unwrap();
    let off = call(GradientPenalised::new(game(), 0.0).unwrap(), &model);
    assert_eq!(off, (loss, grad));
}

#[test]
fn rows_count_by_their_weights() {
    let w = array![0.5, 2.5, 0.0];
    let (loss, grad) = weighted(ImplicitScoreMatching, &energy(), w.view());
    let make = || GradientPenalised::new(ImplicitScoreMatching, LAMBDA).unwrap();
    let (penalised, penalised_grad) = weighted(make(), &energy(), w.view());
    assert!((penalised - loss - penalty(&energy(), w.view())).abs() <= 1e-13);
    let added = &penalised_grad - &grad;
    let value = |model: &Gaussian| array![penalty(model, w.view())];
    let law = "the gradient of the weighted penalty";
    parameter_gradient(law, &mut energy(), added.view(), &value, Precision::DOUBLE).unwrap();
}

/// Implicit score matching of a normal law on a line minimises `½ k² v − k`, at `k = 1/v`; with the penalty `½ λ k² v` it is `k = 1/((1 + λ) v)`.
#[test]
fn it_flattens_the_energy_by_as_much_as_is_known() {
    let x = array![[1.5], [-1.5]];
    let mut model = Gaussian::new(array![0.0], array![[1.0 / (1.3 * 2.25)]]).unwrap();
    let mut objective = GradientPenalised::new(ImplicitScoreMatching, LAMBDA).unwrap();
    let slope = |objective: &mut GradientPenalised<_>, model: &Gaussian| {
        let mut grad = Array1::zeros(2);
        objective
            .loss_and_grad_into(model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())
            .unwrap();
        grad[1]
    };
    assert!(slope(&mut objective, &model).abs() <= 1e-14);
    model.set_params(array![0.0, 1.0 / 2.25].view()).unwrap();
    assert!((slope(&mut objective, &model) - LAMBDA).abs() <= 1e-14);
}

#[test]
fn a_negative_weight_is_refused() {
    let refused = GradientPenalised::new(ImplicitScoreMatching, -0.1).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`weight` is -0.1, but must be finite and at least zero"
    );
}
