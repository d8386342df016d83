//! Double-rectified units: `x ∈ ℝ` with one quadratic on either side of zero, `e(x) = ½ γ₊x² − θ₊x` for `x ≥ 0` and `½ γ₋x² − θ₋x` for `x < 0`.
//!
//! With `Z₊` and `Z₋` the normalisers of the two halves, `Γ(I) = Σ_i log(Z₊ + Z₋)`. The family has Gaussian units (equal sides), rectified ones (`θ₋ → ∞`) and, with
//! `θ₊ > 0 > θ₋`, bimodal ones (Tubiana, Cocco and Monasson 2019, "Learning protein constitutive motifs from sequence data", the dReLU potential).

use gibbsian_core::math::{log_add_exp, sigmoid};
use gibbsian_core::{Error, Result, StreamRng};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use rand::RngExt;

use super::gaussian::{POSITIVE, linear_and_precision};
use super::rectified::HalfLine;
use super::separate::{Separate, separate_units};

/// A layer of real units with a linear coefficient `θ` and a precision `γ > 0` for either sign of their value, all learnt.
///
/// ```
/// use gibbsian_classical::{DoubleRectified, Gaussian};
/// use gibbsian_core::Units;
/// use ndarray::array;
///
/// // Two equal sides make a Gaussian unit.
/// let units = DoubleRectified::new(array![0.5], array![2.0], array![0.5], array![2.0])?;
/// let gaussian = Gaussian::new(array![0.5], array![2.0])?;
/// let field = array![[0.3]];
/// assert!((units.mean(field.view()) - gaussian.mean(field.view()))[[0, 0]].abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DoubleRectified {
    /// `θ₊`, `γ₊`, `θ₋` and `γ₋`, `(4, N)`.
    parameters: Array2<f64>,
}

impl DoubleRectified {
    /// The layer with linear coefficients and precisions of the positive and of the negative side.
    ///
    /// # Errors
    /// Sides of another number of units, a precision that is not positive, or a coefficient that is not finite.
    pub fn new(
        positive_linear: Array1<f64>,
        positive_precision: Array1<f64>,
        negative_linear: Array1<f64>,
        negative_precision: Array1<f64>,
    ) -> Result<Self> {
        let positive =
            linear_and_precision(positive_linear, positive_precision).map_err(|e| e.within("positive"))?;
        let negative =
            linear_and_precision(negative_linear, negative_precision).map_err(|e| e.within("negative"))?;
        if positive.ncols() != negative.ncols() {
            return Err(Error::shape(
                "negative.linear",
                &[negative.ncols()],
                format!("[{}]", positive.ncols()),
            ));
        }
        Ok(DoubleRectified {
            parameters: concatenate![Axis(0), positive, negative],
        })
    }

    /// `n` standard normal units.
    pub fn standard(n: usize) -> Self {
        let mut parameters = Array2::zeros((4, n));
        parameters.row_mut(1).fill(1.0);
        parameters.row_mut(3).fill(1.0);
        DoubleRectified { parameters }
    }

    /// `θ₊`, `γ₊`, `θ₋` and `γ₋` as rows `(4, N)`.
    pub fn sides(&self) -> ArrayView2<'_, f64> {
        self.parameters.view()
    }

    /// The linear coefficients of the positive and of the negative side.
    pub fn linear(&self) -> [ArrayView1<'_, f64>; 2] {
        [self.parameters.row(0), self.parameters.row(2)]
    }
}

/// One side of a unit: its law, its probability, and the moments that are signed as the side is.
struct Side {
    law: HalfLine,
    sign: f64,
    weight: f64,
    mean: f64,
    variance: f64,
    third: f64,
}

impl Side {
    fn second(&self) -> f64 {
        self.variance + self.mean * self.mean
    }

    /// `Cov(x, x²)`.
    fn mixed(&self) -> f64 {
        self.third + 2.0 * self.mean * self.variance
    }
}

/// The laws of `x > 0` and of `−x > 0`.
fn laws([theta_p, gamma_p, theta_n, gamma_n]: [f64; 4], field: f64) -> [HalfLine; 2] {
    [
        HalfLine::new(theta_p + field, gamma_p),
        HalfLine::new(-(theta_n + field), gamma_n),
    ]
}

fn sides(p: [f64; 4], field: f64) -> [Side; 2] {
    let laws = laws(p, field);
    let odds = laws[0].log_partition() - laws[1].log_partition();
    [(0, 1.0), (1, -1.0)].map(|(k, sign)| {
        let [mean, variance, third] = laws[k].cumulants();
        Side {
            law: laws[k],
            sign,
            weight: sigmoid(sign * odds),
            mean: sign * mean,
            variance,
            third: sign * third,
        }
    })
}

/// The derivatives of `Σ_s w_s f_s` in `(θ₊, γ₊, θ₋, γ₋)`, where `∂ log Z_s/∂θ_s = m_s` and `∂ log Z_s/∂γ_s = −½ E_s x²` move the weights, and
/// `own` has the derivatives of `f_s` itself.
fn mixture_gradient(sides: &[Side; 2], f: [f64; 2], own: impl Fn(&Side) -> [f64; 2]) -> [f64; 4] {
    let both = sides[0].weight * sides[1].weight;
    let of = |k: usize| {
        let side = &sides[k];
        let moved = both * (f[k] - f[1 - k]);
        let [in_theta, in_gamma] = own(side);
        [
            moved * side.mean + side.weight * in_theta,
            -0.5 * moved * side.second() + side.weight * in_gamma,
        ]
    };
    let ([a, b], [c, d]) = (of(0), of(1));
    [a, b, c, d]
}

