//! Rectified units: `x ≥ 0`, `e(x) = ½ γx² − θx`, and `Γ(I) = Σ_i log m(−z_i) − ½ log γ_i` with `z_i = (θ_i + I_i)/√γ_i` and Mills' ratio `m`.
//!
//! The law in a field is a normal one cut off at zero, not the rectified normal draw `max(0, x)` of Nair and Hinton (2010), which has no energy. It is the
//! rectified unit of Tubiana and Monasson (2017), "Emergence of compositional representations in restricted Boltzmann machines", and its mean
//! is a smooth rectifier: about `t/γ` for large fields `t`, about `1/|t|` for large negative ones, where the law is exponential.

use gibbsian_core::special::{
    half_line_cumulants, log_mills_ratio, normal_quantile_between, normal_quantile_from,
};
use gibbsian_core::{Result, StreamRng};
use ndarray::{Array1, Array2, ArrayView1};
use rand::RngExt;

use super::gaussian::{POSITIVE, linear_and_precision};
use super::separate::{Separate, separate_units};

/// A layer of units that are zero or more, with a linear coefficient `θ` and a precision `γ > 0` each, both learnt.
///
/// ```
/// use gibbsian_classical::Rectified;
/// use gibbsian_core::Units;
/// use ndarray::array;
///
/// let units = Rectified::unbiased(1);
/// // A half-normal variable has the mean √(2/π).
/// let mean = units.mean(array![[0.0]].view())[[0, 0]];
/// assert!((mean - (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rectified {
    /// `θ` and `γ`, `(2, N)`.
    parameters: Array2<f64>,
}

impl Rectified {
    /// The layer with linear coefficients `θ` and precisions `γ`.
    ///
    /// # Errors
    /// Another number of precisions than coefficients, one that is not positive, or a coefficient that is not finite.
    pub fn new(linear: Array1<f64>, precision: Array1<f64>) -> Result<Self> {
        Ok(Rectified {
            parameters: linear_and_precision(linear, precision)?,
        })
    }

    /// `n` units with `θ = 0` and `γ = 1`.
    pub fn unbiased(n: usize) -> Self {
        let mut parameters = Array2::zeros((2, n));
        parameters.row_mut(1).fill(1.0);
        Rectified { parameters }
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

/// The law `exp(t x − ½ γx²)` on `x ≥ 0`.
#[derive(Clone, Copy, Debug)]
pub(super) struct HalfLine {
    /// `t/√γ` and `1/√γ`.
    z: f64,
    scale: f64,
}

impl HalfLine {
    pub(super) fn new(t: f64, gamma: f64) -> Self {
        let scale = gamma.sqrt().recip();
        HalfLine { z: t * scale, scale }
    }

    pub(super) fn log_partition(self) -> f64 {
        log_mills_ratio(-self.z) + self.scale.ln()
    }

    /// The first three cumulants.
    pub(super) fn cumulants(self) -> [f64; 3] {
        let [k1, k2, k3] = half_line_cumulants(self.z);
        [k1 * self.scale, k2 * self.scale.powi(2), k3 * self.scale.powi(3)]
    }

    pub(super) fn draw(self, rng: &mut StreamRng) -> f64 {
        let p: f64 = rng.random();
        let x = if self.z <= 0.0 {
            // The distance beyond the cut has digits of its own.
            normal_quantile_from(p, 1.0 - p, -self.z, f64::INFINITY)
        } else {
            (normal_quantile_between(p, -self.z, f64::INFINITY) + self.z).max(0.0)
        };
        x * self.scale
    }
}

impl Separate<2> for Rectified {
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

    fn supports(x: f64) -> bool {
        x >= 0.0
    }

    fn unit_tails([_, gamma]: [f64; 2]) -> [f64; 2] {
        [f64::INFINITY, gamma]
    }

    fn unit_energy([theta, gamma]: [f64; 2], x: f64) -> f64 {
        x * (0.5 * gamma * x - theta)
    }

    fn unit_statistics(x: f64) -> [f64; 2] {
        [-x, 0.5 * x * x]
    }

    fn unit_log_partition([theta, gamma]: [f64; 2], field: f64) -> f64 {
        HalfLine::new(theta + field, gamma).log_partition()
    }

    fn unit_mean([theta, gamma]: [f64; 2], field: f64) -> f64 {
        HalfLine::new(theta + field, gamma).cumulants()[0]
    }

    fn unit_draw([theta, gamma]: [f64; 2], field: f64, rng: &mut StreamRng) -> f64 {
        HalfLine::new(theta + field, gamma).draw(rng)
    }

    fn unit_log_partition_gradient([theta, gamma]: [f64; 2], field: f64) -> [f64; 2] {
        let [k1, k2, _] = HalfLine::new(theta + field, gamma).cumulants();
        [k1, -0.5 * (k2 + k1 * k1)]
    }

    fn unit_cumulants([theta, gamma]: [f64; 2], field: f64) -> [f64; 2] {
        let [_, k2, k3] = HalfLine::new(theta + field, gamma).cumulants();
        [k2, k3]
    }

    fn unit_mean_gradient([theta, gamma]: [f64; 2], field: f64) -> [f64; 2] {
        // −½ Cov(x, x²) in γ.
        let [k1, k2, k3] = HalfLine::new(theta + field, gamma).cumulants();
        [k2, -0.5 * (k3 + 2.0 * k1 * k2)]
    }

    fn unit_variance_gradient([theta, gamma]: [f64; 2], field: f64) -> [f64; 2] {
        // κ₂ = k₂(z)/γ with ∂z/∂γ = −z/2γ. The terms cancel far on the negative side, against k₂ itself.
        let [_, k2, k3] = HalfLine::new(theta + field, gamma).cumulants();
        [k3, -(k2 + 0.5 * (theta + field) * k3) / gamma]
    }

    fn unit_slopes([theta, gamma]: [f64; 2], x: f64) -> [f64; 2] {
        [gamma * x - theta, gamma]
    }

    fn unit_slopes_gradient(x: f64) -> [[f64; 2]; 2] {
        [[-1.0, x], [0.0, 1.0]]
    }
}

separate_units!(Rectified, 2);
