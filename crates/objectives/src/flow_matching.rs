//! Flow matching (Lipman, Chen, Ben-Hamu, Nickel and Le 2023; Liu, Gong and Liu 2023; Albergo and Vanden-Eijnden 2023).
//!
//! A path `X_t = α_t X_0 + σ_t Z` joins each point of the data with one of noise and moves with the velocity `U_t = α'_t X_0 + σ'_t Z`. The marginal velocity
//!
//! `u(x, t) = E[U_t | X_t = x]`
//!
//! carries the law of `X_t` along: solutions of `dx/dt = u(x, t)` that start with the law of the noise and go back in time arrive with that of the data. It is the regression of `U_t` on
//! `X_t`, so that no path has to be solved for in training:
//!
//! `J(θ) = ∫ λ_t ½ E ‖v(X_t, t) − U_t‖² dt = ∫ λ_t ½ E ‖v(X_t, t) − u(X_t, t)‖² dt + ∫ λ_t ½ E tr Cov[U_t | X_t] dt`.
//!
//! The last term does not depend on the model and is what the loss cannot fall below. On data of variance `a²` that are normal it is `πa/4` a coordinate for a straight path and independent standard
//! normal noise ([`PathScales::normal_velocity_variance`](crate::PathScales::normal_velocity_variance)), and 0 when the path joins each point with its image under optimal transport.
//!
//! **What is fixed and what is free.** The two ends of the path have the laws of data and source under every [`Coupling`] that keeps both marginals, and so the flow is right under each of them; they differ in how much paths
//! cross. Pairs that are already joined, such as those of a flow that has been learnt (the rectification of Liu, Gong and Liu), are handed to [`FlowMatching::on_pairs`].
//!
//! **Velocities and scores.** With independent standard normal noise the velocity is a linear function of the score, `u = f x − ½ g² s` in terms of a process, and [`FlowVelocity`](crate::FlowVelocity) reads the score from it; the regression
//! is then denoising at another weight. With other sources or couplings it is not.

use std::fmt;

use gibbsian_core::error::{check_each, check_loss, check_points, check_shape};
use gibbsian_core::{Error, Objective, Result, Stateless, Streams, TimeScorePullback};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::affine_path::{AffinePath, check_path};
use crate::coupling::Coupling;
use crate::denoising_in_time::WeightOfTime;
use crate::phases::Shares;
use crate::row_uniforms::RowUniforms;
use crate::source::{Source, draw_for};

/// `mean_b (T − t_0) λ_t ½ ‖v(α_t x_b + σ_t z_b, t) − (α'_t x_b + σ'_t z_b)‖²`, with a time `t` uniform in the interval of the path for every row.
///
/// The model is a field of vectors in time, which the traits of time-dependent scores describe: what they call the score is the velocity `v`. Data are at the first time; sampling solves `dx/dt = v(x, t)` from the last time back.
///
/// ```
/// use gibbsian_core::{Objective, Parametric, Seed, Space, TimeScore, TimeScorePullback};
/// # use gibbsian_core::Layout;
/// use gibbsian_objectives::{Coupling, FlowMatching, StandardNoise, StraightPath};
/// use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
///
/// /// The velocity `v = θ`, everywhere and at all times.
/// struct Drift(Array1<f64>);
/// # impl Space for Drift { fn dim(&self) -> usize { 2 } }
/// # impl Parametric for Drift {
/// #     fn layout(&self) -> Layout { Layout::new().with("drift", &[2]) }
/// #     fn params(&self) -> Array1<f64> { self.0.clone() }
/// # }
/// impl TimeScore for Drift {
///     fn score_at_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&self.0);
///     }
/// }
/// impl TimeScorePullback for Drift {
///     fn score_pullback_at_with(
///         &self,
///         x: ArrayView2<f64>,
///         t: ArrayView1<f64>,
///         cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
///         mut grad: ArrayViewMut1<f64>,
///     ) {
///         let [mut v, mut u] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
///         self.score_at_into(x, t, v.view_mut());
///         cotangent(v.view(), u.view_mut());
///         grad += &u.sum_axis(ndarray::Axis(0));
///     }
/// }
///
/// let mut objective = FlowMatching::new(StraightPath::default(), StandardNoise { dim: 2 })?
///     .coupled_by(Coupling::OptimalTransport);
/// let (model, x) = (Drift(array![0.0, 0.0]), array![[2.0, 0.0], [2.0, 1.0], [4.0, 0.5]]);
/// let mut grad = Array1::zeros(model.n_params());
/// let loss = objective.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// // From noise around zero back to data around (8/3, ½): the velocity in time is negative.
/// assert!(loss > 0.0 && grad[0] > 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub struct FlowMatching<P, S> {
    path: P,
    source: S,
    coupling: Coupling,
    rows: RowUniforms,
    weight: Option<WeightOfTime>,
}

