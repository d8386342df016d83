//! Mixtures of normals on the line, their velocities along affine paths in closed form, and fields that are linear in their parameters.

use gibbsian_core::special::normal_cdf;
use gibbsian_core::{
    Layout, Parametric, ParametricMut, Result, Score, ScorePullback, Space, TimeScore, TimeScorePullback,
};
use gibbsian_objectives::PathScales;
use gibbsian_testkit::quadrature::Support;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

/// `Σ_k w_k N(m_k, a_k²)`, as `(w, m, a)`.
#[derive(Clone, Debug)]
pub struct Bumps(pub Vec<(f64, f64, f64)>);

impl Bumps {
    /// Two bumps of different weight and width, with a valley between them.
    pub fn two() -> Self {
        Bumps(vec![(0.4, -1.2, 0.7), (0.6, 1.0, 0.8)])
    }

    /// `w_k N(x; α m_k, α² a_k² + σ²)` of every component.
    fn terms(&self, x: f64, scales: &PathScales) -> Vec<f64> {
        let term = |&(w, m, a): &(f64, f64, f64)| {
            let variance = (scales.alpha * a).powi(2) + scales.sigma.powi(2);
            let squared = (x - scales.alpha * m).powi(2);
            w * (-0.5 * squared / variance).exp() / (std::f64::consts::TAU * variance).sqrt()
        };
        self.0.iter().map(term).collect()
    }

    /// `p_t(x)` under standard normal noise.
    pub fn density(&self, x: f64, scales: &PathScales) -> f64 {
        self.terms(x, scales).iter().sum()
    }

    /// `E[f_k(x)]` over the component, given the point.
    fn average(&self, x: f64, scales: &PathScales, f: impl Fn(f64, f64, f64) -> f64) -> f64 {
        let terms = self.terms(x, scales);
        let total: f64 = terms.iter().sum();
        let value = |(&(_, m, a), term): (&(f64, f64, f64), &f64)| {
            let variance = (scales.alpha * a).powi(2) + scales.sigma.powi(2);
            term / total * f(m, a, variance)
        };
        self.0.iter().zip(&terms).map(value).sum()
    }

    /// `E[α' X_0 + σ' Z | X_t = x]`.
    pub fn velocity(&self, x: f64, scales: &PathScales) -> f64 {
        let PathScales {
            alpha,
            sigma,
            alpha_rate,
            sigma_rate,
        } = *scales;
        self.average(x, scales, |m, a, variance| {
            let slope = (alpha * alpha_rate * a * a + sigma * sigma_rate) / variance;
            alpha_rate * m + slope * (x - alpha * m)
        })
    }

    /// `∂ log p_t/∂x`.
    pub fn score(&self, x: f64, scales: &PathScales) -> f64 {
        self.average(x, scales, |m, _, variance| (scales.alpha * m - x) / variance)
    }

    /// The distribution function of the data.
    pub fn cdf(&self, x: f64) -> f64 {
        self.0.iter().map(|&(w, m, a)| w * normal_cdf((x - m) / a)).sum()
    }

    /// Points and weights of the trapezoidal rule on each component, which is exact to rounding for smooth functions.
    pub fn nodes(&self) -> Vec<(f64, f64)> {
        let of =
            |&(w, m, a): &(f64, f64, f64)| normal_nodes().into_iter().map(move |(z, p)| (m + a * z, w * p));
        self.0.iter().flat_map(of).collect()
    }
}

/// The same for a standard normal variable.
pub fn normal_nodes() -> Vec<(f64, f64)> {
    const STEP: f64 = 0.2;
    let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    (-40..=40)
        .map(|k| f64::from(k) * STEP)
        .map(|z| (z, STEP * density(z)))
        .collect()
}

/// Times in `[0, 1]` and weights of double-exponential quadrature.
pub fn time_nodes(step: f64) -> Vec<(f64, f64)> {
    let (nodes, weights) = Support::Interval(0.0, 1.0).rule(step);
    nodes.into_iter().zip(weights).collect()
}

