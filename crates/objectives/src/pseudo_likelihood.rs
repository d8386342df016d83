//! Pseudo-likelihood: the product of the conditional laws of single sites (Besag 1975).
//!
//! `−⟨Σ_i log p(x_i | x_∖i)⟩_data` needs no normaliser, because the conditional law of a site sums over that site's alphabet only: with the
//! costs `δ_ia = E(x with x_i = a) − E(x)`,
//!
//! `−log p(x_i | x_∖i) = log Σ_a exp(−δ_ia)`,
//!
//! in which the symbol that the site has contributes `exp(0)`. The gradient is exact,
//!
//! `Σ_i [(1 − p_i(x_i)) ∂E(x) − Σ_{a ≠ x_i} p_i(a) ∂E(x with x_i = a)]`,  `p_i(a) = p(x_i = a | x_∖i)`,
//!
//! where `1 − p_i(x_i)` is summed from the other symbols, so that nothing cancels at a site that the model is sure of. Where sites are independent it
//! is the likelihood itself; in general it is consistent (its expected gradient vanishes where the model is the law of the data) and less
//! efficient than maximum likelihood.
//!
//! The gradient takes a pullback for each site and each symbol beyond the first, on the whole minibatch: `D` times the cost of an
//! energy gradient for binary data, unless the model's flips share work (those of an RBM do). Rejected: one random site a case, which is unbiased and far noisier.
//!
//! Categorical indicators (a layer of `Softmax` units) change two at a time: no single site of a one-hot row can, its conditional law is certain whatever the model, and the loss would be zero. A model all of
//! whose sites are such is refused; beside other sites, indicators add nothing to the loss.

use gibbsian_core::{DiscreteEnergy, EnergyPullback, Objective, Result, Stateless};
use ndarray::{ArrayView2, ArrayViewMut1, Axis};
use rand::Rng;

use crate::sites::{Changes, finite, for_each_site, log_total, site_loss_and_grad_into};

/// The negative mean pseudo-log-likelihood in nats a case, and its exact gradient.
///
/// It asks for sites with finite alphabets, so a continuous model is an error of the compiler:
///
/// ```compile_fail,E0277
/// use gibbsian_core::Objective;
/// use gibbsian_objectives::PseudoLikelihood;
/// # use gibbsian_testkit::targets::Gaussian;
///
/// // `Gaussian` is a normal density by its mean and precision.
/// fn trains<M>(_: &impl Objective<M>) {}
/// trains::<Gaussian>(&PseudoLikelihood);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PseudoLikelihood;

/// `(1/B) Σ_b Σ_i log p(x_bi | x_b,∖i)` of the rows of `x` `(B, D)` in nats, without a gradient.
///
/// Where all alphabets have two symbols, the model is asked for all flips at once.
///
/// # Errors
/// A batch that does not fit, an entry outside its alphabet, rows at which no change of one site is possible (categorical indicators), or a value that is not finite.
pub fn pseudo_log_likelihood<M: DiscreteEnergy + ?Sized>(model: &M, x: ArrayView2<f64>) -> Result<f64> {
    model.check_states("x", x)?;
    let mut sum = 0.0;
    let mut changes = Changes::default();
    for rows in x.axis_chunks_iter(Axis(0), ROWS_AT_ONCE) {
        for_each_site(model, rows, |_, costs| {
            changes.see(&costs);
            sum += costs
                .rows()
                .into_iter()
                .map(|costs| log_total(&costs.to_vec()))
                .sum::<f64>();
        });
    }
    changes.check()?;
    let value = -sum / x.nrows() as f64;
    finite(value, "pseudo_log_likelihood", WHAT)
}

const WHAT: &str = "in the pseudo-likelihood";

/// How many rows are evaluated together, which bounds the memory for their costs whatever the size of the data set.
const ROWS_AT_ONCE: usize = 1024;

impl<M: DiscreteEnergy + EnergyPullback> Objective<M> for PseudoLikelihood {
    /// # Errors
    /// Also rows at which no change of one site is possible, as those of categorical indicators.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        site_loss_and_grad_into(model, x, WHAT, ell, grad)
    }
}

/// `−log p(x_i | x_∖i)` and its slopes `−p_i(a)` in the costs of the other symbols.
fn ell(costs: &[f64], slopes: &mut [f64]) -> f64 {
    let log_total = log_total(costs);
    for (slope, cost) in slopes.iter_mut().zip(costs) {
        *slope = -(-cost - log_total).exp();
    }
    log_total
}

/// The loss is a function of the minibatch.
impl Stateless for PseudoLikelihood {}
