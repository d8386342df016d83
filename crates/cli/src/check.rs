//! Checks of single keys of a configuration, each with a cure.

use crate::failure::{Failure, Result};

/// Requires a finite number greater than zero.
pub(crate) fn positive(key: &str, value: f64, cure: &str) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Failure::key(key, value, "finite and greater than 0", cure))
}

/// Requires a finite number of at least zero.
pub(crate) fn non_negative(key: &str, value: f64, cure: &str) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Failure::key(key, value, "finite and at least 0", cure))
}

/// Requires a number in `[0, 1)`.
pub(crate) fn share(key: &str, value: f64, cure: &str) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Failure::key(key, value, "at least 0 and below 1", cure))
}

/// Requires a number strictly between 0 and 1.
pub(crate) fn level(key: &str, value: f64, cure: &str) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        return Ok(());
    }
    Err(Failure::key(key, value, "between 0 and 1", cure))
}

/// Requires a count of at least `least`.
pub(crate) fn at_least(key: &str, value: u64, least: u64, cure: &str) -> Result<()> {
    if value >= least {
        return Ok(());
    }
    Err(Failure::key(key, value, format!("at least {least}"), cure))
}

/// Requires a number of passes over the data that can come to an end.
pub(crate) fn passes(key: &str, value: u64, least: u64, usual: u64) -> Result<()> {
    const MOST: u64 = 1_000_000_000;
    let cure = format!("set {key} = {usual}");
    at_least(key, value, least, &cure)?;
    if value <= MOST {
        return Ok(());
    }
    Err(Failure::key(key, value, format!("at most {MOST}"), cure))
}

/// What the updates of all machines share: momentum, decay, and the steps between two checkpoints.
pub(crate) struct Descent {
    /// `training.momentum`.
    pub momentum: f64,
    /// `training.weight_decay`.
    pub weight_decay: f64,
    /// `training.checkpoint_every`.
    pub checkpoint_every: u64,
}

impl Descent {
    /// Checks the keys; cures name the `usual` values of the kind.
    pub(crate) fn check(&self, usual: &Self) -> Result<()> {
        let or_none = |key: &str, usual: f64| match usual {
            0.0 => format!("set {key} = 0"),
            usual => format!("set {key} = {usual}, or 0"),
        };
        let (momentum, decay) = ("training.momentum", "training.weight_decay");
        share(momentum, self.momentum, &or_none(momentum, usual.momentum))?;
        non_negative(decay, self.weight_decay, &or_none(decay, usual.weight_decay))?;
        at_least(
            "training.checkpoint_every",
            self.checkpoint_every,
            1,
            &format!("set training.checkpoint_every = {}", usual.checkpoint_every),
        )
    }
}

/// Requires a number of units whose states can be enumerated.
pub(crate) fn enumerated(exact_up_to: usize, most: usize, usual: usize) -> Result<()> {
    if exact_up_to <= most {
        return Ok(());
    }
    Err(Failure::key(
        "evaluation.exact_up_to",
        exact_up_to,
        format!("at most {most}: each further unit doubles the time"),
        format!("set evaluation.exact_up_to = {usual}, and let larger machines be annealed"),
    ))
}
