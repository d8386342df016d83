//! The functions that these tests are made with.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::Result;
use gibbsian_core::{
    Density, Energy, EnergyPullback, Layout, Parametric, ParametricMut, Potential, Score, ScoreJvp, Space,
};
use gibbsian_densities::positive::{Positive, PositiveMap};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::Rng;

/// The energy `−f` of `f(x) = Σ_k c_k xᵏ · exp(−a x²)`, with the parameters `c`.
#[derive(Clone, Debug)]
pub struct PolynomialTimesGaussian {
    pub coefficients: Array1<f64>,
    pub a: f64,
}

impl PolynomialTimesGaussian {
    pub fn new(coefficients: &[f64], a: f64) -> Self {
        PolynomialTimesGaussian {
            coefficients: coefficients.to_vec().into(),
            a,
        }
    }

    /// `f`, `f'`, `f''`.
    fn at(&self, x: f64) -> [f64; 3] {
        let (mut p, mut dp, mut d2p) = (0.0, 0.0, 0.0);
        for &c in self.coefficients.iter().rev() {
            d2p = d2p * x + 2.0 * dp;
            dp = dp * x + p;
            p = p * x + c;
        }
        // The Gaussian factor wins over a polynomial that overflows.
        if (-self.a * x * x).exp() == 0.0 {
            return [0.0; 3];
        }
        let (e, u) = ((-self.a * x * x).exp(), -2.0 * self.a * x);
        [
            p * e,
            (dp + u * p) * e,
            (d2p + 2.0 * u * dp + (u * u - 2.0 * self.a) * p) * e,
        ]
    }
}

impl Space for PolynomialTimesGaussian {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for PolynomialTimesGaussian {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(1, x, &out);
        out.zip_mut_with(&x.column(0), |out, &x| *out = -self.at(x)[0]);
    }
}

impl Score for PolynomialTimesGaussian {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.zip_mut_with(&x, |out, &x| *out = self.at(x)[1]);
    }
}

impl Potential for PolynomialTimesGaussian {}

impl ScoreJvp for PolynomialTimesGaussian {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.score_into(x, score);
        jvp.zip_mut_with(&x, |out, &x| *out = self.at(x)[2]);
        jvp *= &v;
    }
}

impl Parametric for PolynomialTimesGaussian {
    fn layout(&self) -> Layout {
        Layout::new().with("coefficients", &[self.coefficients.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.coefficients.clone()
    }
}

impl ParametricMut for PolynomialTimesGaussian {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.coefficients = params.to_owned();
        Ok(())
    }
}

impl EnergyPullback for PolynomialTimesGaussian {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weigh(self.energy(x).view(), w.view_mut());
        for (x, w) in x.column(0).iter().zip(&w) {
            for (k, grad) in grad.iter_mut().enumerate() {
                *grad -= w * x.powi(k as i32) * (-self.a * x * x).exp();
            }
        }
    }
}

/// The energy `−f` of `f(x, y) = x y exp(−(x² + y²)/2)`.
pub struct Saddle;

impl Space for Saddle {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Saddle {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = -x[0] * x[1] * (-0.5 * x.dot(&x)).exp();
        }
    }
}

/// A model read as if its normaliser were one, for tables of what is not normalised.
pub struct Unnormalised<M>(pub M);

impl<M: Space> Space for Unnormalised<M> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl<M: Energy> Energy for Unnormalised<M> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out);
    }
}

impl<M: Score> Score for Unnormalised<M> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.score_into(x, out);
    }
}

impl<M: Energy> Density for Unnormalised<M> {
    fn log_z(&self) -> f64 {
        0.0
    }

    fn sample(&self, _: usize, _: &mut dyn Rng) -> Array2<f64> {
        unreachable!("tables ask for no draws")
    }
}

/// A map chosen at run time.
pub type AnyMap = Box<dyn PositiveMap>;

/// All maps with their names in the tables.
pub fn maps() -> [(&'static str, AnyMap); 4] {
    use gibbsian_densities::positive::{Absolute, Exp, Softplus, Square};
    [
        ("exp", Box::new(Exp)),
        ("square", Box::new(Square)),
        ("absolute", Box::new(Absolute)),
        ("softplus", Box::new(Softplus)),
    ]
}

/// `φ(f)` with the map of this name.
pub fn positive<F>(function: F, name: &str) -> Positive<F, AnyMap> {
    let [map] = maps()
        .into_iter()
        .filter(|(n, _)| *n == name)
        .map(|(_, map)| map)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| panic!("no map {name}"));
    Positive::new(function, map)
}
