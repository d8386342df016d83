//! Many chains of one kernel, in fixed blocks that advance independently.
//!
//! A kernel steps all rows it is given and returns when the last of them is done. For thousands of chains of a small target that meeting costs
//! more than the step. So the rows are cut into blocks, each with a kernel state of its own, and a block makes as many steps as
//! are asked for before it waits for the others.
//!
//! Step `t` of block `g` draws from `seed.child("block").nth(g).nth(t)`. How a number of steps is divided among calls, and on how many threads
//! the blocks run, is therefore irrelevant; the number of rows in a block is not, and is never taken from the number of threads.

use std::ops::Range;

use gibbsian_core::error::check_count;
use gibbsian_core::parallel::{BLOCK_ROWS, map_each};
use gibbsian_core::{Error, Kernel, Record, Result, Seed, Snapshot, Values};
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::joined::{join, split};

/// The number of rows in a block where nobody asks for another: four blocks as long as there are at most 128 chains, blocks of 32 from there on.
pub fn default_rows_per_block(n_chains: usize) -> usize {
    n_chains.div_ceil(4).clamp(1, BLOCK_ROWS)
}

/// Chains of the kernel `K` on the target `T`.
///
/// ```
/// use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
/// use gibbsian_samplers::{Chains, Metropolis};
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
/// let mut chains = Chains::new(Metropolis, &Spins, Array2::ones((1000, 10)), Seed::new(1))?;
/// chains.advance(20);
/// // The mean of a spin in the field h is tanh h.
/// assert!((chains.positions().mean().unwrap() - 0.5_f64.tanh()).abs() < 0.05);
///
/// // How often each block proposed, over another ten steps.
/// let mut counts = vec![0; chains.n_blocks()];
/// chains.observe(10, &mut counts, |count, step| *count += step.info.proposed);
/// assert_eq!(counts.iter().sum::<u64>(), 1000 * 10 * 10);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub struct Chains<'t, K: Kernel<T>, T: ?Sized> {
    kernel: K,
    target: &'t T,
    blocks: Vec<Block<K::State>>,
    n_chains: usize,
    n_steps: u64,
    seed: Seed,
}

impl<K: Kernel<T>, T: ?Sized> std::fmt::Debug for Chains<'_, K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chains")
            .field("n_chains", &self.n_chains)
            .field("n_steps", &self.n_steps)
            .finish_non_exhaustive()
    }
}

/// One step of one block, as an observer sees it.
pub struct Step<'a, I> {
    /// The number of the step; the first one that these chains made is number 0.
    pub t: u64,
    /// Which chains are in the block.
    pub chains: Range<usize>,
    /// Where they are after the step, `(b, D)`.
    pub x: ArrayView2<'a, f64>,
    /// What the kernel says of the step, over the chains of the block.
    pub info: &'a I,
}

/// Some rows, and the kernel's state for them.
struct Block<S> {
    rows: Range<usize>,
    state: S,
    seed: Seed,
}