impl<P: fmt::Debug, S: fmt::Debug> fmt::Debug for FlowMatching<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowMatching")
            .field("path", &self.path)
            .field("source", &self.source)
            .field("coupling", &self.coupling)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<P: AffinePath, S: Source> FlowMatching<P, S> {
    /// The objective along `path` from the data to `source`, with independent coupling, independent times and weight one.
    ///
    /// # Errors
    /// A path that is not finite where it begins, half-way or where it ends.
    pub fn new(path: P, source: S) -> Result<Self> {
        check_path(&path)?;
        Ok(FlowMatching {
            path,
            source,
            coupling: Coupling::Independent,
            rows: RowUniforms::Independent,
            weight: None,
        })
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

    /// The same with a weight `λ_t` of the time, finite and at least zero, which training requires of it when it meets the time.
    ///
    /// A density of times other than the uniform one, such as the logit-normal law of Esser et al. (2024), is in expectation this weight.
    pub fn weighted_by(mut self, weight: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        self.weight = Some(Box::new(weight));
        self
    }

    /// The path.
    pub fn path(&self) -> &P {
        &self.path
    }

    /// Overwrites `grad` with the gradient of `Σ_b w_b λ_{t_b} ½ ‖v(α x_b + σ z_b, t_b) − (α' x_b + σ' z_b)‖² / B` and returns the value, for given pairs of data `x` `(B, D)` and `noise` `(B, D)`, at given times
    /// `t` `(B)`, which count by `w` `(B)`.
    ///
    /// # Errors
    /// Shapes that do not fit, times outside the path, weights that are negative or not finite, or a loss that is not finite.
    pub fn on_pairs<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        check_shape("noise", &noise, x.shape())?;
        check_shape("t", &t, &[x.nrows()])?;
        let (start, end) = self.path.interval();
        if let Some(b) = t.iter().position(|t| !(start..=end).contains(t)) {
            let required = format!("in [{start}, {end}], where the path is");
            return Err(Error::parameter(format!("t[{b}]"), t[b], required));
        }
        self.regress(model, x, noise, t, Shares::weighted(w, x)?.scaled(1.0), grad)
    }

    /// The regression of rows that count `c_b λ_t`.
    fn regress<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        noise: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut c: Array1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        if let Some(weight) = &self.weight {
            let of_time = t.mapv(weight);
            check_each("weight", of_time.view(), "finite and at least zero", |w| {
                w.is_finite() && w >= 0.0
            })?;
            c *= &of_time;
        }
        let [mut points, mut velocity] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
        for (b, &t) in t.iter().enumerate() {
            let scales = self.path.scales(t);
            let (data, noise) = (x.row(b), noise.row(b));
            points.row_mut(b).scaled_add(scales.alpha, &data);
            points.row_mut(b).scaled_add(scales.sigma, &noise);
            velocity.row_mut(b).scaled_add(scales.alpha_rate, &data);
            velocity.row_mut(b).scaled_add(scales.sigma_rate, &noise);
        }
        grad.fill(0.0);
        let mut loss = 0.0;
        let mut cotangent = |v: ArrayView2<f64>, mut u: ndarray::ArrayViewMut2<f64>| {
            u.assign(&(&v - &velocity));
            for (mut residual, &c) in u.rows_mut().into_iter().zip(&c) {
                loss += 0.5 * c * residual.dot(&residual);
                residual *= c;
            }
        };
        model.score_pullback_at_with(points.view(), t, &mut cotangent, grad);
        check_loss(loss, "in flow matching")
    }

    fn loss_and_grad<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        if let Shares::Weighted(_) = shares {
            self.coupling.check_weighable()?;
        }
        let streams = Streams::draw(rng);
        let noise = draw_for(model, &self.source, x.nrows(), &mut streams.part(0).block(0))?;
        let noise = self.coupling.join(x, noise)?;
        let (start, end) = self.path.interval();
        let uniforms = self.rows.draw(x.nrows(), streams.part(1));
        let t = uniforms.mapv(|u| (start + u * (end - start)).min(end));
        self.regress(model, x, noise.view(), t.view(), shares.scaled(end - start), grad)
    }
}

impl<P: AffinePath, S: Source, M: TimeScorePullback + ?Sized> Objective<M> for FlowMatching<P, S> {
    by_shares! {
        /// # Errors
        /// As without weights, and always with [`Coupling::OptimalTransport`], under which weights of rows would change the law of the noise.
        loss_and_grad
    }
}

/// Noise and times are drawn anew at every call.
impl<P, S> Stateless for FlowMatching<P, S> {}
