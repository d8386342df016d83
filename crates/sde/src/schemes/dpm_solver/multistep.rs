//! The schemes that look back one step.

use gibbsian_core::error::Result;
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::DataForm;
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::schemes::Working;
use crate::schemes::backwards::{check_backwards, check_member};
use crate::solver::{Solver, Step};

/// DPM-Solver++(2M), deterministic: order 2 with one score a step.
///
/// Source: Lu et al. (2022, arXiv:2211.01095), algorithm 2.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{DpmSolver2M, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let grid = TimeGrid::uniform_in_log_snr(&process, 1.0, 1e-3, 25)?.then(0.0)?;
/// let x = FixedSteps::new(grid).solve(&DpmSolver2M, &reverse, noise.normal((2000, 1)), &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DpmSolver2M;

/// SDE-DPM-Solver++(2M), stochastic: weak order 2 with one score a step.
///
/// The noise of a step is the exact one of the linear part. That of the step before enters the extrapolation of `x̂`, where it stands for the noise of
/// this step that `x̂` does not know yet: in covariances they are the same up to second order.
///
/// Source: Lu et al. (2022, arXiv:2211.01095), its extension to stochastic equations.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VariancePreserving;
/// use gibbsian_sde::{DpmSolverSde2M, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VariancePreserving::new(0.1, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let grid = TimeGrid::uniform_in_log_snr(&process, 1.0, 1e-3, 40)?.then(0.0)?;
/// let x = FixedSteps::new(grid).solve(&DpmSolverSde2M, &reverse, noise.normal((2000, 1)), &noise)?;
/// let deviation = x.std(1.0);
/// assert!((deviation - 0.5).abs() < 0.05, "{deviation}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DpmSolverSde2M;

/// What a scheme that looks back remembers: the expected data at the start of the step before, and when that was.
#[derive(Clone, Debug, Default)]
pub struct Multistep {
    working: Working,
    log_snr_before: Option<f64>,
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for DpmSolver2M {
    type Memory = Multistep;

    fn noise_dim(&self, _: &ReverseSde<P, M>) -> usize {
        0
    }

    fn is_multistep(&self) -> bool {
        true
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, 0.0)?;
        check_backwards(equation.process(), grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Multistep,
    ) {
        let form = DataForm::of_flow(equation.process(), step.from, step.to);
        memory.step(form, equation, step, x, noise);
    }
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for DpmSolverSde2M {
    type Memory = Multistep;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        equation.model().dim()
    }

    fn is_multistep(&self) -> bool {
        true
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, 1.0)?;
        check_backwards(equation.process(), grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Multistep,
    ) {
        let form = DataForm::of_reverse(equation.process(), step);
        memory.step(form, equation, step, x, noise);
    }
}

impl Multistep {
    /// Makes a step with the expected data extrapolated to the middle of it.
    fn step<P: LinearGaussian, M: TimeScore>(
        &mut self,
        form: DataForm,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
    ) {
        let process = equation.process();
        let log_snr = process.log_snr(step.from);
        // 1/(2r), with r the last step's length over this one's in ℓ; zero makes the step one of first order.
        let beyond = match self.log_snr_before {
            Some(before) if step.to > 0.0 => 0.5 * (process.log_snr(step.to) - log_snr) / (log_snr - before),
            _ => 0.0,
        };
        self.log_snr_before = Some(log_snr);

        let ([mut data, mut w, mut data_before], t) = self.working.take([x.dim(); 3], x.nrows(), step.from);
        equation.denoise_into(x.view(), t, data.view_mut());
        Zip::from(&mut x)
            .and(&data)
            .and(&mut data_before)
            .for_each(|x, &data, before| {
                *x = form.keep * *x + form.data * (data + beyond * (data - *before));
                *before = data;
            });
        if form.noise > 0.0 {
            noise.increment_into(step.from, step.to, w.view_mut());
            let per_increment = form.noise / step.size().abs().sqrt();
            Zip::from(&mut x).and(&w).for_each(|x, w| *x += per_increment * w);
        }
    }
}
