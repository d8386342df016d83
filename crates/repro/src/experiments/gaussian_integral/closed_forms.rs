//! Completing the square, and products and powers of normal densities.

use gibbsian_core::{Density, Energy, Seed};
use gibbsian_densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{MultivariateNormal, QuadraticEnergy};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

const TO_TWELVE_DIGITS: &str = "the quadrature stops at a relative error of 1e-13 of Z, to which rounding adds some ε of the terms of the energy, which are below 100";

pub(super) const SQUARE: Claim = Claim {
    claim: "completing the square: log ∫ exp(−½ xᵀAx + bᵀx − c) equals quadrature, on a line and in the plane; the largest difference",
    source: "∫ exp(−a x² + b x) dx = √(π/a) exp(b²/4a), and its form for matrices",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: TO_TWELVE_DIGITS,
};

pub(super) const PRODUCT: Claim = Claim {
    claim: "the log-integral of a product of powers of three normal densities equals quadrature; the largest difference",
    source: "precisions add up: Σ β_i P_i",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: TO_TWELVE_DIGITS,
};

pub(super) const POWER: Claim = Claim {
    claim: "log Z_β of a normal density, ½ (1 − β) log |2πΣ| − ½ D log β, equals quadrature; the largest difference",
    source: "p^β has the covariance Σ/β",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: TO_TWELVE_DIGITS,
};

pub(super) const MANY_DIMENSIONS: Claim = Claim {
    claim: "in up to 64 dimensions, −E(x) − log ∫ exp(−E) is the log-density of the normal found, at random points; the largest difference over the size of the terms",
    source: "completing the square",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-13)),
    full: Check::at_most(1e-13),
    reason: "each side rounds sums of up to 64² terms, in units of the sum of their absolute values at most 64 ε = 1.4e-14 apart; a condition number of 16 multiplies the error of the mean by less than the seven that remain",
};

/// A symmetric matrix `(D, D)` with eigenvalues in `[¼, 4]`, by reflections of a diagonal one.
fn matrix(d: usize, rng: &mut dyn Rng) -> Array2<f64> {
    let mut a = Array2::from_diag(&Array1::from_shape_simple_fn(d, || {
        4f64.powf(rng.random_range(-1.0..1.0))
    }));
    for _ in 0..3 {
        let v = vector(d, 1.0, rng);
        let v = &v / v.dot(&v).sqrt();
        // H = I − 2 v vᵀ is its own inverse.
        let column = v.view().insert_axis(ndarray::Axis(1));
        let reflection = Array2::eye(d) - 2.0 * column.dot(&column.t());
        a = reflection.dot(&a).dot(&reflection);
    }
    0.5 * (&a + &a.t())
}

fn vector(d: usize, scale: f64, rng: &mut dyn Rng) -> Array1<f64> {
    Array1::from_shape_simple_fn(d, || scale * rng.sample::<f64, _>(StandardNormal))
}

fn normal(d: usize, rng: &mut dyn Rng) -> Result<MultivariateNormal> {
    Ok(MultivariateNormal::from_covariance(
        vector(d, 1.0, rng),
        matrix(d, rng),
    )?)
}

/// The energy `−Σ β_i log p_i(x)`.
struct Powers<'a>(&'a [(&'a MultivariateNormal, f64)]);

impl gibbsian_core::Space for Powers<'_> {
    fn dim(&self) -> usize {
        self.0[0].0.dim()
    }
}

impl Energy for Powers<'_> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.fill(0.0);
        for (normal, beta) in self.0 {
            out.scaled_add(-beta, &normal.log_density(x));
        }
    }
}

fn by_quadrature<E: Energy>(energy: &E) -> Result<f64> {
    Ok(numeric_log_z(
        energy,
        &Domain::whole(energy.dim())?,
        QuadratureOptions::default(),
    )?
    .log_z)
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("closed forms");
    let cases: Vec<(usize, Seed)> = [(1, 40), (2, 4)]
        .into_iter()
        .flat_map(|(d, n)| (0..n).map(move |k| (d, seed.nth(100 * d as u64 + k))))
        .collect();
    let (mut square, mut product, mut power) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (d, seed) in cases {
        let rng = &mut seed.rng();
        let energy = QuadraticEnergy::new(matrix(d, rng), vector(d, 2.0, rng), 1.5)?;
        square = larger(
            square,
            (energy.complete_the_square()?.1 - by_quadrature(&energy)?).abs(),
        );

        let factors = [normal(d, rng)?, normal(d, rng)?, normal(d, rng)?];
        // A negative power, as in a quotient, as long as the precision stays positive.
        let factors = [(&factors[0], 2.0), (&factors[1], 0.5), (&factors[2], -0.05)];
        let closed = MultivariateNormal::product(&factors)?.1;
        product = larger(product, (closed - by_quadrature(&Powers(&factors))?).abs());

        let base = normal(d, rng)?;
        let beta = rng.random_range(0.2..5.0);
        power = larger(
            power,
            (base.power(beta)?.1 - by_quadrature(&Powers(&[(&base, beta)]))?).abs(),
        );
    }
    ctx.measure(&SQUARE, square)?;
    ctx.measure(&PRODUCT, product)?;
    ctx.measure(&POWER, power)?;

    let mut worst = 0.0_f64;
    for d in [1, 2, 3, 8, 16, 32, 64] {
        let rng = &mut seed.child("dimensions").nth(d as u64).rng();
        let energy = QuadraticEnergy::new(matrix(d, rng), vector(d, 2.0, rng), -0.3)?;
        let (normal, log_integral) = energy.complete_the_square()?;
        let x = Array2::from_shape_simple_fn((50, d), || 3.0 * rng.sample::<f64, _>(StandardNormal));
        let log_p = normal.log_density(x.view());
        for ((x, e), log_p) in x.rows().into_iter().zip(energy.energy(x.view())).zip(log_p) {
            let quadratic = x
                .mapv(f64::abs)
                .dot(&energy.matrix().mapv(f64::abs).dot(&x.mapv(f64::abs)));
            let terms =
                quadratic + x.mapv(f64::abs).dot(&energy.linear().mapv(f64::abs)) + log_integral.abs();
            worst = larger(worst, (-e - log_integral - log_p).abs() / terms);
        }
    }
    ctx.measure(&MANY_DIMENSIONS, worst)
}
