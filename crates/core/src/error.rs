//! The one error type of the workspace, and the checks that produce it.
//!
//! Constructors, drivers, readers and the command line validate what they are given and return [`Error`] with the name of the
//! offending argument, its value and what was required. After construction the numerics cannot fail: a wrong shape handed to
//! a numeric trait method is a programming error and panics with both shapes.
//!
//! reason for length: one type, its checks, and their tests

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use ndarray::{ArrayBase, ArrayView, Data, Dimension};

/// The result of everything that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong with an argument, a file or a number, and what was required instead.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An argument outside its domain.
    Parameter {
        /// The argument's name as the caller wrote it.
        name: Cow<'static, str>,
        /// The value that was given.
        value: String,
        /// What the value must satisfy.
        requirement: Cow<'static, str>,
    },
    /// An array whose shape does not fit.
    Shape {
        /// The array's name.
        name: Cow<'static, str>,
        /// The shape that was given.
        found: Vec<usize>,
        /// The shape that was required.
        required: String,
    },
    /// A number that is not finite where only finite ones have a meaning.
    NonFinite {
        /// Which number: a parameter with its index, a loss, an energy.
        name: String,
        /// NaN or an infinity.
        value: f64,
        /// When it was seen, for example "after step 120 of epoch 3".
        context: String,
        /// What helps, where it is known; otherwise empty.
        cure: Cow<'static, str>,
    },
    /// A point where a chain cannot start, because a number of its target is not finite there.
    ///
    /// Either the point was chosen badly, outside the support, or the target is a model whose numbers have grown without bound. The sampler cannot tell; whoever changed the model can, and then says it by
    /// [`Error::of_changed_model`].
    Start {
        /// The point, for example `x[1, ..]`.
        name: String,
        /// Its coordinates.
        point: String,
        /// What the point must be.
        requirement: Cow<'static, str>,
        /// Which number is not finite: the energy, the score.
        quantity: &'static str,
        /// NaN or an infinity.
        value: f64,
    },
    /// A file that could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What was being done to it, for example "create".
        action: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Bytes that are not what their format promises.
    Format {
        /// The file or stream.
        origin: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}

impl Error {
    /// An argument outside its domain.
    pub fn parameter(
        name: impl Into<Cow<'static, str>>,
        value: impl fmt::Display,
        requirement: impl Into<Cow<'static, str>>,
    ) -> Self {
        Error::Parameter {
            name: name.into(),
            value: value.to_string(),
            requirement: requirement.into(),
        }
    }

    /// An array whose shape does not fit.
    pub fn shape(name: impl Into<Cow<'static, str>>, found: &[usize], required: impl fmt::Display) -> Self {
        Error::Shape {
            name: name.into(),
            found: found.to_vec(),
            required: required.to_string(),
        }
    }

    /// A number that should have been finite.
    pub fn non_finite(name: impl Into<String>, value: f64, context: impl Into<String>) -> Self {
        Error::NonFinite {
            name: name.into(),
            value,
            context: context.into(),
            cure: Cow::Borrowed(""),
        }
    }

    /// A point where a chain cannot start: `quantity` has the `value` there, which is not finite.
    pub fn start(
        name: impl Into<String>,
        point: impl fmt::Display,
        requirement: impl Into<Cow<'static, str>>,
        quantity: &'static str,
        value: f64,
    ) -> Self {
        Error::Start {
            name: name.into(),
            point: point.to_string(),
            requirement: requirement.into(),
            quantity,
            value,
        }
    }

