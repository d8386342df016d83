//! Runs that would not learn, or not what was meant.

use gibbsian::checkpoint::{Checkpoint, fingerprint};
use gibbsian::classical::{Bernoulli, Rbm};
use gibbsian::core::Parametric;
use gibbsian::core::Record;
use gibbsian::core::dataset::Matrix;
use gibbsian::data::{LastBatch, Minibatches};
use gibbsian::ndarray::{Array2, array};
use gibbsian::objectives::{DenoisingScoreMatching, ExactLikelihood};
use gibbsian::train::{Constant, Decay, Descent, GuardOptions, Guarded, LossWithin, Momentum, Sgd, Trainer};
use gibbsian::{Result, Seed};

use crate::refused;

fn machine() -> Rbm {
    Rbm::random(Bernoulli::unbiased(3), Bernoulli::unbiased(2), 0.1, Seed::new(1)).unwrap()
}

/// Descent of the exact likelihood on four rows of data.
fn train(learning_rate: f64, x: Array2<f64>) -> Result<()> {
    let mut machine = machine();
    let mut step = Descent::new(ExactLikelihood, Sgd::new(&machine.layout(), Decay::NONE)?);
    let mut order = Minibatches::new(x.nrows(), 2, LastBatch::Drop, Seed::new(2))?;
    let trainer = Trainer::new(10, Constant::new(learning_rate)?, Seed::new(3))?;
    trainer.fit(&mut machine, &mut step, &Matrix::new(x)?, &mut order, &mut ())?;
    Ok(())
}

fn rows() -> Array2<f64> {
    array![[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
}

#[test]
fn the_learning_rate_is_zero() {
    insta::assert_snapshot!(refused(train(0.0, rows())), @"`learning_rate` is 0, but must be finite and greater than zero at step 0; descent takes a positive rate, begin with 0.01 or 0.001");
}

#[test]
fn the_learning_rate_is_negative() {
    insta::assert_snapshot!(refused(train(-0.1, rows())), @"`value` is -0.1, but must be finite and at least zero; descent goes downhill by itself: begin with a learning rate of 0.01");
}

#[test]
fn the_step_is_so_large_that_numbers_overflow() {
    insta::assert_snapshot!(refused(train(1e308, rows())), @"`loss` became NaN in the exact negative log-likelihood at step 2, where the largest parameter is hidden.bias[0] = -1.026e308, but must stay finite; lower the learning rate, clip the gradient, or standardise the data");
}

#[test]
fn the_step_is_so_large_that_the_guard_gives_up() {
    let mut machine = machine();
    let descent = Descent::new(ExactLikelihood, Sgd::new(&machine.layout(), Decay::NONE).unwrap());
    let options = GuardOptions {
        max_rollbacks: 2,
        ..GuardOptions::default()
    };
    let mut step = Guarded::new(descent, &machine, LossWithin::new(-1.0, 5.0).unwrap(), options).unwrap();
    let mut order = Minibatches::new(4, 2, LastBatch::Drop, Seed::new(2)).unwrap();
    let trainer = Trainer::new(10, Constant::new(1e4).unwrap(), Seed::new(3)).unwrap();
    let data = Matrix::new(rows()).unwrap();
    let fit = trainer.fit(&mut machine, &mut step, &data, &mut order, &mut ());
    // The digits of the loss are left out: products may round differently elsewhere.
    let said = refused(fit);
    let (before, rest) = said.split_once('.').unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    insta::assert_snapshot!(format!("{before}...,{after}"), @"`loss` is 2593..., but must be in [-1, 5] at step 4, after 2 rollbacks, where the largest parameter is weights[1, 0] = -2.485e3; lower the learning rate, clip the gradient, or standardise the data");
}

#[test]
fn data_have_a_column_of_labels() {
    let with_labels = Array2::ones((4, 4));
    insta::assert_snapshot!(refused(train(0.1, with_labels)), @"`data` has shape [4, 4], but must have shape (N, 3); there is one column more than coordinates: leave out the column of labels or indices");
}

#[test]
fn data_are_transposed() {
    insta::assert_snapshot!(refused(train(0.1, Array2::ones((3, 6)))), @"`data` has shape [3, 6], but must have shape (N, 3); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()");
}

#[test]
fn a_minibatch_is_larger_than_the_data() {
    insta::assert_snapshot!(refused(Minibatches::new(60, 100, LastBatch::Drop, Seed::new(1))), @"`batch_size` is 100, but must be at most the number of points, 60, when the last short minibatch is dropped; take smaller minibatches or LastBatch::Keep");
}

#[test]
fn a_minibatch_is_empty() {
    insta::assert_snapshot!(refused(Minibatches::new(60, 0, LastBatch::Keep, Seed::new(1))), @"`batch_size` is 0, but must be at least 1; 100 is a usual size");
}

#[test]
fn there_are_no_epochs() {
    insta::assert_snapshot!(refused(Trainer::new(0, Constant::new(0.1).unwrap(), Seed::new(1))), @"`n_epochs` is 0, but must be at least 1; an epoch sees every point once, and 10 to 100 are usual");
}

#[test]
fn momentum_never_forgets() {
    let momentum = Momentum::new(&machine().layout(), Constant::new(1.0).unwrap(), Decay::NONE);
    insta::assert_snapshot!(refused(momentum), @"`momentum` is 1, but must be in [0, 1); the share of the past that is kept, usually 0.9 to 0.999");
}

#[test]
fn a_run_is_resumed_with_another_recipe() {
    let checkpoint = Checkpoint {
        step: 100,
        seed: 7,
        recipe: "rate 0.1".into(),
        record: Record::new(),
    };
    insta::assert_snapshot!(refused(checkpoint.check_run("rate 0.01", 7)), @"`checkpoint.recipe` is rate 0.1, but must be that of this run, rate 0.01; resuming another run would mix the two; resume with the settings and the seed of the run, or begin in another directory");
}

#[test]
fn a_run_is_resumed_with_another_seed() {
    let recipe = fingerprint("rate 0.1");
    let checkpoint = Checkpoint {
        step: 100,
        seed: 7,
        recipe: recipe.clone(),
        record: Record::new(),
    };
    insta::assert_snapshot!(refused(checkpoint.check_run(&recipe, 8)), @"`checkpoint.seed` is 7, but must be that of this run, 8; resuming another run would mix the two; resume with the settings and the seed of the run, or begin in another directory");
}

#[test]
fn there_is_nothing_to_denoise() {
    insta::assert_snapshot!(refused(DenoisingScoreMatching::new(0.0)), @"`sigma` is 0, but must be finite and greater than zero; without noise there is nothing to denoise: take a tenth of the data's deviation");
}
