//! The exact partition function and moments, by tables of all states.
//!
//! The lowest 14 units make one table, which stays in a cache; for every state of the others it is shifted by the field that they send, exponentiated
//! and summed. An entry costs two additions and an exponential, and the memory does not grow with `2^N`.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::{BoltzmannMachine, tables};

/// The largest machine whose states are summed over.
const MAX_UNITS: usize = 32;

/// The units of the table that is kept.
const LOW_UNITS: usize = 14;

/// Work is cut into so many runs at most, whatever the number of threads.
const MAX_RUNS: usize = 64;

/// `log Z` and the moments that the energy has to do with.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `log Z`, a natural logarithm.
    pub log_z: f64,
    /// `⟨s_i s_j⟩` `(N, N)`, with the means `⟨s_i⟩` on the diagonal.
    pub second: Array2<f64>,
    /// The entropy `H = log Z + ⟨E⟩` in nats.
    pub entropy: f64,
}

impl Moments {
    /// The means `⟨s_i⟩` `(N)`.
    pub fn means(&self) -> ArrayView1<'_, f64> {
        self.second.diag()
    }

    /// The covariances `⟨s_i s_j⟩ − ⟨s_i⟩⟨s_j⟩` `(N, N)`.
    pub fn covariance(&self) -> Array2<f64> {
        let means = self.means().to_owned();
        let column = means.view().insert_axis(Axis(1));
        &self.second - &(&column * &means)
    }
}

impl BoltzmannMachine {
    /// `log Z = log Σ_s exp(−E(s))` over all `2^N` states, exact up to rounding.
    ///
    /// # Errors
    /// More than 32 units.
    pub fn log_z(&self) -> Result<f64> {
        let split = Split::new(self)?;
        let runs = split.runs(|high, state| {
            let mut sums = Vec::with_capacity(high.len());
            for u in high {
                let (shift, mut table) = split.table(u, state);
                let (top, total) = tables::exponentials(&mut table);
                sums.push(shift + top + total.ln());
                *state = table;
            }
            log_sum_exp(&sums)
        });
        Ok(log_sum_exp(&runs))
    }

    /// `log Z`, the means, the second moments and the entropy, exact up to rounding.
    ///
    /// ```
    /// use gibbsian_classical::BoltzmannMachine;
    /// use ndarray::{Array1, array};
    ///
    /// // Ten independent units.
    /// let moments = BoltzmannMachine::independent(Array1::zeros(10))?.moments()?;
    /// assert!((moments.entropy - 10.0 * 2f64.ln()).abs() < 1e-14);
    /// assert!((moments.second[[0, 1]] - 0.25).abs() < 1e-15);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More than 32 units.
    pub fn moments(&self) -> Result<Moments> {
        let log_z = self.log_z()?;
        let split = Split::new(self)?;
        let (low, n) = (split.low, self.n_units());
        let n_high = n - low;
        // Of every run: the probabilities of the low units, and the sums that involve high ones.
        let runs = split.runs(|high, state| {
            let mut p_low = vec![0.0; 1 << low];
            let mut second = Array2::zeros((n, n));
            let mut given = vec![0.0; low];
            for u in high {
                let (shift, mut table) = split.table(u, state);
                let offset = log_z - shift;
                for l in table.iter_mut() {
                    *l -= offset;
                }
                gibbsian_core::simd::exp_f64_in_place(&mut table);
                for (sum, p) in p_low.iter_mut().zip(&table) {
                    *sum += p;
                }
                let mass = tables::sum(&table);
                tables::means(&mut table, &mut given);
                for i in (0..n_high).filter(|i| u >> i & 1 == 1) {
                    for (j, m) in given.iter().enumerate() {
                        second[[low + i, j]] += m;
                    }
                    for k in (0..=i).filter(|k| u >> k & 1 == 1) {
                        second[[low + i, low + k]] += mass;
                    }
                }
                *state = table;
            }
            (p_low, second)
        });
        let (mut p_low, mut second) = (vec![0.0; 1 << low], Array2::<f64>::zeros((n, n)));
        for (p, part) in runs {
            for (sum, p) in p_low.iter_mut().zip(p) {
                *sum += p;
            }
            second += &part;
        }
        for i in low..n {
            for j in 0..i {
                second[[j, i]] = second[[i, j]];
            }
        }
        second
            .slice_mut(s![..low, ..low])
            .assign(&tables::second_moments(&p_low, low));
        let minus_energy = self
            .statistics(second.view())
            .dot(&gibbsian_core::Parametric::params(self));
        Ok(Moments {
            log_z,
            entropy: log_z - minus_energy,
            second,
        })
    }
}

/// A machine cut into low units, with a table of their own energy, and high ones, whose states are visited one after the other.
struct Split<'a> {
    machine: &'a BoltzmannMachine,
    low: usize,
    /// Minus the energy of the low units by themselves.
    own: Vec<f64>,
}

impl<'a> Split<'a> {
    fn new(machine: &'a BoltzmannMachine) -> Result<Self> {
        let n = machine.n_units();
        if n > MAX_UNITS {
            return Err(Error::parameter(
                "n_units",
                n,
                format!("at most {MAX_UNITS} to be enumerated"),
            ));
        }
        let low = n.min(LOW_UNITS);
        let own = tables::log_weights(
            machine.weights.slice(s![..low, ..low]),
            machine.bias.slice(s![..low]),
        );
        Ok(Split { machine, low, own })
    }

    /// `f(states of the high units, scratch)` for each run of states, in order.
    fn runs<T: Send>(&self, f: impl Fn(std::ops::Range<usize>, &mut Vec<f64>) -> T + Sync) -> Vec<T> {
        let n_high_states = 1usize << (self.machine.n_units() - self.low);
        let length = n_high_states.div_ceil(MAX_RUNS);
        (0..n_high_states.div_ceil(length))
            .into_par_iter()
            .map(|run| {
                let range = run * length..((run + 1) * length).min(n_high_states);
                f(range, &mut vec![0.0; 1 << self.low])
            })
            .collect()
    }

    /// Minus the energies of all states in which the high units are in state `u`: a common shift, and a table in the memory of `scratch`.
    fn table(&self, u: usize, scratch: &mut Vec<f64>) -> (f64, Vec<f64>) {
        let (machine, low) = (self.machine, self.low);
        let on = (0..machine.n_units() - low)
            .filter(|i| u >> i & 1 == 1)
            .map(|i| low + i);
        let mut sent = Array1::<f64>::zeros(low);
        let mut shift = 0.0;
        for (count, i) in on.clone().enumerate() {
            sent += &machine.weights.slice(s![i, ..low]);
            shift += machine.bias[i];
            for j in on.clone().take(count) {
                shift += machine.weights[[i, j]];
            }
        }
        let mut table = std::mem::take(scratch);
        tables::linear_into(sent.as_slice().expect("a new array is contiguous"), &mut table);
        for (l, own) in table.iter_mut().zip(&self.own) {
            *l += own;
        }
        (shift, table)
    }
}
