//! What a factor graph knows of its shape: which variables a factor joins, where its table lies, and which variables can be redrawn together.

use std::ops::Range;

use gibbsian_core::Result;

use crate::graph::Graph;

/// Variables with alphabets, and factors on some of them.
#[derive(Debug, PartialEq)]
pub(super) struct Structure {
    pub(super) alphabets: Vec<Vec<f64>>,
    pub(super) factors: Vec<Scope>,
    /// The factors of each variable, with the position of the variable among theirs.
    pub(super) factors_of: Vec<Vec<Seat>>,
    /// Pairs of variables that some factor joins.
    pub(super) primal: Graph,
    /// The classes of [`Graph::colouring`].
    pub(super) classes: Vec<Vec<usize>>,
}

/// The variables of a factor and where its table lies among all parameters, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    pub(super) variables: Vec<usize>,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) range: Range<usize>,
}

/// A variable's position in a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seat {
    pub(super) factor: usize,
    pub(super) position: usize,
}

impl Scope {
    /// The entry of the table for given symbols of all variables.
    pub(super) fn entry(&self, symbol_of: impl Fn(usize) -> usize) -> usize {
        self.variables
            .iter()
            .zip(&self.strides)
            .map(|(variable, stride)| symbol_of(*variable) * stride)
            .sum()
    }

    /// The symbol of the variable at a position in an entry of the table.
    pub(super) fn symbol(&self, entry: usize, position: usize) -> usize {
        entry / self.strides[position] % self.shape[position]
    }
}

impl Structure {
    /// The structure with these factors, whose variables exist and are different.
    pub(super) fn new(alphabets: Vec<Vec<f64>>, variables_of_factors: Vec<Vec<usize>>) -> Result<Self> {
        let mut factors: Vec<Scope> = Vec::with_capacity(variables_of_factors.len());
        let mut factors_of = vec![Vec::new(); alphabets.len()];
        let mut pairs = Vec::new();
        for (factor, variables) in variables_of_factors.into_iter().enumerate() {
            for (position, &i) in variables.iter().enumerate() {
                factors_of[i].push(Seat { factor, position });
                pairs.extend(variables[..position].iter().map(|&j| [i.min(j), i.max(j)]));
            }
            let shape: Vec<usize> = variables.iter().map(|i| alphabets[*i].len()).collect();
            let mut strides = vec![1; shape.len()];
            for position in (1..shape.len()).rev() {
                strides[position - 1] = strides[position] * shape[position];
            }
            let start = factors.last().map_or(0, |f| f.range.end);
            factors.push(Scope {
                range: start..start + shape.iter().product::<usize>(),
                variables,
                shape,
                strides,
            });
        }
        pairs.sort_unstable();
        pairs.dedup();
        let primal = Graph::new(alphabets.len(), pairs)?;
        Ok(Structure {
            classes: primal.colouring(),
            alphabets,
            factors,
            factors_of,
            primal,
        })
    }

    /// The number of table entries of all factors.
    pub(super) fn n_entries(&self) -> usize {
        self.factors.last().map_or(0, |f| f.range.end)
    }
}
