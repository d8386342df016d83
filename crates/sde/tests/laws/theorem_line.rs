//! The theorem on a line, where the output of the sampler is known for any data and any score.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Density, Seed, Space, TimeScore};
use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{DiagonalNormal, Girsanov, Line, NormalSampler, PerturbedScore, ScoreError};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};

/// The noised score with an error that is neither constant nor linear, `¼ sin 2x`.
struct Wavy(Noised<OrnsteinUhlenbeck>);

impl Space for Wavy {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Wavy {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, t, out.view_mut());
        out.zip_mut_with(&x, |s, x| *s += 0.25 * (2.0 * x).sin());
    }
}

fn two_modes() -> Mixture {
    Mixture::new(array![0.3, 0.7], array![[-1.5], [1.0]], array![0.4, 0.6]).unwrap()
}

fn noised(mixture: Mixture) -> Noised<OrnsteinUhlenbeck> {
    Noised::new(mixture, OrnsteinUhlenbeck::new(6.0).unwrap())
}

#[test]
fn normal_data_give_the_closed_forms() {
    let (m, v) = (0.8, 0.3_f64);
    let exact = noised(Mixture::new(array![1.0], array![[m]], array![v.sqrt()]).unwrap());
    let grid = TimeGrid::uniform(1.5, 0.1, 14).unwrap();
    let error = ScoreError::new(0.1, array![-0.2]).unwrap();
    let sampler = NormalSampler::new(DiagonalNormal::isotropic(1, m, v).unwrap(), grid.clone())
        .unwrap()
        .with_error(error.clone())
        .unwrap();
    let model = PerturbedScore::new(exact.clone(), error).unwrap();
    let line = Line::new(-9.0, 9.0, 601).unwrap();

    let start = line.standard_normal().unwrap();
    let (found, law) = (
        line.output(&start, &model, &grid).unwrap(),
        sampler.output().unwrap(),
    );
    let (mean, variance) = (law.mean()[0], law.variance()[0]);
    for (x, p) in line.points().iter().zip(found.density()) {
        let z = (x - mean) * (x - mean) / variance;
        let expected = (-0.5 * z).exp() / (2.0 * std::f64::consts::PI * variance).sqrt();
        assert!((p - expected).abs() < 1e-12, "{x}: {p} {expected}");
    }

    let by_quadrature = line.budget(|t| Ok(exact.marginal(t)), &model, &grid).unwrap();
    let closed = sampler.budget().unwrap();
    // Kinks cost the trapezoidal rule 1e-4 of a distance here; the rule in time 1e-6 of the sum.
    for (found, expected, tolerance) in [
        (by_quadrature.total_variation, closed.total_variation, 1e-3),
        (
            by_quadrature.total_variation_from_noised,
            closed.total_variation_from_noised,
            1e-3,
        ),
        (
            by_quadrature.total_variation_of_starts,
            closed.total_variation_of_starts,
            1e-3,
        ),
        (
            by_quadrature.initialisation.total_variation,
            closed.initialisation.total_variation,
            1e-3,
        ),
        (by_quadrature.kl, closed.kl, 1e-9),
        (by_quadrature.kl_from_noised, closed.kl_from_noised, 1e-9),
        (
            by_quadrature.initialisation.kl_data,
            closed.initialisation.kl_data,
            1e-9,
        ),
        (
            by_quadrature.initialisation.kl_noised,
            closed.initialisation.kl_noised,
            1e-9,
        ),
        (
            by_quadrature.girsanov.discretisation,
            closed.girsanov.discretisation,
            1e-6,
        ),
        (by_quadrature.girsanov.score, closed.girsanov.score, 1e-9),
        (by_quadrature.girsanov.cross, closed.girsanov.cross, 1e-9),
    ] {
        assert!((found / expected - 1.0).abs() < tolerance, "{found} {expected}");
    }
}

