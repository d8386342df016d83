//! The square lattice in zero field, solved: on a torus (Kaufman 1949) and without end (Onsager 1944; Yang 1952).
//!
//! With couplings `K₁` along the rows of `n` sites and `K₂` between the `m` rows, in units of the temperature, the transfer matrix of a row has
//! the rates `γ_l`, `l = 0 … 2n − 1`, with
//!
//! `sinh²(γ_l/2) = sinh²(K₁ − K₂*) + (sinh 2K₁ / sinh 2K₂) sin²(πl/2n)`,  `tanh K₂* = exp(−2K₂)`,
//!
//! which is `cosh γ_l = cosh 2K₁ cosh 2K₂* − sinh 2K₁ sinh 2K₂* cos(πl/n)` without its cancellation at the critical point, and
//!
//! `Z = ½ (2 sinh 2K₂)^{mn/2} [Π 2cosh(mγ_l/2) + Π 2sinh(mγ_l/2)]`, each product over the odd and over the even `l`, four in all.
//!
//! Only `γ₀ = 2(K₁ − K₂*)` has a sign: it is negative above the critical temperature. Its factor is `e^u ± e^{−u}` with `u = mγ₀/2`, and no case is distinguished.
//!
//! `⟨E⟩ = −d log Z_β/dβ` and `Var E = d² log Z_β/dβ²` at `β = 1`, by carrying two derivatives along; nothing is a difference of nearby temperatures.
//! The four products differ in their derivatives by much less than the derivatives themselves, so everything is relative to the first one.

use gibbsian_core::error::check_non_negative;
use gibbsian_core::{Error, Result};
use std::f64::consts::{LN_2, PI};

use super::elliptic::complete_elliptic;
use super::jet::Jet;

/// `log Z`, the mean energy and its variance, all in units of the temperature.
///
/// At temperature `T` with couplings `J = K T` the mean energy is `T` times `mean_energy`, and the heat capacity is `energy_variance` in units of `k_B`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Thermodynamics {
    /// `log Z`.
    pub log_z: f64,
    /// `⟨E⟩`.
    pub mean_energy: f64,
    /// `Var E`: the heat capacity.
    pub energy_variance: f64,
}

/// The critical coupling of the isotropic lattice, `ln(1 + √2)/2`: `sinh 2K = 1`, `T_c = 2.269185… J`.
pub const CRITICAL_COUPLING: f64 = 0.440_686_793_509_771_5;

/// The model on the torus of `rows × columns` sites without fields, exactly.
///
/// `along_rows` is the coupling within a row and `between_rows` that of a site to the next row. The results are those of [`Graph::lattice`](crate::Graph::lattice) of shape
/// `[rows, columns]` with periodic boundaries. The cost is linear in the number of columns.
///
/// ```
/// use gibbsian_classical::ising::{CRITICAL_COUPLING, kaufman};
/// let torus = kaufman(32, 32, CRITICAL_COUPLING, CRITICAL_COUPLING)?;
/// assert!((torus.log_z - 952.648_079_548_5).abs() < 1e-9);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two rows or columns; a coupling that is negative or not finite (on an even torus the sign is a matter of notation, on an odd one the
/// formula has another form); couplings so large and so unequal that a rate or its derivatives leave the range of doubles, beyond a hundred for one beside zero.
pub fn kaufman(rows: usize, columns: usize, along_rows: f64, between_rows: f64) -> Result<Thermodynamics> {
    for (name, length) in [("rows", rows), ("columns", columns)] {
        if length < 2 {
            return Err(Error::parameter(name, length, "at least 2, to close to a ring"));
        }
    }
    check_non_negative("along_rows", along_rows)?;
    check_non_negative("between_rows", between_rows)?;
    if between_rows == 0.0 {
        if along_rows > 0.0 {
            return kaufman(columns, rows, 0.0, along_rows);
        }
        return Ok(Thermodynamics {
            log_z: (rows * columns) as f64 * LN_2,
            mean_energy: 0.0,
            energy_variance: 0.0,
        });
    }
    let (m, n) = (rows as f64, columns);
    let rates = Rates::new(along_rows, between_rows);
    // log Π 2cosh(mγ/2) and log Π 2sinh(mγ/2): over odd l, and over even l without l = 0.
    let mut log_cosh = [Jet::constant(0.0); 2];
    let mut log_sinh = [Jet::constant(0.0); 2];
    for l in 1..2 * n {
        let x = rates.half_rate(0.5 * PI * l as f64 / n as f64) * m;
        let decayed = (x * -2.0).exp();
        let even = 1 - l % 2;
        log_cosh[even] = log_cosh[even] + x + decayed.ln_1p();
        log_sinh[even] = log_sinh[even] + x + (-(x * -2.0).exp_m1()).ln();
    }
    let u = rates.difference * m;
    let reference = log_cosh[0];
    let even_cosh = log_cosh[1] - reference;
    let even_sinh = log_sinh[1] - reference;
    let sum = Jet::constant(1.0)
        + (log_sinh[0] - reference).exp()
        + ((even_cosh + u).exp() + (even_cosh - u).exp())
        + ((even_sinh + u).exp() - (even_sinh - u).exp());
    let log_z = rates.log_2sinh * (0.5 * m * n as f64) + reference + sum.ln() - Jet::constant(LN_2);
    thermodynamics(log_z, "of the torus")
}

