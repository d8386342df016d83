//! Products and powers of normal densities, in closed form.

use gibbsian_core::error::{Error, Result, check_finite, check_positive};
use gibbsian_core::{Density, Space};
use ndarray::{Array1, Array2, Axis};

use super::normal::MultivariateNormal;
use super::whitening::Whitening;

impl MultivariateNormal {
    /// The normal density proportional to `Π_i N(x; μ_i, Σ_i)^{β_i}`, and the logarithm of the integral of that product.
    ///
    /// Precisions add up, `P = Σ β_i P_i`, and the mean `μ` solves `P μ = Σ β_i P_i μ_i`. Since `Σ β_i E_i(x) = ½ (x − μ)ᵀ P (x − μ) + Σ β_i E_i(μ)`,
    /// the integral is `log Z − Σ β_i (E_i(μ) + log Z_i)`: the mismatch of the means enters through energies, which do not cancel
    /// when the `β_i` are positive. Negative ones, as in a quotient of densities, are allowed while `P` stays positive definite.
    ///
    /// # Errors
    /// No factors, factors of different dimensions, a `β_i` that is not finite, or a `P` that is not positive definite.
    ///
    /// ```
    /// use gibbsian_densities::MultivariateNormal;
    /// use ndarray::array;
    ///
    /// let prior = MultivariateNormal::isotropic(array![0.0], 1.0)?;
    /// let likelihood = MultivariateNormal::isotropic(array![2.0], 1.0)?;
    /// let (posterior, log_evidence) = MultivariateNormal::product(&[(&prior, 1.0), (&likelihood, 1.0)])?;
    /// assert_eq!((posterior.mean()[0], posterior.covariance()[(0, 0)]), (1.0, 0.5));
    /// // The evidence is N(2; 0, 1 + 1).
    /// assert!((log_evidence + 1.0 + 0.5 * (4.0 * std::f64::consts::PI).ln()).abs() < 1e-15);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn product(factors: &[(&MultivariateNormal, f64)]) -> Result<(MultivariateNormal, f64)> {
        let Some((first, _)) = factors.first() else {
            return Err(Error::parameter("factors", "empty", "at least one density"));
        };
        let d = first.dim();
        let mut precision = Array2::zeros((d, d));
        let mut pull = Array1::zeros(d);
        for (i, (factor, beta)) in factors.iter().enumerate() {
            if factor.dim() != d {
                return Err(Error::parameter(
                    format!("the dimension of factors[{i}]"),
                    factor.dim(),
                    format!("{d}, as that of the first"),
                ));
            }
            if !beta.is_finite() {
                return Err(Error::parameter(
                    format!("the power of factors[{i}]"),
                    beta,
                    "finite",
                ));
            }
            // Means are measured from the first, so that a common shift costs no digits.
            let weighted = factor.precision() * *beta;
            pull += &weighted.dot(&(&factor.mean() - &first.mean()));
            precision += &weighted;
        }
        let whitening = Whitening::from_precision("the precision of the product", precision.view())?;
        let mean = &first.mean() + &whitening.covariance().dot(&pull);
        check_finite("mean", &mean)?;
        let at_mean = mean.view().insert_axis(Axis(0));
        let mut log_integral = whitening.log_z();
        for (factor, beta) in factors {
            log_integral += beta * factor.log_density(at_mean)[0];
        }
        Ok((MultivariateNormal::from_parts(mean, whitening), log_integral))
    }

    /// The density `N(μ, Σ/β)` proportional to `N(x; μ, Σ)^β`, at the inverse temperature `β > 0`, and
    /// `log ∫ N(x; μ, Σ)^β dx = ½ (1 − β) log |2πΣ| − ½ D log β`.
    ///
    /// # Errors
    /// A `β` that is not finite and greater than zero, or so large or small that the covariance or its inverse overflows.
    pub fn power(&self, beta: f64) -> Result<(MultivariateNormal, f64)> {
        check_positive("beta", beta)?;
        let whitening = self.whitening_form().powered(beta).map_err(|reason| {
            let requirement =
                format!("such that covariance and precision are in the range of doubles: {reason}");
            Error::parameter("beta", beta, requirement)
        })?;
        let tempered = MultivariateNormal::from_parts(self.mean().to_owned(), whitening);
        let log_integral = (1.0 - beta) * self.log_z() - 0.5 * self.dim() as f64 * beta.ln();
        Ok((tempered, log_integral))
    }
}
