//! By how much a claim holds, or fails.
//!
//! What is accepted is the interval `[l − t, h + t]` of the claim's rule, with two ends or one. The **margin** is the distance from the measurement to the nearest end, negative outside. So
//! that margins of different quantities can be read beside one another, it is also given
//!
//! - as a share: of half the width where there are two ends, so that 1 is the middle and 0 an end; of the end's own size where there is one, so that for a
//!   number that must not exceed a bound and cannot be negative 1 is zero itself;
//! - in standard errors, where the measurement came with one.
//!
//! A claim that expects one number exactly has no width: it holds or it does not. Nor has one whose only end is zero a size; its margin is a distance.

use crate::ledger::Target;
use crate::outcome::ClaimOutcome;

/// The distance from a measurement to the nearest end of what is accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// The distance in the unit of the measurement; negative outside.
    pub distance: f64,
    /// The distance as a share, as the module says; `None` where what is accepted has no size of its own.
    pub share: Option<f64>,
    /// The distance in standard errors of the measurement, if it came with one.
    pub standard_errors: Option<f64>,
    /// What is accepted.
    pub accepted: Accepted,
}

/// The shape of what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// One number and no other.
    Exactly,
    /// An interval with two ends; the measurement lies above its middle or not.
    Between {
        /// Whether the measurement lies above the middle.
        is_above: bool,
    },
    /// Everything from an end upwards.
    AtLeast,
    /// Everything up to an end.
    AtMost,
}

impl Margin {
    /// The margin of a judged claim; `None` if nothing was measured or nothing can be said of what is accepted.
    pub fn of(claim: &ClaimOutcome) -> Option<Self> {
        let entry = &claim.entry;
        let m = entry.measured?;
        let (low, high) = match entry.expected {
            Target::Number(value) => (Some(value), Some(value)),
            Target::Interval([low, high]) => (low, high),
        };
        let (low, high) = (
            low.map(|l| l - entry.tolerance),
            high.map(|h| h + entry.tolerance),
        );
        let (distance, unit, accepted) = match (low, high) {
            (Some(low), Some(high)) if low == high => {
                let distance = -(m - low).abs();
                // Adding zero makes the distance of what is met zero and not minus zero.
                (distance + 0.0, 0.0, Accepted::Exactly)
            }
            (Some(low), Some(high)) => {
                let is_above = m - low > high - m;
                (
                    (m - low).min(high - m),
                    (high - low) / 2.0,
                    Accepted::Between { is_above },
                )
            }
            (Some(low), None) => (m - low, low.abs(), Accepted::AtLeast),
            (None, Some(high)) => (high - m, high.abs(), Accepted::AtMost),
            (None, None) => return None,
        };
        let over = |unit: f64| Some(distance / unit).filter(|share| unit > 0.0 && share.is_finite());
        Some(Margin {
            distance,
            share: over(unit),
            standard_errors: claim.standard_error.and_then(over),
            accepted,
        })
    }

    /// How near the claim is to its verdict's end, for an order of claims: the share, or the standard errors in units of four, or one.
    pub fn closeness(&self) -> f64 {
        (self.share)
            .or(self.standard_errors.map(|errors| errors / 4.0))
            .unwrap_or(if self.distance < 0.0 { -1.0 } else { 1.0 })
    }

    /// The margin in a few letters: `38 %`, `+1.9 se`, `exact`, `+0.34`.
    pub fn short(&self) -> String {
        match (self.share, self.standard_errors) {
            (Some(share), _) => percent(share),
            (None, Some(errors)) => format!("{} se", signed(errors)),
            (None, None) if self.distance == 0.0 => "exact".into(),
            (None, None) => signed(self.distance),
        }
    }

    /// The margin in words: `38 % (1.9 standard errors) to spare`.
    pub fn long(&self) -> String {
        let mut text = match (self.share, self.standard_errors) {
            (Some(share), _) => percent(share.abs()),
            (None, Some(errors)) => format!("{} se", rounded(errors.abs())),
            (None, None) if self.distance == 0.0 => return "exact".into(),
            (None, None) => rounded(self.distance.abs()),
        };
        if let (Some(_), Some(errors)) = (self.share, self.standard_errors) {
            text.push_str(&format!(" ({} se)", rounded(errors.abs())));
        }
        text + if self.distance < 0.0 {
            " outside"
        } else {
            " to spare"
        }
    }
}

/// A share in per cent with two digits; what is far beyond is said as a bound.
fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 999.0 => "> 999 %".into(),
        p if p < -999.0 => "< −999 %".into(),
        // A hundredth less than everything is not everything.
        p if p < 100.0 && p > 99.5 => "> 99 %".into(),
        p if p.abs() >= 10.0 => format!("{p:.0} %").replace('-', "−"),
        p => format!("{} %", rounded(p)),
    }
}

