//! What a training step says of numbers that are not finite: which, when, and what helps.

use gibbsian_core::{Error, Objective, Parametric, Result, Seed, TrainStep};
use gibbsian_train::{Constant, Decay, Descent, GuardOptions, Guarded, Momentum, QuantityWithin};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, array};
use rand::Rng;

use crate::common::Normal;
use crate::toys::{Numbers, script, step_once};

const CURE: &str = "lower the learning rate, clip the gradient, or standardise the data";
/// The model of most of these tests has two parameters, both zero.
const AT: &str = "where the largest parameter is weights[0, 0] = 0.000e0";

/// An objective without a gradient that ends in the error `f` at one of its calls, counted from zero.
struct Failing<F> {
    at: usize,
    n_calls: usize,
    f: F,
}

impl<F: Fn() -> Error> Objective<Normal> for Failing<F> {
    fn loss_and_grad_into(
        &mut self,
        _: &Normal,
        _: ArrayView2<f64>,
        _: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        self.n_calls += 1;
        grad.fill(0.0);
        if self.n_calls > self.at {
            Err((self.f)())
        } else {
            Ok(1.0)
        }
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &Normal,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        self.loss_and_grad_into(model, x, rng, grad)
    }
}

/// What is told when an objective ends in `f` after so many updates, by plain and by weighted steps alike.
fn told(at: usize, f: impl Fn() -> Error) -> String {
    let run = |weighted: bool| {
        let mut model = Normal::new(1);
        let objective = Failing {
            at,
            n_calls: 0,
            f: &f,
        };
        let none = Momentum::new(&model.layout(), Constant::new(0.0).unwrap(), Decay::NONE);
        let mut step = Descent::new(objective, none.unwrap());
        let (x, w) = (array![[1.0]], array![1.0]);
        loop {
            let rng = &mut Seed::new(1).rng();
            let outcome = if weighted {
                step.weighted_train_step(&mut model, x.view(), w.view(), 0.1, rng)
            } else {
                step.train_step(&mut model, x.view(), 0.1, rng)
            };
            if let Err(error) = outcome {
                assert_eq!(step.n_steps(), at as u64);
                return error.to_string();
            }
        }
    };
    let plain = run(false);
    assert_eq!(run(true), plain);
    plain
}

#[test]
fn a_loss_that_is_not_finite_is_told_with_its_step() {
    let loss = |context: &'static str| move || Error::non_finite("loss", f64::NAN, context);
    for at in [0, 3] {
        assert_eq!(
            told(at, loss("in the contrast of two phases")),
            format!(
                "`loss` became NaN in the contrast of two phases at step {at}, {AT}, but must stay finite; {CURE}"
            )
        );
        assert_eq!(
            told(at, loss("")),
            format!("`loss` became NaN at step {at}, {AT}, but must stay finite; {CURE}")
        );
    }
}

/// A loss says nothing of what has grown. By whichever way it came to be no number, the largest parameter is named beside it.
#[test]
fn the_largest_parameter_is_named_with_its_index_and_value() {
    let lost = |by_error: bool| {
        let mut model = Normal::new(2);
        model.params = array![1.0, -7000.0, 2.0, 3.0];
        let objective = Failing {
            at: 0,
            n_calls: 0,
            f: || Error::non_finite("loss", f64::INFINITY, "in a test"),
        };
        let none = Momentum::new(&model.layout(), Constant::new(0.0).unwrap(), Decay::NONE).unwrap();
        let (x, rng) = (array![[1.0, 2.0]], &mut Seed::new(1).rng());
        let outcome = if by_error {
            Descent::new(objective, none).train_step(&mut model, x.view(), 0.1, rng)
        } else {
            Descent::new(Infinite, none).train_step(&mut model, x.view(), 0.1, rng)
        };
        outcome.unwrap_err().to_string()
    };
    let named = "at step 0, where the largest parameter is weights[0, 1] = -7.000e3, but must stay finite";
    assert_eq!(lost(true), format!("`loss` became inf in a test {named}; {CURE}"));
    assert_eq!(lost(false), format!("`loss` became inf {named}; {CURE}"));
}

/// A loss that is infinite and no error.
struct Infinite;

