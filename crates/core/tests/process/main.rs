//! Forward processes against 50-digit values and the conventions that sources disagree about. The laws that tie `f` and `g` to `α` and `σ` are
//! checked by the test kit's `conformance::linear_gaussian`.

mod schedules;

use gibbsian_core::LinearGaussian;
use gibbsian_core::process::{
    Cosine, DiscreteSchedule, ElucidatedNoise, OrnsteinUhlenbeck, Rectified, Schedule, SubVariancePreserving,
    VarianceExploding, VariancePreserving,
};
use ndarray::array;

fn process(name: &str, parameters: &[f64]) -> Box<dyn LinearGaussian> {
    match (name, parameters) {
        ("variance_exploding", &[low, high]) => Box::new(VarianceExploding::new(low, high).unwrap()),
        ("variance_preserving", &[low, high]) => Box::new(VariancePreserving::new(low, high).unwrap()),
        ("sub_variance_preserving", &[low, high]) => Box::new(SubVariancePreserving::new(low, high).unwrap()),
        ("ornstein_uhlenbeck", &[horizon]) => Box::new(OrnsteinUhlenbeck::new(horizon).unwrap()),
        ("cosine", &[offset, horizon]) => Box::new(Cosine::new(offset, horizon).unwrap()),
        ("rectified", &[horizon]) => Box::new(Rectified::new(horizon).unwrap()),
        ("elucidated_noise", &[sigma_max]) => Box::new(ElucidatedNoise::new(sigma_max).unwrap()),
        ("discrete", &[first, last, n]) => Box::new(Schedule::new(
            DiscreteSchedule::linear(first, last, n as usize).unwrap(),
        )),
        _ => panic!("no process {name} with {parameters:?}"),
    }
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(',').map(|x| x.parse().unwrap()).collect()
}

#[test]
fn functions_of_time_agree_with_fifty_digit_values() {
    let mut n_checked = 0;
    let processes = include_str!("../reference/process/process.tsv").lines();
    let schedules = include_str!("../reference/process/schedules.tsv").lines();
    for line in processes.chain(schedules) {
        let [name, parameters, function, times, value, terms] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (times, exact, terms) = (
            numbers(times),
            value.parse::<f64>().unwrap(),
            terms.parse::<f64>().unwrap(),
        );
        let process = process(name, &numbers(parameters));
        let found = match (function, &times[..]) {
            ("alpha", &[t]) => process.alpha(t),
            ("sigma", &[t]) => process.sigma(t),
            ("variance", &[t]) => process.variance(t),
            ("drift_rate", &[t]) => process.drift_rate(t),
            ("diffusion_squared", &[t]) => process.diffusion_squared(t),
            ("log_snr", &[t]) => process.log_snr(t),
            ("transition_alpha", &[s, t]) => process.transition(s, t).alpha,
            ("transition_variance", &[s, t]) => process.transition(s, t).variance,
            _ => panic!("no function {function}"),
        };
        let ulp: f64 = exact.abs().next_up() - exact.abs();
        let bound = (4.0 * ulp).max(4.0 * f64::EPSILON * terms);
        assert!(
            found == exact || (found - exact).abs() + 0.5 * ulp <= bound,
            "{name}({parameters}) {function} at {times:?}: {found:e} instead of {value}, off by {:.1} ulp",
            (found - exact).abs() / ulp
        );
        n_checked += 1;
    }
    assert!(n_checked > 3500, "only {n_checked} references were read");
}

#[test]
fn data_start_without_noise_where_the_level_does_not_vanish() {
    // The reading of the variance as the squared level leaves 0.01 here.
    let process = VarianceExploding::new(0.1, 10.0).unwrap();
    assert_eq!(process.level(0.0), 0.1);
    assert_eq!(process.variance(0.0), 0.0);
    let difference = process.level(0.5).powi(2) - process.level(0.0).powi(2);
    assert!((process.variance(0.5) - difference).abs() < 1e-15);
    assert!((process.prior_variance() - (100.0 - 0.01)).abs() < 1e-12);
}

#[test]
fn sub_preserving_noise_has_the_variance_of_preserving_noise_as_its_standard_deviation() {
    let sub = SubVariancePreserving::new(0.1, 20.0).unwrap();
    let full = VariancePreserving::new(0.1, 20.0).unwrap();
    for k in 1..=100 {
        let t = f64::from(k) / 100.0;
        assert_eq!(sub.alpha(t), full.alpha(t));
        assert_eq!(sub.sigma(t), full.variance(t));
        assert!(sub.variance(t) <= full.variance(t), "t = {t}");
    }
}

