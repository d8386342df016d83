//! Bugs in energies, scores, their products and pullbacks.
//!
//! reason for length: every planted bug is a model of its own with all the traits that the check asks for.

use std::sync::Mutex;

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    At, Energy, EnergyPullback, Generator, GeneratorPullback, Layout, Parametric, ParametricMut, Potential,
    Result, Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space, TimeEnergy, TimeEnergyPullback,
    TimePotential, TimeScore, TimeScorePullback,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::{Gaussian, HeatedGaussian, LinearGenerator};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array, s};

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    /// The energy of the first row is added to every row.
    CoupledRows,
    /// The energy is added to the output.
    AddedEnergy,
    /// Rows after the thirty-second are wrong, as in a forgotten tail.
    Tail,
    /// The batch is read as if it were contiguous.
    IgnoredStrides,
    /// NaN is replaced.
    HiddenNan,
    /// The result depends on the number of threads.
    Threads,
    ScoreSign,
    ScorePercent,
    JvpFactor,
    JvpScore,
    Divergence,
    PullbackOverwrites,
    PullbackFactor,
    PullbackOneEntry,
    PullbackStale,
    PullbackTwoCalls,
    PullbackWrongEnergies,
    PullbackForms,
    ScorePullbackSign,
    JvpPullbackMissing,
}

/// A Gaussian with a bug.
struct Planted {
    inner: Gaussian,
    bug: Bug,
    /// What the last pullback left behind.
    stale: Mutex<Option<Array1<f64>>>,
}

fn planted(bug: Bug) -> Planted {
    let inner = Gaussian::new(array![0.5, -1.0], array![[2.0, 0.0], [0.5, 1.5]]).unwrap();
    Planted {
        inner,
        bug,
        stale: Mutex::new(None),
    }
}

fn probes() -> Array2<f64> {
    array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.2, 0.6]]
}

impl Space for Planted {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Planted {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let before = out.to_owned();
        let first = (x.nrows() > 0).then(|| self.inner.energy(x.slice(s![..1, ..]))[0]);
        self.inner.energy_into(x, out.view_mut());
        match self.bug {
            Bug::CoupledRows => out += first.unwrap_or(0.0),
            Bug::AddedEnergy => out += &before.mapv(|b| if b.is_nan() { 0.0 } else { b }),
            Bug::Tail if x.nrows() > 32 => out.slice_mut(s![32..]).fill(1.0),
            Bug::HiddenNan => out.mapv_inplace(|e| if e.is_nan() { 0.0 } else { e }),
            Bug::Threads if x.nrows() > 32 => {
                out[0] *= 1.0 + f64::EPSILON * rayon::current_num_threads() as f64
            }
            Bug::IgnoredStrides if !x.is_standard_layout() => {
                // Columns taken for rows.
                let flat: Vec<f64> = x.t().iter().copied().collect();
                let misread = Array2::from_shape_vec(x.dim(), flat).unwrap();
                self.inner.energy_into(misread.view(), out);
            }
            _ => {}
        }
    }
}

impl Score for Planted {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.inner.score_into(x, out.view_mut());
        match self.bug {
            Bug::ScoreSign => out.mapv_inplace(|s| -s),
            Bug::ScorePercent => out.column_mut(1).mapv_inplace(|s| s * (1.0 + 1e-8)),
            _ => {}
        }
    }
}

impl Potential for Planted {}

impl ScoreJvp for Planted {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.inner.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        match self.bug {
            Bug::JvpFactor => jvp *= 2.0,
            Bug::JvpScore => score *= -1.0,
            _ => {}
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.inner.divergence_into(x, out.view_mut());
        if self.bug == Bug::Divergence {
            out *= 0.5;
        }
    }
}

impl Parametric for Planted {
    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.inner.params()
    }
}

impl ParametricMut for Planted {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.inner.set_params(params)
    }
}

impl EnergyPullback for Planted {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        match self.bug {
            Bug::PullbackTwoCalls => weigh(self.energy(x).view(), Array1::zeros(x.nrows()).view_mut()),
            Bug::PullbackWrongEnergies => {
                let mut w = Array1::zeros(x.nrows());
                weigh((self.energy(x) * 2.0).view(), w.view_mut());
                return self.inner.energy_pullback_into(x, w.view(), grad);
            }
            Bug::PullbackOverwrites => grad.fill(0.0),
            _ => {}
        }
        let mut own = Array1::zeros(grad.len());
        self.inner.energy_pullback_with(x, weigh, own.view_mut());
        match self.bug {
            Bug::PullbackFactor => own *= 2.0,
            Bug::PullbackOneEntry => own[3] *= 1.0 + 1e-7,
            _ => {}
        }
        if self.bug == Bug::PullbackStale
            && let Some(last) = self.stale.lock().unwrap().replace(own.clone())
        {
            own += &last;
        }
        grad += &own;
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        let w = if self.bug == Bug::PullbackForms {
            &w * 1.5
        } else {
            w.to_owned()
        };
        self.energy_pullback_with(x, &mut |_, mut out| out.assign(&w), grad);
    }
}

