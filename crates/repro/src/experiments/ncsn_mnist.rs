//! A noise-conditional score network of handwritten digits, and annealed Langevin sampling with it.
//!
//! One network learns the score of the digits under every level of a ladder of Gaussian noise (Song and Ermon 2019), `½ E_i λ_i E ‖s(x + σ_i z, σ_i) + z/σ_i‖²`. Chains that begin in the strongest noise and go down the
//! ladder by Langevin steps end at digits; where some pixels are known, they are put back after every step, under the noise of the level, and the rest is filled in.
//!
//! The network is a U-Net `f` inside the score that would be exact for a normal law of the data's second moment, `s(x, σ) = −x/(σ² + c²) + (c/σ) f(…)/√(σ² + c²)`, which is how Karras, Aittala, Aila and Laine (2022, equation 7) scale
//! a denoiser; it begins as that score, because the U-Net's last layer begins at zero.
//!
//! The same network is a score at every time of a diffusion; `solvers` goes from noise to digits by the reverse equation and the probability flow, and counts what that takes.
//!
//! Digits have 8 × 8 pixels at quick scale (Alpaydin and Kaynak 1998) and 28 × 28 at full scale, whose weights draw digits again at both. What is compared between the weights `λ = σ²` and `λ = 1` is compared on the small ones at both.

mod claims;
mod network;
mod samplers;
mod solvers;

use gibbsian_core::{At, NoiseLadder, Parametric, Score, Seed};
use gibbsian_metrics::{GaussianKernel, median_distance, mmd, mmd_test};
use gibbsian_nn::NeuralTimeScore;
use gibbsian_objectives::MultiLevelDenoising;
use gibbsian_samplers::AnnealedLangevin;
use ndarray::{Array1, Array2, ArrayView2, Axis as Along, concatenate, s};
use rand::RngExt;
use rand_distr::StandardNormal;

use self::claims::{
    BETTER, CLASSES, COMMITTED, COMMITTED_CLASSES, COMMITTED_NO_COPIES, COST, INPAINTED, JUDGE, MARGINALS,
    NO_COPIES, RECOGNISED, WEIGHTING,
};
use self::network::{Recipe, Weighting};
use crate::pictures::{Judged, Pictures};
use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Axis, Context, Experiment, ImageGrid, Plot, Result, Scale, Table, both, measured, models};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ncsn-mnist",
    title: "A score network for every level of noise, and digits by annealed Langevin",
    question: "Can one network know the score of digits under every level of noise, and draw digits with it?",
    mathematics: r"The network $s(x, \sigma)$ minimises denoising score matching over a ladder $\sigma_1 > \dots > \sigma_L$ with the weights $\lambda_i = \sigma_i^2$:
        $$\tfrac{1}{2} \, \mathbb{E}_i \, \lambda_i \, \mathbb{E} \left\lVert s(x + \sigma_i z, \sigma_i) + \frac{z}{\sigma_i} \right\rVert^2 .$$
        It is a U-Net $f$ inside the score of a normal law with the second moment $c^2$ of the data, which it begins as:
        $$s(x, \sigma) = -\frac{x}{\sigma^2 + c^2} + \frac{c}{\sigma} \, \frac{f(\dots)}{\sqrt{\sigma^2 + c^2}} .$$
        Annealed Langevin chains go down the ladder, $x' = x + \varepsilon_i \, s(x, \sigma_i) + \sqrt{2 \varepsilon_i} \, z$ with $\varepsilon_i \propto \sigma_i^2$; solvers of the reverse equation and of the flow use the same network.",
    shows: "A U-Net that is told the level of noise learns the score of noisy digits at all levels at once; Langevin chains go down the levels from noise to digits, and fill in the lower half of a digit whose upper half is known. Solvers of the reverse equation and of the probability flow make digits with far fewer evaluations.\
            \n\nDigits: E. Alpaydin and C. Kaynak (quick), Y. LeCun and C. Cortes (full).",
    source: "Song and Ermon (2019, 2020); Karras, Aittala, Aila and Laine (2022) for the scaling",
    budget_seconds: 60,
    claims: &[
        BETTER,
        WEIGHTING,
        COST,
        JUDGE,
        RECOGNISED,
        CLASSES,
        NO_COPIES,
        MARGINALS,
        INPAINTED,
        solvers::SOLVERS,
        solvers::NOISE,
        solvers::ORDER,
        COMMITTED,
        COMMITTED_CLASSES,
        COMMITTED_NO_COPIES,
    ],
    run,
};

