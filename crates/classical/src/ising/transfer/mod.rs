//! The transfer matrix, site by site: exact results for graphs that can be cut by few spins.
//!
//! A boundary is swept over the graph. For every state of its spins it has the sum of the Boltzmann factors of everything behind it; a new site joins with
//! its field and its bonds to the boundary, and spins that have no neighbours to come are summed out. A strip of width `L` needs `2^L` numbers, and a
//! site costs two multiplications for each of them (Binder 1972; Morgenstern and Binder 1979). Multiplying by whole rows, as one writes it on paper, would
//! cost `4^L`. Couplings and fields are arbitrary, and so is the graph: strips and cylinders of width up to 24, tori of width up to 12, trees of
//! any size. What limits a graph is the number of spins on the boundary, so several orders of the sites are tried.
//!
//! Weights are kept as they are where they provably stay within the range of doubles, and as logarithms where couplings are so strong that they may not.
//!
//! A second sweep back over the graph gives the weight of everything ahead, and with it every mean and every pair moment of a bond, and exact draws.

mod plan;
mod sweep;
mod weight;

use gibbsian_core::math::{log_add_exp, sigmoid};
use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Density, Energy, Result, Space, StreamRng, Streams};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};

use super::Ising;
use plan::{Plan, Step};
use sweep::{Boundary, Checkpoints};
use weight::{Log, Weight};

/// An Ising model with its exact normaliser, exact moments and exact draws.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph, Ising, TransferMatrix};
/// use gibbsian_core::Density;
///
/// // A ring in a field has the two eigenvalues of a 2 × 2 matrix.
/// let ring = Ising::uniform(Graph::lattice(&[100], Boundary::Periodic)?, 0.6, 0.0)?;
/// let expected = 100.0 * (2.0 * 0.6f64.cosh()).ln() + 0.6f64.tanh().powi(100).ln_1p();
/// assert!((TransferMatrix::new(&ring)?.log_z() - expected).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TransferMatrix<'a> {
    model: &'a Ising,
    plan: Plan,
    log_z: f64,
}

/// Means of the spins and moments of the pairs that are joined.
#[derive(Clone, Debug, PartialEq)]
pub struct BondMoments {
    /// `⟨x_i⟩`, one a site.
    pub sites: Array1<f64>,
    /// `⟨x_i x_j⟩`, one a bond.
    pub bonds: Array1<f64>,
}

impl Ising {
    /// `log Z`, exact up to rounding, by a [`TransferMatrix`].
    ///
    /// # Errors
    /// A graph that is too wide for one.
    pub fn log_z(&self) -> Result<f64> {
        Ok(TransferMatrix::new(self)?.log_z)
    }
}

impl<'a> TransferMatrix<'a> {
    /// Sweeps over the graph of the model.
    ///
    /// # Errors
    /// In every order of the sites that was tried, the boundary has more than 24 spins at some step.
    pub fn new(model: &'a Ising) -> Result<Self> {
        let plan = Plan::new(model)?;
        let log_z = if plan.is_linear {
            log_z::<f64>(&plan)
        } else {
            log_z::<Log>(&plan)
        };
        Ok(TransferMatrix { model, plan, log_z })
    }

