//! A layer of one's own, whose network is a density that is known: `E(x) = ½ |(x − m) R|²`.
//!
//! A layer is a function that writes operations into a graph and names its parameters; every derivative in the points and in the parameters follows. With a square matrix `R` this energy is that of a normal with precision
//! `R Rᵀ` and mean `m`, so score, divergence and the minimum of score matching have formulas: the estimate is the inverse of the sample covariance.
//!
//! `cargo run -p gibbsian --example own_layer`
//!
//! prints score and divergence beside the formulas, then trains by score matching and prints the precision that was found beside that of the sample.

#![allow(clippy::print_stdout)]

use gibbsian::data::LastBatch;
use gibbsian::densities::MultivariateNormal;
use gibbsian::linalg::Cholesky;
use gibbsian::ndarray::{Array2, Axis, array};
use gibbsian::nn::{Init, Net, Precision, Var};
use gibbsian::objectives::ImplicitScoreMatching;
use gibbsian::prelude::*;
use gibbsian::train::{Adam, AdamOptions, Cosine, Decay};

/// `(x − m) R` with parameters `name.mean` and `name.root`.
fn whitened(net: &mut Net<'_>, name: &str, x: Var) -> Var {
    let width = net.width(x);
    let mean = net.row(&format!("{name}.mean"), width, Init::Normal { deviation: 0.5 });
    let root = net.matrix(
        &format!("{name}.root"),
        (width, width),
        Init::Orthogonal { gain: 1.0 },
    );
    let mean = net.lift(mean);
    let centred = net.sub(x, mean);
    net.matmul(centred, root)
}

/// The mean and the precision `R Rᵀ` that a network of that layer has.
fn normal_of(energy: &NeuralEnergy) -> (Array2<f64>, Array2<f64>) {
    let (params, layout) = (energy.params(), energy.layout());
    let of = |name: &str, rows: usize| {
        let range = layout.find(name).map_or(0..0, |tensor| tensor.range.clone());
        Array2::from_shape_fn((rows, 2), |(i, j)| params[range.start + 2 * i + j])
    };
    let root = of("law.root", 2);
    (of("law.mean", 1), root.dot(&root.t()))
}

/// Checks the layer against formulas, then trains it.
pub fn main() -> Result<()> {
    let forward = |net: &mut Net<'_>, x: Var| {
        let z = whitened(net, "law", x);
        net.half_square(z)
    };
    let mut energy =
        NeuralEnergy::new(2, forward, &mut Seed::new(1).rng())?.with_precision(Precision::Double);

    let x = array![[0.3, -1.0], [2.0, 0.5]];
    let (mean, precision) = normal_of(&energy);
    let expected = (&mean - &x).dot(&precision);
    println!(
        "scores\n{:.6}\nby the formula\n{expected:.6}",
        energy.score(x.view())
    );
    assert!(
        (energy.score(x.view()) - expected)
            .iter()
            .all(|d| d.abs() < 1e-13)
    );
    assert!(
        energy
            .divergence(x.view())
            .iter()
            .all(|d| (d + precision.diag().sum()).abs() < 1e-13)
    );

    let n = 1_000;
    let data = MultivariateNormal::from_covariance(array![0.5, -1.0], array![[1.0, 0.6], [0.6, 0.8]])?
        .sample(n, &mut Seed::new(2).rng());
    let adam = Adam::new(&energy.layout(), AdamOptions::default(), Decay::NONE)?;
    let mut order = Minibatches::new(n, n, LastBatch::Keep, Seed::new(3))?;
    let trainer = Trainer::new(1_500, Cosine::new(0.05, 0.0, 1_500)?, Seed::new(4))?;
    trainer.fit(
        &mut energy,
        &mut Descent::new(ImplicitScoreMatching, adam),
        &Matrix::new(data.view())?,
        &mut order,
        &mut (),
    )?;

    let centre = data.mean_axis(Axis(0)).unwrap_or_default();
    let centred = &data - &centre;
    let covariance = centred.t().dot(&centred) / n as f64;
    let of_sample = Cholesky::new("covariance", covariance.view())?.inverse();
    let (mean, precision) = normal_of(&energy);
    println!(
        "mean {mean:.6}, of the sample {centre:.6}\nprecision\n{precision:.6}\nof the sample\n{of_sample:.6}"
    );
    assert!((&mean - &centre).iter().all(|d| d.abs() < 1e-4));
    assert!((&precision - &of_sample).iter().all(|d| d.abs() < 1e-3));
    Ok(())
}
