//! Equations whose solutions are known as functions of the path, and one that is coupled.

use gibbsian_core::Space;
use gibbsian_sde::{AdditiveSde, DiagonalSde, DiffusionJvp, Sde};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip};

/// A diagonal equation by its drift of a whole row, and the noise of one coordinate with its slope.
#[derive(Clone, Copy)]
pub struct Diagonal<F, G, S> {
    pub dim: usize,
    /// `f_i(x, t)`.
    pub drift: F,
    /// `g_i(x_i, t)`.
    pub noise: G,
    /// `∂g_i/∂x_i`.
    pub slope: S,
}

impl<F: Sync, G: Sync, S: Sync> Space for Diagonal<F, G, S> {
    fn dim(&self) -> usize {
        self.dim
    }
}

fn each(
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    mut out: ArrayViewMut2<f64>,
    f: impl Fn(usize, ArrayView1<f64>, f64) -> f64,
) {
    for ((b, i), out) in out.indexed_iter_mut() {
        *out = f(i, x.row(b), t[b]);
    }
}

impl<F, G, S> Sde for Diagonal<F, G, S>
where
    F: Fn(usize, ArrayView1<f64>, f64) -> f64 + Sync,
    G: Fn(usize, f64, f64) -> f64 + Sync,
    S: Fn(usize, f64, f64) -> f64 + Sync,
{
    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, &self.drift);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        self.diffusion_into(x, t, out.view_mut());
        Zip::from(&mut out).and(w).for_each(|g, w| *g *= w);
    }
}

impl<F, G, S> DiagonalSde for Diagonal<F, G, S>
where
    F: Fn(usize, ArrayView1<f64>, f64) -> f64 + Sync,
    G: Fn(usize, f64, f64) -> f64 + Sync,
    S: Fn(usize, f64, f64) -> f64 + Sync,
{
    fn diffusion_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, |i, x, t| (self.noise)(i, x[i], t));
    }

    fn diffusion_slope_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, |i, x, t| (self.slope)(i, x[i], t));
    }
}

/// Geometric Brownian motion, `dX = μ X dt + ν X dB`: `X_t = x_0 exp((μ − ½ν²) t + ν W_t)`.
pub fn geometric(growth: f64, volatility: f64) -> impl DiagonalSde {
    Diagonal {
        dim: 1,
        drift: move |i, x: ArrayView1<f64>, _| growth * x[i],
        noise: move |_, x, _| volatility * x,
        slope: move |_, _, _| volatility,
    }
}

/// `X_t = (1 + t) sinh(W_t + arsinh x_0)` solves `dX = (X/(1 + t) + ½ X) dt + √((1 + t)² + X²) dB`: by Itô's formula for `φ(t, w)`,
/// the drift is `φ_t + ½ φ_ww`, the noise `φ_w`.
pub fn hyperbolic() -> impl DiagonalSde {
    Diagonal {
        dim: 1,
        drift: |i, x: ArrayView1<f64>, t| x[i] / (1.0 + t) + 0.5 * x[i],
        noise: |_, x: f64, t: f64| ((1.0 + t).powi(2) + x * x).sqrt(),
        slope: |_, x: f64, t: f64| x / ((1.0 + t).powi(2) + x * x).sqrt(),
    }
}

/// Two coordinates that drive each other, with noise that depends on place and time.
pub fn coupled() -> impl DiagonalSde {
    Diagonal {
        dim: 2,
        drift: |i, x: ArrayView1<f64>, t| {
            if i == 0 {
                x[1].sin() - 0.5 * x[0] * (1.0 + t)
            } else {
                x[0].cos() - 0.5 * x[1]
            }
        },
        noise: |i, x: f64, t: f64| {
            if i == 0 {
                0.5 + 0.4 * (2.0 * (x + t)).sin()
            } else {
                0.8 * (1.0 + x * x).sqrt()
            }
        },
        slope: |i, x: f64, t: f64| {
            if i == 0 {
                0.8 * (2.0 * (x + t)).cos()
            } else {
                0.8 * x / (1.0 + x * x).sqrt()
            }
        },
    }
}

/// A linear equation with additive noise that depends on time, and more motions than coordinates: `dX = (3 cos t − X) dt + (1 + t) (0.6 dB₁ + 0.8 dB₂)`.
pub struct Forced;

