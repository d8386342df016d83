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

/// Requires what the updates of all machines share: momentum, decay, and the steps between two checkpoints.
pub(crate) fn descent(momentum: f64, weight_decay: f64, checkpoint_every: u64) -> Result<()> {
    share("training.momentum", momentum, "set training.momentum = 0.5, or 0")?;
    non_negative(
        "training.weight_decay",
        weight_decay,
        "set training.weight_decay = 0.0001, or 0",
    )?;
    at_least(
        "training.checkpoint_every",
        checkpoint_every,
        1,
        "set training.checkpoint_every = 500",
    )
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
