//! A restricted Boltzmann machine on the 60,000 digits of MNIST, with its likelihood certified.
//!
//! A machine with 784 visible and 500 hidden binary units is trained by contrastive divergence with one and with 25 Gibbs sweeps an update
//! (Hinton 2002; Salakhutdinov and Murray 2008). Its partition function has 2⁵⁰⁰ terms, so its test log-probability can only be enclosed:
//! annealed importance sampling from the base-rate model is optimistic, because `E log Ẑ ≤ log Z`; RAISE from the test cases is conservative
//! (Burda, Grosse and Salakhutdinov 2015). Where both agree the number is certified.
//!
//! At full scale the number of sweeps grows from 1 to 25 while the learning rate falls as its inverse, with momentum and weight decay, as in programs that the authors have published. With 25 sweeps from the
//! start and neither, half of the model's mass ends in a spurious mode: one annealing run of 200 finds it, and the certificate contradicts itself, as it should.
//!
//! **Binarisation.** Pixels are the probabilities of their units: training pictures are tossed afresh at every visit, test pictures once, from a fixed
//! seed. Published numbers were obtained on another toss of the same pictures; nats under thresholding are not comparable.

mod claims;
mod training;

use std::path::Path;

use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Rbm};
use gibbsian_core::{Blocks, Dataset, Energy, Streams};
use gibbsian_data::{Mnist, StochasticBinarised};
use gibbsian_partition::{Certificate, ForwardAis, Ladder, Pilot, ais, raise};
use ndarray::{Array1, Array2, ArrayView2, Axis as Along, concatenate, s};
use rand::seq::index;

use self::claims::{CLASSES, COMMITTED, GAP, INPAINTED, ORDER, PERSISTENT, PUBLISHED, RECOGNISED, SWEEPS};
use self::training::{Curve, Recipe, Sweeps};
use crate::fantasies::{DigitJudge, JUDGE, NO_COPIES};
use crate::models;
use crate::statistics::base_rate;
use crate::{
    Axis, ColourMap, Context, Experiment, ImageGrid, Measured, Plot, Result, Scale, Table, measured,
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "rbm-mnist",
    title: "A restricted Boltzmann machine of handwritten digits",
    question: "How probable are handwritten digits under a machine whose partition function has more terms than there are atoms?",
    mathematics: r"A restricted Boltzmann machine has the energy and, with the hidden units summed out, the free energy
        $$E(v, h) = -b^\top v - c^\top h - v^\top W h , \qquad F(v) = -b^\top v - \sum_j \log \left( 1 + e^{c_j + (W^\top v)_j} \right) , \qquad \log p(v) = -F(v) - \log Z .$$
        Annealed importance sampling goes from a known base through unnormalised densities $f_0, \dots, f_K$ and multiplies their ratios at the states $x_k$ of a chain. Its weights are unbiased, so their logarithm is too small on average:
        $$w = \prod_{k=1}^{K} \frac{f_k(x_k)}{f_{k-1}(x_k)} , \qquad \mathbb{E} \, w = \frac{Z}{Z_0} , \qquad \mathbb{E} \log \hat{Z} \le \log Z .$$
        The test log-probability is overestimated; RAISE, which anneals from the test cases, underestimates it. The truth lies between.",
    shows: "784 visible and 500 hidden binary units, trained on 60,000 digits by contrastive divergence with 1 and with 25 sweeps.\
            \n\nThe filters, what the machine dreams when its Gibbs chain runs from noise, how training went, and an enclosure of its \
            test log-probability: annealed importance sampling from above, RAISE from below. Pixels are probabilities, tossed afresh for training \
            and once for testing.",
    source: "Hinton (2002); Salakhutdinov and Murray (2008); Tieleman (2008); Burda, Grosse and Salakhutdinov (2015)",
    budget_seconds: 60,
    claims: &[
        SWEEPS, GAP, ORDER, PUBLISHED, COMMITTED, PERSISTENT, JUDGE, RECOGNISED, CLASSES, NO_COPIES,
        INPAINTED,
    ],
    run,
};

