//! What the swaps of parallel tempering say about its ladder.

use gibbsian_core::{Acceptance, Ladder, Result, StepInfo};
use ndarray::Array1;

use crate::barrier::equalised;

/// Below this mean swap probability the overlap of two rungs is called poor: such a pair alone adds more than 9 to the sum `Σ r/(1 − r)` that round trips take.
pub const POOR: f64 = 0.1;

/// What the swaps of one step, or of many, did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swaps {
    /// What happened between rungs `k` and `k + 1`, over all replica sets, `(N)`.
    pub pairs: Vec<Acceptance>,
    /// Completed journeys of a replica from the start of the ladder to its target and back.
    pub round_trips: u64,
}

impl Swaps {
    /// Adds what another step did.
    pub fn add(&mut self, other: &Swaps) {
        self.pairs
            .resize(self.pairs.len().max(other.pairs.len()), Acceptance::default());
        for (pair, other) in self.pairs.iter_mut().zip(&other.pairs) {
            *pair = *pair + *other;
        }
        self.round_trips += other.round_trips;
    }
}

impl StepInfo for Swaps {
    fn acceptance(&self) -> Acceptance {
        self.pairs.iter().copied().sum()
    }
}

/// Whether neighbouring rungs exchange states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overlap {
    /// All of them do.
    Sound,
    /// The worst pair does so with a mean probability below [`POOR`]: round trips are slow. Add rungs or move them.
    Poor {
        /// The pair between rungs `pair` and `pair + 1`.
        pair: usize,
        /// Its mean swap probability.
        rate: f64,
    },
    /// The worst pair has so little in common that not one swap was to be expected in all its attempts: what lies above it never learned of what lies below.
    Broken {
        /// The pair between rungs `pair` and `pair + 1`.
        pair: usize,
        /// Its mean swap probability.
        rate: f64,
    },
    /// The path gave works that are no numbers between these rungs; they were refused.
    Undefined {
        /// The pair between rungs `pair` and `pair + 1`.
        pair: usize,
        /// How many.
        count: u64,
    },
    /// Too few steps: this pair was never tried.
    Untried {
        /// The pair between rungs `pair` and `pair + 1`.
        pair: usize,
    },
}

/// What a run of parallel tempering says of its ladder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SwapReport {
    /// The ladder.
    pub ladder: Ladder,
    /// All swaps of the run.
    pub swaps: Swaps,
    /// The number of independent replica sets.
    pub n_sets: usize,
    /// The number of steps of each.
    pub n_steps: u64,
}

impl SwapReport {
    /// The mean swap probability of each pair, `(N)`; NaN where none was tried.
    pub fn swap_rates(&self) -> Array1<f64> {
        self.swaps.pairs.iter().map(Acceptance::rate).collect()
    }

    /// The mean rejection probability of each pair, `(N)`.
    ///
    /// Of the even and the odd pairs each is tried every other step, so these are means over half of the steps.
    pub fn rejections(&self) -> Array1<f64> {
        // A mean of probabilities may round above one; NaN stays.
        self.swap_rates()
            .mapv_into(|rate| if rate > 1.0 { 0.0 } else { 1.0 - rate })
    }

    /// The communication barrier `Λ(β_k)` up to each rung, `(N + 1)`: the rejections summed. The last is `Λ`, too small where rungs are far apart, since no
    /// rejection exceeds one.
    pub fn barriers(&self) -> Array1<f64> {
        let mut sum = 0.0;
        let sums = self.rejections().mapv_into(|r| {
            sum += r;
            sum
        });
        [0.0].into_iter().chain(sums).collect()
    }

    /// The communication barrier `Λ`.
    ///
    /// With `N` swaps that reject alike, `r = Λ/N`, a round trip takes `2N(1 + ΛN/(N − Λ))` local moves or so, least near `N = 2Λ` where `Λ` is large: that
    /// many rungs make the best use of a processor.
    pub fn barrier(&self) -> f64 {
        self.rejections().sum()
    }

    /// Round trips of all replicas of a set, a step.
    pub fn round_trip_rate(&self) -> f64 {
        self.swaps.round_trips as f64 / (self.n_sets as f64 * self.n_steps as f64)
    }

    /// What that rate is when the local moves forget the energy: `1 / (2 + 2 Σ r_k/(1 − r_k))` (Syed et al. 2022). A measured rate far below it
    /// means that the moves between swaps are too timid.
    pub fn predicted_round_trip_rate(&self) -> f64 {
        0.5 / (1.0 + self.rejections().iter().map(|r| r / (1.0 - r)).sum::<f64>())
    }

    /// Whether neighbouring rungs exchange states; the gravest fault, of the worst pair.
    pub fn overlap(&self) -> Overlap {
        let pairs = &self.swaps.pairs;
        if let Some(pair) = pairs.iter().position(|p| p.proposed == 0) {
            return Overlap::Untried { pair };
        }
        if let Some(pair) = pairs.iter().position(|p| p.undefined > 0) {
            let count = pairs[pair].undefined;
            return Overlap::Undefined { pair, count };
        }
        let worst = (0..pairs.len()).min_by(|a, b| pairs[*a].rate().total_cmp(&pairs[*b].rate()));
        let Some(pair) = worst else {
            return Overlap::Sound;
        };
        let rate = pairs[pair].rate();
        if rate >= POOR {
            Overlap::Sound
        } else if pairs[pair].probability < 1.0 {
            Overlap::Broken { pair, rate }
        } else {
            Overlap::Poor { pair, rate }
        }
    }

    /// The ladder of `n_rungs` rungs that equalises the rejections seen.
    ///
    /// # Errors
    /// Pairs that were never tried, or fewer than two rungs.
    pub fn equalised(&self, n_rungs: usize) -> Result<Ladder> {
        equalised(&self.ladder, self.rejections().view(), n_rungs)
    }
}
