//! Score matching of exponential families, where the minimum has a closed form.
//!
//! The score of a family is linear in its natural parameters, `s(x) = Σ_s η_s ∇T_s(x) + ∇log h(x)`. Integration by parts turns the Fisher
//! divergence `½ E Σ_d w_d (∂_d log p_data − s_d)²` into expectations over the data (Hyvärinen 2005), which are then quadratic
//! in `η` (Hyvärinen 2007, "Some extensions of score matching", section 4):
//!
//! `J(η) = ½ ηᵀ G η + gᵀ η + const`, `G = E Σ_d w_d ∂_dT ∂_dTᵀ`, `g = E Σ_d [w_d ∂_d²T + (∂_d w_d) ∂_dT + w_d ∂_dT ∂_d log h]`,
//!
//! so that `η̂ = −G⁻¹ g` needs neither a normaliser nor an iteration. The constant does not depend on `η` and is left out of every loss here.
//!
//! **Boundaries.** The integration by parts needs `w_d p_data s_d` to vanish at the boundary of the support. On the whole space, with `w = 1`
//! ([`Unweighted`]), that asks little. With an edge it fails as soon as the density reaches it: the unweighted objective of an
//! exponential density has its minimum at rate 0 whatever the data, and those of a Gamma density with shape at most 2, of a Beta
//! density and of a uniform one are wrong or infinite as well. A weight that vanishes at the edge removes the boundary term: `x²` on the half-line
//! ([`HalfLine`](crate::HalfLine), Hyvärinen 2007, equation 11), `x²(1 − x)²` on the interval ([`UnitInterval`](crate::UnitInterval)). The estimate stays consistent with any positive
//! weight; the weight decides its variance. Other supports bring a [`BoundaryWeight`] of their own.
//!
//! **Precision of the estimate.** It solves estimating equations `Σ_b (G_b η + g_b) = 0`, so its covariance is the sandwich
//! `G⁻¹ V G⁻¹ / N`, `V` the covariance of `G_b η̂ + g_b` over the data (Godambe 1960), right whether or not the model is.

use gibbsian_core::error::{check_finite, check_points};
use gibbsian_core::{ContinuousFamily, Error, Result};
use gibbsian_linalg::{Cholesky, SymmetricEigen, matmul, matmul_into};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut2, Axis, s};

use crate::boundary_weight::{BoundaryWeight, Unweighted};

/// Score matching of an exponential family in closed form.
///
/// ```
/// use gibbsian_core::ExponentialFamily;
/// # use gibbsian_core::{ContinuousFamily, Density, Energy, Result, Score, Space};
/// use gibbsian_objectives::ClosedFormScoreMatching;
/// # use ndarray::*;
/// use ndarray::array;
/// # /// The centred normal, `T = x²`, `η = −1/2σ²`.
/// # #[derive(Debug)]
/// # struct Normal { variance: f64 }
/// # impl Space for Normal { fn dim(&self) -> usize { 1 } }
/// # impl Energy for Normal {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.column(0).mapv(|x| x * x / (2.0 * self.variance)));
/// #     }
/// # }
/// # impl Density for Normal {
/// #     fn log_z(&self) -> f64 { 0.5 * (std::f64::consts::TAU * self.variance).ln() }
/// #     fn sample(&self, _: usize, _: &mut dyn rand::Rng) -> Array2<f64> { unreachable!() }
/// # }
/// # impl Score for Normal {
/// #     fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) { out.assign(&(-&x / self.variance)); }
/// # }
/// # impl ExponentialFamily for Normal {
/// #     fn n_statistics(&self) -> usize { 1 }
/// #     fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) { out.assign(&(&x * &x)); }
/// #     fn log_base_measure_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) { out.fill(0.0); }
/// #     fn natural_parameters(&self) -> Array1<f64> { array![-0.5 / self.variance] }
/// #     fn mean_parameters(&self) -> Array1<f64> { array![self.variance] }
/// #     fn log_partition(&self) -> f64 { self.log_z() }
/// #     fn fisher_information(&self) -> Array2<f64> { array![[2.0 * self.variance.powi(2)]] }
/// #     fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> { Ok(Normal { variance: -0.5 / natural[0] }) }
/// #     fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> { Ok(Normal { variance: mean[0] }) }
/// #     fn entropy(&self) -> f64 { self.log_z() + 0.5 }
/// # }
/// # impl ContinuousFamily for Normal {
/// #     fn statistics_jacobian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
/// #         out.slice_mut(s![.., 0, ..]).assign(&(&x * 2.0));
/// #     }
/// #     fn statistics_second_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) { out.fill(2.0); }
/// #     fn log_base_gradient_into(&self, _: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) { out.fill(0.0); }
/// # }
///
/// // A centred normal: the estimate of the variance is the mean square.
/// let x = array![[1.0], [-2.0], [3.0], [-2.0]];
/// let estimate = ClosedFormScoreMatching::unweighted().estimate(&Normal { variance: 1.0 }, x.view())?;
/// assert!((estimate.member.variance - 4.5).abs() < 1e-14);
/// assert!((estimate.natural[0] + 1.0 / 9.0).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ClosedFormScoreMatching<W = Unweighted> {
    weight: W,
}

