//! Runs whose draws go to disk, and which survive interruptions: killed at any moment and started again, they end with the bits of an
//! uninterrupted run.
//!
//! A run has a directory: `draws.zarr` is the store of draws ([`crate::store`]), and checkpoints hold the states of all chains, the number of steps and draws, and
//! what was counted. At the end of a segment first the draws are brought to the device and then the checkpoint. So the store has at
//! least the draws that the checkpoint counts; those beyond are forgotten and made again, with the same bits. Memory holds one segment.
//!
//! What is **not** in the checkpoint must be the same when the run is started again: the program, the target, the kernel, the start. The fingerprint of the recipe
//! holds whoever resumes to it: it covers the caller's description, the kernel as `Debug` prints it, the names of everything stored, warming up, thinning and blocks,
//! and the bits of all states at the start, with the energies and scores in them. A kernel that was tuned before is part of the start: tuned
//! again, from the same seed, it comes out the same. The number of draws is left out on purpose: a finished run can be made longer.

use std::fmt::Debug;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use gibbsian_checkpoint::{Checkpoint, CheckpointFiles, fingerprint, fingerprint_of};
use gibbsian_core::{Error, Kernel, Layout, Record, Result, Seed, Snapshot, StepInfo};
use ndarray::{Array2, Array3, ArrayViewMut3, s};

use crate::chains::Chains;
use crate::monitor::Monitor;
use crate::report::Report;
use crate::sampling::{Keep, Sampling, variables_of, zeros};
use crate::store::{Contents, DrawStore};
use crate::tally::Tallies;

/// Where the draws of a run go, and what the run is.
#[derive(Clone, Debug, PartialEq)]
pub struct Streaming {
    /// The directory of this run and of no other; it is made if there is none.
    pub directory: PathBuf,
    /// A text that says everything that the draws depend on and neither the options nor the kernel say, above all what the target is. It is compared and never
    /// interpreted.
    pub recipe: String,
    /// Which coordinates make up which variable; without it they are all the variable `x`.
    pub variables: Option<Layout>,
}

/// Draws on disk, and what is to be said of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Streamed {
    /// The draws; those of former processes too.
    pub store: DrawStore,
    /// What happened, over the whole run.
    pub report: Report,
}

/// That a run was continued, and from where.
#[derive(Debug)]
#[non_exhaustive]
pub struct Resumed {
    /// The number of steps that each chain had made.
    pub n_steps: u64,
    /// The number of draws that were kept.
    pub n_draws: usize,
    /// Why it was not continued from the newest checkpoint, if it was not.
    pub notice: Option<Error>,
}

impl Streaming {
    /// A run in `directory`, described by `recipe`, with one variable `x`.
    pub fn new(directory: impl Into<PathBuf>, recipe: impl Into<String>) -> Self {
        Streaming {
            directory: directory.into(),
            recipe: recipe.into(),
            variables: None,
        }
    }

    /// The store of the draws.
    pub fn store(&self) -> PathBuf {
        self.directory.join("draws.zarr")
    }
}

