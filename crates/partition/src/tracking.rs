//! `log Z` of a model that is being trained, followed from one look to the next.
//!
//! Annealing from scratch at every look costs far more than what has changed in between. If `x` are draws of the model as it was,
//!
//! `Z_t / Z_{t−1} = E_{p_{t−1}}[exp(E_{t−1}(x) − E_t(x))]`,
//!
//! whose weights are nearly equal while the parameters move little, and the draws are those of chains that follow the model as persistent contrastive divergence has them
//! (Desjardins, Courville and Bengio 2011, "On tracking the partition function", in its simplest form: neighbours in time, without their ladder of temperatures). Each ratio has an error, which adds to that of all before; where the sum
//! leaves what is tolerated, or the weights say that a ratio cannot be trusted, `log Z` is anchored anew by a method that needs no past: enumeration where that is possible, annealing
//! otherwise ([`enumerated_or_annealed`]).
//!
//! What is claimed has the reservation of all Markov chains: a mode that appears and that no chain visits leaves no sign in the weights until the next anchor. Errors of neighbouring ratios come
//! from the same chains and may be of one sign, so they are added as they are and not by their squares.

use gibbsian_core::error::{check_count, check_positive};
use gibbsian_core::{Discrete, Energy, Error, Kernel, Path, Result};
use ndarray::Array2;
use rand::Rng;

use crate::Ladder;
use crate::ais::ais;
use crate::enumerate::exact_log_z;
use crate::estimate::Estimate;
use crate::reliability::{MIN_EFFECTIVE, Reliability};
use crate::weights::LogWeights;

/// The largest space that [`enumerated_or_annealed`] enumerates, 2²⁰ states.
pub const MAX_ENUMERATED: u64 = 1 << 20;

/// `log Z` by a method that needs no past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// The estimate.
    pub log_z: f64,
    /// Its standard error; zero where it is exact.
    pub standard_error: f64,
}

impl Anchor {
    /// A number that is right up to rounding.
    pub fn exact(log_z: f64) -> Self {
        Anchor {
            log_z,
            standard_error: 0.0,
        }
    }
}

impl From<Estimate> for Anchor {
    fn from(estimate: Estimate) -> Self {
        Anchor {
            log_z: estimate.corrected,
            standard_error: estimate.standard_error,
        }
    }
}

/// `log Z` of a model with at most [`MAX_ENUMERATED`] states by listing them, and of a larger one by annealing `n_chains` chains along its path.
///
/// # Errors
/// Those of [`exact_log_z`] or [`ais()`], and fewer than two chains.
pub fn enumerated_or_annealed<M: Energy + Discrete + ?Sized, P: Path>(
    model: &M,
    path: &P,
    ladder: &Ladder,
    n_chains: usize,
    rng: &mut dyn Rng,
) -> Result<Anchor> {
    match model.n_states() {
        Some(n) if n <= MAX_ENUMERATED => Ok(Anchor::exact(exact_log_z(model)?)),
        // The level is that of an interval, which an anchor does not have.
        _ => Ok(ais(path, ladder, n_chains, rng)?.estimate(0.5)?.into()),
    }
}

/// How a [`LogZTracker`] follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tracking {
    /// The steps that the chains make from one look to the next.
    pub n_steps: usize,
    /// The steps that they make at the first look, from where they were put.
    pub n_warmup: usize,
    /// The standard error of `log Z`, in nats, above which it is anchored anew.
    pub max_error: f64,
}

impl Default for Tracking {
    /// 10 steps a look after 1000 at first, and an error of up to a tenth of a nat.
    fn default() -> Self {
        Tracking {
            n_steps: 10,
            n_warmup: 1000,
            max_error: 0.1,
        }
    }
}

/// `log Z` at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tracked {
    /// The estimate.
    pub log_z: f64,
    /// That of the anchor and those of the ratios since, added.
    pub standard_error: f64,
    /// How many ratios were taken since the last anchor; zero at an anchor.
    pub n_ratios: usize,
}

impl Tracked {
    /// `⟨log p⟩` of data with this mean energy.
    pub fn mean_log_likelihood(&self, mean_energy: f64) -> f64 {
        -mean_energy - self.log_z
    }
}

/// Follows `log Z` of models `M` with chains of a kernel `K`.
///
/// A monitor of the training loop calls [`LogZTracker::look`] where it wants to know.
///
/// ```
/// use gibbsian_core::{Energy, Kernel, Result, Seed, Space};
/// use gibbsian_partition::{Anchor, LogZTracker, Tracking};
/// use ndarray::{Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2};
/// use rand::{Rng, RngExt};
/// use rand_distr::StandardNormal;
///
/// /// A normal density of this precision, `E = ½ γ x²`, `log Z = ½ log(2π/γ)`.
/// #[derive(Clone)]
/// struct Normal(f64);
/// # impl Space for Normal {
/// #     fn dim(&self) -> usize {
/// #         1
/// #     }
/// # }
/// # impl Energy for Normal {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.column(0).mapv(|x| 0.5 * self.0 * x * x));
/// #     }
/// # }
///
/// /// Independent draws.
/// struct Draws;
/// # impl Kernel<Normal> for Draws {
/// #     type State = Array2<f64>;
/// #     type Info = ();
/// #     fn init(&self, _: &Normal, x: Array2<f64>) -> Result<Array2<f64>> {
/// #         Ok(x)
/// #     }
/// #     fn refresh(&self, _: &Normal, _: &mut Array2<f64>) {}
/// #     fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
/// #         state.view().into()
/// #     }
/// #     fn step(&self, target: &Normal, state: &mut Array2<f64>, rng: &mut dyn Rng) {
/// #         state.mapv_inplace(|_| rng.sample::<f64, _>(StandardNormal) / target.0.sqrt());
/// #     }
/// # }
///
/// let log_z = |model: &Normal| 0.5 * (std::f64::consts::TAU / model.0).ln();
/// let options = Tracking { n_steps: 1, n_warmup: 1, max_error: 0.1 };
/// let mut tracker = LogZTracker::new(Draws, Array2::zeros((1000, 1)), options)?;
/// let mut rng = Seed::new(1).rng();
/// for t in 0..20 {
///     let model = Normal(1.0 + 0.01 * f64::from(t));
///     let tracked = tracker.look(&model, &mut |m, _| Ok(Anchor::exact(log_z(m))), &mut rng)?;
///     assert!((tracked.log_z - log_z(&model)).abs() <= 4.0 * tracked.standard_error);
/// }
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub struct LogZTracker<K: Kernel<M>, M> {
    kernel: K,
    options: Tracking,
    start: Array2<f64>,
    last: Option<Look<K::State, M>>,
}

