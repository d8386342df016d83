//! Adaptive moments (Kingma and Ba 2015, algorithm 1), and the same with decay beside the gradient (Loshchilov and Hutter 2019, algorithm 2).
//!
//! With `t = 1, 2, …` here, entry by entry and from `m_0 = v_0 = 0`,
//!
//! `m_t = β₁ m_{t−1} + (1 − β₁) g_t`, `v_t = β₂ v_{t−1} + (1 − β₂) g_t²`,
//! `d_t = m̂_t / (√v̂_t + ϵ)` with `m̂_t = m_t / (1 − β₁^t)` and `v̂_t = v_t / (1 − β₂^t)`,
//!
//! [`Adam`] moves `θ_t = θ_{t−1} − ε_t d_t`, where the gradient contains the penalties of [`Decay`]; [`AdamW`] keeps them out of the moments, `θ_t = θ_{t−1} − ε_t (d_t + λ₂ w + λ₁ sign w)`.
//! The difference matters: what enters the gradient is divided by its size, so that weights with large gradients decay less than others. Loshchilov and Hutter multiply `λ` by the schedule alone and not
//! by the base rate; here, as in PyTorch and optax, it is multiplied by the whole learning rate `ε_t`, so our `λ` is theirs divided by the base rate.
//!
//! `t` is one more than the caller's number of updates, so the corrections cannot get out of step with a restored run. They are computed as `1 − β^t = −expm1(t ln β)`: the power, rounded near one, and then
//! the difference, as is usual, loses up to three digits at `β₂ = 0.999`.
//!
//! A direction `d_t` has entries of about one and does not change when the loss is multiplied by a number, as long as gradients stay far above `ϵ`; the learning rate is thus a length, and clipping gradients
//! changes little.

use gibbsian_core::error::check_positive;
use gibbsian_core::{Layout, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayViewMut1, Zip, s};

use crate::decay::{Decay, Stretches};
use crate::optimiser::{
    Optimiser, PARALLEL_PARAMS, assert_lengths, check_share, restore_vectors, vectors_record,
};
use crate::rms_prop::unless_finite;

/// How moments are averaged.
///
/// ```
/// use gibbsian_train::AdamOptions;
/// // What adversarial and energy-based training often want: no memory of the gradient's direction.
/// let quick = AdamOptions { beta1: 0.0, ..AdamOptions::default() };
/// assert_eq!(quick.beta2, 0.999);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamOptions {
    /// `β₁`, the share of the past in the mean gradient, in `[0, 1)`.
    pub beta1: f64,
    /// `β₂`, the share of the past in the mean square, in `[0, 1)`.
    pub beta2: f64,
    /// `ϵ`, beside the root of the corrected mean square; it has the unit of a gradient and is positive.
    pub epsilon: f64,
}

impl Default for AdamOptions {
    /// 0.9, 0.999 and 1e-8, those of Kingma and Ba.
    fn default() -> Self {
        AdamOptions {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

/// Adam; decay of the weights enters the gradient.
///
/// A gradient so large that its square overflows (1e154 and more) makes its parameter NaN, which whoever takes the parameters refuses by name; without that the parameter would never move again.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{Adam, AdamOptions, Decay, Optimiser};
/// use ndarray::array;
///
/// let mut adam = Adam::new(&Layout::new().with("bias", &[2]), AdamOptions::default(), Decay::NONE)?;
/// let mut params = array![0.0, 0.0];
/// adam.update(0, 0.1, array![1e3, -1e-3].view(), params.view_mut())?;
/// // The first step is as long as the learning rate in every entry.
/// assert!((params[0] + 0.1).abs() < 1e-5 && (params[1] - 0.1).abs() < 1e-5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adam {
    stretches: Stretches,
    moments: Moments,
}

impl Adam {
    /// Descent for parameters laid out as `layout`, with `decay` on the weights.
    ///
    /// # Errors
    /// `beta1` or `beta2` is not in `[0, 1)`, `epsilon` is not positive and finite, or a strength of decay is negative or not finite.
    pub fn new(layout: &Layout, options: AdamOptions, decay: Decay) -> Result<Self> {
        Ok(Adam {
            stretches: Stretches::new(layout, decay)?,
            moments: Moments::new(layout, options)?,
        })
    }
}

impl Optimiser for Adam {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        self.moments
            .pass(&self.stretches, step, grad, params, |decay, rule, p, m, v, g| {
                *p -= learning_rate * rule.direction(m, v, decay.penalise(g, *p));
            });
        Ok(())
    }
}

impl Snapshot for Adam {
    /// Both moments.
    fn snapshot(&self) -> Record {
        self.moments.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.moments.restore(record)
    }
}

/// Adam with decoupled decay: the weights shrink by `ε_t λ₂` of themselves whatever their gradients are.
///
/// ```
/// use gibbsian_core::Layout;
/// use gibbsian_train::{AdamOptions, AdamW, Decay, Optimiser};
/// use ndarray::array;
///
/// let layout = Layout::new().with("weights", &[1, 2]).with("bias", &[1]);
/// let mut adam_w = AdamW::new(&layout, AdamOptions::default(), Decay { l2: 0.5, l1: 0.0 })?;
/// let mut params = array![8.0, -4.0, 1.0];
/// adam_w.update(0, 0.25, array![0.0, 0.0, 0.0].view(), params.view_mut())?;
/// assert_eq!(params, array![7.0, -3.5, 1.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdamW {
    stretches: Stretches,
    moments: Moments,
}

