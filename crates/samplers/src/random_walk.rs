//! Random-walk Metropolis sampling (Metropolis, Rosenbluth, Rosenbluth, Teller and Teller 1953).
//!
//! A step `y = x + σ L z` is proposed and taken with probability `min(1, p(y)/p(x))`. Nothing is asked of the target but its energy, not
//! even continuity. The price is the dimension: the best step shrinks as `D^−1/2` and the number of steps for one independent point
//! grows as `D`, where kernels that use the score need `D^1/3` or `D^1/4`.

use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Acceptance, Energy, Result};
use ndarray::ArrayViewMut1;

use crate::metric::Metric;
use crate::metropolis_hastings::Proposals;
use crate::step_size::check_step_size;
use crate::tunable::Tunable;
use crate::vector::{all_finite, zip};
use crate::walkers::Block;
use crate::working::{Scratch, kernel_of_walkers, numbers, rows, rows_mut, sized, stir};

/// A normal step `σ L z` about the point, proposed, and taken with probability `min(1, p(y)/p(x))`.
///
/// A proposal outside the support (`E = +∞`) is an ordinary rejection. One that is not finite, or where the energy is NaN or −∞, is rejected and
/// counted in [`Acceptance::undefined`]. One evaluation of the energy a step.
///
/// With the covariance of the target as metric, `σ = 2.38/√D` is best in many dimensions and accepts 23 % (Roberts, Gelman and Gilks 1997,
/// "Weak convergence and optimal scaling of random walk Metropolis algorithms").
///
/// ```
/// use gibbsian_core::{Energy, Kernel, Seed, Space};
/// use gibbsian_samplers::RandomWalkMetropolis;
/// use ndarray::{Array2, ArrayView2, ArrayViewMut1};
///
/// /// The uniform density on the unit square.
/// struct Square;
/// impl Space for Square {
///     fn dim(&self) -> usize {
///         2
///     }
/// }
/// impl Energy for Square {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         for (e, row) in out.iter_mut().zip(x.rows()) {
///             let inside = row.iter().all(|v| (0.0..=1.0).contains(v));
///             *e = if inside { 0.0 } else { f64::INFINITY };
///         }
///     }
/// }
///
/// let kernel = RandomWalkMetropolis::new(0.5)?;
/// let mut state = kernel.init(&Square, Array2::from_elem((100, 2), 0.5))?;
/// let info = kernel.step(&Square, &mut state, &mut Seed::new(1).rng());
/// assert_eq!((info.proposed, info.undefined), (100, 0));
/// assert!(state.walkers.x.iter().all(|v| (0.0..=1.0).contains(v)));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RandomWalkMetropolis {
    step_size: f64,
    metric: Metric,
}

impl RandomWalkMetropolis {
    /// Steps of deviation `σ = step_size` in every direction.
    ///
    /// # Errors
    /// A step size that is not positive and finite.
    pub fn new(step_size: f64) -> Result<Self> {
        Ok(RandomWalkMetropolis {
            step_size: check_step_size(step_size)?,
            metric: Metric::Identity,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        RandomWalkMetropolis { metric, ..self }
    }

    fn advance<T: Energy + ?Sized>(
        &self,
        target: &T,
        mut rng: LaneRng,
        mut walkers: Block<'_>,
        scratch: &mut Scratch,
    ) -> Acceptance {
        let (n, dim) = walkers.x.dim();
        let sigma = self.step_size;
        let (x, y) = (numbers(&mut walkers.x), sized(&mut scratch.proposal, n * dim));
        let mut all_are_finite = true;
        stir(&mut rng, y, dim, |piece, y| {
            self.metric.apply(rows_mut(y, dim));
            zip(y, &x[piece], |y, x| *y = x + sigma * *y);
            all_are_finite &= all_finite(y);
        });
        let energy = sized(&mut scratch.energy, n);
        target.energy_into(rows(y, dim), ArrayViewMut1::from(&mut *energy));

        let log_ratio = sized(&mut scratch.log_ratio, n);
        for ((ratio, e_x), e_y) in log_ratio.iter_mut().zip(&walkers.energy).zip(&*energy) {
            *ratio = e_x - e_y;
        }
        let row = |b: usize| b * dim..(b + 1) * dim;
        let is_finite = |b: usize| all_are_finite || all_finite(&y[row(b)]);
        Proposals { energy, log_ratio }.decide(&mut rng, is_finite, |b| {
            x[row(b)].copy_from_slice(&y[row(b)]);
            walkers.energy[b] = energy[b];
        })
    }
}

kernel_of_walkers!(RandomWalkMetropolis, Energy, with_energy, refresh_energy);

impl Tunable for RandomWalkMetropolis {
    fn step_size(&self) -> f64 {
        self.step_size
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn tuned(&self, step_size: f64, metric: Metric) -> Self {
        RandomWalkMetropolis { step_size, metric }
    }

    /// 0.234, the optimum in many dimensions; on one coordinate it is 0.44.
    fn target_acceptance(&self) -> f64 {
        0.234
    }
}
