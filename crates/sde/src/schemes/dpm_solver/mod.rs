//! DPM-Solver++: schemes of second order in the half log signal-to-noise ratio.
//!
//! With `ℓ = log(α/σ)` as time and the expected data `x̂(ℓ) = (x + σ² s)/α` along the way, the probability flow and the reverse process (`λ = 1`) are
//! linear but for `x̂`; over a step from `t` to `s` with `h = ℓ_s − ℓ_t > 0`
//!
//! `x_s = (σ_s/σ_t) x_t + α_s ∫ e^{ℓ − ℓ_s} x̂ dℓ`,
//!
//! `x_s = (σ_s/σ_t) e^{−h} x_t + 2 α_s ∫ e^{2(ℓ − ℓ_s)} x̂ dℓ + σ_s √(1 − e^{−2h}) z`
//!
//! (Lu, Zhou, Bao, Chen, Li and Zhu 2022, arXiv:2211.01095). Holding `x̂` at its first value gives DDIM and [`Ancestral`](super::Ancestral) sampling. A
//! straight line through two values gives second order:
//!
//! | scheme | the second value is taken | scores a step | |
//! |---|---|---|---|
//! | [`DpmSolver2M`] | at the start of the step before | 1 | flow |
//! | [`DpmSolver2S`] | inside this step | 2 | flow |
//! | [`DpmSolverSde2M`] | at the start of the step before | 1 | reverse process |
//!
//! In all of them the line enters as the one value `x̂_0 + (x̂_0 − x̂_1)/(2r)`, where `r h` is the distance of the two: that at the middle of the step.
//!
//! **Where the order is one.** The first step of the schemes that look back, which is harmless, since one step of first order has an error of second
//! order; and a step to time 0, because it is infinitely long in `ℓ`. That step returns the expected data, whose distance from the end of the flow is of
//! order `σ²` of the time before: it is small because the time is, and not because steps are.
//!
//! The weights are found without cancellation from the transition `(a, v)`: `e^{−h} = a σ_s/σ_t`, `1 − e^{−h} = (σ_t − a σ_s)/σ_t` and `1 − e^{−2h} = v/σ_t²`.

mod multistep;
mod singlestep;

use gibbsian_core::LinearGaussian;

use super::backwards::Backwards;
use crate::solver::Step;

pub use multistep::{DpmSolver2M, DpmSolverSde2M, Multistep};
pub use singlestep::DpmSolver2S;

/// `x' = keep · x + data · x̂ + noise · z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataForm {
    pub(super) keep: f64,
    pub(super) data: f64,
    pub(super) noise: f64,
}

impl DataForm {
    /// The probability flow from `from` to `to`.
    pub(super) fn of_flow<P: LinearGaussian>(process: &P, from: f64, to: f64) -> Self {
        let back = Backwards::of(process, from, to);
        DataForm {
            keep: back.sigma_to / back.sigma_from,
            data: process.alpha(to) * back.descent() / back.sigma_from,
            noise: 0.0,
        }
    }

    /// The reverse process over a step.
    fn of_reverse<P: LinearGaussian>(process: &P, step: &Step) -> Self {
        let back = Backwards::of(process, step.from, step.to);
        let squared = back.sigma_from * back.sigma_from;
        DataForm {
            keep: back.alpha * back.sigma_to * back.sigma_to / squared,
            data: process.alpha(step.to) * back.variance / squared,
            noise: back.posterior_deviation(),
        }
    }
}
