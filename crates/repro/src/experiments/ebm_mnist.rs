//! An image energy trained with Langevin negatives: chains that persist, and chains that always start at noise.
//!
//! The same network, data, noise and number of Langevin steps twice; what differs is where the negative chains of an update start. **Persistent**: in a replay buffer, at the places where earlier updates left
//! them (Tieleman 2008; Du and Mordatch 2019). **Short-run**: at uniform noise, always (Nijkamp, Hill, Zhu and Wu 2019). Both make digits. Then the chains are run on. Where the negatives were draws of the
//! model, the law of their energies stays what it is; a short-run energy was trained to bring noise to the digits in so many steps and not to keep it there, and its chains go on downhill. It is a generator, and
//! not a density.
//!
//! The data are digits with pixels from 0 to 1 under Gaussian noise `σ`, because digits without noise have no density. The step is `ε = σ²/4`: an unadjusted step in curvature `λ` leaves the variance `1/(λ(1 − ελ/2))`, which is `2ε`
//! or more whatever the curvature, so with `ε > σ²/2` no energy at all could have chains with the law of the data. Temperatures are true: every step has its noise `√(2ε)`.
//!
//! The energy is `c f((x − m)/s) + ‖x − m‖²/2`, with a network `f` of one linear output. The activations are Lipschitz, so `f` grows linearly at most and the square confines it. It has no normalisation by batches, which would make
//! the energy of a picture depend on others, and no penalty on its size: the likelihood does not see its level, and it did not need one.
//!
//! Digits have 8 × 8 pixels at quick scale (Alpaydin and Kaynak 1998) and a network of dense layers, which see as much of so small a picture as convolutions and are several times as fast; at full scale 28 × 28, and convolutions.

mod chains;
mod claims;
mod network;
mod panel;

use gibbsian_core::{Energy, Streams};
use gibbsian_objectives::Source;
use ndarray::{Array2, Axis as Along, concatenate, s};

use self::chains::Chains;
use self::claims::{
    BELOW, CLASSES, COMMITTED, COMMITTED_CLASSES, COMMITTED_NO_COPIES, CONFIDENT, FALLS, JUDGE, KEEPS, LIKE,
    NO_COPIES, RECOGNISED, RESTS, UNLIKE,
};
use self::network::{Recipe, Trained};
use self::panel::{Look, Panel};
use crate::pictures::Pictures;
use crate::statistics::{larger, mean_and_error, smaller};
use crate::{Axis, Context, Experiment, ImageGrid, Plot, Result, Scale, Table, both, models};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "ebm-mnist",
    title: "Image energies by Langevin chains, and why a short-run energy is not a density",
    question: "When is an energy that was trained with Langevin chains a density, and when is it only a generator?",
    mathematics: r"The energy confines its network $f$ by a square around the mean $m$ of the data, which makes it that of a density:
        $$E(x) = c \, f \left( \frac{x - m}{s} \right) + \tfrac{1}{2} \lVert x - m \rVert^2 , \qquad \nabla_\theta \, \mathbb{E}_{\text{data}} \left[ -\log p_\theta \right] = \left\langle \nabla_\theta E \right\rangle_{\text{data}} - \left\langle \nabla_\theta E \right\rangle_{\text{model}} .$$
        The second mean is taken over Langevin chains $x' = x - \varepsilon \nabla E(x) + \sqrt{2 \varepsilon} \, z$ that either persist in a replay buffer or always start at noise. In curvature $\lambda$ a chain leaves the variance
        $$\frac{1}{\lambda \left( 1 - \varepsilon \lambda / 2 \right)} \ge 2 \varepsilon ,$$
        so data under noise $\sigma$ need $\varepsilon \le \sigma^2 / 2$; here $\varepsilon = \sigma^2 / 4$. If $\langle \cdot \rangle_{\text{model}}$ is a mean over the model, chains that are run on keep their law; if it is one over short runs, they do not.",
    shows: "Two energies of digits, trained alike but for where their chains start. A few steps from noise make digits with the one, long chains with the other; where both are run on, the chains of the short-run energy leave \
            the digits for lower energies.\
            \n\nDigits: E. Alpaydin and C. Kaynak (quick), Y. LeCun and C. Cortes (full).",
    source: "Du and Mordatch (2019); Nijkamp, Hill, Zhu and Wu (2019); Nijkamp, Hill, Han, Zhu and Wu (2020)",
    budget_seconds: 60,
    claims: &[
        JUDGE,
        RECOGNISED,
        CLASSES,
        NO_COPIES,
        LIKE,
        FALLS,
        BELOW,
        UNLIKE,
        CONFIDENT,
        RESTS,
        KEEPS,
        COMMITTED,
        COMMITTED_CLASSES,
        COMMITTED_NO_COPIES,
    ],
    run,
};

