//! The score and the Hessian of a Gaussian mixture, in closed form.
//!
//! `cargo run -p gibbsian-densities --example mixture_score`

// An example is a program, and shows what it found.
#![allow(clippy::print_stdout)]

use gibbsian_core::{Density, Score};
use gibbsian_densities::{Covariances, GaussianMixture};
use ndarray::array;

fn main() -> gibbsian_core::Result<()> {
    let mixture = GaussianMixture::new(
        array![0.4, 0.6],
        array![[0.0, 0.0], [2.0, 1.0]],
        Covariances::Full(array![[[1.0, 0.5], [0.5, 1.0]], [[0.5, 0.0], [0.0, 2.0]]]),
    )?;
    let x = array![[1.0, 0.5], [40.0, -30.0]];
    println!("log p     {}", mixture.log_density(x.view()));
    println!("∇ log p\n{}", mixture.score(x.view()));
    println!("∇² log p\n{}", mixture.hessian(x.view()));
    Ok(())
}
