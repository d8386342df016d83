//! A product of experts: every expert can forbid, and the normaliser is what it costs.
//!
//! `p(x) = Π_m p_m(x)^{a_m} / Z`. For normal experts the product is normal: precisions add, `λ = Σ a_m λ_m`, and the mean is their weighted mean. For any experts the score needs no `Z`,
//! `s(x) = Σ a_m s_m(x)`.
//!
//! `cargo run -p gibbsian --example product_of_experts`
//!
//! prints the score of a product of two normals beside that of the normal which it is, its `log Z` by quadrature beside the formula, and how much narrower the product is than a mixture.

#![allow(clippy::print_stdout)]

use std::f64::consts::TAU;

use gibbsian::densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
use gibbsian::densities::{Normal, ProductOfExperts};
use gibbsian::ndarray::array;
use gibbsian::prelude::*;

/// Multiplies two normals and holds the product to the normal that it is.
pub fn main() -> Result<()> {
    let (near_zero, near_two) = (Normal::new(0.0, 1.0)?, Normal::new(2.0, 0.5)?);
    let product = ProductOfExperts::new(array![1.0, 1.0], vec![near_zero, near_two])?;

    // Precisions 1 and 4: together 5, around (0 · 1 + 2 · 4)/5.
    let exact = Normal::new(1.6, 0.2_f64.sqrt())?;
    let x = array![[-1.0], [0.0], [1.6], [3.0]];
    println!(
        "scores of the product {:.6}\nof N(1.6, 1/5)        {:.6}",
        product.score(x.view()),
        exact.score(x.view())
    );
    assert!(
        (product.score(x.view()) - exact.score(x.view()))
            .iter()
            .all(|d| d.abs() < 1e-13)
    );

    // Energies (x − μ)²/2v leave out the normalisers of the experts, so exp(−E) integrates to √(2π/5) exp(−(0 − 2)²/2(1 + 1/4)).
    let found = numeric_log_z(&product, &Domain::whole(1)?, QuadratureOptions::default())?;
    let log_z = 0.5 * (TAU / 5.0).ln() - 4.0 / 2.5;
    println!(
        "log Z {:.12} by quadrature, {log_z:.12} by the formula",
        found.log_z
    );
    assert!((found.log_z - log_z).abs() <= found.error + 1e-14);

    // A mixture of the same experts is as wide as both of them and their distance; a product is narrower than either.
    let mixture = GaussianMixture::new(
        array![0.5, 0.5],
        array![[0.0], [2.0]],
        Covariances::Spherical(array![1.0, 0.25]),
    )?;
    println!(
        "variance {} as a product, {} as a mixture",
        exact.variance(),
        mixture.covariance()[[0, 0]]
    );
    assert!((mixture.covariance()[[0, 0]] - (0.625 + 1.0)).abs() < 1e-14);
    Ok(())
}
