//! Convolutions of pictures with a parameter.
//!
//! A row is a picture with the channels of a pixel side by side (see [`Image`](crate::Image)); the parameter is a matrix of `kernel² · in_channels` rows, in the order `(k_y, k_x, c)`, and a column an output
//! channel. A convolution and its transpose are each other's derivative in the picture, and what a parameter's gradient is summed from is the same for both, [`Reduction::Conv`](crate::Reduction::Conv), with the operands in the
//! other order: so derivatives of any order are made of these two. The arithmetic is that of [`gibbsian_linalg::kernels::conv`], which reads weights that were put in order; that is done once a run.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use gibbsian_linalg::kernels::conv::{Convolution, Geometry, add_weight_gradient};
use rayon::prelude::*;

use crate::graph::{Graph, Op, Param, Var};
use crate::plan::{Output, Single, Step};
use crate::real::Real;

impl Graph {
    /// The convolution of a picture with a parameter, `y[v, u, o] = Σ x[s v + i − p, s u + j − p, c] w[(i, j, c), o]`.
    ///
    /// # Panics
    /// When the widths of `x` or `w` are not what the sizes say, or these do not fit ([`Geometry::check`]).
    pub fn conv(&mut self, x: Var, w: Param, geometry: Geometry) -> Var {
        geometry.check();
        assert_eq!(self.width(x), geometry.in_len(), "numbers of the picture");
        self.convolution(x, w, geometry, false)
    }

    /// The transpose of [`Graph::conv`] in the picture, which gives a picture from a result.
    ///
    /// # Panics
    /// When the widths of `x` or `w` are not what the sizes say, or these do not fit ([`Geometry::check`]).
    pub fn conv_transposed(&mut self, x: Var, w: Param, geometry: Geometry) -> Var {
        geometry.check();
        assert_eq!(self.width(x), geometry.out_len(), "numbers of the result");
        self.convolution(x, w, geometry, true)
    }

    fn convolution(&mut self, x: Var, w: Param, geometry: Geometry, transposed: bool) -> Var {
        assert_eq!(
            self.shape(w),
            geometry.weights(),
            "rows and columns of the weights"
        );
        let width = if transposed {
            geometry.in_len()
        } else {
            geometry.out_len()
        };
        if self.value_of(x) == Some(0.0) {
            return self.constant(width, 0.0);
        }
        let op = Op::Conv {
            x,
            w,
            geometry,
            transposed,
        };
        self.add_node(op, width)
    }
}

/// Weights in the order in which a convolution reads them: which, and where among all that a stage needs.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    w: Param,
    convolution: Convolution,
    transposed: bool,
    first: usize,
}

/// The convolutions of some steps, each once.
pub(crate) fn packed(steps: &[Step]) -> Vec<Packed> {
    let mut all: Vec<Packed> = Vec::new();
    let mut first = 0;
    for step in steps {
        if let Step::One(Single {
            op:
                Op::Conv {
                    w,
                    geometry,
                    transposed,
                    ..
                },
            ..
        }) = *step
            && find(&all, w, geometry, transposed).is_none()
        {
            let convolution = if transposed {
                Convolution::transposed(geometry)
            } else {
                Convolution::new(geometry)
            };
            let packed = Packed {
                w,
                convolution,
                transposed,
                first,
            };
            first += packed.convolution.packed_len();
            all.push(packed);
        }
    }
    all
}

fn find(all: &[Packed], w: Param, geometry: Geometry, transposed: bool) -> Option<&Packed> {
    all.iter()
        .find(|p| p.w == w && p.transposed == transposed && p.convolution.geometry() == geometry)
}

/// Puts the weights of a stage in order; `params` gives a parameter's numbers.
pub(crate) fn pack<'a, F: Real>(all: &[Packed], params: impl Fn(Param) -> &'a [F] + Sync, out: &mut Vec<F>) {
    let Some(last) = all.last() else {
        return;
    };
    let size = last.first + last.convolution.packed_len();
    if out.len() < size {
        out.resize(size, F::default());
    }
    pack_part(all, &params, &mut out[..size]);
}

/// Some of the weights, which lie one after the other in `out`; halves side by side.
fn pack_part<'a, F: Real>(all: &[Packed], params: &(impl Fn(Param) -> &'a [F] + Sync), out: &mut [F]) {
    match all {
        [] => {}
        [packed] => packed.convolution.pack_into(params(packed.w), out),
        _ => {
            let (left, right) = all.split_at(all.len() / 2);
            let (of_left, of_right) = out.split_at_mut(right[0].first - left[0].first);
            rayon::join(
                || pack_part(left, params, of_left),
                || pack_part(right, params, of_right),
            );
        }
    }
}