/// The recipe on small digits.
const SMALL: Recipe = Recipe {
    name: "small",
    channels: &[],
    hidden: &[256, 256],
    sigma: 0.1,
    n_langevin: 20,
    n_updates: 1_600,
    rate: 2e-3,
    capacity: 1_000,
};

/// The recipe at full scale.
const LARGE: Recipe = Recipe {
    name: "large",
    channels: &[24, 48],
    hidden: &[256],
    sigma: 0.1,
    n_langevin: 40,
    n_updates: 4_200,
    rate: 1e-3,
    capacity: 5_000,
};

/// The weights of the full run that come with the project: those of the energy that is a density.
const LARGE_WEIGHTS: &str = "ebm-mnist-persistent";
/// Steps from noise to digits with them.
const LARGE_STEPS: usize = 640;

/// How much longer the long chains are: doublings of the length in training.
const DOUBLINGS: u32 = 6;

fn run(ctx: &mut Context) -> Result<()> {
    let (recipe, pictures) = match ctx.scale() {
        Scale::Quick => (SMALL, Pictures::small(ctx.seed().child("split"))?),
        Scale::Full => (LARGE, Pictures::large()?),
    };
    let n_chains = ctx.pick(400, 1_000);
    let here = &*ctx;
    let (persistent, short_run) = both(
        || recipe.train_persistent(here, &pictures),
        || recipe.train_short_run(here, &pictures),
    )?;
    if ctx.scale() == Scale::Full {
        recipe.keep(ctx, LARGE_WEIGHTS, &persistent.model)?;
        recipe.keep(ctx, "ebm-mnist-short-run", &short_run.model)?;
    }

    let panel = Panel::new(ctx, &recipe, &pictures, n_chains)?;
    let judge = smaller(pictures.accuracy()?, panel.accuracy());
    ctx.measure(&JUDGE, judge)?;
    let kernel = recipe.kernel()?;
    let noise = recipe
        .noise(pictures.dim())
        .draw(n_chains, &mut ctx.seed().child("starts").rng());

    // What training had for negatives, and the same chains later.
    ctx.progress(0, 3, "running chains on");
    let k = recipe.n_langevin;
    let n_long = k << DOUBLINGS;
    let buffer = persistent.buffer.slice(s![..n_chains, ..]).to_owned();
    let runs_on = Chains::run(ctx, &kernel, &persistent.model, buffer, &[0, n_long - k])?;
    ctx.progress(1, 3, "running chains on");
    let lengths: Vec<usize> = (0..=DOUBLINGS).map(|doublings| k << doublings).collect();
    let from_noise = Chains::run(ctx, &kernel, &persistent.model, noise.clone(), &lengths)?;
    ctx.progress(2, 3, "running chains on");
    let short = Chains::run(ctx, &kernel, &short_run.model, noise, &lengths)?;

    let looks = |chains: &Chains| -> Result<Vec<Look>> {
        chains.stops.iter().map(|x| panel.look(x.view())).collect()
    };
    let [of_buffer, of_noise, of_short] = [looks(&runs_on)?, looks(&from_noise)?, looks(&short)?];
    samples(ctx, &of_buffer[0], &of_short[0], &panel)?;
    drift(
        ctx,
        &panel,
        &short_run,
        (&short, &of_short),
        (&runs_on, &of_buffer),
    )?;

    let all = [
        ("persistent, from its buffer", &persistent, &runs_on, &of_buffer),
        ("persistent, from noise", &persistent, &from_noise, &of_noise),
        ("short-run, from noise", &short_run, &short, &of_short),
    ];
    curves(ctx, &panel, &all)?;
    gaps(ctx, &persistent, &short_run)?;
    show(ctx, &panel, &runs_on, &short)?;
    remeasure(ctx)
}

