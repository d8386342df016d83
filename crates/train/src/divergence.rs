//! When a run has diverged: criteria that see what numbers alone do not.
//!
//! A loss, a gradient or a parameter that is not finite is an error of the training step. Energies that explode are finite for a long time: their criterion is a [`LossWithin`] bounds, or any quantity of the
//! model that is [`QuantityWithin`] bounds, such as the energy gap between data and samples. A criterion is a function of the model and the loss and keeps nothing, so it decides alike in a run that was
//! interrupted. Two criteria judge together as a pair `(a, b)`, and `()` accepts everything.

use std::borrow::Cow;

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Parametric, Result};

/// What went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// What was judged: `loss`, `gradient of weights[0, 3]`, the name of a quantity.
    pub criterion: String,
    /// Its value.
    pub value: f64,
    /// What the value should have been.
    pub requirement: String,
}

/// What helps against a training run whose numbers grow without bound.
pub(crate) const CURE_OF_DIVERGENCE: &str =
    "lower the learning rate, clip the gradient, or standardise the data";

impl Divergence {
    /// A number that is not finite, where `error` is about one; any other error comes back.
    pub(crate) fn of(error: Error) -> Result<Self> {
        match error {
            Error::NonFinite { name, value, .. } => Ok(Divergence {
                criterion: name,
                value,
                requirement: "finite".into(),
            }),
            other => Err(other),
        }
    }

    /// The error of a run that is given up, where `context` says when.
    pub(crate) fn into_error(self, context: &str) -> Error {
        if self.value.is_finite() {
            let requirement: Cow<'static, str> = format!("{} {context}", self.requirement).into();
            return Error::parameter(self.criterion, self.value, requirement).with_cure(CURE_OF_DIVERGENCE);
        }
        Error::non_finite(self.criterion, self.value, context).with_cure(CURE_OF_DIVERGENCE)
    }
}

/// Where a run that diverges has got to: the parameter of the largest size, by name and index, as the end of a sentence. Nothing of a model without parameters.
pub(crate) fn largest_parameter<M: Parametric + ?Sized>(model: &M) -> String {
    let params = model.params();
    let size = |p: f64| if p.is_nan() { f64::INFINITY } else { p.abs() };
    let mut largest = None;
    for (i, &p) in params.iter().enumerate() {
        if largest.is_none_or(|j: usize| size(p) > size(params[j])) {
            largest = Some(i);
        }
    }
    largest.map_or_else(String::new, |i| {
        let name = model.layout().locate(i);
        format!(", where the largest parameter is {name} = {:.3e}", params[i])
    })
}

/// A rule that says whether the training of models `M` has diverged.
pub trait Criterion<M: ?Sized> {
    /// What is wrong after step number `step`, counted from one, that returned `loss` and left `model`; `None` if nothing is.
    ///
    /// # Errors
    /// What cannot be evaluated. A number that is not finite counts as a divergence, any other error ends the run.
    fn judge(&self, model: &M, step: u64, loss: f64) -> Result<Option<Divergence>>;
}

/// The criterion that accepts everything.
impl<M: ?Sized> Criterion<M> for () {
    fn judge(&self, _: &M, _: u64, _: f64) -> Result<Option<Divergence>> {
        Ok(None)
    }
}

/// Both judge; the first that finds something is heard.
impl<M: ?Sized, A: Criterion<M>, B: Criterion<M>> Criterion<M> for (A, B) {
    fn judge(&self, model: &M, step: u64, loss: f64) -> Result<Option<Divergence>> {
        match self.0.judge(model, step, loss)? {
            None => self.1.judge(model, step, loss),
            found => Ok(found),
        }
    }
}

/// Requires `low ≤ loss ≤ high` of every step.
///
/// The surrogate loss of contrastive training, mean energies of data minus those of samples, leaves any bound on either side when it diverges.
#[derive(Clone, Debug, PartialEq)]
pub struct LossWithin {
    low: f64,
    high: f64,
}

impl LossWithin {
    /// With these bounds, which may be infinite.
    ///
    /// # Errors
    /// `high` is not greater than `low`.
    pub fn new(low: f64, high: f64) -> Result<Self> {
        check_bounds(low, high)?;
        Ok(LossWithin { low, high })
    }
}

