//! A mixture of two equal normals, under noise, with every derivative in closed form: a model that is not linear in its parameters.
//!
//! `½ N(m, τI) + ½ N(−m, τI)` with `τ = 1 + t²` has, with `a = m·x/τ`,
//!
//! `E = ‖x‖²/2τ − log cosh a`,  `s = (−x + m tanh a)/τ`,  `J v = (−v + m (m·v) sech²a /τ)/τ`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::math::log_cosh;
use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{
    Energy, EnergyPullback, Layout, Parametric, ParametricMut, Result, Score, ScoreJvp, ScoreJvpPullback,
    ScorePullback, Space, TimeEnergy, TimeEnergyPullback, TimeScore, TimeScoreJvp, TimeScoreJvpPullback,
    TimeScorePullback,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The mixture with bumps at `±m`, as a static model at noise `level` and as one of all noise levels.
#[derive(Clone, Debug)]
pub struct TwoBumps {
    pub mean: Array1<f64>,
    pub level: f64,
}

impl TwoBumps {
    pub fn new(mean: Array1<f64>) -> Self {
        TwoBumps { mean, level: 0.0 }
    }

    /// Draws without noise.
    pub fn draw(&self, n: usize, rng: &mut impl rand::Rng) -> Array2<f64> {
        let mut x = Array2::zeros((n, self.mean.len()));
        for mut row in x.rows_mut() {
            let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
            Zip::from(&mut row).and(&self.mean).for_each(|x, m| *x = sign * m);
            row.mapv_inplace(|x| x + rng.sample::<f64, _>(StandardNormal));
        }
        x
    }

    fn levels(&self, n: usize) -> Array1<f64> {
        Array1::from_elem(n, self.level)
    }

    /// `τ`, `tanh a` and `sech²a` of a row.
    fn at(&self, x: ArrayView1<f64>, t: f64) -> (f64, f64, f64) {
        let tau = 1.0 + t * t;
        let h = (self.mean.dot(&x) / tau).tanh();
        (tau, h, 1.0 - h * h)
    }
}

impl Space for TwoBumps {
    fn dim(&self) -> usize {
        self.mean.len()
    }
}

impl Energy for TwoBumps {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.energy_at_into(x, self.levels(x.nrows()).view(), out);
    }
}

impl Parametric for TwoBumps {
    fn layout(&self) -> Layout {
        Layout::new().with("mean", &[self.mean.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.mean.clone()
    }
}

impl ParametricMut for TwoBumps {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.mean.assign(&params);
        Ok(())
    }
}

impl TimeEnergy for TwoBumps {
    fn energy_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for ((e, x), t) in out.iter_mut().zip(x.rows()).zip(t) {
            let tau = 1.0 + t * t;
            *e = 0.5 * x.dot(&x) / tau - log_cosh(self.mean.dot(&x) / tau);
        }
    }
}

impl TimeEnergyPullback for TwoBumps {
    fn energy_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut energy, mut w] = [(); 2].map(|()| Array1::zeros(x.nrows()));
        self.energy_at_into(x, t, energy.view_mut());
        weigh(energy.view(), w.view_mut());
        for ((x, w), t) in x.rows().into_iter().zip(&w).zip(t) {
            let (tau, h, _) = self.at(x, *t);
            grad.scaled_add(-w * h / tau, &x);
        }
    }
}

impl EnergyPullback for TwoBumps {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.energy_pullback_at_with(x, self.levels(x.nrows()).view(), weigh, grad);
    }
}

impl TimeScore for TwoBumps {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(&t).zip(out.rows_mut()) {
            let (tau, h, _) = self.at(x, *t);
            out.assign(&((&self.mean * h - x) / tau));
        }
    }
}

impl TimeScoreJvp for TwoBumps {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score);
        for (b, mut jvp) in jvp.rows_mut().into_iter().enumerate() {
            let (tau, _, q) = self.at(x.row(b), t[b]);
            let along = self.mean.dot(&v.row(b));
            jvp.assign(&((&self.mean * (along * q / tau) - v.row(b)) / tau));
        }
    }
}

impl TimeScorePullback for TwoBumps {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut s, mut u] = [(); 2].map(|()| Array2::zeros(x.dim()));
        self.score_at_into(x, t, s.view_mut());
        cotangent(s.view(), u.view_mut());
        for (b, u) in u.rows().into_iter().enumerate() {
            let (tau, h, q) = self.at(x.row(b), t[b]);
            grad.scaled_add(h / tau, &u);
            grad.scaled_add(u.dot(&self.mean) * q / (tau * tau), &x.row(b));
        }
    }
}

impl TimeScoreJvpPullback for TwoBumps {
    fn score_jvp_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut s, mut jvp, mut u, mut w] = [(); 4].map(|()| Array2::zeros(x.dim()));
        self.score_jvp_at_into(x, t, v, s.view_mut(), jvp.view_mut());
        cotangent(s.view(), jvp.view(), u.view_mut(), w.view_mut());
        self.score_pullback_at_with(x, t, &mut |_, mut out| out.assign(&u), grad.view_mut());
        for (b, w) in w.rows().into_iter().enumerate() {
            let (tau, h, q) = self.at(x.row(b), t[b]);
            let (of_v, of_w) = (self.mean.dot(&v.row(b)), self.mean.dot(&w));
            let tau2 = tau * tau;
            grad.scaled_add(q * of_v / tau2, &w);
            grad.scaled_add(q * of_w / tau2, &v.row(b));
            grad.scaled_add(-2.0 * of_w * of_v * q * h / (tau2 * tau), &x.row(b));
        }
    }
}

impl Score for TwoBumps {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.score_at_into(x, self.levels(x.nrows()).view(), out);
    }
}

impl ScoreJvp for TwoBumps {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_jvp_at_into(x, self.levels(x.nrows()).view(), v, score, jvp);
    }
}

impl ScorePullback for TwoBumps {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.score_pullback_at_with(x, self.levels(x.nrows()).view(), cotangent, grad);
    }
}

impl ScoreJvpPullback for TwoBumps {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.score_jvp_pullback_at_with(x, self.levels(x.nrows()).view(), v, cotangent, grad);
    }
}

#[test]
fn the_model_obeys_the_laws_of_its_traits() {
    use gibbsian_testkit::differences::Precision;
    use gibbsian_testkit::{conformance, derivatives};
    use ndarray::array;
    let model = || TwoBumps {
        mean: array![1.2, -0.7],
        level: 0.6,
    };
    let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7], [0.4, -1.9]];
    let t = array![0.0, 0.5, 1.3, 3.0];
    const DOUBLE: Precision = Precision::DOUBLE;
    let (x, t) = (x.view(), t.view());
    conformance::energy(&model(), x, DOUBLE).unwrap();
    conformance::score_jvp(&model(), x, DOUBLE).unwrap();
    conformance::energy_pullback(&mut model(), x, DOUBLE).unwrap();
    conformance::score_jvp_pullback(&mut model(), x, DOUBLE).unwrap();
    conformance::time_energy_pullback(&mut model(), x, t, DOUBLE).unwrap();
    conformance::time_score_jvp(&model(), x, t, DOUBLE).unwrap();
    conformance::time_score_jvp_pullback(&mut model(), x, t, DOUBLE).unwrap();
    derivatives::row_gradient(
        "score and energy belong together",
        x,
        &model().score(x),
        &|x| -model().energy(x),
        DOUBLE,
    )
    .unwrap();
}
