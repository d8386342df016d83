//! Deep Boltzmann machines on the digits of MNIST: pretraining, mean field with persistent chains, fantasies, and the likelihood by a bound.
//!
//! A machine of two hidden layers is pretrained greedily, each restricted machine with copies of its layers in place of the neighbours that are missing, and then
//! learns as a whole: mean field in the positive phase, Gibbs chains that are kept in the negative one (Salakhutdinov and Hinton 2009). Its partition function is
//! estimated by annealing with every other layer summed out, `log p(v)` bounded from below by mean field, and the gap of that bound measured by annealing from the mean-field
//! distribution to the posterior of single cases. Beside it stand the same machine without pretraining, a restricted machine and a deep belief network.
//!
//! **Small and full scale.** The small run has 784-100-100 units and 10,000 training digits, the full one 784-500-1000 and 784-500-500-1000 units and all 60,000.
//!
//! **Binarisation.** Pixels are the probabilities of their units: training pictures are tossed afresh at every visit, test pictures once, from a fixed
//! seed. Published numbers were obtained on another toss of the same pictures. Annealing is optimistic: `E log Ẑ ≤ log Z`, so bounds that use it are too high
//! in expectation, by about half the variance of a log-weight; claims take the larger of it and of annealing back from chains
//! that started at digits, and none holds where the two do not meet.

mod claims;
mod dreams;
mod evaluation;
mod training;

use gibbsian_classical::dbm::BinaryDbm;
use gibbsian_classical::dbm::discriminative::FeedForward;
use gibbsian_classical::{Bernoulli, BinaryRbm, Dbm, Dbn};
use gibbsian_core::math::softplus;
use gibbsian_core::{Dataset, Streams};
use gibbsian_data::{Mnist, StochasticBinarised};
use ndarray::{ArrayView2, s};

use self::claims::{
    CENTRED, CLASSES, CLASSIFIER, COMMITTED, COMMITTED_RECOGNISED, HALVES, LEARNT, LONGER, PRETRAINING,
    PUBLISHED_ERROR, RECOGNISED, THREE_LAYERS, TIGHT, TWO_LAYERS,
};
use self::dreams::Dream;
use self::evaluation::Bound;
use self::training::{Gradient, Rates};
use crate::fantasies::{JUDGE, NO_COPIES};
use crate::statistics::base_rate;
use crate::{ColourMap, Context, Experiment, ImageGrid, Result, Scale, Table, measured, models};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "dbm-mnist",
    title: "Deep Boltzmann machines of handwritten digits",
    question: "What does depth add to a Boltzmann machine of digits, and how near is its bound to its likelihood?",
    mathematics: r"A deep Boltzmann machine of two hidden layers, and the bound that a factorised $q(h \mid v)$ puts on its log-probability:
        $$E = -v^\top W_1 h_1 - h_1^\top W_2 h_2 - b^\top v - c_1^\top h_1 - c_2^\top h_2 ,$$
        $$\log p(v) \ge \mathbb{E}_q \left[ -E(v, h) \right] + H(q) - \log Z , \qquad \text{gap} = \operatorname{KL} \left( q(h \mid v) \,\|\, p(h \mid v) \right) .$$
        Mean field makes the bound as large as it can, with $\sigma(a) = 1 / (1 + e^{-a})$:
        $$q_1 = \sigma \left( W_1^\top v + W_2 q_2 + c_1 \right) , \qquad q_2 = \sigma \left( W_2^\top q_1 + c_2 \right) .$$
        Learning follows $\langle v h_1^\top \rangle_{q} - \langle v h_1^\top \rangle_{\text{model}}$ for $W_1$, and likewise above, with chains that persist for the second mean.",
    shows: "Greedy pretraining with copies for the missing neighbours, then mean field and persistent Gibbs chains for all layers at once.\
            \n\nThe bound on the test log-probability with and without pretraining, how tight it is, the error of classifiers that start as the machines, fantasies, and \
            the filters of the second layer; a restricted machine and a deep belief network beside them.",
    source: "Salakhutdinov and Hinton (2009); Salakhutdinov and Murray (2008); Hinton, Osindero and Teh (2006); Montavon and Müller (2012)",
    budget_seconds: 60,
    claims: &[
        PRETRAINING,
        CLASSIFIER,
        PUBLISHED_ERROR,
        LEARNT,
        HALVES,
        TIGHT,
        COMMITTED,
        TWO_LAYERS,
        THREE_LAYERS,
        LONGER,
        CENTRED,
        JUDGE,
        RECOGNISED,
        CLASSES,
        NO_COPIES,
        COMMITTED_RECOGNISED,
    ],
    run,
};