    /// The same of a model that was changed after it had been finite: where a chain cannot start, a number of the model has become non-finite. Other errors remain what they are.
    ///
    /// ```
    /// use gibbsian_core::Error;
    /// let error = Error::start("x[1, ..]", "[3]", "a point of finite energy; start inside the support", "energy", f64::INFINITY);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`x[1, ..]` is [3], but must be a point of finite energy; start inside the support"
    /// );
    /// assert_eq!(
    ///     error.of_changed_model().to_string(),
    ///     "`energy of x[1, ..]` became inf at the start of a chain, but must stay finite"
    /// );
    /// ```
    #[must_use]
    pub fn of_changed_model(self) -> Self {
        match self {
            Error::Start {
                name,
                quantity,
                value,
                ..
            } => Error::non_finite(format!("{quantity} of {name}"), value, "at the start of a chain"),
            other => other,
        }
    }

    /// The same, with what helps: `cure` is an instruction that follows the requirement after a semicolon. An empty one changes nothing, and neither does one of
    /// an error of the operating system.
    ///
    /// ```
    /// use gibbsian_core::error::check_positive;
    /// let error = check_positive("step_size", 0.0).unwrap_err().with_cure("begin with 0.1");
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`step_size` is 0, but must be finite and greater than zero; begin with 0.1"
    /// );
    /// ```
    #[must_use]
    pub fn with_cure(mut self, new: impl Into<Cow<'static, str>>) -> Self {
        let new = new.into();
        if new.is_empty() {
            return self;
        }
        match &mut self {
            Error::Parameter { requirement, .. } | Error::Start { requirement, .. } => {
                *requirement = format!("{requirement}; {new}").into();
            }
            Error::Shape { required, .. } => *required = format!("{required}; {new}"),
            Error::Format { expected, .. } => *expected = format!("{expected}; {new}"),
            Error::NonFinite { cure, .. } => *cure = new,
            Error::File { .. } => {}
        }
        self
    }

    /// The same of an argument of a part: `bias[3]` becomes `visible.bias[3]`.
    pub fn within(mut self, part: &str) -> Self {
        match &mut self {
            Error::Parameter { name, .. } | Error::Shape { name, .. } => {
                *name = format!("{part}.{name}").into();
            }
            Error::Start { name, .. } => *name = format!("{part}.{name}"),
            _ => {}
        }
        self
    }

    /// A file operation that the operating system refused.
    pub fn file(path: impl AsRef<Path>, action: &'static str, source: io::Error) -> Self {
        Error::File {
            path: path.as_ref().to_path_buf(),
            action,
            source,
        }
    }

    /// Bytes that are not what their format promises.
    pub fn format(origin: impl Into<String>, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Error::Format {
            origin: origin.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Parameter {
                name,
                value,
                requirement,
            } => {
                write!(f, "`{name}` is {value}, but must be {requirement}")
            }
            Error::Shape {
                name,
                found,
                required,
            } => {
                write!(f, "`{name}` has shape {found:?}, but must have shape {required}")
            }
            Error::NonFinite {
                name,
                value,
                context,
                cure,
            } => {
                let semicolon = if cure.is_empty() { "" } else { "; " };
                write!(
                    f,
                    "`{name}` became {value} {context}, but must stay finite{semicolon}{cure}"
                )
            }
            Error::Start {
                name,
                point,
                requirement,
                ..
            } => {
                write!(f, "`{name}` is {point}, but must be {requirement}")
            }
            Error::File { path, action, source } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Error::Format {
                origin,
                found,
                expected,
            } => {
                write!(f, "{origin}: found {found}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::File { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Requires a finite number greater than zero.
pub fn check_positive(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "finite and greater than zero"))
    }
}

/// Requires a finite number that is at least zero.
pub fn check_non_negative(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "finite and at least zero"))
    }
}

/// Requires a loss that is finite, and says where it stopped being so.
pub fn check_loss(loss: f64, context: &'static str) -> Result<f64> {
    if loss.is_finite() {
        Ok(loss)
    } else {
        Err(Error::non_finite("loss", loss, context))
    }
}

/// Requires a count of at least one.
pub fn check_count(name: &'static str, value: usize) -> Result<usize> {
    if value > 0 {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "at least 1"))
    }
}

