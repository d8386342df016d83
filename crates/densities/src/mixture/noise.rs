//! Mixtures observed in Gaussian noise of any covariance, and what that says about the clean point.
//!
//! If `x` has the mixture density and `x̃ = x + n` with `n ~ N(0, C)`, then `x̃` has the mixture density with covariances `Σ_k + C`, and
//!
//! `E[x | x̃] = x̃ + C ∇ log p(x̃)`
//!
//! for any prior whatever (Miyasawa 1961; Raphan and Simoncelli 2011). For a mixture the left side is known without the right one:
//! `Σ_k r_k m_k` with `m_k = μ_k + Σ_k (Σ_k + C)⁻¹ (x̃ − μ_k)`, so each holds the other to account.
//!
//! Clean and noisy covariance of a component are made diagonal together: with `Σ = L Lᵀ` and `L⁻¹ C L⁻ᵀ = U diag(m) Uᵀ`, the gain `Σ (Σ + C)⁻¹` is
//! `L U diag(1/(1 + m)) (L U)⁻¹` and the covariance of `x` given `x̃`, `Σ − Σ (Σ + C)⁻¹ Σ`, is `L U diag(m/(1 + m)) (L U)ᵀ`, a sum without
//! differences, even where `C` is singular.

use gibbsian_core::Score;
use gibbsian_core::error::{Error, Result, check_finite, check_shape};
use gibbsian_linalg::{SymmetricEigen, matmul};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};

use super::evaluation::assert_columns;
use super::{Covariances, GaussianMixture};

impl GaussianMixture {
    /// The density of `x + n`, where `n ~ N(0, C)` is independent of `x`: `Σ_k w_k N(μ_k, Σ_k + C)`.
    ///
    /// `C` `(D, D)` may be singular: noise in some directions only. Covariances keep their shape if `C` has it too, a diagonal `C` for
    /// diagonal ones, a multiple of the identity for spherical ones, and become full otherwise.
    ///
    /// # Errors
    /// A matrix of another shape, not finite, not symmetric or with a negative eigenvalue.
    ///
    /// ```
    /// use gibbsian_densities::{Covariances, GaussianMixture};
    /// use ndarray::{Array2, array};
    ///
    /// let mixture = GaussianMixture::new(array![1.0], array![[0.0, 0.0]], Covariances::Spherical(array![1.0]))?;
    /// let noisy = mixture.convolved((3.0 * Array2::<f64>::eye(2)).view())?;
    /// assert_eq!(noisy.covariances(), &Covariances::Spherical(array![4.0]));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn convolved(&self, covariance: ArrayView2<f64>) -> Result<GaussianMixture> {
        let noise = checked(covariance, self.means.ncols())?;
        self.plus(&noise)
    }

    /// The mixture observed in noise of covariance `C` `(D, D)`: `x̃ = x + n`, `n ~ N(0, C)`.
    ///
    /// # Errors
    /// As [`convolved`](Self::convolved).
    pub fn in_noise(&self, covariance: ArrayView2<f64>) -> Result<MixtureInNoise> {
        let noise = checked(covariance, self.means.ncols())?;
        let n_distinct = match self.covariances {
            Covariances::Tied(_) => 1,
            _ => self.n_components(),
        };
        let channels = (0..n_distinct).map(|k| Channel::new(self, k, &noise));
        Ok(MixtureInNoise {
            channels: channels.collect::<Result<_>>()?,
            noisy: self.plus(&noise)?,
            clean: self.clone(),
            noise,
        })
    }

    /// With a checked covariance added to all.
    fn plus(&self, noise: &Array2<f64>) -> Result<GaussianMixture> {
        let is_diagonal = noise.indexed_iter().all(|((i, j), &c)| i == j || c == 0.0);
        let is_spherical = is_diagonal && noise.diag().iter().all(|&c| c == noise[(0, 0)]);
        let covariances = match &self.covariances {
            Covariances::Spherical(v) if is_spherical => Covariances::Spherical(v + noise[(0, 0)]),
            Covariances::Diagonal(v) if is_diagonal => Covariances::Diagonal(v + &noise.diag()),
            Covariances::Tied(matrix) => Covariances::Tied(matrix + noise),
            _ => {
                let mut all = Array3::zeros((self.n_components(), noise.nrows(), noise.nrows()));
                for (k, mut out) in all.outer_iter_mut().enumerate() {
                    out.assign(&(self.component_covariance(k) + noise));
                }
                Covariances::Full(all)
            }
        };
        GaussianMixture::new(self.weights.clone(), self.means.clone(), covariances)
    }
}

