//! A linear-Gaussian process as an equation to be solved forwards.

use gibbsian_core::error::{Result, check_count};
use gibbsian_core::{LinearGaussian, Space};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use crate::equation::{AdditiveSde, DiagonalSde, Sde, combine_at, for_each_run};
use crate::time_domain::TimeDomain;

/// The equation `dX = f_t X dt + g_t dB` of a process, in `D` dimensions: from data to noise.
///
/// Its transitions are known in closed form; it is solved to look at paths, to test solvers, and as the equation that [`Reversed`](crate::Reversed) reverses.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{Forward, Sde};
/// use ndarray::array;
///
/// let forward = Forward::new(OrnsteinUhlenbeck::new(2.0)?, 2)?;
/// let mut drift = array![[0.0, 0.0]];
/// forward.drift_into(array![[3.0, -1.0]].view(), array![0.5].view(), drift.view_mut());
/// assert_eq!(drift, array![[-3.0, 1.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forward<P> {
    process: P,
    dim: usize,
}

impl<P: LinearGaussian> Forward<P> {
    /// The process in `dim` dimensions.
    ///
    /// # Errors
    /// No dimension.
    pub fn new(process: P, dim: usize) -> Result<Self> {
        check_count("dim", dim)?;
        Ok(Forward { process, dim })
    }

    /// The process.
    pub fn process(&self) -> &P {
        &self.process
    }
}

impl<P: LinearGaussian> Space for Forward<P> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<P: LinearGaussian> Sde for Forward<P> {
    fn time_domain(&self) -> TimeDomain {
        TimeDomain::of(&self.process).forwards()
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        let rate = |t| self.process.drift_rate(t);
        combine_at(t, rate, x, out, |rate, x, _| rate * x);
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        let g = |t| self.process.diffusion(t);
        combine_at(t, g, w, out, |g, w, _| g * w);
    }
}

impl<P: LinearGaussian> DiagonalSde for Forward<P> {
    fn diffusion_into(&self, _: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let g = |t| self.process.diffusion(t);
        for_each_run(t, g, |rows, g| out.slice_mut(s![rows, ..]).fill(g));
    }

    fn diffusion_slope_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

impl<P: LinearGaussian> AdditiveSde for Forward<P> {
    fn covariance_product_into(&self, t: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        let squared = |t| self.process.diffusion_squared(t);
        combine_at(t, squared, v, out, |c, v, _| c * v);
    }
}
