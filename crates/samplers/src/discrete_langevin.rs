//! Discrete Langevin sampling (Zhang, Liu and Liu 2022, "A Langevin-like sampler for discrete distributions").
//!
//! A Langevin proposal `N(x + ε s, 2ε I)`, restricted to the states of a finite space, falls apart into a law for each site:
//!
//! `q_i(a | x) ∝ exp(½ s_i(x) (a − x_i) − (a − x_i)²/4ε)`,
//!
//! with `s = −∂E/∂x` the relaxed score and `ε` the step size, as everywhere in these crates; the paper's is `α = 2ε`. All sites are drawn at once, for the price
//! of one gradient.
//!
//! **Unadjusted** ([`Dula`]): the draw is the next state. Its stationary law is not the target. Where the energy is a quadratic form it is known for every
//! step size: with `−E(x) = ½ x'Ax + b'x`, `p(x) q(x' | x) Z_ε(x) ∝ exp(½ x'Ax' + ½ b'(x + x') − |x − x'|²/4ε)` is symmetric, where
//! `Z_ε(x) = Π_i Σ_a exp(½ s_i (a − x_i) − (a − x_i)²/4ε)`, so the chain is reversible with respect to
//!
//! `p_ε(x) ∝ p(x) Z_ε(x)`,
//!
//! which tends to `p` as `ε → 0` because `Z_ε → 1`. The bias falls as `exp(−d²/4ε)`, `d` the distance of two symbols, and so does the chance that anything
//! moves.
//!
//! **Adjusted** ([`Dmala`]): the draw is accepted by Metropolis–Hastings, which for a quadratic form is `min(1, Z_ε(x)/Z_ε(x'))`.
//!
//! With `ε = ∞` every site would be drawn as if its estimate were all there is; it is not offered, a large number does the same.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Acceptance, Kernel, RelaxedEnergy, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, CowArray, Ix2};
use rand::{Rng, RngExt};

use crate::informed::{corrected, index};
use crate::step_size::check_step_size;
use crate::walkers::{Block, Walkers};

/// The unadjusted sampler: every site redrawn in the field of the gradient, and nothing refused.
///
/// Its stationary law has a bias that the module's introduction gives in closed form for quadratic energies. A chain whose score is not
/// finite stays and is counted ([`Acceptance::undefined`]); nothing else is ever refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dula {
    step_size: f64,
}

/// The adjusted sampler: the same draw, accepted by Metropolis–Hastings; reversible with respect to the target.
///
/// A proposal whose energy or score is not a number that a density can have is rejected and counted ([`Acceptance::undefined`]).
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::Dmala;
/// use ndarray::Array2;
///
/// /// Fifty spins in a row, `E(x) = −½ Σ x_i x_{i+1}`; the mean of each product is tanh ½.
/// struct Row;
/// # use gibbsian_core::energy::assert_energy_shapes;
/// # use gibbsian_core::{Discrete, DiscreteEnergy, Energy, RelaxedEnergy, Space};
/// # use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};
/// # impl Space for Row { fn dim(&self) -> usize { 50 } }
/// # impl Discrete for Row { fn alphabet(&self, _: usize) -> &[f64] { &[-1.0, 1.0] } }
/// # impl DiscreteEnergy for Row {}
/// # impl Energy for Row {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         assert_energy_shapes(50, x, &out);
/// #         for (x, e) in x.rows().into_iter().zip(&mut out) {
/// #             *e = -0.5 * (1..50).map(|i| x[i - 1] * x[i]).sum::<f64>();
/// #         }
/// #     }
/// # }
/// # impl RelaxedEnergy for Row {
/// #     fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
/// #         for ((b, i), s) in out.indexed_iter_mut() {
/// #             let (left, right) = (if i > 0 { x[[b, i - 1]] } else { 0.0 }, if i < 49 { x[[b, i + 1]] } else { 0.0 });
/// #             *s = 0.5 * (left + right);
/// #         }
/// #     }
/// # }
///
/// let kernel = Dmala::new(0.5)?;
/// let mut chains = kernel.init(&Row, Array2::ones((200, 50)))?;
/// let mut rng = Seed::new(1).rng();
/// for _ in 0..200 {
///     kernel.step(&Row, &mut chains, &mut rng);
/// }
/// let mean = chains.energy.mean().unwrap();
/// assert!((mean / (-0.5 * 49.0 * 0.5_f64.tanh()) - 1.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dmala {
    step_size: f64,
}