/// Units whose filters are shown.
const N_SHOWN: usize = 100;

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 1, "reading the digits");
    let digits = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist"))?;
    let known = digits
        .train
        .select(&(0..ctx.pick(10_000, 60_000)).collect::<Vec<_>>())?;
    let train = StochasticBinarised::new(known.images().clone());
    let test = StochasticBinarised::new(digits.test.images().clone());
    let all: Vec<usize> = (0..test.n_points()).collect();
    let test_rows = test.rows(&all, Streams::from_key(ctx.seed().child("test toss").value()));
    let base = base_rate(known.images())?;
    let base_rate = base_log_probability(&base, test_rows.view());

    let sizes = ctx.pick([784, 100, 100], [784, 500, 1000]);
    // Without momentum and decay the whole has states off the data that hold annealing up. Hinton (2012, sections 9 and 10) has values of this size.
    let greedy = Rates {
        n_epochs: ctx.pick(4, 100),
        first: 0.05,
        last: 0.005,
        momentum: 0.9,
        weight_decay: 0.001,
    };
    let together = Rates {
        n_epochs: ctx.pick(8, 200),
        first: ctx.pick(0.002, 0.001),
        last: ctx.pick(0.0002, 0.0001),
        momentum: 0.9,
        weight_decay: 0.0002,
    };
    let start = training::pretrained(ctx, "pretraining", &sizes, greedy, &train, &base)?;
    let machine = training::learn(ctx, "pretrained", &start, Gradient::Plain, together, &train)?;
    let plain = Rates {
        // The passes that pretraining took are given to the other machine.
        n_epochs: together.n_epochs + 2 * greedy.n_epochs,
        ..together
    };
    let start = training::random(ctx, &sizes, &base)?;
    let unprepared = training::learn(ctx, "without pretraining", &start, Gradient::Plain, plain, &train)?;

    let bound = Bound::of(ctx, "pretrained", &machine, test_rows.view())?;
    let without = Bound::of(ctx, "without pretraining", &unprepared, test_rows.view())?;
    ctx.measure(&PRETRAINING, bound.cautious_mean() - without.cautious_mean())?;
    ctx.measure(&LEARNT, bound.cautious_mean() - base_rate)?;
    ctx.note(format!(
        "Bound on the test log-probability: with pretraining {}, without {}; independent pixels {base_rate:.2}.",
        bound.text(),
        without.text()
    ));
    let other = bound.other_half(ctx, "pretrained", &machine)?;
    ctx.measure(
        &HALVES,
        measured(other.value - bound.log_z.value).with_error(other.error.hypot(bound.log_z.error)),
    )?;
    let (gap, error) = evaluation::tightness(ctx, &machine, &bound, test_rows.view(), ctx.pick(20, 100))?;
    ctx.measure(&TIGHT, measured(gap).with_error(error))?;

    remeasure(ctx, &base, test_rows.view())?;

    let network = training::network(ctx, &sizes, &train, &base)?;
    let errors = classify(
        ctx,
        &machine,
        &unprepared,
        &network,
        &known,
        &digits,
        test_rows.view(),
    )?;
    if ctx.scale() == Scale::Full {
        ctx.measure(&PUBLISHED_ERROR, errors[0])?;
    }
    let log_p = evaluation::restricted(ctx, &BinaryRbm::from(network.bottom()), &base, test_rows.view())?;
    let bound_of_network = evaluation::network(ctx, &network, test_rows.view())?;
    let dreams = dreams::dream(ctx, &machine, &unprepared, &network, &base, &digits)?;
    let names = [
        "deep machine, pretrained",
        "deep machine without pretraining",
        "deep belief network",
        "restricted machine, CD-1",
        "independent pixels",
    ];
    let values = [
        (bound.mean, "bound"),
        (without.mean, "bound"),
        (bound_of_network, "bound"),
        (log_p, "annealed"),
        (base_rate, "exact"),
    ];
    compare(ctx, names, values, errors, dreams)?;
    show_filters(ctx, &machine)?;
    if ctx.scale() == Scale::Full {
        ctx.measure(&TWO_LAYERS, bound.cautious_mean())?;
        together.keep(ctx, "dbm-mnist-500-1000", "pretrained", &machine)?;
        let sizes = [784, 500, 500, 1000];
        let start = training::pretrained(ctx, "pretraining-three", &sizes, greedy, &train, &base)?;
        let deeper = training::learn(ctx, "three layers", &start, Gradient::Plain, together, &train)?;
        let bound = Bound::of(ctx, "three layers", &deeper, test_rows.view())?;
        ctx.measure(&THREE_LAYERS, bound.cautious_mean())?;
        ctx.note(format!("Three hidden layers: {}.", bound.text()));

        // As many passes as the authors' program makes, over the same start.
        let longer = Rates {
            n_epochs: 500,
            ..together
        };
        let start = training::pretrained(ctx, "pretraining", &[784, 500, 1000], greedy, &train, &base)?;
        let machine = training::learn(ctx, "pretrained longer", &start, Gradient::Plain, longer, &train)?;
        let bound = Bound::of(ctx, "pretrained longer", &machine, test_rows.view())?;
        ctx.measure(&LONGER, bound.cautious_mean())?;
        ctx.note(format!("Five hundred passes: {}.", bound.text()));

        let pixels = known.images().means();
        let centred = Gradient::Centred {
            pixels: pixels.view(),
            rate: 0.01,
        };
        let start = training::random(ctx, &[784, 500, 1000], &base)?;
        let machine = training::learn(ctx, "centred", &start, centred, plain, &train)?;
        let bound = Bound::of(ctx, "centred", &machine, test_rows.view())?;
        ctx.measure(&CENTRED, bound.cautious_mean() - without.cautious_mean())?;
        ctx.note(format!(
            "Without pretraining, along the centred gradient: {}.",
            bound.text()
        ));
    }
    Ok(())
}

