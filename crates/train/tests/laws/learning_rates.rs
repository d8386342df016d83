//! The learning rate that monitors and logs are told is the one at which the step was made.

use std::cell::RefCell;
use std::fs;

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{Seed, Snapshot, TrainStep};
use gibbsian_train::{Constant, CsvLog, EachStep, Ema, GO_ON, GuardOptions, Guarded, Linear, Trainer};
use ndarray::{Array2, array};

use crate::common::Drawn;
use crate::toys::{Numbers, fresh, script};

/// Rates above a half diverge.
fn step(made: &RefCell<Vec<f64>>) -> impl TrainStep<Numbers> + Snapshot {
    script(move |_, model: &mut Numbers, rate| {
        if rate > 0.5 {
            return Ok(f64::NAN);
        }
        model.0[0] += rate;
        made.borrow_mut().push(rate);
        Ok(0.0)
    })
}

/// Ten steps on a schedule that falls from 4 to 2; returns the rates of the monitor and of the log.
fn told(name: &str, step: &mut impl TrainStep<Numbers>) -> (Vec<f64>, Vec<f64>) {
    let path = fresh(name).join("log.csv");
    let mut told = Vec::new();
    let mut watch = EachStep::new(|_: &Numbers, p| {
        told.push(p.learning_rate);
        Ok(GO_ON)
    });
    let trainer = Trainer::new(5, Linear::new(4.0, 2.0, 10).unwrap(), Seed::new(1)).unwrap();
    trainer
        .fit(
            &mut Numbers(array![0.0]),
            step,
            &Matrix::new(Array2::ones((4, 1))).unwrap(),
            &mut Drawn::new(4, 2, Seed::new(2)),
            &mut (&mut watch, CsvLog::<Numbers>::every(&path, 1).unwrap()),
        )
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let rates = text
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(3).unwrap().parse().unwrap());
    let logged = rates.collect();
    (told, logged)
}

#[test]
fn after_a_rollback_it_is_the_lowered_one() {
    let model = Numbers(array![0.0]);
    let options = GuardOptions::default();
    let decay = || Constant::new(0.5).unwrap();

    let made = RefCell::default();
    let mut guarded = Guarded::new(step(&made), &model, (), options.clone()).unwrap();
    let (told_rates, logged) = told("rates-guarded", &mut guarded);
    assert_eq!(made.borrow().len(), 10);
    assert_eq!(made.borrow()[0], 0.5);
    assert_eq!((&told_rates, &logged), (&*made.borrow(), &*made.borrow()));

    // An average outside and one inside pass it on, and guards around guards multiply.
    let made = RefCell::default();
    let inside = Ema::new(step(&made), &model, decay()).unwrap();
    let guarded = Guarded::new(inside, &model, (), options.clone()).unwrap();
    let mut outside = Ema::new(guarded, &model, decay()).unwrap();
    assert_eq!(told("rates-averaged", &mut outside).0, *made.borrow());

    let made = RefCell::default();
    let once = GuardOptions {
        max_rollbacks: 1,
        ..options.clone()
    };
    let inside = Guarded::new(step(&made), &model, (), once).unwrap();
    let mut twice = Guarded::new(inside, &model, (), options).unwrap();
    assert_eq!(told("rates-twice", &mut twice).0, *made.borrow());
    assert!(made.borrow().iter().all(|&rate| rate > 0.0 && rate <= 0.5));
}

#[test]
fn without_a_guard_it_is_the_schedules() {
    let made = RefCell::new(Vec::<f64>::new());
    let mut plain = script(|_, _: &mut Numbers, rate| {
        made.borrow_mut().push(rate);
        Ok(0.0)
    });
    let (told_rates, logged) = told("rates-plain", &mut plain);
    assert_eq!((&told_rates, &logged), (&*made.borrow(), &*made.borrow()));
    assert_eq!(told_rates[0], 4.0);
}
