//! The clean point given the noisy one.

use gibbsian_core::error::{Result, check_finite, check_positive, check_shape};
use gibbsian_core::{LinearGaussian, Space};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut2, ArrayViewMut3, Axis};

use super::NoisedMixture;
use super::evaluation::{Outputs, assert_matrices};
use crate::mixture::evaluation::assert_rows;
use crate::mixture::{Covariances, GaussianMixture};

impl<P: LinearGaussian> NoisedMixture<P> {
    /// Writes the denoiser `E[x_0 | x_t] = Σ_k r_k m_k` of every row into `out` `(B, D)`: of all functions of `x_t` the one with the least mean
    /// squared error.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn denoise_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        assert_rows(x, &out, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                posterior_mean: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// `E[x_0 | x_t]` of all rows, in a new array `(B, D)`.
    pub fn denoise(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.denoise_into(x, t, out.view_mut());
        out
    }

    /// The same by Tweedie's formula, `E[x_0 | x_t] = (x_t + σ² ∇ log p_t(x_t)) / α`, `(B, D)`.
    ///
    /// It needs the score only, so it is what a learned score is turned into a denoiser by. Its errors are those of the two terms divided by `α`,
    /// while [`denoise`](Self::denoise) has the errors of its value; at `σ = 10⁴` the formula has lost four digits.
    ///
    /// Source: Robbins (1956); Miyasawa (1961); Efron (2011).
    pub fn tweedie(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
        let mut out = self.score_at(x, t);
        for ((mut out, x), &t) in out.rows_mut().into_iter().zip(x.rows()).zip(t) {
            let (alpha, variance) = (self.process.alpha(t), self.process.variance(t));
            out.zip_mut_with(&x, |score, x| *score = (x + variance * *score) / alpha);
        }
        out
    }

    /// Writes the covariance of `x_0` given `x_t`, `Σ_k r_k [S_k + (m_k − m)(m_k − m)ᵀ]`, of every row into `out` `(B, D, D)`; each is
    /// symmetric to the last bit, and a sum of positive parts.
    ///
    /// By Tweedie's formula of second order it is `(σ²/α²)(I + σ² ∇² log p_t)`, whose two terms cancel where `σ` is large.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn posterior_covariance_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut3<f64>) {
        assert_matrices(x, &out, self.dim());
        self.evaluate(
            x,
            t,
            Outputs {
                posterior_covariance: Some(out),
                ..Outputs::default()
            },
        );
    }

    /// The covariances of `x_0` given `x_t` of all rows, in a new array `(B, D, D)`.
    pub fn posterior_covariance(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array3<f64> {
        let mut out = Array3::zeros((x.nrows(), self.dim(), self.dim()));
        self.posterior_covariance_into(x, t, out.view_mut());
        out
    }

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
