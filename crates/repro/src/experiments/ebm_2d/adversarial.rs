//! Training against a sampler that is learned beside the energy, with and without a penalty on its slope.
//!
//! The sampler is paid for its entropy, so that at its best the game is the likelihood (Grathwohl et al. 2021). But where there are neither data nor samples nothing holds the energy, and `log Z` may come from there: a sampler
//! that follows gradients does not see a well that is far from all its points. So the game need not settle although the sampler has every mode. The penalty `½ λ ⟨‖∇E‖²⟩_data` makes such games converge locally
//! (Mescheder, Geiger and Nowozin 2018), at the price of a bias towards flat energies. Adam runs without momentum, which makes games swing (Gidel et al. 2019).
//!
//! The bias of a mode by itself, normal with the variance `v`, can be computed: the precision `k` that minimises `½ (kv − log k) + ½ λ k² v` a coordinate solves `kv + 2λk²v = 1`. For `v = 0.35²` and `λ = 0.1` it is 4.36 where 8.16 is right, which costs
//! 0.16 nat in the plane. A tenth of the penalty would cost 0.01 nat, but in a trial the game did not settle with it.

use gibbsian_core::{
    Directions, Energy, Generator, GeneratorPullback, Layout, Objective, Parametric, ParametricMut, Score,
    ScorePullback, Space,
};
use gibbsian_nn::{Activation, NeuralEnergy, NeuralScore};
use gibbsian_objectives::{AdversarialLikelihood, Adversaries, LearntSampler};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::Rng;

use super::Bench;
use super::claims::{MODES, Method, UNHELD};
use super::training::{Course, train};
use crate::statistics::smaller;
use crate::{Context, Result};

/// A network from the plane to the plane. As a function of a point it is what a score is, with the same gradient in its parameters.
#[derive(Clone, Debug)]
struct Sampler(NeuralScore);

impl Space for Sampler {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Parametric for Sampler {
    fn layout(&self) -> Layout {
        self.0.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.0.params()
    }
}

impl ParametricMut for Sampler {
    fn set_params(&mut self, params: ArrayView1<f64>) -> gibbsian_core::Result<()> {
        self.0.set_params(params)
    }
}

impl Generator for Sampler {
    fn latent_dim(&self) -> usize {
        self.0.dim()
    }

    fn generate_into(&self, z: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.score_into(z, out);
    }
}

impl GeneratorPullback for Sampler {
    fn generator_pullback_with(
        &self,
        z: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.0.score_pullback_with(z, cotangent, grad);
    }
}

type Pair = Adversaries<NeuralEnergy, Sampler>;

/// The game, and `½ λ ⟨‖∇E‖²⟩_data` in the energy's gradient; the loss is that of the game.
struct Penalised {
    game: AdversarialLikelihood,
    weight: f64,
}

impl Objective<Pair> for Penalised {
    fn loss_and_grad_into(
        &mut self,
        model: &Pair,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> gibbsian_core::Result<f64> {
        let loss = self.game.loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let energy = model.energy_model();
        let share = self.weight / x.nrows() as f64;
        energy.score_pullback_with(
            x,
            &mut |score, mut u| u.assign(&(&score * share)),
            grad.slice_mut(s![..energy.n_params()]),
        );
        Ok(loss)
    }
}

/// The noise of the sampler, below the deviation of a mode.
const NOISE: f64 = 0.2;

pub(super) fn learn(ctx: &mut Context, bench: &mut Bench) -> Result<()> {
    let pair = play(ctx, bench, "adversarial", 0.1)?;
    let z = Directions::Gaussian.draw((8_000, 2), &mut ctx.seed().child("latent").rng());
    let noise = Directions::Gaussian.draw((8_000, 2), &mut ctx.seed().child("sampled").rng());
    let samples = pair.generator().generate(z.view()) + NOISE * noise;
    let mut shares = [0.0; 8];
    for posterior in bench.target.posterior(samples.view()).rows() {
        let mode = (1..8).fold(0, |best, k| if posterior[k] > posterior[best] { k } else { best });
        shares[mode] += 1.0 / 1_000.0;
    }
    ctx.measure(&MODES, shares.into_iter().fold(f64::INFINITY, smaller))?;

    let unheld = play(ctx, bench, "adversarial, no penalty", 0.0)?.into_parts().0;
    let judged = bench.grid.judge(&unheld, &bench.target)?;
    ctx.measure(&UNHELD, judged.divergence)?;
    let of = |energy: &NeuralEnergy| -energy.energy(bench.data.view()).sum() / bench.data.nrows() as f64;
    ctx.note(format!(
        "Against a sampler without a penalty the mean of −E over the data is {:.2} and log Z {:.2}.",
        of(&unheld),
        judged.log_z,
    ));
    bench.judge(ctx, &Method::ADVERSARIAL, pair.into_parts().0, None)
}

/// Trains energy and sampler against each other.
fn play(ctx: &Context, bench: &Bench, name: &str, weight: f64) -> Result<Pair> {
    let sampler = NeuralScore::new(
        2,
        |net, z| {
            // It starts as wide as the data and not at one point.
            let h = net.mlp("sampler", z, &[64, 64], 2, Activation::Silu);
            let wide = net.scale(1.5, z);
            net.add(h, wide)
        },
        &mut ctx.seed().child("sampler").rng(),
    )?;
    let game = AdversarialLikelihood::new(LearntSampler::new(128, NOISE, 0.3))?;
    let course = Course {
        batch: 128,
        n_steps: ctx.pick(4_000, 40_000),
        rate: 3e-3,
        momentum: 0.0,
    };
    let pair = Adversaries::new(bench.start()?, Sampler(sampler))?;
    let (pair, _) = train(ctx, &bench.data, course, name, pair, Penalised { game, weight })?;
    Ok(pair)
}
