//! Equations whose noise is a matrix that depends on the point, and when it commutes.
//!
//! Within a step the point moves along the noises, and with it the noises themselves: with the columns `G_k` of `G`, the change of noise `k` along noise `j` is
//!
//! `L_j G_k = (∂G_k/∂x) G_j`,
//!
//! and the next term of the solution after `G ΔW` is `Σ_jk L_j G_k I_jk` with the integrals `I_jk = ∫∫ dB_j dB_k`, inner first. Of them `I_jk + I_kj = ΔW_j ΔW_k − δ_jk h` follows from
//! the increments, and the difference, twice the [Lévy area](crate::brownian), does not. It is not needed if all **commutators** vanish,
//!
//! `[G_j, G_k] = L_j G_k − L_k G_j = 0`:
//!
//! the noise is commutative ([`CommutativeSde`]), and [`CommutativeMilstein`](crate::CommutativeMilstein) has strong order one. Otherwise no scheme that sees increments alone has more than
//! order 1/2 (Clark and Cameron 1980), and [`LevyMilstein`](crate::LevyMilstein) asks for areas.

use gibbsian_core::error::{Error, Result, check_batch, check_non_negative, check_shape};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use crate::equation::Sde;
use crate::reverse::OwnClock;

/// An equation whose noise can be differentiated in the point.
///
/// ```
/// use gibbsian_core::Space;
/// use gibbsian_sde::{CommutativeSde, DiffusionJvp, Sde, check_commutes};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// A point that grows by one noise and turns by another, `dX = X dB₁ + R X dB₂` with the quarter turn `R`.
/// struct GrowsAndTurns;
/// impl Space for GrowsAndTurns {
///     fn dim(&self) -> usize {
///         2
///     }
/// }
/// impl Sde for GrowsAndTurns {
///     fn drift_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.fill(0.0);
///     }
///     fn diffuse_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, w: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         for ((x, w), mut out) in x.rows().into_iter().zip(w.rows()).zip(out.rows_mut()) {
///             out[0] = x[0] * w[0] - x[1] * w[1];
///             out[1] = x[1] * w[0] + x[0] * w[1];
///         }
///     }
/// }
/// impl DiffusionJvp for GrowsAndTurns {
///     // The noise is linear in the point.
///     fn diffusion_jvp_into(&self, _: ArrayView2<f64>, t: ArrayView1<f64>, w: ArrayView2<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
///         self.diffuse_into(v, t, w, out);
///     }
/// }
/// impl CommutativeSde for GrowsAndTurns {}
///
/// check_commutes(&GrowsAndTurns, array![[0.3, -1.2], [2.0, 0.1]].view(), array![0.0, 0.0].view(), 1e-12)?;
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub trait DiffusionJvp: Sde {
    /// Writes the derivative of `G(x_b, t_b) w_b` in the point along `v_b`, `Σ_k w_k (∂G_k/∂x) v`, into `out`; `w` is `(B, M)`, `x`, `v` and `out` are `(B, D)`.
    fn diffusion_jvp_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    );
}

/// An equation with commutative noise: `(∂G_k/∂x) G_j = (∂G_j/∂x) G_k` for all `j` and `k`, everywhere.
///
/// That is the promise of who implements it, and [`check_commutes`] looks whether it holds at given points. Additive noise, one noise for all coordinates, a noise of its own for each, and
/// noises that are linear in the point by matrices that commute are of this kind.
pub trait CommutativeSde: DiffusionJvp {}

impl<E: DiffusionJvp> DiffusionJvp for OwnClock<E> {
    fn diffusion_jvp_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        let t = t.mapv(|t| self.horizon() - t);
        self.equation().diffusion_jvp_into(x, t.view(), w, v, out);
    }
}

impl<E: CommutativeSde> CommutativeSde for OwnClock<E> {}

/// Requires the noises to commute at the rows of `x` `(B, D)` and their times `t` `(B)`: each entry of `[G_j, G_k]` must be at most `tolerance` times the sum of the sizes of its two terms in the row.
///
/// # Errors
/// Shapes that do not fit; a tolerance that is negative or not finite; the first commutator that does not vanish, or is no number, with its row, its noises and its size.
pub fn check_commutes<E: DiffusionJvp + ?Sized>(
    equation: &E,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    tolerance: f64,
) -> Result<()> {
    check_batch("x", &x, equation.dim())?;
    check_shape("t", &t, &[x.nrows()])?;
    check_non_negative("tolerance", tolerance)?;
    let unit = |k: usize| {
        let mut w = Array2::zeros((x.nrows(), equation.noise_dim()));
        w.column_mut(k).fill(1.0);
        w
    };
    let column = |k: usize| {
        let mut out = Array2::zeros(x.raw_dim());
        equation.diffuse_into(x, t, unit(k).view(), out.view_mut());
        out
    };
    // L_j G_k.
    let along = |j: usize, k: usize| {
        let mut out = Array2::zeros(x.raw_dim());
        equation.diffusion_jvp_into(x, t, unit(k).view(), column(j).view(), out.view_mut());
        out
    };
    for j in 0..equation.noise_dim() {
        for k in j + 1..equation.noise_dim() {
            let (one, other) = (along(j, k), along(k, j));
            for (b, (one, other)) in one.rows().into_iter().zip(other.rows()).enumerate() {
                let size = one.dot(&one).sqrt() + other.dot(&other).sqrt();
                let commutator = &one - &other;
                let vanishes = |c: &f64| c.abs() <= tolerance * size;
                if let Some(c) = commutator.iter().find(|c| !vanishes(c)) {
                    return Err(Error::parameter(
                        format!("the commutator of noises {j} and {k} at row {b}"),
                        c,
                        format!("zero up to {:e}", tolerance * size),
                    )
                    .with_cure("noise that does not commute is for LevyMilstein"));
                }
            }
        }
    }
    Ok(())
}
