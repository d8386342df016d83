//! Averages of the parameters along a run.
//!
//! Steps with a learning rate that does not vanish end in a cloud around a minimum; the mean of the cloud is a better answer than its last point (Polyak and Juditsky 1992), and networks that sample
//! look far better with averaged weights. The average is exponential, `θ̄_t = β_t θ̄_{t−1} + (1 − β_t) θ_t`, with a `β_t` from a [`Schedule`]:
//!
//! - [`crate::Constant`]: `θ̄_t = β^t θ_0 + (1 − β) Σ_s β^{t−s} θ_s`, an average over about `1 / (1 − β)` steps;
//! - [`AveragingWarmUp`]: the same, shorter at the beginning, so that `θ_0` is forgotten;
//! - [`PowerProfile`]: an average over a fixed share of the run, however long it is; with exponent zero it is Polyak's plain mean.
//!
//! A monitor that wants to look at the averaged model while the run goes on holds an [`Average`] and a model of its own to put it in.
//!
//! It is computed as `θ̄ + (1 − β)(θ − θ̄)`, so parameters that stand still have exactly themselves as their average.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gibbsian_core::error::check_non_negative;
use gibbsian_core::{Parametric, ParametricMut, Record, Result, Snapshot, TrainStep, Values};
use ndarray::{Array1, ArrayView1, ArrayView2, Zip};
use rand::Rng;

use crate::optimiser::{PARALLEL_PARAMS, check_share, restore_vectors, vectors_record};
use crate::schedule::Schedule;

/// A training step that also keeps an average of the parameters; the model that is trained has its own.
///
/// The average starts from the model that the first step is given. Where a [`crate::Guarded`] step may roll back, put it outside: `Guarded` of `Ema` rolls the average back with the rest.
///
/// ```
/// use gibbsian_core::{Layout, Parametric, ParametricMut, Result, TrainStep, Seed};
/// use gibbsian_train::{AveragingWarmUp, Ema};
/// use ndarray::{Array1, ArrayView1, ArrayView2, array};
/// use rand::Rng;
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
/// /// Goes up by the learning rate.
/// struct Up;
/// # impl TrainStep<Number> for Up {
/// #     fn train_step(&mut self, model: &mut Number, _: ArrayView2<f64>, rate: f64, _: &mut dyn Rng) -> Result<f64> {
/// #         model.0 += rate;
/// #         Ok(0.0)
/// #     }
/// # }
///
/// let mut model = Number(0.0);
/// let mut step = Ema::new(Up, &model, AveragingWarmUp::new(0.999)?)?;
/// step.train_step(&mut model, array![[0.0]].view(), 11.0, &mut Seed::new(0).rng())?;
/// // β_1 = 2/11.
/// assert!((step.averaged()[0] - 9.0).abs() < 1e-12);
/// assert_eq!(model.0, 11.0);
/// step.apply_to(&mut model)?;
/// assert_eq!(model.0, step.averaged()[0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Ema<S> {
    step: S,
    decay: Box<dyn Schedule>,
    average: Average,
    n_steps: u64,
}

/// The averaged parameters of a run, also while it goes on. Clones share them.
#[derive(Clone, Debug)]
pub struct Average(Arc<Mutex<Array1<f64>>>);

impl Average {
    /// A copy of the averaged parameters `θ̄`.
    pub fn params(&self) -> Array1<f64> {
        self.lock().clone()
    }

    /// Gives `model` the averaged parameters.
    ///
    /// # Errors
    /// The model refuses them: it is of another size, or does not allow a mean of what it allows.
    pub fn apply_to<M: ParametricMut + ?Sized>(&self, model: &mut M) -> Result<()> {
        model.set_params(self.lock().view())
    }

    /// A pass that panicked half-way ended the run.
    fn lock(&self) -> MutexGuard<'_, Array1<f64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Ema<S> {
    /// Training by `step` with an average of the parameters of models like `model`, `β_t` from the schedule `decay`, whose step 0 is the first.
    ///
    /// # Errors
    /// The first `β_t` is not in `[0, 1)`.
    pub fn new<M: Parametric + ?Sized>(step: S, model: &M, decay: impl Schedule + 'static) -> Result<Self> {
        let decay: Box<dyn Schedule> = Box::new(decay);
        decay_at(decay.as_ref(), 0)?;
        Ok(Ema {
            step,
            decay,
            average: Average(Arc::new(Mutex::new(model.params()))),
            n_steps: 0,
        })
    }

    /// The training step inside.
    pub fn step(&self) -> &S {
        &self.step
    }

    /// The averaged parameters, as a handle that a monitor can hold while the run goes on.
    pub fn average(&self) -> Average {
        self.average.clone()
    }

    /// A copy of the averaged parameters `θ̄`.
    pub fn averaged(&self) -> Array1<f64> {
        self.average.params()
    }

