//! The driver of many chains: warming up, draws, thinning, a limit of time, and a report.
//!
//! A run makes `n_warmup` steps that are forgotten and then `n_draws` times `thin` steps, the last of which is kept. Step `t` of each block of
//! chains has a generator of its own ([`crate::chains`]), so the draws are a function of the kernel, the target, the start and the seed: neither threads, nor
//! segments, nor the clock change them. A run that ends early, by a monitor or because the time is up, has the first draws of the run that does
//! not.
//!
//! Work is cut into segments of some draws. Blocks of chains do not wait for each other within one; at its end monitors are called and, where
//! draws go to disk ([`crate::stream`]), a segment is written and forgotten.

use std::time::Duration;

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Kernel, Layout, Record, Result, Seed, Snapshot, StepInfo};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut3, Axis, s};

use crate::chains::{Chains, default_rows_per_block};
use crate::clock::Clock;
use crate::monitor::{Monitor, Progress};
use crate::report::{End, Report};
use crate::store::{Contents, DrawStore};
use crate::tally::Tallies;

/// What a run is besides its kernel, its target and its start.
///
/// ```
/// use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
/// use gibbsian_samplers::{Metropolis, Sampling};
/// use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};
///
/// /// Ten spins in a field.
/// struct Spins;
/// # impl Space for Spins {
/// #     fn dim(&self) -> usize {
/// #         10
/// #     }
/// # }
/// # impl Discrete for Spins {
/// #     fn alphabet(&self, _: usize) -> &[f64] {
/// #         &[-1.0, 1.0]
/// #     }
/// # }
/// impl Energy for Spins {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&(-0.5 * x.sum_axis(Axis(1))));
///     }
/// }
/// # impl DiscreteEnergy for Spins {}
///
/// let sampling = Sampling { n_warmup: 50, thin: 2, ..Sampling::new(500, Seed::new(1)) };
/// let run = sampling.run(Metropolis, &Spins, Array2::ones((4, 10)))?;
/// assert_eq!(run.draws.dim(), (4, 500, 10));
/// // The mean of a spin in the field h is tanh h.
/// assert!((run.draws.mean().unwrap() - 0.5_f64.tanh()).abs() < 0.05);
/// assert!(run.report.warnings().is_empty(), "{}", run.report);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// The number of draws of each chain that are kept, at least one.
    pub n_draws: usize,
    /// The number of steps from one draw to the next, at least one; reported statistics are those of the step that is kept.
    pub thin: usize,
    /// The number of steps before the first draw is counted. The kernel stays as it is.
    pub n_warmup: usize,
    /// The seed of the run.
    pub seed: Seed,
    /// The number of chains in a block, a part of the value of every draw; by default [`default_rows_per_block`].
    pub rows_per_block: Option<usize>,
    /// The number of draws from one call of the monitor, and one write to disk, to the next; by default as many as make 2²⁰ numbers, and at most 1,000.
    pub draws_per_segment: Option<usize>,
    /// The run ends when it has taken this long in this process. Looked at once in a while: it is exceeded by a few hundredths of a second, or by one step.
    pub time_limit: Option<Duration>,
}

/// Draws in memory, and what is to be said of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// The draws, `(chain, draw, D)`.
    pub draws: Array3<f64>,
    /// The names of the statistics that the kernel reports.
    pub statistic_names: &'static [&'static str],
    /// Their values, `(statistic, chain, draw)`.
    pub statistics: Array3<f64>,
    /// What happened.
    pub report: Report,
}

impl Sampling {
    /// `n_draws` draws, each a step after the one before, without warming up and without a limit of time.
    pub fn new(n_draws: usize, seed: Seed) -> Self {
        Sampling {
            n_draws,
            thin: 1,
            n_warmup: 0,
            seed,
            rows_per_block: None,
            draws_per_segment: None,
            time_limit: None,
        }
    }