/// A mixture seen through Gaussian noise: `x̃ = x + n` with `x` from the mixture and `n ~ N(0, C)`, made by [`GaussianMixture::in_noise`].
///
/// ```
/// use gibbsian_densities::{Covariances, GaussianMixture};
/// use ndarray::array;
///
/// let clean = GaussianMixture::new(
///     array![0.4, 0.6],
///     array![[-1.0, 0.0], [1.0, 0.5]],
///     Covariances::Diagonal(array![[0.1, 0.2], [0.3, 0.1]]),
/// )?;
/// let seen = clean.in_noise(array![[0.5, 0.4], [0.4, 0.8]].view())?;
/// let x = array![[0.3, -1.2]];
/// let (known, by_score) = (seen.denoise(x.view()), seen.tweedie(x.view()));
/// assert!((known - by_score).iter().all(|difference| difference.abs() < 1e-14));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MixtureInNoise {
    clean: GaussianMixture,
    noisy: GaussianMixture,
    noise: Array2<f64>,
    /// One a component, or one for all.
    channels: Vec<Channel>,
}

/// What one component says of `x` given `x̃`.
#[derive(Clone, Debug)]
struct Channel {
    /// `Σ (Σ + C)⁻¹`.
    gain: Array2<f64>,
    /// `Σ − Σ (Σ + C)⁻¹ Σ`.
    covariance: Array2<f64>,
}

impl MixtureInNoise {
    /// The density of `x`.
    pub fn clean(&self) -> &GaussianMixture {
        &self.clean
    }

    /// The density of `x̃`.
    pub fn noisy(&self) -> &GaussianMixture {
        &self.noisy
    }

