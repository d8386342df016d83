//! Exact results by visiting every state.
//!
//! States are visited in the order of the reflected Gray code, in which neighbours differ by one spin, so a state costs one flip: the energy changes by `2 x_i I_i` and
//! the fields of the neighbours of `i` by `−2 J_ij x_i`. Roundings of such steps add up, so every block of 1,024 states starts from an energy that is computed
//! afresh; blocks run in parallel and are added in order.
//!
//! Moments come from the whole distribution by one Walsh–Hadamard transform: its entry at the mask of sites `i` and `j` is `Σ_x p(x) (−1)^{b_i + b_j}`,
//! where bit `b_i` says whether spin `i` is up, so the entries at all masks of one and two bits are all means and pair moments, for `N 2^N` additions.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Error, Result};
use ndarray::{Array1, Array2};
use rayon::prelude::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator, ParallelSliceMut};

use super::Ising;

/// The largest number of spins whose states are summed.
const MOST_SUMMED: usize = 32;

/// The largest number of spins whose distribution is held in memory.
pub(super) const MOST_LISTED: usize = 24;

/// A block has `2^BLOCK_SPINS` states.
const BLOCK_SPINS: usize = 10;

/// Exact results for a small model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExactMoments {
    /// `log Z`.
    pub log_z: f64,
    /// `⟨E⟩`, in units of the temperature.
    pub mean_energy: f64,
    /// `Var E`: the heat capacity in units of `k_B`.
    pub energy_variance: f64,
    /// `⟨x_i⟩`, `(N)`.
    pub means: Array1<f64>,
    /// `⟨x_i x_j⟩`, `(N, N)`, with ones on the diagonal.
    pub second_moments: Array2<f64>,
}

impl Ising {
    /// `log Z` as the logarithm of a sum over all `2^N` states.
    ///
    /// It is the oracle that the other exact routes are held against; [`Ising::log_z`] is one that is not exponential in the number of spins.
    ///
    /// # Errors
    /// More than 32 spins.
    pub fn log_z_by_enumeration(&self) -> Result<f64> {
        let n = self.check_enumerable(MOST_SUMMED)?;
        let inner = n.min(BLOCK_SPINS);
        let terms: Vec<f64> = (0..1usize << (n - inner))
            .into_par_iter()
            .map_init(
                || vec![0.0; 1 << inner],
                |negative_energies, block| {
                    self.fill_block(block, inner, negative_energies);
                    log_sum_exp(negative_energies)
                },
            )
            .collect();
        Ok(log_sum_exp(&terms))
    }

    /// All first and second moments, those of the energy and `log Z`, by enumeration.
    ///
    /// ```
    /// use gibbsian_classical::{Graph, Ising};
    /// let pair = Ising::uniform(Graph::complete(2)?, 0.7, 0.0)?;
    /// let exact = pair.enumerate()?;
    /// assert!((exact.second_moments[[0, 1]] - 0.7f64.tanh()).abs() < 1e-15);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// More than 24 spins.
    pub fn enumerate(&self) -> Result<ExactMoments> {
        let n = self.graph.n_sites();
        let mut p = self.list()?;
        let inner = n.min(BLOCK_SPINS);
        let log_z = log_sum_exp(&p);
        let ground = p.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Energies are counted from the lowest, and sums are taken in blocks: adding 2^24 numbers one after the other would lose digits.
        let mean = |of_excess: &dyn Fn(f64) -> f64| {
            let (mut sum, mut total) = (0.0, 0.0);
            for block in p.chunks(1 << inner) {
                let weights = block.iter().map(|log_w| (log_w - ground).exp());
                let values = block.iter().map(|log_w| of_excess(ground - log_w));
                total += weights.clone().sum::<f64>();
                sum += weights.zip(values).map(|(w, value)| w * value).sum::<f64>();
            }
            sum / total
        };
        let excess = mean(&|excess| excess);
        let energy_variance = mean(&|other| (other - excess).powi(2));
        products(&mut p, log_z);
        Ok(ExactMoments {
            log_z,
            mean_energy: excess - ground,
            energy_variance,
            means: Array1::from_shape_fn(n, |i| p[1 << i]),
            second_moments: Array2::from_shape_fn(
                (n, n),
                |(i, j)| {
                    if i == j { 1.0 } else { p[1 << i | 1 << j] }
                },
            ),
        })
    }

    /// `log Z`, and `⟨Π_{i ∈ A} x_i⟩` for every set `A` of sites at the index that has their bits.
    pub(super) fn products_of_spins(&self) -> Result<(f64, Vec<f64>)> {
        let mut p = self.list()?;
        let log_z = log_sum_exp(&p);
        products(&mut p, log_z);
        Ok((log_z, p))
    }

    /// `−E` of every state.
    fn list(&self) -> Result<Vec<f64>> {
        let n = self.check_enumerable(MOST_LISTED)?;
        let inner = n.min(BLOCK_SPINS);
        let mut list = vec![0.0; 1 << n];
        list.par_chunks_mut(1 << inner)
            .enumerate()
            .for_each(|(block, values)| self.fill_block(block, inner, values));
        Ok(list)
    }

    fn check_enumerable(&self, most: usize) -> Result<usize> {
        let n = self.graph.n_sites();
        if n > most {
            let requirement = format!("a graph of at most {most} sites, for an enumeration");
            return Err(Error::parameter("graph", format!("of {n} sites"), requirement));
        }
        Ok(n)
    }

    /// Writes `−E` of the states whose last spins are the bits of `block`, by the bits of the first `inner` spins.
    fn fill_block(&self, block: usize, inner: usize, out: &mut [f64]) {
        let n = self.graph.n_sites();
        let mut x = Array2::zeros((1, n));
        self.states_into((block as u64) << inner, x.view_mut());
        let mut x = x.remove_axis(ndarray::Axis(0));
        let mut negative_energy = self.interaction(x.view()) + x.dot(&self.fields);
        let mut field: Vec<f64> = (0..n).map(|i| self.local_field(x.view(), i)).collect();
        let mut state = 0;
        out[0] = negative_energy;
        for step in 1..1usize << inner {
            let i = step.trailing_zeros() as usize;
            negative_energy -= 2.0 * x[i] * field[i];
            x[i] = -x[i];
            for n in self.graph.neighbours(i) {
                field[n.site] += 2.0 * self.couplings[n.bond] * x[i];
            }
            state ^= 1 << i;
            out[state] = negative_energy;
        }
    }
}

/// Turns `−E` of every state into `⟨Π_{i ∈ A} x_i⟩` of every set of sites.
fn products(list: &mut [f64], log_z: f64) {
    for p in &mut *list {
        *p = (*p - log_z).exp();
    }
    walsh_hadamard(list);
    // The entry without any site is the sum of all probabilities, which is one up to the rounding of the energies.
    let total = list[0];
    for (set, product) in list.iter_mut().enumerate() {
        // The transform has −x_i where a bit is set.
        let sign = if set.count_ones() % 2 == 1 { -1.0 } else { 1.0 };
        *product *= sign / total;
    }
}

/// `ŵ(m) = Σ_s (−1)^{popcount(m & s)} w(s)`, in place.
fn walsh_hadamard(w: &mut [f64]) {
    let mut half = 1;
    while half < w.len() {
        for pair in w.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}