#[test]
fn variance_preserving_noise_is_ornstein_uhlenbeck_noise_on_another_clock() {
    let ou = OrnsteinUhlenbeck::new(10.0).unwrap();
    let vp = VariancePreserving::new(2.0, 2.0).unwrap();
    for t in [1e-9, 0.1, 0.5, 1.0] {
        assert_eq!(vp.alpha(t), ou.alpha(t));
        assert_eq!(vp.variance(t), ou.variance(t));
        // β = 2 is the rate of dX = −X dt + √2 dB; the half rate would be β = 1.
        assert_eq!(vp.drift_rate(t), ou.drift_rate(t));
        assert_eq!(vp.diffusion_squared(t), ou.diffusion_squared(t));
    }
}

#[test]
fn straight_paths_have_the_velocity_of_flow_matching() {
    // For data at a point m the flow is f x − ½ g² s with s = −(x − (1 − t) m)/t²: the velocity z − m along x = (1 − t) m + t z.
    let process = Rectified::new(0.999).unwrap();
    let (m, z) = (0.7, -1.3);
    for t in [0.01, 0.3, 0.9] {
        let x = process.alpha(t) * m + process.sigma(t) * z;
        let score = -(x - process.alpha(t) * m) / process.variance(t);
        let velocity = process.drift_rate(t) * x - 0.5 * process.diffusion_squared(t) * score;
        assert!((velocity - (z - m)).abs() < 1e-13, "{velocity} at {t}");
    }
}

#[test]
fn what_is_out_of_its_domain_is_refused_by_name() {
    let message = |e: gibbsian_core::Error| e.to_string();
    assert_eq!(
        message(VarianceExploding::new(0.0, 1.0).unwrap_err()),
        "`sigma_min` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        message(VarianceExploding::new(2.0, 1.0).unwrap_err()),
        "`sigma_max` is 1, but must be greater than sigma_min, 2"
    );
    for (low, high) in [
        (1e-200, 1.0),
        (1.0, 1e200),
        (1e-100, 1e100),
        (1.0, f64::INFINITY),
        (f64::NAN, 1.0),
    ] {
        assert!(VarianceExploding::new(low, high).is_err(), "({low}, {high})");
    }
    assert_eq!(
        message(VariancePreserving::new(-0.1, 20.0).unwrap_err()),
        "`beta_min` is -0.1, but must be finite and at least zero"
    );
    assert_eq!(
        message(SubVariancePreserving::new(3.0, 2.0).unwrap_err()),
        "`beta_max` is 2, but must be at least beta_min, 3"
    );
    assert!(VariancePreserving::new(0.0, 0.0).is_err());
    assert!(VariancePreserving::new(0.1, f64::NAN).is_err());
    assert_eq!(
        message(OrnsteinUhlenbeck::new(0.0).unwrap_err()),
        "`horizon` is 0, but must be finite and greater than zero"
    );
    assert_eq!(
        message(Rectified::new(1.0).unwrap_err()),
        "`horizon` is 1, but must be between 0 and 1, both excluded"
    );
    for horizon in [0.0, 1.0, f64::NAN] {
        assert!(Rectified::new(horizon).is_err() && Cosine::new(0.008, horizon).is_err());
    }
    assert_eq!(
        message(Cosine::new(-0.1, 0.9).unwrap_err()),
        "`offset` is -0.1, but must be finite and at least zero"
    );
    assert!(ElucidatedNoise::new(f64::INFINITY).is_err());

    let ou = OrnsteinUhlenbeck::new(5.0).unwrap();
    assert_eq!(ou.check_time(5.0).unwrap(), 5.0);
    assert_eq!(
        message(ou.check_time(5.5).unwrap_err()),
        "`t` is 5.5, but must be in [0, 5]"
    );
    assert_eq!(
        message(ou.check_times(array![0.0, 1.0, f64::NAN].view()).unwrap_err()),
        "`t[2]` is NaN, but must be in [0, 5]; times are those of the process, divide numbers of steps by their count"
    );
    let error = message(ou.time_at_log_snr(-11.0).unwrap_err());
    assert!(
        error.starts_with("`log_snr` is -11, but must be at least -9.99995"),
        "{error}"
    );
    assert!(ou.time_at_log_snr(f64::NAN).is_err());
    assert_eq!(ou.time_at_log_snr(f64::INFINITY).unwrap(), 0.0);
}

#[test]
fn nan_stays_nan() {
    for (name, parameters) in [
        ("variance_exploding", &[0.1, 1.0][..]),
        ("variance_preserving", &[0.1, 20.0]),
        ("sub_variance_preserving", &[0.1, 20.0]),
        ("ornstein_uhlenbeck", &[2.0]),
        ("cosine", &[0.008, 0.99]),
        ("rectified", &[0.99]),
        ("elucidated_noise", &[80.0]),
        ("discrete", &[1e-4, 0.02, 100.0]),
    ] {
        let process = process(name, parameters);
        for value in [
            process.alpha(f64::NAN),
            process.variance(f64::NAN),
            process.sigma(f64::NAN),
            process.drift_rate(f64::NAN),
            process.diffusion_squared(f64::NAN),
            process.diffusion(f64::NAN),
            process.log_snr(f64::NAN),
        ] {
            assert!(value.is_nan(), "{name}");
        }
    }
}
