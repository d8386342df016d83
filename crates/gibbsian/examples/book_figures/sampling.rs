//! Chains and paths.

use gibbsian::core::process::VariancePreserving;
use gibbsian::core::{LinearGaussian, Seed};
use gibbsian::densities::{Covariances, GaussianMixture, MultivariateNormal, NoisedMixture};
use gibbsian::figure::{Axis, Plot};
use gibbsian::ndarray::{Array1, Array2, Array3, array, s};
use gibbsian::samplers::{Mala, Sampling, UnadjustedLangevin};
use gibbsian::sde::{
    EulerMaruyama, FixedSteps, FreshNoise, Heun, NoNoise, ProbabilityFlow, ReverseSde, TimeGrid,
};

use super::Result;

pub(crate) fn langevin_bias() -> Result<Plot> {
    let target = MultivariateNormal::standard(1)?;
    let steps = [0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5];
    let (mut unadjusted, mut adjusted) = (Vec::new(), Vec::new());
    for (k, &step) in steps.iter().enumerate() {
        let seed = Seed::new(7).nth(k as u64);
        let sampling = |name| Sampling {
            n_warmup: 200,
            ..Sampling::new(4_000, seed.child(name))
        };
        let start = || Array2::zeros((32, 1));
        let ula = sampling("ula").run(UnadjustedLangevin::new(step)?, &target, start())?;
        let mala = sampling("mala").run(Mala::new(step)?, &target, start())?;
        unadjusted.push((step, variance(&ula.draws)));
        adjusted.push((step, variance(&mala.draws)));
    }
    let law = Array1::linspace(0.0, 1.6, 161);
    Ok(Plot::new(
        "Langevin chains on a standard normal law",
        Axis::linear("step size ε"),
        Axis::linear("variance of the chains"),
    )
    .points("unadjusted", unadjusted)
    .points("adjusted (MALA)", adjusted)
    .dashed("1 / (1 − ε/2)", law.iter().map(|e| (*e, 1.0 / (1.0 - e / 2.0))))
    .horizontal("truth", 1.0))
}

fn variance(draws: &Array3<f64>) -> f64 {
    draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64
}

pub(crate) fn reverse_paths() -> Result<Plot> {
    let data = GaussianMixture::new(
        array![0.3, 0.7],
        array![[-2.0], [2.0]],
        Covariances::Spherical(array![0.1, 0.1]),
    )?;
    let process = VariancePreserving::new(0.1, 20.0)?;
    let score = NoisedMixture::new(data, process)?;
    let grid = TimeGrid::uniform(process.horizon(), 1e-3, 300)?;
    let times = grid.times().to_owned();
    let (n, noise) = (5, FreshNoise::new(Seed::new(11)));
    let steps = FixedSteps::new(grid);
    let rough = steps.trajectory(
        &EulerMaruyama,
        &ReverseSde::new(process, &score),
        noise.normal((n, 1)),
        &noise,
    )?;
    let start = FreshNoise::new(Seed::new(12)).normal((n, 1));
    let smooth = steps.trajectory(&Heun, &ProbabilityFlow::new(process, &score), start, &NoNoise)?;
    let mut plot = Plot::new(
        "From noise to data",
        Axis::linear("time t of the process"),
        Axis::linear("x"),
    );
    // One series for all paths of a kind; a gap between two of them.
    for (label, paths) in [("reverse process", rough), ("probability flow", smooth)] {
        let mut points = Vec::new();
        for b in 0..n {
            points.extend(
                times
                    .iter()
                    .copied()
                    .zip(paths.slice(s![b, .., 0]).iter().copied()),
            );
            points.push((f64::NAN, f64::NAN));
        }
        plot = plot.line(label, points);
    }
    Ok(plot)
}
