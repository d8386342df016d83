//! Priors, observations and exact posteriors.

use std::f64::consts::TAU;

use gibbsian_core::LinearGaussian;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_linalg::Cholesky;
use gibbsian_sde::{KnownCoordinates, LinearObservation};
use ndarray::{Array1, Array2, Array3, Axis, array, s};

use crate::Result;

/// A prior, what is observed of it, and the posterior.
pub(super) struct Problem {
    pub(super) name: &'static str,
    pub(super) process: OrnsteinUhlenbeck,
    pub(super) prior: NoisedMixture<OrnsteinUhlenbeck>,
    pub(super) observation: LinearObservation,
    pub(super) posterior: GaussianMixture,
    pub(super) log_evidence: f64,
    /// The coordinate that is known to methods without noise of observation, and the law of the others given it.
    pub(super) known: Option<KnownCoordinates>,
    pub(super) without_noise: Option<GaussianMixture>,
    /// About the variance of a component in each direction.
    pub(super) data_variance: f64,
}

impl Problem {
    /// A problem of observing `y = A x + s e`.
    fn new(
        name: &'static str,
        prior: GaussianMixture,
        observation: LinearObservation,
        data_variance: f64,
    ) -> Result<Self> {
        // At the horizon the data have e⁻⁵ of their size.
        let process = OrnsteinUhlenbeck::new(5.0)?;
        let values = observation.values().to_owned();
        let given = given(
            &prior,
            &observation.matrix(),
            &values,
            observation.noise_variance(),
        )?;
        Ok(Problem {
            name,
            process,
            prior: NoisedMixture::new(prior, process)?,
            observation,
            posterior: given.law(0)?,
            log_evidence: given.log_evidence,
            known: None,
            without_noise: None,
            data_variance,
        })
    }

    /// The time at which noising ends.
    pub(super) fn process_horizon(&self) -> f64 {
        self.process.horizon()
    }

    /// What is known without noise.
    pub(super) fn known(&self) -> Result<KnownCoordinates> {
        Ok(self.known.clone().ok_or("nothing is known without noise")?)
    }

    /// The density of the last coordinate under the posterior.
    pub(super) fn density_of_the_last(&self, x: f64) -> f64 {
        let law = &self.posterior;
        let last = law.means().ncols() - 1;
        (0..law.n_components())
            .map(|k| {
                let variance = law.component_covariance(k)[(last, last)];
                let deviation = x - law.means()[(k, last)];
                law.weights()[k] * (-0.5 * deviation * deviation / variance).exp() / (TAU * variance).sqrt()
            })
            .sum()
    }
}

/// A coordinate of two is seen; three components hang together in different ways.
pub(super) fn inpainting() -> Result<Problem> {
    let prior = GaussianMixture::new(
        array![0.4, 0.35, 0.25],
        array![[-0.8, 1.0], [0.1, -1.0], [1.0, 0.6]],
        Covariances::Full(array![
            [[0.25, 0.16], [0.16, 0.2]],
            [[0.3, -0.18], [-0.18, 0.2]],
            [[0.2, 0.1], [0.1, 0.15]],
        ]),
    )?;
    let seen = array![-0.2];
    let observation = LinearObservation::of_coordinates(2, vec![0], seen.clone(), 0.09)?;
    let exact = given(&prior, &observation.matrix(), &seen, 0.0)?.law(1)?;
    Ok(Problem {
        known: Some(KnownCoordinates::new(vec![0], seen)?),
        without_noise: Some(exact),
        ..Problem::new("inpainting", prior, observation, 0.2)?
    })
}

/// Two linear functions of three coordinates are measured.
pub(super) fn measurement() -> Result<Problem> {
    let prior = GaussianMixture::new(
        array![0.5, 0.3, 0.2],
        array![[-0.9, 0.4, 0.8], [0.8, -0.6, 0.7], [0.3, 0.9, -1.1]],
        Covariances::Full(array![
            [[0.25, 0.1, -0.05], [0.1, 0.2, 0.08], [-0.05, 0.08, 0.3]],
            [[0.2, -0.08, 0.05], [-0.08, 0.3, 0.1], [0.05, 0.1, 0.2]],
            [[0.3, 0.05, 0.1], [0.05, 0.2, -0.1], [0.1, -0.1, 0.25]],
        ]),
    )?;
    let matrix = array![[1.0, 0.5, 0.2], [-0.3, 1.0, 0.6]];
    let observation = LinearObservation::new(matrix, array![0.1, 0.2], 0.25)?;
    Problem::new("measurement", prior, observation, 0.25)
}

