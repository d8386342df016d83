//! How the rows of a minibatch are joined with points of noise.

use gibbsian_core::error::{check_finite, check_shape};
use gibbsian_core::{Error, Result};
use gibbsian_linalg::matmul;
use ndarray::{Array2, ArrayView2, Axis};

use crate::assignment::Assignment;

/// Which point of noise each row of a minibatch is joined with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coupling {
    /// Each row with the point drawn for it.
    #[default]
    Independent,
    /// As many points as rows, joined so that `Σ ‖x − z‖²` is as small as it can be (Pooladian, Ben-Hamu, Domingo-Enrich, Amos, Lipman and Chen 2023; Tong, Fatras, Malkin, Huguet, Zhang,
    /// Rector-Brooks, Wolf and Bengio 2024).
    ///
    /// Whatever the size of the minibatch, data and noise each keep their law, so that the flow that is learnt leads from the one to the other; paths cross less, and
    /// velocities have less variance. Only as minibatches grow is the coupling that of optimal transport. It takes `O(B³)` operations besides those of the model.
    OptimalTransport,
}

impl Coupling {
    /// For every row of `x` `(B, D)` the row of `noise` `(B, D)` that it is joined with, a permutation.
    ///
    /// # Errors
    /// Shapes that do not fit, or entries that are not finite.
    pub fn partners(self, x: ArrayView2<f64>, noise: ArrayView2<f64>) -> Result<Vec<usize>> {
        check_shape("noise", &noise, x.shape())?;
        check_finite("x", &x)?;
        check_finite("noise", &noise)?;
        match self {
            Coupling::Independent => Ok((0..x.nrows()).collect()),
            Coupling::OptimalTransport => {
                // ½‖x − z‖² is −x·z and two terms that every pairing has alike.
                let cost = -matmul(x, noise.t());
                Ok(Assignment::optimal(cost.view())?.columns)
            }
        }
    }

    /// `noise` with its rows in the order of the rows that they are joined with.
    pub(crate) fn join(self, x: ArrayView2<f64>, noise: Array2<f64>) -> Result<Array2<f64>> {
        let partners = self.partners(x, noise.view())?;
        Ok(match self {
            Coupling::Independent => noise,
            Coupling::OptimalTransport => noise.select(Axis(0), &partners),
        })
    }

    /// Requires a coupling under which rows may count by weights.
    pub(crate) fn check_weighable(self) -> Result<()> {
        match self {
            Coupling::Independent => Ok(()),
            // A row's noise depends on the row, so weights of the rows would change the law of the noise.
            Coupling::OptimalTransport => Err(Error::parameter(
                "weights",
                "given",
                "absent with the coupling of optimal transport, under which they would change the law of the noise",
            )
            .with_cure("draw rows by their weights, or use Coupling::Independent")),
        }
    }
}
