//! Maximum likelihood estimates of Gaussian mixtures by expectation maximisation.
//!
//! Given a mixture, the expectation step computes the responsibilities `r_bk = p(k | x_b)`; the maximisation step replaces each component by the
//! weighted estimate `w_k = N_k / B`, `μ_k = Σ_b r_bk x_b / N_k`, `Σ_k = Σ_b r_bk (x_b − μ_k)(x_b − μ_k)ᵀ / N_k` with `N_k = Σ_b r_bk`. No
//! iteration decreases the likelihood (Dempster, Laird and Rubin 1977). Both steps are one pass over the data here: responsibilities live for a panel of
//! rows and are never stored.
//!
//! - **Starts** are assignments by k-means++ and k-means; several starts are cheap insurance against poor local maxima.
//! - **Degenerate components.** Covariances are bounded from below relative to the variances of the data, so that a component cannot
//!   collapse onto a point and the likelihood stays bounded (Hathaway 1985); that the bound was active is reported. A component that no longer
//!   owns a single point is put where the model explains the data worst, and reported.
//! - **How many components** is a question for [`MixtureFit::bic`] (Schwarz 1978).

mod floor;
mod moments;
mod seeding;
mod step;

use gibbsian_core::error::{
    Error, Result, check_batch, check_count, check_non_negative, check_points, check_within,
};
use ndarray::{ArrayView2, Axis};
use rand::Rng;

use super::GaussianMixture;
use floor::Floor;
use step::Step;

/// Which covariances the components may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CovarianceForm {
    /// Each component its own symmetric matrix.
    Full,
    /// Each component its own diagonal matrix.
    Diagonal,
    /// One symmetric matrix for all.
    Tied,
    /// Each component its own multiple of the identity.
    Spherical,
}

impl CovarianceForm {
    /// The number of free parameters of a mixture of `n_components` in `dim` dimensions: weights, means and covariances.
    pub fn n_parameters(self, n_components: usize, dim: usize) -> usize {
        let triangle = dim * (dim + 1) / 2;
        let covariances = match self {
            CovarianceForm::Full => n_components * triangle,
            CovarianceForm::Diagonal => n_components * dim,
            CovarianceForm::Tied => triangle,
            CovarianceForm::Spherical => n_components,
        };
        n_components - 1 + n_components * dim + covariances
    }
}

/// How a mixture is estimated: by expectation maximisation, from starts by k-means++, with covariances bounded from below.
///
/// ```
/// use gibbsian_core::{Density, Seed};
/// use gibbsian_densities::{CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture};
/// use ndarray::array;
///
/// let truth = GaussianMixture::new(
///     array![0.3, 0.7],
///     array![[-3.0, 0.0], [3.0, 1.0]],
///     Covariances::Spherical(array![1.0, 0.25]),
/// )?;
/// let x = truth.sample(2000, &mut Seed::new(1).rng());
/// let estimate = ExpectationMaximisation::new(2, CovarianceForm::Spherical).fit(x.view(), &mut Seed::new(2).rng())?;
/// assert!(estimate.converged);
/// let heavier = if estimate.mixture.weights()[0] > 0.5 { 0 } else { 1 };
/// assert!((estimate.mixture.weights()[heavier] - 0.7).abs() < 0.05);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectationMaximisation {
    /// The number of components `K`.
    pub n_components: usize,
    /// Which covariances they may have.
    pub form: CovarianceForm,
    /// How many starts are tried; the likeliest end wins. At least 1; one by default.
    pub n_starts: usize,
    /// The largest number of iterations of a start; 1000 by default.
    pub max_iterations: usize,
    /// An iteration that adds less than this to the mean log-likelihood of a point, in nats, is the last; 10⁻⁶ by default.
    pub tolerance: f64,
    /// The least variance of a component in any direction, relative to the data's; 10⁻⁶ by default.
    ///
    /// Zero takes the bound away: a component that collapses is then an error.
    pub variance_floor: f64,
}

/// What [`ExpectationMaximisation`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MixtureFit {
    /// The estimate.
    pub mixture: GaussianMixture,
    /// The mean log-likelihood of a point in nats under the start and after each iteration; the last entry is that of [`mixture`](Self::mixture), up to the
    /// rounding of its factors.
    pub log_likelihoods: Vec<f64>,
    /// Whether the last iteration was below the tolerance; otherwise the number of iterations ran out.
    pub converged: bool,
    /// The components whose covariance rests on the lower bound.
    pub bounded_components: Vec<usize>,
    /// How many times a component without points was put elsewhere. The likelihood may have fallen there.
    pub n_relocations: usize,
    n_parameters: usize,
    n_rows: usize,
}

impl MixtureFit {
    /// The log-likelihood of the data, `Σ_b log p(x_b)`.
    pub fn log_likelihood(&self) -> f64 {
        self.n_rows as f64 * self.log_likelihoods.last().copied().unwrap_or(f64::NAN)
    }

    /// The number of free parameters.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// The Bayesian information criterion `−2 log L + p log B`; lower is better (Schwarz 1978).
    pub fn bic(&self) -> f64 {
        -2.0 * self.log_likelihood() + self.n_parameters as f64 * (self.n_rows as f64).ln()
    }

