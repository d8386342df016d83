//! The theorem on normal data: every step of its proof in up to a thousand dimensions, and the rates behind it.

use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{DiagonalNormal, ErrorBudget, NormalSampler, ScoreError};
use gibbsian_testkit::stats::order;
use ndarray::{Array1, array};

fn isotropic(dim: usize, m: f64, v: f64) -> DiagonalNormal {
    DiagonalNormal::isotropic(dim, m, v).unwrap()
}

fn sampler(data: &DiagonalNormal, from: f64, to: f64, n_steps: usize) -> NormalSampler {
    NormalSampler::new(data.clone(), TimeGrid::uniform(from, to, n_steps).unwrap()).unwrap()
}

#[test]
fn the_law_of_the_output_is_that_of_the_steps() {
    let data = DiagonalNormal::new(array![2.0, -1.0, 0.0], array![0.2, 1.0, 5.0]).unwrap();
    let (c, delta) = (-0.15, array![0.3, 0.0, -0.4]);
    let grid = TimeGrid::exponentially_decaying(2.0, 0.05, 25).unwrap();
    let sampler = NormalSampler::new(data.clone(), grid.clone())
        .unwrap()
        .with_error(ScoreError::new(c, delta.clone()).unwrap())
        .unwrap();
    for (found, start) in [
        (sampler.output().unwrap(), data.standard()),
        (sampler.output_from_noised().unwrap(), data.noised(2.0)),
    ] {
        for i in 0..3 {
            let (mut mean, mut variance) = (start.mean()[i], start.variance()[i]);
            for pair in grid.times().windows(2) {
                let (h, law) = (pair[0] - pair[1], data.noised(pair[0]));
                // A step at two points says what it does to all.
                let step = |y: f64| {
                    let s = (law.mean()[i] - y) / law.variance()[i];
                    h.exp() * y + 2.0 * (h.exp() - 1.0) * ((1.0 + c) * s + delta[i])
                };
                let slope = step(1.0) - step(0.0);
                mean = step(mean);
                variance = slope * slope * variance + (2.0 * h).exp() - 1.0;
            }
            assert!((found.mean()[i] - mean).abs() < 1e-12);
            assert!((found.variance()[i] - variance).abs() < 1e-12);
        }
    }
}

