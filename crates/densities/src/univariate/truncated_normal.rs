//! The normal distribution restricted to an interval.
//!
//! Everything is measured from the point `c` of the interval that is nearest to the mean, the mode. `Φ(β) − Φ(α)` underflows 40 deviations out, and
//! `φ(z)` with it; what the density consists of is their quotient, `exp(−½ (z − c)(z + c))` over the integral of the same, and `z − c` is
//! the distance from an end of the interval, which is known to all digits however far away the mean is.

use std::cmp::Ordering;
use std::f64::consts::PI;

use gibbsian_core::Result;
use gibbsian_core::error::Error;
use gibbsian_core::special::{
    normal_interval_ratio, normal_interval_ratio_from, normal_quantile_between, normal_quantile_from,
};
use rand::{Rng, RngExt};
use rand_distr::Exp1;

use super::{Univariate, UnivariateScore, univariate_density};
use crate::family::shape::integrate;
use crate::family::{Normal, check_real, check_size};

/// The normal distribution `N(m, σ²)` given that it lies in `[l, u]`, either end of which may be infinite.
///
/// `p(x) = exp(−½ z²) / (σ √2π (Φ(β) − Φ(α)))` for `l ≤ x ≤ u`, with `z = (x − m)/σ`, `α = (l − m)/σ`, `β = (u − m)/σ`. The energy is
/// `½ (z² − c²)`, where `c` is the point of `[α, β]` nearest to zero: it is 0 at the mode, and neither it nor `log Z` is large in a tail.
/// The interval is closed, and the score exists at its ends, as the limit from inside.
///
/// ```
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_densities::TruncatedNormal;
/// use ndarray::array;
///
/// // A normal variable that was found 40 deviations out is nearly exponential from there on.
/// let far = TruncatedNormal::new(0.0, 1.0, 40.0, f64::INFINITY)?;
/// assert!((far.mean() - 40.0 - 0.025).abs() < 1e-4);
/// let log_p = far.log_density(array![[39.0], [40.0]].view());
/// assert!(log_p[0] == f64::NEG_INFINITY && (log_p[1] - 40.025_f64.ln()).abs() < 1e-5);
/// assert!(far.sample(100, &mut Seed::new(1).rng()).iter().all(|x| *x >= 40.0));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruncatedNormal {
    parent: Normal,
    lower: f64,
    upper: f64,
    /// The mode and its place in deviations from the parent's mean, `c`.
    mode: f64,
    c: f64,
    /// `log ∫ exp(−E)`.
    log_mass: f64,
}

impl TruncatedNormal {
    /// The normal distribution of this mean and deviation, given that it lies in `[lower, upper]`.
    ///
    /// # Errors
    /// A mean that is not finite, a deviation that is not between 10⁻³⁰⁰ and 10³⁰⁰, `lower` that is not less than `upper`, or an interval so
    /// far out or so narrow that its distance from the mean or its width in deviations is not a double.
    pub fn new(mean: f64, deviation: f64, lower: f64, upper: f64) -> Result<Self> {
        check_real("mean", mean)?;
        check_size("deviation", deviation)?;
        if lower.is_nan() {
            return Err(Error::parameter("lower", lower, "a number or an infinity"));
        }
        if lower.partial_cmp(&upper) != Some(Ordering::Less) {
            return Err(Error::parameter(
                "upper",
                upper,
                format!("greater than {lower}, the lower end"),
            ));
        }
        let mode = mean.clamp(lower, upper);
        let mut density = TruncatedNormal {
            parent: Normal::new(mean, deviation)?,
            lower,
            upper,
            mode,
            c: (mode - mean) / deviation,
            log_mass: f64::NAN,
        };
        let ratio = density.interval_ratio(lower, upper);
        let mass = deviation * ratio;
        // The product has one rounding, where the sum of two logarithms may cancel.
        density.log_mass = if mass.is_normal() {
            mass.ln()
        } else {
            deviation.ln() + ratio.ln()
        };
        // Sums of two distances must not overflow either.
        if density.log_mass.is_finite() && density.c.abs() < 0.25 * f64::MAX {
            return Ok(density);
        }
        let interval = format!("[{lower}, {upper}]");
        let requirement = format!("an interval that deviations of {deviation} can measure from {mean}");
        Err(Error::parameter("[lower, upper]", interval, requirement))
    }

    /// The normal distribution that was truncated.
    pub fn parent(&self) -> Normal {
        self.parent
    }

    /// The lower end `l`.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end `u`.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// The mean, which is not that of the parent.
    pub fn mean(&self) -> f64 {
        self.mode + self.parent.deviation() * self.moments().0
    }

    /// The variance, which is less than that of the parent.
    pub fn variance(&self) -> f64 {
        self.parent.variance() * self.moments().1
    }

