//! Training against a sampler that is learned beside the energy, with and without a penalty on its slope.
//!
//! The sampler is paid for its entropy, so that at its best the game is the likelihood (Grathwohl et al. 2021). But where there are neither data nor samples nothing holds the energy, and `log Z` may come from there: a sampler
//! that follows gradients does not see a well that is far from all its points. So the game need not settle although the sampler has every mode. The penalty `½ λ ⟨‖∇E‖²⟩_data` makes such games converge locally
//! (Mescheder, Geiger and Nowozin 2018), at the price of a bias towards flat energies. Adam runs without momentum, which makes games swing (Gidel et al. 2019).
//!
//! The bias of a mode by itself, normal with the variance `v`, can be computed: the precision `k` that minimises `½ (kv − log k) + ½ λ k² v` a coordinate solves `kv + 2λk²v = 1`. For `v = 0.35²` and `λ = 0.1` it is 4.36 where 8.16 is right, which costs
//! 0.16 nat in the plane. A tenth of the penalty would cost 0.01 nat, but in a trial the game did not settle with it.

use gibbsian_core::{Directions, Energy, Generator};
use gibbsian_nn::{Activation, NeuralEnergy, NeuralGenerator};
use gibbsian_objectives::{AdversarialLikelihood, Adversaries, GradientPenalised, LearntSampler};

use super::bench::{Bench, Chains};
use super::claims::{MODES, Method, UNHELD};
use super::training::{Course, train};
use crate::statistics::smaller;
use crate::{Context, Result, both};

/// The noise of the sampler, below the deviation of a mode.
const NOISE: f64 = 0.2;

pub(super) fn learn(ctx: &mut Context, bench: &mut Bench) -> Result<()> {
    let (shared, here) = (&*bench, &*ctx);
    let (held, unheld) = both(
        || play(here, shared, "adversarial", 0.1),
        || play(here, shared, "adversarial, no penalty", 0.0),
    )?;
    let z = Directions::Gaussian.draw((8_000, 2), &mut ctx.seed().child("latent").rng());
    let noise = Directions::Gaussian.draw((8_000, 2), &mut ctx.seed().child("sampled").rng());
    let samples = held.generator().generate(z.view()) + NOISE * noise;
    let mut shares = [0.0; 8];
    for posterior in bench.target.posterior(samples.view()).rows() {
        let mode = (1..8).fold(0, |best, k| if posterior[k] > posterior[best] { k } else { best });
        shares[mode] += 1.0 / 1_000.0;
    }
    ctx.measure(&MODES, shares.into_iter().fold(f64::INFINITY, smaller))?;

    let unheld = unheld.energy_model();
    let judged = bench.grid.judge(unheld, &bench.target)?;
    ctx.measure(&UNHELD, judged.divergence)?;
    let of = |energy: &NeuralEnergy| -energy.energy(bench.data.view()).sum() / bench.data.nrows() as f64;
    ctx.note(format!(
        "Against a sampler without a penalty the mean of −E over the data is {:.2} and log Z {:.2}.",
        of(unheld),
        judged.log_z,
    ));
    let model = held.energy_model();
    let look = bench.look(ctx, model)?;
    bench.judge(ctx, &Method::ADVERSARIAL, model, look, Chains::NONE)
}

/// Trains energy and sampler against each other.
fn play(
    ctx: &Context,
    bench: &Bench,
    name: &str,
    weight: f64,
) -> Result<Adversaries<NeuralEnergy, NeuralGenerator>> {
    let sampler = NeuralGenerator::new(
        2,
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
    let pair = Adversaries::new(bench.start()?, sampler)?;
    let penalised = GradientPenalised::new(game, weight)?;
    let (pair, _) = train(ctx, &bench.data, course, name, pair, penalised)?;
    Ok(pair)
}
