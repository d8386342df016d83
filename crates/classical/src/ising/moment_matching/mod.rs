//! Exact moment matching: the model on a graph that has given means and given correlations on its bonds.
//!
//! The model is an exponential family with the statistics `T = (x_i x_j on bonds, x_i on sites)` and the parameters `θ = (J, h)`, so the model whose moments are `μ` is where
//!
//! `L(θ) = θ·μ − log Z(θ)`
//!
//! is largest. `L` is concave, its gradient is `μ − ⟨T⟩`, and its second derivative `−Cov T`: Newton's method needs exact moments up to the second order of `T`, which are those of up to four
//! spins. Where `μ` are the moments of data, `L` is their mean log-likelihood, and its largest value is minus the entropy of the model, which among all laws with these moments
//! is the one of the largest entropy (Jaynes 1957; of neurons, Schneidman, Berry, Segev and Bialek 2006).
//!
//! Moments come by one of two exact routes, whichever takes fewer operations:
//!
//! - *A table* of all `2^N` states, whose Walsh–Hadamard transform has `⟨T_a T_b⟩` at the symmetric difference of the sites of `a` and `b`, since `x_i² = 1`.
//! - *Sweeps* of the [`TransferMatrix`], for wide graphs that few spins cut. It knows `⟨T⟩` only, and a second derivative would be a difference of two sweeps with an error, were it not that every
//!   statistic is `±1`. Then `e^{δ T_a} = cosh δ (1 + t T_a)` with `t = tanh δ`, so the means `⟨T_b⟩'` of the model with `θ_a + δ` give
//!
//!   `Cov(T_a, T_b) = (1 + t ⟨T_a⟩) (⟨T_b⟩' − ⟨T_b⟩) / t`
//!
//!   for *every* `δ`, however large. One sweep a parameter is a row of the covariance, up to rounding.
//!
//! A step that does not go up is made shorter and turned uphill by a multiple of the unit matrix (Levenberg 1944). Not all numbers are moments. Of two spins the four probabilities must be
//! positive, which is checked beforehand; of more there are conditions on every cycle, too many to list. But the log-likelihood of moments that some law has is a mean of logarithms of
//! probabilities and not positive, so a model with `L(θ) > 0` proves that there is no such law, and Newton's method finds one.
//! On the boundary, as where two spins of the data are never both up, the model lies at infinity, and that is said too.

mod point;

use gibbsian_core::error::{check_batch, check_count, check_each, check_positive, check_shape};
use gibbsian_core::{Error, Parametric, ParametricMut, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};

use super::{BondMoments, Ising};
use crate::graph::Graph;
use point::{Point, Route};

/// The longest Newton step, in the largest component, that is taken for the end. On the way to a maximum at infinity the gradient vanishes and the steps have a length
/// of about one.
const NEAR: f64 = 1e-3;

/// What helps where no finite model has the moments.
const SHRINK: &str = "mix the moments with those of free spins, which are zero: multiply all of them by a number a little below 1";

/// How an exact fit to moments ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentMatching {
    /// The largest difference of a moment of the model and its target that counts as none.
    pub tolerance: f64,
    /// The most steps that are taken.
    pub max_steps: usize,
}

impl Default for MomentMatching {
    /// Moments within `10⁻¹³`, and at most 200 steps.
    fn default() -> Self {
        MomentMatching {
            tolerance: 1e-13,
            max_steps: 200,
        }
    }
}

/// The model that has given moments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MatchedMoments {
    /// The model.
    pub model: Ising,
    /// Its moments, the target's up to the tolerance.
    pub moments: BondMoments,
    /// Its entropy in nats, the largest that a law with these moments has; minus the mean log-likelihood of data with these moments.
    pub entropy: f64,
    /// How many steps were taken.
    pub n_steps: usize,
}