fn rounded(value: f64) -> String {
    gibbsian_figure::text::significant(value, 2)
}

fn signed(value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", rounded(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Check, Measured, measured};
    use crate::experiment::{Provenance, Scale};
    use crate::ledger::{Entry, judge};

    fn claim(check: Check, m: Measured) -> ClaimOutcome {
        let judgement = judge(&check, &m).unwrap();
        ClaimOutcome {
            entry: Entry {
                experiment: "e".into(),
                claim: "c".into(),
                source: "s".into(),
                expected: judgement.expected,
                measured: judgement.measured,
                tolerance: judgement.tolerance,
                verdict: judgement.verdict,
                provenance: Provenance::Exact,
                scale: Scale::Quick,
                seed: 1,
                seconds: 0.0,
            },
            reason: "r".into(),
            note: None,
            standard_error: judgement.standard_error,
        }
    }

    fn margin(check: Check, m: impl Into<Measured>) -> Margin {
        Margin::of(&claim(check, m.into())).unwrap()
    }

    #[test]
    fn the_middle_of_an_interval_is_one_and_its_ends_are_zero() {
        let check = Check::value(10.0).within(2.0);
        for (m, share) in [
            (10.0, 1.0),
            (11.0, 0.5),
            (9.0, 0.5),
            (12.0, 0.0),
            (8.0, 0.0),
            (13.0, -0.5),
            (6.0, -1.0),
        ] {
            let margin = margin(check, m);
            assert_eq!(margin.share, Some(share), "{m}");
            assert_eq!(margin.distance, 2.0 * share, "{m}");
            assert_eq!(margin.accepted, Accepted::Between { is_above: m > 10.0 });
        }
        assert_eq!(margin(Check::between(-1.0, 3.0), 2.0).share, Some(0.5));
    }

    #[test]
    fn one_end_is_measured_by_its_own_size() {
        assert_eq!(margin(Check::at_most(4.0), 1.0).share, Some(0.75));
        assert_eq!(margin(Check::at_most(4.0), 5.0).share, Some(-0.25));
        assert_eq!(margin(Check::at_least(-4.0), -3.0).share, Some(0.25));
        // The tolerance moves the end.
        assert_eq!(margin(Check::at_least(0.0).within(2.0), 1.0).share, Some(1.5));
        // Zero has no size; the distance is left.
        let m = margin(Check::at_least(0.0), 0.34);
        assert_eq!((m.distance, m.share, m.short().as_str()), (0.34, None, "+0.34"));
        assert_eq!(m.accepted, Accepted::AtLeast);
    }

    #[test]
    fn standard_errors_are_the_measurements_own() {
        let check = Check::value(1.0).within_standard_errors(4.0);
        let m = margin(check, measured(1.25).with_error(0.125));
        assert_eq!((m.share, m.standard_errors), (Some(0.5), Some(2.0)));
        assert_eq!(m.long(), "50 % (2 se) to spare");
        let m = margin(Check::at_least(0.0), measured(-3.0).with_error(2.0));
        assert_eq!((m.share, m.standard_errors), (None, Some(-1.5)));
        assert_eq!(
            (m.short().as_str(), m.long().as_str()),
            ("−1.5 se", "1.5 se outside")
        );
    }

    #[test]
    fn a_number_that_must_be_met_is_met_or_not() {
        let m = margin(Check::value(3.0), 3.0);
        assert_eq!((m.distance, m.share, m.short().as_str()), (0.0, None, "exact"));
        // An error that must be zero and is.
        assert_eq!(margin(Check::at_most(0.0), 0.0).long(), "exact");
        let m = margin(Check::value(3.0), 5.0);
        assert_eq!((m.distance, m.share), (-2.0, None));
        assert!(m.closeness() < 0.0 && m.long() == "2 outside");
    }

    #[test]
    fn what_was_not_measured_has_no_margin() {
        assert_eq!(Margin::of(&claim(Check::value(1.0), measured(f64::NAN))), None);
        let unknown = Check::reference().within(1.0);
        assert_eq!(Margin::of(&claim(unknown, measured(1.0).against(f64::NAN))), None);
    }

    #[test]
    fn percents_are_short_and_do_not_pretend() {
        for (share, text) in [
            (0.376, "38 %"),
            (0.014, "1.4 %"),
            (0.000_123, "0.012 %"),
            (0.999, "> 99 %"),
            (1.0, "100 %"),
            (12.5, "> 999 %"),
            (-0.5, "−50 %"),
            (-1e9, "< −999 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
