//! Locally informed proposals (Zanella 2020, "Informed proposals for local MCMC in discrete spaces").
//!
//! A step looks at all states that differ from the present one at a single site and chooses among them with probabilities
//!
//! `q(x' | x) = g(p(x')/p(x)) / Z(x)`,  `Z(x) = Σ_x' g(p(x')/p(x))`,
//!
//! where `g` is a *balancing function*, `g(t) = t g(1/t)`. Then `p(x) g(p(x')/p(x))` is symmetric in the two states, so the
//! Metropolis–Hastings ratio is `Z(x)/Z(x')` whatever `g` is, and in high dimensions it is near one: sites that want to change are found
//! instead of waited for. `g(t) = t`, the target itself on the neighbours, does not balance: without the acceptance it would sample `p²`. `√t` hurries to
//! better states without limit; `t/(1 + t)` is at most one, so that one deep neighbour does not drown the others.
//!
//! The costs of all changes must be known at each state visited. [`GibbsWithGradients`](crate::GibbsWithGradients) estimates them by one gradient.

use gibbsian_core::math::log_sigmoid;
use gibbsian_core::parallel::{BLOCK_ROWS, map_each};
use gibbsian_core::{Acceptance, DiscreteEnergy, Error, Kernel, Result, StreamRng, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2, s};
use rand::{Rng, RngExt};

use crate::informed::{Moves, acceptance, draw, log_total, probability};

/// A function `g` with `g(t) = t g(1/t)`, of the ratio `t = p(x')/p(x) = e^−ΔE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balancing {
    /// `g(t) = √t`.
    #[default]
    Root,
    /// `g(t) = t/(1 + t)`, Barker's function.
    Barker,
}

impl Balancing {
    /// `log g(e^−ΔE)`; −∞ for a state outside the support, and NaN where `ΔE` is no difference of energies (NaN or −∞).
    pub fn log_weight(self, delta: f64) -> f64 {
        if delta == f64::NEG_INFINITY {
            return f64::NAN;
        }
        match self {
            Balancing::Root => -0.5 * delta,
            Balancing::Barker => log_sigmoid(-delta),
        }
    }
}

/// One proposal a chain and step, to a state that differs at one site, weighed by a balancing function of the exact energy differences.
///
/// A proposal to a state around which an energy is NaN or −∞ is rejected and counted ([`Acceptance::undefined`]).
///
/// ```
/// use gibbsian_core::{Kernel, Seed};
/// use gibbsian_samplers::{Balancing, LocallyInformed};
/// # use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Space};
/// # use ndarray::{Array2, ArrayView2, ArrayViewMut1};
/// # struct Ones;
/// # impl Space for Ones { fn dim(&self) -> usize { 3 } }
/// # impl Discrete for Ones { fn alphabet(&self, _: usize) -> &[f64] { &[0.0, 1.0] } }
/// # impl Energy for Ones {
/// #     fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
/// #         out.assign(&x.sum_axis(ndarray::Axis(1)));
/// #     }
/// # }
/// # impl DiscreteEnergy for Ones {}
/// # let target = Ones;
/// let kernel = LocallyInformed { balancing: Balancing::Barker };
/// let mut chains = kernel.init(&target, Array2::zeros((100, 3)))?;
/// let acceptance = kernel.step(&target, &mut chains, &mut Seed::new(1).rng());
/// assert_eq!(acceptance.proposed, 100);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocallyInformed {
    /// How differences of energies become weights.
    pub balancing: Balancing,
}

impl LocallyInformed {
    /// The log-weights of all moves from the rows of `x`.
    fn log_weights<T: DiscreteEnergy + ?Sized>(&self, target: &T, x: ArrayView2<f64>) -> Array2<f64> {
        let moves = Moves::of(target);
        let mut deltas = Array2::zeros((x.nrows(), moves.len()));
        let alphabets = (0..target.dim()).map(|site| target.alphabet(site).len());
        if moves.len() == target.dim() && alphabets.clone().all(|n| n == 2) {
            target.flip_deltas_into(x, deltas.view_mut());
        } else {
            let mut at_site = Array2::zeros((x.nrows(), alphabets.max().unwrap_or(0)));
            for site in 0..target.dim() {
                let mut at_site = at_site.slice_mut(s![.., ..target.alphabet(site).len()]);
                target.site_deltas_into(x, site, at_site.view_mut());
                for ((x, mut deltas), at_site) in
                    x.rows().into_iter().zip(deltas.rows_mut()).zip(at_site.rows())
                {
                    moves.for_site(site, x[site], |number, symbol| deltas[number] = at_site[symbol]);
                }
            }
        }
        deltas.mapv_into(|delta| self.balancing.log_weight(delta))
    }
}

