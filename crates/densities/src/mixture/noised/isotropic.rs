//! Components whose covariances are multiples of the identity: the mixtures that samplers are tried on.
//!
//! With `Σ_k = λ_k I` nothing is rotated, and each point has one precision a component, `1/(α² λ_k + σ²)`, instead of `D`. What is left is
//! `x − α μ_k`, its square, and a weighted sum of means: two fused operations a number, and one. Thirty-two points are evaluated at once, each at its own level of noise.
//! The means are kept in tiles, once of components and once of coordinates, so that sixteen sums of eight points stay in registers and every coordinate that is loaded serves four of them.
//!
//! Where all `λ_k` are equal, determinants drop out of the responsibilities; where a component has no share in any of the points, nothing is added for it; and what depends on the noise
//! alone is computed once for neighbours of one level.

mod panel;
mod points;
mod tiles;

use gibbsian_core::simd::Vectorized;
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use self::panel::Panel;
pub(super) use self::points::PointsChunk;
use self::tiles::{TILE, tiles};
use super::panel::Levels;
use crate::mixture::triangular::LANES;

/// What can be asked of isotropic components.
pub(super) struct Wanted<'a> {
    pub(super) log_density: Option<ArrayViewMut1<'a, f64>>,
    pub(super) score: Option<ArrayViewMut2<'a, f64>>,
    pub(super) divergence: Option<ArrayViewMut1<'a, f64>>,
}

/// The components, arranged for these loops.
#[derive(Clone, Debug)]
pub(super) struct Isotropic {
    dim: usize,
    /// `λ_k`, and whether they are the same.
    variances: Vec<f64>,
    equal: bool,
    /// The means in tiles of components: of each tile one coordinate after another.
    of_components: Vec<f64>,
    /// The means in tiles of coordinates: of each tile one component after another.
    of_coordinates: Vec<f64>,
}

impl Isotropic {
    /// Of components with these means `(K, D)` and variances.
    pub(super) fn new(means: ArrayView2<f64>, variances: Vec<f64>) -> Self {
        Isotropic {
            dim: means.ncols(),
            equal: variances.iter().all(|v| *v == variances[0]),
            variances,
            of_components: tiles(means),
            of_coordinates: tiles(means.t()),
        }
    }

    /// One precision serves all components whose variances are equal.
    fn n_precisions(&self) -> usize {
        if self.equal { 1 } else { self.variances.len() }
    }

    /// `μ_k`.
    #[inline(always)]
    fn mean(&self, component: usize) -> impl Iterator<Item = f64> + '_ {
        let first = component - component % TILE;
        let rows = TILE.min(self.variances.len() - first);
        let tile = &self.of_components[first * self.dim..][..rows * self.dim];
        tile[component - first..].iter().step_by(rows).copied()
    }
}

/// One task: some rows, their levels of noise, and what is wanted of them.
pub(super) struct IsotropicChunk<'a, 'out> {
    /// `log w_k − ½ D log 2π`.
    pub(super) log_scales: &'a [f64],
    pub(super) isotropic: &'a Isotropic,
    pub(super) x: ArrayView2<'a, f64>,
    pub(super) levels: Levels<'a>,
    pub(super) wanted: Wanted<'out>,
}

impl Vectorized for IsotropicChunk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let mut memory = Panel::memory(self.isotropic);
        let mut panel = Panel::new(self.isotropic, &mut memory);
        let whole = self.wanted.log_density.is_some();
        for start in (0..self.x.nrows()).step_by(LANES) {
            let rows = start..self.x.nrows().min(start + LANES);
            panel.take(self.x.slice(s![rows.clone(), ..]));
            panel.set_levels(self.levels.rows(rows.clone()), self.log_scales, whole);
            panel.join();
            panel.normalise(whole);
            if let Some(out) = &mut self.wanted.log_density {
                for (out, value) in out
                    .slice_mut(s![rows.clone()])
                    .iter_mut()
                    .zip(*panel.log_density())
                {
                    *out = value;
                }
            }
            if self.wanted.score.is_some() || self.wanted.divergence.is_some() {
                panel.add_up();
            }
            if let Some(out) = &mut self.wanted.score {
                panel.store(out.slice_mut(s![rows.clone(), ..]));
            }
            if let Some(out) = &mut self.wanted.divergence {
                let divergence = panel.divergence();
                for (out, value) in out.slice_mut(s![rows]).iter_mut().zip(divergence) {
                    *out = value;
                }
            }
        }
    }
}
