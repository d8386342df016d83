//! One iteration: both steps in a pass over the data.

use gibbsian_core::Density;
use gibbsian_core::error::{Result, check_shape};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};

use super::floor::Floor;
use super::moments::{Moments, Second};
use super::{CovarianceForm, GaussianMixture};
use crate::gaussian::factors::Arithmetic;
use crate::mixture::Covariances;

/// The data, and what an iteration needs besides a mixture.
pub(super) struct Step<'a> {
    x: ArrayView2<'a, f64>,
    variances: Array1<f64>,
    floor: Floor,
    form: CovarianceForm,
}

/// A mixture made better.
pub(super) struct Improved {
    pub mixture: GaussianMixture,
    /// Of the mixture that was improved.
    pub log_likelihood: f64,
    /// Components whose covariance rests on the floor.
    pub bounded: Vec<usize>,
    /// Components that owned nothing and were put elsewhere.
    pub n_relocated: usize,
}

/// The estimates of one maximisation step.
struct Estimates {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Covariances,
    bounded: Vec<usize>,
}

impl Estimates {
    /// The mixture of an iteration. Its factors are plain: those in twice the precision can cost as much as the pass over the data, and the next
    /// iteration forgets them.
    fn mixture(self) -> Result<GaussianMixture> {
        GaussianMixture::in_arithmetic(self.weights, self.means, self.covariances, Arithmetic::Plain)
    }
}

impl<'a> Step<'a> {
    pub fn new(x: ArrayView2<'a, f64>, variances: Array1<f64>, floor: Floor, form: CovarianceForm) -> Self {
        Step {
            x,
            variances,
            floor,
            form,
        }
    }

    pub fn n_rows(&self) -> usize {
        self.x.nrows()
    }

    pub fn dim(&self) -> usize {
        self.x.ncols()
    }

    /// The variance of each coordinate of the data.
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.variances.view()
    }

    /// The maximisation step for rows that belong to one component each.
    pub fn maximise_groups(&self, groups: &[usize]) -> Result<GaussianMixture> {
        let n_components = groups.iter().max().map_or(0, |last| last + 1);
        let shifts = self.x.mean_axis(Axis(0)).unwrap_or_default();
        let shifts = shifts
            .broadcast((n_components, self.dim()))
            .map(|shifts| shifts.to_owned())
            .unwrap_or_default();
        let moments = Moments::gather(self.x, shifts.view(), self.second(), |start, rows, panel| {
            panel.assign(&groups[start..start + rows.nrows()]);
            0.0
        });
        self.maximise(&moments, shifts.view())?.mixture()
    }

    /// Expectation and maximisation.
    pub fn improve(&self, mixture: &GaussianMixture) -> Result<Improved> {
        check_shape("means", &mixture.means(), &[mixture.n_components(), self.dim()])?;
        let moments = Moments::gather(self.x, mixture.means(), self.second(), |_, rows, panel| {
            mixture.expect(rows, panel)
        });
        let mut found = self.maximise(&moments, mixture.means())?;
        let n_relocated = self.relocate_empty(mixture, &moments, &mut found);
        Ok(Improved {
            bounded: std::mem::take(&mut found.bounded),
            mixture: found.mixture()?,
            log_likelihood: moments.log_likelihood,
            n_relocated,
        })
    }

    fn second(&self) -> Second {
        match self.form {
            CovarianceForm::Full | CovarianceForm::Tied => Second::Full,
            CovarianceForm::Diagonal | CovarianceForm::Spherical => Second::Diagonal,
        }
    }

    /// Whether a component owns less than a rounding error of the data, so that its mean and covariance have no digits.
    fn is_empty(&self, mass: f64) -> bool {
        mass <= f64::EPSILON * self.n_rows() as f64
    }

    /// The weighted estimates from the sums. Components that own nothing get the data's variances.
    fn maximise(&self, moments: &Moments, shifts: ArrayView2<f64>) -> Result<Estimates> {
        let (n_components, dim) = shifts.dim();
        let n = moments.masses.sum();
        let owns = |k: usize| !self.is_empty(moments.masses[k]);
        let mut means = shifts.to_owned();
        for k in (0..n_components).filter(|&k| owns(k)) {
            means.row_mut(k).assign(&moments.mean(k, shifts.row(k)));
        }
        let mut bounded = Vec::new();
        let covariances = match self.form {
            CovarianceForm::Full => {
                let mut all = Array3::zeros((n_components, dim, dim));
                for (k, mut out) in all.outer_iter_mut().enumerate() {
                    if !owns(k) {
                        out.diag_mut().assign(&self.variances);
                        continue;
                    }
                    let (covariance, active) = self.floor.full(moments.scatter(k) / moments.masses[k])?;
                    out.assign(&covariance);
                    bounded.extend(active.then_some(k));
                }
                Covariances::Full(all)
            }
            CovarianceForm::Tied => {
                let scatter = (0..n_components)
                    .filter(|&k| owns(k))
                    .fold(Array2::zeros((dim, dim)), |sum, k| sum + moments.scatter(k));
                let (covariance, active) = self.floor.full(scatter / n)?;
                bounded.extend((0..n_components).filter(|_| active));
                Covariances::Tied(covariance)
            }
            CovarianceForm::Diagonal => {
                let mut all = Array2::zeros((n_components, dim));
                for (k, mut out) in all.outer_iter_mut().enumerate() {
                    if !owns(k) {
                        out.assign(&self.variances);
                        continue;
                    }
                    let (variances, active) = self
                        .floor
                        .diagonal(moments.diagonal_scatter(k) / moments.masses[k]);
                    out.assign(&variances);
                    bounded.extend(active.then_some(k));
                }
                Covariances::Diagonal(all)
            }
            CovarianceForm::Spherical => {
                let mut all = Array1::zeros(n_components);
                for (k, out) in all.iter_mut().enumerate() {
                    if !owns(k) {
                        *out = self.variances.mean().unwrap_or(f64::NAN);
                        continue;
                    }
                    let variance = moments.diagonal_scatter(k).sum() / (moments.masses[k] * dim as f64);
                    let active;
                    (*out, active) = self.floor.spherical(variance);
                    bounded.extend(active.then_some(k));
                }
                Covariances::Spherical(all)
            }
        };
        Ok(Estimates {
            weights: &moments.masses / n,
            means,
            covariances,
            bounded,
        })
    }

    /// Puts components that own nothing on the points that the mixture explains worst, with the weight of one point each.
    fn relocate_empty(&self, mixture: &GaussianMixture, moments: &Moments, found: &mut Estimates) -> usize {
        let empty: Vec<usize> = (0..found.weights.len())
            .filter(|&k| self.is_empty(moments.masses[k]))
            .collect();
        if empty.is_empty() {
            return 0;
        }
        let log_density = mixture.log_density(self.x);
        let mut rows: Vec<usize> = (0..self.n_rows()).collect();
        rows.sort_by(|&a, &b| log_density[a].total_cmp(&log_density[b]));
        for (&k, &row) in empty.iter().zip(&rows) {
            found.means.row_mut(k).assign(&self.x.row(row));
            found.weights[k] = 1.0 / self.n_rows() as f64;
        }
        found.weights /= found.weights.sum();
        empty.len()
    }
}
