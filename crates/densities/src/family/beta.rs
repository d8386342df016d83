//! The beta distribution.

use std::f64::consts::PI;

use gibbsian_core::error::{Error, check_positive};
use gibbsian_core::math::{log1m_exp, sigmoid};
use gibbsian_core::special::{stirling_error, trigamma};
use gibbsian_core::{ContinuousFamily, ExponentialFamily, Result};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
};
use rand::Rng;

use super::gamma::{draw_unit, log_uniform};
use super::numeric::{deviance_at, deviance_between, log_ratio, two_product, two_sum};
use super::shape::{
    digamma_difference, residual, residual_curvature, residual_divergence, residual_slope,
    trigamma_difference,
};
use super::{check_size, entries, write_rows};
use crate::univariate::{Univariate, UnivariateScore, map_rows, univariate_density};

/// The beta distribution of shapes `α` and `β`: `p(x) = xᵅ⁻¹ (1−x)ᵝ⁻¹ / B(α, β)` on `0 < x < 1`.
///
/// The energy is `(1−α) log x + (1−β) log(1−x)`; at 0 and 1 density and energy are their limits. As a member of an exponential family it has
/// `T = (log x, log(1−x))`, `η = (α, β)` and `h = 1/(x(1−x))`.
///
/// The log-density is `δ(s) − δ(α) − δ(β) − D(α, sx) − D(β, s(1−x)) + ½ log(αβ/2πs) − log x − log(1−x)` with `s = α + β` (after Loader 2000), the
/// error `δ` of Stirling's formula and the deviance `D`. Draws that would round to 0 or 1 are the nearest double inside.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Beta;
/// use ndarray::array;
///
/// let beta = Beta::new(2.0, 1.0)?;
/// let p = beta.log_density(array![[0.25], [1.5]].view()).exp();
/// assert!((p[0] - 0.5).abs() < 1e-15 && p[1] == 0.0);
///
/// let fitted = beta.fit(array![[0.2], [0.3], [0.7]].view())?;
/// let twice = fitted.with_mean(fitted.mean_parameters().view())?;
/// assert!((twice.alpha() / fitted.alpha() - 1.0).abs() < 1e-13);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    alpha: f64,
    beta: f64,
}

impl Beta {
    /// The beta distribution of these shapes.
    ///
    /// # Errors
    /// A shape that is not between 10⁻³⁰⁰ and 10³⁰⁰.
    pub fn new(alpha: f64, beta: f64) -> Result<Self> {
        check_size("alpha", alpha)?;
        check_size("beta", beta)?;
        Ok(Beta { alpha, beta })
    }

    /// The shape `α` at 0.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The shape `β` at 1.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// The mean `α/(α+β)`.
    pub fn mean(&self) -> f64 {
        self.alpha / self.sum()
    }

    /// The variance `αβ / ((α+β)² (α+β+1))`.
    pub fn variance(&self) -> f64 {
        self.mean() * (self.beta / self.sum()) / (self.sum() + 1.0)
    }

    /// `s = α + β`.
    fn sum(&self) -> f64 {
        self.alpha + self.beta
    }

    /// `log(α/s)` and `log(β/s)`, each to the relative accuracy of the shapes.
    fn log_shares(&self) -> [f64; 2] {
        let share = |this: f64, other: f64| {
            if this < other {
                log_ratio(this, self.sum())
            } else {
                (-other / self.sum()).ln_1p()
            }
        };
        [share(self.alpha, self.beta), share(self.beta, self.alpha)]
    }

    /// The mean statistics, `ψ(α) − ψ(s)` and `ψ(β) − ψ(s)`.
    fn mean_logs(&self) -> [f64; 2] {
        [
            -digamma_difference(self.alpha, self.beta),
            -digamma_difference(self.beta, self.alpha),
        ]
    }

    /// The Fisher information as its two diagonal entries and the negative of the other, `ψ'(s)`.
    fn information(&self) -> ([f64; 2], f64) {
        let diagonal = [
            trigamma_difference(self.alpha, self.beta),
            trigamma_difference(self.beta, self.alpha),
        ];
        (diagonal, trigamma(self.sum()))
    }

    /// The determinant of the Fisher information.
    fn information_determinant(&self) -> f64 {
        let (alpha, beta, s) = (self.alpha, self.beta, self.sum());
        let [p, q, r] = [alpha, beta, s].map(residual_curvature);
        // In ψ' = g'' + 1/a the products of two reciprocals cancel exactly, and nothing else does.
        p * (alpha / beta) / s + q * (beta / alpha) / s + p * q - r * (p + q) - r * (s / alpha) / beta
    }

