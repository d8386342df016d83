//! Weak orders without sampling.
//!
//! On data `N(μ, ς²)` the score of every marginal is affine, and so is each of these schemes: the last point is `x_N = a x_0 + c + Σ_k d_k z_k` with independent standard normal `z_k`, the increments, areas and
//! other numbers it was given, over their standard deviations. One row of a batch is given none, for `c`; one starts a unit further, for `a`; and each of the others is given one number alone, for its `d_k`. The
//! law of the scheme is then `N(a m + c, a² V + Σ d_k²)`, exactly, whatever it remembers between steps.
//!
//! With multiplicative noise, `dX = μX dt + νX dB`, a step multiplies by a polynomial in two normal numbers, whose moments Gauss's rule gives exactly.

use gibbsian_core::process::{OrnsteinUhlenbeck, VarianceExploding, VariancePreserving};
use gibbsian_core::{LinearGaussian, Result as CoreResult};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_linalg::SymmetricEigen;
use gibbsian_sde::{
    Ancestral, BrownianBlock, BrownianMotion, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun,
    EulerMaruyama, ExponentialIntegrator, FixedSteps, Milstein, ReverseDiffusion, ReverseSde, Solver, Sra1,
    Sri1W1, Step, StochasticHeun, StratonovichHeun, TimeGrid,
};
use ndarray::{Array2, ArrayViewMut2, array};

use super::equations::Geometric;
use super::{Orders, order_of_halving};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

/// Data `N(MEAN, DEVIATION²)`.
const MEAN: f64 = 1.5;
const DEVIATION: f64 = 0.6;
/// Numbers of steps.
const STEPS: [usize; 3] = [128, 256, 512];
/// An error below this is rounding: the scheme is exact.
const ROUNDING: f64 = 1e-11;

pub(super) const REVERSE: Claim = Claim {
    claim: "weak orders on the reverse of normal data under three processes, of mean and variance: largest distance of a slope from its order, 1 or 2",
    source: "the sources of the schemes; the law of each by linearity",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.02)),
    full: Check::at_most(0.02),
    reason: "slopes between halved steps, extrapolated once: what is left is of the second power of the step, and largest for the scheme that begins with a step of order 1, a per cent or so at 128 to 512 steps",
};

pub(super) const MULTIPLICATIVE: Claim = Claim {
    claim: "weak orders on geometric Brownian motion, of mean and second moment: 1 (Euler–Maruyama, Milstein, Heun), 2 (SRI1W1): largest distance of a slope from its order",
    source: "Kloeden and Platen (1992), chapter 14; Rößler (2010)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "as above, for an equation without time: the second power of the step is below a thousandth",
};

/// Measures both.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let mut worst = 0.0;
    worst = larger(worst, reverse(orders, "OU", OrnsteinUhlenbeck::new(2.0)?)?);
    worst = larger(worst, reverse(orders, "VP", VariancePreserving::new(0.5, 4.0)?)?);
    worst = larger(worst, reverse(orders, "VE", VarianceExploding::new(0.3, 6.0)?)?);
    ctx.measure(&REVERSE, worst)?;

    let mut worst = 0.0;
    for (name, order, moments) in [
        ("Euler–Maruyama", 1.0, multiplier(&EulerMaruyama)?),
        ("Milstein", 1.0, multiplier(&Milstein)?),
        ("Heun", 1.0, multiplier(&StratonovichHeun)?),
        ("SRI1W1", 2.0, multiplier(&Sri1W1)?),
    ] {
        for (moment, slope) in ["mean", "second moment"].into_iter().zip(moments) {
            let equation = format!("geometric Brownian motion, {moment}");
            worst = larger(worst, orders.add("weak", &equation, name, order, slope, 1.0)?);
        }
    }
    ctx.measure(&MULTIPLICATIVE, worst)
}

