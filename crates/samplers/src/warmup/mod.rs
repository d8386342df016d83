//! Tuning a kernel while its chains warm up.
//!
//! The step size follows the mean acceptance probability of all chains by [`DualAveraging`], and the metric is the covariance of the points of all chains,
//! by [`RunningMoments`], in the windows of a [`Schedule`]. With many chains both are known much sooner than from one, so that a
//! few hundred steps are enough; and all chains end with the same kernel, which is a plain value.
//!
//! Sums are taken over blocks in order, so that the tuned numbers do not depend on the number of threads. Points of a warm-up do not have
//! the law of the target: the kernel that makes them depends on them.

mod dual_averaging;
mod moments;
mod schedule;

pub use dual_averaging::DualAveraging;
pub use moments::{MetricForm, RunningMoments};
pub use schedule::Schedule;

use gibbsian_core::{Acceptance, Error, Kernel, Record, Result, Snapshot, StepInfo, Values};

use ndarray::Array2;

use crate::chains::Chains;
use crate::metric::Metric;
use crate::tunable::Tunable;

/// The steps of a search that has found nothing: `2^±100` of what it started from.
const LONGEST_SEARCH: u64 = 100;

/// Tunes the step size and the metric of a kernel.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_samplers::{Chains, MetricForm, Nuts, Schedule, Tunable, Warmup};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// // Deviations of 10 and 0.1.
/// let target = Gaussian::new(array![0.0, 0.0], array![[0.01, 0.0], [0.0, 100.0]])?;
/// let mut chains = Chains::new(Nuts::new(1.0)?, &target, Array2::zeros((16, 2)), Seed::new(1))?;
/// let mut warmup = Warmup::new(Schedule::new(300)?, MetricForm::Diagonal, &chains)?;
/// warmup.run(&mut chains)?;
/// // In the right metric both have deviation one, and steps may be of that order.
/// assert!((0.5..2.0).contains(&chains.kernel().step_size()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Warmup {
    schedule: Schedule,
    /// The number of steps made, searches for a first step size not counted.
    t: u64,
    target_acceptance: f64,
    step: DualAveraging,
    metric: Metric,
    search: Search,
    blocks: Vec<Seen>,
}

/// What was seen of one block of chains.
#[derive(Clone, Debug)]
struct Seen {
    /// In the current step.
    acceptance: Acceptance,
    /// In the current window.
    moments: RunningMoments,
}

/// Whether a first step size is looked for, by doubling or halving until the acceptance crosses its target (Hoffman and Gelman 2014, algorithm 4).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Search {
    Over,
    Begins,
    Up(u64),
    Down(u64),
}

impl Warmup {
    /// A warm-up of some chains, which begins with their kernel.
    ///
    /// # Errors
    /// A kernel whose step size or target acceptance are out of bounds.
    pub fn new<K, T>(schedule: Schedule, form: MetricForm, chains: &Chains<'_, K, T>) -> Result<Self>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        let kernel = chains.kernel();
        let dim = chains.positions().ncols();
        let seen = Seen {
            acceptance: Acceptance::default(),
            moments: RunningMoments::new(dim, form)?,
        };
        Ok(Warmup {
            schedule,
            t: 0,
            target_acceptance: kernel.target_acceptance(),
            step: DualAveraging::new(kernel.step_size(), kernel.target_acceptance())?,
            metric: kernel.metric().clone(),
            search: Search::Begins,
            blocks: vec![seen; chains.n_blocks()],
        })
    }

    /// Makes all steps that are left and gives the chains the tuned kernel.
    ///
    /// # Errors
    /// A kernel that proposes nothing, points that are not finite, or no step size, however large or small, with the acceptance aimed at.
    pub fn run<K, T>(&mut self, chains: &mut Chains<'_, K, T>) -> Result<()>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        self.advance(chains, u64::MAX)
    }

