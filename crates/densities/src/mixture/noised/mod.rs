//! Gaussian mixtures under a linear-Gaussian forward process, exactly.
//!
//! If `X_0` has the mixture density `Σ_k w_k N(μ_k, Σ_k)` and `X_t | X_0 ~ N(α X_0, σ² I)`, then at every time
//!
//! `p_t(x) = Σ_k w_k N(x; α μ_k, C_k)`,  `C_k = α² Σ_k + σ² I`,
//!
//! and given `X_t = x` the clean point has a mixture density again, with the responsibilities `r_k(x)` of `p_t` for weights and
//!
//! `m_k = μ_k + α Σ_k C_k⁻¹ (x − α μ_k)`,  `S_k = σ² Σ_k C_k⁻¹`
//!
//! (Bishop 2006, Pattern Recognition and Machine Learning, equations 2.113 to 2.117). So the objects that a diffusion model learns are known: the score,
//! its Jacobian and divergence, the noise `E[z | x] = −σ s`, the denoiser `E[x_0 | x] = Σ_k r_k m_k`. Miyasawa (1961) and Tweedie (Robbins 1956; Efron 2011) write the last one as
//! `(x + σ² s)/α`, which is the same number with fewer digits: where `σ` is large, `x` and `σ² s` cancel.
//!
//! **One decomposition for all times.** With `Σ_k = V_k diag(λ_k) V_kᵀ` all of these matrices are diagonal in the coordinates
//! `z = V_kᵀ (x − α μ_k)`: `C_k` has the eigenvalues `c_i = α² λ_i + σ²`, sums of positive numbers at every time. So a row of a batch may have a time of its own, which costs
//! `K D` divisions and nothing cubic, and its value does not depend on the times of its neighbours. Nothing is divided by `σ`
//! or by `α`: the limits `t = 0` and `σ = 10⁴` are ordinary points. For a tied covariance all components share their coordinates; diagonal and spherical ones are
//! there already.
//!
//! **Accuracy.** As for the mixture itself, values hold a few ε of the terms of these formulas, where a deviation has the terms `x − α μ` and `α μ`, and
//! `α` and `σ²` are themselves known to 4 units in the last place.
//!
//! **Rejected:** a Cholesky factor of `C_k` at each new time: a triangular product has half the operations of a full one, which pays where thousands of rows share
//! a time, and the factor costs `D` times as many, which does not where each has its own. [`NoisedMixture::marginal`] is there for the former.

mod density;
mod empirical;
mod evaluation;
mod isotropic;
mod panel;
mod posterior;
mod sampling;
mod spectra;
mod spectrum;

use std::f64::consts::TAU;

use gibbsian_core::error::Result;
use gibbsian_core::{LinearGaussian, Space};
use ndarray::{Array1, ArrayView1};

use super::{Covariances, GaussianMixture};
pub use empirical::NoisedEmpirical;
use isotropic::Isotropic;
use spectra::Spectra;

/// A Gaussian mixture that is noised by a forward process: `p_t` and everything about `x_0` given `x_t`, in closed form.
///
/// Every function takes rows `x` `(B, D)` and a time for each, `t` `(B)`. A row whose time is not in `[0, T]`, NaN included, gives NaN.
///
/// ```
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
/// use ndarray::array;
///
/// let data = GaussianMixture::new(
///     array![0.3, 0.7],
///     array![[-2.0, 0.0], [2.0, 1.0]],
///     Covariances::Spherical(array![0.5, 0.1]),
/// )?;
/// let noised = NoisedMixture::new(data, VariancePreserving::new(0.1, 20.0)?)?;
///
/// // A little noise hardly moves a point, and at the end only the mean of the data is left to guess.
/// let (x, t) = (array![[1.5, 0.5], [1.5, 0.5]], array![1e-6, 1.0]);
/// let clean = noised.denoise(x.view(), t.view());
/// assert!((clean[(0, 0)] - 1.5).abs() < 1e-5);
/// assert!((clean[(1, 0)] - 0.8).abs() < 0.05);
///
/// let noise = noised.noise_hat(x.view(), t.view());
/// assert!((noise[(1, 0)] - 1.5).abs() < 0.05);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NoisedMixture<P> {
    process: P,
    spectral: Spectral,
}

