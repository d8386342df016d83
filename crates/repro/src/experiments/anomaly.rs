//! Anomalies are told by ratios, and ratios need no partition function.
//!
//! `log p(x) = −F(x) − log Z`, so the free energy of a machine orders pictures as their probability does, whatever `Z` is. A machine that learnt digits is asked
//! which of two pictures is the stranger: a test digit, or a picture of clothes, or noise. The area under the receiver operating characteristic is the probability that it is
//! right, ½ for a guess.
//!
//! Two kinds of noise. **White** pixels are fair coins. **Matched** pixels are independent with the very means that the test digits have, so that an energy that is linear
//! in the pixels cannot tell them from digits on average: it has the same mean on both. Whoever can has learnt more than how often a pixel is on.
//!
//! A second energy is a network that learnt by denoising score matching, which never sees an energy but only its slope: that fixes the energy up to a constant, and ratios need no constant. There is a trap. The slope is learnt where noisy
//! digits are, and far from them nothing holds the energy. So its form must, and pictures are shown to it under the noise that it knows.

mod claims;
mod neural;

use gibbsian_classical::{Bernoulli, BinaryRbm, FusedContrastiveDivergence, FusedOptions, Rbm};
use gibbsian_core::{Dataset, Energy, Streams};
use gibbsian_data::{LastBatch, Minibatches, Mnist, StochasticBinarised, load_fashion};
use gibbsian_metrics::{Auroc, auroc};
use gibbsian_train::{Linear, Trainer};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;

use self::claims::{BLIND, CLOTHES, GAIN, MATCHED, NEURAL_CLOTHES, NEURAL_MATCHED, NEURAL_WHITE, WHITE};
use self::neural::Denoiser;
use crate::statistics::{base_rate, mean_and_error};
use crate::{Axis, Context, Experiment, Plot, Result, Table, measured};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "anomaly",
    title: "Strange pictures, without a partition function",
    question: "Can a model tell that a picture is strange when nobody knows its normaliser?",
    mathematics: r"Ratios of probabilities need no $Z$: with the free energy $F$,
        $$\log \frac{p(x)}{p(x')} = F(x') - F(x) , \qquad F(v) = -b^\top v - \sum_j \log \left( 1 + e^{c_j + (W^\top v)_j} \right) .$$
        Pictures are ordered by $F$, and the area under the receiver operating characteristic is the probability that the strange one of a pair has the higher energy, $P \left( F(x_{\text{strange}}) > F(x_{\text{digit}}) \right)$, with ties counted half. The second energy learns its slope by removing noise $\sigma$, with a network $h$:
        $$E(x) = \frac{\lVert x - h(x) \rVert^2}{2 \sigma^2} + \frac{\lVert x - \frac{1}{2} \rVert^2}{2 w^2} .$$",
    shows: "The free energy of a machine that learnt handwritten digits tells digits from clothes and from noise, and so does the energy of a network that learnt to remove noise.\
            \n\nBinary pixels, tossed once from the grey ones; 2,000 pictures of each kind. Beside them stand independent pixels with the digits' base rates, whose \
            energy is linear. Digits: Y. LeCun and C. Cortes; clothes: H. Xiao, K. Rasul and R. Vollgraf, © Zalando SE.",
    source: "Hinton (2002) for the machine; Saremi, Mehrjou, Schölkopf and Hyvärinen (2018) for the network; Mann and Whitney (1947); DeLong, DeLong and Clarke-Pearson (1988) for the interval",
    budget_seconds: 10,
    claims: &[
        CLOTHES,
        MATCHED,
        WHITE,
        BLIND,
        GAIN,
        NEURAL_CLOTHES,
        NEURAL_MATCHED,
        NEURAL_WHITE,
    ],
    run,
};

