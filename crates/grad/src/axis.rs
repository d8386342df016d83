//! Sums along an axis of a row, and their transposes.
//!
//! A row of `outer · n · inner` numbers is an array of three axes, the last the fastest. Sums over the middle axis and repetition along it are what pictures need beside convolutions: totals over pixels,
//! over the channels of a group, over the pixels of a pool; a number a channel for all pixels; nearest-neighbour enlargement.
//!
//! A product or a sum with something repeated, and a sum of products, are operations of their own, so that what is repeated is never written down. The graph takes them where they fit: [`Graph::mul`],
//! [`Graph::add`] and [`Graph::sum_over`] look at their operands.

use gibbsian_core::simd;

use crate::graph::{Graph, Op, Var};
use crate::real::Real;

/// The middle axis of a row seen as an array `(outer, n, inner)`.
///
/// ```
/// use gibbsian_grad::{Axis, Graph, Plan, Workspace};
/// use ndarray::array;
///
/// // Six numbers as two arrays of three: sums of each.
/// let axis = Axis { outer: 2, n: 3, inner: 1 };
/// let mut g = Graph::new();
/// let x = g.input(axis.whole());
/// let sums = g.sum_over(x, axis);
/// let row = array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]];
/// let out = Plan::new(&g, &[sums]).evaluate(&mut Workspace::<f64>::new(), &[], &[row.view()]);
/// assert_eq!(out[0], array![[6.0, 15.0]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Arrays side by side.
    pub outer: usize,
    /// The length of the axis.
    pub n: usize,
    /// Numbers that lie side by side at a place of the axis.
    pub inner: usize,
}

impl Axis {
    /// Numbers of a row that has the axis.
    pub fn whole(&self) -> usize {
        self.outer * self.n * self.inner
    }

    /// Numbers of a row without it.
    pub fn sums(&self) -> usize {
        self.outer * self.inner
    }
}

impl Graph {
    /// `y[o, i] = Σ_k x[o, k, i]`.
    pub fn sum_over(&mut self, x: Var, axis: Axis) -> Var {
        assert_eq!(self.width(x), axis.whole(), "columns of a node with the axis");
        if axis.n == 1 {
            return x;
        }
        let width = axis.sums();
        if let Some(value) = self.value_of(x) {
            return self.constant(width, axis.n as f64 * value);
        }
        match self.node(x).op {
            Op::Scale(factor, x) => {
                let sum = self.sum_over(x, axis);
                self.scale(f64::from_bits(factor), sum)
            }
            Op::Repeat(x, along) if along == axis => self.scale(axis.n as f64, x),
            Op::MulRepeated(a, b, along) if along == axis => {
                let sum = self.sum_over(a, axis);
                self.mul(sum, b)
            }
            Op::Mul(a, b) => self.add_node(Op::SumProducts(a, b, axis), width),
            _ => self.add_node(Op::Sum(x, axis), width),
        }
    }

    /// `y[o, k, i] = x[o, i]`, the transpose of [`Graph::sum_over`].
    pub fn repeat_along(&mut self, x: Var, axis: Axis) -> Var {
        assert_eq!(self.width(x), axis.sums(), "columns of a node without the axis");
        if axis.n == 1 {
            return x;
        }
        match self.value_of(x) {
            Some(value) => self.constant(axis.whole(), value),
            None => self.add_node(Op::Repeat(x, axis), axis.whole()),
        }
    }

    /// What a node repeats, and along which axis.
    fn repeated(&self, x: Var) -> Option<(Var, Axis)> {
        match self.node(x).op {
            Op::Repeat(x, axis) => Some((x, axis)),
            _ => None,
        }
    }

    /// `a + b` where one or both repeat something.
    pub(crate) fn add_repeated(&mut self, a: Var, b: Var) -> Option<Var> {
        match (self.repeated(a), self.repeated(b)) {
            (Some((x, along)), Some((y, axis))) if along == axis => {
                let sum = self.add(x, y);
                Some(self.repeat_along(sum, axis))
            }
            (_, Some((b, axis))) => Some(self.add_node(Op::AddRepeated(a, b, axis), axis.whole())),
            (Some((a, axis)), None) => Some(self.add_node(Op::AddRepeated(b, a, axis), axis.whole())),
            (None, None) => None,
        }
    }

    /// `a b` where one or both repeat something.
    pub(crate) fn mul_repeated(&mut self, a: Var, b: Var) -> Option<Var> {
        match (self.repeated(a), self.repeated(b)) {
            (Some((x, along)), Some((y, axis))) if along == axis => {
                let product = self.mul(x, y);
                Some(self.repeat_along(product, axis))
            }
            (_, Some((b, axis))) => Some(self.add_node(Op::MulRepeated(a, b, axis), axis.whole())),
            (Some((a, axis)), None) => Some(self.add_node(Op::MulRepeated(b, a, axis), axis.whole())),
            (None, None) => None,
        }
    }

