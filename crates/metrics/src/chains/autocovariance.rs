//! Autocovariances: how much of a chain's present is still in its future.
//!
//! `c_t = (1/n) Σ_{i ≤ n−t} (x_i − x̄)(x_{i+t} − x̄)`, with `1/n` and not `1/(n − t)`, as everywhere in the field: it makes the sequence
//! positive definite, and the far lags, of which nothing is known, small. All lags at once come from a Fourier transform in
//! `O(n log n)`; effective sample sizes ask for lag after lag until Geyer's rule stops them, and then a few direct sums are cheaper.
//!
//! Source: Priestley (1981), "Spectral Analysis and Time Series", section 5.3.

use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView1};

use super::fourier::Fourier;
use super::{Chains, mean};

/// The number of lags that are summed directly before a Fourier transform takes over.
const DIRECT_LAGS: usize = 64;

/// The number of lags that are summed in one pass over the chains; with the zeroth, Geyer's rule needs three at least.
const LAGS_AT_ONCE: usize = 4;

/// `c_t` of one series for all lags `t < n`; NaN throughout if an entry is not finite.
///
/// # Errors
/// An empty series.
///
/// ```
/// use gibbsian_metrics::autocovariance;
/// use ndarray::array;
/// let c = autocovariance(array![1.0, -1.0, 1.0, -1.0].view())?;
/// assert!((c[0] - 1.0).abs() < 1e-15 && (c[1] + 0.75).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn autocovariance(series: ArrayView1<f64>) -> Result<Array1<f64>> {
    let (covariance, unit) = scaled_autocovariance(series)?;
    // One factor after the other: the square alone may leave the range of numbers.
    Ok(covariance * unit * unit)
}

/// `c_t / c_0` of one series for all lags `t < n`; NaN for a constant series, and throughout if an entry is not finite.
///
/// # Errors
/// An empty series.
pub fn autocorrelation(series: ArrayView1<f64>) -> Result<Array1<f64>> {
    let (covariance, _) = scaled_autocovariance(series)?;
    Ok(&covariance / covariance[0])
}

/// The autocovariance in a unit of its own, and the unit of the series.
fn scaled_autocovariance(series: ArrayView1<f64>) -> Result<(Array1<f64>, f64)> {
    if series.is_empty() {
        return Err(Error::shape("series", series.shape(), "(at least 1)"));
    }
    if !series.iter().all(|v| v.is_finite()) {
        return Ok((Array1::from_elem(series.len(), f64::NAN), 1.0));
    }
    let mut chain = Chains {
        values: series.to_vec(),
        n_chains: 1,
        n_draws: series.len(),
        unit: 1.0,
        is_finite: true,
    };
    chain.scale();
    let mut covariance = MeanAutocovariance::new(&chain);
    covariance.all();
    Ok((Array1::from_vec(covariance.known), chain.unit))
}

/// The mean over chains of `c_t`, computed as far as it is asked for.
pub(super) struct MeanAutocovariance {
    /// The chains, each minus its mean.
    centred: Vec<f64>,
    n_chains: usize,
    n_draws: usize,
    known: Vec<f64>,
}

impl MeanAutocovariance {
    pub(super) fn new(chains: &Chains) -> Self {
        let mut centred = Vec::with_capacity(chains.size());
        for chain in chains.rows() {
            let mean = mean(chain);
            centred.extend(chain.iter().map(|v| v - mean));
        }
        MeanAutocovariance {
            centred,
            n_chains: chains.n_chains,
            n_draws: chains.n_draws,
            known: Vec::new(),
        }
    }

    /// `c_t`, zero for lags that no chain has.
    pub(super) fn at(&mut self, lag: usize) -> f64 {
        if lag >= self.n_draws {
            return 0.0;
        }
        while self.known.len() <= lag {
            if self.known.len() < DIRECT_LAGS {
                self.known.extend(self.direct(self.known.len()));
            } else {
                self.all();
            }
        }
        self.known[lag]
    }

    /// The lags from `first` on, a block of them, so that a chain is read from the nearest cache.
    fn direct(&self, first: usize) -> [f64; LAGS_AT_ONCE] {
        let mut totals = [0.0; LAGS_AT_ONCE];
        for x in self.centred.chunks_exact(self.n_draws) {
            for (lag, total) in (first..x.len()).zip(&mut totals) {
                *total += dot(&x[..x.len() - lag], &x[lag..]);
            }
        }
        totals.map(|total| total / (self.n_chains * self.n_draws) as f64)
    }

    /// Computes every lag that is not known yet.
    fn all(&mut self) {
        if self.n_draws <= DIRECT_LAGS {
            while self.known.len() < self.n_draws {
                self.known.extend(self.direct(self.known.len()));
            }
            self.known.truncate(self.n_draws);
            return;
        }
        // Padding with as many zeros keeps the ends from meeting.
        let fourier = Fourier::new(2 * self.n_draws);
        let mut power = vec![0.0; fourier.size()];
        for pair in self.centred.chunks(2 * self.n_draws) {
            let (mut re, mut im) = (vec![0.0; fourier.size()], vec![0.0; fourier.size()]);
            let (first, second) = pair.split_at(self.n_draws);
            re[..first.len()].copy_from_slice(first);
            im[..second.len()].copy_from_slice(second);
            fourier.forward(&mut re, &mut im);
            for ((power, re), im) in power.iter_mut().zip(&re).zip(&im) {
                *power += re * re + im * im;
            }
        }
        fourier.inverse_real(&mut power);
        let scale = 1.0 / (self.n_chains * self.n_draws) as f64;
        let known = self.known.len();
        self.known
            .extend(power[known..self.n_draws].iter().map(|c| c * scale));
    }
}

/// `Σ a_i b_i` in interleaved partial sums, which a compiler turns into vector instructions.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    vectorized(Dot(a, b))
}

struct Dot<'a>(&'a [f64], &'a [f64]);

impl Vectorized for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; 16];
        let (a_blocks, a_rest) = self.0.as_chunks::<16>();
        let (b_blocks, b_rest) = self.1.as_chunks::<16>();
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            for k in 0..16 {
                sums[k] += a[k] * b[k];
            }
        }
        let mut total = 0.0;
        for (a, b) in a_rest.iter().zip(b_rest) {
            total += a * b;
        }
        for sum in sums {
            total += sum;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourier_transforms_and_direct_sums_agree() {
        // Five chains of a length that is no power of two, and an odd number of them.
        let values: Vec<f64> = (0..5 * 333)
            .map(|i| (f64::from(i) * 0.37).sin() + (f64::from(i * i) * 0.11).cos())
            .collect();
        let chains = Chains {
            values,
            n_chains: 5,
            n_draws: 333,
            unit: 1.0,
            is_finite: true,
        };
        let mut fast = MeanAutocovariance::new(&chains);
        fast.all();
        let scale = fast.at(0);
        for lag in 0..333 {
            assert!(
                (fast.at(lag) - fast.direct(lag)[0]).abs() < 1e-14 * scale,
                "{lag}"
            );
        }
        assert_eq!(fast.at(333), 0.0);
        let mut lazy = MeanAutocovariance::new(&chains);
        assert!((lazy.at(200) - fast.at(200)).abs() < 1e-14 * scale);
    }
}
