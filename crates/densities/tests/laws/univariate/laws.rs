//! The laws of the traits, moments against quadrature, and what happens at kinks, ends and infinities.

use gibbsian_core::{Density, Potential, Score, ScoreJvp, Seed};
use gibbsian_densities::quadrature::{Interval, QuadratureOptions, integrate_line};
use gibbsian_densities::*;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, array};

const PRECISION: Precision = Precision::DOUBLE;

/// Points `(B, 1)`.
fn column(points: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((points.len(), 1), points.to_vec()).unwrap()
}

/// What the traits promise; `width` is about half of the deviation.
fn laws<M>(density: &M, points: &[f64], width: f64, seed: &str) -> Verdict
where
    M: Density + Potential + ScoreJvp,
{
    let x = column(points);
    conformance::energy(density, x.view(), PRECISION)?;
    conformance::density(density, width, PRECISION, Seed::new(41).child(seed))?;
    conformance::score(density, x.view(), PRECISION)?;
    conformance::potential(density, x.view(), PRECISION)?;
    conformance::score_jvp(density, x.view(), PRECISION)
}

/// Every kind of truncation.
fn truncated() -> Vec<TruncatedNormal> {
    let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
    [
        (0.0, 1.0, down, up),
        (0.5, 2.0, -3.0, 1.0),
        (0.0, 1.0, -0.5, 0.25),
        (1.0, 0.7, 1.0, up),
        (-0.3, 1.5, 0.4, up),
        (2.0, 0.5, down, 1.1),
        (0.0, 0.2, 0.5, 0.6),
        (0.0, 1.0, 40.0, up),
        (0.0, 1.0, -41.0, -40.0),
        (-1e8, 1.0, 0.0, up),
    ]
    .map(|(mean, deviation, lower, upper)| TruncatedNormal::new(mean, deviation, lower, upper).unwrap())
    .to_vec()
}

#[test]
fn student_t() -> Verdict {
    for (location, scale, nu) in [
        (0.0, 1.0, 1.0),
        (1.2, 0.6, 2.5),
        (-0.4, 1.7, 5.0),
        (0.3, 1.0, 60.0),
        (0.0, 1.0, 1e9),
    ] {
        let density = StudentT::new(location, scale, nu).unwrap();
        laws(&density, &[-3.1, -0.4, 0.7, 2.3], 0.4 * scale, "student")?;
    }
    Ok(())
}

#[test]
fn laplace() -> Verdict {
    for (location, scale) in [(0.0, 1.0), (1.2, 0.6), (-2.0, 1.3)] {
        let density = Laplace::new(location, scale).unwrap();
        let x = column(&[-3.1, -0.4, 0.7, 2.3]);
        conformance::energy(&density, x.view(), PRECISION)?;
        conformance::score(&density, x.view(), PRECISION)?;
        conformance::potential(&density, x.view(), PRECISION)?;
        conformance::score_jvp(&density, x.view(), PRECISION)?;
        // A pair, because the rule that measures the mass of densities of one number wants them smooth; the mass is measured apart.
        let pair = Independent::new(vec![&density, &density]).unwrap();
        conformance::density(&pair, 0.4 * scale, PRECISION, Seed::new(41).child("laplace"))?;
        let half = expectation(&density, location, location + 40.0 * scale, |_| 1.0);
        assert_close(half, 0.5, 1e-12);
        let second = |x: f64| (x - location) * (x - location);
        assert_close(
            2.0 * expectation(&density, location, location + 80.0 * scale, second),
            density.variance(),
            1e-12,
        );
    }
    Ok(())
}

