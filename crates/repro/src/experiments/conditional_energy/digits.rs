//! Softmax regression and the class machine on pictures of digits.

use gibbsian_classical::{Bernoulli, ClassRbm, ConditionalLikelihood, LinearChainCrf, SequenceLikelihood};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Dataset, Energy, Parametric, Streams};
use gibbsian_data::{LabelledImages, Means, Mnist};
use gibbsian_train::Decay;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use super::{CLASS_ACCURACY, CLASS_EXACT, CLASS_GAIN, SOFTMAX, Training, report};
use crate::statistics::{larger, mean_and_error};
use crate::{Context, Result, Table, measured};

const N_CLASSES: usize = 10;
const BATCH: usize = 20;
const RATE: f64 = 0.1;
/// Pictures on which conditional densities are compared.
const N_COMPARED: usize = 200;

pub(super) fn run(ctx: &mut Context, table: &mut Table) -> Result<()> {
    ctx.progress(0, 4, "reading the digits");
    let mnist = Mnist::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist"))?;
    let n_train = ctx.pick(5_000, mnist.train.images().n());
    let train = mnist.train.select(&(0..n_train).collect::<Vec<_>>())?;
    let (x_train, y_train) = rows(&train);
    let (x_test, y_test) = rows(&mnist.test);

    ctx.progress(1, 4, "softmax regression");
    let labels = Array2::from_shape_fn((n_train, 1), |(b, _)| y_train[b] as f64);
    let cases = concatenate![Axis(1), x_train, labels];
    let mut softmax = LinearChainCrf::uniform(x_train.ncols(), N_CLASSES)?;
    let training = Training {
        n_epochs: ctx.pick(4, 20),
        batch: BATCH,
        rate: RATE,
        decay: Decay {
            l2: 1e-4,
            ..Decay::NONE
        },
        seed: ctx.seed().child("softmax"),
    };
    training.run(&mut softmax, SequenceLikelihood::new(1)?, &cases)?;
    // Transitions have no data in sequences of one letter.
    let scores = x_test.dot(&weights(&softmax)) + bias(&softmax);
    let found = from_energies(&softmax, x_test.slice(s![..N_COMPARED, ..]))?;
    let mut worst = 0.0;
    for (row, found) in scores.rows().into_iter().zip(found.rows()) {
        let log_total = log_sum_exp(&row.to_vec());
        for (score, found) in row.iter().zip(found) {
            worst = larger(worst, (score - log_total - found).abs());
        }
    }
    ctx.measure(&SOFTMAX, worst)?;
    let by_softmax: Vec<bool> = (0..y_test.len())
        .map(|b| (0..N_CLASSES).all(|c| scores[[b, c]] <= scores[[b, y_test[b]]]))
        .collect();

    ctx.progress(2, 4, "the class machine");
    let seed = ctx.seed().child("class");
    let hidden = Bernoulli::unbiased(ctx.pick(100, 500));
    let mut machine = ClassRbm::with_classes(
        Bernoulli::unbiased(x_train.ncols()),
        N_CLASSES,
        hidden,
        0.05,
        seed,
    )?;
    let cases = machine.labelled(x_train.view(), &y_train)?;
    let training = Training {
        n_epochs: ctx.pick(8, 50),
        batch: BATCH,
        rate: 2.0 * RATE,
        decay: Decay::NONE,
        seed,
    };
    training.run(&mut machine, ConditionalLikelihood, &cases)?;

    ctx.progress(3, 4, "judging");
    let compared = x_test.slice(s![..N_COMPARED, ..]);
    let (worst, scale) = against_free_energies(&machine, compared)?;
    ctx.measure(&CLASS_EXACT, measured(worst).with_scale(scale))?;
    let classes = machine.classify(x_test.view())?;
    let by_machine: Vec<bool> = classes.iter().zip(&y_test).map(|(c, y)| c == y).collect();

    report(table, "softmax regression", "MNIST", "pictures", &by_softmax)?;
    let share = report(table, "class machine", "MNIST", "pictures", &by_machine)?;
    ctx.measure(&CLASS_ACCURACY, share.lower)?;
    let differences = by_machine
        .iter()
        .zip(&by_softmax)
        .map(|(a, b)| f64::from(*a) - f64::from(*b));
    let (gain, error) = mean_and_error(differences);
    ctx.measure(&CLASS_GAIN, gain / error)?;
    ctx.note(format!(
        "Trained on {n_train} pictures, the class machine is right on {share} of the test pictures, {:.1} percentage points more than softmax regression.",
        100.0 * gain
    ));
    Ok(())
}

/// Grey values and labels.
fn rows(images: &LabelledImages) -> (Array2<f64>, Vec<usize>) {
    let all: Vec<usize> = (0..images.images().n()).collect();
    let x = Means::new(images.images().clone()).rows(&all, Streams::from_key(0));
    let y = images
        .labels()
        .as_slice()
        .iter()
        .map(|y| usize::from(*y))
        .collect();
    (x, y)
}

/// The first tensors of a chain's parameters.
fn weights(chain: &LinearChainCrf) -> Array2<f64> {
    let n = chain.n_features() * N_CLASSES;
    let flat = chain.params().slice(s![..n]).to_owned();
    flat.into_shape_with_order((chain.n_features(), N_CLASSES))
        .expect("as many numbers as weights")
}

fn bias(chain: &LinearChainCrf) -> ndarray::Array1<f64> {
    let n = chain.n_features() * N_CLASSES;
    chain.params().slice(s![n..n + N_CLASSES]).to_owned()
}

/// `log p(y | x)` by the energies of all labels.
fn from_energies(chain: &LinearChainCrf, x: ArrayView2<f64>) -> Result<Array2<f64>> {
    let mut log_p = Array2::zeros((x.nrows(), N_CLASSES));
    for (b, picture) in x.axis_chunks_iter(Axis(0), 1).enumerate() {
        for c in 0..N_CLASSES {
            log_p[[b, c]] = -chain.energy(picture, &[c])?;
        }
        let log_total = log_sum_exp(&log_p.row(b).to_vec());
        log_p.row_mut(b).mapv_inplace(|l| l - log_total);
    }
    Ok(log_p)
}

/// The largest difference of the machine's `log p(y | x)` from that of its free energies, and the largest free energy.
fn against_free_energies(machine: &ClassRbm, x: ArrayView2<f64>) -> Result<(f64, f64)> {
    let found = machine.log_class_probabilities(x)?;
    let mut log_p = Array2::zeros((x.nrows(), N_CLASSES));
    for c in 0..N_CLASSES {
        let cases = machine.labelled(x, &vec![c; x.nrows()])?;
        log_p.column_mut(c).assign(&-machine.energy(cases.view()));
    }
    let scale = log_p.iter().fold(0.0, |scale, l: &f64| larger(scale, l.abs()));
    let mut worst = 0.0;
    for (row, found) in log_p.rows().into_iter().zip(found.rows()) {
        let log_total = log_sum_exp(&row.to_vec());
        for (l, found) in row.iter().zip(found) {
            worst = larger(worst, (l - log_total - found).abs());
        }
    }
    Ok((worst, scale))
}
