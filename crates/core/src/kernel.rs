//! Markov kernels, their laws, and their object-safe erasure.
//!
//! A kernel is a configuration value: it holds step sizes and options, never positions. What the chain needs from one step to the
//! next (positions, cached energies and scores) is its `State`; what diagnostics want to know of a step is its `Info`. Many
//! chains advance together, one a row.
//!
//! A kernel draws **one** key a step from the generator it is given and derives the streams of its blocks of rows from it (see
//! [`crate::seed`]).

use std::iter::Sum;
use std::ops::Add;

use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::Rng;

use crate::error::Result;
use crate::snapshot::Snapshot;

/// A Markov transition that leaves the density of the target `T` invariant, or approximately so where its documentation says.
pub trait Kernel<T: ?Sized>: Sync {
    /// What the next step needs. Taking it and putting it back continues the chains bit for bit.
    type State: Snapshot + Send;
    /// What diagnostics want of one step, over all chains.
    type Info: StepInfo;

    /// Starts chains at the rows of `x`.
    ///
    /// # Errors
    /// Rows that do not fit the target, or from which it cannot start.
    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State>;

    /// Recomputes what `state` caches of the target, after the target's parameters changed.
    fn refresh(&self, target: &T, state: &mut Self::State);

    /// The positions of the chains, `(B, D)`.
    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2>;

    /// Advances every chain by one step.
    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) -> Self::Info;
}

/// What one step did with its proposals, over all chains.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Acceptance {
    /// The number of proposals.
    pub proposed: u64,
    /// How many of them were taken.
    pub accepted: u64,
    /// How many of them were refused because the energy, the score or the point proposed was not a number that a density can have
    /// there: NaN, or an energy of −∞. Anything but zero is a fault of the target or a step that is far too long.
    pub undefined: u64,
    /// The sum of the acceptance probabilities `min(1, α)` of all proposals. Its mean has the expectation of the accepted fraction and less variance.
    pub probability: f64,
}

impl Acceptance {
    /// The mean acceptance probability, NaN where nothing was proposed.
    pub fn rate(&self) -> f64 {
        self.probability / self.proposed as f64
    }

    /// The accepted fraction, NaN where nothing was proposed.
    pub fn fraction(&self) -> f64 {
        self.accepted as f64 / self.proposed as f64
    }
}

impl Add for Acceptance {
    type Output = Acceptance;

    fn add(self, other: Acceptance) -> Acceptance {
        Acceptance {
            proposed: self.proposed + other.proposed,
            accepted: self.accepted + other.accepted,
            undefined: self.undefined + other.undefined,
            probability: self.probability + other.probability,
        }
    }
}

impl Sum for Acceptance {
    fn sum<I: Iterator<Item = Acceptance>>(acceptances: I) -> Self {
        acceptances.fold(Acceptance::default(), Add::add)
    }
}

/// What any driver can ask of a kernel's report on a step.
pub trait StepInfo: Send {
    /// The names of the numbers that are reported for each chain, ArviZ's names where it has one: `energy`, `diverging`, `tree_depth`.
    const STATISTICS: &'static [&'static str] = &[];

    /// What happened to the proposals; a kernel that makes none has proposed none.
    fn acceptance(&self) -> Acceptance {
        Acceptance::default()
    }

    /// The number `STATISTICS[index]` of a chain.
    ///
    /// # Panics
    /// When there is no such number or chain.
    fn statistic(&self, index: usize, chain: usize) -> f64 {
        panic!("no statistic {index} of chain {chain} is reported");
    }
}

/// Nothing to report, as of a kernel that draws from exact conditional laws.
impl StepInfo for () {}

impl StepInfo for Acceptance {
    fn acceptance(&self) -> Acceptance {
        *self
    }
}

/// A kernel on a finite space whose law can be written down.
///
/// The matrix is built from the very conditional laws that [`Kernel::step`] draws from, so that invariance can be audited to
/// rounding error on small targets, and a goodness-of-fit test ties the drawn step to the matrix.
pub trait TransitionLaw<T: ?Sized>: Kernel<T> {
    /// `P[i, j]`, the probability of a step from row `i` to row `j` of `states`, which must list the whole space once.
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64>;
}

/// Chains whose kernel and target are forgotten, for lists of them.
pub trait Chain {
    /// Advances every chain by one step.
    fn advance(&mut self, rng: &mut dyn Rng);

    /// A copy of the positions, `(B, D)`.
    fn positions(&self) -> Array2<f64>;
}

/// A kernel bound to its target and state.
pub struct Bound<'a, K: Kernel<T>, T: ?Sized> {
    kernel: K,
    target: &'a T,
    state: K::State,
}

impl<K: Kernel<T>, T: ?Sized> std::fmt::Debug for Bound<'_, K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").finish_non_exhaustive()
    }
}

impl<'a, K: Kernel<T>, T: ?Sized> Bound<'a, K, T> {
    /// Starts chains at the rows of `x`.
    ///
    /// # Errors
    /// Those of [`Kernel::init`].
    pub fn new(kernel: K, target: &'a T, x: Array2<f64>) -> Result<Self> {
        let state = kernel.init(target, x)?;
        Ok(Bound {
            kernel,
            target,
            state,
        })
    }
}

impl<K: Kernel<T>, T: ?Sized> Chain for Bound<'_, K, T> {
    fn advance(&mut self, rng: &mut dyn Rng) {
        self.kernel.step(self.target, &mut self.state, rng);
    }

    fn positions(&self) -> Array2<f64> {
        self.kernel.positions(&self.state).into_owned()
    }
}
