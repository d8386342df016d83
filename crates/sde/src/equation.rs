//! Equations: stochastic ones by drift and noise, ordinary ones by velocity.
//!
//! `dX = f(X, t) dt + G(X, t) dB` in the sense of Itô, with `M` independent Brownian motions `B`. A solver asks for what it needs and for nothing
//! else: Euler–Maruyama for the drift and the product `G w`; Milstein for noise that is diagonal and its slope, or a matrix and its derivatives ([`DiffusionJvp`](crate::DiffusionJvp)); the schemes for
//! additive noise for a `G` that does not depend on the point. That a scheme does not fit an equation is then an error of the compiler.
//!
//! Every row has a time of its own, `t` `(B)`, because solvers with adaptive steps let rows run ahead of one another.

use std::ops::Range;

use gibbsian_core::Space;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip, s};

/// An Itô equation `dX = f(X, t) dt + G(X, t) dB`.
///
/// ```
/// use gibbsian_core::Space;
/// use gibbsian_sde::Sde;
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip, array};
///
/// /// Geometric Brownian motion, `dX = μ X dt + ν X dB`.
/// struct Geometric {
///     growth: f64,
///     volatility: f64,
/// }
/// impl Space for Geometric {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Sde for Geometric {
///     fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         Zip::from(&mut out).and(x).for_each(|f, x| *f = self.growth * x);
///     }
///     fn diffuse_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, w: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         Zip::from(&mut out).and(x).and(w).for_each(|g, x, w| *g = self.volatility * x * w);
///     }
/// }
///
/// let stock = Geometric { growth: 0.05, volatility: 0.2 };
/// let mut drift = array![[0.0]];
/// stock.drift_into(array![[100.0]].view(), array![0.0].view(), drift.view_mut());
/// assert_eq!(drift, array![[5.0]]);
/// ```
pub trait Sde: Space {
    /// The number `M` of Brownian motions.
    fn noise_dim(&self) -> usize {
        self.dim()
    }

    /// Writes the drift `f(x_b, t_b)` into `out`; `x` and `out` are `(B, D)`, `t` is `(B)`.
    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>);

    /// Writes `G(x_b, t_b) w_b` into `out` `(B, D)`; `w` is `(B, M)`.
    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    );
}

/// An equation each of whose coordinates has a noise of its own, `dX_i = f_i(X, t) dt + g_i(X_i, t) dB_i`: `M = D`.
///
/// That `g_i` depends on `X_i` alone makes the noise commutative, so that increments of the Brownian motions suffice for strong order one.
pub trait DiagonalSde: Sde {
    /// Writes `g_i(x_bi, t_b)` into `out` `(B, D)`.
    fn diffusion_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>);

    /// Writes `∂g_i/∂x_i` into `out` `(B, D)`.
    fn diffusion_slope_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>);
}

/// An equation whose noise does not depend on the point: `G(x, t) = G(t)`. For it the senses of Itô and Stratonovich agree.
pub trait AdditiveSde: Sde {
    /// Writes `G(t_b) G(t_b)ᵀ v_b` into `out`, all `(B, D)`: what the score is multiplied by when the equation is reversed.
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>);
}

/// An ordinary equation `dx/dt = u(x, t)`.
pub trait Ode: Space {
    /// Writes `u(x_b, t_b)` into `out`; `x` and `out` are `(B, D)`, `t` is `(B)`.
    fn velocity_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>);
}

/// Calls `f(rows, c)` for each run of equal times with its rows and `coefficient(t)`: mostly once for a batch.
pub(crate) fn for_each_run<C>(
    t: ArrayView1<f64>,
    coefficient: impl Fn(f64) -> C,
    mut f: impl FnMut(Range<usize>, C),
) {
    let mut start = 0;
    for end in 1..=t.len() {
        if end == t.len() || t[end] != t[start] {
            f(start..end, coefficient(t[start]));
            start = end;
        }
    }
}

/// Writes `combine(c, x, out)` into each number of `out`, with the coefficients `c` of its row's time.
pub(crate) fn combine_at<C>(
    t: ArrayView1<f64>,
    coefficient: impl Fn(f64) -> C,
    x: ArrayView2<f64>,
    mut out: ArrayViewMut2<f64>,
    combine: impl Fn(&C, f64, f64) -> f64,
) {
    let dim = x.ncols();
    if let (Some(x), Some(out)) = (x.as_slice(), out.as_slice_mut()) {
        // Where every row has a time of its own, a view of it costs more than the few numbers in it.
        return for_each_run(t, coefficient, |rows, c| {
            let numbers = rows.start * dim..rows.end * dim;
            for (out, &x) in out[numbers.clone()].iter_mut().zip(&x[numbers]) {
                *out = combine(&c, x, *out);
            }
        });
    }
    for_each_run(t, coefficient, |rows, c| {
        Zip::from(out.slice_mut(s![rows.clone(), ..]))
            .and(x.slice(s![rows, ..]))
            .for_each(|out, &x| *out = combine(&c, x, *out));
    });
}
