//! Averages of parameters: closed forms of their weights, and state that comes back.

use gibbsian_core::{Parametric, Seed, Snapshot, TrainStep};
use gibbsian_train::{
    Adam, AdamOptions, AveragingWarmUp, Constant, Decay, Descent, Ema, Linear, PowerProfile, Schedule, Switch,
};
use ndarray::{Array1, array};

use crate::common::{Normal, Sampled, points};
use crate::toys::{Numbers, script, step_once};

const U: f64 = f64::EPSILON / 2.0;

/// Parameters that jump about.
fn theta(t: u64) -> f64 {
    (7.0 * t as f64).sin()
}

/// The average after `n` steps to `theta(1), …, theta(n)` from `theta(0)`.
fn average(decay: impl Schedule + 'static, n: u64) -> f64 {
    let mut model = Numbers(array![theta(0)]);
    let jump = script(|t, model: &mut Numbers, _| {
        model.0[0] = theta(t);
        Ok(0.0)
    });
    let mut step = Ema::new(jump, &model, decay).unwrap();
    for _ in 0..n {
        step_once(&mut step, &mut model, 0.1).unwrap();
    }
    assert_eq!(model.0[0], theta(n), "the model that is trained keeps its own");
    step.averaged()[0]
}

#[test]
fn the_weights_are_geometric_or_flat_as_the_schedule_says() {
    let n = 200;
    // Every step rounds four numbers that are at most two.
    let bound = 8.0 * U * n as f64;
    for beta in [0.0, 0.5, 0.9, 0.999] {
        let beta: f64 = beta;
        let sum: f64 = (1..=n).map(|s| beta.powi((n - s) as i32) * theta(s)).sum();
        let expected = beta.powi(n as i32) * theta(0) + (1.0 - beta) * sum;
        let found = average(Constant::new(beta).unwrap(), n);
        assert!((found - expected).abs() <= bound, "{beta}: {found}, {expected}");
    }
    let mean = (1..=n).map(theta).sum::<f64>() / n as f64;
    let found = average(PowerProfile::new(0.0).unwrap(), n);
    assert!((found - mean).abs() <= bound, "{found}, {mean}");

    // While the warm-up lasts, ∏_{t=s+1}^{n} (1 + t)/(10 + t) = ∏_{k=2}^{10} (s + k)/(n + k).
    let survives = |s: u64| (2..=10).map(|k| (s + k) as f64 / (n + k) as f64).product::<f64>();
    let sum: f64 = (1..=n)
        .map(|s| survives(s) * 9.0 / (10 + s) as f64 * theta(s))
        .sum();
    let found = average(AveragingWarmUp::new(0.9999).unwrap(), n);
    assert!((found - survives(0) * theta(0) - sum).abs() <= bound, "{found}");
}

#[test]
fn a_power_profile_has_the_width_that_its_exponent_says() {
    let n = 4_000;
    for (gamma, width) in [(0.0, 1.0 / 12.0_f64.sqrt()), (6.937, 0.1), (16.972, 0.05)] {
        let profile = PowerProfile::new(gamma).unwrap();
        // From the last backwards: the weight of θ_t is (1 − β_t) ∏_{s>t} β_s.
        let (mut survives, mut moments) = (1.0, [0.0; 3]);
        for t in (1..=n).rev() {
            let beta = profile.value(t - 1);
            let (weight, time) = (survives * (1.0 - beta), t as f64 / n as f64);
            moments = [
                moments[0] + weight,
                moments[1] + weight * time,
                moments[2] + weight * time * time,
            ];
            survives *= beta;
        }
        assert_eq!(survives, 0.0, "nothing is left of the start");
        assert!((moments[0] - 1.0).abs() < 4.0 * n as f64 * f64::EPSILON);
        let found = (moments[2] - moments[1] * moments[1]).sqrt();
        // The formula is the limit of many steps; sums and integrals of a bounded density differ by (1 + γ)/n at most.
        assert!(
            (found - width).abs() < (1.0 + gamma) / n as f64,
            "{gamma}: {found}"
        );
    }
}

#[test]
fn parameters_that_stand_still_are_their_own_average() {
    let values = array![0.1, -1.0 / 3.0, 1e300, -1e-300, 0.0];
    let mut model = Numbers(values.clone());
    for decay in [0.0, 0.3, 0.999] {
        let mut step = Ema::new(
            script(|_, _, _| Ok(0.0)),
            &model,
            AveragingWarmUp::new(decay).unwrap(),
        )
        .unwrap();
        for _ in 0..100 {
            step_once(&mut step, &mut model, 0.1).unwrap();
        }
        assert_eq!(step.averaged(), values);
    }
}

