//! Whether a run fits into memory, before anything is allocated for it.

use crate::failure::{Failure, Result};

const GIB: f64 = (1_u64 << 30) as f64;
/// What is assumed where the system does not say what is free.
const ASSUMED: f64 = 8.0 * GIB;

/// Refuses a run that is estimated to take more bytes than `limit` GiB, or than are free.
pub(crate) fn check(needed: f64, limit: Option<f64>, what: &str) -> Result<()> {
    let (limit, of_whom) = match limit {
        Some(gib) => (gib * GIB, "--memory allows"),
        None => (free().unwrap_or(ASSUMED), "this machine has free"),
    };
    if needed <= limit {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "{what} would take about {:.1} GiB, but {of_whom} {:.1} GiB",
            needed / GIB,
            limit / GIB
        ),
        "make model.hidden or training.batch smaller, or model fewer columns",
    ))
}

/// The bytes that Linux calls available.
fn free() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024.0 * kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_allowed_and_what_does_not_is_refused() {
        assert!(check(GIB, Some(1.0), "it").is_ok());
        let e = check(2.0 * GIB, Some(1.0), "it").unwrap_err().to_string();
        assert!(e.contains("about 2.0 GiB") && e.contains("allows 1.0 GiB"), "{e}");
        assert!(check(f64::INFINITY, None, "it").is_err());
    }
}
