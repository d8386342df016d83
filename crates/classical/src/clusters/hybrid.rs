//! Clusters and single sites in turn.

use gibbsian_core::error::check_count;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::ClusterModel;
use super::law::matrix;
use super::state::ClusterState;
use crate::choose::choose;

/// A heat-bath sweep of the chains of [`SwendsenWang`](crate::SwendsenWang) and [`Wolff`](crate::Wolff): each site in order is redrawn from its law given its neighbours,
/// `p(x_i = a) ∝ exp(gain_i(a) + Σ_j gap_ij [x_j = a])`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalSweep;

/// Some cluster moves and then some sweeps a step.
///
/// Clusters carry the long waves and leave short ones, as those within a cluster, to the sweeps; in strong fields it is the sweeps that still move. The product of two kernels with
/// one invariant law has it too, and is not reversible.
///
/// ```
/// use gibbsian_classical::clusters::Hybrid;
/// use gibbsian_classical::{Boundary, Graph, Ising, Wolff};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::Array2;
///
/// let torus = Ising::uniform(Graph::lattice(&[8, 8], Boundary::Periodic)?, 0.44, 0.1)?;
/// let (kernel, mut rng) = (Hybrid::new(Wolff, 5, 1)?, Seed::new(1).rng());
/// let mut chains = kernel.init(&torus, Array2::ones((10, 64)))?;
/// kernel.step(&torus, &mut chains, &mut rng);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hybrid<K> {
    clusters: K,
    n_moves: usize,
    n_sweeps: usize,
}

impl<K> Hybrid<K> {
    /// `n_moves` moves of `clusters` and then `n_sweeps` sweeps a step.
    ///
    /// # Errors
    /// No moves or no sweeps.
    pub fn new(clusters: K, n_moves: usize, n_sweeps: usize) -> Result<Self> {
        Ok(Hybrid {
            clusters,
            n_moves: check_count("n_moves", n_moves)?,
            n_sweeps: check_count("n_sweeps", n_sweeps)?,
        })
    }
}

impl<M: ClusterModel + ?Sized> Kernel<M> for LocalSweep {
    type State = ClusterState;
    type Info = ();

    fn init(&self, model: &M, x: Array2<f64>) -> Result<ClusterState> {
        ClusterState::new(model, x.view())
    }

    fn refresh(&self, model: &M, state: &mut ClusterState) {
        state.refresh(model);
    }

    fn positions<'s>(&self, state: &'s ClusterState) -> CowArray<'s, f64, Ix2> {
        state.positions()
    }

    fn step(&self, model: &M, state: &mut ClusterState, rng: &mut dyn Rng) {
        sweep_all(model, state, Streams::draw(rng));
    }
}

impl<M: ClusterModel + ?Sized> TransitionLaw<M> for LocalSweep {
    fn transition_matrix(&self, model: &M, states: ArrayView2<f64>) -> Array2<f64> {
        (0..model.dim()).fold(Array2::eye(states.nrows()), |sweep, site| {
            let redraw = matrix(model, states, |_, symbols, add| {
                let mut law = vec![0.0; model.alphabet(site).len()];
                conditional(model, symbols, site, &mut law);
                let mut changed = symbols.to_vec();
                for (a, p) in law.iter().enumerate() {
                    changed[site] = a as u8;
                    add(&changed, *p);
                }
            });
            sweep.dot(&redraw)
        })
    }
}

impl<M: ClusterModel + ?Sized, K: Kernel<M, State = ClusterState>> Kernel<M> for Hybrid<K> {
    type State = ClusterState;
    /// That of the last cluster move.
    type Info = K::Info;

    fn init(&self, model: &M, x: Array2<f64>) -> Result<ClusterState> {
        self.clusters.init(model, x)
    }

    fn refresh(&self, model: &M, state: &mut ClusterState) {
        self.clusters.refresh(model, state);
    }

    fn positions<'s>(&self, state: &'s ClusterState) -> CowArray<'s, f64, Ix2> {
        state.positions()
    }

    fn step(&self, model: &M, state: &mut ClusterState, rng: &mut dyn Rng) -> K::Info {
        let streams = Streams::draw(rng);
        // Each move draws its key from a generator that no block of chains has.
        let mut keys = streams.part(0).block(0);
        let mut info = self.clusters.step(model, state, &mut keys);
        for _ in 1..self.n_moves {
            info = self.clusters.step(model, state, &mut keys);
        }
        for _ in 0..self.n_sweeps {
            sweep_all(model, state, Streams::draw(&mut keys));
        }
        info
    }
}

impl<M: ClusterModel + ?Sized, K: TransitionLaw<M, State = ClusterState>> TransitionLaw<M> for Hybrid<K> {
    fn transition_matrix(&self, model: &M, states: ArrayView2<f64>) -> Array2<f64> {
        let moves = std::iter::repeat_n(self.clusters.transition_matrix(model, states), self.n_moves);
        let sweeps = std::iter::repeat_n(LocalSweep.transition_matrix(model, states), self.n_sweeps);
        moves
            .chain(sweeps)
            .fold(Array2::eye(states.nrows()), |p, next| p.dot(&next))
    }
}

fn sweep_all<M: ClusterModel + ?Sized>(model: &M, state: &mut ClusterState, streams: Streams) {
    state.map_chains(
        |_, block| (streams.block(block), vec![0.0; model.alphabet(0).len()]),
        |_, symbols, _, (rng, law)| sweep(model, symbols, law, rng),
    );
}

fn sweep<M: ClusterModel + ?Sized>(model: &M, symbols: &mut [u8], law: &mut [f64], rng: &mut StreamRng) {
    for site in 0..symbols.len() {
        conditional(model, symbols, site, law);
        symbols[site] = choose(law, rng.random()) as u8;
    }
}

/// Writes the law of a site given its neighbours.
fn conditional<M: ClusterModel + ?Sized>(model: &M, symbols: &[u8], site: usize, law: &mut [f64]) {
    for (a, gain) in law.iter_mut().enumerate() {
        *gain = model.site_gain(site, a);
    }
    for neighbour in model.graph().neighbours(site) {
        law[usize::from(symbols[neighbour.site])] += model.bond_gap(neighbour.bond);
    }
    let total = log_sum_exp(law);
    for p in law {
        *p = (*p - total).exp();
    }
}
