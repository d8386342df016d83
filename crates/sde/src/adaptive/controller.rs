//! How long the next step is, from the error of this one.

use gibbsian_core::error::{Error, Result, check_positive, check_within};

/// The controller of Gustafsson's kind (proportional and integral) of the sizes of steps.
///
/// After an accepted step with error `ε`, measured in tolerances, and one of `ε'` before it, the next is `h · 0.9 ε^{−α} ε'^β` long, with `α = 1/(q + 1) − ¾ β` for a pair
/// whose lower order is `q`, but not longer than `max_factor h` nor shorter than `min_factor h`. The memory of the error before, `β`, damps the
/// alternation of accepted and rejected steps where stability limits them. After a rejected step the next is shorter by the textbook's power and the one
/// after that does not grow.
///
/// Source: Hairer, Nørsett and Wanner (1993), equation II.4.13, and Hairer and Wanner (1996), section IV.2; Söderlind (2003) for the theory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PiController {
    /// The factor 0.9 by which steps are kept shorter than the estimate allows.
    pub safety: f64,
    /// The most that a step may shrink by.
    pub min_factor: f64,
    /// The most that a step may grow by.
    pub max_factor: f64,
    /// `β`; zero is the controller without memory.
    pub beta: f64,
}

impl Default for PiController {
    fn default() -> Self {
        PiController {
            safety: 0.9,
            min_factor: 0.2,
            max_factor: 10.0,
            beta: 0.04,
        }
    }
}

/// The errors of steps are remembered as logarithms, and none smaller than this: `10⁻⁴`, as in the programs of the source.
pub(super) const LEAST_LOG_ERROR: f64 = -9.210_340_371_976_182;

impl PiController {
    /// Requires factors that let steps shrink and grow.
    ///
    /// # Errors
    /// Names the one that does not.
    pub fn check(&self) -> Result<()> {
        check_within("safety", self.safety, f64::MIN_POSITIVE, 1.0)?;
        check_within("beta", self.beta, 0.0, 0.2)?;
        check_positive("min_factor", self.min_factor)?;
        if self.min_factor >= self.safety {
            return Err(Error::parameter(
                "min_factor",
                self.min_factor,
                "less than safety",
            ));
        }
        check_within("max_factor", self.max_factor, 1.0, f64::MAX)?;
        Ok(())
    }

    /// The coefficients for a pair whose lower order is `error_order`.
    pub(super) fn for_order(&self, error_order: u32) -> Factors {
        Factors {
            controller: *self,
            log_safety: self.safety.ln(),
            alpha: 1.0 / f64::from(error_order + 1) - 0.75 * self.beta,
        }
    }
}

/// The controller of one pair.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    controller: PiController,
    log_safety: f64,
    alpha: f64,
}

impl Factors {
    /// After an accepted step: from the logarithms of this step's error and of the one before.
    pub(super) fn after_acceptance(&self, log_error: f64, log_before: f64, may_grow: bool) -> f64 {
        let c = self.controller;
        let power = self.log_safety - self.alpha * log_error + c.beta * log_before;
        let most = if may_grow { c.max_factor } else { 1.0 };
        power.exp().clamp(c.min_factor, most)
    }

    /// After a rejected step; an error that is not finite shrinks it by as much as is allowed.
    pub(super) fn after_rejection(&self, log_error: f64) -> f64 {
        let c = self.controller;
        if log_error.is_finite() {
            (self.log_safety - self.alpha * log_error)
                .exp()
                .clamp(c.min_factor, 1.0)
        } else {
            c.min_factor
        }
    }
}
