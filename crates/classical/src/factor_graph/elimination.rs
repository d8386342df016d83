//! Exact sums and minima by eliminating variables one after the other (Bertelè and Brioschi 1972; Dechter 1999, "Bucket elimination").
//!
//! The tables that a variable takes part in become one table on its neighbours, in which it is summed out or set to its best symbol; then it is gone. The work is the size of the largest such
//! table, exponential in the width of the order of elimination. The next variable is the one that joins the fewest neighbours that were not joined before, then the one with the smallest table:
//! *min-fill*, whose orders are near the best in practice and exact on trees and chordal graphs; the best order is NP-hard to find (Arnborg, Corneil and Proskurowski 1987).

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Error, Result, Streams};
use ndarray::{Array1, Array2};
use rand::{Rng, RngExt};

use super::FactorGraph;
use super::min_fill::MinFill;
use crate::choose::choose;

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
    eliminate(graph, |size, step| step.sum(size))
}

/// A state of lowest energy and its energy, exactly; of several that are lowest, one.
///
/// # Errors
/// Those of [`log_z_by_elimination`].
pub fn lowest_by_elimination(graph: &FactorGraph) -> Result<(Array1<f64>, f64)> {
    let mut choices = Vec::with_capacity(graph.n_variables());
    eliminate(graph, |size, step| {
        let best = |terms: &[f64]| (1..size).fold(0, |best, s| if terms[s] > terms[best] { s } else { best });
        let bests: Vec<u32> = step
            .product
            .chunks_exact(size)
            .map(|terms| best(terms) as u32)
            .collect();
        let terms = step.product.chunks_exact(size).zip(&bests);
        let highest = terms.map(|(terms, best)| terms[*best as usize]).collect();
        choices.push((step.variable, step.neighbours, bests));
        highest
    })?;
    // In reverse: the symbol of a variable that was eliminated is a function of those of its neighbours at that time.
    let mut symbols = vec![0; graph.n_variables()];
    for (variable, neighbours, bests) in choices.iter().rev() {
        symbols[*variable] = bests[neighbours.entry(|i| symbols[i])] as usize;
    }
    let energy = graph.energy_of(&symbols);
    Ok((graph.state(&symbols), energy))
}

/// `n` independent exact draws, one a row, for as much work as [`log_z_by_elimination`] and the memory of all its tables.
///
/// Variables are drawn in reverse: the law of one that was eliminated, given its neighbours at that time, is the product table of that time.
///
/// ```
/// use gibbsian_classical::FactorGraph;
/// use gibbsian_classical::factor_graph::sample_by_elimination;
/// use gibbsian_core::Seed;
/// use ndarray::{Axis, array};
///
/// // Two spins, aligned with odds of 9 to 1.
/// let table = array![[0.0, 9.0_f64.ln()], [9.0_f64.ln(), 0.0]].into_dyn();
/// let graph = FactorGraph::new(vec![vec![-1.0, 1.0]; 2], vec![(vec![0, 1], table)])?;
/// let x = sample_by_elimination(&graph, 10_000, &mut Seed::new(1).rng())?;
/// let aligned = x.map_axis(Axis(1), |x| x[0] * x[1]).mean().unwrap();
/// assert!((aligned - 0.8).abs() < 0.03);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Those of [`log_z_by_elimination`].
pub fn sample_by_elimination(graph: &FactorGraph, n: usize, rng: &mut dyn Rng) -> Result<Array2<f64>> {
    let mut steps = Vec::with_capacity(graph.n_variables());
    eliminate(graph, |size, mut step| {
        let sums = step.sum(size);
        // Conditional probabilities in place of terms.
        for (terms, sum) in step.product.chunks_exact_mut(size).zip(&sums) {
            terms.iter_mut().for_each(|t| *t = (*t - sum).exp());
        }
        steps.push(step);
        sums
    })?;
    let streams = Streams::draw(rng);
    let mut out = Array2::zeros((n, graph.n_variables()));
    for_each_block(out.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        let mut symbols = vec![0; graph.n_variables()];
        for mut row in rows.rows_mut() {
            for step in steps.iter().rev() {
                let size = graph.n_symbols(step.variable);
                let first = step.neighbours.entry(|i| symbols[i]) * size;
                symbols[step.variable] = choose(&step.product[first..first + size], rng.random());
            }
            row.assign(&graph.state(&symbols));
        }
    });
    Ok(out)
}

/// A variable that is eliminated.
struct Step {
    variable: usize,
    neighbours: Mixed,
    /// The product of the variable's tables, a number for each joint state of it and its neighbours; its own symbol changes fastest.
    product: Vec<f64>,
}

impl Step {
    /// `log Σ exp` over the symbols of the variable.
    fn sum(&self, size: usize) -> Vec<f64> {
        self.product.chunks_exact(size).map(log_sum_exp).collect()
    }
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

/// Eliminates all variables and returns what is left when none is; `join` sums up each variable, of `size` symbols, for every joint state of its neighbours.
fn eliminate(graph: &FactorGraph, mut join: impl FnMut(usize, Step) -> Vec<f64>) -> Result<f64> {
    let size = |variable: usize| graph.n_symbols(variable);
    let mixed = |variables: Vec<usize>| Mixed {
        sizes: variables.iter().map(|v| size(*v)).collect(),
        variables,
    };
    let mut tables: Vec<Option<Table>> = Vec::with_capacity(graph.n_factors() + graph.n_variables());
    let mut tables_of = vec![Vec::new(); graph.n_variables()];
    for factor in 0..graph.n_factors() {
        graph
            .variables(factor)
            .iter()
            .for_each(|v| tables_of[*v].push(factor));
        tables.push(Some(Table {
            // Row-major order is that of the reversed list of variables.
            states: mixed(graph.variables(factor).iter().rev().copied().collect()),
            log_weights: graph.table_entries(factor).iter().map(|e| -e).collect(),
        }));
    }
    let mut order = MinFill::new(graph);
    let mut log_total = 0.0;
    while let Some(variable) = order.next() {
        let mut variables = vec![variable];
        variables.extend(order.neighbours(variable));
        let all = mixed(variables);
        let Some(n_entries) = all.count().filter(|n| *n <= MOST) else {
            return Err(Error::parameter(
                format!(
                    "the entries of the table of variable {variable} and its neighbours {:?}",
                    &all.variables[1..]
                ),
                format!("{:e}", all.sizes.iter().map(|s| *s as f64).product::<f64>()),
                format!("at most {MOST}; estimate log Z by SumProduct or by annealing instead"),
            ));
        };
        let own = tables_of[variable]
            .iter()
            .filter_map(|t: &usize| tables[*t].take());
        let product = multiply(&all, n_entries, own);
        let neighbours = mixed(all.variables[1..].to_vec());
        let step = Step {
            variable,
            neighbours: neighbours.clone(),
            product,
        };
        let log_weights = join(size(variable), step);
        order.eliminate(variable);
        if neighbours.variables.is_empty() {
            log_total += log_weights[0];
            continue;
        }
        neighbours
            .variables
            .iter()
            .for_each(|v| tables_of[*v].push(tables.len()));
        tables.push(Some(Table {
            states: neighbours,
            log_weights,
        }));
    }
    Ok(log_total)
}

/// The product of some tables as a table of all their variables.
fn multiply(all: &Mixed, n_entries: usize, tables: impl Iterator<Item = Table>) -> Vec<f64> {
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