    /// The negative log-likelihood, per datum, of data with these mean statistics.
    fn loss(&self, mean: [f64; 2]) -> f64 {
        self.log_partition() - self.alpha * mean[0] - self.beta * mean[1]
    }

    /// The member with these mean statistics, if there is one: `e^mean[0] + e^mean[1] < 1`.
    ///
    /// Newton's method (Minka 2000, "Estimating a Dirichlet distribution") on the convex loss `A(η) − ⟨η, μ⟩`. Full steps may leave the
    /// domain. Divided by `1 + r`, with `r` the larger of their relative lengths, they cannot: a shape that is to shrink is divided by `1 + r` at most,
    /// which is Newton's method for its reciprocal, in which `ψ ≈ −1/α` is linear. Near the root full steps square `r`.
    fn of_mean_logs(mean: [f64; 2]) -> Result<Self> {
        let mut member = Self::start(mean)?;
        let mut previous = f64::INFINITY;
        // The bound is for mean parameters beyond what doubles resolve.
        for _ in 0..200 {
            let found = member.mean_logs();
            let gap = [mean[0] - found[0], mean[1] - found[1]];
            let (diagonal, other) = member.information();
            let determinant = member.information_determinant();
            let step = [
                (diagonal[1] * gap[0] + other * gap[1]) / determinant,
                (other * gap[0] + diagonal[0] * gap[1]) / determinant,
            ];
            let length = (step[0] / member.alpha).abs().max((step[1] / member.beta).abs());
            let damping = if length < 0.1 { 1.0 } else { 1.0 + length };
            member = Beta::new(member.alpha + step[0] / damping, member.beta + step[1] / damping)?;
            // After a length of 10⁻⁹ the next one is below rounding; where rounding comes first, lengths stop shrinking.
            if length < 1e-9 || (length < 1e-3 && length > 0.5 * previous) {
                break;
            }
            previous = length;
        }
        Ok(member)
    }

    /// The better of two starts, for shapes that are small, where `ψ(α) ≈ −1/α`, and for shapes that are not (Johnson, Kotz and Balakrishnan 1995,
    /// equation 25.27).
    fn start(mean: [f64; 2]) -> Result<Self> {
        let [root_a, root_b] = mean.map(|m| (-m).sqrt());
        let small = Beta::new(
            (root_a * (root_a + root_b)).recip(),
            (root_b * (root_a + root_b)).recip(),
        )?;
        let gap = 1.0 - mean[0].exp() - mean[1].exp();
        let large = Beta::new(0.5 + 0.5 * mean[0].exp() / gap, 0.5 + 0.5 * mean[1].exp() / gap)?;
        Ok(if large.loss(mean) < small.loss(mean) {
            large
        } else {
            small
        })
    }
}

impl Univariate for Beta {
    fn energy_at(&self, x: f64) -> f64 {
        if !(0.0..=1.0).contains(&x) {
            return if x.is_nan() { x } else { f64::INFINITY };
        }
        // A shape of 1 has no term, also not 0 · log 0.
        let term = |shape: f64, log: f64| if shape == 1.0 { 0.0 } else { (1.0 - shape) * log };
        term(self.alpha, x.ln()) + term(self.beta, (-x).ln_1p())
    }

    fn log_normaliser(&self) -> f64 {
        self.log_partition()
    }

    fn log_density_at(&self, x: f64) -> f64 {
        let (alpha, beta) = (self.alpha, self.beta);
        let (s, s_error) = two_sum(alpha, beta);
        let (y, y_error) = two_sum(1.0, -x);
        let (sx, sx_error) = two_product(s, x);
        let (sy, sy_error) = two_product(s, y);
        if !(x > 0.0 && x < 1.0 && sx > 1e-290 && sy > 1e-290) {
            // The ends, what is outside, and products without all their digits: beside log x ≈ −660 nothing cancels.
            return -self.energy_at(x) - self.log_normaliser();
        }
        let deviances = deviance_at(alpha, (sx, sx_error + s_error * x))
            + deviance_at(beta, (sy, sy_error + s * y_error + s_error * y));
        (stirling_error(s) - stirling_error(alpha) - stirling_error(beta) - deviances)
            // The larger over the sum does not underflow.
            + 0.5 * (alpha.min(beta) / (2.0 * PI) * (alpha.max(beta) / s)).ln()
            - x.ln()
            - (-x).ln_1p()
    }

    /// `G/(G + H)` of two gamma draws of shapes `α` and `β`, by their logarithms: draws of shapes under 0.01 underflow.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let mut log_gamma = |shape: f64| {
            if shape < 1.0 {
                draw_unit(shape + 1.0, rng).ln() + log_uniform(rng) / shape
            } else {
                draw_unit(shape, rng).ln()
            }
        };
        let log_odds = log_gamma(self.alpha) - log_gamma(self.beta);
        sigmoid(log_odds).clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)
    }
}

