//! Schedules: numbers that change as training goes on, such as a learning rate or a momentum.
//!
//! A schedule is a function of the step alone, never of a state of its own, so a run that resumes at step `t` sees
//! the same numbers as one that was never interrupted. It counts steps and not epochs, because the number of rows is
//! not its business; an order of minibatches tells how many steps an epoch has. Learning rates that react to the loss
//! are left out: they would be a state.

use std::f64::consts::FRAC_PI_2;
use std::fmt::Debug;

use gibbsian_core::Result;
use gibbsian_core::error::{check_count, check_non_negative, check_positive};

/// A number for every step `t = 0, 1, 2, …`.
///
/// The output of [`Debug`] identifies the schedule in the recipe of a run, so it must show every field, as the
/// derived one does.
pub trait Schedule: Debug + Send + Sync {
    /// The number for step `step`, counted from zero over the whole run.
    fn value(&self, step: u64) -> f64;
}

/// The same number always.
///
/// ```
/// use gibbsian_train::{Constant, Schedule};
/// assert_eq!(Constant::new(0.05)?.value(1_000), 0.05);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    value: f64,
}

impl Constant {
    /// `η_t = value`.
    ///
    /// # Errors
    /// `value` is negative or not finite.
    pub fn new(value: f64) -> Result<Self> {
        check_non_negative("value", value).map_err(|e| {
            e.with_cure("descent goes downhill by itself: begin with a learning rate of 0.01")
        })?;
        Ok(Constant { value })
    }
}

impl Schedule for Constant {
    fn value(&self, _: u64) -> f64 {
        self.value
    }
}

/// A straight line from `initial` to `last`, then `last`: `η_t = initial + (last − initial) min(t / n_steps, 1)`.
///
/// With `last = 0` every one of the first `n_steps` values is still positive. Decay to zero is what persistent
/// contrastive divergence wants, since its chains lag behind the model by an amount that is proportional to the
/// learning rate (Tieleman 2008).
///
/// ```
/// use gibbsian_train::{Linear, Schedule};
/// let decay = Linear::new(0.02, 0.0, 100)?;
/// assert_eq!((decay.value(0), decay.value(50), decay.value(200)), (0.02, 0.01, 0.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    initial: f64,
    last: f64,
    n_steps: u64,
}

impl Linear {
    /// From `initial` at step 0 to `last` at step `n_steps`.
    ///
    /// # Errors
    /// A value is negative or not finite, or `n_steps` is zero.
    pub fn new(initial: f64, last: f64, n_steps: u64) -> Result<Self> {
        check_non_negative("initial", initial)?;
        check_non_negative("last", last)?;
        check_steps("n_steps", n_steps)?;
        Ok(Linear {
            initial,
            last,
            n_steps,
        })
    }
}

impl Schedule for Linear {
    fn value(&self, step: u64) -> f64 {
        if step >= self.n_steps {
            return self.last;
        }
        self.initial + (self.last - self.initial) * (step as f64 / self.n_steps as f64)
    }
}

/// A smooth exponential: `η_t = initial · factor^(t / n_steps)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponential {
    initial: f64,
    factor: f64,
    n_steps: u64,
}

impl Exponential {
    /// Multiplies by `factor` over every `n_steps` steps.
    ///
    /// # Errors
    /// `initial` is negative, `factor` is not positive, one of them is not finite, or `n_steps` is zero.
    pub fn new(initial: f64, factor: f64, n_steps: u64) -> Result<Self> {
        check_non_negative("initial", initial)?;
        check_positive("factor", factor)?;
        check_steps("n_steps", n_steps)?;
        Ok(Exponential {
            initial,
            factor,
            n_steps,
        })
    }
}

impl Schedule for Exponential {
    fn value(&self, step: u64) -> f64 {
        self.initial * self.factor.powf(step as f64 / self.n_steps as f64)
    }
}

/// A staircase: `η_t = initial · factor^⌊t / every⌋`.
#[derive(Clone, Debug, PartialEq)]
pub struct Staircase {
    initial: f64,
    factor: f64,
    every: u64,
}

impl Staircase {
    /// Multiplies by `factor` at steps `every`, `2 · every`, and so on.
    ///
    /// # Errors
    /// `initial` is negative, `factor` is not positive, one of them is not finite, or `every` is zero.
    pub fn new(initial: f64, factor: f64, every: u64) -> Result<Self> {
        check_non_negative("initial", initial)?;
        check_positive("factor", factor)?;
        check_steps("every", every)?;
        Ok(Staircase {
            initial,
            factor,
            every,
        })
    }
}

