//! Intervals, and the substitution that makes each short and its ends harmless.

use std::f64::consts::{FRAC_PI_2, PI};

use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::math::sigmoid;

use super::rule::{self, N};

/// What one coordinate is integrated over.
///
/// ```
/// use gibbsian_densities::quadrature::Interval;
/// assert!(Interval::closed(0.0, 1.0).is_ok());
/// let error = Interval::open(1.0, 1.0).unwrap_err().to_string();
/// assert_eq!(error, "`upper` is 1, but must be finite and greater than lower = 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Closed { lower: f64, upper: f64 },
    Open { lower: f64, upper: f64 },
    Above { lower: f64 },
    Below { upper: f64 },
    Line { centre: f64, scale: f64 },
}

impl Interval {
    /// `[lower, upper]` for a function that is smooth up to and including both ends; it is not mapped.
    ///
    /// Cells are halves of halves of the interval, so that steps at such points cost nothing.
    ///
    /// # Errors
    /// Bounds that are not finite or not in order.
    pub fn closed(lower: f64, upper: f64) -> Result<Self> {
        check_bounds(lower, upper)?;
        Ok(Interval(Kind::Closed { lower, upper }))
    }

    /// `(lower, upper)` for a function that may be singular at the ends, as `x^(−1/2)` is at zero.
    ///
    /// A strong singularity belongs at zero: near any other number `x` doubles are too far apart to show what happens within `ε|x|` of it,
    /// and an inverse square root is then only known to eight digits.
    ///
    /// # Errors
    /// Bounds that are not finite or not in order.
    pub fn open(lower: f64, upper: f64) -> Result<Self> {
        check_bounds(lower, upper)?;
        Ok(Interval(Kind::Open { lower, upper }))
    }

    /// `(lower, ∞)`; the function may be singular at `lower`, as for [`open`](Self::open).
    ///
    /// # Errors
    /// A bound that is not finite.
    pub fn above(lower: f64) -> Result<Self> {
        gibbsian_core::error::check_finite("lower", &ndarray::arr0(lower))?;
        Ok(Interval(Kind::Above { lower }))
    }

    /// `(−∞, upper)`; the function may be singular at `upper`, as for [`open`](Self::open).
    ///
    /// # Errors
    /// A bound that is not finite.
    pub fn below(upper: f64) -> Result<Self> {
        gibbsian_core::error::check_finite("upper", &ndarray::arr0(upper))?;
        Ok(Interval(Kind::Below { upper }))
    }

    /// All real numbers, for a function whose interesting part is not too far from `[−1, 1]`.
    pub const fn line() -> Self {
        Interval(Kind::Line {
            centre: 0.0,
            scale: 1.0,
        })
    }

    /// All real numbers, for a function whose interesting part is not too far from `centre ± scale`.
    ///
    /// # Errors
    /// A centre that is not finite, a scale that is not positive.
    pub fn line_around(centre: f64, scale: f64) -> Result<Self> {
        gibbsian_core::error::check_finite("centre", &ndarray::arr0(centre))?;
        check_positive("scale", scale)?;
        Ok(Interval(Kind::Line { centre, scale }))
    }

    /// Whether the interval contains `x` in its interior.
    pub fn contains(&self, x: f64) -> bool {
        match self.0 {
            Kind::Closed { lower, upper } | Kind::Open { lower, upper } => lower < x && x < upper,
            Kind::Above { lower } => lower < x && x < f64::INFINITY,
            Kind::Below { upper } => f64::NEG_INFINITY < x && x < upper,
            Kind::Line { .. } => x.is_finite(),
        }
    }

    /// Whether `x` belongs to the interval.
    pub(super) fn includes(&self, x: f64) -> bool {
        match self.0 {
            Kind::Closed { lower, upper } => lower <= x && x <= upper,
            _ => self.contains(x),
        }
    }
}