impl Ising {
    /// The model on `graph` whose means and correlations on bonds are `target`: [`MomentMatching`] with its default options.
    ///
    /// ```
    /// use gibbsian_classical::{BondMoments, Graph, Ising};
    /// use ndarray::array;
    ///
    /// // Two spins without means that agree three times out of four: ⟨x₀ x₁⟩ = ½ = tanh J.
    /// let target = BondMoments { sites: array![0.0, 0.0], bonds: array![0.5] };
    /// let pair = Ising::fit_moments(Graph::complete(2)?, &target)?;
    /// assert!((pair.couplings()[0] - 0.5f64.atanh()).abs() < 1e-12);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`MomentMatching::fit`].
    pub fn fit_moments(graph: Graph, target: &BondMoments) -> Result<Ising> {
        Ok(MomentMatching::default().fit(graph, target)?.model)
    }
}

impl BondMoments {
    /// The moments of data: means over the rows of `x` `(B, N)`, whose entries are −1 or 1.
    ///
    /// ```
    /// use gibbsian_classical::{BondMoments, Boundary, Graph};
    /// use ndarray::array;
    ///
    /// let chain = Graph::lattice(&[3], Boundary::Open)?;
    /// let moments = BondMoments::of_states(&chain, array![[1.0, 1.0, -1.0], [1.0, -1.0, 1.0]].view())?;
    /// assert_eq!((moments.sites, moments.bonds), (array![1.0, 0.0, 0.0], array![0.0, -1.0]));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// No rows, another number of columns than sites, or an entry that is no spin.
    pub fn of_states(graph: &Graph, x: ArrayView2<f64>) -> Result<BondMoments> {
        check_batch("x", &x, graph.n_sites())?;
        check_each("x", x, "-1 or 1", |x| x.abs() == 1.0)?;
        let n_rows = x.nrows() as f64;
        let bonds = graph.bonds().iter();
        Ok(BondMoments {
            sites: x.sum_axis(Axis(0)) / n_rows,
            bonds: bonds
                .map(|&[i, j]| x.column(i).dot(&x.column(j)) / n_rows)
                .collect(),
        })
    }
}

impl MomentMatching {
    /// Climbs from free spins with the right means to the model on `graph` that has the moments `target`.
    ///
    /// ```
    /// use gibbsian_classical::{BondMoments, Boundary, Graph, Ising, MomentMatching, TransferMatrix};
    ///
    /// // A strip of 30 spins, too many to list, from its own moments.
    /// let strip = Ising::uniform(Graph::lattice(&[10, 3], Boundary::Open)?, 0.3, -0.1)?;
    /// let target = TransferMatrix::new(&strip)?.moments();
    /// let matched = MomentMatching::default().fit(strip.graph().clone(), &target)?;
    /// assert!((matched.model.couplings()[7] - 0.3).abs() < 1e-8);
    /// // No data make three spins disagree in pairs by more than −1/3 on average.
    /// let frustrated = BondMoments { sites: ndarray::Array1::zeros(3), bonds: ndarray::Array1::from_elem(3, -0.4) };
    /// assert!(MomentMatching::default().fit(Graph::complete(3)?, &frustrated).is_err());
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Options outside their domain; a graph with two bonds between one pair, whose couplings no moments tell apart; a graph that neither route can take, as one of more than 24 spins that 24
    /// spins do not cut; targets that do not fit the graph, or that are not strictly inside what two spins can have, each by name; moments that no law has, or none but those at
    /// infinity; moments that are not met within the tolerance.
    pub fn fit(&self, graph: Graph, target: &BondMoments) -> Result<MatchedMoments> {
        check_positive("tolerance", self.tolerance)?;
        check_count("max_steps", self.max_steps)?;
        check_graph(&graph)?;
        check_target(&graph, target)?;
        let route = Route::new(&graph)?;
        let mu = concatenate![Axis(0), target.bonds, target.sites];
        let free = Ising::new(
            graph.clone(),
            Array1::zeros(graph.n_bonds()),
            target.sites.mapv(f64::atanh),
        )?;
        let mut here = Point::new(route, free, mu.view())?;
        let mut damping = 0.0;
        for n_steps in 0..=self.max_steps {
            if here.log_likelihood > here.rounding() {
                return Err(impossible(here.log_likelihood));
            }
            let covariance = here.covariance()?;
            if here.residual() <= self.tolerance && here.distance(covariance.view()) <= NEAR {
                return Ok(here.matched(n_steps));
            }
            match step(&here, covariance, &mut damping, mu.view())? {
                Some(next) => here = next,
                None => break,
            }
        }
        if here.residual() <= self.tolerance {
            let value = format!("met by parameters of {:.3e} and larger ones", here.largest());
            let requirement = "in the interior of what laws of spins have, not on its boundary";
            return Err(Error::parameter("target", value, requirement).with_cure(SHRINK));
        }
        let requirement = format!("at most {:e}, which may take more steps", self.tolerance);
        let error = Error::parameter("the largest difference of moments", here.residual(), requirement);
        Err(error.with_cure(SHRINK))
    }
}

