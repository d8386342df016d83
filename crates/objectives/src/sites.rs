//! Losses that are sums over single sites, functions of what changing each of them costs.
//!
//! With the costs `δ_ia = E(x with x_i = a) − E(x)` of the symbols `a` that site `i` of a case does not have,
//!
//! `L = ⟨Σ_i ℓ(δ_i)⟩_data`,  `∂L = ⟨Σ_i Σ_a ℓ_a(δ_i) [∂E(x with x_i = a) − ∂E(x)]⟩_data`,  `ℓ_a = ∂ℓ/∂δ_a`.
//!
//! No normaliser occurs, because costs are differences. Where all alphabets have two symbols the model is asked for all costs and for all derivatives at once
//! ([`EnergyPullback::flips_pullback_into`]), which for a machine with hidden units is a factor `D` cheaper than site by site.
//!
//! Where no change of a single site stays inside the support, as for categorical indicators, of which two change at a time, all costs are infinite and such a loss says nothing about the model. It is refused.

use gibbsian_core::math::{log_sum_exp, softplus};
use gibbsian_core::{DiscreteEnergy, EnergyPullback, Error, Result};
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, ArrayViewMut1, Axis, Data, Ix2, s};

/// Overwrites `grad` with the gradient of `⟨Σ_i ℓ(δ_i)⟩` and returns the loss.
///
/// `ell(costs, slopes)` returns `ℓ` of the costs of one site and writes `∂ℓ/∂δ_a` into the slopes, zero where the symbol is impossible.
///
/// # Errors
/// A batch that does not fit, an entry outside its alphabet, rows at which no change of one site is possible, or a loss that is not finite, described by `what`.
pub(crate) fn site_loss_and_grad_into<M: DiscreteEnergy + EnergyPullback>(
    model: &M,
    x: ArrayView2<f64>,
    what: &'static str,
    mut ell: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut grad: ArrayViewMut1<f64>,
) -> Result<f64> {
    model.check_states("x", x)?;
    grad.fill(0.0);
    let n = x.nrows() as f64;
    let mut loss = 0.0;
    let mut changes = Changes::default();
    // Of the data; changes lower it by as much as they raise their own.
    let mut w_data = Array1::zeros(x.nrows());
    if is_binary(model) {
        let mut slopes = Array2::zeros(x.raw_dim());
        model.flip_deltas_into(x, slopes.view_mut());
        changes.see(&slopes);
        for (mut row, w_data) in slopes.rows_mut().into_iter().zip(&mut w_data) {
            for slope in &mut row {
                let cost = [*slope];
                loss += ell(&cost, std::slice::from_mut(slope)) / n;
                *slope /= n;
                *w_data -= *slope;
            }
        }
        model.flips_pullback_into(x, slopes.view(), grad.view_mut());
    } else {
        let mut changed = x.to_owned();
        for_each_site(model, x, |site, costs| {
            changes.see(&costs);
            let mut slopes = Array2::zeros(costs.raw_dim());
            for (costs, mut slopes) in costs.rows().into_iter().zip(slopes.rows_mut()) {
                let slopes = slopes.as_slice_mut().expect("rows of a new array");
                loss += ell(&costs.to_vec(), slopes) / n;
            }
            slopes /= n;
            w_data -= &slopes.sum_axis(Axis(1));
            for (k, w_changed) in slopes.columns().into_iter().enumerate() {
                for (b, w) in w_changed.iter().enumerate() {
                    // A symbol without weight may lie outside the support, where the energy has no derivative.
                    if *w != 0.0 {
                        changed[[b, site]] = other_symbol(model.alphabet(site), x[[b, site]], k);
                    }
                }
                model.energy_pullback_into(changed.view(), w_changed, grad.view_mut());
                changed.column_mut(site).assign(&x.column(site));
            }
        });
    }
    changes.check()?;
    model.energy_pullback_into(x, w_data.view(), grad);
    finite(loss, "loss", what)
}

/// Calls `visit(site, costs)` for every site: column `k` of the costs `(B, |A| − 1)` is what a change to [`other_symbol`] number `k` costs.
///
/// Where all alphabets have two symbols, the model is asked for all flips at once.
pub(crate) fn for_each_site<M: DiscreteEnergy + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    mut visit: impl FnMut(usize, ArrayView2<f64>),
) {
    if is_binary(model) {
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

/// Whether one site of one row can be changed at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    some: bool,
    possible: bool,
}

impl Changes {
    /// Looks at the costs of changes.
    pub(crate) fn see<S: Data<Elem = f64>>(&mut self, costs: &ArrayBase<S, Ix2>) {
        self.some |= !costs.is_empty();
        self.possible |= costs.iter().any(|cost| *cost != f64::INFINITY);
    }

    /// Refuses costs that were all infinite.
    pub(crate) fn check(self) -> Result<()> {
        if self.possible || !self.some {
            return Ok(());
        }
        Err(Error::parameter(
            "cost of changing one site of x",
            "inf at every site of every row",
            "finite at one of them: categorical indicators change two at a time, so that losses of single sites are constant",
        )
        .with_cure("train such a model by contrastive divergence or its exact likelihood"))
    }
}

fn is_binary<M: DiscreteEnergy + ?Sized>(model: &M) -> bool {
    (0..model.dim()).all(|site| model.alphabet(site).len() == 2)
}

/// The symbol number `k` after `own`, cyclically, so that `k = 0, …, |A| − 2` are all symbols but `own`.
fn other_symbol(alphabet: &[f64], own: f64, k: usize) -> f64 {
    alphabet[other_index(alphabet, own, k)]
}

fn other_index(alphabet: &[f64], own: f64, k: usize) -> usize {
    let own = alphabet.iter().position(|a| *a == own);
    (own.expect("the batch was checked against the alphabets") + k + 1) % alphabet.len()
}

/// `log(1 + Σ_k exp(−cost_k)) = −log p(x_i | x_∖i)`, in which the one is the symbol that the site has.
pub(crate) fn log_total(costs: &[f64]) -> f64 {
    match costs {
        [cost] => softplus(-cost),
        _ => {
            let others = costs.iter().map(|c| -c);
            log_sum_exp(&[0.0].into_iter().chain(others).collect::<Vec<_>>())
        }
    }
}

/// The value, or an error that says where it stopped being finite.
pub(crate) fn finite(value: f64, name: &str, what: &'static str) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::non_finite(name, value, what))
    }
}