/// The largest distance of a slope from its order under one process.
fn reverse<P: LinearGaussian + Copy>(orders: &mut Orders, name: &str, process: P) -> Result<f64> {
    let data = GaussianMixture::new(
        array![1.0],
        array![[MEAN]],
        Covariances::Spherical(array![DEVIATION * DEVIATION]),
    )?;
    let equation = ReverseSde::new(process, NoisedMixture::new(data, process)?);
    let mut worst = 0.0;
    let mut add = |scheme: &str, order: f64, slopes: [Option<f64>; 2]| -> Result<()> {
        for (moment, slope) in ["mean", "variance"].into_iter().zip(slopes) {
            if let Some(slope) = slope {
                let equation = format!("reverse of {name}, {moment}");
                worst = larger(worst, orders.add("weak", &equation, scheme, order, slope, 1.0)?);
            }
        }
        Ok(())
    };
    let e = &equation;
    add("Euler–Maruyama", 1.0, slopes(&EulerMaruyama, e)?)?;
    add("Heun", 2.0, slopes(&StochasticHeun, e)?)?;
    add("SRA1", 2.0, slopes(&Sra1, e)?)?;
    add("exponential integrator", 1.0, slopes(&ExponentialIntegrator, e)?)?;
    add("reverse diffusion", 1.0, slopes(&ReverseDiffusion, e)?)?;
    add("ancestral sampling", 1.0, slopes(&Ancestral::default(), e)?)?;
    add("DDIM, η = 0", 1.0, slopes(&Ddim::new(0.0)?, e)?)?;
    add("DPM-Solver++ 2M", 2.0, slopes(&DpmSolver2M, e)?)?;
    add("DPM-Solver++ 2S", 2.0, slopes(&DpmSolver2S::default(), e)?)?;
    add("SDE-DPM-Solver++ 2M", 2.0, slopes(&DpmSolverSde2M, e)?)?;
    add("EDM Heun", 2.0, slopes(&EdmHeun::default(), e)?)?;
    Ok(worst)
}

type Reverse<P> = ReverseSde<P, NoisedMixture<P>>;

/// The slopes of the errors of mean and variance, where there are errors.
fn slopes<P: LinearGaussian + Copy, V: Solver<Reverse<P>>>(
    scheme: &V,
    equation: &Reverse<P>,
) -> Result<[Option<f64>; 2]> {
    let mut errors = [[0.0; 3]; 2];
    for (k, n) in STEPS.into_iter().enumerate() {
        [errors[0][k], errors[1][k]] = law_errors(scheme, equation, n)?;
    }
    Ok(errors.map(|errors| (errors[2].is_nan() || errors[2] > ROUNDING).then(|| order_of_halving(errors))))
}

/// The errors of mean and variance at a fifth of the horizon, from the exact law at the horizon.
fn law_errors<P: LinearGaussian + Copy, V: Solver<Reverse<P>>>(
    scheme: &V,
    equation: &Reverse<P>,
    n_steps: usize,
) -> Result<[f64; 2]> {
    let process = equation.process();
    let marginal = |t: f64| {
        (
            process.alpha(t) * MEAN,
            (process.alpha(t) * DEVIATION).powi(2) + process.variance(t),
        )
    };
    let (from, to) = (process.horizon(), 0.2 * process.horizon());
    let (mean, variance) = marginal(from);
    // No scheme here asks for more than two numbers a step.
    let mut start = Array2::from_elem((2 + 2 * n_steps, 1), mean);
    start[[1, 0]] += 1.0;
    let steps = FixedSteps::new(TimeGrid::uniform(from, to, n_steps)?);
    let x = steps.solve(scheme, equation, start, &Units)?.column(0).to_owned();
    let a = x[1] - x[0];
    let driven: f64 = x.iter().skip(2).map(|end| (end - x[0]).powi(2)).sum();
    let (exact_mean, exact_variance) = marginal(to);
    Ok([
        (x[0] - exact_mean).abs(),
        (a * a * variance + driven - exact_variance).abs(),
    ])
}

/// Gives the number `k` that it is asked for to row `2 + k` alone, as one standard deviation.
struct Units;

impl BrownianMotion for Units {
    fn check(&self, _: &TimeGrid, _: usize, _: usize) -> CoreResult<()> {
        Ok(())
    }

    fn block(&self, _: usize, first_row: usize) -> Box<dyn BrownianBlock + '_> {
        Box::new(UnitBlock { first_row, asked: 0 })
    }
}

struct UnitBlock {
    first_row: usize,
    asked: usize,
}

