//! Strong orders of the schemes for diffusion models.

use gibbsian_core::LinearGaussian;
use gibbsian_core::process::VariancePreserving;
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolverSde2M, EulerMaruyama, ExponentialIntegrator, FixedSteps, FreshNoise,
    ReverseDiffusion, ReverseSde, ReverseVariance, Sra1, StochasticHeun, StoredPath, TimeGrid,
};
use ndarray::array;

use super::normal_data::{Problem, UnderProcess, under_each_process};
use super::strong::{compare, errors};
use super::{Orders, order_of_halving};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

/// Intervals of the stored path, and the steps of a reference.
const FINE: usize = 4_096;
/// Numbers of steps on normal data: many, because what is of first order in the last scheme is a small part of its error in long ones.
const STEPS: [usize; 4] = [512, 1_024, 2_048, 4_096];

pub(super) const TWO_MODES: Claim = Claim {
    claim: "strong orders on the way back to two modes: 1 (Euler–Maruyama, exponential integrator, reverse diffusion, ancestral sampling, DDIM with noise), 3/2 (SRA1): largest distance of a slope from its order, over 0.1 for the first \
            and 0.05 for the others",
    source: "Kloeden and Platen (1992), section 10.2; the sources of the schemes",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "all are compared with SRA1 in steps eight times as short as the shortest; tolerances as for other equations with additive noise",
};

pub(super) const NORMAL: Claim = Claim {
    claim: "strong orders on the way back to normal data under five processes: 1 for every scheme, and 2 for SRA1, since what holds it at 3/2 vanishes with the curvature of the drift: largest distance of a slope from its order",
    source: "Kloeden and Platen (1992), section 10.2; the sources of the schemes",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "mean squares by Itô's isometry, without sampling; slopes between halved steps, extrapolated twice",
};

/// Measures both.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    two_modes(ctx, orders)?;
    let mut normal = OnPaths { orders, worst: 0.0 };
    under_each_process(&mut normal)?;
    let worst = normal.worst;
    ctx.measure(&NORMAL, worst)
}

fn two_modes(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let (n, seed) = (ctx.pick(1_000, 10_000), ctx.seed().child("diffusion"));
    let process = VariancePreserving::new(0.5, 4.0)?;
    let data = GaussianMixture::new(
        array![0.4, 0.6],
        array![[-1.0], [1.0]],
        Covariances::Spherical(array![0.36, 0.25]),
    )?;
    let noised = NoisedMixture::new(data, process)?;
    let grid = TimeGrid::uniform(process.horizon(), 0.1 * process.horizon(), FINE)?;
    let path = StoredPath::draw(grid.clone(), (n, 1), seed.child("path"))?;
    let start = FreshNoise::new(seed.child("start")).normal((n, 1)) * process.prior_variance().sqrt();
    let fine = FixedSteps::new(grid);
    let reverse = ReverseSde::new(process, &noised);
    let solution = fine.solve(&Sra1, &reverse, start.clone(), &path)?;
    let half = reverse.with_stochasticity(0.5)?;
    let solution_of_half = fine.solve(&Sra1, &half, start.clone(), &path)?;
    macro_rules! curves {
        ($($name:literal, $order:literal, $scheme:expr, $equation:ident, $solution:ident;)*) => {
            [$(($name, $order, errors(&$scheme, &$equation, &start, &path, &$solution)?)),*]
        };
    }
    let curves = curves![
        "Euler–Maruyama", 1.0, EulerMaruyama, reverse, solution;
        "Heun", 1.0, StochasticHeun, reverse, solution;
        "SRA1", 1.5, Sra1, reverse, solution;
        "exponential integrator", 1.0, ExponentialIntegrator, reverse, solution;
        "reverse diffusion", 1.0, ReverseDiffusion, reverse, solution;
        "ancestral sampling", 1.0, Ancestral::default(), reverse, solution;
        "DDIM, η = 1", 1.0, Ddim::new(1.0)?, reverse, solution;
        "DDIM, η = 1/2", 1.0, Ddim::new(0.5)?, half, solution_of_half;
    ];
    let worst = compare(ctx, orders, "reverse of VP, two modes", "two-modes", curves)?;
    ctx.measure(&TWO_MODES, worst)
}

/// The largest distance of a slope from its order on normal data.
struct OnPaths<'a> {
    orders: &'a mut Orders,
    worst: f64,
}

impl UnderProcess for OnPaths<'_> {
    fn measure<P: LinearGaussian + Copy>(&mut self, name: &str, problem: &Problem<P>) -> Result<()> {
        let equation = format!("reverse of {name}, normal data");
        let transition = Ancestral {
            variance: ReverseVariance::Transition,
        };
        macro_rules! orders {
            ($($scheme:literal, $order:literal, $solver:expr, $lambda:literal;)*) => {
                $({
                    let mut errors = [0.0; STEPS.len()];
                    for (error, n) in errors.iter_mut().zip(STEPS) {
                        *error = problem.strong_error(&$solver, $lambda, n)?;
                    }
                    let slope = order_of_halving(errors);
                    let distance = self.orders.add("strong", &equation, $scheme, $order, slope, 1.0)?;
                    self.worst = larger(self.worst, distance);
                })*
            };
        }
        orders![
            "Euler–Maruyama", 1.0, EulerMaruyama, 1.0;
            "Heun", 1.0, StochasticHeun, 1.0;
            "SRA1", 2.0, Sra1, 1.0;
            "exponential integrator", 1.0, ExponentialIntegrator, 1.0;
            "reverse diffusion", 1.0, ReverseDiffusion, 1.0;
            "ancestral sampling", 1.0, Ancestral::default(), 1.0;
            "ancestral sampling, transition", 1.0, transition, 1.0;
            "DDIM, η = 1/2", 1.0, Ddim::new(0.5)?, 0.5;
            "SDE-DPM-Solver++ 2M", 1.0, DpmSolverSde2M, 1.0;
        ];
        Ok(())
    }
}