impl Sampling {
    /// Runs a chain from each row of `x`, writing the draws to disk, from the last good checkpoint on where there is one, else from the beginning.
    ///
    /// Also says whether the run was resumed. A run that is complete already is left as it is and returns at once.
    ///
    /// # Errors
    /// Those of [`Sampling::run_watched`], [`CheckpointFiles`] and [`DrawStore`]; the directory holds another run, or draws without a checkpoint, or another process
    /// is at work in it; the checkpoint is further than the run is long; a chain's state is not finite at the end of a segment.
    pub fn stream<K, T>(
        &self,
        kernel: K,
        target: &T,
        x: Array2<f64>,
        streaming: &Streaming,
        monitor: &mut dyn Monitor,
    ) -> Result<(Streamed, Option<Resumed>)>
    where
        K: Kernel<T> + Debug,
        T: Sync + ?Sized,
    {
        let dim = x.ncols();
        let mut chains = self.start(kernel, target, x)?;
        let mut tallies = Tallies::new(&chains);
        let names: Vec<String> = K::Info::STATISTICS.iter().map(|n| (*n).to_owned()).collect();
        let mut contents = Contents {
            n_chains: chains.n_chains(),
            variables: variables_of(dim, streaming.variables.clone())?,
            draws_per_chunk: self.draws_per_segment((dim + names.len()).saturating_mul(chains.n_chains())),
            statistics: names,
            description: streaming.recipe.clone(),
        };
        contents.check()?;
        let recipe = fingerprint(&self.recipe(streaming, &chains, &contents));

        let mut files = CheckpointFiles::new(&streaming.directory)?;
        let _lock = lock(&streaming.directory)?;
        let path = streaming.store();
        let mut resumed = None;
        let mut store = if let Some(loaded) = files.load()? {
            let checkpoint = loaded.checkpoint;
            checkpoint.check_run(&recipe, self.seed.value())?;
            tallies.restore(&checkpoint.record.part("tallies"))?;
            chains.restore(&checkpoint.record.part("chains"))?;
            tallies.set_last(&chains);
            let n_draws = tallies.n_draws();
            if n_draws > self.n_draws {
                let requirement = format!("at most the {} draws of the run", self.n_draws);
                return Err(Error::parameter("checkpoint.n_draws", n_draws, requirement));
            }
            resumed = Some(Resumed {
                n_steps: chains.n_steps(),
                n_draws,
                notice: loaded.notice,
            });
            if n_draws == 0 && !DrawStore::exists(&path) {
                DrawStore::create_over(&path, contents)?
            } else {
                let mut store = DrawStore::open(&path)?;
                // A store keeps the length of its chunks.
                contents.draws_per_chunk = store.contents().draws_per_chunk;
                if *store.contents() != contents || store.n_draws() < n_draws {
                    return Err(Error::format(
                        path.display().to_string(),
                        format!("{} draws of {:?}", store.n_draws(), store.contents()),
                        format!("at least the {n_draws} draws of the checkpoint of {contents:?}"),
                    ));
                }
                store.truncate(n_draws)?;
                store
            }
        } else {
            if path.exists() {
                let requirement = "that of a run with a checkpoint, or without draws";
                return Err(Error::parameter(
                    "directory",
                    streaming.directory.display(),
                    requirement,
                ));
            }
            // Before the store, so that draws without a checkpoint are never those of a run that was killed.
            save(&mut files, self.seed, &recipe, &|| {
                crate::sampling::record(&chains, &tallies)
            })?;
            DrawStore::create_over(&path, contents)?
        };

        let per_segment = self.draws_per_segment(numbers_per_draw(&store));
        let contents = store.contents();
        let mut disk = Disk {
            draws: zeros([contents.n_chains, per_segment, dim])?,
            statistics: zeros([contents.statistics.len(), contents.n_chains, per_segment])?,
            store: &mut store,
            files: &mut files,
            seed: self.seed,
            recipe: &recipe,
        };
        let report = self.drive(&mut chains, &mut tallies, &mut disk, monitor)?;
        store.finish()?;
        Ok((Streamed { store, report }, resumed))
    }

    /// Everything that the draws depend on, as far as it is known here.
    fn recipe<K, T>(&self, streaming: &Streaming, chains: &Chains<'_, K, T>, contents: &Contents) -> String
    where
        K: Kernel<T> + Debug,
        T: ?Sized,
    {
        format!(
            "{}\nkernel: {:?}\nsteps: {} to warm up, {} from draw to draw\nblocks: {:?}\nvariables: {:?}\nstatistics: {:?}\nstart: {}",
            streaming.recipe,
            chains.kernel(),
            self.n_warmup,
            self.thin,
            chains.blocks().next(),
            contents.variables,
            contents.statistics,
            fingerprint_of(&chains.snapshot()),
        )
    }
}

/// A segment in memory, and where it goes.
struct Disk<'a> {
    draws: Array3<f64>,
    statistics: Array3<f64>,
    store: &'a mut DrawStore,
    files: &'a mut CheckpointFiles,
    seed: Seed,
    recipe: &'a str,
}

impl Keep for Disk<'_> {
    fn room(&mut self, n: usize) -> (ArrayViewMut3<'_, f64>, ArrayViewMut3<'_, f64>) {
        let draws = self.draws.slice_mut(s![.., ..n, ..]);
        (draws, self.statistics.slice_mut(s![.., .., ..n]))
    }

    fn keep(&mut self, n: usize, record: &dyn Fn() -> Record) -> Result<()> {
        let draws = self.draws.slice(s![.., ..n, ..]);
        self.store.extend(draws, self.statistics.slice(s![.., .., ..n]))?;
        save(self.files, self.seed, self.recipe, record)
    }
}

fn save(files: &mut CheckpointFiles, seed: Seed, recipe: &str, record: &dyn Fn() -> Record) -> Result<()> {
    let record = record();
    files.save(&Checkpoint {
        step: record.u64s("chains.n_steps", &[])?[0],
        seed: seed.value(),
        recipe: recipe.to_owned(),
        record,
    })
}

/// How long a lock is waited for. Whoever has let go of it may have been starting a program on another thread, which holds a copy of the open file until it
/// runs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Holds other processes off this directory as long as the file is open; a process that is killed lets go of it.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| Error::file(&path, "create", e))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Not every file system has locks; the lock only guards against a mistake.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(Error::file(&path, "lock", e)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::parameter(
                    "directory",
                    directory.display(),
                    "one that no other process is working in",
                ));
            }
        }
    }
}

fn numbers_per_draw(store: &DrawStore) -> usize {
    let contents = store.contents();
    let per_chain = contents.variables.n_params() + contents.statistics.len();
    per_chain.saturating_mul(contents.n_chains)
}
