//! Chains that cannot start, or would say nothing.

use gibbsian::Seed;
use gibbsian::densities::{MultivariateNormal, UniformBox};
use gibbsian::metrics::r_hat;
use gibbsian::ndarray::{Array2, array};
use gibbsian::samplers::{Mala, Nuts, RandomWalkMetropolis, Sampling, Schedule};

use crate::refused;

fn target() -> MultivariateNormal {
    MultivariateNormal::standard(2).unwrap()
}

fn run(sampling: Sampling, start: Array2<f64>) -> String {
    refused(sampling.run(Mala::new(0.5).unwrap(), &target(), start))
}

#[test]
fn the_step_size_is_zero() {
    insta::assert_snapshot!(refused(Mala::new(0.0)), @"`step_size` is 0, but must be finite and greater than zero; begin with a tenth of the narrowest deviation of the target and let a warm-up tune it");
}

#[test]
fn the_step_size_is_negative() {
    insta::assert_snapshot!(refused(Nuts::new(-0.1)), @"`step_size` is -0.1, but must be finite and greater than zero; begin with a tenth of the narrowest deviation of the target and let a warm-up tune it");
}

#[test]
fn the_start_has_another_dimension() {
    insta::assert_snapshot!(run(Sampling::new(10, Seed::new(1)), Array2::zeros((4, 5))), @"`x` has shape [4, 5], but must have shape (at least 1, 2); give every chain a row and every coordinate of the target a column");
}

#[test]
fn chains_start_in_columns() {
    insta::assert_snapshot!(run(Sampling::new(10, Seed::new(1)), Array2::zeros((2, 8))), @"`x` has shape [2, 8], but must have shape (at least 1, 2); rows are samples and columns their coordinates: transpose the array, x.reversed_axes()");
}

#[test]
fn the_start_is_outside_the_support() {
    let target = UniformBox::centred(1, 1.0).unwrap();
    let sampling = Sampling::new(10, Seed::new(1));
    let run = sampling.run(
        RandomWalkMetropolis::new(0.5).unwrap(),
        &target,
        array![[0.0], [3.0]],
    );
    insta::assert_snapshot!(refused(run), @"`x[1, ..]` is [3], but must be a point of finite energy; start inside the support, for example from draws of the base or from data");
}

#[test]
fn there_are_no_chains() {
    insta::assert_snapshot!(run(Sampling::new(10, Seed::new(1)), Array2::zeros((0, 2))), @"`x` has shape [0, 2], but must have shape (at least 1, D); every row starts a chain, give four or more");
}

#[test]
fn no_draws_are_kept() {
    insta::assert_snapshot!(run(Sampling::new(0, Seed::new(1)), Array2::zeros((4, 2))), @"`n_draws` is 0, but must be at least 1; the draws are what is kept after the warm-up; begin with 1000");
}

#[test]
fn chains_are_thinned_to_nothing() {
    let sampling = Sampling {
        thin: 0,
        ..Sampling::new(10, Seed::new(1))
    };
    insta::assert_snapshot!(run(sampling, Array2::zeros((4, 2))), @"`thin` is 0, but must be at least 1; 1 keeps every step");
}

#[test]
fn the_warm_up_has_no_steps() {
    insta::assert_snapshot!(refused(Schedule::new(0)), @"`n_steps` is 0, but must be at least 1; 150 steps have room for all windows, and 500 to 1000 are usual");
}

#[test]
fn draws_are_rows() {
    // A thousand draws of one chain, as a column.
    insta::assert_snapshot!(refused(r_hat(Array2::zeros((1000, 1)).view())), @"`draws` has shape [1000, 1], but must have shape (at least 1 chain, at least 4 draws); rows are chains and columns their draws: sample longer, or transpose the array");
}
