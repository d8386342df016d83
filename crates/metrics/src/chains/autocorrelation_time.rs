//! The integrated autocorrelation time `τ = 1 + 2 Σ_{t ≥ 1} ρ_t`: how many draws of a chain are worth one independent draw.
//!
//! The sum of all estimated autocorrelations is useless, since each lag adds noise of the same size and the signal has ended. Two rules
//! for where to stop:
//!
//! - **Geyer.** For a reversible chain `ρ_{2k} + ρ_{2k+1}` is positive and decreasing in `k`. Pairs are added while they are positive, and
//!   each is lowered to the one before it. No constant has to be chosen; effective sample sizes use this rule, in the form of Stan.
//! - **Sokal.** The smallest window `M` with `M ≥ c τ(M)`. A slow exponential decay has `τ` twice its time, so with `c = 5` it is cut off at `e⁻¹⁰` of its sum. It assumes
//!   no reversibility. It closes on every chain, since the autocorrelations of all lags add up to −½ whatever the chain: on one that is too
//!   short it closes too early, and only the length against the time found tells. On one whose draws alternate, `ρ_t = (−a)^t`, it closes too early as well, for `τ` is then
//!   the shorter the longer the chain remembers: their product is about ½. Geyer's rule has no such fault.
//!
//! Sources: Geyer (1992), "Practical Markov chain Monte Carlo", section 3.3; Sokal (1997), "Monte Carlo methods in statistical mechanics: foundations and new
//! algorithms", section 3; Vehtari et al. (2021), section 3.2.

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;
use ndarray::ArrayView2;

use super::autocovariance::MeanAutocovariance;
use super::{Chains, mean, of_finite, variance};

/// The constant `c` of Sokal's window that is usual.
pub const SOKAL_WINDOW: f64 = 5.0;

/// How many autocorrelation times a chain should be long before its estimate of one is believed.
const LONG_ENOUGH: f64 = 50.0;

/// An integrated autocorrelation time by Sokal's window.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AutocorrelationTime {
    /// `τ(M)`, in draws.
    pub value: f64,
    /// The window `M`; `None` for a constant quantity.
    pub window: Option<usize>,
    /// `√(2 (2M + 1) / S)` times the value, its standard error (Sokal 1997, equation 3.19).
    pub standard_error: f64,
    /// Whether each chain has at least 50 τ draws, and the window is `c` times as long as an alternating chain of this `τ` remembers, `M ≥ c/(2τ)`; otherwise the value is off
    /// by an unknown amount, of a short chain too small.
    pub is_reliable: bool,
}

/// `τ` by Geyer's rule: [`ess_mean`](crate::ess_mean) is the number of draws over this.
///
/// `draws` is `(chains, draws)`; chains are halved, and the variance between them counts as correlation. 1 for a constant quantity,
/// NaN for draws that are not finite.
///
/// # Errors
/// No chain, or fewer than four draws.
///
/// ```
/// use gibbsian_metrics::autocorrelation_time;
/// use ndarray::Array2;
/// // A slow wave has hardly forgotten anything.
/// let draws = Array2::from_shape_fn((1, 1000), |(_, t)| (t as f64 * 0.01).sin());
/// assert!(autocorrelation_time(draws.view())? > 50.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn autocorrelation_time(draws: ArrayView2<f64>) -> Result<f64> {
    of_finite(draws, |chains| geyer_time(&chains.halves()))
}

/// `τ` by Sokal's window, the smallest `M` with `M ≥ c τ(M)`; [`SOKAL_WINDOW`] is the usual `c`.
///
/// `draws` is `(chains, draws)`; autocovariances, each chain about its own mean, are averaged over chains, and chains are not halved. A constant
/// quantity and draws that are not finite have a NaN.
///
/// # Errors
/// No chain, fewer than four draws, or a constant that is not positive.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_metrics::{SOKAL_WINDOW, autocorrelation_time_windowed};
/// use ndarray::Array2;
/// use rand::RngExt;
/// use rand_distr::StandardNormal;
/// // An autoregression that keeps half of each draw: τ = (1 + ½)/(1 − ½).
/// let (mut rng, mut x) = (Seed::new(1).rng(), 0.0);
/// let draws = Array2::from_shape_simple_fn((1, 20_000), || {
///     x = 0.5 * x + rng.sample::<f64, _>(StandardNormal);
///     x
/// });
/// let tau = autocorrelation_time_windowed(draws.view(), SOKAL_WINDOW)?;
/// assert!(tau.is_reliable && (tau.value - 3.0).abs() < 5.0 * tau.standard_error, "{tau:?}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn autocorrelation_time_windowed(draws: ArrayView2<f64>, c: f64) -> Result<AutocorrelationTime> {
    check_positive("c", c)?;
    let chains = Chains::new(draws)?;
    if !chains.is_finite {
        return Ok(AutocorrelationTime {
            value: f64::NAN,
            window: None,
            standard_error: f64::NAN,
            is_reliable: false,
        });
    }
    let mut covariance = MeanAutocovariance::new(&chains);
    let variance = covariance.at(0);
    let (mut tau, mut window) = (1.0, None);
    for lag in 1..chains.n_draws {
        tau += 2.0 * covariance.at(lag) / variance;
        if lag as f64 >= c * tau {
            window = Some(lag);
            break;
        }
    }
    let lags = window.unwrap_or(chains.n_draws - 1) as f64;
    Ok(AutocorrelationTime {
        value: tau,
        window,
        standard_error: tau.abs() * (2.0 * (2.0 * lags + 1.0) / chains.size() as f64).sqrt(),
        is_reliable: window.is_some() && chains.n_draws as f64 >= LONG_ENOUGH * tau && 2.0 * lags * tau >= c,
    })
}

