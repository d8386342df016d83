//! A chain that reads words of noisy digits.

use gibbsian_classical::{LinearChainCrf, SequenceLikelihood};
use gibbsian_core::Seed;
use gibbsian_core::math::log_sum_exp;
use gibbsian_data::{LabelledTable, hold_out};
use gibbsian_train::Decay;
use ndarray::{Array2, Array3, ArrayView2, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{CHAIN_GAIN, MARGINALS, Training, VITERBI, report};
use crate::statistics::{larger, mean_and_error};
use crate::{Context, ImageGrid, Result, Table, measured};

/// Letters of a word.
const LENGTH: usize = 6;
const N_CLASSES: usize = 10;
const DIM: usize = 64;
/// The deviation of the noise on pixels in `[0, 1]`.
const NOISE: f64 = 0.5;
/// Letters of the words whose labellings are all enumerated.
const N_ENUMERATED: usize = 4;
const N_SHOWN: usize = 8;

/// Words with their letters.
struct Words {
    /// `(N, LENGTH · DIM)`.
    pictures: Array2<f64>,
    labels: Vec<[usize; LENGTH]>,
}

pub(super) fn run(ctx: &mut Context, table: &mut Table) -> Result<()> {
    ctx.progress(0, 3, "making words");
    let digits = LabelledTable::digits(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/tables"))?;
    let split = hold_out(digits.labels().n(), 600, ctx.seed().child("split"))?;
    let words = |n: usize, pictures: &[usize], name: &str| {
        write(&digits, pictures, n, &mut ctx.seed().child(name).rng())
    };
    let train = words(ctx.pick(1_500, 20_000), &split.kept, "training words");
    let test = words(ctx.pick(1_000, 10_000), &split.held_out, "test words");

    ctx.progress(1, 3, "a chain and its letters");
    let chain = fit(&train, true, ctx.pick(8, 20), ctx.seed().child("chain"))?;
    let alone = fit(&train, false, ctx.pick(8, 20), ctx.seed().child("letters"))?;

    ctx.progress(2, 3, "reading");
    let mut worst = 0.0;
    for b in 0..3 {
        worst = larger(
            worst,
            against_enumeration(&chain, test.word(b).slice(s![..N_ENUMERATED, ..]))?,
        );
    }
    ctx.measure(&MARGINALS, worst)?;

    // Right letters by the marginals of either model, and right words by marginals and by the likeliest labelling.
    let (mut by_chain, mut by_letter) = (Vec::new(), Vec::new());
    let (mut by_marginals, mut by_viterbi) = (Vec::new(), Vec::new());
    for (b, labels) in test.labels.iter().enumerate() {
        let word = test.word(b);
        let right = |chain: &LinearChainCrf| -> Result<[bool; LENGTH]> {
            let marginals = chain.marginals(word)?.single;
            Ok(std::array::from_fn(|t| {
                (0..N_CLASSES).all(|c| marginals[[t, c]] <= marginals[[t, labels[t]]])
            }))
        };
        let letters = right(&chain)?;
        by_marginals.push(letters.iter().all(|r| *r));
        by_viterbi.push(chain.likeliest(word)?.0 == labels);
        by_chain.push(letters);
        by_letter.push(right(&alone)?);
    }
    let share = |right: &[bool; LENGTH]| right.iter().filter(|r| **r).count() as f64 / LENGTH as f64;
    let gains = by_chain.iter().zip(&by_letter).map(|(a, b)| share(a) - share(b));
    let (gain, error) = mean_and_error(gains);
    ctx.measure(&CHAIN_GAIN, gain / error)?;
    let differences = by_viterbi
        .iter()
        .zip(&by_marginals)
        .map(|(a, b)| f64::from(*a) - f64::from(*b));
    let (difference, error) = mean_and_error(differences);
    ctx.measure(&VITERBI, measured(difference).with_error(error))?;

    // Of every word one letter, since the letters of a word are not independent.
    let one = |right: &[[bool; LENGTH]]| -> Vec<bool> {
        right
            .iter()
            .enumerate()
            .map(|(b, right)| right[b % LENGTH])
            .collect()
    };
    let data = "words of noisy 8 × 8 digits";
    report(
        table,
        "softmax regression",
        data,
        "letters, one a word",
        &one(&by_letter),
    )?;
    let read = report(
        table,
        "chain, marginals",
        data,
        "letters, one a word",
        &one(&by_chain),
    )?;
    report(table, "chain, marginals", data, "words", &by_marginals)?;
    let whole = report(table, "chain, likeliest labelling", data, "words", &by_viterbi)?;
    ctx.note(format!(
        "The chain reads {read} of the letters, {:.1} % more than letter by letter, and {whole} of the words.",
        100.0 * gain
    ));
    let shown = test.pictures.slice(s![..N_SHOWN, ..]).to_owned();
    let letters = shown
        .into_shape_with_order((N_SHOWN * LENGTH, DIM))
        .expect("a picture a letter");
    let grid = ImageGrid::new(letters.view(), 8, 8).columns(LENGTH);
    ctx.images("words", "Test words as the chain sees them, a word a row.", &grid)
}

impl Words {
    /// The letters of word `b`, `(LENGTH, DIM)`.
    fn word(&self, b: usize) -> ArrayView2<'_, f64> {
        self.pictures
            .row(b)
            .into_shape_with_order((LENGTH, DIM))
            .expect("a picture a letter")
    }
}

/// Words by the law at the top of the experiment, in pictures from a part of the digits.
fn write(digits: &LabelledTable, pictures: &[usize], n: usize, rng: &mut dyn Rng) -> Words {
    let labels = digits.labels().as_slice();
    let of_class: Vec<Vec<usize>> = (0..N_CLASSES)
        .map(|c| {
            pictures
                .iter()
                .copied()
                .filter(|i| usize::from(labels[*i]) == c)
                .collect()
        })
        .collect();
    let mut words = Words {
        pictures: Array2::zeros((n, LENGTH * DIM)),
        labels: Vec::with_capacity(n),
    };
    for mut row in words.pictures.rows_mut() {
        let mut word = [rng.random_range(0..N_CLASSES); LENGTH];
        for t in 1..LENGTH {
            word[t] = match rng.random::<f64>() {
                u if u < 0.6 => (word[t - 1] + 1) % N_CLASSES,
                u if u < 0.9 => (word[t - 1] + 3) % N_CLASSES,
                _ => rng.random_range(0..N_CLASSES),
            };
        }
        for (t, &digit) in word.iter().enumerate() {
            let picture = of_class[digit][rng.random_range(0..of_class[digit].len())];
            for (d, pixel) in digits.features().row(picture).iter().enumerate() {
                row[t * DIM + d] = pixel / 16.0 + NOISE * rng.sample::<f64, _>(StandardNormal);
            }
        }
        words.labels.push(word);
    }
    words
}

/// The chain of these words, or, from the same letters one by one, the chain whose neighbours do not see one another.
fn fit(words: &Words, neighbours: bool, n_epochs: u64, seed: Seed) -> Result<LinearChainCrf> {
    let length = if neighbours { LENGTH } else { 1 };
    let n = words.labels.len() * LENGTH / length;
    let flat: Vec<usize> = words.labels.iter().flatten().copied().collect();
    let letters = words
        .pictures
        .to_shape((n, length * DIM))
        .expect("a picture a letter");
    let mut cases = Array2::zeros((n, length * (DIM + 1)));
    cases.slice_mut(s![.., ..length * DIM]).assign(&letters);
    for b in 0..n {
        for t in 0..length {
            cases[[b, length * DIM + t]] = flat[b * length + t] as f64;
        }
    }
    let mut chain = LinearChainCrf::uniform(DIM, N_CLASSES)?;
    // The loss is a mean over cases and a sum over the letters of one: as many letters a batch, and rates to go with them.
    let training = Training {
        n_epochs,
        batch: 60 / length,
        rate: 0.3 / length as f64,
        decay: Decay {
            l2: 1e-4,
            ..Decay::NONE
        },
        seed,
    };
    training.run(&mut chain, SequenceLikelihood::new(length)?, &cases)?;
    Ok(chain)
}

/// The largest difference of the marginals of a word from those by enumeration of all labellings.
fn against_enumeration(chain: &LinearChainCrf, word: ArrayView2<f64>) -> Result<f64> {
    let labellings: Vec<[usize; N_ENUMERATED]> = (0..N_CLASSES.pow(N_ENUMERATED as u32))
        .map(|number| std::array::from_fn(|t| number / N_CLASSES.pow(t as u32) % N_CLASSES))
        .collect();
    let log_weights: Vec<f64> = labellings
        .iter()
        .map(|y| Ok(-chain.energy(word, y)?))
        .collect::<Result<_>>()?;
    let log_z = log_sum_exp(&log_weights);
    let mut single = Array2::<f64>::zeros((N_ENUMERATED, N_CLASSES));
    let mut pairs = Array3::<f64>::zeros((N_ENUMERATED - 1, N_CLASSES, N_CLASSES));
    for (y, l) in labellings.iter().zip(&log_weights) {
        let p = (l - log_z).exp();
        for t in 0..N_ENUMERATED {
            single[[t, y[t]]] += p;
        }
        for t in 1..N_ENUMERATED {
            pairs[[t - 1, y[t - 1], y[t]]] += p;
        }
    }
    let found = chain.marginals(word)?;
    let singles = found.single.iter().zip(&single);
    let differences = singles
        .chain(found.pairs.iter().zip(&pairs))
        .map(|(a, b)| (a - b).abs());
    Ok(differences.fold((found.log_z - log_z).abs(), larger))
}
