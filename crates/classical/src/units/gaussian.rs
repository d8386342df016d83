//! Gaussian units: `x ∈ ℝ`, `e(x) = ½ γx² − θx`, `Γ(I) = Σ_i (θ_i + I_i)²/(2γ_i) + ½ log(2π/γ_i)`.
//!
//! The parameters are the natural ones, in which the energy is linear. In terms of mean and variance, `γ = 1/σ²` and `θ = μ/σ²`; an energy
//! `(v − b)²/(2σ²) − (v/σ)'Wh`, as many papers have it, is this one with weights `W/σ`, and learning `σ` there moves the couplings as well.

use std::f64::consts::TAU;

use gibbsian_core::error::{check_each, check_finite, check_shape};
use gibbsian_core::{Result, StreamRng};
use ndarray::{Array1, Array2, ArrayView1, Axis, stack};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::separate::{Separate, separate_units};

pub(super) const POSITIVE: &str = "finite and greater than zero";

/// A layer of real units with a linear coefficient `θ` and a precision `γ > 0` each, both learnt.
///
/// The law in a field `I` is normal with mean `(θ_i + I_i)/γ_i` and variance `1/γ_i`.
///
/// ```
/// use gibbsian_classical::Gaussian;
/// use gibbsian_core::Units;
/// use ndarray::array;
///
/// let units = Gaussian::with_moments(array![1.0].view(), array![4.0].view())?;
/// assert_eq!(units.mean(array![[0.5]].view()), array![[3.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// `θ` and `γ`, `(2, N)`.
    parameters: Array2<f64>,
}

impl Gaussian {
    /// The layer with linear coefficients `θ` and precisions `γ`.
    ///
    /// # Errors
    /// Another number of precisions than coefficients, one that is not positive, or a coefficient that is not finite.
    pub fn new(linear: Array1<f64>, precision: Array1<f64>) -> Result<Self> {
        Ok(Gaussian {
            parameters: linear_and_precision(linear, precision)?,
        })
    }

    /// The layer that has these means and variances by itself.
    ///
    /// The variances of standardised data are one; those of a pixel that never changes are zero, and refused.
    ///
    /// # Errors
    /// Another number of variances than means, one that is not positive, or a mean that is not finite.
    pub fn with_moments(means: ArrayView1<f64>, variances: ArrayView1<f64>) -> Result<Self> {
        check_finite("means", &means)?;
        check_shape("variances", &variances, means.shape())?;
        check_each("variances", variances, POSITIVE, |v| v.is_finite() && v > 0.0)?;
        Gaussian::new(&means / &variances, variances.mapv(f64::recip))
    }

    /// `n` standard normal units.
    pub fn standard(n: usize) -> Self {
        let mut parameters = Array2::zeros((2, n));
        parameters.row_mut(1).fill(1.0);
        Gaussian { parameters }
    }

    /// The linear coefficients `θ`.
    pub fn linear(&self) -> ArrayView1<'_, f64> {
        self.parameters.row(0)
    }

    /// The precisions `γ`.
    pub fn precision(&self) -> ArrayView1<'_, f64> {
        self.parameters.row(1)
    }
}

/// `θ` and `γ` as rows, checked.
pub(super) fn linear_and_precision(linear: Array1<f64>, precision: Array1<f64>) -> Result<Array2<f64>> {
    check_finite("linear", &linear)?;
    check_shape("precision", &precision, linear.shape())?;
    check_each("precision", precision.view(), POSITIVE, |p| {
        p.is_finite() && p > 0.0
    })?;
    Ok(stack![Axis(0), linear, precision])
}

impl Separate<2> for Gaussian {
    const NAMES: [&'static str; 2] = ["linear", "precision"];
    const LINEAR: &'static [usize] = &[0];

    fn parameters(&self) -> &Array2<f64> {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut Array2<f64> {
        &mut self.parameters
    }

    fn requirement(k: usize, value: f64) -> Option<&'static str> {
        (k == 1 && value <= 0.0).then_some(POSITIVE)
    }

    fn supports(_: f64) -> bool {
        true
    }

    fn unit_tails([_, gamma]: [f64; 2]) -> [f64; 2] {
        [gamma; 2]
    }

    fn unit_energy([theta, gamma]: [f64; 2], x: f64) -> f64 {
        x * (0.5 * gamma * x - theta)
    }

    fn unit_statistics(x: f64) -> [f64; 2] {
        [-x, 0.5 * x * x]
    }

    fn unit_log_partition([theta, gamma]: [f64; 2], field: f64) -> f64 {
        let t = theta + field;
        0.5 * (t * t / gamma + (TAU / gamma).ln())
    }

    fn unit_mean([theta, gamma]: [f64; 2], field: f64) -> f64 {
        (theta + field) / gamma
    }

    fn unit_draw(p: [f64; 2], field: f64, rng: &mut StreamRng) -> f64 {
        let z: f64 = rng.sample(StandardNormal);
        Self::unit_mean(p, field) + z / p[1].sqrt()
    }

    fn unit_log_partition_gradient(p: [f64; 2], field: f64) -> [f64; 2] {
        let mean = Self::unit_mean(p, field);
        [mean, -0.5 * (mean * mean + 1.0 / p[1])]
    }

    fn unit_cumulants([_, gamma]: [f64; 2], _field: f64) -> [f64; 2] {
        [1.0 / gamma, 0.0]
    }

    fn unit_mean_gradient(p: [f64; 2], field: f64) -> [f64; 2] {
        [1.0 / p[1], -Self::unit_mean(p, field) / p[1]]
    }

    fn unit_variance_gradient([_, gamma]: [f64; 2], _field: f64) -> [f64; 2] {
        [0.0, -1.0 / (gamma * gamma)]
    }

    fn unit_slopes([theta, gamma]: [f64; 2], x: f64) -> [f64; 2] {
        [gamma * x - theta, gamma]
    }

    fn unit_slopes_gradient(x: f64) -> [[f64; 2]; 2] {
        [[-1.0, x], [0.0, 1.0]]
    }
}

separate_units!(Gaussian, 2);
