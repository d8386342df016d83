//! Stochastic and ordinary differential equations of score-based models: reverse processes, probability flows, solvers, likelihoods.
//!
#![doc = include_str!("formulas.md")]
//!
//! The forward half of a diffusion model, its processes in closed form, is in `gibbsian_core::process`, and any other by its moments is a [`FunctionProcess`]; here is the way back. A [`ReverseSde`] or a [`ProbabilityFlow`]
//! is made of a process and of anything that implements `TimeScore`: a network, the exact score of a noised mixture, the score of the empirical
//! distribution, or one of those with an observation behind it ([`conditioning`]). A [`Solver`] advances an equation along a [`TimeGrid`] within its [`TimeDomain`], with noise from a [`BrownianMotion`].
//!
//! Other forward equations are at home here: with matrices ([`LinearSde`]), of positions and velocities ([`UnderdampedLangevin`]), or of one's own. What says what its noise does to a density is reversed by [`Reversed`]: all that have additive noise, and
//! those whose noise depends on the point if they know the divergence of `G Gᵀ` ([`ReversibleSde`]).

#![deny(unsafe_code)]

pub mod adaptive;
pub mod adaptive_sde;
pub mod brownian;
pub mod conditioning;
mod denoise;
pub mod equation;
pub mod forward;
mod function_process;
pub mod grid;
pub mod likelihood;
pub mod linear;
pub mod matrix_noise;
mod per_coordinate;
pub mod probability_flow;
mod quadrature;
pub mod reverse;
pub mod reversed;
pub mod schemes;
pub mod solver;
pub mod tableau;
pub mod theory;
mod time_domain;
pub mod underdamped;

pub use adaptive::{AdaptiveRungeKutta, Consequence, Crossing, Event, Occurrence, PiController, Solution};
pub use adaptive_sde::{AdaptiveSdeRun, AdaptiveSdeSteps, Embedded, StepCounts};
pub use brownian::{BrownianBlock, BrownianMotion, BrownianTree, FreshNoise, NoNoise, StoredPath};
pub use conditioning::{
    ChannelOrder, ClassifierFreeGuidance, ClassifierGuidance, DiagonalTweedieProjection, DiffPir,
    DiffusionPosteriorSampling, Greyscale, Guidance, Known, KnownCoordinates, KnownGrey, LinearObservation,
    MetropolisCorrected, MomentMatching, NaiveProduct, Population, PosteriorEnergy, PseudoinverseGuidance,
    RePaint, Replacement, TweedieProjection, Twist, TwistedSmc,
};
pub use equation::{AdditiveSde, DiagonalNoise, DiagonalSde, Ode, ReversibleSde, Sde};
pub use forward::Forward;
pub use function_process::FunctionProcess;
pub use grid::TimeGrid;
pub use likelihood::{
    FlowLikelihood, FlowLogDensity, NoisePrior, UniformDequantisation, VariationalBound, VariationalEstimate,
};
pub use linear::{LinearSde, LinearTransition};
pub use matrix_noise::{CommutativeSde, DiffusionJvp, check_commutes};
pub use per_coordinate::PerCoordinate;
pub use probability_flow::ProbabilityFlow;
pub use reverse::{OwnClock, ReverseSde};
pub use reversed::{MarginalFlow, Reversed};
pub use schemes::{
    Ancestral, CommutativeMilstein, Ddim, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, Euler,
    EulerMaruyama, ExponentialIntegrator, Heun, LangevinStep, LevyMilstein, Milstein, PredictorCorrector,
    ReverseDiffusion, ReverseVariance, RungeKutta4, Sra1, Sri1W1, StochasticHeun, StratonovichHeun, UniPc,
};
pub use solver::{FixedSteps, Solver, Step};
pub use tableau::EmbeddedPair;
pub use time_domain::{TimeDirection, TimeDomain};
pub use underdamped::{PhaseMixture, PhaseTransition, UnderdampedLangevin};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
