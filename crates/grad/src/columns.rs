//! Taking columns of nodes, and putting them side by side.

use std::sync::Arc;

use crate::graph::{Graph, Op, Var};

/// Columns of a node, in an order and with repetitions.
///
/// Taking them is a linear map; its transpose adds what comes back to the columns it was taken from.
///
/// ```
/// use gibbsian_grad::{Columns, Graph, Plan, Workspace};
/// use ndarray::array;
///
/// let mut g = Graph::new();
/// let x = g.input(3);
/// let turned = g.gather(x, &Columns::new(3, [2, 0, 0]));
/// let out = Plan::new(&g, &[turned]).evaluate(&mut Workspace::<f64>::new(), &[], &[array![[1.0, 2.0, 3.0]].view()]);
/// assert_eq!(out[0], array![[3.0, 1.0, 1.0]]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The number of columns that they are taken from.
    pub(crate) of: usize,
    pub(crate) indices: Arc<[u32]>,
}

impl Columns {
    /// These columns of so many.
    ///
    /// # Panics
    /// When one lies beyond the last.
    pub fn new(of: usize, indices: impl IntoIterator<Item = usize>) -> Self {
        let indices: Arc<[u32]> = indices
            .into_iter()
            .map(|i| {
                assert!(i < of, "column {i} of {of}");
                i as u32
            })
            .collect();
        Columns { of, indices }
    }
}

impl Graph {
    /// Some columns.
    pub fn gather(&mut self, x: Var, columns: &Columns) -> Var {
        assert_eq!(self.width(x), columns.of, "columns of x");
        let width = columns.indices.len();
        match self.value_of(x) {
            Some(value) => self.constant(width, value),
            None => self.add_node(Op::Gather(x, columns.clone()), width),
        }
    }

    /// Adds columns to those of zeros: the transpose of [`Graph::gather`].
    pub fn scatter(&mut self, x: Var, columns: &Columns) -> Var {
        assert_eq!(self.width(x), columns.indices.len(), "columns of x");
        match self.value_of(x) {
            Some(0.0) => self.constant(columns.of, 0.0),
            _ => self.add_node(Op::Scatter(x, columns.clone()), columns.of),
        }
    }

    /// Nodes side by side.
    ///
    /// # Panics
    /// When there are none.
    pub fn concat(&mut self, parts: &[Var]) -> Var {
        let joined = parts
            .iter()
            .copied()
            .reduce(|whole, part| self.join(whole, part, 1));
        joined.expect("something to put side by side")
    }

    /// Columns `first … first + n`.
    pub fn slice(&mut self, x: Var, first: usize, n: usize) -> Var {
        self.part(x, 1, first, n)
    }
}
