//! The density of states, and with it `log Z` at every temperature from one run.
//!
//! A finite space has `Z(β) = Σ_x e^{−βE(x)}`, which depends on `x` only through its energy. Wang and Landau (2001) therefore walk so that all energies are visited alike: states are
//! weighted by `1/g(E)`, where `g` is an estimate of the number of states in a bin of energies, and `g` grows by a factor at every visit until the
//! histogram is flat. The factor falls as one over the time, which is what makes `g` converge (Belardinelli and Pereyra 2007).
//!
//! An adaptive chain is no Markov chain, and the `g` it leaves is an estimate whose error nobody knows. So `g` is **not** the answer here. It is frozen and becomes the
//! bias of a second run, an ordinary Metropolis chain with invariant weights `1/g(bin of E(x))` (the multicanonical ensemble of Berg and Neuhaus 1991). The total
//! number of states is known, and with `w_i = g(bin of E_i)` for the draws of that chain
//!
//! `Z(β) = |X| · Σ_i w_i e^{−βE_i} / Σ_i w_i`
//!
//! is consistent whatever `g` is: a bad `g` costs draws, not truth. Chains are independent given `g`, so the error is that between chains (see `influence`).
//! Energies enter unrounded; the width of the bins decides how well the walk diffuses and biases nothing.
//!
//! Levels: `g` at a bin nobody has visited is that of the rarest visited one, so that states of new energies are entered at once.

mod walk;

use std::collections::BTreeMap;

use gibbsian_core::error::{check_count, check_positive};
use gibbsian_core::{DiscreteEnergy, Error, Result};
use rand::Rng;

use crate::anneal::map_batches;
use crate::estimate::Estimate;
use crate::influence::Influence;
use crate::log_sum::LogSum;
use crate::reliability::{MIN_EFFECTIVE, Reliability};
use crate::weights::check_level;
use walk::Walker;

/// How a density of states is found. All numbers are positive.
///
/// ```
/// use gibbsian_partition::FlatHistogram;
///
/// // Twice as many chains as usual, in bins that tell neighbouring energies of spins apart.
/// let options = FlatHistogram { n_chains: 128, ..FlatHistogram::new(2.0) };
/// assert_eq!((options.bin_width, options.n_draws), (2.0, 500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlatHistogram {
    /// The width of a bin of energies.
    pub bin_width: f64,
    /// Learning stops when a visit multiplies `g` by no more than `e` to this.
    pub final_increment: f64,
    /// Learning stops after so many moves at the latest.
    pub max_moves: u64,
    /// Independent chains with the frozen `g`, at least two.
    pub n_chains: usize,
    /// Draws of each of them.
    pub n_draws: usize,
    /// Sweeps (as many single-site moves as there are sites) from one draw to the next.
    pub sweeps_per_draw: usize,
}

impl FlatHistogram {
    /// Bins of this width; learning to `10⁻⁴` in at most `10⁷` moves, then 64 chains of 500 draws, a sweep apart.
    pub fn new(bin_width: f64) -> Self {
        FlatHistogram {
            bin_width,
            final_increment: 1e-4,
            max_moves: 10_000_000,
            n_chains: 64,
            n_draws: 500,
            sweeps_per_draw: 1,
        }
    }

    fn check(&self) -> Result<()> {
        check_positive("bin_width", self.bin_width)?;
        check_positive("final_increment", self.final_increment)?;
        check_count("n_draws", self.n_draws)?;
        check_count("sweeps_per_draw", self.sweeps_per_draw)?;
        if self.max_moves == 0 {
            return Err(Error::parameter("max_moves", 0, "at least 1"));
        }
        if self.n_chains < 2 {
            return Err(Error::parameter(
                "n_chains",
                self.n_chains,
                "at least 2, whose spread is the error",
            ));
        }
        Ok(())
    }
}

/// Energies drawn with known weights: everything that a density of states tells.
#[derive(Clone, Debug)]
pub struct DensityOfStates {
    bin_width: f64,
    log_n_states: f64,
    /// The draws of a chain side by side.
    energies: Vec<f64>,
    /// `log g` of their bins.
    log_weights: Vec<f64>,
    n_chains: usize,
    n_draws: usize,
    increment: f64,
}

