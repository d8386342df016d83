//! Axes: from numbers to places on the page, and the numbers worth printing.

use gibbsian_core::error::{Error, Result};

use crate::text;

/// The narrowest range that is parted into steps: a part of a narrower one has few digits, and soon none.
const NARROWEST: f64 = 1e-300;

/// A labelled axis. The label names the quantity and its unit.
#[derive(Clone, Debug)]
pub struct Axis {
    pub(crate) label: String,
    logarithmic: bool,
    range: Option<(f64, f64)>,
}

impl Axis {
    /// Equal distances for equal differences.
    pub fn linear(label: impl Into<String>) -> Self {
        Axis {
            label: label.into(),
            logarithmic: false,
            range: None,
        }
    }

    /// Equal distances for equal ratios. Numbers that are not positive have no place on it and leave a gap.
    pub fn log(label: impl Into<String>) -> Self {
        Axis {
            logarithmic: true,
            ..Axis::linear(label)
        }
    }

    /// Shows exactly this range; without it, the data with a small margin.
    pub fn range(self, low: f64, high: f64) -> Self {
        Axis {
            range: Some((low, high)),
            ..self
        }
    }

    /// Whether a number has a place on this axis at all.
    pub(crate) fn admits(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }

    /// The axis laid over `[start, end]` pixels, wide enough for the data.
    ///
    /// The error says why there is nothing to show.
    pub(crate) fn lay(&self, data: impl Iterator<Item = f64>, start: f64, end: f64) -> Result<Placed> {
        let fault = |what: &str, value: String, requirement: &'static str| {
            Error::parameter(format!("{what} of the axis {:?}", self.label), value, requirement)
        };
        let (low, high) = match self.range {
            Some((low, high)) => {
                if !(self.admits(low) && self.admits(high) && low < high) {
                    return Err(fault(
                        "range",
                        format!("[{low}, {high}]"),
                        "finite, the lower end first, and positive on a logarithmic axis",
                    ));
                }
                (self.transform(low), self.transform(high))
            }
            None => {
                let (low, high) = data
                    .filter(|&v| self.admits(v))
                    .map(|v| self.transform(v))
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                        (l.min(v), h.max(v))
                    });
                if low > high {
                    return Err(fault(
                        "data",
                        "without a number that has a place on it".into(),
                        "finite somewhere, and positive on a logarithmic axis",
                    ));
                }
                // A single number, or several that are as good as one, stand in the middle of their own surroundings.
                let margin = if high - low >= NARROWEST {
                    0.04 * (high - low)
                } else if self.logarithmic || low.abs() < 100.0 * NARROWEST {
                    0.5
                } else {
                    0.1 * low.abs()
                };
                (low - margin, high + margin)
            }
        };
        if !((high - low).is_finite() && high - low >= NARROWEST) {
            let value = format!("[{low:e}, {high:e}]");
            return Err(fault("range", value, "of a finite width of at least 1e-300"));
        }
        Ok(Placed {
            logarithmic: self.logarithmic,
            low,
            high,
            start,
            end,
        })
    }

    fn transform(&self, value: f64) -> f64 {
        if self.logarithmic { value.log10() } else { value }
    }
}

/// An axis with a range and a place. `low` and `high` are logarithms on a logarithmic axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    logarithmic: bool,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Placed {
    /// Where a number is, in pixels; `None` if it has no place. What lies outside the range is placed outside.
    pub(crate) fn at(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.logarithmic && value <= 0.0) {
            return None;
        }
        let value = if self.logarithmic { value.log10() } else { value };
        let t = (value - self.low) / (self.high - self.low);
        // A number far outside would otherwise print as a coordinate of three hundred digits.
        Some((self.start + t * (self.end - self.start)).clamp(-1e6, 1e6))
    }

    /// Whether equal distances are equal ratios.
    pub(crate) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The same range over other pixels.
    pub(crate) fn over(self, start: f64, end: f64) -> Self {
        Placed { start, end, ..self }
    }

    /// The length of the range, in the axis's own measure.
    pub(crate) fn span(&self) -> f64 {
        self.high - self.low
    }

    /// About `n` numbers to print, each with its text.
    pub(crate) fn ticks(&self, n: usize) -> Vec<(f64, String)> {
        let ticks = if self.logarithmic {
            self.log_ticks(n)
        } else {
            Vec::new()
        };
        if ticks.len() >= 2 {
            ticks
        } else {
            self.linear_ticks(n)
        }
    }

    fn linear_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let (low, high) = if self.logarithmic {
            (10f64.powf(self.low), 10f64.powf(self.high))
        } else {
            (self.low, self.high)
        };
        let step = nice_step((high - low) / n as f64);
        // A logarithmic axis reaches to where numbers end, and the ends are all that can be named there.
        if !(step.is_finite() && step > 0.0) {
            return [low, high]
                .into_iter()
                .filter(|&value| value.is_finite() && value > 0.0)
                .map(|value| (value, text::number(value)))
                .collect();
        }
        let first = (low / step).ceil() as i64;
        let last = (high / step).floor() as i64;
        let is_plain = low.abs().max(high.abs()) < 1e5 && step >= 1e-4;
        let digits = (-step.log10().floor()).max(0.0) as usize;
        // As many digits as tell neighbours apart.
        let leading = (low.abs().max(high.abs()) / step).log10().floor().max(0.0) as usize;
        let n_digits = (leading + 2).clamp(6, 15);
        (first..=last)
            .map(|i| {
                let value = i as f64 * step;
                let label = if is_plain {
                    format!("{value:.digits$}").replace('-', "−")
                } else {
                    text::significant(value, n_digits)
                };
                (value, label)
            })
            .collect()
    }

    fn log_ticks(&self, n: usize) -> Vec<(f64, String)> {
        let first = self.low.floor() as i32;
        let last = self.high.ceil() as i32;
        let span = self.high - self.low;
        let stride = ((span / n as f64).ceil() as i32).max(1);
        let multiples: &[f64] = if span < 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        // Powers of ten are written as such where they are many or far from one, and never beside their multiples.
        let is_plain = multiples.len() > 1 || (self.low >= -3.0 && self.high <= 4.5);
        let mut ticks = Vec::new();
        for exponent in (first..=last).filter(|e| e.rem_euclid(stride) == 0) {
            for &multiple in multiples {
                let value = multiple * 10f64.powi(exponent);
                if !(self.low..=self.high).contains(&value.log10()) {
                    continue;
                }
                let label = if is_plain {
                    text::number(value)
                } else {
                    format!("10{}", text::superscript(exponent))
                };
                ticks.push((value, label));
            }
        }
        ticks
    }
}

