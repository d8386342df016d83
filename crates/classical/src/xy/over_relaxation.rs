//! Turns that cost no energy.

use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Kernel, Result};
use ndarray::{Array2, ArrayViewMut1, CowArray, Ix2};
use rand::Rng;

use super::{Xy, check_angles, wrap};

/// A sweep that reflects each spin in order at its local field, `θ_i → 2 arg g_i − θ_i` (Creutz 1987, "Overrelaxation and Monte Carlo simulation").
///
/// The energy stays as it is, and a reflection keeps volumes, so every density of the energy is invariant. Nothing is drawn: sweeps that change the energy, as those of
/// [`XyMetropolis`](super::XyMetropolis), must come between. A spin without a local field stays.
///
/// ```
/// use gibbsian_classical::xy::OverRelaxation;
/// use gibbsian_classical::{Boundary, Graph, Xy};
/// use gibbsian_core::{Energy, Kernel, Seed};
/// use ndarray::array;
///
/// let ring = Xy::uniform(Graph::lattice(&[3], Boundary::Periodic)?, 1.0, [0.3, 0.1])?;
/// let x = array![[0.1, 2.0, -1.5]];
/// let mut chains = OverRelaxation.init(&ring, x.clone())?;
/// OverRelaxation.step(&ring, &mut chains, &mut Seed::new(1).rng());
/// assert!((ring.energy(chains.view()) - ring.energy(x.view()))[0].abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverRelaxation;

impl Kernel<Xy> for OverRelaxation {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, model: &Xy, x: Array2<f64>) -> Result<Array2<f64>> {
        check_angles(model, &x)?;
        Ok(x)
    }

    fn refresh(&self, _model: &Xy, _state: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, model: &Xy, state: &mut Array2<f64>, _rng: &mut dyn Rng) {
        for_each_block(state.view_mut(), |_, mut rows| {
            for theta in rows.rows_mut() {
                sweep(model, theta);
            }
        });
    }
}

fn sweep(model: &Xy, mut theta: ArrayViewMut1<f64>) {
    for site in 0..theta.len() {
        let [along, across] = model.local_field(theta.view(), site);
        if along != 0.0 || across != 0.0 {
            theta[site] = wrap(2.0 * across.atan2(along) - theta[site]);
        }
    }
}
