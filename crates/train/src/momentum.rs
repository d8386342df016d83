//! Classical momentum, the heavy ball of Polyak (1964): gradients accumulate in a velocity.
//!
//! `v_{t+1} = μ_t v_t − ε_t g_t`, `θ_{t+1} = θ_t + v_{t+1}`, where `g_t` contains the penalties of [`crate::Decay`].
//!
//! The learning rate stands inside the velocity, as in Hinton (2012, section 9) and Sutskever et al. (2013,
//! equations 1 and 2): a change of `ε` acts on new gradients only. The other common form, `v ← μ v + g`,
//! `θ ← θ − ε v`, rescales the whole past when `ε` changes; the two agree for a constant rate. For a constant
//! gradient the velocity tends to `−ε g / (1 − μ)`.

use gibbsian_core::{Layout, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayViewMut1, Zip, s};

use crate::decay::{Decay, Stretches};
use crate::optimiser::{
    Optimiser, PARALLEL_PARAMS, assert_lengths, check_share, restore_vectors, vectors_record,
};
use crate::schedule::Schedule;

/// Stochastic gradient descent with classical momentum.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{Constant, Decay, Momentum, Optimiser};
/// use ndarray::array;
///
/// let mut momentum = Momentum::new(&Layout::new().with("bias", &[1]), Constant::new(0.5)?, Decay::NONE)?;
/// let mut params = array![0.0];
/// momentum.update(0, 1.0, array![1.0].view(), params.view_mut())?;
/// momentum.update(1, 1.0, array![0.0].view(), params.view_mut())?;
/// assert_eq!(params, array![-1.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Momentum {
    stretches: Stretches,
    momentum: Box<dyn Schedule>,
    velocity: Array1<f64>,
}

impl Momentum {
    /// Descent for parameters laid out as `layout`, with momentum `μ_t` from a schedule and `decay` on the weights.
    ///
    /// # Errors
    /// A strength of decay is negative or not finite, or the momentum of step 0 is not in `[0, 1)`.
    pub fn new(layout: &Layout, momentum: impl Schedule + 'static, decay: Decay) -> Result<Self> {
        let momentum: Box<dyn Schedule> = Box::new(momentum);
        momentum_at(momentum.as_ref(), 0)?;
        Ok(Momentum {
            stretches: Stretches::new(layout, decay)?,
            momentum,
            velocity: Array1::zeros(layout.n_params()),
        })
    }
}

impl Optimiser for Momentum {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        assert_lengths(self.stretches.n_params(), &grad, &params);
        let mu = momentum_at(self.momentum.as_ref(), step)?;
        for (range, decay) in self.stretches.iter() {
            let pass = Zip::from(params.slice_mut(s![range.clone()]))
                .and(self.velocity.slice_mut(s![range.clone()]))
                .and(grad.slice(s![range.clone()]));
            let step = |p: &mut f64, v: &mut f64, &g: &f64| {
                *v = mu * *v - learning_rate * decay.penalise(g, *p);
                *p += *v;
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

impl Snapshot for Momentum {
    /// The velocity.
    fn snapshot(&self) -> Record {
        vectors_record(&[("velocity", &self.velocity)])
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        restore_vectors(&mut [("velocity", &mut self.velocity)], record)
    }
}

/// `μ_t`, required to lie in `[0, 1)`: at one and above the velocity would grow without bound.
pub(crate) fn momentum_at(momentum: &dyn Schedule, step: u64) -> Result<f64> {
    check_share("momentum", momentum.value(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Constant, Switch};
    use ndarray::array;

    fn layout() -> Layout {
        Layout::new().with("weights", &[1, 1]).with("bias", &[1])
    }

    #[test]
    fn the_velocity_follows_the_recursion_through_changes_of_rate_and_momentum() {
        let mut optimiser = Momentum::new(
            &layout(),
            Switch::new(0.5, 0.9, 2).unwrap(),
            Decay { l2: 0.1, l1: 0.0 },
        )
        .unwrap();
        let mut params = array![1.0, 1.0];
        let (mut w, mut b, mut vw, mut vb) = (1.0, 1.0, 0.0, 0.0);
        for (t, (rate, mu)) in [(0.1, 0.5), (0.2, 0.5), (0.05, 0.9)].into_iter().enumerate() {
            let g = 1.0 + t as f64;
            optimiser
                .update(t as u64, rate, array![g, g].view(), params.view_mut())
                .unwrap();
            vw = mu * vw - rate * (g + 0.1 * w);
            vb = mu * vb - rate * g;
            w += vw;
            b += vb;
            assert_eq!(params.to_vec(), [w, b], "step {t}");
        }
    }

    #[test]
    fn a_constant_gradient_reaches_the_terminal_velocity() {
        let mut optimiser = Momentum::new(&layout(), Constant::new(0.9).unwrap(), Decay::NONE).unwrap();
        let mut params = array![0.0, 0.0];
        for t in 0..400 {
            optimiser
                .update(t, 0.01, array![1.0, -2.0].view(), params.view_mut())
                .unwrap();
        }
        // −ε g / (1 − μ); what is missing is μ^400 < 1e-18 of it, the rest is rounding.
        let v = optimiser.snapshot();
        let v = v.f64s("velocity", &[2]).unwrap();
        assert!((v[0] + 0.1).abs() < 1e-15 && (v[1] - 0.2).abs() < 1e-15, "{v:?}");
    }

    #[test]
    fn a_momentum_outside_its_domain_is_refused_before_anything_moves() {
        for bad in [1.0, 1.5] {
            let e = Momentum::new(&layout(), Constant::new(bad).unwrap(), Decay::NONE).unwrap_err();
            assert!(e.to_string().contains("momentum"), "{e}");
        }
        let mut late = Momentum::new(&layout(), Switch::new(0.5, 1.0, 1).unwrap(), Decay::NONE).unwrap();
        let mut params = array![1.0, 1.0];
        let before = late.snapshot();
        assert!(
            late.update(1, 0.1, array![1.0, 1.0].view(), params.view_mut())
                .is_err()
        );
        assert_eq!((params, late.snapshot()), (array![1.0, 1.0], before));
    }

    #[test]
    fn a_velocity_of_another_model_is_refused() {
        let mut small = Momentum::new(&layout(), Constant::new(0.5).unwrap(), Decay::NONE).unwrap();
        let large = Layout::new().with("weights", &[3, 1]);
        let large = Momentum::new(&large, Constant::new(0.5).unwrap(), Decay::NONE).unwrap();
        let e = small.restore(&large.snapshot()).unwrap_err();
        assert!(e.to_string().contains("velocity"), "{e}");
    }
}
