//! Schemes, one a file.
//!
//! For every equation of their kind:
//!
//! | scheme | equations | strong order | weak order | source |
//! |---|---|---|---|---|
//! | [`EulerMaruyama`] | all | 1/2, and 1 where noise is additive | 1 | Maruyama (1955) |
//! | [`Milstein`] | diagonal noise | 1 | 1 | Milstein (1974) |
//! | [`CommutativeMilstein`] | commutative noise | 1 | 1 | the same |
//! | [`LevyMilstein`] | noise with a derivative | 1 with the areas of the path | 1 | the same; areas: Kloeden, Platen and Wright (1992), Wiktorsson (2001) |
//! | [`StratonovichHeun`] | diagonal noise | 1 | 1 | Rümelin (1982), with the drift of Itô's sense |
//! | [`Sri1W1`] | diagonal noise | 3/2 | 2 | Rößler (2010) |
//! | [`StochasticHeun`] | additive noise | 1 | 2 | Rümelin (1982) |
//! | [`Sra1`] | additive noise | 3/2 | 2 | Rößler (2010) |
//!
//! Schemes for reverse processes of diffusion models, which know the process and the score apart; `λ` is the stochasticity of the equation. All go from noise to data, which other grids are refused for, and can
//! end at time 0.
//!
//! | scheme | scores a step | noise | weak order | source |
//! |---|---|---|---|---|
//! | [`ExponentialIntegrator`] | 1 | `λ` | 1 | Chen, Chewi, Li, Li, Salim and Zhang (2023) |
//! | [`ReverseDiffusion`] | 1 | `λ` | 1 | Song et al. (2021) |
//! | [`Ancestral`] | 1 | as `λ = 1` | 1 | Ho, Jain and Abbeel (2020) |
//! | [`Ddim`] | 1 | as `λ = η` | 1 | Song, Meng and Ermon (2021) |
//! | [`DpmSolver2M`] | 1 | none | 2 | Lu, Zhou, Bao, Chen, Li and Zhu (2022) |
//! | [`DpmSolver2S`] | 2 | none | 2 | the same |
//! | [`DpmSolverSde2M`] | 1 | as `λ = 1` | 2 | the same |
//! | [`UniPc`] | 1 | none | 3; 2 with `p = 1` | Zhao, Bai, Rao, Zhou and Lu (2023) |
//! | [`EdmHeun`] | 2 | churn | 2 | Karras, Aittala, Aila and Laine (2022) |
//! | [`PredictorCorrector`] | the predictor's and one a correction | the predictor's and its own | that of the predictor `p`, with corrections of size `O(h^{(p+1)/2})` | Song et al. (2021) |
//!
//! [`DpmSolver2M`], [`DpmSolverSde2M`] and [`UniPc`] are multistep methods ([`Solver::is_multistep`](crate::Solver::is_multistep)): they cannot be the predictor of a corrector nor inpaint, which move points between steps.
//!
//! Those with a noise of their own refuse an equation of another `λ` than that, unless it is 1, its default: all members of the family have the same laws.
//!
//! Schemes for ordinary equations, any that say their velocity: [`Euler`] (order 1), [`Heun`] (2), [`RungeKutta4`] (4), the [pairs](crate::EmbeddedPair) of orders 3 and 5; with steps that fit a
//! tolerance, [`AdaptiveRungeKutta`](crate::AdaptiveRungeKutta).

mod ancestral;
mod backwards;
mod ddim;
mod dpm_solver;
mod edm_heun;
mod estimating;
mod euler;
mod euler_maruyama;
mod exponential_integrator;
mod heun;
mod matrix_milstein;
mod milstein;
mod predictor_corrector;
mod reverse_diffusion;
mod runge_kutta_4;
mod sra;
mod srk;
mod stochastic_heun;
mod unipc;
mod working;

pub use ancestral::{Ancestral, ReverseVariance};
pub(crate) use backwards::check_backwards;
pub use ddim::Ddim;
pub use dpm_solver::{DpmSolver2M, DpmSolver2S, DpmSolverSde2M, Multistep};
pub use edm_heun::EdmHeun;
pub use euler::Euler;
pub use euler_maruyama::EulerMaruyama;
pub use exponential_integrator::ExponentialIntegrator;
pub use heun::Heun;
pub use matrix_milstein::{CommutativeMilstein, LevyMilstein};
pub use milstein::Milstein;
pub use predictor_corrector::{LangevinStep, PredictorCorrector};
pub use reverse_diffusion::ReverseDiffusion;
pub use runge_kutta_4::RungeKutta4;
pub use sra::Sra1;
pub use srk::Sri1W1;
pub use stochastic_heun::{StochasticHeun, StratonovichHeun};
pub use unipc::{Polynomial, UniPc};
pub use working::Working;
