//! Single-site Metropolis sampling of finite spaces (Metropolis, Rosenbluth, Rosenbluth, Teller and Teller 1953).
//!
//! Sites are visited in order. At each one a symbol is proposed, uniformly among those that the site does not have, and taken with
//! probability `min(1, e^−ΔE)`. The proposal is symmetric, so the move at one site is reversible with respect to `p`; the sweep, a
//! product of such moves, leaves `p` invariant and is in general not reversible.
//!
//! Of all acceptance laws that depend on `ΔE` alone and are reversible, this one accepts most (Peskun 1973), and a two-symbol site moves more
//! often than if it were redrawn from its conditional law. The price is that a move at `ΔE = 0` is certain: where nothing couples the
//! sites and no field acts, a sweep in order flips every spin and the chain alternates between two states for ever. Barker's law,
//! `1/(1 + e^ΔE)`, has no such case; it is Gibbs sampling where sites have two symbols ([`Gibbs`](crate::Gibbs)), and is not offered
//! a second time.
//!
//! The target is asked for the energy differences of one site at a time, `D` calls a sweep. A target that recomputes its fields
//! in each call, as one with hidden units must, pays for all of them at every site.

use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Acceptance, DiscreteEnergy, Error, Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, CowArray, Ix2, s};
use rand::{Rng, RngExt};

use crate::informed::index;

/// One sweep over the sites of the target a step.
///
/// Each block of rows has its own stream. A difference that is NaN or −∞ is no energy difference; the proposal is then rejected and counted
/// ([`Acceptance::undefined`]). The difference to a state outside the support is +∞, an ordinary rejection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metropolis;

impl Metropolis {
    /// `P[i, j]`, the probability that the move at `site` leads from row `i` to row `j` of `states`, which lists the whole space once.
    pub fn site_matrix<T: DiscreteEnergy + ?Sized>(
        &self,
        target: &T,
        site: usize,
        states: ArrayView2<f64>,
    ) -> Array2<f64> {
        let alphabet = target.alphabet(site);
        let n_others = alphabet.len() - 1;
        let mut deltas = Array2::zeros((states.nrows(), alphabet.len()));
        target.site_deltas_into(states, site, deltas.view_mut());
        // To symbol `k`, from every row that has another one.
        let p_taken = deltas.mapv_into(acceptance) / n_others.max(1) as f64;
        let own: Vec<usize> = states.column(site).iter().map(|v| index(alphabet, *v)).collect();
        Array2::from_shape_fn((states.nrows(), states.nrows()), |(i, j)| {
            let elsewhere = (0..target.dim()).any(|k| k != site && states[[i, k]] != states[[j, k]]);
            if elsewhere {
                0.0
            } else if own[i] != own[j] {
                p_taken[[i, own[j]]]
            } else {
                1.0 - (0..=n_others)
                    .filter(|k| *k != own[i])
                    .map(|k| p_taken[[i, k]])
                    .sum::<f64>()
            }
        })
    }
}

impl<T: DiscreteEnergy + ?Sized> Kernel<T> for Metropolis {
    type State = Array2<f64>;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        target.check_states("x", x.view())?;
        let energy = target.energy(x.view());
        match energy.iter().position(|e| !e.is_finite()) {
            None => Ok(x),
            Some(b) => Err(Error::start(
                format!("x[{b}, ..]"),
                x.row(b),
                "a state of finite energy; start inside the support, for example from data",
                "energy",
                energy[b],
            )),
        }
    }

    fn refresh(&self, _target: &T, _state: &mut Self::State) {}

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, target: &T, state: &mut Self::State, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        map_blocks_mut(state.view_mut(), |block, rows| {
            sweep(target, rows, &mut streams.block(block))
        })
        .into_iter()
        .sum()
    }
}

impl<T: DiscreteEnergy + ?Sized> TransitionLaw<T> for Metropolis {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        (0..target.dim()).fold(Array2::eye(states.nrows()), |sweep, site| {
            sweep.dot(&self.site_matrix(target, site, states))
        })
    }
}

/// `min(1, e^−ΔE)`, and zero where `ΔE` is no difference of energies.
fn acceptance(delta: f64) -> f64 {
    if is_undefined(delta) {
        0.0
    } else {
        (-delta).exp().min(1.0)
    }
}

fn is_undefined(delta: f64) -> bool {
    delta.is_nan() || delta == f64::NEG_INFINITY
}

/// One proposal a row at each site.
fn sweep<T: DiscreteEnergy + ?Sized>(
    target: &T,
    mut rows: ArrayViewMut2<f64>,
    rng: &mut StreamRng,
) -> Acceptance {
    let most = (0..target.dim()).map(|site| target.alphabet(site).len()).max();
    let mut all_deltas = Array2::zeros((rows.nrows(), most.unwrap_or(0)));
    let mut count = Acceptance::default();
    for site in 0..target.dim() {
        let alphabet = target.alphabet(site);
        if alphabet.len() < 2 {
            continue;
        }
        let mut deltas = all_deltas.slice_mut(s![.., ..alphabet.len()]);
        target.site_deltas_into(rows.view(), site, deltas.view_mut());
        for (x, deltas) in rows.column_mut(site).iter_mut().zip(deltas.rows()) {
            let k = propose(alphabet.len(), index(alphabet, *x), rng);
            count.proposed += 1;
            count.undefined += u64::from(is_undefined(deltas[k]));
            let probability = acceptance(deltas[k]);
            count.probability += probability;
            if rng.random::<f64>() < probability {
                *x = alphabet[k];
                count.accepted += 1;
            }
        }
    }
    count
}

/// A symbol other than `own`, uniformly; no random number is spent where there is only one.
fn propose(n_symbols: usize, own: usize, rng: &mut StreamRng) -> usize {
    let k = if n_symbols == 2 {
        0
    } else {
        rng.random_range(0..n_symbols - 1)
    };
    k + usize::from(k >= own)
}
