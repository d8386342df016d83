//! Mean field: the independent sites that come closest, and the bound on `log Z` that comes with them (Jordan, Ghahramani, Jaakkola and Saul 1999).
//!
//! For any independent law `q(y) = Π_i q_i(y_i)`,
//!
//! `log Z ≥ −⟨E⟩_q + H(q) = −Σ_i ⟨U_i⟩ − Σ_⟨ij⟩ ⟨V_ij⟩ + Σ_i H(q_i)`,
//!
//! and the difference is `KL(q‖p)`. Holding all sites but one, the best law there is `q_i(a) ∝ exp(−U_i(a) − Σ_j ⟨V_ij(a, y_j)⟩)`. Sites are set so one after
//! the other, and the bound never falls; setting all at once, as in the self-consistency equations of physics, may lower it and swing for ever.

use gibbsian_core::error::{check_count, check_each, check_positive, check_shape};
use gibbsian_core::{Error, Result, Space};
use ndarray::{Array2, ArrayView2};

use super::blocks::to_probabilities;
use super::sum::Compensated;
use super::{Convergence, Marginals, PairwiseField};
use crate::larger::larger;

/// Coordinate ascent on the bound, in the order of the sites.
///
/// ```
/// use gibbsian_classical::field::{MeanField, PairwiseField};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::{Array2, array};
///
/// // Without bonds, mean field is exact: Z = Π_i Σ_a exp(−U_i(a)).
/// let graph = Graph::new(2, vec![])?;
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], Array2::zeros((2, 2)), 1.0)?;
/// let solution = MeanField::default().run(&field)?;
/// assert!((solution.bound() - 4.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanField {
    tolerance: f64,
    max_sweeps: usize,
}

/// The independent law that was found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MeanFieldSolution {
    /// Its probabilities of labels.
    pub marginals: Marginals,
    /// The bound on `log Z` after every sweep; it never falls, but by rounding.
    pub bounds: Vec<f64>,
    /// How the ascent ended; the residual is the largest change of a probability in the last sweep.
    pub convergence: Convergence,
}

impl MeanFieldSolution {
    /// The bound on `log Z` at the end.
    pub fn bound(&self) -> f64 {
        *self.bounds.last().expect("there is at least one sweep")
    }
}

impl Default for MeanField {
    /// Until no probability changes by more than `10⁻⁶`, for at most a thousand sweeps.
    fn default() -> Self {
        MeanField {
            tolerance: 1e-6,
            max_sweeps: 1000,
        }
    }
}

impl MeanField {
    /// Until no probability changes by more than `tolerance` in a sweep, for at most `max_sweeps`.
    ///
    /// # Errors
    /// A tolerance that is not positive and finite, or no sweeps.
    pub fn new(tolerance: f64, max_sweeps: usize) -> Result<Self> {
        check_positive("tolerance", tolerance)?;
        check_count("max_sweeps", max_sweeps)?;
        Ok(MeanField {
            tolerance,
            max_sweeps,
        })
    }

    /// Ascends from the law of the sites without their bonds, `q_i(a) ∝ exp(−U_i(a))`.
    ///
    /// # Errors
    /// None beyond those of [`MeanField::run_from`].
    pub fn run(&self, field: &PairwiseField) -> Result<MeanFieldSolution> {
        let mut start = field.unary().to_owned();
        for mut row in start.rows_mut() {
            to_probabilities(row.as_slice_mut().expect("rows are slices"));
        }
        self.run_from(field, start.view())
    }

    /// Ascends from the probabilities `start` `(N, q)`.
    ///
    /// # Errors
    /// Another shape, an entry that is no probability, or a row whose sum is not one to rounding.
    pub fn run_from(&self, field: &PairwiseField, start: ArrayView2<f64>) -> Result<MeanFieldSolution> {
        let n_labels = field.n_labels();
        check_shape("start", &start, &[field.dim(), n_labels])?;
        check_each("start", start, "in [0, 1]", |p| (0.0..=1.0).contains(&p))?;
        for (site, row) in start.rows().into_iter().enumerate() {
            if (row.sum() - 1.0).abs() > 4.0 * n_labels as f64 * f64::EPSILON {
                return Err(Error::parameter(
                    format!("the sum of start[{site}, ..]"),
                    row.sum(),
                    "one",
                ));
            }
        }
        let mut q = start.as_standard_layout().into_owned();
        let mut law = vec![0.0; n_labels];
        let (mut bounds, mut residual) = (Vec::new(), f64::INFINITY);
        while residual > self.tolerance && bounds.len() < self.max_sweeps {
            residual = 0.0;
            for site in 0..q.nrows() {
                expected_energies(field, &q, site, &mut law);
                to_probabilities(&mut law);
                for (old, new) in q.row_mut(site).iter_mut().zip(&law) {
                    residual = larger(residual, (*old - new).abs());
                    *old = *new;
                }
            }
            bounds.push(bound(field, &q));
        }
        Ok(MeanFieldSolution {
            convergence: Convergence {
                converged: residual <= self.tolerance,
                n_rounds: bounds.len(),
                residual,
            },
            bounds,
            marginals: Marginals {
                probabilities: q,
                labels: field.labels().to_vec(),
            },
        })
    }
}

/// `U_i(a) + Σ_j Σ_b q_j(b) V_ij(a, b)` for every label of a site.
fn expected_energies(field: &PairwiseField, q: &Array2<f64>, site: usize, out: &mut [f64]) {
    let n_labels = field.n_labels();
    out.copy_from_slice(field.unary_of(site));
    for link in field.structure.links(site) {
        for b in 0..n_labels {
            let row = (link.seen * n_labels + b) * n_labels;
            let p = q[[link.site, b]];
            for (e, v) in out.iter_mut().zip(&field.seen[row..row + n_labels]) {
                *e += p * v;
            }
        }
    }
}

/// `−⟨E⟩_q + H(q)`.
fn bound(field: &PairwiseField, q: &Array2<f64>) -> f64 {
    let sites = q.iter().zip(field.unary());
    let mut bound: Compensated = sites.map(|(p, u)| entropy_term(*p) - p * u).sum();
    for (bond, &[i, j]) in field.graph().bonds().iter().enumerate() {
        for ((a, b), v) in field.table(bond).indexed_iter() {
            bound.add(-q[[i, a]] * q[[j, b]] * v);
        }
    }
    bound.value()
}

/// `−p log p`, zero at zero.
pub(crate) fn entropy_term(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}
