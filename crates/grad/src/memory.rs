//! The memory of a block of rows, and single operations on it.

use std::ops::Range;

use gibbsian_linalg::matmul_here_into;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::fused::Areas;
use crate::graph::Op;
use crate::plan::{Place, Plan, PlannedStage, Single};
use crate::real::Real;
use crate::{axis, conv};

/// The memory of one block.
pub(crate) struct Memory<'a, F> {
    pub(crate) n: usize,
    pub(crate) rows_per_block: usize,
    pub(crate) areas: Areas<'a, F>,
    pub(crate) stage: &'a PlannedStage,
    pub(crate) weights: &'a [F],
    pub(crate) staged: &'a mut Vec<F>,
}

impl<F: Real> Memory<'_, F> {
    fn range(&self, first: usize, width: usize) -> Range<usize> {
        first * self.rows_per_block..first * self.rows_per_block + self.n * width
    }

    fn get_mut(&mut self, place: Place, width: usize) -> &mut [F] {
        match place {
            Place::Scratch(first) => {
                let range = self.range(first, width);
                &mut self.areas.scratch[range]
            }
            Place::Kept(first) => {
                let range = self.range(first, width);
                &mut self.areas.kept[range]
            }
        }
    }

    /// A node to be written and one to be read, which lie apart.
    fn pair(&mut self, out: (Place, usize), x: (Place, usize)) -> (&mut [F], &[F]) {
        let range = |(place, width): (Place, usize)| match place {
            Place::Scratch(first) | Place::Kept(first) => self.range(first, width),
        };
        let (to, from) = (range(out), range(x));
        let areas = &mut self.areas;
        match (out.0, x.0) {
            (Place::Scratch(_), Place::Kept(_)) => (&mut areas.scratch[to], &areas.kept[from]),
            (Place::Kept(_), Place::Scratch(_)) => (&mut areas.kept[to], &areas.scratch[from]),
            (Place::Scratch(_), Place::Scratch(_)) => apart(areas.scratch, to, from),
            (Place::Kept(_), Place::Kept(_)) => apart(areas.kept, to, from),
        }
    }

    /// A node to be written and two to be read, which lie apart from it.
    fn triple(
        &mut self,
        out: (Place, usize),
        a: (Place, usize),
        b: (Place, usize),
    ) -> (&mut [F], &[F], &[F]) {
        let is_kept = |x: (Place, usize)| matches!(x.0, Place::Kept(_));
        let range = |(place, width): (Place, usize)| match place {
            Place::Scratch(first) | Place::Kept(first) => self.range(first, width),
        };
        let ranges = [range(out), range(a), range(b)];
        let (own, other): (&mut [F], &[F]) = match is_kept(out) {
            true => (self.areas.kept, self.areas.scratch),
            false => (self.areas.scratch, self.areas.kept),
        };
        // What is written, and what lies before and after it in the same memory.
        let (before, rest) = own.split_at_mut(ranges[0].start);
        let (to, after) = rest.split_at_mut(ranges[0].len());
        let (before, after): (&[F], &[F]) = (before, after);
        let read = |x: (Place, usize), range: &Range<usize>| {
            if is_kept(x) != is_kept(out) {
                &other[range.clone()]
            } else if range.end <= ranges[0].start {
                &before[range.clone()]
            } else {
                &after[range.start - ranges[0].end..range.end - ranges[0].end]
            }
        };
        (to, read(a, &ranges[1]), read(b, &ranges[2]))
    }

    pub(crate) fn compute(
        &mut self,
        step: &Single,
        plan: &Plan,
        params: &[F],
        inputs: &[ArrayView2<f64>],
        rows: Range<usize>,
    ) {
        let (n, out) = (self.n, (step.out, step.width));
        let operand = |k: usize| step.operands[k].expect("as many operands as the operation has");
        match &step.op {
            Op::Input(index) => {
                let x = inputs[*index].slice(s![rows, ..]);
                let out = self.get_mut(out.0, out.1);
                for (out, x) in out.chunks_exact_mut(step.width.max(1)).zip(x.rows()) {
                    match x.to_slice() {
                        Some(x) => out.iter_mut().zip(x).for_each(|(out, x)| *out = F::from_f64(*x)),
                        None => out.iter_mut().zip(x).for_each(|(out, x)| *out = F::from_f64(*x)),
                    }
                }
            }
            Op::Constant(bits) => self
                .get_mut(out.0, out.1)
                .fill(F::from_f64(f64::from_bits(*bits))),
            Op::Row(bits) => {
                for row in self.get_mut(out.0, out.1).chunks_exact_mut(step.width) {
                    for (x, bits) in row.iter_mut().zip(bits.iter()) {
                        *x = F::from_f64(f64::from_bits(*bits));
                    }
                }
            }
            Op::MatMul { w, transposed, .. } => {
                let (first, shape) = plan.params[w.0 as usize];
                let w = &params[first..first + shape.0 * shape.1];
                let w = ArrayView2::from_shape(shape, w).expect("a whole matrix");
                let x = operand(0);
                let (out, numbers) = self.pair(out, x);
                let x = ArrayView2::from_shape((n, x.1), numbers).expect("whole rows");
                let w = if *transposed { w.reversed_axes() } else { w };
                let mut onto = F::default();
                if let Some(bias) = step.bias {
                    let bias = &params[plan.range(bias)];
                    for row in out.chunks_exact_mut(step.width) {
                        row.copy_from_slice(bias);
                    }
                    onto = F::from_f64(1.0);
                }
                let out = ArrayViewMut2::from_shape((n, step.width), out).expect("whole rows");
                matmul_here_into(F::from_f64(1.0), x, w, onto, out);
            }
            Op::Lift(b) => {
                let (first, (_, m)) = plan.params[b.0 as usize];
                let b = ArrayView1::from(&params[first..first + m]);
                let b = b.to_slice().expect("a contiguous row");
                for row in self.get_mut(out.0, out.1).chunks_exact_mut(m) {
                    row.copy_from_slice(b);
                }
            }
            Op::Add(..)
            | Op::Mul(..)
            | Op::Scale(..)
            | Op::Apply(..)
            | Op::AddRepeated(..)
            | Op::MulRepeated(..) => {
                unreachable!("elementwise operations are fused")
            }
            Op::Total(_) => {
                let x = operand(0);
                let (to, numbers) = self.pair(out, x);
                for (to, row) in to.iter_mut().zip(numbers.chunks_exact(x.1)) {
                    *to = F::sum(row);
                }
            }
            Op::Spread(_) => {
                let (to, x) = self.pair(out, operand(0));
                for (row, x) in to.chunks_exact_mut(step.width).zip(x) {
                    row.fill(*x);
                }
            }
            Op::Conv { .. } => {
                let (weights, stage) = (self.weights, self.stage);
                let mut room = std::mem::take(self.staged);
                let (to, x) = self.pair(out, operand(0));
                conv::compute(&step.op, &stage.packed, weights, x, to, &mut room);
                *self.staged = room;
            }
            Op::Sum(..) | Op::Repeat(..) | Op::Part(..) => {
                let (to, x) = self.pair(out, operand(0));
                axis::compute(&step.op, n, to, x, &[]);
            }
            Op::SumProducts(..) | Op::Join(..) => {
                let (to, a, b) = self.triple(out, operand(0), operand(1));
                axis::compute(&step.op, n, to, a, b);
            }
            Op::Gather(_, columns) => {
                let x = operand(0);
                let (to, numbers) = self.pair(out, x);
                for (to, from) in to.chunks_exact_mut(step.width).zip(numbers.chunks_exact(x.1)) {
                    for (to, index) in to.iter_mut().zip(columns.indices.iter()) {
                        *to = from[*index as usize];
                    }
                }
            }
            Op::Scatter(_, columns) => {
                let x = operand(0);
                let (to, numbers) = self.pair(out, x);
                to.fill(F::default());
                for (to, from) in to.chunks_exact_mut(step.width).zip(numbers.chunks_exact(x.1)) {
                    for (x, index) in from.iter().zip(columns.indices.iter()) {
                        to[*index as usize] += *x;
                    }
                }
            }
        }
    }
}

/// Two ranges that do not overlap, one to be written and one to be read.
fn apart<F>(numbers: &mut [F], to: Range<usize>, from: Range<usize>) -> (&mut [F], &[F]) {
    let [to, from] = numbers
        .get_disjoint_mut([to, from])
        .expect("nodes that are alive at once lie apart");
    (to, from)
}