/// Pairs of data and noise at times, whose weighted mean is an expectation over all three.
pub struct Pairs {
    pub x: Array2<f64>,
    pub noise: Array2<f64>,
    pub t: Array1<f64>,
    /// With mean `Σ` of the weights of the times.
    pub w: Array1<f64>,
}

impl Pairs {
    pub fn of(data: &Bumps, times: &[(f64, f64)]) -> Self {
        let mut rows = Vec::new();
        for &(t, p) in times {
            for &(x, q) in &data.nodes() {
                rows.extend(normal_nodes().into_iter().map(|(z, r)| [x, z, t, p * q * r]));
            }
        }
        let column = |i: usize| rows.iter().map(|row| row[i]).collect::<Array1<f64>>();
        Pairs {
            x: column(0).insert_axis(Axis(1)),
            noise: column(1).insert_axis(Axis(1)),
            t: column(2),
            w: column(3) * rows.len() as f64,
        }
    }
}

pub type Feature = Box<dyn Fn(f64, f64) -> f64 + Sync>;

/// `v(x, t) = Σ_k θ_k φ_k(x, t)` on the line.
pub struct LinearField {
    pub features: Vec<Feature>,
    pub params: Array1<f64>,
}

impl LinearField {
    pub fn new(features: Vec<Feature>) -> Self {
        let params = Array1::zeros(features.len());
        LinearField { features, params }
    }

    pub fn at(&self, x: f64, t: f64) -> f64 {
        self.features
            .iter()
            .zip(&self.params)
            .map(|(f, p)| p * f(x, t))
            .sum()
    }

    /// The parameters at which a gradient that is linear in them vanishes: `−H⁻¹ g(0)` with `H e_k = g(e_k) − g(0)`.
    pub fn stationary(&mut self, mut gradient: impl FnMut(&Self) -> Array1<f64>) -> Array1<f64> {
        let n = self.params.len();
        self.params.fill(0.0);
        let at_zero = gradient(self);
        let mut hessian = Array2::zeros((n, n));
        for k in 0..n {
            self.params.fill(0.0);
            self.params[k] = 1.0;
            hessian.column_mut(k).assign(&(gradient(self) - &at_zero));
        }
        -crate::common::inverse(&hessian).dot(&at_zero)
    }
}

impl Space for LinearField {
    fn dim(&self) -> usize {
        1
    }
}

impl Parametric for LinearField {
    fn layout(&self) -> Layout {
        Layout::new().with("theta", &[self.params.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.params.clone()
    }
}

impl ParametricMut for LinearField {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.params.assign(&params);
        Ok(())
    }
}

impl TimeScore for LinearField {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for b in 0..x.nrows() {
            out[[b, 0]] = self.at(x[[b, 0]], t[b]);
        }
    }
}

impl TimeScorePullback for LinearField {
    fn score_pullback_at_with(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let [mut v, mut u] = [(); 2].map(|()| Array2::zeros(x.dim()));
        self.score_at_into(x, t, v.view_mut());
        cotangent(v.view(), u.view_mut());
        for (k, feature) in self.features.iter().enumerate() {
            grad[k] += (0..x.nrows())
                .map(|b| u[[b, 0]] * feature(x[[b, 0]], t[b]))
                .sum::<f64>();
        }
    }
}

/// The field at time zero, as one that knows no time.
impl Score for LinearField {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.score_at_into(x, Array1::zeros(x.nrows()).view(), out);
    }
}

impl ScorePullback for LinearField {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.score_pullback_at_with(x, Array1::zeros(x.nrows()).view(), cotangent, grad);
    }
}

/// Solves `dx/dt = v(x, t)` from 1 to 0 by the classical Runge–Kutta method.
pub fn flow_back(v: impl Fn(f64, f64) -> f64, mut x: f64, n_steps: usize) -> f64 {
    let h = -1.0 / n_steps as f64;
    for k in 0..n_steps {
        let t = 1.0 + k as f64 * h;
        let k1 = v(x, t);
        let k2 = v(x + 0.5 * h * k1, t + 0.5 * h);
        let k3 = v(x + 0.5 * h * k2, t + 0.5 * h);
        let k4 = v(x + h * k3, t + h);
        x += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4);
    }
    x
}
