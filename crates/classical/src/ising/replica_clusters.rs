//! Clusters of two replicas at once (Chayes, Machta and Redner 1998; Machta, Newman and Stein 2007, section II).
//!
//! With `K = |J_ij|` a bond contributes to the weight of a pair of replicas `e^{2K}`, `1` or `e^{−2K}` as it is satisfied in both, in one or in neither. Times `e^{2K}`, which is constant, that is
//! `1 + (e^{4K} − 1)`, `1 + (e^{2K} − 1)` or `1`: a bond that is satisfied in both is *blue* with probability `1 − e^{−4K}`, and one that is satisfied in one *red* with probability
//! `1 − e^{−2K}`. Given these, all pairs that satisfy them weigh the same. Sites that blue bonds connect are tied to each other in each replica, and those that blue and red bonds connect (*grey*) in the
//! overlap `q_i = x_i y_i` alone. So a new pair is drawn by turning every blue cluster in both replicas, and every grey one in the second, each with probability one half, and nothing is rejected.
//!
//! A field is a bond to one more site, which has spin +1 in both replicas and stays.
//!
//! Where the model is frustrated a cluster of a single replica percolates long before spins order. Blue clusters percolate later, and where there are two large ones of opposite overlap the turn
//! of either changes the overlap of the replicas. Unlike [`Houdayer`](super::Houdayer), which leaves energy and overlap as they are, the move reaches every pair of states by itself.

use std::collections::BTreeMap;

use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Discrete, Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2};
use rand::{Rng, RngExt};

use super::Ising;
use super::houdayer::check_two_replicas;
use crate::clusters::forest::{settle, unite};
use crate::clusters::{Partition, Partitions};

/// The site that fields are bonds to; sites of the model come after it, so that clusters with it have it as their root.
const FIELD: usize = 0;

/// Draws the two replicas of [`Ising::two_replicas`] anew, given blue and red bonds between their sites; see the module.
///
/// What is reported of each chain are the blue clusters; sites that blue bonds tie to a field count as one of them.
///
/// ```
/// use gibbsian_classical::{Graph, Ising, ReplicaClusters};
/// use gibbsian_core::{Kernel, Seed};
/// use ndarray::{Array1, Array2, array};
///
/// // A frustrated square, twice.
/// let square = Graph::new(4, vec![[0, 1], [1, 2], [2, 3], [3, 0]])?;
/// let couplings = array![0.4, 0.4, 0.4, -0.4];
/// let pair = Ising::new(square, couplings, Array1::zeros(4))?.two_replicas()?;
/// let (kernel, mut rng) = (ReplicaClusters, Seed::new(1).rng());
/// let mut chains = kernel.init(&pair, Array2::ones((1_000, 8)))?;
/// let mut mean = 0.0;
/// for step in 0..150 {
///     kernel.step(&pair, &mut chains, &mut rng);
///     let x = kernel.positions(&chains);
///     if step >= 100 {
///         mean += x.column(0).dot(&x.column(1)) / 50_000.0;
///     }
/// }
/// // ⟨x₀x₁⟩ = (t − t³) / (1 − t⁴) with t = tanh 0.4.
/// let t = 0.4f64.tanh();
/// assert!((mean - (t - t.powi(3)) / (1.0 - t.powi(4))).abs() < 0.03, "{mean}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaClusters;

impl Kernel<Ising> for ReplicaClusters {
    type State = Array2<f64>;
    type Info = Partitions;

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

    fn step(&self, model: &Ising, state: &mut Array2<f64>, rng: &mut dyn Rng) -> Partitions {
        let streams = Streams::draw(rng);
        let bonds = bonds(model);
        let partitions = map_blocks_mut(state.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let rows = rows.rows_mut().into_iter();
            rows.map(|x| draw_pair(&bonds, x, &mut rng)).collect::<Vec<_>>()
        });
        Partitions(partitions.into_iter().flatten().collect())
    }
}

/// A bond of one replica, with fields as bonds to [`FIELD`].
struct Bond {
    ends: [usize; 2],
    coupling: f64,
}

/// What a bond may become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Colour {
    Blue,
    Red,
}

impl Bond {
    /// The colour that the bond has with the probability beside it, and otherwise none.
    fn colour(&self, x: &[f64]) -> Option<(Colour, f64)> {
        let n = x.len() / 2;
        let spin = |site: usize, replica: usize| match site {
            FIELD => 1.0,
            site => x[replica * n + site - 1],
        };
        let [i, j] = self.ends;
        let n_satisfied = (0..2)
            .filter(|&replica| self.coupling * spin(i, replica) * spin(j, replica) > 0.0)
            .count();
        // −expm1(−x) = 1 − e^{−x}, without its loss of digits for weak bonds.
        match n_satisfied {
            2 => Some((Colour::Blue, -(-4.0 * self.coupling.abs()).exp_m1())),
            1 => Some((Colour::Red, -(-2.0 * self.coupling.abs()).exp_m1())),
            _ => None,
        }
    }
}

