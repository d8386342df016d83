//! The guard: where it goes back to, what it tells, and when it gives up.

use std::cell::Cell;

use gibbsian_core::{Error, Parametric, Seed, TrainStep};
use gibbsian_train::{
    Adam, AdamOptions, Constant, Criterion, Decay, Descent, Divergence, Ema, GuardOptions, Guarded,
    LossWithin, Momentum, QuantityWithin,
};
use ndarray::array;

use crate::common::{Normal, Sampled, points};
use crate::toys::{Numbers, script, step_once};

fn options(every_steps: u64, max_rollbacks: usize) -> GuardOptions {
    GuardOptions {
        every_steps,
        factor: 0.5,
        max_rollbacks,
    }
}

#[test]
fn a_guard_with_nothing_to_do_changes_no_bit() {
    let data = points(40, 3, Seed::new(1));
    let run = |step: &mut dyn TrainStep<Normal>| {
        let mut model = Normal::new(3);
        let losses: Vec<f64> = (0..50)
            .map(|t| {
                step.train_step(&mut model, data.points(), 0.1, &mut Seed::new(2).nth(t).rng())
                    .unwrap()
            })
            .collect();
        (model, losses)
    };
    let descent = || {
        let model = Normal::new(3);
        let adam = Adam::new(&model.layout(), AdamOptions::default(), Decay::NONE).unwrap();
        Descent::new(Sampled { kept: 0.0 }, adam)
    };
    let mut guarded = Guarded::new(
        descent(),
        &Normal::new(3),
        LossWithin::new(-1e9, 1e9).unwrap(),
        options(7, 3),
    )
    .unwrap();
    assert_eq!(run(&mut guarded), run(&mut descent()));
    assert!(guarded.rollbacks().is_empty() && guarded.scale() == 1.0);
}

/// A state that is bad already, although its numbers look well, is never gone back to.
#[test]
fn a_state_is_good_only_after_it_was_survived() {
    // Poisoned at step `poisoned`, seen one step later; states are taken every five steps.
    for (poisoned, back_to) in [
        (3, 0),
        (5, 0),
        (7, 0),
        (9, 0),
        (10, 5),
        (12, 5),
        (15, 10),
        (16, 10),
    ] {
        let mut model = Numbers(array![0.0]);
        let healthy = Cell::new(true);
        let step = script(|_, model: &mut Numbers, _| {
            if model.0[0] > 1e6 {
                return Ok(f64::NAN);
            }
            model.0[0] += 1.0;
            if model.0[0] == poisoned as f64 && healthy.replace(false) {
                model.0[0] = 1e7;
            }
            Ok(0.0)
        });
        let mut guarded = Guarded::new(step, &model, (), options(5, 1)).unwrap();
        for _ in 0..=poisoned {
            step_once(&mut guarded, &mut model, 0.1).unwrap();
        }
        // Back, and the step that diverged made again from there.
        assert_eq!(model.0[0], (back_to + 1) as f64, "poisoned at {poisoned}");
        assert_eq!(guarded.step().n_calls, back_to + 1);
        let rollback = guarded.rollbacks().all().remove(0);
        assert_eq!((rollback.step, rollback.back_to), (poisoned + 1, back_to));
        assert!(rollback.divergence.value.is_nan());
        assert_eq!(rollback.divergence.criterion, "loss");
    }
}

#[test]
fn a_candidate_that_was_followed_by_a_divergence_does_not_become_good() {
    let mut model = Numbers(array![0.0]);
    let calls = Cell::new(0);
    // The state after step 5 is taken, and found to be bad at once; step 12, which is the thirteenth call, diverges for another reason.
    let step = script(|_, model: &mut Numbers, _| {
        calls.set(calls.get() + 1);
        model.0[0] += 1.0;
        if calls.get() == 5 {
            model.0[0] = 1e7;
        }
        let wrong = calls.get() == 13 || model.0[0] > 1e7;
        Ok(if wrong { f64::NAN } else { 0.0 })
    });
    let mut guarded = Guarded::new(step, &model, (), options(5, 2)).unwrap();
    for _ in 0..12 {
        step_once(&mut guarded, &mut model, 0.1).unwrap();
    }
    let told: Vec<_> = guarded
        .rollbacks()
        .all()
        .iter()
        .map(|r| (r.step, r.back_to))
        .collect();
    assert_eq!((told, model.0[0]), (vec![(6, 0), (12, 0)], 1.0));
}

#[test]
fn the_first_good_state_is_the_model_of_the_first_step() {
    let mut model = Numbers(array![0.0]);
    let step = script(|_, model: &mut Numbers, rate| {
        model.0[0] += 1.0;
        Ok(if rate > 0.5 { f64::INFINITY } else { 0.0 })
    });
    let mut guarded = Guarded::new(step, &model, (), options(5, 1)).unwrap();
    model.0[0] = 40.0;
    step_once(&mut guarded, &mut model, 1.0).unwrap();
    assert_eq!(model.0[0], 41.0);
}