/// Finds the density of states of `model` and draws from its flat ensemble.
///
/// Two keys are drawn from `rng`; the result depends on them and the options, and not on the number of threads.
///
/// # Errors
/// Options out of range; an energy or a difference of energies that is not finite: all states are counted, so none may be outside the
/// support.
///
/// ```
/// use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Seed, Space};
/// use gibbsian_partition::{FlatHistogram, density_of_states};
/// use ndarray::{ArrayView2, ArrayViewMut1, Axis};
///
/// /// Twelve independent spins: `Z(β) = (2 cosh β)^12`.
/// struct Spins;
/// impl Space for Spins {
///     fn dim(&self) -> usize {
///         12
///     }
/// }
/// impl Discrete for Spins {
///     fn alphabet(&self, _: usize) -> &[f64] {
///         &[-1.0, 1.0]
///     }
/// }
/// impl Energy for Spins {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&-x.sum_axis(Axis(1)));
///     }
/// }
/// impl DiscreteEnergy for Spins {}
///
/// let states = density_of_states(&Spins, &FlatHistogram::new(2.0), &mut Seed::new(1).rng())?;
/// for beta in [0.3, 1.0, 3.0_f64] {
///     let estimate = states.estimate(beta, 0.9999)?;
///     assert!(estimate.interval.contains(12.0 * (2.0 * beta.cosh()).ln()), "{estimate}");
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn density_of_states<M: DiscreteEnergy + ?Sized>(
    model: &M,
    options: &FlatHistogram,
    rng: &mut dyn Rng,
) -> Result<DensityOfStates> {
    options.check()?;
    let log_n_states: f64 = (0..model.dim())
        .map(|i| (model.alphabet(i).len() as f64).ln())
        .sum();
    let mut learner = gibbsian_core::Seed::new(rng.next_u64()).rng();
    let mut walkers = Vec::with_capacity(options.n_chains);
    for _ in 0..options.n_chains {
        walkers.push(Walker::start(model, &mut learner)?);
    }
    let mut bias = Bias::new(options.bin_width);
    let increment = bias.learn(model, &mut walkers, options, &mut learner)?;

    let bias = &bias;
    let walkers = &walkers;
    let chains = map_batches(options.n_chains, 1, rng, |chain, mut rng| {
        let mut walker = walkers[chain.start].clone();
        let mut draws = Vec::with_capacity(options.n_draws);
        // A fifth of the draws once more, to leave the learner's last state.
        for t in 0..options.n_draws + options.n_draws.div_ceil(5) {
            for _ in 0..options.sweeps_per_draw * model.dim() {
                walker.advance(model, |energy| bias.log_weight(energy), &mut rng)?;
            }
            if t >= options.n_draws.div_ceil(5) {
                draws.push((walker.energy, bias.log_weight(walker.energy)));
            }
        }
        Ok(draws)
    })?;
    let (energies, log_weights) = chains.into_iter().flatten().unzip();
    Ok(DensityOfStates {
        bin_width: options.bin_width,
        log_n_states,
        energies,
        log_weights,
        n_chains: options.n_chains,
        n_draws: options.n_draws,
        increment,
    })
}

/// The logarithm of the learned number of states in each bin, up to a constant.
struct Bias {
    bin_width: f64,
    log_g: BTreeMap<i64, f64>,
}

impl Bias {
    fn new(bin_width: f64) -> Self {
        Bias {
            bin_width,
            log_g: BTreeMap::new(),
        }
    }

    fn bin(&self, energy: f64) -> i64 {
        // A level of a lattice model must not fall to both sides of an edge by rounding.
        (energy / self.bin_width + 1e-6).floor() as i64
    }

    /// `log g` of the bin of this energy; of a bin that nobody has visited, that of the rarest one.
    fn log_weight(&self, energy: f64) -> f64 {
        let known = self.log_g.get(&self.bin(energy)).copied();
        known.unwrap_or_else(|| {
            self.log_g
                .values()
                .copied()
                .fold(f64::INFINITY, f64::min)
                .min(1e300)
        })
    }

    /// Whether every known bin had at least half of its share of the visits, and a share is worth the name.
    fn is_flat(&self, visits: &BTreeMap<i64, u64>) -> bool {
        const LEAST_SHARE: f64 = 100.0;
        let share = visits.values().sum::<u64>() as f64 / self.log_g.len() as f64;
        let least = visits.values().copied().min().unwrap_or(0);
        share >= LEAST_SHARE && visits.len() == self.log_g.len() && least as f64 >= 0.5 * share
    }

    /// Walks and adds to `log g` until additions are small; returns the last addition.
    fn learn<M: DiscreteEnergy + ?Sized>(
        &mut self,
        model: &M,
        walkers: &mut [Walker],
        options: &FlatHistogram,
        rng: &mut gibbsian_core::StreamRng,
    ) -> Result<f64> {
        let mut increment = 1.0_f64;
        let mut visits: BTreeMap<i64, u64> = BTreeMap::new();
        let (mut moves, mut is_by_time) = (0, false);
        for walker in walkers.iter() {
            self.log_g.entry(self.bin(walker.energy)).or_insert(0.0);
        }
        while increment > options.final_increment && moves < options.max_moves {
            for walker in walkers.iter_mut() {
                walker.advance(model, |energy| self.log_weight(energy), rng)?;
                let bin = self.bin(walker.energy);
                let unseen = self.log_weight(walker.energy);
                *self.log_g.entry(bin).or_insert(unseen) += increment;
                *visits.entry(bin).or_insert(0) += 1;
                moves += 1;
            }
            // One over the time, in moves to a bin, from when halving falls below it; no histogram need be flat from then on.
            let by_time = self.log_g.len() as f64 / moves as f64;
            if is_by_time {
                increment = by_time;
            } else if self.is_flat(&visits) {
                visits.clear();
                is_by_time = 0.5 * increment <= by_time;
                increment = (0.5 * increment).max(by_time);
            }
        }
        // Only differences matter.
        let largest = self.log_g.values().copied().fold(f64::NEG_INFINITY, f64::max);
        self.log_g.values_mut().for_each(|log_g| *log_g -= largest);
        Ok(increment)
    }
}

