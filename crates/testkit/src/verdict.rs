//! What a check reports.
//!
//! A check returns a [`Verdict`] instead of panicking, so that the kit's own tests can show that every check is able
//! to fail. In the test of a model `.unwrap()` is the panicking form, and because the `Debug` form of a [`Failure`]
//! is its whole text, the panic message tells everything: which law, which entry, both values and the tolerance.

use std::fmt;

use gibbsian_core::Error;

/// Whether a law holds.
pub type Verdict = Result<(), Failure>;

/// A law that does not hold, and the evidence.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    law: String,
    evidence: String,
}

impl Failure {
    /// The law that was broken and what shows it.
    pub fn new(law: impl Into<String>, evidence: impl fmt::Display) -> Self {
        Failure {
            law: law.into(),
            evidence: evidence.to_string(),
        }
    }

    /// An argument or an operation was refused where the law says that it is allowed.
    pub fn refused(law: impl Into<String>, error: &Error) -> Self {
        Failure::new(law, format_args!("refused with: {error}"))
    }

    /// The same failure under a heading, for example the number of threads or the block.
    pub fn within(self, heading: impl fmt::Display) -> Self {
        Failure {
            law: format!("{heading}: {}", self.law),
            evidence: self.evidence,
        }
    }

    /// The law that was broken.
    pub fn law(&self) -> &str {
        &self.law
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.law, self.evidence)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Failure {}

/// Requires a condition.
pub fn require(condition: bool, law: &str, evidence: impl fmt::Display) -> Verdict {
    if condition {
        Ok(())
    } else {
        Err(Failure::new(law, evidence))
    }
}
