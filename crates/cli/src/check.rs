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
