//! The gradient through the last step of the chains, against differences and against the divergence of normal laws.

use crate::common::{Autoregression, Langevin};
use gibbsian_core::{Energy, EnergyPullback, Error, Objective, Parametric, Score, Seed};
use gibbsian_objectives::{
    ImprovedContrastiveDivergence, LastStep, Replay, ReplayBuffer, nearest_neighbour_entropy,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::derivatives::parameter_gradient;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};

const N: usize = 12;

fn target() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn start() -> Array2<f64> {
    use gibbsian_core::Density;
    noise().sample(N, &mut Seed::new(1).rng())
}

fn noise() -> Gaussian {
    Gaussian::new(array![0.0, 0.0], Array2::eye(2)).unwrap()
}

fn data() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]]
}

fn objective(kl_weight: f64, entropy_weight: f64) -> ImprovedContrastiveDivergence<Autoregression, Gaussian> {
    let buffer = ReplayBuffer::new(start()).unwrap();
    let replay = Replay {
        reinitialise: 0.0,
        ..Replay::new(0, N)
    };
    let last = LastStep {
        kl_weight,
        entropy_weight,
        ..LastStep::new(0.2)
    };
    ImprovedContrastiveDivergence::new(Autoregression(0.5), noise(), buffer, replay, last).unwrap()
}

fn call(objective: &mut impl Objective<Gaussian>, seed: Seed) -> (f64, Array1<f64>) {
    let mut grad = Array1::zeros(5);
    let loss = objective.loss_and_grad_into(&target(), data().view(), &mut seed.rng(), grad.view_mut());
    (loss.unwrap(), grad)
}

#[test]
fn the_objective_obeys_the_laws_of_its_traits() {
    let buffer = || ReplayBuffer::new(start()).unwrap();
    let replay = Replay {
        reinitialise: 0.3,
        ..Replay::new(2, 5)
    };
    let last = LastStep::new(0.2);
    let make = || ImprovedContrastiveDivergence::new(Langevin(0.1), noise(), buffer(), replay, last).unwrap();
    conformance::objective(make, &target(), data().view(), Seed::new(2)).unwrap();
    let mut used = make();
    call(&mut used, Seed::new(3));
    conformance::snapshot(&used, &mut make()).unwrap();
}

/// Without the divergence it is contrastive divergence at the ends; with it, what is added is the derivative of `λ [⟨E⟩ − w Ĥ]` in the parameters of the last step alone.
#[test]
fn the_added_gradient_is_that_of_the_last_step() {
    let (lambda, w) = (0.7, 1.3);
    let mut plain = objective(0.0, 1.0);
    let (contrast, grad) = call(&mut plain, Seed::new(4));
    let ends = plain.buffer().positions().to_owned();
    let mut by_hand = Array1::zeros(5);
    target().energy_pullback_into(
        data().view(),
        Array1::from_elem(3, 1.0 / 3.0).view(),
        by_hand.view_mut(),
    );
    let negative = Array1::from_elem(N, -1.0 / N as f64);
    target().energy_pullback_into(ends.view(), negative.view(), by_hand.view_mut());
    assert!((&grad - &by_hand).iter().all(|d| d.abs() <= 1e-14));

    let mut full = objective(lambda, w);
    let (loss, full_grad) = call(&mut full, Seed::new(4));
    assert_eq!(full.buffer().positions(), ends);
    // What the last step added to the starts besides the drift.
    let noise = &ends - &start() - target().score(start().view()) * 0.2;
    let frozen = target();
    let term = |model: &Gaussian| {
        let ends = &start() + &noise + model.score(start().view()) * 0.2;
        let energy = frozen.energy(ends.view()).mean().unwrap();
        array![lambda * (energy - w * nearest_neighbour_entropy(ends.view()).unwrap())]
    };
    assert!((loss - contrast - term(&target())[0]).abs() <= 1e-12);
    let law = "the derivative through the last step";
    let added = &full_grad - &grad;
    let precision = Precision {
        relative: 1e-10,
        ..Precision::DOUBLE.with_step(1e-3)
    };
    parameter_gradient(law, &mut target(), added.view(), &term, precision).unwrap();
}

