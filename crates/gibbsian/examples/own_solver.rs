//! A solver of one's own: the explicit midpoint rule, held to its order.
//!
//! `x' = x + h u(x + ½ h u(x, t), t + ½ h)`. One method of one trait; the driver, grids and blocks are the library's. Of order 2 means that halving the step divides the error by four, which the probability flow of
//! normal data shows: there the end is known, a point keeps its distance from the mean in standard deviations.
//!
//! `cargo run -p gibbsian --example own_solver`
//!
//! prints errors at halved steps and their slope beside those of Euler's scheme.

#![allow(clippy::print_stdout)]

use gibbsian::core::process::OrnsteinUhlenbeck;
use gibbsian::densities::NoisedMixture;
use gibbsian::ndarray::{Array1, Array2, ArrayViewMut2, array};
use gibbsian::prelude::*;
use gibbsian::sde::{
    BrownianBlock, Euler, FixedSteps, NoNoise, Ode, ProbabilityFlow, Solver, Step, TimeGrid,
};

struct Midpoint;

impl<E: Ode> Solver<E> for Midpoint {
    type Memory = ();

    fn noise_dim(&self, _: &E) -> usize {
        0
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        _: &mut dyn BrownianBlock,
        (): &mut (),
    ) {
        let (h, n) = (step.size(), x.nrows());
        let mut velocity = Array2::zeros(x.dim());
        equation.velocity_into(
            x.view(),
            Array1::from_elem(n, step.from).view(),
            velocity.view_mut(),
        );
        let middle = &x + &(0.5 * h * &velocity);
        equation.velocity_into(
            middle.view(),
            Array1::from_elem(n, step.from + 0.5 * h).view(),
            velocity.view_mut(),
        );
        x.scaled_add(h, &velocity);
    }
}

/// Measures the orders of two schemes.
pub fn main() -> Result<()> {
    let process = OrnsteinUhlenbeck::new(4.0)?;
    let data = GaussianMixture::new(array![1.0], array![[3.0]], Covariances::Spherical(array![0.25]))?;
    let flow = ProbabilityFlow::new(process, NoisedMixture::new(data, process)?);
    // From x₀ at time 0 to α x̄ + (x₀ − x̄) σ(t)/σ(0) at time t, with σ² = α²/4 + 1 − α².
    let (t, x_0) = (1.0, 3.5);
    let (alpha, variance) = (
        process.alpha(t),
        0.25 * process.alpha(t).powi(2) + process.variance(t),
    );
    let exact = alpha * 3.0 + (x_0 - 3.0) * (variance / 0.25).sqrt();

    let error = |solver: &dyn Fn(&FixedSteps) -> Result<Array2<f64>>, n_steps| -> Result<f64> {
        let steps = FixedSteps::new(TimeGrid::uniform(0.0, t, n_steps)?);
        Ok((solver(&steps)?[[0, 0]] - exact).abs())
    };
    let midpoint = |steps: &FixedSteps| steps.solve(&Midpoint, &flow, array![[x_0]], &NoNoise);
    let euler = |steps: &FixedSteps| steps.solve(&Euler, &flow, array![[x_0]], &NoNoise);
    for n_steps in [32, 64, 128] {
        println!(
            "{n_steps:4} steps: midpoint {:.2e}, Euler {:.2e}",
            error(&midpoint, n_steps)?,
            error(&euler, n_steps)?
        );
    }
    let slope = |solver: &dyn Fn(&FixedSteps) -> Result<Array2<f64>>| -> Result<f64> {
        Ok((error(solver, 128)? / error(solver, 256)?).log2())
    };
    let (of_midpoint, of_euler) = (slope(&midpoint)?, slope(&euler)?);
    println!("orders {of_midpoint:.3} and {of_euler:.3}");
    // The next term of the expansion is smaller by a factor of the step, 1/128 or 1/256.
    assert!((of_midpoint - 2.0).abs() < 0.05 && (of_euler - 1.0).abs() < 0.05);
    Ok(())
}