macro_rules! with_step_size {
    ($kernel:ident) => {
        impl $kernel {
            /// The sampler with this step size `ε`, in squared units of the symbols: where `|a − x_i| ≫ √ε`, a move to `a` is rare.
            ///
            /// # Errors
            /// A step size that is not positive and finite.
            pub fn new(step_size: f64) -> Result<Self> {
                check_step_size(step_size)?;
                Ok($kernel { step_size })
            }

            /// The step size `ε`.
            pub fn step_size(&self) -> f64 {
                self.step_size
            }
        }
    };
}
with_step_size!(Dula);
with_step_size!(Dmala);

/// Writes `log q_i(a | x)` of all symbols of one site, normalised.
fn site_log_law(alphabet: &[f64], x: f64, s: f64, step_size: f64, log_law: &mut [f64]) {
    for (log_p, a) in log_law.iter_mut().zip(alphabet) {
        let d = a - x;
        *log_p = 0.5 * s * d - d * d / (4.0 * step_size);
    }
    let total = log_sum_exp(log_law);
    log_law.iter_mut().for_each(|log_p| *log_p -= total);
}

/// `log q(to | from)` over all sites.
fn log_proposal<T: RelaxedEnergy + ?Sized>(
    target: &T,
    step_size: f64,
    from: ArrayView1<f64>,
    score: ArrayView1<f64>,
    to: ArrayView1<f64>,
    log_law: &mut [f64],
) -> f64 {
    let mut log_q = 0.0;
    for site in 0..target.dim() {
        let alphabet = target.alphabet(site);
        let log_law = &mut log_law[..alphabet.len()];
        site_log_law(alphabet, from[site], score[site], step_size, log_law);
        log_q += log_law[index(alphabet, to[site])];
    }
    log_q
}

/// Replaces `x` by a draw from `q(· | x)` and returns the logarithm of its probability; a score that is not finite leaves `x` and returns NaN.
fn propose<T: RelaxedEnergy + ?Sized>(
    target: &T,
    step_size: f64,
    mut x: ArrayViewMut1<f64>,
    score: ArrayView1<f64>,
    log_law: &mut [f64],
    rng: &mut StreamRng,
) -> f64 {
    if score.iter().any(|s| !s.is_finite()) {
        return f64::NAN;
    }
    let mut log_q = 0.0;
    for (site, x) in x.iter_mut().enumerate() {
        let alphabet = target.alphabet(site);
        if alphabet.len() < 2 {
            continue;
        }
        let log_law = &mut log_law[..alphabet.len()];
        site_log_law(alphabet, *x, score[site], step_size, log_law);
        let mut u: f64 = rng.random();
        let mut drawn = 0;
        for (k, log_p) in log_law.iter().enumerate() {
            let p = log_p.exp();
            if p > 0.0 {
                // Where rounding leaves the sum of all below `u`, the last that is possible.
                drawn = k;
                if u < p {
                    break;
                }
                u -= p;
            }
        }
        *x = alphabet[drawn];
        log_q += log_law[drawn];
    }
    log_q
}

/// Room for the law of any site.
fn room<T: RelaxedEnergy + ?Sized>(target: &T) -> Vec<f64> {
    let sizes = (0..target.dim()).map(|site| target.alphabet(site).len());
    vec![0.0; sizes.max().unwrap_or(0)]
}

/// `log q(j | i)` of all pairs of rows of `states`.
fn log_proposals<T: RelaxedEnergy + ?Sized>(
    target: &T,
    step_size: f64,
    states: ArrayView2<f64>,
) -> Array2<f64> {
    let score = target.relaxed_score(states);
    let mut log_law = room(target);
    Array2::from_shape_fn((states.nrows(), states.nrows()), |(i, j)| {
        let (from, to) = (states.row(i), states.row(j));
        log_proposal(target, step_size, from, score.row(i), to, &mut log_law)
    })
}