/// The minimum of the objective, and what is known about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScoreMatchingEstimate<F> {
    /// The natural parameters `η̂` `(S)`.
    pub natural: Array1<f64>,
    /// The member of the family that has them.
    pub member: F,
    /// The objective at the minimum, up to the constant that does not depend on `η`.
    pub loss: f64,
    /// The condition number of `G` with its diagonal scaled to one; as many digits of `η̂` are lost as this has.
    pub condition: f64,
    /// The sandwich estimate `(S, S)` of the covariance of `η̂`.
    pub covariance: Array2<f64>,
}

/// `J(η) = ½ ηᵀ G η + gᵀ η`, the objective on given data.
#[derive(Clone, Debug)]
pub struct QuadraticObjective {
    /// `G` `(S, S)`, positive semi-definite.
    pub curvature: Array2<f64>,
    /// `g` `(S)`.
    pub slope: Array1<f64>,
}

impl QuadraticObjective {
    /// `J(η)` for natural parameters `(S)`.
    pub fn loss(&self, natural: ArrayView1<f64>) -> f64 {
        0.5 * natural.dot(&self.curvature.dot(&natural)) + self.slope.dot(&natural)
    }

    /// The condition number of `G` with its diagonal scaled to one, which does not depend on the units of the statistics; infinite
    /// where `G` is singular.
    ///
    /// No other scaling has one smaller by more than the factor `S` (van der Sluis 1969).
    ///
    /// # Errors
    /// Entries that are not finite.
    pub fn condition(&self) -> Result<f64> {
        let scale = self.scale();
        if scale.iter().any(|s| !s.is_finite()) {
            return Ok(f64::INFINITY);
        }
        let eigen = SymmetricEigen::new("the curvature G", self.scaled(&scale).view())?;
        let (least, most) = (eigen.values()[0], eigen.values()[eigen.values().len() - 1]);
        // Eigenvalues below the rounding of the largest are indistinguishable from zero.
        let rounding = scale.len() as f64 * f64::EPSILON * most;
        Ok(if least > rounding {
            most / least
        } else {
            f64::INFINITY
        })
    }

    /// The natural parameters `η̂ = −G⁻¹ g` `(S)`, which need not belong to a member of the family.
    ///
    /// # Errors
    /// `G` is singular to working precision: some combination of statistics does not vary with `x` on the data.
    pub fn minimiser(&self) -> Result<Array1<f64>> {
        let solution = self.solve(self.slope.view().insert_axis(Axis(1)))?;
        // A slope of zero has its minimum at 0, not at −0.
        Ok(solution.remove_axis(Axis(1)).mapv(|x| 0.0 - x))
    }

    /// `G⁻¹ B` by the Cholesky factorisation of `G` scaled to unit diagonal.
    fn solve(&self, b: ArrayView2<f64>) -> Result<Array2<f64>> {
        let condition = self.condition()?;
        if condition.is_infinite() {
            return Err(Error::parameter(
                "the condition number of the curvature G",
                condition,
                "finite: on the data, some combination of the statistics has no gradient",
            ));
        }
        let scale = self.scale().insert_axis(Axis(1));
        let cholesky = Cholesky::new("the curvature G", self.scaled(&scale.column(0).to_owned()).view())?;
        Ok(cholesky.solve((&scale * &b).view()) * &scale)
    }

