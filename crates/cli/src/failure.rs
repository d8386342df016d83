//! How a command fails: each way has its exit code.

use std::fmt;

use gibbsian_core::Error;

/// The result of everything that can fail.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, the configuration or the data are not what they must be: exit code 2.
    Refused(String),
    /// The work was begun and did not succeed: exit code 1.
    Failed(String),
}

impl Failure {
    /// A refusal of the value of a key of the configuration, with what to do about it.
    pub(crate) fn key(
        key: impl fmt::Display,
        value: impl fmt::Display,
        requirement: impl fmt::Display,
        cure: impl fmt::Display,
    ) -> Self {
        Failure::Refused(format!(
            "`{key}` is {value}, but must be {requirement}\n  cure: {cure}"
        ))
    }

    /// A refusal in words, with what to do about it.
    pub(crate) fn refused(what: impl fmt::Display, cure: impl fmt::Display) -> Self {
        Failure::Refused(format!("{what}\n  cure: {cure}"))
    }

    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Refused(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(message) | Failure::Failed(message) => f.write_str(message),
        }
    }
}

/// What a library refuses in the middle of the work; constructors that see values of the user are called after the checks of this crate.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::NonFinite { .. } => Failure::Failed(format!(
                "{error}\n  cure: the training diverged; lower training.learning_rate, or standardise the data (data.scale = \"standardise\")"
            )),
            Error::Parameter { name, .. } if name.starts_with("checkpoint.") => Failure::refused(
                &error,
                "configuration, data or seed have changed since the run was begun; take the change back, or begin anew with another --out",
            ),
            _ => Failure::Failed(error.to_string()),
        }
    }
}

/// Turns what a library refuses into a refusal of the user's input.
pub(crate) trait OrRefuse<T> {
    /// The same with exit code 2 and a cure.
    fn or_refuse(self, cure: &str) -> Result<T>;
}

impl<T> OrRefuse<T> for std::result::Result<T, Error> {
    fn or_refuse(self, cure: &str) -> Result<T> {
        self.map_err(|e| Failure::refused(e, cure))
    }
}