impl Schedule for Staircase {
    fn value(&self, step: u64) -> f64 {
        self.initial * self.factor.powf((step / self.every) as f64)
    }
}

/// Half a wave of a cosine from `initial` to `last`, then `last`: `η_t = last + (initial − last) (1 + cos(π t / n_steps)) / 2`.
///
/// Loshchilov and Hutter (2017, equation 5, one period). With `last = 0` every one of the first `n_steps` values is still positive.
///
/// ```
/// use gibbsian_train::{Cosine, Schedule};
/// let decay = Cosine::new(0.5, 0.25, 100)?;
/// assert_eq!((decay.value(0), decay.value(100), decay.value(200)), (0.5, 0.25, 0.25));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cosine {
    initial: f64,
    last: f64,
    n_steps: u64,
}

impl Cosine {
    /// From `initial` at step 0 to `last` at step `n_steps`.
    ///
    /// # Errors
    /// A value is negative or not finite, or `n_steps` is zero.
    pub fn new(initial: f64, last: f64, n_steps: u64) -> Result<Self> {
        check_non_negative("initial", initial)?;
        check_non_negative("last", last)?;
        check_steps("n_steps", n_steps)?;
        Ok(Cosine {
            initial,
            last,
            n_steps,
        })
    }
}

impl Schedule for Cosine {
    fn value(&self, step: u64) -> f64 {
        if step >= self.n_steps {
            return self.last;
        }
        // (1 + cos 2a) / 2 = cos² a, which keeps its digits where the sum would cancel, near the end.
        let a = FRAC_PI_2 * (step as f64 / self.n_steps as f64);
        self.last + (self.initial - self.last) * a.cos().powi(2)
    }
}

/// A straight rise from nothing to the first value of another schedule, which then takes its course from its own step 0:
/// `η_t = (t + 1) / (n_steps + 1) · then_0` for `t < n_steps`, and `then_{t − n_steps}` from there on.
///
/// The statistics of an adaptive optimiser are those of few gradients at first, and large batches at large rates diverge there (Goyal and others 2017, section 2.2). Every value is positive if those of
/// the schedule are.
///
/// ```
/// use gibbsian_train::{Cosine, Schedule, WarmedUp};
/// let rate = WarmedUp::new(3, Cosine::new(0.4, 0.0, 1_000)?)?;
/// assert_eq!([0, 1, 2, 3].map(|t| rate.value(t)), [0.1, 0.2, 0.30000000000000004, 0.4]);
/// assert_eq!(rate.value(1_003), 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WarmedUp<S> {
    n_steps: u64,
    then: S,
}

impl<S: Schedule> WarmedUp<S> {
    /// `n_steps` steps of rise before the schedule `then`.
    ///
    /// # Errors
    /// `n_steps` is zero.
    pub fn new(n_steps: u64, then: S) -> Result<Self> {
        check_steps("n_steps", n_steps)?;
        Ok(WarmedUp { n_steps, then })
    }
}

impl<S: Schedule> Schedule for WarmedUp<S> {
    fn value(&self, step: u64) -> f64 {
        match step.checked_sub(self.n_steps) {
            Some(since) => self.then.value(since),
            None => self.then.value(0) * ((step as f64 + 1.0) / (self.n_steps as f64 + 1.0)),
        }
    }
}

/// One number before a step and another from it on.
///
/// Hinton (2012, "A practical guide to training restricted Boltzmann machines", section 9.1) starts with a momentum
/// of 0.5 and goes to 0.9 when the large initial progress has settled down.
///
/// ```
/// use gibbsian_train::{Schedule, Switch};
/// let steps_per_epoch = 100;
/// let momentum = Switch::new(0.5, 0.9, 5 * steps_per_epoch)?;
/// assert_eq!((momentum.value(499), momentum.value(500)), (0.5, 0.9));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    before: f64,
    after: f64,
    at: u64,
}

impl Switch {
    /// `before` for steps below `at`, then `after`.
    ///
    /// # Errors
    /// A value is negative or not finite.
    pub fn new(before: f64, after: f64, at: u64) -> Result<Self> {
        check_non_negative("before", before)?;
        check_non_negative("after", after)?;
        Ok(Switch { before, after, at })
    }
}

impl Schedule for Switch {
    fn value(&self, step: u64) -> f64 {
        if step < self.at { self.before } else { self.after }
    }
}

