//! Special functions that log-densities are made of, each in a form that does not cancel.
//!
//! - [`gamma`]: `ln Γ` and its derivatives, the beta function, and the two parts that saddle-point forms of densities consist of,
//!   [`stirling_error`] and [`deviance`];
//! - [`normal`]: tails of the normal distribution, on the logarithmic scale and relative to the density, and quantiles;
//! - [`half_line`]: the normal distribution cut off at zero, its normaliser and cumulants;
//! - [`bessel`]: the modified Bessel functions `I₀` and `I₁`, for densities on the circle.
//!
//! A function is held to 4 units in the last place against 50-digit references (`tests/reference/special.tsv`), and near a zero, where its terms
//! genuinely cancel, to 4 ε times the sum of their absolute values; where the terms matter, the function's documentation gives them.
//! The approximations behind them are rational functions in variables that make all coefficients positive, so
//! that Horner's rule does not cancel either (`tests/reference/special_fits.py`).
//!
//! Arguments outside a domain give NaN, NaN gives NaN, and infinities have their limits.

pub mod bessel;
mod fits;
pub mod gamma;
pub mod half_line;
pub mod normal;
mod rational;

pub use bessel::{
    bessel_ratio, bessel_ratio_complement, bessel_ratio_derivative, inverse_bessel_ratio,
    inverse_bessel_ratio_complement, ln_bessel_i0, ln_bessel_i0_scaled, ln_bessel_i1,
};
pub use gamma::{
    deviance, digamma, ln_beta, ln_factorial, ln_gamma, ln_multivariate_gamma, stirling_error, trigamma,
};
pub use half_line::{half_line_cumulants, log_mills_ratio};
pub use normal::{
    erfcx, log_erfc, log_normal_interval, mills_ratio, normal_cdf, normal_interval_ratio,
    normal_interval_ratio_from, normal_log_cdf, normal_quantile, normal_quantile_between,
    normal_quantile_from,
};
