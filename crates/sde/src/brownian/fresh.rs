//! Noise that is drawn when it is needed.

use gibbsian_core::error::Result;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Seed, Streams};
use ndarray::{Array2, ArrayViewMut2};

use super::{BrownianBlock, BrownianMotion};
use crate::grid::TimeGrid;

/// A Brownian motion that forgets: every increment is a new draw, and no interval may be asked for twice.
///
/// It costs a normal draw a number and no memory: what sampling wants. Each block of rows has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshNoise {
    seed: Seed,
}

impl FreshNoise {
    /// The noise of this seed.
    pub fn new(seed: Seed) -> Self {
        FreshNoise { seed }
    }

    /// Standard normal numbers `(B, D)` from the same seed, and independent of the motion: where sampling starts.
    pub fn normal(&self, shape: (usize, usize)) -> Array2<f64> {
        let streams = self.streams("start");
        let mut out = Array2::zeros(shape);
        for_each_block(out.view_mut(), |block, mut rows| {
            fill(&mut LaneRng::new(streams, block), &mut rows, 1.0);
        });
        out
    }

    fn streams(&self, name: &str) -> Streams {
        Streams::from_key(self.seed.child(name).value())
    }
}

impl BrownianMotion for FreshNoise {
    fn check(&self, _: &TimeGrid, _: usize, _: usize) -> Result<()> {
        Ok(())
    }

    fn block(&self, block: usize, _: usize) -> Box<dyn BrownianBlock + '_> {
        let rng = |name| LaneRng::new(self.streams(name), block);
        Box::new(Block {
            motion: rng("motion"),
            independent: rng("independent"),
        })
    }
}

struct Block {
    motion: LaneRng,
    /// Whether a scheme uses numbers beside the motion must not change the motion.
    independent: LaneRng,
}

impl BrownianBlock for Block {
    fn increment_into(&mut self, from: f64, to: f64, mut increment: ArrayViewMut2<f64>) {
        fill(&mut self.motion, &mut increment, (to - from).abs().sqrt());
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        self.increment_into(from, to, increment);
        fill(&mut self.motion, &mut area, ((to - from).abs() / 12.0).sqrt());
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        fill(&mut self.independent, &mut z, 1.0);
    }
}

/// Normal numbers of this standard deviation.
pub(super) fn fill(rng: &mut LaneRng, out: &mut ArrayViewMut2<f64>, deviation: f64) {
    let numbers = out.as_slice_mut().expect("an array in standard layout");
    fill_standard_normal(rng, numbers);
    if deviation != 1.0 {
        for z in numbers {
            *z *= deviation;
        }
    }
}