impl ScorePullback for Planted {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut own = Array1::zeros(grad.len());
        self.inner.score_pullback_with(x, cotangent, own.view_mut());
        grad += &if self.bug == Bug::ScorePullbackSign {
            -own
        } else {
            own
        };
    }
}

impl ScoreJvpPullback for Planted {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let mut without_w =
            |s: ArrayView2<f64>, j: ArrayView2<f64>, u: ArrayViewMut2<f64>, mut w: ArrayViewMut2<f64>| {
                cotangent(s, j, u, w.view_mut());
                if self.bug == Bug::JvpPullbackMissing {
                    w.fill(0.0);
                }
            };
        self.inner.score_jvp_pullback_with(x, v, &mut without_w, grad);
    }
}

#[test]
fn energies() {
    for (bug, reason) in [
        (Bug::CoupledRows, "a row alone has the value it has in a batch"),
        (Bug::AddedEnergy, "the output is overwritten"),
        (Bug::Tail, "a long batch has the values of its rows"),
        (Bug::IgnoredStrides, "a column-major batch has the same values"),
        (Bug::HiddenNan, "NaN in gives NaN out"),
        (Bug::Threads, "on 2 threads"),
    ] {
        caught(
            conformance::energy(&planted(bug), probes().view(), DOUBLE),
            reason,
        );
    }
}

#[test]
fn scores() {
    let law = "the score is minus the gradient of the energy";
    caught(
        conformance::potential(&planted(Bug::ScoreSign), probes().view(), DOUBLE),
        law,
    );
    // A relative error of 1e-8 in one coordinate, named.
    caught(
        conformance::potential(&planted(Bug::ScorePercent), probes().view(), DOUBLE),
        "coordinate 1",
    );
    for (bug, reason) in [
        (Bug::JvpFactor, "J v is the derivative of the score along v"),
        (Bug::JvpScore, "the score beside the product is the score"),
        (Bug::Divergence, "the divergence is the trace"),
    ] {
        caught(
            conformance::score_jvp(&planted(bug), probes().view(), DOUBLE),
            reason,
        );
    }
}

#[test]
fn pullbacks() {
    for (bug, reason) in [
        (Bug::PullbackOverwrites, "a pullback adds to the gradient"),
        (
            Bug::PullbackFactor,
            "the pullback is the gradient of the weighted energies",
        ),
        (Bug::PullbackOneEntry, "precision_lower[1]"),
        (Bug::PullbackStale, "a second call gives the same gradient"),
        (Bug::PullbackTwoCalls, "it ran 2 times"),
        (Bug::PullbackWrongEnergies, "the callback is handed the energies"),
        (Bug::PullbackForms, "both forms of the pullback agree"),
    ] {
        caught(
            conformance::energy_pullback(&mut planted(bug), probes().view(), DOUBLE),
            reason,
        );
    }
    let score_law = "the pullback is the gradient of the weighted scores";
    caught(
        conformance::score_pullback(&mut planted(Bug::ScorePullbackSign), probes().view(), DOUBLE),
        score_law,
    );
    let jvp_law = "the pullback is the gradient of the weighted scores and products";
    caught(
        conformance::score_jvp_pullback(&mut planted(Bug::JvpPullbackMissing), probes().view(), DOUBLE),
        jvp_law,
    );
}

/// A heated Gaussian that takes the first row's time for all rows, or differentiates as if time stood still.
struct Frozen {
    inner: HeatedGaussian,
    score: bool,
}

impl Space for Frozen {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
}

impl TimeScore for Frozen {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        let first = t.mapv(|_| t[0]);
        self.inner
            .score_at_into(x, if self.score { first.view() } else { t }, out);
    }
}

impl Parametric for Frozen {
    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.inner.params()
    }
}

impl ParametricMut for Frozen {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.inner.set_params(params)
    }
}

impl TimeScorePullback for Frozen {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let score = At::new(&self.inner, t).score(x);
        let mut right = |_: ArrayView2<f64>, u: ArrayViewMut2<f64>| cotangent(score.view(), u);
        self.inner
            .score_pullback_at_with(x, (&t * 0.0).view(), &mut right, grad);
    }
}

impl TimeEnergy for Frozen {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut1<f64>) {
        let first = t.mapv(|_| t[0]);
        self.inner
            .energy_at_into(x, if self.score { first.view() } else { t }, out);
    }
}

/// The score that belongs to the energy at twice the time.
impl TimePotential for Frozen {
    fn energy_and_score_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.energy_at_into(x, t, energy);
        self.score_at_into(x, (&t * 2.0).view(), score);
    }
}

impl TimeEnergyPullback for Frozen {
    fn energy_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let energy = At::new(&self.inner, t).energy(x);
        let mut right = |_: ArrayView1<f64>, w: ArrayViewMut1<f64>| weigh(energy.view(), w);
        self.inner
            .energy_pullback_at_with(x, (&t * 0.0).view(), &mut right, grad);
    }
}

/// A linear generator whose pullback forgets the bias, or is handed points of other noise.
struct Forgetful {
    inner: LinearGenerator,
    bias: bool,
}

