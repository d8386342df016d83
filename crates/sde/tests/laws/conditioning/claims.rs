//! What each guidance claims of a mixture, and what the claim costs it.
//!
//! Every method is `(∂x̂/∂x)ᵀ Aᵀ V⁻¹ (y − A x̂)` with a covariance `V` of the values of its own. Here `x̂` and `C = Cov[x_0 | x]` come from Bayes's rule and not from the score: a noisy point is an observation
//! `x = α x_0 + σ z`. So each formula is held to moments that no method has seen, and Tweedie's formulas with it, `∂x̂/∂x = (α/σ²) C`.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{LinearGaussian, Seed, Space, TimeScore, TimeScoreJvp};
use gibbsian_linalg::Cholesky;
use gibbsian_sde::{
    DiagonalTweedieProjection, DiffusionPosteriorSampling, Guidance, LinearObservation, MomentMatching,
    PseudoinverseGuidance, TweedieProjection, Twist,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, array, s};

use super::{difference, observed, process, score_at, two_modes};
use crate::common::normals::Normals;

type Prior = Normals<OrnsteinUhlenbeck>;

/// The variance that the pseudoinverse is told the data have.
const DATA_VARIANCE: f64 = 0.7;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    DiffusionPosterior,
    Pseudoinverse,
    Diagonal,
    Projection,
    Matching,
}

const METHODS: [Method; 5] = [
    Method::DiffusionPosterior,
    Method::Pseudoinverse,
    Method::Diagonal,
    Method::Projection,
    Method::Matching,
];

impl Method {
    /// The method, with what it is made of.
    fn of<M: TimeScoreJvp + Clone + 'static>(
        self,
        prior: &M,
        observation: &LinearObservation,
    ) -> Box<dyn Guidance> {
        let (p, prior, observation) = (process(), prior.clone(), observation.clone());
        match self {
            Method::DiffusionPosterior => {
                Box::new(DiffusionPosteriorSampling::new(p, prior, observation).unwrap())
            }
            Method::Pseudoinverse => {
                Box::new(PseudoinverseGuidance::new(p, prior, observation, DATA_VARIANCE).unwrap())
            }
            Method::Diagonal => Box::new(DiagonalTweedieProjection::new(p, prior, observation).unwrap()),
            Method::Projection => Box::new(TweedieProjection::new(p, prior, observation).unwrap()),
            Method::Matching => Box::new(MomentMatching::new(p, prior, observation).unwrap()),
        }
    }

    /// The `V` that it claims, of the true covariance `spread = A C Aᵀ` of the values of the clean point.
    fn claims(self, spread: &Array2<f64>, observation: &LinearObservation, t: f64) -> Array2<f64> {
        let (alpha, variance) = (process().alpha(t), process().variance(t));
        let a = observation.matrix();
        let of_the_point = match self {
            Method::DiffusionPosterior => Array2::zeros(spread.raw_dim()),
            // As if the data were N(·, ς² I).
            Method::Pseudoinverse => {
                a.dot(&a.t()) * (DATA_VARIANCE * variance / (alpha * alpha * DATA_VARIANCE + variance))
            }
            Method::Diagonal => Array2::from_diag(&spread.sum_axis(Axis(1))),
            Method::Projection | Method::Matching => spread.clone(),
        };
        of_the_point + Array2::<f64>::eye(observation.n_values()) * observation.noise_variance()
    }
}

/// `E[x_0 | x]` and `Cov[x_0 | x]` by Bayes's rule.
fn clean(prior: &Prior, x: ArrayView1<f64>, t: f64) -> (Array1<f64>, Array2<f64>) {
    let (alpha, variance) = (process().alpha(t), process().variance(t));
    let seen = LinearObservation::new(Array2::eye(x.len()) * alpha, x.to_owned(), variance).unwrap();
    let posterior = prior.posterior(&seen).0;
    let mean = posterior.mean();
    let mut covariance = Array2::zeros((x.len(), x.len()));
    for (k, s) in posterior.covariances.iter().enumerate() {
        let deviation = (&posterior.means.row(k) - &mean).insert_axis(Axis(1));
        covariance.scaled_add(posterior.weights[k], &(s + &deviation.dot(&deviation.t())));
    }
    (mean, covariance)
}

fn inverse(v: &Array2<f64>) -> Array2<f64> {
    Cholesky::new("V", v.view()).unwrap().inverse()
}

