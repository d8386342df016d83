//! Hamiltonian Monte Carlo (Duane, Kennedy, Pendleton and Roweth 1987; Neal 2011).
//!
//! A step draws the momentum `w ~ N(0, I)` anew, follows the motion for a number of leapfrog steps, and takes the point where it ends with
//! probability `min(1, e^{−(H' − H)})`. The map to that point with the momentum turned round is its own inverse and preserves
//! volume, so that no ratio of proposal densities appears.
//!
//! A trajectory that visits a point without an energy, or outside the support, is refused as a whole. The way back visits the same points, so that this
//! too keeps the balance. With a fixed length some direction may be left nearly where it was, as after a whole period of an oscillator; [`Jitter`]
//! makes the length random. It is drawn for each chain and independently of where it is, which leaves the target invariant.

use gibbsian_core::error::check_count;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{
    Acceptance, Error, Kernel, Potential, Record, Result, Snapshot, StepInfo, StreamRng, Streams,
};
use ndarray::{Array2, CowArray, Ix2};
use rand::{Rng, RngExt};

use crate::hamiltonian::{DIVERGENCE, Phase, Transition, acceptance, flat_mut, is_undefined, rows_together};
use crate::metric::Metric;
use crate::step_size::check_step_size;
use crate::tunable::Tunable;
use crate::walkers::{Block, Walkers};

/// What is random about the length of a trajectory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Jitter {
    /// Nothing.
    #[default]
    None,
    /// The step size is uniform on `ε (1 ± fraction)`.
    StepSize {
        /// In `[0, 1)`.
        fraction: f64,
    },
    /// The number of steps is uniform on `1, …, n`.
    NumberOfSteps,
}

/// Hamiltonian Monte Carlo with `n` leapfrog steps of size `ε`.
///
/// ```
/// use gibbsian_core::{Kernel, Potential, Seed};
/// use gibbsian_samplers::Hmc;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let target = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]])?;
/// let kernel = Hmc::new(0.5, 4)?;
/// let mut chains = kernel.init(&target, Array2::zeros((8, 2)))?;
/// let info = kernel.step(&target, &mut chains, &mut Seed::new(1).rng());
/// assert!(info.0.iter().all(|chain| chain.n_steps == 4 && !chain.diverging));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Hmc {
    step_size: f64,
    n_steps: usize,
    metric: Metric,
    jitter: Jitter,
}