    /// The distribution function `P(X ≤ x)`, with all its digits in the lower tail.
    pub fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x <= self.lower {
            return 0.0;
        }
        if x >= self.upper {
            return 1.0;
        }
        // The integral up to x is measured from its own largest value: x itself below the mean.
        let decay = if x < self.parent.mean() {
            (-self.energy_at(x)).exp()
        } else {
            1.0
        };
        decay * (self.interval_ratio(self.lower, x) / self.interval_ratio(self.lower, self.upper))
    }

    /// The `x` with `P(X ≤ x) = p`; the ends at 0 and 1, NaN outside \[0, 1\].
    pub fn quantile(&self, p: f64) -> f64 {
        let (deviation, width) = (self.parent.deviation(), self.width(self.lower, self.upper));
        let x = if self.c > 0.0 {
            self.lower + deviation * normal_quantile_from(p, 1.0 - p, self.c, width)
        } else if self.c < 0.0 {
            self.upper - deviation * normal_quantile_from(1.0 - p, p, -self.c, width)
        } else {
            let (alpha, beta) = (self.standardised(self.lower), self.standardised(self.upper));
            self.parent.mean() + deviation * normal_quantile_between(p, alpha, beta)
        };
        x.clamp(self.lower, self.upper)
    }

    fn standardised(&self, x: f64) -> f64 {
        (x - self.parent.mean()) / self.parent.deviation()
    }

    fn contains(&self, x: f64) -> bool {
        self.lower <= x && x <= self.upper
    }

    /// How many deviations there are between two points.
    fn width(&self, from: f64, to: f64) -> f64 {
        (to - from) / self.parent.deviation()
    }

    /// `∫ exp((c² − t²)/2) dt` over this interval of `x` in deviations, with `c` its own point nearest to the mean.
    fn interval_ratio(&self, from: f64, to: f64) -> f64 {
        let mean = self.parent.mean();
        if from >= mean {
            normal_interval_ratio_from(self.standardised(from), self.width(from, to))
        } else if to <= mean {
            normal_interval_ratio_from(-self.standardised(to), self.width(from, to))
        } else {
            normal_interval_ratio(self.standardised(from), self.standardised(to))
        }
    }

    /// Mean and variance of `z − c`, by quadrature: the closed forms cancel to nothing in the tails.
    fn moments(&self) -> (f64, f64) {
        // Beyond this distance the density has fallen by exp(−45).
        let reach = 90.0 / (self.c.abs() + self.c.hypot(90.0_f64.sqrt()));
        let from = -reach.min(self.width(self.lower, self.mode));
        let to = reach.min(self.width(self.mode, self.upper));
        const N_PANELS: usize = 16;
        let panel = (to - from) / N_PANELS as f64;
        let total = |f: &dyn Fn(f64) -> f64| -> f64 {
            let start = |k: usize| from + panel * k as f64;
            let density = |t: f64| f(t) * (-t * (self.c + 0.5 * t)).exp();
            (0..N_PANELS)
                .map(|k| panel * integrate(|y| density(start(k) + panel * y)))
                .sum()
        };
        let mass = total(&|_| 1.0);
        let mean = total(&|t| t) / mass;
        (mean, total(&|t| (t - mean) * (t - mean)) / mass)
    }

    /// A draw for an interval that begins at a distance `a ≥ 0` of the mean, as the distance from there.
    ///
    /// A short interval takes uniform proposals. Else, with `λ = ½ (a + √(a² + 4))`, exponential ones of rate `λ` are accepted with probability
    /// `exp(−½ (t + a − λ)²)` (Robert 1995, section 2.1), and those beyond the end are rejected. Each accepts more than half, and none has an
    /// approximation in it.
    fn draw_beyond(a: f64, width: f64, rng: &mut dyn Rng) -> f64 {
        if width * (a + 0.5 * width) <= 1.0 {
            loop {
                let t = width * rng.random::<f64>();
                if rng.random::<f64>() <= (-t * (a + 0.5 * t)).exp() {
                    return t;
                }
            }
        }
        // λ − a.
        let gap = 2.0 / (a + (a * a + 4.0).sqrt());
        loop {
            let t = rng.sample::<f64, _>(Exp1) / (a + gap);
            if t <= width && rng.random::<f64>() <= (-0.5 * (t - gap) * (t - gap)).exp() {
                return t;
            }
        }
    }

    /// A draw for an interval around the mean: uniform proposals where it is short, else those of the parent; each accepts about half or more.
    fn draw_across(&self, rng: &mut dyn Rng) -> f64 {
        let uniform = self.width(self.lower, self.upper) < (2.0 * PI).sqrt();
        loop {
            if uniform {
                let x = self.lower + (self.upper - self.lower) * rng.random::<f64>();
                if rng.random::<f64>() <= (-self.energy_at(x)).exp() {
                    return x;
                }
            } else {
                let x = self.parent.draw(rng);
                if self.contains(x) {
                    return x;
                }
            }
        }
    }
}

impl Univariate for TruncatedNormal {
    fn energy_at(&self, x: f64) -> f64 {
        if x < self.lower || x > self.upper {
            return f64::INFINITY;
        }
        // Both factors have all their digits, and the same sign.
        0.5 * self.width(self.mode, x) * (self.standardised(x) + self.c)
    }

    fn log_normaliser(&self) -> f64 {
        self.log_mass
    }

    fn log_density_at(&self, x: f64) -> f64 {
        -self.energy_at(x) - self.log_mass
    }

    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let (deviation, width) = (self.parent.deviation(), self.width(self.lower, self.upper));
        let x = if self.c > 0.0 {
            self.lower + deviation * TruncatedNormal::draw_beyond(self.c, width, rng)
        } else if self.c < 0.0 {
            self.upper - deviation * TruncatedNormal::draw_beyond(-self.c, width, rng)
        } else {
            self.draw_across(rng)
        };
        x.clamp(self.lower, self.upper)
    }
}

impl UnivariateScore for TruncatedNormal {
    fn score_at(&self, x: f64) -> f64 {
        if self.contains(x) {
            self.parent.score_at(x)
        } else {
            f64::NAN
        }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if self.contains(x) {
            self.parent.score_derivative_at(x)
        } else {
            f64::NAN
        }
    }
}

univariate_density!(TruncatedNormal, score);
