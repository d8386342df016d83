//! Exponential families: densities whose logarithm is linear in their parameters.
//!
//! A member of a family is `p(x; η) = h(x) exp(⟨η, T(x)⟩ − A(η))`: sufficient statistics `T`, natural parameters `η`, base measure
//! `h`, log-partition `A`. The gradient `∇A = E T = μ` gives the mean parameters, the Hessian `∇²A = Cov T` the Fisher
//! information, and the divergence of two members is the Bregman divergence of `A` (Barndorff-Nielsen 1978; Wainwright and
//! Jordan 2008, section 3). The trait is [`ExponentialFamily`]; the members on one number are
//!
//! | member | `T(x)` | `h(x)` | `η` | `A(η)` | `μ = E T` |
//! |---|---|---|---|---|---|
//! | [`Normal`]`(m, σ)` | `x, x²` | `1` | `m/σ², −1/(2σ²)` | `m²/(2σ²) + ½ log 2πσ²` | `m, m² + σ²` |
//! | [`Exponential`]`(λ)` | `x` | `1` on `x ≥ 0` | `−λ` | `−log λ` | `1/λ` |
//! | [`Gamma`]`(a, b)` | `log x, x` | `1/x` | `a, −b` | `log Γ(a) − a log b` | `ψ(a) − log b, a/b` |
//! | [`Beta`]`(α, β)` | `log x, log(1−x)` | `1/(x(1−x))` | `α, β` | `log B(α, β)` | `ψ(α) − ψ(α+β), ψ(β) − ψ(α+β)` |
//! | [`VonMises`]`(μ, κ)` | `cos x, sin x` | `1` on `[−π, π]` | `κ cos μ, κ sin μ` | `log 2π I₀(κ)` | `A(κ) cos μ, A(κ) sin μ` |
//! | [`Poisson`]`(λ)` | `x` | `1/x!` | `log λ` | `λ` | `λ` |
//! | [`Binomial`]`(n, p)` | `x` | `(n choose x)` | `log p/(1−p)` | `n log(1 + e^η)` | `np` |
//! | [`Bernoulli`]`(p)` | `x` | `1` on `{0, 1}` | `log p/(1−p)` | `log(1 + e^η)` | `p` |
//! | [`Categorical`]`(p)` | `1[x=0], …, 1[x=K−2]` | `1` | `log pᵢ/p₍K₋₁₎` | `log(1 + Σ e^ηᵢ)` | `p₀, …, p₍K₋₂₎` |
//!
//! and those on several
//!
//! | member | `T(x)` | `h(x)` | `η` | `A(η)` | `μ = E T` |
//! |---|---|---|---|---|---|
//! | [`Dirichlet`]`(α)` | `log xᵢ` | `Π 1/xᵢ` on the simplex | `α` | `Σ log Γ(αᵢ) − log Γ(Σ αᵢ)` | `ψ(αᵢ) − ψ(Σ αᵢ)` |
//! | [`Wishart`]`(ν, Σ)` | `x, log det X` | `(det X)^(−(p+1)/2)` | `−Σ⁻¹/2` by entries, `ν/2` | `½ν log det 2Σ + log Γ_p(ν/2)` | `νΣ, Σⱼ ψ((ν−j)/2) + log det 2Σ` |
//!
//! The gamma and the beta have `1/x` in the base measure, where many texts have `a − 1` in `η`: that way shapes of 10⁻²⁰ have natural
//! parameters that tell them apart, and the domain is a cone. [`Natural`] makes a trainable model of any member.
//!
//! **Accuracy.** The textbook forms subtract numbers that grow with the parameters: `log Γ(a)` of a gamma with `a = 10⁸` is 10⁸ times
//! larger than the log-density it is a part of. Loader (2000) writes those densities with the error of Stirling's formula,
//! `δ(x) = log Γ(x+1) − (x+½) log x + x − ½ log 2π`, and the deviance `D(x, m) = x log(x/m) + m − x`, both of which are small where
//! the density is not. The sums here are his, and each `D` also receives what rounding took from `m`: a product like `np` that is
//! off by half a unit moves `D` by more than its own rounding once the parameters exceed 10³. Entropies
//! and divergences are arranged in the same way; two members that agree to eight digits have a divergence
//! of ten right digits and not of none, or of eight where their parameters are themselves rounded results, as the probabilities of a categorical are.

mod bernoulli;
mod beta;
mod binomial;
mod categorical;
mod dirichlet;
mod exponential;
mod gamma;
mod natural;
mod normal;
pub(crate) mod numeric;
mod poisson;
pub(crate) mod shape;
mod von_mises;
mod wishart;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use dirichlet::Dirichlet;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use natural::Natural;
pub use normal::Normal;
pub use poisson::Poisson;
pub use von_mises::VonMises;
pub use wishart::Wishart;

pub(crate) use gamma::{draw_unit, log_uniform};

use gibbsian_core::error::{Error, check_finite, check_positive, check_shape};
use gibbsian_core::{ExponentialFamily, Result};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

/// The entries of a parameter vector of known length, refused by `name` unless they are that many and finite.
fn entries<const S: usize>(name: &'static str, values: ArrayView1<f64>) -> Result<[f64; S]> {
    check_shape(name, &values, &[S])?;
    check_finite(name, &values)?;
    Ok(std::array::from_fn(|s| values[s]))
}

/// Writes the `S` numbers `f(x_b)` of each row of `x` `(B, 1)` into `out` `(B, S)`.
///
/// # Panics
/// When the shapes do not fit.
fn write_rows<const S: usize>(x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>, f: impl Fn(f64) -> [f64; S]) {
    assert!(
        x.ncols() == 1 && out.dim() == (x.nrows(), S),
        "x has shape {:?} and out has shape {:?}, but {S} statistics of one number need (B, 1) and (B, {S})",
        x.shape(),
        out.shape(),
    );
    for (mut out, x) in out.rows_mut().into_iter().zip(x.column(0)) {
        for (out, value) in out.iter_mut().zip(f(*x)) {
            *out = value;
        }
    }
}

/// Requires a finite number.
pub(crate) fn check_real(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "finite"))
    }
}

/// Requires a number between 10⁻³⁰⁰ and 10³⁰⁰: what sets the scale of a density, so that its draws and their log-densities are in the
/// range of doubles.
pub(crate) fn check_size(name: &'static str, value: f64) -> Result<f64> {
    check_positive(name, value)
        .map_err(|e| e.with_cure("a point mass has no density, take a small value above zero"))?;
    if is_size(value) {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, SIZE))
    }
}

/// What [`check_size`] requires.
pub(crate) const SIZE: &str = "between 1e-300 and 1e300";

/// Whether [`check_size`] lets a number pass.
pub(crate) fn is_size(value: f64) -> bool {
    (1e-300..=1e300).contains(&value)
}

/// Requires the parameters and the log-partition of a member to be finite; it was asked for by these parameters, called `name`.
pub(crate) fn check_member<F: ExponentialFamily>(
    name: &'static str,
    parameters: ArrayView1<f64>,
    member: F,
) -> Result<F> {
    let (natural, mean) = (member.natural_parameters(), member.mean_parameters());
    if member.log_partition().is_finite() && natural.iter().chain(&mean).all(|p| p.is_finite()) {
        return Ok(member);
    }
    let requirement = "such that log-partition, natural and mean parameters are in the range of doubles";
    Err(Error::parameter(name, parameters, requirement))
}

/// Whether `x` is one of 0, 1, 2, …
fn is_count(x: f64) -> bool {
    x >= 0.0 && x.is_finite() && x == x.floor()
}
