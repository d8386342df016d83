//! Eigenvalues of transition matrices.
//!
//! A reversible `P` is symmetric in the scalar product of `π`: `S = Π^½ P Π^−½` has the same real eigenvalues, found
//! here by Jacobi's rotations, which are as accurate as they are short. For other chains only the modulus that
//! governs convergence is asked for, by Gelfand's formula `ρ(A) = lim |Aᵏ|^{1/k}` with `A = P − 1πᵀ` squared again
//! and again, which complex pairs do not disturb as they do a power iteration.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// The eigenvalues of a reversible transition matrix, in falling order; the first is one.
///
/// States of probability zero are left out: a chain that starts in the support stays there.
pub fn eigenvalues(pi: ArrayView1<f64>, p: ArrayView2<f64>) -> Array1<f64> {
    let support: Vec<usize> = (0..pi.len()).filter(|&i| pi[i] > 0.0).collect();
    let n = support.len();
    let flow = |a: usize, b: usize| {
        let (i, j) = (support[a], support[b]);
        p[[i, j]] * (pi[i] / pi[j]).sqrt()
    };
    // The two triangles agree up to rounding; their mean is exactly symmetric.
    let mut s = Array2::from_shape_fn((n, n), |(a, b)| 0.5 * (flow(a, b) + flow(b, a)));
    jacobi(&mut s);
    let mut values = s.diag().to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    Array1::from_vec(values)
}

/// The second-largest modulus of the eigenvalues of a transition matrix with stationary law `pi`, reversible or not;
/// one minus it is the spectral gap.
pub fn second_modulus(pi: ArrayView1<f64>, p: ArrayView2<f64>) -> f64 {
    // 2^40 steps leave a relative error of log(condition)/2^40.
    const SQUARINGS: i32 = 40;
    let mut a = p.to_owned();
    for mut row in a.rows_mut() {
        row -= &pi;
    }
    // A^(2^k) = exp(log_scale) · a.
    let mut log_scale = 0.0;
    for _ in 0..SQUARINGS {
        let norm = a.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        a /= norm;
        log_scale = 2.0 * (log_scale + norm.ln());
        a = a.dot(&a);
    }
    let norm = a.iter().map(|v| v * v).sum::<f64>().sqrt();
    ((log_scale + norm.ln()) / 2f64.powi(SQUARINGS)).exp()
}

/// Cyclic Jacobi rotations (Golub and Van Loan, section 8.5) until the matrix is diagonal to rounding.
fn jacobi(s: &mut Array2<f64>) {
    let n = s.nrows();
    const MOST_SWEEPS: usize = 60;
    for _ in 0..MOST_SWEEPS {
        let off: f64 = s
            .indexed_iter()
            .filter(|((i, j), _)| i != j)
            .map(|(_, v)| v * v)
            .sum();
        if off.sqrt() < 1e-16 * n as f64 {
            return;
        }
        for i in 0..n {
            for j in i + 1..n {
                if s[[i, j]] != 0.0 {
                    rotate(s, i, j);
                }
            }
        }
    }
}

/// One rotation in the plane of `i` and `j` that makes `s[i, j]` zero.
fn rotate(s: &mut Array2<f64>, i: usize, j: usize) {
    let theta = (s[[j, j]] - s[[i, i]]) / (2.0 * s[[i, j]]);
    // The smaller root of t² + 2θt − 1 = 0.
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let sine = c * t;
    for k in 0..s.nrows() {
        let (a, b) = (s[[i, k]], s[[j, k]]);
        s[[i, k]] = c * a - sine * b;
        s[[j, k]] = sine * a + c * b;
    }
    for k in 0..s.nrows() {
        let (a, b) = (s[[k, i]], s[[k, j]]);
        s[[k, i]] = c * a - sine * b;
        s[[k, j]] = sine * a + c * b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_random_walk_on_a_ring_has_known_eigenvalues() {
        // Lazy walk on n nodes: ½ + ½ cos(2πk/n).
        let n = 7;
        let p = Array2::from_shape_fn((n, n), |(i, j)| match (i + n - j) % n {
            0 => 0.5,
            1 => 0.25,
            d if d == n - 1 => 0.25,
            _ => 0.0,
        });
        let pi = Array1::from_elem(n, 1.0 / n as f64);
        let mut exact: Vec<f64> = (0..n)
            .map(|k| 0.5 + 0.5 * (2.0 * std::f64::consts::PI * k as f64 / n as f64).cos())
            .collect();
        exact.sort_by(|a, b| b.total_cmp(a));
        for (found, exact) in eigenvalues(pi.view(), p.view()).iter().zip(&exact) {
            assert!((found - exact).abs() < 1e-14, "{found} instead of {exact}");
        }
        assert!((second_modulus(pi.view(), p.view()) - exact[1]).abs() < 1e-9);
    }

    #[test]
    fn complex_pairs_have_a_modulus() {
        // A cycle with holding probability 0.4: 0.4 + 0.6 exp(±2πi/3), modulus √(0.16 − 0.24 + 0.36) = √0.28.
        let p = array![[0.4, 0.6, 0.0], [0.0, 0.4, 0.6], [0.6, 0.0, 0.4]];
        let pi = Array1::from_elem(3, 1.0 / 3.0);
        assert!((second_modulus(pi.view(), p.view()) - 0.28f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn independent_draws_have_no_memory() {
        let p = array![[0.2, 0.8], [0.2, 0.8]];
        assert!(second_modulus(array![0.2, 0.8].view(), p.view()) < 1e-15);
        let values = eigenvalues(array![0.2, 0.8].view(), p.view());
        assert!((values[0] - 1.0).abs() < 1e-15 && values[1].abs() < 1e-15);
    }
}
