//! Two equations whose solutions can be had on a given path.

use gibbsian_core::Space;
use gibbsian_sde::{AdditiveSde, DiagonalSde, Sde};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip};

/// Geometric Brownian motion, `dX = μ X dt + ν X dB`, with the solution `x_0 exp((μ − ½ν²) t + ν W_t)`.
#[derive(Clone, Copy)]
pub(super) struct Geometric {
    pub(super) growth: f64,
    pub(super) volatility: f64,
}

impl Space for Geometric {
    fn dim(&self) -> usize {
        1
    }
}

impl Sde for Geometric {
    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        Zip::from(&mut out)
            .and(x)
            .for_each(|out, x| *out = self.growth * x);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        Zip::from(&mut out)
            .and(x)
            .and(w)
            .for_each(|out, x, w| *out = self.volatility * x * w);
    }
}

impl DiagonalSde for Geometric {
    fn diffusion_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        Zip::from(&mut out)
            .and(x)
            .for_each(|out, x| *out = self.volatility * x);
    }

    fn diffusion_slope_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(self.volatility);
    }
}

/// `dX = −sin(2X) dt + dB`: additive noise, and a drift that bends, so that no order is higher than it has to be.
#[derive(Clone, Copy)]
pub(super) struct Washboard;

impl Space for Washboard {
    fn dim(&self) -> usize {
        1
    }
}

impl Sde for Washboard {
    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        Zip::from(&mut out)
            .and(x)
            .for_each(|out, x| *out = -(2.0 * x).sin());
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
