//! Training: optimisers, schedules, the loop, and checkpoints that survive interruptions.
//!
#![doc = include_str!("formulas.md")]
//!
//! A training step changes a model from one minibatch ([`gibbsian_core::TrainStep`]). The generic one is [`Descent`]:
//! an objective gives a gradient and an [`Optimiser`] moves along it. A [`Trainer`] repeats it over epochs.
//! Everything random in step `t` is derived from the seed and `t`.
//!
//! Reading order: [`schedule`], [`optimiser`] with [`sgd`], [`momentum`], [`nesterov`], [`rms_prop`], [`adam`], [`decay`] and [`clipping`], then
//! [`descent`]; what goes around a training step, [`ema`], and [`guard`] with [`divergence`] and [`rollbacks`]; [`trainer`] with [`monitor`], [`stop`], [`csv_log`] and [`history`]; [`checkpoint`] and [`resume`] for runs that
//! survive interruptions; [`evaluate`] for what to watch.
//!
//! A run with its parts, here on a toy; a Boltzmann machine takes the place of the model and contrastive divergence
//! that of the objective:
//!
//! ```
//! use gibbsian_core::dataset::{BatchOrder, Matrix};
//! use gibbsian_core::{Layout, Objective, Parametric, ParametricMut, Result, Seed, Space};
//! use gibbsian_train::{Constant, Decay, Descent, EachEpoch, GO_ON, Linear, Momentum, Trainer};
//! use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, Axis, array};
//! use rand::Rng;
//!
//! /// The normal density of unit variance around `mean`.
//! # #[derive(Clone)]
//! struct Normal {
//!     mean: Array1<f64>,
//! }
//! # impl Space for Normal {
//! #     fn dim(&self) -> usize {
//! #         self.mean.len()
//! #     }
//! # }
//! # impl Parametric for Normal {
//! #     fn layout(&self) -> Layout {
//! #         Layout::new().with("mean", &[self.mean.len()])
//! #     }
//! #     fn params(&self) -> Array1<f64> {
//! #         self.mean.clone()
//! #     }
//! # }
//! # impl ParametricMut for Normal {
//! #     fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
//! #         self.layout().check(params)?;
//! #         self.mean.assign(&params);
//! #         Ok(())
//! #     }
//! # }
//!
//! /// Its exact negative log-likelihood.
//! struct Likelihood;
//! # impl Objective<Normal> for Likelihood {
//! #     fn loss_and_grad_into(
//! #         &mut self,
//! #         model: &Normal,
//! #         x: ArrayView2<f64>,
//! #         _: &mut dyn Rng,
//! #         mut grad: ArrayViewMut1<f64>,
//! #     ) -> Result<f64> {
//! #         let d = &x - &model.mean;
//! #         grad.assign(&-d.mean_axis(Axis(0)).unwrap());
//! #         Ok(0.5 * d.mapv(|d| d * d).sum() / x.nrows() as f64)
//! #     }
//! # }
//!
//! /// All points at every step.
//! # struct All(Vec<usize>);
//! # impl BatchOrder for All {
//! #     fn steps_per_epoch(&self) -> u64 {
//! #         1
//! #     }
//! #     fn max_batch_size(&self) -> usize {
//! #         self.0.len()
//! #     }
//! #     fn batch(&mut self, _: u64) -> &[usize] {
//! #         &self.0
//! #     }
//! # }
//! # let mut order = All(vec![0, 1]);
//!
//! let data = Matrix::new(array![[1.0, 3.0], [3.0, 5.0]])?;
//! let mut model = Normal { mean: Array1::zeros(2) };
//! let momentum = Momentum::new(&model.layout(), Constant::new(0.5)?, Decay::NONE)?;
//! let mut step = Descent::new(Likelihood, momentum);
//! let trainer = Trainer::new(200, Linear::new(0.2, 0.01, 200)?, Seed::new(1))?;
//! let mut watch = EachEpoch::new(|_: &Normal, progress, _| {
//!     assert!(progress.loss.is_finite());
//!     Ok(GO_ON)
//! });
//! let outcome = trainer.fit(&mut model, &mut step, &data, &mut order, &mut watch)?;
//! assert!(outcome.completed);
//! assert!((model.mean - array![2.0, 4.0]).iter().all(|d| d.abs() < 1e-9));
//! # Ok::<(), gibbsian_core::Error>(())
//! ```

#![deny(unsafe_code)]

pub mod schedule;

pub mod adam;
pub mod clipping;
pub mod decay;
pub mod momentum;
pub mod nesterov;
pub mod optimiser;
pub mod rms_prop;
pub mod sgd;

pub mod descent;

pub mod divergence;
pub mod ema;
pub mod guard;
pub mod rollbacks;

pub mod csv_log;
pub mod history;
pub mod monitor;
pub mod stop;
pub mod trainer;

pub mod resume;

pub mod evaluate;

pub use adam::{Adam, AdamOptions, AdamW};
pub use clipping::{Clipped, MaxNorm};
pub use csv_log::CsvLog;
pub use decay::Decay;
pub use descent::Descent;
pub use divergence::{Criterion, Divergence, LossWithin, QuantityWithin};
pub use ema::{Average, AveragingWarmUp, Ema, PowerProfile};
pub use evaluate::{EnergyGap, MeanEnergy, energies, energy_gap, mean_energy};
pub use gibbsian_checkpoint as checkpoint;
pub use gibbsian_checkpoint::{Checkpoint, CheckpointFiles, Loaded, fingerprint};
pub use guard::{GuardOptions, Guarded};
pub use history::History;
pub use momentum::Momentum;
pub use monitor::{EachEpoch, EachStep, GO_ON, GoOn, Monitor, Progress, STOP};
pub use nesterov::Nesterov;
pub use optimiser::Optimiser;
pub use resume::{Checkpointing, Resumed};
pub use rms_prop::RmsProp;
pub use rollbacks::{EachRollback, Rollback, Rollbacks};
pub use schedule::{Constant, Cosine, Exponential, Linear, Schedule, Staircase, Switch, WarmedUp};
pub use sgd::Sgd;
pub use stop::{Patience, TimeLimit};
pub use trainer::{Outcome, Trainer};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