/// The bonds of the first replica, and its fields.
fn bonds(model: &Ising) -> Vec<Bond> {
    let (n_bonds, n_sites) = (model.couplings.len() / 2, model.fields.len() / 2);
    let between =
        (model.graph.bonds().iter().take(n_bonds).zip(&model.couplings)).map(|([i, j], coupling)| Bond {
            ends: [i + 1, j + 1],
            coupling: *coupling,
        });
    let fields = (model.fields.iter().take(n_sites).enumerate()).map(|(i, field)| Bond {
        ends: [FIELD, i + 1],
        coupling: *field,
    });
    between.chain(fields).collect()
}

/// The clusters of blue bonds, and of bonds of either colour.
struct Clusters {
    blue: Vec<u32>,
    grey: Vec<u32>,
}

impl Clusters {
    /// Every site by itself.
    fn apart(n_sites: usize) -> Self {
        let apart: Vec<u32> = (0..=n_sites as u32).collect();
        Clusters {
            blue: apart.clone(),
            grey: apart,
        }
    }

    fn join(&mut self, [i, j]: [usize; 2], colour: Colour) {
        if colour == Colour::Blue {
            unite(&mut self.blue, i as u32, j as u32);
        }
        unite(&mut self.grey, i as u32, j as u32);
    }

    /// Makes every site know the roots of its clusters.
    fn settle(&mut self) {
        for parents in [&mut self.blue, &mut self.grey] {
            for site in 0..parents.len() {
                settle(parents, site);
            }
        }
    }

    /// Turns blue clusters in both replicas and grey ones in the second, where `blue` and `grey` say so of their roots.
    fn turn(&self, mut x: ArrayViewMut1<f64>, blue: impl Fn(usize) -> bool, grey: impl Fn(usize) -> bool) {
        let n = x.len() / 2;
        for site in 0..n {
            let both = blue(self.blue[site + 1] as usize);
            if both {
                x[site] = -x[site];
            }
            if both != grey(self.grey[site + 1] as usize) {
                x[n + site] = -x[n + site];
            }
        }
    }
}

fn draw_pair(bonds: &[Bond], x: ArrayViewMut1<f64>, rng: &mut StreamRng) -> Partition {
    let n_sites = x.len() / 2;
    let mut clusters = Clusters::apart(n_sites);
    let spins = x.as_slice().expect("chains lie row by row");
    for bond in bonds {
        if let Some((colour, probability)) = bond.colour(spins)
            && rng.random::<f64>() < probability
        {
            clusters.join(bond.ends, colour);
        }
    }
    clusters.settle();
    // A coin for every site, of which those of the roots count; what is tied to a field stays.
    let mut coins = || -> Vec<bool> { (0..=n_sites).map(|root| root != FIELD && rng.random()).collect() };
    let (blue, grey) = (coins(), coins());
    let mut sizes = vec![0u32; n_sites + 1];
    for root in &clusters.blue[1..] {
        sizes[*root as usize] += 1;
    }
    clusters.turn(x, |root| blue[root], |root| grey[root]);
    Partition::of_sizes(n_sites, &sizes)
}

impl TransitionLaw<Ising> for ReplicaClusters {
    /// Sums over all choices of bonds and turns, so that a model of more than about ten bonds and fields takes long.
    fn transition_matrix(&self, model: &Ising, states: ArrayView2<f64>) -> Array2<f64> {
        let bonds = bonds(model);
        let bits = |x: &[f64]| x.iter().fold(0u64, |bits, s| 2 * bits + u64::from(*s > 0.0));
        let places: BTreeMap<u64, usize> = (states.rows().into_iter().enumerate())
            .map(|(i, x)| (bits(&x.to_vec()), i))
            .collect();
        let mut p = Array2::zeros((states.nrows(), states.nrows()));
        for (i, x) in states.rows().into_iter().enumerate() {
            let spins = x.to_vec();
            let open: Vec<_> = (bonds.iter())
                .filter_map(|bond| Some((bond.ends, bond.colour(&spins)?)))
                .filter(|(_, (_, probability))| *probability > 0.0)
                .collect();
            for choice in 0..1u64 << open.len() {
                let mut clusters = Clusters::apart(spins.len() / 2);
                let mut probability = 1.0;
                for (k, (ends, (colour, open))) in open.iter().enumerate() {
                    if choice >> k & 1 == 1 {
                        clusters.join(*ends, *colour);
                        probability *= open;
                    } else {
                        probability *= 1.0 - open;
                    }
                }
                clusters.settle();
                let roots = |of: &[u32]| -> Vec<usize> {
                    (1..of.len()).filter(|site| of[*site] as usize == *site).collect()
                };
                let (blue, grey) = (roots(&clusters.blue), roots(&clusters.grey));
                let turns = blue.len() + grey.len();
                for turn in 0..1u64 << turns {
                    let mut to = x.to_owned();
                    let turned = |roots: &[usize], first: usize, root: usize| {
                        (roots.iter().position(|r| *r == root)).is_some_and(|k| turn >> (first + k) & 1 == 1)
                    };
                    clusters.turn(
                        to.view_mut(),
                        |root| turned(&blue, 0, root),
                        |root| turned(&grey, blue.len(), root),
                    );
                    p[[i, places[&bits(&to.to_vec())]]] += probability / (1u64 << turns) as f64;
                }
            }
        }
        p
    }
}