impl<'t, K, T> Chains<'t, K, T>
where
    K: Kernel<T>,
    T: Sync + ?Sized,
{
    /// Chains at the rows of `x`, in blocks of [`default_rows_per_block`].
    ///
    /// # Errors
    /// No rows, and what the kernel cannot start from, with its row in `x`.
    pub fn new(kernel: K, target: &'t T, x: Array2<f64>, seed: Seed) -> Result<Self> {
        let rows_per_block = default_rows_per_block(x.nrows());
        Chains::in_blocks_of(rows_per_block, kernel, target, x, seed)
    }

    /// Chains at the rows of `x`, in blocks of `rows_per_block`: 1 where steps are long and differ in length, as trajectories do.
    ///
    /// # Errors
    /// Those of [`Chains::new`], and empty blocks.
    pub fn in_blocks_of(
        rows_per_block: usize,
        kernel: K,
        target: &'t T,
        x: Array2<f64>,
        seed: Seed,
    ) -> Result<Self> {
        check_count("rows_per_block", rows_per_block)?;
        let n_chains = x.nrows();
        if n_chains == 0 {
            let required = "(at least 1, D); every row starts a chain, give four or more";
            return Err(Error::shape("x", x.shape(), required));
        }
        let mut blocks = Vec::with_capacity(n_chains.div_ceil(rows_per_block));
        for start in (0..n_chains).step_by(rows_per_block) {
            let rows = start..n_chains.min(start.saturating_add(rows_per_block));
            let state = match kernel.init(target, x.slice(s![rows.clone(), ..]).to_owned()) {
                Ok(state) => state,
                // The error counts rows from the start of the block; asked for all rows at once, the kernel names the row of `x`.
                Err(refusal) => return Err(kernel.init(target, x).err().unwrap_or(refusal)),
            };
            blocks.push(Block {
                rows,
                state,
                seed: seed.child("block").nth(blocks.len() as u64),
            });
        }
        Ok(Chains {
            kernel,
            target,
            blocks,
            n_chains,
            n_steps: 0,
            seed,
        })
    }

    /// Makes `n_steps` steps.
    pub fn advance(&mut self, n_steps: u64) {
        let mut nobody = vec![(); self.n_blocks()];
        self.observe(n_steps, &mut nobody, |(), _| ());
    }

    /// Makes `n_steps` steps, and calls `see(observer, step)` after each of them with the observer of the block that made it.
    ///
    /// The steps of a block are seen in order; blocks run in parallel, so what observers have seen is to be added up in the order of the blocks.
    ///
    /// # Panics
    /// When there is not one observer a block.
    pub fn observe<S: Send>(
        &mut self,
        n_steps: u64,
        observers: &mut [S],
        see: impl Fn(&mut S, Step<'_, K::Info>) + Sync,
    ) {
        assert_eq!(observers.len(), self.blocks.len(), "observers, one a block");
        let (kernel, target, first) = (&self.kernel, self.target, self.n_steps);
        map_each(
            self.blocks.iter_mut().zip(observers).collect(),
            |_, (block, observer)| {
                for t in first..first + n_steps {
                    let info = kernel.step(target, &mut block.state, &mut block.seed.nth(t).rng());
                    let x = kernel.positions(&block.state);
                    let step = Step {
                        t,
                        chains: block.rows.clone(),
                        x: x.view(),
                        info: &info,
                    };
                    see(observer, step);
                }
            },
        );
        self.n_steps += n_steps;
    }

    /// Recomputes what the states remember of the target, after the target's parameters or the kernel's view of it changed.
    pub fn refresh(&mut self) {
        let (kernel, target) = (&self.kernel, self.target);
        map_each(self.blocks.iter_mut().collect(), |_, block| {
            kernel.refresh(target, &mut block.state)
        });
    }
}

impl<K: Kernel<T>, T: ?Sized> Chains<'_, K, T> {
    /// The kernel.
    pub fn kernel(&self) -> &K {
        &self.kernel
    }

    /// Lets another kernel make the next steps, as tuning does with one of another step size or metric.
    ///
    /// States stay as they are: they remember the target and not the kernel. Where that is not so, [`Chains::refresh`] follows.
    pub fn set_kernel(&mut self, kernel: K) {
        self.kernel = kernel;
    }

    /// The positions of all chains, `(B, D)`.
    pub fn positions(&self) -> Array2<f64> {
        let parts: Vec<_> = self
            .blocks
            .iter()
            .map(|b| self.kernel.positions(&b.state))
            .collect();
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(0), &views).expect("blocks of one dimension")
    }

    /// The number of steps made since the start, by each chain.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }

    /// The number of chains.
    pub fn n_chains(&self) -> usize {
        self.n_chains
    }

    /// The number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Which chains each block has, in order.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        self.blocks.iter().map(|block| block.rows.clone())
    }

    /// The seed of the chains.
    pub fn seed(&self) -> Seed {
        self.seed
    }
}

/// The number of steps and the states of all blocks; the kernel, the target and the seed are the caller's.
impl<K: Kernel<T>, T: ?Sized> Snapshot for Chains<'_, K, T> {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        let starts: Vec<u64> = self.blocks.iter().map(|b| b.rows.start as u64).collect();
        record.put("starts", &[starts.len()], Values::U64(starts));
        let states: Vec<Record> = self.blocks.iter().map(|b| b.state.snapshot()).collect();
        record.put_part("states", join(&states));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_steps = record.u64s("n_steps", &[])?[0];
        let starts = record.u64s("starts", &[self.blocks.len()])?;
        if let Some(g) = (0..starts.len()).find(|&g| starts[g] != self.blocks[g].rows.start as u64) {
            return Err(Error::format(
                "snapshot entry `starts`",
                format!("block {g} from chain {}", starts[g]),
                format!("from chain {}", self.blocks[g].rows.start),
            ));
        }
        let states = split(&record.part("states"), self.blocks.len())?;
        let mut before = Vec::with_capacity(states.len());
        for (g, state) in states.iter().enumerate() {
            before.push(self.blocks[g].state.snapshot());
            if let Err(refusal) = self.blocks[g].state.restore(state) {
                for (block, before) in self.blocks.iter_mut().zip(&before) {
                    block.state.restore(before)?;
                }
                return Err(refusal);
            }
        }
        self.n_steps = n_steps;
        Ok(())
    }
}
