//! Adversarial training of an energy against a learnt sampler (Kim and Bengio 2016; Dai, Almahairi, Bachman, Hovy and Courville 2017; Grathwohl, Kelly, Hashemi, Norouzi, Swersky and Duvenaud 2021).
//!
//! The normaliser is a maximum over all densities `q`, `log Z = max_q [H(q) − E_q E]`, attained at the model itself. So the negative log-likelihood is
//!
//! `⟨E⟩_data + log Z = max_q L`,  `L(θ, φ) = ⟨E_θ⟩_data − E_{q_φ} E_θ + H(q_φ)`,
//!
//! and a sampler that is trained to raise `L` takes the place of Markov chains, while the energy lowers it. The entropy is what keeps the sampler from collapsing onto the lowest point of the energy.
//!
//! **The sampler** is a generator with noise, `x = g_φ(z) + σ ξ`, so that `q_φ(x) = ∫ N(z; 0, I) N(x; g_φ(z), σ²I) dz` is a density. Its gradient needs the score of `q` only, because the score
//! function has mean zero (Grathwohl et al. 2021):
//!
//! `∂L/∂φ = −E [∇E(x) + ∇ log q(x)] · ∂g_φ(z)/∂φ`,  `∇ log q(x) = E_{z' | x} [(g_φ(z') − x)/σ²]`.
//!
//! The law of `z'` given `x` is unknown, but `z`, from which `x` was made, is a draw of it, so importance sampling from `N(z, η² I)` starts in the right place. In a direction in which that law has the
//! variance `V`, the weights have a finite variance, on average over `z`, if and only if `η² > 3V/2`, and then the estimate has the bias of self-normalised weights, of order `1/k` for `k` draws: for a linear generator of one
//! latent variable and `η² = 2V` it makes the entropy's pull too weak by the fraction `2/k`, to first order. So `η` is better too large than too small. (The paper learns `η` by a bound; here it is given, and
//! [`AdversarialReport::effective_sample_size`] says how well it fits.)
//!
//! **A game need not settle**: with neither data nor samples somewhere, nothing holds the energy there. [`GradientPenalised`](crate::GradientPenalised) adds a penalty on its slope at the data, with which such games
//! converge near the truth.
//!
//! **The pair is one model.** [`Adversaries`] lays the parameters of both side by side, and the gradient has the sign of descent for each, `(∂L/∂θ, −γ ∂L/∂φ)`. Any optimiser, checkpoint
//! and training loop then serves; `γ` is the ratio of the two learning rates under plain descent; an optimiser that
//! ignores the scale of a gradient, as Adam does, ignores it too.

use gibbsian_core::error::{check_count, check_loss, check_non_negative, check_points, check_positive};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{
    Energy, EnergyPullback, Error, GeneratorPullback, Layout, Objective, Parametric, ParametricMut, Result,
    Score, ScorePullback, Space, Stateless, Streams,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::Rng;

use crate::gaussian_noise::GaussianNoise;

/// An energy and the sampler that it is trained against, as one model with the parameters `energy.…` and `generator.…`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adversaries<M, G> {
    energy: M,
    generator: G,
}

impl<M: Space, G: Space> Adversaries<M, G> {
    /// The pair.
    ///
    /// # Errors
    /// Spaces of different dimension.
    pub fn new(energy: M, generator: G) -> Result<Self> {
        if energy.dim() == generator.dim() {
            Ok(Adversaries { energy, generator })
        } else {
            let requirement = format!("that of the energy, {}", energy.dim());
            Err(Error::parameter("generator.dim", generator.dim(), requirement))
        }
    }

    /// The energy.
    pub fn energy_model(&self) -> &M {
        &self.energy
    }

    /// The sampler's generator.
    pub fn generator(&self) -> &G {
        &self.generator
    }

    /// Both, owned.
    pub fn into_parts(self) -> (M, G) {
        (self.energy, self.generator)
    }
}

impl<M: Space, G: Sync> Space for Adversaries<M, G> {
    fn dim(&self) -> usize {
        self.energy.dim()
    }
}

/// That of the energy.
impl<M: Energy, G: Sync> Energy for Adversaries<M, G> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.energy.energy_into(x, out);
    }
}