/// The 1, 2 or 5 times a power of ten that is nearest to `step` in ratio.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let multiple = match step / power {
        m if m < 2f64.sqrt() => 1.0,
        m if m < 10f64.sqrt() => 2.0,
        m if m < 50f64.sqrt() => 5.0,
        _ => 10.0,
    };
    multiple * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis) -> Vec<String> {
        let placed = axis.lay(std::iter::empty(), 0.0, 100.0).unwrap();
        placed.ticks(5).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(
            labels(Axis::linear("x").range(-1.0, 1.0)),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(Axis::linear("x").range(0.0, 1e6)),
            ["0", "200000", "400000", "600000", "800000", "1×10⁶"]
        );
    }

    #[test]
    fn ticks_of_narrow_ranges_are_told_apart() {
        assert_eq!(
            labels(Axis::linear("x").range(0.99999, 1.00001)),
            ["0.999995", "1", "1.000005", "1.00001"]
        );
        let far = labels(Axis::linear("x").range(-123_457.5, -123_455.0));
        assert!(far.windows(2).all(|w| w[0] != w[1]), "{far:?}");
    }

    #[test]
    fn log_ticks_are_powers_or_their_simple_multiples() {
        assert_eq!(
            labels(Axis::log("x").range(1.0, 1000.0)),
            ["1", "10", "100", "1000"]
        );
        assert_eq!(
            labels(Axis::log("x").range(1e-12, 1e-2)),
            ["10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²"]
        );
        assert_eq!(labels(Axis::log("x").range(1.0, 10.0)), ["1", "2", "5", "10"]);
        assert_eq!(
            labels(Axis::log("x").range(4e-4, 4e-3)),
            ["0.0005", "0.001", "0.002"]
        );
        assert_eq!(
            labels(Axis::log("x").range(1.1, 1.5)),
            ["1.1", "1.2", "1.3", "1.4", "1.5"]
        );
    }

    #[test]
    fn numbers_find_their_place() {
        let placed = Axis::linear("x")
            .range(0.0, 10.0)
            .lay(std::iter::empty(), 100.0, 0.0)
            .unwrap();
        assert_eq!(placed.at(2.5), Some(75.0));
        assert_eq!(placed.at(f64::NAN), None);
        let placed = Axis::log("x")
            .range(1.0, 100.0)
            .lay(std::iter::empty(), 0.0, 1.0)
            .unwrap();
        assert_eq!(placed.at(10.0), Some(0.5));
        assert_eq!(placed.at(0.0), None);
    }

    #[test]
    fn an_axis_without_a_number_is_refused() {
        let lay = |axis: Axis, data: &[f64]| axis.lay(data.iter().copied(), 0.0, 1.0);
        assert!(lay(Axis::linear("x"), &[f64::NAN, f64::INFINITY]).is_err());
        assert!(lay(Axis::log("x"), &[0.0, -1.0]).is_err());
        assert!(lay(Axis::linear("x").range(1.0, 1.0), &[]).is_err());
        assert!(lay(Axis::linear("x"), &[-f64::MAX, f64::MAX]).is_err());
        // One number is enough, whatever it is.
        for value in [0.0, 3.0, -1e-300, 1e300] {
            assert!(lay(Axis::linear("x"), &[value]).is_ok(), "{value}");
        }
    }
}
