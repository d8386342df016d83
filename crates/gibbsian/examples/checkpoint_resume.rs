//! A training that is stopped in the middle and resumed, to the same bits.
//!
//! Step `t` draws its random numbers from `seed.child("step").nth(t)` and the order of the data follows from the seed and the position, so that parameters, velocities and a counter are the whole state:
//! `(θ_t, m_t, t)` decides `θ_{t+1}`.
//!
//! `cargo run -p gibbsian --example checkpoint_resume`
//!
//! trains a machine at one go, then again with a stop after 60 of 200 steps, and prints where the second run went on and that no bit differs; a file with one bit flipped is refused.

#![allow(clippy::print_stdout)]

use gibbsian::checkpoint::{Checkpoint, CheckpointFiles};
use gibbsian::classical::Bernoulli;
use gibbsian::data::{LastBatch, bars_and_stripes};
use gibbsian::objectives::PersistentContrastiveDivergence;
use gibbsian::prelude::*;
use gibbsian::samplers::Gibbs;
use gibbsian::train::{Checkpointing, Constant, Decay, EachStep, GO_ON, Momentum, STOP};

type Step = Descent<PersistentContrastiveDivergence<Gibbs, Rbm>, Momentum>;

/// A machine and its training step, with chains that persist.
fn beginning() -> Result<(Rbm, Step)> {
    let rbm = Rbm::random(Bernoulli::unbiased(9), Bernoulli::unbiased(8), 0.01, Seed::new(1))?;
    let chains = bars_and_stripes(3)?.sample(20, &mut Seed::new(2).rng());
    let momentum = Momentum::new(&rbm.layout(), Constant::new(0.5)?, Decay::NONE)?;
    Ok((
        rbm,
        Descent::new(PersistentContrastiveDivergence::new(Gibbs, 1, chains)?, momentum),
    ))
}

/// Trains twice and compares bits.
pub fn main() -> Result<()> {
    let patterns = bars_and_stripes(3)?;
    let data = Matrix::new(patterns.points())?;
    let order = || Minibatches::new(patterns.n(), 7, LastBatch::Keep, Seed::new(3));
    let trainer = Trainer::new(100, Constant::new(0.05)?, Seed::new(4))?;
    let (mut whole, mut step) = beginning()?;
    trainer.fit(&mut whole, &mut step, &data, &mut order()?, &mut ())?;

    let directory = std::env::temp_dir().join(format!("gibbsian-resume-{}", std::process::id()));
    let checkpointing = || -> Result<Checkpointing> {
        let recipe = "bars and stripes, persistent contrastive divergence".to_owned();
        Checkpointing::new(CheckpointFiles::new(&directory)?, 10, recipe)
    };
    let (mut rbm, mut step) = beginning()?;
    let mut stop = EachStep::new(|_: &Rbm, progress| Ok(if progress.step == 60 { STOP } else { GO_ON }));
    let (outcome, _) =
        checkpointing()?.fit(&trainer, &mut rbm, &mut step, &data, &mut order()?, &mut stop)?;
    println!("stopped after {} steps", outcome.n_steps);
    assert!(!outcome.completed && rbm.params() != whole.params());

    // Another process: everything is made anew, and the files say where to go on.
    let (mut rbm, mut step) = beginning()?;
    let (outcome, resumed) =
        checkpointing()?.fit(&trainer, &mut rbm, &mut step, &data, &mut order()?, &mut ())?;
    let from = resumed.map(|resumed| resumed.step);
    println!("resumed from step {from:?}, ended after {}", outcome.n_steps);
    assert_eq!((from, outcome.n_steps, outcome.completed), (Some(60), 200, true));
    let differing = rbm
        .params()
        .iter()
        .zip(&whole.params())
        .filter(|(a, b)| a.to_bits() != b.to_bits())
        .count();
    println!(
        "{differing} of {} parameters differ from the run without a stop",
        rbm.n_params()
    );
    assert_eq!(differing, 0);

    let mut bytes = Checkpoint::read(checkpointing()?.files.newest())?.to_bytes()?;
    std::fs::remove_dir_all(&directory).ok();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let refused = Checkpoint::from_bytes(&bytes, "a damaged file");
    assert!(refused.is_err());
    Ok(())
}
