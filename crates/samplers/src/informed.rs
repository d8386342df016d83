//! What the kernels share that choose one change of one site out of all that are possible: numbers for the changes, draws, and matrices.
//!
//! A *move* gives one site a symbol that it does not have. The moves from a state are numbered site by site, in the order of the site's
//! alphabet without the symbol it has; where all sites have two symbols, move `i` flips site `i`.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, StreamRng};
use ndarray::{Array2, ArrayView1, ArrayView2};
use rand::RngExt;

/// The numbers of the moves on a space.
pub(crate) struct Moves<'a, T: ?Sized> {
    target: &'a T,
    /// The first move of each site, and the number of moves.
    first: Vec<usize>,
}

impl<'a, T: Discrete + ?Sized> Moves<'a, T> {
    pub fn of(target: &'a T) -> Self {
        let mut first = vec![0];
        for site in 0..target.dim() {
            first.push(first[site] + target.alphabet(site).len() - 1);
        }
        Moves { target, first }
    }

    /// How many moves lead away from a state.
    pub fn len(&self) -> usize {
        self.first[self.target.dim()]
    }

    /// Calls `f(number, symbol)` for every move of `site` from the value that it has.
    pub fn for_site(&self, site: usize, value: f64, mut f: impl FnMut(usize, usize)) {
        let alphabet = self.target.alphabet(site);
        let own = index(alphabet, value);
        for symbol in (0..alphabet.len()).filter(|k| *k != own) {
            f(self.number(site, own, symbol), symbol);
        }
    }

    /// Where the move `number` from `x` leads: the site, its new value, and the number that the way back will have.
    pub fn take(&self, x: ArrayView1<f64>, number: usize) -> (usize, f64, usize) {
        let site = self.first.partition_point(|first| *first <= number) - 1;
        let alphabet = self.target.alphabet(site);
        let own = index(alphabet, x[site]);
        let rank = number - self.first[site];
        let symbol = rank + usize::from(rank >= own);
        (site, alphabet[symbol], self.number(site, symbol, own))
    }

    /// The number of the move that leads from one state to another, if they differ at one site.
    pub fn between(&self, from: ArrayView1<f64>, to: ArrayView1<f64>) -> Option<usize> {
        let mut differing = (0..from.len()).filter(|i| from[*i] != to[*i]);
        let site = differing.next()?;
        if differing.next().is_some() {
            return None;
        }
        let alphabet = self.target.alphabet(site);
        Some(self.number(site, index(alphabet, from[site]), index(alphabet, to[site])))
    }

    fn number(&self, site: usize, own: usize, symbol: usize) -> usize {
        self.first[site] + symbol - usize::from(symbol > own)
    }

    /// The matrix of a kernel that draws one move and takes it or stays: `P[i, j] = q(m) α` for the move `m` from row `i` to row `j` of `states`.
    ///
    /// `law(i, j, m)` is the pair `(q, α)`.
    pub fn matrix(
        &self,
        states: ArrayView2<f64>,
        law: impl Fn(usize, usize, usize) -> (f64, f64),
    ) -> Array2<f64> {
        let mut p = Array2::zeros((states.nrows(), states.nrows()));
        for (i, from) in states.rows().into_iter().enumerate() {
            for (j, to) in states.rows().into_iter().enumerate() {
                if let Some(number) = self.between(from, to) {
                    let (q, alpha) = law(i, j, number);
                    p[[i, j]] = q * alpha;
                    // Refusals add up to the chance to stay; one minus the rest could be less than zero by a rounding.
                    p[[i, i]] += q * (1.0 - alpha);
                }
            }
        }
        p
    }
}

/// `log Σ_m w_m` of one row of log-weights; NaN if a weight is, −∞ if none is positive.
pub(crate) fn log_total(log_weights: ArrayView1<f64>) -> f64 {
    match log_weights.as_slice() {
        Some(log_weights) => log_sum_exp(log_weights),
        None => log_sum_exp(&log_weights.to_vec()),
    }
}

/// `w_m / Σ w`, the probability with which moves are drawn.
pub(crate) fn probability(log_weight: f64, log_total: f64) -> f64 {
    (log_weight - log_total).exp()
}

/// Draws a number with the law [`probability`].
pub(crate) fn draw(log_weights: ArrayView1<f64>, log_total: f64, rng: &mut StreamRng) -> usize {
    let mut u: f64 = rng.random();
    let mut last = 0;
    for (number, log_weight) in log_weights.iter().enumerate() {
        let p = probability(*log_weight, log_total);
        if p > 0.0 {
            last = number;
            if u < p {
                break;
            }
            u -= p;
        }
    }
    // Where rounding leaves the sum of all below `u`, the last that is possible.
    last
}

/// `min(1, e^log_alpha)`; `None` where that is no number or infinite, which no pair of states with a density has.
pub(crate) fn acceptance(log_alpha: f64) -> Option<f64> {
    (log_alpha < f64::INFINITY).then(|| log_alpha.exp().min(1.0))
}

/// `min(1, e^{E − E'} q(x | x') / q(x' | x))`, Metropolis–Hastings; `None` where that is no number.
pub(crate) fn corrected(energy: f64, log_forth: f64, energy_there: f64, log_back: f64) -> Option<f64> {
    if energy_there == f64::INFINITY && !log_forth.is_nan() {
        // Outside the support; what the score is there, and with it the way back, does not matter.
        return Some(0.0);
    }
    acceptance(energy - energy_there + log_back - log_forth)
}

/// The place of `value` in the alphabet.
pub(crate) fn index(alphabet: &[f64], value: f64) -> usize {
    alphabet
        .iter()
        .position(|a| *a == value)
        .unwrap_or_else(|| panic!("{value} is not one of {alphabet:?}"))
}
