//! Orders of schemes without noise, on the probability flow of two modes.

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{LinearGaussian, Result as CoreResult, Space};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    Ddim, DpmSolver2M, DpmSolver2S, EdmHeun, EmbeddedPair, Euler, ExponentialIntegrator, FixedSteps, Heun,
    NoNoise, ProbabilityFlow, ReverseDiffusion, ReverseSde, RungeKutta4, Solver, TimeGrid, UniPc,
};
use ndarray::{Array1, Array2, array};

use super::{Orders, order_of_halving};
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

/// Numbers of steps.
const STEPS: [usize; 5] = [32, 64, 128, 256, 512];
/// Those of schemes of order four and five, whose errors in more steps come near rounding.
const FEWER: [usize; 5] = [8, 16, 32, 64, 128];
/// That of the reference, of order five: its error is rounding.
const REFERENCE: usize = 1_024;

pub(super) const DETERMINISTIC: Claim = Claim {
    claim: "orders on the probability flow of two modes: 1 (Euler, DDIM, exponential integrator, reverse diffusion), 2 (Heun, DPM-Solver++ 2M and 2S, EDM Heun, UniPC with p = 1), 3 (UniPC with p = 2, Bogacki–Shampine), \
            4 (Runge–Kutta, UniPC with p = 3 after a short beginning), 5 (Dormand–Prince, Tsitouras): largest distance of a slope from its order",
    source: "the sources of the schemes",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.1)),
    full: Check::at_most(0.1),
    reason: "slopes from the last four numbers of steps, extrapolated twice; the reference is that of Dormand and Prince in 1,024 steps, right to rounding",
};

/// Measures all of them.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let process = VariancePreserving::new(0.5, 4.0)?;
    let data = GaussianMixture::new(
        array![0.4, 0.6],
        array![[-1.0], [1.0]],
        Covariances::Spherical(array![0.25, 0.16]),
    )?;
    let noised = NoisedMixture::new(data, process)?;
    let (from, to) = (process.horizon(), 0.1 * process.horizon());
    let start = Array1::linspace(-2.0, 2.0, 64).insert_axis(ndarray::Axis(1));
    let flow = ProbabilityFlow::new(process, &noised);
    let reference = FixedSteps::new(TimeGrid::uniform(from, to, REFERENCE)?);
    let exact = reference.solve(&EmbeddedPair::DORMAND_PRINCE, &flow, start.clone(), &NoNoise)?;
    let reverse = ReverseSde::new(process, &noised);
    let without_noise = reverse.with_stochasticity(0.0)?;
    let problem = Problem {
        start,
        exact,
        from,
        to,
    };
    let even = |n| problem.even(n);
    macro_rules! curves {
        ($($name:literal, $order:literal, $scheme:expr, $equation:ident, $steps:ident, $grid:expr;)*) => {
            [$(($name, $order, problem.errors(&$scheme, &$equation, $steps, $grid)?)),*]
        };
    }
    let curves = curves![
        "Euler", 1.0, Euler, flow, STEPS, even;
        "DDIM", 1.0, Ddim::new(0.0)?, reverse, STEPS, even;
        "exponential integrator, λ = 0", 1.0, ExponentialIntegrator, without_noise, STEPS, even;
        "reverse diffusion, λ = 0", 1.0, ReverseDiffusion, without_noise, STEPS, even;
        "Heun", 2.0, Heun, flow, STEPS, even;
        "DPM-Solver++ 2M", 2.0, DpmSolver2M, reverse, STEPS, even;
        "DPM-Solver++ 2S", 2.0, DpmSolver2S::default(), reverse, STEPS, even;
        "EDM Heun", 2.0, EdmHeun::default(), reverse, STEPS, even;
        "UniPC, p = 1", 2.0, UniPc::new(1)?, reverse, STEPS, even;
        "UniPC, p = 2", 3.0, UniPc::default(), reverse, STEPS, even;
        "Bogacki–Shampine", 3.0, EmbeddedPair::BOGACKI_SHAMPINE, flow, STEPS, even;
        "UniPC, p = 3", 4.0, UniPc::new(3)?, reverse, FEWER, |n| problem.begun_shortly(n);
        "Runge–Kutta", 4.0, RungeKutta4, flow, FEWER, even;
        "Dormand–Prince", 5.0, EmbeddedPair::DORMAND_PRINCE, flow, FEWER, even;
        "Tsitouras", 5.0, EmbeddedPair::TSITOURAS, flow, FEWER, even;
    ];
    let mut plot = Plot::new(
        "The probability flow of two modes",
        Axis::log("number of steps"),
        Axis::log("root mean square error at the end"),
    );
    let mut worst = 0.0;
    for (scheme, order, curve) in curves {
        let last = [1, 2, 3, 4].map(|k: usize| curve[k].1);
        worst = larger(
            worst,
            orders.add(
                "flow",
                "two modes under VP",
                scheme,
                order,
                order_of_halving(last),
                1.0,
            )?,
        );
        plot = plot.line(format!("{scheme}, order {order}"), curve);
    }
    ctx.measure(&DETERMINISTIC, worst)?;
    ctx.plot(
        "flow",
        "Errors of schemes without noise, against a solution to thirteen digits.",
        &plot,
    )
}

struct Problem {
    start: Array2<f64>,
    exact: Array2<f64>,
    from: f64,
    to: f64,
}

impl Problem {
    fn even(&self, n: usize) -> CoreResult<TimeGrid> {
        TimeGrid::uniform(self.from, self.to, n)
    }

    /// Two steps of length `4h²` before the others: a multistep method of order four begins with steps of order two and three, whose errors are then of the powers six and eight of `h`.
    fn begun_shortly(&self, n: usize) -> CoreResult<TimeGrid> {
        let short = 4.0 * (self.from - self.to) / (n * n) as f64;
        let rest = TimeGrid::uniform(self.from - 2.0 * short, self.to, n)?;
        let first = [self.from, self.from - short];
        TimeGrid::new(first.into_iter().chain(rest.times().iter().copied()).collect())
    }

    fn errors<E: Space, V: Solver<E>>(
        &self,
        scheme: &V,
        equation: &E,
        steps: [usize; 5],
        grid: impl Fn(usize) -> CoreResult<TimeGrid>,
    ) -> Result<Vec<(f64, f64)>> {
        let mut found = Vec::new();
        for n in steps {
            let steps = FixedSteps::new(grid(n)?);
            let x = steps.solve(scheme, equation, self.start.clone(), &NoNoise)?;
            let squares = (&x - &self.exact).mapv(|e| e * e);
            found.push((n as f64, squares.mean().unwrap_or(f64::NAN).sqrt()));
        }
        Ok(found)
    }
}
