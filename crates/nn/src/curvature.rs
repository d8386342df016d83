//! Networks as energies that send noise through themselves to estimate their curvature.

use gibbsian_core::score::{trace_into, trace_pullback};
use gibbsian_core::{
    CurvatureSketch, DivergenceCotangent, Energy, EnergyPullback, Error, JvpCotangent, Layout, Parametric,
    ParametricMut, Potential, Result, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space,
};
use gibbsian_grad::{Plan, Var};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

use crate::energies::Energies;
use crate::energy::{Built, build};
use crate::machine::{C, Machine, NOISE, Precision, Pull, U, Views, views};
use crate::net::Net;
use crate::scores::Scores;

/// A [`NeuralEnergy`](crate::NeuralEnergy) that also estimates the diagonal of its Jacobian by curvature propagation (Martens, Sutskever and Swersky 2012): with noise from within, one number for every number that a smooth activation bends and two for every
/// product of numbers.
///
/// It is a type of its own because plans for the sketch take time and memory that sampling has no use for. The factors are described at [`Graph::curvature_sketch`](gibbsian_grad::Graph::curvature_sketch).
///
/// ```
/// use gibbsian_core::{CurvatureSketch, ScoreJvp, Seed};
/// use gibbsian_nn::{Activation, CurvatureEnergy};
/// use ndarray::{Array2, array};
///
/// let energy = CurvatureEnergy::new(
///     2,
///     |net, x| {
///         let e = net.mlp("energy", x, &[16], 1, Activation::Softplus);
///         net.confined(e, x, 4.0)
///     },
///     &mut Seed::new(1).rng(),
/// )?;
/// // One a hidden unit, and one for each square of the well.
/// assert_eq!(energy.n_noise(), 18);
/// let noise = gibbsian_core::Directions::Rademacher.draw((1, 18), &mut Seed::new(2).rng());
/// let mut diagonal = Array2::zeros((1, 2));
/// energy.jacobian_diagonal_sketch_into(array![[0.5, -1.0]].view(), noise.view(), diagonal.view_mut());
/// assert!(diagonal.iter().all(|j| j.is_finite()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CurvatureEnergy {
    dim: usize,
    machine: Machine,
    energies: Energies,
    scores: Scores,
    n_noise: usize,
    diagonal: Plan,
    divergence_pull: Pull,
}

impl CurvatureEnergy {
    /// The energy of points of dimension `dim` that `forward` writes, with initial parameters from `rng`; it computes in [`Precision::Single`].
    ///
    /// # Errors
    /// As [`NeuralEnergy::new`](crate::NeuralEnergy::new), and a network that has no curvature at all, such as one of rectifiers.
    pub fn new(
        dim: usize,
        forward: impl FnOnce(&mut Net<'_>, Var) -> Var,
        rng: &mut dyn Rng,
    ) -> Result<Self> {
        let Built {
            mut g,
            inputs,
            machine,
            energies,
            scores,
            e,
            s,
        } = build(dim, |net, inputs| forward(net, inputs.x), rng)?;
        let Some(sketch) = g.curvature_sketch(e, inputs.x) else {
            return Err(
                Error::parameter("network", "without curvature", "one that bends in x")
                    .with_cure("take smooth activations: the second derivative of a rectifier is zero wherever it exists"),
            );
        };
        // J is minus the Hessian of the energy.
        let hessian = g.mul(sketch.left, sketch.right);
        let diagonal = g.scale(-1.0, hessian);
        let divergence = g.total(diagonal);
        Ok(CurvatureEnergy {
            dim,
            machine,
            energies,
            scores,
            n_noise: g.width(sketch.noise),
            diagonal: Plan::new(&g, &[diagonal]),
            divergence_pull: Pull::new(&mut g, &[(s, inputs.u, U), (divergence, inputs.c, C)]),
        })
    }
}

model!(CurvatureEnergy);
static_score!(CurvatureEnergy);
static_energy!(CurvatureEnergy);

/// The inputs of a run with noise.
fn with_noise<'a>(x: ArrayView2<'a, f64>, noise: ArrayView2<'a, f64>) -> Views<'a> {
    let mut views = views(x, None, None);
    views[NOISE] = noise;
    views
}

impl CurvatureSketch for CurvatureEnergy {
    fn n_noise(&self) -> usize {
        self.n_noise
    }

    fn jacobian_diagonal_sketch_into(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.machine
            .run(&self.diagonal, &with_noise(x, noise), &mut [out]);
    }

    fn divergence_sketch_pullback_with(
        &self,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            let (u, c) = cotangents.split_at_mut(1);
            let c = c[0].column_mut(0);
            cotangent(values[0].view(), values[1].column(0), u[0].view_mut(), c);
        };
        let views = with_noise(x, noise);
        self.machine.pull(&self.divergence_pull, &views, decide, grad);
    }
}