    /// Nodes side by side, in `outer` pieces each: piece `o` of the whole is piece `o` of `a` and then that of `b`.
    ///
    /// # Panics
    /// When a width is no multiple of the number of pieces.
    pub fn join(&mut self, a: Var, b: Var, outer: usize) -> Var {
        let (n, m) = (self.width(a), self.width(b));
        assert!(
            n.is_multiple_of(outer) && m.is_multiple_of(outer),
            "{n} and {m} columns in {outer} pieces"
        );
        match (self.value_of(a), self.value_of(b)) {
            (Some(x), Some(y)) if x.to_bits() == y.to_bits() => self.constant(n + m, x),
            _ => self.add_node(Op::Join(a, b, outer), n + m),
        }
    }

    /// Numbers `first … first + n` of each of `outer` pieces.
    ///
    /// # Panics
    /// When the width is no multiple of the number of pieces, or a piece ends before.
    pub fn part(&mut self, x: Var, outer: usize, first: usize, n: usize) -> Var {
        let width = self.width(x);
        assert!(
            width.is_multiple_of(outer) && first + n <= width / outer,
            "numbers {first} to {} of {width} columns in {outer} pieces",
            first + n
        );
        if n == width / outer {
            return x;
        }
        match self.node(x).op {
            Op::Constant(bits) => self.constant(outer * n, f64::from_bits(bits)),
            Op::Join(a, b, pieces) if pieces == outer => {
                let left = self.width(a) / outer;
                if first + n <= left {
                    self.part(a, outer, first, n)
                } else if first >= left {
                    self.part(b, outer, first - left, n)
                } else {
                    self.add_node(Op::Part(x, outer, first), outer * n)
                }
            }
            _ => self.add_node(Op::Part(x, outer, first), outer * n),
        }
    }

    /// The transpose of [`Graph::part`]: the numbers among zeros, `width` in all.
    pub(crate) fn among_zeros(&mut self, x: Var, outer: usize, first: usize, width: usize) -> Var {
        let after = width - outer * first - self.width(x);
        let mut whole = x;
        if first > 0 {
            let zeros = self.constant(outer * first, 0.0);
            whole = self.join(zeros, whole, outer);
        }
        if after > 0 {
            let zeros = self.constant(after, 0.0);
            whole = self.join(whole, zeros, outer);
        }
        whole
    }

    /// `a + b` where each is zero where the other is not.
    pub(crate) fn add_joined(&mut self, a: Var, b: Var) -> Option<Var> {
        let (&Op::Join(a0, a1, outer), &Op::Join(b0, b1, pieces)) = (&self.node(a).op, &self.node(b).op)
        else {
            return None;
        };
        let zero = Some(0.0);
        let apart = |x: Var, y: Var| self.value_of(x) == zero || self.value_of(y) == zero;
        if outer != pieces || self.width(a0) != self.width(b0) || !apart(a0, b0) || !apart(a1, b1) {
            return None;
        }
        let (left, right) = (self.add(a0, b0), self.add(a1, b1));
        Some(self.join(left, right, outer))
    }
}

/// One step, over some rows, from one operand or two.
pub(crate) fn compute<F: Real>(op: &Op, n_rows: usize, out: &mut [F], a: &[F], b: &[F]) {
    match *op {
        Op::Sum(_, axis) => simd::vectorized(Sums {
            axis,
            out,
            x: a,
            y: a,
            term: |x, _| x,
        }),
        Op::SumProducts(_, _, axis) => simd::vectorized(Sums {
            axis,
            out,
            x: a,
            y: b,
            term: |x, y| x * y,
        }),
        Op::Repeat(_, axis) => {
            let pieces = out.chunks_exact_mut(axis.n * axis.inner);
            for (out, x) in pieces.zip(a.chunks_exact(axis.inner)) {
                for out in out.chunks_exact_mut(axis.inner) {
                    out.copy_from_slice(x);
                }
            }
        }
        Op::Join(_, _, outer) => {
            let n_pieces = (n_rows * outer).max(1);
            let (n, m) = (a.len() / n_pieces, b.len() / n_pieces);
            let parts = a.chunks_exact(n.max(1)).zip(b.chunks_exact(m.max(1)));
            for (out, (a, b)) in out.chunks_exact_mut((n + m).max(1)).zip(parts) {
                out[..n].copy_from_slice(a);
                out[n..].copy_from_slice(b);
            }
        }
        Op::Part(_, outer, first) => {
            let n_pieces = (n_rows * outer).max(1);
            let (n, m) = (out.len() / n_pieces, a.len() / n_pieces);
            for (out, x) in out.chunks_exact_mut(n.max(1)).zip(a.chunks_exact(m.max(1))) {
                out.copy_from_slice(&x[first..first + n]);
            }
        }
        _ => unreachable!("an operation along an axis"),
    }
}

/// `out ← a + b` with `b` repeated, for the numbers from one on of a batch of rows, whose `b` is whole.
pub(crate) fn add_repeated<F: Real>(a: &[F], b: &[F], axis: Axis, first: usize, out: &mut [F]) {
    let f = |a, b| a + b;
    simd::vectorized(Combine {
        axis,
        first,
        out,
        a,
        b,
        f,
    });
}

