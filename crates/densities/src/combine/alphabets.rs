//! Several models on one finite space: their alphabets have to be the same.
//!
//! Most energies of discrete models are formulas that take any real numbers, an Ising energy those of bits as well. A sum of energies over different alphabets would therefore be finite at states that
//! one of the models does not have, and nobody would be told. Whether models are discrete is not known where they are put together, so the spaces are compared where states are made or taken.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Discrete, Space};

/// Requires models with the alphabets of `first`; `what` are they, for the error.
pub(super) fn check_alphabets<'m, A: Discrete, M: Discrete + 'm>(
    what: &str,
    first: &A,
    models: impl IntoIterator<Item = (usize, &'m M)>,
) -> Result<()> {
    for (k, model) in models {
        let site = (0..first.dim()).find(|&site| model.alphabet(site) != first.alphabet(site));
        if let Some(site) = site {
            return Err(Error::parameter(
                format!("the alphabet of site {site} of {what}[{k}]"),
                format!("{:?}", model.alphabet(site)),
                format!("{:?}, that of the first", first.alphabet(site)),
            ));
        }
    }
    Ok(())
}

/// All combinations of the symbols of a model's alphabets, as [`Discrete`] provides them.
pub(super) struct Combinations<'m, M>(pub(super) &'m M);

impl<M: Space> Space for Combinations<'_, M> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<M: Discrete> Discrete for Combinations<'_, M> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.0.alphabet(site)
    }
}

/// The methods of [`Discrete`] for a combination of models with a method `check_alphabets`: none of them goes on where the alphabets differ.
macro_rules! on_one_space {
    () => {
        fn check_states(&self, name: &'static str, x: ::ndarray::ArrayView2<f64>) -> Result<()> {
            self.check_alphabets()?;
            crate::combine::alphabets::Combinations(self).check_states(name, x)
        }

        /// `None` also where the alphabets differ.
        fn n_states(&self) -> Option<u64> {
            self.check_alphabets().ok()?;
            crate::combine::alphabets::Combinations(self).n_states()
        }

        /// # Errors
        /// More than 2²⁴ states, or models with different alphabets.
        fn states(&self) -> Result<::ndarray::Array2<f64>> {
            self.check_alphabets()?;
            crate::combine::alphabets::Combinations(self).states()
        }
    };
}
pub(super) use on_one_space;
