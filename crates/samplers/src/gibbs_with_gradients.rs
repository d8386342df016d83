//! Gibbs with gradients (Grathwohl, Swersky, Hashemi, Duvenaud and Maddison 2021, "Oops I took a gradient").
//!
//! A step chooses one change of one site, like [`LocallyInformed`](crate::LocallyInformed) with `g(t) = √t`, but instead of asking for the cost of every
//! change it estimates them all by one gradient: with `s = −∂E/∂x`,
//!
//! `q(x_i → a | x) ∝ exp(½ s_i(x) (a − x_i))`,
//!
//! and accepts by Metropolis–Hastings with the energies themselves, so the estimate costs acceptance and never correctness. Where the
//! energy is linear in each single coordinate, as that of a pairwise model is, the estimate is exact and the two kernels are one. For two
//! symbols 0 and 1 this is the paper's Algorithm 1 (`d = −(2x − 1) ∘ ∇f`, proposal `softmax(d/2)`); on more symbols the paper codes each site in one
//! hot, while here symbols are numbers on a line, whose differences enter. One-hot sites are two-symbol sites with forbidden states in between,
//! and not what this kernel is for.

use gibbsian_core::{Acceptance, Kernel, RelaxedEnergy, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, CowArray, Ix2};
use rand::{Rng, RngExt};

use crate::informed::{Moves, corrected, draw, log_total, probability};
use crate::walkers::{Block, Walkers};

/// One proposal a chain and step, to a state that differs at one site, by gradients.
///
/// A proposal whose energy or score is not a number that a density can have is rejected and counted ([`Acceptance::undefined`]).
///
/// A step costs one energy with its gradient, whatever the number of sites.
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::GibbsWithGradients;
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
/// let kernel = GibbsWithGradients;
/// let mut chains = kernel.init(&Row, Array2::ones((200, 50)))?;
/// let mut rng = Seed::new(1).rng();
/// for _ in 0..500 {
///     kernel.step(&Row, &mut chains, &mut rng);
/// }
/// let mean = chains.energy.mean().unwrap();
/// assert!((mean / (-0.5 * 49.0 * 0.5_f64.tanh()) - 1.0).abs() < 0.1);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GibbsWithGradients;

/// Writes `½ s_i (a − x_i)` of all moves from `x`.
fn log_weights_into<T: RelaxedEnergy + ?Sized>(
    moves: &Moves<T>,
    target: &T,
    x: ArrayView1<f64>,
    score: ArrayView1<f64>,
    mut out: ArrayViewMut1<f64>,
) {
    for (site, (x, s)) in x.iter().zip(score).enumerate() {
        let alphabet = target.alphabet(site);
        moves.for_site(site, *x, |number, symbol| {
            out[number] = 0.5 * s * (alphabet[symbol] - x);
        });
    }
}

impl<T: RelaxedEnergy + ?Sized> Kernel<T> for GibbsWithGradients {
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
        let moves = Moves::of(target);
        let counts = state.map_blocks(&mut Vec::<()>::new(), |block, walkers, _| {
            step_block(target, &moves, walkers, &mut streams.block(block))
        });
        counts.into_iter().sum()
    }
}

/// One proposal a row, refused or taken.
fn step_block<T: RelaxedEnergy + ?Sized>(
    target: &T,
    moves: &Moves<T>,
    mut walkers: Block,
    rng: &mut StreamRng,
) -> Acceptance {
    let mut count = Acceptance::default();
    if moves.len() == 0 {
        return count;
    }
    let n = walkers.x.nrows();
    let mut proposed = walkers.x.to_owned();
    let mut log_weights = Array1::zeros(moves.len());
    // The log-probability of the move that was drawn and the number of the way back.
    let mut drawn = vec![(f64::NAN, 0); n];
    for (b, mut x) in proposed.rows_mut().into_iter().enumerate() {
        log_weights_into(
            moves,
            target,
            x.view(),
            walkers.score.row(b),
            log_weights.view_mut(),
        );
        let total = log_total(log_weights.view());
        if total.is_finite() {
            let number = draw(log_weights.view(), total, rng);
            let (site, value, back) = moves.take(x.view(), number);
            x[site] = value;
            drawn[b] = (log_weights[number] - total, back);
        }
    }
    let mut energy = Array1::zeros(n);
    let mut score = Array2::zeros(proposed.raw_dim());
    target.energy_and_relaxed_score_into(proposed.view(), energy.view_mut(), score.view_mut());
    for (b, (log_forth, back)) in drawn.into_iter().enumerate() {
        count.proposed += 1;
        log_weights_into(
            moves,
            target,
            proposed.row(b),
            score.row(b),
            log_weights.view_mut(),
        );
        let log_back = log_weights[back] - log_total(log_weights.view());
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

impl<T: RelaxedEnergy + ?Sized> TransitionLaw<T> for GibbsWithGradients {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let moves = Moves::of(target);
        let mut energy = Array1::zeros(states.nrows());
        let mut score = Array2::zeros(states.raw_dim());
        target.energy_and_relaxed_score_into(states, energy.view_mut(), score.view_mut());
        let mut log_weights = Array2::zeros((states.nrows(), moves.len()));
        for (b, out) in log_weights.rows_mut().into_iter().enumerate() {
            log_weights_into(&moves, target, states.row(b), score.row(b), out);
        }
        let totals: Vec<f64> = log_weights.rows().into_iter().map(log_total).collect();
        moves.matrix(states, |i, j, number| {
            let (_, _, back) = moves.take(states.row(i), number);
            let log_forth = log_weights[[i, number]] - totals[i];
            let log_back = log_weights[[j, back]] - totals[j];
            let alpha = corrected(energy[i], log_forth, energy[j], log_back);
            (
                probability(log_weights[[i, number]], totals[i]),
                alpha.unwrap_or(0.0),
            )
        })
    }
}
