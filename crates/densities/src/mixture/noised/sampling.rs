//! Draws: clean points with their noisy images, and the noise between them.

use gibbsian_core::{Density, LinearGaussian, Space, Streams, parallel};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{NoisedMixture, levels};

impl<P: LinearGaussian> NoisedMixture<P> {
    /// Draws of `(x_0, x_t)`, both `(B, D)`, a pair for each of the times `t` `(B)`: `x_0` from the mixture, `x_t` from the process.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_core::process::VarianceExploding;
    /// use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
    /// use ndarray::array;
    ///
    /// let data = GaussianMixture::new(array![1.0], array![[3.0]], Covariances::Spherical(array![1.0]))?;
    /// let noised = NoisedMixture::new(data, VarianceExploding::new(0.01, 50.0)?)?;
    /// let (clean, noisy) = noised.sample_joint(array![0.0, 1.0].view(), &mut Seed::new(1).rng());
    /// assert_eq!(clean[(0, 0)], noisy[(0, 0)]);
    /// assert_ne!(clean[(1, 0)], noisy[(1, 0)]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn sample_joint(&self, t: ArrayView1<f64>, rng: &mut dyn Rng) -> (Array2<f64>, Array2<f64>) {
        let clean = self.mixture().sample(t.len(), rng);
        let noisy = self.add_noise(clean.view(), t, rng).0;
        (clean, noisy)
    }

    /// `x_t = α x + σ z` for given rows `x` `(B, D)`, and the standard normal noise `z`, both `(B, D)`.
    ///
    /// A row whose time is not in `[0, T]` becomes NaN.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn add_noise(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        rng: &mut dyn Rng,
    ) -> (Array2<f64>, Array2<f64>) {
        add_noise(&self.process, self.dim(), x, t, rng)
    }
}

/// [`NoisedMixture::add_noise`] in `dim` dimensions.
#[track_caller]
pub(super) fn add_noise(
    process: &impl LinearGaussian,
    dim: usize,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    rng: &mut dyn Rng,
) -> (Array2<f64>, Array2<f64>) {
    assert!(
        x.dim() == (t.len(), dim),
        "x has shape {:?}, but {} times in dimension {dim} need ({}, {dim})",
        x.shape(),
        t.len(),
        t.len(),
    );
    let streams = Streams::draw(rng);
    let mut noise = Array2::zeros(x.raw_dim());
    parallel::for_each_block(noise.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        rows.mapv_inplace(|_| rng.sample(StandardNormal));
    });
    let (alpha, variance) = levels(process, t);
    let mut noisy = noise.clone();
    for (b, mut row) in noisy.rows_mut().into_iter().enumerate() {
        let sigma = variance[b].sqrt();
        row.zip_mut_with(&x.row(b), |z, x| *z = alpha[b] * x + sigma * *z);
    }
    (noisy, noise)
}