/// Makes digits with the weights of the full run again.
fn remeasure(ctx: &mut Context) -> Result<()> {
    const N: usize = 100;
    ctx.progress(0, 1, "chains of the full run's weights");
    let pictures = Pictures::large()?;
    let mut model = LARGE.network(&pictures, ctx.seed())?;
    models::restore(&mut model, LARGE_WEIGHTS)?;
    let mut rng = ctx.seed().child("committed starts").rng();
    let noise = LARGE.noise(pictures.dim()).draw(N, &mut rng);
    let chains = Chains::run(ctx, &LARGE.kernel()?, &model, noise, &[LARGE_STEPS])?;
    let look = Panel::new(ctx, &LARGE, &pictures, N)?.look(chains.last().view())?;
    ctx.measure(&COMMITTED, look.confidence)?;
    ctx.measure(&COMMITTED_CLASSES, look.n_classes as f64)?;
    ctx.measure(&COMMITTED_NO_COPIES, look.novelty)?;
    let grid = ImageGrid::new(chains.last().view(), pictures.side, pictures.side).columns(20);
    ctx.images(
        "committed",
        "Large digits, with the noise of the data, by 640 steps from noise along the persistent energy that the full run trained.",
        &grid,
    )
}

/// What the negatives of both energies look like.
fn samples(ctx: &mut Context, persistent: &Look, short: &Look, panel: &Panel) -> Result<()> {
    ctx.measure(&RECOGNISED, smaller(persistent.confidence, short.confidence))?;
    let classes = persistent.n_classes.min(short.n_classes);
    ctx.measure(&CLASSES, classes as f64)?;
    let mut table = Table::new(["digit", "persistent", "short_run"]);
    for (class, (a, b)) in persistent.shares.into_iter().zip(short.shares).enumerate() {
        table.row([class.into(), a.into(), b.into()])?;
    }
    ctx.table(
        "classes",
        "Share of the negatives that the judge takes for each digit.",
        &table,
    )?;
    ctx.measure(&NO_COPIES, smaller(persistent.novelty, short.novelty))?;
    ctx.measure(&LIKE, larger(persistent.mmd, short.mmd) / panel.independent)?;
    ctx.note(format!(
        "Confidence over that on held-out digits with the same noise: {:.3} of persistent chains, {:.3} of short ones. Squared maximum mean discrepancy to held-out digits: {:.5} and {:.5}, independent pixels {:.5}.",
        persistent.confidence, short.confidence, persistent.mmd, short.mmd, panel.independent
    ));
    Ok(())
}

/// What becomes of them.
fn drift(
    ctx: &mut Context,
    panel: &Panel,
    short_run: &Trained,
    (short, of_short): (&Chains, &[Look]),
    (runs_on, of_buffer): (&Chains, &[Look]),
) -> Result<()> {
    let run = &short.run;
    ctx.measure(&FALLS, run.gap() / run.standard_error())?;
    let digits = short_run.model.energy(panel.test.view());
    let (of_digits, digits_error) = mean_and_error(digits.iter().copied());
    let (of_long, long_error) = mean_and_error(run.long.iter().copied());
    ctx.measure(&BELOW, (of_digits - of_long) / digits_error.hypot(long_error))?;
    let [first, last] = [&of_short[0], &of_short[of_short.len() - 1]];
    ctx.measure(&UNLIKE, last.mmd / panel.independent)?;
    ctx.measure(&CONFIDENT, last.confidence / first.confidence)?;
    ctx.measure(&RESTS, runs_on.run.gap().abs() / run.gap())?;
    let kept = &of_buffer[of_buffer.len() - 1];
    ctx.measure(&KEEPS, kept.mmd / last.mmd)?;
    ctx.note(format!(
        "Run on, chains of the short-run energy fall by {:.1} ± {:.1} nats, {:.1} below the digits; those of the persistent one by {:.1} ± {:.1}.",
        run.gap(),
        run.standard_error(),
        of_digits - of_long,
        runs_on.run.gap(),
        runs_on.run.standard_error()
    ));
    Ok(())
}

