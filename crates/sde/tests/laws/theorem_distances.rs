//! Distances between laws: against closed forms, quadrature and draws.

use gibbsian_core::Seed;
use gibbsian_core::special::{log_normal_interval, normal_cdf};
use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{DiagonalNormal, Estimate, Initialisation, total_variation_by_draws};
use gibbsian_testkit::stats::order;
use gibbsian_testkit::stats::special::gamma_p_q;
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, array};

#[track_caller]
fn near(found: f64, expected: f64, relative: f64) {
    assert!(
        (found - expected).abs() <= relative * expected.abs() + 1e-15,
        "{found:e} instead of {expected:e}"
    );
}

/// `TV(N(0, v₁), N(m, v₂))` with `v₁ < v₂`, by the two points where the densities meet.
fn by_intersections(v1: f64, m: f64, v2: f64) -> f64 {
    // (x − m)²/v₂ − x²/v₁ + log(v₂/v₁) = 0.
    let (a, b, c) = (1.0 / v2 - 1.0 / v1, -2.0 * m / v2, m * m / v2 + (v2 / v1).ln());
    let root = (b * b - 4.0 * a * c).sqrt();
    let (lo, hi) = ((-b + root) / (2.0 * a), (-b - root) / (2.0 * a));
    let narrow = normal_cdf(hi / v1.sqrt()) - normal_cdf(lo / v1.sqrt());
    let wide = normal_cdf((hi - m) / v2.sqrt()) - normal_cdf((lo - m) / v2.sqrt());
    narrow - wide
}

/// `TV(N(0, v₁ I), N(0, v₂ I))` with `v₁ < v₂`: the densities meet on a sphere, whose radius has a chi-square law.
fn by_radius(dim: usize, v1: f64, v2: f64) -> f64 {
    let d = dim as f64;
    let squared = d * (v2 / v1).ln() / (1.0 / v1 - 1.0 / v2);
    let inside = |v: f64| gamma_p_q(0.5 * d, 0.5 * squared / v).0;
    inside(v1) - inside(v2)
}

#[test]
fn total_variation_of_equal_variances_is_the_error_function() {
    for dim in [1, 2, 10, 1000] {
        for distance in [1e-9, 1e-4, 0.1, 1.0, 5.0, 12.0] {
            let shift = distance / (dim as f64).sqrt();
            let q = DiagonalNormal::isotropic(dim, 0.3, 4.0).unwrap();
            let p = DiagonalNormal::isotropic(dim, 0.3 + 2.0 * shift, 4.0).unwrap();
            let expected = log_normal_interval(-0.5 * distance, 0.5 * distance).exp();
            // The mean 0.3 + 2 shift has lost digits of the shift.
            near(q.total_variation(&p), expected, 1e-10 + 1e-16 / shift);
        }
    }
}

#[test]
fn total_variation_in_one_dimension_is_that_of_two_points() {
    for (v1, m, v2) in [
        (1.0, 0.0, 1.01),
        (1.0, 0.5, 1.1),
        (1.0, 3.0, 2.0),
        (0.01, 1.0, 4.0),
        (1e-6, 0.1, 1.0),
        (1e-3, 20.0, 1e3),
    ] {
        let expected = by_intersections(v1, m, v2);
        let q = DiagonalNormal::new(array![0.0], array![v1]).unwrap();
        let p = DiagonalNormal::new(array![m], array![v2]).unwrap();
        near(q.total_variation(&p), expected, 1e-10);
        near(p.total_variation(&q), expected, 1e-10);
        // Coordinates that agree change nothing.
        let q = DiagonalNormal::new(array![2.0, 0.0, 5.0], array![3.0, v1, 0.5]).unwrap();
        let p = DiagonalNormal::new(array![2.0, m, 5.0], array![3.0, v2, 0.5]).unwrap();
        near(q.total_variation(&p), expected, 1e-10);
    }
}

#[test]
fn total_variation_of_centred_balls_is_that_of_a_radius() {
    for dim in [1, 2, 3, 10, 100, 1000] {
        for ratio in [1.0001, 1.01, 1.2, 2.0, 30.0] {
            let q = DiagonalNormal::isotropic(dim, 0.0, 0.7).unwrap();
            let p = DiagonalNormal::isotropic(dim, 0.0, 0.7 * ratio).unwrap();
            // Both terms of the reference are rounded, the exponent of the gamma function's prefactor to d ε.
            let expected = by_radius(dim, 0.7, 0.7 * ratio);
            let (found, back) = (q.total_variation(&p), p.total_variation(&q));
            assert!(
                (found - expected).abs() < 1e-12 + 1e-15 * dim as f64,
                "{dim} {ratio}: {found} {expected}"
            );
            assert!((found - back).abs() < 1e-11, "{dim} {ratio}: {found} {back}");
        }
    }
}

