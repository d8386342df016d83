//! Single spins, turned by a random angle.

use gibbsian_core::error::check_positive;
use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Acceptance, Kernel, Result, StreamRng, Streams};
use ndarray::{Array2, ArrayViewMut1, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::{Xy, check_angles, wrap};
use crate::clusters::acceptance;

/// A sweep over the sites: each in order is offered a turn by an angle that is uniform in `[−w, w)`, taken with probability `min(1, e^−ΔE)` (Metropolis and others 1953).
///
/// At `w = π` the offer does not depend on where the spin is. Colder models want less.
///
/// ```
/// use gibbsian_classical::xy::XyMetropolis;
/// use gibbsian_classical::{Boundary, Graph, Xy};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::Array2;
///
/// let torus = Xy::uniform(Graph::lattice(&[8, 8], Boundary::Periodic)?, 1.1, [0.0; 2])?;
/// let (kernel, mut rng) = (XyMetropolis::new(1.5)?, Seed::new(1).rng());
/// let mut chains = kernel.init(&torus, Array2::zeros((10, 64)))?;
/// let rate = kernel.step(&torus, &mut chains, &mut rng).rate();
/// assert!(rate > 0.3 && rate < 0.9);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct XyMetropolis {
    width: f64,
}

impl XyMetropolis {
    /// Offers turns of at most this angle.
    ///
    /// # Errors
    /// A width that is not positive and finite.
    pub fn new(width: f64) -> Result<Self> {
        Ok(XyMetropolis {
            width: check_positive("width", width)?,
        })
    }
}

impl Kernel<Xy> for XyMetropolis {
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, model: &Xy, x: Array2<f64>) -> Result<Array2<f64>> {
        check_angles(model, &x)?;
        Ok(x)
    }

    fn refresh(&self, _model: &Xy, _state: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, model: &Xy, state: &mut Array2<f64>, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let of_blocks = map_blocks_mut(state.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let rows = rows.rows_mut().into_iter();
            rows.map(|theta| self.sweep(model, theta, &mut rng))
                .sum::<Acceptance>()
        });
        of_blocks.into_iter().sum()
    }
}

impl XyMetropolis {
    fn sweep(&self, model: &Xy, mut theta: ArrayViewMut1<f64>, rng: &mut StreamRng) -> Acceptance {
        let mut count = Acceptance::default();
        for site in 0..theta.len() {
            let g = model.local_field(theta.view(), site);
            let old = theta[site];
            let new = wrap(old + self.width * (2.0 * rng.random::<f64>() - 1.0));
            let gain = g[0] * (new.cos() - old.cos()) + g[1] * (new.sin() - old.sin());
            let probability = acceptance(gain);
            count.proposed += 1;
            count.probability += probability;
            if rng.random::<f64>() < probability {
                theta[site] = new;
                count.accepted += 1;
            }
        }
        count
    }
}
