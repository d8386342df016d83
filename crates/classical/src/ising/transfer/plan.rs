//! The order in which a transfer matrix takes the sites of a graph, and what each step does.

use gibbsian_core::{Error, Result};

use crate::Graph;
use crate::ising::Ising;

/// The most spins that a boundary may have: its weights take 128 MiB.
const WIDEST: usize = 24;

/// Weights whose logarithms differ by no more than this are kept as they are: even a product of two of them is far from the smallest double.
const SAFE_SPREAD: f64 = 250.0;

/// How a new spin joins the boundary, and which spins leave it.
///
/// The spins of the boundary are numbered by slots, the oldest first; bit `k` of a state is the spin in slot `k`. The new spin has the slot
/// after the last.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The new site.
    pub site: usize,
    /// Its field.
    pub field: f64,
    /// Its bonds to sites of the boundary.
    pub bonds: Vec<Bond>,
    /// Its coupling to each slot that it has a bond to: two bonds between one pair are as one.
    pub couplings: Vec<(usize, f64)>,
    /// Slots of spins without neighbours to come, the new one's perhaps among them, the first first.
    pub leaving: Vec<usize>,
    /// The number of spins of the boundary before the step.
    pub width: usize,
}

/// A bond between the new spin and an older one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bond {
    /// The number of the bond in the graph.
    pub bond: usize,
    /// The slot of the older spin.
    pub slot: usize,
}

/// All steps.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// Whether weights stay within the range of doubles whatever the state of the boundary.
    pub is_linear: bool,
}

impl Plan {
    pub(super) fn new(model: &Ising) -> Result<Self> {
        let graph = model.graph();
        let order = candidates(graph)
            .into_iter()
            .min_by_key(|order| cost(graph, order))
            .expect("there is at least one order");
        let width = widest(graph, &order);
        if width > WIDEST {
            return Err(Error::parameter(
                "graph",
                format!("cut nowhere by fewer than {width} spins in any order that was tried"),
                format!("cut by at most {WIDEST} spins, for a transfer matrix"),
            ));
        }
        Ok(Plan::along(model, &order))
    }

    fn along(model: &Ising, order: &[usize]) -> Self {
        let (graph, couplings) = (model.graph(), model.couplings());
        let mut boundary: Vec<usize> = Vec::new();
        let mut to_come: Vec<usize> = (0..graph.n_sites()).map(|i| graph.neighbours(i).len()).collect();
        // A flip of a spin of the boundary changes the logarithm of a weight by at most twice what the spin has met so far.
        let mut met = vec![0.0; graph.n_sites()];
        let mut spread: f64 = 0.0;
        let mut steps = Vec::with_capacity(order.len());
        for &site in order {
            let mut bonds = Vec::new();
            let mut at_slots: Vec<(usize, f64)> = Vec::new();
            for n in graph.neighbours(site) {
                let Some(slot) = boundary.iter().position(|&other| other == n.site) else {
                    continue;
                };
                let coupling = couplings[n.bond];
                bonds.push(Bond { bond: n.bond, slot });
                match at_slots.iter_mut().find(|(other, _)| *other == slot) {
                    Some((_, sum)) => *sum += coupling,
                    None => at_slots.push((slot, coupling)),
                }
                for end in [site, n.site] {
                    to_come[end] -= 1;
                    met[end] += coupling.abs();
                }
            }
            let width = boundary.len();
            boundary.push(site);
            met[site] += model.fields()[site].abs();
            spread = spread.max(boundary.iter().map(|&i| 2.0 * met[i]).sum());
            let leaving = (0..=width).filter(|&slot| to_come[boundary[slot]] == 0).collect();
            boundary.retain(|&i| to_come[i] > 0);
            steps.push(Step {
                site,
                field: model.fields()[site],
                bonds,
                couplings: at_slots,
                leaving,
                width,
            });
        }
        Plan {
            steps,
            is_linear: spread <= SAFE_SPREAD,
        }
    }
}

/// Orders that may be good: a lattice line by line in every direction, and always the next site that keeps the boundary short.
fn candidates(graph: &Graph) -> Vec<Vec<usize>> {
    let mut orders = vec![(0..graph.n_sites()).collect(), greedy(graph)];
    if let Some(lattice) = graph.as_lattice() {
        let n_directions = lattice.shape.len();
        for slowest in 1..n_directions {
            // The directions in turn, this one moved to the front.
            let mut order: Vec<usize> = (0..graph.n_sites()).collect();
            let stride: usize = lattice.shape[slowest + 1..].iter().product();
            order.sort_by_key(|site| site / stride % lattice.shape[slowest]);
            orders.push(order);
        }
    }
    orders
}

fn greedy(graph: &Graph) -> Vec<usize> {
    let mut taken = vec![false; graph.n_sites()];
    let mut to_come: Vec<usize> = (0..graph.n_sites()).map(|i| graph.neighbours(i).len()).collect();
    let mut order: Vec<usize> = Vec::with_capacity(graph.n_sites());
    let mut touched: Vec<usize> = Vec::new();
    for _ in 0..graph.n_sites() {
        // How much longer the boundary would be, and how many neighbours are still to come.
        let growth = |&site: &usize| {
            let older = graph.neighbours(site).iter().filter(|n| taken[n.site]);
            let leaving = older.filter(|n| to_come[n.site] == 1).count() as isize;
            (
                isize::from(to_come[site] > 0) - leaving,
                graph.neighbours(site).len(),
                site,
            )
        };
        touched.retain(|&site| !taken[site]);
        let next = touched.iter().copied().min_by_key(growth);
        // A component is begun at one of its sites with the fewest neighbours.
        let next = next.or_else(|| {
            let fresh = (0..graph.n_sites()).filter(|&site| !taken[site]);
            fresh.min_by_key(|&site| graph.neighbours(site).len())
        });
        let site = next.expect("a site is left");
        taken[site] = true;
        order.push(site);
        for n in graph.neighbours(site) {
            to_come[n.site] -= 1;
            if !taken[n.site] && !touched.contains(&n.site) {
                touched.push(n.site);
            }
        }
    }
    order
}

/// The number of weights that all steps write, and infinity's stand-in beyond what can be counted.
fn cost(graph: &Graph, order: &[usize]) -> u128 {
    widths(graph, order)
        .into_iter()
        .map(|width| 1u128 << width.min(100))
        .fold(0, u128::saturating_add)
}

fn widest(graph: &Graph, order: &[usize]) -> usize {
    widths(graph, order).into_iter().max().unwrap_or(0)
}

/// The number of spins of the boundary at each step, the new one not counted.
fn widths(graph: &Graph, order: &[usize]) -> Vec<usize> {
    let mut taken = vec![false; graph.n_sites()];
    let mut to_come: Vec<usize> = (0..graph.n_sites()).map(|i| graph.neighbours(i).len()).collect();
    let mut width = 0;
    order
        .iter()
        .map(|&site| {
            let before = width;
            taken[site] = true;
            for n in graph.neighbours(site) {
                to_come[n.site] -= 1;
                width -= usize::from(taken[n.site] && to_come[n.site] == 0);
            }
            width += usize::from(to_come[site] > 0);
            before
        })
        .collect()
}
