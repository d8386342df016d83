//! The No-U-Turn sampler (Hoffman and Gelman 2014), in the form of Betancourt (2017): Hamiltonian Monte Carlo that finds the length of its
//! trajectories by itself.
//!
//! From the current point a trajectory is doubled again and again, forwards or backwards in time by the toss of a coin, until it turns back on itself
//! (see the source of `turns`) or diverges. A trajectory of `2ʲ` points is then equally probable from each of them, and drawing one of its points with
//! probability proportional to `e^{−H}` leaves the target invariant. The point is drawn on the way: within a new half uniformly, a leaf
//! replaces the candidate with its share of the weight so far; between the old half and the new one with probability `min(1, W_new/W_old)`, which
//! favours the new one and still leaves the target invariant.
//!
//! **Lockstep.** All chains of a block that are still growing their tree take their leapfrog step together, by one evaluation of the target on the
//! batch of their points. Chains that are done drop out, so no gradient is wasted, and the batch turns the target's work into products of matrices.
//! Trees are built by counting leaves instead of recursion.

mod forest;
#[cfg(test)]
mod orbit;
mod turns;

use gibbsian_core::error::check_count;
use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Acceptance, Error, Kernel, Potential, Record, Result, Snapshot, StepInfo, Streams};
use ndarray::{Array2, CowArray, Ix2};
use rand::Rng;

use crate::hamiltonian::{Transition, acceptance};
use crate::metric::Metric;
use crate::step_size::check_step_size;
use crate::tunable::Tunable;
use crate::walkers::Walkers;
use forest::Forest;

/// The No-U-Turn sampler with leapfrog steps of size `ε`.
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::Nuts;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let target = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]])?;
/// let kernel = Nuts::new(0.5)?;
/// let mut chains = kernel.init(&target, Array2::zeros((8, 2)))?;
/// let info = kernel.step(&target, &mut chains, &mut Seed::new(1).rng());
/// // A complete tree of depth j took 2ʲ − 1 steps; the last doubling may have been given up.
/// assert!(info.0.iter().all(|chain| chain.n_steps + 1 >= 1 << chain.tree_depth));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Nuts {
    step_size: f64,
    max_depth: u32,
    metric: Metric,
}

impl Nuts {
    /// Steps of size `step_size` in the metric `L = I`, and at most ten doublings.
    ///
    /// # Errors
    /// A step size that is not positive and finite.
    pub fn new(step_size: f64) -> Result<Self> {
        Ok(Nuts {
            step_size: check_step_size(step_size)?,
            max_depth: 10,
            metric: Metric::Identity,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        Nuts { metric, ..self }
    }

    /// The same kernel with at most `max_depth` doublings, so at most `2^max_depth − 1` steps.
    ///
    /// # Errors
    /// A depth that is zero or greater than 30.
    pub fn with_max_depth(self, max_depth: u32) -> Result<Self> {
        check_count("max_depth", max_depth as usize)?;
        if max_depth > 30 {
            return Err(Error::parameter("max_depth", max_depth, "at most 30"));
        }
        Ok(Nuts { max_depth, ..self })
    }

    /// The largest number of doublings.
    pub fn max_depth(&self) -> u32 {
        self.max_depth
    }
}

/// Chains of [`Nuts`].
#[derive(Clone, Debug)]
pub struct NutsState {
    /// Points, energies and scores.
    pub walkers: Walkers,
    scratch: Vec<Forest>,
}

impl Snapshot for NutsState {
    fn snapshot(&self) -> Record {
        self.walkers.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.walkers.restore(record)
    }
}

/// What became of each chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NutsInfo(pub Vec<Transition>);

impl StepInfo for NutsInfo {
    const STATISTICS: &'static [&'static str] = &[
        "energy",
        "acceptance_rate",
        "tree_depth",
        "n_steps",
        "diverging",
        "reached_max_treedepth",
        "lp",
    ];

    fn acceptance(&self) -> Acceptance {
        acceptance(&self.0)
    }

    fn statistic(&self, index: usize, chain: usize) -> f64 {
        self.0[chain].statistic(Self::STATISTICS[index])
    }
}

impl<T: Potential + ?Sized> Kernel<T> for Nuts {
    type State = NutsState;
    type Info = NutsInfo;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<NutsState> {
        check_count("target.dim()", target.dim())?;
        self.metric.check_dim(target.dim())?;
        Ok(NutsState {
            walkers: Walkers::with_both(target, x)?,
            scratch: Vec::new(),
        })
    }

    fn refresh(&self, target: &T, state: &mut NutsState) {
        state.walkers.refresh_both(target);
    }

    fn positions<'s>(&self, state: &'s NutsState) -> CowArray<'s, f64, Ix2> {
        state.walkers.x.view().into()
    }

    fn step(&self, target: &T, state: &mut NutsState, rng: &mut dyn Rng) -> NutsInfo {
        let streams = Streams::draw(rng);
        let NutsState { walkers, scratch } = state;
        let blocks = walkers.map_blocks(scratch, |block, walkers, forest: &mut Forest| {
            let (mut rng, mut lanes) = (streams.block(block), LaneRng::new(streams, block));
            forest.transitions(self, target, walkers, &mut rng, &mut lanes)
        });
        NutsInfo(blocks.into_iter().flatten().collect())
    }
}

impl Tunable for Nuts {
    fn step_size(&self) -> f64 {
        self.step_size
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn tuned(&self, step_size: f64, metric: Metric) -> Self {
        Nuts {
            step_size,
            metric,
            ..self.clone()
        }
    }

    /// 0.8, as Stan has it.
    fn target_acceptance(&self) -> f64 {
        0.8
    }

    fn trial(&self) -> Self {
        Nuts {
            max_depth: 1,
            ..self.clone()
        }
    }
}
