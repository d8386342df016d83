//! The spectral decompositions of the components' covariances, `Σ_k = V_k diag(λ_k) V_kᵀ`, with small eigenvalues as accurate as large ones.
//!
//! An ordinary decomposition has errors of some ε of the *largest* eigenvalue, which at a condition number of 10¹² leaves four digits of the smallest,
//! and near `t = 0` the score divides by it. So the ordinary decomposition is taken as a start, made orthonormal in twice the precision
//! ([`double_double`](crate::gaussian::double_double)), and finished there by Jacobi's rotations, until no off-diagonal entry `s_ij` of
//! `VᵀΣV` exceeds a sixteenth of ε `√(s_ii s_jj)`: the criterion of Demmel and Veselić (1992, "Jacobi's method is more accurate than QR") for
//! eigenvalues that are right relative to themselves. Two sweeps are enough from so near.

use gibbsian_core::error::Result;
use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_linalg::SymmetricEigen;
use ndarray::{Array1, Array2, ArrayView2};

use crate::gaussian::double_double::{Double, add_scaled, power_of_two};

/// The largest dimension in which a decomposition is refined, beyond which the cost is felt.
const MAX_REFINED: usize = 128;

/// More sweeps than any matrix has been seen to need.
const MAX_SWEEPS: usize = 16;

/// `λ` `(D)`, positive, and `Vᵀ` `(D, D)`, an eigenvector a row, of a positive definite matrix; `name` is what an error calls it.
///
/// # Errors
/// An eigenvalue iteration that does not converge.
pub(super) fn decompose(name: &str, matrix: ArrayView2<f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let eigen = SymmetricEigen::new(name, matrix)?;
    let rows = eigen.vectors().t().to_owned();
    if rows.nrows() > MAX_REFINED {
        // The matrix has a Cholesky factor, so an eigenvalue at or below zero is one of rounding.
        let largest = eigen.values().fold(0.0, |a: f64, &b| a.max(b));
        let values = eigen.values().mapv(|value| value.max(f64::EPSILON * largest));
        return Ok((values, rows));
    }
    Ok(vectorized(Refinement {
        matrix,
        rows: rows.view(),
    }))
}

/// The decomposition from an approximate one.
struct Refinement<'a> {
    matrix: ArrayView2<'a, f64>,
    /// Approximate eigenvectors.
    rows: ArrayView2<'a, f64>,
}

/// A square matrix by rows.
type Rows = Vec<Vec<Double>>;

impl Vectorized for Refinement<'_> {
    type Output = (Array1<f64>, Array2<f64>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let dim = self.rows.nrows();
        // Scaled to a largest entry near one, no product over- or underflows.
        let largest = self.matrix.diag().fold(0.0, |a: f64, &b| a.max(b));
        let exponent = ((largest.to_bits() >> 52) as i32 - 1023).clamp(-1000, 1000);
        let matrix: Rows = (0..dim)
            .map(|i| {
                let mean = |j| 0.5 * self.matrix[(i, j)] + 0.5 * self.matrix[(j, i)];
                (0..dim)
                    .map(|j| Double::new(mean(j) * power_of_two(-exponent)))
                    .collect()
            })
            .collect();
        let mut vectors: Rows = (self.rows.rows().into_iter())
            .map(|row| row.iter().map(|&v| Double::new(v)).collect())
            .collect();
        orthonormalise(&mut vectors);
        let transposed: Rows = (0..dim)
            .map(|j| vectors.iter().map(|row| row[j]).collect())
            .collect();
        let mut inner = product(&product(&vectors, &matrix), &transposed);
        for _ in 0..MAX_SWEEPS {
            if !sweep(&mut inner, &mut vectors) {
                break;
            }
        }
        let values = (0..dim).map(|i| inner[i][i].rounded() * power_of_two(exponent));
        let vectors = Array2::from_shape_fn((dim, dim), |(i, j)| vectors[i][j].rounded());
        (values.collect(), vectors)
    }
}