impl<T: DiscreteEnergy + ?Sized> Kernel<T> for LocallyInformed {
    /// The states, and the log-weights of the moves from them.
    type State = (Array2<f64>, Array2<f64>);
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        target.check_states("x", x.view())?;
        let energy = target.energy(x.view());
        let log_weights = self.log_weights(target, x.view());
        for (b, (energy, log_weights)) in energy.iter().zip(log_weights.rows()).enumerate() {
            let total = log_total(log_weights);
            let (required, quantity, value) = if !energy.is_finite() {
                ("a state of finite energy", "energy", *energy)
            } else if !total.is_finite() {
                let required = "a state with known energies around it, one of them finite";
                (required, "total log-weight of the moves", total)
            } else {
                continue;
            };
            let name = format!("x[{b}, ..]");
            return Err(Error::start(name, x.row(b), required, quantity, value));
        }
        Ok((x, log_weights))
    }

    fn refresh(&self, target: &T, (x, log_weights): &mut Self::State) {
        *log_weights = self.log_weights(target, x.view());
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        state.0.view().into()
    }

    fn step(&self, target: &T, (x, log_weights): &mut Self::State, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let blocks = x
            .axis_chunks_iter_mut(Axis(0), BLOCK_ROWS)
            .zip(log_weights.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS))
            .collect();
        let counts = map_each(blocks, |block, (x, log_weights)| {
            self.step_block(target, x, log_weights, &mut streams.block(block))
        });
        counts.into_iter().sum()
    }
}

impl LocallyInformed {
    fn step_block<T: DiscreteEnergy + ?Sized>(
        &self,
        target: &T,
        mut x: ArrayViewMut2<f64>,
        mut log_weights: ArrayViewMut2<f64>,
        rng: &mut StreamRng,
    ) -> Acceptance {
        let moves = Moves::of(target);
        let mut proposed = x.to_owned();
        let mut before = vec![f64::NAN; x.nrows()];
        for (b, mut x) in proposed.rows_mut().into_iter().enumerate() {
            before[b] = log_total(log_weights.row(b));
            if before[b].is_finite() {
                let number = draw(log_weights.row(b), before[b], rng);
                let (site, value, _) = moves.take(x.view(), number);
                x[site] = value;
            }
        }
        let there = self.log_weights(target, proposed.view());
        let mut count = Acceptance::default();
        for (b, before) in before.into_iter().enumerate() {
            count.proposed += 1;
            let Some(alpha) = taken(before, log_total(there.row(b))) else {
                count.undefined += 1;
                continue;
            };
            count.probability += alpha;
            if rng.random::<f64>() < alpha {
                count.accepted += 1;
                x.row_mut(b).assign(&proposed.row(b));
                log_weights.row_mut(b).assign(&there.row(b));
            }
        }
        count
    }
}

/// `min(1, Z(x)/Z(x'))` from the logarithms; `None` where one of them is not finite.
fn taken(log_z_here: f64, log_z_there: f64) -> Option<f64> {
    acceptance(log_z_here - log_z_there).filter(|_| log_z_here.is_finite() && log_z_there.is_finite())
}

impl<T: DiscreteEnergy + ?Sized> TransitionLaw<T> for LocallyInformed {
    fn transition_matrix(&self, target: &T, states: ArrayView2<f64>) -> Array2<f64> {
        let log_weights = self.log_weights(target, states);
        let totals: Vec<f64> = log_weights.rows().into_iter().map(log_total).collect();
        Moves::of(target).matrix(states, |i, j, number| {
            let q = probability(log_weights[[i, number]], totals[i]);
            (q, taken(totals[i], totals[j]).unwrap_or(0.0))
        })
    }
}
