//! Nesterov's accelerated gradient (Nesterov 1983) as a momentum method (Sutskever, Martens, Dahl and Hinton 2013,
//! equations 3 and 4).
//!
//! The gradient is taken where the velocity is about to lead: `v_{t+1} = μ_t v_t − ε_t ∇f(θ_t + μ_t v_t)`,
//! `θ_{t+1} = θ_t + v_{t+1}`. A training step takes its gradient at the model's own parameters, so the model holds
//! the look-ahead point `Φ_t = θ_t + μ_t v_t` (Bengio, Boulanger-Lewandowski and Pascanu 2013, section 3.5, here for
//! a momentum that changes):
//!
//! `v_{t+1} = μ_t v_t − ε_t ∇f(Φ_t)`, `Φ_{t+1} = Φ_t + μ_{t+1} v_{t+1} − ε_t ∇f(Φ_t)`,
//!
//! because `Φ_{t+1} − Φ_t = v_{t+1} + μ_{t+1} v_{t+1} − μ_t v_t` and `v_{t+1} − μ_t v_t = −ε_t ∇f(Φ_t)`. The two
//! sequences start at the same point and differ by `μ_t v_t`, which vanishes as training converges.

use gibbsian_core::{Layout, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayViewMut1, Zip, s};

use crate::decay::{Decay, Stretches};
use crate::momentum::momentum_at;
use crate::optimiser::{Optimiser, PARALLEL_PARAMS, assert_lengths, restore_vectors, vectors_record};
use crate::schedule::Schedule;

/// Stochastic gradient descent with Nesterov momentum; the parameters it moves are the look-ahead point.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{Constant, Decay, Nesterov, Optimiser};
/// use ndarray::array;
///
/// let mut nesterov = Nesterov::new(&Layout::new().with("bias", &[1]), Constant::new(0.5)?, Decay::NONE)?;
/// let mut params = array![0.0];
/// nesterov.update(0, 1.0, array![1.0].view(), params.view_mut())?;
/// assert_eq!(params, array![-1.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Nesterov {
    stretches: Stretches,
    momentum: Box<dyn Schedule>,
    velocity: Array1<f64>,
}

impl Nesterov {
    /// Descent for parameters laid out as `layout`, with momentum `μ_t` from a schedule and `decay` on the weights.
    ///
    /// # Errors
    /// A strength of decay is negative or not finite, or the momentum of step 0 is not in `[0, 1)`.
    pub fn new(layout: &Layout, momentum: impl Schedule + 'static, decay: Decay) -> Result<Self> {
        let momentum: Box<dyn Schedule> = Box::new(momentum);
        momentum_at(momentum.as_ref(), 0)?;
        Ok(Nesterov {
            stretches: Stretches::new(layout, decay)?,
            momentum,
            velocity: Array1::zeros(layout.n_params()),
        })
    }
}

impl Optimiser for Nesterov {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        assert_lengths(self.stretches.n_params(), &grad, &params);
        let mu = momentum_at(self.momentum.as_ref(), step)?;
        let mu_next = momentum_at(self.momentum.as_ref(), step.saturating_add(1))?;
        for (range, decay) in self.stretches.iter() {
            let pass = Zip::from(params.slice_mut(s![range.clone()]))
                .and(self.velocity.slice_mut(s![range.clone()]))
                .and(grad.slice(s![range.clone()]));
            let step = |p: &mut f64, v: &mut f64, &g: &f64| {
                let push = learning_rate * decay.penalise(g, *p);
                *v = mu * *v - push;
                *p += mu_next * *v - push;
            };
            if range.len() < PARALLEL_PARAMS {
                pass.for_each(step);
            } else {
                pass.par_for_each(step);
            }
        }
        Ok(())
    }
}

impl Snapshot for Nesterov {
    /// The velocity.
    fn snapshot(&self) -> Record {
        vectors_record(&[("velocity", &self.velocity)])
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        restore_vectors(&mut [("velocity", &mut self.velocity)], record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Linear;
    use ndarray::array;

    /// The two-line form with an explicit look-ahead, on `f(θ) = a θ² / 2`, against the one that the model sees.
    #[test]
    fn it_is_the_sequence_of_sutskever_and_others_seen_at_the_look_ahead_point() {
        let curvature = 1.7;
        let schedule = Linear::new(0.5, 0.9, 20).unwrap();
        let layout = Layout::new().with("bias", &[1]);
        let mut nesterov = Nesterov::new(&layout, schedule.clone(), Decay::NONE).unwrap();
        let mut phi = array![3.0];
        let (mut theta, mut v) = (3.0, 0.0);
        for t in 0..40 {
            let (mu, mu_next) = (schedule.value(t), schedule.value(t + 1));
            v = mu * v - 0.1 * curvature * (theta + mu * v);
            theta += v;
            let grad = curvature * &phi;
            nesterov.update(t, 0.1, grad.view(), phi.view_mut()).unwrap();
            // All quantities are below 6 and each step rounds a handful of times: 40 steps stay below 40 · 16 · 6 · ε.
            let bound = 40.0 * 16.0 * 6.0 * f64::EPSILON;
            assert!((phi[0] - (theta + mu_next * v)).abs() < bound, "step {t}");
        }
        assert!(phi[0].abs() < 3.0);
    }
}
