//! Sum–product belief propagation on factor graphs (Pearl 1988; Kschischang, Frey and Loeliger 2001).
//!
//! Beliefs of variables and of factors follow from the [messages](super::messages),
//!
//! `b_i(s) ∝ exp Σ_{a ∋ i} m_{a→i}(s)`,  `b_a(x_∂a) ∝ exp(−E_a(x_∂a) + Σ_{j ∈ ∂a} n_{j→a}(x_j))`.
//!
//! They are the marginals where the factor graph is a tree, which is more often than its graph of pairs is one: a factor of ten variables alone is a tree. Fixed points are stationary points
//! of the Bethe free energy (Yedidia, Freeman and Weiss 2005)
//!
//! `−log Z ≈ F = Σ_a ⟨E_a⟩ − Σ_a S_a + Σ_i (d_i − 1) S_i`
//!
//! with the entropies `S` of beliefs and the numbers `d_i` of factors of a variable; exact on trees, and no bound otherwise.

use gibbsian_core::Result;
use ndarray::{ArrayD, ArrayView1};

use super::FactorGraph;
use super::messages::Messages;
use crate::field::{Compensated, Convergence, LogSum, Schedule, entropy_term, to_probabilities};

/// Loopy belief propagation on a factor graph, damped, with the factors in order and in reverse.
///
/// ```
/// use gibbsian_classical::FactorGraph;
/// use gibbsian_classical::factor_graph::SumProduct;
/// use ndarray::Array3;
///
/// // Three bits of which an even number is one; two of them are seen to be ones with probability 0.9.
/// let seen = ndarray::array![0.1_f64, 0.9].mapv(|p| -p.ln()).into_dyn();
/// let parity = Array3::from_shape_fn((2, 2, 2), |(a, b, c)| if (a + b + c) % 2 == 0 { 0.0 } else { 40.0 });
/// let factors = vec![(vec![0], seen.clone()), (vec![1], seen), (vec![0, 1, 2], parity.into_dyn())];
/// let graph = FactorGraph::new(vec![vec![0.0, 1.0]; 3], factors)?;
/// let beliefs = SumProduct::default().run(&graph);
/// assert!(beliefs.convergence.converged);
/// // The third is one if exactly one of the others is.
/// assert!((beliefs.marginal(2)[1] - 2.0 * 0.9 * 0.1).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SumProduct {
    schedule: Schedule,
}

/// What the messages say at the end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FactorBeliefs {
    /// The Bethe free energy `F`.
    pub free_energy: f64,
    /// How the passing of messages ended; the residual is the largest change of a message, in nats, before damping.
    pub convergence: Convergence,
    of_variables: Vec<Vec<f64>>,
    of_factors: Vec<ArrayD<f64>>,
}

impl FactorBeliefs {
    /// `−F`, Bethe's estimate of `log Z`.
    pub fn log_z(&self) -> f64 {
        -self.free_energy
    }

    /// The belief of a variable: a probability for each symbol of its alphabet.
    ///
    /// # Panics
    /// When there is no such variable.
    pub fn marginal(&self, variable: usize) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.of_variables[variable][..])
    }

    /// The belief of a factor: a probability for each entry of its table. Where beliefs are exact they are `−∂ log Z` in the entries.
    ///
    /// # Panics
    /// When there is no such factor.
    pub fn factor(&self, factor: usize) -> &ArrayD<f64> {
        &self.of_factors[factor]
    }
}

impl Default for SumProduct {
    /// Undamped, until no message changes by more than `10⁻⁹`, for at most a thousand rounds.
    fn default() -> Self {
        SumProduct {
            schedule: Schedule {
                damping: 0.0,
                tolerance: 1e-9,
                max_rounds: 1000,
            },
        }
    }
}

impl SumProduct {
    /// With a share `damping` of the old message in the new one, until no message changes by more than `tolerance`, for at most `max_rounds`.
    ///
    /// # Errors
    /// A damping outside `[0, 1)`, a tolerance that is not positive and finite, or no rounds.
    pub fn new(damping: f64, tolerance: f64, max_rounds: usize) -> Result<Self> {
        Ok(SumProduct {
            schedule: Schedule::new(damping, tolerance, max_rounds)?,
        })
    }

    /// Passes messages, starting from silence.
    pub fn run(&self, graph: &FactorGraph) -> FactorBeliefs {
        let (messages, convergence) = Messages::pass::<LogSum>(graph, self.schedule);
        let of_variables: Vec<Vec<f64>> = (0..graph.n_variables())
            .map(|variable| {
                let mut b: Vec<f64> = messages.heard(graph, variable, None).iter().map(|h| -h).collect();
                to_probabilities(&mut b);
                b
            })
            .collect();
        let of_factors: Vec<ArrayD<f64>> = (0..graph.n_factors())
            .map(|factor| factor_belief(graph, &messages, factor))
            .collect();
        FactorBeliefs {
            free_energy: free_energy(graph, &of_variables, &of_factors),
            convergence,
            of_variables,
            of_factors,
        }
    }
}

fn factor_belief(graph: &FactorGraph, messages: &Messages, factor: usize) -> ArrayD<f64> {
    let heard = messages.heard_by(graph, factor);
    let (scope, table) = (&graph.structure.factors[factor], graph.table_entries(factor));
    let mut b: Vec<f64> = table
        .iter()
        .enumerate()
        .map(|(entry, e)| {
            let said = heard.iter().enumerate();
            e - said
                .map(|(position, n)| n[scope.symbol(entry, position)])
                .sum::<f64>()
        })
        .collect();
    to_probabilities(&mut b);
    ArrayD::from_shape_vec(scope.shape.clone(), b).expect("a belief an entry")
}

fn free_energy(graph: &FactorGraph, of_variables: &[Vec<f64>], of_factors: &[ArrayD<f64>]) -> f64 {
    let mut f = Compensated::default();
    for (variable, b) in of_variables.iter().enumerate() {
        let degree = graph.structure.factors_of[variable].len() as f64;
        b.iter().for_each(|b| f.add((degree - 1.0) * entropy_term(*b)));
    }
    for (factor, b) in of_factors.iter().enumerate() {
        for (b, e) in b.iter().zip(graph.table_entries(factor)) {
            f.add(b * e - entropy_term(*b));
        }
    }
    f.value()
}
