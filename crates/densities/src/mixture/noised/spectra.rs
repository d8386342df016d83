//! The components in coordinates in which every noised covariance is diagonal.

use gibbsian_core::error::Result;
use ndarray::{Array1, Array2};

use super::spectrum::decompose;
use crate::mixture::triangular::{LANES, TILE, lanes, product, split_off};
use crate::mixture::{Covariances, GaussianMixture};

/// `Σ_k = V_k diag(λ_k) V_kᵀ` of every component.
#[derive(Clone, Debug)]
pub(super) struct Spectra {
    /// `V`: none if all are the identity, one for all components, or one each.
    rotations: Vec<Rotation>,
    /// `λ`, `(K, D)`.
    values: Array2<f64>,
}

/// An orthogonal matrix `V`, cut into tiles of rows in the order of use.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    /// `Vᵀ` `(D, D)`: an eigenvector a row.
    pub(super) transposed: Array2<f64>,
    forward: Vec<f64>,
    backward: Vec<f64>,
}

impl Spectra {
    /// Of the covariances of a mixture.
    ///
    /// # Errors
    /// An eigenvalue iteration that does not converge.
    pub(super) fn new(mixture: &GaussianMixture) -> Result<Self> {
        let (n_components, dim) = mixture.means.dim();
        let (mut rotations, mut values) = (Vec::new(), Array2::zeros((n_components, dim)));
        match &mixture.covariances {
            Covariances::Diagonal(variances) => values.assign(variances),
            Covariances::Spherical(variances) => {
                for (mut row, &variance) in values.rows_mut().into_iter().zip(variances) {
                    row.fill(variance);
                }
            }
            matrices @ (Covariances::Full(_) | Covariances::Tied(_)) => {
                let matrices = matrices.matrices();
                let found = matrices
                    .iter()
                    .map(|(name, matrix)| decompose(name, matrix.view()))
                    .collect::<Result<Vec<(Array1<f64>, Array2<f64>)>>>()?;
                for (k, mut row) in values.rows_mut().into_iter().enumerate() {
                    row.assign(&found[k % found.len()].0);
                }
                rotations = found.into_iter().map(|(_, rows)| Rotation::new(rows)).collect();
            }
        }
        Ok(Spectra { rotations, values })
    }

    /// The rotation of a component; `None` for the identity.
    #[inline(always)]
    pub(super) fn rotation(&self, component: usize) -> Option<&Rotation> {
        match self.rotations.len() {
            0 => None,
            n => Some(&self.rotations[component % n]),
        }
    }

    /// Whether one rotation serves all components, so that sums over components may be rotated instead of their terms.
    pub(super) fn is_shared(&self) -> bool {
        self.rotations.len() <= 1
    }

    /// `λ` of the component in direction `i`.
    #[inline(always)]
    pub(super) fn value(&self, component: usize, i: usize) -> f64 {
        self.values[(component, i)]
    }

    /// `z = Vᵀ δ` for a panel of this width.
    #[inline(always)]
    pub(super) fn rotate(&self, component: usize, delta: &[f64], z: &mut [f64], width: usize) {
        match self.rotation(component) {
            Some(rotation) => {
                z.fill(0.0);
                add_product(&rotation.forward, delta, z, width);
            }
            None => z.copy_from_slice(delta),
        }
    }

    /// Adds `V z` to `out`.
    #[inline(always)]
    pub(super) fn add_rotated_back(&self, component: usize, z: &[f64], out: &mut [f64], width: usize) {
        match self.rotation(component) {
            Some(rotation) => add_product(&rotation.backward, z, out, width),
            None => {
                for (out, z) in out.iter_mut().zip(z) {
                    *out += z;
                }
            }
        }
    }
}

impl Rotation {
    fn new(transposed: Array2<f64>) -> Self {
        let dim = transposed.nrows();
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        for start in (0..dim).step_by(TILE) {
            let rows = start..dim.min(start + TILE);
            for j in 0..dim {
                forward.extend(rows.clone().map(|i| transposed[(i, j)]));
                backward.extend(rows.clone().map(|i| transposed[(j, i)]));
            }
        }
        Rotation {
            transposed,
            forward,
            backward,
        }
    }
}

/// Adds the product of a tiled square matrix with a panel to another panel.
#[inline(always)]
fn add_product(tiles: &[f64], x: &[f64], out: &mut [f64], width: usize) {
    let dim = x.len() / width;
    for column in (0..width).step_by(LANES) {
        let mut tiles = tiles;
        for out in out.chunks_mut(TILE * width) {
            let rows = out.len() / width;
            let tile = split_off(&mut tiles, rows * dim);
            if rows == TILE {
                let mut sums = [[0.0; LANES]; TILE];
                for r in 0..TILE {
                    sums[r] = *lanes(&out[r * width..], column);
                }
                for (r, sum) in product(sums, tile, x, width, column).iter().enumerate() {
                    out[r * width + column..][..LANES].copy_from_slice(sum);
                }
            } else {
                let [sum] = product([*lanes(out, column)], tile, x, width, column);
                out[column..][..LANES].copy_from_slice(&sum);
            }
        }
    }
}
