//! Moment matching posterior sampling: both moments of the clean point, without forming a matrix.
//!
//! The guidance is that of [`TweedieProjection`](super::TweedieProjection), with `V = s² I + A C Aᵀ` and `C = (σ²/α²)(I + σ² J)`, but
//! `V w = y − A x̂` is solved by conjugate gradients, one Jacobian product an iteration (Rozet, Andry, Lanusse and Louppe 2024). The
//! iteration ends after `M` of them in exact arithmetic, and long before when `A C Aᵀ` has few large eigenvalues, as pictures have;
//! stopped early it gives weaker guidance in the directions that it has not reached.
//!
//! Rows are iterated side by side, each with its own step lengths and its own end. A row in whose direction `V` is not positive, which a
//! learned score may bring about, stops with what it has.

use gibbsian_core::error::{Result, check_count, check_non_negative};
use gibbsian_core::{LinearGaussian, Space, TimeScoreJvp};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};

use super::observation::LinearObservation;
use super::tweedie::Tweedie;
use super::{Guidance, conditional_score};

/// The guidance of a clean point with its covariance by Tweedie's formula, by conjugate gradients: exact for every normal prior.
///
/// Source: Rozet et al. (2024), "Learning diffusion priors from observations by expectation maximization".
#[derive(Clone, Debug)]
pub struct MomentMatching<P, M> {
    process: P,
    prior: M,
    observation: LinearObservation,
    max_iterations: usize,
    tolerance: f64,
}

impl<P: LinearGaussian, M: Space> MomentMatching<P, M> {
    /// The conditional score of `prior`, a score along `process`, given `observation`; at most `M` iterations, to a relative residual of
    /// 10⁻¹².
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(process: P, prior: M, observation: LinearObservation) -> Result<Self> {
        observation.check_dim(&prior)?;
        Ok(MomentMatching {
            process,
            prior,
            max_iterations: observation.n_values(),
            tolerance: 1e-12,
            observation,
        })
    }

    /// The same with at most so many iterations, which end when `‖V w − (y − A x̂)‖ ≤ tolerance · ‖y − A x̂‖`.
    ///
    /// # Errors
    /// No iteration; a tolerance that is negative or not finite.
    pub fn with_iterations(self, max_iterations: usize, tolerance: f64) -> Result<Self> {
        check_count("max_iterations", max_iterations)?;
        check_non_negative("tolerance", tolerance)?;
        Ok(MomentMatching {
            max_iterations,
            tolerance,
            ..self
        })
    }
}

conditional_score!(MomentMatching);

impl<P: LinearGaussian, M: TimeScoreJvp> MomentMatching<P, M> {
    /// `V p_b` of every row.
    fn product(
        &self,
        tweedie: &Tweedie,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        p: &Array2<f64>,
    ) -> Array2<f64> {
        let direction = self.observation.adjoint(p.view());
        let spread = tweedie.covariance_product(&self.prior, x, t, direction.view());
        let mut out = self.observation.apply(spread.view());
        out.scaled_add(self.observation.noise_variance(), p);
        out
    }

    /// `V⁻¹ e_b` of every row.
    fn solve(
        &self,
        tweedie: &Tweedie,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        residual: Array2<f64>,
    ) -> Array2<f64> {
        let squares = |r: &Array2<f64>| -> Array1<f64> { r.map_axis(Axis(1), |r| r.dot(&r)) };
        let mut w = Array2::zeros(residual.raw_dim());
        let mut r = residual;
        let mut p = r.clone();
        let mut squared = squares(&r);
        let target = squared.mapv(|squared| squared * self.tolerance * self.tolerance);
        // NaN is not above any target, so that a row of it stops nobody.
        let mut active: Vec<bool> = squared.iter().zip(&target).map(|(s, t)| s > t).collect();
        for _ in 0..self.max_iterations {
            if !active.contains(&true) {
                break;
            }
            let q = self.product(tweedie, x, t, &p);
            for b in (0..active.len()).filter(|&b| active[b]).collect::<Vec<_>>() {
                let curvature = p.row(b).dot(&q.row(b));
                if curvature.is_nan() || curvature <= 0.0 {
                    active[b] = false;
                    continue;
                }
                let step = squared[b] / curvature;
                w.row_mut(b).scaled_add(step, &p.row(b));
                r.row_mut(b).scaled_add(-step, &q.row(b));
                let next = r.row(b).dot(&r.row(b));
                let share = next / squared[b];
                squared[b] = next;
                Zip::from(p.row_mut(b))
                    .and(r.row(b))
                    .for_each(|p, r| *p = r + share * *p);
                active[b] = next > target[b];
            }
        }
        w
    }
}

impl<P: LinearGaussian, M: TimeScoreJvp> Guidance for MomentMatching<P, M> {
    fn guide_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    ) {
        let tweedie = Tweedie::new(&self.process, t);
        self.prior.score_at_into(x, t, prior.view_mut());
        let x_hat = tweedie.denoise(x, prior.view());
        let residual = self.observation.residual(x_hat.view());
        let w = self.solve(&tweedie, x, t, residual);
        let u = self.observation.adjoint(w.view());
        tweedie.pull_back_into(&self.prior, x, t, u.view(), guidance);
    }
}