    /// Gives `model` the averaged parameters; to go on with training afterwards, give them to a copy.
    ///
    /// # Errors
    /// Those of [`Average::apply_to`].
    pub fn apply_to<M: ParametricMut + ?Sized>(&self, model: &mut M) -> Result<()> {
        self.average.apply_to(model)
    }

    fn averaging<M: Parametric + ?Sized>(
        &mut self,
        model: &mut M,
        train: impl FnOnce(&mut S, &mut M) -> Result<f64>,
    ) -> Result<f64> {
        let beta = decay_at(self.decay.as_ref(), self.n_steps)?;
        if self.n_steps == 0 {
            *self.average.lock() = model.params();
        }
        let loss = train(&mut self.step, model)?;
        let params = model.params();
        let mut average = self.average.lock();
        let pass = Zip::from(&mut *average).and(&params);
        let step = |mean: &mut f64, &p: &f64| *mean += (1.0 - beta) * (p - *mean);
        if params.len() < PARALLEL_PARAMS {
            pass.for_each(step);
        } else {
            pass.par_for_each(step);
        }
        drop(average);
        self.n_steps += 1;
        Ok(loss)
    }
}

impl<M, S> TrainStep<M> for Ema<S>
where
    M: ParametricMut + ?Sized,
    S: TrainStep<M>,
{
    fn train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.averaging(model, |step, model| step.train_step(model, x, learning_rate, rng))
    }

    fn weighted_train_step(
        &mut self,
        model: &mut M,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        learning_rate: f64,
        rng: &mut dyn Rng,
    ) -> Result<f64> {
        self.averaging(model, |step, model| {
            step.weighted_train_step(model, x, w, learning_rate, rng)
        })
    }

    fn learning_rate_scale(&self) -> f64 {
        self.step.learning_rate_scale()
    }
}

impl<S: Snapshot> Snapshot for Ema<S> {
    /// The average, the number of steps in it, and the state of the training step.
    fn snapshot(&self) -> Record {
        let mut record = vectors_record(&[("average", &*self.average.lock())]);
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        record.put_part("step", self.step.snapshot());
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_steps = record.u64s("n_steps", &[])?[0];
        let mut average = self.averaged();
        restore_vectors(&mut [("average", &mut average)], record)?;
        self.step.restore(&record.part("step"))?;
        *self.average.lock() = average;
        self.n_steps = n_steps;
        Ok(())
    }
}

fn decay_at(decay: &dyn Schedule, step: u64) -> Result<f64> {
    check_share("decay", decay.value(step))
}

/// `β_t = min(β, (1 + t) / (10 + t))`, where `t = 1` is the first step: an average over about a ninth of the steps so far, and never over more than `1 / (1 − β)`.
///
/// ```
/// use gibbsian_train::{AveragingWarmUp, Schedule};
/// let decay = AveragingWarmUp::new(0.9)?;
/// assert_eq!((decay.value(0), decay.value(79), decay.value(80)), (2.0 / 11.0, 0.9, 0.9));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AveragingWarmUp {
    decay: f64,
}

impl AveragingWarmUp {
    /// With the final `β`.
    ///
    /// # Errors
    /// `decay` is not in `[0, 1)`.
    pub fn new(decay: f64) -> Result<Self> {
        check_share("decay", decay)?;
        Ok(AveragingWarmUp { decay })
    }
}

impl Schedule for AveragingWarmUp {
    fn value(&self, step: u64) -> f64 {
        let t = step as f64 + 1.0;
        self.decay.min((1.0 + t) / (10.0 + t))
    }
}

/// `β_t = (1 − 1/t)^{γ + 1}`, where `t = 1` is the first step (Karras and others 2024, "Analyzing and improving the training dynamics of diffusion models", section 3.1).
///
/// At every `t` the weights of `θ_s` are nearly proportional to `s^γ`: the average is over a share of the run that does not depend on its length, and `θ_0` is not in it. With `γ = 0` it is the mean of
/// `θ_1, …, θ_t`. The standard deviation of the weights over time is `σ t` with `σ² = (γ + 1) (γ + 2)^{−2} (γ + 3)^{−1}`; a width of 10 % of the run is `γ ≈ 6.94`, one of 5 % is `γ ≈ 16.97`.
///
/// ```
/// use gibbsian_train::{PowerProfile, Schedule};
/// let mean = PowerProfile::new(0.0)?;
/// assert_eq!([0, 1, 3].map(|t| mean.value(t)), [0.0, 0.5, 0.75]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PowerProfile {
    gamma: f64,
}

impl PowerProfile {
    /// With the exponent `γ ≥ 0`.
    ///
    /// # Errors
    /// `gamma` is negative or not finite.
    pub fn new(gamma: f64) -> Result<Self> {
        check_non_negative("gamma", gamma)?;
        Ok(PowerProfile { gamma })
    }
}

impl Schedule for PowerProfile {
    fn value(&self, step: u64) -> f64 {
        let t = step as f64 + 1.0;
        (1.0 - 1.0 / t).powf(self.gamma + 1.0)
    }
}
