//! Stochastic gradient descent (Robbins and Monro 1951): `θ ← θ − ε (g + λ₂ w + λ₁ sign w)`.

use gibbsian_core::{Layout, Result, Stateless};
use ndarray::{ArrayView1, ArrayViewMut1, Zip, s};

use crate::decay::{Decay, Stretches};
use crate::optimiser::{Optimiser, PARALLEL_PARAMS, assert_lengths};

/// Plain stochastic gradient descent, `θ_{t+1} = θ_t − ε g_t`, without memory; see [`crate::Momentum`] for the kind
/// with it.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{Decay, Optimiser, Sgd};
/// use ndarray::array;
///
/// let mut sgd = Sgd::new(&Layout::new().with("bias", &[2]), Decay::NONE)?;
/// let mut params = array![1.0, 2.0];
/// sgd.update(0, 0.5, array![1.0, -1.0].view(), params.view_mut())?;
/// assert_eq!(params, array![0.5, 2.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sgd {
    stretches: Stretches,
}

impl Sgd {
    /// Descent for parameters laid out as `layout`, with `decay` on the weights.
    ///
    /// # Errors
    /// A strength of decay is negative or not finite.
    pub fn new(layout: &Layout, decay: Decay) -> Result<Self> {
        Ok(Sgd {
            stretches: Stretches::new(layout, decay)?,
        })
    }
}

impl Optimiser for Sgd {
    fn update(
        &mut self,
        _: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        assert_lengths(self.stretches.n_params(), &grad, &params);
        for (range, decay) in self.stretches.iter() {
            let pass = Zip::from(params.slice_mut(s![range.clone()])).and(grad.slice(s![range.clone()]));
            let step = |p: &mut f64, &g: &f64| *p -= learning_rate * decay.penalise(g, *p);
            if range.len() < PARALLEL_PARAMS {
                pass.for_each(step);
            } else {
                pass.par_for_each(step);
            }
        }
        Ok(())
    }
}

/// Plain descent has no memory.
impl Stateless for Sgd {}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    #[test]
    fn a_step_follows_the_formula_with_decay_on_weights_only() {
        let layout = Layout::new().with("weights", &[1, 2]).with("bias", &[1]);
        let mut sgd = Sgd::new(&layout, Decay { l2: 0.1, l1: 0.01 }).unwrap();
        let mut params = array![2.0, -3.0, 4.0];
        sgd.update(0, 0.5, array![1.0, 1.0, 1.0].view(), params.view_mut())
            .unwrap();
        let expected = [
            2.0 - 0.5 * (1.0 + 0.1 * 2.0 + 0.01),
            -3.0 - 0.5 * (1.0 + 0.1 * -3.0 - 0.01),
            3.5,
        ];
        assert_eq!(params.to_vec(), expected);
    }

    #[test]
    #[should_panic(expected = "grad has length 2 and params has length 3")]
    fn a_wrong_length_is_an_error_of_the_caller() {
        let mut sgd = Sgd::new(&Layout::new().with("bias", &[3]), Decay::NONE).unwrap();
        let _ = sgd.update(0, 0.5, Array1::zeros(2).view(), Array1::zeros(3).view_mut());
    }
}
