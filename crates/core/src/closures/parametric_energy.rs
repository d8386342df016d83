//! An energy with parameters as a closure.

use std::fmt;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};

use super::has_nan;
use crate::energy::{Energy, EnergyPullback, Space, assert_energy_shapes};
use crate::error::{Result, check_count, check_finite};
use crate::parallel::{BLOCK_ROWS, for_each_block, map_each};
use crate::params::{Layout, Parametric, ParametricMut};

/// The energy `E(x; θ)` that a closure of one point `x` `(D)` and all parameters `θ` `(P)` returns; it writes `∂E/∂θ` `(P)` too.
///
/// Objectives that need energies only train it: contrast with noise, contrastive divergence by gradient-free kernels, score matching by differences of energies. The parameters are one tensor with the
/// name `theta`. Who asks for the energy alone pays for the gradient too.
///
/// ```
/// use gibbsian_core::{Energy, EnergyPullback, FnParametricEnergy, ParametricMut};
/// use ndarray::{Array1, array};
///
/// // A normal density of unknown precision, E(x; θ) = θ x²/2.
/// let mut model = FnParametricEnergy::new(1, array![2.0], |x, theta, mut gradient| {
///     gradient[0] = 0.5 * x[0] * x[0];
///     theta[0] * gradient[0]
/// })?;
/// let x = array![[1.0], [3.0]];
/// assert_eq!(model.energy(x.view()), array![1.0, 9.0]);
/// let mut slope = Array1::zeros(1);
/// model.energy_pullback_into(x.view(), array![0.5, 0.5].view(), slope.view_mut());
/// assert_eq!(slope[0], 2.5);
/// model.set_params(array![4.0].view())?;
/// assert_eq!(model.energy(x.view()), array![2.0, 18.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone)]
pub struct FnParametricEnergy<F> {
    dim: usize,
    theta: Array1<f64>,
    f: F,
}

impl<F: Fn(ArrayView1<f64>, ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> FnParametricEnergy<F> {
    /// The energy that `f(x, θ, gradient)` returns, on points of `dim` coordinates, with the parameters `theta` to begin with.
    ///
    /// # Errors
    /// No coordinates, no parameters, or a parameter that is not finite.
    pub fn new(dim: usize, theta: Array1<f64>, f: F) -> Result<Self> {
        check_count("dim", dim)?;
        check_count("theta.len()", theta.len())?;
        check_finite("theta", &theta)?;
        Ok(FnParametricEnergy { dim, theta, f })
    }

    /// The energy of a point, its gradient in the parameters written into `gradient`.
    fn at(&self, x: ArrayView1<f64>, mut gradient: ArrayViewMut1<f64>) -> f64 {
        gradient.fill(f64::NAN);
        if has_nan(x) {
            return f64::NAN;
        }
        (self.f)(x, self.theta.view(), gradient)
    }
}

impl<F: Sync> Space for FnParametricEnergy<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> Energy
    for FnParametricEnergy<F>
{
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for_each_block(out.insert_axis(Axis(1)), |block, mut out| {
            let mut gradient = Array1::zeros(self.theta.len());
            for (b, e) in out.iter_mut().enumerate() {
                *e = self.at(x.row(block * BLOCK_ROWS + b), gradient.view_mut());
            }
        });
    }
}

impl<F> Parametric for FnParametricEnergy<F> {
    fn layout(&self) -> Layout {
        Layout::new().with("theta", &[self.theta.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.theta.clone()
    }
}

impl<F> ParametricMut for FnParametricEnergy<F> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.theta.assign(&params);
        Ok(())
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> EnergyPullback
    for FnParametricEnergy<F>
{
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        assert_eq!(grad.len(), self.theta.len(), "one derivative for every parameter");
        let mut energy = Array1::zeros(x.nrows());
        assert_energy_shapes(self.dim, x, &energy.view_mut());
        // The gradients wait for the weights, which may depend on all energies.
        let mut gradients = Array2::zeros((x.nrows(), self.theta.len()));
        let blocks = (x.axis_chunks_iter(Axis(0), BLOCK_ROWS))
            .zip(energy.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS))
            .zip(gradients.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS))
            .collect();
        map_each(blocks, |_, ((x, mut energy), mut gradients)| {
            for ((x, e), gradient) in x.rows().into_iter().zip(&mut energy).zip(gradients.rows_mut()) {
                *e = self.at(x, gradient);
            }
        });
        let mut w = Array1::zeros(x.nrows());
        weigh(energy.view(), w.view_mut());
        for (w, gradient) in w.iter().zip(gradients.rows()) {
            grad.scaled_add(*w, &gradient);
        }
    }
}

impl<F> fmt::Debug for FnParametricEnergy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnParametricEnergy")
            .field("dim", &self.dim)
            .field("theta", &self.theta)
            .finish_non_exhaustive()
    }
}
