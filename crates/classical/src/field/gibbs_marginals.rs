//! Marginals by Gibbs sampling, averaging what the sampler draws from instead of what it draws.
//!
//! At every redraw of a site the law `p(y_i | neighbours)` is known; its mean over the chain has the expectation of the counted labels and less variance (Gelfand and
//! Smith 1990, "Rao-Blackwellisation"). Several chains start from independent draws of the sites without their bonds, and their spread is the error. Where the
//! field has several deep valleys, chains that started alike may all miss one: then the spread is too small.

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result, Space, StreamRng, Streams};
use ndarray::{Array2, Zip};
use rand::{Rng, RngExt};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::blocks::to_probabilities;
use super::{Marginals, PairwiseField};
use crate::choose::choose;

/// Gibbs sampling in the order of the colour classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GibbsMarginals {
    n_chains: usize,
    n_warmup: usize,
    n_sweeps: usize,
}

/// Marginals with their Monte Carlo error.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledMarginals {
    /// The mean over sweeps and chains.
    pub marginals: Marginals,
    /// The standard error of each probability, from the spread of the chains, `(N, q)`.
    pub standard_errors: Array2<f64>,
    /// The labels of the chains at the end, `(n_chains, N)`.
    pub states: Array2<f64>,
}

impl GibbsMarginals {
    /// `n_chains` chains of `n_warmup` sweeps that are thrown away and `n_sweeps` that are averaged.
    ///
    /// # Errors
    /// Fewer than two chains, which have no spread, or no sweeps.
    pub fn new(n_chains: usize, n_warmup: usize, n_sweeps: usize) -> Result<Self> {
        check_count("n_sweeps", n_sweeps)?;
        if n_chains < 2 {
            return Err(Error::parameter("n_chains", n_chains, "at least 2"));
        }
        Ok(GibbsMarginals {
            n_chains,
            n_warmup,
            n_sweeps,
        })
    }

    /// Runs the chains, each from a stream of its own.
    pub fn run(&self, field: &PairwiseField, rng: &mut dyn Rng) -> SampledMarginals {
        let streams = Streams::draw(rng);
        let chains: Vec<(Array2<f64>, Vec<usize>)> = (0..self.n_chains)
            .into_par_iter()
            .map(|chain| self.chain(field, &mut streams.block(chain)))
            .collect();
        let n = self.n_chains as f64;
        let mut mean = Array2::zeros(field.unary.raw_dim());
        for (p, _) in &chains {
            mean += &(p / n);
        }
        let mut standard_errors = Array2::zeros(field.unary.raw_dim());
        for (p, _) in &chains {
            Zip::from(&mut standard_errors)
                .and(p)
                .and(&mean)
                .for_each(|v, p, m| *v += (p - m) * (p - m) / (n * (n - 1.0)));
        }
        standard_errors.mapv_inplace(f64::sqrt);
        let mut states = Array2::zeros((self.n_chains, field.dim()));
        for ((_, y), mut row) in chains.iter().zip(states.rows_mut()) {
            row.assign(&field.state(y));
        }
        SampledMarginals {
            marginals: Marginals {
                probabilities: mean,
                labels: field.labels().to_vec(),
            },
            standard_errors,
            states,
        }
    }

    fn chain(&self, field: &PairwiseField, rng: &mut StreamRng) -> (Array2<f64>, Vec<usize>) {
        let mut y = independent_draw(field, rng);
        let mut mean = Array2::zeros(field.unary.raw_dim());
        for _ in 0..self.n_warmup {
            sweep(field, &mut y, rng, |_, _| ());
        }
        for _ in 0..self.n_sweeps {
            sweep(field, &mut y, rng, |site, p| {
                for (mean, p) in mean.row_mut(site).iter_mut().zip(p) {
                    *mean += p / self.n_sweeps as f64;
                }
            });
        }
        (mean, y)
    }
}

/// Labels of the sites without their bonds.
pub(super) fn independent_draw(field: &PairwiseField, rng: &mut StreamRng) -> Vec<usize> {
    let mut p = vec![0.0; field.n_labels()];
    (0..field.dim())
        .map(|site| {
            p.copy_from_slice(field.unary_of(site));
            to_probabilities(&mut p);
            choose(&p, rng.random())
        })
        .collect()
}

/// Redraws every site once, class after class, and shows the law that each was drawn from.
pub(super) fn sweep(
    field: &PairwiseField,
    y: &mut [usize],
    rng: &mut StreamRng,
    mut show: impl FnMut(usize, &[f64]),
) {
    let mut p = vec![0.0; field.n_labels()];
    for class in &field.structure.classes {
        for &site in class {
            field.local_energies(site, |j| y[j], &mut p);
            to_probabilities(&mut p);
            show(site, &p);
            y[site] = choose(&p, rng.random());
        }
    }
}