    /// Makes at most `n_steps` more steps; with the last of all, the chains have the tuned kernel.
    ///
    /// # Errors
    /// Those of [`Warmup::run`].
    pub fn advance<K, T>(&mut self, chains: &mut Chains<'_, K, T>, n_steps: u64) -> Result<()>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        for _ in 0..n_steps {
            if self.is_over() {
                break;
            }
            if self.search == Search::Over {
                self.learn(chains)?;
            } else {
                self.look(chains)?;
            }
        }
        chains.set_kernel(self.tuned(chains.kernel()));
        Ok(())
    }

    /// Whether all steps have been made.
    pub fn is_over(&self) -> bool {
        self.t >= self.schedule.n_steps()
    }

    /// The kernel with the step size and the metric found so far.
    pub fn tuned<K: Tunable>(&self, kernel: &K) -> K {
        kernel.tuned(self.step.average(), self.metric.clone())
    }

    /// One step with the current step size, from which it and the metric are learnt.
    fn learn<K, T>(&mut self, chains: &mut Chains<'_, K, T>) -> Result<()>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        let kernel = chains.kernel().tuned(self.step.current(), self.metric.clone());
        let in_window = self.schedule.is_in_window(self.t);
        let rate = self.step(chains, kernel, in_window)?;
        self.step.learn(rate);
        if self.schedule.ends_with(self.t) {
            let (first, rest) = self.blocks.split_at_mut(1);
            for block in rest {
                first[0].moments.join(&block.moments);
                block.moments.clear();
            }
            self.metric = first[0].moments.metric()?;
            first[0].moments.clear();
            self.search = Search::Begins;
            self.step = DualAveraging::new(self.step.average(), self.target_acceptance)?;
        }
        self.t += 1;
        Ok(())
    }

    /// One trial of a first step size.
    fn look<K, T>(&mut self, chains: &mut Chains<'_, K, T>) -> Result<()>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        let step_size = self.step.current();
        let trial = chains.kernel().trial().tuned(step_size, self.metric.clone());
        let kernel = chains.kernel().clone();
        let rate = self.step(chains, trial, false);
        chains.set_kernel(kernel);
        let is_short = rate? > self.target_acceptance;
        let (search, factor) = match self.search {
            Search::Begins if is_short => (Search::Up(1), 2.0),
            Search::Begins => (Search::Down(1), 0.5),
            Search::Up(n) if is_short => (Search::Up(n + 1), 2.0),
            Search::Down(n) if !is_short => (Search::Down(n + 1), 0.5),
            _ => (Search::Over, 1.0),
        };
        if matches!(search, Search::Up(n) | Search::Down(n) if n > LONGEST_SEARCH) {
            return Err(Error::parameter(
                "step_size",
                step_size,
                format!(
                    "one with an acceptance of {}, and none was found",
                    self.target_acceptance
                ),
            ));
        }
        self.search = search;
        self.step = DualAveraging::new(factor * step_size, self.target_acceptance)?;
        Ok(())
    }

    /// One step of all chains, and the mean acceptance probability of all proposals.
    fn step<K, T>(&mut self, chains: &mut Chains<'_, K, T>, kernel: K, in_window: bool) -> Result<f64>
    where
        K: Kernel<T> + Tunable,
        T: Sync + ?Sized,
    {
        chains.set_kernel(kernel);
        chains.observe(1, &mut self.blocks, |seen, step| {
            seen.acceptance = step.info.acceptance();
            if in_window {
                seen.moments.add(step.x);
            }
        });
        let all: Acceptance = self.blocks.iter().map(|seen| seen.acceptance).sum();
        if all.proposed == 0 {
            return Err(Error::parameter(
                "kernel",
                "one without proposals",
                "one that accepts or refuses",
            ));
        }
        Ok(all.rate())
    }
}

/// Where the warm-up stands; the schedule is the caller's.
impl Snapshot for Warmup {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let search = match self.search {
            Search::Over => [0, 0],
            Search::Begins => [1, 0],
            Search::Up(n) => [2, n],
            Search::Down(n) => [3, n],
        };
        record.put("t", &[], Values::U64(vec![self.t]));
        record.put("search", &[2], Values::U64(search.to_vec()));
        for (name, shape, values) in self.step.snapshot().entries() {
            record.put(name, shape, values.clone());
        }
        let (kind, shape, factors) = match &self.metric {
            Metric::Identity => (0, vec![0], Vec::new()),
            Metric::Diagonal { deviations } => (1, vec![deviations.len()], deviations.to_vec()),
            Metric::Dense { lower } => (2, lower.shape().to_vec(), lower.iter().copied().collect()),
        };
        record.put("metric", &[], Values::U64(vec![kind]));
        record.put("factors", &shape, Values::F64(factors));
        let all: Vec<f64> = self
            .blocks
            .iter()
            .flat_map(|seen| seen.moments.numbers())
            .collect();
        let n_blocks = self.blocks.len();
        record.put("moments", &[n_blocks, all.len() / n_blocks], Values::F64(all));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let mut new = self.clone();
        new.t = record.u64s("t", &[])?[0];
        new.search = match record.u64s("search", &[2])? {
            [0, _] => Search::Over,
            [1, _] => Search::Begins,
            [2, n] => Search::Up(*n),
            [3, n] => Search::Down(*n),
            other => {
                return Err(Error::format(
                    "snapshot entry `search`",
                    format!("{other:?}"),
                    "a kind of search from 0 to 3",
                ));
            }
        };
        new.step.restore(record)?;
        let dim = new.blocks[0].moments.dim();
        new.metric = match record.u64s("metric", &[])?[0] {
            0 => record.f64s("factors", &[0]).map(|_| Metric::Identity)?,
            1 => Metric::Diagonal {
                deviations: record.f64s("factors", &[dim])?.iter().copied().collect(),
            },
            2 => {
                let factors = record.f64s("factors", &[dim, dim])?;
                Metric::Dense {
                    lower: Array2::from_shape_fn((dim, dim), |(i, j)| factors[i * dim + j]),
                }
            }
            other => {
                return Err(Error::format(
                    "snapshot entry `metric`",
                    other,
                    "a kind of metric from 0 to 2",
                ));
            }
        };
        let length = new.blocks[0].moments.numbers().count();
        let all = record.f64s("moments", &[new.blocks.len(), length])?;
        for (seen, numbers) in new.blocks.iter_mut().zip(all.chunks_exact(length)) {
            seen.moments.set_numbers(numbers);
        }
        *self = new;
        Ok(())
    }
}
