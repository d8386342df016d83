//! Messages from factors to their variables, for both kinds of belief propagation.
//!
//! A factor sends to each of its variables what the rest of the graph behind it says, in logarithms
//!
//! `m_{a→i}(s) = ⊕_{x_∂a: x_i = s} [−E_a(x_∂a) + Σ_{j ∈ ∂a∖i} n_{j→a}(x_j)]`,  `n_{j→a}(s) = Σ_{b ∋ j, b ≠ a} m_{b→j}(s)`,
//!
//! where `⊕` is `log Σ exp` for marginals and the maximum for the likeliest state; messages are normalised, `⊕_s m(s) = 0`, and mixed with the one before, `m ← (1 − d) m_new + d m_old`. A round
//! goes through the factors in order and in reverse, so that on a tree news crosses the graph in few rounds however it is numbered, in one if factors are numbered along it.

use super::FactorGraph;
use super::structure::Scope;
use crate::field::{Convergence, Schedule, Summary};
use crate::larger::larger;

/// What every factor says to each of its variables.
pub(super) struct Messages(Vec<Vec<Vec<f64>>>);

impl Messages {
    /// Passes messages until none changes by more than the tolerance.
    pub(super) fn pass<S: Summary>(graph: &FactorGraph, schedule: Schedule) -> (Self, Convergence) {
        let mut messages = Messages::silent::<S>(graph);
        let (mut n_rounds, mut residual) = (0, f64::INFINITY);
        while residual > schedule.tolerance && n_rounds < schedule.max_rounds {
            residual = 0.0;
            for factor in (0..graph.n_factors()).chain((0..graph.n_factors()).rev()) {
                residual = larger(residual, messages.send::<S>(graph, factor, schedule.damping));
            }
            n_rounds += 1;
        }
        let convergence = Convergence {
            converged: residual <= schedule.tolerance,
            n_rounds,
            residual,
        };
        (messages, convergence)
    }

    /// Messages that say nothing, normalised.
    fn silent<S: Summary>(graph: &FactorGraph) -> Self {
        let silence = |scope: &Scope| {
            let to = |q: &usize| vec![-S::of(&vec![0.0; *q]); *q];
            scope.shape.iter().map(to).collect()
        };
        Messages(graph.structure.factors.iter().map(silence).collect())
    }

    /// `Σ_a m_{a→i}(s)` over the factors of a variable but for one.
    pub(super) fn heard(&self, graph: &FactorGraph, variable: usize, except: Option<usize>) -> Vec<f64> {
        let mut sum = vec![0.0; graph.n_symbols(variable)];
        for seat in &graph.structure.factors_of[variable] {
            if Some(seat.factor) == except {
                continue;
            }
            for (sum, m) in sum.iter_mut().zip(&self.0[seat.factor][seat.position]) {
                *sum += m;
            }
        }
        sum
    }

    /// What the variables of a factor say to it.
    pub(super) fn heard_by(&self, graph: &FactorGraph, factor: usize) -> Vec<Vec<f64>> {
        let variables = graph.variables(factor).iter();
        variables.map(|i| self.heard(graph, *i, Some(factor))).collect()
    }

    /// Sends from a factor to all its variables and returns the largest change of a message.
    fn send<S: Summary>(&mut self, graph: &FactorGraph, factor: usize, damping: f64) -> f64 {
        let heard = self.heard_by(graph, factor);
        let mut residual = 0.0;
        for position in 0..heard.len() {
            let new = say::<S>(graph, factor, position, &heard, |_| true);
            let total = S::of(&new);
            for (old, new) in self.0[factor][position].iter_mut().zip(new) {
                let new = new - total;
                residual = larger(residual, (new - *old).abs());
                *old = (1.0 - damping) * new + damping * *old;
            }
        }
        residual
    }

    /// What a factor says to one of its variables when the first variables of the graph have these symbols, not normalised.
    pub(super) fn given<S: Summary>(
        &self,
        graph: &FactorGraph,
        factor: usize,
        position: usize,
        symbols: &[usize],
    ) -> Vec<f64> {
        let mut heard = self.heard_by(graph, factor);
        let scope = &graph.structure.factors[factor];
        let known: Vec<(usize, usize)> = scope
            .variables
            .iter()
            .enumerate()
            .filter_map(|(place, variable)| symbols.get(*variable).map(|symbol| (place, *symbol)))
            .collect();
        // Who has a symbol has nothing more to say.
        known.iter().for_each(|(place, _)| heard[*place].fill(0.0));
        say::<S>(graph, factor, position, &heard, |entry| {
            known
                .iter()
                .all(|(place, symbol)| scope.symbol(entry, *place) == *symbol)
        })
    }
}

/// `⊕ [−E_a(x_∂a) + Σ_{j ≠ i} n_j(x_j)]` over those entries of a table that count, for every symbol of the variable at a position.
fn say<S: Summary>(
    graph: &FactorGraph,
    factor: usize,
    position: usize,
    heard: &[Vec<f64>],
    counts: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let (scope, table) = (&graph.structure.factors[factor], graph.table_entries(factor));
    let n_symbols = scope.shape[position];
    let mut terms = vec![Vec::with_capacity(table.len() / n_symbols); n_symbols];
    for (entry, e) in table.iter().enumerate().filter(|(entry, _)| counts(*entry)) {
        let others = (0..heard.len()).filter(|other| *other != position);
        let said: f64 = others.map(|other| heard[other][scope.symbol(entry, other)]).sum();
        terms[scope.symbol(entry, position)].push(said - e);
    }
    terms.iter().map(|terms| S::of(terms)).collect()
}
