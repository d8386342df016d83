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
    /// The same because a number became infinite or none; whoever knows what the work was can say what helps.
    NonFinite(String),
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

    /// The same of training, in which numbers that are not finite say that it diverged.
    pub(crate) fn of_training(self) -> Self {
        match self {
            Failure::NonFinite(message) => Failure::NonFinite(format!(
                "{message}\n  cure: the training diverged; lower training.learning_rate, or standardise the data (data.scale = \"standardise\")"
            )),
            other => other,
        }
    }

    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Failed(_) | Failure::NonFinite(_) => 1,
            Failure::Refused(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(message) | Failure::Failed(message) | Failure::NonFinite(message) => {
                f.write_str(message)
            }
        }
    }
}

/// What a library refuses in the middle of the work; constructors that see values of the user are called after the checks of this crate.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::NonFinite { .. } => Failure::NonFinite(error.to_string()),
            Error::Parameter { name, .. } if name.starts_with("checkpoint.") => Failure::refused(
                &error,
                "configuration, data or seed have changed since the run was begun; take the change back, or begin anew with another --out",
            ),
            _ => Failure::Failed(error.to_string()),
        }
    }
}

/// A text as a value of TOML, so that what people are told to write can be read.
pub(crate) fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A word of a command, in quotes where a shell would take it apart.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-=+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_toml_and_words_from_a_shell() {
        for text in [
            "a",
            "say \"b\"",
            "it's",
            "a\\b",
            "\u{200b}\u{7f}\u{a0}",
            "two\nlines",
            "'''\"\"\"",
        ] {
            let table: toml::Table = toml::from_str(&format!("x = {}", toml_text(text))).unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
        }
        assert_eq!(toml_text("class"), "\"class\"");
        assert_eq!(shell_word("data/x-1.csv"), "data/x-1.csv");
        assert_eq!(shell_word("it's mine"), "'it'\\''s mine'");
        assert_eq!(shell_word("a[1]"), "'a[1]'");
        assert_eq!(shell_word(""), "''");
    }
}