impl Objective<Normal> for Infinite {
    fn loss_and_grad_into(
        &mut self,
        _: &Normal,
        _: ArrayView2<f64>,
        _: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        grad.fill(0.0);
        Ok(f64::INFINITY)
    }
}

#[test]
fn where_chains_cannot_start_is_the_callers_choice_before_the_first_update_and_the_models_after_it() {
    let start = || {
        let required = "a point with a finite score; start inside the support";
        Error::start("x[4, ..]", "[2, 1]", required, "score", f64::NEG_INFINITY)
    };
    assert_eq!(
        told(0, start),
        "`x[4, ..]` is [2, 1], but must be a point with a finite score; start inside the support"
    );
    assert_eq!(
        told(2, start),
        format!(
            "`score of x[4, ..]` became -inf at the start of a chain at step 2, {AT}, but must stay finite; {CURE}"
        )
    );
}

#[test]
fn other_errors_are_left_alone() {
    let odd = || Error::parameter("x", "odd", "even");
    assert_eq!(told(0, odd), "`x` is odd, but must be even");
    assert_eq!(told(2, odd), "`x` is odd, but must be even");
}

/// Where chains cannot start, the caller chose badly before the first step; afterwards it is the model that has grown.
#[test]
fn a_chain_that_cannot_start_on_a_changed_model_is_a_divergence() {
    let refused = || {
        let required = "a point of finite energy; start inside the support";
        Error::start("x[1, ..]", "[3]", required, "energy", f64::INFINITY)
    };
    let options = || GuardOptions {
        every_steps: 1,
        ..GuardOptions::default()
    };
    let mut model = Numbers(array![0.0]);
    let mut guarded = Guarded::new(script(|_, _, _| Err(refused())), &model, (), options()).unwrap();
    let e = step_once(&mut guarded, &mut model, 1.0).unwrap_err();
    assert_eq!(
        e.to_string(),
        "`x[1, ..]` is [3], but must be a point of finite energy; start inside the support"
    );
    assert!(guarded.rollbacks().is_empty());

    let step = script(|_, model: &mut Numbers, rate| {
        model.0[0] += rate;
        if model.0[0] > 2.0 { Err(refused()) } else { Ok(0.0) }
    });
    // The criterion, too, may want to run chains.
    let mean = QuantityWithin::new("mean", 4, 0.0, 9.0, |m: &Numbers| {
        if m.0[0] > 1.6 { Err(refused()) } else { Ok(m.0[0]) }
    });
    let mut guarded = Guarded::new(step, &model, mean.unwrap(), options()).unwrap();
    for _ in 0..4 {
        step_once(&mut guarded, &mut model, 1.0).unwrap();
    }
    // 1, 2, back to 1 and to 1.5; 2 is too far for the criterion, so back to 1 and to 1.25.
    assert_eq!(model.0[0], 1.25);
    let told: Vec<_> = (guarded.rollbacks().all().into_iter())
        .map(|r| (r.step, r.back_to, r.divergence.criterion, r.divergence.value))
        .collect();
    let criterion = || String::from("energy of x[1, ..]");
    let expected = [
        (3, 1, criterion(), f64::INFINITY),
        (4, 1, criterion(), f64::INFINITY),
    ];
    assert_eq!(told, expected);
}

/// A row outside the support that comes up after a divergence: the model is the caller's again, and the row what is wrong.
#[test]
fn a_start_that_the_first_model_refuses_as_well_is_the_callers_choice() {
    let mut model = Numbers(array![0.0]);
    let refused = || {
        Error::start(
            "x[1, ..]",
            "[3]",
            "a point of finite energy",
            "energy",
            f64::INFINITY,
        )
    };
    // The third minibatch has the row.
    let n_calls = std::cell::Cell::new(0);
    let step = script(|_, model: &mut Numbers, rate| {
        n_calls.set(n_calls.get() + 1);
        model.0[0] += rate;
        if n_calls.get() > 2 {
            Err(refused())
        } else {
            Ok(0.0)
        }
    });
    let mut guarded = Guarded::new(step, &model, (), GuardOptions::default()).unwrap();
    for _ in 0..2 {
        step_once(&mut guarded, &mut model, 1.0).unwrap();
    }
    let error = step_once(&mut guarded, &mut model, 1.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`x[1, ..]` is [3], but must be a point of finite energy"
    );
    assert_eq!(guarded.rollbacks().len(), 1);
}