impl Space for Forgetful {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
}

impl Generator for Forgetful {
    fn latent_dim(&self) -> usize {
        self.inner.latent_dim()
    }

    fn generate_into(&self, z: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.inner.generate_into(z, out);
    }
}

impl Parametric for Forgetful {
    fn layout(&self) -> Layout {
        self.inner.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.inner.params()
    }
}

impl ParametricMut for Forgetful {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.inner.set_params(params)
    }
}

impl GeneratorPullback for Forgetful {
    fn generator_pullback_with(
        &self,
        z: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let n = grad.len() - if self.bias { 1 } else { 0 };
        let mut all = Array1::zeros(grad.len());
        let scale = if self.bias { 1.0 } else { 2.0 };
        let mut handed = |x: ArrayView2<f64>, u: ArrayViewMut2<f64>| cotangent((&x * scale).view(), u);
        self.inner.generator_pullback_with(z, &mut handed, all.view_mut());
        grad.slice_mut(s![..n]).scaled_add(1.0, &all.slice(s![..n]));
    }
}

#[test]
fn generators() {
    let planted = |bias| Forgetful {
        inner: LinearGenerator::new(array![[0.5, 0.25], [-1.0, 0.75]], array![0.1, 0.3]).unwrap(),
        bias,
    };
    let found = conformance::generator_pullback(&mut planted(true), probes().view(), DOUBLE);
    caught(found, "the pullback is the gradient of the weighted points");
    let found = conformance::generator_pullback(&mut planted(false), probes().view(), DOUBLE);
    caught(found, "the callback is handed the points");
}

#[test]
fn energies_in_time() {
    let planted = |energy| Frozen {
        inner: HeatedGaussian::new(array![0.5, -1.0], 0.25).unwrap(),
        score: energy,
    };
    let t = array![0.1, 1.5, 0.7, 0.4];
    let found = conformance::time_energy(&planted(true), probes().view(), t.view(), DOUBLE);
    caught(found, "a row alone has the value it has in a batch");
    let found = conformance::time_potential(&planted(false), probes().view(), t.view(), DOUBLE);
    caught(found, "energy and score of one pass are those of two");
    let found = conformance::time_energy_pullback(&mut planted(false), probes().view(), t.view(), DOUBLE);
    caught(found, "the pullback is the gradient of the weighted energies");
}

#[test]
fn scores_in_time() {
    let planted = |score| Frozen {
        inner: HeatedGaussian::new(array![0.5, -1.0], 0.25).unwrap(),
        score,
    };
    let t = array![0.1, 1.5, 0.7, 0.4];
    let found = conformance::time_score(&planted(true), probes().view(), t.view(), DOUBLE);
    caught(found, "a row alone has the value it has in a batch");
    let found = conformance::time_score_pullback(&mut planted(false), probes().view(), t.view(), DOUBLE);
    caught(found, "the pullback is the gradient of the weighted scores");
}

/// `E = |x_0| + x_1²` with the right score: at a kink the probe is at fault, and that is said.
struct Kink;

impl Space for Kink {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Kink {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&(&x.column(0).mapv(f64::abs) + &x.column(1).mapv(|v| v * v)));
    }
}

impl Score for Kink {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.column_mut(0).assign(&x.column(0).mapv(|v| -v.signum()));
        out.column_mut(1).assign(&x.column(1).mapv(|v| -2.0 * v));
    }
}

impl Potential for Kink {}

#[test]
fn kinks_are_the_probes_fault() {
    conformance::potential(&Kink, array![[0.5, 1.0], [-0.7, 0.3]].view(), DOUBLE).unwrap();
    caught(
        conformance::potential(&Kink, array![[0.5, 1.0], [1e-5, 0.3]].view(), DOUBLE),
        "do not resolve",
    );
}

/// `½ a |x|²` in single precision, and a score that may be off.
struct Single {
    factor: f32,
}

impl Space for Single {
    fn dim(&self) -> usize {
        3
    }
}

impl Energy for Single {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (row, e) in x.rows().into_iter().zip(&mut out) {
            *e = f64::from(row.iter().map(|&v| 0.75 * (v as f32) * (v as f32)).sum::<f32>());
        }
    }
}

impl Score for Single {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(|v| f64::from(-1.5 * self.factor * v as f32)));
    }
}

impl Potential for Single {}

#[test]
fn single_precision_has_its_own_noise() {
    let x = array![[0.3, 1.2, -0.4], [-2.0, 0.1, 0.9], [1.1, -0.7, 2.5]];
    let single = gibbsian_testkit::differences::Precision::SINGLE;
    conformance::energy(&Single { factor: 1.0 }, x.view(), single).unwrap();
    conformance::potential(&Single { factor: 1.0 }, x.view(), single).unwrap();
    let law = "the score is minus the gradient of the energy";
    caught(
        conformance::potential(&Single { factor: 1.001 }, x.view(), single),
        law,
    );
    // Held to double precision, its rounding is visible.
    assert!(conformance::potential(&Single { factor: 1.0 }, x.view(), DOUBLE).is_err());
}
