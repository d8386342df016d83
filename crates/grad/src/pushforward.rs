//! Forward mode: what the inputs' tangents are to the outputs.

use std::collections::HashMap;

use crate::graph::{Graph, Op, Var};

impl Graph {
    /// Adds the nodes of `Σ_k ∂f/∂x_k · v_k` for nodes and their tangents `(x_k, v_k)`, one for each of `outputs`; zero for one that depends on none of them.
    ///
    /// Parameters do not move. The tangents may be inputs, constants, or depend on anything; they are not differentiated through.
    pub fn pushforward(&mut self, tangents: &[(Var, Var)], outputs: &[Var]) -> Vec<Var> {
        let mut found: HashMap<Var, Var> = HashMap::new();
        for &(x, v) in tangents {
            assert_eq!(self.width(x), self.width(v), "columns of a node and its tangent");
            found.insert(x, v);
        }
        let last = outputs.iter().map(|x| x.0 + 1).max().unwrap_or(0);
        for node in (0..last).map(Var) {
            if found.contains_key(&node) {
                continue;
            }
            let width = self.width(node);
            let op = self.node(node).op.clone();
            let of = |x: Var| found.get(&x).copied();
            let moved = match op {
                Op::Input(_) | Op::Constant(_) | Op::Row(_) | Op::Lift(_) => None,
                Op::MatMul { x, w, transposed } => of(x).map(|v| match transposed {
                    true => self.matmul_transposed(v, w),
                    false => self.matmul(v, w),
                }),
                Op::Add(a, b) => self.sum_moves(of(a), of(b)),
                Op::Mul(a, b) => self.product_moves(of(a), a, of(b), b),
                Op::Scale(factor, x) => of(x).map(|v| self.scale(f64::from_bits(factor), v)),
                Op::Apply(function, x) => of(x).and_then(|v| {
                    let derivative = function.derivative(self, x, node)?;
                    Some(self.mul(v, derivative))
                }),
                Op::Total(x) => of(x).map(|v| self.total(v)),
                Op::Spread(x) => of(x).map(|v| self.spread(v, width)),
                Op::Gather(x, columns) => of(x).map(|v| self.gather(v, &columns)),
                Op::Scatter(x, columns) => of(x).map(|v| self.scatter(v, &columns)),
                Op::Conv {
                    x,
                    w,
                    geometry,
                    transposed,
                } => of(x).map(|v| match transposed {
                    true => self.conv_transposed(v, w, geometry),
                    false => self.conv(v, w, geometry),
                }),
                Op::Sum(x, axis) => of(x).map(|v| self.sum_over(v, axis)),
                Op::Repeat(x, axis) => of(x).map(|v| self.repeat_along(v, axis)),
                Op::SumProducts(a, b, axis) => {
                    let products = self.product_moves(of(a), a, of(b), b);
                    products.map(|v| self.sum_over(v, axis))
                }
                Op::AddRepeated(a, b, axis) => {
                    let repeated = of(b).map(|w| self.repeat_along(w, axis));
                    self.sum_moves(of(a), repeated)
                }
                Op::MulRepeated(a, b, axis) => {
                    let repeated = self.repeat_along(b, axis);
                    let moves = of(b).map(|w| self.repeat_along(w, axis));
                    self.product_moves(of(a), a, moves, repeated)
                }
                Op::Join(a, b, outer) => {
                    let (n, m) = (self.width(a), self.width(b));
                    match (of(a), of(b)) {
                        (None, None) => None,
                        (v, w) => {
                            let v = v.unwrap_or_else(|| self.constant(n, 0.0));
                            let w = w.unwrap_or_else(|| self.constant(m, 0.0));
                            Some(self.join(v, w, outer))
                        }
                    }
                }
                Op::Part(x, outer, first) => of(x).map(|v| self.part(v, outer, first, width / outer)),
            };
            if let Some(moved) = moved {
                found.insert(node, moved);
            }
        }
        outputs
            .iter()
            .map(|x| match found.get(x) {
                Some(moved) => *moved,
                None => self.constant(self.width(*x), 0.0),
            })
            .collect()
    }

    /// The tangent of a sum of two nodes that may move.
    fn sum_moves(&mut self, v: Option<Var>, w: Option<Var>) -> Option<Var> {
        match (v, w) {
            (Some(v), Some(w)) => Some(self.add(v, w)),
            (v, w) => v.or(w),
        }
    }

    /// The tangent of a product of two nodes that may move.
    fn product_moves(&mut self, v: Option<Var>, a: Var, w: Option<Var>, b: Var) -> Option<Var> {
        let first = v.map(|v| self.mul(v, b));
        let second = w.map(|w| self.mul(a, w));
        self.sum_moves(first, second)
    }
}
