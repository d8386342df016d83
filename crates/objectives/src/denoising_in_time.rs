//! Denoising score matching along a forward process (Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021, equation 7).
//!
//! A forward process noises data by `X_t | X_0 ~ N(α_t X_0, σ_t² I)`. One model `s(x, t)` learns the score of the noisy data at all times,
//!
//! `J(θ) = ∫ λ_t ½ E ‖s(α_t x + σ_t z, t) + z/σ_t‖² dt`  over `t_min ≤ t ≤ T`.
//!
//! It is an integral and not a mean over time, which makes no difference where `T = 1` and `t_min` is small. With `λ_t = σ_t²` ([`TimeWeight::Variance`]) all times count alike. With `λ_t = g_t²` ([`TimeWeight::Likelihood`]) the
//! objective bounds the likelihood: if `s` is a true score, of a law `q` noised by the same process, then
//!
//! `KL(p_{t_min} ‖ q_{t_min}) − KL(p_T ‖ q_T) = ∫ g_t² ½ E_{p_t} ‖∇log p_t − ∇log q_t‖² dt`,
//!
//! and the right-hand side is `J` up to a constant of the data (Song, Durkan, Murray and Ermon 2021).
//!
//! **Which times are drawn** changes the variance only. `g²/σ²` rises without bound towards `t = 0`, and with uniform times the likelihood weight has a large variance. Song, Durkan, Murray and Ermon draw times from the density
//! proportional to `g²/σ²`; but `dλ/dt = −g²/σ²` for the logarithm `λ` of the signal-to-noise ratio, so those are just the times at which `λ` is uniform ([`TimeLaw::UniformLogSnr`]), by quantiles that each process has in closed form. Each row then
//! counts `(λ_{t_min} − λ_T) ½ ‖σ s + z‖²`, and no weight varies at all.

use std::fmt;

use gibbsian_core::error::{check_each, check_within};
use gibbsian_core::{
    Error, LinearGaussian, Objective, Result, Stateless, Streams, TimeScore, TimeScorePullback,
};
use ndarray::{Array1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::noised_rows::NoisedRows;
use crate::phases::Shares;
use crate::row_uniforms::RowUniforms;

/// A weight of one's own, of the time.
pub type WeightOfTime = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// The weight `λ_t` of the squared error of the score.
#[derive(Default)]
#[non_exhaustive]
pub enum TimeWeight {
    /// `σ_t²`: the squared error of the predicted noise.
    #[default]
    Variance,
    /// `g_t²`: a bound of the likelihood.
    Likelihood,
    /// A function of the time, finite and at least zero.
    Given(WeightOfTime),
}

impl fmt::Debug for TimeWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeWeight::Variance => "Variance",
            TimeWeight::Likelihood => "Likelihood",
            TimeWeight::Given(_) => "Given(..)",
        })
    }
}

/// The law by which times are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeLaw {
    /// Uniform in time.
    #[default]
    Uniform,
    /// Uniform in the logarithm of the signal-to-noise ratio, so that the density in time is proportional to `g²/σ²`.
    UniformLogSnr,
}

/// `mean_b (λ_t/q_t) ½ ‖s(α_t x_b + σ_t z_b, t) + z_b/σ_t‖²`, with a time `t` of density `q` drawn for every row.
///
/// ```
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_objectives::{DenoisingInTime, RowUniforms, TimeLaw, TimeWeight};
///
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let objective = DenoisingInTime::new(process, 1e-5)?
///     .weighted(TimeWeight::Likelihood)
///     .with_times(TimeLaw::UniformLogSnr)
///     .with_rows(RowUniforms::Stratified);
/// assert_eq!(objective.t_min(), 1e-5);
/// assert!(DenoisingInTime::new(process, 0.0).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DenoisingInTime<P> {
    process: P,
    t_min: f64,
    weight: TimeWeight,
    law: TimeLaw,
    rows: RowUniforms,
}

/// One row of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TimedLoss {
    /// The time.
    pub time: f64,
    /// `½ ‖σ_t s + z‖²`, without the weight: the squared error of the predicted noise.
    pub noise_error: f64,
    /// `λ_t ½ ‖s + z/σ_t‖²`.
    pub loss: f64,
}

impl<P: LinearGaussian> DenoisingInTime<P> {
    /// The objective from `t_min` to the horizon, with weight `σ_t²` and independent uniform times.
    ///
    /// # Errors
    /// A `t_min` that is not between 0 and the horizon, or at which there is no noise to predict.
    pub fn new(process: P, t_min: f64) -> Result<Self> {
        check_within("t_min", t_min, 0.0, process.horizon())?;
        let sigma = process.sigma(t_min);
        if !(sigma.is_finite() && sigma > 0.0 && t_min < process.horizon()) {
            return Err(Error::parameter(
                "t_min",
                t_min,
                "before the horizon and late enough for noise: a score of data without noise may not exist",
            ));
        }
        Ok(DenoisingInTime {
            process,
            t_min,
            weight: TimeWeight::Variance,
            law: TimeLaw::Uniform,
            rows: RowUniforms::Independent,
        })
    }

