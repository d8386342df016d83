//! Normal laws are recovered by chains of unadjusted Langevin steps, up to the bias of the step, which is known: contrastive divergence from the data, persistent chains, a replay buffer, the gradient through the
//! last step with and without its entropy, and short chains from noise, which recover something else.
//!
//! At precision `λ` a step contracts by `ρ = 1 − ελ`, and chains come to rest at the variance `Σ = 1/(λ(1 − ελ/2))`. So what has the variance `S` of the data is not `λ = 1/S` but the root of `λ(1 − ελ/2) = 1/S`: the law that
//! is recovered is too narrow by the fraction `ελ/2`.

use crate::common::Langevin;
use crate::recovery_by_chains::{Training, covariance_of};
use gibbsian_core::{
    Density, Energy, EnergyPullback, Layout, Parametric, ParametricMut, Result, Score, ScorePullback, Seed,
    Space,
};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, ImprovedContrastiveDivergence, LastStep, PersistentContrastiveDivergence,
    Replay, ReplayBuffer, ReplayContrastiveDivergence, ShortRunContrastiveDivergence, Source,
};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::Gaussian;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array, s};
use rand::Rng;

const STEP: f64 = 0.3;
const N_DATA: usize = 500;
const N_CHAINS: usize = 200;

fn data() -> Array2<f64> {
    let law = Gaussian::new(array![1.5], array![[0.8]]).unwrap();
    law.sample(N_DATA, &mut Seed::new(6).rng())
}

fn line(mean: f64, lambda: f64) -> Gaussian {
    Gaussian::new(array![mean], array![[lambda]]).unwrap()
}

fn zeros(dim: usize) -> impl Source + Clone {
    Draws(move |n: usize, _: &mut dyn Rng| Array2::zeros((n, dim)))
}

/// `Σ`, the variance of chains at rest.
fn at_rest(lambda: f64, epsilon: f64) -> f64 {
    1.0 / (lambda * (1.0 - 0.5 * epsilon * lambda))
}

/// The precision at which chains at rest have this variance.
fn precision_at_rest(variance: f64, epsilon: f64) -> f64 {
    (1.0 - (1.0 - 2.0 * epsilon / variance).sqrt()) / epsilon
}

/// The slope of `½ (S − Σ)` in the precision.
fn slope_at_rest(lambda: f64, epsilon: f64) -> f64 {
    0.5 * (1.0 - epsilon * lambda) * at_rest(lambda, epsilon).powi(2)
}

/// Chains of `k` steps from the data have mean `μ + ρᵏ(x̄ − μ)` and variance `ρ²ᵏS + (1 − ρ²ᵏ)Σ`, so the gradients are those of chains at rest times `1 − ρᵏ` and `1 − ρ²ᵏ`: however short the chains, they recover what chains at
/// rest do. Of a gradient only the noise of the chains is random: an end `e = ρᵏx + ξ` has `Var e = v` and `Var e² = 4ρ²ᵏx²v + 2v²` given `x`, with `v = (1 − ρ²ᵏ)Σ`.
#[test]
fn chains_from_the_data_recover_a_normal_law() {
    let x = data();
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    for (epsilon, k) in [(STEP, 1), (STEP, 3), (0.05, 10)] {
        let lambda = precision_at_rest(variance, epsilon);
        // The stated bias.
        assert!((1.0 / lambda - variance * (1.0 - 0.5 * epsilon * lambda)).abs() <= 1e-14);
        let rho = 1.0 - epsilon * lambda;
        let (once, twice) = (rho.powi(k as i32), rho.powi(2 * k as i32));
        let fresh = (1.0 - twice) * variance;
        let slopes = [
            lambda * (1.0 - once),
            (1.0 - twice) * slope_at_rest(lambda, epsilon),
        ];
        let spread = [
            lambda * lambda * fresh,
            twice * variance * fresh + 0.5 * fresh * fresh,
        ];
        let training = Training {
            n_steps: 2000,
            ..Training::from_half(
                array![mean, lambda],
                Array2::from_diag(&Array1::from(slopes.to_vec()).recip()),
                Array2::from_diag(&Array1::from(spread.to_vec())) / N_DATA as f64,
            )
        };
        let objective = ContrastiveDivergence::new(Langevin(epsilon), k).unwrap();
        let name = format!("CD-{k} with steps of {epsilon}");
        training.ends(&name, objective, &line(mean, lambda), x.view());
    }
}

