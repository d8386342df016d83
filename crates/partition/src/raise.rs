//! RAISE: a conservative estimate of the log probability of test cases.
//!
//! Forward annealing estimates `log Z` from below, so `log f(x) − log Ẑ` flatters a model. RAISE (Burda, Grosse and Salakhutdinov,
//! 2015, "Accurate and conservative estimates of MRF log-likelihood using reverse annealing") errs on the other side. It
//! scores the **annealing model** instead: the law `p_ann` of the end of a forward chain,
//!
//! `x_0 ~ f_0 / Z_0`, `x_k ~ T_k(x_{k−1} → ·)` for `k = 1 … K`, `x = x_K`,
//!
//! the transition at `β_K = 1` included, so that a chain can end in whatever the target can move to. It is a normalised model
//! from which anyone can sample, it tends to the target as the ladder is refined, and its probability is estimated without bias.
//!
//! Derivation. Importance sampling over trajectories that end in `x`, proposed by running the same transitions backwards from
//! `x`: `x_{k−1} ~ T̃_k(x_k → ·)` for `k = K … 1`, where the reversal `T̃_k` is `T_k` itself because `T_k` is reversible. Its ratio is
//!
//! `T_k(x_{k−1} → x_k) / T_k(x_k → x_{k−1}) = f_k(x_k) / f_k(x_{k−1})`,
//!
//! hence the weight of a trajectory is `(f_0(x_0) / Z_0) Π_k f_k(x_k) / f_k(x_{k−1})`, and regrouped by position
//!
//! `log p̂(x) = log f_K(x) − log Z_0 + Σ_{k=1}^K [log f_{k−1}(x_{k−1}) − log f_k(x_{k−1})]`.
//!
//! `E p̂(x) = p_ann(x)` exactly; `M` chains a test case are averaged inside the logarithm. By Jensen `E log p̂(x) ≤ log p_ann(x)`.
//!
//! What this bounds is `log p_ann`, **not** `log p` of the target. On draws from the target `p_ann` is worse on average
//! (`E_p log p_ann ≤ E_p log p`), but on other data it can be better: a model that has overfitted may be improved by
//! annealing too fast. Only the agreement with the optimistic end, as the ladder grows, speaks about `p`; see
//! [`Certificate`](crate::Certificate).

use gibbsian_core::error::{check_batch, check_count};
use gibbsian_core::{Error, Path, Result};
use ndarray::{Array2, ArrayView2};
use rand::Rng;

use crate::Ladder;
use crate::anneal::{BATCH_CHAINS, anneal, check_start, check_weights, map_batches};
use crate::bound::LowerBound;
use crate::log_sum::log_mean_exp;
use crate::weights::check_level;

/// The RAISE estimates of a set of test cases.
#[derive(Clone, Debug)]
pub struct Raise {
    log_probabilities: Vec<f64>,
    log_targets: Vec<f64>,
    n_chains: usize,
}

