//! Log-densities by the probability flow.
//!
//! Along a solution of `dx/dt = u(x, t)` the log-density of a transported law changes by `d log p_t(x_t)/dt = −div u(x_t, t)` (the instantaneous change of variables; Chen, Rubanova, Bettencourt
//! and Duvenaud 2018, theorem 1). For the probability flow of a process `u = f x − ½ g² s`, so that
//!
//! `log p_{t₀}(x_{t₀}) = log p_T(x_T) + ∫_{t₀}^T [D f_t − ½ g_t² div s_t(x_t)] dt`
//!
//! (Song et al. 2021, equation 39, with a divergence of their appendix D.2). Points and integral are solved for together, and the error of the integral is controlled as a coordinate of its own: it is the one that is asked for.
//!
//! The density meant is that of the **flow started from the prior at `T`**, at the time `t₀`. With the exact score it differs from that of the noised data, `p_{t₀}`, by no more than the prior does from
//! `p_T`; with a learned one it is a model of its own, and not the density of the reverse process with noise under the same score (that one has a [bound](VariationalBound)).
//!
//! The divergence is [exact](FlowLikelihood::log_density), or [estimated](FlowLikelihood::log_density_estimate) along random directions that stay the same along the whole solution, which
//! makes the estimate unbiased and the equation an ordinary one (Grathwohl, Chen, Bettencourt, Sutskever and Duvenaud 2019).
//!
//! **Conditional densities.** A score with a condition behind it that knows its Jacobian goes in like any other: conditional networks, [`ClassifierFreeGuidance`](crate::ClassifierFreeGuidance),
//! [`ClassifierGuidance`](crate::ClassifierGuidance) and [`NaiveProduct`](crate::NaiveProduct) of scores that know theirs. The density is that of the guided flow, which is `p(x | y)` where the score is that of `p_t(x | y)` at every time, and with other
//! weights of guidance the density of neither `p(x) p(y | x)^w` nor anything else with a name. The guidances by a [`LinearObservation`](crate::LinearObservation) contain the Jacobian of the prior's score already, so their own Jacobian needs its second
//! derivatives, which no trait here has and no difference replaces; for them Bayes's rule gives more, `log p(x | y) = log p(x) + log p(y | x) − log p(y)`: the likelihood here, that
//! [of the observation](crate::LinearObservation::log_likelihood_into), and the evidence by [`TwistedSmc`](crate::TwistedSmc).

mod augmented;
mod dequantisation;
mod noise_prior;
mod variational_bound;

use gibbsian_core::error::{Error, Result, check_batch, check_count};
use gibbsian_core::{Density, Directions, LinearGaussian, Space, Streams, TimeScoreJvp};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};
use rand::Rng;

use crate::adaptive::{AdaptiveRungeKutta, Span};
use crate::probability_flow::ProbabilityFlow;
use augmented::Augmented;

pub use dequantisation::UniformDequantisation;
pub use noise_prior::NoisePrior;
pub use variational_bound::{VariationalBound, VariationalEstimate};

/// The density that a probability flow makes of a prior at the horizon, at a time `t₀ > 0`.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{AdaptiveRungeKutta, FlowLikelihood, ProbabilityFlow};
/// # use gibbsian_testkit::targets::{Mixture, Noised};
/// use ndarray::array;
///
/// // `Mixture` is a mixture of normal densities by its weights, means and deviations, `Noised` its exact score under a process; a network is put in its place.
/// let process = OrnsteinUhlenbeck::new(20.0)?;
/// let data = Mixture::new(array![0.3, 0.7], array![[-2.0], [2.0]], array![0.5, 0.5])?;
/// let noised = Noised::new(data, process);
///
/// let flow = ProbabilityFlow::new(process, &noised);
/// let likelihood = FlowLikelihood::new(flow, 1e-3, AdaptiveRungeKutta::with_tolerance(1e-8))?;
/// let x = array![[-1.5], [0.0]];
/// let found = likelihood.log_density(x.view())?.log_density;
/// let exact = noised.marginal(1e-3).log_density(x.view());
/// assert!((found - exact).iter().all(|e| e.abs() < 1e-6));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FlowLikelihood<P, M, Q = NoisePrior> {
    flow: ProbabilityFlow<P, M>,
    prior: Q,
    start: f64,
    solver: AdaptiveRungeKutta,
}

/// Log-densities, and where the points are at the other end of the flow.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FlowLogDensity {
    /// `log p_{t₀}` `(B)`.
    pub log_density: Array1<f64>,
    /// The points at the other end `(B, D)`: at the horizon where data were given, at `t₀` where noise was.
    pub points: Array2<f64>,
    /// The steps that each row made `(B)`.
    pub n_accepted: Array1<usize>,
    /// The steps that each row tried in vain `(B)`.
    pub n_rejected: Array1<usize>,
    /// The velocities that were evaluated for each row `(B)`.
    pub n_evaluations: Array1<usize>,
}