impl UnitBlock {
    fn give(&mut self, mut out: ArrayViewMut2<f64>, deviation: f64) {
        out.fill(0.0);
        let row = (2 + self.asked).checked_sub(self.first_row);
        if let Some(row) = row.filter(|row| *row < out.nrows()) {
            out[[row, 0]] = deviation;
        }
        self.asked += 1;
    }
}

impl BrownianBlock for UnitBlock {
    fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>) {
        self.give(increment, (to - from).abs().sqrt());
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        area: ArrayViewMut2<f64>,
    ) {
        self.give(increment, (to - from).abs().sqrt());
        self.give(area, ((to - from).abs() / 12.0).sqrt());
    }

    fn independent_into(&mut self, z: ArrayViewMut2<f64>) {
        self.give(z, 1.0);
    }
}

/// The slopes of the errors of mean and second moment of geometric Brownian motion at time 1.
fn multiplier<V: Solver<Geometric>>(scheme: &V) -> Result<[f64; 2]> {
    const NODES: usize = 12;
    let motion = Geometric {
        growth: 0.5,
        volatility: 0.4,
    };
    let rule = gauss_hermite(NODES)?;
    let mut errors = [[0.0; 3]; 2];
    for (k, n) in STEPS.into_iter().enumerate() {
        let h = 1.0 / n as f64;
        let pair = |row: usize| (rule[row / NODES], rule[row % NODES]);
        let mut x = Array2::ones((NODES * NODES, 1));
        let step = Step {
            index: 0,
            n_steps: n,
            from: 0.0,
            to: h,
        };
        let mut given = Given {
            increments: Array2::from_shape_fn(x.dim(), |(row, _)| h.sqrt() * pair(row).0.0),
            areas: Array2::from_shape_fn(x.dim(), |(row, _)| (h / 12.0).sqrt() * pair(row).1.0),
        };
        scheme.step(
            &motion,
            &step,
            x.view_mut(),
            &mut given,
            &mut V::Memory::default(),
        );
        let moment = |power: i32| -> f64 {
            let terms = x
                .iter()
                .enumerate()
                .map(|(row, x)| pair(row).0.1 * pair(row).1.1 * x.powi(power));
            terms.sum()
        };
        let steps = n as f64;
        errors[0][k] = (steps * moment(1).ln()).exp() - motion.growth.exp();
        errors[1][k] =
            (steps * moment(2).ln()).exp() - (2.0 * motion.growth + motion.volatility.powi(2)).exp();
    }
    Ok(errors.map(|errors| order_of_halving(errors.map(f64::abs))))
}

/// Nodes and weights of Gauss's rule for the standard normal law: eigenvalues of the matrix of its orthogonal polynomials, and the squares of the eigenvectors' first entries (Golub and Welsch 1969).
fn gauss_hermite(n: usize) -> Result<Vec<(f64, f64)>> {
    let jacobi = Array2::from_shape_fn((n, n), |(i, j)| {
        if i.abs_diff(j) == 1 {
            (i.max(j) as f64).sqrt()
        } else {
            0.0
        }
    });
    let eigen = SymmetricEigen::new("jacobi", jacobi.view())?;
    let weights = eigen.vectors().row(0).mapv(|v| v * v);
    Ok(eigen.values().iter().copied().zip(weights).collect())
}

/// Numbers that are given.
struct Given {
    increments: Array2<f64>,
    areas: Array2<f64>,
}

impl BrownianBlock for Given {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.assign(&self.increments);
    }

    fn increment_and_area_into(
        &mut self,
        _: f64,
        _: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        increment.assign(&self.increments);
        area.assign(&self.areas);
    }

    fn independent_into(&mut self, _: ArrayViewMut2<f64>) {
        unreachable!("no scheme of this file draws numbers beside the path");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauss_s_rule_has_the_moments_of_the_normal_law() {
        let rule = gauss_hermite(6).unwrap();
        for (power, moment) in [(0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0), (6, 15.0), (10, 945.0)] {
            let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(power)).sum();
            assert!((sum - moment).abs() < 1e-12 * moment.max(1.0), "{power}: {sum}");
        }
    }
}
