//! The LU factorisation P A = L U of a general square matrix, with partial pivoting.
//!
//! For systems that are not symmetric positive definite: Jacobians of flows and networks, Newton steps, transition
//! matrices. Row exchanges keep the entries of L within [−1, 1], which is stable in all but constructed cases: U may grow by 2ⁿ⁻¹
//! in theory and does not in practice (Higham 2002, section 9.4). Complete pivoting costs more than it buys. Determinants
//! are given as sign and logarithm, because the product itself overflows from a few hundred dimensions on.
//!
//! A matrix that is singular up to rounding is factored without complaint, since no pivot then need be exactly zero;
//! [`Svd::condition_number`](crate::Svd::condition_number) tells.

use gibbsian_core::error::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

use crate::backend::{self, BadPivot, Triangle};
use crate::validate::{assert_right_hand_side, square_matrix};

/// The factors of P A = L U.
///
/// ```
/// use gibbsian_linalg::Lu;
/// use ndarray::array;
///
/// // log |det A| and its sign, without overflow.
/// let lu = Lu::new("jacobian", array![[0.0, 2e200], [3e200, 0.0]].view())?;
/// assert_eq!(lu.det_sign(), -1.0);
/// assert!((lu.log_abs_det() - (6f64.ln() + 400.0 * 10f64.ln())).abs() < 1e-12);
/// assert!(Lu::new("singular", array![[1.0, 2.0], [2.0, 4.0]].view()).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lu {
    /// U on and above the diagonal, L below it; L's ones are not stored.
    factors: Array2<f64>,
    /// Row i of P A is row `rows[i]` of A.
    rows: Vec<usize>,
}

impl Lu {
    /// Factors the matrix `a`, (n, n); `name` is what an error calls it.
    ///
    /// # Errors
    /// If `a` is empty, not square or not finite; if a pivot is exactly zero, with its index from zero; if elimination overflows.
    pub fn new(name: &str, a: ArrayView2<'_, f64>) -> Result<Self> {
        let mut factors = square_matrix(name, a)?;
        let rows = backend::lu(&mut factors).map_err(|BadPivot(index)| {
            Error::parameter(
                format!("pivot {index} of {} of the LU factorisation of {name}", a.nrows()),
                0.0,
                "different from zero, as in an invertible matrix",
            )
        })?;
        match factors.iter().find(|entry| !entry.is_finite()) {
            Some(&entry) => Err(Error::non_finite(
                name,
                entry,
                "in the course of its LU factorisation",
            )),
            None => Ok(Self { factors, rows }),
        }
    }

    /// The number of rows n of A.
    pub fn dim(&self) -> usize {
        self.factors.nrows()
    }

    /// log |det A| = Σᵢ log |Uᵢᵢ|.
    pub fn log_abs_det(&self) -> f64 {
        self.factors.diag().iter().map(|pivot| pivot.abs().ln()).sum()
    }

    /// The sign of det A, 1 or −1.
    pub fn det_sign(&self) -> f64 {
        // Every cycle of length c of a permutation is c − 1 exchanges.
        let mut seen = vec![false; self.dim()];
        let mut sign = 1.0;
        for start in 0..self.dim() {
            let mut row = self.rows[start];
            while !seen[start] && row != start {
                seen[row] = true;
                sign = -sign;
                row = self.rows[row];
            }
        }
        self.factors
            .diag()
            .iter()
            .fold(sign, |sign, pivot| sign * pivot.signum())
    }

    /// A⁻¹ B for B (n, k), whose columns are right-hand sides.
    ///
    /// # Panics
    /// If B does not have n rows.
    ///
    /// ```
    /// use gibbsian_linalg::Lu;
    /// use ndarray::array;
    ///
    /// let lu = Lu::new("jacobian", array![[0.0, 2.0], [1.0, 3.0]].view())?;
    /// assert_eq!(lu.solve(array![[4.0], [7.0]].view()), array![[1.0], [2.0]]);
    /// assert_eq!((lu.det_sign(), lu.log_abs_det()), (-1.0, 2.0_f64.ln()));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn solve(&self, b: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut x = b.to_owned();
        self.solve_in_place(x.view_mut());
        x
    }

    /// A⁻¹ b for one right-hand side, (n).
    ///
    /// # Panics
    /// If b does not have n entries.
    pub fn solve_vector(&self, b: ArrayView1<'_, f64>) -> Array1<f64> {
        self.solve(b.insert_axis(Axis(1))).remove_axis(Axis(1))
    }

    /// Overwrites B with A⁻¹ B.
    ///
    /// # Panics
    /// If B does not have n rows.
    pub fn solve_in_place(&self, mut b: ArrayViewMut2<'_, f64>) {
        assert_right_hand_side(self.dim(), b.shape());
        let permuted = b.select(Axis(0), &self.rows);
        b.assign(&permuted);
        backend::solve_triangular(self.factors.view(), Triangle::UnitLower, b.view_mut());
        backend::solve_triangular(self.factors.view(), Triangle::Upper, b);
    }

    /// A⁻¹. Solving is faster and more accurate than multiplying by it.
    pub fn inverse(&self) -> Array2<f64> {
        self.solve(Array2::eye(self.dim()).view())
    }
}
