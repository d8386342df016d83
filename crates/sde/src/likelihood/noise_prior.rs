//! The law at the horizon.

use std::f64::consts::TAU;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Result, check_count, check_positive};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Density, Energy, LinearGaussian, Space, Streams};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Zip};
use rand::Rng;

/// `N(0, v I)`: what noising ends in, and where generation starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoisePrior {
    dim: usize,
    variance: f64,
}

impl NoisePrior {
    /// The law of this dimension and variance.
    ///
    /// # Errors
    /// No dimension; a variance that is not finite and greater than zero.
    pub fn new(dim: usize, variance: f64) -> Result<Self> {
        check_count("dim", dim)?;
        check_positive("variance", variance)?;
        Ok(NoisePrior { dim, variance })
    }

    /// That of a process, with its [`prior_variance`](LinearGaussian::prior_variance).
    ///
    /// # Errors
    /// Those of [`NoisePrior::new`].
    pub fn of<P: LinearGaussian + ?Sized>(process: &P, dim: usize) -> Result<Self> {
        NoisePrior::new(dim, process.prior_variance())
    }

    /// `v`.
    pub fn variance(&self) -> f64 {
        self.variance
    }
}

impl Space for NoisePrior {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Energy for NoisePrior {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        Zip::from(out)
            .and(x.rows())
            .for_each(|out, x| *out = 0.5 * x.dot(&x) / self.variance);
    }
}

impl Density for NoisePrior {
    fn log_z(&self) -> f64 {
        0.5 * self.dim as f64 * (TAU * self.variance).ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut x = Array2::zeros((n, self.dim));
        for_each_block(x.view_mut(), |block, mut rows| {
            let numbers = rows.as_slice_mut().expect("standard layout");
            fill_standard_normal(&mut LaneRng::new(streams, block), numbers);
            rows *= self.variance.sqrt();
        });
        x
    }
}