/// The model on the infinite square lattice without fields, exactly, per site.
///
/// `log Z / N = ½ log(2 sinh 2K₂) + ∫₀^π γ(ω) dω / 2π`, the limit of the torus, by double-exponential quadrature, whose nodes crowd at `ω = 0` where the rate has its kink
/// at the critical point. Where the couplings are equal, the energy and the heat capacity are the closed forms with complete elliptic integrals,
///
/// `⟨E⟩/N = −K coth 2K [1 + (2/π) κ K(k)]`,  `C/N = (4/π) (K coth 2K)² [K(k) − E(k) − (1 − tanh² 2K)(π/2 + κ K(k))]`,
///
/// `k = 2 sinh 2K / cosh² 2K`, `κ = 2 tanh² 2K − 1`, and the heat capacity is infinite at the critical point.
///
/// At high temperature energy and heat capacity are small differences of terms of order one: about `−2K²` and `2K²` for equal couplings, with an error of about `ε` and hence a relative one of `ε/K²`. Below `K = 10⁻⁸`
/// nothing is left of them; take the leading terms instead.
///
/// ```
/// use gibbsian_classical::ising::{CRITICAL_COUPLING, onsager};
/// let critical = onsager(CRITICAL_COUPLING, CRITICAL_COUPLING)?;
/// // ½ log 2 + 2G/π, with Catalan's constant G, and −K coth 2K = −√2 K.
/// assert!((critical.log_z - 0.929_695_398_341_610_2).abs() < 1e-14);
/// assert!((critical.mean_energy + 2f64.sqrt() * CRITICAL_COUPLING).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A coupling that is not positive and finite, or so large that a rate or the variance leaves the range of doubles.
pub fn onsager(along_rows: f64, between_rows: f64) -> Result<Thermodynamics> {
    gibbsian_core::error::check_positive("along_rows", along_rows)?;
    gibbsian_core::error::check_positive("between_rows", between_rows)?;
    let rates = Rates::new(along_rows, between_rows);
    let log_z = rates.log_2sinh * 0.5 + rates.mean_half_rate();
    if along_rows != between_rows {
        return thermodynamics(log_z, "of the infinite lattice");
    }
    let k = along_rows;
    let (tanh, coth) = ((2.0 * k).tanh(), (2.0 * k).tanh().recip());
    // κ = tanh² 2K − 1/cosh² 2K, and the complementary modulus is |κ|.
    let complement = (2.0 * k).cosh().powi(-2);
    let kappa = (tanh - complement.sqrt()) * (tanh + complement.sqrt());
    let (first, second) = complete_elliptic(kappa.abs());
    // κ K(k) vanishes at the critical point, where K(k) is infinite.
    let product = if kappa == 0.0 { 0.0 } else { kappa * first };
    let x = k * coth;
    let variance = 4.0 / PI * x * x * (first - second - complement * (0.5 * PI + product));
    // Infinite at the critical point.
    if !variance.is_finite() && kappa != 0.0 {
        return Err(Error::non_finite(
            "energy_variance",
            variance,
            "of the infinite lattice",
        ));
    }
    Ok(Thermodynamics {
        log_z: log_z.value,
        mean_energy: -x * (1.0 + 2.0 / PI * product),
        energy_variance: variance,
    })
}

