//! A step of DDPM beside a step of the reverse equation.
//!
//! DDPM noises by `x_i = √(1 − β) x_{i−1} + √β z` and goes back by `x_{i−1} = (x_i + β s)/√(1 − β)` and noise (Ho, Jain and Abbeel 2020, algorithm 2). The variance-preserving process
//! over a step with `β = ∫ β_t dt` has the reverse equation `dX = −(β_t X/2 + β_t s) dt + …` backwards in time, and Euler's step of it is `x + β (x/2 + s)` and noise. Since
//!
//! `(1 − β)^{−1/2} = 1 + β/2 + 3β²/8 + O(β³)`,
//!
//! the two differ by `(3x/8 + s/2) β² + O(β³)`: of second order, with a constant that can be checked.

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{LinearGaussian, TimeScore};
use gibbsian_densities::NoisedMixture;
use gibbsian_sde::{
    Ancestral, BrownianBlock, BrownianMotion, EulerMaruyama, FixedSteps, ReverseSde, TimeGrid,
};
use ndarray::{Array1, Array2, ArrayViewMut2, array};

use super::data;
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

/// The rates of a step.
const BETAS: [f64; 6] = [0.1, 0.05, 0.02, 0.01, 0.005, 0.002];

pub(super) const ORDER: Claim = Claim {
    claim: "the mean of a DDPM step minus that of an Euler step of the reverse equation is of second order in β: slope of log difference against log β",
    source: "Song et al. (2021), appendix E; expansion of (1 − β)^(−1/2)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(2.0).within(0.05)),
    full: Check::value(2.0).within(0.05),
    reason: "the next term is about β times the first: over β = 0.1 to 0.002 it adds at most 0.03 to the slope",
};

pub(super) const CONSTANT: Claim = Claim {
    claim: "at β = 0.002 the difference over β² is 3x/8 + s/2: largest deviation over the largest entry of it",
    source: "expansion of (1 − β)^(−1/2)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "the next term has the factor β with constants 5/16 and 3/8, no more than the first; five times that is allowed",
};

/// Compares steps at several rates.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    // A constant rate of one: β is the length of a step.
    let process = VariancePreserving::new(1.0, 1.0)?;
    let noised = NoisedMixture::new(data()?, process)?;
    let from = 0.5;
    let x = array![[-2.0, -1.0], [0.3, 0.4], [1.5, -2.0], [0.0, 2.5]];
    let mut score = Array2::zeros(x.dim());
    noised.score_at_into(
        x.view(),
        Array1::from_elem(x.nrows(), from).view(),
        score.view_mut(),
    );
    let constant = 0.375 * &x + 0.5 * &score;
    let reverse = ReverseSde::new(process, noised);
    let largest = |values: &Array2<f64>| values.iter().fold(0.0, |most, v| larger(most, v.abs()));

    let mut curve = Vec::new();
    for beta in BETAS {
        // β = 1 − α² is a little less than the length of the step: the chain's β is that of its own step.
        let length = -(-beta).ln_1p();
        let steps = FixedSteps::new(TimeGrid::new(array![from, from - length])?);
        let chain = steps.solve(&Ancestral::default(), &reverse, x.clone(), &AtRest)?;
        let euler = &x + &((0.5 * &x + &score) * beta);
        let difference = chain - euler;
        curve.push((beta, largest(&difference)));
        if beta == BETAS[BETAS.len() - 1] {
            let deviation = difference / (beta * beta) - &constant;
            ctx.measure(&CONSTANT, largest(&deviation) / largest(&constant))?;
        }
    }
    let (first, last) = (curve[0], curve[curve.len() - 1]);
    ctx.measure(&ORDER, (first.1 / last.1).ln() / (first.0 / last.0).ln())?;
    // The library's Euler step is the formula's.
    let beta = 0.01;
    let steps = FixedSteps::new(TimeGrid::new(array![from, from - beta])?);
    let euler = steps.solve(&EulerMaruyama, &reverse, x.clone(), &AtRest)?;
    let formula = &x + &((0.5 * &x + &score) * process.diffusion_squared(from) * beta);
    ctx.note(format!(
        "The Euler step of the library differs from the formula by {:.1e}.",
        largest(&(euler - formula))
    ));
    let plot = Plot::new(
        "A step of DDPM and a step of the reverse equation",
        Axis::log("β of the step"),
        Axis::log("largest difference of their means"),
    )
    .line("measured", curve.clone())
    .dashed(
        "largest entry of 3x/8 + s/2, times β²",
        curve
            .iter()
            .map(|&(beta, _)| (beta, largest(&constant) * beta * beta)),
    );
    ctx.plot(
        "ddpm",
        "The two steps differ in the second order of β, by the constant that the expansion gives.",
        &plot,
    )
}

/// A path that stays where it is: what is left of a step is its mean.
struct AtRest;

impl BrownianMotion for AtRest {
    fn check(&self, _: &TimeGrid, _: usize, _: usize) -> gibbsian_core::Result<()> {
        Ok(())
    }

    fn block(&self, _: usize, _: usize) -> Box<dyn BrownianBlock + '_> {
        Box::new(AtRest)
    }
}

impl BrownianBlock for AtRest {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.fill(0.0);
    }

    fn increment_and_area_into(
        &mut self,
        _: f64,
        _: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        increment.fill(0.0);
        area.fill(0.0);
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        z.fill(0.0);
    }
}