/// A step uphill, or none if there is none up to rounding.
fn step(
    here: &Point,
    covariance: Array2<f64>,
    damping: &mut f64,
    mu: ArrayView1<f64>,
) -> Result<Option<Point>> {
    // Beyond this damping a step changes nothing.
    const TOO_MUCH: f64 = 1e12;
    while *damping < TOO_MUCH {
        let mut curvature = covariance.clone();
        // The variance of a spin is one at most, so the unit matrix is the scale.
        curvature.diag_mut().mapv_inplace(|c| c + *damping);
        if let Ok(factor) = Cholesky::new("the covariance of the statistics", curvature.view()) {
            let params = here.model.params() + factor.solve_vector(here.gradient.view());
            if params.iter().all(|p| p.is_finite()) {
                let mut model = here.model.clone();
                model.set_params(params.view())?;
                let next = Point::new(here.route, model, mu)?;
                // Near the top a gain is below the rounding of the objective, and the gradient decides.
                let rounding = here.rounding();
                let gain = next.log_likelihood - here.log_likelihood;
                if gain > rounding || (gain >= -rounding && next.residual() < here.residual()) {
                    *damping = if *damping > 1e-9 { *damping / 10.0 } else { 0.0 };
                    return Ok(Some(next));
                }
            }
        }
        *damping = (*damping * 10.0).max(1e-6);
    }
    Ok(None)
}

/// Requires one bond at most between two sites.
fn check_graph(graph: &Graph) -> Result<()> {
    for i in 0..graph.n_sites() {
        let neighbours = graph.neighbours(i);
        if let Some(pair) = neighbours.windows(2).find(|n| n[0].site == n[1].site) {
            let value = format!("with two bonds between the sites {i} and {}", pair[0].site);
            let requirement =
                "one with a bond at most between two sites, as the moments are the same for both";
            return Err(Error::parameter("graph", value, requirement));
        }
    }
    Ok(())
}

/// Requires moments strictly inside what one spin and what two spins can have.
fn check_target(graph: &Graph, target: &BondMoments) -> Result<()> {
    check_shape("target.sites", &target.sites, &[graph.n_sites()])?;
    check_shape("target.bonds", &target.bonds, &[graph.n_bonds()])?;
    let inside = "strictly between -1 and 1";
    check_each("target.sites", target.sites.view(), inside, |m| m.abs() < 1.0)
        .map_err(|e| e.with_cure(SHRINK))?;
    for (b, (&[i, j], &moment)) in graph.bonds().iter().zip(&target.bonds).enumerate() {
        // (1 + s m_i + s' m_j + s s' ⟨x_i x_j⟩) / 4 is the probability of the spins s and s'.
        let m = [target.sites[i], target.sites[j]];
        let (least, most) = ((m[0] + m[1]).abs() - 1.0, 1.0 - (m[0] - m[1]).abs());
        if !(least < moment && moment < most) {
            let requirement = format!(
                "strictly between {least} and {most}, with means {} and {}",
                m[0], m[1]
            );
            return Err(
                Error::parameter(format!("target.bonds[{b}]"), moment, requirement).with_cure(SHRINK),
            );
        }
    }
    Ok(())
}

/// The error for moments that have a positive log-likelihood.
fn impossible(log_likelihood: f64) -> Error {
    let value = format!("moments of log-likelihood {log_likelihood:.3e} under some model");
    let requirement = "moments of a law, whose log-likelihood is negative under every model";
    Error::parameter("target", value, requirement).with_cure("take all moments from the same data")
}
