//! Unadjusted Langevin sampling: the Euler scheme of the overdamped Langevin diffusion, without correction.
//!
//! `dX = Σ s(X) dt + √(2Σ) dB` leaves `p` invariant for any fixed `Σ = L Lᵀ`; one step of length `ε` of its Euler scheme is
//! `x' = x + ε Σ s(x) + √(2ε) L z`. The scheme has an invariant law of its own, not `p`: on a normal density with precision `λ` along an
//! eigendirection (and `Σ = I`) it is normal with variance `1/(λ (1 − ελ/2))`, and diverges for `ε ≥ 2/λ`. The bias is of first order in
//! `ε`, does not vanish however long the chain, and is the price for asking nothing but a score (Roberts and Tweedie 1996,
//! "Exponential convergence of Langevin distributions and their discrete approximations"). [`Mala`](crate::Mala) corrects it where there
//! is an energy as well.

use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Acceptance, Result, Score};

use crate::metric::Metric;
use crate::step_size::check_step_size;
use crate::vector::{all_finite, zip, zip_mut};
use crate::walkers::Block;
use crate::working::{Scratch, keep_scored, kernel_of_walkers, numbers, rows_mut, sized, stir, whitened};

/// One step of length `ε` of the Euler scheme: `x' = x + ε Σ s(x) + √(2ε) L z`, `z ~ N(0, I)`, `Σ = L Lᵀ` the metric's.
///
/// Every move is taken. Only a move to a point that is not finite, or where the score is not, is no move at all: that chain stays where it is
/// and is counted in [`Acceptance::undefined`]. One evaluation of the score a step.
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::UnadjustedLangevin;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let target = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]])?;
/// let kernel = UnadjustedLangevin::new(0.1)?;
/// let mut state = kernel.init(&target, Array2::zeros((100, 2)))?;
/// let mut rng = Seed::new(1).rng();
/// for _ in 0..50 {
///     assert_eq!(kernel.step(&target, &mut state, &mut rng).undefined, 0);
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UnadjustedLangevin {
    step_size: f64,
    metric: Metric,
}

impl UnadjustedLangevin {
    /// Steps of length `ε = step_size`, without a metric. (Some texts have the drift `ε/2 · s`; their step is twice ours.)
    ///
    /// # Errors
    /// A step size that is not positive and finite.
    pub fn new(step_size: f64) -> Result<Self> {
        Ok(UnadjustedLangevin {
            step_size: check_step_size(step_size)?,
            metric: Metric::Identity,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        UnadjustedLangevin { metric, ..self }
    }

    fn advance<T: Score + ?Sized>(
        &self,
        target: &T,
        mut rng: LaneRng,
        mut walkers: Block<'_>,
        scratch: &mut Scratch,
    ) -> Acceptance {
        let (n, dim) = walkers.x.dim();
        let (epsilon, deviation) = (self.step_size, (2.0 * self.step_size).sqrt());
        let drift = whitened(&self.metric, numbers(&mut walkers.score), dim, &mut scratch.drift);
        let (x, noise) = (numbers(&mut walkers.x), sized(&mut scratch.noise, n * dim));
        let mut all_are_finite = true;
        stir(&mut rng, noise, dim, |piece, z| {
            // Σ s = L (Lᵀ s): drift and noise go through L together.
            zip(z, &drift[piece.clone()], |z, g| *z = epsilon * g + deviation * *z);
            self.metric.apply(rows_mut(z, dim));
            let x = &mut x[piece];
            zip_mut(x, z, |x, z| (*x, *z) = (*x + *z, *x));
            all_are_finite &= all_finite(x);
        });
        // Where the chains were is now in the place of the noise.
        target.score_into(walkers.x.view(), walkers.score.view_mut());
        let undone = keep_scored(target, &mut walkers, noise, all_are_finite);
        taken_but(n, undone.len())
    }
}

kernel_of_walkers!(UnadjustedLangevin, Score, with_score, refresh_score);

/// The report of a kernel without an acceptance step: all `n` moves were taken but those that were `undefined`.
pub(crate) fn taken_but(n: usize, undefined: usize) -> Acceptance {
    Acceptance {
        proposed: n as u64,
        accepted: (n - undefined) as u64,
        undefined: undefined as u64,
        probability: (n - undefined) as f64,
    }
}
