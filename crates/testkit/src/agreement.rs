//! Comparing many pairs of numbers under one law and remembering the worst pair.

use std::fmt;

use ndarray::{ArrayBase, Data, Dimension};

use crate::verdict::{Failure, Verdict};

/// The pair that came closest to breaking a law, or broke it most.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// Which entry, for example `weights[3, 7]` or `row 2, coordinate 0`.
    pub entry: String,
    /// The value under test.
    pub found: f64,
    /// The reference.
    pub expected: f64,
    /// The largest difference that is allowed.
    pub tolerance: f64,
}

impl Worst {
    /// `|found − expected| / tolerance`; infinite where the two are not both finite and not identical.
    pub fn ratio(&self) -> f64 {
        ratio(self.found, self.expected, self.tolerance)
    }

    /// `|found − expected| / max(|found|, |expected|)`, zero where both vanish.
    pub fn relative_error(&self) -> f64 {
        let scale = self.found.abs().max(self.expected.abs());
        if scale == 0.0 {
            0.0
        } else {
            (self.found - self.expected).abs() / scale
        }
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: found {:e}, expected {:e}, difference {:.3e}, tolerance {:.3e}",
            self.entry,
            self.found,
            self.expected,
            self.found - self.expected,
            self.tolerance
        )
    }
}

/// An accumulating comparison.
#[derive(Clone, Debug)]
pub struct Agreement {
    law: String,
    worst: Option<Worst>,
    n_broken: usize,
    n_entries: usize,
}

impl Agreement {
    /// A comparison under `law`, without entries yet.
    pub fn new(law: impl Into<String>) -> Self {
        Agreement {
            law: law.into(),
            worst: None,
            n_broken: 0,
            n_entries: 0,
        }
    }

    /// Compares one pair; identical values (also two NaN or two equal infinities) always agree.
    pub fn entry(&mut self, name: impl FnOnce() -> String, found: f64, expected: f64, tolerance: f64) {
        let ratio = ratio(found, expected, tolerance);
        self.n_entries += 1;
        self.n_broken += usize::from(ratio > 1.0);
        if self.worst.as_ref().is_none_or(|w| ratio > w.ratio()) {
            self.worst = Some(Worst {
                entry: name(),
                found,
                expected,
                tolerance,
            });
        }
    }

    /// The worst pair when all agree.
    ///
    /// # Errors
    /// Some pair differs by more than its tolerance, or nothing was compared.
    pub fn finish(self) -> Result<Worst, Failure> {
        match self.worst {
            None => Err(Failure::new(self.law, "nothing was compared")),
            Some(worst) if self.n_broken == 0 => Ok(worst),
            Some(worst) => Err(Failure::new(
                self.law,
                format_args!(
                    "{worst} ({} of {} entries disagree)",
                    self.n_broken, self.n_entries
                ),
            )),
        }
    }

    /// [`Agreement::finish`] for those who do not ask for the worst pair; an empty comparison holds.
    ///
    /// # Errors
    /// Some pair differs by more than its tolerance.
    pub fn verdict(self) -> Verdict {
        if self.n_entries == 0 {
            return Ok(());
        }
        self.finish().map(|_| ())
    }
}

/// Requires two arrays to agree entry by entry within `relative` times their largest finite magnitude.
///
/// The common scale is what rounding in a sum allows: an entry that is small because its terms cancel carries the
/// rounding errors of the terms.
///
/// # Errors
/// Different shapes, or a pair of entries that disagrees.
pub fn close<S: Data<Elem = f64>, R: Data<Elem = f64>, D: Dimension>(
    law: &str,
    found: &ArrayBase<S, D>,
    expected: &ArrayBase<R, D>,
    relative: f64,
) -> Verdict {
    if found.shape() != expected.shape() {
        return Err(Failure::new(
            law,
            format_args!("shape {:?} instead of {:?}", found.shape(), expected.shape()),
        ));
    }
    let tolerance = relative * largest(found).max(largest(expected));
    let mut agreement = Agreement::new(law);
    for ((index, f), e) in found.indexed_iter().zip(expected) {
        agreement.entry(|| format!("entry {index:?}"), *f, *e, tolerance);
    }
    agreement.verdict()
}

/// Requires two arrays to have the same bits.
///
/// # Errors
/// Different shapes, or an entry whose bits differ.
pub fn identical<S: Data<Elem = f64>, R: Data<Elem = f64>, D: Dimension>(
    law: &str,
    found: &ArrayBase<S, D>,
    expected: &ArrayBase<R, D>,
) -> Verdict {
    if found.shape() != expected.shape() {
        return Err(Failure::new(
            law,
            format_args!("shape {:?} instead of {:?}", found.shape(), expected.shape()),
        ));
    }
    for ((index, f), e) in found.indexed_iter().zip(expected) {
        if f.to_bits() != e.to_bits() {
            return Err(Failure::new(
                law,
                format_args!(
                    "entry {index:?}: {f:e} (bits {:016x}) instead of {e:e} (bits {:016x})",
                    f.to_bits(),
                    e.to_bits()
                ),
            ));
        }
    }
    Ok(())
}

/// The largest finite magnitude of an array, zero when it has none.
pub fn largest<S: Data<Elem = f64>, D: Dimension>(values: &ArrayBase<S, D>) -> f64 {
    values
        .iter()
        .filter(|v| v.is_finite())
        .fold(0.0, |m, v| m.max(v.abs()))
}

fn ratio(found: f64, expected: f64, tolerance: f64) -> f64 {
    if found == expected || (found.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    let difference = (found - expected).abs();
    if difference.is_finite() && !tolerance.is_nan() {
        difference / tolerance
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_worst_pair_is_reported_with_its_name() {
        let mut agreement = Agreement::new("law");
        agreement.entry(|| "a".into(), 1.0, 1.0 + 1e-12, 1e-9);
        agreement.entry(|| "b".into(), 1.0, 2.0, 1e-9);
        agreement.entry(|| "c".into(), 1.0, 1.5, 1e-9);
        let text = agreement.finish().unwrap_err().to_string();
        assert!(text.contains("b: found 1e0, expected 2e0"), "{text}");
        assert!(text.contains("2 of 3"), "{text}");
    }

    #[test]
    fn non_finite_numbers_never_agree_with_finite_ones() {
        for (found, expected) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (f64::INFINITY, f64::NEG_INFINITY),
        ] {
            assert!(close("law", &array![found], &array![expected], 1e9).is_err());
        }
        assert!(close("law", &array![f64::NAN, 1.0], &array![f64::NAN, 1.0], 0.0).is_ok());
        // A vanishing tolerance admits nothing but equality.
        assert!(close("law", &array![0.0], &array![1e-300], 0.0).is_err());
    }

    #[test]
    fn bits_tell_zeros_apart() {
        assert!(identical("law", &array![0.0], &array![-0.0]).is_err());
        assert!(identical("law", &array![f64::NAN], &array![f64::NAN]).is_ok());
        assert!(identical("law", &array![1.0, 2.0], &array![1.0]).is_err());
    }
}
