//! What a network predicts, and the score that follows from it.
//!
//! At noise `x = α d + σ e`, with data `d` and standard normal `e`, the best guess of any of four quantities gives that of the others, because `x` is known:
//!
//! | prediction | regression target | |
//! |---|---|---|
//! | [`Score`](Prediction::Score) | `s = −e/σ` | `∇ log p_t(x)` itself |
//! | [`Noise`](Prediction::Noise) | `e` | Ho, Jain and Abbeel (2020) |
//! | [`Data`](Prediction::Data) | `d` | denoisers; `E[d | x]` by Tweedie and Miyasawa |
//! | [`Velocity`](Prediction::Velocity) | `v = α e − σ d` | Salimans and Ho (2022), who have `α² + σ² = 1` |
//!
//! Every one is `a x + b p` of every other `p`. With `k = α² + σ²`, which is not assumed to be 1, the pairs `(a, b)` are
//!
//! | to \ from | score | noise | data | velocity |
//! |---|---|---|---|---|
//! | score | `0, 1` | `0, −1/σ` | `−1/σ², α/σ²` | `−1/k, −α/(σk)` |
//! | noise | `0, −σ` | `0, 1` | `1/σ, −α/σ` | `σ/k, α/k` |
//! | data | `1/α, σ²/α` | `1/α, −σ/α` | `0, 1` | `α/k, −σ/k` |
//! | velocity | `−σ/α, −σk/α` | `−σ/α, k/α` | `α/σ, −k/σ` | `0, 1` |
//!
//! in which nothing cancels. Some are infinite at `σ = 0` or `α = 0`; that is no defect of the formulas but of a network that predicts noise where there is none, or data where none are left. A velocity is
//! good at both ends, and so is the preconditioning of [`Elucidated`], which chooses scales so that the network sees and returns numbers of variance one at every noise level.
//!
//! [`ScoreFrom`](crate::ScoreFrom) puts any of these between a network and everything that asks for scores: what is trained is then the network's own parameters, and samplers and objectives need not know what it predicts.

use ndarray::{Array2, ArrayView2};

use crate::error::{Result, check_positive};
use crate::process::LinearGaussian;

/// A quantity that determines the score of noisy data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prediction {
    /// The score `s = −e/σ`.
    Score,
    /// The noise `e`.
    Noise,
    /// The data `d` without noise.
    Data,
    /// The velocity `v = α e − σ d`.
    Velocity,
}

impl Prediction {
    /// The `(a, b)` with which `a x + b p` is the prediction `to` where `p` is this one, at noise `x = α d + σ e`.
    ///
    /// ```
    /// use gibbsian_core::Prediction;
    /// // Noise is −σ times the score.
    /// assert_eq!(Prediction::Score.coefficients_of(Prediction::Noise, 0.8, 0.5), (0.0, -0.5));
    /// // x̂ = x + σ² s: Tweedie and Miyasawa.
    /// assert_eq!(Prediction::Score.coefficients_of(Prediction::Data, 1.0, 3.0), (1.0, 9.0));
    /// ```
    pub fn coefficients_of(self, to: Prediction, alpha: f64, sigma: f64) -> (f64, f64) {
        use Prediction::{Data, Noise, Score, Velocity};
        let k = alpha * alpha + sigma * sigma;
        match (to, self) {
            (Score, Noise) => (0.0, -1.0 / sigma),
            (Score, Data) => (-1.0 / (sigma * sigma), alpha / (sigma * sigma)),
            (Score, Velocity) => (-1.0 / k, -alpha / (sigma * k)),
            (Noise, Score) => (0.0, -sigma),
            (Noise, Data) => (1.0 / sigma, -alpha / sigma),
            (Noise, Velocity) => (sigma / k, alpha / k),
            (Data, Score) => (1.0 / alpha, sigma * sigma / alpha),
            (Data, Noise) => (1.0 / alpha, -sigma / alpha),
            (Data, Velocity) => (alpha / k, -sigma / k),
            (Velocity, Score) => (-sigma / alpha, -sigma * k / alpha),
            (Velocity, Noise) => (-sigma / alpha, k / alpha),
            (Velocity, Data) => (alpha / sigma, -k / sigma),
            (Score, Score) | (Noise, Noise) | (Data, Data) | (Velocity, Velocity) => (0.0, 1.0),
        }
    }