/// The recipe on small digits.
const SMALL: Recipe = Recipe {
    name: "small",
    channels: &[16, 32],
    largest: 5.0,
    smallest: 0.05,
    n_levels: 15,
    n_steps: 2_000,
    weighting: Weighting::Variance,
};

/// The recipe on which the weights of the levels are compared: fewer updates, since only the difference counts.
const SHORT: Recipe = Recipe {
    name: "short",
    n_steps: 300,
    ..SMALL
};

/// The recipe at full scale. The largest level is about the distance between digits (Song and Ermon 2020, technique 1).
const LARGE: Recipe = Recipe {
    name: "large",
    channels: &[24, 48, 96],
    largest: 10.0,
    smallest: 0.02,
    n_levels: 60,
    n_steps: 16_000,
    weighting: Weighting::Variance,
};
/// The name of its weights.
const LARGE_WEIGHTS: &str = "ncsn-mnist";

/// Langevin steps at a level have this length in units of `σ²`.
const STEP: f64 = 0.1;

fn run(ctx: &mut Context) -> Result<()> {
    let small = Pictures::small(ctx.seed().child("split"))?;
    let large = Pictures::large()?;
    let real = large.judge(large.test.view());
    let accuracy = real.accuracy(&large.test_labels);
    ctx.measure(&JUDGE, smaller(small.accuracy()?, accuracy))?;
    let trained = SMALL.train(ctx, &small)?;
    compare(ctx, &small, &trained)?;

    match ctx.scale() {
        Scale::Quick => dream(ctx, &SMALL, &small, &trained)?,
        Scale::Full => {
            let trained = LARGE.train(ctx, &large)?;
            LARGE.keep(ctx, LARGE_WEIGHTS, &trained)?;
            dream(ctx, &LARGE, &large, &trained)?;
        }
    }
    remeasure(ctx, &large, &real)
}

/// Draws with the weights of the full run again.
fn remeasure(ctx: &mut Context, pictures: &Pictures, real: &Judged) -> Result<()> {
    const N: usize = 100;
    ctx.progress(0, 1, "drawing with the weights of the full run");
    let mut model = LARGE.network(pictures, ctx.seed())?;
    models::restore(&mut model, LARGE_WEIGHTS)?;
    let x = samplers::draw(ctx.seed().child("committed"), &LARGE, pictures, &model, N)?;
    let said = pictures.judge(x.view());
    ctx.measure(&COMMITTED, said.confidence() / real.confidence())?;
    ctx.measure(&COMMITTED_CLASSES, said.n_classes(0.02) as f64)?;
    ctx.measure(&COMMITTED_NO_COPIES, said.distance() / real.distance())?;
    let grid = ImageGrid::new(x.view(), pictures.side, pictures.side).columns(20);
    ctx.images(
        "committed",
        "Digits by 40 evaluations of the network that the full run trained.",
        &grid,
    )
}

