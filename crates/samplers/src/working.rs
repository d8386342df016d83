//! The state of kernels that carry walkers from step to step and nothing else.

use std::ops::Range;

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Record, Result, Score, Snapshot};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::metric::Metric;
use crate::vector::all_finite;
use crate::walkers::{Block, Walkers};

/// Walkers, and the memory that a step of their kernel works in.
///
/// The memory is not part of what they are: a copy that comes from a snapshot continues bit for bit without it.
#[derive(Clone, Debug)]
pub struct Working {
    /// The walkers.
    pub walkers: Walkers,
    scratch: Vec<Scratch>,
}

/// What one block of rows needs during a step; each vector is sized by its first user and kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) noise: Vec<f64>,
    pub(crate) drift: Vec<f64>,
    pub(crate) proposal: Vec<f64>,
    pub(crate) energy: Vec<f64>,
    pub(crate) log_ratio: Vec<f64>,
    pub(crate) score: Vec<f64>,
}

impl Working {
    /// Walkers at the start of a run.
    pub fn new(walkers: Walkers) -> Self {
        Working {
            walkers,
            scratch: Vec::new(),
        }
    }

    /// [`Walkers::map_blocks`] with the working memory of each block.
    pub(crate) fn map_blocks<R: Send>(
        &mut self,
        f: impl Fn(usize, Block<'_>, &mut Scratch) -> R + Sync,
    ) -> Vec<R> {
        self.walkers.map_blocks(&mut self.scratch, f)
    }
}

impl Snapshot for Working {
    fn snapshot(&self) -> Record {
        self.walkers.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.walkers.restore(record)
    }
}

/// Fills `noise` with standard normals, a few rows of `dim` at a time, and hands each piece and its place to `f` while it is in the
/// first-level cache: a block of rows is mostly larger than that.
pub(crate) fn stir(
    rng: &mut LaneRng,
    noise: &mut [f64],
    dim: usize,
    mut f: impl FnMut(Range<usize>, &mut [f64]),
) {
    const PIECE: usize = 1024;
    // A power of two, so that pieces mostly are whole groups of the sixteen normals that are drawn together.
    let n_rows = 1 << (PIECE / dim).clamp(1, BLOCK_ROWS).ilog2();
    let mut start = 0;
    for piece in noise.chunks_mut(n_rows * dim) {
        fill_standard_normal(rng, piece);
        let end = start + piece.len();
        f(start..end, piece);
        start = end;
    }
}

/// The first `n` numbers of a working vector.
pub(crate) fn sized(vector: &mut Vec<f64>, n: usize) -> &mut [f64] {
    vector.resize(n, 0.0);
    vector
}

/// Numbers in rows of `dim`.
pub(crate) fn rows(numbers: &[f64], dim: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((numbers.len() / dim, dim), numbers).expect("whole rows")
}

/// Numbers in rows of `dim`, to be changed.
pub(crate) fn rows_mut(numbers: &mut [f64], dim: usize) -> ArrayViewMut2<'_, f64> {
    ArrayViewMut2::from_shape((numbers.len() / dim, dim), numbers).expect("whole rows")
}

/// The numbers of an array in standard layout, as walkers and their blocks are.
pub(crate) fn numbers<'a>(array: &'a mut ArrayViewMut2<'_, f64>) -> &'a mut [f64] {
    array.as_slice_mut().expect("walkers are in standard layout")
}

/// `Lᵀ s` for every row of the scores; the scores themselves where `L = I`.
pub(crate) fn whitened<'a>(
    metric: &Metric,
    score: &'a [f64],
    dim: usize,
    drift: &'a mut Vec<f64>,
) -> &'a [f64] {
    if *metric == Metric::Identity {
        return score;
    }
    drift.clear();
    drift.extend_from_slice(score);
    metric.apply_transposed(rows_mut(drift, dim));
    drift
}

/// Puts back to `before` the rows of `x` that are no points any more, and returns their numbers.
pub(crate) fn keep_points(x: &mut ArrayViewMut2<f64>, before: &[f64]) -> Vec<usize> {
    let dim = x.ncols();
    let x = numbers(x);
    if all_finite(x) {
        return Vec::new();
    }
    let mut undone = Vec::new();
    for (b, (x, before)) in x.chunks_exact_mut(dim).zip(before.chunks_exact(dim)).enumerate() {
        if !all_finite(x) {
            x.copy_from_slice(before);
            undone.push(b);
        }
    }
    undone
}

/// [`keep_points`] for walkers with scores: rows whose new score is not finite are put back as well. In the end the scores are those of the
/// points. `points_are_finite` says whether all points are known to be.
pub(crate) fn keep_scored<T: Score + ?Sized>(
    target: &T,
    walkers: &mut Block<'_>,
    before: &[f64],
    points_are_finite: bool,
) -> Vec<usize> {
    let dim = walkers.x.ncols();
    let (x, score) = (numbers(&mut walkers.x), numbers(&mut walkers.score));
    if points_are_finite && all_finite(score) {
        return Vec::new();
    }
    let mut undone = Vec::new();
    for (b, before) in before.chunks_exact(dim).enumerate() {
        let row = b * dim..(b + 1) * dim;
        if !all_finite(&x[row.clone()]) || !all_finite(&score[row.clone()]) {
            x[row].copy_from_slice(before);
            undone.push(b);
        }
    }
    target.score_into(walkers.x.view(), walkers.score.view_mut());
    undone
}

/// The [`Kernel`](gibbsian_core::Kernel) whose state are [`Working`] walkers that remember one thing of the target, and whose step is `advance` on each
/// block of rows with the noise of that block.
macro_rules! kernel_of_walkers {
    ($kernel:ty, $target:ident, $start:ident, $refresh:ident) => {
        impl<T: gibbsian_core::$target + ?Sized> gibbsian_core::Kernel<T> for $kernel {
            type State = $crate::working::Working;
            type Info = gibbsian_core::Acceptance;

            fn init(&self, target: &T, x: ndarray::Array2<f64>) -> gibbsian_core::Result<Self::State> {
                self.metric.check_dim(target.dim())?;
                let walkers = $crate::walkers::Walkers::$start(target, x)?;
                Ok($crate::working::Working::new(walkers))
            }

            fn refresh(&self, target: &T, state: &mut Self::State) {
                state.walkers.$refresh(target);
            }

            fn positions<'s>(&self, state: &'s Self::State) -> ndarray::CowArray<'s, f64, ndarray::Ix2> {
                state.walkers.x.view().into()
            }

            fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn rand::Rng) -> Self::Info {
                let streams = gibbsian_core::Streams::draw(rng);
                state
                    .map_blocks(|block, walkers, scratch| {
                        let noise = gibbsian_core::simd::LaneRng::new(streams, block);
                        self.advance(target, noise, walkers, scratch)
                    })
                    .into_iter()
                    .sum()
            }
        }
    };
}
pub(crate) use kernel_of_walkers;
