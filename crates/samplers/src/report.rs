//! What came out of a run besides its draws, above all what went wrong.

use std::fmt;
use std::ops::Range;

use gibbsian_core::Acceptance;

use crate::metric::Metric;
use crate::tunable::Tunable;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All draws were made.
    Completed,
    /// The time was up.
    TimeLimit,
    /// A monitor ended it.
    Stopped,
}

/// The report of a run, or of its part so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of steps that each chain made to warm up.
    pub n_warmup: u64,
    /// The number of draws of each chain.
    pub n_draws: usize,
    /// The number of steps of each chain from one draw to the next.
    pub thin: usize,
    /// What happened to the proposals while the chains warmed up.
    pub warmup: Acceptance,
    /// What happened to the proposals after that, of the steps between draws too.
    pub acceptance: Acceptance,
    /// The same for each block of chains, in order.
    pub blocks: Vec<BlockReport>,
    /// For each chain, how many of its draws differ from the one before, the first from where the chain had warmed up.
    pub moves: Vec<u64>,
    /// For each chain, how many of its draws have a coordinate that is not finite.
    pub non_finite: Vec<u64>,
    /// The step size, where [`Report::set_tuning`] was told the kernel.
    pub step_size: Option<f64>,
    /// The metric, likewise.
    pub metric: Option<Metric>,
    /// How the run ended; none while it is under way.
    pub end: Option<End>,
}

/// What happened to the proposals of some chains.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BlockReport {
    /// Which chains.
    pub chains: Range<usize>,
    /// Their proposals after warming up.
    pub acceptance: Acceptance,
}

impl Report {
    /// Which chains never moved: all their draws are where they had warmed up.
    ///
    /// Such a chain says nothing of the target, and a mean over chains does not show it. None is named before there is a draw.
    pub fn stuck(&self) -> Vec<usize> {
        self.chains_where(|chain| self.moves[chain] == 0)
    }

    /// Which chains have draws that are not finite.
    pub fn diverged(&self) -> Vec<usize> {
        self.chains_where(|chain| self.non_finite[chain] > 0)
    }

    /// Says of the kernel what was tuned.
    pub fn set_tuning(&mut self, kernel: &impl Tunable) {
        self.step_size = Some(kernel.step_size());
        self.metric = Some(kernel.metric().clone());
    }

    /// What is to be looked into before the draws are used, a sentence each; empty where nothing is known to be wrong.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let stuck = self.stuck();
        if !stuck.is_empty() {
            warnings.push(format!("{} never moved", named(&stuck)));
        }
        let diverged = self.diverged();
        if !diverged.is_empty() {
            warnings.push(format!("{} left the finite numbers", named(&diverged)));
        }
        for block in self.blocks.iter().filter(|b| b.acceptance.undefined > 0) {
            let chains: Vec<usize> = block.chains.clone().collect();
            warnings.push(format!(
                "{} of {} proposals of {} were refused because energy, score or point were no numbers",
                block.acceptance.undefined,
                block.acceptance.proposed,
                named(&chains),
            ));
        }
        if self.warmup.undefined > 0 {
            warnings.push(format!(
                "{} of {} proposals were so refused while the chains warmed up",
                self.warmup.undefined, self.warmup.proposed,
            ));
        }
        warnings
    }

    fn chains_where(&self, is_meant: impl Fn(usize) -> bool) -> Vec<usize> {
        if self.n_draws == 0 {
            return Vec::new();
        }
        (0..self.moves.len()).filter(|&chain| is_meant(chain)).collect()
    }
}

/// A few lines: what was done, how proposals were met, and the warnings.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n_chains, n_draws) = (self.moves.len(), self.n_draws);
        write!(
            f,
            "{n_chains} chains of {n_draws} draws, a draw every {} steps",
            self.thin
        )?;
        if self.n_warmup > 0 {
            write!(f, ", after {} steps of warming up", self.n_warmup)?;
        }
        match self.end {
            None => write!(f, "; under way")?,
            Some(End::Completed) => {}
            Some(End::TimeLimit) => write!(f, "; ended because the time was up")?,
            Some(End::Stopped) => write!(f, "; ended by a monitor")?,
        }
        if self.acceptance.proposed > 0 {
            write!(
                f,
                "\nproposals: mean acceptance probability {:.4}, accepted {:.4}, undefined {}",
                self.acceptance.rate(),
                self.acceptance.fraction(),
                self.acceptance.undefined,
            )?;
        }
        if let Some(step_size) = self.step_size {
            write!(f, "\nstep size {step_size}")?;
        }
        match &self.metric {
            None => {}
            Some(Metric::Identity) => write!(f, "\nmetric: identity")?,
            Some(Metric::Diagonal { deviations }) => write!(f, "\nmetric: diagonal, {deviations:.4}")?,
            Some(Metric::Dense { lower }) => write!(f, "\nmetric: dense, {} dimensions", lower.nrows())?,
        }
        for warning in self.warnings() {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

/// `chain 7`, `chains 2, 5, 9`, `chains 32–63`, and no more than ten of them one by one.
fn named(chains: &[usize]) -> String {
    const MOST: usize = 10;
    match chains {
        [chain] => format!("chain {chain}"),
        [first, .., last] if last - first + 1 == chains.len() => format!("chains {first}–{last}"),
        _ => {
            let names: Vec<String> = chains.iter().take(MOST).map(|c| c.to_string()).collect();
            let more = chains.len().saturating_sub(MOST);
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("chains {}{rest}", names.join(", "))
        }
    }
}