/// Runs `n_chains` reverse chains from each row of `test_cases` `(T, D)`.
///
/// The cost is `T · n_chains` chains along the whole ladder. Test cases share no randomness, so their errors are independent.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::Energy;
/// use gibbsian_partition::{ExactDistribution, Ladder, exact_log_z, raise};
/// # use gibbsian_testkit::targets::{Pairwise, Tempered};
/// # use ndarray::{Array1, Array2};
/// // Four spins that pull each other along, and the path to them from independent ones.
/// let target = Pairwise::new(Array1::from_elem(4, 0.2), Array2::from_elem((4, 4), 0.3))?;
/// let path = Tempered::new(Array1::zeros(4), target.clone())?;
/// let exact = exact_log_z(&target)?;
/// let mut rng = Seed::new(1).rng();
/// let cases = ExactDistribution::new(&target)?.sample(50, &mut rng);
/// let run = raise(&path, &Ladder::linear(50)?, cases.view(), 20, &mut rng)?;
/// // The mean log-probability of these cases, found without log Z, is not overstated by more than chance allows.
/// let truth = -target.energy(cases.view()).mean().unwrap() - exact;
/// assert!((run.mean() - truth).abs() < 0.1);
/// assert!(run.lower_bound(0.99)?.value < truth);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// No test case or rows of the wrong length, rows outside the space, no chain; a test case of target density zero, or a weight
/// that became NaN or `+∞`, named by chain (counted over cases, `n_chains` each) and temperatures.
pub fn raise<P: Path>(
    path: &P,
    ladder: &Ladder,
    test_cases: ArrayView2<f64>,
    n_chains: usize,
    rng: &mut dyn Rng,
) -> Result<Raise> {
    check_batch("test_cases", &test_cases, path.dim())?;
    check_count("n_chains", n_chains)?;
    check_start(path.log_z_start())?;
    let betas = ladder.descending();
    let cases_per_batch = (BATCH_CHAINS / n_chains).max(1);
    let batches = map_batches(test_cases.nrows(), cases_per_batch, rng, |cases, mut rng| {
        let first_chain = cases.start * n_chains;
        let copies = Array2::from_shape_fn((cases.len() * n_chains, path.dim()), |(chain, i)| {
            test_cases[[cases.start + chain / n_chains, i]]
        });
        let mut state = path.place(copies.view())?;

        // log f_K(x), from the base's density and the whole work at once.
        let mut log_targets = vec![0.0; copies.nrows()];
        path.log_start(&state, &mut log_targets);
        path.work(&mut state, 0.0, 1.0, &mut log_targets);
        check_weights(&log_targets, first_chain, 0.0, 1.0)?;
        if let Some(chain) = log_targets.iter().position(|l| *l == f64::NEG_INFINITY) {
            return Err(Error::parameter(
                format!("test_cases[{}]", cases.start + chain / n_chains),
                "a point where the target vanishes",
                "in the support of the target; drop the case, or take a target that covers the data",
            ));
        }

        let mut log_weights: Vec<f64> = log_targets.iter().map(|l| l - path.log_z_start()).collect();
        path.transition(&mut state, 1.0, &mut rng);
        anneal(path, &mut state, &betas, first_chain, &mut log_weights, &mut rng)?;
        let per_case: Vec<(f64, f64)> = log_weights
            .chunks(n_chains)
            .zip(log_targets.chunks(n_chains))
            .map(|(weights, targets)| (log_mean_exp(weights), targets[0]))
            .collect();
        Ok(per_case)
    })?;
    let (log_probabilities, log_targets) = batches.into_iter().flatten().unzip();
    Ok(Raise {
        log_probabilities,
        log_targets,
        n_chains,
    })
}

impl Raise {
    /// `log p̂(x_t)` of each test case: in expectation at most `log p_ann(x_t)`.
    pub fn log_probabilities(&self) -> &[f64] {
        &self.log_probabilities
    }

    /// `log f_1(x_t)` of each test case, the target's unnormalised log density.
    pub fn log_targets(&self) -> &[f64] {
        &self.log_targets
    }

    /// The number of chains a test case.
    pub fn n_chains(&self) -> usize {
        self.n_chains
    }

    /// The mean of `log p̂(x_t)` over the test cases.
    pub fn mean(&self) -> f64 {
        self.log_probabilities.iter().sum::<f64>() / self.log_probabilities.len() as f64
    }

    /// A bound that lies below the mean of `log p_ann` over these test cases with probability at least `confidence = 1 − α`.
    ///
    /// The ratios `p̂(x_t) / p_ann(x_t)` are independent with mean 1, so their product has mean 1, and by Markov's inequality
    /// `Σ_t (log p̂ − log p_ann)(x_t) ≥ log(1/α)` has probability at most `α`: the correction is only `log(1/α) / T` a case.
    ///
    /// # Errors
    /// A confidence outside (0, 1).
    pub fn lower_bound(&self, confidence: f64) -> Result<LowerBound> {
        check_level("confidence", confidence)?;
        let n = self.log_probabilities.len() as f64;
        Ok(LowerBound {
            value: self.mean() + (1.0 - confidence).ln() / n,
            confidence,
        })
    }
}