    /// The covariance `C` of the noise, `(D, D)`.
    pub fn noise_covariance(&self) -> ArrayView2<'_, f64> {
        self.noise.view()
    }

    /// The posterior mean `E[x | x̃] = Σ_k r_k m_k` of every row of `x̃` `(B, D)`, `(B, D)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn denoise(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let weights = self.noisy.posterior(x);
        let mut out = Array2::zeros(x.raw_dim());
        for (k, weights) in weights.columns().into_iter().enumerate() {
            out += &(self.component_means(x, k) * weights.insert_axis(Axis(1)));
        }
        out
    }

    /// The same by Tweedie's formula, `x̃ + C ∇ log p(x̃)`, `(B, D)`.
    ///
    /// Source: Miyasawa (1961).
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn tweedie(&self, x: ArrayView2<f64>) -> Array2<f64> {
        matmul(self.noisy.score(x).view(), self.noise.view()) + x
    }

    /// The covariance of `x` given `x̃`, `Σ_k r_k [S_k + (m_k − m)(m_k − m)ᵀ]`, of every row, `(B, D, D)`.
    ///
    /// By Tweedie's formula of second order it is `C + C ∇² log p(x̃) C`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn posterior_covariance(&self, x: ArrayView2<f64>) -> Array3<f64> {
        let (weights, mean) = (self.noisy.posterior(x), self.denoise(x));
        let mut out = Array3::zeros((x.nrows(), x.ncols(), x.ncols()));
        for (k, weights) in weights.columns().into_iter().enumerate() {
            let deviations = self.component_means(x, k) - &mean;
            let within = &self.channel(k).covariance;
            for ((mut out, d), &weight) in out.outer_iter_mut().zip(deviations.rows()).zip(weights) {
                for ((i, j), out) in out.indexed_iter_mut() {
                    *out += weight * (within[(i, j)] + d[i] * d[j]);
                }
            }
        }
        out
    }

    /// The density of `x` given `x̃` `(D)`: the mixture `Σ_k r_k N(m_k, S_k)`.
    ///
    /// # Errors
    /// A point of another dimension or not finite, or so far away that its responsibilities are not numbers; a singular `C`, so that
    /// some direction of `x` is known exactly.
    pub fn posterior(&self, x: ArrayView1<f64>) -> Result<GaussianMixture> {
        check_shape("x", &x, &[self.noise.nrows()])?;
        check_finite("x", &x)?;
        let rows = x.insert_axis(Axis(0));
        let mut means = self.clean.means.clone();
        for (k, mut mean) in means.rows_mut().into_iter().enumerate() {
            mean.assign(&self.component_means(rows, k).row(0));
        }
        let covariances =
            match self.clean.covariances {
                Covariances::Tied(_) => Covariances::Tied(self.channels[0].covariance.clone()),
                _ => {
                    let each: Vec<_> = self.channels.iter().map(|c| c.covariance.view()).collect();
                    Covariances::Full(ndarray::stack(Axis(0), &each).map_err(|e| {
                        Error::parameter("covariances", e.to_string(), "matrices of one shape")
                    })?)
                }
            };
        GaussianMixture::new(self.noisy.posterior(rows).row(0).to_owned(), means, covariances)
    }

    fn channel(&self, component: usize) -> &Channel {
        &self.channels[component % self.channels.len()]
    }

    /// `m_k` of every row.
    #[track_caller]
    fn component_means(&self, x: ArrayView2<f64>, component: usize) -> Array2<f64> {
        assert_columns(x, self.noise.nrows());
        let mean = self.clean.means.row(component);
        let deviations = &x - &mean;
        matmul(deviations.view(), self.channel(component).gain.t()) + mean
    }
}

impl Channel {
    fn new(mixture: &GaussianMixture, component: usize, noise: &Array2<f64>) -> Result<Self> {
        let dim = noise.nrows();
        let (root, whitening) = (
            mixture.factors.root(component, dim),
            mixture.factors.matrix(component, dim),
        );
        let half = matmul(whitening.view(), noise.view());
        let relative = matmul(half.view(), whitening.t());
        let relative = 0.5 * &relative + 0.5 * &relative.t();
        let eigen = SymmetricEigen::new("the whitened covariance of the noise", relative.view())?;
        // Rounding may have left the ratio of a direction without noise slightly negative.
        let ratios = eigen.values().mapv(|m| m.max(0.0));
        let basis = matmul(root.view(), eigen.vectors());
        let inverse = matmul(eigen.vectors().t(), whitening.view());
        let passed = ratios.mapv(|m| 1.0 / (1.0 + m));
        let left = &basis * &ratios.mapv(|m| (m / (1.0 + m)).sqrt());
        Ok(Channel {
            gain: matmul((&basis * &passed).view(), inverse.view()),
            covariance: left.dot(&left.t()),
        })
    }
}

/// Requires a symmetric positive semi-definite matrix `(dim, dim)`.
fn checked(covariance: ArrayView2<f64>, dim: usize) -> Result<Array2<f64>> {
    check_shape("covariance", &covariance, &[dim, dim])?;
    let eigen = SymmetricEigen::new("covariance", covariance)?;
    let (least, largest) = (eigen.values()[0], eigen.values()[dim - 1]);
    // What rounding can make of a zero.
    if least < -16.0 * dim as f64 * f64::EPSILON * largest.max(0.0) {
        return Err(Error::parameter(
            "the least eigenvalue of covariance",
            least,
            "at least zero: noise has no negative variance",
        ));
    }
    Ok(0.5 * &covariance + 0.5 * &covariance.t())
}
