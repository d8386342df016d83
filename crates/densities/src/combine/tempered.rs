//! Powers of densities, `p_β(x) = p(x)^β / Z_β`, where the normaliser is known.
//!
//! In general it is not: that is what annealing is for. It is known
//!
//! - for the exponential families that contain the powers of their members, [`PowerFamily`];
//! - on small finite spaces, by enumeration: [`Tempered`].
//!
//! With `E = −log p`, `log Z_β = log ∫ p^β` is the cumulant function of the energy: `d log Z/dβ = −⟨E⟩_β` and `d² log Z/dβ² = Var_β E`.
//!
//! **Which families.** `p^β = h^β exp(β⟨η, T⟩ − βA(η))` has the form of a member if `log h = ⟨κ, T⟩` on the support, and then
//! its natural parameters are `βη + (β − 1)κ`. Where the base measure is 1, `κ = 0`; the gamma, the beta and the Dirichlet, which keep `1/x` in
//! the base measure, have `κ = −1` for each logarithm, and the Wishart has `−(p + 1)/2` for `log |X|`. This is a fact about a family that its author states by an `impl`. Testing it on draws was rejected: all
//! draws of a Poisson law with a small rate are 0, and `1/x!` is 1 at all of them.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_positive};
use gibbsian_core::{
    Density, Discrete, DiscreteEnergy, Energy, ExponentialFamily, Space, Streams, math, parallel,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};
use rand::{Rng, RngExt};

use super::alphabets::check_first_state;
use crate::family::{Bernoulli, Beta, Categorical, Dirichlet, Exponential, Gamma, Normal, Wishart};
use crate::gaussian::MultivariateNormal;

/// An exponential family that contains the powers of its members, because `log h(x) = ⟨κ, T(x)⟩` on the support.
///
/// Of the common families these are the normals, exponential, gamma, beta, Dirichlet, Wishart, Bernoulli and categorical; not the Poisson, with
/// `h = 1/x!`, and the binomial.
///
/// ```
/// use gibbsian_densities::{Gamma, Normal, PowerFamily};
///
/// // A normal at inverse temperature β has the variance σ²/β, whatever its mean.
/// let hot = Normal::new(3.0, 1.0)?.tempered(0.25)?;
/// assert_eq!((hot.mean(), hot.deviation()), (3.0, 2.0));
/// // x^(−0.8) is integrable at zero, its square is not.
/// assert!(Gamma::new(0.2, 1.0)?.tempered(2.0).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub trait PowerFamily: ExponentialFamily {
    /// The coefficients `κ` `(S)` of `log h` in the statistics; zero where the base measure is 1.
    fn base_coefficients(&self) -> Array1<f64> {
        Array1::zeros(self.n_statistics())
    }

    /// The member `p^β / Z_β`, whose natural parameters are `βη + (β − 1)κ`.
    ///
    /// # Errors
    /// A `beta` that is not positive and finite, or for which `p^β` has no finite integral.
    fn tempered(&self, beta: f64) -> Result<Self> {
        check_positive("beta", beta)?;
        let natural = beta * self.natural_parameters() + (beta - 1.0) * self.base_coefficients();
        integrable(beta, self.with_natural(natural.view()))
    }

    /// `log Z_β = log ∫ p(x)^β dx = A(βη + (β − 1)κ) − β A(η)`, a sum on a discrete space.
    ///
    /// # Errors
    /// Those of [`tempered`](Self::tempered).
    fn log_z_at(&self, beta: f64) -> Result<f64> {
        Ok(self.tempered(beta)?.log_partition() - beta * self.log_partition())
    }
}

/// The power at `beta`, if there is one.
fn integrable<F>(beta: f64, power: Result<F>) -> Result<F> {
    power.map_err(|reason| {
        Error::parameter(
            "beta",
            beta,
            format!("such that the power is integrable: {reason}"),
        )
    })
}