impl<T: RelaxedEnergy + ?Sized> Kernel<T> for Dula {
    /// The states.
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        Ok(Walkers::on_finite_space(target, x)?.x)
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let counts = map_blocks_mut(state.view_mut(), |block, mut rows: ArrayViewMut2<f64>| {
            let mut rng = streams.block(block);
            let score = target.relaxed_score(rows.view());
            let mut log_law = room(target);
            let mut count = Acceptance::default();
            for (x, score) in rows.rows_mut().into_iter().zip(score.rows()) {
                let log_q = propose(target, self.step_size, x, score, &mut log_law, &mut rng);
                let moved = u64::from(!log_q.is_nan());
                count = count
                    + Acceptance {
                        proposed: 1,
                        accepted: moved,
                        undefined: 1 - moved,
                        probability: moved as f64,
                    };
            }
            count
        });
        counts.into_iter().sum()
    }
}

impl<T: RelaxedEnergy + ?Sized> TransitionLaw<T> for Dula {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        log_proposals(target, self.step_size, states).mapv_into(f64::exp)
    }
}

impl<T: RelaxedEnergy + ?Sized> Kernel<T> for Dmala {
    type State = Walkers;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Walkers> {
        Walkers::on_finite_space(target, x)
    }

    fn refresh(&self, target: &T, state: &mut Walkers) {
        state.refresh_relaxed(target);
    }

    fn positions<'s>(&self, state: &'s Walkers) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, target: &T, state: &mut Walkers, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let counts = state.map_blocks(&mut Vec::<()>::new(), |block, walkers, _| {
            self.step_block(target, walkers, &mut streams.block(block))
        });
        counts.into_iter().sum()
    }
}

impl Dmala {
    fn step_block<T: RelaxedEnergy + ?Sized>(
        &self,
        target: &T,
        mut walkers: Block,
        rng: &mut StreamRng,
    ) -> Acceptance {
        let mut log_law = room(target);
        let mut proposed = walkers.x.to_owned();
        let log_forth: Vec<f64> = proposed
            .rows_mut()
            .into_iter()
            .zip(walkers.score.rows())
            .map(|(x, score)| propose(target, self.step_size, x, score, &mut log_law, rng))
            .collect();
        let mut energy = Array1::zeros(proposed.nrows());
        let mut score = Array2::zeros(proposed.raw_dim());
        target.energy_and_relaxed_score_into(proposed.view(), energy.view_mut(), score.view_mut());
        let mut count = Acceptance::default();
        for (b, log_forth) in log_forth.into_iter().enumerate() {
            count.proposed += 1;
            let (from, to) = (proposed.row(b), walkers.x.row(b));
            let log_back = log_proposal(target, self.step_size, from, score.row(b), to, &mut log_law);
            let Some(alpha) = corrected(walkers.energy[b], log_forth, energy[b], log_back) else {
                count.undefined += 1;
                continue;
            };
            count.probability += alpha;
            if rng.random::<f64>() < alpha {
                count.accepted += 1;
                walkers.x.row_mut(b).assign(&proposed.row(b));
                walkers.energy[b] = energy[b];
                walkers.score.row_mut(b).assign(&score.row(b));
            }
        }
        count
    }
}

impl<T: RelaxedEnergy + ?Sized> TransitionLaw<T> for Dmala {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let energy = target.energy(states);
        let log_q = log_proposals(target, self.step_size, states);
        let mut p = Array2::zeros(log_q.raw_dim());
        for ((i, j), log_forth) in log_q.indexed_iter() {
            let q = log_forth.exp();
            let alpha = corrected(energy[i], *log_forth, energy[j], log_q[[j, i]]).unwrap_or(0.0);
            p[[i, j]] += q * alpha;
            // Refusals add up to the chance to stay.
            p[[i, i]] += q * (1.0 - alpha);
        }
        p
    }
}
