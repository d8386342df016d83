//! Brownian motions as objects.
//!
//! A solver does not draw its noise: it asks a motion for `W_t − W_s`. So two solvers, or one solver with two step sizes, can be given the same path, and the
//! order of a scheme be measured on it; or a sample be refined without becoming another one.
//!
//! Schemes of higher order want one number more of an interval, how far the path in it lies above its chord on average, the **space-time Lévy area**
//!
//! `H_{s,t} = (1/h) ∫ₛᵗ (W_u − W_s − (u − s)/h · (W_t − W_s)) du`,  `h = t − s`.
//!
//! It is normal with variance `h/12` and independent of the increment, and `∫ₛᵗ (W_u − W_s) du = h (½ (W_t − W_s) + H_{s,t})` (Foster, Lyons and Oberhauser 2020, definition 3.1).
//!
//! Schemes for noises that do not commute want how much area two motions sweep together, the **Lévy area** `A_jk = ½ ∫ (W_j dW_k − W_k dW_j)` of every pair `j < k`, with `W` counted from the start of the
//! interval. It is not a function of increments and space-time areas, and its law given them is a series (the areas of neighbours compose exactly, `A_{s,u} = A_{s,m} + A_{m,u} + ½ (ΔW_j ΔW'_k − ΔW_k ΔW'_j)`).
//! A [`StoredPath`] may keep areas; other motions draw new ones.
//!
//! Time may run backwards: for `t < s` the increment is `W_t − W_s`, whose variance is `|t − s|`, and the space-time area that of the interval; a Lévy area has the other sign.
//!
//! | motion | costs | may be asked |
//! |---|---|---|
//! | [`FreshNoise`] | nothing to keep | each interval once, in order |
//! | [`NoNoise`] | nothing | by schemes without noise |
//! | [`StoredPath`] | its grid in memory | any intervals of its grid |
//! | [`BrownianTree`] | a few draws a level; nothing to keep | any interval, in any order, again and again |

mod fresh;
mod levy;
mod no_noise;
mod stored;
mod together;
mod tree;

use gibbsian_core::error::Result;
use ndarray::ArrayViewMut2;

use crate::grid::TimeGrid;

pub use fresh::FreshNoise;
pub(crate) use levy::n_pairs;
pub use no_noise::NoNoise;
pub use stored::StoredPath;
pub(crate) use together::Together;
pub use tree::BrownianTree;

/// Independent Brownian motions for many rows.
pub trait BrownianMotion: Sync {
    /// Requires that this motion can be asked for the steps of `grid` for `n_rows` rows of `noise_dim` motions each.
    ///
    /// # Errors
    /// Names what does not fit.
    fn check(&self, grid: &TimeGrid, n_rows: usize, noise_dim: usize) -> Result<()>;

    /// Whether there are numbers beside the motions, [`BrownianBlock::independent_into`].
    fn draws_beside(&self) -> bool {
        true
    }

    /// The motions of block number `block`, which begins at row `first_row`.
    fn block(&self, block: usize, first_row: usize) -> Box<dyn BrownianBlock + '_>;
}

/// The motions of one block of rows.
pub trait BrownianBlock {
    /// Writes `W_to − W_from` into `increment` `(rows, M)`.
    fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>);

    /// The same, and writes `H_{from,to}` into `area` `(rows, M)`.
    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        area: ArrayViewMut2<f64>,
    );

    /// The same, and writes the Lévy areas of the pairs `j < k` into `levy` `(rows, M (M − 1)/2)`, in the order (0, 1), (0, 2), …, (1, 2), ….
    ///
    /// The provided form draws them given increment and space-time area, with `n_terms` terms of their series, by numbers that are independent of the motion: whoever asks twice gets two areas.
    fn increment_and_levy_area_into(
        &mut self,
        from: f64,
        to: f64,
        n_terms: usize,
        increment: ArrayViewMut2<f64>,
        levy: ArrayViewMut2<f64>,
    ) {
        levy::draw_into(self, (from, to), n_terms, increment, levy);
    }

    /// Fills `z` with standard normals that are independent of the motion: for correctors, and for noise that no equation has.
    fn independent_into(&mut self, z: ArrayViewMut2<f64>);
}