#[test]
fn an_average_begins_with_the_model_of_the_first_step() {
    let mut model = Numbers(array![5.0]);
    let add = script(|_, model: &mut Numbers, rate| {
        model.0 += rate;
        Ok(0.0)
    });
    let mut step = Ema::new(add, &model, Constant::new(0.5).unwrap()).unwrap();
    assert_eq!(step.averaged()[0], 5.0);
    let handle = step.average();
    // Weights that were loaded after the step was made.
    model.0[0] = 100.0;
    step_once(&mut step, &mut model, 2.0).unwrap();
    assert_eq!(step.averaged()[0], 101.0);
    let weighted = step.weighted_train_step(
        &mut model,
        array![[0.0]].view(),
        array![3.0].view(),
        2.0,
        &mut Seed::new(0).rng(),
    );
    weighted.unwrap();
    assert_eq!((model.0[0], step.averaged()[0]), (108.0, 104.5));

    // A handle that was given out before sees every step.
    assert_eq!(handle.params()[0], 104.5);
    let mut other = Numbers(array![0.0]);
    step.apply_to(&mut other).unwrap();
    assert_eq!(other.0[0], 104.5);
    let e = step.apply_to(&mut Numbers(array![0.0, 0.0])).unwrap_err();
    assert!(e.to_string().contains("params"), "{e}");
}

#[test]
fn shares_outside_their_domain_are_refused_before_anything_moves() {
    let model = Numbers(array![0.0]);
    for bad in [1.0, 1.5] {
        let e = Ema::new((), &model, Constant::new(bad).unwrap()).unwrap_err();
        assert!(e.to_string().starts_with("`decay` is"), "{e}");
    }
    for bad in [1.0, -0.1, f64::NAN] {
        assert!(AveragingWarmUp::new(bad).is_err());
    }
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        let e = PowerProfile::new(bad).unwrap_err();
        assert!(e.to_string().starts_with("`gamma` is"), "{e}");
    }
    let mut moved = model.clone();
    let mut step = Ema::new(
        script(|_, model: &mut Numbers, _| {
            model.0[0] += 1.0;
            Ok(0.0)
        }),
        &model,
        Switch::new(0.5, 1.0, 1).unwrap(),
    )
    .unwrap();
    step_once(&mut step, &mut moved, 0.1).unwrap();
    assert!(step_once(&mut step, &mut moved, 0.1).is_err());
    assert_eq!(
        (moved.0[0], step.averaged()[0], step.step().n_calls),
        (1.0, 0.5, 1)
    );
}

#[test]
fn an_average_has_the_same_bits_on_any_number_of_threads() {
    let n = 150_000;
    let run = |n_threads| {
        let mut model = Numbers(Array1::zeros(n));
        let jump = script(|t, model: &mut Numbers, _| {
            model.0 = Array1::from_shape_fn(n, |i| theta(t + i as u64));
            Ok(0.0)
        });
        let mut step = Ema::new(jump, &model, AveragingWarmUp::new(0.9).unwrap()).unwrap();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        pool.install(|| {
            for _ in 0..3 {
                step_once(&mut step, &mut model, 0.1).unwrap();
            }
        });
        step.averaged().mapv(f64::to_bits)
    };
    let one = run(1);
    for n_threads in [2, 3, 8] {
        assert_eq!(run(n_threads), one);
    }
}

#[test]
fn a_resumed_average_has_the_bits_of_one_that_was_not_interrupted() {
    let data = points(40, 3, Seed::new(1));
    let make = |model: &Normal| {
        let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE).unwrap();
        let descent = Descent::new(Sampled { kept: 0.0 }, adam);
        Ema::new(descent, model, AveragingWarmUp::new(0.99).unwrap()).unwrap()
    };
    let rate = Linear::new(0.1, 0.01, 60).unwrap();
    let train = |model: &mut Normal, step: &mut dyn TrainStep<Normal>, steps: std::ops::Range<u64>| {
        for t in steps {
            let mut rng = Seed::new(2).nth(t).rng();
            step.train_step(model, data.points(), rate.value(t), &mut rng)
                .unwrap();
        }
    };
    let mut model = Normal::new(3);
    let mut step = make(&model);
    train(&mut model, &mut step, 0..23);
    let mut resumed_model = model.clone();
    let mut resumed = make(&Normal::new(3));
    let handle = resumed.average();
    resumed.restore(&step.snapshot()).unwrap();
    assert_eq!(handle.params(), step.averaged());
    train(&mut model, &mut step, 23..60);
    train(&mut resumed_model, &mut resumed, 23..60);
    assert_eq!(resumed_model, model);
    assert_eq!(resumed.snapshot(), step.snapshot());
    assert_eq!(resumed.averaged(), step.averaged());

    let mut small = make(&Normal::new(2));
    let before = small.snapshot();
    assert!(small.restore(&step.snapshot()).is_err());
    assert_eq!(small.snapshot(), before);
}
