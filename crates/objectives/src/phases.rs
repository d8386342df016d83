//! The difference of two phases, which every contrastive objective ends in, and what a row counts in a mean.

use gibbsian_core::error::{check_each, check_loss, check_non_negative, check_shape};
use gibbsian_core::{Acceptance, EnergyPullback, Error, Result};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};

use crate::phase_report::{PhaseReport, Visit};

/// Both methods of an [`Objective`](gibbsian_core::Objective) by one of the type's own, which is told what the rows count.
macro_rules! by_shares {
    ($(#[$of_weights:meta])* $loss_of:ident) => {
        fn loss_and_grad_into(
            &mut self,
            model: &M,
            x: ndarray::ArrayView2<f64>,
            rng: &mut dyn rand::Rng,
            grad: ndarray::ArrayViewMut1<f64>,
        ) -> gibbsian_core::Result<f64> {
            self.$loss_of(model, x, crate::phases::Shares::Equal(x.nrows()), rng, grad)
        }

        $(#[$of_weights])*
        fn weighted_loss_and_grad_into(
            &mut self,
            model: &M,
            x: ndarray::ArrayView2<f64>,
            w: ndarray::ArrayView1<f64>,
            rng: &mut dyn rand::Rng,
            grad: ndarray::ArrayViewMut1<f64>,
        ) -> gibbsian_core::Result<f64> {
            self.$loss_of(model, x, crate::phases::Shares::weighted(w, x)?, rng, grad)
        }
    };
}

/// What the rows of a minibatch count in its means.
#[derive(Clone, Copy)]
pub(crate) enum Shares<'a> {
    /// `1/B` each.
    Equal(usize),
    /// `w_b/B` each.
    Weighted(ArrayView1<'a, f64>),
}

impl<'a> Shares<'a> {
    /// The shares of the rows of `x` by weights, checked.
    pub(crate) fn weighted(w: ArrayView1<'a, f64>, x: ArrayView2<f64>) -> Result<Self> {
        check_shape("weights", &w, &[x.nrows()])?;
        check_each("weights", w, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        Ok(Shares::Weighted(w))
    }

    /// `Σ_b w_b v_b / B`.
    pub(crate) fn mean(self, values: ArrayView1<f64>) -> f64 {
        match self {
            Shares::Equal(n) => values.sum() / n as f64,
            Shares::Weighted(w) => w.dot(&values) / w.len() as f64,
        }
    }

    /// `Σ_b w_b / B`.
    pub(crate) fn total(self) -> f64 {
        match self {
            Shares::Equal(_) => 1.0,
            Shares::Weighted(w) => w.sum() / w.len() as f64,
        }
    }

    /// `scale · w_b / B` of every row.
    pub(crate) fn scaled(self, scale: f64) -> Array1<f64> {
        let n_rows = match self {
            Shares::Equal(n) => n,
            Shares::Weighted(w) => w.len(),
        };
        let mut out = Array1::zeros(n_rows);
        self.fill(scale, out.view_mut());
        out
    }

    /// Writes `scale · w_b / B`.
    pub(crate) fn fill(self, scale: f64, mut out: ArrayViewMut1<f64>) {
        match self {
            Shares::Equal(n) => out.fill(scale / n as f64),
            Shares::Weighted(w) => {
                out.assign(&w);
                out *= scale / w.len() as f64;
            }
        }
    }
}

/// The contrast of two phases: how it is penalised, and how the last one came out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contrast {
    /// `α` of `α (⟨E²⟩_positive + ⟨E²⟩_negative)`.
    penalty: f64,
    report: Option<PhaseReport>,
}

impl Contrast {
    /// The contrast with this penalty on the squares of energies.
    pub(crate) fn with_penalty(penalty: f64) -> Result<Self> {
        Ok(Contrast {
            penalty: check_non_negative("energy_penalty", penalty)?,
            report: None,
        })
    }

    /// What the last minibatch looked like.
    pub(crate) fn report(&self) -> Option<&PhaseReport> {
        self.report.as_ref()
    }

    /// Overwrites `grad` with `⟨∂E/∂θ⟩_positive − total ⟨∂E/∂θ⟩_negative`, in means by these shares of the rows, and returns `⟨E⟩_positive − total ⟨E⟩_negative`, both with the
    /// penalty. `acceptance` is that of the chains, for the report.
    ///
    /// The value is a surrogate: its gradient at fixed samples is `grad`, but it is not a likelihood and may have any sign.
    ///
    /// # Errors
    /// A chain whose end is not finite, also where the energy is, or a loss that is not.
    pub(crate) fn loss_and_grad_into<M: EnergyPullback + ?Sized>(
        &mut self,
        model: &M,
        [positive, negative]: [ArrayView2<f64>; 2],
        [positive_shares, negative_shares]: [Shares<'_>; 2],
        total: f64,
        acceptance: Acceptance,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        grad.fill(0.0);
        let alpha = self.penalty;
        // Adds the gradient of `scale ⟨E⟩ + penalty ⟨E²⟩` and returns that value and the energies.
        let mut add = |x, shares: Shares<'_>, scale: f64, penalty: f64| {
            let (mut value, mut energies) = (0.0, Array1::zeros(0));
            let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
                shares.fill(scale, w.view_mut());
                value = scale * shares.mean(energy);
                if penalty > 0.0 {
                    value += penalty * shares.mean(energy.mapv(|e| e * e).view());
                    w *= &energy.mapv(|e| 1.0 + 2.0 * penalty / scale * e);
                }
                energies = energy.to_owned();
            };
            model.energy_pullback_with(x, &mut weigh, grad.view_mut());
            (value, energies)
        };
        let (of_positive, positive) = add(positive, positive_shares, 1.0, alpha);
        let (of_negative, energies) = add(negative, negative_shares, -total, alpha * total);
        let what = "in the contrast of positive and negative phase";
        let loss = check_ends(negative).and_then(|()| check_loss(of_positive + of_negative, what));
        // A minibatch that ends in an error is the one that one wants to see.
        self.report = Some(PhaseReport {
            positive,
            negative: energies,
            acceptance,
            visits: Vec::new(),
        });
        loss
    }

    /// Says which chains the last report is of.
    pub(crate) fn name_chains(&mut self, visits: &[Visit]) {
        if let Some(report) = &mut self.report {
            report.visits = visits.to_vec();
        }
    }
}

/// Requires chains to be somewhere.
fn check_ends(x: ArrayView2<f64>) -> Result<()> {
    match x.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some(((chain, i), &x)) => {
            let name = format!("coordinate {i} of chain {chain}");
            Err(Error::non_finite(name, x, "in the negative phase"))
        }
    }
}