impl Forced {
    pub const MIX: [f64; 2] = [0.6, 0.8];

    /// `X_T = e^{−T} x_0 + 3/2 (cos T + sin T − e^{−T}) + ∫ e^{−(T−s)} (1 + s) (0.6 dB₁ + 0.8 dB₂)` from the increments and areas of short intervals from 0 to `T`:
    /// with the kernel `k` linear in each, `∫ k dB = k_{end} ΔW − (k_{end} − k_{start}) (½ ΔW + H)`.
    pub fn solution(start: f64, horizon: f64, intervals: &[(f64, f64, f64, f64)]) -> f64 {
        let kernel = |s: f64| (s - horizon).exp() * (1.0 + s);
        let noise: f64 = intervals
            .iter()
            .map(|&(from, to, w, area)| kernel(to) * w - (kernel(to) - kernel(from)) * (0.5 * w + area))
            .sum();
        let decay = (-horizon).exp();
        decay * start + 1.5 * (horizon.cos() + horizon.sin() - decay) + noise
    }
}

impl Space for Forced {
    fn dim(&self) -> usize {
        1
    }
}

impl Sde for Forced {
    fn noise_dim(&self) -> usize {
        2
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, |i, x, t| 3.0 * t.cos() - x[i]);
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each(w, t, out, |_, w, t| {
            (1.0 + t) * (Forced::MIX[0] * w[0] + Forced::MIX[1] * w[1])
        });
    }
}

impl AdditiveSde for Forced {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        each(v, t, out, |i, v, t| (1.0 + t).powi(2) * v[i]);
    }
}

/// `dX = −sin(2X) dt + dB`: additive noise and a drift that bends.
pub struct Washboard;

impl Space for Washboard {
    fn dim(&self) -> usize {
        1
    }
}

impl Sde for Washboard {
    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, |i, x, _| -(2.0 * x[i]).sin());
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        out.assign(&w);
    }
}

impl AdditiveSde for Washboard {
    fn covariance_product_into(&self, _: ArrayView1<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&v);
    }
}

/// `dX = −X dt + √2 dB` in one coordinate: `X_t | x_0 ~ N(e^{−t} x_0, 1 − e^{−2t})`.
pub struct Relaxing;

impl Space for Relaxing {
    fn dim(&self) -> usize {
        1
    }
}

impl Sde for Relaxing {
    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each(x, t, out, |i, x, _| -x[i]);
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each(w, t, out, |i, w, _| std::f64::consts::SQRT_2 * w[i]);
    }
}

impl AdditiveSde for Relaxing {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        each(v, t, out, |i, v, _| 2.0 * v[i]);
    }
}

/// Equations by their rows: the drift, the product with the noise, and its derivative.
pub trait Rows: Sync {
    const DIM: usize;
    const MOTIONS: usize;
    fn drift(&self, x: &[f64], out: &mut [f64]);
    fn diffuse(&self, x: &[f64], w: &[f64], out: &mut [f64]);
    fn jvp(&self, x: &[f64], w: &[f64], v: &[f64], out: &mut [f64]);
}

/// One of them as an equation.
pub struct By<R>(pub R);

fn each_row<const N: usize>(
    inputs: [ArrayView2<f64>; N],
    mut out: ArrayViewMut2<f64>,
    f: impl Fn([&[f64]; N], &mut [f64]),
) {
    for (b, mut out) in out.rows_mut().into_iter().enumerate() {
        let rows = inputs.map(|x| x.row(b).to_vec());
        let mut value = vec![0.0; out.len()];
        f(std::array::from_fn(|i| rows[i].as_slice()), &mut value);
        out.assign(&ArrayView1::from(&value));
    }
}

impl<R: Rows> Space for By<R> {
    fn dim(&self) -> usize {
        R::DIM
    }
}

impl<R: Rows> Sde for By<R> {
    fn noise_dim(&self) -> usize {
        R::MOTIONS
    }

    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each_row([x], out, |[x], out| self.0.drift(x, out));
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each_row([x, w], out, |[x, w], out| self.0.diffuse(x, w, out));
    }
}

impl<R: Rows> DiffusionJvp for By<R> {
    fn diffusion_jvp_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each_row([x, w, v], out, |[x, w, v], out| self.0.jvp(x, w, v, out));
    }
}
