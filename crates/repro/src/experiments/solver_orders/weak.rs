//! Weak orders without sampling.
//!
//! On normal data the law of a scheme follows from those of its steps (`normal_data`). With multiplicative noise, `dX = μX dt + νX dB`, a step multiplies by a polynomial in two normal numbers, whose moments Gauss's
//! rule gives exactly.

use gibbsian_core::LinearGaussian;
use gibbsian_linalg::SymmetricEigen;
use gibbsian_sde::{
    Ancestral, BrownianBlock, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, EulerMaruyama,
    ExponentialIntegrator, LangevinStep, Milstein, PredictorCorrector, ReverseDiffusion, ReverseVariance,
    Solver, Sra1, Sri1W1, Step, StochasticHeun, StratonovichHeun, UniPc,
};
use ndarray::{Array2, ArrayViewMut2};

use super::equations::Geometric;
use super::normal_data::{LawError, Problem, UnderProcess, under_each_process};
use super::{Orders, order_of_halving};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

/// Numbers of steps.
const STEPS: [usize; 4] = [128, 256, 512, 1_024];
/// Those of schemes with noise: under one process what is of second order in a mean nearly cancels, and shorter steps show it.
const MORE: [usize; 4] = [256, 512, 1_024, 2_048];
/// An error below this is rounding: the scheme is exact.
const ROUNDING: f64 = 1e-12;

pub(super) const REVERSE: Claim = Claim {
    claim: "weak orders on the reverse of normal data under five processes, of mean and variance: largest distance of a slope from its order, 1, 2 or 3",
    source: "the sources of the schemes; the law of each by linearity",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "slopes between halved steps, extrapolated twice: what is left is of the third power of the step, of which the longest is 1/128 of the way or less",
};

pub(super) const MULTIPLICATIVE: Claim = Claim {
    claim: "weak orders on geometric Brownian motion, of mean and second moment: 1 (Euler–Maruyama, Milstein, Heun), 2 (SRI1W1): largest distance of a slope from its order",
    source: "Kloeden and Platen (1992), chapter 14; Rößler (2010)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.01)),
    full: Check::at_most(0.01),
    reason: "as above, for an equation without time",
};

/// Measures both.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let mut reverse = OfReverse { orders, worst: 0.0 };
    under_each_process(&mut reverse)?;
    let worst = reverse.worst;
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

/// The largest distance of a slope from its order.
struct OfReverse<'a> {
    orders: &'a mut Orders,
    worst: f64,
}

impl OfReverse<'_> {
    /// Notes the slopes of the errors of mean and variance, where there are errors.
    fn add(
        &mut self,
        process: &str,
        scheme: &str,
        order: f64,
        steps: [usize; 4],
        error: impl Fn(usize) -> Result<LawError>,
    ) -> Result<()> {
        let mut errors = [[0.0; 4]; 2];
        for (k, n) in steps.into_iter().enumerate() {
            let found = error(n)?;
            (errors[0][k], errors[1][k]) = (found.mean, found.variance);
        }
        for (moment, errors) in ["mean", "variance"].into_iter().zip(errors) {
            if errors.iter().any(|e| e.is_nan() || *e > ROUNDING) {
                let equation = format!("reverse of {process}, {moment}");
                let slope = order_of_halving(errors);
                let distance = self.orders.add("weak", &equation, scheme, order, slope, 1.0)?;
                self.worst = larger(self.worst, distance);
            }
        }
        Ok(())
    }
}

impl UnderProcess for OfReverse<'_> {
    fn measure<P: LinearGaussian + Copy>(&mut self, name: &str, problem: &Problem<P>) -> Result<()> {
        macro_rules! orders {
            ($($scheme:literal, $order:literal, $steps:ident, $error:ident($solver:expr $(, $argument:expr)?);)*) => {
                $(self.add(name, $scheme, $order, $steps, |n| problem.$error(&$solver, $($argument,)? n))?;)*
            };
        }
        let transition = Ancestral {
            variance: ReverseVariance::Transition,
        };
        let churned = EdmHeun {
            churn: 2.0,
            ..EdmHeun::default()
        };
        // Corrections in proportion to the step have errors of first order, as has the predictor.
        let corrected =
            |n: usize| PredictorCorrector::new(ReverseDiffusion, LangevinStep::Fixed(0.5 / n as f64));
        orders![
            "Euler–Maruyama", 1.0, MORE, law_error(EulerMaruyama, 1.0);
            "Milstein", 1.0, MORE, law_error(Milstein, 1.0);
            "Heun", 2.0, MORE, law_error(StochasticHeun, 1.0);
            "SRA1", 2.0, MORE, law_error(Sra1, 1.0);
            "exponential integrator", 1.0, MORE, law_error(ExponentialIntegrator, 1.0);
            "exponential integrator, λ = 3/2", 1.0, MORE, law_error(ExponentialIntegrator, 1.5);
            "reverse diffusion", 1.0, MORE, law_error(ReverseDiffusion, 1.0);
            "ancestral sampling", 1.0, MORE, law_error(Ancestral::default(), 1.0);
            "ancestral sampling, transition", 1.0, MORE, law_error(transition, 1.0);
            "DDIM, η = 1/2", 1.0, MORE, law_error(Ddim::new(0.5)?, 0.5);
            "SDE-DPM-Solver++ 2M", 2.0, MORE, law_error(DpmSolverSde2M, 1.0);
            // At the horizon churn has no room.
            "EDM Heun, churn", 2.0, MORE, marginal_error(churned, 0.8);
            "exponential integrator, λ = 0", 1.0, STEPS, map_error(ExponentialIntegrator);
            "reverse diffusion, λ = 0", 1.0, STEPS, map_error(ReverseDiffusion);
            "DDIM, η = 0", 1.0, STEPS, map_error(Ddim::new(0.0)?);
            "DPM-Solver++ 2M", 2.0, STEPS, map_error(DpmSolver2M);
            "DPM-Solver++ 2S", 2.0, STEPS, map_error(DpmSolver2S::default());
            "EDM Heun", 2.0, STEPS, map_error(EdmHeun::default());
            "UniPC, p = 1", 2.0, STEPS, map_error(UniPc::new(1)?);
            "UniPC, p = 2", 3.0, STEPS, map_error(UniPc::default());
        ];
        self.add(name, "predictor and corrector", 1.0, MORE, |n| {
            problem.marginal_error(&corrected(n), 1.0, n)
        })
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
    let mut errors = [[0.0; STEPS.len()]; 2];
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
