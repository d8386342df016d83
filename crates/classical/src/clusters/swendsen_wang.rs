//! All clusters at once.

use gibbsian_core::math::sigmoid;
use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::forest::{settle, unite};
use super::law::{BondLaw, Clusters, gain_of_turn, matrix, turned};
use super::report::{Partition, Partitions};
use super::state::{ClusterState, Memory};
use super::{ClusterModel, threshold};

/// Draws all bonds and an orientation for each cluster that the active ones make (Swendsen and Wang 1987, "Nonuniversal critical dynamics in Monte
/// Carlo simulations").
///
/// A cluster `C` is turned with probability `σ(Σ_{i ∈ C} [gain_i(turned) − gain_i])`: one half without fields, and `σ(−2 Σ_{i ∈ C} h_i x_i)` for spins, so that
/// symbols are drawn from their law given the bonds. The symbols of a Potts model are paired at random in each step; of an odd number one stays alone and
/// its sites as they are.
///
/// The step is reversible. A satisfied bond is active, and a cluster turned, when a uniform 64-bit integer lies below `⌊2⁶⁴ p⌋`.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Ising, SwendsenWang};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::Array2;
///
/// let torus = Ising::uniform(Graph::lattice(&[8, 8], Boundary::Periodic)?, 0.44, 0.01)?;
/// let (kernel, mut rng) = (SwendsenWang, Seed::new(1).rng());
/// let mut chains = kernel.init(&torus, Array2::ones((10, 64)))?;
/// let partitions = kernel.step(&torus, &mut chains, &mut rng);
/// assert!(partitions.0.iter().all(|p| (1.0..=64.0).contains(&p.mean_size())));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwendsenWang;

impl<M: ClusterModel + ?Sized> Kernel<M> for SwendsenWang {
    type State = ClusterState;
    type Info = Partitions;

    fn init(&self, model: &M, x: Array2<f64>) -> Result<ClusterState> {
        ClusterState::new(model, x.view())
    }

    fn refresh(&self, model: &M, state: &mut ClusterState) {
        state.refresh(model);
    }

    fn positions<'s>(&self, state: &'s ClusterState) -> CowArray<'s, f64, Ix2> {
        state.positions()
    }

    fn step(&self, model: &M, state: &mut ClusterState, rng: &mut dyn Rng) -> Partitions {
        let streams = Streams::draw(rng);
        Partitions(state.map_chains(
            |law, block| {
                let lanes = law.square().filter(|square| square.has_whole_words());
                (streams.block(block), lanes.map(|_| LaneRng::new(streams, block)))
            },
            |law, symbols, memory, (rng, lanes)| match (law.square(), lanes) {
                (Some(square), Some(lanes)) => square.sweep(symbols, &mut memory.square, lanes, rng),
                _ => step(model, law, symbols, memory, rng),
            },
        ))
    }
}

impl<M: ClusterModel + ?Sized> TransitionLaw<M> for SwendsenWang {
    /// The cost is `3^D` for each state and pairing of the symbols.
    fn transition_matrix(&self, model: &M, states: ArrayView2<f64>) -> Array2<f64> {
        let pairings = pairings(model.alphabet(0).len());
        let all = (1 << model.dim()) - 1;
        matrix(model, states, |law, symbols, add| {
            for partner in &pairings {
                let clusters = Clusters::new(model, law, symbols, partner);
                let turns = |c: usize| {
                    if c & clusters.fixed == 0 {
                        turn_probability(clusters.gain[c])
                    } else {
                        0.0
                    }
                };
                let all_turned = clusters.sum_over_partitions(turns);
                let all_kept = clusters.sum_over_partitions(|c| 1.0 - turns(c));
                for (set, p_turned) in all_turned.iter().enumerate() {
                    let kept = all ^ set;
                    let p = p_turned * clusters.separation(set, kept) * all_kept[kept];
                    if p > 0.0 {
                        add(&turned(symbols, set, partner), p / pairings.len() as f64);
                    }
                }
            }
        })
    }
}

/// The probability with which a cluster is turned.
fn turn_probability(gain: f64) -> f64 {
    sigmoid(gain)
}

fn step<M: ClusterModel + ?Sized>(
    model: &M,
    law: &BondLaw,
    symbols: &mut [u8],
    memory: &mut Memory,
    rng: &mut StreamRng,
) -> Partition {
    let n = symbols.len();
    let partner = draw_pairing(model.alphabet(0).len(), rng);
    let Memory {
        parent,
        size,
        gain,
        marked,
        ..
    } = memory;
    parent.clear();
    parent.extend(0..n as u32);
    for (b, &[i, j]) in model.graph().bonds().iter().enumerate() {
        let bond = law.bond(b);
        if bond.is_satisfied(symbols[i], symbols[j], &partner) && rng.next_u64() < bond.threshold {
            unite(parent, i as u32, j as u32);
        }
    }
    size.clear();
    size.resize(n, 0);
    gain.clear();
    gain.resize(n, 0.0);
    for (site, &symbol) in symbols.iter().enumerate() {
        let root = settle(parent, site);
        size[root] += 1;
        if law.has_fields {
            gain[root] += gain_of_turn(model, site, symbol, &partner);
        }
    }
    marked.resize(n, false);
    for (site, symbol) in symbols.iter_mut().enumerate() {
        let root = parent[site] as usize;
        if root == site {
            marked[root] = rng.next_u64() < threshold(turn_probability(gain[root]));
        }
        if marked[root] {
            *symbol = partner[usize::from(*symbol)];
        }
    }
    marked.fill(false);
    Partition::of_sizes(n, size)
}

/// The partner of each symbol in a uniformly drawn pairing; one of an odd number is alone.
fn draw_pairing(n_symbols: usize, rng: &mut StreamRng) -> Vec<u8> {
    let mut order: Vec<u8> = (0..n_symbols).map(|k| k as u8).collect();
    if n_symbols > 2 {
        for last in (1..n_symbols).rev() {
            order.swap(last, rng.random_range(0..=last));
        }
    }
    let mut partner = order.clone();
    for pair in order.chunks(2) {
        partner[usize::from(pair[0])] = pair[pair.len() - 1];
        partner[usize::from(pair[pair.len() - 1])] = pair[0];
    }
    partner
}

/// All pairings.
fn pairings(n_symbols: usize) -> Vec<Vec<u8>> {
    fn extend(partner: &mut Vec<u8>, free: &[u8], may_leave: bool, all: &mut Vec<Vec<u8>>) {
        let Some((&a, rest)) = free.split_first() else {
            all.push(partner.clone());
            return;
        };
        if may_leave {
            extend(partner, rest, false, all);
        }
        for (k, &b) in rest.iter().enumerate() {
            partner.swap(usize::from(a), usize::from(b));
            let others = [&rest[..k], &rest[k + 1..]].concat();
            extend(partner, &others, may_leave, all);
            partner.swap(usize::from(a), usize::from(b));
        }
    }
    let alone: Vec<u8> = (0..n_symbols).map(|k| k as u8).collect();
    let mut all = Vec::new();
    extend(&mut alone.clone(), &alone, n_symbols % 2 == 1, &mut all);
    all
}
