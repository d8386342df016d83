//! Anomalies are told by ratios, and ratios need no partition function.
//!
//! `log p(x) = −F(x) − log Z`, so the free energy of a machine orders pictures as their probability does, whatever `Z` is. A machine that learnt digits is asked
//! which of two pictures is the stranger: a test digit, or a picture of clothes, or noise. The area under the receiver operating characteristic is the probability that it is
//! right, ½ for a guess.
//!
//! Two kinds of noise. **White** pixels are fair coins. **Matched** pixels are independent with the very means that the test digits have, so that an energy that is linear
//! in the pixels cannot tell them from digits on average: it has the same mean on both. Whoever can has learnt more than how often a pixel is on.

use gibbsian_classical::{Bernoulli, BinaryRbm, FusedContrastiveDivergence, FusedSettings, Rbm};
use gibbsian_core::{Dataset, Energy, Streams};
use gibbsian_data::{LastBatch, Minibatches, Mnist, StochasticBinarised, load_fashion};
use gibbsian_metrics::{Auroc, auroc};
use gibbsian_train::{Linear, Trainer};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;

use crate::statistics::{base_rate, mean_and_error};
use crate::{Axis, Check, Claim, Context, Experiment, Plot, Provenance, Result, Table, measured};

const CLOTHES: Claim = Claim {
    claim: "clothes are stranger than digits to a machine of digits: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; ½ is a guess",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.9)),
    full: Check::at_least(0.95),
    reason: "nine of ten pairs in order: far from a guess, and a machine trained for seconds need not be perfect",
};

const MATCHED: Claim = Claim {
    claim: "so are independent pixels with the means of the test digits: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; no energy that is linear in the pixels can tell them on average",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.97)),
    full: Check::at_least(0.99),
    reason: "strokes are what hidden units see first",
};

const WHITE: Claim = Claim {
    claim: "so are fair coins: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; digits have an eighth of their pixels on, coins half",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.99)),
    full: Check::at_least(0.99),
    reason: "perfect order of two thousand pairs has the lower end 0.998",
};

const BLIND: Claim = Claim {
    claim: "independent pixels are blind to matched noise: the mean of their energy on it minus that on the digits (nats)",
    source: "the mean of −b·x depends on the means of x alone",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five standard errors of the difference, digits being tossed once more for it",
};

const GAIN: Claim = Claim {
    claim: "the machine tells clothes better than independent pixels do: difference of the areas, in standard errors that add up as if the areas were independent",
    source: "set before the run",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(4.0)),
    full: Check::at_least(4.0),
    reason: "four standard errors; areas from the same pictures are positively correlated, which makes this conservative",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "anomaly",
    title: "Strange pictures, without a partition function",
    shows: "The free energy of a machine that learnt handwritten digits tells digits from clothes and from noise.\
            \n\nBinary pixels, tossed once from the grey ones; 2,000 pictures of each kind. Beside the machine stand independent pixels with the digits' base rates, whose \
            energy is linear. Digits: Y. LeCun and C. Cortes; clothes: H. Xiao, K. Rasul and R. Vollgraf, © Zalando SE.",
    source: "Hinton (2002) for the machine; Mann and Whitney (1947); DeLong, DeLong and Clarke-Pearson (1988) for the interval",
    budget_seconds: 10,
    claims: &[CLOTHES, MATCHED, WHITE, BLIND, GAIN],
    run,
};

/// Pictures of each kind.
const N_CASES: usize = 2_000;
const LEVEL: f64 = 0.95;
const BATCH: usize = 100;

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 3, "reading pictures");
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

    ctx.progress(1, 3, "training");
    let n_train = ctx.pick(20_000, digits.train.images().n());
    let train = digits.train.images().select(&(0..n_train).collect::<Vec<_>>())?;
    let base = base_rate(&train)?;
    let machine = fit(ctx, train, &base)?;

    ctx.progress(2, 3, "judging");
    let mut table = Table::new(["energy", "pictures", "area", "lower", "upper", "standard_error"]);
    let mut plot = Plot::new(
        "How many strange pictures are found, at how many false alarms",
        Axis::linear("share of digits above the threshold"),
        Axis::linear("share of strange pictures above it"),
    );
    let usual = machine.energy(ordinary.view());
    let usual_linear = linear_energy(&base, ordinary.view());
    let mut areas: Vec<[Auroc; 2]> = Vec::new();
    for (name, pictures) in &strange {
        let scores = machine.energy(pictures.view());
        let found = auroc(usual.view(), scores.view(), LEVEL)?;
        plot = plot.line(*name, curve(usual.view(), scores.view()));
        let scores = linear_energy(&base, pictures.view());
        let linear = auroc(usual_linear.view(), scores.view(), LEVEL)?;
        plot = plot.dashed(
            format!("{name}, independent pixels"),
            curve(usual_linear.view(), scores.view()),
        );
        for (energy, area) in [("free energy", found), ("independent pixels", linear)] {
            table.row([
                energy.into(),
                (*name).into(),
                area.area.into(),
                area.lower.into(),
                area.upper.into(),
                area.standard_error.into(),
            ])?;
        }
        areas.push([found, linear]);
    }
    for (claim, [found, _]) in [&CLOTHES, &MATCHED, &WHITE].into_iter().zip(&areas) {
        ctx.measure(claim, found.lower)?;
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
    let [machine, linear] = areas[0];
    let error = machine.standard_error.hypot(linear.standard_error);
    ctx.measure(&GAIN, (machine.area - linear.area) / error)?;
    ctx.note(format!(
        "Clothes: area {:.4} [{:.4}, {:.4}] by the free energy, {:.4} [{:.4}, {:.4}] by independent pixels.",
        machine.area, machine.lower, machine.upper, linear.area, linear.lower, linear.upper
    ));
    ctx.table(
        "areas",
        "Areas under the ROC with DeLong's 95 % interval.",
        &table,
    )?;
    ctx.plot("roc", "Digits against each kind of strange picture.", &plot)
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
    let mut step = FusedContrastiveDivergence::new(FusedSettings::default())?;
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