#[test]
fn every_rollback_lowers_the_rate_and_weighted_steps_are_guarded_too() {
    let mut model = Numbers(array![1.0]);
    let step = script(|_, model: &mut Numbers, rate| {
        model.0[0] = rate;
        Ok(rate)
    });
    let criterion = LossWithin::new(f64::NEG_INFINITY, 1.0).unwrap();
    let mut guarded = Guarded::new(step, &model, criterion, options(1, 5)).unwrap();
    assert_eq!(step_once(&mut guarded, &mut model, 7.0).unwrap(), 7.0 / 8.0);
    let loss = guarded.weighted_train_step(
        &mut model,
        array![[0.0]].view(),
        array![3.0].view(),
        7.0,
        &mut Seed::new(0).rng(),
    );
    assert_eq!(loss.unwrap(), 3.0 * 7.0 / 32.0);
    let told: Vec<_> = guarded
        .rollbacks()
        .all()
        .into_iter()
        .map(|r| (r.step, r.back_to, r.divergence.value, r.scale))
        .collect();
    let expected = [
        (1, 0, 7.0, 0.5),
        (1, 0, 3.5, 0.25),
        (1, 0, 1.75, 0.125),
        (2, 0, 2.625, 0.0625),
        (2, 0, 1.3125, 0.03125),
    ];
    assert_eq!(told, expected);
    assert_eq!(guarded.scale(), 0.03125);
}

/// An average that is inside goes back with the rest.
#[test]
fn what_is_inside_goes_back_as_a_whole() {
    let mut model = Numbers(array![0.0]);
    let step = script(|_, model: &mut Numbers, rate| {
        model.0[0] += rate;
        Ok(model.0[0])
    });
    let averaged = Ema::new(step, &model, Constant::new(0.5).unwrap()).unwrap();
    let mut guarded = Guarded::new(
        averaged,
        &model,
        LossWithin::new(0.0, 3.0).unwrap(),
        options(2, 4),
    )
    .unwrap();
    for _ in 0..3 {
        step_once(&mut guarded, &mut model, 1.0).unwrap();
    }
    // At 3; the fourth goes to 4, back to the start, because the state of step 2 has not survived two steps, and then by a half.
    step_once(&mut guarded, &mut model, 1.0).unwrap();
    assert_eq!((model.0[0], guarded.step().averaged()[0]), (0.5, 0.25));
}

#[test]
fn a_run_is_given_up_with_step_criterion_and_value_in_the_last_good_state() {
    let start = || Numbers(array![2.0]);
    let give_up = |loss: f64, criterion: &dyn Fn() -> LossWithin| {
        let mut model = start();
        let step = script(move |_, model: &mut Numbers, _| {
            model.0[0] += 1.0;
            Ok(if model.0[0] > 5.0 { loss } else { 0.0 })
        });
        let mut guarded = Guarded::new(step, &model, criterion(), options(1, 2)).unwrap();
        for _ in 0..2 {
            step_once(&mut guarded, &mut model, 0.1).unwrap();
        }
        // From 4; the third step goes to 5, the fourth to 6, then from 4 to 5, again to 6 and so on.
        let mut n_steps = 2;
        let error = loop {
            match step_once(&mut guarded, &mut model, 0.1) {
                Ok(_) => n_steps += 1,
                Err(e) => break e,
            }
        };
        assert_eq!(guarded.rollbacks().len(), 2);
        (error, n_steps, model.0[0])
    };
    let wide = || LossWithin::new(-1.0, 1.0).unwrap();
    let (error, n_steps, value) = give_up(f64::NAN, &wide);
    assert_eq!(
        error.to_string(),
        format!(
            "`loss` became NaN at step {}, after 2 rollbacks, where the largest parameter is value[0] = 6.000e0, but must stay finite; lower the learning rate, clip the gradient, or standardise the data",
            n_steps + 1
        )
    );
    assert!(matches!(error, Error::NonFinite { .. }));
    assert!((2.0..=5.0).contains(&value));
    let (error, n_steps, _) = give_up(-40.0, &wide);
    assert_eq!(
        error.to_string(),
        format!(
            "`loss` is -40, but must be in [-1, 1] at step {}, after 2 rollbacks, where the largest parameter is value[0] = 6.000e0; lower the learning rate, clip the gradient, or standardise the data",
            n_steps + 1
        )
    );
    assert!(matches!(error, Error::Parameter { .. }));

    // Without rollbacks the guard only judges.
    let mut model = start();
    let mut guarded = Guarded::new(script(|_, _, _| Ok(f64::INFINITY)), &model, (), options(1, 0)).unwrap();
    let e = step_once(&mut guarded, &mut model, 0.1).unwrap_err();
    assert!(e.to_string().contains("at step 1, after 0 rollbacks"), "{e}");
}