#[test]
fn total_variation_keeps_its_digits_however_small() {
    // ∂p/∂v = ½ (x² − 1) p at the standard normal law, and E|x² − 1| = 4 φ(1): TV = r φ(1) (1 + O(r)).
    let density = (-0.5_f64).exp() / (2.0 * std::f64::consts::PI).sqrt();
    for r in [2.0_f64.powi(-32), -(2.0_f64.powi(-40))] {
        let q = DiagonalNormal::isotropic(1, 0.0, 1.0).unwrap();
        let p = DiagonalNormal::isotropic(1, 0.0, 1.0 + r).unwrap();
        let relative = |found: f64| found / (density * r.abs()) - 1.0;
        assert!(relative(q.total_variation(&p)).abs() < 2.0 * r.abs() + 1e-11);
        assert!(relative(p.total_variation(&q)).abs() < 2.0 * r.abs() + 1e-11);
    }
}

#[test]
fn total_variation_where_coordinates_want_opposite_curves() {
    // Means shifted by little and variances by less, in opposite directions: the shifts decide.
    let (r, shift) = (array![-3e-8, 1.8e-6], array![3e-3, 1.7e-2]);
    let q = DiagonalNormal::isotropic(2, 0.0, 1.0).unwrap();
    let p = DiagonalNormal::new(shift.clone(), 1.0 + r).unwrap();
    let half = 0.5 * shift.dot(&shift).sqrt();
    near(
        q.total_variation(&p),
        log_normal_interval(-half, half).exp(),
        1e-5,
    );
}

#[test]
fn total_variation_of_any_two_normal_laws_is_that_of_draws() {
    let mean = array![0.1, -0.3, 0.0, 0.4];
    let (v, v_other) = (array![1.0, 2.0, 0.2, 1.0], array![1.5, 0.7, 0.3, 1.0]);
    let q = DiagonalNormal::new(Array1::zeros(4), v.clone()).unwrap();
    let p = DiagonalNormal::new(mean.clone(), v_other.clone()).unwrap();
    let target =
        |m: Array1<f64>, v: &Array1<f64>| Gaussian::new(m, Array2::from_diag(&v.mapv(f64::recip))).unwrap();
    let (q_target, p_target) = (target(Array1::zeros(4), &v), target(mean, &v_other));
    let rng = &mut Seed::new(1).rng();
    let exact = q.total_variation(&p);
    near(p.total_variation(&q), exact, 1e-10);
    for drawn in [
        total_variation_by_draws(&q_target, &p_target, 20_000, rng).unwrap(),
        total_variation_by_draws(&p_target, &q_target, 20_000, rng).unwrap(),
    ] {
        let z = (drawn.value - exact) / drawn.standard_error;
        assert!(z.abs() < 5.0 && drawn.standard_error < 4e-3, "{drawn:?} {exact}");
    }
}

#[test]
fn equal_laws_are_at_no_distance_and_far_ones_at_distance_one() {
    let q = DiagonalNormal::isotropic(3, 1.0, 2.0).unwrap();
    assert_eq!((q.total_variation(&q), q.kl(&q)), (0.0, 0.0));
    for (mean, variance) in [(1e3, 2.0), (1e200, 2.0), (1.0, 1e-12), (-50.0, 1e-3)] {
        let p = DiagonalNormal::isotropic(3, mean, variance).unwrap();
        let far = [q.total_variation(&p), p.total_variation(&q)];
        assert!(
            far.iter().all(|tv| (0.99999..=1.0).contains(tv)),
            "{mean} {variance}: {far:?}"
        );
    }
}

#[test]
fn pinsker_holds_and_divergences_keep_their_digits() {
    for (m, v) in [(0.0, 1.0 + 1e-7), (1e-6, 1.0), (0.2, 1.3), (2.0, 0.1), (0.0, 9.0)] {
        let q = DiagonalNormal::isotropic(7, 0.0, 1.0).unwrap();
        let p = DiagonalNormal::isotropic(7, m, v).unwrap();
        for (q, p) in [(&q, &p), (&p, &q)] {
            let (tv, kl) = (q.total_variation(p), q.kl(p));
            assert!(2.0 * tv * tv <= kl, "{m} {v}: {tv} {kl}");
        }
    }
    // ¼ r² − ⅓ r³ + … for a variance 1 + r, to the rounding of the variance.
    let (r, q) = (1e-6, DiagonalNormal::isotropic(1, 0.0, 1.0).unwrap());
    let p = DiagonalNormal::isotropic(1, 0.0, 1.0 + r).unwrap();
    let expected = 0.25 * r * r - r * r * r / 3.0;
    assert!((q.kl(&p) / expected - 1.0).abs() < 1e-9);
}