#[test]
fn every_step_of_the_proof_holds_in_any_dimension() {
    for dim in [1, 10, 100, 1000] {
        let scale = (dim as f64).sqrt();
        for (m, v) in [
            (0.0, 1.0),
            (1.0 / scale, 1.0),
            (0.0, 1.0 + 0.5 / scale),
            (0.5, 0.3),
            (-1.0 / scale, 2.0),
        ] {
            let data = isotropic(dim, m, v);
            for error in [
                ScoreError::none(dim),
                ScoreError::new(0.0, Array1::from_elem(dim, 0.1 / scale)).unwrap(),
                ScoreError::new(0.05 / scale, Array1::zeros(dim)).unwrap(),
                ScoreError::new(-0.02, Array1::from_elem(dim, -0.1)).unwrap(),
            ] {
                for grid in [
                    TimeGrid::uniform(3.0, 0.0, 30).unwrap(),
                    TimeGrid::uniform(1.0, 0.0, 100).unwrap(),
                    TimeGrid::exponentially_decaying(4.0, 0.01, 80).unwrap(),
                ] {
                    let sampler = NormalSampler::new(data.clone(), grid).unwrap();
                    let budget = sampler.with_error(error.clone()).unwrap().budget().unwrap();
                    for step in budget.steps() {
                        assert!(step.holds(), "{dim} {m} {v} {error:?}: {step:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_wrong_constant_would_show() {
    // Start: a shift attains the contraction, and at a small distance Pinsker's inequality is short of an equality by π/2 only.
    let budget = sampler(&isotropic(10, 0.01, 1.0), 2.0, 0.0, 200)
        .budget()
        .unwrap();
    assert!((budget.initialisation.contraction().slack() - 1.0).abs() < 1e-10);
    assert!((budget.initialisation.pinsker().slack() - std::f64::consts::FRAC_PI_2).abs() < 1e-4);
    // Paths: in one step to nearly a point nearly all that the paths see is left at the end, so that a factor of 0.99 on G would be refused.
    let error = ScoreError::new(0.0, array![50.0]).unwrap();
    let budget = sampler(&isotropic(1, 0.0, 1e-4), 0.02, 0.0, 1)
        .with_error(error)
        .unwrap()
        .budget()
        .unwrap();
    let g = budget.girsanov.total();
    assert!(
        budget.kl_from_noised <= g && budget.kl_from_noised > 0.99 * g,
        "{budget:?}"
    );
}

#[test]
fn discretisation_is_of_first_order_in_the_sum_and_of_second_in_the_truth() {
    for (dim, v) in [(1, 0.5), (100, 0.5), (10, 3.0), (1000, 1.0)] {
        let counts = [512, 1024, 2048, 4096];
        let steps = counts.map(|n| 2.0 / n as f64);
        let budgets = counts.map(|n| sampler(&isotropic(dim, 1.0, v), 2.0, 0.0, n).budget().unwrap());
        let slope = |f: &dyn Fn(&ErrorBudget) -> f64| order(&steps, &budgets.each_ref().map(f));
        // Corrections are of order h/v ≤ 0.008 relative.
        slope(&|b| b.girsanov.total()).within("G", 1.0, 0.01).unwrap();
        slope(&|b| b.discretisation_term())
            .within("√(G/2)", 0.5, 0.01)
            .unwrap();
        slope(&|b| b.kl_from_noised).within("KL", 2.0, 0.02).unwrap();
        if dim < 1000 {
            // Where it is near one, the distance has no slope.
            slope(&|b| b.total_variation_from_noised)
                .within("TV", 1.0, 0.02)
                .unwrap();
        }
    }
}

#[test]
fn the_output_forgets_its_start_twice_as_fast_as_the_bound_says() {
    let horizons = [3.0, 3.5, 4.0, 4.5, 5.0];
    let times = horizons.map(f64::exp);
    for (m, v, rate) in [(1.0, 1.0, -2.0), (1.0, 0.5, -2.0), (0.0, 2.0, -4.0)] {
        let budgets = horizons.map(|t| {
            sampler(&isotropic(5, m, v), t, 0.0, (256.0 * t) as usize)
                .budget()
                .unwrap()
        });
        let slope = |f: &dyn Fn(&ErrorBudget) -> f64| order(&times, &budgets.each_ref().map(f));
        // A step contracts the mean by e^{−h − h²} and not e^{−h}: h = 1/256; the rest is of order e^{−2T}.
        slope(&|b| b.total_variation_of_starts)
            .within("starts", rate, 0.03)
            .unwrap();
        slope(&|b| b.initialisation_term())
            .within("bound", -1.0, 1e-9)
            .unwrap();
    }
}

#[test]
fn the_effect_of_a_score_error_saturates_while_its_term_grows() {
    let data = isotropic(4, 1.0, 0.8);
    let error = ScoreError::new(0.0, Array1::from_elem(4, 0.05)).unwrap();
    let budgets = [8.0, 16.0, 32.0].map(|t| {
        sampler(&data, t, 0.0, (64.0 * t) as usize)
            .with_error(error.clone())
            .unwrap()
            .budget()
            .unwrap()
    });
    for pair in budgets.windows(2) {
        let (short, long) = (pair[0], pair[1]);
        // What is left to come after T is of order e^{−T}.
        let ratio = long.total_variation_from_noised / short.total_variation_from_noised;
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        let growth = long.score_term() / short.score_term();
        assert!((growth - 2.0_f64.sqrt()).abs() < 1e-12, "{growth}");
    }
}

#[test]
fn the_bound_separates_and_its_joint_form_is_the_sharpest() {
    let error = ScoreError::new(0.1, array![0.2, 0.0]).unwrap();
    let data = DiagonalNormal::new(array![1.0, 0.0], array![0.4, 2.0]).unwrap();
    let budget = sampler(&data, 1.5, 0.0, 30)
        .with_error(error)
        .unwrap()
        .budget()
        .unwrap();
    assert!(budget.total_variation < budget.joint_bound());
    assert!(budget.joint_bound() < budget.bound());
    assert!(budget.bound() < budget.separated_bound());
    let (start, g) = (budget.initialisation, budget.girsanov);
    let theorem = (-1.5_f64).exp() * (0.5 * start.kl_data).sqrt() + (0.5 * g.total()).sqrt();
    assert!((budget.bound() - theorem).abs() < 1e-15);
    let joint = (0.5 * (start.kl_noised + g.total())).sqrt();
    assert!((budget.joint_bound() - joint).abs() < 1e-15);
    assert!(g.total() <= 2.0 * (g.discretisation + g.score));
    let terms = budget.initialisation_term() + budget.discretisation_term() + budget.score_term();
    assert!((terms - budget.separated_bound()).abs() < 1e-15);
}

#[test]
fn early_stopping_aims_at_noised_data_and_makes_points_possible() {
    // Data with hardly a width: to zero the steps are too long for the last scores, to t_min they are not.
    let data = isotropic(3, 1.0, 1e-8);
    let late = NormalSampler::new(
        data.clone(),
        TimeGrid::exponentially_decaying(4.0, 1e-3, 400).unwrap(),
    )
    .unwrap();
    assert_eq!(late.target(), data.noised(1e-3));
    let (stopped, full) = (
        late.budget().unwrap(),
        sampler(&data, 4.0, 0.0, 400).budget().unwrap(),
    );
    assert!(stopped.bound() < 0.5 && stopped.theorem().holds(), "{stopped:?}");
    assert!(full.bound() > 1.0 && full.total_variation > 0.9, "{full:?}");
    assert!((stopped.initialisation.duration - 3.999).abs() < 1e-15);
}

#[test]
fn steps_beyond_all_bounds_are_refused_by_name() {
    let data = isotropic(2, 1.0, 1e-12);
    let error = sampler(&data, 400.0, 0.0, 1).output().unwrap_err().to_string();
    assert!(error.contains("the output."), "{error}");
    let upwards = TimeGrid::uniform(0.0, 1.0, 4).unwrap();
    assert!(NormalSampler::new(data, upwards).is_err());
}