/// Pictures of each kind.
const N_CASES: usize = 2_000;
const LEVEL: f64 = 0.95;
const BATCH: usize = 100;

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "reading pictures");
    let digits = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist"))?;
    let clothes = load_fashion(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/fashion"))?;
    let cases: Vec<usize> = (0..N_CASES).collect();
    let test = digits.test.images().select(&cases)?;
    let tossed = |name: &str, images: &gibbsian_data::Images| {
        let key = ctx.seed().child("toss").child(name).value();
        StochasticBinarised::new(images.clone()).rows(&cases, Streams::from_key(key))
    };
    let ordinary = tossed("digits", &test);
    let means = Array1::from_shape_fn(test.dim(), |i| {
        (0..N_CASES).map(|b| f64::from(test.pixels(b)[i])).sum::<f64>() / (255.0 * N_CASES as f64)
    });
    let mut rng = ctx.seed().child("noise").rng();
    let mut noise = |p: &dyn Fn(usize) -> f64| {
        Array2::from_shape_fn((N_CASES, test.dim()), |(_, i)| {
            f64::from(rng.random::<f64>() < p(i))
        })
    };
    let strange = [
        ("clothes", tossed("clothes", clothes.images())),
        ("matched noise", noise(&|i| means[i])),
        ("white noise", noise(&|_| 0.5)),
    ];

    ctx.progress(1, 4, "training the machine");
    let n_train = ctx.pick(20_000, digits.train.images().n());
    let train = digits.train.images().select(&(0..n_train).collect::<Vec<_>>())?;
    let base = base_rate(&train)?;
    let machine = fit(ctx, train.clone(), &base)?;
    ctx.progress(2, 4, "training the network");
    let network = Denoiser::train(ctx, train)?;

    ctx.progress(3, 4, "judging");
    let seed = ctx.seed().child("noise of the network");
    let judges: [Judge; 3] = [
        ("free energy", &|_, x| machine.energy(x)),
        ("network", &|kind, x| {
            network.energy_under_noise(x, seed.child(kind))
        }),
        ("independent pixels", &|_, x| linear_energy(&base, x)),
    ];
    let (areas, table, plot) = compare(&judges, &ordinary, &strange)?;
    let claims = [
        (&CLOTHES, &NEURAL_CLOTHES),
        (&MATCHED, &NEURAL_MATCHED),
        (&WHITE, &NEURAL_WHITE),
    ];
    for ((of_machine, of_network), areas) in claims.into_iter().zip(&areas) {
        ctx.measure(of_machine, areas[0].lower)?;
        ctx.measure(of_network, areas[1].lower)?;
    }

    // The means are those of the grey pixels; both sides are tosses of them.
    let weights = linear_energy(&base, strange[1].1.view());
    let again = linear_energy(&base, tossed_again(ctx, &test, &cases).view());
    let (noisy, noisy_error) = mean_and_error(weights.iter().copied());
    let (usual, usual_error) = tossing_mean(&base, again.view(), &test);
    ctx.measure(
        &BLIND,
        measured(noisy - usual).with_error(noisy_error.hypot(usual_error)),
    )?;
    let (machine, linear) = (areas[0][0], areas[0][2]);
    let error = machine.standard_error.hypot(linear.standard_error);
    ctx.measure(&GAIN, (machine.area - linear.area) / error)?;
    let said =
        |a: &Auroc, (name, _): &Judge| format!("{:.4} [{:.4}, {:.4}] by {name}", a.area, a.lower, a.upper);
    let said: Vec<String> = areas[0]
        .iter()
        .zip(&judges)
        .map(|(a, judge)| said(a, judge))
        .collect();
    ctx.note(format!("Clothes: area {}.", said.join(", ")));
    ctx.table(
        "areas",
        "Areas under the ROC with DeLong's 95 % interval.",
        &table,
    )?;
    ctx.plot("roc", "Digits against each kind of strange picture.", &plot)
}

/// An energy by name, of pictures of a kind.
type Judge<'a> = (&'a str, &'a dyn Fn(&str, ArrayView2<f64>) -> Array1<f64>);

