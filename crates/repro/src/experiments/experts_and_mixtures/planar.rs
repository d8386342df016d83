//! Three combinations of two mixtures in the plane, and their normalisers.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Density, Energy};
use gibbsian_densities::quadrature::{Domain, QuadratureOptions, expectation, numeric_log_z};
use gibbsian_densities::{
    AndNot, Covariances, GaussianMixture, KnownLogZ, MixtureOfEnergies, MultivariateNormal, ProductOfExperts,
    QuadraticEnergy, SmoothEnergy,
};
use ndarray::{Array1, Array2, Array3, array};

use crate::statistics::larger;
use crate::{Axis as PlotAxis, Check, Claim, Context, HeatMap, Plot, Provenance, Result, measured};

pub(super) const PRODUCT: Claim = Claim {
    claim: "and: log Z of the product of two mixtures by quadrature is that of the mixture of all products of components (difference in nats)",
    source: "products of normals in closed form, six of them",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-9)),
    full: Check::value(0.0).within(1e-9),
    reason: "the quadrature is asked for a relative 1e-10",
};

pub(super) const MIXTURE: Claim = Claim {
    claim: "or: the mixture of a product and a quotient, energies without draws but with known log Z, integrates to one (log of the integral)",
    source: "the definition; log Z of the parts by separate integrals",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-9)),
    full: Check::value(0.0).within(1e-9),
    reason: "three integrals, each to a relative 1e-10",
};

pub(super) const CONSTANTS: Claim = Claim {
    claim: "or without normalisers: 3 added to one of two energies, which changes neither model, moves the share of its component from one half to Z₁/(Z₁ + Z₂)",
    source: "the logarithm of a sum of exp(−E), as in Du, Li and Mordatch (2020), by stating log Z = 0",
    provenance: Provenance::Exact,
    quick: Some(Check::reference().within(1e-9)),
    full: Check::reference().within(1e-9),
    reason: "an integral to a relative 1e-10 against closed forms; the share would be one half if constants did not matter",
};

pub(super) const REFUSALS: Claim = Claim {
    claim: "and not: of the quotients p_A p_B^(−α), α = 0.25 to 3, exactly those with α < 2 are accepted, by factorisation and by quadrature: the number of wrong decisions",
    source: "variances 1 and 2: the precision 1 − α/2 is positive below α = 2",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "a theorem; at α = 2 itself the integrand grows in one direction and falls in the other",
};

pub(super) const QUOTIENT: Claim = Claim {
    claim: "and their log Z by quadrature is that of the closed form: the largest difference in nats",
    source: "completing the square with a negative precision",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-9)),
    full: Check::at_most(1e-9),
    reason: "the quadrature is asked for a relative 1e-10",
};

fn settings() -> QuadratureOptions {
    QuadratureOptions {
        relative: 1e-10,
        absolute: 1e-10,
        ..QuadratureOptions::default()
    }
}

/// The two experts: a triple of humps, and a pair across them.
pub(super) fn experts() -> Result<[GaussianMixture; 2]> {
    let full = |matrices: &[[[f64; 2]; 2]]| {
        let flat = matrices.iter().flatten().flatten().copied().collect();
        Array3::from_shape_vec((matrices.len(), 2, 2), flat).map(Covariances::Full)
    };
    let first = GaussianMixture::new(
        array![0.5, 0.3, 0.2],
        array![[-1.2, 0.0], [1.0, 0.8], [0.6, -1.4]],
        full(&[
            [[0.5, 0.2], [0.2, 0.6]],
            [[0.4, -0.1], [-0.1, 0.3]],
            [[0.6, 0.0], [0.0, 0.4]],
        ])?,
    )?;
    let second = GaussianMixture::new(
        array![0.6, 0.4],
        array![[0.8, 0.3], [-1.0, -0.6]],
        full(&[[[0.9, 0.3], [0.3, 0.5]], [[0.5, -0.2], [-0.2, 0.8]]])?,
    )?;
    Ok([first, second])
}

