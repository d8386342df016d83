//! The Milstein schemes for noise that is a matrix.
//!
//! `x' = x + f h + G ΔW + Σ_jk (∂G_k/∂x) G_j I_jk`,  `I_jk = ½ (ΔW_j ΔW_k − δ_jk |h|) + A_jk`,
//!
//! with the Lévy area `A_jk = −A_kj` of the step ([`brownian`](crate::brownian)).
//!
//! Where the noise commutes the areas cancel, and what is left are derivatives along directions that are known at once,
//!
//! `Σ_jk (∂G_k/∂x) G_j I_jk = ½ D[G ΔW](G ΔW) − ½ |h| Σ_k D[G e_k](G e_k)`,
//!
//! `D[G w](v)` being the derivative of `G w` along `v`: `M + 1` derivatives of products, and no matrix of all of them. In general they are `M`,
//!
//! `Σ_jk (∂G_k/∂x) G_j I_jk = Σ_k D[G e_k](Σ_j G_j I_jk)`.
//!
//! Backwards in time the same holds in the clock of the solution, in which a step is `|h|` long; only the drift knows the sign of `h`.
//!
//! **Areas.** The second scheme has strong order one as far as its areas are those of the path. A [`StoredPath`](crate::StoredPath) with areas has them. Other motions draw them from their law given the
//! increment and the space-time area of the step, which is known as a series; cut off after `p` terms, with the rest replaced by a normal of the same covariance, it has an error of root mean square `O(|h|/p)`. So
//! order one takes `p` in proportion to `1/√|h|` (Wiktorsson 2001), and with a fixed number of terms the error ends up of order 1/2, with a small factor. Such areas are new draws, and so are independent
//! of what the path did within the step: they give the law of the solution, and on one path two step sizes lead to two points.
//!
//! Source: Milstein (1974); Kloeden and Platen (1992), section 10.3, equations 3.3 and 3.16.

use gibbsian_core::error::Result;
use ndarray::{ArrayView1, ArrayViewMut2, Zip};

use super::Working;
use crate::brownian::{BrownianBlock, n_pairs};
use crate::grid::TimeGrid;
use crate::matrix_noise::{CommutativeSde, DiffusionJvp};
use crate::solver::{Solver, Step};

/// The Milstein scheme for commutative noise: strong order 1, from increments alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommutativeMilstein;

impl<E: CommutativeSde + ?Sized> Solver<E> for CommutativeMilstein {
    type Memory = Working;

    fn noise_dim(&self, equation: &E) -> usize {
        equation.noise_dim()
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let (n, motions) = (x.nrows(), equation.noise_dim());
        let (point, motion) = (x.dim(), (n, motions));
        let shapes = [point, point, point, point, motion, motion];
        let ([mut moved, mut g, mut slope, mut along, mut w, mut unit], t) =
            memory.take(shapes, n, step.from);
        let h = step.size();
        noise.increment_into(step.from, step.to, w.view_mut());
        equation.drift_into(x.view(), t, moved.view_mut());
        equation.diffuse_into(x.view(), t, w.view(), g.view_mut());
        equation.diffusion_jvp_into(x.view(), t, w.view(), g.view(), slope.view_mut());
        Zip::from(&mut moved)
            .and(&g)
            .and(&slope)
            .for_each(|f, g, slope| *f = h * *f + g + 0.5 * slope);
        for k in 0..motions {
            unit.fill(0.0);
            unit.column_mut(k).fill(1.0);
            equation.diffuse_into(x.view(), t, unit.view(), along.view_mut());
            equation.diffusion_jvp_into(x.view(), t, unit.view(), along.view(), slope.view_mut());
            moved.scaled_add(-0.5 * h.abs(), &slope);
        }
        x += &moved;
    }
}