impl Hmc {
    /// `n_steps` steps of size `step_size` in the metric `L = I`.
    ///
    /// # Errors
    /// A step size that is not positive and finite, or no steps.
    pub fn new(step_size: f64, n_steps: usize) -> Result<Self> {
        Ok(Hmc {
            step_size: check_step_size(step_size)?,
            n_steps: check_count("n_steps", n_steps)?,
            metric: Metric::Identity,
            jitter: Jitter::None,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        Hmc { metric, ..self }
    }

    /// The same kernel with trajectories of random length.
    ///
    /// # Errors
    /// A fraction outside `[0, 1)`.
    pub fn with_jitter(self, jitter: Jitter) -> Result<Self> {
        match jitter {
            Jitter::StepSize { fraction } if !(0.0..1.0).contains(&fraction) => {
                Err(Error::parameter("fraction", fraction, "in [0, 1)"))
            }
            _ => Ok(Hmc { jitter, ..self }),
        }
    }

    /// The number of leapfrog steps; the largest, where it is random.
    pub fn n_steps(&self) -> usize {
        self.n_steps
    }

    /// One trajectory for each row of a block.
    fn transitions<T: Potential + ?Sized>(
        &self,
        target: &T,
        mut block: Block<'_>,
        scratch: &mut Scratch,
        rng: &mut StreamRng,
        lanes: &mut LaneRng,
    ) -> Vec<Transition> {
        let mut transitions = vec![Transition::default(); block.x.nrows()];
        let together = rows_together(block.x.ncols());
        for first in (0..transitions.len()).step_by(together) {
            let end = (first + together).min(transitions.len());
            scratch.fit(together, block.x.ncols(), &self.metric);
            self.draw(&mut block, first..end, scratch, rng, lanes);
            self.follow(target, scratch);
            for trajectory in &scratch.trajectories {
                transitions[trajectory.row] = trajectory.finish(&mut block, &scratch.phase, rng);
            }
        }
        transitions
    }

    /// Starts trajectories at some rows, the longest first.
    fn draw(
        &self,
        block: &mut Block<'_>,
        rows: std::ops::Range<usize>,
        scratch: &mut Scratch,
        rng: &mut StreamRng,
        lanes: &mut LaneRng,
    ) {
        let Scratch { phase, trajectories } = scratch;
        trajectories.clear();
        for row in rows {
            let (n_steps, step) = match self.jitter {
                Jitter::None => (self.n_steps, self.step_size),
                Jitter::NumberOfSteps => (rng.random_range(1..=self.n_steps), self.step_size),
                Jitter::StepSize { fraction } => {
                    let factor = 1.0 + fraction * (2.0 * rng.random::<f64>() - 1.0);
                    (self.n_steps, factor * self.step_size)
                }
            };
            trajectories.push(Trajectory {
                row,
                n_steps,
                step,
                ..Trajectory::default()
            });
        }
        trajectories.sort_by_key(|trajectory| std::cmp::Reverse(trajectory.n_steps));
        let n = trajectories.len();
        let dim = block.x.ncols();
        fill_standard_normal(lanes, &mut flat_mut(&mut phase.momentum)[..n * dim]);
        for (k, trajectory) in trajectories.iter_mut().enumerate() {
            phase.x.row_mut(k).assign(&block.x.row(trajectory.row));
            phase.score.row_mut(k).assign(&block.score.row(trajectory.row));
            phase.step[k] = trajectory.step;
            trajectory.slot = k;
        }
        phase.start(&self.metric, n);
        for trajectory in trajectories {
            trajectory.start = block.energy[trajectory.row] + phase.kinetic[trajectory.slot];
        }
    }

    /// Half a kick, then a drift, a kick, a drift and so on, and half a kick at the end.
    fn follow<T: Potential + ?Sized>(&self, target: &T, scratch: &mut Scratch) {
        let Scratch { phase, trajectories } = scratch;
        let mut n = trajectories.len();
        phase.kick_and_drift(&self.metric, 0.5, n);
        for t in 1.. {
            phase.evaluate(target, &self.metric, n);
            for (trajectory, &energy) in trajectories[..n].iter_mut().zip(&phase.energy) {
                if !energy.is_finite() && !trajectory.lost {
                    trajectory.lost = true;
                    trajectory.undefined = is_undefined(energy);
                }
            }
            // Those that are at their end are the last ones.
            let n_left = trajectories[..n].partition_point(|trajectory| trajectory.n_steps > t);
            phase.kick(&self.metric, 0.5, n_left..n);
            if n_left == 0 {
                break;
            }
            phase.kick_and_drift(&self.metric, 1.0, n_left);
            n = n_left;
        }
    }
}

/// A trajectory on its way.
#[derive(Clone, Copy, Debug, Default)]
struct Trajectory {
    /// The row of the block that it started from.
    row: usize,
    /// Its row among those that move together.
    slot: usize,
    n_steps: usize,
    step: f64,
    /// `H` at the start.
    start: f64,
    /// Whether it met a point without a finite energy.
    lost: bool,
    undefined: bool,
}

impl Trajectory {
    /// Takes the end of the trajectory or stays.
    fn finish(&self, block: &mut Block<'_>, phase: &Phase, rng: &mut StreamRng) -> Transition {
        let end = phase.energy[self.slot] + phase.kinetic[self.slot];
        let error = end - self.start;
        // A momentum or a point may have run away under an energy that is still finite.
        let undefined = self.undefined || (!self.lost && is_undefined(end));
        let probability = if self.lost || error.is_nan() {
            0.0
        } else {
            (-error).exp().min(1.0)
        };
        let moved = rng.random::<f64>() < probability && !undefined;
        if moved {
            block.x.row_mut(self.row).assign(&phase.x.row(self.slot));
            block.score.row_mut(self.row).assign(&phase.score.row(self.slot));
            block.energy[self.row] = phase.energy[self.slot];
        }
        Transition {
            energy: if moved { end } else { self.start },
            lp: -block.energy[self.row],
            acceptance_rate: probability,
            n_steps: self.n_steps as u32,
            diverging: self.lost || error.is_nan() || error > DIVERGENCE,
            undefined,
            moved,
            ..Transition::default()
        }
    }
}

/// What a block needs for its work.
#[derive(Clone, Debug, Default)]
struct Scratch {
    phase: Phase,
    trajectories: Vec<Trajectory>,
}

impl Scratch {
    fn fit(&mut self, rows: usize, dim: usize, metric: &Metric) {
        self.phase.fit(rows, dim, metric);
    }
}

/// Chains of [`Hmc`].
#[derive(Clone, Debug)]
pub struct HmcState {
    /// Points, energies and scores.
    pub walkers: Walkers,
    scratch: Vec<Scratch>,
}

impl Snapshot for HmcState {
    fn snapshot(&self) -> Record {
        self.walkers.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.walkers.restore(record)
    }
}

/// What became of each chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HmcInfo(pub Vec<Transition>);

impl StepInfo for HmcInfo {
    const STATISTICS: &'static [&'static str] = &["energy", "acceptance_rate", "n_steps", "diverging", "lp"];

    fn acceptance(&self) -> Acceptance {
        acceptance(&self.0)
    }

    fn statistic(&self, index: usize, chain: usize) -> f64 {
        self.0[chain].statistic(Self::STATISTICS[index])
    }
}

impl<T: Potential + ?Sized> Kernel<T> for Hmc {
    type State = HmcState;
    type Info = HmcInfo;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<HmcState> {
        check_count("target.dim()", target.dim())?;
        self.metric.check_dim(target.dim())?;
        Ok(HmcState {
            walkers: Walkers::with_both(target, x)?,
            scratch: Vec::new(),
        })
    }