/// One normal law of unit variances with a strong correlation, and a coordinate of it.
pub(super) fn correlated() -> Result<Problem> {
    let prior = GaussianMixture::new(
        array![1.0],
        array![[0.0, 0.0]],
        Covariances::Full(array![[[1.0, 0.8], [0.8, 1.0]]]),
    )?;
    let seen = array![1.0];
    let observation = LinearObservation::of_coordinates(2, vec![0], seen.clone(), 0.25)?;
    let exact = given(&prior, &observation.matrix(), &seen, 0.0)?.law(1)?;
    Ok(Problem {
        known: Some(KnownCoordinates::new(vec![0], seen)?),
        without_noise: Some(exact),
        ..Problem::new("normal", prior, observation, 1.0)?
    })
}

/// A mixture after an observation.
struct Given {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Vec<Array2<f64>>,
    log_evidence: f64,
}

impl Given {
    /// The law of the coordinates from the `first` on; those before may be known exactly.
    fn law(&self, first: usize) -> Result<GaussianMixture> {
        let blocks: Vec<_> = (self.covariances.iter())
            .map(|covariance| covariance.slice(s![first.., first..]))
            .collect();
        let covariances: Array3<f64> = ndarray::stack(Axis(0), &blocks)?;
        Ok(GaussianMixture::new(
            self.weights.clone(),
            self.means.slice(s![.., first..]).to_owned(),
            Covariances::Full(covariances),
        )?)
    }
}

/// Bayes's rule for every component; the formulas are those of the report.
fn given(prior: &GaussianMixture, a: &Array2<f64>, y: &Array1<f64>, noise_variance: f64) -> Result<Given> {
    let mut log_weights = Vec::new();
    let mut means = prior.means().to_owned();
    let mut covariances = Vec::new();
    for (k, mut mean) in means.rows_mut().into_iter().enumerate() {
        let s = prior.component_covariance(k);
        let v = a.dot(&s).dot(&a.t()) + Array2::<f64>::eye(y.len()) * noise_variance;
        let v = Cholesky::new("the covariance of the values", v.view())?;
        let miss = y - &a.dot(&mean);
        let gain = s.dot(&a.t()).dot(&v.inverse());
        mean += &gain.dot(&miss);
        let after = &s - &gain.dot(a).dot(&s);
        covariances.push(0.5 * &after + 0.5 * &after.t());
        log_weights.push(
            prior.weights()[k].ln()
                - 0.5 * (miss.dot(&v.solve_vector(miss.view())) + v.log_det() + y.len() as f64 * TAU.ln()),
        );
    }
    let log_evidence = log_sum_exp(&log_weights);
    Ok(Given {
        weights: log_weights.iter().map(|l| (l - log_evidence).exp()).collect(),
        means,
        covariances,
        log_evidence,
    })
}

#[cfg(test)]
mod tests {
    use gibbsian_core::Density;

    use super::*;

    /// `log p(x) + log p(y | x) − log p(x | y)` is the log-evidence everywhere.
    #[test]
    fn posteriors_are_bayess() {
        for problem in [
            inpainting().unwrap(),
            measurement().unwrap(),
            correlated().unwrap(),
        ] {
            let dim = problem.posterior.means().ncols();
            let x = Array2::from_shape_fn((7, dim), |(b, i)| 1.2 * ((5 * b + 3 * i) as f64).sin());
            let mut likelihood = Array1::zeros(7);
            problem
                .observation
                .log_likelihood_into(x.view(), likelihood.view_mut());
            let sum = problem.prior.mixture().log_density(x.view()) + likelihood
                - problem.posterior.log_density(x.view());
            assert!(
                sum.iter().all(|s| (s - problem.log_evidence).abs() < 1e-11),
                "{sum}"
            );
        }
    }
}