/// The Milstein scheme for any noise that can be differentiated: strong order 1 with the areas of the path, for which it asks the motion.
///
/// ```
/// use gibbsian_core::{Seed, Space};
/// use gibbsian_sde::{DiffusionJvp, FixedSteps, LevyMilstein, Sde, StoredPath, TimeGrid};
/// use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};
///
/// /// A plane with a height that follows the area swept, `dX = dB₁`, `dY = dB₂`, `dZ = X dB₂ − Y dB₁`: the noises do not commute.
/// struct Heisenberg;
/// impl Space for Heisenberg {
///     fn dim(&self) -> usize {
///         3
///     }
/// }
/// impl Sde for Heisenberg {
///     fn noise_dim(&self) -> usize {
///         2
///     }
///     fn drift_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         out.fill(0.0);
///     }
///     fn diffuse_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, w: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         for ((x, w), mut out) in x.rows().into_iter().zip(w.rows()).zip(out.rows_mut()) {
///             (out[0], out[1], out[2]) = (w[0], w[1], x[0] * w[1] - x[1] * w[0]);
///         }
///     }
/// }
/// impl DiffusionJvp for Heisenberg {
///     fn diffusion_jvp_into(&self, _: ArrayView2<f64>, _: ArrayView1<f64>, w: ArrayView2<f64>, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
///         for ((w, v), mut out) in w.rows().into_iter().zip(v.rows()).zip(out.rows_mut()) {
///             (out[0], out[1], out[2]) = (0.0, 0.0, v[0] * w[1] - v[1] * w[0]);
///         }
///     }
/// }
///
/// // The height is twice the area, which the scheme has exactly: one step is as good as many.
/// let path = StoredPath::draw(TimeGrid::uniform(0.0, 1.0, 64)?, (3, 2), Seed::new(1))?.with_levy_areas(8)?;
/// let height = |n| -> gibbsian_core::Result<f64> {
///     let steps = FixedSteps::new(TimeGrid::uniform(0.0, 1.0, n)?);
///     Ok(steps.solve(&LevyMilstein::new(8), &Heisenberg, Array2::zeros((3, 3)), &path)?[[0, 2]])
/// };
/// assert!((height(1)? - height(64)?).abs() < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevyMilstein {
    n_terms: usize,
}

impl LevyMilstein {
    /// The scheme, for which motions that draw areas use `n_terms` terms of their series, of which there may be none; in proportion to `1/√|h|` for strong order 1.
    pub fn new(n_terms: usize) -> Self {
        LevyMilstein { n_terms }
    }

    /// The number of terms.
    pub fn n_terms(&self) -> usize {
        self.n_terms
    }
}

impl<E: DiffusionJvp + ?Sized> Solver<E> for LevyMilstein {
    type Memory = Working;

    fn noise_dim(&self, equation: &E) -> usize {
        equation.noise_dim()
    }

    fn check(&self, equation: &E, grid: &TimeGrid) -> Result<()> {
        equation.time_domain().check_grid(grid)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Working,
    ) {
        let (n, motions) = (x.nrows(), equation.noise_dim());
        let (point, motion) = (x.dim(), (n, motions));
        let shapes = [point, point, point, motion, motion, motion, (n, n_pairs(motions))];
        let (
            [
                mut moved,
                mut along,
                mut slope,
                mut w,
                mut integrals,
                mut unit,
                mut levy,
            ],
            t,
        ) = memory.take(shapes, n, step.from);
        let h = step.size();
        noise.increment_and_levy_area_into(step.from, step.to, self.n_terms, w.view_mut(), levy.view_mut());
        equation.drift_into(x.view(), t, moved.view_mut());
        moved *= h;
        equation.diffuse_into(x.view(), t, w.view(), along.view_mut());
        moved += &along;
        for k in 0..motions {
            for ((mut integrals, w), levy) in integrals.rows_mut().into_iter().zip(w.rows()).zip(levy.rows())
            {
                integrals_into(k, h.abs(), w, levy, |j, i| integrals[j] = i);
            }
            unit.fill(0.0);
            unit.column_mut(k).fill(1.0);
            equation.diffuse_into(x.view(), t, integrals.view(), along.view_mut());
            equation.diffusion_jvp_into(x.view(), t, unit.view(), along.view(), slope.view_mut());
            moved += &slope;
        }
        x += &moved;
    }
}

/// Hands `I_jk` of one row to `put` for all `j`, from the increments `w` and the areas of the pairs `j < k` in the order (0, 1), (0, 2), …, (1, 2), ….
fn integrals_into(
    k: usize,
    length: f64,
    w: ArrayView1<f64>,
    levy: ArrayView1<f64>,
    mut put: impl FnMut(usize, f64),
) {
    let motions = w.len();
    // The first pair (j, ·) has the number j (2M − j − 1)/2.
    let pair = |j: usize, k: usize| levy[j * (2 * motions - j - 1) / 2 + k - j - 1];
    for j in 0..motions {
        let area = match j.cmp(&k) {
            std::cmp::Ordering::Less => pair(j, k),
            std::cmp::Ordering::Equal => -0.5 * length,
            std::cmp::Ordering::Greater => -pair(k, j),
        };
        put(j, 0.5 * w[j] * w[k] + area);
    }
}
