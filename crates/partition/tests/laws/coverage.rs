//! Intervals hold as often as they say, and bounds at least as often.

use crate::common::{ALPHA, TinyIsing, TinyRbm};
use gibbsian_core::{Discrete, Energy, Path, Seed};
use gibbsian_partition::{Ladder, LogWeights, Pilot, ais, exact_log_z};
use gibbsian_testkit::stats::binomial;
use rand::RngExt;
use rand_distr::{Exp1, StandardNormal};

const SEED: Seed = Seed::new(20_260_105);

/// Refuses more failures than a failure rate of `p` gives by luck; fewer are welcome.
fn assert_at_most(name: &str, failures: usize, n: usize, p: f64) {
    if failures as f64 > p * n as f64 {
        binomial(name, failures as u64, n as u64, p).assert(ALPHA);
    }
}

/// What one model contributes.
struct Outcome {
    covered_95: bool,
    covered_50: bool,
    width_95: f64,
    bound_failed: bool,
    /// How far the two rigorous bounds lie below the truth.
    betting_distance: f64,
    markov_distance: f64,
}

fn outcome<P: Path + Energy + Discrete>(model: &P, seed: Seed) -> Outcome {
    let log_z = exact_log_z(model).unwrap();
    let linear = Ladder::linear(40).unwrap();
    let pilot = Pilot::run(model, &linear, 64, &mut seed.child("pilot").rng()).unwrap();
    let run = ais(
        model,
        &pilot.ladder(20).unwrap(),
        128,
        &mut seed.child("run").rng(),
    )
    .unwrap();
    let wide = run.estimate(0.95).unwrap().interval;
    let betting = run.lower_bound(0.95).unwrap().value;
    Outcome {
        covered_95: wide.contains(log_z),
        covered_50: run.estimate(0.5).unwrap().interval.contains(log_z),
        width_95: wide.width(),
        bound_failed: betting > log_z,
        betting_distance: log_z - betting,
        markov_distance: log_z - run.log_weights().markov_bound(0.95).unwrap(),
    }
}

#[test]
fn intervals_of_four_hundred_enumerable_models_cover_as_often_as_they_say() {
    let n = 400;
    let outcomes: Vec<Outcome> = (0..n)
        .map(|i| {
            let seed = SEED.child("model").nth(i as u64);
            let scale = 0.3 + 1.2 * (i as f64 + 0.5) / n as f64;
            if i % 2 == 0 {
                outcome(&TinyIsing::random(7, scale, seed.child("parameters")), seed)
            } else {
                outcome(&TinyRbm::random(7, 4, scale, seed.child("parameters")), seed)
            }
        })
        .collect();
    let count = |f: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| f(o)).count();
    // Two levels, since intervals that are too wide would hardly show at 95 %.
    for (level, covered) in [(0.95, count(&|o| o.covered_95)), (0.5, count(&|o| o.covered_50))] {
        binomial(&format!("coverage at {level}"), covered as u64, n as u64, level).assert(ALPHA);
    }
    assert_at_most("bounds at 95 % that fail", count(&|o| o.bound_failed), n, 0.05);

    let mut widths: Vec<f64> = outcomes.iter().map(|o| o.width_95).collect();
    widths.sort_by(f64::total_cmp);
    assert!(widths[n / 2] <= 0.5, "median width {}", widths[n / 2]);
    // The price of rigour is a fraction of a nat when one bets, and 3 nats with Markov alone.
    let mean = |f: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(f).sum::<f64>() / n as f64;
    assert!(mean(&|o| o.betting_distance) < 0.5);
    assert!(mean(&|o| o.markov_distance) > 2.5);
}

