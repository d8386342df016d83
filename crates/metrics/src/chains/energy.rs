//! Diagnostics of the energies along chains.
//!
//! **E-BFMI**, the energy's Bayesian fraction of missing information: `Σ (E_t − E_{t−1})² / Σ (E_t − Ē)²`. A Hamiltonian sampler changes the energy only by
//! redrawing momenta; when these changes are small against the spread of the energy itself, the chain cannot reach the tails, whatever
//! its acceptance rate. Independent energies have 2, values below 0.3 are a warning.
//!
//! **Heat capacity** `C = β² Var E`, the slope of the mean energy in the temperature (in units of `k_B`). Away from a transition it is
//! the dimension over two for quadratic energies; a peak against `β` marks the temperature that tempering will find hard.
//!
//! Source: Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo"; for the heat capacity any text of
//! statistical mechanics, for its error Kenney and Keeping (1951), p. 141.

use gibbsian_core::Result;
use gibbsian_core::error::check_non_negative;
use ndarray::{Array1, ArrayView2};

use super::ess::spread;
use super::{Chains, mean, sum, variance};

/// The E-BFMI of each chain of energies `(chains, draws)`; NaN for a chain that is constant or not finite.
///
/// The numerator is a mean over `n − 1` differences and the denominator the variance with `n − 1`, as in ArviZ.
///
/// # Errors
/// No chain, or fewer than four draws.
///
/// ```
/// use gibbsian_metrics::energy_bfmi;
/// use ndarray::Array2;
/// let drifting = Array2::from_shape_fn((1, 400), |(_, t)| (t as f64 * 0.05).sin());
/// assert!(energy_bfmi(drifting.view())?[0] < 0.3);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn energy_bfmi(energies: ArrayView2<f64>) -> Result<Array1<f64>> {
    let chains = Chains::new(energies)?;
    let of_chain = |chain: &[f64]| {
        let steps = sum(chain.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)));
        steps / (chain.len() as f64 - 1.0) / variance(chain, mean(chain))
    };
    Ok(chains.rows().map(of_chain).collect())
}

/// A heat capacity with its Monte Carlo error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeatCapacity {
    /// `β² Var E`.
    pub value: f64,
    /// Its standard error, `β² √((m₄ − m₂²)/ESS)` with the effective sample size of the squared deviations.
    pub standard_error: f64,
}

/// `β² Var E` from energies `(chains, draws)` of chains at inverse temperature `beta`, all of one law; NaN if some are not finite.
///
/// # Errors
/// No chain, fewer than four draws, or `beta` negative or not finite.
///
/// ```
/// use gibbsian_metrics::heat_capacity;
/// use ndarray::array;
/// let found = heat_capacity(array![[1.0, 3.0, 1.0, 3.0, 3.0]].view(), 2.0)?;
/// assert!((found.value - 4.0 * 1.2).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn heat_capacity(energies: ArrayView2<f64>, beta: f64) -> Result<HeatCapacity> {
    check_non_negative("beta", beta)?;
    let chains = Chains::new(energies)?;
    if !chains.is_finite {
        return Ok(HeatCapacity {
            value: f64::NAN,
            standard_error: f64::NAN,
        });
    }
    let (centre, size) = (chains.mean(), chains.size() as f64);
    let squares = || chains.values.iter().map(|v| (v - centre).powi(2));
    let second = sum(squares()) / size;
    // m₄ − m₂², without the difference.
    let variance_of_squares = sum(squares().map(|s| (s - second).powi(2))) / size;
    // β E may be representable where E² is not.
    let scale = (beta * chains.unit).powi(2);
    Ok(HeatCapacity {
        value: scale * second * size / (size - 1.0),
        standard_error: scale * (variance_of_squares / spread(&chains)).sqrt(),
    })
}
