//! Equilibrium matching (Wang and Du 2025): one landscape, without a time, that is descended from noise to data.
//!
//! Let `X_t = (1 − t) X_0 + t Z` join data with noise. A field `s(x)` that is not told the time, best of all the score `−∇E` of an energy, is regressed on the way back to the data,
//!
//! `J(θ) = ∫₀¹ ½ E ‖s(X_t) − c_t (X_0 − Z)‖² dt`,
//!
//! shortened by a factor that vanishes at the data, `c_0 = 0`, so that data are where the field comes to rest. Samples are the ends of a descent, `x ← x + η s(x)`, with any optimiser and any number of steps. (Data are at `t = 0`
//! here; in the paper they are at `γ = 1 − t = 1`, and what it calls the gradient is `−s`.)
//!
//! **What is learnt.** Points of all times fall together, so the best field is an average over the time at which one may have come by,
//!
//! `s*(x) = E[c_T (X_0 − Z) | X_T = x] = −∫ c_t p_t(x) u(x, t) dt / ∫ p_t(x) dt`,
//!
//! with the velocity `u` of flow matching and `T` uniform. It is no score of the data: the landscape says where data are, not how likely they are. Nor need it be a gradient; an energy learns the gradient that is nearest.
//!
//! **A limit in closed form.** For normal data with mean zero and variance `a²`, standard normal noise, independent pairs and `c_t = λt` the best quadratic energy has the curvature
//!
//! `k = λ (2 − a²)/(2 (1 + a²))`,
//!
//! which falls to zero at `a = √2` and is negative beyond: among points that data and noise have in common the way to the data leads outwards. Data should be brought to the scale of the noise or below it.

use gibbsian_core::error::{check_positive, check_within};
use gibbsian_core::{Objective, Result, ScorePullback, Stateless, Streams};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::coupling::Coupling;
use crate::phases::Shares;
use crate::row_uniforms::RowUniforms;
use crate::source::Source;
use crate::transport::{add_transport_regression, check_pairs, draw_pairs};

/// The factor `c_t` by which a gradient fades out towards the data.
///
/// With width `d`, far end `b` and multiplier `λ` it is `λ t/d` for `t ≤ d` and from there a straight line to `λ b` at the noise. The paper's `a` is `1 − d`, the beginning of the decay on its clock.
///
/// ```
/// use gibbsian_objectives::GradientDecay;
///
/// let decay = GradientDecay::truncated(0.2)?.times(4.0)?;
/// assert_eq!([0.0, 0.1, 0.2, 1.0].map(|t| decay.at(t)), [0.0, 2.0, 4.0, 4.0]);
/// assert_eq!(GradientDecay::linear().at(0.3), 0.3);
/// assert_eq!(GradientDecay::piecewise(0.5, 3.0)?.at(0.75), 2.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientDecay {
    width: f64,
    far: f64,
    multiplier: f64,
}

impl GradientDecay {
    /// `c_t = t`.
    pub fn linear() -> Self {
        GradientDecay {
            width: 1.0,
            far: 1.0,
            multiplier: 1.0,
        }
    }

    /// `c_t = min(1, t/d)`, with `d = width`. The paper found `d = 0.2` best, multiplied by 4.
    ///
    /// # Errors
    /// A width outside `(0, 1]`.
    pub fn truncated(width: f64) -> Result<Self> {
        GradientDecay::piecewise(width, 1.0)
    }

    /// `c_t = t/d` for `t ≤ d` and `1 + (b − 1)(t − d)/(1 − d)` beyond, with `d = width` and `b = far`.
    ///
    /// # Errors
    /// A width outside `(0, 1]`, or a far end that is not finite and greater than zero.
    pub fn piecewise(width: f64, far: f64) -> Result<Self> {
        check_positive("width", width)?;
        Ok(GradientDecay {
            width: check_within("width", width, 0.0, 1.0)?,
            far: check_positive("far", far)?,
            multiplier: 1.0,
        })
    }