    fn refresh(&self, target: &T, state: &mut HmcState) {
        state.walkers.refresh_both(target);
    }

    fn positions<'s>(&self, state: &'s HmcState) -> CowArray<'s, f64, Ix2> {
        state.walkers.x.view().into()
    }

    fn step(&self, target: &T, state: &mut HmcState, rng: &mut dyn Rng) -> HmcInfo {
        let streams = Streams::draw(rng);
        let HmcState { walkers, scratch } = state;
        let blocks = walkers.map_blocks(scratch, |block, walkers, scratch| {
            let (mut rng, mut lanes) = (streams.block(block), LaneRng::new(streams, block));
            self.transitions(target, walkers, scratch, &mut rng, &mut lanes)
        });
        HmcInfo(blocks.into_iter().flatten().collect())
    }
}

impl Tunable for Hmc {
    fn step_size(&self) -> f64 {
        self.step_size
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn tuned(&self, step_size: f64, metric: Metric) -> Self {
        Hmc {
            step_size,
            metric,
            ..self.clone()
        }
    }

    /// 0.8, on the safe side of the 0.65 that is best for products of many independent coordinates (Beskos, Pillai, Roberts, Sanz-Serna and
    /// Stuart 2013): too long a step costs more than too short a one.
    fn target_acceptance(&self) -> f64 {
        0.8
    }

    fn trial(&self) -> Self {
        Hmc {
            n_steps: 1,
            ..self.clone()
        }
    }
}