#[test]
fn truncated_normal() -> Verdict {
    for density in truncated() {
        let mode = density.quantile(0.5);
        let spread = density.variance().sqrt();
        let x = column(&[-0.4, 0.1, 0.3].map(|t| mode + t * spread));
        conformance::energy(&density, x.view(), PRECISION)?;
        conformance::score(&density, x.view(), PRECISION)?;
        // Differences need room that is wide beside one, which the narrow ones do not have.
        if spread > 0.25 {
            conformance::potential(&density, x.view(), PRECISION)?;
            conformance::score_jvp(&density, x.view(), PRECISION)?;
        }
    }
    // Ends where the density is too small to be seen leave it smooth enough for normal probes.
    for (lower, upper) in [(-12.0, 12.0), (f64::NEG_INFINITY, 12.0), (-12.0, f64::INFINITY)] {
        let density = TruncatedNormal::new(0.2, 0.9, lower, upper).unwrap();
        laws(&density, &[-1.1, -0.4, 0.7, 2.3], 0.4, "truncated")?;
    }
    Ok(())
}

/// `∫ f(x) p(x) dx` between two points.
fn expectation<M: Univariate>(density: &M, lower: f64, upper: f64, f: impl Fn(f64) -> f64) -> f64 {
    let integrand = |x: f64| density.log_density_at(x).exp() * f(x);
    // Points are rounded to their own size, which a narrow density far from zero feels.
    let settings = QuadratureOptions {
        relative: 1e-12,
        ..QuadratureOptions::default()
    };
    let over = Interval::closed(lower, upper).unwrap();
    integrate_line(integrand, over, settings).unwrap().value
}

/// Where a truncated normal density has its mass up to `e^−50`: near its mode.
fn bulk(density: &TruncatedNormal) -> (f64, f64) {
    let (mode, deviation) = (
        density.parent().mean().clamp(density.lower(), density.upper()),
        density.parent().deviation(),
    );
    let c = (mode - density.parent().mean()).abs() / deviation;
    let reach = deviation * 100.0 / (c + (c * c + 100.0).sqrt());
    (
        (mode - reach).max(density.lower()),
        (mode + reach).min(density.upper()),
    )
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs(),
        "{found:e} is not {expected:e}"
    );
}

#[test]
fn truncated_normals_have_mass_one_and_their_moments() {
    for density in truncated() {
        let (lower, upper) = bulk(&density);
        assert_close(expectation(&density, lower, upper, |_| 1.0), 1.0, 1e-12);
        // Relative to an end of the interval, or digits of the mean would hide those of the distance.
        let mode = density.parent().mean().clamp(lower, upper);
        let distance = expectation(&density, lower, upper, |x| x - mode);
        let spread = density.variance().sqrt();
        assert!(
            (density.mean() - mode - distance).abs() <= 1e-12 * spread + 2.0 * f64::EPSILON * mode.abs(),
            "{density:?}"
        );
        let mean = mode + distance;
        let variance = expectation(&density, lower, upper, |x| (x - mean) * (x - mean));
        // Rounding of the points and of the mean is relative to their own size.
        assert_close(
            density.variance(),
            variance,
            1e-12 + 4.0 * f64::EPSILON * mean.abs() / spread,
        );
    }
    // The half-normal has the mean √(2/π) and the variance 1 − 2/π; a narrow interval is uniform.
    let half = TruncatedNormal::new(0.0, 1.0, 0.0, f64::INFINITY).unwrap();
    assert_close(half.mean(), (2.0 / std::f64::consts::PI).sqrt(), 1e-15);
    assert_close(half.variance(), 1.0 - 2.0 / std::f64::consts::PI, 1e-15);
    let narrow = TruncatedNormal::new(0.0, 1e6, -0.5, 0.5).unwrap();
    assert_close(narrow.variance(), 1.0 / 12.0, 1e-12);
}

