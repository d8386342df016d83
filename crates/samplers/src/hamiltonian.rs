//! Hamiltonian dynamics of many trajectories at once, shared by the kernels that follow it.
//!
//! With the mass matrix `Σ⁻¹`, `Σ = L Lᵀ`, and in the whitened momentum `w = Lᵀ p ~ N(0, I)`, the energy is `H(x, w) = E(x) + |w|²/2` and the
//! motion `ẋ = L w`, `ẇ = Lᵀ s(x)`. The leapfrog scheme (Störmer, Verlet) alternates half a kick, a drift and half a kick,
//!
//! `w ← w + (ε/2) Lᵀ s(x)`,  `x ← x + ε L w`,  `w ← w + (ε/2) Lᵀ s(x)`,
//!
//! each a shear, so that it preserves volume exactly; with `−ε` it runs back; its energy error stays of the order `ε²` (Neal 2011, "MCMC
//! using Hamiltonian dynamics", section 2.3). Trajectories of a block advance together, one row each, so that the target sees batches.

use std::ops::Range;

use gibbsian_core::simd::{Vectorized, vectorized};
use gibbsian_core::{Acceptance, Potential};
use ndarray::{Array1, Array2, s};

use crate::metric::Metric;
use crate::rows::dot;

/// The energy error from which on a trajectory counts as diverging (Stan's).
pub(crate) const DIVERGENCE: f64 = 1000.0;

/// What became of one chain in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// `H(x, w)` at the point where the chain ended, with the momentum it had there.
    pub energy: f64,
    /// `−E(x)` at that point.
    pub lp: f64,
    /// The mean acceptance probability `min(1, e^{H₀ − H})` over the trajectory; for a fixed number of steps, that of its end.
    pub acceptance_rate: f64,
    /// The number of leapfrog steps, each one evaluation of the score.
    pub n_steps: u32,
    /// How often the trajectory was doubled; zero for kernels that do not double.
    pub tree_depth: u32,
    /// Whether the trajectory ended because it must not be doubled again.
    pub reached_max_treedepth: bool,
    /// Whether the energy rose by more than a thousand, or to something that is no number.
    pub diverging: bool,
    /// Whether the energy became NaN or −∞ on the way: a fault of the target, or a step that is far too long.
    pub undefined: bool,
    /// Whether the chain moved.
    pub moved: bool,
}

impl Transition {
    /// The number of this name; the names are those of ArviZ.
    pub(crate) fn statistic(&self, name: &str) -> f64 {
        match name {
            "energy" => self.energy,
            "lp" => self.lp,
            "acceptance_rate" => self.acceptance_rate,
            "n_steps" => f64::from(self.n_steps),
            "tree_depth" => f64::from(self.tree_depth),
            "reached_max_treedepth" => f64::from(u8::from(self.reached_max_treedepth)),
            "diverging" => f64::from(u8::from(self.diverging)),
            _ => panic!("transitions have no statistic `{name}`"),
        }
    }
}

/// The counts over all chains.
pub(crate) fn acceptance(chains: &[Transition]) -> Acceptance {
    chains
        .iter()
        .map(|chain| Acceptance {
            proposed: 1,
            accepted: u64::from(chain.moved),
            undefined: u64::from(chain.undefined),
            probability: chain.acceptance_rate,
        })
        .sum()
}

/// Whether an energy is one that no density can have.
pub(crate) fn is_undefined(energy: f64) -> bool {
    energy.is_nan() || energy == f64::NEG_INFINITY
}

/// Rows that are advanced together: what a step touches of them should stay in the first-level cache, and eight of them still
/// make a product of matrices.
pub(crate) fn rows_together(dim: usize) -> usize {
    const NUMBERS: usize = 4096;
    (NUMBERS / (3 * dim.max(1)) / 8 * 8).clamp(8, gibbsian_core::parallel::BLOCK_ROWS)
}

/// Points, whitened momenta and scores of trajectories, one a row. Rows are swapped so that those which still move come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase {
    pub x: Array2<f64>,
    pub momentum: Array2<f64>,
    pub score: Array2<f64>,
    pub energy: Array1<f64>,
    /// `|w|²/2`.
    pub kinetic: Vec<f64>,
    /// The step sizes, negative backwards in time.
    pub step: Vec<f64>,
    /// `Lᵀ s`, where it costs a product with a matrix; otherwise no columns.
    pub force: Array2<f64>,
    /// `L w`, likewise.
    velocity: Array2<f64>,
}

impl Phase {
    /// Room for so many rows.
    pub fn fit(&mut self, rows: usize, dim: usize, metric: &Metric) {
        let columns = if matches!(metric, Metric::Dense { .. }) {
            dim
        } else {
            0
        };
        if self.x.dim() != (rows, dim) || self.force.ncols() != columns {
            *self = Phase {
                x: Array2::zeros((rows, dim)),
                momentum: Array2::zeros((rows, dim)),
                score: Array2::zeros((rows, dim)),
                energy: Array1::zeros(rows),
                kinetic: vec![0.0; rows],
                step: vec![0.0; rows],
                force: Array2::zeros((rows, columns)),
                velocity: Array2::zeros((rows, columns)),
            };
        }
    }

    /// `Lᵀ s` and `|w|²/2` of the first `n` rows, after they were written from outside.
    pub fn start(&mut self, metric: &Metric, n: usize) {
        self.update_force(metric, n);
        for (kinetic, w) in self.kinetic[..n].iter_mut().zip(self.momentum.rows()) {
            *kinetic = 0.5 * w.dot(&w);
        }
    }