/// The machine that the full run trained.
fn committed(ctx: &Context, base: &Bernoulli) -> Result<BinaryDbm> {
    let mut machine = BinaryDbm::from(&training::random(ctx, &[784, 500, 1000], base)?);
    models::restore(&mut machine, "dbm-mnist-500-1000")?;
    Ok(machine)
}

/// Anneals the weights of the full run again.
fn remeasure(ctx: &mut Context, base: &Bernoulli, test: ArrayView2<f64>) -> Result<()> {
    let machine = committed(ctx, base)?;
    let trip = evaluation::again(ctx, &machine, test)?;
    ctx.measure(&COMMITTED, trip.log_z().unwrap_or(f64::NAN))?;
    ctx.note(format!("The weights of the full run: {trip}."));
    Ok(())
}

/// The mean of `Σ_i v_i b_i − softplus(b_i)`.
fn base_log_probability(base: &Bernoulli, v: ArrayView2<f64>) -> f64 {
    let log_z: f64 = base.bias().iter().map(|b| softplus(*b)).sum();
    v.dot(&base.bias()).mean().unwrap_or(f64::NAN) - log_z
}

/// Fine-tunes classifiers that start as the deep machine with and without pretraining, as the belief network, and as its bottom machine; returns their test errors.
fn classify(
    ctx: &mut Context,
    machine: &BinaryDbm,
    unprepared: &BinaryDbm,
    network: &Dbn,
    known: &gibbsian_data::LabelledImages,
    digits: &Mnist,
    test: ArrayView2<f64>,
) -> Result<[f64; 4]> {
    let train = StochasticBinarised::new(known.images().clone());
    let all: Vec<usize> = (0..train.n_points()).collect();
    let v = train.rows(&all, Streams::from_key(ctx.seed().child("labelled toss").value()));
    let rates = Rates {
        n_epochs: ctx.pick(3, 50),
        first: 0.05,
        last: 0.005,
        momentum: 0.9,
        weight_decay: 0.0,
    };
    let deep = |machine: &BinaryDbm| FeedForward::from_dbm(&Dbm::from(machine), 10);
    let bottom = Dbn::new(network.bottom().clone(), Vec::new())?;
    let mut errors = [0.0; 4];
    for (error, (name, start, means)) in errors.iter_mut().zip([
        ("classifier-pretrained", deep(machine)?, Some(machine)),
        ("classifier-without", deep(unprepared)?, Some(unprepared)),
        ("classifier-network", FeedForward::from_dbn(network, 10)?, None),
        ("classifier-restricted", FeedForward::from_dbn(&bottom, 10)?, None),
    ]) {
        let x = training::inputs(means, v.view())?;
        let net = training::classifier(ctx, name, start, rates, x.view(), known.labels().as_slice())?;
        let x = training::inputs(means, test)?;
        *error = net.error(x.view(), digits.test.labels().as_slice());
    }
    ctx.measure(&CLASSIFIER, errors[0] - errors[1])?;
    let [pretrained, without, network, bottom] = errors.map(|error| 100.0 * error);
    ctx.note(format!(
        "Test errors of classifiers: {pretrained:.2} % from the pretrained machine, {without:.2} % without pretraining, {network:.2} % from the belief network, {bottom:.2} % from its bottom machine."
    ));
    Ok(errors)
}

