//! Inpainting by replacement with repeated steps.
//!
//! Each step backwards, after which known coordinates are overwritten, is undone by a step of the forward process and taken again, `n`
//! times in all (Lugmayr, Danelljan, Romero, Yu, Timofte and Van Gool 2022, algorithm 1 with jumps of one step). So unknown coordinates
//! hear several times of each noise level's known ones. The last step is taken once.
//!
//! The repetitions are what makes it better than [`Replacement`], and what it costs: `n` evaluations of the score a
//! step. It remains approximate, because known coordinates are still drawn without regard to the unknown ones.

use gibbsian_core::error::{Result, check_count};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{Array2, ArrayViewMut2, Zip};

use super::replacement::{Known, KnownCoordinates, Replacement, ReplacementMemory};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::solver::{Solver, Step};

/// A solver of the reverse process that overwrites known coordinates and takes each step several times.
///
/// The first passage of a step uses the motion's own increment; repetitions use independent ones, so that with one passage this is
/// [`Replacement`], number for number. The solver must be of one step, and another is refused.
///
/// Source: Lugmayr et al. (2022), "RePaint: inpainting using denoising diffusion probabilistic models", algorithm 1.
#[derive(Clone, Debug, PartialEq)]
pub struct RePaint<V, K = KnownCoordinates> {
    replacement: Replacement<V, K>,
    n_passages: usize,
}

impl<V, K: Known> RePaint<V, K> {
    /// The steps of `solver`, each taken `n_passages` times, with `known` coordinates.
    ///
    /// # Errors
    /// No passage.
    pub fn new(solver: V, known: K, n_passages: usize) -> Result<Self> {
        check_count("n_passages", n_passages)?;
        Ok(RePaint {
            replacement: Replacement::new(solver, known),
            n_passages,
        })
    }
}

impl<P, M, V, K> Solver<ReverseSde<P, M>> for RePaint<V, K>
where
    P: LinearGaussian,
    M: TimeScore,
    V: Solver<ReverseSde<P, M>>,
    K: Known,
{
    type Memory = ReplacementMemory<V::Memory>;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        self.replacement.noise_dim(equation)
    }

    fn draws_beside(&self) -> bool {
        true
    }

    fn is_multistep(&self) -> bool {
        Solver::<ReverseSde<P, M>>::is_multistep(&self.replacement)
    }

    /// # Errors
    /// Those of [`Replacement`].
    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        self.replacement.check(equation, grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Self::Memory,
    ) {
        self.replacement.step(equation, step, x.view_mut(), noise, memory);
        if step.index + 1 == step.n_steps {
            return;
        }
        for _ in 1..self.n_passages {
            let forth = equation.process().transition(step.to, step.from).with_root();
            let deviation = forth.variance.sqrt();
            if memory.forth.dim() != x.dim() {
                memory.forth = Array2::zeros(x.raw_dim());
            }
            noise.independent_into(memory.forth.view_mut());
            Zip::from(&mut x)
                .and(&memory.forth)
                .for_each(|x, z| *x = forth.alpha * *x + deviation * z);
            let mut again = Anew { noise: &mut *noise };
            self.replacement
                .advance(equation, step, &mut x, &mut again, memory);
        }
    }
}

/// A motion that gives new increments for an interval that has been asked for before.
struct Anew<'a> {
    noise: &'a mut dyn BrownianBlock,
}

impl Anew<'_> {
    fn fill(&mut self, mut out: ArrayViewMut2<f64>, deviation: f64) {
        self.noise.independent_into(out.view_mut());
        out *= deviation;
    }
}

impl BrownianBlock for Anew<'_> {
    fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>) {
        self.fill(increment, (to - from).abs().sqrt());
    }

    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        increment: ArrayViewMut2<f64>,
        area: ArrayViewMut2<f64>,
    ) {
        self.fill(increment, (to - from).abs().sqrt());
        self.fill(area, ((to - from).abs() / 12.0).sqrt());
    }

    fn independent_into(&mut self, z: ArrayViewMut2<f64>) {
        self.noise.independent_into(z);
    }
}
