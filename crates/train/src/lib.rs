//! Training: optimisers, schedules, the loop, and checkpoints that survive interruptions.
//!
//! A training step changes a model from one minibatch ([`gibbsian_core::TrainStep`]). The generic one is [`Descent`]: an objective gives a gradient and an
//! [`Optimiser`] moves along it. A [`Trainer`] repeats it over epochs. Everything random in step `t` is derived from the seed and `t`.
//!
//! Reading order: [`schedule`], [`optimiser`] with [`sgd`], [`momentum`], [`nesterov`] and [`decay`], then [`descent`]; [`trainer`] with [`monitor`], [`stop`] and
//! [`history`].

pub mod schedule;

pub mod decay;
pub mod momentum;
pub mod nesterov;
pub mod optimiser;
pub mod sgd;

pub mod descent;

pub mod history;
pub mod monitor;
pub mod stop;
pub mod trainer;

pub use decay::Decay;
pub use descent::Descent;
pub use history::History;
pub use momentum::Momentum;
pub use monitor::{EachEpoch, EachStep, GO_ON, GoOn, Monitor, Progress, STOP};
pub use nesterov::Nesterov;
pub use optimiser::Optimiser;
pub use schedule::{Constant, Exponential, Linear, Schedule, Staircase, Switch};
pub use sgd::Sgd;
pub use stop::{Patience, TimeLimit};
pub use trainer::{Outcome, Trainer};