/// The loss of every level: untrained, trained, and trained for fewer updates with `λ = σ²` and with `λ = 1`.
fn compare(ctx: &mut Context, pictures: &Pictures, trained: &NeuralTimeScore) -> Result<()> {
    let of_one = Recipe {
        name: "short-unweighted",
        weighting: Weighting::One,
        ..SHORT
    };
    let here = &*ctx;
    let (weighted, unweighted) = both(|| SHORT.train(here, pictures), || of_one.train(here, pictures))?;
    let ladder = SMALL.ladder()?;
    let objective = MultiLevelDenoising::new(ladder.clone());
    let untrained = SMALL.network(pictures, Seed::new(1))?;
    // The same noise for all.
    let losses = |model: &NeuralTimeScore| {
        let mut rng = ctx.seed().child("judging noise").rng();
        // Two passes over the test digits.
        let test = pictures.test.view();
        let twice = concatenate![Along(0), test, test];
        objective.level_losses(model, twice.view(), &mut rng)
    };
    let (normal, mine) = (losses(&untrained)?, losses(trained)?);
    let (variance, one) = (losses(&weighted)?, losses(&unweighted)?);
    let worst = (&mine / &normal)
        .iter()
        .fold(f64::NEG_INFINITY, |m, r| larger(m, *r));
    ctx.measure(&BETTER, worst)?;
    ctx.measure(
        &WEIGHTING,
        one.mean().unwrap_or(f64::NAN) - variance.mean().unwrap_or(f64::NAN),
    )?;
    let plain = SMALL.unconditional(pictures, Seed::new(1))?;
    ctx.measure(&COST, trained.n_params() as f64 / plain.n_params() as f64)?;

    let mut table = Table::new(["sigma", "normal", "trained", "shorter", "shorter_unweighted"]);
    let mut plot = Plot::new(
        "Error of the predicted noise at every level",
        Axis::log("level of noise σ"),
        Axis::log("½ E ‖σ s + z‖²"),
    );
    let levels = ladder.levels();
    for i in 0..levels.len() {
        table.row([levels[i], normal[i], mine[i], variance[i], one[i]].map(Into::into))?;
    }
    let lines = [
        ("normal law", &normal),
        ("trained", &mine),
        ("fewer updates, λ = σ²", &variance),
        ("fewer updates, λ = 1", &one),
    ];
    for (name, losses) in lines {
        plot = plot.line(name, levels.iter().copied().zip(losses.iter().copied()));
    }
    ctx.table("levels", "Loss of every level on test digits.", &table)?;
    ctx.plot(
        "levels",
        "The loss of a normal law's score is where training begins; small digits.",
        &plot,
    )
}

/// Digits from noise, and halves that are filled in.
fn dream(ctx: &mut Context, recipe: &Recipe, pictures: &Pictures, model: &NeuralTimeScore) -> Result<()> {
    let n_samples = ctx.pick(300, 1_000);
    let n_steps = ctx.pick(20, 10);
    ctx.progress(0, 2, "annealing from noise");
    let ladder = recipe.ladder()?;
    let smallest = ladder.smallest();
    let annealed =
        AnnealedLangevin::new(ladder.clone(), STEP * smallest * smallest, n_steps)?.with_denoising();
    let mut rng = ctx.seed().child("samples").rng();
    let start = Array2::from_shape_simple_fn((n_samples, pictures.dim()), || {
        recipe.largest * rng.sample::<f64, _>(StandardNormal)
    });
    let sample = annealed.sample(model, start, &mut rng)?.x;
    judge(ctx, pictures, sample.view())?;

    ctx.progress(1, 2, "filling in");
    let n = ctx.pick(100, 200);
    let whole = pictures.test.slice(s![..n, ..]);
    let filled = inpaint(
        model,
        &ladder,
        whole,
        pictures.dim() / 2,
        n_steps,
        ctx.seed().child("inpainting"),
    )?;
    let said = pictures.judge(filled.view());
    let right = said
        .0
        .iter()
        .zip(&pictures.test_labels)
        .filter(|(j, label)| j.class == **label);
    ctx.measure(&INPAINTED, right.count() as f64 / n as f64)?;
    let shown = 20;
    let mut hidden = whole.slice(s![..shown, ..]).to_owned();
    hidden.slice_mut(s![.., pictures.dim() / 2..]).fill(0.5);
    let rows = concatenate![
        Along(0),
        whole.slice(s![..shown, ..]),
        hidden,
        filled.slice(s![..shown, ..])
    ];
    let grid = ImageGrid::new(rows.view(), pictures.side, pictures.side).columns(shown);
    ctx.images(
        "inpainting",
        "Test digits, what was known of them, and how the network filled it in.",
        &grid,
    )?;
    solvers::compare(ctx, recipe, pictures, model)
}