/// Chains that forget where they were between updates: ends at rest, of which each gradient has a fresh sample.
#[test]
fn chains_at_rest_recover_a_normal_law() {
    let x = data();
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    let lambda = precision_at_rest(variance, STEP);
    let training = Training::from_half(
        array![mean, lambda],
        array![[1.0 / lambda, 0.0], [0.0, 1.0 / slope_at_rest(lambda, STEP)]],
        array![
            [lambda * lambda * variance, 0.0],
            [0.0, 0.5 * variance * variance]
        ] / N_CHAINS as f64,
    );
    let target = line(mean, lambda);
    let chains = Array2::zeros((N_CHAINS, 1));
    let persistent = PersistentContrastiveDivergence::new(Langevin(STEP), 40, chains).unwrap();
    training.ends("PCD", persistent, &target, x.view());
    let buffer = ReplayBuffer::new(Array2::zeros((1000, 1))).unwrap();
    let replay = Replay::new(40, N_CHAINS);
    let replayed = ReplayContrastiveDivergence::new(Langevin(STEP), zeros(1), buffer, replay).unwrap();
    training.ends("replay", replayed, &target, x.view());
}

/// Short chains of `k` steps from `N(m₀, τ²)` end at `N(μ + ρᵏ(m₀ − μ), ρ²ᵏτ² + (1 − ρ²ᵏ)Σ)`. That law has the moments of the data after training, and the density that drives the chains, `N(μ, 1/λ)`, is elsewhere.
///
/// With `d = x̄ − μ` and ends of variance `S` the gradient has the covariance `(λ²S, −λdS; −λdS, d²S + ½S²)/n` and the slopes `λ m'` and `−½v' − d m'`, in which `m'` and `v'` are those of the two moments in `μ` and `λ`.
#[test]
fn short_chains_recover_the_law_of_their_ends() {
    const K: usize = 5;
    const EPSILON: f64 = 0.2;
    let noise = line(1.0, 4.0);
    let (m_0, tau_squared) = (1.0, 0.25);
    let x = data();
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    // The two moments at (μ, λ), and their slopes.
    let moments = |mu: f64, lambda: f64| {
        let rho = 1.0 - EPSILON * lambda;
        let k = K as f64;
        let left = rho.powi(K as i32);
        let noises = |f: &dyn Fn(i32) -> f64| 2.0 * EPSILON * (0..K as i32).map(f).sum::<f64>();
        let v = left * left * tau_squared + noises(&|j| rho.powi(2 * j));
        let in_rho =
            2.0 * k * left * left / rho * tau_squared + noises(&|j| 2.0 * f64::from(j) * rho.powi(2 * j - 1));
        let m_slopes = [1.0 - left, -EPSILON * k * left / rho * (m_0 - mu)];
        ([mu + left * (m_0 - mu), v], m_slopes, [0.0, -EPSILON * in_rho])
    };
    // The variance falls as the precision grows.
    let mut lambda = 1.0 / variance;
    for _ in 0..50 {
        let ([_, v], _, [_, slope]) = moments(0.0, lambda);
        lambda -= (v - variance) / slope;
    }
    let left = (1.0 - EPSILON * lambda).powi(K as i32);
    let mu = (mean - left * m_0) / (1.0 - left);
    let ([m, v], m_slopes, v_slopes) = moments(mu, lambda);
    assert!((m - mean).abs() <= 1e-12 && (v - variance).abs() <= 1e-12);

    let d = mean - mu;
    let slopes = Array2::from_shape_fn((2, 2), |(i, j)| {
        [lambda * m_slopes[j], -0.5 * v_slopes[j] - d * m_slopes[j]][i]
    });
    let determinant = slopes[[0, 0]] * slopes[[1, 1]] - slopes[[0, 1]] * slopes[[1, 0]];
    let gain = array![
        [slopes[[1, 1]], -slopes[[0, 1]]],
        [-slopes[[1, 0]], slopes[[0, 0]]]
    ] / determinant;
    let both = -lambda * d * variance;
    let covariance = array![
        [lambda * lambda * variance, both],
        [both, d * d * variance + 0.5 * variance * variance]
    ] / N_CHAINS as f64;
    let training = Training {
        // Where the likelihood of the data is greatest.
        start: array![mean, 1.0 / variance],
        ..Training::from_half(array![mu, lambda], gain, covariance)
    };
    let objective = ShortRunContrastiveDivergence::new(Langevin(EPSILON), noise, K, N_CHAINS).unwrap();
    let fitted = training.ends("short chains", objective, &line(mu, lambda), x.view());

    // The law of the ends, by what the errors of the parameters do to it.
    let (mu, lambda) = (fitted.params()[0], fitted.params()[1]);
    let ([m, v], _, _) = moments(mu, lambda);
    let spread = training.spread();
    let error = |slopes: [f64; 2]| {
        let slopes = Array1::from(slopes.to_vec());
        slopes.dot(&spread.dot(&slopes)).sqrt()
    };
    let [of_mean, of_variance] = [error(m_slopes), error(v_slopes)];
    let tests = [
        z_test("mean of the ends", m, mean, of_mean),
        z_test("variance of the ends", v, variance, of_variance),
    ];
    family(&tests, FALSE_ALARM).unwrap();
    // And the density: a fifth of a deviation to the side at least, and wider by a tenth.
    assert!((mu - mean).abs() > 0.2 * variance.sqrt() && (mu - mean).abs() > 20.0 * spread[[0, 0]].sqrt());
    assert!(1.0 / lambda > 1.1 * variance);
}

