//! What the models dream of, judged and shown.

use gibbsian_classical::dbm::BinaryDbm;
use gibbsian_classical::{Bernoulli, Dbn};
use gibbsian_core::{Blocks, Units};
use gibbsian_data::Mnist;
use ndarray::{Array2, Axis, concatenate};
use rand::RngExt;

use super::claims::{CLASSES, COMMITTED_RECOGNISED, RECOGNISED};
use super::committed;
use crate::fantasies::{DigitJudge, JUDGE, NO_COPIES};
use crate::{Context, Result};

/// What the judge says of a model's draws.
#[derive(Clone, Copy)]
pub(super) struct Dream {
    /// Its mean confidence over that in test digits, tossed as well.
    pub(super) confidence: f64,
    /// Digits that at least one per cent are taken for.
    pub(super) n_classes: usize,
}

/// Runs Gibbs chains from noise and has the judge look at them, at draws of all models, and at what the weights of the full run dream of.
pub(super) fn dream(
    ctx: &mut Context,
    machine: &BinaryDbm,
    unprepared: &BinaryDbm,
    network: &Dbn,
    base: &Bernoulli,
    digits: &Mnist,
) -> Result<[Dream; 5]> {
    let (n, n_sweeps) = ctx.pick((100, 1_000), (200, 10_000));
    let means = fantasies(ctx, "fantasies", machine, n, n_sweeps);
    ctx.progress(0, 1, "judging");
    let judge = DigitJudge::new(digits, ctx.seed().child("real digits"))?;
    ctx.measure(&JUDGE, judge.accuracy()?)?;
    let said = judge.judge(means.view());
    ctx.measure(&RECOGNISED, judge.confidence(&said))?;
    ctx.measure(&CLASSES, said.n_classes(0.01) as f64)?;
    ctx.measure(&NO_COPIES, judge.distance(&said))?;
    let caption = format!(
        "Probabilities of the pixels after {n_sweeps} Gibbs sweeps of all layers from noise; the pretrained machine."
    );
    judge.show(ctx, &caption, means.view(), &said)?;

    let others = fantasies(ctx, "fantasies without pretraining", unprepared, n, n_sweeps);
    let bottom = Dbn::new(network.bottom().clone(), Vec::new())?;
    let tossed = |name: &str, means: Array2<f64>| {
        let mut rng = ctx.seed().child(name).child("toss").rng();
        means.mapv(|p| f64::from(u8::from(rng.random::<f64>() < p)))
    };
    let generated = |name: &str, network: &Dbn| {
        let mut rng = ctx.seed().child(name).rng();
        network.generate(n, n_sweeps, &mut rng)
    };
    ctx.progress(0, 1, "draws of all models");
    let real = Array2::from_shape_fn((n, digits.test.images().dim()), |(b, i)| {
        f64::from(digits.test.images().pixels(b * digits.test.images().n() / n)[i]) / 255.0
    });
    let pixels = base.mean(Array2::zeros((n, base.n_units())).view());
    let network_draws = generated("network", network);
    let real = judge.judge(tossed("real digits", real).view()).confidence();
    let draws = [
        tossed("pretrained", means.clone()),
        tossed("without pretraining", others),
        network_draws.clone(),
        generated("restricted", &bottom),
        tossed("independent pixels", pixels),
    ];
    let dreams = draws.map(|x| {
        let said = judge.judge(x.view());
        Dream {
            confidence: said.confidence() / real,
            n_classes: said.n_classes(0.01),
        }
    });
    let caption = format!(
        "Draws of the deep belief network: {n_sweeps} Gibbs sweeps of its top pair from noise, then downwards."
    );
    judge.grid(ctx, "network", &caption, network_draws.view(), 20)?;

    let committed = committed(ctx, base)?;
    let means = fantasies(ctx, "committed fantasies", &committed, n, 1_000);
    let said = judge.judge(means.view());
    ctx.measure(&COMMITTED_RECOGNISED, judge.confidence(&said))?;
    ctx.note(format!(
        "The weights of the full run: among {n} fantasies after a thousand sweeps from noise the judge sees {} classes of ten; their median distance to the nearest training digit over that of test digits is {:.3}.",
        said.n_classes(0.01),
        judge.distance(&said)
    ));
    let caption = "Probabilities of the pixels after 1,000 Gibbs sweeps of all layers from noise; 784-500-1000, the weights of the full run.";
    judge.grid(ctx, "committed", caption, means.view(), 20)?;
    Ok(dreams)
}

/// The probabilities of the pixels where `n` Gibbs chains are that ran from noise.
fn fantasies(ctx: &Context, name: &str, machine: &BinaryDbm, n: usize, n_sweeps: usize) -> Array2<f64> {
    let mut rng = ctx.seed().child(name).rng();
    let n_units: usize = machine.sizes().iter().sum();
    let noise = Array2::from_elem((n, machine.n_visible()), 0.5);
    let hidden = Array2::zeros((n, n_units - machine.n_visible()));
    let mut x = concatenate![Axis(1), noise, hidden];
    let joint = machine.joint();
    for sweep in 0..n_sweeps {
        ctx.progress(sweep, n_sweeps, "dreaming");
        for block in 0..2 {
            joint.resample(x.view_mut(), block, None, &mut rng);
        }
    }
    machine.layer_means(x.view(), 0)
}