/// The guidance at one point.
fn guide(guidance: &dyn Guidance, x: ArrayView1<f64>, t: f64) -> Array1<f64> {
    let (mut prior, mut out) = (Array2::zeros((1, x.len())), Array2::zeros((1, x.len())));
    let rows = x.insert_axis(Axis(0));
    guidance.guide_into(rows, array![t].view(), prior.view_mut(), out.view_mut());
    out.row(0).to_owned()
}

/// Points of the mixture in noise, one a time.
fn noisy(prior: &Prior, t: &Array1<f64>, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).rng();
    let clean = prior.sample(t.len(), &mut rng);
    let around = Array2::<f64>::zeros((1, clean.ncols()));
    let noise = Normals::isotropic(array![1.0], around, &[1.0], process()).sample(t.len(), &mut rng);
    Array2::from_shape_fn(clean.dim(), |(b, i)| {
        process().alpha(t[b]) * clean[[b, i]] + process().sigma(t[b]) * noise[[b, i]]
    })
}

#[test]
fn each_guidance_is_the_one_of_the_covariance_that_it_claims() {
    let t = array![0.02, 0.1, 0.3, 0.6, 1.0, 1.7, 2.5];
    for dim in [1, 2, 8] {
        let (prior, observation) = (two_modes(dim), observed(dim, 0.3));
        let a = observation.matrix();
        let x = noisy(&prior, &t, 3);
        for method in METHODS {
            let guidance = method.of(&prior, &observation);
            for (x, &t) in x.rows().into_iter().zip(&t) {
                let (x_hat, c) = clean(&prior, x, t);
                let v = method.claims(&a.dot(&c).dot(&a.t()), &observation, t);
                let found = guide(guidance.as_ref(), x, t);
                if v.diag().iter().any(|v| *v <= 0.0) {
                    // Only row sums can be negative, and then there is no such law.
                    assert!(method == Method::Diagonal && found.iter().all(|g| g.is_nan()));
                    continue;
                }
                let pulled = c.dot(&a.t()) * (process().alpha(t) / process().variance(t));
                let miss = &observation.values() - &a.dot(&x_hat);
                let expected = pulled.dot(&inverse(&v).dot(&miss));
                let off = difference(&found.insert_axis(Axis(0)), &expected.insert_axis(Axis(0)));
                // I + σ² J has lost as many digits as α² is small: three here.
                assert!(off < 1e-10, "{method:?} in {dim} at {t}: {off}");
            }
        }
    }
}

/// A point, a value, and the exact guidance there.
struct Draw {
    x: Array1<f64>,
    observation: LinearObservation,
    exact: Array1<f64>,
}

/// Draws from the joint law of noisy points and values.
fn joint(prior: &Prior, n: usize, t: f64) -> Vec<Draw> {
    let mut rng = Seed::new(11).child("joint").nth((1e6 * t) as u64).rng();
    let clean = prior.sample(n, &mut rng);
    let noise = Normals::isotropic(array![1.0], Array2::zeros((1, 4)), &[1.0], process()).sample(n, &mut rng);
    let (alpha, sigma) = (process().alpha(t), process().sigma(t));
    (0..n)
        .map(|b| {
            let matrix = array![[1.0, 0.4], [0.5, 1.0]];
            let y = matrix.dot(&clean.row(b)) + &noise.slice(s![b, 2..]) * 0.5;
            let observation = LinearObservation::new(matrix, y, 0.25).unwrap();
            let x = alpha * &clean.row(b) + sigma * &noise.slice(s![b, ..2]);
            let (rows, time) = (x.clone().insert_axis(Axis(0)), array![t]);
            let own = score_at(prior, &rows, &time);
            let truth = score_at(&prior.posterior(&observation).0, &rows, &time) - &own;
            Draw {
                x,
                observation,
                exact: truth.row(0).to_owned(),
            }
        })
        .collect()
}

