//! Nodes, and the operations that make them.

use std::collections::HashMap;
use std::sync::Arc;

use gibbsian_linalg::kernels::conv::Geometry;

use crate::axis::Axis;
use crate::columns::Columns;
use crate::function::Function;

/// A node: for every row of the batch, so many numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(pub(crate) u32);

/// A parameter: a matrix that all rows share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Param(pub(crate) u32);

/// What a node is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Input(usize),
    /// The bits of the number, so that equal constants are one node.
    Constant(u64),
    /// The bits of a row that is the same for every row of the batch.
    Row(Arc<[u64]>),
    /// `x W`, or `x Wᵀ`.
    MatMul {
        x: Var,
        w: Param,
        transposed: bool,
    },
    /// A parameter of one row, the same for every row.
    Lift(Param),
    Add(Var, Var),
    Mul(Var, Var),
    Scale(u64, Var),
    Apply(Function, Var),
    /// The sum over the columns.
    Total(Var),
    /// A single column, repeated.
    Spread(Var),
    Gather(Var, Columns),
    /// The transpose of `Gather`.
    Scatter(Var, Columns),
    /// The sum over an axis.
    Sum(Var, Axis),
    /// The sum of products over an axis.
    SumProducts(Var, Var, Axis),
    /// The transpose of `Sum`.
    Repeat(Var, Axis),
    /// `a + b` and `a b`, with `b` repeated.
    AddRepeated(Var, Var, Axis),
    MulRepeated(Var, Var, Axis),
    /// So many pieces of one and of the other by turns.
    Join(Var, Var, usize),
    /// Of each of so many pieces, the numbers from one on.
    Part(Var, usize, usize),
    Conv {
        x: Var,
        w: Param,
        geometry: Geometry,
        transposed: bool,
    },
}

impl Op {
    /// The nodes that it is made from.
    pub(crate) fn operands(&self) -> impl Iterator<Item = Var> {
        let (a, b) = match self {
            Op::Input(_) | Op::Constant(_) | Op::Row(_) | Op::Lift(_) => (None, None),
            Op::Add(a, b)
            | Op::Mul(a, b)
            | Op::SumProducts(a, b, _)
            | Op::AddRepeated(a, b, _)
            | Op::MulRepeated(a, b, _)
            | Op::Join(a, b, _) => (Some(*a), Some(*b)),
            Op::MatMul { x, .. }
            | Op::Conv { x, .. }
            | Op::Sum(x, _)
            | Op::Repeat(x, _)
            | Op::Part(x, _, _)
            | Op::Scale(_, x)
            | Op::Apply(_, x)
            | Op::Total(x)
            | Op::Spread(x)
            | Op::Gather(x, _)
            | Op::Scatter(x, _) => (Some(*x), None),
        };
        a.into_iter().chain(b)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) width: usize,
}

/// A function of rows and parameters, as operations on whole batches.
///
/// Nodes are added by methods and named by [`Var`]; a node that is there already is not added again. Widths must fit, and a method panics where they do not: a graph is part of a program, not data.
///
/// ```
/// use gibbsian_grad::{Graph, Plan, Workspace};
/// use ndarray::array;
///
/// // The log-density of a standard normal and its gradient, −x.
/// let mut g = Graph::new();
/// let x = g.input(2);
/// let square = g.dot(x, x);
/// let log_p = g.scale(-0.5, square);
/// let score = g.gradient(log_p, x);
/// let plan = Plan::new(&g, &[log_p, score]);
/// let out = plan.evaluate(&mut Workspace::<f64>::new(), &[], &[array![[3.0, 4.0]].view()]);
/// assert_eq!(out[0], array![[-12.5]]);
/// assert_eq!(out[1], array![[-3.0, -4.0]]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    known: HashMap<(Op, usize), Var>,
    n_inputs: usize,
    params: Vec<(usize, usize)>,
}

impl Graph {
    /// The empty graph.
    pub fn new() -> Self {
        Graph::default()
    }

    /// The next input, of so many columns.
    pub fn input(&mut self, width: usize) -> Var {
        let op = Op::Input(self.n_inputs);
        self.n_inputs += 1;
        self.add_node(op, width)
    }

    /// The next parameter, a matrix of so many rows and columns.
    pub fn param(&mut self, n_rows: usize, n_columns: usize) -> Param {
        self.params.push((n_rows, n_columns));
        Param(self.params.len() as u32 - 1)
    }

    /// Columns of a node.
    pub fn width(&self, x: Var) -> usize {
        self.node(x).width
    }

    /// Rows and columns of a parameter.
    pub fn shape(&self, w: Param) -> (usize, usize) {
        self.params[w.0 as usize]
    }

    /// The shapes of all parameters, in their order.
    pub fn params(&self) -> &[(usize, usize)] {
        &self.params
    }

