//! Clusters that are reflected at a line.
//!
//! Along a direction `r` a spin is an Ising spin with the sign of `s_i · r`, and the reflection `s → s − 2 (s · r) r` turns it and leaves the rest of the spin alone (Wolff 1989). Two neighbours are coupled by
//! `J_ij |s_i · r| |s_j · r|`, and Fortuin and Kasteleyn's bonds do the rest: a bond is active with probability
//!
//! `p = 1 − exp(min(0, −2 J_ij (s_i · r)(s_j · r)))`.
//!
//! A field does not belong to the bonds; the reflection of the cluster is accepted with probability `min(1, exp(−2 Σ_{i ∈ C} (h_i · r)(s_i · r)))`. The reflections do not change the products along
//! bonds within a cluster, so the way back has the same probability, and the step is reversible.

use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Kernel, Result, StreamRng, Streams};
use ndarray::{Array2, ArrayViewMut1, CowArray, Ix2};
use rand::{Rng, RngExt};
use std::f64::consts::PI;

use super::{Xy, check_angles, wrap};
use crate::clusters::{Turn, Turns, acceptance};

/// Grows a cluster from a uniformly drawn site and reflects it at a line that is drawn uniformly too (Wolff 1989, "Collective Monte Carlo updating for spin systems").
///
/// ```
/// use gibbsian_classical::xy::XyWolff;
/// use gibbsian_classical::{Boundary, Graph, Xy};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::Array2;
///
/// let torus = Xy::uniform(Graph::lattice(&[8, 8], Boundary::Periodic)?, 1.1, [0.0; 2])?;
/// let mut chains = XyWolff.init(&torus, Array2::zeros((10, 64)))?;
/// let turns = XyWolff.step(&torus, &mut chains, &mut Seed::new(1).rng());
/// assert!(turns.0.iter().all(|turn| turn.accepted && turn.size >= 1));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XyWolff;

impl Kernel<Xy> for XyWolff {
    type State = Array2<f64>;
    type Info = Turns;

    fn init(&self, model: &Xy, x: Array2<f64>) -> Result<Array2<f64>> {
        check_angles(model, &x)?;
        Ok(x)
    }

    fn refresh(&self, _model: &Xy, _state: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, model: &Xy, state: &mut Array2<f64>, rng: &mut dyn Rng) -> Turns {
        let streams = Streams::draw(rng);
        let turns = map_blocks_mut(state.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let rows = rows.rows_mut().into_iter();
            rows.map(|theta| turn(model, theta, &mut rng)).collect::<Vec<_>>()
        });
        Turns(turns.into_iter().flatten().collect())
    }
}

fn turn(model: &Xy, mut theta: ArrayViewMut1<f64>, rng: &mut StreamRng) -> Turn {
    let direction = 2.0 * PI * rng.random::<f64>();
    let (r_sin, r_cos) = direction.sin_cos();
    let along: Vec<f64> = theta.iter().map(|theta| (theta - direction).cos()).collect();
    let first = rng.random_range(0..theta.len());
    let mut is_in = vec![false; theta.len()];
    let mut cluster = vec![first];
    is_in[first] = true;
    let (mut gain, mut next) = (0.0, 0);
    while next < cluster.len() {
        let site = cluster[next];
        next += 1;
        let h = model.fields.row(site);
        gain -= 2.0 * (h[0] * r_cos + h[1] * r_sin) * along[site];
        for neighbour in model.graph.neighbours(site) {
            let gap = 2.0 * model.couplings[neighbour.bond] * along[site] * along[neighbour.site];
            if !is_in[neighbour.site] && gap > 0.0 && rng.random::<f64>() < -(-gap).exp_m1() {
                is_in[neighbour.site] = true;
                cluster.push(neighbour.site);
            }
        }
    }
    let probability = acceptance(gain);
    let accepted = rng.random::<f64>() < probability;
    if accepted {
        for site in &cluster {
            theta[*site] = wrap(2.0 * direction + PI - theta[*site]);
        }
    }
    Turn {
        size: cluster.len() as u64,
        accepted,
        probability,
    }
}