/// Yang's spontaneous magnetisation of the infinite lattice, `(1 − 1/(sinh 2K₁ sinh 2K₂)²)^{1/8}` below the critical temperature and 0 above.
///
/// Source: Yang (1952) for equal couplings, Chang (1952) for unequal ones.
///
/// # Errors
/// A coupling that is not positive and finite.
pub fn spontaneous_magnetisation(along_rows: f64, between_rows: f64) -> Result<f64> {
    gibbsian_core::error::check_positive("along_rows", along_rows)?;
    gibbsian_core::error::check_positive("between_rows", between_rows)?;
    // log(sinh 2K₁ sinh 2K₂) is positive below the critical temperature.
    let log_2sinh = |k: f64| 2.0 * k + (-(-4.0 * k).exp_m1()).ln();
    let log_product = log_2sinh(along_rows) + log_2sinh(between_rows) - 2.0 * LN_2;
    Ok((-(-2.0 * log_product).exp_m1()).max(0.0).powf(0.125))
}

fn thermodynamics(log_z: Jet, what: &str) -> Result<Thermodynamics> {
    for (name, value) in [
        ("log_z", log_z.value),
        ("mean_energy", log_z.first),
        ("energy_variance", log_z.second),
    ] {
        if !value.is_finite() {
            return Err(Error::non_finite(name, value, what));
        }
    }
    Ok(Thermodynamics {
        log_z: log_z.value,
        mean_energy: -log_z.first,
        energy_variance: log_z.second,
    })
}

/// What all rates `γ` share, as functions of the inverse temperature at `β = 1`.
struct Rates {
    /// `K₁ − K₂*`.
    difference: Jet,
    /// `sinh 2K₁ / sinh 2K₂`.
    ratio: Jet,
    /// `log(2 sinh 2K₂)`.
    log_2sinh: Jet,
}

impl Rates {
    fn new(along_rows: f64, between_rows: f64) -> Self {
        let (k1, k2) = (Jet::linear(along_rows), Jet::linear(between_rows));
        let log_2sinh = |k: Jet| k * 2.0 + (-(k * -4.0).exp_m1()).ln();
        // K* = artanh(e^{−2K}) = ½ log((1 + e^{−2K}) / (1 − e^{−2K})).
        let dual = ((k2 * -2.0).exp().ln_1p() - (-(k2 * -2.0).exp_m1()).ln()) * 0.5;
        let ratio = if along_rows == 0.0 {
            Jet::constant(0.0)
        } else {
            (log_2sinh(k1) - log_2sinh(k2)).exp()
        };
        Rates {
            difference: k1 - dual,
            ratio,
            log_2sinh: log_2sinh(k2),
        }
    }

    /// `γ/2` at the angle `ω/2 = πl/2n`, not zero.
    fn half_rate(&self, half_angle: f64) -> Jet {
        let a = self.difference;
        let q = self.ratio * half_angle.sin().powi(2);
        if a.value.abs() < 1.0 {
            let s = a.sinh();
            (s * s + q).sqrt().asinh()
        } else {
            // arsinh √(sinh² a + q) with e^{|a|} taken out, which would overflow at low temperatures.
            let decayed = (a.abs() * -2.0).exp();
            let half_sinh = (Jet::constant(1.0) - decayed) * 0.5;
            let half_cosh = (Jet::constant(1.0) + decayed) * 0.5;
            let q = q * decayed;
            a.abs() + ((half_sinh * half_sinh + q).sqrt() + (half_cosh * half_cosh + q).sqrt()).ln()
        }
    }

    /// `∫₀^π γ(ω)/2 dω / π` by the tanh–sinh rule, `ω = π / (1 + exp(−π sinh t))`.
    ///
    /// Where the lattice is nearly critical, `γ ≈ √(a² + ω²)` changes its form at `ω ≈ a`, which in `t` is a feature of width `1/log(1/a)`: the step resolves
    /// it for every `a` that a double can hold.
    fn mean_half_rate(&self) -> Jet {
        const STEP: f64 = 1.0 / 64.0;
        // Beyond it, the weights are below the smallest relative difference of doubles.
        const N_NODES: i32 = 64 * 4;
        let mut mean = Jet::constant(0.0);
        for node in -N_NODES..=N_NODES {
            let t = STEP * f64::from(node);
            let decay = (-PI * t.sinh()).exp();
            // ω/π and its derivative in t.
            let place = 1.0 / (1.0 + decay);
            let weight = PI * t.cosh() * place * (decay / (1.0 + decay));
            if place > 0.0 && weight > 0.0 {
                mean = mean + self.half_rate(0.5 * PI * place) * (STEP * weight);
            }
        }
        mean
    }
}