/// The table of models side by side; independent pixels have no classifier.
fn compare(
    ctx: &mut Context,
    names: [&str; 5],
    values: [(f64, &str); 5],
    errors: [f64; 4],
    dreams: [Dream; 5],
) -> Result<()> {
    let mut table = Table::new([
        "model",
        "test_log_probability",
        "kind",
        "classifier_error",
        "confidence_in_draws",
        "classes_of_draws",
    ]);
    for (k, (name, (value, kind))) in names.into_iter().zip(values).enumerate() {
        let error = errors.get(k).map_or("".into(), |e| (*e).into());
        let Dream {
            confidence,
            n_classes,
        } = dreams[k];
        table.row([
            name.into(),
            value.into(),
            kind.into(),
            error,
            confidence.into(),
            n_classes.into(),
        ])?;
    }
    ctx.table(
        "comparison",
        "Mean test log-probability in nats, or a lower bound of it up to the error of log Z; errors of fine-tuned classifiers; the judge's mean confidence in tossed draws over that in tossed test digits, and the digits that it sees in at least one per cent of them.",
        &table,
    )
}

/// Second-layer units, each as the first-layer filters that it adds up.
fn show_filters(ctx: &mut Context, machine: &BinaryDbm) -> Result<()> {
    for (name, caption, filters) in [
        (
            "filters-1",
            "Weights of the first hundred units of the first hidden layer; blue inhibits, orange excites.",
            machine.weights(1).mapv(f64::from),
        ),
        (
            "filters-2",
            "The first hundred units of the second hidden layer: first-layer filters added with the weights between the layers, W₁W₂.",
            machine
                .weights(1)
                .mapv(f64::from)
                .dot(&machine.weights(2).mapv(f64::from)),
        ),
    ] {
        let filters = filters.t().slice(s![..N_SHOWN, ..]).to_owned();
        let largest = filters.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
        let grid = ImageGrid::new(filters.view(), 28, 28).columns(20).colours(
            ColourMap::Diverging,
            -largest,
            largest,
        );
        ctx.images(name, caption, &grid)?;
    }
    Ok(())
}
