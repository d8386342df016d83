//! Guarded runs: they learn where they would diverge, and end with the same bits wherever they were broken off.

use gibbsian_core::{Error, Parametric, Record, Result, Seed, Snapshot, TrainStep, Values};
use gibbsian_train::{
    Checkpoint, CheckpointFiles, Checkpointing, Constant, Decay, Descent, EachRollback, EachStep, GO_ON,
    GuardOptions, Guarded, LossWithin, Momentum, Rollback, STOP, Trainer,
};

use ndarray::array;

use crate::common::{Drawn, Normal, Sampled, points};
use crate::toys::{Numbers, fresh, script, step_once};

/// The loss is quadratic with curvature 2 along the sum of weight and bias, so momentum of a half diverges at rates from 3/2 on.
fn guarded(model: &Normal) -> Guarded<Descent<Sampled, Momentum>, LossWithin> {
    let momentum = Momentum::new(&model.layout(), Constant::new(0.5).unwrap(), Decay::NONE).unwrap();
    let descent = Descent::new(Sampled { kept: 0.0 }, momentum);
    let options = GuardOptions {
        every_steps: 5,
        factor: 0.25,
        ..GuardOptions::default()
    };
    Guarded::new(descent, model, LossWithin::new(-1.0, 60.0).unwrap(), options).unwrap()
}

/// Trains with checkpoints every three steps, and is broken off after the steps `breaks`: with a checkpoint as a monitor does, or without as an error does.
fn train(name: &str, breaks: &[u64], with_checkpoint: bool) -> (Normal, Record, Vec<Rollback>, Vec<f64>) {
    let seed = Seed::new(3);
    let data = points(64, 3, seed.child("points"));
    let directory = fresh(name);
    let mut breaks = breaks.iter().copied();
    loop {
        let next = breaks.next();
        let mut model = Normal::new(3);
        let mut step = guarded(&model);
        let mut told = Vec::new();
        let mut watch = (
            EachStep::new(|_: &Normal, p| match next {
                Some(at) if p.step == at && with_checkpoint => Ok(STOP),
                Some(at) if p.step == at => Err(Error::parameter("run", "broken off", "whole")),
                _ => Ok(GO_ON),
            }),
            EachRollback::new(step.rollbacks(), |_: &Normal, p, rollback| {
                assert!(rollback.step <= p.step);
                told.push(rollback.clone());
                Ok(GO_ON)
            }),
        );
        let mut checkpointing =
            Checkpointing::new(CheckpointFiles::new(&directory).unwrap(), 3, "a guarded run").unwrap();
        let trainer = Trainer::new(10, Constant::new(8.0).unwrap(), seed).unwrap();
        let outcome = checkpointing.fit(
            &trainer,
            &mut model,
            &mut step,
            &data,
            &mut Drawn::new(64, 8, seed.child("order")),
            &mut watch,
        );
        if next.is_none() {
            let history = outcome.unwrap().0.history;
            assert_eq!(told, step.rollbacks().all());
            return (model, step.snapshot(), told, history.losses().to_vec());
        }
    }
}

#[test]
fn a_diverging_run_learns_after_all_and_ends_with_the_same_bits_wherever_it_was_broken_off() {
    let whole = train("guard-whole", &[], true);
    let (model, _, rollbacks, _) = &whole;
    let scales: Vec<f64> = rollbacks.iter().map(|r| r.scale).collect();
    assert_eq!(
        scales,
        [0.25, 0.0625],
        "rates of 8 and of 2 diverge, one of 1/2 does not"
    );
    // The mean is moved twice, by weight and bias, so at the rate ε = 2 · 1/2. Momentum μ turns the variance σ² of its gradients into σ² ε (1 + μ) / ((1 − μ) (2 (1 + μ) − ε)) of the iterates: 1.5 times
    // that of a minibatch mean of 8 points with the objective's noise of 1/128, a standard deviation of 0.45, of which five are allowed. The start is 3.7 away.
    let mean = points(64, 3, Seed::new(3).child("points"))
        .points()
        .mean_axis(ndarray::Axis(0))
        .unwrap();
    let distance = (model.mean() - mean).mapv(f64::abs);
    assert!(distance.iter().all(|&d| d < 5.0 * 0.45), "{distance}");
    let first = rollbacks[0].step;
    let last = rollbacks[rollbacks.len() - 1].step;
    for (i, breaks) in [
        vec![1],
        vec![first - 1],
        vec![first],
        vec![first + 1, last + 1, 40],
        vec![last + 7, 60],
    ]
    .iter()
    .enumerate()
    {
        for with_checkpoint in [true, false] {
            let name = format!("guard-broken-{i}-{with_checkpoint}");
            let broken = train(&name, breaks, with_checkpoint);
            assert_eq!(broken, whole, "{breaks:?} {with_checkpoint}");
        }
    }
}

/// Checkpoints refuse numbers that are not finite, but what diverged is often just that.
#[test]
fn a_checkpoint_holds_what_diverged() {
    let mut model = Numbers(array![0.0]);
    let step = || {
        script(|_, _, rate| {
            if rate > 0.5 {
                return Err(Error::non_finite("two\nlines", f64::NEG_INFINITY, "at some step"));
            }
            Ok(0.0)
        })
    };
    let mut guarded = Guarded::new(step(), &model, (), GuardOptions::default()).unwrap();
    step_once(&mut guarded, &mut model, 1.0).unwrap();
    let checkpoint = Checkpoint {
        step: 1,
        seed: 0,
        recipe: "none".into(),
        record: guarded.snapshot(),
    };
    let read = Checkpoint::from_bytes(&checkpoint.to_bytes().unwrap(), "memory").unwrap();
    let mut same = Guarded::new(step(), &model, (), GuardOptions::default()).unwrap();
    same.restore(&read.record).unwrap();
    let rollbacks = same.rollbacks().all();
    assert_eq!(rollbacks, guarded.rollbacks().all());
    assert_eq!(rollbacks[0].divergence.value, f64::NEG_INFINITY);
    assert_eq!(rollbacks[0].divergence.criterion, "two lines");
}

#[test]
fn a_state_comes_back_whole_or_not_at_all() {
    let mut model = Normal::new(3);
    let mut step = guarded(&model);
    let data = points(8, 3, Seed::new(3));
    for t in 0..12 {
        step.train_step(&mut model, data.points(), 4.0, &mut Seed::new(4).nth(t).rng())
            .unwrap();
    }
    let record = step.snapshot();
    assert!(!step.rollbacks().is_empty());
    let mut same = guarded(&Normal::new(3));
    let handle = same.rollbacks();
    same.restore(&record).unwrap();
    assert_eq!(same.snapshot(), record);
    // A handle that was given out before sees what has come back.
    assert_eq!(handle.all(), step.rollbacks().all());

    // Each entry in turn is missing or has another shape; nothing changes then.
    let names: Vec<String> = record.entries().map(|(name, ..)| name.to_owned()).collect();
    for broken in &names {
        for reshaped in [false, true] {
            let mut misfit = Record::new();
            for (name, shape, values) in record.entries() {
                if name != broken {
                    misfit.put(name, shape, values.clone());
                } else if reshaped {
                    misfit.put(name, &[1, 1, 1], Values::U8(vec![7]));
                }
            }
            let mut other = guarded(&Normal::new(3));
            let before = other.snapshot();
            let refused: Result<()> = other.restore(&misfit);
            assert!(refused.is_err(), "{broken}");
            assert_eq!(other.snapshot(), before, "{broken}");
        }
    }
}