/// Energies and likeness against the length of chains.
fn curves(ctx: &mut Context, panel: &Panel, all: &[(&str, &Trained, &Chains, &Vec<Look>)]) -> Result<()> {
    let steps = || Axis::log("Langevin steps");
    let mut energies = Plot::new(
        "Energy of chains, above that of held-out digits",
        steps(),
        Axis::linear("difference of mean energies (nats)"),
    );
    let mut confidence = Plot::new(
        "Confidence of the judge",
        steps(),
        Axis::linear("over that on held-out digits"),
    );
    let mut distance = Plot::new(
        "Distance to held-out digits",
        steps(),
        Axis::linear("squared maximum mean discrepancy"),
    );
    let mut table = Table::new([
        "chains",
        "steps",
        "energy_above_digits",
        "standard_error",
        "confidence",
        "classes",
        "novelty",
        "mmd",
    ]);
    for &(name, trained, chains, looks) in all {
        let (digits, _) = mean_and_error(trained.model.energy(panel.test.view()).iter().copied());
        let mut rows = Vec::new();
        for ((&n_steps, x), look) in chains.lengths.iter().zip(&chains.stops).zip(looks) {
            let (energy, error) = mean_and_error(trained.model.energy(x.view()).iter().copied());
            table.row([
                name.into(),
                (n_steps as i64).into(),
                (energy - digits).into(),
                error.into(),
                look.confidence.into(),
                (look.n_classes as i64).into(),
                look.novelty.into(),
                look.mmd.into(),
            ])?;
            rows.push((n_steps as f64, energy - digits, look));
        }
        if rows[0].0 > 0.0 {
            energies = energies.line(name, rows.iter().map(|&(n, energy, _)| (n, energy)));
            confidence = confidence.line(name, rows.iter().map(|&(n, _, look)| (n, look.confidence)));
            distance = distance.line(name, rows.iter().map(|&(n, _, look)| (n, look.mmd)));
        }
    }
    ctx.table(
        "chain-length",
        "Chains at several lengths. Novelty is 0 for training digits with the same noise, 1 for held-out ones.",
        &table,
    )?;
    energies = energies.horizontal("held-out digits", 0.0);
    ctx.plot(
        "chain-length",
        "The shortest chains are as long as those of training.",
        &energies,
    )?;
    ctx.plot(
        "confidence",
        "The judge is surer of what the short-run energy drifts to than of digits: it looks for likeness to a class and not for a law.",
        &confidence.horizontal("held-out digits", 1.0),
    )?;
    ctx.plot(
        "distance",
        "The same pictures; held-out digits would have zero.",
        &distance.horizontal("independent pixels", panel.independent),
    )
}

/// The energy gap over training.
fn gaps(ctx: &mut Context, persistent: &Trained, short_run: &Trained) -> Result<()> {
    // The first epochs would hide the others.
    let first = persistent.gaps.len().div_ceil(20);
    let mut plot = Plot::new(
        "Energy of the data minus that of the negatives",
        Axis::linear("epochs"),
        Axis::linear("gap, mean of an epoch (nats)"),
    );
    let mut table = Table::new(["epoch", "persistent", "short_run"]);
    for (epoch, (a, b)) in persistent.gaps.iter().zip(&short_run.gaps).enumerate() {
        table.row([(epoch as i64 + 1).into(), (*a).into(), (*b).into()])?;
    }
    for (name, trained) in [("persistent", persistent), ("short-run", short_run)] {
        let points = trained.gaps.iter().enumerate().skip(first);
        plot = plot.line(name, points.map(|(epoch, gap)| (epoch as f64 + 1.0, *gap)));
    }
    ctx.table("energy-gap", "The same, with the first epochs.", &table)?;
    ctx.plot(
        "energy-gap",
        "Zero where the chains have the energies of the data; it is near zero in either training and does not say that the one energy is a density and the other is none. The first twentieth is left out.",
        &plot.horizontal("no gap", 0.0),
    )
}

/// Pictures of the negatives, and of what becomes of them.
fn show(ctx: &mut Context, panel: &Panel, runs_on: &Chains, short: &Chains) -> Result<()> {
    const COLUMNS: usize = 20;
    let rows = |x: &Array2<f64>| x.slice(s![..3 * COLUMNS, ..]).to_owned();
    let grids = [
        (
            "samples",
            "Three rows each: held-out digits with the noise of the data; persistent chains; short chains from noise.",
            [rows(&panel.test), rows(&runs_on.stops[0]), rows(&short.stops[0])],
        ),
        (
            "long-run",
            "Three rows each: held-out digits; the persistent chains and the short ones of the other picture, 64 times as long.",
            [rows(&panel.test), rows(runs_on.last()), rows(short.last())],
        ),
    ];
    for (name, caption, [digits, persistent, short]) in grids {
        let pictures = concatenate![Along(0), digits, persistent, short];
        let grid = ImageGrid::new(pictures.view(), panel.side(), panel.side());
        let grid = grid.columns(COLUMNS).magnified(32 / panel.side() + 1);
        ctx.images(name, caption, &grid)?;
    }
    Ok(())
}

/// The stream of a name, for what is drawn once.
fn streams(ctx: &Context, name: &str) -> Streams {
    Streams::from_key(ctx.seed().child(name).value())
}