/// That of the energy.
impl<M: Score, G: Sync> Score for Adversaries<M, G> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.energy.score_into(x, out);
    }
}

/// That of the energy, which does not depend on the parameters of the generator.
impl<M: ScorePullback, G: Parametric + Sync> ScorePullback for Adversaries<M, G> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let (of_energy, _) = grad.split_at(Axis(0), self.energy.n_params());
        self.energy.score_pullback_with(x, cotangent, of_energy);
    }
}

impl<M: Parametric, G: Parametric> Parametric for Adversaries<M, G> {
    fn layout(&self) -> Layout {
        Layout::new()
            .with_part("energy", &self.energy.layout())
            .with_part("generator", &self.generator.layout())
    }

    fn params(&self) -> Array1<f64> {
        self.energy
            .params()
            .into_iter()
            .chain(self.generator.params())
            .collect()
    }
}

impl<M: ParametricMut, G: ParametricMut> ParametricMut for Adversaries<M, G> {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let before = self.energy.params();
        let (of_energy, of_generator) = params.split_at(Axis(0), before.len());
        self.energy
            .set_params(of_energy)
            .map_err(|e| e.within("energy"))?;
        if let Err(refusal) = self.generator.set_params(of_generator) {
            self.energy.set_params(before.view())?;
            return Err(refusal.within("generator"));
        }
        Ok(())
    }
}

/// How the sampler is made and trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearntSampler {
    /// The number of points that it draws an update.
    pub n_samples: usize,
    /// `σ`, the standard deviation of the noise that is added to generated points.
    pub noise: f64,
    /// `k`, the number of draws of importance sampling for each point.
    pub n_importance: usize,
    /// `η`, the standard deviation of those draws around the latent point.
    pub proposal: f64,
    /// `γ`, what the sampler's gradient is multiplied by.
    pub generator_rate: f64,
}

impl LearntSampler {
    /// `n_samples` points an update, of noise `σ = noise`, by 30 draws each around their latent points at the deviation `η = proposal`; `γ = 1`.
    pub const fn new(n_samples: usize, noise: f64, proposal: f64) -> Self {
        LearntSampler {
            n_samples,
            noise,
            n_importance: 30,
            proposal,
            generator_rate: 1.0,
        }
    }
}

/// What the last update looked like.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdversarialReport {
    /// The energies of the data, `(B)`.
    pub positive: Array1<f64>,
    /// The energies of the sampler's points, `(n_samples)`.
    pub negative: Array1<f64>,
    /// The estimate of `H(q)` in nats. It is too large in expectation, by Jensen's inequality, and the less so the more draws there are.
    pub entropy: f64,
    /// The mean over points of `(Σ w)²/Σ w²`, out of `k` draws of importance sampling; near 1 the score of `q` is not to be trusted.
    pub effective_sample_size: f64,
}

/// `L = ⟨E⟩_data − ⟨E⟩_q + H(q)`, to be lowered by the energy and raised by the sampler.
///
/// The loss is an estimate of `L`, which at the best sampler is the negative mean log-likelihood in nats.
#[derive(Clone, Debug)]
pub struct AdversarialLikelihood {
    settings: LearntSampler,
    report: Option<AdversarialReport>,
}

impl AdversarialLikelihood {
    /// The objective with this way to use the sampler.
    ///
    /// # Errors
    /// Counts of zero, deviations that are not positive, or a negative rate.
    pub fn new(settings: LearntSampler) -> Result<Self> {
        check_count("n_samples", settings.n_samples)?;
        check_positive("noise", settings.noise)?;
        check_count("n_importance", settings.n_importance)?;
        check_positive("proposal", settings.proposal)?;
        check_non_negative("generator_rate", settings.generator_rate)?;
        Ok(AdversarialLikelihood {
            settings,
            report: None,
        })
    }

    /// What the last update looked like.
    pub fn report(&self) -> Option<&AdversarialReport> {
        self.report.as_ref()
    }

