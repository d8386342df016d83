//! Cluster moves between two replicas of a frustrated model (Houdayer 2001, "A cluster Monte Carlo algorithm for 2-dimensional spin glasses").
//!
//! Clusters of equal spins say nothing where couplings are frustrated. Two replicas `x` and `y` at one temperature say where they differ, `q_i = x_i y_i = −1`, and the sites where they do fall
//! into sets that bonds connect. To exchange the two replicas on one such set `C` changes both energies and not their sum: on a bond within `C` the spins are exchanged together, and on one
//! that leaves it the outer ones are equal, so that the two terms change places. Fields do not matter either. So the move needs no acceptance, whatever the model.
//!
//! `q` stays as it is, and with it the sets. A site with `q = −1` is drawn uniformly and its set is exchanged: the way back has the same probability, and the step is reversible. Alone it goes to few
//! states, for the sum of both replicas at a site never changes; sweeps must come between, and tempering often does. Where sites with `q = −1` percolate, as they do on cubic
//! lattices at any temperature of interest, the set is nearly everything, and the move exchanges the replicas as a whole.

use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Discrete, Error, Kernel, Result, Space, StreamRng, Streams, TransitionLaw};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2, concatenate};
use rand::{Rng, RngExt};

use super::Ising;
use crate::clusters::{Turn, Turns};
use crate::graph::Graph;

impl Ising {
    /// Two replicas side by side, as one model of `2N` spins: all sites of the first, and then those of the second, with no bond between.
    ///
    /// Any kernel can move them; [`Houdayer`] moves both at once.
    ///
    /// # Errors
    /// None for a model that exists.
    pub fn two_replicas(&self) -> Result<Self> {
        let n = self.graph.n_sites();
        let second = self.graph.bonds().iter().map(|[i, j]| [i + n, j + n]);
        let bonds = self.graph.bonds().iter().copied().chain(second).collect();
        let twice = |of_one: &Array1<f64>| concatenate![ndarray::Axis(0), *of_one, *of_one];
        Ising::new(
            Graph::of_bonds(2 * n, bonds),
            twice(&self.couplings),
            twice(&self.fields),
        )
    }
}

/// Exchanges the two replicas of [`Ising::two_replicas`] on one connected set of sites where they differ.
///
/// The size of the set is reported for each chain, zero where the replicas are equal.
///
/// ```
/// use gibbsian_classical::{Graph, Houdayer, Ising};
/// use gibbsian_core::{Energy, Kernel, Seed};
/// use ndarray::array;
///
/// // A frustrated triangle, twice.
/// let pair = Ising::uniform(Graph::complete(3)?, -1.0, 0.3)?.two_replicas()?;
/// let x = array![[1.0, 1.0, -1.0, 1.0, -1.0, 1.0]];
/// let before = pair.energy(x.view());
/// let (kernel, mut rng) = (Houdayer, Seed::new(1).rng());
/// let mut chains = kernel.init(&pair, x)?;
/// let turns = kernel.step(&pair, &mut chains, &mut rng);
/// assert_eq!(turns.0[0].size, 2);
/// assert_eq!(kernel.positions(&chains), array![[1.0, -1.0, 1.0, 1.0, 1.0, -1.0]]);
/// assert!((pair.energy(kernel.positions(&chains).view()) - before)[0].abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Houdayer;

impl Kernel<Ising> for Houdayer {
    type State = Array2<f64>;
    type Info = Turns;

    fn init(&self, model: &Ising, x: Array2<f64>) -> Result<Array2<f64>> {
        check_two_replicas(model)?;
        model.check_states("x", x.view())?;
        Ok(x)
    }

    /// # Panics
    /// When the two halves of the model are no longer the same.
    fn refresh(&self, model: &Ising, _state: &mut Array2<f64>) {
        check_two_replicas(model).expect("the model is two replicas");
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, model: &Ising, state: &mut Array2<f64>, rng: &mut dyn Rng) -> Turns {
        let streams = Streams::draw(rng);
        let turns = map_blocks_mut(state.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let rows = rows.rows_mut().into_iter();
            rows.map(|x| exchange_one(model, x, &mut rng)).collect::<Vec<_>>()
        });
        Turns(turns.into_iter().flatten().collect())
    }
}

impl TransitionLaw<Ising> for Houdayer {
    fn transition_matrix(&self, model: &Ising, states: ArrayView2<f64>) -> Array2<f64> {
        let mut p = Array2::zeros((states.nrows(), states.nrows()));
        for (i, x) in states.rows().into_iter().enumerate() {
            let differ = differing(x.as_slice().expect("states lie row by row"));
            if differ.is_empty() {
                p[[i, i]] = 1.0;
            }
            for &first in &differ {
                let mut to = x.to_owned();
                exchange(model, to.view_mut(), first);
                let j = states.rows().into_iter().position(|state| state == to);
                p[[i, j.expect("a listed state")]] += 1.0 / differ.len() as f64;
            }
        }
        p
    }
}

/// The sites at which the two replicas of a row differ.
fn differing(x: &[f64]) -> Vec<usize> {
    let (first, second) = x.split_at(x.len() / 2);
    (0..first.len()).filter(|&i| first[i] != second[i]).collect()
}

fn exchange_one(model: &Ising, x: ArrayViewMut1<f64>, rng: &mut StreamRng) -> Turn {
    let differ = differing(x.as_slice().expect("chains lie row by row"));
    let size = match differ.len() {
        0 => 0,
        n => exchange(model, x, differ[rng.random_range(0..n)]),
    };
    Turn {
        size,
        accepted: true,
        probability: 1.0,
    }
}

/// Exchanges the replicas on the set of a site where they differ, and returns how many sites it has.
fn exchange(model: &Ising, mut x: ArrayViewMut1<f64>, first: usize) -> u64 {
    let n = x.len() / 2;
    // An exchanged site still differs, so it must be remembered.
    let mut is_in = vec![false; n];
    let mut set = vec![first];
    is_in[first] = true;
    let mut next = 0;
    while next < set.len() {
        let site = set[next];
        next += 1;
        x.swap(site, n + site);
        for neighbour in model.graph.neighbours(site) {
            if !is_in[neighbour.site] && x[neighbour.site] != x[n + neighbour.site] {
                is_in[neighbour.site] = true;
                set.push(neighbour.site);
            }
        }
    }
    set.len() as u64
}

/// Requires two halves that are the same model and have no bond between them.
pub(super) fn check_two_replicas(model: &Ising) -> Result<()> {
    let n = model.dim() / 2;
    let requirement = "two replicas, as Ising::two_replicas makes";
    let refuse = |name: &str, value: String| Err(Error::parameter(name.to_owned(), value, requirement));
    if model.dim() != 2 * n {
        return refuse("model", format!("of {} spins", model.dim()));
    }
    let bonds = model.graph.bonds();
    let (first, second) = bonds.split_at(bonds.len() / 2);
    let is_copy = |(a, b): (&[usize; 2], &[usize; 2])| a.iter().all(|i| *i < n) && [a[0] + n, a[1] + n] == *b;
    if first.len() != second.len() || !first.iter().zip(second).all(is_copy) {
        return refuse("model", "of halves with other bonds".to_owned());
    }
    for (name, values, half) in [
        ("couplings", &model.couplings, first.len()),
        ("fields", &model.fields, n),
    ] {
        if let Some(k) = (0..half).find(|&k| values[k] != values[half + k]) {
            return refuse(&format!("{name}[{}]", half + k), values[half + k].to_string());
        }
    }
    Ok(())
}
