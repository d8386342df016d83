//! Stochastic gradient Langevin dynamics (Welling and Teh 2011, "Bayesian learning via stochastic gradient Langevin dynamics").
//!
//! Unadjusted Langevin sampling with the score estimated from a minibatch of the data: `x' = x + ε_t ŝ(x) + √(2ε_t) z`. (Welling and Teh
//! write the drift as `ε_t/2`; their step is twice ours.) The noise of the estimate adds `ε_t² Var ŝ` to the variance of a step, of higher
//! order than the `2ε_t` that is wanted. With steps that go to zero while their sum diverges, `ε_t = a (b + t)^−γ` with `½ < γ ≤ 1`, the weighted
//! averages along the chain converge to those of the target (Teh, Thiéry and Vollmer 2016). With a constant step the chain has a law of its own: for a
//! normal target of precision `Λ` and an estimate of constant variance `V`, the variance is `(2 + εV) / (Λ (2 − εΛ))` and not `1/Λ`.

use gibbsian_core::error::{check_positive, check_within};
use gibbsian_core::simd::LaneRng;
use gibbsian_core::{Acceptance, Error, Kernel, Record, Result, Snapshot, StochasticScore, Streams, Values};
use ndarray::{Array2, CowArray, Ix2};
use rand::Rng;

use crate::langevin::taken_but;
use crate::step_size::check_step_size;
use crate::vector::{zip, zip_mut};
use crate::walkers::{Block, Walkers};
use crate::working::{Scratch, Working, keep_points, numbers, rows_mut, sized, stir};

/// The length of step number `t`, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSchedule {
    scale: f64,
    offset: f64,
    exponent: f64,
}

impl StepSchedule {
    /// `ε_t = step_size`.
    ///
    /// # Errors
    /// A step size that is not positive and finite.
    pub fn constant(step_size: f64) -> Result<Self> {
        Ok(StepSchedule {
            scale: check_step_size(step_size)?,
            offset: 1.0,
            exponent: 0.0,
        })
    }

    /// `ε_t = scale · (offset + t)^−exponent`.
    ///
    /// # Errors
    /// A scale or an offset that is not positive and finite; an exponent outside `(½, 1]`: with a larger one the chain stops at a finite distance,
    /// with a smaller one the noise of the estimates does not average out.
    pub fn polynomial(scale: f64, offset: f64, exponent: f64) -> Result<Self> {
        if exponent == 0.5 {
            return Err(Error::parameter("exponent", exponent, "greater than 0.5"));
        }
        Ok(StepSchedule {
            scale: check_positive("scale", scale)?,
            offset: check_positive("offset", offset)?,
            exponent: check_within("exponent", exponent, 0.5, 1.0)?,
        })
    }

    /// `ε_t`.
    ///
    /// ```
    /// use gibbsian_samplers::StepSchedule;
    /// let schedule = StepSchedule::polynomial(0.1, 1.0, 1.0)?;
    /// assert_eq!([schedule.step_size(0), schedule.step_size(9)], [0.1, 0.01]);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn step_size(&self, t: u64) -> f64 {
        if self.exponent == 0.0 {
            self.scale
        } else {
            self.scale / (self.offset + t as f64).powf(self.exponent)
        }
    }
}

/// One step `x' = x + ε_t ŝ(x) + √(2ε_t) z`, where each chain has a minibatch of its own.
///
/// The number of steps made is part of the state, so that a restored chain goes on with the right step length. Every move is taken; only a move
/// to a point that is not finite is no move at all: that chain stays where it is and is counted in [`Acceptance::undefined`].
///
/// ```
/// use gibbsian_core::{DatumScores, Kernel, Minibatch, Seed, Space};
/// use gibbsian_samplers::{Sgld, StepSchedule};
/// use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
///
/// /// The mean of a normal law of variance 1, with a normal prior.
/// struct Mean(Vec<f64>);
/// impl Space for Mean {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl DatumScores for Mean {
///     fn n_data(&self) -> usize {
///         self.0.len()
///     }
///     fn prior_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         out.assign(&-&x);
///     }
///     fn add_datum_scores(&self, x: ArrayView1<f64>, chosen: &[usize], weight: f64, mut out: ArrayViewMut1<f64>) {
///         out[0] += weight * chosen.iter().map(|&i| self.0[i] - x[0]).sum::<f64>();
///     }
/// }
///
/// let target = Minibatch::new(Mean((0..1000).map(|i| f64::from(i % 7)).collect()), 10)?;
/// let kernel = Sgld::new(StepSchedule::polynomial(1e-4, 1.0, 0.6)?);
/// let mut state = kernel.init(&target, Array2::zeros((8, 1)))?;
/// let mut rng = Seed::new(1).rng();
/// for _ in 0..100 {
///     kernel.step(&target, &mut state, &mut rng);
/// }
/// assert_eq!(state.n_steps, 100);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgld {
    schedule: StepSchedule,
}