    /// The number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    pub(crate) fn node(&self, x: Var) -> &Node {
        &self.nodes[x.0 as usize]
    }

    pub(crate) fn add_node(&mut self, op: Op, width: usize) -> Var {
        if let Some(known) = self.known.get(&(op.clone(), width)) {
            return *known;
        }
        let var = Var(self.nodes.len() as u32);
        self.nodes.push(Node {
            op: op.clone(),
            width,
        });
        self.known.insert((op, width), var);
        var
    }

    /// The same number in every column of every row.
    pub fn constant(&mut self, width: usize, value: f64) -> Var {
        self.add_node(Op::Constant(value.to_bits()), width)
    }

    /// The same numbers in every row.
    pub fn constant_row(&mut self, values: &[f64]) -> Var {
        let bits: Arc<[u64]> = values.iter().map(|x| x.to_bits()).collect();
        match bits.iter().all(|b| *b == bits[0]) {
            true if !bits.is_empty() => self.constant(values.len(), values[0]),
            _ => self.add_node(Op::Row(bits), values.len()),
        }
    }

    /// The number that a node is everywhere, if it is a constant.
    pub(crate) fn value_of(&self, x: Var) -> Option<f64> {
        match self.node(x).op {
            Op::Constant(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// `x W`.
    pub fn matmul(&mut self, x: Var, w: Param) -> Var {
        let (n_rows, n_columns) = self.shape(w);
        assert_eq!(self.width(x), n_rows, "columns of x against rows of W");
        let transposed = false;
        self.add_node(Op::MatMul { x, w, transposed }, n_columns)
    }

    /// `x Wᵀ`.
    pub fn matmul_transposed(&mut self, x: Var, w: Param) -> Var {
        let (n_rows, n_columns) = self.shape(w);
        assert_eq!(self.width(x), n_columns, "columns of x against columns of W");
        let transposed = true;
        self.add_node(Op::MatMul { x, w, transposed }, n_rows)
    }

    /// A parameter of one row as a node that is the same in every row.
    pub fn lift(&mut self, b: Param) -> Var {
        let (n_rows, n_columns) = self.shape(b);
        assert_eq!(n_rows, 1, "rows of a parameter that is lifted");
        self.add_node(Op::Lift(b), n_columns)
    }

    /// `x W + b`, a dense layer.
    pub fn affine(&mut self, x: Var, w: Param, b: Param) -> Var {
        let (product, bias) = (self.matmul(x, w), self.lift(b));
        self.add(product, bias)
    }

    fn same_width(&self, a: Var, b: Var) -> usize {
        let (n, m) = (self.width(a), self.width(b));
        assert_eq!(n, m, "columns of the two operands");
        n
    }

    /// `a + b`.
    pub fn add(&mut self, a: Var, b: Var) -> Var {
        let width = self.same_width(a, b);
        match (self.value_of(a), self.value_of(b)) {
            (Some(0.0), _) => b,
            (_, Some(0.0)) => a,
            (Some(x), Some(y)) => self.constant(width, x + y),
            _ if a == b => self.scale(2.0, a),
            _ => {
                let (a, b) = (a.min(b), a.max(b));
                let simpler = self.add_repeated(a, b).or_else(|| self.add_joined(a, b));
                simpler.unwrap_or_else(|| self.add_node(Op::Add(a, b), width))
            }
        }
    }

    /// `a − b`.
    pub fn sub(&mut self, a: Var, b: Var) -> Var {
        let minus = self.scale(-1.0, b);
        self.add(a, minus)
    }

    /// `a b`, number by number.
    pub fn mul(&mut self, a: Var, b: Var) -> Var {
        let width = self.same_width(a, b);
        match (self.value_of(a), self.value_of(b)) {
            (Some(factor), _) => self.scale(factor, b),
            (_, Some(factor)) => self.scale(factor, a),
            _ => {
                let (a, b) = (a.min(b), a.max(b));
                let simpler = self.mul_repeated(a, b);
                simpler.unwrap_or_else(|| self.add_node(Op::Mul(a, b), width))
            }
        }
    }

    /// `c x`.
    pub fn scale(&mut self, factor: f64, x: Var) -> Var {
        let width = self.width(x);
        if factor == 1.0 {
            return x;
        }
        if factor == 0.0 {
            return self.constant(width, 0.0);
        }
        match self.node(x).op {
            Op::Constant(bits) => self.constant(width, factor * f64::from_bits(bits)),
            Op::Scale(bits, inner) => self.scale(factor * f64::from_bits(bits), inner),
            // Where there are fewer numbers.
            Op::Repeat(x, axis) => {
                let scaled = self.scale(factor, x);
                self.repeat_along(scaled, axis)
            }
            Op::MulRepeated(a, b, axis) => {
                let scaled = self.scale(factor, b);
                let repeated = self.repeat_along(scaled, axis);
                self.mul(a, repeated)
            }
            _ => self.add_node(Op::Scale(factor.to_bits(), x), width),
        }
    }

    /// A function of every number.
    pub fn apply(&mut self, function: Function, x: Var) -> Var {
        let width = self.width(x);
        if let Op::Repeat(x, axis) = self.node(x).op {
            let value = self.apply(function, x);
            return self.repeat_along(value, axis);
        }
        self.add_node(Op::Apply(function, x), width)
    }

    /// `Σ_j x_j`, one column.
    pub fn total(&mut self, x: Var) -> Var {
        if self.width(x) == 1 {
            return x;
        }
        if let Op::Spread(single) = self.node(x).op {
            return self.scale(self.width(x) as f64, single);
        }
        self.add_node(Op::Total(x), 1)
    }

    /// A single column, repeated so many times.
    pub fn spread(&mut self, x: Var, width: usize) -> Var {
        assert_eq!(self.width(x), 1, "columns of a node that is spread");
        if width == 1 {
            return x;
        }
        if let Some(value) = self.value_of(x) {
            return self.constant(width, value);
        }
        self.add_node(Op::Spread(x), width)
    }

    /// `∂f/∂x` of a node of one column: for every row, its gradient.
    ///
    /// # Panics
    /// When `f` has more than one column.
    pub fn gradient(&mut self, f: Var, x: Var) -> Var {
        assert_eq!(self.width(f), 1, "columns of a function that has a gradient");
        let one = self.constant(1, 1.0);
        let cotangents = self.pullback(&[(f, one)]);
        let width = self.width(x);
        match cotangents.of(x) {
            Some(gradient) => gradient,
            None => self.constant(width, 0.0),
        }
    }
}
