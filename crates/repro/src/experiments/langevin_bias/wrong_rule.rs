//! Langevin proposals with the acceptance rule that some lecture notes print: `min(1, p(x')/p(x))`, without the ratio of the proposal densities.
//!
//! Its law is known. The unadjusted step is reversible for its own invariant law `π_ε`, so `π_ε(x) q(x' | x)` is symmetric; with the acceptance `min(1, p(x')/p(x))` the flow
//! `π_ε(x) p(x) q(x' | x) min(1, p(x')/p(x)) = π_ε(x) q(x' | x) min(p(x), p(x'))` is symmetric too. The chain therefore has the density `∝ π_ε p`. For a standard
//! normal `p`, `π_ε` has precision `1 − ε/2`, and the precisions add to `2 − ε/2`. As `ε → 0` the density is `p²`: the bias does not go away.

use gibbsian_core::parallel::map_blocks_mut;
use gibbsian_core::{Acceptance, Kernel, Potential, Streams};
use gibbsian_samplers::Walkers;
use ndarray::{Array1, Array2, ArrayViewMut2, CowArray, Ix2};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// A Langevin step accepted by the wrong rule.
pub struct WrongRule {
    pub step_size: f64,
}

impl WrongRule {
    fn advance<T: Potential + ?Sized>(
        &self,
        target: &T,
        mut x: ArrayViewMut2<f64>,
        rng: &mut impl Rng,
    ) -> Acceptance {
        let mut proposed = self.step_size * target.score(x.view()) + &x;
        proposed.mapv_inplace(|y| y + (2.0 * self.step_size).sqrt() * rng.sample::<f64, _>(StandardNormal));
        let log_ratio: Array1<f64> = target.energy(x.view()) - target.energy(proposed.view());
        let mut count = Acceptance::default();
        for ((mut x, y), log_ratio) in x.rows_mut().into_iter().zip(proposed.rows()).zip(log_ratio) {
            let probability = log_ratio.exp().min(1.0);
            count.proposed += 1;
            count.probability += probability;
            if rng.random::<f64>() < probability {
                x.assign(&y);
                count.accepted += 1;
            }
        }
        count
    }
}

impl<T: Potential + ?Sized> Kernel<T> for WrongRule {
    type State = Walkers;
    type Info = Acceptance;

    fn init(&self, target: &T, x: Array2<f64>) -> gibbsian_core::Result<Walkers> {
        Walkers::with_both(target, x)
    }

    fn refresh(&self, target: &T, state: &mut Walkers) {
        state.refresh_both(target);
    }

    fn positions<'s>(&self, state: &'s Walkers) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, target: &T, state: &mut Walkers, rng: &mut dyn Rng) -> Acceptance {
        let streams = Streams::draw(rng);
        let counts = map_blocks_mut(state.x.view_mut(), |block, x| {
            self.advance(target, x, &mut streams.block(block))
        });
        counts.into_iter().sum()
    }
}