impl<P: LinearGaussian, M: TimeScoreJvp> FlowLikelihood<P, M> {
    /// The density at `start`, from the normal prior of the process.
    ///
    /// # Errors
    /// A start that is not within the process and greater than zero, or at its horizon; settings of the solver that make no sense.
    pub fn new(flow: ProbabilityFlow<P, M>, start: f64, solver: AdaptiveRungeKutta) -> Result<Self> {
        let prior = NoisePrior::of(flow.process(), flow.dim())?;
        FlowLikelihood::with_prior(flow, prior, start, solver)
    }
}

impl<P: LinearGaussian, M: TimeScoreJvp, Q: Density> FlowLikelihood<P, M, Q> {
    /// The density at `start`, from a prior at the horizon.
    ///
    /// # Errors
    /// Those of [`FlowLikelihood::new`]; a prior of another dimension.
    pub fn with_prior(
        flow: ProbabilityFlow<P, M>,
        prior: Q,
        start: f64,
        solver: AdaptiveRungeKutta,
    ) -> Result<Self> {
        check_start(flow.process(), start)?;
        if prior.dim() != flow.dim() {
            return Err(Error::parameter(
                "the dimension of the prior",
                prior.dim(),
                format!("that of the flow, {}", flow.dim()),
            ));
        }
        solver.check()?;
        Ok(FlowLikelihood {
            flow,
            prior,
            start,
            solver,
        })
    }

    /// The flow.
    pub fn flow(&self) -> &ProbabilityFlow<P, M> {
        &self.flow
    }

    /// The law at the horizon.
    pub fn prior(&self) -> &Q {
        &self.prior
    }

    /// `log p_{t₀}(x_b)` of the rows of `x` `(B, D)`, with the exact divergence.
    ///
    /// # Errors
    /// Rows that do not fit; what stops the solver.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Result<FlowLogDensity> {
        self.upwards(x, None)
    }

    /// The same with the divergence estimated along `n_probes` directions a row: `E` of the result is the log-density, up to the error of the solver.
    ///
    /// Its variance is that of `∫ ½ g² (mean of vᵀJv) dt`, to which all times contribute together because the directions stay. One probe costs one Jacobian-vector product
    /// an evaluation; draws one key from the generator.
    ///
    /// # Errors
    /// Those of [`FlowLikelihood::log_density`]; no probes.
    pub fn log_density_estimate(
        &self,
        x: ArrayView2<f64>,
        directions: Directions,
        n_probes: usize,
        rng: &mut dyn Rng,
    ) -> Result<FlowLogDensity> {
        check_batch("x", &x, self.flow.dim())?;
        check_count("n_probes", n_probes)?;
        let streams = Streams::draw(rng);
        let mut probes = Array3::zeros((n_probes, x.nrows(), x.ncols()));
        for (i, probe) in probes.axis_iter_mut(Axis(0)).enumerate() {
            directions.fill(streams.part(i as u64), probe);
        }
        self.upwards(x, Some(&probes))
    }

    /// The points at `t₀` that the rows of `noise` `(B, D)` at the horizon are taken to, with their log-densities: samples, where the noise is drawn from the prior.
    ///
    /// # Errors
    /// Rows that do not fit; what stops the solver.
    pub fn generate(&self, noise: ArrayView2<f64>) -> Result<FlowLogDensity> {
        let mut found = self.solve(noise, self.flow.process().horizon(), self.start, None)?;
        found.log_density = self.prior.log_density(noise) - found.log_density;
        Ok(found)
    }

    fn upwards(&self, x: ArrayView2<f64>, probes: Option<&Array3<f64>>) -> Result<FlowLogDensity> {
        let mut found = self.solve(x, self.start, self.flow.process().horizon(), probes)?;
        found.log_density += &self.prior.log_density(found.points.view());
        Ok(found)
    }

    /// Solves, with the integral of the divergence in the place of the log-density.
    fn solve(
        &self,
        x: ArrayView2<f64>,
        from: f64,
        to: f64,
        probes: Option<&Array3<f64>>,
    ) -> Result<FlowLogDensity> {
        check_batch("x", &x, self.flow.dim())?;
        let dim = x.ncols();
        let mut start = Array2::zeros((x.nrows(), dim + 1));
        start.slice_mut(s![.., ..dim]).assign(&x);
        let field = Augmented {
            flow: &self.flow,
            probes,
        };
        let solution = self.solver.integrate(&field, start, Span::new(from, to)?, &[])?;
        Ok(FlowLogDensity {
            log_density: solution.points.column(dim).to_owned(),
            points: solution.points.slice(s![.., ..dim]).to_owned(),
            n_accepted: solution.n_accepted,
            n_rejected: solution.n_rejected,
            n_evaluations: solution.n_evaluations,
        })
    }
}

/// Requires a time after 0 and before the horizon.
fn check_start<P: LinearGaussian + ?Sized>(process: &P, start: f64) -> Result<f64> {
    let horizon = process.horizon();
    if start > 0.0 && start < horizon {
        Ok(start)
    } else {
        Err(Error::parameter(
            "start",
            start,
            format!("greater than 0 and less than the horizon, {horizon}; 1e-5 of the horizon is usual"),
        ))
    }
}
