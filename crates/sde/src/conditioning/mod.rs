//! Conditioning: samples from `p(x_0 | y)` with a score that was made for `p(x_0)`.
//!
//! Bayes's rule holds at every time, `∇ log p_t(x | y) = ∇ log p_t(x) + ∇ log p_t(y | x)`, and a method is what it takes for the second
//! term, the **guidance**. For an observation `y = A x_0 + s e` it is a mean over the clean points that a noisy one may have come from,
//! `p_t(y | x) = ∫ N(y; A x_0, s² I) p(x_0 | x) dx_0`. Only two moments of `p(x_0 | x)` follow from the score and its Jacobian `J`
//! (Robbins 1956; Miyasawa 1961; Efron 2011),
//!
//! `x̂ = E[x_0 | x] = (x + σ² s)/α`,  `C = Cov[x_0 | x] = (σ²/α²)(I + σ² J)`,
//!
//! so the methods put a normal law with mean `x̂` in its place. Then `p_t(y | x) ≈ N(y; A x̂, V)`, with `V = s² I + A (covariance) Aᵀ`,
//! and
//!
//! `guidance = (∂x̂/∂x)ᵀ Aᵀ V⁻¹ (y − A x̂)`,  `∂x̂/∂x = (I + σ² J)/α`,
//!
//! in which all of them leave out that `V` depends on `x`. They differ in the covariance:
//!
//! | method | covariance | exact for priors | Jacobian products |
//! |---|---|---|---|
//! | [`DiffusionPosteriorSampling`] | 0 | none | 1 |
//! | [`PseudoinverseGuidance`] | `r_t² I`, of a guess of the data's variance | `N(μ, ς² I)` with that `ς²` | 1 |
//! | [`DiagonalTweedieProjection`] | one with the row sums of `A C Aᵀ` on the diagonal | normal with `A C Aᵀ` diagonal | 2 |
//! | [`TweedieProjection`] | `C` | normal | `M` |
//! | [`MomentMatching`] | `C`, by conjugate gradients | normal | one an iteration, + 1 |
//!
//! All are exact at `t = 0`, where nothing is left to guess; and for other than normal priors none is in between. **What can be said
//! there:** the exact guidance is `(α/σ²)(E[x_0 | x, y] − x̂)`, and that with the full `C` is `(α/σ²)` times the best estimate of
//! `x_0 − x̂` that is linear in `y`. So among all guidances that are affine in `y` at every `x`, the table and none at all included, it
//! has the least mean squared error over the joint law of `x` and `y`; and by Pythagoras the error of every other one is that plus its
//! mean squared distance from it. That is a statement about scores. Which method's samples come nearest to a posterior of several modes
//! is another question, to which the order of the table is no answer: where it matters, weigh them ([`TwistedSmc`]).
//!
//! Every method is a `TimeScore`, which a [`ReverseSde`](crate::ReverseSde) or a [`ProbabilityFlow`](crate::ProbabilityFlow) takes in
//! place of the prior's, with any solver:
//!
//! ```
//! use gibbsian_core::Seed;
//! use gibbsian_core::process::OrnsteinUhlenbeck;
//! use gibbsian_sde::{EulerMaruyama, FixedSteps, FreshNoise, LinearObservation, MomentMatching, ReverseSde, TimeGrid};
//! # use gibbsian_testkit::targets::{Mixture, Noised};
//! use ndarray::array;
//!
//! // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
//! // A standard normal prior, and 2 observed with noise of variance 1: the posterior is N(1, ½).
//! let process = OrnsteinUhlenbeck::new(4.0)?;
//! let prior = Noised::new(Mixture::new(array![1.0], array![[0.0]], array![1.0])?, process);
//! let observation = LinearObservation::new(array![[1.0]], array![2.0], 1.0)?;
//! let posterior = MomentMatching::new(process, prior, observation)?;
//!
//! let noise = FreshNoise::new(Seed::new(1));
//! let steps = FixedSteps::new(TimeGrid::uniform(4.0, 0.0, 100)?);
//! let reverse = ReverseSde::new(process, posterior);
//! let x = steps.solve(&EulerMaruyama, &reverse, noise.normal((2000, 1)), &noise)?;
//! assert!((x.mean().unwrap() - 1.0).abs() < 0.1);
//! assert!((x.var(0.0) - 0.5).abs() < 0.1);
//! # Ok::<(), gibbsian_core::Error>(())
//! ```
//!
//! **Transposes.** Guidance wants `Jᵀ u`, the waist has `J u`. For gradients, exact scores among them, `J` is symmetric and the two are
//! one; a network that is no gradient is taken at its word, and what asymmetry it has is an error of the network like others.
//!
//! Beside the guidances:
//!
//! - [`TwistedSmc`] corrects any of those that know their likelihood ([`Twist`]) by weights and resampling: exact in the limit of many
//!   particles, with an unbiased estimate of the evidence `p(y)`;
//! - [`DiffPir`], [`Replacement`] and [`RePaint`] change the steps of a solver instead of the score;
//! - [`Greyscale`] makes colourisation of all of them, an observation for most and [`KnownGrey`] for the last two;
//! - [`ClassifierGuidance`] and [`ClassifierFreeGuidance`] have a model of `y` that was trained on noisy points;
//! - [`NaiveProduct`] and [`MetropolisCorrected`] compose scores: why that is no matter of adding them is said there;
//! - [`PosteriorEnergy`] makes any energy a Bayesian prior, without a process.

