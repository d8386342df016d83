//! A linear function of noise: the sampler of normal distributions.
//!
//! `g(z) = A z + b`, so that `g(z) + σ ξ` is `N(b, A Aᵀ + σ² I)`. The parameters are `A`, row by row, and `b`.

use gibbsian_core::{Generator, GeneratorPullback, Layout, Parametric, ParametricMut, Result, Space, error};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// `g(z) = A z + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearGenerator {
    weights: Array2<f64>,
    bias: Array1<f64>,
}

impl LinearGenerator {
    /// The generator with `A` `(D, L)` and `b` `(D)`.
    ///
    /// # Errors
    /// Shapes that do not fit, or entries that are not finite.
    pub fn new(weights: Array2<f64>, bias: Array1<f64>) -> Result<Self> {
        error::check_finite("weights", &weights)?;
        error::check_finite("bias", &bias)?;
        error::check_shape("bias", &bias, &[weights.nrows()])?;
        Ok(LinearGenerator { weights, bias })
    }

    /// `A`.
    pub fn weights(&self) -> ArrayView2<'_, f64> {
        self.weights.view()
    }

    /// `b`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }
}

impl Space for LinearGenerator {
    fn dim(&self) -> usize {
        self.bias.len()
    }
}

impl Generator for LinearGenerator {
    fn latent_dim(&self) -> usize {
        self.weights.ncols()
    }

    fn generate_into(&self, z: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&(z.dot(&self.weights.t()) + &self.bias));
    }
}

impl Parametric for LinearGenerator {
    fn layout(&self) -> Layout {
        Layout::new()
            .with("weights", self.weights.shape())
            .with("bias", &[self.bias.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.weights.iter().chain(&self.bias).copied().collect()
    }
}

impl ParametricMut for LinearGenerator {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        for (own, new) in self.weights.iter_mut().chain(&mut self.bias).zip(params) {
            *own = *new;
        }
        Ok(())
    }
}

impl GeneratorPullback for LinearGenerator {
    fn generator_pullback_with(
        &self,
        z: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let x = self.generate(z);
        let mut u = Array2::zeros(x.raw_dim());
        cotangent(x.view(), u.view_mut());
        let (d, l) = self.weights.dim();
        for (z, u) in z.rows().into_iter().zip(u.rows()) {
            for i in 0..d {
                for j in 0..l {
                    grad[i * l + j] += u[i] * z[j];
                }
                grad[d * l + i] += u[i];
            }
        }
    }
}
