//! Division of the gradient by a running root mean square of itself (Tieleman and Hinton 2012, lecture 6e, slide 29).
//!
//! `v_{t+1} = β v_t + (1 − β) g_t²`, `θ_{t+1} = θ_t − ε g_t / (√v_{t+1} + ϵ)`, entry by entry, with `v_0 = 0`. The lecture has `β = 0.9` and no `ϵ`; here it stands outside the root,
//! as in [`crate::Adam`] and in PyTorch, so that it has the unit of a gradient. Optax puts it under the root by default: `√(v + ϵ)` there is `√ϵ` and not `ϵ` where gradients vanish.
//!
//! Nothing corrects for `v_0 = 0`, so the first step is `ε / √(1 − β)` long in every entry, about three times what later ones are.

use gibbsian_core::error::check_positive;
use gibbsian_core::{Layout, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayViewMut1, Zip, s};

use crate::decay::{Decay, Stretches};
use crate::optimiser::{
    Optimiser, PARALLEL_PARAMS, assert_lengths, check_share, restore_vectors, vectors_record,
};

/// Descent along the gradient divided by its running root mean square.
///
/// A gradient whose square overflows makes its parameter NaN, as with [`crate::Adam`].
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{Decay, Optimiser, RmsProp};
/// use ndarray::array;
///
/// let mut rms_prop = RmsProp::new(&Layout::new().with("bias", &[2]), 0.75, 1e-8, Decay::NONE)?;
/// let mut params = array![0.0, 0.0];
/// rms_prop.update(0, 0.1, array![1e3, -1e-3].view(), params.view_mut())?;
/// // ε / √(1 − β) in the direction of each entry, whatever its size, as long as that is far above 1e-8.
/// assert!((params[0] + 0.2).abs() < 1e-5 && (params[1] - 0.2).abs() < 1e-5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RmsProp {
    stretches: Stretches,
    beta: f64,
    epsilon: f64,
    second_moment: Array1<f64>,
}

impl RmsProp {
    /// Descent for parameters laid out as `layout`, with the share `beta` of the past in the mean square, `epsilon` beside its root, and `decay` on the weights, which enters the gradient.
    ///
    /// # Errors
    /// `beta` is not in `[0, 1)`, `epsilon` is not positive and finite, or a strength of decay is negative or not finite.
    pub fn new(layout: &Layout, beta: f64, epsilon: f64, decay: Decay) -> Result<Self> {
        Ok(RmsProp {
            stretches: Stretches::new(layout, decay)?,
            beta: check_share("beta", beta)?,
            epsilon: check_positive("epsilon", epsilon)?,
            second_moment: Array1::zeros(layout.n_params()),
        })
    }
}

impl Optimiser for RmsProp {
    fn update(
        &mut self,
        _: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        assert_lengths(self.stretches.n_params(), &grad, &params);
        let (beta, epsilon) = (self.beta, self.epsilon);
        for (range, decay) in self.stretches.iter() {
            let pass = Zip::from(params.slice_mut(s![range.clone()]))
                .and(self.second_moment.slice_mut(s![range.clone()]))
                .and(grad.slice(s![range.clone()]));
            let step = |p: &mut f64, v: &mut f64, &g: &f64| {
                let g = decay.penalise(g, *p);
                *v = beta * *v + (1.0 - beta) * (g * g);
                *p -= learning_rate * (g / (v.sqrt() + epsilon)) + unless_finite(*v);
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

/// Zero, or NaN where the mean square `v` has overflowed: the quotient by its root would be zero, and the parameter would stand still for ever without a word.
#[inline(always)]
pub(crate) fn unless_finite(v: f64) -> f64 {
    0.0 * v
}

impl Snapshot for RmsProp {
    /// The mean squares.
    fn snapshot(&self) -> Record {
        vectors_record(&[("second_moment", &self.second_moment)])
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        restore_vectors(&mut [("second_moment", &mut self.second_moment)], record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn layout() -> Layout {
        Layout::new().with("weights", &[1, 1]).with("bias", &[1])
    }

    #[test]
    fn a_run_follows_the_recursion_with_decay_in_the_gradient_of_weights() {
        let mut optimiser = RmsProp::new(&layout(), 0.9, 1e-3, Decay { l2: 0.1, l1: 0.02 }).unwrap();
        let mut params = array![1.5, -0.5];
        let (mut w, mut b, mut vw, mut vb) = (1.5_f64, -0.5, 0.0, 0.0);
        for (t, rate) in [0.1, 0.2, 0.05].into_iter().enumerate() {
            let g = 1.0 - 0.7 * t as f64;
            optimiser
                .update(t as u64, rate, array![g, g].view(), params.view_mut())
                .unwrap();
            let gw = g + 0.1 * w + 0.02 * w.signum();
            vw = 0.9 * vw + (1.0 - 0.9) * (gw * gw);
            vb = 0.9 * vb + (1.0 - 0.9) * (g * g);
            w -= rate * (gw / (vw.sqrt() + 1e-3));
            b -= rate * (g / (vb.sqrt() + 1e-3));
            assert_eq!(params.to_vec(), [w, b], "step {t}");
        }
    }

    #[test]
    fn epsilon_stands_outside_the_root() {
        let mut optimiser = RmsProp::new(&layout(), 0.0, 0.5, Decay::NONE).unwrap();
        let mut params = array![0.0, 0.0];
        optimiser
            .update(0, 1.0, array![1.5, -0.5].view(), params.view_mut())
            .unwrap();
        assert_eq!(params, array![-1.5 / 2.0, 0.5]);
    }

    #[test]
    fn settings_outside_their_domain_are_refused_by_name() {
        for bad in [1.0, -0.1, 1.5, f64::NAN] {
            let e = RmsProp::new(&layout(), bad, 1e-8, Decay::NONE).unwrap_err();
            assert!(e.to_string().starts_with("`beta` is"), "{e}");
        }
        for bad in [0.0, -1e-8, f64::NAN, f64::INFINITY] {
            let e = RmsProp::new(&layout(), 0.9, bad, Decay::NONE).unwrap_err();
            assert!(e.to_string().starts_with("`epsilon` is"), "{e}");
        }
    }
}