    /// The same, multiplied by `λ = multiplier`.
    ///
    /// # Errors
    /// A multiplier that is not finite and greater than zero.
    pub fn times(self, multiplier: f64) -> Result<Self> {
        let multiplier = self.multiplier * check_positive("multiplier", multiplier)?;
        Ok(GradientDecay { multiplier, ..self })
    }

    /// `c_t`.
    pub fn at(&self, t: f64) -> f64 {
        let shape = if t <= self.width {
            t / self.width
        } else {
            1.0 + (self.far - 1.0) * (t - self.width) / (1.0 - self.width)
        };
        self.multiplier * shape
    }
}

/// `mean_b ½ ‖s((1 − t) x_b + t z_b) − c_t (x_b − z_b)‖²`, with a time `t` uniform in `[0, 1]` for every row, which the model is not told.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use gibbsian_objectives::{EquilibriumMatching, GradientDecay, StandardNoise};
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array1, array};
///
/// // `Gaussian` has a quadratic energy, by its mean and curvature.
/// let model = Gaussian::new(array![2.0], array![[1.0]])?;
/// let mut objective = EquilibriumMatching::new(StandardNoise { dim: 1 }, GradientDecay::truncated(0.2)?);
/// let mut grad = Array1::zeros(model.n_params());
/// let x = array![[2.0], [2.1], [1.9]];
/// let loss = objective.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// assert!(loss > 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EquilibriumMatching<S> {
    source: S,
    decay: GradientDecay,
    coupling: Coupling,
    rows: RowUniforms,
}

impl<S: Source> EquilibriumMatching<S> {
    /// The objective with noise from `source`, independent coupling and independent times.
    pub fn new(source: S, decay: GradientDecay) -> Self {
        EquilibriumMatching {
            source,
            decay,
            coupling: Coupling::Independent,
            rows: RowUniforms::Independent,
        }
    }

    /// The same with rows and noise joined otherwise.
    pub fn coupled_by(mut self, coupling: Coupling) -> Self {
        self.coupling = coupling;
        self
    }

    /// The same with times shared out otherwise among the rows.
    pub fn with_rows(mut self, rows: RowUniforms) -> Self {
        self.rows = rows;
        self
    }

    /// Overwrites `grad` with the gradient of `Σ_b w_b ½ ‖s((1 − t_b) x_b + t_b z_b) − c_{t_b} (x_b − z_b)‖² / B` and returns the value, for given pairs of data `x` `(B, D)` and `noise` `(B, D)`, at given times `t` `(B)`, which
    /// count by `w` `(B)`.
    ///
    /// # Errors
    /// Shapes that do not fit, times outside `[0, 1]`, weights that are negative or not finite, or a loss that is not finite.
    pub fn on_pairs<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_pairs(model, x, noise, t)?;
        self.regress(model, [x, noise], t, Shares::weighted(w, x)?, grad)
    }

    fn regress<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        pairs: [ArrayView2<f64>; 2],
        t: ArrayView1<f64>,
        shares: Shares<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        grad.fill(0.0);
        let (w, c) = (shares.scaled(1.0), t.mapv(|t| self.decay.at(t)));
        let what = "in equilibrium matching";
        add_transport_regression(model, pairs, t, w.view(), c.view(), grad, what)
    }

    fn loss_and_grad<M: ScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        if let Shares::Weighted(_) = shares {
            self.coupling.check_weighable()?;
        }
        let streams = Streams::draw(rng);
        let (noise, t) = draw_pairs(model, x, &self.source, self.coupling, self.rows, streams)?;
        self.regress(model, [x, noise.view()], t.view(), shares, grad)
    }
}

impl<S: Source, M: ScorePullback + ?Sized> Objective<M> for EquilibriumMatching<S> {
    by_shares! {
        /// # Errors
        /// As without weights, and always with [`Coupling::OptimalTransport`], under which weights of rows would change the law of the noise.
        loss_and_grad
    }
}

/// Noise and times are drawn anew at every call.
impl<S> Stateless for EquilibriumMatching<S> {}
