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

use crate::rows::{LANES, add, add_products, add_to, dot, subtract, total};

/// Momenta, and sums of momenta, of some earlier leaves of each row's subtree.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints {
    rows: usize,
    dim: usize,
    levels: Vec<Level>,
    zero: Vec<f64>,
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
            if joint.turns() {
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
    pub fn turns_whole(&self, row: usize, far: &[f64], near: &[f64], w: &[f64], sum: &[f64]) -> bool {
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
        .turns()
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
    /// Whether the ends of the stretch approach each other, or those of a part and its neighbour.
    #[inline(always)]
    fn turns(&self) -> bool {
        // NaN turns.
        !self.products().iter().all(|product| *product > 0.0)
    }

    /// The six scalar products of the criterion, two of each sum of momenta with those at its ends: the whole stretch, the left part with
    /// the first point of the right one, the right part with the last point of the left one.
    #[inline(always)]
    fn products(&self) -> [f64; 6] {
        let n = self.last.len();
        let (a, a_tail) = self.first.as_chunks::<LANES>();
        let (b, b_tail) = self.left_last[..n].as_chunks::<LANES>();
        let (c, c_tail) = self.right_first[..n].as_chunks::<LANES>();
        let (d, d_tail) = self.last.as_chunks::<LANES>();
        let (r, r_tail) = self.sum_before[..n].as_chunks::<LANES>();
        let (s, s_tail) = self.sum_between[..n].as_chunks::<LANES>();
        let (t, t_tail) = self.sum_after[..n].as_chunks::<LANES>();
        let mut sums = [[0.0; LANES]; 6];
        let points = a.iter().zip(b).zip(c.iter().zip(d));
        for (((a, b), (c, d)), ((r, s), t)) in points.zip(r.iter().zip(s).zip(t)) {
            let whole = subtract(*t, *r);
            let left = add(subtract(*s, *r), *c);
            let right = add(subtract(*t, *s), *b);
            sums[0] = add_products(sums[0], whole, *a);
            sums[1] = add_products(sums[1], whole, *d);
            sums[2] = add_products(sums[2], left, *a);
            sums[3] = add_products(sums[3], left, *c);
            sums[4] = add_products(sums[4], right, *b);
            sums[5] = add_products(sums[5], right, *d);
        }
        let mut sums = sums.map(total);
        for i in 0..a_tail.len() {
            let (a, b, c, d) = (a_tail[i], b_tail[i], c_tail[i], d_tail[i]);
            let whole = t_tail[i] - r_tail[i];
            let left = s_tail[i] - r_tail[i] + c;
            let right = t_tail[i] - s_tail[i] + b;
            for (sum, (x, y)) in sums.iter_mut().zip([
                (whole, a),
                (whole, d),
                (left, a),
                (left, c),
                (right, b),
                (right, d),
            ]) {
                *sum = f64::mul_add(x, y, *sum);
            }
        }
        sums
    }
}
