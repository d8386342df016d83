//! `log Z` and moments by self-consistent means, for graphs that no exact route can take.
//!
//! The [approximations](Approximation) that [`inverse_ising`](super::inverse_ising) solves for couplings are free energies of magnetisations `m`. Solved for `m` instead, at given couplings,
//! each has a stationary point where `−log Z ≈ F(m)`,
//!
//! | approximation | `−F(m)` | stationary where `m_i` is |
//! |---|---|---|
//! | mean field | `Σ J_ij m_i m_j + Σ h_i m_i + Σ S(m_i)` | `tanh(h_i + Σ_j J_ij m_j)` |
//! | TAP | that `+ ½ Σ J_ij² (1 − m_i²)(1 − m_j²)` | `tanh(h_i + Σ_j J_ij m_j − m_i Σ_j J_ij² (1 − m_j²))` |
//! | Bethe | `Σ_i log Z_i − Σ_⟨ij⟩ log Z_ij` | `tanh(h_i + Σ_j u_{j→i})` |
//!
//! with the entropy `S` of a spin, every bond counted once, and the messages of belief propagation `u_{j→i} = artanh(tanh J_ij tanh c_{j→i})` out of the fields
//! `c_{j→i} = h_j + Σ_{k ≠ i} u_{k→j}` that a spin has without its neighbour. Mean field is a lower bound of `log Z`; the others are none. TAP leaves out `J³`. Bethe is exact on trees. With loops,
//! messages need not converge, and neither need TAP; the result says whether they did.
//!
//! `∂ log Z/∂h_i` and `∂ log Z/∂J_ij` of the approximate `log Z` are the means and the moments of bonds that come with it, because `F` is stationary in everything else.
//!
//! Sources: Thouless, Anderson and Palmer (1977) for TAP; Mézard and Montanari (2009), "Information, Physics, and Computation", equations 14.27 to 14.31, for Bethe.

use gibbsian_core::error::{check_count, check_each, check_positive, check_shape};
use gibbsian_core::math::{bernoulli_entropy, log_2cosh, log_add_exp, log_cosh, softplus};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView1};
use std::f64::consts::LN_2;

use super::{Approximation, BondMoments, Ising};
use crate::field::Convergence;
use crate::larger::larger;

/// Solves for the means of an approximation, spin by spin there and back.
///
/// ```
/// use gibbsian_classical::ising::{Approximation, SelfConsistent};
/// use gibbsian_classical::{Boundary, Graph, Ising};
///
/// let chain = Ising::uniform(Graph::lattice(&[50], Boundary::Open)?, 0.7, 0.2)?;
/// let bethe = SelfConsistent::default().run(&chain, Approximation::Bethe);
/// assert!((bethe.log_z - chain.log_z()?).abs() < 1e-11);
/// let mean_field = SelfConsistent::default().run(&chain, Approximation::MeanField);
/// assert!(mean_field.log_z < bethe.log_z);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfConsistent {
    damping: f64,
    tolerance: f64,
    max_sweeps: usize,
}

/// What an approximation says of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ApproximateMoments {
    /// Of `log Z`.
    pub log_z: f64,
    /// Of `⟨x_i⟩` and of `⟨x_i x_j⟩` on bonds: the derivatives of `log_z`.
    pub moments: BondMoments,
    /// How the search for the means ended; the residual is the largest change, of a mean or of a message, in the last sweep.
    pub convergence: Convergence,
}

impl Default for SelfConsistent {
    /// Undamped, until nothing changes by more than `10⁻¹⁴`, for at most a thousand sweeps.
    fn default() -> Self {
        SelfConsistent {
            damping: 0.0,
            tolerance: 1e-14,
            max_sweeps: 1000,
        }
    }
}

impl SelfConsistent {
    /// With a share `damping` of the old value in the new one, until nothing changes by more than `tolerance`, for at most `max_sweeps`.
    ///
    /// # Errors
    /// A damping outside `[0, 1)`, a tolerance that is not positive and finite, or no sweeps.
    pub fn new(damping: f64, tolerance: f64, max_sweeps: usize) -> Result<Self> {
        if !(0.0..1.0).contains(&damping) {
            return Err(Error::parameter("damping", damping, "in [0, 1)"));
        }
        check_positive("tolerance", tolerance)?;
        check_count("max_sweeps", max_sweeps)?;
        Ok(SelfConsistent {
            damping,
            tolerance,
            max_sweeps,
        })
    }

    /// From the means of free spins, `tanh h_i`.
    ///
    /// Without fields these are zero, and so is everything after them: a ferromagnet below its critical temperature is left for one of its two phases by
    /// [`SelfConsistent::run_from`] only.
    pub fn run(&self, model: &Ising, approximation: Approximation) -> ApproximateMoments {
        self.solve(model, approximation, model.fields.mapv(f64::tanh))
    }

    /// From the means `start` `(N)`.
    ///
    /// # Errors
    /// Another length, or means that are not strictly between −1 and 1.
    pub fn run_from(
        &self,
        model: &Ising,
        approximation: Approximation,
        start: ArrayView1<f64>,
    ) -> Result<ApproximateMoments> {
        check_shape("start", &start, &[model.graph.n_sites()])?;
        check_each("start", start, "strictly between -1 and 1", |m| m.abs() < 1.0)?;
        Ok(self.solve(model, approximation, start.to_owned()))
    }

    fn solve(&self, model: &Ising, approximation: Approximation, start: Array1<f64>) -> ApproximateMoments {
        match approximation {
            Approximation::MeanField => self.expand(model, start, 0.0),
            Approximation::Tap => self.expand(model, start, 1.0),
            Approximation::Bethe => self.pass_messages(model, start),
        }
    }

