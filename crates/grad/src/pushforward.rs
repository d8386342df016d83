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
                Op::Add(a, b) => match (of(a), of(b)) {
                    (Some(v), Some(w)) => Some(self.add(v, w)),
                    (v, w) => v.or(w),
                },
                Op::Mul(a, b) => {
                    let first = of(a).map(|v| self.mul(v, b));
                    let second = of(b).map(|v| self.mul(a, v));
                    match (first, second) {
                        (Some(v), Some(w)) => Some(self.add(v, w)),
                        (v, w) => v.or(w),
                    }
                }
                Op::Scale(factor, x) => of(x).map(|v| self.scale(f64::from_bits(factor), v)),
                Op::Apply(function, x) => of(x).and_then(|v| {
                    let derivative = function.derivative(self, x, node)?;
                    Some(self.mul(v, derivative))
                }),
                Op::Total(x) => of(x).map(|v| self.total(v)),
                Op::Spread(x) => of(x).map(|v| self.spread(v, width)),
                Op::Gather(x, columns) => of(x).map(|v| self.gather(v, &columns)),
                Op::Scatter(x, columns) => of(x).map(|v| self.scatter(v, &columns)),
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
}
