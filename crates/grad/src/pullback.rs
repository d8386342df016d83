//! Reverse mode: what the outputs' cotangents are to the inputs and to the parameters.

use std::collections::HashMap;

use gibbsian_linalg::kernels::conv::Geometry;

use crate::graph::{Graph, Op, Param, Var};

/// One term of a parameter's gradient, a sum over the rows of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reduction {
    /// `Σ_b x_bᵀ y_b`, a matrix.
    Outer(Var, Var),
    /// `Σ_b x_b`, a row.
    Sum(Var),
    /// The weights of a convolution, from its pictures `x_b` and the cotangents `u_b` of its results: `Σ_b Σ_{v, u} x_b[s v + i − p, s u + j − p, c] u_b[v, u, o]`.
    Conv(Var, Var, Geometry),
}

impl Reduction {
    /// The nodes that are summed.
    pub(crate) fn operands(self) -> impl Iterator<Item = Var> {
        let (a, b) = match self {
            Reduction::Outer(a, b) | Reduction::Conv(a, b, _) => (a, Some(b)),
            Reduction::Sum(a) => (a, None),
        };
        std::iter::once(a).chain(b)
    }
}

/// What [`Graph::pullback`] found.
///
/// ```
/// use gibbsian_grad::Graph;
///
/// let mut g = Graph::new();
/// let (x, unused, w) = (g.input(2), g.input(2), g.param(2, 1));
/// let y = g.matmul(x, w);
/// let one = g.constant(1, 1.0);
/// let back = g.pullback(&[(y, one)]);
/// // ∂y/∂x is a node, and ∂y/∂w one term that is summed over the rows.
/// assert!(back.of(x).is_some() && back.of(unused).is_none());
/// assert_eq!(back.of_param(w).len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Cotangents {
    vars: HashMap<Var, Var>,
    params: Vec<Vec<Reduction>>,
}

impl Cotangents {
    /// `Σ u · ∂f/∂x`, or `None` where no output depends on `x`.
    pub fn of(&self, x: Var) -> Option<Var> {
        self.vars.get(&x).copied()
    }

    /// The terms of a parameter's gradient; none where no output depends on it.
    pub fn of_param(&self, w: Param) -> &[Reduction] {
        &self.params[w.0 as usize]
    }

    /// The terms of all parameters' gradients, in their order.
    pub fn of_params(&self) -> &[Vec<Reduction>] {
        &self.params
    }
}

impl Graph {
    /// Adds the nodes of `Σ_k u_k · ∂f_k/∂·` for outputs and their cotangents `(f_k, u_k)`, of as many columns.
    ///
    /// The cotangents may be inputs, constants, or depend on anything; they are not differentiated through.
    pub fn pullback(&mut self, seeds: &[(Var, Var)]) -> Cotangents {
        let mut found: HashMap<Var, Var> = HashMap::new();
        let mut params = vec![Vec::new(); self.params().len()];
        for &(output, cotangent) in seeds {
            assert_eq!(
                self.width(output),
                self.width(cotangent),
                "columns of an output and its cotangent"
            );
            self.accumulate(&mut found, output, cotangent);
        }
        // Operands come before what is made from them.
        let last = seeds.iter().map(|(output, _)| output.0).max();
        for node in (0..=last.unwrap_or(0)).rev().map(Var) {
            let Some(u) = found.get(&node).copied() else {
                continue;
            };
            let width = self.width(node);
            match self.node(node).op.clone() {
                Op::Input(_) | Op::Constant(_) | Op::Row(_) => {}
                Op::MatMul { x, w, transposed } => {
                    let back = if transposed {
                        params[w.0 as usize].push(Reduction::Outer(u, x));
                        self.matmul(u, w)
                    } else {
                        params[w.0 as usize].push(Reduction::Outer(x, u));
                        self.matmul_transposed(u, w)
                    };
                    self.accumulate(&mut found, x, back);
                }
                Op::Conv {
                    x,
                    w,
                    geometry,
                    transposed,
                } => {
                    let (picture, result) = if transposed { (u, x) } else { (x, u) };
                    params[w.0 as usize].push(Reduction::Conv(picture, result, geometry));
                    let back = if transposed {
                        self.conv(u, w, geometry)
                    } else {
                        self.conv_transposed(u, w, geometry)
                    };
                    self.accumulate(&mut found, x, back);
                }
                Op::Lift(b) => params[b.0 as usize].push(Reduction::Sum(u)),
                Op::Add(a, b) => {
                    self.accumulate(&mut found, a, u);
                    self.accumulate(&mut found, b, u);
                }
                Op::Mul(a, b) => {
                    let (to_a, to_b) = (self.mul(u, b), self.mul(u, a));
                    self.accumulate(&mut found, a, to_a);
                    self.accumulate(&mut found, b, to_b);
                }
                Op::Scale(factor, x) => {
                    let back = self.scale(f64::from_bits(factor), u);
                    self.accumulate(&mut found, x, back);
                }
                Op::Apply(function, x) => {
                    if let Some(derivative) = function.derivative(self, x, node) {
                        let back = self.mul(u, derivative);
                        self.accumulate(&mut found, x, back);
                    }
                }
                Op::Total(x) => {
                    let back = self.spread(u, self.width(x));
                    self.accumulate(&mut found, x, back);
                }
                Op::Spread(x) => {
                    debug_assert!(width > 1);
                    let back = self.total(u);
                    self.accumulate(&mut found, x, back);
                }
                Op::Gather(x, columns) => {
                    let back = self.scatter(u, &columns);
                    self.accumulate(&mut found, x, back);
                }
                Op::Scatter(x, columns) => {
                    let back = self.gather(u, &columns);
                    self.accumulate(&mut found, x, back);
                }
                Op::Sum(x, axis) => {
                    let back = self.repeat_along(u, axis);
                    self.accumulate(&mut found, x, back);
                }
                Op::SumProducts(a, b, axis) => {
                    let u = self.repeat_along(u, axis);
                    let (to_a, to_b) = (self.mul(u, b), self.mul(u, a));
                    self.accumulate(&mut found, a, to_a);
                    self.accumulate(&mut found, b, to_b);
                }
                Op::Repeat(x, axis) => {
                    let back = self.sum_over(u, axis);
                    self.accumulate(&mut found, x, back);
                }
                Op::AddRepeated(a, b, axis) => {
                    let to_b = self.sum_over(u, axis);
                    self.accumulate(&mut found, a, u);
                    self.accumulate(&mut found, b, to_b);
                }
                Op::MulRepeated(a, b, axis) => {
                    let repeated = self.repeat_along(b, axis);
                    let (to_a, products) = (self.mul(u, repeated), self.mul(u, a));
                    let to_b = self.sum_over(products, axis);
                    self.accumulate(&mut found, a, to_a);
                    self.accumulate(&mut found, b, to_b);
                }
                Op::Join(a, b, outer) => {
                    let (n, m) = (self.width(a) / outer, self.width(b) / outer);
                    let (to_a, to_b) = (self.part(u, outer, 0, n), self.part(u, outer, n, m));
                    self.accumulate(&mut found, a, to_a);
                    self.accumulate(&mut found, b, to_b);
                }
                Op::Part(x, outer, first) => {
                    let back = self.among_zeros(u, outer, first, self.width(x));
                    self.accumulate(&mut found, x, back);
                }
            }
        }
        Cotangents { vars: found, params }
    }

    fn accumulate(&mut self, found: &mut HashMap<Var, Var>, x: Var, u: Var) {
        let sum = match found.get(&x) {
            None => u,
            Some(&already) => self.add(already, u),
        };
        found.insert(x, sum);
    }
}