/// One step, over some rows.
pub(crate) fn compute<F: Real>(
    op: &Op,
    all: &[Packed],
    weights: &[F],
    x: &[F],
    out: &mut [F],
    room: &mut Vec<F>,
) {
    let &Op::Conv {
        w,
        geometry,
        transposed,
        ..
    } = op
    else {
        unreachable!("a convolution")
    };
    let packed = find(all, w, geometry, transposed).expect("weights of every step were put in order");
    let weights = &weights[packed.first..][..packed.convolution.packed_len()];
    packed.convolution.run_into(weights, x, out, room);
}

/// The gradient of a convolution in its weights: of the parameter of this number, from a picture and the cotangent of its result.
#[derive(Clone, Debug)]
pub(crate) struct WeightGradient {
    param: usize,
    x: Output,
    u: Output,
    convolution: Convolution,
}

impl WeightGradient {
    pub(crate) fn new(param: usize, x: Output, u: Output, geometry: Geometry) -> Self {
        WeightGradient {
            param,
            x,
            u,
            convolution: Convolution::new(geometry),
        }
    }

    fn len(&self) -> usize {
        let (rows, columns) = self.convolution.geometry().weights();
        rows * columns
    }
}

/// Parts that a batch is cut into for weight gradients, whatever the number of threads.
const PARTS: usize = 8;

/// **Adds** the weight gradients of a stage's convolutions to `gradient`: sums over an eighth of the blocks each, in order, and then the sum of these, in order.
///
/// `range` gives the place of a parameter, and `rows` the numbers of a node in a block; `staged` and `partial` are memory that is used again.
pub(crate) fn add_gradients<'a, F: Real>(
    all: &[WeightGradient],
    n_blocks: usize,
    range: impl Fn(usize) -> Range<usize>,
    rows: impl Fn(Output, usize) -> &'a [F] + Sync,
    staged: &[Mutex<Vec<F>>],
    partial: &mut Vec<F>,
    gradient: &mut [f64],
) {
    if all.is_empty() || n_blocks == 0 {
        return;
    }
    let parts = Parts {
        n_blocks,
        n_parts: PARTS.min(n_blocks),
        rows,
        staged,
    };
    let size = parts.size(all);
    if partial.len() < size {
        partial.resize(size, F::default());
    }
    parts.sum(all, &mut partial[..size]);
    let mut first = 0;
    for of_weights in all {
        let n = of_weights.len();
        let sums = &partial[first..first + parts.n_parts * n];
        first += parts.n_parts * n;
        (gradient[range(of_weights.param)].par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(k, gradient)| {
                let mut total = [F::default(); CHUNK];
                let total = &mut total[..gradient.len()];
                for sum in sums.chunks_exact(n) {
                    F::accumulate(&sum[k * CHUNK..][..gradient.len()], total);
                }
                F::add_to_f64(total, gradient);
            });
    }
}

/// Blocks in parts, and where the numbers of a node in a block are.
struct Parts<'s, F, R> {
    n_blocks: usize,
    n_parts: usize,
    rows: R,
    staged: &'s [Mutex<Vec<F>>],
}

impl<'a, F: Real, R: Fn(Output, usize) -> &'a [F] + Sync> Parts<'_, F, R> {
    /// Numbers of all sums.
    fn size(&self, all: &[WeightGradient]) -> usize {
        all.iter().map(|g| self.n_parts * g.len()).sum()
    }

    /// Sums of every part, convolution after convolution; halves of the list side by side.
    fn sum(&self, all: &[WeightGradient], out: &mut [F]) {
        match all {
            [] => {}
            [g] => (out.par_chunks_exact_mut(g.len()))
                .enumerate()
                .for_each(|(part, sum)| self.sum_part(g, part, sum)),
            _ => {
                let (left, right) = all.split_at(all.len() / 2);
                let (of_left, of_right) = out.split_at_mut(self.size(left));
                rayon::join(|| self.sum(left, of_left), || self.sum(right, of_right));
            }
        }
    }

    fn sum_part(&self, g: &WeightGradient, part: usize, sum: &mut [F]) {
        let blocks = part * self.n_blocks / self.n_parts..(part + 1) * self.n_blocks / self.n_parts;
        let pictures = blocks.flat_map(|block| {
            let x = (self.rows)(g.x, block).chunks_exact(g.x.width);
            x.zip((self.rows)(g.u, block).chunks_exact(g.u.width))
        });
        // As in a run, a thread has a slot of its own.
        let slot = rayon::current_thread_index().map_or(0, |index| index + 1);
        let mut room = self.staged[slot].lock().unwrap_or_else(PoisonError::into_inner);
        sum.fill(F::default());
        add_weight_gradient(&g.convolution, pictures, sum, &mut room);
    }
}

/// Weights whose parts one task puts together.
const CHUNK: usize = 1 << 12;
