//! Any energy as a Bayesian prior.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Energy, Potential, Result, Score, ScoreJvp, Space};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::observation::{LinearObservation, log_normaliser};

/// The posterior of a point with prior energy `E(x)` after a linear observation: `E(x) − log N(y; A x, s² I)`.
///
/// `E(x | y) = E(x) + ‖y − A x‖²/(2 s²) + ½ M log 2π s²`,  `s(x | y) = s(x) + Aᵀ(y − A x)/s²`,  `J v − Aᵀ A v/s²`. No constant of the
/// likelihood is dropped, so `log Z` of the posterior is that of the prior plus the log-evidence `log p(y)`: whatever estimates
/// normalisers compares models. It can do what the prior can, and every sampler of an energy is one of its posterior. Points outside the
/// prior's support stay there.
///
/// ```
/// use gibbsian_core::Score;
/// use gibbsian_sde::{LinearObservation, PosteriorEnergy};
/// # use gibbsian_testkit::targets::Mixture;
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations.
/// // Prior N(0, 1), observation 2 with noise of variance 1: the posterior is N(1, ½).
/// let prior = Mixture::new(array![1.0], array![[0.0]], array![1.0])?;
/// let observation = LinearObservation::new(array![[1.0]], array![2.0], 1.0)?;
/// let posterior = PosteriorEnergy::new(prior, observation)?;
/// assert_eq!(posterior.score(array![[1.0], [3.0]].view()), array![[0.0], [-4.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PosteriorEnergy<E> {
    prior: E,
    observation: LinearObservation,
}

impl<E: Space> PosteriorEnergy<E> {
    /// The posterior of `prior` after `observation`.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(prior: E, observation: LinearObservation) -> Result<Self> {
        observation.check_dim(&prior)?;
        Ok(PosteriorEnergy { prior, observation })
    }

    /// The prior.
    pub fn prior(&self) -> &E {
        &self.prior
    }

    /// What was observed.
    pub fn observation(&self) -> &LinearObservation {
        &self.observation
    }

    /// Adds the energy of the residuals `(B, M)`.
    fn add_energy(&self, residual: &Array2<f64>, mut energy: ArrayViewMut1<f64>) {
        let variance = self.observation.noise_variance();
        let constant = self.observation.n_values() as f64 * log_normaliser(variance);
        for (energy, e) in energy.iter_mut().zip(residual.rows()) {
            *energy += 0.5 * e.dot(&e) / variance + constant;
        }
    }

    /// Adds `Aᵀ e/s²`.
    fn add_pull(&self, e: &Array2<f64>, mut score: ArrayViewMut2<f64>) {
        let pull = self.observation.adjoint(e.view());
        score.scaled_add(1.0 / self.observation.noise_variance(), &pull);
    }
}

impl<E: Space> Space for PosteriorEnergy<E> {
    fn dim(&self) -> usize {
        self.prior.dim()
    }
}

impl<E: Energy> Energy for PosteriorEnergy<E> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.prior.energy_into(x, out.view_mut());
        self.add_energy(&self.observation.residual(x), out);
    }
}

impl<E: Score> Score for PosteriorEnergy<E> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.prior.score_into(x, out.view_mut());
        self.add_pull(&self.observation.residual(x), out);
    }
}

impl<E: Potential> Potential for PosteriorEnergy<E> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        self.prior
            .energy_and_score_into(x, energy.view_mut(), score.view_mut());
        let residual = self.observation.residual(x);
        self.add_energy(&residual, energy);
        self.add_pull(&residual, score);
    }
}

impl<E: ScoreJvp> ScoreJvp for PosteriorEnergy<E> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.prior.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        self.add_pull(&self.observation.residual(x), score);
        self.add_pull(&-self.observation.apply(v), jvp);
    }

    /// `tr J − ‖A‖²/s²`, so that a prior with a closed form keeps it.
    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.prior.divergence_into(x, out.view_mut());
        out -= self.observation.squared_norm() / self.observation.noise_variance();
    }
}