#[test]
fn every_step_of_the_proof_holds_on_mixtures() {
    let line = Line::new(-9.0, 9.0, 451).unwrap();
    for mixture in [
        two_modes(),
        Mixture::new(
            array![0.2, 0.5, 0.3],
            array![[-2.0], [0.0], [1.5]],
            array![0.5, 0.4, 0.5],
        )
        .unwrap(),
    ] {
        let exact = noised(mixture);
        let wavy = Wavy(exact.clone());
        for grid in [
            TimeGrid::uniform(1.0, 0.0, 20).unwrap(),
            TimeGrid::uniform(3.0, 0.2, 56).unwrap(),
            TimeGrid::exponentially_decaying(3.0, 0.1, 60).unwrap(),
        ] {
            for model in [&exact as &dyn TimeScore, &wavy] {
                let budget = line.budget(|t| Ok(exact.marginal(t)), model, &grid).unwrap();
                for step in budget.steps() {
                    assert!(step.holds() && step.slack() > 1.0 - 1e-9, "{step:?}");
                }
                // The bound says something.
                assert!(budget.bound() < 1.0, "{budget:?}");
            }
        }
    }
}

#[test]
fn paths_give_the_sum_with_a_wavy_error() {
    let exact = noised(two_modes());
    let wavy = Wavy(exact.clone());
    let grid = TimeGrid::uniform(2.0, 0.0, 20).unwrap();
    let line = Line::new(-9.0, 9.0, 601).unwrap();
    let sum = line
        .budget(|t| Ok(exact.marginal(t)), &wavy, &grid)
        .unwrap()
        .girsanov;
    let x = two_modes().sample(8000, &mut Seed::new(1).rng());
    let found = Girsanov {
        process: &OrnsteinUhlenbeck::new(6.0).unwrap(),
        exact: &exact,
        model: &wavy,
    }
    .estimate(&grid, x.view(), &mut Seed::new(2).rng())
    .unwrap();
    for (found, exact) in [
        (found.total, sum.total()),
        (found.discretisation, sum.discretisation),
        (found.score, sum.score),
    ] {
        let z = (found.value - exact) / found.standard_error;
        assert!(
            z.abs() < 5.0 && found.standard_error < 0.03 * exact,
            "{found:?} {exact}"
        );
    }
}

#[test]
fn what_a_line_cannot_hold_is_named() {
    let exact = noised(two_modes());
    let grid = TimeGrid::uniform(1.0, 0.0, 20).unwrap();
    let error = |line: Line| {
        line.budget(|t| Ok(exact.marginal(t)), &exact, &grid)
            .unwrap_err()
            .to_string()
    };
    let text = error(Line::new(-2.0, 9.0, 400).unwrap());
    assert!(text.contains("mass of the density to be 1"), "{text}");
    // Fine enough for the data, too coarse for the noise of a step.
    let text = error(Line::new(-9.0, 9.0, 61).unwrap());
    assert!(
        text.contains("times as many, for the noise after step 1"),
        "{text}"
    );
    assert!(Line::new(1.0, 1.0, 10).is_err() && Line::new(0.0, f64::NAN, 10).is_err());
    assert!(Line::new(0.0, 1.0, 1).is_err());
    let line = Line::new(-9.0, 9.0, 451).unwrap();
    let plane = Mixture::new(array![1.0], array![[0.0, 0.0]], array![1.0]).unwrap();
    assert!(line.law(&plane).is_err());
    let start = line.standard_normal().unwrap();
    assert!(
        Line::new(-9.0, 9.0, 452)
            .unwrap()
            .output(&start, &exact, &grid)
            .is_err()
    );
    let upwards = TimeGrid::uniform(0.0, 1.0, 20).unwrap();
    assert!(line.output(&start, &exact, &upwards).is_err());
    let nan = PerturbedScore::new(
        exact.clone(),
        ScoreError::new(f64::MAX, array![f64::MAX]).unwrap(),
    )
    .unwrap();
    let text = line.output(&start, &nan, &grid).unwrap_err().to_string();
    assert!(
        text.contains("the score") && text.contains("after step 1, from time 1 to 0.95"),
        "{text}"
    );
}