/// The product of two mixtures as a mixture, and the logarithm of the integral of the product.
pub(super) fn closed_product(a: &GaussianMixture, b: &GaussianMixture) -> Result<(GaussianMixture, f64)> {
    let normal = |mixture: &GaussianMixture, k: usize| {
        MultivariateNormal::from_covariance(
            mixture.component_mean(k).to_owned(),
            mixture.component_covariance(k),
        )
    };
    let (mut log_weights, mut means, mut covariances) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..a.n_components() {
        for j in 0..b.n_components() {
            let (law, log_integral) =
                MultivariateNormal::product(&[(&normal(a, i)?, 1.0), (&normal(b, j)?, 1.0)])?;
            log_weights.push((a.weights()[i] * b.weights()[j]).ln() + log_integral);
            means.extend(law.mean().iter().copied());
            covariances.extend(law.covariance().iter().copied());
        }
    }
    let n = log_weights.len();
    let log_z = log_sum_exp(&log_weights);
    let mixture = GaussianMixture::new(
        log_weights.iter().map(|l| (l - log_z).exp()).collect(),
        Array2::from_shape_vec((n, 2), means)?,
        Covariances::Full(Array3::from_shape_vec((n, 2, 2), covariances)?),
    )?;
    Ok((mixture, log_z))
}

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let [a, b] = experts()?;
    let whole = || Domain::whole(2);
    let and = ProductOfExperts::new(array![1.0, 1.0], vec![&a, &b])?;
    let found = numeric_log_z(&and, &whole()?, settings())?;
    let (law, closed) = closed_product(&a, &b)?;
    ctx.measure(&PRODUCT, found.log_z - a.log_z() - b.log_z() - closed)?;

    // Where the first is, and not around the origin.
    let hole = MultivariateNormal::isotropic(array![0.0, 0.0], 2.0)?;
    let not = AndNot::integrated(&a, &hole, 0.5, whole()?, settings())?;
    let log_z_not = not.log_z().ok_or("an integral gives log Z")?;
    let both: [&dyn SmoothEnergy; 2] = [&and, &not];
    let parts = vec![
        KnownLogZ::new(both[0], found.log_z)?,
        KnownLogZ::new(both[1], log_z_not)?,
    ];
    let or = MixtureOfEnergies::new(array![0.5, 0.5], parts)?;
    ctx.measure(&MIXTURE, numeric_log_z(&or, &whole()?, settings())?.log_z)?;
    constants(ctx)?;
    quotients(ctx)?;

    show(ctx, "and", "Two mixtures multiplied", &|x| {
        law.log_density(x.view())
    })?;
    let two = [&a, &b].map(KnownLogZ::of_density);
    let either = MixtureOfEnergies::new(array![0.5, 0.5], two.to_vec())?;
    show(ctx, "or", "Two mixtures mixed", &|x| -either.energy(x.view()))?;
    show(
        ctx,
        "not",
        "The first mixture, and not the neighbourhood of the origin",
        &|x| -not.energy(x.view()) - log_z_not,
    )
}

/// Two wells, one of which is raised by a constant.
fn constants(ctx: &mut Context) -> Result<()> {
    let well = |scale: f64, at: f64, constant: f64| -> Result<(QuadraticEnergy, f64)> {
        let energy = QuadraticEnergy::new(
            array![[scale, 0.0], [0.0, scale]],
            array![scale * at, 0.0],
            constant,
        )?;
        let log_z = energy.complete_the_square()?.1;
        Ok((energy, log_z))
    };
    let ((first, log_z1), (second, log_z2)) = (well(1.0, 1.0, 3.0)?, well(1.0, -1.0, 0.0)?);
    let plain = MixtureOfEnergies::new(
        array![0.5, 0.5],
        vec![KnownLogZ::new(first, 0.0)?, KnownLogZ::new(second, 0.0)?],
    )?;
    let share = expectation(
        &plain,
        |x, mut out| out.assign(&plain.posterior(x).column(0)),
        &Domain::whole(2)?,
        settings(),
    )?;
    let expected = 1.0 / (1.0 + (log_z2 - log_z1).exp());
    ctx.measure(&CONSTANTS, measured(share.value).against(expected))
}

/// Which quotients there are, and their normalisers.
fn quotients(ctx: &mut Context) -> Result<()> {
    let a = MultivariateNormal::isotropic(array![0.0, 0.0], 1.0)?;
    let b = MultivariateNormal::isotropic(array![0.5, -0.3], 2.0)?;
    let (mut wrong, mut worst) = (0, 0.0);
    for k in 1..=12 {
        let alpha = 0.25 * f64::from(k);
        let factorised = AndNot::of_normals(a.clone(), b.clone(), alpha);
        let integrated = AndNot::integrated(&a, &b, alpha, Domain::whole(2)?, settings());
        let exists = alpha < 2.0;
        wrong += usize::from(factorised.is_ok() != exists) + usize::from(integrated.is_ok() != exists);
        if let (Ok(factorised), Ok(integrated)) = (factorised, integrated) {
            let log_z = |z: Option<f64>| z.unwrap_or(f64::NAN);
            worst = larger(
                worst,
                (log_z(factorised.log_z()) - log_z(integrated.log_z())).abs(),
            );
        }
    }
    ctx.measure(&REFUSALS, wrong as f64)?;
    ctx.measure(&QUOTIENT, worst)
}

/// A density as a heat map.
fn show(
    ctx: &mut Context,
    name: &str,
    title: &str,
    log_density: &dyn Fn(&Array2<f64>) -> Array1<f64>,
) -> Result<()> {
    const SIDE: usize = 80;
    let at = |k: usize| -3.0 + 6.0 * (k as f64 + 0.5) / SIDE as f64;
    let points = Array2::from_shape_fn((SIDE * SIDE, 2), |(k, d)| {
        at(if d == 0 { k % SIDE } else { k / SIDE })
    });
    let values = log_density(&points)
        .mapv(f64::exp)
        .into_shape_with_order((SIDE, SIDE))?;
    let sides = (-3.0, 3.0);
    let plot = Plot::new(
        title,
        PlotAxis::linear("x").range(sides.0, sides.1),
        PlotAxis::linear("y").range(sides.0, sides.1),
    )
    .heat_map(HeatMap::new("density", values.view(), sides, sides))
    .equal_aspect();
    ctx.plot(name, "The normalised density.", &plot)
}
