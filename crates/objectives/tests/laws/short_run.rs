//! Chains from noise: where they start, that they start anew, and where training ends when they are long.

use crate::common::{Autoregression, approximate, fisher, inverse, model};
use crate::replay::Population;
use gibbsian_core::{Energy, Kernel, Objective, Parametric, ParametricMut, Seed};
use gibbsian_objectives::{Draws, ShortRunContrastiveDivergence};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use gibbsian_testkit::targets::{Gaussian, Sweep};
use ndarray::{Array1, Array2, array};
use rand::Rng;

fn gaussian() -> Gaussian {
    Gaussian::new(array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]).unwrap()
}

fn wide() -> Gaussian {
    Gaussian::new(array![0.0, 0.0], Array2::eye(2) * 0.1).unwrap()
}

#[test]
fn the_objective_obeys_the_laws_of_its_trait() {
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
    let make = || ShortRunContrastiveDivergence::new(Autoregression(0.5), wide(), 3, 100).unwrap();
    conformance::objective(make, &gaussian(), x.view(), Seed::new(1)).unwrap();
}

/// After `k` steps of the autoregression from `N(m, S)` the law is normal with moments between those of noise and target, so the expected loss is known.
#[test]
fn the_expected_loss_is_that_of_chains_k_steps_from_noise() {
    const K: usize = 3;
    let (target, noise, rho) = (gaussian(), wide(), Autoregression(0.8).0);
    let decay = rho.powi(K as i32);
    let difference = &noise.mean() - &target.mean();
    // E = ½ tr(Λ (C' + d dᵀ)) with d and C' = C + ρ^{2k}(S − C) after k steps.
    let precision = array![[2.0, 0.5], [0.5, 1.0]];
    let excess = &noise.covariance() - &target.covariance();
    let trace = |a: &Array2<f64>| (&precision * a).sum();
    let energy = 0.5 * (2.0 + decay * decay * (trace(&excess) + difference.dot(&precision.dot(&difference))));
    let x = array![[0.3, 1.2], [-2.0, 0.1]];
    let expected = target.energy(x.view()).mean().unwrap() - energy;
    let mut objective = ShortRunContrastiveDivergence::new(Autoregression(rho), noise, K, 50).unwrap();
    let mut grad = Array1::zeros(5);
    let losses: Vec<f64> = (0..2000)
        .map(|r| {
            let rng = &mut Seed::new(2).nth(r).rng();
            objective
                .loss_and_grad_into(&target, x.view(), rng, grad.view_mut())
                .unwrap()
        })
        .collect();
    mean("losses", &losses, expected).assert(FALSE_ALARM);
    let acceptance = objective.report().unwrap().acceptance;
    assert_eq!((acceptance.proposed, acceptance.rate()), (150, 1.0));
}

#[test]
fn chains_start_at_noise_in_every_call() {
    let (model, x) = (model(), crate::common::data());
    let start = Draws(|n: usize, _: &mut dyn Rng| Array2::ones((n, 3)));
    let mut objective = ShortRunContrastiveDivergence::new(Sweep::Forward, start, 2, 40).unwrap();
    for seed in [3, 4] {
        let mut grad = Array1::zeros(6);
        let mut rng = Seed::new(seed).rng();
        objective
            .loss_and_grad_into(&model, x.view(), &mut rng, grad.view_mut())
            .unwrap();
        let mut by_hand = Sweep::Forward.init(&model, Array2::ones((40, 3))).unwrap();
        let mut rng = Seed::new(seed).rng();
        (0..2).for_each(|_| Sweep::Forward.step(&model, &mut by_hand, &mut rng));
        assert_eq!(objective.report().unwrap().negative, model.energy(by_hand.view()));
    }
}

/// Twenty sweeps from anywhere are a draw to far below the error (see the persistent chains), so the gradient is that of the likelihood.
#[test]
fn long_chains_recover_a_listed_law() {
    const N_STEPS: usize = 300;
    const N_CHAINS: usize = 200;
    let audit = Audit::new(&model()).unwrap();
    let covariance = inverse(&fisher(&model()));
    let start = Draws(|n: usize, _: &mut dyn Rng| Array2::ones((n, 3)));
    let mut objective = ShortRunContrastiveDivergence::new(Sweep::Forward, start, 40, N_CHAINS).unwrap();
    let mut fitted = model();
    fitted.set_params((model().params() * 0.5).view()).unwrap();
    let mut population = Population {
        objective: &mut objective,
        w: &audit.pi * 8.0,
    };
    let rng = &mut Seed::new(5).rng();
    approximate(
        &mut population,
        &mut fitted,
        audit.states.view(),
        &covariance,
        N_STEPS,
        rng,
    );
    let tests: Vec<_> = (fitted.params().iter().zip(&model().params()))
        .enumerate()
        .map(|(i, (found, truth))| {
            let error = (covariance[[i, i]] / (N_STEPS * N_CHAINS) as f64).sqrt();
            z_test(&format!("parameter {i}"), *found, *truth, error)
        })
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn bad_input_is_refused_by_name() {
    let new = |n_steps, n_chains| {
        ShortRunContrastiveDivergence::new(Autoregression(0.5), wide(), n_steps, n_chains)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(new(0, 1), "`n_steps` is 0, but must be at least 1");
    assert_eq!(new(1, 0), "`n_chains` is 0, but must be at least 1");
}
