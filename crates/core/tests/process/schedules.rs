//! Clocks, the schedules that are made of them, and what is refused of either.

use gibbsian_core::LinearGaussian;
use gibbsian_core::process::{
    ChangedClock, Clock, Cosine, DiscreteSchedule, ElucidatedNoise, FunctionClock, LogSnrClock, Matched,
    OrnsteinUhlenbeck, Schedule, SteadyClock, SubVariancePreserving, VarianceExploding, VariancePreserving,
};
use ndarray::{Array1, array};

#[test]
fn a_schedule_is_what_its_closed_form_is() {
    let close = |found: f64, expected: f64, what: &str, t: f64| {
        assert!(
            (found - expected).abs() <= 2e-14 * expected.abs(),
            "{what} at {t}: {found:e} instead of {expected:e}"
        );
    };
    let linear = VariancePreserving::new(0.1, 20.0).unwrap();
    let by_clock =
        Schedule::new(FunctionClock::new(1.0, |t| (t * (0.1 + 9.95 * t), 0.1 + 19.9 * t)).unwrap());
    // Without an offset the cosine's signal-to-noise ratio is a tangent, infinite where data start.
    let cosine = Cosine::new(0.0, 0.99).unwrap();
    let by_ratio = Schedule::from_log_snr(0.99, |t| {
        let angle = 0.5 * std::f64::consts::PI * t;
        let slope = -2.0 * std::f64::consts::PI / (2.0 * angle).sin();
        (-2.0 * angle.tan().ln(), slope)
    })
    .unwrap();
    let pairs: [(&dyn LinearGaussian, &dyn LinearGaussian); 2] = [(&by_clock, &linear), (&by_ratio, &cosine)];
    for (k, (schedule, closed)) in pairs.into_iter().enumerate() {
        // For the ratio, whose time is in a tangent of π/2 − small, the end is not asked for so sharply.
        for t in [1e-9, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9] {
            let what = |name: &str| format!("{name} of schedule {k}");
            close(schedule.alpha(t), closed.alpha(t), &what("α"), t);
            close(schedule.variance(t), closed.variance(t), &what("σ²"), t);
            close(schedule.drift_rate(t), closed.drift_rate(t), &what("f"), t);
            close(
                schedule.diffusion_squared(t),
                closed.diffusion_squared(t),
                &what("g²"),
                t,
            );
            let (found, expected) = (schedule.transition(0.5 * t, t), closed.transition(0.5 * t, t));
            close(found.alpha, expected.alpha, &what("transition"), t);
            close(
                found.variance,
                expected.variance,
                &what("variance of a transition"),
                t,
            );
        }
    }
    // The limit of g² at zero, where λ' is infinite: β_t → (π²/2) t → 0.
    assert!(by_ratio.diffusion_squared(0.0) < 1e-14);
}

#[test]
fn noise_that_a_ratio_leaves_at_zero_is_taken_off() {
    let (first, last) = (6.0, -10.0);
    let process = Schedule::from_log_snr(2.0, |t| (first - 8.0 * t, -8.0)).unwrap();
    let sigmoid = gibbsian_core::math::sigmoid;
    assert_eq!((process.alpha(0.0), process.variance(0.0)), (1.0, 0.0));
    for t in [0.25, 1.0, 2.0] {
        let expected = sigmoid(first - 8.0 * t) / sigmoid(first);
        assert!((process.alpha(t).powi(2) - expected).abs() < 1e-15);
        assert!((process.variance(t) - (1.0 - expected)).abs() < 1e-14);
    }
    // Ratios that are exact differ exactly, and near zero the noise is λ'-many parts of them: σ² ≈ (λ_0 − λ_t)/(1 + e^{λ_0}).
    let t = 2.0_f64.powi(-40);
    let expected = sigmoid(-first) * (8.0 * t).exp_m1();
    assert!((process.variance(t) / expected - 1.0).abs() < 1e-11);
    assert!((process.transition(1.0 - t, 1.0).variance / (8.0 * t * sigmoid(2.0)) - 1.0).abs() < 1e-10);
    // With the noise at zero taken off, less of it is left: the last ratio is that of ᾱ = σ(λ_T)/σ(λ_0).
    let share = sigmoid(last) / sigmoid(first);
    assert!((process.log_snr(2.0) - (share / (1.0 - share)).ln()).abs() < 1e-13);
}