/// The area of every energy for every kind of strange picture, as a table too and as curves.
fn compare(
    judges: &[Judge],
    ordinary: &Array2<f64>,
    strange: &[(&str, Array2<f64>)],
) -> Result<(Vec<Vec<Auroc>>, Table, Plot)> {
    let mut table = Table::new(["energy", "pictures", "area", "lower", "upper", "standard_error"]);
    let mut plot = Plot::new(
        "How many strange pictures are found, at how many false alarms",
        Axis::linear("share of digits above the threshold"),
        Axis::linear("share of strange pictures above it"),
    );
    let mut areas = vec![Vec::new(); strange.len()];
    for (judge, energies) in judges {
        let usual = energies("digits", ordinary.view());
        for ((kind, pictures), areas) in strange.iter().zip(&mut areas) {
            let scores = energies(kind, pictures.view());
            let found = auroc(usual.view(), scores.view(), LEVEL)?;
            let (label, points) = (format!("{kind}, {judge}"), curve(usual.view(), scores.view()));
            plot = match *judge {
                "independent pixels" => plot.dashed(label, points),
                _ => plot.line(label, points),
            };
            table.row([
                (*judge).into(),
                (*kind).into(),
                found.area.into(),
                found.lower.into(),
                found.upper.into(),
                found.standard_error.into(),
            ])?;
            areas.push(found);
        }
    }
    Ok((areas, table, plot))
}

/// The digits tossed once more.
fn tossed_again(ctx: &Context, images: &gibbsian_data::Images, cases: &[usize]) -> Array2<f64> {
    let key = ctx.seed().child("toss").child("again").value();
    StochasticBinarised::new(images.clone()).rows(cases, Streams::from_key(key))
}

/// The mean energy of tossed digits, and the error of the tossing alone: the grey pixels are those that the noise was matched to, and no source of error.
fn tossing_mean(base: &Bernoulli, energies: ArrayView1<f64>, images: &gibbsian_data::Images) -> (f64, f64) {
    let n = energies.len() as f64;
    let bias = base.bias();
    let mut variance = 0.0;
    for b in 0..images.n() {
        for (pixel, bias) in images.pixels(b).iter().zip(bias) {
            let p = f64::from(*pixel) / 255.0;
            variance += p * (1.0 - p) * bias * bias;
        }
    }
    (energies.sum() / n, variance.sqrt() / n)
}

fn linear_energy(base: &Bernoulli, x: ArrayView2<f64>) -> Array1<f64> {
    -x.dot(&base.bias())
}

/// A machine trained by contrastive divergence on fresh tosses.
fn fit(ctx: &Context, train: gibbsian_data::Images, base: &Bernoulli) -> Result<BinaryRbm> {
    let seed = ctx.seed().child("machine");
    let hidden = Bernoulli::unbiased(ctx.pick(128, 500));
    let mut machine = BinaryRbm::from(&Rbm::random(base.clone(), hidden, 0.01, seed)?);
    let mut step = FusedContrastiveDivergence::new(FusedOptions::default())?;
    let n = train.n();
    let n_epochs = ctx.pick(3, 30);
    let n_steps = n_epochs * n.div_ceil(BATCH) as u64;
    let mut order = Minibatches::new(n, BATCH, LastBatch::Keep, seed.child("order"))?;
    let trainer = Trainer::new(n_epochs, Linear::new(0.1, 0.001, n_steps)?, seed)?;
    let data = StochasticBinarised::new(train);
    trainer.fit(&mut machine, &mut step, &data, &mut order, &mut ())?;
    Ok(machine)
}

/// The receiver operating characteristic, at two hundred thresholds.
fn curve(ordinary: ArrayView1<f64>, strange: ArrayView1<f64>) -> Vec<(f64, f64)> {
    const N_POINTS: usize = 200;
    let mut sorted = ordinary.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let share_above = |scores: ArrayView1<f64>, threshold: f64| {
        scores.iter().filter(|s| **s > threshold).count() as f64 / scores.len() as f64
    };
    let mut points = vec![(0.0, share_above(strange, f64::INFINITY))];
    points.extend((0..=N_POINTS).map(|k| {
        let threshold = sorted[(k * (sorted.len() - 1)) / N_POINTS];
        (share_above(ordinary, threshold), share_above(strange, threshold))
    }));
    points.push((1.0, 1.0));
    points
}
