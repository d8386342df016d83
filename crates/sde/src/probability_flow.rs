//! The probability flow: an ordinary equation with the marginal laws of a diffusion.

use gibbsian_core::{LinearGaussian, Space, TimeScore};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::equation::{Ode, combine_at};
use crate::time_domain::TimeDomain;

/// The probability flow `dx/dt = f_t x − ½ g_t² s_t(x)` of a linear-Gaussian process under a score.
///
/// Solved from 0 to `T` it takes data to noise, from `T` to 0 noise to data; both ways are deterministic and one undoes the other.
///
/// Source: Song et al. (2021), equation 13.
#[derive(Clone, Copy, Debug)]
pub struct ProbabilityFlow<P, M> {
    process: P,
    model: M,
}

impl<P: LinearGaussian, M> ProbabilityFlow<P, M> {
    /// The flow of `process` under the score `model`.
    pub fn new(process: P, model: M) -> Self {
        ProbabilityFlow { process, model }
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// The score.
    pub fn model(&self) -> &M {
        &self.model
    }
}

impl<P: LinearGaussian, M: Space> Space for ProbabilityFlow<P, M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<P: LinearGaussian, M: TimeScore> Ode for ProbabilityFlow<P, M> {
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::of(&self.process)
    }

    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.model.score_at_into(x, t, out.view_mut());
        let coefficients = |t| {
            (
                self.process.drift_rate(t),
                0.5 * self.process.diffusion_squared(t),
            )
        };
        combine_at(t, coefficients, x, out, |(rate, weight), x, score| {
            rate * x - weight * score
        });
    }
}
