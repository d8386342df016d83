//! How far samples are from a law.
//!
//! Whether they have the law of a mixture is asked of its responsibilities, whose means are the weights, of the coordinates and of their products two by two.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::GaussianMixture;
use gibbsian_metrics::energy_distance;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

use super::methods::{Samples, Weighed};
use crate::Result;
use crate::statistics::larger;

/// What is compared, of every row: responsibilities, coordinates, products of two.
fn features(law: &GaussianMixture, x: ArrayView2<f64>) -> Result<Array2<f64>> {
    let products = (0..x.ncols()).flat_map(|i| (0..=i).map(move |j| (i, j)));
    let columns: Vec<_> = products.map(|(i, j)| &x.column(i) * &x.column(j)).collect();
    let mut all = vec![law.posterior(x), x.to_owned()];
    all.extend(columns.into_iter().map(|c| c.insert_axis(Axis(1))));
    let views: Vec<_> = all.iter().map(|columns| columns.view()).collect();
    Ok(concatenate(Axis(1), &views)?)
}

/// Their expectations under the law.
fn expectations(law: &GaussianMixture) -> Vec<f64> {
    let (mean, covariance) = (law.mean(), law.covariance());
    let mut all = law.weights().to_vec();
    all.extend(&mean);
    for i in 0..mean.len() {
        all.extend((0..=i).map(|j| covariance[(i, j)] + mean[i] * mean[j]));
    }
    all
}

/// How far samples are from a law.
pub(super) struct Judgement {
    /// The deviation of each number from its expectation, its standard error, and the spread of what it is the mean of.
    numbers: Vec<(f64, f64, f64)>,
    /// The same for the errors of the table: of masses, means in deviations, deviations.
    errors: [f64; 3],
}

impl Judgement {
    /// Of the samples' points `x`, or of their populations where there are some.
    pub(super) fn of(law: &GaussianMixture, samples: &Samples, x: ArrayView2<f64>) -> Result<Self> {
        let expected = expectations(law);
        let (means, errors, spreads) = if samples.populations.is_empty() {
            let found = features(law, x)?;
            let spreads = found.std_axis(Axis(0), 1.0);
            let errors = &spreads / (found.nrows() as f64).sqrt();
            (found.mean_axis(Axis(0)).ok_or("no samples")?, errors, spreads)
        } else {
            weighed(law, &samples.populations)?
        };
        let numbers: Vec<_> = (0..expected.len())
            // A single component has all of the mass, without error.
            .filter(|&i| i > 0 || law.n_components() > 1)
            .map(|i| (means[i] - expected[i], errors[i], spreads[i]))
            .collect();
        let (k, dim) = (law.n_components(), law.means().ncols());
        let masses = 0.5 * (0..k).map(|i| (means[i] - expected[i]).abs()).sum::<f64>();
        let (mean, covariance) = (law.mean(), law.covariance());
        let (mut of_means, mut of_spreads) = (0.0, 0.0);
        let mut product = k + dim;
        for i in 0..dim {
            // The square of a coordinate is the last of its products.
            product += i;
            let deviation = covariance[(i, i)].sqrt();
            of_means = larger(of_means, (means[k + i] - mean[i]).abs() / deviation);
            let variance = means[product] - means[k + i] * means[k + i];
            of_spreads = larger(of_spreads, (variance.sqrt() / deviation - 1.0).abs());
            product += 1;
        }
        Ok(Judgement {
            numbers,
            errors: [masses, of_means, of_spreads],
        })
    }

    /// The largest deviation in standard errors.
    pub(super) fn in_errors(&self) -> f64 {
        self.over_tolerance(|error, _| error)
    }

    /// The largest deviation over five and a half standard errors and this share of a spread.
    pub(super) fn over(&self, share: f64) -> f64 {
        self.over_tolerance(|error, spread| 5.5 * error + share * spread)
    }

    fn over_tolerance(&self, tolerance: impl Fn(f64, f64) -> f64) -> f64 {
        let ratios = self
            .numbers
            .iter()
            .map(|(d, error, spread)| d.abs() / tolerance(*error, *spread));
        ratios.fold(0.0, larger)
    }

    /// Half the sum of the masses' errors; the largest error of a mean, in deviations; the largest relative error of a deviation.
    pub(super) fn errors(&self) -> [f64; 3] {
        self.errors
    }

    /// The unbiased energy distance from as many exact draws.
    pub(super) fn energy_distance(
        &self,
        law: &GaussianMixture,
        x: ArrayView2<f64>,
        seed: Seed,
    ) -> Result<f64> {
        let exact = law.sample(x.nrows(), &mut seed.rng());
        Ok(energy_distance(x, exact.view())?.unbiased)
    }
}

/// The evidence of a population, and its means of features and of their squares.
type Part = (f64, Array1<f64>, Array1<f64>);

/// Means over all populations, `Σ Ẑ φ̂ / Σ Ẑ`, with the standard error of a ratio as it is found between them, and the spreads.
fn weighed(
    law: &GaussianMixture,
    populations: &[Weighed],
) -> Result<(Array1<f64>, Array1<f64>, Array1<f64>)> {
    let most = populations
        .iter()
        .fold(f64::NEG_INFINITY, |most, (log, _, _)| most.max(*log));
    let mut parts = Vec::new();
    for (log, weights, points) in populations {
        let found = features(law, points.view())?;
        let (first, second) = (weights.dot(&found), weights.dot(&found.mapv(|f| f * f)));
        parts.push(((log - most).exp(), first, second));
    }
    let total: f64 = parts.iter().map(|(z, _, _)| z).sum();
    let sum =
        |f: &dyn Fn(&Part) -> Array1<f64>| parts.iter().map(f).reduce(|a, b| a + b).ok_or("no population");
    let means = sum(&|(z, first, _)| first * *z)? / total;
    let seconds = sum(&|(z, _, second)| second * *z)? / total;
    let squares = sum(&|(z, first, _)| (first - &means).mapv(|d| (z * d).powi(2)))?;
    let n = populations.len() as f64;
    let errors = squares.mapv(|s| (s * n / (n - 1.0)).sqrt() / total);
    let spreads = (seconds - &means * &means).mapv(|v| v.max(0.0).sqrt());
    Ok((means, errors, spreads))
}
