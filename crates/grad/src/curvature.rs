//! Curvature propagation: Hessians sketched with noise of every operation that bends (Martens, Sutskever and Swersky 2012).
//!
//! Let `f` be computed through nodes `y_i`, each a function of its operands `a_i`, with gradient `g_i = ∂f/∂y_i`. The chain rule of second order has one term a node,
//!
//! `∂²f/∂x² = Σ_i J_iᵀ M_i J_i`,  `J_i = ∂a_i/∂x`,  `M_i = g_i · ∂²y_i/∂a_i²`,
//!
//! and `M_i` is zero for every linear operation. With `E v_i v_iᵀ = I`, uncorrelated between nodes, and `F_i G_iᵀ = M_i`,
//!
//! `l = Σ_i J_iᵀ F_i v_i`,  `r = Σ_i J_iᵀ G_i v_i`  have  `E l rᵀ = ∂²f/∂x²`,
//!
//! and each is one backward pass, [`Graph::pullback`] seeded at all operands at once. So `l ⊙ r` estimates the diagonal and `l·r` the trace without bias, at the cost of a few gradients and whatever the dimension.
//!
//! **The factors.** An elementwise function has `M = diag(g φ''(a))`, of either sign. The paper takes square roots, imaginary ones where it is negative, and `l = r`; here `F = M` and `G = I`, which is real and, other than a square root, can be
//! differentiated at zero curvature, as training needs. A product `y = a b` couples each number of `a` with one of `b`, `M = g (0 1; 1 0)`, and takes two noises `v`, `w`: `F v = (g v, g w)` and `G v = (w, v)`. Operands that do not depend on
//! `x` get no noise: it would have mean zero and a variance.
//!
//! **Rejected:** keeping only the diagonals of the `M_i J_i J_iᵀ` on the way, the approximate backpropagation of LeCun (1987) that Kingma and LeCun (2010) regularise score matching by. It is deterministic, but it is biased as soon as there are two layers with
//! curvature, and it needs squares of weights, which are no operation of a graph.

use crate::axis::Axis;
use crate::function::Function;
use crate::graph::{Graph, Op, Var};
use crate::pullback::Cotangents;

/// Two nodes of as many columns as `x` and the noise in which each is linear; see [`Graph::curvature_sketch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurvatureSketch {
    /// `l`.
    pub left: Var,
    /// `r`.
    pub right: Var,
    /// The input `v`, a row of noise with `E vvᵀ = I`.
    pub noise: Var,
}

/// What bends: a function of numbers, or numbers times numbers.
enum Bend {
    /// `φ(a)`.
    Function(Function, Var),
    /// `a²`, perhaps summed along an axis.
    Square(Var, Option<Axis>),
    /// `a b`, perhaps summed along an axis.
    Product(Var, Var, Option<Axis>),
    /// `a b` with `b` repeated along an axis.
    Repeated(Var, Var, Axis),
}

impl Bend {
    /// How many numbers of noise it takes.
    fn n_noise(&self, g: &Graph) -> usize {
        match *self {
            Bend::Function(_, a) | Bend::Square(a, _) => g.width(a),
            Bend::Product(a, _, _) | Bend::Repeated(a, _, _) => 2 * g.width(a),
        }
    }
}

/// The seeds of the two backward passes.
#[derive(Default)]
struct Seeds {
    left: Vec<(Var, Var)>,
    right: Vec<(Var, Var)>,
}