#[test]
fn only_numbers_that_are_not_finite_are_divergences() {
    let mut model = Numbers(array![0.0]);
    let mut guarded = Guarded::new(
        script(|_, _, _| Err(Error::parameter("x", "odd", "even"))),
        &model,
        (),
        options(1, 5),
    )
    .unwrap();
    let e = step_once(&mut guarded, &mut model, 0.1).unwrap_err();
    assert_eq!(e.to_string(), "`x` is odd, but must be even");
    assert!(guarded.rollbacks().is_empty());

    // The gradient of a generic step, by the name that the step gives it.
    let mut model = Normal::new(1);
    let momentum = Momentum::new(&model.layout(), Constant::new(0.5).unwrap(), Decay::NONE).unwrap();
    let mut guarded = Guarded::new(
        Descent::new(Sampled { kept: 0.0 }, momentum),
        &model,
        (),
        options(1, 1),
    )
    .unwrap();
    let e = guarded
        .train_step(
            &mut model,
            array![[1.0]].view(),
            f64::INFINITY,
            &mut Seed::new(0).rng(),
        )
        .unwrap_err();
    assert!(e.to_string().contains("weights[0, 0]"), "{e}");
    let rollback = guarded.rollbacks().all().remove(0);
    assert_eq!(rollback.divergence.criterion, "weights[0, 0]");
    assert_eq!(model, Normal::new(1));
}

#[test]
fn quantities_are_judged_when_their_time_has_come() {
    let model = Numbers(array![3.0]);
    let value = QuantityWithin::new("value", 10, -1.0, 2.0, |m: &Numbers| Ok(m.0[0])).unwrap();
    let within = LossWithin::new(-1.0, 1.0).unwrap();
    assert!(value.judge(&model, 9, 0.0).unwrap().is_none());
    let found = value.judge(&model, 20, 0.0).unwrap().unwrap();
    let expected = Divergence {
        criterion: "value".into(),
        value: 3.0,
        requirement: "in [-1, 2]".into(),
    };
    assert_eq!(found, expected);
    assert!(value.judge(&Numbers(array![2.0]), 20, 0.0).unwrap().is_none());
    assert!(
        value
            .judge(&Numbers(array![f64::NAN]), 20, 0.0)
            .unwrap()
            .is_some()
    );
    // Unbounded above is still bounded by infinity.
    let open = LossWithin::new(0.0, f64::INFINITY).unwrap();
    assert!(
        Criterion::<Numbers>::judge(&open, &model, 1, f64::INFINITY)
            .unwrap()
            .is_some()
    );
    let both = (within, value);
    assert_eq!(both.judge(&model, 10, 5.0).unwrap().unwrap().criterion, "loss");
    assert_eq!(both.judge(&model, 10, 0.0).unwrap().unwrap().criterion, "value");
    assert!(both.judge(&model, 11, 0.0).unwrap().is_none());

    // A quantity that cannot be evaluated because a number is not finite is a divergence as well.
    let mut model = Numbers(array![0.0]);
    let seen = Cell::new(0);
    let fails = QuantityWithin::new("gap", 2, 0.0, 1.0, |_: &Numbers| {
        seen.set(seen.get() + 1);
        match seen.get() {
            1 => Err(Error::non_finite(
                "energy of point 3",
                f64::NAN,
                "in the evaluation",
            )),
            _ => Ok(0.5),
        }
    })
    .unwrap();
    let mut guarded = Guarded::new(script(|_, _, _| Ok(0.0)), &model, fails, options(2, 1)).unwrap();
    for _ in 0..2 {
        step_once(&mut guarded, &mut model, 0.1).unwrap();
    }
    let rollback = guarded.rollbacks().all().remove(0);
    assert_eq!(
        (rollback.step, rollback.divergence.criterion.as_str()),
        (2, "energy of point 3")
    );
}

#[test]
fn settings_outside_their_domain_are_refused_by_name() {
    let model = Numbers(array![0.0]);
    let refused = |options| {
        let step = script(|_, _, _| Ok(0.0));
        let refused = Guarded::new(step, &model, (), options);
        refused.err().unwrap().to_string()
    };
    assert!(refused(options(0, 1)).starts_with("`every_steps` is 0"));
    for bad in [0.0, 1.0, 2.0, -0.5, f64::NAN] {
        let e = refused(GuardOptions {
            factor: bad,
            ..GuardOptions::default()
        });
        assert!(e.starts_with("`factor` is"), "{e}");
    }
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
        assert!(LossWithin::new(low, high).is_err());
        assert!(QuantityWithin::new("q", 1, low, high, |_: &Numbers| Ok(0.0)).is_err());
    }
    assert!(QuantityWithin::new("q", 0, 0.0, 1.0, |_: &Numbers| Ok(0.0)).is_err());
}