const N_HIDDEN: usize = 500;
const LEVEL: f64 = 0.95;
/// The standard error of the full run's log Z, nats.
const FULL_RUN_ERROR: f64 = 0.0433;
const N_SHOWN: usize = 100;

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 1, "reading the digits");
    let digits = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist"))?;
    let train = StochasticBinarised::new(digits.train.images().clone());
    let test = StochasticBinarised::new(digits.test.images().clone());
    let all: Vec<usize> = (0..test.n_points()).collect();
    let test_rows = test.rows(&all, Streams::from_key(ctx.seed().child("test toss").value()));
    let base = base_rate(digits.train.images())?;

    let n_epochs = ctx.pick(2, 150);
    let recipe = |name, sweeps| Recipe {
        name,
        n_hidden: N_HIDDEN,
        sweeps,
        n_epochs,
        rates: (0.1, 0.001),
        momentum: 0.0,
        weight_decay: 0.0,
    };
    let cd1 = recipe("cd-1", Sweeps::FromData(1)).train(ctx, &train, &test, &base)?;
    let many = match ctx.scale() {
        Scale::Quick => recipe("cd-25", Sweeps::FromData(25)),
        // As the authors' programs have it.
        Scale::Full => Recipe {
            rates: (0.05, 0.05),
            momentum: 0.9,
            weight_decay: 0.001,
            ..recipe("cd-25", Sweeps::GrowingTo(25))
        },
    };
    let cd25 = many.train(ctx, &train, &test, &base)?;

    // The machines against each other, each by its own partition function.
    let score = |ctx: &Context, name: &str, machine: &BinaryRbm| {
        Score::of(ctx, name, machine, &base, test_rows.view())
    };
    let one = score(ctx, "CD-1", &cd1.machine)?;
    let many = score(ctx, "CD-25", &cd25.machine)?;
    ctx.measure(&SWEEPS, many.over(&one))?;
    ctx.note(format!("CD-1: {one}. CD-25: {many}."));

    certify(ctx, &cd25.machine, &base, &many, test_rows.view())?;
    remeasure(ctx, &base, test_rows.view())?;
    dream(ctx, &cd25.machine, &digits)?;
    show_filters(ctx, &cd25.machine)?;

    let mut pcd = None;
    if ctx.scale() == Scale::Full {
        ctx.measure(&PUBLISHED, many.mean)?;
        cd25.keep(ctx, "rbm-mnist-cd25")?;
        let trained = recipe("pcd-1", Sweeps::Persistent(1)).train(ctx, &train, &test, &base)?;
        let persistent = score(ctx, "PCD-1", &trained.machine)?;
        ctx.measure(&PERSISTENT, persistent.over(&one))?;
        trained.keep(ctx, "rbm-mnist-pcd1")?;
        ctx.note(format!("PCD-1: {persistent}."));
        pcd = Some(trained.curve);
    }
    let curves: Vec<Curve> = [cd1.curve, cd25.curve].into_iter().chain(pcd).collect();
    show_curves(ctx, &curves)
}