#[test]
fn initialisation_contracts_at_the_rates_of_a_shift_and_of_a_scale() {
    let horizons: Vec<f64> = (0..5).map(|k| 4.0 + 0.5 * f64::from(k)).collect();
    // Slopes in T are slopes of logarithms against log e^T; corrections are of order e^{−2T} < 4e-4.
    let times: Vec<f64> = horizons.iter().map(|t| t.exp()).collect();
    for (dim, m, v, rate) in [
        (1, 1.0, 1.0, -1.0),
        (100, 0.1, 1.0, -1.0),
        (1, 0.0, 2.0, -2.0),
        (100, 0.0, 0.8, -2.0),
    ] {
        let data = DiagonalNormal::isotropic(dim, m, v).unwrap();
        let all: Vec<Initialisation> = horizons
            .iter()
            .map(|&t| Initialisation::of_normal(&data, t).unwrap())
            .collect();
        assert!(all.iter().all(|i| i.contraction().holds() && i.pinsker().holds()));
        let slope = |f: fn(&Initialisation) -> f64| order(&times, &all.iter().map(f).collect::<Vec<_>>());
        slope(|i| i.total_variation)
            .within("total variation", rate, 2e-3)
            .unwrap();
        slope(|i| i.kl_noised)
            .within("divergence", 2.0 * rate, 2e-3)
            .unwrap();
        slope(Initialisation::term)
            .within("the bound", -1.0, 1e-12)
            .unwrap();
        if rate == -1.0 {
            // A shift attains the bound on the divergence.
            assert!(all.iter().all(|i| (i.contraction().slack() - 1.0).abs() < 1e-10));
        }
    }
}

#[test]
fn decaying_steps_are_uniform_above_one_and_geometric_below() {
    let grid = TimeGrid::exponentially_decaying(3.0, 1e-3, 50).unwrap();
    let kappa = (2.0 + 1e3_f64.ln()) / 50.0;
    assert_eq!((grid.first(), grid.last(), grid.n_steps()), (3.0, 1e-3, 50));
    for pair in grid.times().windows(2) {
        let (late, early) = (pair[0], pair[1]);
        let h = late - early;
        if early >= 1.0 {
            near(h, kappa, 1e-12);
        } else if late <= 1.0 {
            near(h, kappa.exp_m1() * early, 1e-10);
        }
        assert!(h <= kappa.exp_m1() * early.min(1.0) * (1.0 + 1e-12));
    }
    for (from, to) in [
        (0.0, 1.0),
        (1.0, 0.0),
        (2.0, 2.0),
        (f64::NAN, 1.0),
        (f64::INFINITY, 1.0),
    ] {
        assert!(TimeGrid::exponentially_decaying(from, to, 5).is_err());
    }
    assert!(TimeGrid::exponentially_decaying(1.0, 0.5, 0).is_err());
}

#[test]
fn an_estimate_is_a_mean_with_its_standard_error() {
    let estimate = Estimate::of(array![1.0, 2.0, 3.0, 6.0].view()).unwrap();
    // Squares of deviations 4, 1, 0, 9: a variance of 14/3, a quarter of it for the mean.
    assert_eq!(estimate.value, 3.0);
    near(estimate.standard_error, (14.0_f64 / 12.0).sqrt(), 1e-15);
}

#[test]
fn what_is_wrong_with_a_law_is_named() {
    let error = |mean: Array1<f64>, variance: Array1<f64>| {
        DiagonalNormal::new(mean, variance).unwrap_err().to_string()
    };
    assert!(error(array![], array![]).contains("`mean`"));
    assert!(error(array![f64::NAN], array![1.0]).contains("`mean[0]` is NaN"));
    assert!(error(array![0.0, 1.0], array![1.0]).contains("`variance`"));
    assert!(error(array![0.0, 1.0], array![1.0, 0.0]).contains("`variance[1]` is 0"));
    let data = DiagonalNormal::isotropic(2, 0.0, 1.0).unwrap();
    assert!(Initialisation::of_normal(&data, -1.0).is_err());
    assert!(Estimate::of(array![1.0].view()).is_err());
}
