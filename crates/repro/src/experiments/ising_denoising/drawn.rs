//! Pictures that are draws of the prior, where the theory holds word for word.

use gibbsian_classical::field::{
    Denoiser, FlipNoise, GibbsMarginals, Noise, NoisyLearner, TiedField, fit_pseudo_likelihood, lowest_by_cut,
};
use gibbsian_classical::{Boundary, Graph};
use gibbsian_core::{Blocks, ParametricMut, Seed, Space};
use ndarray::{Array1, Array2, array};
use rayon::prelude::*;

use crate::statistics::mean_and_error;
use crate::{Check, Claim, Context, Provenance, Result, measured};

/// Below the critical coupling of two labels, `ln(1 + √2) ≈ 0.88`, so that sweeps mix; near enough to make blobs.
const COUPLING: f64 = 0.8;
const FLIP: f64 = 0.12;
const SIDE: usize = 64;

pub(super) const PAIR_COUPLING: Claim = Claim {
    claim: "drawn pictures: the coupling learnt from clean pictures by pseudo-likelihood",
    source: "Besag (1975): consistent",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(COUPLING).within_standard_errors(5.0)),
    full: Check::value(COUPLING).within_standard_errors(5.0),
    reason: "five standard errors over pictures; the bias of order one over 4,096 pixels is far below",
};

pub(super) const NOISY_COUPLING: Claim = Claim {
    claim: "drawn pictures: the coupling learnt from noisy pictures alone",
    source: "expectation–maximisation with draws (Celeux and Diebolt 1985)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(COUPLING).within_standard_errors(5.0)),
    full: Check::value(COUPLING).within_standard_errors(5.0),
    reason: "five standard errors over pictures, each learnt from a wrong start; the gradients of both steps vanish at the truth in expectation",
};

pub(super) const NOISY_FLIP: Claim = Claim {
    claim: "drawn pictures: the flip probability learnt from noisy pictures alone",
    source: "expectation–maximisation with draws (Celeux and Diebolt 1985)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(FLIP).within_standard_errors(5.0)),
    full: Check::value(FLIP).within_standard_errors(5.0),
    reason: "five standard errors over pictures",
};

pub(super) const FEWER_ERRORS: Claim = Claim {
    claim: "drawn pictures: the likeliest picture has more wrong pixels to be expected than the likeliest pixels: the mean paired difference in per cent of the pixels less four standard errors",
    source: "Marroquin, Mitter and Poggio (1987); Besag (1986), section 2",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "no estimate has fewer expected errors than the true marginals' modes; near the critical point the likeliest picture loses blobs that are too small to pay for their outline, so that the difference is not only not negative. Expected under the posterior, by chains that had no part in the decision: of the pixels that are really wrong the mean is the same and the scatter \
             hides it",
};

/// What came of one picture.
struct Trial {
    pair_coupling: f64,
    noisy: [f64; 2],
    /// Expected wrong pixels of the cut and of the marginals' modes, in per cent.
    errors: [f64; 2],
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let (n_pictures, n_rounds) = (ctx.pick(16, 100), ctx.pick(120, 400));
    let seed = ctx.seed().child("drawn");
    let trials: Result<Vec<Trial>> = (0..n_pictures)
        .into_par_iter()
        .map(|k| trial(n_rounds, seed.nth(k)))
        .collect();
    let trials = trials?;
    let estimate = |f: &dyn Fn(&Trial) -> f64| {
        let values: Vec<f64> = trials.iter().map(f).collect();
        let (mean, error) = mean_and_error(values.into_iter());
        (mean, error)
    };
    for (claim, value) in [
        (&PAIR_COUPLING, estimate(&|t| t.pair_coupling)),
        (&NOISY_COUPLING, estimate(&|t| t.noisy[0])),
        (&NOISY_FLIP, estimate(&|t| t.noisy[1])),
    ] {
        ctx.measure(claim, measured(value.0).with_error(value.1))?;
    }
    let (difference, error) = estimate(&|t| t.errors[0] - t.errors[1]);
    ctx.measure(&FEWER_ERRORS, difference - 4.0 * error)?;
    ctx.note(format!(
        "Of the pixels of drawn pictures, {:.2} % are to be expected wrong in the likeliest picture and {:.2} % in the likeliest pixels, of {} % flipped.",
        estimate(&|t| t.errors[0]).0,
        estimate(&|t| t.errors[1]).0,
        100.0 * FLIP,
    ));
    Ok(())
}

fn trial(n_rounds: usize, seed: Seed) -> Result<Trial> {
    let graph = Graph::lattice(&[SIDE, SIDE], Boundary::Periodic)?;
    let truth = TiedField::smooth(graph, vec![0.0, 1.0], COUPLING, array![0.0].view())?;
    let y = draw(&truth, seed.child("picture"));
    let noise = FlipNoise::symmetric(vec![0.0, 1.0], FLIP)?;
    let x = noise.corrupt(y.row(0), &mut seed.child("noise").rng())?;

    let mut model = truth.clone();
    model.set_params(array![0.3, 0.0].view())?;
    let pair_coupling = fit_pseudo_likelihood(&mut model, y.view(), 1e-9, 100)?.params[0];
    model.set_params(array![0.3, 0.0].view())?;
    let learner = NoisyLearner::new(n_rounds, 1)?;
    let fit = learner.run(&mut model, x.view(), 0.25, &mut seed.child("learner").rng())?;

    let posterior = Denoiser::new(truth.field().clone(), noise).posterior(x.view())?;
    let sampler = GibbsMarginals::new(2, 50, 150)?;
    let sampled = sampler.run(&posterior, &mut seed.child("chains").rng());
    let judge = sampler.run(&posterior, &mut seed.child("judge").rng()).marginals;
    let expected = |z: Array1<f64>| 100.0 * judge.expected_error(z.view());
    Ok(Trial {
        pair_coupling,
        noisy: [fit.params[0], fit.flip],
        errors: [
            expected(lowest_by_cut(&posterior)?.labels),
            expected(sampled.marginals.likeliest()),
        ],
    })
}

/// A picture after five hundred sweeps from independent pixels; the correlation time at this coupling is some twenty.
fn draw(truth: &TiedField, seed: Seed) -> Array2<f64> {
    let mut rng = seed.rng();
    let mut y = Array2::from_shape_fn((1, truth.dim()), |(_, i)| (i % 2) as f64);
    for _ in 0..500 {
        for block in 0..truth.n_blocks() {
            truth.resample(y.view_mut(), block, None, &mut rng);
        }
    }
    y
}