    /// A kick of `share` of a step and a drift of one.
    pub fn kick_and_drift(&mut self, metric: &Metric, share: f64, n: usize) {
        let scale = match metric {
            Metric::Identity => None,
            Metric::Diagonal { deviations } => Some(flat(deviations)),
            Metric::Dense { .. } => {
                self.kick(metric, share, 0..n);
                let mut velocity = self.velocity.slice_mut(s![..n, ..]);
                velocity.assign(&self.momentum.slice(s![..n, ..]));
                metric.apply(velocity);
                for ((mut x, v), h) in self
                    .x
                    .rows_mut()
                    .into_iter()
                    .zip(self.velocity.rows())
                    .zip(&self.step[..n])
                {
                    x.scaled_add(*h, &v);
                }
                return;
            }
        };
        let dim = self.x.ncols();
        vectorized(KickAndDrift {
            dim,
            scale,
            share,
            step: &self.step[..n],
            score: flat(&self.score),
            momentum: flat_mut(&mut self.momentum),
            x: flat_mut(&mut self.x),
        });
    }

    /// Energies and scores at the first `n` points, by one call.
    pub fn evaluate<T: Potential + ?Sized>(&mut self, target: &T, metric: &Metric, n: usize) {
        target.energy_and_score_into(
            self.x.slice(s![..n, ..]),
            self.energy.slice_mut(s![..n]),
            self.score.slice_mut(s![..n, ..]),
        );
        self.update_force(metric, n);
    }

    /// A kick of `share` of a step to some of the rows, and their kinetic energies after it.
    pub fn kick(&mut self, metric: &Metric, share: f64, rows: Range<usize>) {
        let (scale, force) = match metric {
            Metric::Identity => (None, &self.score),
            Metric::Diagonal { deviations } => (Some(flat(deviations)), &self.score),
            Metric::Dense { .. } => (None, &self.force),
        };
        let dim = self.x.ncols();
        let numbers = rows.start * dim..rows.end * dim;
        vectorized(Kick {
            dim,
            scale,
            share,
            step: &self.step[rows.clone()],
            force: &flat(force)[numbers.clone()],
            momentum: &mut flat_mut(&mut self.momentum)[numbers],
            kinetic: &mut self.kinetic[rows],
        });
    }

    /// Puts what is needed of row `from` to go on into row `to`.
    pub fn replace(&mut self, to: usize, from: usize) {
        let copy = |array: &mut Array2<f64>| {
            let dim = array.ncols();
            flat_mut(array).copy_within(from * dim..(from + 1) * dim, to * dim);
        };
        copy(&mut self.x);
        copy(&mut self.momentum);
        copy(&mut self.score);
        copy(&mut self.force);
        self.step[to] = self.step[from];
    }

    fn update_force(&mut self, metric: &Metric, n: usize) {
        if matches!(metric, Metric::Dense { .. }) {
            let mut force = self.force.slice_mut(s![..n, ..]);
            force.assign(&self.score.slice(s![..n, ..]));
            metric.apply_transposed(force);
        }
    }
}

/// All numbers of an owned array, row after row.
pub(crate) fn flat<D: ndarray::Dimension>(array: &ndarray::Array<f64, D>) -> &[f64] {
    array.as_slice().expect("owned arrays are contiguous")
}

/// [`flat`], to be written.
pub(crate) fn flat_mut<D: ndarray::Dimension>(array: &mut ndarray::Array<f64, D>) -> &mut [f64] {
    array.as_slice_mut().expect("owned arrays are contiguous")
}

struct Kick<'a> {
    dim: usize,
    scale: Option<&'a [f64]>,
    share: f64,
    step: &'a [f64],
    force: &'a [f64],
    momentum: &'a mut [f64],
    kinetic: &'a mut [f64],
}

impl Vectorized for Kick<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self.momentum.chunks_exact_mut(self.dim);
        let rows = rows.zip(self.force.chunks_exact(self.dim));
        for ((w, force), (h, kinetic)) in rows.zip(self.step.iter().zip(self.kinetic)) {
            kick(w, force, self.share * h, self.scale);
            *kinetic = 0.5 * dot(w, w);
        }
    }
}

struct KickAndDrift<'a> {
    dim: usize,
    scale: Option<&'a [f64]>,
    share: f64,
    step: &'a [f64],
    score: &'a [f64],
    momentum: &'a mut [f64],
    x: &'a mut [f64],
}

impl Vectorized for KickAndDrift<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self.momentum.chunks_exact_mut(self.dim);
        let rows = rows.zip(self.score.chunks_exact(self.dim));
        let rows = rows.zip(self.x.chunks_exact_mut(self.dim));
        for (((w, s), x), h) in rows.zip(self.step) {
            kick(w, s, self.share * h, self.scale);
            match self.scale {
                None => {
                    for (x, w) in x.iter_mut().zip(&*w) {
                        *x = h.mul_add(*w, *x);
                    }
                }
                Some(scale) => {
                    for ((x, w), l) in x.iter_mut().zip(&*w).zip(scale) {
                        *x = (h * l).mul_add(*w, *x);
                    }
                }
            }
        }
    }
}

/// `w + h Lᵀ s`, where `L` is the identity or diagonal.
#[inline(always)]
fn kick(w: &mut [f64], s: &[f64], h: f64, scale: Option<&[f64]>) {
    match scale {
        None => {
            for (w, s) in w.iter_mut().zip(s) {
                *w = h.mul_add(*s, *w);
            }
        }
        Some(scale) => {
            for ((w, s), l) in w.iter_mut().zip(s).zip(scale) {
                *w = (h * l).mul_add(*s, *w);
            }
        }
    }
}

#[cfg(test)]
mod tests;
