//! Schedules: numbers that change as training goes on, such as a learning rate or a momentum.
//!
//! A schedule is a function of the step alone, never of a state of its own, so a run that resumes at step `t` sees
//! the same numbers as one that was never interrupted. It counts steps and not epochs, because the number of rows is
//! not its business; an order of minibatches tells how many steps an epoch has. Learning rates that react to the loss
//! are left out: they would be a state.

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
        check_non_negative("value", value)?;
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
        }
        assert!(Staircase::new(0.5, 0.5, 0).is_err());
    }
}
