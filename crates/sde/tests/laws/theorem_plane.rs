//! The theorem on mixtures in the plane: no density of the output is known there, but what it does to events is.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::special::normal_cdf;
use gibbsian_core::{At, Density, Score, Seed};
use gibbsian_sde::theory::{GirsanovSum, Initialisation, ScoreMoments, total_variation_by_draws};
use gibbsian_sde::{FreshNoise, TimeGrid};
use gibbsian_testkit::targets::{Gaussian, Mixture, Noised};
use ndarray::{Array1, Array2, array};

/// `E f(x)` under a density on the plane, by the trapezoidal rule on `[−7, 7]²`.
fn mean(density: &impl Density, f: impl Fn(&Array2<f64>) -> Array1<f64>) -> f64 {
    let n = 101;
    let spacing = 0.14;
    let at = |i: usize| spacing * i as f64 - 7.0;
    let points = Array2::from_shape_fn((n * n, 2), |(i, c)| at(if c == 0 { i / n } else { i % n }));
    let p = density.log_density(points.view()).mapv(f64::exp);
    spacing * spacing * (p * f(&points)).sum()
}

/// `E‖s‖²`.
pub fn fisher_information(density: &(impl Density + Score)) -> f64 {
    mean(density, |x| {
        density
            .score(x.view())
            .rows()
            .into_iter()
            .map(|s| s.dot(&s))
            .collect()
    })
}

#[test]
fn the_theorem_bounds_what_half_planes_see() {
    let (means, deviations, weights) = (
        array![[-1.5, 0.0], [1.0, 1.0]],
        array![0.6, 0.4],
        array![0.3, 0.7],
    );
    let mixture = Mixture::new(weights.clone(), means.clone(), deviations.clone()).unwrap();
    let gamma = Gaussian::new(Array1::zeros(2), Array2::eye(2)).unwrap();
    let kl = |q: &Mixture| mean(q, |x| q.log_density(x.view()) - gamma.log_density(x.view()));
    for (horizon, n_steps) in [(0.6, 12), (1.5, 12), (3.0, 30)] {
        let noised = Noised::new(mixture.clone(), OrnsteinUhlenbeck::new(horizon).unwrap());
        let last = noised.marginal(horizon);
        let distance = total_variation_by_draws(&last, &gamma, 20_000, &mut Seed::new(3).rng()).unwrap();
        let start = Initialisation {
            duration: horizon,
            kl_data: kl(&mixture),
            kl_noised: kl(&last),
            total_variation: (distance.value - 5.0 * distance.standard_error).max(0.0),
        };
        assert!(
            start.contraction().holds() && start.pinsker().holds(),
            "{start:?}"
        );
        let grid = TimeGrid::uniform(horizon, 0.0, n_steps).unwrap();
        let fisher = |t: f64| Ok(fisher_information(&noised.marginal(t)));
        let g = GirsanovSum::of_moments(&grid, fisher, |_| Ok(ScoreMoments::default())).unwrap();
        let bound = start.term() + (0.5 * g.total()).sqrt();
        assert!(bound < 1.0, "{bound}");

        let n = 3000;
        let noise = |k| FreshNoise::new(Seed::new(4).nth(k)).normal((n, 2));
        let mut x = noise(0);
        for k in 0..n_steps {
            let (late, early) = (grid.times()[k], grid.times()[k + 1]);
            let (h, t) = (late - early, Array1::from_elem(n, late));
            let s = At::new(&noised, t.view()).score(x.view());
            x = h.exp() * x + 2.0 * h.exp_m1() * s + (2.0 * h).exp_m1().sqrt() * noise(k as u64 + 1);
        }
        // |P(A) − Q(A)| ≤ TV for every event A; the worst of many directions and thresholds.
        let mut worst: f64 = 0.0;
        for angle in 0..12 {
            let angle = f64::from(angle) * std::f64::consts::PI / 12.0;
            let u = array![angle.cos(), angle.sin()];
            for threshold in [-1.5, -0.5, 0.0, 0.5, 1.0, 1.5] {
                let exact: f64 = (0..2)
                    .map(|k| weights[k] * normal_cdf((threshold - means.row(k).dot(&u)) / deviations[k]))
                    .sum();
                let seen = x.dot(&u).iter().filter(|&&v| v < threshold).count() as f64 / n as f64;
                worst = worst.max((seen - exact).abs());
            }
        }
        let error = 5.0 * 0.5 / (n as f64).sqrt();
        assert!(worst <= bound + error, "{worst} {bound}");
        if horizon < 1.0 {
            // Too short a way for this start: the distance is real, and not a tenth of the bound.
            assert!(worst > 0.1 * bound && worst > error, "{worst} {bound}");
        }
    }
}