impl DensityOfStates {
    /// `log Z(β)`.
    ///
    /// # Errors
    /// A `beta` that is not finite.
    pub fn log_z(&self, beta: f64) -> Result<f64> {
        check_beta(beta)?;
        let mut numerator = LogSum::EMPTY;
        let mut denominator = LogSum::EMPTY;
        for (energy, log_weight) in self.energies.iter().zip(&self.log_weights) {
            numerator.add(log_weight - beta * energy);
            denominator.add(*log_weight);
        }
        Ok(self.log_n_states + numerator.value() - denominator.value())
    }

    /// `log Z(β)` with its error; `β = 1` is the model itself.
    ///
    /// # Errors
    /// A `beta` that is not finite, a level outside (0, 1).
    pub fn estimate(&self, beta: f64, level: f64) -> Result<Estimate> {
        check_level("level", level)?;
        let log_z = self.log_z(beta)?;
        // log Ẑ − log Z ≈ ⟨a_i/ā − b_i/b̄⟩ with a_i = w_i e^{−βE_i} and b_i = w_i.
        let shares = |tilt: f64| -> Vec<f64> {
            let logs = self.energies.iter().zip(&self.log_weights);
            let logs: Vec<f64> = logs.map(|(e, l)| l - tilt * e).collect();
            let mut sum = LogSum::EMPTY;
            logs.iter().for_each(|l| sum.add(*l));
            let mean = sum.value() - (logs.len() as f64).ln();
            logs.into_iter().map(|l| (l - mean).exp()).collect()
        };
        let (tilted, flat) = (shares(beta), shares(0.0));
        let values: Vec<f64> = tilted.iter().zip(&flat).map(|(a, b)| a - b).collect();
        let mut influence = Influence::new(self.n_chains, self.n_draws);
        influence.add(&values);
        // Draws that the tilted sum rests on, times what correlation leaves of them.
        let concentration =
            |shares: &[f64]| shares.iter().sum::<f64>().powi(2) / shares.iter().map(|s| s * s).sum::<f64>();
        let effective = influence.efficiency() * concentration(&tilted).min(concentration(&flat));
        let reliability = if effective < MIN_EFFECTIVE {
            Reliability::TooFewEffective {
                effective_sample_size: effective,
            }
        } else {
            Reliability::Trusted
        };
        Estimate::of_influence(log_z, &influence, level, reliability)
    }

    /// `⟨E⟩` at inverse temperature `β`, the negative slope of `log Z`.
    ///
    /// # Errors
    /// A `beta` that is not finite.
    pub fn mean_energy(&self, beta: f64) -> Result<f64> {
        Ok(self.moments(beta)?.0)
    }

    /// The heat capacity `β² Var E` at inverse temperature `β`.
    ///
    /// # Errors
    /// A `beta` that is not finite.
    pub fn heat_capacity(&self, beta: f64) -> Result<f64> {
        Ok(beta * beta * self.moments(beta)?.1)
    }

    /// The lower edge of each bin that was drawn, and the logarithm of the number of states with an energy in it.
    pub fn log_counts(&self) -> Vec<(f64, f64)> {
        let bias = Bias::new(self.bin_width);
        let mut total = LogSum::EMPTY;
        let mut bins: BTreeMap<i64, LogSum> = BTreeMap::new();
        for (energy, log_weight) in self.energies.iter().zip(&self.log_weights) {
            total.add(*log_weight);
            bins.entry(bias.bin(*energy))
                .or_insert(LogSum::EMPTY)
                .add(*log_weight);
        }
        bins.into_iter()
            .map(|(bin, sum)| {
                let log_count = self.log_n_states + sum.value() - total.value();
                (bin as f64 * self.bin_width, log_count)
            })
            .collect()
    }

    /// The factor's logarithm at which learning ended: larger than asked for where the limit of moves ended it.
    pub fn final_increment(&self) -> f64 {
        self.increment
    }

    fn moments(&self, beta: f64) -> Result<(f64, f64)> {
        check_beta(beta)?;
        let logs = || {
            let pairs = self.energies.iter().zip(&self.log_weights);
            pairs.map(|(e, l)| (*e, l - beta * e))
        };
        let largest = logs().map(|(_, l)| l).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs().map(|(_, l)| (l - largest).exp()).sum();
        let mean = logs().map(|(e, l)| e * (l - largest).exp()).sum::<f64>() / total;
        let variance = logs()
            .map(|(e, l)| (e - mean).powi(2) * (l - largest).exp())
            .sum::<f64>()
            / total;
        Ok((mean, variance))
    }
}

fn check_beta(beta: f64) -> Result<()> {
    if beta.is_finite() {
        Ok(())
    } else {
        Err(Error::parameter("beta", beta, "finite"))
    }
}
