//! Dirichlet distributions as an exponential family.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, check_each, check_finite, check_shape};
use gibbsian_core::special::trigamma;
use gibbsian_core::{ExponentialFamily, Result, Space};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};

use super::{Dirichlet, exact_sum};
use crate::family::numeric::{deviance_between, log_ratio};
use crate::family::shape::{
    digamma_difference, residual, residual_curvature, residual_divergence, residual_slope,
    trigamma_difference,
};
use crate::family::{SIZE, is_size};

impl ExponentialFamily for Dirichlet {
    fn n_statistics(&self) -> usize {
        self.dim()
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.mapv(f64::ln));
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = match self.shortfall(x) {
                None => f64::NEG_INFINITY,
                Some(_) => -x.iter().map(|x| x.ln()).sum::<f64>(),
            };
        }
    }

    fn natural_parameters(&self) -> Array1<f64> {
        self.concentrations.clone()
    }

    /// `E log xᵢ = ψ(αᵢ) − ψ(s)`.
    fn mean_parameters(&self) -> Array1<f64> {
        Zip::from(&self.concentrations)
            .and(&self.others())
            .map_collect(|&a, &rest| -digamma_difference(a, rest))
    }

    /// `log B(α) = Σ [g(αᵢ) + αᵢ log(αᵢ/s)] − g(s)`, with the `g` of what `log Γ` has beyond `a log a − a`.
    fn log_partition(&self) -> f64 {
        let s = self.sum.0;
        let part = |(&a, &rest): (&f64, &f64)| {
            let log_share = if a < rest {
                log_ratio(a, s)
            } else {
                (-rest / s).ln_1p()
            };
            residual(a) + a * log_share
        };
        self.concentrations
            .iter()
            .zip(&self.others())
            .map(part)
            .sum::<f64>()
            - residual(s)
    }

    fn fisher_information(&self) -> Array2<f64> {
        let mut information = Array2::from_elem((self.dim(), self.dim()), -trigamma(self.sum.0));
        Zip::from(information.diag_mut())
            .and(&self.concentrations)
            .and(&self.others())
            .for_each(|entry, &a, &rest| *entry = trigamma_difference(a, rest));
        information
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.dim()])?;
        check_each("natural", natural, SIZE, is_size)?;
        Dirichlet::new(natural.to_owned())
    }

    /// Newton's method (Minka 2000, "Estimating a Dirichlet distribution", equations 15 to 18) on the convex loss `A(η) − ⟨η, μ⟩`.
    ///
    /// The Hessian is a diagonal minus a constant, so that a step costs `O(K)`. Full steps may leave the domain; divided by `1 + r`, with `r` the
    /// largest of their relative lengths, they cannot: a concentration that is to shrink is divided by `1 + r` at most, which is Newton's
    /// method for its reciprocal, in which `ψ ≈ −1/α` is linear.
    ///
    /// # Errors
    /// Means with `Σ exp μᵢ ≥ 1`, which by Jensen's inequality are those of no member, or so near to that that rounding has taken the
    /// difference.
    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &mean, &[self.dim()])?;
        check_finite("mean", &mean)?;
        // 1 − Σ exp μ, in which the largest may be near zero, and what the rounding of μ makes of it.
        let largest = (0..mean.len()).fold(0, |best, i| if mean[i] > mean[best] { i } else { best });
        let (mut gap, mut rounding) = (-mean[largest].exp_m1(), mean[largest].abs());
        for (_, &m) in mean.indexed_iter().filter(|(i, _)| *i != largest) {
            gap -= m.exp();
            rounding += (1.0 + m.abs()) * m.exp();
        }
        if gap.is_nan() || gap <= 4.0 * f64::EPSILON * rounding {
            let requirement = "such that the sum of exp(mean) is less than one by more than rounding";
            return Err(Error::parameter("mean", mean, requirement));
        }
        // ψ(a) ≈ log(a − ½) for what is not small.
        let sum = (self.dim() - 1) as f64 / (2.0 * gap);
        let mut member = Dirichlet::new(mean.mapv(|m| 0.5 + sum * m.exp()))?;
        let mut previous = f64::INFINITY;
        // The bound is for means beyond what doubles resolve.
        for _ in 0..500 {
            let (step, length) = member.newton_step(mean);
            let damping = if length < 0.1 { 1.0 } else { 1.0 + length };
            member = Dirichlet::new(&member.concentrations + &(step / damping))?;
            // After a length of 10⁻⁹ the next one is below rounding; where rounding comes first, lengths stop shrinking.
            if length < 1e-9 || (length < 1e-3 && length > 0.5 * previous) {
                break;
            }
            previous = length;
        }
        Ok(member)
    }

    fn entropy(&self) -> f64 {
        // A − ⟨η, μ⟩ is made of g(a) − a g'(a), in which all that grows like a log a is gone; E log h = −Σ μᵢ.
        let part = |a: f64| residual(a) - a * residual_slope(a);
        let parts: f64 = self.concentrations.iter().map(|&a| part(a)).sum();
        parts - part(self.sum.0) + self.mean_parameters().sum()
    }

    /// `Σ D(βᵢ, αᵢ s'/s)`, the divergence of the shares, and the divergences of what `log Γ` has beyond `a log a − a`.
    ///
    /// # Panics
    /// When the other has another number of coordinates.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(
            self.dim(),
            other.dim(),
            "divergence of two numbers of coordinates"
        );
        let (s, ratio) = (self.sum.0, other.sum.0 / self.sum.0);
        let moved = &other.concentrations - &self.concentrations;
        let moved_sum = exact_sum(moved.iter()).0;
        let part = |((&a, &b), &d): ((&f64, &f64), &f64)| {
            deviance_between(b, a * ratio, a * (moved_sum / s) - d) + residual_divergence(a, b, d)
        };
        let parts = self
            .concentrations
            .iter()
            .zip(&other.concentrations)
            .zip(&moved)
            .map(part);
        parts.sum::<f64>() - residual_divergence(s, other.sum.0, moved_sum)
    }
}

impl Dirichlet {
    /// `I(α)⁻¹ (μ − ∇A(α))` and the largest of its entries relative to `α`.
    fn newton_step(&self, mean: ArrayView1<f64>) -> (Array1<f64>, f64) {
        // With q = ψ'(αᵢ), z = ψ'(s): (diag q − z 11ᵀ)⁻¹ gap = (gap + b)/q, b = Σ gap/q / (1/z − Σ 1/q). As 1/ψ'(a) = a − ρ(a), what
        // is large cancels exactly in the last denominator.
        let rho = |a: f64| {
            let growth = a * residual_curvature(a);
            a * growth / (1.0 + growth)
        };
        let gap = &mean - &self.mean_parameters();
        let variances = self.concentrations.mapv(trigamma);
        let denominator = self.concentrations.iter().map(|&a| rho(a)).sum::<f64>() - rho(self.sum.0);
        let b = (&gap / &variances).sum() / denominator;
        let step = (gap + b) / variances;
        let relative = |(step, a): (&f64, &f64)| (step / a).abs();
        let length = step
            .iter()
            .zip(&self.concentrations)
            .map(relative)
            .fold(0.0, f64::max);
        (step, length)
    }
}
