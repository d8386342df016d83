//! Jacobian-vector products, divergences and parameter gradients against differences of energies in 160 digits.
//!
//! The table `derivatives.json` is written by `derivatives.py`. First derivatives of energies are held to 10⁻¹² of the largest entry of what they belong
//! to, and those of higher order to 10⁻¹¹.

use crate::common::reference::Parameters;
use gibbsian_core::{
    ContinuousFamily, EnergyPullback, ParametricMut, ScoreJvp, ScoreJvpPullback, ScorePullback, Seed,
};
use gibbsian_densities::*;
use ndarray::{Array1, Array2, Array3};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Case {
    density: String,
    parameters: Map<String, Value>,
    x: Vec<Vec<f64>>,
    v: Vec<Vec<f64>>,
    u: Vec<Vec<f64>>,
    w: Vec<Vec<f64>>,
    a: Vec<f64>,
    #[serde(default)]
    jvp: Vec<Vec<String>>,
    #[serde(default)]
    divergence: Vec<String>,
    #[serde(default)]
    energy_gradient: Vec<String>,
    #[serde(default)]
    score_gradient: Vec<String>,
    #[serde(default)]
    jvp_gradient: Vec<String>,
}

fn rows(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn numbers(texts: &[String]) -> Vec<f64> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

impl Case {
    /// Requires all numbers to be as near to the exact ones as `relative` of the largest, or of `size`.
    fn near(&self, what: &str, found: &[f64], exact: &[String], size: f64, relative: f64) {
        let exact = numbers(exact);
        assert_eq!(found.len(), exact.len(), "{}: {what}", self.density);
        let size = exact.iter().fold(size, |size, e| size.max(e.abs()));
        for (k, (f, e)) in found.iter().zip(&exact).enumerate() {
            assert!(
                (f - e).abs() <= relative * size,
                "{} {:?}: {what} [{k}] is {f:e} instead of {e:e}, off by {:e} of {size:e}",
                self.density,
                self.parameters,
                (f - e).abs() / size
            );
        }
    }

    fn jvp<M: ScoreJvp>(&self, model: &M) {
        let (x, v) = (rows(&self.x), rows(&self.v));
        let (mut score, mut jvp) = (Array2::zeros(x.raw_dim()), Array2::zeros(x.raw_dim()));
        model.score_jvp_into(x.view(), v.view(), score.view_mut(), jvp.view_mut());
        let divergence = model.divergence(x.view());
        for b in 0..x.nrows() {
            // A divergence is a sum over directions, which may cancel.
            let size = numbers(&self.jvp[b]).iter().fold(0.0, |m: f64, j| m.max(j.abs()));
            self.near("J v", &jvp.row(b).to_vec(), &self.jvp[b], 0.0, 1e-12);
            self.near("tr J", &[divergence[b]], &self.divergence[b..=b], size, 1e-12);
        }
        assert_eq!(score, model.score(x.view()), "{}", self.density);
    }

    fn energy_gradient<M: EnergyPullback>(&self, model: &M) {
        let mut found = Array1::zeros(model.n_params());
        let weights = Array1::from(self.a.clone());
        model.energy_pullback_into(rows(&self.x).view(), weights.view(), found.view_mut());
        self.near("∂E", &found.to_vec(), &self.energy_gradient, 0.0, 1e-12);
    }

    fn score_gradient<M: ScorePullback>(&self, model: &M) {
        let mut found = Array1::zeros(model.n_params());
        model.score_pullback_into(rows(&self.x).view(), rows(&self.u).view(), found.view_mut());
        self.near("∂s", &found.to_vec(), &self.score_gradient, 0.0, 1e-11);
    }

    fn jvp_gradient<M: ScoreJvpPullback>(&self, model: &M) {
        let mut found = Array1::zeros(model.n_params());
        let set = &mut |_: ndarray::ArrayView2<f64>,
                        _: ndarray::ArrayView2<f64>,
                        mut of_score: ndarray::ArrayViewMut2<f64>,
                        mut of_jvp: ndarray::ArrayViewMut2<f64>| {
            of_score.fill(0.0);
            of_jvp.assign(&rows(&self.w));
        };
        let (x, v) = (rows(&self.x), rows(&self.v));
        model.score_jvp_pullback_with(x.view(), v.view(), set, found.view_mut());
        self.near("∂(J v)", &found.to_vec(), &self.jvp_gradient, 0.0, 1e-11);
    }

    fn member<F: ContinuousFamily + ScoreJvp + Clone>(&self, member: &F) {
        self.jvp(member);
        let natural = Natural::new(member.clone());
        self.jvp(&natural);
        self.energy_gradient(&natural);
        self.score_gradient(&natural);
    }

    fn all<M: ScoreJvpPullback + EnergyPullback>(&self, model: &M) {
        self.jvp(model);
        self.energy_gradient(model);
        self.score_gradient(model);
        self.jvp_gradient(model);
    }
}

/// The mixture of a case, as one of normals and as one of densities.
fn mixtures(p: &Parameters) -> (GaussianMixture, Mixture<MultivariateNormal>) {
    let (weights, means, covariances) = (p.vector("weights"), p.matrix("means"), p.matrices("covariances"));
    let (k, d) = means.dim();
    let stacked = Array3::from_shape_fn((k, d, d), |(k, i, j)| covariances[k][[i, j]]);
    let components = covariances
        .into_iter()
        .zip(means.rows())
        .map(|(covariance, mean)| MultivariateNormal::from_covariance(mean.to_owned(), covariance).unwrap());
    (
        GaussianMixture::new(weights.clone(), means.clone(), Covariances::Full(stacked)).unwrap(),
        Mixture::new(weights, components.collect()).unwrap(),
    )
}

#[test]
fn derivatives_are_those_of_exact_arithmetic() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/derivatives.json");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 50);
    for case in &cases {
        let p = Parameters::new(&case.parameters);
        let number = |name: &str| p.number(name);
        match case.density.as_str() {
            "normal" => case.member(&Normal::new(number("mean"), number("deviation")).unwrap()),
            "exponential" => case.member(&Exponential::new(number("rate")).unwrap()),
            "gamma" => case.member(&Gamma::new(number("shape"), number("rate")).unwrap()),
            "beta" => case.member(&Beta::new(number("alpha"), number("beta")).unwrap()),
            "wishart" => {
                let wishart = Wishart::new(number("degrees_of_freedom"), p.matrix("scale")).unwrap();
                case.jvp(&wishart);
                case.jvp(&Natural::new(wishart));
            }
            "multivariate_normal" => {
                case.all(
                    &MultivariateNormal::from_precision(p.vector("mean"), p.matrix("precision")).unwrap(),
                );
            }
            "linear_gaussian_chain" => {
                let (coefficients, offsets) = (p.matrix("coefficients"), p.vector("offsets"));
                case.all(&LinearGaussianChain::new(coefficients, offsets, p.vector("deviations")).unwrap());
            }
            "mixture" => {
                let (of_normals, of_densities) = mixtures(&p);
                case.jvp(&of_normals);
                case.jvp(&of_densities);
            }
            "affine" => {
                let image = |base| Affine::new(base, p.matrix("matrix"), p.vector("offset")).unwrap();
                case.jvp(&image(mixtures(&p).1));
            }
            "coupling_flow" => {
                let options = CouplingOptions {
                    n_layers: number("n_layers") as usize,
                    n_hidden: number("n_hidden") as usize,
                    largest_log_scale: number("largest_log_scale"),
                };
                let base = MultivariateNormal::standard(number("dim") as usize).unwrap();
                let mut flow = CouplingFlow::new(base, options, Seed::new(1)).unwrap();
                flow.set_params(p.vector("params").view()).unwrap();
                case.jvp(&flow);
                case.energy_gradient(&flow);
                case.score_gradient(&flow);
            }
            "nade" => {
                let weights = (p.matrix("input_weights"), p.matrix("output_weights"));
                let biases = (p.vector("visible_bias"), p.vector("hidden_bias"));
                case.energy_gradient(&Nade::new(weights.0, weights.1, biases.0, biases.1).unwrap());
            }
            other => panic!("{other}"),
        }
    }
}