/// `out ← a b` likewise.
pub(crate) fn mul_repeated<F: Real>(a: &[F], b: &[F], axis: Axis, first: usize, out: &mut [F]) {
    let f = |a, b| a * b;
    simd::vectorized(Combine {
        axis,
        first,
        out,
        a,
        b,
        f,
    });
}

/// `out ← f(a, b)` with `b` repeated.
struct Combine<'a, F, G> {
    axis: Axis,
    first: usize,
    out: &'a mut [F],
    a: &'a [F],
    b: &'a [F],
    f: G,
}

impl<F: Real, G: Fn(F, F) -> F> simd::Vectorized for Combine<'_, F, G> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Axis { n, inner, .. } = self.axis;
        let size = n * inner;
        // A number that is repeated side by side, or as many as lie side by side.
        let period = if inner == 1 { n } else { inner };
        let (mut piece, mut within) = (self.first / size, self.first % size);
        let mut place = within % period;
        let mut done = 0;
        while done < self.out.len() {
            let length = (period - place).min(self.out.len() - done);
            let (out, a) = (&mut self.out[done..][..length], &self.a[done..][..length]);
            if inner == 1 {
                let b = self.b[piece];
                for (out, a) in out.iter_mut().zip(a) {
                    *out = (self.f)(*a, b);
                }
            } else {
                let b = &self.b[piece * inner + place..][..length];
                for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                    *out = (self.f)(*a, *b);
                }
            }
            (done, within, place) = (done + length, within + length, 0);
            if within == size {
                (piece, within) = (piece + 1, 0);
            }
        }
    }
}

/// Sums of terms.
struct Sums<'a, F, G> {
    axis: Axis,
    out: &'a mut [F],
    x: &'a [F],
    y: &'a [F],
    term: G,
}

/// Neighbouring sums at once.
const LANES: usize = 16;
/// Partial sums of each, in turn: processors begin an addition long before the last is done.
const TURNS: usize = 4;
/// Terms whose sum is added to the others.
const RUN: usize = 64;

impl<F: Real, G: Fn(F, F) -> F> simd::Vectorized for Sums<'_, F, G> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Axis { n, inner, .. } = self.axis;
        let (size, term) = (n * inner, &self.term);
        for (piece, out) in self.out.chunks_exact_mut(inner).enumerate() {
            let x = &self.x[piece * size..][..size];
            let y = &self.y[piece * size..][..size];
            if inner == 1 {
                // As many sums as lanes, and then their sum.
                let sums = sum_lanes(x, y, LANES, n / LANES, term);
                let sum = sums.into_iter().fold(F::default(), |sum, x| sum + x);
                let (x, y) = (x.as_chunks::<LANES>().1, y.as_chunks::<LANES>().1);
                out[0] = x.iter().zip(y).fold(sum, |sum, (x, y)| sum + term(*x, *y));
                continue;
            }
            let (chunks, rest) = out.as_chunks_mut::<LANES>();
            let n_whole = chunks.len() * LANES;
            for (c, chunk) in chunks.iter_mut().enumerate() {
                *chunk = sum_lanes(&x[c * LANES..], &y[c * LANES..], inner, n, term);
            }
            rest.fill(F::default());
            for (x, y) in x.chunks_exact(inner).zip(y.chunks_exact(inner)) {
                for ((out, x), y) in rest.iter_mut().zip(&x[n_whole..]).zip(&y[n_whole..]) {
                    *out += term(*x, *y);
                }
            }
        }
    }
}

/// The sums of the first numbers of `n` rows of `pitch`.
#[inline(always)]
fn sum_lanes<F: Real>(x: &[F], y: &[F], pitch: usize, n: usize, term: &impl Fn(F, F) -> F) -> [F; LANES] {
    let lanes =
        |x: &[F], k: usize| -> [F; LANES] { *x[k * pitch..].first_chunk().expect("numbers of all lanes") };
    let mut sums = [F::default(); LANES];
    for run in (0..n).step_by(RUN) {
        let end = n.min(run + RUN);
        let mut turns = [[F::default(); LANES]; TURNS];
        let mut k = run;
        while k + TURNS <= end {
            for (turn, sum) in turns.iter_mut().enumerate() {
                let (x, y) = (lanes(x, k + turn), lanes(y, k + turn));
                for ((sum, x), y) in sum.iter_mut().zip(x).zip(y) {
                    *sum += term(x, y);
                }
            }
            k += TURNS;
        }
        for k in k..end {
            let (x, y) = (lanes(x, k), lanes(y, k));
            for ((sum, x), y) in turns[0].iter_mut().zip(x).zip(y) {
                *sum += term(x, y);
            }
        }
        for turn in turns {
            for (sum, turn) in sums.iter_mut().zip(turn) {
                *sum += turn;
            }
        }
    }
    sums
}
