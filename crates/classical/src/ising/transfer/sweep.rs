//! One step of a transfer matrix: weights of all states of a boundary, moved on by one site.

use gibbsian_core::simd::{Vectorized, vectorized};

use super::plan::{Plan, Step};
use super::weight::Weight;

/// How far the logarithm of the largest weight may drift before weights are divided by it.
const DRIFT: f64 = 50.0;

/// The weights of the states of a boundary, each the sum over all spins that left it, divided by `exp(log_scale)`.
#[derive(Clone, Debug)]
pub(super) struct Boundary<W> {
    pub weights: Vec<W>,
    pub log_scale: f64,
    /// A bound on how far the largest weight can be from one.
    drift: f64,
}

impl<W: Weight> Boundary<W> {
    /// The boundary before the first site.
    pub(super) fn start() -> Self {
        Boundary {
            weights: vec![W::ONE],
            log_scale: 0.0,
            drift: 0.0,
        }
    }

    /// Takes one site in and sums the spins out that have no neighbours to come.
    pub(super) fn advance(&mut self, step: &Step) {
        // The first spin that leaves does so while the new one comes; the new one itself has to come first.
        let (replaced, others) = match step.leaving.split_first() {
            Some((&slot, others)) if slot < step.width => (Some(slot), others),
            _ => (None, step.leaving.as_slice()),
        };
        let mut met = Met(step.couplings.clone());
        let mut next = vec![
            W::ONE;
            if replaced.is_some() {
                1 << step.width
            } else {
                2 << step.width
            }
        ];
        match replaced {
            Some(slot) => {
                let coupling = met.take(slot);
                vectorized(Replace {
                    weights: &self.weights,
                    slot,
                    factors: spin_factors(step.field, coupling),
                    out: &mut next,
                });
                // Slots above the one that left are one lower now.
                met.remove(slot);
            }
            None => {
                let [[down, _], [up, _]] = spin_factors::<W>(step.field, 0.0);
                let (low, high) = next.split_at_mut(1 << step.width);
                vectorized(Scale {
                    from: &self.weights,
                    by: down,
                    out: low,
                });
                vectorized(Scale {
                    from: &self.weights,
                    by: up,
                    out: high,
                });
            }
        }
        self.weights = next;
        met.couple(&mut self.weights);
        for slot in others.iter().rev() {
            self.sum_out(slot - usize::from(replaced.is_some()));
        }
        self.log_scale += step.largest_log_factor();
        self.drift += std::f64::consts::LN_2 + 2.0 * step.largest_log_factor();
        if self.drift > DRIFT {
            self.rescale();
        }
    }

    /// `log Σ` of the weights, when the last spin has left.
    pub(super) fn log_total(&self) -> f64 {
        self.weights[0].log() + self.log_scale
    }

    fn rescale(&mut self) {
        self.log_scale += W::rescale(&mut self.weights);
        self.drift = 0.0;
    }

    fn sum_out(&mut self, slot: usize) {
        let half = 1 << slot;
        let mut sums = Vec::with_capacity(self.weights.len() / 2);
        for pair in self.weights.chunks_exact(2 * half) {
            let (low, high) = pair.split_at(half);
            sums.extend(low.iter().zip(high).map(|(&a, &b)| a.plus(b)));
        }
        self.weights = sums;
    }

    /// From the weights that everything behind a boundary gives to its states, those that it gives to the states of the boundary before together with the
    /// new spin, the highest bit: the step's factors times what the remaining spins get. A boundary is moved **back** by this and [`Boundary::forget_new`].
    pub(super) fn retreat(&mut self, step: &Step) {
        let mut weights = std::mem::take(&mut self.weights);
        for &slot in &step.leaving {
            // Both values of a spin that left are continued alike.
            let mut continued = Vec::with_capacity(2 * weights.len());
            for run in weights.chunks_exact(1 << slot) {
                continued.extend_from_slice(run);
                continued.extend_from_slice(run);
            }
            weights = continued;
        }
        let [[down, _], [up, _]] = spin_factors::<W>(step.field, 0.0);
        let (low, high) = weights.split_at_mut(1 << step.width);
        low.iter_mut().for_each(|w| *w = w.times(down));
        high.iter_mut().for_each(|w| *w = w.times(up));
        Met(step.couplings.clone()).couple(&mut weights);
        self.weights = weights;
        self.log_scale += step.largest_log_factor();
        self.rescale();
    }

    /// Sums the new spin of a boundary that was moved back out.
    pub(super) fn forget_new(&mut self, step: &Step) {
        self.sum_out(step.width);
    }
}

impl Step {
    /// The logarithm of the largest factor, which is divided out of all of them.
    fn largest_log_factor(&self) -> f64 {
        self.field.abs() + self.couplings.iter().map(|c| c.1.abs()).sum::<f64>()
    }
}

