//! Stepping stones: `log Z` as a sum of short importance-sampling steps.
//!
//! `Z_1 / Z_0 = Π_k Z_{k+1} / Z_k`, and each factor is the mean of `f_{k+1} / f_k` over draws from the lower rung,
//!
//! `log Z = log Z_0 + Σ_k log mean_{x ~ f_k} exp(log f_{k+1}(x) − log f_k(x))`
//!
//! (Xie, Lewis, Fan, Kuo and Chen 2011, "Improving marginal likelihood estimation for Bayesian phylogenetic model selection", equation 8). With independent
//! exact draws at every rung the product of the means is unbiased for `Z`; its logarithm is then low by about half its variance, which
//! [`Estimate::corrected`] adds back. It has no error of a rule, needs draws below each step only, and unlike a bridge looks in one direction: where a
//! rung does not cover the next one its weights have a heavy tail, which the verdict reports.

use gibbsian_core::Result;

use crate::estimate::Estimate;
use crate::influence::Influence;
use crate::reliability::{MIN_EFFECTIVE, Reliability};
use crate::rungs::RungDraws;
use crate::weights::LogWeights;

/// `log Z` by stepping stones from rung to rung.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_partition::{Ladder, RungSampling, exact_log_z, sample_rungs, stepping_stone};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let draws = sample_rungs(&path, &Ladder::linear(8)?, &RungSampling::new(), &mut Seed::new(1).rng())?;
/// let estimate = stepping_stone(&draws, 0.999)?;
/// assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A level outside (0, 1); a rung none of whose draws lies in the support of the next one.
pub fn stepping_stone(draws: &RungDraws, level: f64) -> Result<Estimate> {
    let mut influence = Influence::new(draws.n_chains(), draws.n_draws());
    let mut log_z = draws.log_z_start();
    let mut steps = Vec::with_capacity(draws.ladder().n_steps());
    for k in 0..draws.ladder().n_steps() {
        let weights = LogWeights::new(draws.neighbour_works(k, k + 1).to_vec())?;
        let log_mean = weights.log_mean();
        log_z += log_mean;
        let relative: Vec<f64> = weights.values().iter().map(|w| (w - log_mean).exp()).collect();
        influence.add(&relative);
        steps.push(weights);
    }
    let efficiency = influence.efficiency();
    // The first step that cannot be trusted; its draws are correlated as those of all steps are.
    let of_step = |weights: &LogWeights| {
        let effective_sample_size = efficiency * weights.effective_sample_size();
        match Reliability::of(weights) {
            Reliability::Trusted if effective_sample_size < MIN_EFFECTIVE => Reliability::TooFewEffective {
                effective_sample_size,
            },
            found => found,
        }
    };
    let own = steps.iter().map(of_step).find(|found| !found.is_trusted());
    let reliability = Reliability::of_draws(draws, &influence, own.unwrap_or(Reliability::Trusted));
    let estimate = Estimate::of_influence(log_z, &influence, level, reliability)?;
    Ok(Estimate {
        corrected: log_z + 0.5 * estimate.standard_error.powi(2),
        ..estimate
    })
}