fn check_bounds(lower: f64, upper: f64) -> Result<()> {
    gibbsian_core::error::check_finite("lower", &ndarray::arr0(lower))?;
    if upper.is_finite() && upper > lower && (upper - lower).is_finite() {
        Ok(())
    } else {
        Err(Error::parameter(
            "upper",
            upper,
            format!("finite and greater than lower = {lower}"),
        ))
    }
}

/// An interval in the variable `t` that cells live in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    kind: Kind,
    /// The range of `t`.
    pub(super) range: (f64, f64),
    /// The widths of the strips at either end of the range whose mass bounds that of what lies beyond; zero where nothing does.
    pub(super) strips: (f64, f64),
}

/// Maps come as near to zero as `e^−660 = 10^−286`, or its square root in the plane, so that products stay above zero.
const NEAR_EXPONENT: f64 = 660.0;
/// Maps reach out to `e^230 = 10^100`, so that low powers of `x` and products of two coordinates stay finite.
const FAR_EXPONENT: f64 = 230.0;

impl Axis {
    pub(super) fn new(interval: Interval, n_axes: usize) -> Self {
        let kind = interval.0;
        let near = NEAR_EXPONENT / n_axes as f64;
        let far = FAR_EXPONENT;
        let (lower, upper) = match kind {
            Kind::Closed { lower, upper } => {
                return Axis {
                    kind,
                    range: (lower, upper),
                    strips: (0.0, 0.0),
                };
            }
            Kind::Open { lower, upper } => {
                let end = |at: f64| End::near(at, upper - lower, near, PI);
                (end(lower), end(upper))
            }
            Kind::Above { lower } => (End::near(lower, 1.0, near, FRAC_PI_2), End::far(far)),
            Kind::Below { upper } => (End::far(far), End::near(upper, 1.0, near, FRAC_PI_2)),
            Kind::Line { scale, .. } => {
                let end = End::far((far - scale.ln().abs()).max(1.0));
                (end, end)
            }
        };
        Axis {
            kind,
            range: (-lower.at, upper.at),
            strips: (lower.strip, upper.strip),
        }
    }

    /// `x(t)` and `dx/dt`.
    pub(super) fn at(&self, t: f64) -> (f64, f64) {
        let u = FRAC_PI_2 * t.sinh();
        let du = FRAC_PI_2 * t.cosh();
        match self.kind {
            Kind::Closed { .. } => (t, 1.0),
            Kind::Open { lower, upper } => {
                let width = upper - lower;
                // The smaller of the distances to the two ends, in units of the width.
                let near = sigmoid(-2.0 * u.abs());
                let x = if u < 0.0 {
                    lower + width * near
                } else {
                    upper - width * near
                };
                (x, width * near * (1.0 - near) * 2.0 * du)
            }
            Kind::Above { lower } => (lower + u.exp(), u.exp() * du),
            Kind::Below { upper } => (upper - (-u).exp(), (-u).exp() * du),
            Kind::Line { centre, scale } => (centre + scale * u.sinh(), scale * u.cosh() * du),
        }
    }

    /// `x` and the element `dx/dt` at the nodes of the rule on a cell of `t`.
    ///
    /// Where the element hardly changes across the cell there is nothing left to substitute, and the cell is integrated in `x` itself, between the
    /// same ends. Far from the centre that matters: `t` doubles there are further apart than `x` doubles, and a peak at 1000 would be
    /// sampled at points that are wrong by 30 units in the last place.
    pub(super) fn nodes(&self, lower: f64, upper: f64) -> [(f64, f64); N] {
        let ((first, slope), (last, other)) = (self.at(lower), self.at(upper));
        if slope <= 2.0 * other && other <= 2.0 * slope {
            let (centre, half) = (0.5 * (first + last), 0.5 * (last - first));
            let element = (last - first) / (upper - lower);
            std::array::from_fn(|i| (centre + half * rule::node(i), element))
        } else {
            let (centre, half) = (0.5 * (lower + upper), 0.5 * (upper - lower));
            std::array::from_fn(|i| self.at(centre + half * rule::node(i)))
        }
    }