    /// Runs a chain from each row of `x` and keeps the draws in memory.
    ///
    /// # Errors
    /// Those of [`Sampling::run_watched`].
    pub fn run<K, T>(&self, kernel: K, target: &T, x: Array2<f64>) -> Result<Run>
    where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        self.run_watched(kernel, target, x, &mut ())
    }

    /// The same, while `monitor` watches.
    ///
    /// # Errors
    /// A zero among the options, no chains, what the kernel cannot start from, draws that do not fit into memory, and what the monitor refuses.
    pub fn run_watched<K, T>(
        &self,
        kernel: K,
        target: &T,
        x: Array2<f64>,
        monitor: &mut dyn Monitor,
    ) -> Result<Run>
    where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        let dim = x.ncols();
        let mut chains = self.start(kernel, target, x)?;
        let (n_chains, names) = (chains.n_chains(), K::Info::STATISTICS);
        let mut memory = Memory {
            draws: zeros([n_chains, self.n_draws, dim])?,
            statistics: zeros([names.len(), n_chains, self.n_draws])?,
            n_draws: 0,
        };
        let mut tallies = Tallies::new(&chains);
        let report = self.drive(&mut chains, &mut tallies, &mut memory, monitor)?;
        let n = report.n_draws;
        let (mut draws, mut statistics) = (memory.draws, memory.statistics);
        if n < self.n_draws {
            draws = draws.slice(s![.., ..n, ..]).to_owned();
            statistics = statistics.slice(s![.., .., ..n]).to_owned();
        }
        Ok(Run {
            draws,
            statistic_names: names,
            statistics,
            report,
        })
    }

    /// The chains at their start, after all that can be refused before the first step.
    pub(crate) fn start<'t, K, T>(&self, kernel: K, target: &'t T, x: Array2<f64>) -> Result<Chains<'t, K, T>>
    where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        check_count("n_draws", self.n_draws)
            .map_err(|e| e.with_cure("the draws are what is kept after the warm-up; begin with 1000"))?;
        check_count("thin", self.thin).map_err(|e| e.with_cure("1 keeps every step"))?;
        if let Some(n) = self.draws_per_segment {
            check_count("draws_per_segment", n)?;
        }
        if self.n_steps_in_all().is_none() {
            return Err(Error::parameter(
                "n_draws",
                self.n_draws,
                "so small that steps can be counted",
            ));
        }
        let rows_per_block = self
            .rows_per_block
            .unwrap_or_else(|| default_rows_per_block(x.nrows()));
        Chains::in_blocks_of(rows_per_block, kernel, target, x, self.seed.child("chains"))
    }

    /// The number of draws in a segment, for chains with this many numbers a draw.
    pub(crate) fn draws_per_segment(&self, numbers_per_draw: usize) -> usize {
        let default = (1_usize << 20).checked_div(numbers_per_draw).unwrap_or(1000);
        self.draws_per_segment.unwrap_or(default.clamp(1, 1000))
    }

    fn n_steps_in_all(&self) -> Option<u64> {
        let n_steps = self.n_draws.checked_mul(self.thin)?.checked_add(self.n_warmup)?;
        u64::try_from(n_steps).ok()
    }

    /// The loop, from where `chains` and `tallies` stand to the end.
    pub(crate) fn drive<K, T>(
        &self,
        chains: &mut Chains<'_, K, T>,
        tallies: &mut Tallies,
        keep: &mut dyn Keep,
        monitor: &mut dyn Monitor,
    ) -> Result<Report>
    where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        let n_warmup = self.n_warmup as u64;
        let n_steps_in_all = self.n_steps_in_all().unwrap_or(u64::MAX);
        let numbers_per_draw = tallies.dim().saturating_add(K::Info::STATISTICS.len());
        let per_segment = self.draws_per_segment(numbers_per_draw.saturating_mul(chains.n_chains()));
        let first = chains.n_steps();
        let mut clock = Clock::new(self.time_limit);
        let mut report = tallies.report(self.thin, n_warmup.min(first));
        while chains.n_steps() < n_steps_in_all {
            let mut n_new = 0;
            if chains.n_steps() < n_warmup {
                let n_left = usize::try_from(n_warmup - chains.n_steps()).unwrap_or(usize::MAX);
                clock.batches(n_left.min(per_segment.saturating_mul(self.thin)), |steps| {
                    tallies.warm_up(chains, steps.len() as u64);
                });
            } else {
                let n = per_segment.min(self.n_draws - tallies.n_draws());
                let (mut draws, mut statistics) = keep.room(n);
                n_new = clock.batches(n, |rows| {
                    let draws = draws.slice_mut(s![.., rows.clone(), ..]);
                    tallies.sample(
                        chains,
                        self.thin as u64,
                        draws,
                        statistics.slice_mut(s![.., .., rows]),
                    );
                });
            }
            keep.keep(n_new, &|| record(chains, tallies))?;

            report = tallies.report(self.thin, n_warmup.min(chains.n_steps()));
            let elapsed = clock.elapsed();
            let n_made = (chains.n_steps() - first) as f64;
            let n_left = (n_steps_in_all - chains.n_steps()) as f64;
            let progress = Progress {
                n_steps: chains.n_steps(),
                n_steps_in_all,
                report: &report,
                elapsed,
                remaining: Duration::try_from_secs_f64(elapsed.as_secs_f64() / n_made * n_left)
                    .unwrap_or(Duration::MAX),
            };
            let go_on = monitor.on_segment(&progress)?;
            if chains.n_steps() < n_steps_in_all {
                report.end = if go_on.is_break() {
                    Some(End::Stopped)
                } else if clock.is_up() {
                    Some(End::TimeLimit)
                } else {
                    continue;
                };
                return Ok(report);
            }
        }
        report.end = Some(End::Completed);
        Ok(report)
    }
}

