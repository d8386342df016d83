//! Equations: stochastic ones by drift and noise, ordinary ones by velocity.
//!
//! `dX = f(X, t) dt + G(X, t) dB` in the sense of Itô, with `M` independent Brownian motions `B`. A solver asks for what it needs and for nothing
//! else: Euler–Maruyama for the drift and the product `G w`; Milstein for noise that is diagonal and its slope, or a matrix and its derivatives ([`DiffusionJvp`](crate::DiffusionJvp)); the schemes for
//! additive noise for a `G` that does not depend on the point. That a scheme does not fit an equation is then an error of the compiler.
//!
//! Every row has a time of its own, `t` `(B)`, because solvers with adaptive steps let rows run ahead of one another.

use std::ops::Range;

use gibbsian_core::Space;
use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip, s};

use crate::time_domain::TimeDomain;

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

    /// The times the equation is defined for, and the directions in which it may be solved: what solvers ask before the first step. The provided form allows all.
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::ALL
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

/// An equation that can be reversed in time: one that says what its noise does to a density.
///
/// Every equation with additive noise is of this kind. One whose noise depends on the point adds the divergence of `G Gᵀ`, `∇·(G Gᵀ)_i = Σ_j ∂(G Gᵀ)_ij/∂x_j`, which it must know; for a noise of its own for each
/// coordinate see [`DiagonalNoise`].
pub trait ReversibleSde: Sde {
    /// Writes `G Gᵀ s + ∇·(G Gᵀ)` at `x_b` and `t_b` into `out`, which is `∇·(G Gᵀ p)/p` for a density with score `s = ∇ log p`; all are `(B, D)`.
    fn noise_pull_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        score: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    );
}

impl<E: AdditiveSde + ?Sized> ReversibleSde for E {
    fn noise_pull_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        score: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.covariance_product_into(t, score, out);
    }
}

/// An equation with a noise of its own for each coordinate, as one that can be reversed: `∇·(G Gᵀ)_i = ∂g_i²/∂x_i = 2 g_i g_i'` follows from what it says already.
///
/// ```
/// use gibbsian_core::{Space, TimeScore};
/// use gibbsian_sde::{DiagonalNoise, DiagonalSde, Reversed, Sde};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip, array};
///
/// /// Interest rates that return to one, `dX = (1 − X) dt + √(2 X) dB`.
/// struct Rates;
/// impl Space for Rates {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Sde for Rates {
///     fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&x.mapv(|x| 1.0 - x));
///     }
///     fn diffuse_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, w: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         Zip::from(&mut out).and(x).and(w).for_each(|out, x, w| *out = (2.0 * x).sqrt() * w);
///     }
/// }
/// impl DiagonalSde for Rates {
///     fn diffusion_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&x.mapv(|x| (2.0 * x).sqrt()));
///     }
///     fn diffusion_slope_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&x.mapv(|x| 1.0 / (2.0 * x).sqrt()));
///     }
/// }
///
/// /// In the long run they have the density `e^{−x}`, whose score is −1.
/// struct Exponential;
/// impl Space for Exponential {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl TimeScore for Exponential {
///     fn score_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.fill(-1.0);
///     }
/// }
///
/// // In that law the equation runs back as it runs forth: with time running down, the drift has the other sign.
/// let back = Reversed::new(DiagonalNoise(Rates), Exponential)?;
/// let mut drift = array![[0.0], [0.0]];
/// back.drift_into(array![[0.5], [3.0]].view(), array![0.0, 0.0].view(), drift.view_mut());
/// assert!((drift - array![[-0.5], [2.0]]).iter().all(|e| e.abs() < 1e-14));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagonalNoise<E>(pub E);

impl<E: Space> Space for DiagonalNoise<E> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<E: DiagonalSde> Sde for DiagonalNoise<E> {
    fn noise_dim(&self) -> usize {
        self.0.noise_dim()
    }

    fn time_domain(&self) -> TimeDomain {
        self.0.time_domain()
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.0.drift_into(x, t, out);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.0.diffuse_into(x, t, w, out);
    }
}

impl<E: DiagonalSde> DiagonalSde for DiagonalNoise<E> {
    fn diffusion_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.0.diffusion_into(x, t, out);
    }

    fn diffusion_slope_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.0.diffusion_slope_into(x, t, out);
    }
}

impl<E: DiagonalSde> ReversibleSde for DiagonalNoise<E> {
    fn noise_pull_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        score: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        let mut slope = Array2::zeros(x.raw_dim());
        self.0.diffusion_into(x, t, out.view_mut());
        self.0.diffusion_slope_into(x, t, slope.view_mut());
        Zip::from(&mut out)
            .and(&slope)
            .and(score)
            .for_each(|g, slope, s| *g *= *g * s + 2.0 * slope);
    }
}

/// An ordinary equation `dx/dt = u(x, t)`.
pub trait Ode: Space {
    /// The times the equation is defined for, and the directions in which it may be solved: what solvers ask before the first step. The provided form allows all.
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::ALL
    }

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
            vectorized(Combination {
                c,
                x: &x[numbers.clone()],
                out: &mut out[numbers],
                combine: &combine,
            });
        });
    }
    for_each_run(t, coefficient, |rows, c| {
        Zip::from(out.slice_mut(s![rows.clone(), ..]))
            .and(x.slice(s![rows, ..]))
            .for_each(|out, &x| *out = combine(&c, x, *out));
    });
}

/// `out ← combine(c, x, out)` for the numbers of rows of one time.
struct Combination<'a, C, F> {
    c: C,
    x: &'a [f64],
    out: &'a mut [f64],
    combine: &'a F,
}

impl<C, F: Fn(&C, f64, f64) -> f64> Vectorized for Combination<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, &x) in self.out.iter_mut().zip(self.x) {
            *out = (self.combine)(&self.c, x, *out);
        }
    }
}
