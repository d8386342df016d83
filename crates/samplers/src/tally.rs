//! What a run counts while it goes on.

use std::ops::Range;

use gibbsian_core::{Acceptance, Kernel, Record, Result, Snapshot, StepInfo, Values};
use ndarray::{Array2, ArrayViewMut2, ArrayViewMut3, Axis, s};

use crate::chains::{Chains, Step};
use crate::report::{BlockReport, Report};

/// The counts of all blocks, and the number of draws.
pub(crate) struct Tallies {
    n_draws: usize,
    blocks: Vec<Tally>,
}

/// The counts of one block.
struct Tally {
    chains: Range<usize>,
    warmup: Acceptance,
    acceptance: Acceptance,
    moves: Vec<u64>,
    non_finite: Vec<u64>,
    /// Where the chains were at the last draw, `(b, D)`.
    last: Array2<f64>,
}

impl Tallies {
    /// Nothing counted yet of chains at their start.
    pub(crate) fn new<K: Kernel<T>, T: ?Sized>(chains: &Chains<'_, K, T>) -> Self {
        let x = chains.positions();
        let blocks = chains.blocks().map(|rows| Tally {
            warmup: Acceptance::default(),
            acceptance: Acceptance::default(),
            moves: vec![0; rows.len()],
            non_finite: vec![0; rows.len()],
            last: x.slice(s![rows.clone(), ..]).to_owned(),
            chains: rows,
        });
        Tallies {
            n_draws: 0,
            blocks: blocks.collect(),
        }
    }

    pub(crate) fn n_draws(&self) -> usize {
        self.n_draws
    }

    pub(crate) fn dim(&self) -> usize {
        self.blocks[0].last.ncols()
    }

    /// Makes steps that are no draws.
    pub(crate) fn warm_up<K, T>(&mut self, chains: &mut Chains<'_, K, T>, n_steps: u64)
    where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        chains.observe(n_steps, &mut self.blocks, |tally, step| {
            tally.warmup = tally.warmup + step.info.acceptance();
        });
        self.set_last(chains);
    }

    /// Makes `thin` steps for each draw that `draws`, `(chain, draw, D)`, has room for; `statistics` are `(statistic, chain, draw)`.
    pub(crate) fn sample<K, T>(
        &mut self,
        chains: &mut Chains<'_, K, T>,
        thin: u64,
        mut draws: ArrayViewMut3<f64>,
        mut statistics: ArrayViewMut3<f64>,
    ) where
        K: Kernel<T>,
        T: Sync + ?Sized,
    {
        let n_new = draws.shape()[1];
        let rows_per_block = self.blocks[0].chains.len();
        let draws = draws.axis_chunks_iter_mut(Axis(0), rows_per_block);
        let statistics = statistics.axis_chunks_iter_mut(Axis(1), rows_per_block);
        let mut observers: Vec<_> = self.blocks.iter_mut().zip(draws.zip(statistics)).collect();
        let first = chains.n_steps();
        chains.observe(
            n_new as u64 * thin,
            &mut observers,
            |(tally, (draws, statistics)), step| {
                tally.acceptance = tally.acceptance + step.info.acceptance();
                let n_made = step.t - first + 1;
                if n_made.is_multiple_of(thin) {
                    let draw = (n_made / thin - 1) as usize;
                    let draws = draws.index_axis_mut(Axis(1), draw);
                    tally.keep(&step, draws, statistics.index_axis_mut(Axis(2), draw));
                }
            },
        );
        self.n_draws += n_new;
    }

    pub(crate) fn report(&self, thin: usize, n_warmup: u64) -> Report {
        let all =
            |of: fn(&Tally) -> &Vec<u64>| self.blocks.iter().flat_map(|b| of(b).iter().copied()).collect();
        Report {
            n_warmup,
            n_draws: self.n_draws,
            thin,
            warmup: self.blocks.iter().map(|b| b.warmup).sum(),
            acceptance: self.blocks.iter().map(|b| b.acceptance).sum(),
            blocks: self
                .blocks
                .iter()
                .map(|b| BlockReport {
                    chains: b.chains.clone(),
                    acceptance: b.acceptance,
                })
                .collect(),
            moves: all(|b| &b.moves),
            non_finite: all(|b| &b.non_finite),
            step_size: None,
            metric: None,
            end: None,
        }
    }

