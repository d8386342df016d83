//! Max–product belief propagation on factor graphs: messages about the likeliest state.
//!
//! The [messages](super::messages) of sum–product with the maximum in place of `log Σ exp`. Every variable takes the symbol of its largest belief `Σ_{a ∋ i} m_{a→i}(s)`. On a tree that is the lowest energy; at a
//! fixed point on a graph with loops where every variable has one largest belief, no state that differs in one variable is lower (Weiss and Freeman 2001, who have more): each factor's belief is then largest at the
//! state, `b_a(x) ≤ b_i(x_i)` elsewhere, and energies are differences of beliefs. There may be no fixed point, and on loops whose factors are at odds beliefs may settle on ties; the result says both.
//!
//! Where several symbols of a variable have the largest belief, as symmetric graphs have, taking any one of each would mix states. Variables are read off in their order, and of equal symbols
//! the one is taken that is best given the symbols of the variables before.

use gibbsian_core::Result;
use ndarray::Array1;

use super::FactorGraph;
use super::messages::Messages;
use crate::field::{Convergence, Largest, Schedule};

/// Loopy belief propagation for the likeliest state of a factor graph, damped, with the factors in order and in reverse.
///
/// ```
/// use gibbsian_classical::FactorGraph;
/// use gibbsian_classical::factor_graph::MaxProduct;
/// use ndarray::{Array3, array};
///
/// // Three bits of which an even number is one, and what was seen of them: the third is the least certain to be a one.
/// let seen = [0.9, 0.8, 0.6].map(|p: f64| array![-(1.0 - p).ln(), -p.ln()].into_dyn());
/// let parity = Array3::from_shape_fn((2, 2, 2), |(a, b, c)| if (a + b + c) % 2 == 0 { 0.0 } else { 40.0 });
/// let mut factors: Vec<_> = seen.into_iter().enumerate().map(|(i, table)| (vec![i], table)).collect();
/// factors.push((vec![0, 1, 2], parity.into_dyn()));
/// let graph = FactorGraph::new(vec![vec![0.0, 1.0]; 3], factors)?;
/// let found = MaxProduct::new(0.0, 1e-9, 100)?.run(&graph);
/// assert_eq!(found.labels, array![1.0, 1.0, 0.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxProduct {
    schedule: Schedule,
}

/// The state that [`MaxProduct`] decided for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Likeliest {
    /// The labels `(N)`.
    pub labels: Array1<f64>,
    /// Their energy.
    pub energy: f64,
    /// Whether every variable had one largest belief. If messages have converged as well, no change of one variable lowers the energy.
    pub is_unique: bool,
    /// How the search ended; the residual is the largest change of a message before damping.
    pub convergence: Convergence,
}

impl MaxProduct {
    /// With a share `damping` of the old message in the new one, until no message changes by more than `tolerance`, for at most `max_rounds`.
    ///
    /// # Errors
    /// A damping outside `[0, 1)`, a tolerance that is not positive and finite, or no rounds.
    pub fn new(damping: f64, tolerance: f64, max_rounds: usize) -> Result<Self> {
        Ok(MaxProduct {
            schedule: Schedule::new(damping, tolerance, max_rounds)?,
        })
    }

    /// Passes messages, starting from silence, and reads the state off.
    pub fn run(&self, graph: &FactorGraph) -> Likeliest {
        let (messages, convergence) = Messages::pass::<Largest>(graph, self.schedule);
        let mut symbols: Vec<usize> = Vec::with_capacity(graph.n_variables());
        let mut is_unique = true;
        for variable in 0..graph.n_variables() {
            let belief = messages.heard(graph, variable, None);
            let largest = belief.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let seats = &graph.structure.factors_of[variable];
            // Messages are as far from their limit as their last change says.
            let equal = self.schedule.tolerance * (1 + seats.len()) as f64 / (1.0 - self.schedule.damping);
            let mut value = vec![0.0; belief.len()];
            for seat in seats {
                let said = messages.given::<Largest>(graph, seat.factor, seat.position, &symbols);
                value
                    .iter_mut()
                    .zip(said)
                    .for_each(|(value, said)| *value += said);
            }
            let candidates: Vec<usize> = (0..belief.len())
                .filter(|s| belief[*s] >= largest - equal)
                .collect();
            is_unique &= candidates.len() == 1;
            let best = candidates
                .into_iter()
                .reduce(|best, s| if value[s] > value[best] { s } else { best });
            symbols.push(best.unwrap_or(0));
        }
        Likeliest {
            labels: graph.state(&symbols),
            energy: graph.energy_of(&symbols),
            is_unique,
            convergence,
        }
    }
}