/// `exp(h x − |h| + J x y − |J|)` by new spin `x` and old spin `y`.
fn spin_factors<W: Weight>(field: f64, coupling: f64) -> [[W; 2]; 2] {
    let factor = |x: f64, y: f64| W::from_log(field * x - field.abs() + coupling * x * y - coupling.abs());
    [-1.0, 1.0].map(|x| [-1.0, 1.0].map(|y| factor(x, y)))
}

/// The couplings of a new spin to the slots of the boundary, while slots are renumbered.
struct Met(Vec<(usize, f64)>);

impl Met {
    /// The coupling to a slot, which is taken off the list.
    fn take(&mut self, slot: usize) -> f64 {
        match self.0.iter().position(|c| c.0 == slot) {
            Some(index) => self.0.swap_remove(index).1,
            None => 0.0,
        }
    }

    /// Renumbers the slots when this one is gone.
    fn remove(&mut self, gone: usize) {
        for (slot, _) in &mut self.0 {
            *slot -= usize::from(*slot > gone);
        }
    }

    /// Multiplies the factors `exp(J x y − |J|)` into weights whose highest bit is the new spin.
    fn couple<W: Weight>(&self, weights: &mut [W]) {
        for &(slot, coupling) in &self.0 {
            let [[alike, unlike], _] = spin_factors::<W>(0.0, coupling);
            vectorized(Couple {
                weights,
                slot,
                alike,
                unlike,
            });
        }
    }
}

/// `out[x, rest] = Σ_y f[x][y] weights[rest with y in the slot]`; the new spin `x` becomes the highest bit.
struct Replace<'a, W> {
    weights: &'a [W],
    slot: usize,
    factors: [[W; 2]; 2],
    out: &'a mut [W],
}

impl<W: Weight> Vectorized for Replace<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let run = 1 << self.slot;
        let (low, high) = self.out.split_at_mut(self.weights.len() / 2);
        let [[a, b], [c, d]] = self.factors;
        if run == 1 {
            for ((pair, low), high) in self.weights.chunks_exact(2).zip(low).zip(high) {
                *low = pair[0].times(a).plus(pair[1].times(b));
                *high = pair[0].times(c).plus(pair[1].times(d));
            }
            return;
        }
        let outs = low.chunks_exact_mut(run).zip(high.chunks_exact_mut(run));
        for (pair, (low, high)) in self.weights.chunks_exact(2 * run).zip(outs) {
            let (down, up) = pair.split_at(run);
            for (((down, up), low), high) in down.iter().zip(up).zip(low).zip(high) {
                *low = down.times(a).plus(up.times(b));
                *high = down.times(c).plus(up.times(d));
            }
        }
    }
}

/// `out = by · from`.
struct Scale<'a, W> {
    from: &'a [W],
    by: W,
    out: &'a mut [W],
}

impl<W: Weight> Vectorized for Scale<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, from) in self.out.iter_mut().zip(self.from) {
            *out = from.times(self.by);
        }
    }
}

/// Multiplies one of two factors, as the spin of a slot is like the new one, the highest bit, or not.
struct Couple<'a, W> {
    weights: &'a mut [W],
    slot: usize,
    alike: W,
    unlike: W,
}

impl<W: Weight> Vectorized for Couple<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let run = 1 << self.slot;
        let (low, high) = self.weights.split_at_mut(self.weights.len() / 2);
        for (weights, [down, up]) in [
            (low, [self.alike, self.unlike]),
            (high, [self.unlike, self.alike]),
        ] {
            for pair in weights.chunks_exact_mut(2 * run) {
                let (below, above) = pair.split_at_mut(run);
                below.iter_mut().for_each(|w| *w = w.times(down));
                above.iter_mut().for_each(|w| *w = w.times(up));
            }
        }
    }
}

/// The boundary before every step that is a multiple of `√n`, from which those between are made again: memory for `2√n` boundaries instead of `n`.
pub(super) struct Checkpoints<'a, W> {
    plan: &'a Plan,
    stride: usize,
    kept: Vec<Boundary<W>>,
    segment: Vec<Boundary<W>>,
}

impl<'a, W: Weight> Checkpoints<'a, W> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let stride = (plan.steps.len() as f64).sqrt().ceil() as usize;
        let mut boundary = Boundary::start();
        let mut kept = Vec::new();
        for (t, step) in plan.steps.iter().enumerate() {
            if t % stride == 0 {
                kept.push(boundary.clone());
            }
            boundary.advance(step);
        }
        Checkpoints {
            plan,
            stride,
            kept,
            segment: Vec::new(),
        }
    }

    /// The boundary before step `t`; steps are asked for backwards.
    pub(super) fn before(&mut self, t: usize) -> &Boundary<W> {
        let first = t / self.stride * self.stride;
        if (t + 1).is_multiple_of(self.stride) || t + 1 == self.plan.steps.len() {
            let mut boundary = self.kept[t / self.stride].clone();
            self.segment.clear();
            for step in &self.plan.steps[first..=t] {
                self.segment.push(boundary.clone());
                boundary.advance(step);
            }
        }
        &self.segment[t - first]
    }
}