impl Run {
    /// The values of a statistic, `(chain, draw)`; none if the kernel reports none of this name.
    pub fn statistic(&self, name: &str) -> Option<ArrayView2<'_, f64>> {
        let index = self.statistic_names.iter().position(|n| *n == name)?;
        Some(self.statistics.index_axis(Axis(0), index))
    }

    /// Writes a new store that ArviZ reads. `variables` names the coordinates; without it they are all the variable `x`.
    ///
    /// # Errors
    /// No draws, variables with another number of coordinates than the draws, and those of [`DrawStore::create`] and [`DrawStore::append`].
    pub fn write_zarr(
        &self,
        path: impl AsRef<std::path::Path>,
        variables: Option<Layout>,
    ) -> Result<DrawStore> {
        let (n_chains, n_draws, dim) = self.draws.dim();
        let contents = Contents {
            n_chains,
            variables: variables_of(dim, variables)?,
            statistics: self
                .statistic_names
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            draws_per_chunk: check_count("n_draws", n_draws)?,
            description: self.report.to_string(),
        };
        let mut store = DrawStore::create(path, contents)?;
        store.append(self.draws.view(), self.statistics.view())?;
        Ok(store)
    }
}

/// The variables that were asked for, or one of all coordinates.
pub(crate) fn variables_of(dim: usize, variables: Option<Layout>) -> Result<Layout> {
    let variables = variables.unwrap_or_else(|| Layout::new().with("x", &[dim]));
    if variables.n_params() == dim {
        Ok(variables)
    } else {
        let requirement = format!("{dim}, the dimension of the draws");
        Err(Error::parameter(
            "variables.n_params",
            variables.n_params(),
            requirement,
        ))
    }
}

/// The state of a run, for a checkpoint.
pub(crate) fn record<K: Kernel<T>, T: ?Sized>(chains: &Chains<'_, K, T>, tallies: &Tallies) -> Record {
    let mut record = Record::new();
    record.put_part("tallies", tallies.snapshot());
    record.put_part("chains", chains.snapshot());
    record
}

/// Where draws go.
pub(crate) trait Keep {
    /// Room for the next `n` draws and their statistics, `(chain, n, D)` and `(statistic, chain, n)`.
    fn room(&mut self, n: usize) -> (ArrayViewMut3<'_, f64>, ArrayViewMut3<'_, f64>);

    /// Takes the first `n` draws of the room; `record` is the state of the run after them.
    fn keep(&mut self, n: usize, record: &dyn Fn() -> Record) -> Result<()>;
}

/// All draws of a run.
struct Memory {
    draws: Array3<f64>,
    statistics: Array3<f64>,
    n_draws: usize,
}

impl Keep for Memory {
    fn room(&mut self, n: usize) -> (ArrayViewMut3<'_, f64>, ArrayViewMut3<'_, f64>) {
        let new = self.n_draws..self.n_draws + n;
        let draws = self.draws.slice_mut(s![.., new.clone(), ..]);
        (draws, self.statistics.slice_mut(s![.., .., new]))
    }

    fn keep(&mut self, n: usize, _: &dyn Fn() -> Record) -> Result<()> {
        self.n_draws += n;
        Ok(())
    }
}

/// Zeros, or an error where there is no room for them.
pub(crate) fn zeros(shape: [usize; 3]) -> Result<Array3<f64>> {
    let too_large = || Error::shape("draws", &shape, "one that fits into memory");
    let length = shape
        .iter()
        .try_fold(1_usize, |n, &k| n.checked_mul(k))
        .ok_or_else(too_large)?;
    let mut numbers: Vec<f64> = Vec::new();
    numbers.try_reserve_exact(length).map_err(|_| too_large())?;
    numbers.resize(length, 0.0);
    Array3::from_shape_vec(shape, numbers).map_err(|_| too_large())
}
