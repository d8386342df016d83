//! The theorem of sampling by scores, made executable.
//!
//! Chen, Chewi, Li, Li, Salim and Zhang (2023, "Sampling is as easy as learning the score", theorem 2) bound how far what a diffusion model draws may lie from
//! its data. `q` is the law of the data, `q_t` their law after the time `t` of the Ornstein–Uhlenbeck process `dX = −X dt + √2 dB`, and `γ = N(0, I)`. The sampler starts from `γ` at the
//! horizon `T = t_0` and solves the reverse equation with a score `ŝ` that is frozen in every step, from `t_k` down to `t_{k+1}`, exactly but for that:
//!
//! `Y' = eʰ Y + 2 (eʰ − 1) ŝ(Y, t_k) + √(e²ʰ − 1) z`,  `h = t_k − t_{k+1}`.
//!
//! With all constants, its output `p` satisfies
//!
//! `TV(p, q) ≤ e^{−T} √(KL(q‖γ)/2) + √(G/2)`,  `G = Σ_k ∫ E‖ŝ(X_{t_k}, t_k) − s(X_t, t)‖² dt`,
//!
//! the integral over `t_{k+1} ≤ t ≤ t_k`, the expectation over paths of the forward process. The proof has one step a line; `p*` is the output of the same sampler started from `q_T`:
//!
//! | step | | because |
//! |---|---|---|
//! | triangle | `TV(q, p) ≤ TV(q, p*) + TV(p*, p)` | |
//! | processing of the starts | `TV(p*, p) ≤ TV(q_T, γ)` | the same kernel is applied to both |
//! | Pinsker | `TV(q_T, γ) ≤ √(KL(q_T‖γ)/2)` | |
//! | contraction | `KL(q_T‖γ) ≤ e^{−2T} KL(q‖γ)` | `γ` has log-Sobolev constant 1 |
//! | Pinsker | `TV(q, p*) ≤ √(KL(q‖p*)/2)` | |
//! | processing of the paths | `KL(q‖p*) ≤ G` | Girsanov: `G` is the divergence between the laws of the paths |
//!
//! The constant of `G`: two diffusions with coefficient `√2` and drifts `b`, `b̂` have path divergence `¼ E ∫ ‖b − b̂‖² dt`, and here `b − b̂ = 2 (s − ŝ)`.
//! Where the grid ends at a time `t_min > 0`, all of this holds with `q_{t_min}` for `q` and `T − t_min` for `T`: [`ErrorBudget`] takes it so.
//!
//! An [`ErrorBudget`] holds both sides of every line. It is exact for normal data in any dimension ([`NormalSampler`]) and, by quadrature, for any data and any score on a line
//! ([`Line`]); elsewhere `G` is estimated ([`Girsanov`]). The source's "≲" hides constants and a second moment that is not needed: see [`lipschitz_bound`].

mod bound;
mod estimate;
mod girsanov;
mod initialisation;
mod line;
mod normal;
mod sampler;
mod schedule;
mod score_error;
mod total_variation;

use gibbsian_core::error::Result;

pub use bound::{ErrorBudget, Inequality};
pub use estimate::{Estimate, total_variation_by_draws};
pub use girsanov::{Girsanov, GirsanovEstimate, GirsanovSum, ScoreMoments, lipschitz_bound};
pub use initialisation::Initialisation;
pub use line::{Line, LineLaw};
pub use normal::DiagonalNormal;
pub use sampler::NormalSampler;
pub use score_error::{PerturbedScore, ScoreError};

use crate::grid::TimeGrid;
use crate::time_domain::TimeDomain;

/// Requires a grid that goes down, to a time that is not negative; the process has no horizon here but where the grid starts.
fn check_backwards(grid: &TimeGrid) -> Result<()> {
    TimeDomain::up_to(f64::INFINITY).backwards().check_grid(grid)
}

/// The steps of a grid: where each starts and where it ends.
fn steps(grid: &TimeGrid) -> impl DoubleEndedIterator<Item = (f64, f64)> + ExactSizeIterator {
    let times = grid.times();
    (0..grid.n_steps()).map(move |k| (times[k], times[k + 1]))
}
