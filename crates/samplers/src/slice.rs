//! Slice sampling (Neal 2003, "Slice sampling", Annals of Statistics 31).
//!
//! A point under the graph of the density is drawn and forgotten: given `x`, a level `E(x) + e`, `e ~ Exp(1)`, and given the level a new point of the slice
//! `{x' : E(x') < level}` along a line through `x`. An interval of the given width is laid around `x` at random and *stepped out* by that width
//! until both ends lie outside the slice, or a limit is reached (Neal's figure 3); points are then drawn from it, and each that lies outside the slice
//! *shrinks* it to that point (figure 5), which needs no gradient, no normaliser and no acceptance rate: a width that is wrong by a factor costs
//! evaluations, about linearly where it is too small and logarithmically where it is too large.
//!
//! The limit is divided between both sides at random, which is what keeps an interval as likely from the new point as it was from the old.
//!
//! [`Slice`] updates along all coordinates in order, [`HitAndRunSlice`] along one random direction. Both take a [`Metric`] `L`: the coordinates are those
//! of `L⁻¹x`, so that the lines are the columns of `L`, or the direction is `L z`; the widths are in units of it. An update along one line is reversible, a sweep over coordinates
//! leaves the target invariant. Doubling (figure 4) is not offered: a width that is off by orders of magnitude is repaired by the metric.
//!
//! Rows of a block advance together, each as far as its own interval needs, and the target is asked for all that are not done in one call.

use gibbsian_core::error::{check_count, check_each, check_positive};
use gibbsian_core::{Acceptance, Energy, Kernel, Result, StepInfo, Streams};
use ndarray::{Array1, Array2, CowArray, Ix2, s};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::metric::Metric;
use crate::walkers::Walkers;

mod search;

/// How often an interval is stepped out at most, where nobody asks for another limit.
pub const DEFAULT_LIMIT: usize = 100;

/// One update along every coordinate a step.
///
/// A point whose energy is NaN or −∞ counts as outside the support, and is reported ([`SliceInfo::undefined`]).
///
/// ```
/// use gibbsian_core::{Energy, Kernel, Seed, Space};
/// use gibbsian_samplers::Slice;
/// use ndarray::{Array2, ArrayView2, ArrayViewMut1};
///
/// /// `E(x) = x` on the positive numbers.
/// struct Exponential;
/// impl Space for Exponential {
///     fn dim(&self) -> usize {
///         1
///     }
/// }
/// impl Energy for Exponential {
///     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
///         out.assign(&x.column(0).mapv(|x| if x < 0.0 { f64::INFINITY } else { x }));
///     }
/// }
///
/// let kernel = Slice::new(2.0)?;
/// let mut chains = kernel.init(&Exponential, Array2::ones((4000, 1)))?;
/// let mut rng = Seed::new(1).rng();
/// for _ in 0..20 {
///     kernel.step(&Exponential, &mut chains, &mut rng);
/// }
/// assert!((chains.x.mean().unwrap() - 1.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    search: Search,
    metric: Metric,
}

/// One update along a random direction a step: hit and run within the slice.
///
/// Directions are `L z/|z|`, `z ~ N(0, I)`. Undefined energies are handled as by [`Slice`].
#[derive(Clone, Debug, PartialEq)]
pub struct HitAndRunSlice {
    search: Search,
    metric: Metric,
}

/// The width of the first interval, and into how many such intervals it may grow.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    width: f64,
    limit: usize,
}

macro_rules! options {
    ($kernel:ident) => {
        impl $kernel {
            /// Intervals of this width, in the units of the metric, stepped out [`DEFAULT_LIMIT`] times at most.
            ///
            /// # Errors
            /// A width that is not positive and finite.
            pub fn new(width: f64) -> Result<Self> {
                check_positive("width", width)?;
                Ok($kernel {
                    search: Search {
                        width,
                        limit: DEFAULT_LIMIT,
                    },
                    metric: Metric::Identity,
                })
            }

            /// The same kernel with another metric, of the target's dimension.
            pub fn with_metric(self, metric: Metric) -> Self {
                $kernel { metric, ..self }
            }

            /// The same kernel with intervals of at most `limit` widths; 1 never steps out.
            ///
            /// # Errors
            /// A limit of zero.
            pub fn with_limit(self, limit: usize) -> Result<Self> {
                check_count("limit", limit)?;
                Ok($kernel {
                    search: Search {
                        limit,
                        ..self.search
                    },
                    ..self
                })
            }

            /// The width of the first interval.
            pub fn width(&self) -> f64 {
                self.search.width
            }

            /// How many widths an interval may have.
            pub fn limit(&self) -> usize {
                self.search.limit
            }
        }
    };
}
options!(Slice);
options!(HitAndRunSlice);

