//! Verdicts, and the ledger they are written to.
//!
//! `ledger.json` is one object: `scale`, `seed`, `arithmetic`, and `claims`, an array with one [`Entry`] per claim. A number that is not
//! finite has no place in JSON: such a measurement is written as `null`, fails, and is named in the report.
//!
//! The `seconds` of an entry are the time its experiment spent since the entry before it; what follows the last measurement
//! counts towards that one, so that the entries of an experiment add up to its whole time.

use serde::{Deserialize, Serialize};

use crate::experiment::{Check, Claim, Expected, Measured, Provenance, Scale, Tolerance};

/// The claim that every experiment makes without saying so; it stands in the ledger when it failed.
pub const RUNS_TO_THE_END: &str = "runs to the end";

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The measurement lies within the tolerance of what was expected.
    Pass,
    /// It does not, is not finite, or was never made.
    Fail,
    /// A claim of full scale in a quick run.
    Skipped,
}

impl Verdict {
    /// `pass`, `fail` or `skipped`, as in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Skipped => "skipped",
        }
    }
}

/// An expected number or interval, as it stands in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// One number.
    Number(f64),
    /// `[low, high]`, with `None` (`null`) for an open end.
    Interval([Option<f64>; 2]),
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The experiment's id.
    pub experiment: String,
    /// The claim's sentence.
    pub claim: String,
    /// The claim's source.
    pub source: String,
    /// What was expected; `[null, null]` where a reference was never computed.
    pub expected: Target,
    /// What was measured; `None` if nothing was, or if it is not finite.
    pub measured: Option<f64>,
    /// How far apart the two may be, resolved to a number; 0 where it was never resolved.
    pub tolerance: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// Where the expected number comes from.
    pub provenance: Provenance,
    /// The scale of the run.
    pub scale: Scale,
    /// The seed of the run.
    pub seed: u64,
    /// The time the measurement took, in seconds; 0 for a claim that was not measured.
    pub seconds: f64,
}

/// All rows of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The scale of the run.
    pub scale: Scale,
    /// The seed of the run.
    pub seed: u64,
    /// How products of binary states were computed: `tiles` on a matrix unit or `lists` in single precision. Where it is the same, so are the results.
    pub arithmetic: String,
    /// One row per claim, in the order of the registry.
    pub claims: Vec<Entry>,
}

/// How many claims passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Claims that passed.
    pub passed: usize,
    /// Claims that failed.
    pub failed: usize,
    /// Claims that were skipped.
    pub skipped: usize,
}

impl Counts {
    /// Counts verdicts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Counts::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Pass => counts.passed += 1,
                Verdict::Fail => counts.failed += 1,
                Verdict::Skipped => counts.skipped += 1,
            }
        }
        counts
    }
}

/// A check with its run-time quantities filled in, applied to a measurement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) expected: Target,
    pub(crate) measured: Option<f64>,
    pub(crate) tolerance: f64,
    pub(crate) verdict: Verdict,
    /// The standard error that came with the measurement, where it is one.
    pub(crate) standard_error: Option<f64>,
    /// What a reader must know beyond the numbers, for example that the measurement is NaN.
    pub(crate) note: Option<String>,
}

/// Decides a claim: `low − tolerance ≤ measured ≤ high + tolerance`, ends included; everything must be finite.
///
/// The error names a quantity that the check needs and the measurement lacks; that is a mistake in the experiment's code.
pub(crate) fn judge(check: &Check, measured: &Measured) -> Result<Judgement, String> {
    let target = match check.expected {
        Expected::Value(value) => Target::Number(value),
        Expected::Range(low, high) => Target::Interval([low, high]),
        Expected::Reference => Target::Number(
            measured
                .reference
                .ok_or("its expected number is a reference, to be given with `against`")?,
        ),
    };
    let tolerance = match check.tolerance {
        Tolerance::Absolute(distance) => distance,
        Tolerance::Relative(fraction) => match target {
            Target::Number(value) => fraction * value.abs(),
            Target::Interval(_) => return Err("a relative tolerance needs an expected number".into()),
        },
        Tolerance::StandardErrors(multiple) => {
            multiple
                * measured
                    .standard_error
                    .ok_or("its tolerance needs a standard error, to be given with `with_error`")?
        }
        Tolerance::Scaled(multiple) => {
            multiple
                * measured
                    .scale
                    .ok_or("its tolerance needs a scale, to be given with `with_scale`")?
        }
    };
    let (low, high) = match target {
        Target::Number(value) => (value, value),
        Target::Interval([low, high]) => (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)),
    };

    let mut notes = Vec::new();
    if !measured.value.is_finite() {
        notes.push(format!("the measurement is {}", measured.value));
    }
    if matches!(target, Target::Number(value) if !value.is_finite()) {
        notes.push(format!("the reference is {low}"));
    }
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        notes.push(format!("the tolerance is {tolerance}"));
    }
    let holds = notes.is_empty() && low - tolerance <= measured.value && measured.value <= high + tolerance;
    Ok(Judgement {
        expected: match target {
            Target::Number(value) if !value.is_finite() => Target::Interval([None, None]),
            target => target,
        },
        measured: Some(measured.value).filter(|m| m.is_finite()),
        tolerance: if tolerance.is_finite() && tolerance >= 0.0 {
            tolerance
        } else {
            0.0
        },
        verdict: if holds { Verdict::Pass } else { Verdict::Fail },
        standard_error: measured.standard_error.filter(|e| e.is_finite() && *e >= 0.0),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    })
}

