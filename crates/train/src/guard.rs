//! Training that goes back when it has diverged.
//!
//! Energy-based training diverges: chains fall behind the model, energies of data and samples run apart, and a thousand steps later everything is NaN. [`Guarded`] keeps a good state, judges every step by a
//! [`Criterion`], and after a divergence goes back to the good state, lowers the learning rate, and makes the same step again from there.
//!
//! It is a training step around another and not an option of the [`crate::Trainer`]. So its state lies where every checkpoint already looks, fused steps can be guarded as well as generic ones, an average of
//! the parameters inside it ([`crate::Ema`]) goes back with the rest, and the loop, which owes each step nothing but its minibatch and its generator, stays as it is. The step counter does not go back: data
//! that were seen between the good state and the divergence are not seen again, and what a step draws still follows from the seed and its number.
//!
//! When is a state good? Not when it is taken: the loss of a step is that of the parameters before it, and numbers grow for a while before they overflow. A state is a *candidate* when it is taken, and good
//! when as many steps as lie between two of them have been made from it without divergence. Two states are therefore kept.

use gibbsian_core::error::check_positive;
use gibbsian_core::{Error, Parametric, ParametricMut, Record, Result, Snapshot, TrainStep, Values};
use ndarray::{Array1, ArrayView1, ArrayView2};
use rand::Rng;

use crate::divergence::{Criterion, Divergence, check_every, largest_parameter};
use crate::optimiser::{restore_vectors, vectors_record};
use crate::rollbacks::{Rollback, Rollbacks};

/// How often states are kept, and what a rollback does.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardOptions {
    /// The number of steps between two candidates, at least one; no fewer than between two evaluations of a criterion, or an unnoticed divergence becomes a good state.
    pub every_steps: u64,
    /// What the learning rate is multiplied by at every rollback, for the rest of the run; in `(0, 1)`.
    pub factor: f64,
    /// How often a run may go back before it is given up.
    pub max_rollbacks: usize,
}

impl Default for GuardOptions {
    /// A candidate every 100 steps, half the learning rate, and at most 8 rollbacks.
    fn default() -> Self {
        GuardOptions {
            every_steps: 100,
            factor: 0.5,
            max_rollbacks: 8,
        }
    }
}

/// A training step that rolls back when it diverges.
///
/// A step has diverged when an error says that a number is not finite, when its loss is not finite, or when the criterion says so. Where a chain cannot start ([`Error::Start`]), the model has diverged too, but
/// for the model that the first step is given, whose starts the caller has chosen. Other errors, such as a minibatch that does not fit, end the run as they would without a guard. A step that returns a loss has been
/// accepted, so monitors never see a loss that was refused; [`Guarded::rollbacks`] tells them what happened.
///
/// # Errors of its steps
/// After the last rollback the next divergence is an error with the criterion, its value, the step, the number of rollbacks, and the largest parameter of the model that diverged, by name, index and value. Model and training step are then in the last good state.
///
/// ```
/// use gibbsian_core::{Layout, Parametric, ParametricMut, Result, Seed, TrainStep};
/// use gibbsian_train::{GuardOptions, Guarded, LossWithin};
/// # use gibbsian_core::Stateless;
/// # use ndarray::{Array1, ArrayView1, ArrayView2};
/// use ndarray::array;
/// # use rand::Rng;
///
/// struct Number(f64);
/// # impl Parametric for Number {
/// #     fn layout(&self) -> Layout {
/// #         Layout::new().with("value", &[1])
/// #     }
/// #     fn params(&self) -> Array1<f64> {
/// #         array![self.0]
/// #     }
/// # }
/// # impl ParametricMut for Number {
/// #     fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
/// #         self.layout().check(params)?;
/// #         self.0 = params[0];
/// #         Ok(())
/// #     }
/// # }
/// /// Gradient descent of `x²/2`, which diverges at rates above two.
/// struct Descend;
/// # impl TrainStep<Number> for Descend {
/// #     fn train_step(&mut self, model: &mut Number, _: ArrayView2<f64>, rate: f64, _: &mut dyn Rng) -> Result<f64> {
/// #         let loss = 0.5 * model.0 * model.0;
/// #         model.0 -= rate * model.0;
/// #         Ok(loss)
/// #     }
/// # }
/// # impl Stateless for Descend {}
///
/// let mut model = Number(1.0);
/// let mut step = Guarded::new(Descend, &model, LossWithin::new(0.0, 10.0)?, GuardOptions::default())?;
/// for _ in 0..200 {
///     step.train_step(&mut model, array![[0.0]].view(), 3.0, &mut Seed::new(0).rng())?;
/// }
/// assert!(model.0.abs() < 1e-12);
/// let rollback = &step.rollbacks().all()[0];
/// assert_eq!((rollback.step, rollback.back_to, rollback.scale), (4, 0, 0.5));
/// assert_eq!((rollback.divergence.criterion.as_str(), rollback.divergence.value), ("loss", 32.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Guarded<S, C> {
    step: S,
    criterion: C,
    options: GuardOptions,
    n_steps: u64,
    good: State,
    candidate: State,
    rollbacks: Rollbacks,
}