impl Slice {
    /// Intervals of width `widths[i]` along coordinate `i`.
    ///
    /// # Errors
    /// A width that is not positive and finite.
    pub fn with_widths(widths: Array1<f64>) -> Result<Self> {
        check_each("widths", widths.view(), "finite and greater than zero", |w| {
            w.is_finite() && w > 0.0
        })?;
        Ok(Slice::new(1.0)?.with_metric(Metric::Diagonal { deviations: widths }))
    }
}

/// What one step did, over all chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceInfo {
    /// Updates along a line.
    pub updates: u64,
    /// Points at which the energy was asked for.
    pub evaluations: u64,
    /// How often an interval was made longer.
    pub expansions: u64,
    /// How many sides of intervals were made longer as often as the limit allowed them. Many of them mean that the width or the limit is too small.
    pub limited: u64,
    /// How often an interval was made shorter.
    pub shrinkages: u64,
    /// Points at which the energy was NaN or −∞. Anything but zero is a fault of the target.
    pub undefined: u64,
}

impl std::ops::Add for SliceInfo {
    type Output = SliceInfo;

    fn add(self, other: SliceInfo) -> SliceInfo {
        SliceInfo {
            updates: self.updates + other.updates,
            evaluations: self.evaluations + other.evaluations,
            expansions: self.expansions + other.expansions,
            limited: self.limited + other.limited,
            shrinkages: self.shrinkages + other.shrinkages,
            undefined: self.undefined + other.undefined,
        }
    }
}

/// The points that were drawn from intervals are the proposals; the one that ends an update lies in the slice and is accepted.
impl StepInfo for SliceInfo {
    fn acceptance(&self) -> Acceptance {
        Acceptance {
            proposed: self.updates + self.shrinkages,
            accepted: self.updates,
            undefined: self.undefined,
            probability: self.updates as f64,
        }
    }
}

impl<T: Energy + ?Sized> Kernel<T> for Slice {
    type State = Walkers;
    type Info = SliceInfo;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Walkers> {
        self.metric.check_dim(target.dim())?;
        Walkers::with_energy(target, x)
    }

    fn refresh(&self, target: &T, state: &mut Walkers) {
        state.refresh_energy(target);
    }

    fn positions<'s>(&self, state: &'s Walkers) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, target: &T, state: &mut Walkers, rng: &mut dyn Rng) -> SliceInfo {
        let streams = Streams::draw(rng);
        // Row i is L e_i.
        let mut columns = Array2::eye(target.dim());
        self.metric.apply(columns.view_mut());
        let infos = state.map_blocks(&mut Vec::<()>::new(), |block, mut walkers, _| {
            let mut rng = streams.block(block);
            let mut info = SliceInfo::default();
            for i in 0..target.dim() {
                let line = columns.slice(s![i..=i, ..]);
                let lines = line.broadcast(walkers.x.dim()).expect("one row is repeated");
                info = info + self.search.update(target, &mut walkers, lines, &mut rng);
            }
            info
        });
        infos.into_iter().fold(SliceInfo::default(), |a, b| a + b)
    }
}

impl<T: Energy + ?Sized> Kernel<T> for HitAndRunSlice {
    type State = Walkers;
    type Info = SliceInfo;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Walkers> {
        self.metric.check_dim(target.dim())?;
        Walkers::with_energy(target, x)
    }

    fn refresh(&self, target: &T, state: &mut Walkers) {
        state.refresh_energy(target);
    }

    fn positions<'s>(&self, state: &'s Walkers) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, target: &T, state: &mut Walkers, rng: &mut dyn Rng) -> SliceInfo {
        let streams = Streams::draw(rng);
        let infos = state.map_blocks(&mut Vec::<()>::new(), |block, mut walkers, _| {
            let mut rng = streams.block(block);
            let mut lines: Array2<f64> =
                Array2::from_shape_simple_fn(walkers.x.dim(), || rng.sample(StandardNormal));
            for mut line in lines.rows_mut() {
                let length = line.dot(&line).sqrt();
                line /= length;
            }
            self.metric.apply(lines.view_mut());
            self.search.update(target, &mut walkers, lines.view(), &mut rng)
        });
        infos.into_iter().fold(SliceInfo::default(), |a, b| a + b)
    }
}
