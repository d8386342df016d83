//! Parameters from a noisy picture alone.
//!
//! The true picture is hidden, so its parameters and the noise are learnt by expectation–maximisation (Dempster, Laird and Rubin 1977) for hidden Markov random fields (Zhang, Brady and Smith
//! 2001), with draws in place of expectations (Celeux and Diebolt 1985). In every round
//!
//! - a Gibbs chain draws a picture from the posterior of the present parameters;
//! - the share of flipped sites, averaged over the laws that the chain draws from, is the next flip probability: the exact maximum for the noise;
//! - coupling and biases move to the maximum of the pseudo-likelihood of the drawn picture, since the likelihood of a prior needs its normaliser.
//!
//! Averaged over the posterior and the noise, the gradients of both steps vanish at the true parameters, so the truth is what the rounds fluctuate about if the picture is a draw of the prior. The estimate is
//! the mean over the second half of the rounds. If the picture is none, as pictures are, sites that the prior finds unlikely are taken for noise.

use std::ops::Range;

use gibbsian_core::error::{check_count, check_within};
use gibbsian_core::{Error, Parametric, ParametricMut, Result, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rand::Rng;

use super::gibbs_marginals::{independent_draw, sweep};
use super::{Denoiser, FlipNoise, TiedField, fit_pseudo_likelihood};

/// When a fit to a drawn picture is good enough, in nats: its noise is half a nat for each parameter.
const NEAR_ENOUGH: f64 = 0.01;

/// The least flip probability, with which that of no flip is told from one. Pictures that show no noise end there.
const LEAST: f64 = f64::EPSILON;

/// Rounds of sampling and fitting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoisyLearner {
    n_rounds: usize,
    n_sweeps: usize,
}

/// What was learnt from a noisy picture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NoisyFit {
    /// The parameters of the prior, in its order.
    pub params: Array1<f64>,
    /// The flip probability.
    pub flip: f64,
    /// Parameters and flip probability after every round, `(n_rounds, K + 1)`.
    pub history: Array2<f64>,
    /// How much parameters and flip probability still moved, `(K + 1)`: their means over the last quarter of the rounds less those over the quarter before. Where noise hides much of the
    /// picture the rounds creep, a per cent of the way or two in each.
    pub drift: Array1<f64>,
}

impl NoisyLearner {
    /// `n_rounds` rounds with `n_sweeps` of the chain in each.
    ///
    /// # Errors
    /// Fewer than four rounds, or no sweeps.
    pub fn new(n_rounds: usize, n_sweeps: usize) -> Result<Self> {
        check_count("n_sweeps", n_sweeps)?;
        if n_rounds < 4 {
            return Err(Error::parameter("n_rounds", n_rounds, "at least 4"));
        }
        Ok(NoisyLearner { n_rounds, n_sweeps })
    }

    /// Learns the parameters of `prior` and the symmetric noise through which `x` `(N)` was seen, from where the prior stands and the flip probability `start`.
    ///
    /// # Errors
    /// An `x` that is no state of the prior, a `start` that is not `ε` or more away from 0 and 1 (`ε = 2⁻⁵²`, so that neither it nor the rest rounds to nothing), or a drawn picture whose pseudo-likelihood has no maximum.
    pub fn run(
        &self,
        prior: &mut TiedField,
        x: ArrayView1<f64>,
        start: f64,
        rng: &mut dyn Rng,
    ) -> Result<NoisyFit> {
        check_within("start", start, LEAST, 1.0 - LEAST)?;
        let seen = prior.field().label_numbers("x", x)?;
        let labels = prior.field().labels().to_vec();
        let n_params = prior.n_params();
        let mut history = Array2::zeros((self.n_rounds, n_params + 1));
        let mut flip = start;
        let mut rng = Streams::draw(rng).block(0);
        let mut y = None;
        for mut record in history.rows_mut() {
            let noise = FlipNoise::symmetric(labels.clone(), flip)?;
            let posterior = Denoiser::new(prior.field().clone(), noise).posterior(x)?;
            let y = y.get_or_insert_with(|| independent_draw(&posterior, &mut rng));
            let mut flipped = 0.0;
            for _ in 0..self.n_sweeps {
                sweep(&posterior, y, &mut rng, |site, p| flipped += 1.0 - p[seen[site]]);
            }
            flip = (flipped / (self.n_sweeps * prior.dim()) as f64).clamp(LEAST, 1.0 - LEAST);
            let picture = posterior.state(y).insert_axis(Axis(0));
            fit_pseudo_likelihood(prior, picture.view(), NEAR_ENOUGH, 100)?;
            record.slice_mut(s![..n_params]).assign(&prior.params());
            record[n_params] = flip;
        }
        let mean_of = |rounds: Range<usize>| {
            let rounds = history.slice(s![rounds, ..]);
            rounds.mean_axis(Axis(0)).expect("there are rounds")
        };
        let (half, quarter) = (self.n_rounds / 2, self.n_rounds - self.n_rounds / 4);
        let mean = mean_of(half..self.n_rounds);
        let drift = mean_of(quarter..self.n_rounds) - mean_of(half..quarter);
        let params = mean.slice(s![..n_params]).to_owned();
        prior.set_params(params.view())?;
        Ok(NoisyFit {
            params,
            flip: mean[n_params],
            history,
            drift,
        })
    }
}
