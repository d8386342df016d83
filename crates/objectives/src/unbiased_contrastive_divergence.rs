//! Contrastive divergence without bias, from coupled chains (Qiu, Zhang and Wang 2020, after Jacob, O'Leary and Atchadé 2020).
//!
//! Run two chains from the same case with the same kernel, one of them, `X`, a step ahead of the other, `Y`, and from then on with the *same random numbers*. Each by itself is an ordinary chain, so `X_t`
//! and `Y_t` have the same law; but where states are drawn by comparing uniform numbers with probabilities, chains that share those numbers tend to fall together, and once `X_t = Y_{t−1}` they stay together. With
//! `τ` the step at which they meet, the telescoping sum
//!
//! `f(X_k) + Σ_{t=k+1}^{τ−1} [f(X_t) − f(Y_{t−1})]`
//!
//! ends, and its expectation is `lim E f(X_t)`, the mean over the model: a finite number of steps without bias. The average of these estimates over `k, …, m` has less variance,
//!
//! `H = 1/(m−k+1) Σ_{l=k}^m f(X_l) + Σ_{t=k+1}^{τ−1} min(1, (t−k)/(m−k+1)) [f(X_t) − f(Y_{t−1})]`,
//!
//! in which the first sum is CD averaged over some steps and the second is the correction of its bias. With `f = ∂E/∂θ` it is the negative phase.
//!
//! The kernel must be one whose chains meet: on finite spaces Gibbs sampling and Metropolis moves do, and the coupling of a Bernoulli unit by a shared uniform number is the one that keeps two of them equal
//! most often. How many steps that takes is that of the mixing of the chain; where it mixes slowly the estimate is unbiased still, and its cost and variance say what CD hides.

use gibbsian_core::error::{check_count, check_loss, check_points};
use gibbsian_core::{EnergyPullback, Error, Kernel, Objective, Result, Seed, Stateless};
use ndarray::{Array1, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};

/// When the average over a chain starts and ends, and when meeting is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `k`, the first step that is averaged over.
    pub first: usize,
    /// `m ≥ k`, the last one.
    pub last: usize,
    /// A pair of chains that has not met after so many steps is an error, because its estimate would be biased.
    pub max_steps: usize,
}

impl Window {
    /// The average over the steps `first, …, last`, and meeting given up after 10 000.
    pub const fn new(first: usize, last: usize) -> Self {
        Window {
            first,
            last,
            max_steps: 10_000,
        }
    }
}

/// The likelihood gradient without bias, by chains in pairs that start at the rows of the minibatch.
///
/// The loss is `⟨E⟩_data` minus the estimate of `⟨E⟩_model`: a surrogate and not a likelihood.
#[derive(Clone, Debug)]
pub struct UnbiasedContrastiveDivergence<K> {
    kernel: K,
    window: Window,
}

impl<K> UnbiasedContrastiveDivergence<K> {
    /// Pairs of chains of this kernel.
    ///
    /// # Errors
    /// A window that ends before it starts, or that is longer than the steps granted.
    pub fn new(kernel: K, window: Window) -> Result<Self> {
        check_count("max_steps", window.max_steps)?;
        if window.last < window.first {
            let requirement = format!("at least the first step, {}", window.first);
            return Err(Error::parameter("window.last", window.last, requirement));
        }
        if window.last > window.max_steps {
            let requirement = format!("at most the {} steps granted", window.max_steps);
            return Err(Error::parameter("window.last", window.last, requirement));
        }
        Ok(UnbiasedContrastiveDivergence { kernel, window })
    }
}

impl<M: EnergyPullback + ?Sized, K: Kernel<M>> Objective<M> for UnbiasedContrastiveDivergence<K> {
    /// # Errors
    /// Also chains that do not meet in the steps granted.
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        let n = x.nrows();
        let Window {
            first,
            last,
            max_steps,
        } = self.window;
        let length = (last - first + 1) as f64;
        grad.fill(0.0);
        let mut add = |at: ArrayView2<f64>, w: &Array1<f64>| {
            let mut energy = 0.0;
            model.energy_pullback_with(
                at,
                &mut |energies, mut out| {
                    energy = energies.dot(w) / n as f64;
                    out.assign(&(w / n as f64));
                },
                grad.view_mut(),
            );
            energy
        };
        let mut loss = add(x, &Array1::ones(n));
        if first == 0 {
            loss += add(x, &Array1::from_elem(n, -1.0 / length));
        }
        let mut ahead = self.kernel.init(model, x.to_owned())?;
        let mut behind = self.kernel.init(model, x.to_owned())?;
        for t in 1..=max_steps {
            // Both chains are handed generators that draw the same.
            let shared = Seed::new(rng.random());
            self.kernel.step(model, &mut ahead, &mut shared.rng());
            if t > 1 {
                self.kernel.step(model, &mut behind, &mut shared.rng());
            }
            let (at, before) = (self.kernel.positions(&ahead), self.kernel.positions(&behind));
            let apart: Array1<f64> = (at.rows().into_iter().zip(before.rows()))
                .map(|(x, y)| f64::from(x != y))
                .collect();
            if t > first {
                let share = ((t - first) as f64 / length).min(1.0);
                loss += add(at.view(), &(&apart * -share)) + add(before.view(), &(&apart * share));
            }
            if (first..=last).contains(&t) {
                loss += add(at.view(), &Array1::from_elem(n, -1.0 / length));
            }
            if t >= last && apart.sum() == 0.0 {
                return check_loss(loss, "in unbiased contrastive divergence");
            }
        }
        Err(Error::parameter(
            "max_steps",
            max_steps,
            "enough for all pairs of chains to meet",
        ))
    }
}

/// Every call starts its chains anew at the minibatch.
impl<K> Stateless for UnbiasedContrastiveDivergence<K> {}
