//! Exact sums and minima by eliminating variables one after the other (Bertelè and Brioschi 1972; Dechter 1999, "Bucket elimination").
//!
//! The tables that a variable takes part in become one table on its neighbours, in which it is summed out or set to its best symbol; then it is gone. The work is the size of the largest such
//! table, exponential in the width of the order of elimination. The next variable is the one that joins the fewest neighbours that were not joined before, then the one with the smallest table:
//! *min-fill*, whose orders are near the best in practice and exact on trees and chordal graphs; the best order is NP-hard to find (Arnborg, Corneil and Proskurowski 1987).

use std::collections::BTreeSet;

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Result};
use ndarray::Array1;

use super::FactorGraph;

/// The most entries of a table, with the variable that is eliminated.
const MOST: usize = 1 << 22;

/// `log Z`, exactly.
///
/// ```
/// use gibbsian_classical::FactorGraph;
/// use gibbsian_classical::factor_graph::log_z_by_elimination;
/// use ndarray::Array3;
///
/// // Two hundred bits, each three neighbours with a table of their own: far beyond enumeration, and narrow.
/// let table = |i: usize| Array3::from_shape_fn((2, 2, 2), |(a, b, c)| (a * b) as f64 - 0.01 * i as f64 * c as f64);
/// let factors = (0..198).map(|i| (vec![i, i + 1, i + 2], table(i).into_dyn())).collect();
/// let graph = FactorGraph::new(vec![vec![0.0, 1.0]; 200], factors)?;
/// assert!(log_z_by_elimination(&graph)?.is_finite());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A table of more than 2²² entries, with the variable at which it arises.
pub fn log_z_by_elimination(graph: &FactorGraph) -> Result<f64> {
    let (log_z, _) = eliminate(graph, |terms| (log_sum_exp(terms), 0))?;
    Ok(log_z)
}

/// A state of lowest energy and its energy, exactly; of several that are lowest, one.
///
/// # Errors
/// Those of [`log_z_by_elimination`].
pub fn lowest_by_elimination(graph: &FactorGraph) -> Result<(Array1<f64>, f64)> {
    let (_, choices) = eliminate(graph, |terms| {
        let best = (1..terms.len()).fold(0, |best, s| if terms[s] > terms[best] { s } else { best });
        (terms[best], best)
    })?;
    // In reverse: the symbol of a variable that was eliminated is a function of those of its neighbours at that time.
    let mut symbols = vec![0; graph.n_variables()];
    for choice in choices.iter().rev() {
        let entry = choice.neighbours.entry(|i| symbols[i]);
        symbols[choice.variable] = choice.best[entry] as usize;
    }
    let energy = graph.energy_of(&symbols);
    Ok((graph.state(&symbols), energy))
}

/// A variable that was eliminated, and its best symbol for each state of the neighbours that it had.
struct Choice {
    variable: usize,
    neighbours: Mixed,
    best: Vec<u32>,
}

/// Numbers of joint states of some variables; the first changes fastest.
#[derive(Clone)]
struct Mixed {
    variables: Vec<usize>,
    sizes: Vec<usize>,
}

impl Mixed {
    fn entry(&self, symbol_of: impl Fn(usize) -> usize) -> usize {
        let digits = self.variables.iter().zip(&self.sizes).rev();
        digits.fold(0, |number, (variable, size)| number * size + symbol_of(*variable))
    }

    /// The number of joint states, if there are few enough.
    fn count(&self) -> Option<usize> {
        self.sizes
            .iter()
            .try_fold(1usize, |count, size| count.checked_mul(*size))
    }

    /// What to add to a number of this table's states when the variables at the positions in `of` move by one.
    fn strides_in(&self, of: &[usize]) -> Vec<usize> {
        let stride = |variable: &usize| {
            let place = self.variables.iter().position(|v| v == variable);
            place.map_or(0, |place| self.sizes[..place].iter().product())
        };
        of.iter().map(stride).collect()
    }
}

/// `−E` of some variables that is still to be summed up.
struct Table {
    states: Mixed,
    log_weights: Vec<f64>,
}

