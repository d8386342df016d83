//! A model on the way, and what the derivatives of its log-likelihood are made of.

use gibbsian_core::{Density, Parametric, ParametricMut, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::super::enumeration::MOST_LISTED;
use super::MatchedMoments;
use crate::graph::Graph;
use crate::ising::{BondMoments, Ising, TransferMatrix};
use crate::larger::larger;

/// Where moments come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Table,
    Sweeps,
}

impl Route {
    /// The cheaper one of those that there are.
    pub(super) fn new(graph: &Graph) -> Result<Self> {
        let (n, n_params) = (graph.n_sites(), graph.n_bonds() + graph.n_sites());
        let model = Ising::uniform(graph.clone(), 0.0, 0.0)?;
        let sweeps =
            TransferMatrix::new(&model).map(|matrix| n_params as f64 * (matrix.widest() as f64).exp2());
        match sweeps {
            Ok(operations) if n > MOST_LISTED || operations < (n as f64).exp2() => Ok(Route::Sweeps),
            Err(error) if n > MOST_LISTED => Err(error),
            _ => Ok(Route::Table),
        }
    }
}

/// A model, its log-likelihood, and what its derivatives are made of.
pub(super) struct Point {
    pub route: Route,
    pub model: Ising,
    /// `θ·μ − log Z`.
    pub log_likelihood: f64,
    log_z: f64,
    /// `μ − ⟨T⟩`.
    pub gradient: Array1<f64>,
    /// `⟨T⟩`.
    means: Array1<f64>,
    /// The products of all sets of spins, by the route that has them.
    products: Vec<f64>,
}

impl Point {
    pub(super) fn new(route: Route, model: Ising, mu: ArrayView1<f64>) -> Result<Self> {
        let (log_z, means, products) = match route {
            Route::Table => {
                let (log_z, products) = model.products_of_spins()?;
                let means = statistics(&model.graph).map(|set| products[set]).collect();
                (log_z, means, products)
            }
            Route::Sweeps => {
                let matrix = TransferMatrix::new(&model)?;
                (matrix.log_z(), flat(matrix.moments()), Vec::new())
            }
        };
        Ok(Point {
            log_likelihood: model.params().dot(&mu) - log_z,
            gradient: &mu - &means,
            route,
            model,
            log_z,
            means,
            products,
        })
    }

    /// `Cov T`.
    pub(super) fn covariance(&self) -> Result<Array2<f64>> {
        match self.route {
            Route::Table => {
                let sets: Vec<usize> = statistics(&self.model.graph).collect();
                let n = sets.len();
                Ok(Array2::from_shape_fn((n, n), |(a, b)| {
                    self.products[sets[a] ^ sets[b]] - self.means[a] * self.means[b]
                }))
            }
            Route::Sweeps => self.swept_covariance(),
        }
    }

    /// A sweep with each parameter changed.
    fn swept_covariance(&self) -> Result<Array2<f64>> {
        let params = self.model.params();
        let row = |a: usize| {
            // Against the mean: a statistic that hardly varies is made to, and the difference of means is large where the variance is small.
            let delta = -self.means[a].signum();
            let t = delta.tanh();
            let mut changed = params.clone();
            changed[a] += delta;
            let mut model = self.model.clone();
            model.set_params(changed.view())?;
            let means = flat(TransferMatrix::new(&model)?.moments());
            Ok((means - &self.means) * ((1.0 + t * self.means[a]) / t))
        };
        let rows: Vec<Array1<f64>> = (0..params.len())
            .into_par_iter()
            .map(row)
            .collect::<Result<_>>()?;
        // Symmetric up to rounding; the factorisation reads one half.
        Ok(Array2::from_shape_fn((rows.len(), rows.len()), |(a, b)| {
            0.5 * (rows[a][b] + rows[b][a])
        }))
    }

    /// What of the log-likelihood may be rounding.
    pub(super) fn rounding(&self) -> f64 {
        64.0 * f64::EPSILON * (1.0 + self.log_likelihood.abs() + self.log_z.abs())
    }

    /// The largest difference of a moment and its target.
    pub(super) fn residual(&self) -> f64 {
        self.gradient.iter().fold(0.0, |m, g| larger(m, g.abs()))
    }

    /// The largest parameter.
    pub(super) fn largest(&self) -> f64 {
        self.model.params().iter().fold(0.0, |m, p| larger(m, p.abs()))
    }

    /// The largest component of the Newton step that is left; infinite where there is none, as some statistic varies no more.
    pub(super) fn distance(&self, covariance: ArrayView2<f64>) -> f64 {
        match Cholesky::new("the covariance of the statistics", covariance) {
            Ok(factor) => {
                let step = factor.solve_vector(self.gradient.view());
                step.iter().fold(0.0, |m, s| larger(m, s.abs()))
            }
            Err(_) => f64::INFINITY,
        }
    }

    pub(super) fn matched(self, n_steps: usize) -> MatchedMoments {
        let (bonds, sites) = self.means.view().split_at(Axis(0), self.model.graph.n_bonds());
        MatchedMoments {
            // log Z + ⟨E⟩, in moments of its own.
            entropy: self.log_z - self.model.params().dot(&self.means),
            moments: BondMoments {
                sites: sites.to_owned(),
                bonds: bonds.to_owned(),
            },
            model: self.model,
            n_steps,
        }
    }
}

/// The sites of every statistic as bits, in the order of the parameters.
fn statistics(graph: &Graph) -> impl Iterator<Item = usize> {
    let bonds = graph.bonds().iter().map(|&[i, j]| 1 << i | 1 << j);
    bonds.chain((0..graph.n_sites()).map(|i| 1 << i))
}

/// Moments in the order of the parameters.
fn flat(moments: BondMoments) -> Array1<f64> {
    concatenate![Axis(0), moments.bonds, moments.sites]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Boundary;
    use ndarray::array;

    #[test]
    fn sweeps_and_tables_have_the_same_covariance() {
        let graph = Graph::lattice(&[3, 3], Boundary::Open).unwrap();
        let n_params = graph.n_bonds() + graph.n_sites();
        let mut model = Ising::uniform(graph, 0.0, 0.0).unwrap();
        // Parameters of both signs, up to about two: some statistics hardly vary.
        let params = Array1::from_shape_fn(n_params, |k| 2.0 * (1.7 * k as f64).sin());
        model.set_params(params.view()).unwrap();
        let mu = Array1::zeros(n_params);
        let of = |route| {
            Point::new(route, model.clone(), mu.view())
                .unwrap()
                .covariance()
                .unwrap()
        };
        let difference = (of(Route::Table) - of(Route::Sweeps)).mapv(f64::abs);
        assert!(difference.iter().all(|d| *d < 1e-14), "{difference}");
    }

    #[test]
    fn the_cheaper_route_is_taken() {
        let route = |graph: Result<Graph>| Route::new(&graph.unwrap()).unwrap();
        assert_eq!(route(Graph::complete(8)), Route::Table);
        assert_eq!(route(Graph::lattice(&[20, 2], Boundary::Open)), Route::Sweeps);
        assert_eq!(route(Graph::lattice(&[10, 2], Boundary::Open)), Route::Sweeps);
        let error = Route::new(&Graph::complete(30).unwrap()).unwrap_err().to_string();
        assert!(error.contains("transfer matrix"), "{error}");
        let free = Graph::new(2, vec![]).unwrap();
        let moments = BondMoments {
            sites: array![0.5, -0.9],
            bonds: array![],
        };
        let fitted = Ising::fit_moments(free, &moments).unwrap();
        assert!((fitted.fields()[1] + 0.9f64.atanh()).abs() < 1e-15);
    }
}