    /// Takes note of where the chains are, as if that were a draw: after warming up, and when a run is resumed, as checkpoints are taken
    /// at draws.
    pub(crate) fn set_last<K: Kernel<T>, T: ?Sized>(&mut self, chains: &Chains<'_, K, T>) {
        let x = chains.positions();
        for tally in &mut self.blocks {
            tally.last.assign(&x.slice(s![tally.chains.clone(), ..]));
        }
    }
}

impl Tally {
    fn keep<I: StepInfo>(
        &mut self,
        step: &Step<'_, I>,
        mut draws: ArrayViewMut2<f64>,
        mut statistics: ArrayViewMut2<f64>,
    ) {
        for (chain, x) in step.x.outer_iter().enumerate() {
            let (mut moved, mut finite) = (false, true);
            for ((x, last), draw) in x.iter().zip(self.last.row_mut(chain)).zip(draws.row_mut(chain)) {
                moved |= x.to_bits() != last.to_bits();
                finite &= x.is_finite();
                *last = *x;
                *draw = *x;
            }
            self.moves[chain] += u64::from(moved);
            self.non_finite[chain] += u64::from(!finite);
        }
        for (index, mut values) in statistics.outer_iter_mut().enumerate() {
            for (chain, value) in values.iter_mut().enumerate() {
                *value = step.info.statistic(index, chain);
            }
        }
    }
}

impl Snapshot for Tallies {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("n_draws", &[], Values::U64(vec![self.n_draws as u64]));
        let warmup: Vec<Acceptance> = self.blocks.iter().map(|b| b.warmup).collect();
        let acceptance: Vec<Acceptance> = self.blocks.iter().map(|b| b.acceptance).collect();
        record.put_part("warmup", acceptances(&warmup));
        record.put_part("acceptance", acceptances(&acceptance));
        let moves: Vec<u64> = self.blocks.iter().flat_map(|b| b.moves.clone()).collect();
        let non_finite: Vec<u64> = self.blocks.iter().flat_map(|b| b.non_finite.clone()).collect();
        record.put("moves", &[moves.len()], Values::U64(moves));
        record.put("non_finite", &[non_finite.len()], Values::U64(non_finite));
        record
    }

    /// Everything but where the chains are; [`Tallies::set_last`] follows.
    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_chains = self.blocks.iter().map(|b| b.chains.len()).sum();
        let n_draws = record.u64s("n_draws", &[])?[0] as usize;
        let warmup = acceptances_of(&record.part("warmup"), self.blocks.len())?;
        let acceptance = acceptances_of(&record.part("acceptance"), self.blocks.len())?;
        let moves = record.u64s("moves", &[n_chains])?;
        let non_finite = record.u64s("non_finite", &[n_chains])?;
        self.n_draws = n_draws;
        for (g, tally) in self.blocks.iter_mut().enumerate() {
            tally.warmup = warmup[g];
            tally.acceptance = acceptance[g];
            tally.moves.copy_from_slice(&moves[tally.chains.clone()]);
            tally
                .non_finite
                .copy_from_slice(&non_finite[tally.chains.clone()]);
        }
        Ok(())
    }
}

fn acceptances(of: &[Acceptance]) -> Record {
    let mut record = Record::new();
    let mut put = |name: &str, count: fn(&Acceptance) -> u64| {
        record.put(name, &[of.len()], Values::U64(of.iter().map(count).collect()));
    };
    put("proposed", |a| a.proposed);
    put("accepted", |a| a.accepted);
    put("undefined", |a| a.undefined);
    let probabilities = of.iter().map(|a| a.probability).collect();
    record.put("probability", &[of.len()], Values::F64(probabilities));
    record
}

fn acceptances_of(record: &Record, n: usize) -> Result<Vec<Acceptance>> {
    let proposed = record.u64s("proposed", &[n])?;
    let accepted = record.u64s("accepted", &[n])?;
    let undefined = record.u64s("undefined", &[n])?;
    let probability = record.f64s("probability", &[n])?;
    let acceptance = |i| Acceptance {
        proposed: proposed[i],
        accepted: accepted[i],
        undefined: undefined[i],
        probability: probability[i],
    };
    Ok((0..n).map(acceptance).collect())
}
