//! What every noised density with closed forms is to the rest of the library: energies, scores and their derivatives at a time for each row.

/// The methods and traits that follow from `evaluate`, which fills what is wanted of each row, and from `hessian_at_into`.
macro_rules! noised_density {
    ($name:ident) => {
        impl<P: gibbsian_core::LinearGaussian> $name<P> {
            /// Writes `log p_t(x)` of every row into `out` `(B)`.
            ///
            /// # Panics
            /// When the shapes do not fit.
            pub fn log_density_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                out: ArrayViewMut1<f64>,
            ) {
                assert_energy_shapes(self.dim(), x, &out);
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        log_density: Some(out),
                        ..Outputs::default()
                    },
                );
            }

            /// `log p_t(x)` of every row, in a new array `(B)`.
            pub fn log_density_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array1<f64> {
                let mut out = Array1::zeros(x.nrows());
                self.log_density_at_into(x, t, out.view_mut());
                out
            }

            /// The scores `∇ log p_t(x)` of all rows, in a new array `(B, D)`.
            pub fn score_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
                let mut out = Array2::zeros(x.raw_dim());
                self.score_at_into(x, t, out.view_mut());
                out
            }

            /// The divergences `Δ log p_t(x)` of the score at all rows, in a new array `(B)`.
            pub fn divergence_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array1<f64> {
                let mut out = Array1::zeros(x.nrows());
                self.divergence_at_into(x, t, out.view_mut());
                out
            }

            /// The noise that a noise-predicting network learns, `E[z | x_t] = −σ s`, `(B, D)`, where `x_t = α x_0 + σ z`.
            pub fn noise_hat(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array2<f64> {
                let mut out = self.score_at(x, t);
                for (mut row, &t) in out.rows_mut().into_iter().zip(t) {
                    row *= -self.process.sigma(t);
                }
                out
            }

            /// Writes the denoiser `E[x_0 | x_t]` of every row into `out` `(B, D)`: of all functions of `x_t` the one with the least mean squared error.
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

            /// Writes the covariance of `x_0` given `x_t` of every row into `out` `(B, D, D)`; each is symmetric to the last bit, and a sum of positive parts.
            ///
            /// By Tweedie's formula of second order it is `(σ²/α²)(I + σ² ∇² log p_t)`, whose two terms cancel where `σ` is large.
            ///
            /// # Panics
            /// When the shapes do not fit.
            pub fn posterior_covariance_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                out: ArrayViewMut3<f64>,
            ) {
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

            /// The Hessians of `log p_t` at all rows, in a new array `(B, D, D)`; each is symmetric to the last bit.
            pub fn hessian_at(&self, x: ArrayView2<f64>, t: ArrayView1<f64>) -> Array3<f64> {
                let mut out = Array3::zeros((x.nrows(), self.dim(), self.dim()));
                self.hessian_at_into(x, t, out.view_mut());
                out
            }
        }

        /// `E(x, t) = −log p_t(x)`, so that the normaliser is one at every time.
        impl<P: LinearGaussian> TimeEnergy for $name<P> {
            fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
                self.log_density_at_into(x, t, out.view_mut());
                out.mapv_inplace(|log_density| -log_density);
            }
        }

        impl<P: LinearGaussian> TimePotential for $name<P> {
            fn energy_and_score_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                mut energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                assert_energy_shapes(self.dim(), x, &energy);
                assert_rows(x, &score, self.dim());
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        log_density: Some(energy.view_mut()),
                        score: Some(score),
                        ..Outputs::default()
                    },
                );
                energy.mapv_inplace(|log_density| -log_density);
            }
        }

        impl<P: LinearGaussian> TimeScore for $name<P> {
            fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
                assert_rows(x, &out, self.dim());
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        score: Some(out),
                        ..Outputs::default()
                    },
                );
            }
        }

        impl<P: LinearGaussian> TimeScoreJvp for $name<P> {
            fn score_jvp_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                v: ArrayView2<f64>,
                score: ArrayViewMut2<f64>,
                jvp: ArrayViewMut2<f64>,
            ) {
                assert!(
                    v.dim() == x.dim(),
                    "v has shape {:?}, but x {:?}",
                    v.shape(),
                    x.shape()
                );
                assert_rows(x, &score, self.dim());
                assert_rows(x, &jvp, self.dim());
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        score: Some(score),
                        v: Some(v),
                        jvp: Some(jvp),
                        ..Outputs::default()
                    },
                );
            }

            fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
                assert_energy_shapes(self.dim(), x, &out);
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        divergence: Some(out),
                        ..Outputs::default()
                    },
                );
            }

            fn score_and_divergence_at_into(
                &self,
                x: ArrayView2<f64>,
                t: ArrayView1<f64>,
                score: ArrayViewMut2<f64>,
                divergence: ArrayViewMut1<f64>,
            ) {
                assert_rows(x, &score, self.dim());
                assert_energy_shapes(self.dim(), x, &divergence);
                self.evaluate(
                    x,
                    t,
                    Outputs {
                        score: Some(score),
                        divergence: Some(divergence),
                        ..Outputs::default()
                    },
                );
            }
        }
    };
}

pub(super) use noised_density;
