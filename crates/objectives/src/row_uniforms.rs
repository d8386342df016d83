//! The numbers that decide which row of a minibatch is noised how much.

use gibbsian_core::Streams;
use gibbsian_core::parallel::for_each_block;
use ndarray::{Array1, Array2, Axis};
use rand::RngExt;

/// How the rows of a minibatch share out the levels or times: each row has a uniform number `u` of its own law `U(0, 1)`, which decides its level.
///
/// Whatever the choice, every row's number is uniform, so losses and gradients are unbiased row by row; what differs is how much of their variance comes from an uneven choice of levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowUniforms {
    /// Independent numbers.
    #[default]
    Independent,
    /// `u_b = (u + b/B) mod 1`: one uniform number for the minibatch, and rows at equal distances from there (Kingma, Salimans, Poole and Ho 2021).
    Stratified,
    /// Pairs of neighbouring rows have `u` and `1 − u`.
    Antithetic,
}

impl RowUniforms {
    /// The numbers of `n_rows` rows, in `[0, 1)`, from fixed blocks of rows.
    pub(crate) fn draw(self, n_rows: usize, streams: Streams) -> Array1<f64> {
        match self {
            RowUniforms::Independent => uniforms(n_rows, streams),
            RowUniforms::Stratified => {
                let start: f64 = streams.block(0).random();
                let at = |b: usize| (start + b as f64 / n_rows as f64).fract();
                Array1::from_shape_fn(n_rows, at)
            }
            RowUniforms::Antithetic => {
                let half = uniforms(n_rows.div_ceil(2), streams);
                // Numbers are multiples of 2⁻⁵³: the mirror image of the grid in [0, 1) is itself.
                let mirrored = |u: f64| 1.0 - f64::EPSILON / 2.0 - u;
                Array1::from_shape_fn(n_rows, |b| {
                    if b % 2 == 0 {
                        half[b / 2]
                    } else {
                        mirrored(half[b / 2])
                    }
                })
            }
        }
    }
}

fn uniforms(n: usize, streams: Streams) -> Array1<f64> {
    let mut out = Array2::zeros((n, 1));
    for_each_block(out.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        rows.mapv_inplace(|_| rng.random());
    });
    out.remove_axis(Axis(1))
}