    /// The same with another weight.
    pub fn weighted(mut self, weight: TimeWeight) -> Self {
        self.weight = weight;
        self
    }

    /// The same with times of another law.
    pub fn with_times(mut self, law: TimeLaw) -> Self {
        self.law = law;
        self
    }

    /// The same with times shared out otherwise among the rows.
    pub fn with_rows(mut self, rows: RowUniforms) -> Self {
        self.rows = rows;
        self
    }

    /// The forward process.
    pub fn process(&self) -> &P {
        &self.process
    }

    /// The first time.
    pub fn t_min(&self) -> f64 {
        self.t_min
    }

    /// `λ_t/σ_t²`.
    fn scale(&self, t: f64) -> f64 {
        match &self.weight {
            TimeWeight::Variance => 1.0,
            TimeWeight::Likelihood => self.process.diffusion_squared(t) / self.process.variance(t),
            TimeWeight::Given(weight) => weight(t) / self.process.variance(t),
        }
    }

    /// The range of the log signal-to-noise ratio, first the greater end.
    fn log_snrs(&self) -> (f64, f64) {
        (
            self.process.log_snr(self.t_min),
            self.process.log_snr(self.process.horizon()),
        )
    }

    /// The time at which the distribution function of the law is `u`.
    fn quantile(&self, u: f64) -> Result<f64> {
        let horizon = self.process.horizon();
        let t = match self.law {
            TimeLaw::Uniform => self.t_min + u * (horizon - self.t_min),
            TimeLaw::UniformLogSnr => {
                let (most, least) = self.log_snrs();
                // Rounding must not lead beyond the end.
                self.process
                    .time_at_log_snr((most - u * (most - least)).max(least))?
            }
        };
        Ok(t.clamp(self.t_min, horizon))
    }

    /// `1/q_t`.
    fn inverse_density(&self, t: f64) -> f64 {
        match self.law {
            TimeLaw::Uniform => self.process.horizon() - self.t_min,
            TimeLaw::UniformLogSnr => {
                let (most, least) = self.log_snrs();
                (most - least) * self.process.variance(t) / self.process.diffusion_squared(t)
            }
        }
    }

    /// Rows at these times, which count `λ_t/q_t`.
    fn noised(&self, time: Array1<f64>) -> Result<NoisedRows> {
        let scale = time.mapv(|t| self.scale(t) * self.inverse_density(t));
        check_each("weight", scale.view(), "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        Ok(NoisedRows {
            alpha: time.mapv(|t| self.process.alpha(t)),
            sigma: time.mapv(|t| self.process.sigma(t)),
            scale,
            time,
        })
    }

    /// Rows at random times.
    fn drawn(&self, n_rows: usize, streams: Streams) -> Result<NoisedRows> {
        let uniforms = self.rows.draw(n_rows, streams);
        self.noised(
            uniforms
                .iter()
                .map(|&u| self.quantile(u))
                .collect::<Result<_>>()?,
        )
    }

    /// The errors of the rows of `x` at times drawn as in training, one each: what to look at to see at which times a model is bad.
    ///
    /// # Errors
    /// A batch that does not fit the model, or a given weight that is negative or not finite.
    pub fn timed_losses<M: TimeScore + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<Vec<TimedLoss>> {
        let streams = Streams::draw(rng);
        let rows = self.drawn(x.nrows(), streams.part(0))?;
        let errors = rows.errors(model, x, streams.part(1))?;
        let timed = rows
            .time
            .iter()
            .zip(&errors)
            .map(|(&time, &noise_error)| TimedLoss {
                time,
                noise_error,
                loss: self.scale(time) * noise_error,
            });
        Ok(timed.collect())
    }

    fn loss_and_grad<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let streams = Streams::draw(rng);
        let rows = self.drawn(x.nrows(), streams.part(0))?;
        let c = shares.scaled(1.0);
        rows.loss_and_grad(
            model,
            x,
            c.view(),
            streams.part(1),
            grad,
            "in denoising over time",
        )
    }
}

impl<P: LinearGaussian, M: TimeScorePullback + ?Sized> Objective<M> for DenoisingInTime<P> {
    by_shares! {
        /// # Errors
        /// As without weights, also where the given weight of a time is negative or not finite.
        loss_and_grad
    }
}

/// Times and noise are drawn anew at every call.
impl<P> Stateless for DenoisingInTime<P> {}
