//! The score along one process from that along another.

use super::{LinearGaussian, rounding};
use crate::error::{Error, Result};
use crate::prediction::{Parametrisation, Reading};

/// The way from a score along the process `P` to that along `Q`.
///
/// At equal signal-to-noise ratios, `λ_P(u) = λ_Q(t)`, the noisy data of the two differ by a scale alone: `a X^Q_t` has the law of `X^P_u` with `a = α_P(u)/α_Q(t)`. Hence
///
/// `s_Q(x, t) = a s_P(a x, u)`,
///
/// and a network trained along one process serves them all. As a [`Parametrisation`] it goes into [`ScoreFrom`](crate::ScoreFrom), which carries over Jacobians and parameter gradients as well.
///
/// Source: Karras, Aittala, Aila and Laine (2022), appendix B, for the scale; Kingma, Salimans, Poole and Ho (2021), section 5.1: only the ratios at the ends matter.
///
/// ```
/// use gibbsian_core::process::{ElucidatedNoise, Matched, OrnsteinUhlenbeck};
/// # use gibbsian_core::{Space, TimeScore};
/// use gibbsian_core::{At, Score, ScoreFrom};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// Standard normal data under noise of deviation `t`.
/// struct Exploding;
/// # impl Space for Exploding { fn dim(&self) -> usize { 1 } }
/// impl TimeScore for Exploding {
///     fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&(&x / -(1.0 + t[0] * t[0])));
///     }
/// }
///
/// // The Ornstein–Uhlenbeck process leaves such data as they are.
/// let way = Matched::new(ElucidatedNoise::new(80.0)?, OrnsteinUhlenbeck::new(3.0)?)?;
/// let score = ScoreFrom::new(Exploding, way);
/// let s = At::new(&score, array![0.7].view()).score(array![[2.0]].view());
/// assert!((s[[0, 0]] + 2.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matched<P, Q> {
    from: P,
    to: Q,
}

impl<P: LinearGaussian, Q: LinearGaussian> Matched<P, Q> {
    /// The way from scores along `from` to scores along `to`.
    ///
    /// # Errors
    /// Where `to` has less signal at its horizon than `from` ever has, up to a rounding of the logarithms.
    pub fn new(from: P, to: Q) -> Result<Self> {
        let (least, asked) = (from.log_snr(from.horizon()), to.log_snr(to.horizon()));
        if asked.is_nan() || asked < least - rounding(least) {
            return Err(Error::parameter(
                "log_snr",
                asked,
                format!("at least {least} at the horizon, as in the process the score is of"),
            ));
        }
        Ok(Matched { from, to })
    }

    /// The time `u` of the process `P` that has the ratio of `Q` at `t`; NaN where there is none.
    pub fn time(&self, t: f64) -> f64 {
        let log_snr = self.to.log_snr(t);
        let horizon = self.from.horizon();
        let least = self.from.log_snr(horizon);
        if log_snr < least && log_snr >= least - rounding(least) {
            return horizon;
        }
        self.from.time_at_log_snr(log_snr).unwrap_or(f64::NAN)
    }
}

impl<P: LinearGaussian, Q: LinearGaussian> Parametrisation for Matched<P, Q> {
    fn reading(&self, t: f64) -> Reading {
        let time = self.time(t);
        let scale = self.from.alpha(time) / self.to.alpha(t);
        Reading {
            skip: 0.0,
            out: scale,
            input: scale,
            condition: time,
        }
    }
}
