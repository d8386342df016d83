//! Stochastic and ordinary differential equations of score-based models: reverse processes, probability flows, solvers, likelihoods.
//!
//! The forward half of a diffusion model, its processes in closed form, is in `gibbsian_core::process`; here is the way back. A [`ReverseSde`] or a [`ProbabilityFlow`]
//! is made of a process and of anything that implements `TimeScore`: a network, the exact score of a noised mixture, the score of the empirical
//! distribution. A [`Solver`] advances an equation along a [`TimeGrid`], with noise from a [`BrownianMotion`].

#![deny(unsafe_code)]

pub mod adaptive;
pub mod brownian;
pub mod equation;
pub mod grid;
pub mod likelihood;
pub mod probability_flow;
pub mod reverse;
pub mod schemes;
pub mod solver;
pub mod tableau;

pub use adaptive::{AdaptiveRungeKutta, Consequence, Crossing, Event, Occurrence, PiController, Solution};
pub use brownian::{BrownianBlock, BrownianMotion, FreshNoise, NoNoise, StoredPath};
pub use equation::{AdditiveSde, DiagonalSde, Ode, Sde};
pub use grid::TimeGrid;
pub use likelihood::{
    FlowLikelihood, FlowLogDensity, NoisePrior, UniformDequantisation, VariationalBound, VariationalEstimate,
};
pub use probability_flow::ProbabilityFlow;
pub use reverse::{OwnClock, ReverseSde};
pub use schemes::{Euler, EulerMaruyama, Heun, RungeKutta4};
pub use solver::{FixedSteps, Solver, Step};
pub use tableau::EmbeddedPair;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