/// `N(μ, I/λ)` with the parameters `μ` and `λ`.
#[derive(Clone, Debug)]
struct Isotropic(Gaussian);

impl Isotropic {
    fn new(mean: ArrayView1<f64>, lambda: f64) -> Self {
        let precision = Array2::eye(mean.len()) * lambda;
        Isotropic(Gaussian::new(mean.to_owned(), precision).unwrap())
    }

    /// Adds a gradient in all of a matrix to one in `λ`, the sum over its diagonal.
    fn add(&self, full: &Array1<f64>, mut grad: ArrayViewMut1<f64>) {
        let d = self.dim();
        let mut of_mean = grad.slice_mut(s![..d]);
        of_mean += &full.slice(s![..d]);
        grad[d] += (0..d).map(|i| full[d + i * (i + 1) / 2 + i]).sum::<f64>();
    }
}

impl Space for Isotropic {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Energy for Isotropic {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out);
    }
}

impl Score for Isotropic {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.score_into(x, out);
    }
}

impl Parametric for Isotropic {
    fn layout(&self) -> Layout {
        Layout::new().with("mean", &[self.dim()]).with("precision", &[1])
    }

    fn params(&self) -> Array1<f64> {
        self.0.params().slice(s![..=self.dim()]).to_owned()
    }
}

impl ParametricMut for Isotropic {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let d = self.dim();
        self.0 = Gaussian::new(params.slice(s![..d]).to_owned(), Array2::eye(d) * params[d])?;
        Ok(())
    }
}

impl EnergyPullback for Isotropic {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut full = Array1::zeros(self.0.n_params());
        self.0.energy_pullback_with(x, weigh, full.view_mut());
        self.add(&full, grad);
    }
}

impl ScorePullback for Isotropic {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let mut full = Array1::zeros(self.0.n_params());
        self.0.score_pullback_with(x, cotangent, full.view_mut());
        self.add(&full, grad);
    }
}

/// Where the last step puts a normal law: the gradient in `λ` that is expected of chains at rest, per coordinate, and its slope,
///
/// `F = ½ (S − Σ) − c ε ρ (λΣ − w)`
///
/// at the weights `c` of the divergence and `w` of the entropy. A step moves an end by `−ε (x' − μ)` in `λ`, with `x'` the point before, which given the end is `ρ` times as far from `μ` on average; the force of the energy is `λ(x − μ)`, and that of
/// the entropy along `x − μ` is 1 a coordinate whatever the number of chains, because `Ĥ` grows by `D log a` when points are scaled by `a`. At `w = 1` the two nearly cancel, as they do in the divergence of a law from itself.
struct LastStepLaw {
    variance: f64,
    epsilon: f64,
    kl_weight: f64,
    entropy_weight: f64,
}

impl LastStepLaw {
    fn gradient(&self, lambda: f64) -> f64 {
        let sigma = at_rest(lambda, self.epsilon);
        let rho = 1.0 - self.epsilon * lambda;
        let force = lambda * sigma - self.entropy_weight;
        0.5 * (self.variance - sigma) - self.kl_weight * self.epsilon * rho * force
    }

    fn slope(&self, lambda: f64) -> f64 {
        let product = lambda * at_rest(lambda, self.epsilon);
        let rho = 1.0 - self.epsilon * lambda;
        // λΣ = 1/(1 − ελ/2) has the slope ½ ε (λΣ)².
        let of_force = 0.5 * self.epsilon * product * product;
        let of_rest = rho * of_force - self.epsilon * (product - self.entropy_weight);
        slope_at_rest(lambda, self.epsilon) - self.kl_weight * self.epsilon * of_rest
    }

    fn root(&self) -> f64 {
        let mut lambda = 1.0 / self.variance;
        for _ in 0..50 {
            lambda -= self.gradient(lambda) / self.slope(lambda);
        }
        assert!(self.gradient(lambda).abs() <= 1e-14);
        lambda
    }
}

