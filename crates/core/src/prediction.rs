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
//! [`ScoreFrom`] puts any of these between a network and everything that asks for scores: what is trained is then the network's own parameters, and samplers and objectives need not know what it predicts.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::energy::Space;
use crate::error::{Result, check_positive};
use crate::params::{Layout, Parametric, ParametricMut};
use crate::process::LinearGaussian;
use crate::score::JvpCotangent;
use crate::time::{TimeScore, TimeScoreJvp, TimeScoreJvpPullback, TimeScorePullback};

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

/// The score that a network gives under a parametrisation: `s(x, t) = skip · x + out · F(input · x, condition)`.
///
/// The network implements the traits of time-dependent scores as a field of vectors; what it says of itself is then read as `parametrisation` tells. Its parameters are those of the score.
///
/// ```
/// # use gibbsian_core::{Space, TimeScore};
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_core::{At, Prediction, Predicts, Score, ScoreFrom};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// For standard normal data, which this process leaves as they are, the expected noise is `σ x`.
/// struct Network;
/// # impl Space for Network { fn dim(&self) -> usize { 2 } }
/// impl TimeScore for Network {
///     fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         let sigma = (-(-2.0 * t[0]).exp_m1()).sqrt();
///         out.assign(&(&x * sigma));
///     }
/// }
///
/// let process = OrnsteinUhlenbeck::new(5.0)?;
/// let score = ScoreFrom::new(Network, Predicts { prediction: Prediction::Noise, process });
/// let s = At::new(&score, array![0.3].view()).score(array![[1.0, -2.0]].view());
/// assert!((s - array![[-1.0, 2.0]]).iter().all(|e| e.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ScoreFrom<F, P> {
    network: F,
    parametrisation: P,
}

impl<F, P> ScoreFrom<F, P> {
    /// Reads a score from `network`.
    pub fn new(network: F, parametrisation: P) -> Self {
        ScoreFrom {
            network,
            parametrisation,
        }
    }

    /// The network.
    pub fn network(&self) -> &F {
        &self.network
    }

    /// The network, for whoever changes it.
    pub fn network_mut(&mut self) -> &mut F {
        &mut self.network
    }
}

/// The coefficients of all rows, as columns `(B, 1)`.
struct Columns {
    skip: Array2<f64>,
    out: Array2<f64>,
    input: Array2<f64>,
    condition: Array1<f64>,
}

impl<F, P: Parametrisation> ScoreFrom<F, P> {
    fn columns(&self, t: ArrayView1<f64>) -> Columns {
        let readings = t.mapv(|t| self.parametrisation.reading(t));
        let column = |part: fn(&Reading) -> f64| readings.map(part).insert_axis(Axis(1));
        Columns {
            skip: column(|r| r.skip),
            out: column(|r| r.out),
            input: column(|r| r.input),
            condition: readings.map(|r| r.condition),
        }
    }
}

impl Columns {
    /// Overwrites the network's `answer` with `skip · x + out · answer`.
    fn read(&self, x: ArrayView2<f64>, mut answer: ArrayViewMut2<f64>) {
        answer *= &self.out;
        answer += &(&x * &self.skip);
    }
}

impl<F: Space, P: Sync> Space for ScoreFrom<F, P> {
    fn dim(&self) -> usize {
        self.network.dim()
    }
}

impl<F: Parametric, P> Parametric for ScoreFrom<F, P> {
    fn layout(&self) -> Layout {
        self.network.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.network.params()
    }
}

impl<F: ParametricMut, P> ParametricMut for ScoreFrom<F, P> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.network.set_params(params)
    }
}

impl<F: TimeScore, P: Parametrisation> TimeScore for ScoreFrom<F, P> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let c = self.columns(t);
        self.network
            .score_at_into((&x * &c.input).view(), c.condition.view(), out.view_mut());
        c.read(x, out);
    }
}

impl<F: TimeScoreJvp, P: Parametrisation> TimeScoreJvp for ScoreFrom<F, P> {
    /// `J v = skip · v + out · J_F (input · v)`.
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        let c = self.columns(t);
        self.network.score_jvp_at_into(
            (&x * &c.input).view(),
            c.condition.view(),
            (&v * &c.input).view(),
            score.view_mut(),
            jvp.view_mut(),
        );
        c.read(x, score);
        c.read(v, jvp);
    }

    /// `D · skip + out · input · tr J_F`, so that a network with a closed form keeps it.
    fn divergence_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        let c = self.columns(t);
        self.network
            .divergence_at_into((&x * &c.input).view(), c.condition.view(), out.view_mut());
        out *= &(&c.out * &c.input).column(0);
        out += &(&c.skip * x.ncols() as f64).column(0);
    }
}

impl<F: TimeScorePullback, P: Parametrisation> TimeScorePullback for ScoreFrom<F, P> {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let c = self.columns(t);
        let mut through = |answer: ArrayView2<f64>, mut u: ArrayViewMut2<f64>| {
            let mut score = answer.to_owned();
            c.read(x, score.view_mut());
            cotangent(score.view(), u.view_mut());
            u *= &c.out;
        };
        self.network
            .score_pullback_at_with((&x * &c.input).view(), c.condition.view(), &mut through, grad);
    }
}

impl<F: TimeScoreJvpPullback, P: Parametrisation> TimeScoreJvpPullback for ScoreFrom<F, P> {
    fn score_jvp_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let c = self.columns(t);
        let mut through = |answer: ArrayView2<f64>,
                           product: ArrayView2<f64>,
                           mut u: ArrayViewMut2<f64>,
                           mut w: ArrayViewMut2<f64>| {
            let (mut score, mut jvp) = (answer.to_owned(), product.to_owned());
            c.read(x, score.view_mut());
            c.read(v, jvp.view_mut());
            cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
            u *= &c.out;
            w *= &c.out;
        };
        self.network.score_jvp_pullback_at_with(
            (&x * &c.input).view(),
            c.condition.view(),
            (&v * &c.input).view(),
            &mut through,
            grad,
        );
    }
}