/// The row of a claim that was not measured: what the declaration alone says about it.
pub(crate) fn unmeasured(claim: &Claim, verdict: Verdict, note: Option<String>, scale: Scale) -> Judgement {
    let check = claim.check(scale).unwrap_or(claim.full);
    let expected = match check.expected {
        Expected::Value(value) => Target::Number(value),
        Expected::Range(low, high) => Target::Interval([low, high]),
        Expected::Reference => Target::Interval([None, None]),
    };
    let tolerance = match (check.tolerance, check.expected) {
        (Tolerance::Absolute(distance), _) => distance,
        (Tolerance::Relative(fraction), Expected::Value(value)) => fraction * value.abs(),
        _ => 0.0,
    };
    Judgement {
        expected,
        measured: None,
        tolerance,
        verdict,
        standard_error: None,
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::measured;

    fn verdict(check: Check, m: impl Into<Measured>) -> Verdict {
        judge(&check, &m.into()).unwrap().verdict
    }

    #[test]
    fn the_ends_belong_to_the_interval() {
        let check = Check::value(1.0).within(0.25);
        for (m, expected) in [
            (0.75, Verdict::Pass),
            (1.25, Verdict::Pass),
            (0.75_f64.next_down(), Verdict::Fail),
            (1.25_f64.next_up(), Verdict::Fail),
        ] {
            assert_eq!(verdict(check, m), expected, "{m}");
        }
        assert_eq!(verdict(Check::between(-1.0, 2.0), -1.0), Verdict::Pass);
        assert_eq!(verdict(Check::between(-1.0, 2.0), 2.0), Verdict::Pass);
        assert_eq!(
            verdict(Check::between(-1.0, 2.0), 2.0_f64.next_up()),
            Verdict::Fail
        );
        assert_eq!(verdict(Check::value(3.0), 3.0), Verdict::Pass);
        assert_eq!(verdict(Check::value(3.0), 3.0_f64.next_up()), Verdict::Fail);
    }

    #[test]
    fn an_open_end_bounds_nothing() {
        assert_eq!(verdict(Check::at_least(5.0), 1e300), Verdict::Pass);
        assert_eq!(verdict(Check::at_least(5.0), 4.999), Verdict::Fail);
        assert_eq!(verdict(Check::at_most(5.0), -1e300), Verdict::Pass);
        assert_eq!(verdict(Check::at_most(5.0).within(0.5), 5.5), Verdict::Pass);
        assert_eq!(verdict(Check::at_most(5.0).within(0.5), 5.6), Verdict::Fail);
    }

    #[test]
    fn what_is_not_finite_fails_even_in_an_open_interval() {
        for m in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for check in [
                Check::at_least(0.0),
                Check::at_most(0.0),
                Check::value(0.0).within(1e300),
            ] {
                let judgement = judge(&check, &measured(m)).unwrap();
                assert_eq!(judgement.verdict, Verdict::Fail, "{m} in {check:?}");
                assert_eq!(judgement.measured, None);
                assert_eq!(judgement.note, Some(format!("the measurement is {m}")));
            }
        }
    }

    #[test]
    fn tolerances_are_resolved_from_what_was_measured() {
        let check = Check::value(10.0).within_standard_errors(4.0);
        let judgement = judge(&check, &measured(11.0).with_error(0.25)).unwrap();
        assert_eq!((judgement.verdict, judgement.tolerance), (Verdict::Pass, 1.0));
        assert_eq!(verdict(check, measured(11.0).with_error(0.2)), Verdict::Fail);

        let check = Check::reference().within_relative(0.1);
        assert_eq!(verdict(check, measured(-11.0).against(-10.0)), Verdict::Pass);
        assert_eq!(verdict(check, measured(-11.0).against(-9.0)), Verdict::Fail);

        let check = Check::value(0.0).within_scaled(1e-3);
        assert_eq!(verdict(check, measured(0.5).with_scale(1000.0)), Verdict::Pass);
        assert_eq!(verdict(check, measured(0.5).with_scale(100.0)), Verdict::Fail);
    }

    #[test]
    fn a_reference_or_an_error_that_is_not_finite_fails() {
        let judgement = judge(&Check::reference().within(1.0), &measured(0.0).against(f64::NAN)).unwrap();
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert_eq!(judgement.expected, Target::Interval([None, None]));
        for error in [f64::NAN, f64::INFINITY, -1.0] {
            let check = Check::value(0.0).within_standard_errors(3.0);
            let judgement = judge(&check, &measured(0.0).with_error(error)).unwrap();
            assert_eq!(
                (judgement.verdict, judgement.tolerance),
                (Verdict::Fail, 0.0),
                "{error}"
            );
        }
    }

    #[test]
    fn a_check_names_the_quantity_it_lacks() {
        let lacks = |check: Check| judge(&check, &measured(0.0)).unwrap_err();
        assert!(lacks(Check::reference()).contains("against"));
        assert!(lacks(Check::value(0.0).within_standard_errors(1.0)).contains("with_error"));
        assert!(lacks(Check::value(0.0).within_scaled(1.0)).contains("with_scale"));
    }
}