/// The clean mixture in the coordinates of its covariances.
#[derive(Clone, Debug)]
struct Spectral {
    mixture: GaussianMixture,
    spectra: Spectra,
    /// `log w_k − ½ D log 2π`.
    log_scales: Array1<f64>,
    /// What makes multiples of the identity cheap.
    isotropic: Option<Isotropic>,
}

impl<P: LinearGaussian> NoisedMixture<P> {
    /// This mixture under this process.
    ///
    /// Covariances are decomposed here, once: `O(K D³)`.
    ///
    /// # Errors
    /// An eigenvalue iteration that does not converge.
    pub fn new(mixture: GaussianMixture, process: P) -> Result<Self> {
        let half_log_two_pi = 0.5 * mixture.dim() as f64 * TAU.ln();
        Ok(NoisedMixture {
            process,
            spectral: Spectral {
                spectra: Spectra::new(&mixture)?,
                log_scales: mixture.weights.mapv(|w| w.ln() - half_log_two_pi),
                isotropic: match &mixture.covariances {
                    Covariances::Spherical(variances) => {
                        Some(Isotropic::new(mixture.means.view(), variances.to_vec()))
                    }
                    _ => None,
                },
                mixture,
            },
        })
    }

    /// The density of the data, at `t = 0`.
    pub fn mixture(&self) -> &GaussianMixture {
        &self.spectral.mixture
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// `p_t` as a mixture: `Σ_k w_k N(α μ_k, α² Σ_k + σ² I)`, whose covariances keep their shape.
    ///
    /// Of use where many points share one time, or where a mixture is asked for; it costs `K` Cholesky factorisations.
    ///
    /// # Errors
    /// A time outside `[0, T]`; covariances that leave the range of normal numbers.
    pub fn marginal(&self, t: f64) -> Result<GaussianMixture> {
        self.process.check_time(t)?;
        let (alpha, variance) = (self.process.alpha(t), self.process.variance(t));
        let spread = |v: f64| alpha * alpha * v + variance;
        let mixture = &self.spectral.mixture;
        let covariances = match &mixture.covariances {
            Covariances::Spherical(v) => Covariances::Spherical(v.mapv(spread)),
            Covariances::Diagonal(v) => Covariances::Diagonal(v.mapv(spread)),
            Covariances::Tied(matrix) => {
                let mut noised = matrix * (alpha * alpha);
                noised.diag_mut().mapv_inplace(|v| v + variance);
                Covariances::Tied(noised)
            }
            Covariances::Full(matrices) => {
                let mut noised = matrices * (alpha * alpha);
                for mut matrix in noised.outer_iter_mut() {
                    matrix.diag_mut().mapv_inplace(|v| v + variance);
                }
                Covariances::Full(noised)
            }
        };
        GaussianMixture::new(mixture.weights.clone(), alpha * &mixture.means, covariances)
    }
}

impl<P: LinearGaussian> Space for NoisedMixture<P> {
    fn dim(&self) -> usize {
        self.spectral.mixture.dim()
    }
}

/// `α` and `σ²` of each time, NaN for what is no time.
fn levels(process: &impl LinearGaussian, t: ArrayView1<f64>) -> (Vec<f64>, Vec<f64>) {
    let horizon = process.horizon();
    let level = |t: f64| match (0.0..=horizon).contains(&t) {
        true => (process.alpha(t), process.variance(t)),
        false => (f64::NAN, f64::NAN),
    };
    // Rows often share their time, all or neighbours.
    let first = t.first().map_or(f64::NAN, |t| *t);
    if t.iter().all(|t| *t == first) {
        let (alpha, variance) = level(first);
        return (vec![alpha; t.len()], vec![variance; t.len()]);
    }
    let mut last = (f64::NAN, (f64::NAN, f64::NAN));
    let mut next = |&t: &f64| {
        if t != last.0 {
            last = (t, level(t));
        }
        last.1
    };
    t.iter().map(&mut next).unzip()
}