    /// The prediction `to` from this one, `p` `(B, D)`, at noisy points `x` `(B, D)`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn convert(
        self,
        to: Prediction,
        x: ArrayView2<f64>,
        p: ArrayView2<f64>,
        alpha: f64,
        sigma: f64,
    ) -> Array2<f64> {
        let (a, b) = self.coefficients_of(to, alpha, sigma);
        let mut out = &p * b;
        // Where x does not enter, an infinite one must not either.
        if a != 0.0 {
            out.scaled_add(a, &x);
        }
        out
    }
}

/// How the score at one time follows from a network `F`: `s(x, t) = skip · x + out · F(input · x, condition)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What `x` is multiplied by beside the network.
    pub skip: f64,
    /// What the network's answer is multiplied by.
    pub out: f64,
    /// What `x` is multiplied by before the network sees it.
    pub input: f64,
    /// What the network is told in place of the time.
    pub condition: f64,
}

/// A way to read a score from a network, at every time.
pub trait Parametrisation: Sync {
    /// The coefficients at time `t`.
    fn reading(&self, t: f64) -> Reading;
}

/// A network that predicts one quantity along a forward process, and is told the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predicts<P> {
    /// What it predicts.
    pub prediction: Prediction,
    /// The forward process, which knows `α_t` and `σ_t`.
    pub process: P,
}

impl<P: LinearGaussian> Parametrisation for Predicts<P> {
    fn reading(&self, t: f64) -> Reading {
        let (alpha, sigma) = (self.process.alpha(t), self.process.sigma(t));
        let (skip, out) = self.prediction.coefficients_of(Prediction::Score, alpha, sigma);
        Reading {
            skip,
            out,
            input: 1.0,
            condition: t,
        }
    }
}

/// The preconditioning of Karras, Aittala, Aila and Laine (2022, table 1), for noise of deviation `σ` on data of deviation `σ_d`, without a scale (`α = 1`); the time is `σ`.
///
/// The network `F` gives the denoiser `D = c_skip x + c_out F(c_in x, c_noise)` with
///
/// `c_skip = σ_d²/(σ² + σ_d²)`, `c_out = σ σ_d/√(σ² + σ_d²)`, `c_in = 1/√(σ² + σ_d²)`, `c_noise = ¼ log σ`.
///
/// Where data have covariance `σ_d² I`, input and regression target of `F` have variance one at every `σ`, and `c_skip` is the choice with the smallest `c_out`. The loss in `D` with weight
/// `λ = (σ² + σ_d²)/(σ σ_d)²` is then the plain squared error of `F`.
///
/// ```
/// use gibbsian_core::Elucidated;
/// let c = Elucidated::new(0.5)?.coefficients(1.2);
/// assert!((c.input.powi(2) * (1.2_f64.powi(2) + 0.25) - 1.0).abs() < 1e-15);
/// assert!((c.weight * c.out.powi(2) - 1.0).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elucidated {
    sigma_data: f64,
}

/// The coefficients of [`Elucidated`] at one noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ElucidatedCoefficients {
    /// `c_skip`.
    pub skip: f64,
    /// `c_out`.
    pub out: f64,
    /// `c_in`.
    pub input: f64,
    /// `c_noise`.
    pub noise: f64,
    /// `λ`, the weight of the squared error of the denoiser.
    pub weight: f64,
}

impl Elucidated {
    /// The preconditioning for data of deviation `sigma_data`.
    ///
    /// # Errors
    /// A deviation that is not finite and greater than zero.
    pub fn new(sigma_data: f64) -> Result<Self> {
        check_positive("sigma_data", sigma_data).map(|sigma_data| Elucidated { sigma_data })
    }

    /// The coefficients at noise of deviation `sigma`.
    pub fn coefficients(&self, sigma: f64) -> ElucidatedCoefficients {
        // Quotients by the hypotenuse neither overflow nor vanish where squares would.
        let total = sigma.hypot(self.sigma_data);
        let data_share = self.sigma_data / total;
        ElucidatedCoefficients {
            skip: data_share * data_share,
            out: sigma * data_share,
            input: 1.0 / total,
            noise: 0.25 * sigma.ln(),
            weight: (sigma * data_share).powi(-2),
        }
    }
}

impl Parametrisation for Elucidated {
    /// `s = (D − x)/σ²`, with `(c_skip − 1)/σ² = −1/(σ² + σ_d²)`.
    fn reading(&self, t: f64) -> Reading {
        let c = self.coefficients(t);
        Reading {
            skip: -c.input * c.input,
            out: self.sigma_data * c.input / t,
            input: c.input,
            condition: c.noise,
        }
    }
}
