//! Families of one variable with as much of a family as score matching asks for.

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    ContinuousFamily, Density, Energy, Error, ExponentialFamily, Layout, Parametric, ParametricMut, Result,
    Score, ScoreJvp, ScoreJvpPullback, ScorePullback, Space,
};
use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, Axis, array,
    s,
};
use rand::Rng;

/// Which statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `x`, `x²` on the line.
    Normal,
    /// `x` on the half-line.
    Exponential,
    /// `log x`, `x` on the half-line.
    Gamma,
    /// `log x`, `log(1 − x)` on the interval.
    Beta,
}

/// One member; normalisers are nobody's business here.
#[derive(Debug)]
pub struct Line {
    kind: Kind,
    natural: Array1<f64>,
}

impl Line {
    /// Some member.
    pub fn new(kind: Kind) -> Self {
        let natural = match kind {
            Kind::Normal => array![0.4, -0.5],
            Kind::Exponential => array![-1.5],
            Kind::Gamma => array![0.5, -1.0],
            Kind::Beta => array![0.5, 1.2],
        };
        Line { kind, natural }
    }

    /// `T`, `T'` or `T''` at `x`.
    fn statistics_at(&self, x: f64, order: usize) -> Array1<f64> {
        let log = |x: f64| [x.ln(), 1.0 / x, -1.0 / (x * x)][order];
        let identity = [x, 1.0, 0.0][order];
        match self.kind {
            Kind::Normal => array![identity, [x * x, 2.0 * x, 2.0][order]],
            Kind::Exponential => array![identity],
            Kind::Gamma => array![log(x), identity],
            Kind::Beta => array![log(x), [1.0, -1.0, 1.0][order] * log(1.0 - x)],
        }
    }

    fn supports(&self, x: f64) -> bool {
        match self.kind {
            Kind::Normal => true,
            Kind::Exponential | Kind::Gamma => x > 0.0,
            Kind::Beta => x > 0.0 && x < 1.0,
        }
    }

    fn fill(&self, x: ArrayView2<f64>, order: usize, mut out: ArrayViewMut3<f64>) {
        for (b, &x) in x.column(0).iter().enumerate() {
            out.slice_mut(s![b, .., 0]).assign(&self.statistics_at(x, order));
        }
    }
}

impl Space for Line {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Line {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&-self.statistics(x).dot(&self.natural));
    }
}

impl Density for Line {
    fn log_z(&self) -> f64 {
        f64::NAN
    }

    fn sample(&self, n: usize, _: &mut dyn Rng) -> Array2<f64> {
        Array2::from_elem((n, 1), f64::NAN)
    }
}

impl Score for Line {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (b, &x) in x.column(0).iter().enumerate() {
            out[[b, 0]] = self.statistics_at(x, 1).dot(&self.natural);
        }
    }
}

impl ExponentialFamily for Line {
    fn n_statistics(&self) -> usize {
        self.natural.len()
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let mut all = Array3::zeros((x.nrows(), self.n_statistics(), 1));
        self.fill(x, 0, all.view_mut());
        out.assign(&all.index_axis(Axis(2), 0));
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(
            &x.column(0)
                .mapv(|x| if self.supports(x) { 0.0 } else { f64::NEG_INFINITY }),
        );
    }

    fn natural_parameters(&self) -> Array1<f64> {
        self.natural.clone()
    }

    fn mean_parameters(&self) -> Array1<f64> {
        Array1::from_elem(self.n_statistics(), f64::NAN)
    }

    fn log_partition(&self) -> f64 {
        f64::NAN
    }

    fn fisher_information(&self) -> Array2<f64> {
        Array2::from_elem((self.n_statistics(), self.n_statistics()), f64::NAN)
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        let valid = match self.kind {
            Kind::Normal => natural[1] < 0.0,
            Kind::Exponential => natural[0] < 0.0,
            Kind::Gamma => natural[0] > -1.0 && natural[1] < 0.0,
            Kind::Beta => natural[0] > -1.0 && natural[1] > -1.0,
        };
        if valid {
            Ok(Line {
                kind: self.kind,
                natural: natural.to_owned(),
            })
        } else {
            let requirement = "the parameters of a density that can be normalised";
            Err(Error::parameter("natural", natural, requirement))
        }
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        Err(Error::parameter("mean", mean, "left alone in these tests"))
    }

    fn entropy(&self) -> f64 {
        f64::NAN
    }
}

impl ContinuousFamily for Line {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        self.fill(x, 1, out);
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, out: ArrayViewMut3<f64>) {
        self.fill(x, 2, out);
    }

    fn log_base_gradient_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
    }
}

/// The score is linear in the natural parameters, which are also its parameters.
impl Parametric for Line {
    fn layout(&self) -> Layout {
        Layout::new().with("natural", &[self.natural.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.natural.clone()
    }
}

impl ParametricMut for Line {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.natural.assign(&params);
        Ok(())
    }
}

impl ScoreJvp for Line {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        for (b, &x) in x.column(0).iter().enumerate() {
            jvp[[b, 0]] = self.statistics_at(x, 2).dot(&self.natural) * v[[b, 0]];
        }
    }
}

impl ScorePullback for Line {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut u = Array2::zeros(x.dim());
        cotangent(self.score(x).view(), u.view_mut());
        for (&x, &u) in x.column(0).iter().zip(u.column(0)) {
            grad.scaled_add(u, &self.statistics_at(x, 1));
        }
    }
}

impl ScoreJvpPullback for Line {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut score, mut jvp, mut u, mut w] = [(); 4].map(|()| Array2::zeros(x.dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.score_pullback_into(x, u.view(), grad.view_mut());
        for (b, &x) in x.column(0).iter().enumerate() {
            grad.scaled_add(w[[b, 0]] * v[[b, 0]], &self.statistics_at(x, 2));
        }
    }
}