    /// Sweeps over the sites there and back until nothing changes; `update` returns the largest change at a site.
    fn iterate(&self, n_sites: usize, mut update: impl FnMut(usize) -> f64) -> Convergence {
        let (mut n_rounds, mut residual) = (0, f64::INFINITY);
        while residual > self.tolerance && n_rounds < self.max_sweeps {
            let sweep = (0..n_sites).chain((0..n_sites).rev());
            residual = sweep.map(&mut update).fold(0.0, larger);
            n_rounds += 1;
        }
        Convergence {
            converged: residual <= self.tolerance,
            n_rounds,
            residual,
        }
    }

    fn mix(&self, new: f64, old: f64) -> f64 {
        (1.0 - self.damping) * new + self.damping * old
    }

    /// Mean field, and TAP with the share `reaction = 1` of the second order in the couplings.
    fn expand(&self, model: &Ising, mut m: Array1<f64>, reaction: f64) -> ApproximateMoments {
        let (graph, couplings) = (&model.graph, &model.couplings);
        let convergence = self.iterate(graph.n_sites(), |i| {
            let back = graph.neighbours(i).iter().map(|n| {
                let spread = 1.0 - m[n.site] * m[n.site];
                couplings[n.bond] * couplings[n.bond] * spread
            });
            let back: f64 = back.sum();
            let new = (model.local_field(m.view(), i) - reaction * m[i] * back).tanh();
            let change = (new - m[i]).abs();
            m[i] = self.mix(new, m[i]);
            change
        });
        let mut log_z = model.interaction(m.view()) + m.dot(&model.fields);
        log_z += m.iter().map(|m| bernoulli_entropy(0.5 * (1.0 + m))).sum::<f64>();
        let spread = m.mapv(|m| (1.0 - m) * (1.0 + m));
        let mut bonds = Array1::zeros(graph.n_bonds());
        for (b, &[i, j]) in graph.bonds().iter().enumerate() {
            let second = reaction * couplings[b] * spread[i] * spread[j];
            log_z += 0.5 * couplings[b] * second;
            bonds[b] = m[i] * m[j] + second;
        }
        ApproximateMoments {
            log_z,
            moments: BondMoments { sites: m, bonds },
            convergence,
        }
    }

    /// Belief propagation in fields.
    fn pass_messages(&self, model: &Ising, start: Array1<f64>) -> ApproximateMoments {
        let (graph, couplings) = (&model.graph, &model.couplings);
        // What the first site of a bond says to the second, and the second to the first.
        let mut messages: Vec<[f64; 2]> = graph
            .bonds()
            .iter()
            .zip(couplings)
            .map(|(&[i, j], coupling)| [start[i], start[j]].map(|m| message(*coupling, m.atanh())))
            .collect();
        let is_second = |site: usize, bond: usize| usize::from(graph.bonds()[bond][1] == site);
        let total_field = |messages: &[[f64; 2]], i: usize| {
            let said = graph.neighbours(i).iter();
            model.fields[i]
                + said
                    .map(|n| messages[n.bond][1 - is_second(i, n.bond)])
                    .sum::<f64>()
        };
        let convergence = self.iterate(graph.n_sites(), |i| {
            let total = total_field(&messages, i);
            let mut change = 0.0;
            for n in graph.neighbours(i) {
                let own = is_second(i, n.bond);
                let [said, heard] = [messages[n.bond][own], messages[n.bond][1 - own]];
                let new = message(couplings[n.bond], total - heard);
                change = larger(change, (new - said).abs());
                messages[n.bond][own] = self.mix(new, said);
            }
            change
        });
        let totals = Array1::from_shape_fn(graph.n_sites(), |i| total_field(&messages, i));
        let mut log_z: f64 = totals.iter().map(|total| log_2cosh(*total)).sum();
        let mut bonds = Array1::zeros(graph.n_bonds());
        for (b, &[i, j]) in graph.bonds().iter().enumerate() {
            let coupling = couplings[b];
            // The fields without this bond.
            let c = [totals[i] - messages[b][1], totals[j] - messages[b][0]];
            let (equal, unequal) = (log_cosh(c[0] + c[1]), log_cosh(c[0] - c[1]));
            // Σ_s' e^{J s s' + c s'} / 2cosh c = a e^{us}, and Z_i has a factor a of each neighbour.
            for c in c {
                log_z += 0.5 * (log_cosh(c + coupling) + log_cosh(c - coupling)) - log_cosh(c);
            }
            let pair = log_add_exp(coupling + equal, unequal - coupling) - LN_2;
            log_z -= pair - log_cosh(c[0]) - log_cosh(c[1]);
            bonds[b] = (coupling + 0.5 * (equal - unequal)).tanh();
        }
        ApproximateMoments {
            log_z,
            moments: BondMoments {
                sites: totals.mapv(f64::tanh),
                bonds,
            },
            convergence,
        }
    }
}

/// `artanh(tanh J tanh c)`, the field that a spin in the field `c` sends over a coupling `J`; `±J` from a spin that is held, `c = ±∞`.
///
/// This is `½ log [cosh(J + c)/cosh(J − c)]`, and with `log cosh x = |x| + log(1 + e^{−2|x|}) − log 2` and `|J + c| − |J − c| = ±2 min(|J|, |c|)` no large numbers are subtracted.
fn message(coupling: f64, field: f64) -> f64 {
    let (j, c) = (coupling.abs(), field.abs());
    let size = j.min(c) + 0.5 * (softplus(-2.0 * (j + c)) - softplus(-2.0 * (j - c).abs()));
    size * coupling.signum() * field.signum()
}
