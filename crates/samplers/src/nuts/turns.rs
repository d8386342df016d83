//! Where a trajectory turns back.
//!
//! A trajectory is worth prolonging while its ends move apart. In the whitened momenta `w` the generalised criterion (Betancourt 2017, "A conceptual
//! introduction to Hamiltonian Monte Carlo", appendix A.4.2) reads `w_first·ρ > 0` and `w_last·ρ > 0`, with `ρ` the sum of the momenta of all
//! points. It must hold for the whole tree and for every subtree that a doubling would have made, or the map from points to trees would not
//! be the same from all points of a tree. Because it looks at complete subtrees only, a trajectory that returns to its start at a joint of two subtrees,
//! as an oscillator with a suitable step does, is seen too late; two more conditions at each joint see it, those of the left subtree with
//! the first point of the right one and of the right subtree with the last point of the left one (Stan 2.21).
//!
//! Leaves are numbered in the order in which they are made, `n = 0, 1, …`. At an odd leaf whose number ends in `t` ones, subtrees of `2, 4, …, 2ᵗ`
//! leaves are complete; the one of `2ᵏ` began at the leaf `n` with its last `k` bits cleared. It is enough to keep, for each number of bits set, the last
//! even leaf with so many: the one asked for has `k` bits less than `n`, and every leaf between them has more than it (Phan, Pradhan and
//! Jankowiak 2019, "Composable effects for flexible and accelerated probabilistic programming in NumPyro", appendix B). So a tree of `2ʲ` leaves needs `j`
//! checkpoints instead of a recursion, and chains at different places of their trees can go on together.

use crate::rows::{add_to, dot, subtract};

/// Momenta, and sums of momenta, of some earlier leaves of each row's subtree.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints {
    rows: usize,
    dim: usize,
    levels: Vec<Level>,
    zero: Vec<f64>,
    /// Room for a sum of momenta.
    rho: Vec<f64>,
}

/// One checkpoint for each row.
#[derive(Clone, Debug)]
struct Level {
    /// The momentum of the last even leaf whose number has as many bits set as the number of this level.
    first: Vec<f64>,
    /// The sum of the momenta before it, the older tree included.
    before: Vec<f64>,
    /// The momentum of the last leaf whose number ends in as many ones.
    last: Vec<f64>,
}

impl Checkpoints {
    /// Room for the subtrees of so many rows.
    pub fn fit(&mut self, rows: usize, dim: usize) {
        if (self.rows, self.dim) != (rows, dim) {
            *self = Checkpoints {
                rows,
                dim,
                levels: Vec::new(),
                zero: vec![0.0; dim],
                rho: vec![0.0; dim],
            };
        }
    }

    /// Room for subtrees of `2^depth` leaves; it is made when a tree first becomes so deep.
    pub fn reach(&mut self, depth: u32) {
        let n = self.rows * self.dim;
        while self.levels.len() < depth.max(1) as usize {
            self.levels.push(Level {
                first: vec![0.0; n],
                before: vec![0.0; n],
                last: vec![0.0; n],
            });
        }
    }

    /// Adds the momentum `w` of a leaf to the sum of the row's momenta and says whether a subtree that ends there turns. `squares` are the squared
    /// lengths of the momentum before it and of its own.
    #[inline(always)]
    pub fn turns_at(
        &mut self,
        row: usize,
        leaf: u32,
        is_last: bool,
        w: &[f64],
        squares: [f64; 2],
        sum: &mut [f64],
    ) -> bool {
        let numbers = row * self.dim..(row + 1) * self.dim;
        let bits = leaf.count_ones() as usize;
        if leaf.is_multiple_of(2) {
            let level = &mut self.levels[bits];
            level.first[numbers.clone()].copy_from_slice(w);
            level.before[numbers].copy_from_slice(sum);
            add_to(sum, w);
            return false;
        }
        add_to(sum, w);
        let n_complete = leaf.trailing_ones() as usize;
        // Of two points, ρ is the sum, and the conditions at the joint say the same.
        let product = dot(&self.levels[bits - 1].first[numbers.clone()], w);
        if !(squares[0] + product > 0.0 && squares[1] + product > 0.0) {
            return true;
        }
        for k in 2..=n_complete {
            let (left, right) = (&self.levels[bits - k], &self.levels[bits - k + 1]);
            let joint = Joint {
                first: &left.first[numbers.clone()],
                left_last: &self.levels[k - 1].last[numbers.clone()],
                right_first: &right.first[numbers.clone()],
                last: w,
                sum_before: &left.before[numbers.clone()],
                sum_between: &right.before[numbers.clone()],
                sum_after: sum,
            };
            if joint.turns(&mut self.rho) {
                return true;
            }
        }
        if !is_last {
            self.levels[n_complete].last[numbers].copy_from_slice(w);
        }
        false
    }

    /// Whether the whole tree turns that a complete subtree was joined to, with `far` and `near` the momenta of the ends of the older tree.
    #[inline(always)]
    pub fn turns_whole(&mut self, row: usize, far: &[f64], near: &[f64], w: &[f64], sum: &[f64]) -> bool {
        let numbers = row * self.dim..(row + 1) * self.dim;
        Joint {
            first: far,
            left_last: near,
            right_first: &self.levels[0].first[numbers.clone()],
            last: w,
            sum_before: &self.zero,
            sum_between: &self.levels[0].before[numbers],
            sum_after: sum,
        }
        .turns(&mut self.rho)
    }
}

/// A stretch of a trajectory that was made of two: its whitened momenta at both ends and at both sides of the joint, and the sums of all
/// momenta before it, up to the joint and up to its end.
struct Joint<'a> {
    first: &'a [f64],
    left_last: &'a [f64],
    right_first: &'a [f64],
    last: &'a [f64],
    sum_before: &'a [f64],
    sum_between: &'a [f64],
    sum_after: &'a [f64],
}

impl Joint<'_> {
    /// Whether the ends of the stretch approach each other, or those of the left part with the first point of the right one, or those of the right
    /// part with the last point of the left one. `rho` is overwritten.
    #[inline(always)]
    fn turns(&self, rho: &mut [f64]) -> bool {
        // One scalar product after the other: of two that are summed side by side the compiler makes pairs, at several times the cost.
        subtract(self.sum_after, self.sum_before, rho);
        if turns_back(rho, self.first, self.last) {
            return true;
        }
        subtract(self.sum_between, self.sum_before, rho);
        add_to(rho, self.right_first);
        if turns_back(rho, self.first, self.right_first) {
            return true;
        }
        subtract(self.sum_after, self.sum_between, rho);
        add_to(rho, self.left_last);
        turns_back(rho, self.left_last, self.last)
    }
}

/// Whether a sum of momenta points against one of those at its ends; NaN does.
#[inline(always)]
fn turns_back(rho: &[f64], first: &[f64], last: &[f64]) -> bool {
    !(dot(rho, first) > 0.0 && dot(rho, last) > 0.0)
}
