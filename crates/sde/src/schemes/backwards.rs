//! What the schemes for diffusion models share: the numbers of a step from `t` back to `s < t`, and what can be refused before the first one.
//!
//! Their formulas are written with differences such as `σ_t/α_t − σ_s/α_s` or `1 − e^{−h}`, which lose their digits in small steps. Here all follow from
//! the transition `X_t | X_s ~ N(a X_s, v I)`, which processes compute without cancellation, by `σ_t² − a² σ_s² = v`.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::process::GaussianTransition;
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::Step;
use crate::time_domain::TimeDomain;

/// Requires a grid that comes down from a time of the process at which something is left of the data.
///
/// Schemes for diffusion models go backwards even where their equation would let them go either way.
pub(crate) fn check_backwards<P: LinearGaussian + ?Sized>(process: &P, grid: &TimeGrid) -> Result<()> {
    TimeDomain::of(process).backwards().check_grid(grid)?;
    let first = grid.first();
    for (name, value) in [("alpha", process.alpha(first)), ("sigma", process.sigma(first))] {
        if !(value.is_finite() && value > 0.0) {
            let requirement = format!("finite and greater than zero at the first time, {first}");
            return Err(Error::parameter(name, value, requirement));
        }
    }
    Ok(())
}

/// Requires that nobody asked the equation for a member of its family other than the one this scheme follows. One is what an equation has when nobody asked.
pub(super) fn check_member<P: LinearGaussian, M>(equation: &ReverseSde<P, M>, own: f64) -> Result<()> {
    let stochasticity = equation.stochasticity();
    if stochasticity == 1.0 || stochasticity == own {
        return Ok(());
    }
    let requirement = if own == 1.0 {
        "1, which this scheme follows".to_owned()
    } else {
        format!("{own}, which this scheme follows, or 1, the default")
    };
    Err(Error::parameter("stochasticity", stochasticity, requirement))
}

/// The numbers of a step from `t` back to `s`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backwards {
    /// `a = α_{t|s} = α_t/α_s`.
    pub(super) alpha: f64,
    /// `v = σ²_{t|s} = σ_t² − a² σ_s²`.
    pub(super) variance: f64,
    /// `σ_t`.
    pub(super) sigma_from: f64,
    /// `σ_s`.
    pub(super) sigma_to: f64,
}

impl Backwards {
    pub(super) fn of<P: LinearGaussian>(process: &P, from: f64, to: f64) -> Self {
        let GaussianTransition { alpha, variance } = process.transition(to, from).with_root();
        Backwards {
            alpha,
            variance,
            sigma_from: process.sigma(from),
            sigma_to: process.sigma(to),
        }
    }

    /// `σ_t − a σ_s = v/(σ_t + a σ_s)`: how far the noise comes down.
    pub(super) fn descent(&self) -> f64 {
        self.variance / (self.sigma_from + self.alpha * self.sigma_to)
    }

    /// `√v σ_s/σ_t`, the standard deviation of `X_s` given `X_t` and `X_0`.
    pub(super) fn posterior_deviation(&self) -> f64 {
        self.variance.sqrt() * self.sigma_to / self.sigma_from
    }
}

/// `x' = keep · x + score · s_t(x) + noise · z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) keep: f64,
    pub(super) score: f64,
    pub(super) noise: f64,
}

impl Affine {
    /// Makes the step with `z = ΔW/√h`; without noise the path is not asked.
    pub(super) fn step<P: LinearGaussian, M: TimeScore>(
        self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let ([mut score, mut w], t) = memory.take([x.dim(); 2], x.nrows(), step.from);
        equation.model().score_at_into(x.view(), t, score.view_mut());
        if self.noise == 0.0 {
            Zip::from(&mut x)
                .and(&score)
                .for_each(|x, s| *x = self.keep * *x + self.score * s);
            return;
        }
        noise.increment_into(step.from, step.to, w.view_mut());
        let per_increment = self.noise / step.size().abs().sqrt();
        Zip::from(&mut x)
            .and(&score)
            .and(&w)
            .for_each(|x, s, w| *x = self.keep * *x + self.score * s + per_increment * w);
    }
}
