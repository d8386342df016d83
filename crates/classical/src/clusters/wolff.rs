//! One cluster at a time.

use gibbsian_core::{Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::law::{BondLaw, Clusters, gain_of_turn, matrix, swap, turned};
use super::report::{Turn, Turns};
use super::state::{ClusterState, Memory};
use super::{ClusterModel, acceptance};

/// Grows the cluster of a uniformly drawn site along active bonds and turns it (Wolff 1989, "Collective Monte Carlo updating for spin systems").
///
/// Without fields every cluster is turned. With fields a turn is accepted with probability `min(1, exp(Σ_{i ∈ C} [gain_i(new) − gain_i(old)]))`, `Π exp(−2 h_i x_i)` for
/// spins. A cluster of a Potts model swaps the symbol of its first site with another, drawn uniformly.
///
/// The step is reversible. A satisfied bond is active when a uniform 64-bit integer lies below `⌊2⁶⁴ p⌋`.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Ising, Wolff};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::Array2;
///
/// let torus = Ising::uniform(Graph::lattice(&[8, 8], Boundary::Periodic)?, 0.44, 0.0)?;
/// let (kernel, mut rng) = (Wolff, Seed::new(1).rng());
/// let mut chains = kernel.init(&torus, Array2::ones((10, 64)))?;
/// let turns = kernel.step(&torus, &mut chains, &mut rng);
/// assert!(turns.0.iter().all(|turn| turn.accepted && turn.size >= 1));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wolff;

impl<M: ClusterModel + ?Sized> Kernel<M> for Wolff {
    type State = ClusterState;
    type Info = Turns;

    fn init(&self, model: &M, x: Array2<f64>) -> Result<ClusterState> {
        ClusterState::new(model, x.view())
    }

    fn refresh(&self, model: &M, state: &mut ClusterState) {
        state.refresh(model);
    }

    fn positions<'s>(&self, state: &'s ClusterState) -> CowArray<'s, f64, Ix2> {
        state.positions()
    }

    fn step(&self, model: &M, state: &mut ClusterState, rng: &mut dyn Rng) -> Turns {
        let streams = Streams::draw(rng);
        Turns(state.map_chains(
            |_, block| streams.block(block),
            |law, symbols, memory, rng| match law.square().filter(|square| square.can_turn()) {
                Some(square) => square.turn(symbols, &mut memory.queue, rng),
                None => step(model, law, symbols, memory, rng),
            },
        ))
    }
}

impl<M: ClusterModel + ?Sized> TransitionLaw<M> for Wolff {
    /// The cost is `3^D` for each state.
    fn transition_matrix(&self, model: &M, states: ArrayView2<f64>) -> Array2<f64> {
        let n = model.dim();
        let n_symbols = model.alphabet(0).len();
        matrix(model, states, |law, symbols, add| {
            // Only a symbol that some site has can be the first one's.
            for a in places(n_symbols).filter(|a| symbols.contains(a)) {
                for b in places(n_symbols).filter(|b| *b != a) {
                    let partner = swap(a, b, n_symbols);
                    let clusters = Clusters::new(model, law, symbols, &partner);
                    let p_first_and_partner = 1.0 / (n * (n_symbols - 1)) as f64;
                    for c in 1..1 << n {
                        let seeds = (0..n).filter(|i| c >> i & 1 == 1 && symbols[*i] == a).count();
                        if seeds == 0 {
                            continue;
                        }
                        let grown = clusters.connected[c] * clusters.separation(c, !c & ((1 << n) - 1));
                        let p = seeds as f64 * p_first_and_partner * grown;
                        let accepted = acceptance(clusters.gain[c]);
                        add(&turned(symbols, c, &partner), p * accepted);
                        add(symbols, p * (1.0 - accepted));
                    }
                }
            }
        })
    }
}

/// The places of an alphabet of at most 256 symbols.
fn places(n_symbols: usize) -> impl Iterator<Item = u8> {
    (0..n_symbols).map(|place| place as u8)
}

fn step<M: ClusterModel + ?Sized>(
    model: &M,
    law: &BondLaw,
    symbols: &mut [u8],
    memory: &mut Memory,
    rng: &mut StreamRng,
) -> Turn {
    let n_symbols = model.alphabet(0).len();
    let first = rng.random_range(0..symbols.len());
    let a = symbols[first];
    let partner = if n_symbols == 2 {
        vec![1, 0]
    } else {
        // The other symbols are numbered in a byte; all of them need not be.
        let b = rng.random_range(0..(n_symbols - 1) as u8);
        swap(a, b + u8::from(b >= a), n_symbols)
    };
    let Memory { marked, queue, .. } = memory;
    marked.resize(symbols.len(), false);
    queue.clear();
    queue.push(first as u32);
    marked[first] = true;
    let mut gain = 0.0;
    let mut next = 0;
    while next < queue.len() {
        let site = queue[next] as usize;
        next += 1;
        if law.has_fields {
            gain += gain_of_turn(model, site, symbols[site], &partner);
        }
        for neighbour in model.graph().neighbours(site) {
            let bond = law.bond(neighbour.bond);
            if !marked[neighbour.site]
                && bond.is_satisfied(symbols[site], symbols[neighbour.site], &partner)
                && rng.next_u64() < bond.threshold
            {
                marked[neighbour.site] = true;
                queue.push(neighbour.site as u32);
            }
        }
    }
    let probability = acceptance(gain);
    let accepted = !law.has_fields || rng.random::<f64>() < probability;
    for &site in queue.iter() {
        marked[site as usize] = false;
        if accepted {
            let symbol = &mut symbols[site as usize];
            *symbol = partner[usize::from(*symbol)];
        }
    }
    Turn {
        size: queue.len() as u64,
        accepted,
        probability,
    }
}
