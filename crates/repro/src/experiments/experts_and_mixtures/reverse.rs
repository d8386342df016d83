//! Adding the scores of noised models in a reverse diffusion, and what puts it right.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Kernel, Seed, TimeScore};
use gibbsian_densities::{GaussianMixture, NoisedMixture, ProductOfExperts};
use gibbsian_samplers::Mala;
use gibbsian_sde::{
    EulerMaruyama, FixedSteps, FreshNoise, MetropolisCorrected, NaiveProduct, ReverseSde, Solver, TimeGrid,
};
use ndarray::{Array1, Array2, ArrayView2, array};

use super::planar::{closed_product, experts};
use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

pub(super) const BIASED: Claim = Claim {
    claim: "a reverse diffusion along the sum of the experts' noised scores misses the product: the largest error of a first or second moment, in standard errors",
    source: "Du et al. (2023): the noised product is not the product of the noised",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(10.0)),
    full: Check::at_least(10.0),
    reason: "set before the run: ten standard errors of 4,000 points are a sixth of a deviation, and noise that is counted twice moves and narrows humps by that much",
};

pub(super) const SOLVER: Claim = Claim {
    claim: "which is not the solver's fault: the same steps with the score of the noised product leave a fraction of that error",
    source: "the noised product in closed form, a mixture of six",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.5)),
    full: Check::at_most(0.5),
    reason: "steps of 1/100 leave a bias of that order, and chance an error of two or three standard errors against the ten of the claim before",
};

pub(super) const CORRECTED: Claim = Claim {
    claim: "Metropolis-adjusted Langevin steps on the sum of the energies put the same points right: the largest error of a first or second moment, in standard errors",
    source: "Roberts and Tweedie (1996); the product has the energy E_A + E_B, whose normaliser is not needed",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five standard errors for each of five moments; the humps overlap, so that 600 steps forget where they began",
};

pub(super) const ANNEALED: Claim = Claim {
    claim: "corrections on the way, ten after each of a hundred steps of the same reverse diffusion, put it right too: the largest error of a first or second moment, in standard errors",
    source: "Du et al. (2023), algorithm 1",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "set before the run: every level is left invariant by its corrections and the last level is the product itself; five standard errors for each of five moments",
};

const N_POINTS: usize = 4_000;
const HORIZON: f64 = 5.0;
const N_STEPS: usize = 500;
const N_CORRECTIONS: usize = 600;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let [a, b] = experts()?;
    let (law, _) = closed_product(&a, &b)?;
    let process = || OrnsteinUhlenbeck::new(HORIZON);
    let seed = ctx.seed().child("reverse");
    let noised = |law: &GaussianMixture| -> Result<NoisedMixture<OrnsteinUhlenbeck>> {
        Ok(NoisedMixture::new(law.clone(), process()?)?)
    };
    let sum = NaiveProduct::new(array![1.0, 1.0], vec![noised(&a)?, noised(&b)?])?;
    let along = ReverseSde::new(process()?, sum);
    // At the horizon each factor is a standard normal, and the product of two of them has the variance one half.
    let added = reverse(&EulerMaruyama, &along, N_STEPS, 0.5, seed)?;
    let whole = ReverseSde::new(process()?, noised(&law)?);
    let solved = reverse(&EulerMaruyama, &whole, N_STEPS, 1.0, seed)?;
    let spread = 0.5 * law.covariance().diag().sum();
    let corrector = MetropolisCorrected::new(EulerMaruyama, 10, 0.3, spread)?;
    let annealed = reverse(&corrector, &along, N_STEPS / 5, 0.5, seed.child("annealed"))?;

    let product = ProductOfExperts::new(array![1.0, 1.0], vec![a, b])?;
    let kernel = Mala::new(0.15)?;
    let mut chains = kernel.init(&product, added.clone())?;
    for step in 0..N_CORRECTIONS {
        kernel.step(
            &product,
            &mut chains,
            &mut seed.child("corrections").nth(step as u64).rng(),
        );
    }
    let corrected = Kernel::<ProductOfExperts<GaussianMixture>>::positions(&kernel, &chains).into_owned();

    let [of_added, of_solved, of_corrected, of_annealed] =
        [&added, &solved, &corrected, &annealed].map(|x| largest_error(x.view(), &law));
    ctx.measure(&BIASED, of_added)?;
    ctx.measure(&SOLVER, of_solved / of_added)?;
    ctx.measure(&CORRECTED, of_corrected)?;
    ctx.measure(&ANNEALED, of_annealed)?;
    let points = |x: &Array2<f64>| {
        x.rows()
            .into_iter()
            .take(600)
            .map(|x| (x[0], x[1]))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "Two ways to sample a product",
        Axis::linear("x").range(-3.0, 3.0),
        Axis::linear("y").range(-3.0, 3.0),
    )
    .points("noised scores added", points(&added))
    .points("corrected", points(&corrected))
    .equal_aspect();
    ctx.plot(
        "reverse",
        "The same points before and after the correction.",
        &plot,
    )
}

/// Points at time 0, by steps of equal length from normal ones of this variance at the horizon.
fn reverse<M: TimeScore, V: Solver<ReverseSde<OrnsteinUhlenbeck, M>>>(
    solver: &V,
    equation: &ReverseSde<OrnsteinUhlenbeck, M>,
    n_steps: usize,
    variance: f64,
    seed: Seed,
) -> Result<Array2<f64>> {
    let noise = FreshNoise::new(seed.child("diffusion"));
    let start = variance.sqrt() * noise.normal((N_POINTS, 2));
    let steps = FixedSteps::new(TimeGrid::uniform(HORIZON, 0.0, n_steps)?);
    Ok(steps.solve(solver, equation, start, &noise)?)
}

/// The largest deviation of a first or second moment from that of the law, in standard errors.
fn largest_error(x: ArrayView2<f64>, law: &GaussianMixture) -> f64 {
    let (mean, covariance) = (law.mean(), law.covariance());
    let mut worst = 0.0f64;
    let mut hold = |values: Array1<f64>, expected: f64| {
        let (found, error) = mean_and_error(values.iter().copied());
        worst = larger(worst, (found - expected).abs() / error);
    };
    for i in 0..2 {
        hold(x.column(i).to_owned(), mean[i]);
        for j in 0..=i {
            hold(
                &x.column(i) * &x.column(j),
                covariance[[i, j]] + mean[i] * mean[j],
            );
        }
    }
    worst
}
