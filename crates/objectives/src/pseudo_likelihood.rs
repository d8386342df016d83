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
//! energy gradient for binary data. Rejected: one random site a case, which is unbiased and far noisier.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{DiscreteEnergy, EnergyPullback, Error, Objective, Record, Result, Snapshot};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};
use rand::Rng;

/// The negative mean pseudo-log-likelihood in nats a case, and its exact gradient.
#[derive(Clone, Copy, Debug, Default)]
pub struct PseudoLikelihood;

/// `(1/B) Σ_b Σ_i log p(x_bi | x_b,∖i)` of the rows of `x` `(B, D)` in nats, without a gradient.
///
/// Where all alphabets have two symbols, the model is asked for all flips at once.
///
/// # Errors
/// A batch that does not fit, an entry outside its alphabet, or a value that is not finite.
pub fn pseudo_log_likelihood<M: DiscreteEnergy + ?Sized>(model: &M, x: ArrayView2<f64>) -> Result<f64> {
    model.check_states("x", x)?;
    let mut sum = 0.0;
    for rows in x.axis_chunks_iter(Axis(0), ROWS_AT_ONCE) {
        for_each_site(model, rows, |_, costs| {
            sum += log_totals(costs).sum();
        });
    }
    let value = -sum / x.nrows() as f64;
    finite(value, "pseudo_log_likelihood")
}

/// How many rows are evaluated together, which bounds the memory for their costs whatever the size of the data set.
const ROWS_AT_ONCE: usize = 1024;

impl<M: DiscreteEnergy + EnergyPullback + ?Sized> Objective<M> for PseudoLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_states("x", x)?;
        grad.fill(0.0);
        let n = x.nrows() as f64;
        let mut loss = 0.0;
        // Of the data, Σ_i (1 − p_i(x_i)); of the changes at one site, −p_i(a).
        let mut w_data = Array1::zeros(x.nrows());
        let mut w_changed = Array1::zeros(x.nrows());
        let mut changed = x.to_owned();
        for_each_site(model, x, |site, costs| {
            let log_totals = log_totals(costs);
            loss += log_totals.sum() / n;
            for (k, costs) in costs.columns().into_iter().enumerate() {
                for (b, (cost, log_total)) in costs.iter().zip(&log_totals).enumerate() {
                    let p = (-cost - log_total).exp();
                    w_data[b] += p / n;
                    w_changed[b] = -p / n;
                    // A symbol of probability zero may lie outside the support, where the energy has no derivative.
                    if p > 0.0 {
                        changed[[b, site]] = other_symbol(model.alphabet(site), x[[b, site]], k);
                    }
                }
                model.energy_pullback_into(changed.view(), w_changed.view(), grad.view_mut());
                changed.column_mut(site).assign(&x.column(site));
            }
        });
        model.energy_pullback_into(x, w_data.view(), grad);
        finite(loss, "loss")
    }
}

impl Snapshot for PseudoLikelihood {
    /// Nothing: the loss is a function of the minibatch.
    fn snapshot(&self) -> Record {
        Record::new()
    }

    fn restore(&mut self, _: &Record) -> Result<()> {
        Ok(())
    }
}

/// Calls `visit(site, costs)` for every site: column `k` of the costs `(B, |A| − 1)` is what a change to [`other_symbol`] number `k` costs.
fn for_each_site<M: DiscreteEnergy + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    mut visit: impl FnMut(usize, ArrayView2<f64>),
) {
    if (0..model.dim()).all(|site| model.alphabet(site).len() == 2) {
        let mut flips = Array2::zeros(x.raw_dim());
        model.flip_deltas_into(x, flips.view_mut());
        for site in 0..model.dim() {
            visit(site, flips.slice(s![.., site..=site]));
        }
        return;
    }
    for site in 0..model.dim() {
        let alphabet = model.alphabet(site);
        let mut deltas = Array2::zeros((x.nrows(), alphabet.len()));
        model.site_deltas_into(x, site, deltas.view_mut());
        let costs = Array2::from_shape_fn((x.nrows(), alphabet.len() - 1), |(b, k)| {
            deltas[[b, other_index(alphabet, x[[b, site]], k)]]
        });
        visit(site, costs.view());
    }
}

/// The symbol number `k` after `own`, cyclically, so that `k = 0, …, |A| − 2` are all symbols but `own`.
fn other_symbol(alphabet: &[f64], own: f64, k: usize) -> f64 {
    alphabet[other_index(alphabet, own, k)]
}

fn other_index(alphabet: &[f64], own: f64, k: usize) -> usize {
    let own = alphabet.iter().position(|a| *a == own);
    (own.expect("the batch was checked against the alphabets") + k + 1) % alphabet.len()
}

/// `−log p(x_i | x_∖i) = log(1 + Σ_k exp(−cost_k))` of every row.
fn log_totals(costs: ArrayView2<f64>) -> Array1<f64> {
    // The first term stays `log 1`, of the symbol that the site has.
    let mut terms = vec![0.0; costs.ncols() + 1];
    let total = |costs: ArrayView1<f64>| {
        for (term, cost) in terms[1..].iter_mut().zip(costs) {
            *term = -cost;
        }
        log_sum_exp(&terms)
    };
    costs.rows().into_iter().map(total).collect()
}

fn finite(value: f64, name: &str) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::non_finite(name, value, "in the pseudo-likelihood"))
    }
}
