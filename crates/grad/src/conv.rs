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
use crate::plan::{Output, Single, Step, Term};
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
    let mut rest = &mut out[..];
    let mut parts = Vec::with_capacity(all.len());
    for packed in all {
        let part;
        (part, rest) = rest.split_at_mut(packed.convolution.packed_len());
        parts.push((packed, part));
    }
    (parts.par_iter_mut()).for_each(|(packed, part)| packed.convolution.pack_into(params(packed.w), part));
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

/// Parts that a batch is cut into for weight gradients, whatever the number of threads.
const PARTS: usize = 8;

/// **Adds** the weight gradients of a stage's convolutions to `gradient`: sums over an eighth of the blocks each, in order, and then the sum of these, in order.
///
/// `range` gives the place of a parameter, and `rows` the numbers of a node in a block; `staged` and `partial` are memory that is used again.
pub(crate) fn add_gradients<'a, F: Real>(
    terms: &[(usize, Term)],
    n_blocks: usize,
    range: impl Fn(usize) -> Range<usize>,
    rows: impl Fn(Output, usize) -> &'a [F] + Sync,
    staged: &[Mutex<Vec<F>>],
    partial: &mut Vec<F>,
    gradient: &mut [F],
) {
    let convolutions: Vec<_> = terms
        .iter()
        .filter_map(|&(param, term)| match term {
            Term::Conv(x, u, geometry) => Some((range(param), x, u, Convolution::new(geometry))),
            _ => None,
        })
        .collect();
    if convolutions.is_empty() || n_blocks == 0 {
        return;
    }
    let n_parts = PARTS.min(n_blocks);
    let size: usize = convolutions.iter().map(|(range, ..)| n_parts * range.len()).sum();
    if partial.len() < size {
        partial.resize(size, F::default());
    }
    let mut tasks = Vec::with_capacity(n_parts * convolutions.len());
    let mut rest = &mut partial[..];
    for convolution in &convolutions {
        for part in 0..n_parts {
            let sum;
            (sum, rest) = rest.split_at_mut(convolution.0.len());
            tasks.push((convolution, part, sum));
        }
    }
    (tasks.into_par_iter()).for_each(|((_, x, u, convolution), part, sum)| {
        let blocks = part * n_blocks / n_parts..(part + 1) * n_blocks / n_parts;
        let pictures = blocks.flat_map(|block| {
            let x = rows(*x, block).chunks_exact(x.width);
            x.zip(rows(*u, block).chunks_exact(u.width))
        });
        // As in a run, a thread has a slot of its own.
        let slot = rayon::current_thread_index().map_or(0, |index| index + 1);
        let mut room = staged[slot].lock().unwrap_or_else(PoisonError::into_inner);
        sum.fill(F::default());
        add_weight_gradient(convolution, pictures, sum, &mut room);
    });
    let mut first = 0;
    for (range, ..) in convolutions {
        let n = range.len();
        let sums = &partial[first..first + n_parts * n];
        first += n_parts * n;
        (gradient[range].par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(k, gradient)| {
                for sum in sums.chunks_exact(n) {
                    F::accumulate(&sum[k * CHUNK..][..gradient.len()], gradient);
                }
            });
    }
}

/// Weights whose parts one task puts together.
const CHUNK: usize = 1 << 14;
