//! Networks that turn noise into points.

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Generator, GeneratorPullback, Layout, Parametric, ParametricMut, Result, Space};
use gibbsian_grad::{Plan, Var};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::machine::{Inputs, Machine, Precision, Pull, U, views};
use crate::net::Net;

/// A generator `x = g(z)` that is a network of latent noise `z ~ N(0, I)`: the sampler that adversarial training learns.
///
/// ```
/// use gibbsian_core::{Generator, Seed};
/// use gibbsian_nn::{Activation, NeuralGenerator};
/// use ndarray::array;
///
/// let forward = |net: &mut gibbsian_nn::Net<'_>, z| net.mlp("generator", z, &[32, 32], 2, Activation::Silu);
/// let generator = NeuralGenerator::new(3, 2, forward, &mut Seed::new(1).rng())?;
/// assert_eq!(generator.generate(array![[0.5, -1.0, 0.2]].view()).dim(), (1, 2));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NeuralGenerator {
    latent_dim: usize,
    dim: usize,
    machine: Machine,
    points: Plan,
    pull: Pull,
}

impl NeuralGenerator {
    /// The generator from `latent_dim` coordinates of noise to points of dimension `dim` that `forward` writes, with initial parameters from `rng`; it computes in [`Precision::Single`].
    ///
    /// # Errors
    /// A dimension of zero, an output that has not `dim` columns, and names of parameters that are taken twice.
    pub fn new(
        latent_dim: usize,
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        check_count("latent_dim", latent_dim)?;
        check_count("dim", dim)?;
        let mut net = Net::new(rng);
        let inputs = Inputs::between(&mut net, latent_dim, dim);
        let points = forward(&mut net, inputs.x);
        let (mut g, layout, params) = net.finish()?;
        if g.width(points) != dim {
            let required = format!("[{dim}], a point");
            return Err(Error::shape(
                "output of the network",
                &[g.width(points)],
                required,
            ));
        }
        Ok(NeuralGenerator {
            latent_dim,
            dim,
            machine: Machine::new(layout, params, Precision::default()),
            points: Plan::new(&g, &[points]),
            pull: Pull::new(&mut g, &[(points, inputs.u, U)]),
        })
    }
}

model!(NeuralGenerator);

impl Generator for NeuralGenerator {
    fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    fn generate_into(&self, z: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.machine.run(&self.points, &views(z, None, None), &mut [out]);
    }
}

impl GeneratorPullback for NeuralGenerator {
    fn generator_pullback_with(
        &self,
        z: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            cotangent(values[0].view(), cotangents[0].view_mut());
        };
        self.machine.pull(&self.pull, &views(z, None, None), decide, grad);
    }
}