impl Separate<4> for DoubleRectified {
    const NAMES: [&'static str; 4] = [
        "positive_linear",
        "positive_precision",
        "negative_linear",
        "negative_precision",
    ];
    const LINEAR: &'static [usize] = &[0, 2];

    fn parameters(&self) -> &Array2<f64> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Array2<f64> {
        &mut self.parameters
    }

    fn requirement(k: usize, value: f64) -> Option<&'static str> {
        (k % 2 == 1 && value <= 0.0).then_some(POSITIVE)
    }

    fn supports(_: f64) -> bool {
        true
    }

    fn unit_tails([_, gamma_p, _, gamma_n]: [f64; 4]) -> [f64; 2] {
        [gamma_n, gamma_p]
    }

    fn unit_energy([theta_p, gamma_p, theta_n, gamma_n]: [f64; 4], x: f64) -> f64 {
        let (theta, gamma) = if x < 0.0 {
            (theta_n, gamma_n)
        } else {
            (theta_p, gamma_p)
        };
        x * (0.5 * gamma * x - theta)
    }

    fn unit_statistics(x: f64) -> [f64; 4] {
        let t = [-x, 0.5 * x * x];
        if x < 0.0 {
            [0.0, 0.0, t[0], t[1]]
        } else {
            [t[0], t[1], 0.0, 0.0]
        }
    }

    fn unit_log_partition(p: [f64; 4], field: f64) -> f64 {
        let [positive, negative] = laws(p, field);
        log_add_exp(positive.log_partition(), negative.log_partition())
    }

    fn unit_mean(p: [f64; 4], field: f64) -> f64 {
        sides(p, field).iter().map(|s| s.weight * s.mean).sum()
    }

    fn unit_draw(p: [f64; 4], field: f64, rng: &mut StreamRng) -> f64 {
        let sides = sides(p, field);
        let side = &sides[usize::from(rng.random::<f64>() >= sides[0].weight)];
        side.sign * side.law.draw(rng)
    }

    fn unit_log_partition_gradient(p: [f64; 4], field: f64) -> [f64; 4] {
        let [a, b] = sides(p, field);
        [
            a.weight * a.mean,
            -0.5 * a.weight * a.second(),
            b.weight * b.mean,
            -0.5 * b.weight * b.second(),
        ]
    }

    fn unit_cumulants(p: [f64; 4], field: f64) -> [f64; 2] {
        // The laws of total variance and of total third cumulant.
        let [a, b] = sides(p, field);
        let (both, apart) = (a.weight * b.weight, a.mean - b.mean);
        let variance = a.weight * a.variance + b.weight * b.variance + both * apart * apart;
        let third = a.weight * a.third
            + b.weight * b.third
            + 3.0 * both * apart * (a.variance - b.variance)
            + both * (b.weight - a.weight) * apart.powi(3);
        [variance, third]
    }

    fn unit_mean_gradient(p: [f64; 4], field: f64) -> [f64; 4] {
        let sides = sides(p, field);
        mixture_gradient(&sides, [sides[0].mean, sides[1].mean], |s| {
            [s.variance, -0.5 * s.mixed()]
        })
    }

    fn unit_variance_gradient(p: [f64; 4], field: f64) -> [f64; 4] {
        // Σ_s w_s v_s + w₊w₋ d² with d = m₊ − m₋. As E x² − (E x)² it would cancel by the fourth power of the field.
        let sides = sides(p, field);
        let [theta_p, gamma_p, theta_n, gamma_n] = p;
        let within = mixture_gradient(&sides, [sides[0].variance, sides[1].variance], |s| {
            let (t, gamma) = if s.sign > 0.0 {
                (theta_p + field, gamma_p)
            } else {
                (theta_n + field, gamma_n)
            };
            // As for a rectified unit.
            [s.third, -(s.variance + 0.5 * t * s.third) / gamma]
        });
        let both = sides[0].weight * sides[1].weight;
        let apart = |k: usize| {
            let (side, other) = (&sides[k], &sides[1 - k]);
            let d = side.mean - other.mean;
            // ∂(w₊w₋) = w₊w₋ (w_other − w_s) ∂log Z_s, and ∂m_s.
            let moved = (other.weight - side.weight) * d * d;
            [
                both * (moved * side.mean + 2.0 * d * side.variance),
                both * (-0.5 * moved * side.second() - d * side.mixed()),
            ]
        };
        let ([a, b], [c, d]) = (apart(0), apart(1));
        [within[0] + a, within[1] + b, within[2] + c, within[3] + d]
    }

    fn unit_slopes([theta_p, gamma_p, theta_n, gamma_n]: [f64; 4], x: f64) -> [f64; 2] {
        let (theta, gamma) = if x < 0.0 {
            (theta_n, gamma_n)
        } else {
            (theta_p, gamma_p)
        };
        [gamma * x - theta, gamma]
    }

    fn unit_slopes_gradient(x: f64) -> [[f64; 4]; 2] {
        if x < 0.0 {
            [[0.0, 0.0, -1.0, x], [0.0, 0.0, 0.0, 1.0]]
        } else {
            [[-1.0, x, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
        }
    }
}

separate_units!(DoubleRectified, 4);