impl<K: Kernel<M>, M> std::fmt::Debug for LogZTracker<K, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogZTracker")
            .field("options", &self.options)
            .field("n_chains", &self.start.nrows())
            .finish_non_exhaustive()
    }
}

/// The last look: the model as it was, and chains that are draws of it.
struct Look<S, M> {
    model: M,
    chains: S,
    tracked: Tracked,
}

/// What [`LogZTracker::look`] anchors by.
pub type AnchorFn<'a, M> = dyn FnMut(&M, &mut dyn Rng) -> Result<Anchor> + 'a;

impl<K: Kernel<M>, M: Energy + Clone> LogZTracker<K, M> {
    /// A tracker with chains that start at the rows of `start`.
    ///
    /// # Errors
    /// Fewer chains than a ratio is trusted with, no steps, or an error that is not positive.
    pub fn new(kernel: K, start: Array2<f64>, options: Tracking) -> Result<Self> {
        if (start.nrows() as f64) < MIN_EFFECTIVE {
            let requirement = format!("at least {MIN_EFFECTIVE}, with fewer no ratio is trusted");
            return Err(Error::parameter("n_chains", start.nrows(), requirement));
        }
        check_count("n_steps", options.n_steps)?;
        check_positive("max_error", options.max_error)?;
        Ok(LogZTracker {
            kernel,
            options,
            start,
            last: None,
        })
    }

    /// `log Z` of the model as it is now: from the last look where that is good enough, and by `anchor` otherwise and at first.
    ///
    /// Where the model is impossible at all chains they say nothing about it and may never come back: they begin anew from the start, with a warm-up.
    ///
    /// # Errors
    /// Those of the anchor, after which the next look begins anew; chains that cannot start, or an energy that no probability can be given to.
    pub fn look(&mut self, model: &M, anchor: &mut AnchorFn<'_, M>, rng: &mut dyn Rng) -> Result<Tracked> {
        let (mut chains, n_steps, followed) = match self.last.take() {
            None => (self.restart(model)?, self.options.n_warmup, None),
            Some(last) => {
                let log_weights = self.log_weights(&last, model);
                let lost = log_weights.iter().all(|l| *l == f64::NEG_INFINITY);
                let next = if lost {
                    self.restart(model).map(|chains| (Some(chains), None))
                } else {
                    self.follow(&last, log_weights).map(|followed| (None, followed))
                };
                match next {
                    Ok((Some(restarted), _)) => (restarted, self.options.n_warmup, None),
                    Ok((None, followed)) => (last.chains, self.options.n_steps, followed),
                    // A model that is refused leaves the last look where it was.
                    Err(refusal) => {
                        self.last = Some(last);
                        return Err(refusal);
                    }
                }
            }
        };
        let tracked = match followed {
            Some(tracked) => tracked,
            None => {
                let Anchor {
                    log_z,
                    standard_error,
                } = anchor(model, rng)?;
                Tracked {
                    log_z,
                    standard_error,
                    n_ratios: 0,
                }
            }
        };
        self.kernel.refresh(model, &mut chains);
        for _ in 0..n_steps {
            self.kernel.step(model, &mut chains, rng);
        }
        self.last = Some(Look {
            model: model.clone(),
            chains,
            tracked,
        });
        Ok(tracked)
    }

    /// Chains at their first positions.
    fn restart(&self, model: &M) -> Result<K::State> {
        self.kernel.init(model, self.start.clone())
    }

    /// The logarithms of the weights that the chains of the last look have in the model.
    fn log_weights(&self, last: &Look<K::State, M>, model: &M) -> Vec<f64> {
        let x = self.kernel.positions(&last.chains);
        (last.model.energy(x.view()) - model.energy(x.view())).to_vec()
    }

    /// `log Z` by one more ratio, where it can be trusted and its error tolerated.
    fn follow(&self, last: &Look<K::State, M>, log_weights: Vec<f64>) -> Result<Option<Tracked>> {
        let weights = LogWeights::new(log_weights)?;
        let tracked = Tracked {
            log_z: last.tracked.log_z + weights.log_mean_corrected(),
            standard_error: last.tracked.standard_error + weights.standard_error(),
            n_ratios: last.tracked.n_ratios + 1,
        };
        let good = Reliability::of(&weights).is_trusted() && tracked.standard_error <= self.options.max_error;
        Ok(good.then_some(tracked))
    }
}
