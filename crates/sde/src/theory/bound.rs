//! What the theorem says of a sampler beside what is true of it.

use super::{GirsanovSum, Initialisation};

/// A proven inequality with both its sides.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Inequality {
    /// What makes it true.
    pub name: &'static str,
    /// The side that is not larger.
    pub smaller: f64,
    /// The side that is not smaller.
    pub larger: f64,
}

/// Where an inequality is an equality, rounding may put its sides in either order.
const ROUNDING: f64 = 1e-10;

impl Inequality {
    /// Whether the inequality holds up to rounding: a relative `1e-10`, and `1e-15`. Sides that are NaN do not.
    pub fn holds(&self) -> bool {
        self.smaller <= self.larger * (1.0 + ROUNDING) + 1e-15
    }

    /// How much the step gives away, `larger / smaller`: at least one, infinite where only the smaller side vanishes.
    pub fn slack(&self) -> f64 {
        if self.larger == self.smaller {
            1.0
        } else {
            self.larger / self.smaller
        }
    }
}

/// The error of a sampler, the bound on it, and all that the proof passes through on the way.
///
/// `q` is the law that the sampler aims at, that of the data at the end of the grid; `p` that of its output; `p*` that of its output when it starts from `q_T` and not from `γ`.
///
/// ```
/// use gibbsian_sde::TimeGrid;
/// use gibbsian_sde::theory::{DiagonalNormal, NormalSampler};
///
/// let data = DiagonalNormal::isotropic(100, 1.0, 0.5)?;
/// let budget = NormalSampler::new(data, TimeGrid::uniform(5.0, 0.0, 500)?)?.budget()?;
/// assert!(budget.steps().iter().all(|step| step.holds()));
/// assert!(budget.total_variation < budget.bound());
/// // The bound is of the right size, no more: the sampler is better than the theorem says.
/// assert!((5.0..50.0).contains(&budget.theorem().slack()), "{budget:?}");
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorBudget {
    /// How far `q_T` is from where the sampler starts.
    pub initialisation: Initialisation,
    /// `G`: how far the laws of the paths are from each other, without the start.
    pub girsanov: GirsanovSum,
    /// `TV(q, p)`, what is bounded.
    pub total_variation: f64,
    /// `TV(q, p*)`.
    pub total_variation_from_noised: f64,
    /// `TV(p*, p)`.
    pub total_variation_of_starts: f64,
    /// `KL(q‖p)`.
    pub kl: f64,
    /// `KL(q‖p*)`.
    pub kl_from_noised: f64,
}

impl ErrorBudget {
    /// The initialisation's part of the bound, `e^{−T} √(KL(q‖γ)/2)`.
    pub fn initialisation_term(&self) -> f64 {
        self.initialisation.term()
    }

    /// The discretisation's part, what is left of `√(G/2)` with the exact score.
    pub fn discretisation_term(&self) -> f64 {
        (0.5 * self.girsanov.discretisation).sqrt()
    }

    /// The score error's part, `√(½ Σ_k h_k E‖ŝ − s‖²)`.
    pub fn score_term(&self) -> f64 {
        (0.5 * self.girsanov.score).sqrt()
    }

    /// The bound: `e^{−T} √(KL(q‖γ)/2) + √(G/2)`.
    pub fn bound(&self) -> f64 {
        self.initialisation_term() + (0.5 * self.girsanov.total()).sqrt()
    }

    /// The bound in three terms, not less than [`bound`](Self::bound) by Minkowski's inequality.
    pub fn separated_bound(&self) -> f64 {
        self.initialisation_term() + self.discretisation_term() + self.score_term()
    }

    /// A sharper bound: `√((KL(q_T‖γ) + G)/2)`.
    ///
    /// The divergence of the paths with their starts is the sum of both by the chain rule; Pinsker's inequality is then used once, and there is no triangle.
    pub fn joint_bound(&self) -> f64 {
        (0.5 * (self.initialisation.kl_noised + self.girsanov.total())).sqrt()
    }

    /// `TV(q, p)` and the bound on it.
    pub fn theorem(&self) -> Inequality {
        Inequality {
            name: "theorem",
            smaller: self.total_variation,
            larger: self.bound(),
        }
    }

    /// Every step of the proof, then the theorem and its variants.
    pub fn steps(&self) -> [Inequality; 11] {
        let row = |name, smaller, larger| Inequality {
            name,
            smaller,
            larger,
        };
        let g = self.girsanov.total();
        [
            row(
                "triangle",
                self.total_variation,
                self.total_variation_from_noised + self.total_variation_of_starts,
            ),
            row(
                "data processing of the starts",
                self.total_variation_of_starts,
                self.initialisation.total_variation,
            ),
            self.initialisation.pinsker(),
            self.initialisation.contraction(),
            row(
                "Pinsker at the end",
                2.0 * self.total_variation_from_noised * self.total_variation_from_noised,
                self.kl_from_noised,
            ),
            row("data processing of the paths", self.kl_from_noised, g),
            row(
                "data processing of the paths with their starts",
                self.kl,
                self.initialisation.kl_noised + g,
            ),
            self.girsanov.minkowski(),
            row("joint bound", self.total_variation, self.joint_bound()),
            self.theorem(),
            row("theorem in three terms", self.bound(), self.separated_bound()),
        ]
    }
}