    /// The `t` of an `x` inside the interval.
    pub(super) fn parameter(&self, x: f64) -> f64 {
        let u = match self.kind {
            Kind::Closed { .. } => return x,
            Kind::Open { lower, upper } => 0.5 * ((x - lower) / (upper - x)).ln(),
            Kind::Above { lower } => (x - lower).ln(),
            Kind::Below { upper } => -(upper - x).ln(),
            Kind::Line { centre, scale } => ((x - centre) / scale).asinh(),
        };
        (u / FRAC_PI_2).asinh().clamp(self.range.0, self.range.1)
    }

    /// The boundaries of the cells to start with: the strips, and equal pieces between them.
    pub(super) fn boundaries(&self, n_pieces: usize) -> Vec<f64> {
        let (lower, upper) = self.range;
        let (first, last) = (lower + self.strips.0, upper - self.strips.1);
        let n = n_pieces as f64;
        let between = (0..=n_pieces).map(|i| {
            let i = i as f64;
            ((n - i) * first + i * last) / n
        });
        let mut all = vec![lower];
        all.extend(between);
        all.push(upper);
        all.dedup();
        all
    }
}

/// How far `|t|` goes at one end of an interval.
#[derive(Clone, Copy)]
struct End {
    at: f64,
    strip: f64,
}

impl End {
    /// An end at infinity, where `|x| = e^(½π sinh|t|)` reaches `e^exponent`.
    fn far(exponent: f64) -> Self {
        End {
            at: (exponent / FRAC_PI_2).asinh(),
            strip: 0.25,
        }
    }

    /// A finite end, where `|x − end| = width · e^(−rate sinh|t|)`.
    fn near(end: f64, width: f64, exponent: f64, rate: f64) -> Self {
        if end == 0.0 {
            return End {
                at: (exponent / rate).asinh(),
                strip: 0.25,
            };
        }
        // Two units in the last place away `x` still differs from the end.
        let closest = 2.0 * (end.abs().next_up() - end.abs()) / width;
        let t = |distance: f64| (-distance.ln() / rate).asinh();
        // Half an interval that is but a few doubles wide is not cut off.
        let at = t(closest.min(0.25));
        End {
            at,
            strip: at - t(closest.min(0.25) * 2.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_invert_differentiate_and_stay_inside() {
        for (interval, n_axes) in [
            (Interval::closed(-1.0, 3.0).unwrap(), 1),
            (Interval::open(-1.0, 3.0).unwrap(), 1),
            (Interval::open(0.0, 1e-3).unwrap(), 2),
            (Interval::above(0.0).unwrap(), 2),
            (Interval::above(7.0).unwrap(), 1),
            (Interval::below(-1e6).unwrap(), 1),
            (Interval::line(), 2),
            (Interval::line_around(5.0, 1e-4).unwrap(), 1),
        ] {
            let axis = Axis::new(interval, n_axes);
            for t in axis.boundaries(23) {
                let (x, dx) = axis.at(t);
                let inside = interval.contains(x) || matches!(axis.kind, Kind::Closed { .. });
                assert!(inside, "{interval:?}: {x:e} at {t}");
                assert!(dx.is_finite() && dx > 0.0, "{interval:?}: {dx:e} at {t}");
            }
            // Where x is neither at an end nor rounded away, the map inverts and its derivative is a slope.
            for t in [-0.9, -0.3, 0.2, 0.7] {
                let (x, dx) = axis.at(t);
                if interval.contains(x) {
                    assert!((axis.parameter(x) - t).abs() < 1e-9, "{interval:?} at {t}");
                }
                let slope = (axis.at(t + 1e-4).0 - axis.at(t - 1e-4).0) / 2e-4;
                assert!((slope / dx - 1.0).abs() < 1e-5, "{interval:?}: {slope} and {dx}");
            }
        }
    }
}
