//! Exact probabilities of colours and of bonds, for graphs whose sites can be summed out.
//!
//! The energy is linear in its parameters, `−E = θ·T`, and every statistic is 0 or 1: that the ends of a bond have one colour, that a site has a colour. So
//! `e^{δ T_a} = 1 + (e^δ − 1) T_a`, and the partition function with `θ_a + δ` gives
//!
//! `P(T_a = 1) = (Z(θ_a + δ)/Z − 1) / (e^δ − 1)`
//!
//! for *every* `δ`, not in the limit of small ones. A probability costs one more `log Z`, and is exact up to the rounding of that.

use gibbsian_core::{Parametric, ParametricMut, Result};
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use super::Potts;

/// Exact results of a model whose sites can be summed out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColourMoments {
    /// `log Z`.
    pub log_z: f64,
    /// `⟨E⟩`, in units of the temperature.
    pub mean_energy: f64,
    /// `P(x_i = a)`, `(N, q)`.
    pub sites: Array2<f64>,
    /// `P(x_i = x_j)`, one a bond.
    pub bonds: Array1<f64>,
}

impl Potts {
    /// The probabilities of all colours of all sites, and of the ends of every bond having one colour, exact up to rounding of the size `ε |log Z|`.
    ///
    /// ```
    /// use gibbsian_classical::{Boundary, Graph, Potts};
    ///
    /// // On a tree a bond is satisfied with probability e^J / (e^J + q − 1).
    /// let chain = Potts::uniform(Graph::lattice(&[40], Boundary::Open)?, 5, 1.2)?;
    /// let exact = chain.moments()?;
    /// let e = 1.2f64.exp();
    /// assert!((exact.bonds[17] - e / (e + 4.0)).abs() < 1e-12);
    /// assert!((exact.sites[[3, 2]] - 0.2).abs() < 1e-12);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Potts::log_z`].
    pub fn moments(&self) -> Result<ColourMoments> {
        let log_z = self.log_z()?;
        let params = self.params();
        let probability = |a: usize| {
            // Large enough that nothing cancels, small enough that a statistic that is seldom 1 is not all that is seen.
            const DELTA: f64 = 1.0;
            let mut changed = params.clone();
            changed[a] += DELTA;
            let mut model = self.clone();
            model.set_params(changed.view())?;
            let ratio_less_one = (model.log_z()? - log_z).exp_m1();
            Ok((ratio_less_one / DELTA.exp_m1()).clamp(0.0, 1.0))
        };
        let probabilities: Vec<f64> = (0..params.len())
            .into_par_iter()
            .map(probability)
            .collect::<Result<_>>()?;
        let probabilities = Array1::from_vec(probabilities);
        let (bonds, sites) = probabilities.view().split_at(Axis(0), self.couplings.len());
        Ok(ColourMoments {
            log_z,
            mean_energy: -params.dot(&probabilities),
            bonds: bonds.to_owned(),
            sites: Array2::from_shape_fn(self.fields.raw_dim(), |(i, a)| sites[i * self.n_colours() + a]),
        })
    }
}
