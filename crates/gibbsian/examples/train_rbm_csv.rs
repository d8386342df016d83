//! A restricted Boltzmann machine for the binary columns of a CSV file.
//!
//! Contrastive divergence follows `⟨∂E/∂θ⟩_data − ⟨∂E/∂θ⟩_chains` downhill, with chains that start at the data. How well the machine does is its mean log-probability `−⟨F(v)⟩ − log Z`, exact at this size; on draws of a law
//! with entropy `H` no model exceeds `−H` but by chance, and one without couplings has minus the sum of the columns' entropies.
//!
//! `cargo run -p gibbsian --example train_rbm_csv`
//!
//! writes answers to eight questions that two opinions decide, trains on them, and prints the log-probability of rows that were held out as it rises between these two ends.

#![allow(clippy::print_stdout)]

use gibbsian::checkpoint::write_atomically;
use gibbsian::classical::{Bernoulli, FusedContrastiveDivergence, FusedOptions};
use gibbsian::data::{Header, LastBatch, hold_out, read_table};
use gibbsian::ndarray::{ArrayView2, Axis};
use gibbsian::prelude::*;
use gibbsian::rand::RngExt;
use gibbsian::train::{EachEpoch, GO_ON, Linear};

/// How often an answer is the opinion's.
const FAITHFUL: f64 = 0.9;

/// Writes, reads, splits, trains and judges.
pub fn main() -> Result<()> {
    let seed = Seed::new(1);
    let mut rng = seed.child("data").rng();
    let mut text = String::from("q1,q2,q3,q4,q5,q6,q7,q8\n");
    for _ in 0..2_000 {
        let opinions: [bool; 2] = [rng.random(), rng.random()];
        let answer = |i: usize| u8::from(opinions[i / 4] == (rng.random::<f64>() < FAITHFUL)).to_string();
        text += &((0..8).map(answer).collect::<Vec<_>>().join(",") + "\n");
    }
    let path = std::env::temp_dir().join(format!("gibbsian-answers-{}.csv", std::process::id()));
    write_atomically(&path, text.as_bytes())?;

    let table = read_table(&path, Header::Present)?;
    std::fs::remove_file(&path).ok();
    let split = hold_out(table.values().nrows(), 500, seed.child("split"))?;
    let rows = |indices: &[usize]| table.values().select(Axis(0), indices);
    let (train, test) = (rows(&split.kept), rows(&split.held_out));

    // Visible biases that match the columns' means are the best machine without couplings.
    let means = train.mean_axis(Axis(0)).unwrap_or_default();
    let visible = Bernoulli::matching_means(means.view(), train.nrows(), 1.0)?;
    let start = Rbm::random(visible, Bernoulli::unbiased(4), 0.01, seed.child("weights"))?;
    let mut machine = BinaryRbm::from(&start);
    let mean_log_p = |machine: &BinaryRbm, x: ArrayView2<f64>| -> Result<f64> {
        Ok(-machine.energy(x).mean().unwrap_or(f64::NAN) - machine.log_z()?)
    };
    let uncoupled = mean_log_p(&machine, test.view())?;

    let mut step = FusedContrastiveDivergence::new(FusedOptions {
        n_steps: 5,
        ..FusedOptions::default()
    })?;
    let mut order = Minibatches::new(train.nrows(), 100, LastBatch::Keep, seed.child("order"))?;
    let trainer = Trainer::new(100, Linear::new(0.2, 0.01, 1_500)?, seed.child("training"))?;
    let mut watch = EachEpoch::new(|machine: &BinaryRbm, progress, _| {
        if (progress.epoch + 1).is_multiple_of(25) {
            println!(
                "epoch {:3}: {:.3} nats",
                progress.epoch + 1,
                mean_log_p(machine, test.view())?
            );
        }
        Ok(GO_ON)
    });
    trainer.fit(
        &mut machine,
        &mut step,
        &Matrix::new(train.view())?,
        &mut order,
        &mut watch,
    )?;

    // Four answers of which k are yes: ½ (f^k (1 − f)^(4−k) + (1 − f)^k f^(4−k)), and there are two such groups.
    let group =
        |k: i32| 0.5 * (FAITHFUL.powi(k) * 0.1_f64.powi(4 - k) + 0.1_f64.powi(k) * FAITHFUL.powi(4 - k));
    let best = 2.0
        * [1.0, 4.0, 6.0, 4.0, 1.0]
            .iter()
            .zip(0..)
            .map(|(n, k)| n * group(k) * group(k).ln())
            .sum::<f64>();
    let (of_train, of_test) = (
        mean_log_p(&machine, train.view())?,
        mean_log_p(&machine, test.view())?,
    );
    println!("train {of_train:.3}, test {of_test:.3}; no couplings {uncoupled:.3}, the law itself {best:.3}");
    // Nine tenths of the way, and not beyond the law: log p of a row scatters by less than two nats.
    assert!(of_test > uncoupled + 0.9 * (best - uncoupled));
    assert!(of_test < best + 5.0 * 2.0 / (test.nrows() as f64).sqrt());
    Ok(())
}