impl UnivariateScore for Beta {
    fn score_at(&self, x: f64) -> f64 {
        if x > 0.0 && x < 1.0 {
            (self.alpha - 1.0) / x - (self.beta - 1.0) / (1.0 - x)
        } else {
            f64::NAN
        }
    }

    fn score_derivative_at(&self, x: f64) -> f64 {
        if x > 0.0 && x < 1.0 {
            let y = 1.0 - x;
            (1.0 - self.alpha) / x / x + (1.0 - self.beta) / y / y
        } else {
            f64::NAN
        }
    }
}

univariate_density!(Beta, score);

impl ExponentialFamily for Beta {
    fn n_statistics(&self) -> usize {
        2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [x.ln(), (-x).ln_1p()]);
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| match x {
            _ if x.is_nan() => x,
            _ if x <= 0.0 || x >= 1.0 => f64::NEG_INFINITY,
            _ => -x.ln() - (-x).ln_1p(),
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        array![self.alpha, self.beta]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        self.mean_logs().to_vec().into()
    }

    /// `log B(α, β) = g(α) + g(β) − g(s) + α log(α/s) + β log(β/s)`, with the `g` of what `log Γ` has beyond `a log a − a`.
    fn log_partition(&self) -> f64 {
        let [alpha, beta] = self.log_shares();
        residual(self.alpha) + residual(self.beta) - residual(self.sum())
            + self.alpha * alpha
            + self.beta * beta
    }

    fn fisher_information(&self) -> Array2<f64> {
        let (diagonal, other) = self.information();
        array![[diagonal[0], -other], [-other, diagonal[1]]]
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let [alpha, beta] = entries("natural", natural)?;
        for (name, value) in [("natural[0]", alpha), ("natural[1]", beta)] {
            check_positive(name, value)?;
        }
        Beta::new(alpha, beta)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        let mean = entries::<2>("mean", mean)?;
        for (name, value) in [("mean[0]", mean[0]), ("mean[1]", mean[1])] {
            if value >= 0.0 {
                return Err(Error::parameter(name, value, "less than zero"));
            }
        }
        // Jensen: E log x ≤ log E x, and E x + E (1−x) = 1. The larger may be near zero; near the boundary rounding has taken the difference.
        let (large, small) = (mean[0].max(mean[1]), mean[0].min(mean[1]));
        let rounding = large.abs() + (1.0 + small.abs()) * small.exp();
        if -large.exp_m1() - small.exp() <= 4.0 * f64::EPSILON * rounding {
            let requirement = format!(
                "less than {}, where e^mean[0] + e^mean[1] is one, by more than rounding",
                log1m_exp(mean[1])
            );
            return Err(Error::parameter("mean[0]", mean[0], requirement));
        }
        Self::of_mean_logs(mean)
    }

    /// `log B(α, β) − (α−1) ψ(α) − (β−1) ψ(β) + (s−2) ψ(s)`, in which all that grows like `a log a` is taken out by hand.
    fn entropy(&self) -> f64 {
        let [alpha, beta] = self.log_shares();
        let part = |a: f64| residual(a) + (1.0 - a) * residual_slope(a);
        let s = self.sum();
        part(self.alpha) + part(self.beta) - residual(s) + (s - 2.0) * residual_slope(s) + alpha + beta
    }

    /// The Bregman divergences of the `g` of `α` and `β`, minus that of `s`, plus `s'` times the divergence of two trials with probabilities
    /// `α'/s'` and `α/s`.
    fn kl_divergence(&self, other: &Self) -> f64 {
        let (alpha, beta) = (other.alpha - self.alpha, other.beta - self.beta);
        let (s, s_other) = (self.sum(), other.sum());
        let shapes = residual_divergence(self.alpha, other.alpha, alpha)
            + residual_divergence(self.beta, other.beta, beta)
            - residual_divergence(s, s_other, alpha + beta);
        let difference = (self.alpha / s * beta - self.beta / s * alpha) / s_other;
        let means = deviance_between(other.alpha / s_other, self.alpha / s, difference)
            + deviance_between(other.beta / s_other, self.beta / s, -difference);
        shapes + s_other * means
    }
}

impl ContinuousFamily for Beta {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| {
            [x.recip(), -(1.0 - x).recip()]
        });
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        write_rows(x, out.index_axis_move(Axis(2), 0), |x| {
            [-(x * x).recip(), -((1.0 - x) * (1.0 - x)).recip()]
        });
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        write_rows(x, out, |x| [(1.0 - x).recip() - x.recip()]);
    }
}
