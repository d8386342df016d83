//! An energy of one's own: two traits, and samplers, diagnostics and quadrature take it.
//!
//! The double well `E(x) = (x₁² − 1)² / (2T) + ½ (x₂ − c x₁)²`: [`Energy`] needs the values and [`Score`] minus the gradient. What both give is a [`Potential`], which one line says.
//! A formula for one point can also be a closure, [`FnPotential`].
//! Whether the gradient is right is a question for Stein's identity, `E xᵢ sᵢ(x) = −1`.
//!
//! `cargo run -p gibbsian --example own_energy`
//!
//! prints moments by the No-U-Turn sampler with their errors beside those by quadrature, and `log Z` by quadrature beside annealed importance sampling.

#![allow(clippy::print_stdout)]

use gibbsian::core::GeometricPath;
use gibbsian::densities::MultivariateNormal;
use gibbsian::densities::quadrature::{Domain, QuadratureOptions, expectation, numeric_log_z};
use gibbsian::metrics::{Requirements, summarise};
use gibbsian::ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use gibbsian::partition::ais;
use gibbsian::prelude::*;
use gibbsian::samplers::{Nuts, RandomWalkMetropolis};

#[derive(Clone)]
struct DoubleWell {
    temperature: f64,
    tilt: f64,
}

impl Space for DoubleWell {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for DoubleWell {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, x) in out.iter_mut().zip(x.rows()) {
            *e = (x[0] * x[0] - 1.0).powi(2) / (2.0 * self.temperature)
                + 0.5 * (x[1] - self.tilt * x[0]).powi(2);
        }
    }
}

impl Score for DoubleWell {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (mut s, x) in out.rows_mut().into_iter().zip(x.rows()) {
            let off = x[1] - self.tilt * x[0];
            s[0] = -2.0 * x[0] * (x[0] * x[0] - 1.0) / self.temperature + self.tilt * off;
            s[1] = -off;
        }
    }
}

impl Potential for DoubleWell {}

/// Samples and integrates.
pub fn main() -> Result<()> {
    let well = DoubleWell {
        temperature: 0.5,
        tilt: 0.7,
    };
    let sampling = Sampling {
        n_warmup: 200,
        ..Sampling::new(2_000, Seed::new(1))
    };
    let run = sampling.run(Nuts::new(0.3)?, &well, Array2::ones((4, 2)))?;
    let squares = summarise(run.draws.mapv(|x| x * x).view(), Requirements::default())?;
    for i in 0..2 {
        let exact = expectation(
            &well,
            |x, mut out| out.assign(&x.column(i).mapv(|x| x * x)),
            &Domain::whole(2)?,
            QuadratureOptions::default(),
        )?;
        println!(
            "E x{}² = {:.4} ± {:.4}, by quadrature {:.8}",
            i + 1,
            squares[i].mean,
            squares[i].mcse_mean,
            exact.value
        );
        assert!((squares[i].mean - exact.value).abs() < 5.0 * squares[i].mcse_mean);

        // Stein's identity, E xᵢ sᵢ(x) = −1: a score that is not this energy's fails it. The sampler would not tell, as what it accepts is right for any proposal.
        let times_score = |x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>| {
            out.assign(&(&x.column(i) * &well.score(x).column(i)));
        };
        let stein = expectation(
            &well,
            times_score,
            &Domain::whole(2)?,
            QuadratureOptions::default(),
        )?;
        assert!((stein.value + 1.0).abs() <= 1e-9, "E x s = {}", stein.value);
    }

    let exact = numeric_log_z(&well, &Domain::whole(2)?, QuadratureOptions::default())?.log_z;
    let base = MultivariateNormal::standard(2)?;
    let path = GeometricPath::new(&base, &well, RandomWalkMetropolis::new(1.0)?, 2)?;
    let estimate = ais(&path, &Ladder::linear(50)?, 1_000, &mut Seed::new(2).rng())?.estimate(0.99)?;
    println!("log Z by quadrature {exact:.6}\n{estimate}");
    assert!(estimate.reliability.is_trusted());
    assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error);
    Ok(())
}