/// A state to go back to.
#[derive(Clone, Debug)]
struct State {
    /// The number of steps after which it was taken.
    n_steps: u64,
    params: Array1<f64>,
    step: Record,
}

impl State {
    fn of<M: Parametric + ?Sized, S: Snapshot>(model: &M, step: &S, n_steps: u64) -> Self {
        State {
            n_steps,
            params: model.params(),
            step: step.snapshot(),
        }
    }

    fn record(&self) -> Record {
        let mut record = vectors_record(&[("params", &self.params)]);
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        record.put_part("step", self.step.clone());
        record
    }

    /// A recorded state with as many parameters as this one, whose state of the training step is one that `step` accepts.
    fn recorded<S: Snapshot>(&self, step: &mut S, record: &Record) -> Result<Self> {
        let mut state = State {
            n_steps: record.u64s("n_steps", &[])?[0],
            params: self.params.clone(),
            step: record.part("step"),
        };
        restore_vectors(&mut [("params", &mut state.params)], record)?;
        step.restore(&state.step)?;
        Ok(state)
    }
}

impl<S: Snapshot, C> Guarded<S, C> {
    /// Training of models like `model` by `step`, judged by `criterion`.
    ///
    /// The first good state is the model that the first step is given.
    ///
    /// # Errors
    /// `every_steps` is zero or `factor` is not in `(0, 1)`.
    pub fn new<M: Parametric + ?Sized>(
        step: S,
        model: &M,
        criterion: C,
        options: GuardOptions,
    ) -> Result<Self> {
        check_every("every_steps", options.every_steps)?;
        check_positive("factor", options.factor)?;
        if options.factor >= 1.0 {
            return Err(Error::parameter("factor", options.factor, "below 1"));
        }
        let good = State::of(model, &step, 0);
        Ok(Guarded {
            step,
            criterion,
            options,
            n_steps: 0,
            candidate: good.clone(),
            good,
            rollbacks: Rollbacks::default(),
        })
    }

    /// The training step inside.
    pub fn step(&self) -> &S {
        &self.step
    }

    /// The rollbacks so far, as a handle that a monitor can hold while the run goes on.
    pub fn rollbacks(&self) -> Rollbacks {
        self.rollbacks.clone()
    }

    /// What learning rates are multiplied by now, `factor^n` after `n` rollbacks; [`Progress::learning_rate`](crate::Progress::learning_rate) has it in it.
    pub fn scale(&self) -> f64 {
        self.rollbacks.scale()
    }

