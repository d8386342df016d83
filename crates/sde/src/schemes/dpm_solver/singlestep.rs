//! The scheme that looks into its step.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{ArrayViewMut2, Zip};

use super::DataForm;
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::schemes::Working;
use crate::schemes::backwards::{check_backwards, check_member};
use crate::solver::{Solver, Step};

/// DPM-Solver++(2S), deterministic: order 2 with two scores a step, the second at the share `r` of it in log signal-to-noise ratio.
///
/// It needs nothing of the step before, so steps of any lengths may follow each other. A step to time 0 needs one score.
///
/// Source: Lu et al. (2022, arXiv:2211.01095), algorithm 1.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_core::process::VarianceExploding;
/// use gibbsian_sde::{DpmSolver2S, FixedSteps, FreshNoise, ReverseSde, TimeGrid};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = VarianceExploding::new(0.01, 20.0)?;
/// let data = Mixture::new(array![1.0], array![[3.0]], array![0.5])?;
/// let reverse = ReverseSde::new(process, Noised::new(data, process));
/// let noise = FreshNoise::new(Seed::new(1));
/// let grid = TimeGrid::karras(&process, 19.0, 0.01, 7.0, 20)?.then(0.0)?;
/// let start = noise.normal((2000, 1)) * 19.0;
/// let x = FixedSteps::new(grid).solve(&DpmSolver2S::default(), &reverse, start, &noise)?;
/// assert!((x.mean().unwrap() - 3.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DpmSolver2S {
    ratio: f64,
}

impl Default for DpmSolver2S {
    fn default() -> Self {
        DpmSolver2S { ratio: 0.5 }
    }
}

impl DpmSolver2S {
    /// The scheme with its second score at the share `ratio` of a step; ½ is the default.
    ///
    /// # Errors
    /// A ratio that is not greater than 0 and less than 1.
    pub fn new(ratio: f64) -> Result<Self> {
        if ratio > 0.0 && ratio < 1.0 {
            Ok(DpmSolver2S { ratio })
        } else {
            Err(Error::parameter("ratio", ratio, "greater than 0 and less than 1"))
        }
    }

    /// The share `r`.
    pub fn ratio(&self) -> f64 {
        self.ratio
    }

    /// The time of the second score.
    fn inner_time<P: LinearGaussian>(&self, process: &P, from: f64, to: f64) -> Result<f64> {
        let (start, end) = (process.log_snr(from), process.log_snr(to));
        let time = process.time_at_log_snr(start + self.ratio * (end - start))?;
        // Of a step as short as rounding allows, the inside may be rounded out.
        Ok(time.clamp(to, from))
    }
}

impl<P: LinearGaussian, M: TimeScore> Solver<ReverseSde<P, M>> for DpmSolver2S {
    type Memory = Working;

    fn noise_dim(&self, _: &ReverseSde<P, M>) -> usize {
        0
    }

    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_member(equation, 0.0)?;
        check_backwards(equation.process(), grid)?;
        let times = grid.times();
        for (i, ends) in times.windows(2).into_iter().enumerate() {
            if ends[1] > 0.0 {
                self.inner_time(equation.process(), ends[0], ends[1])
                    .map_err(|e| e.within(&format!("times[{i}]")))?;
            }
        }
        Ok(())
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        _: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let process = equation.process();
        let shapes = [x.dim(), x.dim(), x.dim(), (1, x.nrows())];
        let ([mut data, mut inner, mut inner_data, mut inner_times], t) =
            memory.take(shapes, x.nrows(), step.from);
        equation.denoise_into(x.view(), t, data.view_mut());
        if step.to > 0.0 {
            let time = self
                .inner_time(process, step.from, step.to)
                .expect("a ratio between two that the process takes on, as was checked");
            let form = DataForm::of_flow(process, step.from, time);
            Zip::from(&mut inner)
                .and(&x)
                .and(&data)
                .for_each(|inner, x, data| *inner = form.keep * x + form.data * data);
            inner_times.fill(time);
            equation.denoise_into(inner.view(), inner_times.row(0), inner_data.view_mut());
            let beyond = 0.5 / self.ratio;
            Zip::from(&mut data)
                .and(&inner_data)
                .for_each(|data, inner| *data += beyond * (inner - *data));
        }
        let form = DataForm::of_flow(process, step.from, step.to);
        Zip::from(&mut x)
            .and(&data)
            .for_each(|x, data| *x = form.keep * *x + form.data * data);
    }
}
