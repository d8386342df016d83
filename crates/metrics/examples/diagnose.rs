//! What the diagnostics say of a sampler that is right in one coordinate, slow in another and stuck in a third.
//!
//! `cargo run -p gibbsian-metrics --example diagnose`

// An example is a program, and shows what it found.
#![allow(clippy::print_stdout)]

use gibbsian_core::Seed;
use gibbsian_metrics::{
    InverseMultiquadric, NearestNeighbours, Requirements, classifier_test, kernel_stein_test, mmd_test,
    mode_masses, sliced_wasserstein, summarise,
};
use ndarray::{Array2, Array3, array, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Four chains: independent normals, an autoregression, and a mixture of N(±3, 1) whose modes are seldom left.
fn chains(n_draws: usize, rng: &mut dyn Rng) -> Array3<f64> {
    let mut draws = Array3::zeros((4, n_draws, 3));
    for mut chain in draws.outer_iter_mut() {
        let mut slow: f64 = rng.sample(StandardNormal);
        let mut mode = if rng.random::<f64>() < 0.3 { 3.0 } else { -3.0 };
        for mut x in chain.outer_iter_mut() {
            let mut normal = || rng.sample::<f64, _>(StandardNormal);
            slow = 0.95 * slow + (1.0 - 0.95f64.powi(2)).sqrt() * normal();
            (x[0], x[1], x[2]) = (normal(), slow, mode + normal());
            // The mode +3 is left more often, so that its mass is 0.3.
            if rng.random::<f64>() < if mode > 0.0 { 0.007 } else { 0.003 } {
                mode = -mode;
            }
        }
    }
    draws
}

fn main() -> gibbsian_core::Result<()> {
    let seed = Seed::new(7);
    let draws = chains(2000, &mut seed.child("chains").rng());
    println!("{}", summarise(draws.view(), Requirements::default())?);

    println!("masses of the modes, exactly 0.7 and 0.3");
    println!(
        "{}",
        mode_masses(draws.slice(s![.., .., 2..]), array![[-3.0], [3.0]].view(), 0.95)?
    );

    // Thinned draws of the first two coordinates against N(0, I): by its score, and by draws of its own.
    let x = draws.slice(s![0, ..;10, ..2]).to_owned();
    let mut rng = seed.child("tests").rng();
    let y = Array2::from_shape_simple_fn((200, 2), || rng.sample::<f64, _>(StandardNormal));
    let kernel = InverseMultiquadric::default();
    for (name, x) in [
        ("the chain", &x),
        ("the chain, a third wider", &(&x * (4.0 / 3.0))),
    ] {
        let stein = kernel_stein_test(x.view(), (-x).view(), &kernel, 199, 0.1, &mut rng)?;
        let mmd = mmd_test(x.view(), y.view(), &kernel, 199, &mut rng)?;
        let sliced = sliced_wasserstein(x.view(), y.view(), 2.0, 100, &mut rng)?;
        let classifier = classifier_test(x.view(), y.view(), &NearestNeighbours::new(5)?, 5, 99, &mut rng)?;
        println!("{name}");
        println!(
            "  kernel Stein discrepancy {:.3}, p = {:.3}",
            stein.discrepancy.value(),
            stein.p_value
        );
        println!(
            "  squared MMD              {:.4}, p = {:.3}",
            mmd.mmd.unbiased, mmd.p_value
        );
        println!(
            "  sliced Wasserstein       {:.3} ± {:.3}",
            sliced.value, sliced.standard_error
        );
        println!(
            "  classifier's accuracy    {:.3}, p = {:.3}",
            classifier.accuracy, classifier.p_value
        );
    }
    Ok(())
}
