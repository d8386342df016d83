//! Processes by functions of one's own: the known ones again, one that is none of them, and what is refused.

use std::f64::consts::FRAC_PI_2;

use gibbsian_core::Seed;
use gibbsian_core::process::{Cosine, LinearGaussian, VariancePreserving};
use gibbsian_sde::{
    AdaptiveRungeKutta, Ancestral, FixedSteps, Forward, FreshNoise, FunctionProcess, ProbabilityFlow,
    ReverseSde, TimeGrid,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::targets::Noised;
use ndarray::{Array2, Axis};

use crate::common::mixture;

/// The linear rate from `minimum` to `maximum`, written down.
fn preserving(minimum: f64, maximum: f64) -> impl Fn(f64) -> ((f64, f64), (f64, f64)) + Copy + Sync {
    move |t| {
        let beta = minimum + (maximum - minimum) * t;
        let shown = minimum * t + 0.5 * (maximum - minimum) * t * t;
        let alpha = (-0.5 * shown).exp();
        (
            (alpha, -0.5 * beta * alpha),
            (-(-shown).exp_m1(), beta * (-shown).exp()),
        )
    }
}

/// The cosine schedule, as the paper writes it: `α = cos φ/cos φ_0`, `σ² = 1 − α²`.
fn cosine(offset: f64) -> impl Fn(f64) -> ((f64, f64), (f64, f64)) + Copy + Sync {
    move |t| {
        let slope = FRAC_PI_2 / (1.0 + offset);
        let (phi, first) = (slope * (t + offset), slope * offset);
        let alpha = phi.cos() / first.cos();
        let alpha_slope = -slope * phi.sin() / first.cos();
        let variance = (slope * t).sin() * (phi + first).sin() / first.cos().powi(2);
        ((alpha, alpha_slope), (variance, -2.0 * alpha * alpha_slope))
    }
}

/// Every function of time within this share, and transitions within that of the variance at their end.
fn agree(one: &impl LinearGaussian, other: &impl LinearGaussian) {
    const SHARE: f64 = 1e-13;
    let near = |what: &str, t: f64, found: f64, expected: f64, size: f64| {
        assert!(
            (found - expected).abs() <= SHARE * size,
            "{what} at {t}: {found}, not {expected}"
        );
    };
    assert_eq!(one.horizon(), other.horizon());
    for k in 1..=64 {
        let t = one.horizon() * f64::from(k) / 64.0;
        let values: [(&str, f64, f64); 6] = [
            ("alpha", one.alpha(t), other.alpha(t)),
            ("variance", one.variance(t), other.variance(t)),
            ("drift", one.drift_rate(t), other.drift_rate(t)),
            ("diffusion", one.diffusion(t), other.diffusion(t)),
            ("sigma", one.sigma(t), other.sigma(t)),
            ("prior", one.prior_variance(), other.prior_variance()),
        ];
        for (what, found, expected) in values {
            near(what, t, found, expected, 8.0 * expected.abs());
        }
        // Of a logarithm the error is that of what it is taken of.
        near("log SNR", t, one.log_snr(t), other.log_snr(t), 32.0);
        let (found, expected) = (one.transition(0.5 * t, t), other.transition(0.5 * t, t));
        near("transition", t, found.alpha, expected.alpha, 8.0 * expected.alpha);
        near(
            "transition's variance",
            t,
            found.variance,
            expected.variance,
            8.0 * other.variance(t),
        );
        let again = one.time_at_log_snr(one.log_snr(t)).unwrap();
        assert!((again - t).abs() < 1e-11, "{again} {t}");
    }
}

#[test]
fn known_processes_written_down_are_the_known_ones() {
    let linear = VariancePreserving::new(0.1, 20.0).unwrap();
    let own = FunctionProcess::new(1.0, preserving(0.1, 20.0)).unwrap();
    assert_eq!(own.prior_variance(), own.variance(1.0));
    agree(&own.with_stationary_variance(1.0).unwrap(), &linear);
    let own = FunctionProcess::new(0.9, cosine(0.008)).unwrap();
    agree(
        &own.with_stationary_variance(1.0).unwrap(),
        &Cosine::new(0.008, 0.9).unwrap(),
    );
}

#[test]
fn samples_and_flows_are_those_of_the_known_process() {
    let linear = VariancePreserving::new(0.1, 20.0).unwrap();
    let own = FunctionProcess::new(1.0, preserving(0.1, 20.0)).unwrap();
    let noise = FreshNoise::new(Seed::new(1));
    let start = noise.normal((50, 2));
    let steps = FixedSteps::new(TimeGrid::uniform(1.0, 0.0, 200).unwrap());
    fn sampled<P: LinearGaussian + Copy>(
        process: P,
        steps: &FixedSteps,
        start: &Array2<f64>,
        noise: &FreshNoise,
    ) -> Array2<f64> {
        let reverse = ReverseSde::new(process, Noised::new(mixture(3, 2), process));
        steps
            .solve(&Ancestral::default(), &reverse, start.clone(), noise)
            .unwrap()
    }
    let off = sampled(own, &steps, &start, &noise) - sampled(linear, &steps, &start, &noise);
    // In steps of 1/200 variances of a step are differences that lose two digits or three, and near time zero noise is small.
    assert!(off.iter().all(|e| e.abs() < 1e-9), "{off}");
    fn flowed<P: LinearGaussian + Copy>(process: P, start: &Array2<f64>) -> Array2<f64> {
        let flow = ProbabilityFlow::new(process, Noised::new(mixture(3, 2), process));
        let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
        solver.solve(&flow, start.clone(), 1.0, 1e-3).unwrap().points
    }
    let off = flowed(own, &start) - flowed(linear, &start);
    assert!(off.iter().all(|e| e.abs() < 1e-7), "{off}");
}

#[test]
fn the_equation_of_a_process_of_ones_own_has_its_moments() {
    // α = 1/(1 + t) and σ² = t² + t/2, which nothing preserves.
    let process = FunctionProcess::new(2.0, |t| {
        let alpha = 1.0 / (1.0 + t);
        ((alpha, -alpha * alpha), (t * t + 0.5 * t, 2.0 * t + 0.5))
    })
    .unwrap();
    const N: usize = 20_000;
    let forward = Forward::new(process, 1).unwrap();
    let start = Array2::from_elem((N, 1), 1.5);
    // SRA1's error in moments is of second power of 1/200.
    let steps = FixedSteps::new(TimeGrid::uniform(0.0, 2.0, 200).unwrap());
    let x = steps
        .solve(
            &gibbsian_sde::Sra1,
            &forward,
            start,
            &FreshNoise::new(Seed::new(2)),
        )
        .unwrap();
    let x = x.index_axis(Axis(1), 0).to_vec();
    let centre = 1.5 * process.alpha(2.0);
    let squares: Vec<f64> = x.iter().map(|x| (x - centre).powi(2)).collect();
    family(
        &[
            mean("mean", &x, centre),
            mean("variance", &squares, process.variance(2.0)),
        ],
        FALSE_ALARM,
    )
    .unwrap();
}

#[test]
fn what_is_no_process_is_refused_with_its_time() {
    type Jets = ((f64, f64), (f64, f64));
    fn refused(horizon: f64, function: impl Fn(f64) -> Jets + Sync) -> String {
        FunctionProcess::new(horizon, function).unwrap_err().to_string()
    }
    let growing = |t: f64| (t, 1.0);
    let still = (1.0, 0.0);
    for (found, start) in [
        (refused(0.0, |t| (still, growing(t))), "`horizon` is 0"),
        (refused(f64::NAN, |t| (still, growing(t))), "`horizon` is NaN"),
        (
            refused(1.0, |t| ((2.0, 0.0), growing(t))),
            "`alpha(0)` is 2, but must be 1",
        ),
        (
            refused(1.0, |t| (still, (0.1 + t, 1.0))),
            "`variance(0)` is 0.1, but must be 0",
        ),
        (
            refused(1.0, |t| {
                (still, if t > 0.3 { (f64::NAN, 1.0) } else { growing(t) })
            }),
            "`variance(0.30078125)` is NaN, but must be finite and greater than zero",
        ),
        (
            refused(1.0, |t| ((1.0 - t, -1.0), growing(t))),
            "`alpha(1)` is 0, but must be finite and greater than zero",
        ),
        (
            refused(1.0, |t| (still, (t, if t > 0.5 { f64::INFINITY } else { 1.0 }))),
            "`the slope of variance at 0.50390625` is inf, but must be finite",
        ),
        // A slope with the wrong factor, or the wrong sign.
        (refused(1.0, |t| (still, (t, 2.0))), "`the slope of variance at "),
        (
            refused(1.0, |t| ((1.0 / (1.0 + t), (1.0 + t).powi(-2)), growing(t))),
            "`the slope of alpha at ",
        ),
        // Less noise later, and data that come back: the signal-to-noise ratio rises.
        (
            refused(1.0, |t| (still, (t - t * t, 1.0 - 2.0 * t))),
            "`the log signal-to-noise ratio at 0.50390625` is ",
        ),
        (
            refused(1.0, |t| ((t.exp(), t.exp()), (t, 1.0))),
            "`the log signal-to-noise ratio at 0.50390625` is ",
        ),
    ] {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
    let own = FunctionProcess::new(1.0, preserving(0.1, 20.0)).unwrap();
    for variance in [1.1, 0.0, f64::NAN] {
        let found = own.with_stationary_variance(variance).unwrap_err().to_string();
        assert!(found.starts_with("`stationary_variance` is "), "{found}");
    }
    assert!(format!("{own:?}").starts_with("FunctionProcess { horizon: 1.0"));
}