#[test]
fn a_chain_is_met_at_its_times_and_its_clock_rises_in_between() {
    let tables = [
        DiscreteSchedule::linear(1e-4, 0.02, 1000).unwrap(),
        DiscreteSchedule::new(array![0.5]).unwrap(),
        DiscreteSchedule::new(array![0.001, 0.9, 0.0001, 0.3, 0.3, 0.999]).unwrap(),
    ];
    for table in tables {
        let (n, process) = (table.n_steps(), Schedule::new(table.clone()));
        let mut product = 1.0;
        for i in 1..=n {
            let (s, t) = (table.time(i - 1), table.time(i));
            product *= 1.0 - table.betas()[i - 1];
            assert!((table.alpha_bar(i) - product).abs() < 1e-13 * product);
            let step = process.transition(s, t);
            assert!((step.variance - table.betas()[i - 1]).abs() < 1e-15, "step {i}");
            assert!((step.alpha.powi(2) - (1.0 - table.betas()[i - 1])).abs() < 1e-15);
        }
        let mut before = 0.0;
        for k in 1..=40 * n {
            let t = k as f64 / (40 * n) as f64;
            assert!(table.at(t) > before && table.rate(t) >= 0.0, "time {t}");
            // The part and the rest are the whole, and the rate is continuous.
            let whole = table.elapsed(0.0, 1.0);
            let parts = table.elapsed(0.0, t) + table.elapsed(t, 1.0);
            assert!((parts - whole).abs() < 1e-13 * whole);
            let jump = table.rate(t) - table.rate(t - 1e-9 / n as f64);
            assert!(jump.abs() < 1e-6 * n as f64 * 10.0, "a jump by {jump} at {t}");
            before = table.at(t);
        }
    }
}

#[test]
fn long_tables_add_up_and_their_times_are_met_exactly() {
    let n = 1 << 17;
    let table = DiscreteSchedule::new(Array1::from_elem(n, 1e-5)).unwrap();
    // The product with a power of two is exact. Terms added one after the other would drift by some 10⁴ ε.
    let exact = -(-1e-5_f64).ln_1p() * n as f64;
    assert!((table.at(1.0) - exact).abs() <= 2.0 * f64::EPSILON * exact);
    // i/N times N is not i for all of these.
    let table = DiscreteSchedule::new(Array1::from_shape_fn(199, |i| 1e-3 + 1e-4 * i as f64)).unwrap();
    assert!((0..=199).any(|i| table.time(i) * 199.0 != f64::from(i as u16)));
    for i in 0..=199 {
        assert_eq!((-table.at(table.time(i))).exp(), table.alpha_bar(i), "step {i}");
    }
}

#[test]
fn a_process_on_another_clock_is_the_same_at_the_times_it_shows() {
    let exploding = VarianceExploding::new(0.1, 10.0).unwrap();
    let clock = FunctionClock::new(2.0, |t| (0.2 * t * t, 0.4 * t)).unwrap();
    let process = ChangedClock::new(exploding, clock).unwrap();
    assert_eq!(process.horizon(), 2.0);
    for t in [0.5, 1.0, 2.0] {
        let shown = 0.2 * t * t;
        assert_eq!(process.variance(t), exploding.variance(shown));
        assert_eq!(
            process.diffusion_squared(t),
            0.4 * t * exploding.diffusion_squared(shown)
        );
    }
    // Noise at the horizon is that at its own horizon; a stationary law stays what it is.
    assert_eq!(process.prior_variance(), exploding.variance(0.8));
    let steady = SteadyClock::new(2.0, 2.0).unwrap();
    let ou = ChangedClock::new(OrnsteinUhlenbeck::new(5.0).unwrap(), steady).unwrap();
    assert_eq!(ou.prior_variance(), 1.0);
    assert_eq!(ou.drift_rate(0.3), -2.0);
    // And so where the noise at the horizon is the stationary law, too, but for less than a rounding.
    let long = OrnsteinUhlenbeck::new(20.0).unwrap();
    assert_eq!(long.variance(20.0), 1.0);
    let short = ChangedClock::new(long, SteadyClock::new(0.5, 1.0).unwrap()).unwrap();
    assert_eq!(short.prior_variance(), 1.0);
    assert_eq!(LinearGaussian::stationary_variance(&&short), Some(1.0));
    let sub = SubVariancePreserving::new(0.1, 200.0).unwrap();
    let half = ChangedClock::new(sub, SteadyClock::new(0.5, 1.0).unwrap()).unwrap();
    assert_eq!((sub.variance(1.0), half.prior_variance()), (1.0, 1.0));
    assert_eq!(process.stationary_variance(), None);
}