/// Eliminates all variables; `join` sums up the terms of one variable's symbols and says which is best.
fn eliminate(graph: &FactorGraph, join: impl Fn(&[f64]) -> (f64, usize)) -> Result<(f64, Vec<Choice>)> {
    let size = |variable: usize| graph.n_symbols(variable);
    let mixed = |variables: Vec<usize>| Mixed {
        sizes: variables.iter().map(|v| size(*v)).collect(),
        variables,
    };
    let mut tables: Vec<Table> = (0..graph.n_factors())
        .map(|factor| Table {
            // Row-major order is that of the reversed list of variables.
            states: mixed(graph.variables(factor).iter().rev().copied().collect()),
            log_weights: graph.table_entries(factor).iter().map(|e| -e).collect(),
        })
        .collect();
    let mut neighbours: Vec<BTreeSet<usize>> = (0..graph.n_variables())
        .map(|v| {
            graph
                .structure
                .primal
                .neighbours(v)
                .iter()
                .map(|n| n.site)
                .collect()
        })
        .collect();
    let mut left: BTreeSet<usize> = (0..graph.n_variables()).collect();
    let (mut log_total, mut choices) = (0.0, Vec::with_capacity(graph.n_variables()));
    while let Some(variable) = least_fill(&left, &neighbours, size) {
        let mut variables = vec![variable];
        variables.extend(&neighbours[variable]);
        let all = mixed(variables);
        let n_entries = all
            .count()
            .filter(|n| *n <= MOST && size(variable) <= u32::MAX as usize);
        let Some(n_entries) = n_entries else {
            return Err(Error::parameter(
                format!(
                    "the entries of the table of variable {variable} and its neighbours {:?}",
                    neighbours[variable]
                ),
                format!("{:e}", all.sizes.iter().map(|s| *s as f64).product::<f64>()),
                format!("at most {MOST}; estimate log Z by SumProduct or by annealing instead"),
            ));
        };
        let (own, others) = tables
            .into_iter()
            .partition(|t: &Table| t.states.variables.contains(&variable));
        tables = others;
        let product = multiply(&all, n_entries, own);
        // The eliminated variable is the fastest digit.
        let mut best = Vec::with_capacity(n_entries / size(variable));
        let log_weights: Vec<f64> = product
            .chunks_exact(size(variable))
            .map(|terms| {
                let (joined, choice) = join(terms);
                best.push(choice as u32);
                joined
            })
            .collect();
        let rest = mixed(all.variables[1..].to_vec());
        choices.push(Choice {
            variable,
            neighbours: rest.clone(),
            best,
        });
        remove(variable, &mut left, &mut neighbours);
        match rest.variables.is_empty() {
            true => log_total += log_weights[0],
            false => tables.push(Table {
                states: rest,
                log_weights,
            }),
        }
    }
    Ok((log_total, choices))
}

/// The product of some tables as a table of all their variables.
fn multiply(all: &Mixed, n_entries: usize, tables: Vec<Table>) -> Vec<f64> {
    let mut product = vec![0.0; n_entries];
    for table in tables {
        let strides = table.states.strides_in(&all.variables);
        let mut symbols = vec![0; strides.len()];
        let mut entry = 0;
        for weight in &mut product {
            *weight += table.log_weights[entry];
            // The next joint state: digits that overflow go back to zero.
            for (digit, symbol) in symbols.iter_mut().enumerate() {
                *symbol += 1;
                entry += strides[digit];
                if *symbol < all.sizes[digit] {
                    break;
                }
                entry -= strides[digit] * all.sizes[digit];
                *symbol = 0;
            }
        }
    }
    product
}

/// The variable whose neighbours lack the fewest joins among each other; of several the one with the smallest table, then the first.
fn least_fill(
    left: &BTreeSet<usize>,
    neighbours: &[BTreeSet<usize>],
    size: impl Fn(usize) -> usize,
) -> Option<usize> {
    let fill = |variable: &usize| {
        let around: Vec<usize> = neighbours[*variable].iter().copied().collect();
        let missing =
            |(k, i): (usize, &usize)| around[..k].iter().filter(|j| !neighbours[*i].contains(j)).count();
        let table: f64 = around.iter().map(|i| size(*i) as f64).product::<f64>() * size(*variable) as f64;
        (around.iter().enumerate().map(missing).sum::<usize>(), table)
    };
    let costs = left.iter().map(|variable| (fill(variable), *variable));
    let best = costs.min_by(|((fill_a, table_a), a), ((fill_b, table_b), b)| {
        fill_a.cmp(fill_b).then(table_a.total_cmp(table_b)).then(a.cmp(b))
    });
    best.map(|(_, variable)| variable)
}

/// Takes a variable out of the graph and joins its neighbours.
fn remove(variable: usize, left: &mut BTreeSet<usize>, neighbours: &mut [BTreeSet<usize>]) {
    left.remove(&variable);
    let around = std::mem::take(&mut neighbours[variable]);
    for i in &around {
        neighbours[*i].remove(&variable);
        neighbours[*i].extend(around.iter().filter(|j| *j != i));
    }
}