/// `τ` of chains that are halved already, at least `1/log₁₀ S`: antithetic chains may be better than independent draws, but not by more
/// than can be estimated.
pub(super) fn geyer_time(chains: &Chains) -> f64 {
    if chains.is_constant() {
        return 1.0;
    }
    let n = chains.n_draws as f64;
    let mut covariance = MeanAutocovariance::new(chains);
    // W and its combination with the variance of the chains' means, as in R-hat.
    let within = covariance.at(0) * n / (n - 1.0);
    let mut total = covariance.at(0);
    if chains.n_chains > 1 {
        let means: Vec<f64> = chains.rows().map(mean).collect();
        total += variance(&means, mean(&means));
    }
    let rho = initial_sequence(chains.n_draws, |lag| 1.0 - (within - covariance.at(lag)) / total);
    let fewest = 1.0 / (chains.size() as f64).log10();
    // Unlike `f64::max`, this keeps a NaN.
    if rho < fewest { fewest } else { rho }
}

/// `−1 + 2 Σ ρ_t` over Geyer's initial positive sequence made monotone; of the pair at which it stops, the even member counts once.
///
/// `rho` is asked for lags from 1 up to `n_draws − 1` at most.
fn initial_sequence(n_draws: usize, mut rho: impl FnMut(usize) -> f64) -> f64 {
    let (mut even, mut odd) = (1.0, rho(1));
    let mut pairs = vec![(even, odd)];
    // Pair k holds the lags 2k and 2k + 1.
    let mut k = 0;
    while 2 * k + 4 < n_draws && even + odd > 0.0 {
        k += 1;
        (even, odd) = (rho(2 * k), rho(2 * k + 1));
        pairs.push((even, odd));
    }
    if even.is_nan() || odd.is_nan() {
        return f64::NAN;
    }
    // The last pair is where the sequence stopped, and then a negative even member is noise, or where the chain ended.
    pairs.pop();
    let last = if even + odd < 0.0 { even.max(0.0) } else { even };
    let (mut sum, mut lowest) = (0.0, f64::INFINITY);
    for (even, odd) in pairs {
        lowest = f64::min(lowest, even + odd);
        sum += lowest;
    }
    -1.0 + 2.0 * sum + last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_stops_is_lowered_and_ends_on_an_even_lag() {
        // Pairs 1.5, 0.4, 0.6 (lowered to 0.4), −0.1: the last counts its even member, 0.1.
        let rho = [1.0, 0.5, 0.3, 0.1, 0.4, 0.2, 0.1, -0.2, 9.0, 9.0, 9.0, 9.0];
        let tau = initial_sequence(rho.len(), |lag| rho[lag]);
        assert!(
            (tau - (-1.0 + 2.0 * (1.5 + 0.4 + 0.4) + 0.1)).abs() < 1e-15,
            "{tau}"
        );
        // A negative even member of the pair at which the sequence stops is noise.
        let rho = [1.0, 0.2, -0.3, 0.1, 9.0, 9.0, 9.0];
        assert!((initial_sequence(rho.len(), |lag| rho[lag]) - 1.4).abs() < 1e-15);
        // That of the pair at which the chain ends, in a positive pair, is not.
        let rho = [1.0, 0.2, -0.1, 0.3, 9.0, 9.0];
        assert!((initial_sequence(rho.len(), |lag| rho[lag]) - 1.3).abs() < 1e-15);
    }

    #[test]
    fn the_least_time_does_not_hide_what_is_no_number() {
        let mut chains = Chains {
            values: [1.0, -1.0].repeat(50),
            n_chains: 1,
            n_draws: 100,
            unit: 1.0,
            is_finite: true,
        };
        assert_eq!(geyer_time(&chains), 0.5);
        chains.values[7] = f64::NAN;
        assert!(geyer_time(&chains).is_nan());
    }
}