impl Sgld {
    /// Steps of these lengths.
    pub fn new(schedule: StepSchedule) -> Self {
        Sgld { schedule }
    }

    fn advance<T: StochasticScore + ?Sized>(
        target: &T,
        epsilon: f64,
        (streams, block): (Streams, usize),
        walkers: Block<'_>,
        scratch: &mut Scratch,
    ) -> Acceptance {
        let mut x = walkers.x;
        let (n, dim) = x.dim();
        let noise = sized(&mut scratch.noise, n * dim);
        let estimate = sized(&mut scratch.score, n * dim);
        target.score_estimate_into(
            x.view(),
            rows_mut(estimate, dim),
            &mut streams.part(1).block(block),
        );
        let deviation = (2.0 * epsilon).sqrt();
        let points = numbers(&mut x);
        stir(&mut LaneRng::new(streams, block), noise, dim, |piece, z| {
            zip(z, &estimate[piece.clone()], |z, s| {
                *z = epsilon * s + deviation * *z
            });
            zip_mut(&mut points[piece], z, |x, z| (*x, *z) = (*x + *z, *x));
        });
        let undone = keep_points(&mut x, noise);
        taken_but(n, undone.len())
    }
}

/// Chains, and how many steps they have made.
#[derive(Clone, Debug)]
pub struct SgldState {
    /// The chains; neither energies nor scores are remembered.
    pub working: Working,
    /// The number of steps made, which is the `t` of the next one.
    pub n_steps: u64,
}

/// The points and the number of steps.
impl Snapshot for SgldState {
    fn snapshot(&self) -> Record {
        let mut record = self.working.snapshot();
        record.put("n_steps", &[], Values::U64(vec![self.n_steps]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_steps = record.u64s("n_steps", &[])?[0];
        self.working.restore(record)?;
        self.n_steps = n_steps;
        Ok(())
    }
}

impl<T: StochasticScore + ?Sized> Kernel<T> for Sgld {
    type State = SgldState;
    type Info = Acceptance;

    /// # Errors
    /// Rows that do not fit the target or are not finite, or where a first estimate of the score is not finite.
    fn init(&self, target: &T, x: Array2<f64>) -> Result<SgldState> {
        let walkers = Walkers::at(target.dim(), x, 0)?;
        let estimates = target.score_estimate(walkers.x.view(), &mut Streams::from_key(0).block(0));
        for (b, estimate) in estimates.rows().into_iter().enumerate() {
            if let Some(&s) = estimate.iter().find(|s| !s.is_finite()) {
                let required = "a point with a finite estimate of the score";
                let (name, point) = (format!("x[{b}, ..]"), walkers.x.row(b));
                return Err(Error::start(name, point, required, "estimated score", s));
            }
        }
        Ok(SgldState {
            working: Working::new(walkers),
            n_steps: 0,
        })
    }

    fn refresh(&self, _target: &T, _state: &mut SgldState) {}

    fn positions<'s>(&self, state: &'s SgldState) -> CowArray<'s, f64, Ix2> {
        state.working.walkers.x.view().into()
    }

    fn step(&self, target: &T, state: &mut SgldState, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let epsilon = self.schedule.step_size(state.n_steps);
        state.n_steps += 1;
        state
            .working
            .map_blocks(|block, walkers, scratch| {
                Sgld::advance(target, epsilon, (streams, block), walkers, scratch)
            })
            .into_iter()
            .sum()
    }
}