fn through_last_step(
    dim: usize,
    n_chains: usize,
    n_steps: usize,
    last: LastStep,
) -> ImprovedContrastiveDivergence<Langevin, impl Source + Clone> {
    let buffer = ReplayBuffer::new(Array2::zeros((5 * n_chains, dim))).unwrap();
    let replay = Replay::new(n_steps, n_chains);
    ImprovedContrastiveDivergence::new(Langevin(last.step_size), zeros(dim), buffer, replay, last).unwrap()
}

/// Without the entropy the gradient is that of `−½ a² − c ελ a b` and `λ (1 + c ελ) a` with `a = x − μ` and `b = x' − μ`, jointly normal with the correlation `ρ`. What is recovered is far from the data.
#[test]
fn the_last_step_without_entropy_puts_a_normal_law_where_it_is_known_to() {
    let x = data();
    let (mean, variance) = (x.mean().unwrap(), x.var(0.0));
    for kl_weight in [0.0, 0.7] {
        let law = LastStepLaw {
            variance,
            epsilon: STEP,
            kl_weight,
            entropy_weight: 0.0,
        };
        let lambda = law.root();
        let (sigma, rho, share) = (
            at_rest(lambda, STEP),
            1.0 - STEP * lambda,
            kl_weight * STEP * lambda,
        );
        let of_precision = sigma * sigma * (0.5 + share * share * (1.0 + rho * rho) + 2.0 * share * rho);
        let of_mean = (lambda * (1.0 + share)).powi(2) * sigma;
        let training = Training::from_half(
            array![mean, lambda],
            array![[1.0 / lambda, 0.0], [0.0, 1.0 / law.slope(lambda)]],
            array![[of_mean, 0.0], [0.0, of_precision]] / N_CHAINS as f64,
        );
        let last = LastStep {
            kl_weight,
            entropy_weight: 0.0,
            ..LastStep::new(STEP)
        };
        let name = format!("last step at weight {kl_weight}");
        let objective = through_last_step(1, N_CHAINS, 40, last);
        training.ends(&name, objective, &line(mean, lambda), x.view());
    }
}

/// With its entropy the divergence of chains at rest from the model is nearly as small as it can be, and training ends near the truth: at `λ(1 − ελ/2) ≈ 1/S` again, with a second bias of `c ρ (ελ)²` beside the `ελ/2` of the chains. Five
/// dimensions, because a push of the entropy is the inverse distance to a neighbour, whose moments of order `D` and above do not exist.
#[test]
fn the_whole_divergence_recovers_a_normal_law() {
    const DIM: usize = 5;
    const N_CHAINS: usize = 128;
    let mean = array![1.5, -0.5, 1.0, 0.8, -1.2];
    let data = Isotropic::new(mean.view(), 0.8)
        .0
        .sample(400, &mut Seed::new(7).rng());
    let mean = data.mean_axis(ndarray::Axis(0)).unwrap();
    let variance = (&data - &mean).mapv(|c| c * c).mean().unwrap();
    for (epsilon, n_steps) in [(STEP, 40), (0.1, 80)] {
        let law = LastStepLaw {
            variance,
            epsilon,
            kl_weight: 1.0,
            entropy_weight: 1.0,
        };
        let lambda = law.root();
        // The stated error, of which the chains alone have the half.
        let small = epsilon * lambda;
        let bias = (lambda * variance - 1.0).abs();
        assert!(bias < 0.5 * small + 2.0 * small * small, "{bias} at {epsilon}");
        let objective = || through_last_step(DIM, N_CHAINS, n_steps, LastStep::new(epsilon));
        let model = Isotropic::new(mean.view(), lambda);
        let mut gain = Array2::eye(DIM + 1) / lambda;
        gain[[DIM, DIM]] = 1.0 / (DIM as f64 * law.slope(lambda));
        let covariance = covariance_of(objective(), &model, data.view());
        let training = Training::from_half(model.params(), gain, covariance);
        let error = training.spread()[[DIM, DIM]].sqrt();
        assert!(error < 0.02 * lambda, "the precision is only known to {error}");
        let name = format!("the whole divergence with steps of {epsilon}");
        training.ends(&name, objective(), &model, data.view());
        // Neither no entropy nor one without its factor D = 5 ends here.
        for entropy_weight in [0.0, 0.2] {
            let other = LastStepLaw {
                entropy_weight,
                ..law
            };
            assert!((other.root() - lambda).abs() > 10.0 * error);
        }
    }
}
