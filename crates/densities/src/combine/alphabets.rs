//! Several models on one finite space: their states have to be the same.
//!
//! Most energies of discrete models are formulas that take any real numbers, an Ising energy those of bits as well. A sum of energies over different alphabets would therefore be finite at states that
//! one of the models does not have, and nobody would be told. Whether models are discrete is not known where they are put together, so the spaces are compared where states are made or taken.
//!
//! Models may be combinations themselves, whose alphabets are those of their first part. So each is shown a state, and refuses it where its own parts have different spaces. Spaces that do not have all
//! combinations of their symbols, like those of units of which one is on, are told apart by the number of their states.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::{Discrete, Space};
use ndarray::Array2;

/// Requires models with the states of `first`; `what` are they, for the error.
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
        check_first_state(model)?;
        if model.n_states() != first.n_states() {
            let said = |n: Option<u64>| n.map_or("above 2^64".to_owned(), |n| n.to_string());
            return Err(Error::parameter(
                format!("the number of states of {what}[{k}]"),
                said(model.n_states()),
                format!("{}, that of the first", said(first.n_states())),
            ));
        }
    }
    Ok(())
}

/// Requires a model to take the first of its own states: a combination of models on different spaces does not.
pub(super) fn check_first_state<M: Discrete>(model: &M) -> Result<()> {
    if model.n_states() == Some(0) {
        return Ok(());
    }
    let mut state = Array2::zeros((1, model.dim()));
    model.states_into(0, state.view_mut());
    model.check_states("states", state.view())
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

/// The methods of [`Discrete`] for a combination of models with a method `check_alphabets`: the states are those of `$first`, and nothing goes on where the others have different ones.
macro_rules! on_one_space {
    ($self:ident => $first:expr) => {
        fn alphabet(&$self, site: usize) -> &[f64] {
            $first.alphabet(site)
        }

        fn check_states(&$self, name: &'static str, x: ::ndarray::ArrayView2<f64>) -> Result<()> {
            $self.check_alphabets()?;
            $first.check_states(name, x)
        }

        /// `None` also where the spaces differ.
        fn n_states(&$self) -> Option<u64> {
            $self.check_alphabets().ok()?;
            $first.n_states()
        }

        fn states_into(&$self, first: u64, out: ::ndarray::ArrayViewMut2<f64>) {
            $first.states_into(first, out);
        }

        /// # Errors
        /// More than 2²⁴ states, or models on different spaces.
        fn states(&$self) -> Result<::ndarray::Array2<f64>> {
            $self.check_alphabets()?;
            $first.states()
        }
    };
}
pub(super) use on_one_space;
