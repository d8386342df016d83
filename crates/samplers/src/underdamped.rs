//! Underdamped Langevin sampling by the splitting BAOAB (Leimkuhler and Matthews 2013, "Rational construction of stochastic numerical
//! methods for molecular sampling").
//!
//! A chain has a whitened velocity `w` beside its point and follows `dX = L w dt`, `dw = Lᵀ s(X) dt − γ w dt + √(2γ) dB`, which leaves
//! `p(x) N(w; 0, I)` invariant. A step of length `h` does its parts one after the other, each exactly: half a kick (B), half a drift (A), all of
//! the friction and noise (O), half a drift (A), half a kick (B).
//!
//! Of all orders of these letters this one has by far the smallest bias in the points: on a harmonic target their law is **exact** for every
//! stable step, `h < 2/ω`, while the velocities bear the error (their variance is `1 − h²ω²/4` at frequency `ω`); on others the bias is of order
//! `h²`, and of order `h⁴` in the limit of large friction. The kicks at the end of a step and at the start of the next use the same score, so one
//! evaluation a step is enough.

use gibbsian_core::error::{check_finite, check_positive, check_shape};
use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Acceptance, Kernel, Record, Result, Score, Snapshot, Streams, Values};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::Rng;

use crate::langevin::taken_but;
use crate::metric::Metric;
use crate::step_size::check_step_size;
use crate::vector::{all_finite, zip, zip_mut};
use crate::walkers::{Block, Walkers};
use crate::working::{keep_scored, numbers, rows_mut, sized, stir, whitened};

/// One BAOAB step of length `h` with friction `γ`, on the scale of a metric.
///
/// Every move is taken. A move to a point that is not finite, or where the score is not, is no move at all: that chain stays where it is, comes
/// to rest, and is counted in [`Acceptance::undefined`]. One evaluation of the score a step.
///
/// Chains start at rest, which a time of `1/γ` forgets; [`UnderdampedState::draw_velocities`] starts them in equilibrium. Friction from 0.5
/// to 2, in units of the slowest frequency, mixes best; less takes longer to forget, more is the overdamped limit.
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::UnderdampedLangevin;
/// # use gibbsian_testkit::targets::Gaussian;
/// use ndarray::{Array2, array};
///
/// // `Gaussian` is a normal density by its mean and precision.
/// let target = Gaussian::new(array![1.0, 0.0], array![[1.0, 0.5], [0.5, 1.0]])?;
/// let kernel = UnderdampedLangevin::new(0.5, 1.0)?;
/// let mut state = kernel.init(&target, Array2::zeros((100, 2)))?;
/// let mut rng = Seed::new(1).rng();
/// state.draw_velocities(&mut rng);
/// for _ in 0..50 {
///     assert_eq!(kernel.step(&target, &mut state, &mut rng).undefined, 0);
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UnderdampedLangevin {
    step_size: f64,
    friction: f64,
    metric: Metric,
}

impl UnderdampedLangevin {
    /// Steps of length `h = step_size` with `γ = friction`, without a metric.
    ///
    /// # Errors
    /// A step size or a friction that is not positive and finite.
    pub fn new(step_size: f64, friction: f64) -> Result<Self> {
        Ok(UnderdampedLangevin {
            step_size: check_step_size(step_size)?,
            friction: check_positive("friction", friction)?,
            metric: Metric::Identity,
        })
    }

    /// The same kernel on the scale of `metric`, which must be of the target's dimension.
    pub fn with_metric(self, metric: Metric) -> Self {
        UnderdampedLangevin { metric, ..self }
    }

    fn advance<T: Score + ?Sized>(
        &self,
        target: &T,
        mut rng: LaneRng,
        mut walkers: Block<'_>,
        moving: &mut Moving,
    ) -> Acceptance {
        let (n, dim) = walkers.x.dim();
        let half = 0.5 * self.step_size;
        let Moving {
            velocity,
            noise,
            drift,
        } = moving;

        let decay = (-self.friction * self.step_size).exp();
        let deviation = (-(-2.0 * self.friction * self.step_size).exp_m1()).sqrt();
        let g = whitened(&self.metric, numbers(&mut walkers.score), dim, drift);
        let (x, noise) = (numbers(&mut walkers.x), sized(noise, n * dim));
        let mut all_are_finite = true;
        stir(&mut rng, noise, dim, |piece, z| {
            // B: w += ½ h Lᵀ s.
            let w = &mut velocity[piece.clone()];
            zip(w, &g[piece.clone()], |w, g| *w += half * g);
            // A, O, A: half drifts with the velocities before and after friction and noise, w' = e^−γh w + √(1 − e^−2γh) z.
            zip_mut(w, z, |w, z| {
                let after = decay * *w + deviation * *z;
                (*w, *z) = (after, half * (*w + after));
            });
            self.metric.apply(rows_mut(z, dim));
            let x = &mut x[piece];
            zip_mut(x, z, |x, z| (*x, *z) = (*x + *z, *x));
            all_are_finite &= all_finite(x);
        });

        // Where the chains were is now in the place of the noise.
        target.score_into(walkers.x.view(), walkers.score.view_mut());
        let undone = keep_scored(target, &mut walkers, noise, all_are_finite);

        // B.
        let g = whitened(&self.metric, numbers(&mut walkers.score), dim, drift);
        zip(velocity, g, |w, g| *w += half * g);
        for b in &undone {
            velocity[b * dim..(b + 1) * dim].fill(0.0);
        }
        taken_but(n, undone.len())
    }
}