mod classifier;
mod classifier_free;
mod diffpir;
mod dps;
mod greyscale;
mod metropolis_corrected;
mod mmps;
mod naive_product;
mod observation;
mod pigdm;
mod posterior_energy;
mod repaint;
mod replacement;
mod tmpd;
mod tmpd_diagonal;
mod tweedie;
mod twisted_smc;

use gibbsian_core::Space;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

pub use classifier::ClassifierGuidance;
pub use classifier_free::ClassifierFreeGuidance;
pub use diffpir::DiffPir;
pub use dps::DiffusionPosteriorSampling;
pub use greyscale::{ChannelOrder, Greyscale, KnownGrey};
pub use metropolis_corrected::MetropolisCorrected;
pub use mmps::MomentMatching;
pub use naive_product::NaiveProduct;
pub use observation::LinearObservation;
pub use pigdm::PseudoinverseGuidance;
pub use posterior_energy::PosteriorEnergy;
pub use repaint::RePaint;
pub use replacement::{Known, KnownCoordinates, Replacement, ReplacementMemory};
pub use tmpd::TweedieProjection;
pub use tmpd_diagonal::DiagonalTweedieProjection;
pub use twisted_smc::{Population, TwistedSmc};

/// A prior's score, and what an observation adds to it.
pub trait Guidance: Space {
    /// Writes `∇ log p_t(x_b)` into `prior` and an approximation of `∇ log p_t(y | x_b)` into `guidance`; `x` and both are `(B, D)`, `t`
    /// is `(B)`.
    fn guide_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    );
}

/// A guidance with the likelihood it approximates: what weights can be made of.
///
/// At `t = 0` the likelihood must be the exact one, `p(y | x_0)`; [`TwistedSmc`] rests on that, and on nothing else.
pub trait Twist: Guidance {
    /// The same as [`Guidance::guide_into`], and writes an approximation of `log p_t(y | x_b)` into `log_likelihood` `(B)`. The guidance
    /// need not be its gradient.
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        log_likelihood: ArrayViewMut1<f64>,
        prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    );
}

/// What every method made of `process`, `prior` and `observation` has: a constructor's checks apart, it is a score.
macro_rules! conditional_score {
    ($name:ident) => {
        impl<P, M> $name<P, M> {
            /// The forward process.
            pub fn process(&self) -> &P {
                &self.process
            }

            /// The prior.
            pub fn prior(&self) -> &M {
                &self.prior
            }

            /// What was observed.
            pub fn observation(&self) -> &$crate::conditioning::LinearObservation {
                &self.observation
            }
        }

        impl<P: Sync, M: gibbsian_core::Space> gibbsian_core::Space for $name<P, M> {
            fn dim(&self) -> usize {
                self.prior.dim()
            }
        }

        /// The approximate score of `p_t(x | y)`.
        impl<P, M> gibbsian_core::TimeScore for $name<P, M>
        where
            P: gibbsian_core::LinearGaussian,
            M: gibbsian_core::TimeScoreJvp,
        {
            fn score_at_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                t: ndarray::ArrayView1<f64>,
                mut out: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::conditioning::Guidance;
                let mut guidance = ndarray::Array2::zeros(x.raw_dim());
                self.guide_into(x, t, out.view_mut(), guidance.view_mut());
                out += &guidance;
            }
        }
    };
}

/// [`Guidance`] of a method that has [`Twist`].
macro_rules! guidance_of_twist {
    ($name:ident) => {
        impl<P, M> $crate::conditioning::Guidance for $name<P, M>
        where
            P: gibbsian_core::LinearGaussian,
            M: gibbsian_core::TimeScoreJvp,
        {
            fn guide_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                t: ndarray::ArrayView1<f64>,
                prior: ndarray::ArrayViewMut2<f64>,
                guidance: ndarray::ArrayViewMut2<f64>,
            ) {
                use $crate::conditioning::Twist;
                let mut unused = ndarray::Array1::zeros(x.nrows());
                self.twist_into(x, t, unused.view_mut(), prior, guidance);
            }
        }
    };
}

pub(crate) use {conditional_score, guidance_of_twist};