fn judge(ctx: &mut Context, pictures: &Pictures, sample: ArrayView2<f64>) -> Result<()> {
    let (said, real) = (pictures.judge(sample), pictures.judge(pictures.test.view()));
    ctx.measure(&RECOGNISED, said.confidence() / real.confidence())?;
    ctx.measure(&CLASSES, said.n_classes(0.02) as f64)?;
    ctx.measure(&NO_COPIES, said.distance() / real.distance())?;

    // Pixels from different digits: right one by one, wrong together.
    let n = sample.nrows().min(pictures.test.nrows());
    let mut rng = ctx.seed().child("marginals").rng();
    let shuffled = Array2::from_shape_fn((n, pictures.dim()), |(_, i)| {
        pictures.train[[rng.random_range(0..pictures.train.nrows()), i]]
    });
    let seed = ctx.seed().child("compared digits");
    let test = pictures
        .test
        .select(Along(0), &pictures.some_held_out(n, seed.child("test")));
    let train = pictures
        .train
        .select(Along(0), &pictures.some_learnt(n, seed.child("train")));
    let kernel = GaussianKernel::new(median_distance(test.view(), train.view())?)?;
    let distance = |x: ArrayView2<f64>| -> Result<f64> { Ok(mmd(x, test.view(), &kernel)?.unbiased) };
    let (of_shuffled, of_train) = (distance(shuffled.view())?, distance(train.view())?);
    let mut rng = ctx.seed().child("permutations").rng();
    let found = mmd_test(sample.slice(s![..n, ..]), test.view(), &kernel, 200, &mut rng)?;
    let of_sample = found.mmd.unbiased;
    // How far estimates between as many digits of one law lie from zero.
    let squares = found.null.iter().map(|m| m * m);
    let error = mean_and_error(squares).0.sqrt();
    ctx.measure(
        &MARGINALS,
        measured(of_sample / of_shuffled).with_error(error / of_shuffled),
    )?;
    ctx.note(format!(
        "Squared maximum mean discrepancy to held-out digits: samples {of_sample:.5} ± {error:.5}, independent pixels {of_shuffled:.5}, training digits {of_train:.5}; the error is that between equal laws, by permutations."
    ));

    let mut table = Table::new(["digit", "share_of_samples"]);
    for class in 0..10u8 {
        table.row([i64::from(class).into(), said.share(class).into()])?;
    }
    ctx.table("classes", "What the judge sees in the samples.", &table)?;
    let grid = ImageGrid::new(sample.slice(s![..100, ..]), pictures.side, pictures.side).columns(20);
    ctx.images(
        "samples",
        "Ends of the first hundred annealed chains, denoised.",
        &grid,
    )
}

/// Fills in all but the first `n_known` pixels of every row (Song and Ermon 2019, algorithm 2).
fn inpaint(
    model: &NeuralTimeScore,
    ladder: &NoiseLadder,
    whole: ArrayView2<f64>,
    n_known: usize,
    n_steps: usize,
    seed: Seed,
) -> Result<Array2<f64>> {
    let mut rng = seed.rng();
    let known = whole.slice(s![.., ..n_known]);
    let mut x = Array2::from_shape_simple_fn(whole.dim(), || {
        ladder.levels()[0] * rng.sample::<f64, _>(StandardNormal)
    });
    for &sigma in ladder.levels() {
        let one = AnnealedLangevin::new(
            NoiseLadder::new(Array1::from_elem(1, sigma))?,
            STEP * sigma * sigma,
            1,
        )?;
        for _ in 0..n_steps {
            let noise =
                Array2::from_shape_simple_fn(known.dim(), || sigma * rng.sample::<f64, _>(StandardNormal));
            x.slice_mut(s![.., ..n_known]).assign(&(&known + &noise));
            x = one.sample(model, x, &mut rng)?.x;
        }
    }
    let sigma = ladder.smallest();
    let level = Array1::from_elem(x.nrows(), sigma);
    x += &(At::new(model, level.view()).score(x.view()) * (sigma * sigma));
    x.slice_mut(s![.., ..n_known]).assign(&known);
    Ok(x)
}