/// Chains with velocities.
#[derive(Clone, Debug)]
pub struct UnderdampedState {
    /// The points and their scores.
    pub walkers: Walkers,
    /// One for each block of rows.
    moving: Vec<Moving>,
}

/// The velocities of a block of rows, and what a step works in.
#[derive(Clone, Debug, Default)]
struct Moving {
    velocity: Vec<f64>,
    noise: Vec<f64>,
    drift: Vec<f64>,
}

impl UnderdampedState {
    /// The whitened velocities `w`, `(B, D)`.
    pub fn velocities(&self) -> Array2<f64> {
        let all = self
            .moving
            .iter()
            .flat_map(|m| m.velocity.iter().copied())
            .collect();
        Array2::from_shape_vec(self.walkers.x.raw_dim(), all).expect("a velocity for each point")
    }

    /// Replaces the velocities.
    ///
    /// # Errors
    /// An array that is not finite or not of the shape `(B, D)`.
    pub fn set_velocities(&mut self, velocities: ArrayView2<f64>) -> Result<()> {
        check_shape("velocities", &velocities, self.walkers.x.shape())?;
        check_finite("velocities", &velocities)?;
        let mut numbers = velocities.iter();
        for moving in &mut self.moving {
            // One by one, because the array may have any layout.
            moving
                .velocity
                .iter_mut()
                .zip(&mut numbers)
                .for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    /// Draws the velocities from their equilibrium, `N(0, I)`.
    pub fn draw_velocities(&mut self, rng: &mut dyn Rng) {
        let streams = Streams::draw(rng);
        for (block, moving) in self.moving.iter_mut().enumerate() {
            fill_standard_normal(&mut LaneRng::new(streams, block), &mut moving.velocity);
        }
    }
}

/// Points, scores and velocities.
impl Snapshot for UnderdampedState {
    fn snapshot(&self) -> Record {
        let mut record = self.walkers.snapshot();
        let velocities = self.velocities();
        record.put(
            "velocity",
            velocities.shape(),
            Values::F64(velocities.iter().copied().collect()),
        );
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let shape = self.walkers.x.raw_dim();
        let velocity = record.f64s("velocity", self.walkers.x.shape())?;
        let velocities = ArrayView2::from_shape(shape, velocity).expect("the record has this shape");
        check_finite("velocity", &velocities)?;
        self.walkers.restore(record)?;
        self.set_velocities(velocities)
    }
}

impl<T: Score + ?Sized> Kernel<T> for UnderdampedLangevin {
    type State = UnderdampedState;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<UnderdampedState> {
        self.metric.check_dim(target.dim())?;
        let walkers = Walkers::with_score(target, x)?;
        let (n, dim) = walkers.x.dim();
        let at_rest = |first: usize| Moving {
            velocity: vec![0.0; (n - first).min(BLOCK_ROWS) * dim],
            ..Moving::default()
        };
        Ok(UnderdampedState {
            walkers,
            moving: (0..n).step_by(BLOCK_ROWS).map(at_rest).collect(),
        })
    }

    fn refresh(&self, target: &T, state: &mut UnderdampedState) {
        state.walkers.refresh_score(target);
    }

    fn positions<'s>(&self, state: &'s UnderdampedState) -> CowArray<'s, f64, Ix2> {
        state.walkers.x.view().into()
    }

    fn step(&self, target: &T, state: &mut UnderdampedState, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        state
            .walkers
            .map_blocks(&mut state.moving, |block, walkers, moving| {
                self.advance(target, LaneRng::new(streams, block), walkers, moving)
            })
            .into_iter()
            .sum()
    }
}