impl AdamW {
    /// Descent for parameters laid out as `layout`, with decoupled `decay` of the weights.
    ///
    /// # Errors
    /// Those of [`Adam::new`].
    pub fn new(layout: &Layout, options: AdamOptions, decay: Decay) -> Result<Self> {
        Ok(AdamW {
            stretches: Stretches::new(layout, decay)?,
            moments: Moments::new(layout, options)?,
        })
    }
}

impl Optimiser for AdamW {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        self.moments
            .pass(&self.stretches, step, grad, params, |decay, rule, p, m, v, g| {
                *p -= learning_rate * decay.penalise(rule.direction(m, v, g), *p);
            });
        Ok(())
    }
}

impl Snapshot for AdamW {
    /// Both moments.
    fn snapshot(&self) -> Record {
        self.moments.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.moments.restore(record)
    }
}

/// The running means of the gradient and of its square.
#[derive(Clone, Debug)]
struct Moments {
    options: AdamOptions,
    first: Array1<f64>,
    second: Array1<f64>,
}

/// What all parameters share in one update.
#[derive(Clone, Copy)]
struct Rule {
    options: AdamOptions,
    /// `1 / (1 − β₁^t)`.
    correction: f64,
    /// `1 / √(1 − β₂^t)`.
    root_correction: f64,
}

impl Rule {
    fn at(options: AdamOptions, step: u64) -> Self {
        let t = step as f64 + 1.0;
        Rule {
            options,
            correction: 1.0 / one_minus_power(options.beta1, t),
            root_correction: 1.0 / one_minus_power(options.beta2, t).sqrt(),
        }
    }

    /// Takes the gradient `g` into the moments `m` and `v`, and returns `m̂ / (√v̂ + ϵ)`.
    #[inline(always)]
    fn direction(self, m: &mut f64, v: &mut f64, g: f64) -> f64 {
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
        } = self.options;
        *m = beta1 * *m + (1.0 - beta1) * g;
        *v = beta2 * *v + (1.0 - beta2) * (g * g);
        *m * self.correction / (v.sqrt() * self.root_correction + epsilon) + unless_finite(*v)
    }
}

impl Moments {
    fn new(layout: &Layout, options: AdamOptions) -> Result<Self> {
        check_share("beta1", options.beta1)?;
        check_share("beta2", options.beta2)?;
        check_positive("epsilon", options.epsilon)?;
        Ok(Moments {
            options,
            first: Array1::zeros(layout.n_params()),
            second: Array1::zeros(layout.n_params()),
        })
    }

    /// One pass over everything: `step(decay, rule, p, m, v, g)` for each parameter `p`.
    fn pass(
        &mut self,
        stretches: &Stretches,
        step: u64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
        update: impl Fn(Decay, Rule, &mut f64, &mut f64, &mut f64, f64) + Sync + Send,
    ) {
        assert_lengths(stretches.n_params(), &grad, &params);
        let rule = Rule::at(self.options, step);
        for (range, decay) in stretches.iter() {
            let pass = Zip::from(params.slice_mut(s![range.clone()]))
                .and(self.first.slice_mut(s![range.clone()]))
                .and(self.second.slice_mut(s![range.clone()]))
                .and(grad.slice(s![range.clone()]));
            let each = |p: &mut f64, m: &mut f64, v: &mut f64, &g: &f64| update(decay, rule, p, m, v, g);
            if range.len() < PARALLEL_PARAMS {
                pass.for_each(each);
            } else {
                pass.par_for_each(each);
            }
        }
    }
}

impl Snapshot for Moments {
    fn snapshot(&self) -> Record {
        vectors_record(&[("first_moment", &self.first), ("second_moment", &self.second)])
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let (first, second) = (&mut self.first, &mut self.second);
        restore_vectors(&mut [("first_moment", first), ("second_moment", second)], record)
    }
}

/// `1 − β^t`.
fn one_minus_power(beta: f64, t: f64) -> f64 {
    -(t * beta.ln()).exp_m1()
}