#[test]
fn the_two_sides_of_an_interval_for_skewed_weights_miss_equally_often() {
    // Exponential weights, skewness 2: the law of (mean, spread) is that of any sample of 40, and E w = 1.
    let (repeats, n) = (20_000, 40);
    let mut rng = SEED.child("exponential").rng();
    let (mut low, mut high, mut plain_low, mut plain_high) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..repeats {
        let logs = (0..n).map(|_| rng.sample::<f64, _>(Exp1).ln()).collect();
        let weights = LogWeights::new(logs).unwrap();
        let interval = weights.interval(0.9).unwrap();
        low += f64::from(u8::from(interval.lower > 0.0));
        high += f64::from(u8::from(interval.upper < 0.0));
        // The plain interval w̄ (1 ± t c / √n), with the tabulated t of 39 degrees of freedom.
        let half = 1.685 * weights.standard_error();
        let ratio = (-weights.log_mean()).exp();
        plain_low += f64::from(u8::from(ratio < 1.0 - half));
        plain_high += f64::from(u8::from(ratio > 1.0 + half));
    }
    let imbalance = (high - low).abs() / repeats as f64;
    let plain = (plain_high - plain_low).abs() / repeats as f64;
    // The error of order 1/√n is gone: what is left must be well below half of it.
    assert!(imbalance < 0.4 * plain, "{imbalance} against {plain}");
    let missed = (low + high) / repeats as f64;
    assert!(
        (missed - 0.1).abs() < (plain_low + plain_high) / repeats as f64 - 0.1,
        "{missed}"
    );
}

#[test]
fn a_rigorous_bound_holds_for_weights_without_a_useful_variance() {
    // Log-normal weights with σ = 2.5: c = 22.7, so that 30 of them have no trustworthy interval whatever.
    let repeats = 4_000;
    let mut rng = SEED.child("heavy").rng();
    let truth = 0.5 * 2.5f64.powi(2);
    let mut failures = 0;
    let mut untrusted = 0;
    for _ in 0..repeats {
        let logs = (0..30)
            .map(|_| 2.5 * rng.sample::<f64, _>(StandardNormal))
            .collect();
        let weights = LogWeights::new(logs).unwrap();
        failures += usize::from(weights.betting_bound(0.8).unwrap() > truth);
        untrusted += usize::from(!gibbsian_partition::Reliability::of(&weights).is_trusted());
    }
    assert_at_most("bounds at 80 % that fail", failures, repeats, 0.2);
    assert_eq!(
        untrusted, repeats,
        "thirty weights have at most thirty effective ones"
    );
}

#[test]
fn heavy_tails_are_diagnosed_and_light_ones_are_not() {
    let mut rng = SEED.child("tails").rng();
    // Pareto weights w = u^−k have shape k. A fit to 95 exceedances errs by (1 + k)/√95 = 0.2 for k = 1.
    let mut pareto = |k: f64| {
        let logs = (0..1_000)
            .map(|_| -k * (1.0 - rng.random::<f64>()).ln())
            .collect();
        gibbsian_partition::Reliability::of(&LogWeights::new(logs).unwrap())
    };
    for _ in 0..50 {
        assert!(!pareto(1.8).is_trusted());
        assert!(pareto(0.05).is_trusted());
    }
}

#[test]
fn weights_without_a_meaning_are_refused() {
    assert!(LogWeights::new(vec![]).is_err());
    assert!(
        LogWeights::new(vec![0.0, f64::NAN])
            .unwrap_err()
            .to_string()
            .contains("log_weights[1]")
    );
    assert!(LogWeights::new(vec![f64::INFINITY]).is_err());
    assert!(LogWeights::new(vec![f64::NEG_INFINITY; 3]).is_err());
    // Extreme logarithms neither overflow nor lose the mean.
    let far = LogWeights::new(vec![-5_000.0, -5_000.0 + 3f64.ln()]).unwrap();
    assert!((far.log_mean() - (-5_000.0 + 2f64.ln())).abs() < 1e-12);
    assert!((far.effective_sample_size() - 1.6).abs() < 1e-12);
    // sd/mean of {1, 3} is √2/2, and the corrected mean adds c²/2n = 1/8.
    assert!((far.log_mean_corrected() - far.log_mean() - 0.125).abs() < 1e-12);
}
