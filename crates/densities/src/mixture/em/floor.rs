//! A lower bound on the variances, which keeps the likelihood bounded.
//!
//! The likelihood of a mixture has no maximum: a component that shrinks onto one point drives it to infinity (Day 1969). Hathaway (1985) bounds the
//! covariances away from singular ones instead. Here `Σ_k ⪰ F = floor · diag(v)`, `v` the variances of the data, so that the bound has the units of
//! the data. The maximisation step under this constraint is still in closed form: `log|Σ| + tr(Σ⁻¹ S)` subject to `Σ ⪰ F` is
//! smallest, in coordinates in which `F` is the identity, for the eigenvectors of `S` and eigenvalues raised to at least 1. So every iteration still
//! increases the likelihood, which adding a constant to the diagonal, as is usual, does not promise.

use gibbsian_core::error::Result;
use gibbsian_linalg::{Cholesky, SymmetricEigen};
use ndarray::{Array1, Array2, ArrayView1};

/// The bound on the variances.
#[derive(Clone, Debug)]
pub(super) struct Floor {
    variances: Array1<f64>,
}

impl Floor {
    /// `floor` times the variances of the data.
    pub fn new(floor: f64, data_variances: ArrayView1<f64>) -> Self {
        Floor {
            variances: floor * &data_variances,
        }
    }

    /// The bounded maximiser for one variance that stands for all coordinates, and whether the bound, the mean of theirs, was active.
    pub fn spherical(&self, variance: f64) -> (f64, bool) {
        let floor = self.variances.mean().unwrap_or(0.0);
        (variance.max(floor), variance < floor)
    }

    /// The bounded maximiser for variances of a coordinate each.
    pub fn diagonal(&self, variances: Array1<f64>) -> (Array1<f64>, bool) {
        let active = variances.iter().zip(&self.variances).any(|(v, f)| v < f);
        let raised = Array1::from_shape_fn(variances.len(), |d| variances[d].max(self.variances[d]));
        (raised, active)
    }

    /// The bounded maximiser for a covariance.
    ///
    /// # Errors
    /// If the eigenvalue iteration does not converge.
    pub fn full(&self, covariance: Array2<f64>) -> Result<(Array2<f64>, bool)> {
        let d = covariance.nrows();
        if self.variances.iter().all(|&floor| floor == 0.0) {
            return Ok((covariance, false));
        }
        // The usual case is found by a Cholesky factorisation of Σ − F, at a fraction of the eigenvalues' cost.
        let above = &covariance - &Array2::from_diag(&self.variances);
        if Cholesky::new("covariance minus its floor", above.view()).is_ok() {
            return Ok((covariance, false));
        }
        // In units of the floor.
        let units = self.variances.mapv(f64::sqrt);
        let scaled = Array2::from_shape_fn((d, d), |(i, j)| covariance[[i, j]] / (units[i] * units[j]));
        let raised = SymmetricEigen::new("covariance", scaled.view())?.function(|value| value.max(1.0));
        Ok((
            Array2::from_shape_fn((d, d), |(i, j)| raised[[i, j]] * units[i] * units[j]),
            true,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use gibbsian_linalg::matmul;
    use ndarray::array;
    use rand::RngExt;

    /// `log|Σ| + tr(Σ⁻¹ S)`
    fn criterion(sigma: &Array2<f64>, s: &Array2<f64>) -> f64 {
        let cholesky = Cholesky::new("sigma", sigma.view()).unwrap();
        cholesky.log_det() + cholesky.solve(s.view()).diag().sum()
    }

    #[test]
    fn no_other_covariance_above_the_floor_is_better() {
        let mut rng = Seed::new(5).rng();
        let floor = Floor::new(0.1, array![1.0, 9.0, 0.25].view());
        let thin = array![[1.0, 2.0, 0.1], [2.0, 4.1, 0.2], [0.1, 0.2, 0.011]];
        let (best, active) = floor.full(thin.clone()).unwrap();
        assert!(active);
        for _ in 0..500 {
            // F plus any positive semi-definite matrix satisfies the bound.
            let root = Array2::from_shape_simple_fn((3, 3), || rng.random_range(-2.0..2.0));
            let other = matmul(root.view(), root.t()) + Array2::from_diag(&floor.variances);
            let between = 0.99 * &best + 0.01 * &other;
            assert!(criterion(&between, &thin) >= criterion(&best, &thin));
        }
    }

    #[test]
    fn what_is_above_the_floor_is_left_alone() {
        let floor = Floor::new(1e-3, array![1.0, 1.0].view());
        let ordinary = array![[0.5, 0.2], [0.2, 0.3]];
        assert_eq!(floor.full(ordinary.clone()).unwrap(), (ordinary, false));
        assert_eq!(floor.diagonal(array![0.5, 1e-4]), (array![0.5, 1e-3], true));
        assert_eq!(floor.spherical(1e-5), (1e-3, true));
        // One variance for coordinates of different units is bounded by the mean of their bounds.
        let uneven = Floor::new(0.5, array![1.0, 9.0, 2.0].view());
        assert_eq!(uneven.spherical(1.0), (2.0, true));
        assert_eq!(uneven.spherical(3.0), (3.0, false));
    }
}