/// Requires `lower ≤ value ≤ upper`; NaN is refused.
pub fn check_within(name: &'static str, value: f64, lower: f64, upper: f64) -> Result<f64> {
    if (lower..=upper).contains(&value) {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, format!("in [{lower}, {upper}]")))
    }
}

/// Requires every entry to be finite and names the first that is not, with its index.
pub fn check_finite<S: Data<Elem = f64>, D: Dimension>(name: &str, values: &ArrayBase<S, D>) -> Result<()> {
    check_each(name, values.view(), "finite", |v| v.is_finite())
}

/// Requires every entry to be a probability and names the first that is not, with its index.
pub fn check_probabilities<S: Data<Elem = f64>, D: Dimension>(
    name: &str,
    values: &ArrayBase<S, D>,
) -> Result<()> {
    check_each(name, values.view(), "in [0, 1]", |v| (0.0..=1.0).contains(&v))
}

/// Requires `allowed` of every entry and names the first that fails, with its index.
pub fn check_each<D: Dimension>(
    name: &str,
    values: ArrayView<'_, f64, D>,
    requirement: &'static str,
    allowed: impl Fn(f64) -> bool,
) -> Result<()> {
    match values.iter().position(|&v| !allowed(v)) {
        None => Ok(()),
        Some(flat) => Err(Error::parameter(
            format!("{name}{}", index_of(flat, values.shape())),
            values.iter().nth(flat).copied().unwrap_or(f64::NAN),
            requirement,
        )),
    }
}

/// Requires the array to have exactly this shape.
pub fn check_shape<S: Data, D: Dimension>(
    name: &'static str,
    array: &ArrayBase<S, D>,
    required: &[usize],
) -> Result<()>
where
    S::Elem: Sized,
{
    if array.shape() == required {
        Ok(())
    } else {
        Err(Error::shape(name, array.shape(), format!("{required:?}")))
    }
}

/// What helps against an array of this shape where rows of `dim` numbers were wanted, if that can be told from the shape; otherwise nothing.
pub fn cure_of_rows(shape: [usize; 2], dim: usize) -> &'static str {
    match shape {
        [rows, columns] if rows == dim && columns != dim => {
            "rows are samples and columns their coordinates: transpose the array, x.reversed_axes()"
        }
        [_, columns] if columns == dim + 1 => {
            "there is one column more than coordinates: leave out the column of labels or indices"
        }
        _ => "",
    }
}

/// Requires a batch of at least one row and exactly `dim` columns.
pub fn check_batch<S: Data<Elem = f64>>(
    name: &'static str,
    x: &ArrayBase<S, ndarray::Ix2>,
    dim: usize,
) -> Result<()> {
    if x.nrows() > 0 && x.ncols() == dim {
        Ok(())
    } else {
        let error = Error::shape(name, x.shape(), format!("(at least 1, {dim})"));
        Err(error.with_cure(cure_of_rows([x.nrows(), x.ncols()], dim)))
    }
}

/// Requires data: a batch of at least one row, exactly `dim` columns, and finite numbers.
pub fn check_points<S: Data<Elem = f64>>(
    name: &'static str,
    x: &ArrayBase<S, ndarray::Ix2>,
    dim: usize,
) -> Result<()> {
    check_batch(name, x, dim)?;
    check_finite(name, x)
}