    fn scale(&self) -> Array1<f64> {
        self.curvature.diag().mapv(|g| 1.0 / g.sqrt())
    }

    fn scaled(&self, scale: &Array1<f64>) -> Array2<f64> {
        &self.curvature * scale * scale.view().insert_axis(Axis(1))
    }
}

impl ClosedFormScoreMatching {
    /// The objective for densities on the whole space.
    pub fn unweighted() -> Self {
        Self { weight: Unweighted }
    }
}

impl<W: BoundaryWeight> ClosedFormScoreMatching<W> {
    /// The objective with a weight that vanishes where the support ends.
    pub fn weighted(weight: W) -> Self {
        Self { weight }
    }

    /// The member of `family` that minimises the objective on the rows of `x` `(B, D)`.
    ///
    /// # Errors
    /// As [`quadratic`](Self::quadratic) and [`QuadraticObjective::minimiser`]; or the minimum is at no member of the family, as for the unweighted
    /// objective of an exponential density.
    pub fn estimate<F: ContinuousFamily>(
        &self,
        family: &F,
        x: ArrayView2<f64>,
    ) -> Result<ScoreMatchingEstimate<F>> {
        let objective = self.quadratic(family, x)?;
        let natural = objective.minimiser()?;
        let member = family.with_natural(natural.view())?;
        // G⁻¹ V G⁻¹ / N from the rows' equations, whose mean is zero at the estimate.
        let equations = self.equations(family, x, natural.view());
        let meat = matmul(equations.t(), equations.view()) / (x.nrows() as f64).powi(2);
        let half = objective.solve(meat.view())?;
        Ok(ScoreMatchingEstimate {
            loss: objective.loss(natural.view()),
            condition: objective.condition()?,
            covariance: objective.solve(half.t())?,
            natural,
            member,
        })
    }

    /// The objective on the rows of `x` `(B, D)`, which only depends on the family of `family` and not on its parameters.
    ///
    /// # Errors
    /// No rows, a wrong number of columns, entries that are not finite, a row outside the support, or a weight that is negative.
    pub fn quadratic<F: ContinuousFamily>(
        &self,
        family: &F,
        x: ArrayView2<f64>,
    ) -> Result<QuadraticObjective> {
        check_points("x", &x, family.dim())?;
        let log_base = family.log_base_measure(x);
        if let Some(b) = (0..x.nrows()).find(|&b| !log_base[b].is_finite()) {
            return Err(Error::parameter(
                format!("x[{b}]"),
                x.row(b),
                "a point of the support",
            ));
        }
        let n_statistics = family.n_statistics();
        let mut objective = QuadraticObjective {
            curvature: Array2::zeros((n_statistics, n_statistics)),
            slope: Array1::zeros(n_statistics),
        };
        let share = 1.0 / x.nrows() as f64;
        let mut seen = 0;
        for rows in x.axis_chunks_iter(Axis(0), rows_at_once(n_statistics, x.ncols())) {
            let terms = Terms::new(family, &self.weight, rows);
            if let Some(((b, d), &w)) = terms
                .weight
                .indexed_iter()
                .find(|(_, w)| !(**w >= 0.0 && w.is_finite()))
            {
                let name = format!("the weight of x[{}, {d}]", seen + b);
                return Err(Error::parameter(name, w, "finite and at least zero"));
            }
            seen += rows.nrows();
            let mut weighted = terms.gradients.clone();
            weighted *= &terms.weight.flatten().insert_axis(Axis(1));
            matmul_into(
                share,
                weighted.t(),
                terms.gradients.view(),
                1.0,
                objective.curvature.view_mut(),
            );
            objective
                .slope
                .scaled_add(share, &terms.slopes().sum_axis(Axis(0)));
        }
        // The product is symmetric up to rounding only.
        let transposed = objective.curvature.t().to_owned();
        objective.curvature = (objective.curvature + transposed) * 0.5;
        check_finite("the curvature G", &objective.curvature)?;
        check_finite("the slope g", &objective.slope)?;
        Ok(objective)
    }