    /// Writes `∇ log q(x_b)` into `score`, for the points `x` `(n, D)` made from the latent points `z` `(n, L)`; returns the means of `−log q̂(x_b)` and of the effective number of draws.
    fn score_of_sampler<G: GeneratorPullback>(
        &self,
        generator: &G,
        x: ArrayView2<f64>,
        z: ArrayView2<f64>,
        streams: Streams,
        mut score: ArrayViewMut2<f64>,
    ) -> (f64, f64) {
        let LearntSampler {
            noise: sigma,
            n_importance: k,
            proposal: eta,
            ..
        } = self.settings;
        let (n, d) = x.dim();
        let l = z.ncols();
        let steps = GaussianNoise::standard((n * k, l), streams);
        let near = Array2::from_shape_fn((n * k, l), |(r, i)| z[[r / k, i]] + eta * steps[[r, i]]);
        let generated = generator.generate(near.view());
        // log N(z'; 0, I) − log N(z'; z, η²I) + log N(x; g(z'), σ²I): the factors (2π)^{L/2} cancel.
        let constant = l as f64 * eta.ln() - 0.5 * d as f64 * (std::f64::consts::TAU * sigma * sigma).ln();
        let squares = |row: ArrayView1<f64>| row.dot(&row);
        let (mut entropy, mut effective) = (0.0, 0.0);
        for b in 0..n {
            let draws = b * k..(b + 1) * k;
            let away = &generated.slice(s![draws.clone(), ..]) - &x.row(b);
            let log_w: Vec<f64> = (draws.enumerate())
                .map(|(j, r)| {
                    let latent = squares(steps.row(r)) - squares(near.row(r));
                    constant + 0.5 * latent - 0.5 * squares(away.row(j)) / (sigma * sigma)
                })
                .collect();
            let total = log_sum_exp(&log_w);
            let w: Array1<f64> = log_w.iter().map(|l| (l - total).exp()).collect();
            score.row_mut(b).assign(&(w.dot(&away) / (sigma * sigma)));
            entropy -= (total - (k as f64).ln()) / n as f64;
            effective += 1.0 / (w.dot(&w) * n as f64);
        }
        (entropy, effective)
    }
}

impl<M, G> Objective<Adversaries<M, G>> for AdversarialLikelihood
where
    M: EnergyPullback + Score,
    G: GeneratorPullback,
{
    fn loss_and_grad_into(
        &mut self,
        model: &Adversaries<M, G>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, model.dim())?;
        let LearntSampler {
            n_samples: n,
            noise: sigma,
            generator_rate: gamma,
            ..
        } = self.settings;
        let Adversaries { energy, generator } = model;
        let streams = Streams::draw(rng);
        let z = GaussianNoise::standard((n, generator.latent_dim()), streams.part(0));
        let mut samples = GaussianNoise::standard((n, model.dim()), streams.part(1)) * sigma;
        grad.fill(0.0);
        let (mut of_energy, of_generator) = grad.split_at(Axis(0), energy.n_params());

        let (mut entropy, mut effective_sample_size) = (0.0, 0.0);
        let mut through = |generated: ArrayView2<f64>, mut u: ArrayViewMut2<f64>| {
            samples += &generated;
            let importance = streams.part(2);
            (entropy, effective_sample_size) =
                self.score_of_sampler(generator, samples.view(), z.view(), importance, u.view_mut());
            u -= &energy.score(samples.view());
            u *= gamma / n as f64;
        };
        generator.generator_pullback_with(z.view(), &mut through, of_generator);

        let mut add = |x: ArrayView2<f64>, scale: f64| {
            let mut energies = Array1::zeros(0);
            let mut weigh = |energy: ArrayView1<f64>, mut w: ArrayViewMut1<f64>| {
                w.fill(scale / energy.len() as f64);
                energies = energy.to_owned();
            };
            energy.energy_pullback_with(x, &mut weigh, of_energy.view_mut());
            energies
        };
        let report = AdversarialReport {
            positive: add(x, 1.0),
            negative: add(samples.view(), -1.0),
            entropy,
            effective_sample_size,
        };
        let mean = |e: &Array1<f64>| e.sum() / e.len() as f64;
        let loss = mean(&report.positive) - mean(&report.negative) + entropy;
        self.report = Some(report);
        check_loss(loss, "in adversarial training")
    }
}

/// Every call draws its samples anew.
impl Stateless for AdversarialLikelihood {}
