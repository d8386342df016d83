//! The score that a network gives, whatever it predicts.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::energy::Space;
use crate::error::Result;
use crate::params::{Layout, Parametric, ParametricMut};
use crate::prediction::{Parametrisation, Reading};
use crate::score::JvpCotangent;
use crate::time::{TimeScore, TimeScoreJvp, TimeScoreJvpPullback, TimeScorePullback};

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
        // Once for a run of equal times: mostly once for a batch.
        let mut last: Option<(f64, Reading)> = None;
        let readings = t.mapv(|t| match last {
            Some((time, reading)) if time == t => reading,
            _ => {
                let reading = self.parametrisation.reading(t);
                last = Some((t, reading));
                reading
            }
        });
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

    /// Overwrites the network's `trace` with `dim · skip + out · input · trace`.
    fn read_divergence(&self, dim: usize, mut trace: ArrayViewMut1<f64>) {
        trace *= &(&self.out * &self.input).column(0);
        trace += &(&self.skip * dim as f64).column(0);
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

    fn update_params(&mut self, change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>) -> Result<()> {
        self.network.update_params(change)
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
        c.read_divergence(x.ncols(), out);
    }

    fn score_and_divergence_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut score: ArrayViewMut2<f64>,
        mut divergence: ArrayViewMut1<f64>,
    ) {
        let c = self.columns(t);
        self.network.score_and_divergence_at_into(
            (&x * &c.input).view(),
            c.condition.view(),
            score.view_mut(),
            divergence.view_mut(),
        );
        c.read(x, score);
        c.read_divergence(x.ncols(), divergence);
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