#[test]
fn distribution_functions_are_integrals_and_quantiles_undo_them() {
    for density in truncated() {
        let (lower, upper) = bulk(&density);
        for p in [0.0, 1e-9, 1e-3, 0.2, 0.5, 0.77, 0.999] {
            let x = density.quantile(p);
            assert!(density.lower() <= x && x <= density.upper());
            // What rounding of x itself does to the distribution function.
            let rounding = if x.is_finite() {
                f64::EPSILON * x.abs() * density.log_density_at(x).exp()
            } else {
                0.0
            };
            assert!(
                (density.cdf(x) - p).abs() <= 1e-13 * p + 2.0 * rounding,
                "{density:?} at {p}: {}",
                density.cdf(x)
            );
            if x > lower {
                let integral = expectation(&density, lower, x.min(upper), |_| 1.0);
                assert!(
                    (density.cdf(x) - integral).abs() <= 1e-12 * integral + 2e-22,
                    "{density:?} at {x}"
                );
            }
        }
        assert_eq!(density.cdf(density.lower() - 1.0), 0.0);
        assert_eq!(
            (density.cdf(density.upper()), density.quantile(1.0)),
            (1.0, density.upper())
        );
        assert_eq!(density.quantile(0.0), density.lower());
        assert!(
            density.quantile(1.5).is_nan()
                && density.quantile(f64::NAN).is_nan()
                && density.cdf(f64::NAN).is_nan()
        );
    }
    let far = TruncatedNormal::new(0.0, 1.0, f64::NEG_INFINITY, -40.0).unwrap();
    // Of a lower tail the smallest quantiles keep their digits: P(X ≤ −41) is about e^−40.5.
    assert_close(far.cdf(far.quantile(1e-17)), 1e-17, 1e-12);

    let laplace = Laplace::new(0.5, 2.0).unwrap();
    for p in [1e-200, 1e-9, 0.3, 0.5, 0.8, 1.0 - 1e-9] {
        assert_close(laplace.cdf(laplace.quantile(p)), p, 1e-13);
    }
    assert_close(
        laplace.cdf(1.7),
        0.5 + expectation(&laplace, 0.5, 1.7, |_| 1.0),
        1e-14,
    );
    assert_eq!(
        (laplace.quantile(0.0), laplace.quantile(1.0)),
        (f64::NEG_INFINITY, f64::INFINITY)
    );
    assert!(
        laplace.quantile(-0.1).is_nan() && laplace.quantile(1.1).is_nan() && laplace.cdf(f64::NAN).is_nan()
    );
}

#[test]
fn moments_of_heavy_tails_exist_where_they_should() {
    let at = |nu| StudentT::new(1.0, 2.0, nu).unwrap();
    assert!(at(1.0).mean().is_nan() && at(1.0).variance().is_nan());
    assert_eq!((at(1.5).mean(), at(2.0).variance()), (1.0, f64::INFINITY));
    assert_eq!(at(6.0).variance(), 6.0);
    // ∫ z² p(z) dz = ν/(ν − 2), to the tails that the interval leaves out: less than 2·10⁻¹⁵ for ν = 12.
    let density = at(12.0);
    assert_close(
        expectation(&density, -4e3, 4e3, |x| (x - 1.0) * (x - 1.0)),
        density.variance(),
        1e-12,
    );
    assert_close(expectation(&density, -4e3, 4e3, |_| 1.0), 1.0, 1e-12);
}