    fn guard<M>(
        &mut self,
        model: &mut M,
        learning_rate: f64,
        mut train: impl FnMut(&mut S, &mut M, f64) -> Result<f64>,
    ) -> Result<f64>
    where
        M: ParametricMut + ?Sized,
        C: Criterion<M>,
    {
        if self.n_steps == 0 {
            self.good = State::of(model, &self.step, 0);
            self.candidate = self.good.clone();
        }
        // Whether the model is the caller's, as far as the guard can tell.
        let mut is_given = self.n_steps == 0;
        loop {
            let lowered = learning_rate * self.scale();
            let outcome = train(&mut self.step, model, lowered)
                .map_err(|error| if is_given { error } else { error.of_changed_model() })
                .and_then(|loss| Ok((loss, self.judge(model, loss)?)))
                .or_else(|error| Ok((f64::NAN, Some(Divergence::of(error)?))));
            match outcome? {
                (loss, None) => {
                    self.accept(model);
                    return Ok(loss);
                }
                (_, Some(divergence)) => {
                    self.roll_back(model, divergence)?;
                    is_given = self.good.n_steps == 0;
                }
            }
        }
    }

    fn judge<M>(&self, model: &M, loss: f64) -> Result<Option<Divergence>>
    where
        M: ?Sized,
        C: Criterion<M>,
    {
        if !loss.is_finite() {
            return Err(Error::non_finite("loss", loss, ""));
        }
        let judged = self.criterion.judge(model, self.n_steps + 1, loss);
        judged.map_err(Error::of_changed_model)
    }

    fn accept<M: Parametric + ?Sized>(&mut self, model: &M) {
        self.n_steps += 1;
        if self.n_steps.is_multiple_of(self.options.every_steps) {
            let candidate = State::of(model, &self.step, self.n_steps);
            self.good = std::mem::replace(&mut self.candidate, candidate);
        }
    }

    fn roll_back<M: ParametricMut + ?Sized>(&mut self, model: &mut M, divergence: Divergence) -> Result<()> {
        let (step, n_before) = (self.n_steps + 1, self.rollbacks.len());
        let gives_up = n_before >= self.options.max_rollbacks;
        // Of the model that diverged, not of the one that the run goes back to.
        let largest = if gives_up {
            largest_parameter(model)
        } else {
            String::new()
        };
        self.step.restore(&self.good.step)?;
        model.set_params(self.good.params.view())?;
        // The candidate may be where it began.
        self.candidate = self.good.clone();

        if gives_up {
            let context = format!("at step {step}, after {n_before} rollbacks{largest}");
            return Err(divergence.into_error(&context));
        }
        self.rollbacks.push(Rollback {
            step,
            back_to: self.good.n_steps,
            divergence,
            scale: self.scale() * self.options.factor,
        });
        Ok(())
    }
}

impl<M, S, C> TrainStep<M> for Guarded<S, C>
where
    M: ParametricMut + ?Sized,
    S: TrainStep<M> + Snapshot,
    C: Criterion<M>,
{
    fn train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.guard(model, learning_rate, |step, model, learning_rate| {
            step.train_step(model, x, learning_rate, rng)
        })
    }

    fn weighted_train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.guard(model, learning_rate, |step, model, learning_rate| {
            step.weighted_train_step(model, x, w, learning_rate, rng)
        })
    }

    fn learning_rate_scale(&self) -> f64 {
        self.scale() * self.step.learning_rate_scale()
    }
}

impl<S: Snapshot, C> Snapshot for Guarded<S, C> {
    /// The state of the training step, both states to go back to, the number of steps, and the rollbacks: three times what the training step has, and twice the parameters.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        record.put_part("step", self.step.snapshot());
        record.put_part("good", self.good.record());
        record.put_part("candidate", self.candidate.record());
        record.put_part("rollbacks", self.rollbacks.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let before = self.step.snapshot();
        let restored = self.restore_parts(record);
        if restored.is_err() {
            self.step.restore(&before)?;
        }
        restored
    }
}

impl<S: Snapshot, C> Guarded<S, C> {
    /// Changes nothing but the training step unless all of the record fits.
    fn restore_parts(&mut self, record: &Record) -> Result<()> {
        let n_steps = record.u64s("n_steps", &[])?[0];
        let good = self.good.recorded(&mut self.step, &record.part("good"))?;
        let candidate = self
            .candidate
            .recorded(&mut self.step, &record.part("candidate"))?;
        self.step.restore(&record.part("step"))?;
        self.rollbacks.restore(&record.part("rollbacks"))?;
        (self.n_steps, self.good, self.candidate) = (n_steps, good, candidate);
        Ok(())
    }
}