    /// Akaike's information criterion `−2 log L + 2 p`; lower is better (Akaike 1974).
    pub fn aic(&self) -> f64 {
        -2.0 * self.log_likelihood() + 2.0 * self.n_parameters as f64
    }
}

impl ExpectationMaximisation {
    /// The defaults, for this number of components.
    pub fn new(n_components: usize, form: CovarianceForm) -> Self {
        ExpectationMaximisation {
            n_components,
            form,
            n_starts: 1,
            max_iterations: 1000,
            tolerance: 1e-6,
            variance_floor: 1e-6,
        }
    }

    /// The mixture that makes the rows of `x` `(B, D)` likely, from `n_starts` starts.
    ///
    /// # Errors
    /// A setting out of its range, no rows, non-finite entries, a coordinate that does not vary, or fewer distinct rows than
    /// components; without a floor, a component whose covariance becomes singular.
    pub fn fit(&self, x: ArrayView2<f64>, rng: &mut dyn Rng) -> Result<MixtureFit> {
        let step = self.prepare(x)?;
        let mut best: Option<MixtureFit> = None;
        for _ in 0..self.n_starts {
            let groups = seeding::assign(x, step.variances(), self.n_components, rng)?;
            let found = self.iterate(&step, step.maximise_groups(&groups)?)?;
            if best
                .as_ref()
                .is_none_or(|best| found.log_likelihood() > best.log_likelihood())
            {
                best = Some(found);
            }
        }
        best.ok_or_else(|| Error::parameter("n_starts", self.n_starts, "at least 1"))
    }

    /// The same from a given mixture, for example an estimate on earlier data.
    ///
    /// Its covariances may have any form; the first iteration brings them to that of the estimate.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and a mixture with another number of components or dimensions.
    pub fn fit_from(&self, x: ArrayView2<f64>, start: &GaussianMixture) -> Result<MixtureFit> {
        let step = self.prepare(x)?;
        if start.n_components() != self.n_components {
            return Err(Error::parameter(
                "the number of components of start",
                start.n_components(),
                format!("n_components, {}", self.n_components),
            ));
        }
        check_batch("x", &x, gibbsian_core::Space::dim(start))?;
        self.iterate(&step, start.clone())
    }

    /// Checks settings and data.
    fn prepare<'a>(&self, x: ArrayView2<'a, f64>) -> Result<Step<'a>> {
        check_count("n_components", self.n_components)?;
        check_count("n_starts", self.n_starts)?;
        check_count("max_iterations", self.max_iterations)?;
        check_non_negative("tolerance", self.tolerance)?;
        check_within("variance_floor", self.variance_floor, 0.0, 1.0)?;
        check_points("x", &x, x.ncols().max(1))?;
        if x.nrows() < self.n_components {
            return Err(Error::parameter(
                "the number of rows of x",
                x.nrows(),
                format!("at least the number of components, {}", self.n_components),
            ));
        }
        let variances = x.var_axis(Axis(0), 0.0);
        if let Some(d) = (0..x.ncols()).find(|&d| !(variances[d].is_finite() && variances[d] > 0.0)) {
            return Err(Error::parameter(
                format!("the variance of column {d} of x"),
                variances[d],
                "finite and greater than zero: a constant coordinate has no density",
            ));
        }
        let floor = Floor::new(self.variance_floor, variances.view());
        Ok(Step::new(x, variances, floor, self.form))
    }

    /// Iterates until the likelihood stands still.
    fn iterate(&self, step: &Step, start: GaussianMixture) -> Result<MixtureFit> {
        let n_rows = step.n_rows();
        let mut mixture = start;
        let mut fit = MixtureFit {
            mixture: mixture.clone(),
            log_likelihoods: Vec::new(),
            converged: false,
            bounded_components: Vec::new(),
            n_relocations: 0,
            n_parameters: self.form.n_parameters(self.n_components, step.dim()),
            n_rows,
        };
        for iteration in 0..=self.max_iterations {
            // The sums that improve a mixture come with its likelihood, so the last mixture's costs a pass of its own.
            let next = step.improve(&mixture)?;
            let log_likelihood = next.log_likelihood / n_rows as f64;
            if !log_likelihood.is_finite() {
                return Err(Error::non_finite(
                    "the mean log-likelihood",
                    log_likelihood,
                    format!("at iteration {iteration} of the estimate of a mixture"),
                ));
            }
            let gain = fit.log_likelihoods.last().map(|before| log_likelihood - before);
            fit.log_likelihoods.push(log_likelihood);
            fit.mixture = mixture;
            // A likelihood that falls by rounding is as converged as one that stands still; one that a relocation made fall is not.
            let relocated = next.n_relocated > 0;
            if gain.is_some_and(|gain| gain.abs() <= self.tolerance) && !relocated {
                fit.converged = true;
                break;
            }
            if iteration == self.max_iterations {
                break;
            }
            fit.n_relocations += next.n_relocated;
            fit.bounded_components = next.bounded;
            mixture = next.mixture;
        }
        // Iterations factor covariances in plain arithmetic; what is handed out has the precision of every other mixture.
        let found = fit.mixture;
        fit.mixture = GaussianMixture::new(found.weights, found.means, found.covariances)?;
        Ok(fit)
    }
}