impl Graph {
    /// Adds an input of noise and two nodes `l` and `r`, linear in it, with `E l rᵀ = ∂²f/∂x²` for all noise with `E vvᵀ = I`; nothing where `f` has no curvature in `x`.
    ///
    /// `f` has one column. Rectifiers have none that exists, and so no share in the sketch.
    ///
    /// ```
    /// use gibbsian_grad::{Graph, Plan, Workspace};
    /// use ndarray::array;
    ///
    /// // f = Σ_i x_i², whose Hessian is 2 I: with signs for noise, l ⊙ r is its diagonal exactly.
    /// let mut g = Graph::new();
    /// let x = g.input(2);
    /// let f = g.dot(x, x);
    /// let sketch = g.curvature_sketch(f, x).unwrap();
    /// assert_eq!(g.width(sketch.noise), 2);
    /// let diagonal = g.mul(sketch.left, sketch.right);
    /// let plan = Plan::new(&g, &[diagonal]);
    /// let (x, signs) = (array![[0.3, -2.0]], array![[1.0, -1.0]]);
    /// let out = plan.evaluate(&mut Workspace::<f64>::new(), &[], &[x.view(), signs.view()]);
    /// assert_eq!(out[0], array![[2.0, 2.0]]);
    /// ```
    ///
    /// # Panics
    /// When `f` has more than one column.
    pub fn curvature_sketch(&mut self, f: Var, x: Var) -> Option<CurvatureSketch> {
        assert_eq!(self.width(f), 1, "columns of a function that has a Hessian");
        let one = self.constant(1, 1.0);
        let bends = self.bends(f, x);
        let gradients = self.pullback(&[(f, one)]);
        let bends: Vec<(Bend, Var, Var)> = bends
            .into_iter()
            .filter_map(|(node, bend)| gradients.of(node).map(|u| (bend, node, u)))
            .collect();
        let n_noise = bends.iter().map(|(bend, _, _)| bend.n_noise(self)).sum();
        if n_noise == 0 {
            return None;
        }
        let noise = self.input(n_noise);
        let (mut seeds, mut first) = (Seeds::default(), 0);
        for (bend, node, u) in bends {
            let n = bend.n_noise(self);
            let v = self.slice(noise, first, n);
            first += n;
            self.seed(&mut seeds, &bend, node, u, v);
        }
        let zero = self.constant(self.width(x), 0.0);
        let of_x = |cotangents: Cotangents| cotangents.of(x).unwrap_or(zero);
        Some(CurvatureSketch {
            left: of_x(self.pullback(&seeds.left)),
            right: of_x(self.pullback(&seeds.right)),
            noise,
        })
    }

    /// The nodes between `x` and `f` that bend in `x`.
    fn bends(&self, f: Var, x: Var) -> Vec<(Var, Bend)> {
        let mut moves = vec![false; f.0 as usize + 1];
        let mut bends = Vec::new();
        for node in (0..=f.0).map(Var) {
            let op = &self.node(node).op;
            let depends = node == x || op.operands().any(|a| moves[a.0 as usize]);
            moves[node.0 as usize] = depends;
            if node == x || !depends {
                continue;
            }
            let both = |a: Var, b: Var| moves[a.0 as usize] && moves[b.0 as usize];
            let bend = match *op {
                Op::Apply(Function::Relu | Function::Step, _) => None,
                Op::Apply(function, a) => Some(Bend::Function(function, a)),
                Op::Mul(a, b) if a == b => Some(Bend::Square(a, None)),
                Op::Mul(a, b) if both(a, b) => Some(Bend::Product(a, b, None)),
                Op::SumProducts(a, b, axis) if a == b => Some(Bend::Square(a, Some(axis))),
                Op::SumProducts(a, b, axis) if both(a, b) => Some(Bend::Product(a, b, Some(axis))),
                Op::MulRepeated(a, b, axis) if both(a, b) => Some(Bend::Repeated(a, b, axis)),
                _ => None,
            };
            bends.extend(bend.map(|bend| (node, bend)));
        }
        bends
    }

    /// Adds `F v` and `G v` of a node with value `y` and gradient `u` to the seeds of its operands.
    fn seed(&mut self, seeds: &mut Seeds, bend: &Bend, y: Var, u: Var, v: Var) {
        match *bend {
            Bend::Function(function, a) => {
                if let Some(second) = function.second_derivative(self, a, y) {
                    let curvature = self.mul(u, second);
                    seeds.left.push((a, self.mul(curvature, v)));
                    seeds.right.push((a, v));
                }
            }
            Bend::Square(a, axis) => {
                let u = self.repeated_if(u, axis);
                let curvature = self.scale(2.0, u);
                seeds.left.push((a, self.mul(curvature, v)));
                seeds.right.push((a, v));
            }
            Bend::Product(a, b, axis) => {
                let u = self.repeated_if(u, axis);
                let [v, w] = self.halves(v);
                let (to_a, to_b) = (self.mul(u, v), self.mul(u, w));
                seeds.left.extend([(a, to_a), (b, to_b)]);
                seeds.right.extend([(a, w), (b, v)]);
            }
            Bend::Repeated(a, b, axis) => {
                let [v, w] = self.halves(v);
                let (to_a, to_repeated) = (self.mul(u, v), self.mul(u, w));
                let (left, right) = (self.sum_over(to_repeated, axis), self.sum_over(v, axis));
                seeds.left.extend([(a, to_a), (b, left)]);
                seeds.right.extend([(a, w), (b, right)]);
            }
        }
    }

    fn repeated_if(&mut self, u: Var, axis: Option<Axis>) -> Var {
        match axis {
            Some(axis) => self.repeat_along(u, axis),
            None => u,
        }
    }

    fn halves(&mut self, v: Var) -> [Var; 2] {
        let n = self.width(v) / 2;
        [self.slice(v, 0, n), self.slice(v, n, n)]
    }
}