fn check_steps(name: &'static str, n_steps: u64) -> Result<usize> {
    check_count(name, usize::try_from(n_steps).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn a_line_stays_positive_until_it_ends() {
        let line = Linear::new(0.1, 0.0, 1_000).unwrap();
        assert!((0..1_000).all(|t| line.value(t) > 0.0));
        assert!((1..1_000).all(|t| line.value(t) < line.value(t - 1)));
        assert_eq!(line.value(1_000), 0.0);
        assert_eq!(line.value(u64::MAX), 0.0);
        let rising = Linear::new(0.0, 0.1, 10).unwrap();
        assert_eq!(
            (rising.value(0), rising.value(5), rising.value(10)),
            (0.0, 0.05, 0.1)
        );
    }

    #[test]
    fn the_staircase_meets_the_exponential_at_its_edges() {
        let smooth = Exponential::new(0.4, 0.5, 10).unwrap();
        let stairs = Staircase::new(0.4, 0.5, 10).unwrap();
        for k in 0..5 {
            assert_eq!(smooth.value(10 * k), stairs.value(10 * k));
            assert_eq!(stairs.value(10 * k), stairs.value(10 * k + 9));
            assert_eq!(stairs.value(10 * k), 0.4 / f64::from(1 << k));
        }
        // A geometric mean half-way.
        assert!((smooth.value(5) - 0.4 * 0.5_f64.sqrt()).abs() <= 2.0 * f64::EPSILON);
    }

    #[test]
    fn a_cosine_is_its_formula_and_stays_positive_until_it_ends() {
        let wave = Cosine::new(0.4, 0.1, 1_000).unwrap();
        for t in 0..1_000 {
            let formula = 0.1 + 0.3 * (1.0 + (PI * t as f64 / 1e3).cos()) / 2.0;
            assert!(
                (wave.value(t) - formula).abs() <= 4.0 * f64::EPSILON * 0.4,
                "step {t}"
            );
        }
        // Half-way in time is half-way in value.
        assert!((wave.value(500) - 0.25).abs() <= f64::EPSILON);
        assert_eq!((wave.value(1_000), wave.value(u64::MAX)), (0.1, 0.1));
        // The last value before the end is (π / 2n)² to a part in n², although the plain sum has lost all digits.
        let n = 1 << 40;
        let last = Cosine::new(1.0, 0.0, n).unwrap().value(n - 1);
        let expected = (FRAC_PI_2 / n as f64).powi(2);
        assert!((last / expected - 1.0).abs() < 1e-3, "{last:e}, {expected:e}");
        let falls = Cosine::new(1.0, 0.0, 1_000).unwrap();
        assert!((0..1_000).all(|t| falls.value(t) > falls.value(t + 1)));
    }

    #[test]
    fn a_warm_up_is_a_line_to_where_the_schedule_begins() {
        let then = Exponential::new(0.5, 0.5, 10).unwrap();
        let rate = WarmedUp::new(7, then.clone()).unwrap();
        for t in 0..7 {
            assert_eq!(rate.value(t), 0.5 * (t + 1) as f64 / 8.0);
        }
        assert!((7..40).all(|t| rate.value(t) == then.value(t - 7)));
        assert_eq!(rate.value(u64::MAX), then.value(u64::MAX - 7));
        // The recipe of a run shows both.
        assert!(format!("{rate:?}").contains("n_steps: 7") && format!("{rate:?}").contains("0.5"));
    }

    #[test]
    fn values_outside_their_domain_are_refused_by_name() {
        let e = Linear::new(0.1, 0.0, 0).unwrap_err();
        assert_eq!(e.to_string(), "`n_steps` is 0, but must be at least 1");
        let e = Exponential::new(0.1, 0.0, 5).unwrap_err();
        assert!(e.to_string().starts_with("`factor` is 0"), "{e}");
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Constant::new(bad).is_err());
            assert!(Linear::new(bad, 0.0, 1).is_err());
            assert!(Linear::new(0.0, bad, 1).is_err());
            assert!(Exponential::new(bad, 0.5, 1).is_err());
            assert!(Exponential::new(0.5, bad, 1).is_err());
            assert!(Staircase::new(bad, 0.5, 1).is_err());
            assert!(Staircase::new(0.5, bad, 1).is_err());
            assert!(Switch::new(bad, 0.5, 1).is_err());
            assert!(Switch::new(0.5, bad, 1).is_err());
            assert!(Cosine::new(bad, 0.0, 1).is_err());
            assert!(Cosine::new(0.0, bad, 1).is_err());
        }
        assert!(Cosine::new(0.1, 0.0, 0).is_err());
        assert!(WarmedUp::new(0, Constant::new(0.1).unwrap()).is_err());
        assert!(Staircase::new(0.5, 0.5, 0).is_err());
    }
}