#[inline(always)]
fn product(a: &Rows, b: &Rows) -> Rows {
    a.iter()
        .map(|a| {
            let mut sum = vec![Double::ZERO; b.len()];
            for (&a, b) in a.iter().zip(b) {
                add_scaled(&mut sum, a, b);
            }
            sum
        })
        .collect()
}

#[inline(always)]
fn inner_product(a: &[Double], b: &[Double]) -> Double {
    a.iter().zip(b).fold(Double::ZERO, |sum, (&a, &b)| sum + a * b)
}

/// Gram and Schmidt, in the modified order.
#[inline(always)]
fn orthonormalise(rows: &mut Rows) {
    for i in 0..rows.len() {
        let (done, rest) = rows.split_at_mut(i);
        let row = &mut rest[0];
        for other in done {
            let along = inner_product(row, other);
            add_scaled(row, -along, other);
        }
        let norm = inner_product(row, row).sqrt();
        for entry in row.iter_mut() {
            *entry = *entry / norm;
        }
    }
}

/// Rotates every pair of rows that are not yet orthogonal enough, and says whether there was one.
#[inline(always)]
fn sweep(inner: &mut Rows, vectors: &mut Rows) -> bool {
    let dim = inner.len();
    let mut rotated = false;
    for p in 0..dim {
        for q in p + 1..dim {
            let (a, b, off) = (inner[p][p], inner[q][q], inner[p][q]);
            let scale = (a.rounded().abs() * b.rounded().abs()).sqrt();
            if off.rounded().abs() <= f64::EPSILON / 16.0 * scale {
                continue;
            }
            rotated = true;
            // The smaller root of t² + 2 θ t = 1 (Golub and Van Loan 2013, section 8.5.2).
            let theta = (b - a) / off.scaled(2.0);
            let root = (theta * theta + Double::ONE).sqrt();
            let t = if theta.rounded() < 0.0 {
                -Double::ONE / (root - theta)
            } else {
                Double::ONE / (root + theta)
            };
            let c = Double::ONE / (t * t + Double::ONE).sqrt();
            let s = t * c;
            rotate(vectors, p, q, c, s);
            rotate(inner, p, q, c, s);
            for k in 0..dim {
                inner[k][p] = inner[p][k];
                inner[k][q] = inner[q][k];
            }
            inner[p][p] = a - t * off;
            inner[q][q] = b + t * off;
            inner[p][q] = Double::ZERO;
            inner[q][p] = Double::ZERO;
        }
    }
    rotated
}

/// `(row_p, row_q) ← (c row_p − s row_q, s row_p + c row_q)`.
#[inline(always)]
fn rotate(rows: &mut Rows, p: usize, q: usize, c: Double, s: Double) {
    let (first, second) = rows.split_at_mut(q);
    for (x, y) in first[p].iter_mut().zip(second[0].iter_mut()) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least eigenvalue of the Hilbert matrix of six rows, made of integers by the factor 27720, the nearest double (mpmath).
    const LEAST: f64 = 0.003_001_520_171_215_704;

    /// Condition number 1.5·10⁷: an ordinary decomposition leaves nine digits of the least eigenvalue.
    #[test]
    fn small_eigenvalues_have_all_their_digits() {
        let hilbert = Array2::from_shape_fn((6, 6), |(i, j)| 27720.0 / (i + j + 1) as f64);
        let (values, rows) = decompose("hilbert", hilbert.view()).unwrap();
        let least = values.fold(f64::INFINITY, |a, &b| a.min(b));
        assert!((least / LEAST - 1.0).abs() <= 2.0 * f64::EPSILON, "{least:e}");
        let identity = rows.dot(&rows.t());
        assert!((identity - Array2::<f64>::eye(6)).iter().all(|e| e.abs() < 1e-15));
    }
}
