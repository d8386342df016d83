//! The solvers that make digits, all of the same noise.

use gibbsian_core::process::ElucidatedNoise;
use gibbsian_core::{LinearGaussian, Seed};
use gibbsian_nn::NeuralTimeScore;
use gibbsian_sde::{
    Ancestral, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, EulerMaruyama, ExponentialIntegrator,
    FixedSteps, FreshNoise, LangevinStep, PredictorCorrector, ReverseDiffusion, ReverseSde, Solver, Sra1,
    StochasticHeun, TimeGrid, UniPc,
};
use ndarray::Array2;

use super::network::Recipe;
use crate::Result;
use crate::pictures::Pictures;

/// The exponent of the grid of levels.
const EXPONENT: f64 = 7.0;

/// Pictures by ancestral sampling, 40 evaluations each.
pub(super) fn draw(
    seed: Seed,
    recipe: &Recipe,
    pictures: &Pictures,
    model: &NeuralTimeScore,
    n: usize,
) -> Result<Array2<f64>> {
    Bench::new(seed, recipe, pictures, model, n)?.sample(Sampler::Ancestral, 40)
}

/// The way from noise to digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampler {
    EulerMaruyama,
    Ancestral,
    PredictorCorrector,
    Ddim,
    DpmSolver,
    EdmHeun,
    ReverseDiffusion,
    ExponentialIntegrator,
    StochasticDdim,
    DpmSolverSde,
    StochasticHeun,
    Sra1,
    Churned,
    DpmSolverSingle,
    UniPc,
}

impl Sampler {
    /// Those that claims are about, at every number of evaluations.
    pub(super) const CLAIMED: [Sampler; 6] = [
        Sampler::EulerMaruyama,
        Sampler::Ancestral,
        Sampler::PredictorCorrector,
        Sampler::Ddim,
        Sampler::DpmSolver,
        Sampler::EdmHeun,
    ];

    /// The others, those with noise first.
    pub(super) const OTHERS: [Sampler; 9] = [
        Sampler::ReverseDiffusion,
        Sampler::ExponentialIntegrator,
        Sampler::StochasticDdim,
        Sampler::DpmSolverSde,
        Sampler::StochasticHeun,
        Sampler::Sra1,
        Sampler::Churned,
        Sampler::DpmSolverSingle,
        Sampler::UniPc,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Sampler::EulerMaruyama => "Euler–Maruyama",
            Sampler::Ancestral => "ancestral",
            Sampler::PredictorCorrector => "predictor and corrector",
            Sampler::Ddim => "DDIM",
            Sampler::DpmSolver => "DPM-Solver++ 2M",
            Sampler::EdmHeun => "EDM Heun",
            Sampler::ReverseDiffusion => "reverse diffusion",
            Sampler::ExponentialIntegrator => "exponential integrator",
            Sampler::StochasticDdim => "DDIM, η = 1",
            Sampler::DpmSolverSde => "DPM-Solver++ SDE 2M",
            Sampler::StochasticHeun => "stochastic Heun",
            Sampler::Sra1 => "SRA1",
            Sampler::Churned => "EDM Heun with churn",
            Sampler::DpmSolverSingle => "DPM-Solver++ 2S",
            Sampler::UniPc => "UniPC 3",
        }
    }

    /// Whether there is noise on the way.
    pub(super) fn has_noise(self) -> bool {
        !matches!(
            self,
            Sampler::Ddim | Sampler::DpmSolver | Sampler::EdmHeun | Sampler::DpmSolverSingle | Sampler::UniPc
        )
    }

    /// Evaluations of the network a step.
    fn cost(self) -> usize {
        match self {
            Sampler::PredictorCorrector
            | Sampler::EdmHeun
            | Sampler::StochasticHeun
            | Sampler::Sra1
            | Sampler::Churned
            | Sampler::DpmSolverSingle => 2,
            _ => 1,
        }
    }
}

type Equation<'m> = ReverseSde<ElucidatedNoise, &'m NeuralTimeScore>;

/// What all solvers share.
pub(super) struct Bench<'m> {
    pub(super) reverse: Equation<'m>,
    pub(super) start: Array2<f64>,
    smallest: f64,
    seed: Seed,
}

impl<'m> Bench<'m> {
    /// `n` pictures' worth of noise, and who makes pictures of it.
    pub(super) fn new(
        seed: Seed,
        recipe: &Recipe,
        pictures: &Pictures,
        model: &'m NeuralTimeScore,
        n: usize,
    ) -> Result<Self> {
        Ok(Bench {
            reverse: ReverseSde::new(ElucidatedNoise::new(recipe.largest)?, model),
            start: recipe.largest * FreshNoise::new(seed).normal((n, pictures.dim())),
            smallest: recipe.smallest,
            seed,
        })
    }

    /// Pictures by at most this number of evaluations, the last one for the mean.
    pub(super) fn sample(&self, sampler: Sampler, evaluations: usize) -> Result<Array2<f64>> {
        // The time of this process is the level of noise.
        let n_steps = (evaluations - 1) / sampler.cost();
        let largest = self.reverse.process().horizon();
        let grid = TimeGrid::power(largest, self.smallest, EXPONENT, n_steps)?;
        let noise = FreshNoise::new(self.seed.child(sampler.name()).nth(evaluations as u64));
        let way = Way {
            bench: self,
            steps: FixedSteps::new(grid),
            noise,
        };
        let x = match sampler {
            Sampler::EulerMaruyama => way.by(&EulerMaruyama),
            Sampler::Ancestral => way.by(&Ancestral::default()),
            Sampler::PredictorCorrector => way.by(&PredictorCorrector {
                predictor: ReverseDiffusion,
                step: LangevinStep::SignalToNoise(0.16),
                n_corrections: 1,
            }),
            Sampler::Ddim => way.by(&Ddim::new(0.0)?),
            Sampler::DpmSolver => way.by(&DpmSolver2M),
            Sampler::EdmHeun => way.by(&EdmHeun::default()),
            Sampler::ReverseDiffusion => way.by(&ReverseDiffusion),
            Sampler::ExponentialIntegrator => way.by(&ExponentialIntegrator),
            Sampler::StochasticDdim => way.by(&Ddim::new(1.0)?),
            Sampler::DpmSolverSde => way.by(&DpmSolverSde2M),
            Sampler::StochasticHeun => way.by(&StochasticHeun),
            Sampler::Sra1 => way.by(&Sra1),
            // The values that Karras et al. (2022, table 5) found for CIFAR-10.
            Sampler::Churned => way.by(&EdmHeun {
                churn: 30.0,
                churn_above: 0.01,
                churn_below: 1.0,
                noise_scale: 1.007,
            }),
            Sampler::DpmSolverSingle => way.by(&DpmSolver2S::default()),
            Sampler::UniPc => way.by(&UniPc::new(3)?),
        }?;
        Ok(self.reverse.denoise(x.view(), self.smallest)?)
    }
}

/// Steps from noise, with the noise on the way.
struct Way<'b, 'm> {
    bench: &'b Bench<'m>,
    steps: FixedSteps,
    noise: FreshNoise,
}

impl<'m> Way<'_, 'm> {
    fn by(&self, solver: &impl Solver<Equation<'m>>) -> Result<Array2<f64>> {
        let Bench { reverse, start, .. } = self.bench;
        Ok(self.steps.solve(solver, reverse, start.clone(), &self.noise)?)
    }
}
