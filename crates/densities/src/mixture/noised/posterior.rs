//! The clean point given the noisy one.

use gibbsian_core::error::{Result, check_finite, check_positive, check_shape};
use gibbsian_core::{LinearGaussian, Space};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};

use super::NoisedMixture;
use crate::mixture::{Covariances, GaussianMixture};

impl<P: LinearGaussian> NoisedMixture<P> {
    /// The density of `x_0` given `x_t = x` `(D)`: the mixture `Σ_k r_k N(m_k, S_k)`, whose covariances keep their shape.
    ///
    /// # Errors
    /// A point of another dimension or not finite; a time at which there is no noise, so that `x_0` is known, or outside `[0, T]`; a point so far
    /// away that its responsibilities are not numbers.
    ///
    /// ```
    /// use gibbsian_core::Density;
    /// use gibbsian_core::process::OrnsteinUhlenbeck;
    /// use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
    /// use ndarray::array;
    ///
    /// let data = GaussianMixture::new(array![0.5, 0.5], array![[-1.0], [1.0]], Covariances::Spherical(array![0.01, 0.01]))?;
    /// let noised = NoisedMixture::new(data, OrnsteinUhlenbeck::new(5.0)?)?;
    /// // Between the modes nothing is known but that it was one of them.
    /// let clean = noised.posterior(array![0.0].view(), 1.0)?;
    /// assert!((clean.weights()[0] - 0.5).abs() < 1e-15);
    /// assert!((clean.covariance()[(0, 0)] - 1.0).abs() < 0.02);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn posterior(&self, x: ArrayView1<f64>, t: f64) -> Result<GaussianMixture> {
        check_shape("x", &x, &[self.dim()])?;
        check_finite("x", &x)?;
        self.process.check_time(t)?;
        let (alpha, variance) = (self.process.alpha(t), self.process.variance(t));
        check_positive("the variance of the noise at t", variance)?;

        let (model, mixture) = (&self.spectral, &self.spectral.mixture);
        let (n_components, dim) = mixture.means.dim();
        let precision = |k, i| 1.0 / (alpha * alpha * model.spectra.value(k, i) + variance);
        let mut means = mixture.means.clone();
        for (k, mut mean) in means.rows_mut().into_iter().enumerate() {
            let deviation = &x - alpha * &mean;
            let gain = |i| alpha * model.spectra.value(k, i) * precision(k, i);
            match model.spectra.rotation(k) {
                Some(rotation) => {
                    let z = rotation.transposed.dot(&deviation);
                    let pulled: Array1<f64> = z.iter().enumerate().map(|(i, z)| gain(i) * z).collect();
                    mean += &pulled.dot(&rotation.transposed);
                }
                None => (0..dim).for_each(|i| mean[i] += gain(i) * deviation[i]),
            }
        }
        let spread = |k, i| model.spectra.value(k, i) * (variance * precision(k, i));
        let matrix = |k| {
            let rows = match model.spectra.rotation(k) {
                Some(rotation) => rotation.transposed.clone(),
                None => Array2::eye(dim),
            };
            let mut root = rows;
            for (i, mut row) in root.rows_mut().into_iter().enumerate() {
                row *= spread(k, i).sqrt();
            }
            root.t().dot(&root)
        };
        let covariances = match &mixture.covariances {
            Covariances::Spherical(_) => {
                Covariances::Spherical((0..n_components).map(|k| spread(k, 0)).collect())
            }
            Covariances::Diagonal(_) => {
                Covariances::Diagonal(Array2::from_shape_fn((n_components, dim), |(k, i)| spread(k, i)))
            }
            Covariances::Tied(_) => Covariances::Tied(matrix(0)),
            Covariances::Full(_) => {
                let mut matrices = Array3::zeros((n_components, dim, dim));
                for (k, mut out) in matrices.outer_iter_mut().enumerate() {
                    out.assign(&matrix(k));
                }
                Covariances::Full(matrices)
            }
        };
        let rows = x.insert_axis(Axis(0));
        let weights = self.component_posterior(rows, ndarray::aview1(&[t]));
        GaussianMixture::new(weights.row(0).to_owned(), means, covariances)
    }
}
