//! An architecture of one's own is a forward function: here an energy that does not change when the plane is turned by a quarter.
//!
//! `cargo run --release -p gibbsian-nn --example architecture`

#![allow(clippy::print_stdout)]

use gibbsian_core::{Energy, Parametric, Result, Score, ScoreJvp, Seed};
use gibbsian_nn::{Activation, Columns, Net, NeuralEnergy, Var};
use ndarray::array;

/// `Σ_k f(Rᵏ x)` over the four turns `R`, so that the energy of a turned point is the same.
fn turned(net: &mut Net<'_>, x: Var) -> Var {
    let (w1, b1) = (
        net.matrix("hidden.weights", (2, 32), gibbsian_nn::Init::LeCun),
        net.row("hidden.bias", 32, gibbsian_nn::Init::Uniform { bound: 0.7 }),
    );
    let w2 = net.matrix("out.weights", (32, 1), gibbsian_nn::Init::LeCun);
    let signs = net.constant_row(&[-1.0, 1.0]);
    let mut point = x;
    let mut sum = net.constant(1, 0.0);
    for _ in 0..4 {
        let hidden = net.affine(point, w1, b1);
        let hidden = net.activate(Activation::Silu, hidden);
        let term = net.matmul(hidden, w2);
        sum = net.add(sum, term);
        // (x, y) becomes (−y, x).
        let swapped = net.gather(point, &Columns::new(2, [1, 0]));
        point = net.mul(signs, swapped);
    }
    net.confined(sum, x, 3.0)
}

fn main() -> Result<()> {
    let energy = NeuralEnergy::new(2, turned, &mut Seed::new(1).rng())?;
    println!("{} parameters", energy.n_params());
    let x = array![[1.0, 0.5], [-0.5, 1.0], [-1.0, -0.5], [0.5, -1.0]];
    println!("energies of four turned points {:.6}", energy.energy(x.view()));
    println!("their scores\n{:.6}", energy.score(x.view()));
    println!("and divergences {:.6}", energy.divergence(x.view()));
    Ok(())
}