/// The test log-probability of one machine by annealed importance sampling.
struct Score {
    /// Temperatures placed where a pilot run found the work.
    ladder: Ladder,
    forward: ForwardAis,
    mean: f64,
    text: String,
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Score {
    /// By how much it exceeds another, with the error of both partition functions.
    fn over(&self, other: &Score) -> Measured {
        let error = |score: &Score| score.forward.log_weights().standard_error();
        measured(self.mean - other.mean).with_error(error(self).hypot(error(other)))
    }

    fn of(
        ctx: &Context,
        name: &str,
        machine: &BinaryRbm,
        base: &Bernoulli,
        test_rows: ArrayView2<f64>,
    ) -> Result<Self> {
        ctx.progress(0, 1, &format!("annealing {name}"));
        let seed = ctx.seed().child("annealing").child(name);
        let (n_temperatures, n_chains) = ctx.pick((3_000, 100), (30_000, 200));
        let path = BinaryRbmPath::new(machine, base)?;
        let pilot = Pilot::run(
            &path,
            &Ladder::linear(500)?,
            n_chains / 2,
            &mut seed.child("pilot").rng(),
        )?;
        let ladder = pilot.ladder(n_temperatures)?;
        let forward = ais(&path, &ladder, n_chains, &mut seed.rng())?;
        let estimate = forward.estimate(LEVEL)?;
        let mean = -machine.energy(test_rows).mean().unwrap_or(f64::NAN) - forward.log_z();
        let text = format!("test log-probability at most {mean:.2} nats in expectation; {estimate}");
        Ok(Score {
            ladder,
            forward,
            mean,
            text,
        })
    }
}

/// Encloses the test log-probability between RAISE and annealed importance sampling on some test cases.
fn certify(
    ctx: &mut Context,
    machine: &BinaryRbm,
    base: &Bernoulli,
    score: &Score,
    test_rows: ArrayView2<f64>,
) -> Result<()> {
    let (n_cases, chains_per_case) = ctx.pick((100, 4), (100, 16));
    ctx.progress(0, 1, "RAISE from test digits");
    let path = BinaryRbmPath::new(machine, base)?;
    // The pictures of the test set are in random order, so the first ones are as good as any.
    let cases = test_rows.slice(s![..n_cases, ..]);
    let raised = raise(
        &path,
        &score.ladder,
        cases,
        chains_per_case,
        &mut ctx.seed().child("raise").rng(),
    )?;
    let tolerance = ctx.pick(2.0, 0.5);
    let certificate = Certificate::new(&score.forward, &raised, LEVEL, tolerance)?;
    ctx.measure(&GAP, certificate.bounds.width())?;
    ctx.measure(
        &ORDER,
        measured(certificate.gap()).with_error(certificate.gap_standard_error),
    )?;
    ctx.note(format!(
        "Certificate of CD-25 on {n_cases} test digits: {certificate}."
    ));
    Ok(())
}

/// Anneals the weights of the full run again.
fn remeasure(ctx: &mut Context, base: &Bernoulli, test_rows: ArrayView2<f64>) -> Result<()> {
    ctx.progress(0, 1, "annealing the weights of the full run");
    let start = Rbm::random(base.clone(), Bernoulli::unbiased(N_HIDDEN), 0.01, ctx.seed())?;
    let mut machine = BinaryRbm::from(&start);
    models::restore(&mut machine, "rbm-mnist-cd25")?;
    let path = BinaryRbmPath::new(&machine, base)?;
    let mut rng = ctx.seed().child("annealing").child("committed").rng();
    let pilot = Pilot::run(&path, &Ladder::linear(500)?, 50, &mut rng)?;
    let forward = ais(&path, &pilot.ladder(3_000)?, 100, &mut rng)?;
    let estimate = forward.estimate(LEVEL)?;
    let error = estimate.standard_error.hypot(FULL_RUN_ERROR);
    ctx.measure(&COMMITTED, measured(estimate.log_z).with_error(error))?;
    let mean = -machine.energy(test_rows).mean().unwrap_or(f64::NAN) - estimate.log_z;
    ctx.note(format!(
        "The weights of the full run: test log-probability at most {mean:.2} nats in expectation; {estimate}."
    ));
    Ok(())
}

/// Runs Gibbs chains from noise and has the judge look at them.
fn dream(ctx: &mut Context, machine: &BinaryRbm, digits: &Mnist) -> Result<()> {
    let (n, n_sweeps) = ctx.pick((200, 1_000), (400, 10_000));
    let mut rng = ctx.seed().child("fantasies").rng();
    let mut v = Array2::from_elem((n, machine.n_visible()), 0.5);
    for sweep in 0..n_sweeps {
        ctx.progress(sweep, n_sweeps, "dreaming");
        machine.resample(v.view_mut(), 0, None, &mut rng);
    }
    let means = machine.visible_means(v.view(), &mut rng);

    ctx.progress(0, 1, "judging");
    let judge = DigitJudge::new(digits, ctx.seed().child("real digits"))?;
    ctx.measure(&JUDGE, judge.accuracy()?)?;
    let said = judge.judge(means.view());
    ctx.measure(&RECOGNISED, judge.confidence(&said))?;
    ctx.measure(&CLASSES, said.n_classes(0.01) as f64)?;
    ctx.measure(&NO_COPIES, judge.distance(&said))?;
    let caption = format!("Probabilities of the pixels after {n_sweeps} Gibbs sweeps from noise; CD-25.");
    judge.show(ctx, &caption, means.view(), &said)?;
    fill_in(ctx, machine, digits, &judge)
}

/// Lower halves of test digits, drawn given the upper ones: Gibbs sweeps with the known pixels clamped.
fn fill_in(ctx: &mut Context, machine: &BinaryRbm, digits: &Mnist, judge: &DigitJudge<'_>) -> Result<()> {
    let (n, n_sweeps) = (ctx.pick(200, 1_000), ctx.pick(200, 1_000));
    ctx.progress(0, 1, "filling in");
    let test = StochasticBinarised::new(digits.test.images().clone());
    let chosen = index::sample(&mut ctx.seed().child("halves").rng(), test.n_points(), n).into_vec();
    let whole = test.rows(
        &chosen,
        Streams::from_key(ctx.seed().child("toss of halves").value()),
    );
    let n_known = whole.ncols() / 2;
    let free = Array1::from_shape_fn(whole.ncols(), |i| i >= n_known);
    let mut hidden = whole.clone();
    hidden.slice_mut(s![.., n_known..]).fill(0.5);
    let mut filled = hidden.clone();
    let mut rng = ctx.seed().child("filling in").rng();
    for sweep in 0..n_sweeps {
        ctx.progress(sweep, n_sweeps, "filling in");
        machine.resample(filled.view_mut(), 0, Some(free.view()), &mut rng);
    }
    let mut means = machine.visible_means(filled.view(), &mut rng);
    means
        .slice_mut(s![.., ..n_known])
        .assign(&whole.slice(s![.., ..n_known]));
    let labels: Vec<u8> = chosen
        .iter()
        .map(|b| digits.test.labels().as_slice()[*b])
        .collect();
    ctx.measure(&INPAINTED, judge.judge(means.view()).accuracy(&labels))?;
    let shown = s![..20, ..];
    let rows = concatenate![
        Along(0),
        whole.slice(shown),
        hidden.slice(shown),
        means.slice(shown)
    ];
    let caption = format!(
        "Test digits, what was known of them, and the probabilities of their other pixels after {n_sweeps} Gibbs sweeps with the known ones clamped; CD-25."
    );
    judge.grid(ctx, "inpainting", &caption, rows.view(), 20)
}

fn show_filters(ctx: &mut Context, machine: &BinaryRbm) -> Result<()> {
    let weights = machine.weights().mapv(f64::from);
    let filters = weights.t().slice(s![..N_SHOWN, ..]).to_owned();
    let largest = filters.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
    let grid =
        ImageGrid::new(filters.view(), 28, 28)
            .columns(20)
            .colours(ColourMap::Diverging, -largest, largest);
    ctx.images(
        "filters",
        "Weights of the first hundred hidden units; blue inhibits, orange excites; CD-25.",
        &grid,
    )
}

fn show_curves(ctx: &mut Context, curves: &[Curve]) -> Result<()> {
    let mut table = Table::new([
        "machine",
        "epoch",
        "reconstruction_or_mean_difference",
        "free_energy_gap",
        "standard_error",
        "pseudo_log_likelihood",
    ]);
    let mut plot = Plot::new(
        "Overfitting monitor: free energy of held-out minus training digits",
        Axis::linear("epoch"),
        Axis::linear("free-energy gap (nats)"),
    );
    for curve in curves {
        for point in &curve.points {
            table.row([
                curve.name.into(),
                (point.epoch as i64).into(),
                point.loss.into(),
                point.gap.into(),
                point.gap_error.into(),
                point.pseudo.into(),
            ])?;
        }
        let points = &curve.points;
        plot = plot
            .line(curve.name, points.iter().map(|p| (p.epoch as f64, p.gap)))
            .band(
                points
                    .iter()
                    .map(|p| (p.epoch as f64, p.gap - p.gap_error, p.gap + p.gap_error)),
            );
    }
    let mut pseudo = Plot::new(
        "Pseudo-log-likelihood of held-out digits",
        Axis::linear("epoch"),
        Axis::linear("mean pseudo-log-likelihood (nats a digit)"),
    );
    for curve in curves {
        pseudo = pseudo.line(
            curve.name,
            curve.points.iter().map(|p| (p.epoch as f64, p.pseudo)),
        );
    }
    ctx.plot(
        "pseudo-likelihood",
        "Every pixel given all others (Besag 1975): a monitor that needs no partition function.",
        &pseudo,
    )?;
    ctx.table("training", "Monitors of training, an epoch a row.", &table)?;
    ctx.plot(
        "free-energy-gap",
        "The band is one standard error. A gap that grows is overfitting (Hinton 2012, section 6).",
        &plot,
    )
}

/// A folder below the checkpoints of this experiment.
fn checkpoints(ctx: &Context, name: &str) -> Result<std::path::PathBuf> {
    let folder = ctx.checkpoint_dir()?;
    Ok(Path::new(&folder).join(name))
}
