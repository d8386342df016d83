//! Orders of schemes without noise, on the probability flow of two modes.

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{LinearGaussian, Space};
use gibbsian_densities::{Covariances, GaussianMixture, NoisedMixture};
use gibbsian_sde::{
    AdaptiveRungeKutta, Ddim, DpmSolver2M, DpmSolver2S, EdmHeun, Euler, FixedSteps, Heun, NoNoise,
    ProbabilityFlow, ReverseSde, RungeKutta4, Solver, TimeGrid, UniPc,
};
use ndarray::{Array1, Array2, array};

use super::{Orders, order_of_halving};
use crate::statistics::larger;
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result};

/// Numbers of steps.
const STEPS: [usize; 5] = [32, 64, 128, 256, 512];

pub(super) const DETERMINISTIC: Claim = Claim {
    claim: "orders on the probability flow of two modes: 1 (Euler, DDIM), 2 (Heun, DPM-Solver++ 2M and 2S, EDM Heun), 3 (UniPC), 4 (Runge–Kutta): largest distance of a slope from its order",
    source: "the sources of the schemes",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(0.1)),
    full: Check::at_most(0.1),
    reason: "slopes from the last three numbers of steps, extrapolated once; the reference is solved to 1e-13",
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
    let exact = AdaptiveRungeKutta::with_tolerance(1e-13)
        .solve(&flow, start.clone(), from, to)?
        .points;
    let reverse = ReverseSde::new(process, &noised);
    let problem = Problem {
        start,
        exact,
        from,
        to,
    };
    let curves = [
        ("Euler", 1.0, problem.errors(&Euler, &flow)?),
        ("DDIM", 1.0, problem.errors(&Ddim::new(0.0)?, &reverse)?),
        ("Heun", 2.0, problem.errors(&Heun, &flow)?),
        ("DPM-Solver++ 2M", 2.0, problem.errors(&DpmSolver2M, &reverse)?),
        (
            "DPM-Solver++ 2S",
            2.0,
            problem.errors(&DpmSolver2S::default(), &reverse)?,
        ),
        ("UniPC", 3.0, problem.errors(&UniPc::default(), &reverse)?),
        ("EDM Heun", 2.0, problem.errors(&EdmHeun::default(), &reverse)?),
        ("Runge–Kutta", 4.0, problem.errors(&RungeKutta4, &flow)?),
    ];
    let mut plot = Plot::new(
        "The probability flow of two modes",
        Axis::log("number of steps"),
        Axis::log("root mean square error at the end"),
    );
    let mut worst = 0.0;
    for (scheme, order, curve) in curves {
        let last = [2, 3, 4].map(|k: usize| curve[k].1);
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
    fn errors<E: Space, V: Solver<E>>(&self, scheme: &V, equation: &E) -> Result<Vec<(f64, f64)>> {
        let mut found = Vec::new();
        for n in STEPS {
            let steps = FixedSteps::new(TimeGrid::uniform(self.from, self.to, n)?);
            let x = steps.solve(scheme, equation, self.start.clone(), &NoNoise)?;
            let squares = (&x - &self.exact).mapv(|e| e * e);
            found.push((n as f64, squares.mean().unwrap_or(f64::NAN).sqrt()));
        }
        Ok(found)
    }
}
