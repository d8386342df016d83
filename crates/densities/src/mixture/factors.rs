//! The covariances as the evaluation wants them: whitening maps and their determinants.

use gibbsian_core::error::Result;
use ndarray::{Array1, Array2, ArrayViewMut1};

use super::Covariances;
use super::triangular::Whitening;
use crate::gaussian::factors::{Arithmetic, Factors as OfMatrix};

/// The whitening maps `W_k` with `W_kᵀ W_k = Σ_k⁻¹`.
#[derive(Clone, Debug)]
pub(super) enum Factors {
    /// Triangular ones: one a component, or one for all.
    Matrices(Vec<Whitening>),
    /// Diagonal ones `(K, D)`: `1 / σ`.
    Diagonal(Array2<f64>),
    /// Multiples of the identity `(K)`: `1 / σ`.
    Spherical(Array1<f64>),
}

impl Factors {
    /// Factors covariances that have passed [`Covariances::check`], matrices in this arithmetic: in the plain one the errors of factors grow with the
    /// condition number.
    ///
    /// # Errors
    /// A matrix that is not finite, symmetric and positive definite, by the number of its component, with the pivot and its value.
    pub(super) fn new(covariances: &Covariances, arithmetic: Arithmetic) -> Result<Self> {
        let inverse_deviation = |v: f64| 1.0 / v.sqrt();
        Ok(match covariances {
            Covariances::Full(_) | Covariances::Tied(_) => Factors::Matrices(
                covariances
                    .matrices()
                    .into_iter()
                    .map(|(name, matrix)| {
                        let of = OfMatrix::from_covariance(&name, matrix, arithmetic)?;
                        Ok(Whitening::from_factors(of.lower, of.whitening))
                    })
                    .collect::<Result<_>>()?,
            ),
            Covariances::Diagonal(variances) => Factors::Diagonal(variances.mapv(inverse_deviation)),
            Covariances::Spherical(variances) => Factors::Spherical(variances.mapv(inverse_deviation)),
        })
    }

    /// `log |W_k|` in `dim` dimensions.
    pub(super) fn log_determinant(&self, component: usize, dim: usize) -> f64 {
        match self {
            Factors::Matrices(all) => all[component % all.len()].inverse().diag().mapv(f64::ln).sum(),
            Factors::Diagonal(inverse) => inverse.row(component).mapv(f64::ln).sum(),
            Factors::Spherical(inverse) => dim as f64 * inverse[component].ln(),
        }
    }

    /// `W_k` as a matrix `(D, D)`.
    pub(super) fn matrix(&self, component: usize, dim: usize) -> Array2<f64> {
        match self {
            Factors::Matrices(all) => all[component % all.len()].inverse().to_owned(),
            Factors::Diagonal(inverse) => Array2::from_diag(&inverse.row(component)),
            Factors::Spherical(inverse) => inverse[component] * Array2::eye(dim),
        }
    }

    /// `W_k⁻¹` as a matrix `(D, D)`, lower triangular.
    pub(super) fn root(&self, component: usize, dim: usize) -> Array2<f64> {
        match self {
            Factors::Matrices(all) => all[component % all.len()].lower().to_owned(),
            Factors::Diagonal(inverse) => Array2::from_diag(&inverse.row(component).mapv(f64::recip)),
            Factors::Spherical(inverse) => inverse[component].recip() * Array2::eye(dim),
        }
    }

    /// Overwrites `z` with `W_k⁻¹ z`, which turns standard normals into deviations from the mean.
    pub(super) fn colour(&self, component: usize, mut z: ArrayViewMut1<f64>) {
        match self {
            Factors::Matrices(all) => {
                let lower = all[component % all.len()].lower();
                // From the last row up, each row needs entries that are not yet overwritten.
                for i in (0..z.len()).rev() {
                    z[i] = (0..=i).map(|j| lower[(i, j)] * z[j]).sum();
                }
            }
            Factors::Diagonal(inverse) => z /= &inverse.row(component),
            Factors::Spherical(inverse) => z /= inverse[component],
        }
    }

    /// `y = W_k δ` and `‖y‖²` `(width)` for a panel.
    #[inline(always)]
    pub(super) fn whiten(&self, component: usize, delta: &[f64], y: &mut [f64], squares: &mut [f64]) {
        let width = squares.len();
        if let Factors::Matrices(all) = self {
            return all[component % all.len()].whiten(delta, y, squares);
        }
        squares.fill(0.0);
        for (i, (y, delta)) in y
            .chunks_exact_mut(width)
            .zip(delta.chunks_exact(width))
            .enumerate()
        {
            let inverse = self.inverse_deviation(component, i);
            for ((y, delta), square) in y.iter_mut().zip(delta).zip(squares.iter_mut()) {
                *y = inverse * delta;
                *square += *y * *y;
            }
        }
    }

    /// Adds `W_kᵀ y` to `out` for a panel.
    #[inline(always)]
    pub(super) fn add_unwhitened(&self, component: usize, y: &[f64], out: &mut [f64], width: usize) {
        if let Factors::Matrices(all) = self {
            return all[component % all.len()].add_unwhitened(y, out, width);
        }
        for (i, (out, y)) in out.chunks_exact_mut(width).zip(y.chunks_exact(width)).enumerate() {
            let inverse = self.inverse_deviation(component, i);
            for (out, y) in out.iter_mut().zip(y) {
                *out += inverse * y;
            }
        }
    }

    /// Whether one map serves all components.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Factors::Matrices(all) if all.len() == 1)
    }

    /// The entry `i` of the diagonal of `W_k`.
    #[inline(always)]
    fn inverse_deviation(&self, component: usize, i: usize) -> f64 {
        match self {
            Factors::Matrices(all) => all[component % all.len()].inverse()[(i, i)],
            Factors::Diagonal(inverse) => inverse[(component, i)],
            Factors::Spherical(inverse) => inverse[component],
        }
    }
}