/// `[i, j]` of a flat position in row-major order; nothing for an array without axes, which is a number with the name alone.
fn index_of(mut flat: usize, shape: &[usize]) -> String {
    if shape.is_empty() {
        return String::new();
    }
    let mut index = vec![0; shape.len()];
    for (i, &n) in index.iter_mut().zip(shape).rev() {
        *i = flat % n;
        flat /= n;
    }
    format!("{index:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_message_names_argument_value_and_requirement() {
        let e = check_positive("step_size", -0.5).unwrap_err();
        assert_eq!(
            e.to_string(),
            "`step_size` is -0.5, but must be finite and greater than zero"
        );
        assert!(check_positive("step_size", f64::NAN).is_err());
        assert!(check_positive("step_size", f64::INFINITY).is_err());
        assert!(check_non_negative("decay", 0.0).is_ok());
        assert!(check_count("n_steps", 0).is_err());
        assert!(check_within("beta", f64::NAN, 0.0, 1.0).is_err());
    }

    #[test]
    fn the_first_offending_entry_is_named_by_its_index() {
        let w = array![[0.0, 1.0], [f64::NAN, f64::INFINITY]];
        let e = check_finite("weights", &w).unwrap_err();
        assert_eq!(e.to_string(), "`weights[1, 0]` is NaN, but must be finite");
        let e = check_probabilities("x", &array![0.5, 1.5]).unwrap_err();
        assert_eq!(e.to_string(), "`x[1]` is 1.5, but must be in [0, 1]");
        // A transposed view is indexed by its own logical order.
        let e = check_finite("weights", &w.t()).unwrap_err();
        assert_eq!(e.to_string(), "`weights[0, 1]` is NaN, but must be finite");
        // A number has no index.
        let e = check_finite("weight", &ndarray::arr0(f64::NAN)).unwrap_err();
        assert_eq!(e.to_string(), "`weight` is NaN, but must be finite");
    }

    #[test]
    fn shapes_are_reported_both_ways() {
        let x = array![[0.0, 1.0]];
        let e = check_batch("x", &x, 3).unwrap_err();
        assert_eq!(
            e.to_string(),
            "`x` has shape [1, 2], but must have shape (at least 1, 3)"
        );
        assert!(check_shape("x", &x, &[1, 2]).is_ok());
    }

    #[test]
    fn a_cure_follows_the_requirement() {
        let x = array![[0.0], [1.0], [2.0]];
        let e = check_batch("x", &x, 3).unwrap_err();
        assert_eq!(
            e.to_string(),
            "`x` has shape [3, 1], but must have shape (at least 1, 3); rows are samples and columns their \
             coordinates: transpose the array, x.reversed_axes()"
        );
        let e = check_batch("x", &array![[0.0, 1.0], [1.0, 1.0]], 1).unwrap_err();
        assert!(
            e.to_string()
                .ends_with("leave out the column of labels or indices"),
            "{e}"
        );
        let e = check_loss(f64::NAN, "at step 3")
            .unwrap_err()
            .with_cure("begin lower");
        assert_eq!(
            e.to_string(),
            "`loss` became NaN at step 3, but must stay finite; begin lower"
        );
        let e = Error::format("x.csv", "a", "b").with_cure("").with_cure("c");
        assert_eq!(e.to_string(), "x.csv: found a, expected b; c");
        let e = Error::file("x", "open", io::Error::other("no")).with_cure("c");
        assert_eq!(e.to_string(), "cannot open x: no");
        let e = Error::start(
            "x[0, ..]",
            "[1]",
            "a point with a finite score",
            "score",
            f64::NAN,
        )
        .with_cure("c");
        assert_eq!(
            e.within("chains").to_string(),
            "`chains.x[0, ..]` is [1], but must be a point with a finite score; c"
        );
    }

    #[test]
    fn only_a_start_is_told_as_a_number_of_a_changed_model() {
        let e = Error::start(
            "x[2, ..]",
            "[0, 1]",
            "a point with a finite score",
            "score",
            f64::NEG_INFINITY,
        );
        match e.within("chains").of_changed_model() {
            Error::NonFinite { name, value, .. } => {
                assert_eq!(
                    (name.as_str(), value),
                    ("score of chains.x[2, ..]", f64::NEG_INFINITY)
                );
            }
            other => panic!("{other}"),
        }
        let e = check_positive("step_size", 0.0).unwrap_err().of_changed_model();
        assert!(matches!(e, Error::Parameter { .. }), "{e}");
    }
}