#[test]
fn the_kink_of_laplace_has_score_zero() {
    let laplace = Laplace::new(0.3, 0.5).unwrap();
    let x = array![
        [0.3],
        [0.3_f64.next_up()],
        [0.3_f64.next_down()],
        [f64::INFINITY],
        [f64::NEG_INFINITY]
    ];
    assert_eq!(
        laplace.score(x.view()),
        array![[0.0], [-2.0], [2.0], [-2.0], [2.0]]
    );
    assert_eq!(laplace.divergence(x.view()), array![0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn outside_and_at_infinity() {
    fn density_is<M: Density>(density: &M, x: f64, log_p: f64) {
        let x = column(&[x]);
        assert_eq!(density.log_density(x.view())[0], log_p, "{x}");
        if log_p == f64::NEG_INFINITY {
            assert_eq!(density.energy(x.view())[0], f64::INFINITY, "{x}");
        }
    }
    let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
    let box_like = TruncatedNormal::new(0.0, 1.0, 2.0, 3.0).unwrap();
    for x in [2.0_f64.next_down(), 3.0_f64.next_up(), -5.0, 0.0, up, down] {
        density_is(&box_like, x, down);
        assert!(box_like.score_at(x).is_nan() && box_like.score_derivative_at(x).is_nan());
    }
    // The ends belong to the interval.
    assert_eq!(
        (
            box_like.energy_at(2.0),
            box_like.score_at(2.0),
            box_like.score_at(3.0)
        ),
        (0.0, -2.0, -3.0)
    );
    for x in [up, down] {
        density_is(&TruncatedNormal::new(0.0, 1.0, down, up).unwrap(), x, down);
        density_is(&StudentT::new(0.0, 1.0, 3.0).unwrap(), x, down);
        density_is(&Laplace::new(0.0, 1.0).unwrap(), x, down);
        assert_eq!(StudentT::new(0.0, 1.0, 3.0).unwrap().score_at(x), 0.0);
    }
    fn nan_stays<M: Density + ScoreJvp>(density: &M) {
        let nan = column(&[f64::NAN]);
        assert!(density.energy(nan.view())[0].is_nan() && density.log_density(nan.view())[0].is_nan());
        assert!(density.score(nan.view())[[0, 0]].is_nan() && density.divergence(nan.view())[0].is_nan());
    }
    nan_stays(&box_like);
    nan_stays(&StudentT::new(0.0, 1.0, 3.0).unwrap());
    nan_stays(&Laplace::new(0.0, 1.0).unwrap());
}

#[test]
fn squares_that_overflow_do_not_spoil_heavy_tails() {
    // p(x) = σ/(π (σ² + d²)), which is σ/(π d²) here.
    for (location, scale, x) in [
        (0.0, 1.0, 1e300),
        (0.0, 1e-150, -1e200),
        (-1.5e308, 1e300, 1.5e308),
        (0.0, 1e-300, 1e300),
    ] {
        let cauchy = StudentT::new(location, scale, 1.0).unwrap();
        let log_distance = (0.5 * x - 0.5 * location).abs().ln() + std::f64::consts::LN_2;
        let expected = scale.ln() - std::f64::consts::PI.ln() - 2.0 * log_distance;
        assert_close(cauchy.log_density_at(x), expected, 4e-15);
    }
    // s = −2d/(σ² + d²).
    let cauchy = StudentT::new(0.0, 1e-200, 1.0).unwrap();
    assert_close(cauchy.score_at(1e150), -2e-150, 1e-15);
    assert_close(cauchy.score_derivative_at(1e150), 2e-300, 1e-15);
    // A normal density but for the last digits, also where z² overflows.
    let normal = StudentT::new(0.0, 1.0, 1e300).unwrap();
    assert_close(normal.energy_at(1e-10), 0.5e-20, 1e-15);
    assert_close(normal.energy_at(1e160), 0.5e300 * (1e20_f64).ln(), 1e-14);
}

#[test]
fn the_ends_of_the_range_of_doubles_are_parameters_like_others() {
    let tiny = f64::from_bits(1);
    // Nearly all of the mass is further out than any double: log p ≈ log ν/2 − log |z|.
    for nu in [5e-308, 1e-300] {
        let density = StudentT::new(0.0, 1.0, nu).unwrap();
        assert_close(density.log_density_at(3.0), (0.5 * nu).ln() - 3.0_f64.ln(), 1e-15);
        assert!(density.draw(&mut Seed::new(2).rng()).is_finite());
    }
    assert!(
        StudentT::new(0.0, tiny, f64::MAX)
            .unwrap()
            .log_density_at(0.0)
            .is_finite()
    );
    let far = TruncatedNormal::new(0.0, 1.0, 1e200, f64::INFINITY).unwrap();
    assert_eq!((far.mean(), far.log_density_at(1e200)), (1e200, 1e200_f64.ln()));
    assert!(far.draw(&mut Seed::new(2).rng()) >= 1e200 && far.quantile(0.5) == 1e200);
    let narrow = TruncatedNormal::new(0.0, 1e-300, 0.0, f64::INFINITY).unwrap();
    assert!(narrow.log_density_at(0.0) > 690.0 && narrow.log_density_at(1.0) == f64::NEG_INFINITY);
}