/// `KL(q_θ ‖ p)` of one step from `N(m, S)`: `q_θ = N(x̄ + ε Λ(μ − x̄), (I − εΛ) S (I − εΛ) + 2εI)` in one dimension, with its slopes in `μ` and `Λ` at fixed `p`. The estimate of the entropy is biased in its value
/// and, by the same curvature terms, in its slope; the energy part is exact, and both are tested apart.
#[test]
fn the_energy_part_has_the_expectation_of_normal_laws() {
    let (mu, precision, epsilon): (f64, f64, f64) = (0.5, 1.5, 0.2);
    let model = Gaussian::new(array![mu], array![[precision]]).unwrap();
    let law = Gaussian::new(array![-0.3], array![[0.8]]).unwrap();
    let (m, s) = (-0.3, 1.0 / 0.8);
    let shrink = 1.0 - epsilon * precision;
    let (end_mean, end_variance) = (
        m + epsilon * precision * (mu - m),
        shrink * shrink * s + 2.0 * epsilon,
    );
    // d/dθ of ½ Λ [(end mean − μ)² + end variance] through the ends only.
    let in_mean = precision * (end_mean - mu) * epsilon * precision;
    let in_precision =
        precision * (end_mean - mu) * epsilon * (mu - m) + 0.5 * precision * (-2.0 * epsilon * shrink * s);
    assert!(end_variance > 0.0);
    let x = array![[0.3], [1.2]];
    let mut values = [Vec::new(), Vec::new()];
    for r in 0..400 {
        use gibbsian_core::Density;
        let seed = Seed::new(5).nth(r);
        let start = law.sample(64, &mut seed.child("start").rng());
        let run = |kl_weight: f64| {
            let replay = Replay {
                reinitialise: 0.0,
                ..Replay::new(0, 64)
            };
            let last = LastStep {
                kl_weight,
                entropy_weight: 0.0,
                ..LastStep::new(epsilon)
            };
            let buffer = ReplayBuffer::new(start.clone()).unwrap();
            let mut objective =
                ImprovedContrastiveDivergence::new(Autoregression(0.5), law.clone(), buffer, replay, last)
                    .unwrap();
            let mut grad = Array1::zeros(model.n_params());
            let rng = &mut seed.child("step").rng();
            objective
                .loss_and_grad_into(&model, x.view(), rng, grad.view_mut())
                .unwrap();
            grad
        };
        let added = run(1.0) - run(0.0);
        values[0].push(added[0]);
        values[1].push(added[1]);
    }
    let tests = [
        mean("mean", &values[0], in_mean),
        mean("precision", &values[1], in_precision),
    ];
    family(&tests, FALSE_ALARM).unwrap();
}

/// Steps so long that the ends of chains are no numbers, or too far apart to have distances, and ends that coincide because noise is lost beside the drift: in each case the entropy is not finite, which is no fault of an argument.
#[test]
fn an_entropy_that_is_not_finite_is_told_as_such() {
    let told = |model: Gaussian, step_size: f64| {
        let buffer = ReplayBuffer::new(start()).unwrap();
        let replay = Replay {
            reinitialise: 0.0,
            ..Replay::new(0, N)
        };
        let last = LastStep::new(step_size);
        let mut objective =
            ImprovedContrastiveDivergence::new(Autoregression(0.5), noise(), buffer, replay, last).unwrap();
        let rng = &mut Seed::new(9).rng();
        let mut grad = Array1::zeros(5);
        let error = objective
            .loss_and_grad_into(&model, data().view(), rng, grad.view_mut())
            .unwrap_err();
        // Chains that are nowhere are not kept.
        assert_eq!(objective.buffer().positions(), start());
        match error {
            Error::NonFinite { name, value, .. } => (name, value),
            other => panic!("{other}"),
        }
    };
    let (name, value) = told(target(), 1e200);
    assert_eq!(
        (name.as_str(), value),
        ("log distance of the ends of chains 0 and 1", f64::INFINITY)
    );
    let far = Gaussian::new(array![1e200, 1e200], array![[1e200, 0.0], [0.0, 1e200]]).unwrap();
    assert!(told(far, 0.2).1.is_nan());
    // The score is 10²⁰ wherever the chains are.
    let steep = Gaussian::new(array![1e30, 1e30], array![[1e-10, 0.0], [0.0, 1e-10]]).unwrap();
    assert_eq!(told(steep, 0.2).1, f64::NEG_INFINITY);
}

#[test]
fn a_single_chain_has_no_entropy() {
    let new = |kl_weight, entropy_weight| {
        let replay = Replay {
            reinitialise: 0.0,
            ..Replay::new(0, 1)
        };
        let last = LastStep {
            kl_weight,
            entropy_weight,
            ..LastStep::new(0.1)
        };
        let buffer = ReplayBuffer::new(start()).unwrap();
        ImprovedContrastiveDivergence::new(Autoregression(0.5), noise(), buffer, replay, last)
    };
    assert_eq!(
        new(0.5, 1.0).unwrap_err().to_string(),
        "`n_chains` is 1, but must be at least 2 where the entropy counts: it is estimated from the distances between chains"
    );
    for (kl_weight, entropy_weight) in [(0.0, 1.0), (0.5, 0.0)] {
        let (loss, _) = call(&mut new(kl_weight, entropy_weight).unwrap(), Seed::new(1));
        assert!(loss.is_finite());
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let good = LastStep::new(0.1);
    let new = |last: LastStep| {
        let replay = Replay {
            reinitialise: 0.0,
            ..Replay::new(0, 2)
        };
        let buffer = ReplayBuffer::new(Array2::ones((2, 2))).unwrap();
        ImprovedContrastiveDivergence::new(Autoregression(0.5), noise(), buffer, replay, last)
    };
    for (last, message) in [
        (
            LastStep {
                step_size: 0.0,
                ..good
            },
            "`step_size` is 0, but must be finite and greater than zero",
        ),
        (
            LastStep {
                kl_weight: -1.0,
                ..good
            },
            "`kl_weight` is -1, but must be finite and at least zero",
        ),
        (
            LastStep {
                entropy_weight: f64::NAN,
                ..good
            },
            "`entropy_weight` is NaN, but must be finite and at least zero",
        ),
    ] {
        assert_eq!(new(last).unwrap_err().to_string(), message);
    }
}
