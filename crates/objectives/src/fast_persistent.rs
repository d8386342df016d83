//! Persistent contrastive divergence with fast weights (Tieleman and Hinton 2009).
//!
//! Persistent chains follow the model only while it changes slowly. Learning itself makes them mix: it raises the energy where the chains are until they leave, and the
//! more so the larger the learning rate. Fast weights have that effect without its price. The chains run on a second model with the parameters `θ + φ`, in which `φ` learns from the same gradient `g`
//! at a large rate `ε_f` and forgets,
//!
//! `φ ← ρ φ − ε_f g`,
//!
//! so that energy that was raised under the chains falls back after about `1/(1 − ρ)` updates, while `θ` moves at whatever small rate it needs.
//!
//! The chains sample `p(x; θ + φ)`, which is not the model, and the gradient is biased for it: `φ` is zero on average where learning has converged, but its
//! fluctuations are not. The derivative `∂E/∂θ` is taken of the model itself, at `θ`, in both phases.

use gibbsian_core::error::{check_non_negative, check_points};
use gibbsian_core::{
    EnergyPullback, Error, Kernel, Objective, ParametricMut, Record, Result, Snapshot, Values,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::chains::PersistentChains;
use crate::phase_report::{PhaseReport, Visit};
use crate::phases::{Contrast, Shares};

/// How fast weights learn and forget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FastWeights {
    /// `ε_f`, the learning rate of the fast weights.
    pub rate: f64,
    /// `ρ` in `[0, 1)`, what is left of them after an update.
    pub decay: f64,
}

impl FastWeights {
    /// This learning rate, and the decay 19/20 of Tieleman and Hinton (2009).
    pub const fn new(rate: f64) -> Self {
        FastWeights { rate, decay: 0.95 }
    }
}

/// PCD-k on chains with fast weights, for any kernel and model.
///
/// The loss is `⟨E⟩_data − ⟨E⟩_chains` of the model without fast weights, a surrogate and not a likelihood.
pub struct FastPersistentContrastiveDivergence<K: Kernel<M>, M: ?Sized> {
    chains: PersistentChains<K, M>,
    contrast: Contrast,
    settings: FastWeights,
    /// `φ`; empty before the first minibatch brings the number of parameters.
    fast: Array1<f64>,
}

impl<K: Kernel<M>, M: ?Sized> std::fmt::Debug for FastPersistentContrastiveDivergence<K, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FastPersistentContrastiveDivergence")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<K: Kernel<M>, M: ?Sized> FastPersistentContrastiveDivergence<K, M> {
    /// Chains that start at the rows of `start` and make `n_steps` steps of `kernel` an update; fast weights start at zero.
    ///
    /// # Errors
    /// Zero steps, no chains, a negative rate, or a decay outside `[0, 1)`.
    pub fn new(kernel: K, n_steps: usize, start: Array2<f64>, settings: FastWeights) -> Result<Self> {
        check_non_negative("fast_weights.rate", settings.rate)?;
        if !(0.0..1.0).contains(&settings.decay) {
            return Err(Error::parameter(
                "fast_weights.decay",
                settings.decay,
                "in [0, 1)",
            ));
        }
        Ok(FastPersistentContrastiveDivergence {
            chains: PersistentChains::new(kernel, n_steps, start)?,
            contrast: Contrast::default(),
            settings,
            fast: Array1::zeros(0),
        })
    }

    /// The positions of the chains, `(n_chains, D)`.
    pub fn positions(&self) -> Array2<f64> {
        self.chains.positions()
    }

    /// `φ`, laid out as the model's parameters; empty before the first minibatch.
    pub fn fast_weights(&self) -> ArrayView1<'_, f64> {
        self.fast.view()
    }

    /// The same with the penalty `α (⟨E²⟩_data + ⟨E²⟩_chains)` in the loss, `α = energy_penalty`, which keeps energies near zero (Du and Mordatch 2019).
    ///
    /// # Errors
    /// A penalty that is negative or not finite.
    pub fn with_energy_penalty(self, energy_penalty: f64) -> Result<Self> {
        let contrast = Contrast::with_penalty(energy_penalty)?;
        Ok(FastPersistentContrastiveDivergence { contrast, ..self })
    }

    /// The energies of the last minibatch and of the chains, by the model without fast weights.
    pub fn report(&self) -> Option<&PhaseReport> {
        self.contrast.report()
    }
}

impl<M, K> Objective<M> for FastPersistentContrastiveDivergence<K, M>
where
    M: EnergyPullback + ParametricMut + Clone,
    K: Kernel<M>,
{
    /// # Errors
    /// Also fast weights that are not finite, and parameters with them that the model refuses.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        let params = model.params();
        if self.fast.is_empty() {
            self.fast = Array1::zeros(params.len());
        }
        if self.fast.len() != params.len() {
            let required = format!("[{}]", params.len());
            return Err(Error::shape("fast_weights", self.fast.shape(), required));
        }
        let params = params + &self.fast;
        // Weights that have grown beyond all numbers are no wrong argument.
        if let Some(i) = params.iter().position(|p| !p.is_finite()) {
            let name = format!("{} with its fast weight", model.layout().locate(i));
            return Err(Error::non_finite(name, params[i], "in the model of the chains"));
        }
        let mut restless = model.clone();
        restless.set_params(params.view())?;
        let (negative, acceptance) = self.chains.advance(&restless, rng)?;
        let phases = [x, negative.view()];
        let shares = [Shares::Equal(x.nrows()), Shares::Equal(negative.nrows())];
        let visits = Visit::all(negative.nrows());
        let loss =
            (self.contrast).loss_and_grad_into(model, phases, shares, 1.0, acceptance, grad.view_mut());
        self.contrast.name_chains(&visits);
        let loss = loss?;
        let FastWeights { rate, decay } = self.settings;
        self.fast
            .zip_mut_with(&grad, |phi, g| *phi = decay * *phi - rate * g);
        Ok(loss)
    }
}

impl<K: Kernel<M>, M: ?Sized> Snapshot for FastPersistentContrastiveDivergence<K, M> {
    /// The chains, as of [`PersistentContrastiveDivergence`](crate::PersistentContrastiveDivergence), and the fast weights.
    fn snapshot(&self) -> Record {
        let mut record = self.chains.snapshot();
        let fast = Values::F64(self.fast.to_vec());
        record.put("fast_weights", self.fast.shape(), fast);
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        // Before the first minibatch any number of parameters fits, and a state of that time fits any later one.
        let n = match record.shape("fast_weights") {
            Some(&[n]) if n == 0 || self.fast.is_empty() => n,
            _ => self.fast.len(),
        };
        let fast = ArrayView1::from(record.f64s("fast_weights", &[n])?).to_owned();
        self.chains.restore(record)?;
        self.fast = fast;
        Ok(())
    }
}