/// The estimate with the full covariance is a projection: its error is orthogonal to every guidance affine in `y`. And given `x` the miss `y − A x̂` has the covariance `V` of the full `C`, so that a method with
/// another `V_m` is off by `G (V_m⁻¹ − V⁻¹)(y − A x̂)` more, `G = (∂x̂/∂x)ᵀ Aᵀ`, whose mean square is known: `tr G D V D Gᵀ`. Both together are the mean squared error of each method.
#[test]
fn each_method_errs_by_what_the_best_linear_estimate_does_and_by_what_its_covariance_is_wrong() {
    let prior = two_modes(2);
    let mut tests = Vec::new();
    for t in [0.1, 0.4, 1.0] {
        let (alpha, variance) = (process().alpha(t), process().variance(t));
        let draws = joint(&prior, 600, t);
        // None at all is affine in y, too.
        let all = [None].into_iter().chain(METHODS.map(Some));
        let mut products = vec![Vec::new(); 6];
        let mut excesses = vec![Vec::new(); 6];
        for draw in &draws {
            let (_, c) = clean(&prior, draw.x.view(), t);
            let a = draw.observation.matrix();
            let spread = a.dot(&c).dot(&a.t());
            let pulled = c.dot(&a.t()) * (alpha / variance);
            let v = Method::Projection.claims(&spread, &draw.observation, t);
            let best = guide(
                Method::Projection.of(&prior, &draw.observation).as_ref(),
                draw.x.view(),
                t,
            );
            for (m, method) in all.clone().enumerate() {
                let (found, claimed) = match method {
                    None => (Array1::zeros(2), Array2::zeros((2, 2))),
                    Some(method) => (
                        guide(method.of(&prior, &draw.observation).as_ref(), draw.x.view(), t),
                        inverse(&method.claims(&spread, &draw.observation, t)),
                    ),
                };
                let off = &found - &best;
                products[m].push(off.dot(&(&best - &draw.exact)));
                let gain = pulled.dot(&(claimed - inverse(&v)));
                excesses[m].push(off.dot(&off) - gain.dot(&v).dot(&gain.t()).diag().sum());
            }
        }
        for (m, method) in all.enumerate() {
            let name = |what: &str| format!("{what} of {method:?} at {t}");
            if matches!(method, Some(Method::Projection | Method::Matching)) {
                assert!(
                    products[m].iter().chain(&excesses[m]).all(|e| e.abs() < 1e-9),
                    "{}",
                    name("all")
                );
                continue;
            }
            tests.push(mean(&name("product"), &products[m], 0.0));
            tests.push(mean(&name("excess"), &excesses[m], 0.0));
        }
    }
    family(&tests, FALSE_ALARM).unwrap();
}

/// A score that is no number where there is no noise, as that of points.
#[derive(Clone)]
struct WithoutDensity(Prior);

impl Space for WithoutDensity {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl TimeScore for WithoutDensity {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, t, out.view_mut());
        for (mut row, &t) in out.rows_mut().into_iter().zip(t) {
            if t == 0.0 {
                row.fill(f64::NAN);
            }
        }
    }
}

impl TimeScoreJvp for WithoutDensity {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.0
            .score_jvp_at_into(x, t, v, score.view_mut(), jvp.view_mut());
        for (b, &t) in t.iter().enumerate() {
            if t == 0.0 {
                score.row_mut(b).fill(f64::NAN);
                jvp.row_mut(b).fill(f64::NAN);
            }
        }
    }
}

/// At `t = 0` the clean point is there: likelihood and guidance are exact and ask no score.
#[test]
fn where_there_is_no_noise_no_score_is_asked() {
    let (prior, observation) = (WithoutDensity(two_modes(2)), observed(2, 0.3));
    let x = array![[0.3, -0.8], [1.5, 0.4]];
    let t = array![0.0, 0.0];
    let mut exact = Array1::zeros(2);
    observation.log_likelihood_into(x.view(), exact.view_mut());
    let expected = observation.adjoint(observation.residual(x.view()).view()) / observation.noise_variance();
    for method in METHODS {
        let (mut score, mut guidance) = (Array2::zeros((2, 2)), Array2::zeros((2, 2)));
        method
            .of(&prior, &observation)
            .guide_into(x.view(), t.view(), score.view_mut(), guidance.view_mut());
        assert!(score.iter().all(|s| s.is_nan()), "the score is told as it is");
        assert!(difference(&guidance, &expected) < 1e-12, "{method:?}: {guidance}");
    }
    let twists: [Box<dyn Twist>; 4] = [
        Box::new(DiffusionPosteriorSampling::new(process(), prior.clone(), observation.clone()).unwrap()),
        Box::new(PseudoinverseGuidance::new(process(), prior.clone(), observation.clone(), 1.0).unwrap()),
        Box::new(DiagonalTweedieProjection::new(process(), prior.clone(), observation.clone()).unwrap()),
        Box::new(TweedieProjection::new(process(), prior, observation).unwrap()),
    ];
    for twist in twists {
        let (mut told, mut score, mut guidance) =
            (Array1::zeros(2), Array2::zeros((2, 2)), Array2::zeros((2, 2)));
        twist.twist_into(
            x.view(),
            t.view(),
            told.view_mut(),
            score.view_mut(),
            guidance.view_mut(),
        );
        assert!((&told - &exact).iter().all(|e| e.abs() < 1e-12), "{told} {exact}");
    }
}