#[test]
fn schedules_that_go_back_are_refused_with_their_time() {
    let message = |e: gibbsian_core::Error| e.to_string();
    assert_eq!(
        message(LogSnrClock::new(1.0, |t| (8.0 * (0.5 - t).powi(2), 16.0 * (t - 0.5))).unwrap_err()),
        "`log_snr(0.50390625)` is 0.0001220703125, but must be less than 0, its value at 0.5"
    );
    assert_eq!(
        message(FunctionClock::new(1.0, |t| (t.min(0.25), 1.0)).unwrap_err()),
        "`clock(0.25390625)` is 0.25, but must be greater than 0.25, its value at 0.25"
    );
    assert_eq!(
        message(FunctionClock::new(1.0, |t| (t + 1.0, 1.0)).unwrap_err()),
        "`clock(0)` is 1, but must be 0"
    );
    // The slope of another function: twice its own, or of the wrong sign.
    assert_eq!(
        message(FunctionClock::new(1.0, |t| (t, 2.0)).unwrap_err()),
        "`the slope of clock at 0.0000019073486328125` is 2, but must be that of a function which is \
         0.00000095367431640625 at 0.00000095367431640625 and 0.0000019073486328125 at 0.0000019073486328125"
    );
    assert!(
        message(Schedule::from_log_snr(1.0, |t| (10.0 - 20.0 * t, 20.0)).unwrap_err()).starts_with(
            "`the slope of log_snr at 0.00000095367431640625` is 20, but must be finite and at most zero"
        )
    );
    for start in [f64::NAN, f64::NEG_INFINITY] {
        assert!(Schedule::from_log_snr(1.0, |t| (if t == 0.0 { start } else { -t }, -1.0)).is_err());
    }
    let gap = |t: f64| (if t > 0.7 { f64::NAN } else { t }, 1.0);
    assert_eq!(
        message(FunctionClock::new(1.0, gap).unwrap_err()),
        "`clock(0.703125)` is NaN, but must be finite"
    );
    assert!(FunctionClock::new(0.0, |t| (t, 1.0)).is_err());
    assert!(SteadyClock::new(f64::NAN, 1.0).is_err());
    assert!(SteadyClock::new(1.0, -1.0).is_err());
    // Jumps of the rate are no mistake.
    FunctionClock::new(1.0, |t| {
        if t < 0.4 {
            (t, 1.0)
        } else {
            (0.4 + 20.0 * (t - 0.4), 20.0)
        }
    })
    .unwrap();

    assert_eq!(
        message(DiscreteSchedule::new(array![0.1, 0.2, 1.0]).unwrap_err()),
        "`betas[2]` is 1, but must be between 0 and 1, both excluded"
    );
    assert!(DiscreteSchedule::new(array![0.1, f64::NAN]).is_err());
    assert_eq!(
        message(Schedule::discrete(Array1::zeros(0)).unwrap_err()),
        "`betas` has shape [0], but must have shape (at least 1)"
    );
    assert!(DiscreteSchedule::linear(0.1, 0.2, 1).is_err());
    assert!(DiscreteSchedule::linear(0.0, 0.2, 10).is_err());

    let clock = SteadyClock::new(3.0, 2.0).unwrap();
    assert_eq!(
        message(ChangedClock::new(OrnsteinUhlenbeck::new(5.0).unwrap(), clock).unwrap_err()),
        "`clock(2)` is 6, but must be at most 5, the horizon of the process"
    );
    let (little, much) = (
        ElucidatedNoise::new(1.0).unwrap(),
        OrnsteinUhlenbeck::new(5.0).unwrap(),
    );
    assert!(message(Matched::new(little, much).unwrap_err()).starts_with("`log_snr` is -9.99995"),);
    Matched::new(little, little).unwrap();
    assert!(Matched::new(little, little).unwrap().time(2.0).is_nan());
}