    /// The model.
    pub fn model(&self) -> &'a Ising {
        self.model
    }

    /// The most spins that are summed over at once: those of the boundary and a new one.
    pub(super) fn widest(&self) -> usize {
        let widths = self.plan.steps.iter().map(|step| step.width + 1);
        widths.max().expect("a graph has sites")
    }

    /// `⟨x_i⟩` of every site and `⟨x_i x_j⟩` of every bond.
    ///
    /// `⟨E⟩` and its derivatives in the parameters follow: the model is an exponential family, and these are its mean parameters.
    pub fn moments(&self) -> BondMoments {
        if self.plan.is_linear {
            self.moments_of::<f64>()
        } else {
            self.moments_of::<Log>()
        }
    }

    fn moments_of<W: Weight>(&self) -> BondMoments {
        let graph = self.model.graph();
        let mut moments = BondMoments {
            sites: Array1::zeros(graph.n_sites()),
            bonds: Array1::zeros(graph.n_bonds()),
        };
        let mut behind = Checkpoints::<W>::new(&self.plan);
        let mut ahead = Boundary::<W>::start();
        for (t, step) in self.plan.steps.iter().enumerate().rev() {
            ahead.retreat(step);
            // The joint law of the old boundary and the new spin, up to a factor.
            let behind = &behind.before(t).weights;
            let mut joint: Vec<W> = Vec::with_capacity(ahead.weights.len());
            for new in ahead.weights.chunks_exact(behind.len()) {
                joint.extend(new.iter().zip(behind).map(|(a, b)| a.times(*b)));
            }
            W::rescale(&mut joint);
            let (mut total, mut mean) = (0.0, 0.0);
            let mut pairs = vec![0.0; step.bonds.len()];
            for (state, p) in joint.into_iter().enumerate() {
                let p = p.value();
                let spin = |slot: usize| if state >> slot & 1 == 1 { 1.0 } else { -1.0 };
                let x = spin(step.width);
                total += p;
                mean += p * x;
                for (pair, bond) in pairs.iter_mut().zip(&step.bonds) {
                    *pair += p * x * spin(bond.slot);
                }
            }
            moments.sites[step.site] = mean / total;
            for (pair, bond) in pairs.iter().zip(&step.bonds) {
                moments.bonds[bond.bond] = pair / total;
            }
            ahead.forget_new(step);
        }
        moments
    }

    /// Spins from the last that left to the first: given those that are still on the boundary after a step, the ones that left at that step are
    /// independent of everything drawn before.
    fn draw<W: Weight>(&self, streams: Streams, out: &mut Array2<f64>) {
        let mut behind = Checkpoints::<W>::new(&self.plan);
        let n_blocks = out.nrows().div_ceil(BLOCK_ROWS);
        let mut rngs: Vec<StreamRng> = (0..n_blocks).map(|block| streams.block(block)).collect();
        // The states of the boundary, one a row.
        let mut states = vec![0usize; out.nrows()];
        for (t, step) in self.plan.steps.iter().enumerate().rev() {
            let behind = &behind.before(t).weights;
            for (row, state) in states.iter_mut().enumerate() {
                let rng = &mut rngs[row / BLOCK_ROWS];
                let drawn = redraw_leaving(step, behind, *state, rng);
                out[[row, step.site]] = if drawn >> step.width & 1 == 1 { 1.0 } else { -1.0 };
                *state = drawn & ((1 << step.width) - 1);
            }
        }
    }
}

/// The state of the old boundary and the new spin, given the spins that stay.
fn redraw_leaving<W: Weight>(step: &Step, behind: &[W], stays: usize, rng: &mut dyn Rng) -> usize {
    // Room is made for the spins that left, all of them down.
    let mut state = stays;
    for &slot in &step.leaving {
        let low = state & ((1 << slot) - 1);
        state = (state ^ low) << 1 | low;
    }
    let log_weight = |state: usize| {
        let spin = |slot: usize| if state >> slot & 1 == 1 { 1.0 } else { -1.0 };
        let bonds = step
            .couplings
            .iter()
            .map(|&(slot, coupling)| coupling * spin(slot));
        let field = step.field + bonds.sum::<f64>();
        behind[state & ((1 << step.width) - 1)].log() + field * spin(step.width)
    };
    // All combinations of the leaving spins; the running total decides which is kept.
    let mut kept = state;
    let mut log_total = f64::NEG_INFINITY;
    for choice in 0..1usize << step.leaving.len() {
        let mut candidate = state;
        for (bit, &slot) in step.leaving.iter().enumerate() {
            candidate |= (choice >> bit & 1) << slot;
        }
        let log_w = log_weight(candidate);
        let take = sigmoid(log_w - log_total);
        log_total = log_add_exp(log_total, log_w);
        if rng.random::<f64>() < take {
            kept = candidate;
        }
    }
    kept
}

fn log_z<W: Weight>(plan: &Plan) -> f64 {
    let mut boundary = Boundary::<W>::start();
    for step in &plan.steps {
        boundary.advance(step);
    }
    boundary.log_total()
}

impl Space for TransferMatrix<'_> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl Energy for TransferMatrix<'_> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.model.energy_into(x, out);
    }
}

impl Density for TransferMatrix<'_> {
    fn log_z(&self) -> f64 {
        self.log_z
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        if self.plan.is_linear {
            self.draw::<f64>(streams, &mut out);
        } else {
            self.draw::<Log>(streams, &mut out);
        }
        out
    }
}