/// `log Z_β = β log p(x) − log p_β(x)` at the point `x` `(D)`, for which the mean is the choice: where shapes are large, log-partitions are large
/// and their difference has few digits, but the log-densities of the middle are small.
fn log_z_through<F: PowerFamily>(member: &F, beta: f64, x: Array1<f64>) -> Result<f64> {
    let power = member.tempered(beta)?;
    let x = x.insert_axis(Axis(0));
    let log_z = beta * member.log_density(x.view())[0] - power.log_density(x.view())[0];
    Ok(if log_z.is_finite() {
        log_z
    } else {
        // The mean has been rounded to the end of the support.
        power.log_partition() - beta * member.log_partition()
    })
}

// A normal keeps its mean. By way of `m/σ²` it would be off by roundings of `m`, which may be many deviations, and both log-partitions of
// `log Z_β` would contain `m²/(2σ²)`.
impl PowerFamily for Normal {
    fn tempered(&self, beta: f64) -> Result<Self> {
        check_positive("beta", beta)?;
        integrable(beta, Normal::new(self.mean(), self.deviation() / beta.sqrt()))
    }

    fn log_z_at(&self, beta: f64) -> Result<f64> {
        self.tempered(beta)?;
        Ok((1.0 - beta) * self.log_z() - 0.5 * beta.ln())
    }
}

impl PowerFamily for MultivariateNormal {
    fn tempered(&self, beta: f64) -> Result<Self> {
        Ok(self.power(beta)?.0)
    }

    fn log_z_at(&self, beta: f64) -> Result<f64> {
        Ok(self.power(beta)?.1)
    }
}

impl PowerFamily for Exponential {}
impl PowerFamily for Bernoulli {}
impl PowerFamily for Categorical {}

impl PowerFamily for Gamma {
    fn base_coefficients(&self) -> Array1<f64> {
        array![-1.0, 0.0]
    }

    fn log_z_at(&self, beta: f64) -> Result<f64> {
        log_z_through(self, beta, array![self.mean()])
    }
}

impl PowerFamily for Beta {
    fn base_coefficients(&self) -> Array1<f64> {
        array![-1.0, -1.0]
    }

    fn log_z_at(&self, beta: f64) -> Result<f64> {
        log_z_through(self, beta, array![self.mean()])
    }
}

impl PowerFamily for Dirichlet {
    fn base_coefficients(&self) -> Array1<f64> {
        Array1::from_elem(self.dim(), -1.0)
    }

    fn log_z_at(&self, beta: f64) -> Result<f64> {
        log_z_through(self, beta, self.mean())
    }
}

impl PowerFamily for Wishart {
    fn base_coefficients(&self) -> Array1<f64> {
        let mut kappa = Array1::zeros(self.n_statistics());
        kappa[self.dim()] = -0.5 * (self.order() + 1) as f64;
        kappa
    }
}

/// The most states that [`Tempered`] enumerates.
const MOST_STATES: u64 = 1 << 20;

/// `p_β(x) = exp(−β E(x)) / Z_β` for an energy on a finite space of at most 2²⁰ states, by enumeration.
///
/// The energy is `β E`. At `β = 1` this makes a density, with its normaliser and exact draws, of any energy on a small space.
///
/// ```
/// use gibbsian_core::{Density, Discrete, Seed};
/// use gibbsian_densities::{Nade, Tempered};
///
/// let nade = Nade::random(6, 3, 1.0, Seed::new(1))?;
/// let hot = Tempered::new(&nade, 0.5)?;
/// let mass = hot.log_density(hot.states()?.view()).mapv(f64::exp).sum();
/// assert!((mass - 1.0).abs() < 1e-14);
/// // At β = 1 a normalised density is itself.
/// assert!(Tempered::new(&nade, 1.0)?.log_z().abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tempered<M> {
    model: M,
    beta: f64,
    log_z: f64,
    /// The sums of the probabilities of the states up to each.
    cumulative: Vec<f64>,
    mean_energy: f64,
    energy_variance: f64,
}