    /// `G_b η + g_b` of every row, `(B, S)`.
    fn equations<F: ContinuousFamily>(
        &self,
        family: &F,
        x: ArrayView2<f64>,
        natural: ArrayView1<f64>,
    ) -> Array2<f64> {
        let n_statistics = family.n_statistics();
        let chunk = rows_at_once(n_statistics, x.ncols());
        let mut out = Array2::zeros((x.nrows(), n_statistics));
        for (rows, out) in x
            .axis_chunks_iter(Axis(0), chunk)
            .zip(out.axis_chunks_iter_mut(Axis(0), chunk))
        {
            let terms = Terms::new(family, &self.weight, rows);
            terms.equations_into(natural, out);
        }
        out
    }
}

/// Rows whose derivatives fit into a few megabytes; the sums do not depend on anything else.
fn rows_at_once(n_statistics: usize, dim: usize) -> usize {
    const ENTRIES: usize = 1 << 18;
    (ENTRIES / (n_statistics * dim).max(1)).clamp(1, 4096)
}

/// Everything the objective needs to know about some rows.
struct Terms {
    /// `∂_d T` `(B·D, S)`: a row for each coordinate of each point.
    gradients: Array2<f64>,
    /// `∂_d² T` `(B, S, D)`.
    second: Array3<f64>,
    /// `∂_d log h` `(B, D)`.
    base: Array2<f64>,
    /// `w_d` and `∂_d w_d` `(B, D)`.
    weight: Array2<f64>,
    weight_slope: Array2<f64>,
}

impl Terms {
    fn new<F: ContinuousFamily>(family: &F, weight: &impl BoundaryWeight, x: ArrayView2<f64>) -> Self {
        let ((n, d), n_statistics) = (x.dim(), family.n_statistics());
        let mut jacobian = Array3::zeros((n, n_statistics, d));
        family.statistics_jacobian_into(x, jacobian.view_mut());
        let gradients = jacobian.permuted_axes([0, 2, 1]);
        let mut terms = Terms {
            gradients: Array2::from_shape_vec((n * d, n_statistics), gradients.iter().copied().collect())
                .expect("as many entries as the Jacobian has"),
            second: Array3::zeros((n, n_statistics, d)),
            base: Array2::zeros((n, d)),
            weight: Array2::zeros((n, d)),
            weight_slope: Array2::zeros((n, d)),
        };
        family.statistics_second_into(x, terms.second.view_mut());
        family.log_base_gradient_into(x, terms.base.view_mut());
        for (b, row) in x.rows().into_iter().enumerate() {
            weight.weight_into(row, terms.weight.row_mut(b), terms.weight_slope.row_mut(b));
        }
        terms
    }

    /// `g_b = Σ_d w_d ∂_d²T + (∂_d w_d + w_d ∂_d log h) ∂_dT` `(B, S)`.
    fn slopes(&self) -> Array2<f64> {
        let (n, n_statistics, d) = self.second.dim();
        let mut out = Array2::zeros((n, n_statistics));
        for b in 0..n {
            for i in 0..d {
                let weight = self.weight[[b, i]];
                let first = self.weight_slope[[b, i]] + weight * self.base[[b, i]];
                let mut row = out.row_mut(b);
                row.scaled_add(weight, &self.second.slice(s![b, .., i]));
                row.scaled_add(first, &self.gradients.row(b * d + i));
            }
        }
        out
    }

    /// `G_b η + g_b`, with `G_b η = Σ_d w_d ∂_dT (∂_dT · η)`.
    fn equations_into(&self, natural: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&self.slopes());
        let (n, d) = self.weight.dim();
        for b in 0..n {
            for i in 0..d {
                let gradient = self.gradients.row(b * d + i);
                let residual = self.weight[[b, i]] * gradient.dot(&natural);
                out.row_mut(b).scaled_add(residual, &gradient);
            }
        }
    }
}
