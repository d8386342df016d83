//! What starting from the stationary law costs.
//!
//! `q_t` solves the heat flow of the Ornstein–Uhlenbeck process, along which
//!
//! `d/dt KL(q_t‖γ) = −I(q_t‖γ) ≤ −2 KL(q_t‖γ)`,  `I(q‖γ) = E_q‖∇ log (q/γ)‖²`,
//!
//! because `γ` has log-Sobolev constant one, `KL ≤ ½ I` (Gross 1975). Hence `KL(q_T‖γ) ≤ e^{−2T} KL(q‖γ)`, and by Pinsker's inequality `TV(q_T, γ) ≤ e^{−T} √(KL(q‖γ)/2)`.
//!
//! The rate is attained by a shift of the mean: for `N(m, I)` the divergence is `½ e^{−2T} |m|²` at every time. Where the mean is right and the variance `1 + c` is not, it is
//! `½ Σ [c e^{−2T} − log(1 + c e^{−2T})] ≈ ¼ Σ c² e^{−4T}`: the distance falls like `e^{−2T}`, not `e^{−T}`.

use gibbsian_core::error::{Result, check_non_negative};

use super::{DiagonalNormal, Inequality};

/// How far data are from the stationary law `γ`, and how far after noising.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Initialisation {
    /// The time `T` of noising.
    pub duration: f64,
    /// `KL(q‖γ)`.
    pub kl_data: f64,
    /// `KL(q_T‖γ)`.
    pub kl_noised: f64,
    /// `TV(q_T, γ)`.
    pub total_variation: f64,
}

impl Initialisation {
    /// That of normal data, in closed form.
    ///
    /// # Errors
    /// A duration that is negative or not finite.
    pub fn of_normal(data: &DiagonalNormal, duration: f64) -> Result<Self> {
        check_non_negative("duration", duration)?;
        let (gamma, noised) = (data.standard(), data.noised(duration));
        Ok(Initialisation {
            duration,
            kl_data: data.kl(&gamma),
            kl_noised: noised.kl(&gamma),
            total_variation: noised.total_variation(&gamma),
        })
    }

    /// The term of the bound, `e^{−T} √(KL(q‖γ)/2)`.
    pub fn term(&self) -> f64 {
        (-self.duration).exp() * (0.5 * self.kl_data).sqrt()
    }

    /// `KL(q_T‖γ) ≤ e^{−2T} KL(q‖γ)`.
    pub fn contraction(&self) -> Inequality {
        Inequality {
            name: "contraction",
            smaller: self.kl_noised,
            larger: (-2.0 * self.duration).exp() * self.kl_data,
        }
    }

    /// `2 TV(q_T, γ)² ≤ KL(q_T‖γ)`.
    pub fn pinsker(&self) -> Inequality {
        Inequality {
            name: "Pinsker at the start",
            smaller: 2.0 * self.total_variation * self.total_variation,
            larger: self.kl_noised,
        }
    }
}