impl<M: Energy + Discrete> Tempered<M> {
    /// The model at the inverse temperature `beta`.
    ///
    /// # Errors
    /// A `beta` that is not positive and finite, more than 2²⁰ states, an energy that is NaN or −∞, or no state of finite energy.
    pub fn new(model: M, beta: f64) -> Result<Self> {
        check_positive("beta", beta)?;
        let energies = energies(&model)?;
        let log_weights: Vec<f64> = energies.iter().map(|e| -beta * e).collect();
        let log_z = math::log_sum_exp(&log_weights);
        if !log_z.is_finite() {
            return Err(Error::parameter(
                "log_z",
                log_z,
                "finite, with a state of finite energy and none of infinite weight",
            ));
        }
        let probabilities: Vec<f64> = log_weights.iter().map(|l| (l - log_z).exp()).collect();
        // States without probability may have an infinite energy; ∞ · 0 is no part of a mean.
        let mean = |f: &dyn Fn(f64) -> f64| {
            let present = probabilities.iter().zip(&energies).filter(|(p, _)| **p > 0.0);
            present.map(|(p, &e)| p * f(e)).sum::<f64>()
        };
        let mean_energy = mean(&|e| e);
        let energy_variance = mean(&|e| (e - mean_energy) * (e - mean_energy));
        let mut cumulative = probabilities;
        for k in 1..cumulative.len() {
            cumulative[k] += cumulative[k - 1];
        }
        Ok(Tempered {
            model,
            beta,
            log_z,
            cumulative,
            mean_energy,
            energy_variance,
        })
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The inverse temperature `β`.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// `⟨E⟩_β = −d log Z/dβ`, of the model's energy.
    pub fn mean_energy(&self) -> f64 {
        self.mean_energy
    }

    /// `Var_β E = d² log Z/dβ²`.
    pub fn energy_variance(&self) -> f64 {
        self.energy_variance
    }
}

/// The energies of all states, in order.
///
/// # Errors
/// More than 2²⁰ states, parts of a combination that have no states together, or an energy that is NaN.
pub(super) fn energies<M: Energy + Discrete>(model: &M) -> Result<Vec<f64>> {
    const CHUNK: u64 = 4096;
    check_first_state(model)?;
    let n_states = match model.n_states() {
        Some(n) if n <= MOST_STATES => n,
        n => {
            return Err(Error::parameter(
                "n_states",
                n.map_or("above 2^64".to_owned(), |n| n.to_string()),
                "at most 2^20 to be enumerated",
            ));
        }
    };
    let mut energies = Vec::with_capacity(n_states as usize);
    for first in (0..n_states).step_by(CHUNK as usize) {
        let mut states = Array2::zeros((CHUNK.min(n_states - first) as usize, model.dim()));
        model.states_into(first, states.view_mut());
        energies.extend(model.energy(states.view()));
    }
    match energies.iter().position(|e| e.is_nan()) {
        Some(k) => Err(Error::non_finite(
            format!("the energy of state {k}"),
            energies[k],
            "in the enumeration",
        )),
        None => Ok(energies),
    }
}

impl<M: Space> Space for Tempered<M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<M: Energy> Energy for Tempered<M> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        self.model.energy_into(x, out.view_mut());
        out *= self.beta;
    }
}

impl<M: Energy + Discrete> Density for Tempered<M> {
    fn log_z(&self) -> f64 {
        self.log_z
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        // Rounding leaves the sum of all probabilities near one, not at it.
        let total = self.cumulative[self.cumulative.len() - 1];
        parallel::for_each_block(out.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for row in rows.rows_mut() {
                let u = total * rng.random::<f64>();
                let state = self
                    .cumulative
                    .partition_point(|&c| c <= u)
                    .min(self.cumulative.len() - 1);
                self.model.states_into(state as u64, row.insert_axis(Axis(0)));
            }
        });
        out
    }
}

impl<M: Discrete> Discrete for Tempered<M> {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.model.alphabet(site)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        self.model.check_states(name, x)
    }

    fn n_states(&self) -> Option<u64> {
        self.model.n_states()
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        self.model.states_into(first, out);
    }

    fn states(&self) -> Result<Array2<f64>> {
        self.model.states()
    }
}

impl<M: DiscreteEnergy> DiscreteEnergy for Tempered<M> {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        self.model.site_deltas_into(x, site, out.view_mut());
        out *= self.beta;
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.model.flip_deltas_into(x, out.view_mut());
        out *= self.beta;
    }
}