impl<M: ?Sized> Criterion<M> for LossWithin {
    fn judge(&self, _: &M, _: u64, loss: f64) -> Result<Option<Divergence>> {
        Ok(outside("loss", loss, self.low, self.high))
    }
}

/// Requires a quantity of the model to stay within bounds, and evaluates it after every so many steps.
///
/// ```
/// use gibbsian_core::Streams;
/// use gibbsian_core::dataset::Matrix;
/// # use gibbsian_core::{Energy, Space};
/// use gibbsian_train::{Criterion, QuantityWithin, energy_gap};
/// # use ndarray::{ArrayView2, ArrayViewMut1};
/// use ndarray::array;
///
/// # struct Standard;
/// # impl Space for Standard {
/// #     fn dim(&self) -> usize {
/// #         1
/// #     }
/// # }
/// # impl Energy for Standard {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.column(0).mapv(|x| 0.5 * x * x));
/// #     }
/// # }
/// let train = Matrix::new(array![[0.0], [2.0]])?;
/// let held_out = Matrix::new(array![[2.0], [4.0]])?;
/// let gap = QuantityWithin::new("energy gap", 100, -1.0, 3.0, |model: &Standard| {
///     Ok(energy_gap(model, &train, &held_out, Streams::from_key(0))?.gap)
/// })?;
/// assert!(gap.judge(&Standard, 99, 0.0)?.is_none());
/// assert_eq!(gap.judge(&Standard, 100, 0.0)?.unwrap().value, 4.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub struct QuantityWithin<F> {
    name: String,
    every_steps: u64,
    low: f64,
    high: f64,
    quantity: F,
}

impl<F> std::fmt::Debug for QuantityWithin<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuantityWithin")
            .field("name", &self.name)
            .field("every_steps", &self.every_steps)
            .field("low", &self.low)
            .field("high", &self.high)
            .finish_non_exhaustive()
    }
}

impl<F> QuantityWithin<F> {
    /// Requires `low ≤ quantity(model) ≤ high` after every `every_steps` steps; one bound may be infinite.
    ///
    /// The quantity must be a function of the model alone: randomness in it comes from fixed seeds.
    ///
    /// # Errors
    /// `every_steps` is zero, or `high` is not greater than `low`.
    pub fn new<M: ?Sized>(
        name: impl Into<String>,
        every_steps: u64,
        low: f64,
        high: f64,
        quantity: F,
    ) -> Result<Self>
    where
        F: Fn(&M) -> Result<f64>,
    {
        check_every("every_steps", every_steps)?;
        check_bounds(low, high)?;
        Ok(QuantityWithin {
            name: name.into(),
            every_steps,
            low,
            high,
            quantity,
        })
    }
}

impl<M: ?Sized, F: Fn(&M) -> Result<f64>> Criterion<M> for QuantityWithin<F> {
    fn judge(&self, model: &M, step: u64, _: f64) -> Result<Option<Divergence>> {
        if !step.is_multiple_of(self.every_steps) {
            return Ok(None);
        }
        let value = (self.quantity)(model)?;
        Ok(outside(&self.name, value, self.low, self.high))
    }
}

/// Requires a number of steps of at least one.
pub(crate) fn check_every(name: &'static str, n_steps: u64) -> Result<u64> {
    check_count(name, usize::try_from(n_steps).unwrap_or(usize::MAX))?;
    Ok(n_steps)
}

fn check_bounds(low: f64, high: f64) -> Result<()> {
    if low < high {
        return Ok(());
    }
    let requirement = format!("greater than the lower bound, {low}");
    Err(Error::parameter("high", high, requirement))
}

/// NaN is outside of everything.
fn outside(criterion: &str, value: f64, low: f64, high: f64) -> Option<Divergence> {
    if (low..=high).contains(&value) && value.is_finite() {
        return None;
    }
    Some(Divergence {
        criterion: criterion.into(),
        value,
        requirement: format!("in [{low}, {high}]"),
    })
}
