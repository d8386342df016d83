//! Inpainting by replacement: known coordinates are overwritten by what they would be at that noise level.
//!
//! After each step of any solver, known coordinates become `α_t y + σ_t z` (Song et al. 2021, appendix I.2). The rest moves as in a
//! reverse process without conditions, and hears of the observation only through the score's dependence on the overwritten coordinates.
//! **It is not the conditional law**, not even in the limit of short steps: the noisy known coordinates are drawn from `p_t(x_known | y)`
//! anew each time, while those of a conditioned path hang together with their past and with the unknown ones (Trippe, Yim, Tischer,
//! Baker, Broderick, Barzilay and Jaakkola 2023). It is exact where known and unknown coordinates are independent.
//! [`RePaint`](super::RePaint) repeats each step to mend it in part.

use gibbsian_core::error::{Result, check_finite, check_shape};
use gibbsian_core::{LinearGaussian, TimeScore};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};

use super::observation::{check_coordinates, check_distinct};
use crate::brownian::BrownianBlock;
use crate::grid::TimeGrid;
use crate::reverse::ReverseSde;
use crate::schemes::check_backwards;
use crate::solver::{Solver, Step, check_one_step};

/// What is known exactly of a point, in some orthogonal basis: [`KnownCoordinates`], or [`KnownGrey`](super::KnownGrey) of a picture.
pub trait Known: Sync {
    /// The number `K` of coordinates that are known.
    fn n_values(&self) -> usize;

    /// Requires points of dimension `dim` to have such coordinates.
    ///
    /// # Errors
    /// Names what does not fit.
    fn check_dim(&self, dim: usize) -> Result<()>;

    /// Overwrites the known coordinates of every row of `x` `(B, D)` by `alpha` times their values plus `sigma` times the row of `z` `(B, K)`,
    /// and leaves what is orthogonal to them as it is.
    fn overwrite(&self, alpha: f64, sigma: f64, z: ArrayView2<f64>, x: ArrayViewMut2<f64>);
}

/// Coordinates whose values are known exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCoordinates {
    indices: Vec<usize>,
    values: Array1<f64>,
}

impl KnownCoordinates {
    /// The coordinates `indices`, and their values in the same order.
    ///
    /// # Errors
    /// No coordinates, one that comes twice, values of another number or not finite. That there are so many coordinates is asked when a
    /// solver meets its equation.
    pub fn new(indices: Vec<usize>, values: Array1<f64>) -> Result<Self> {
        check_distinct(&indices)?;
        check_shape("values", &values, &[indices.len()])?;
        check_finite("values", &values)?;
        Ok(KnownCoordinates { indices, values })
    }

    /// Their numbers.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Their values.
    pub fn values(&self) -> ArrayView1<'_, f64> {
        self.values.view()
    }
}

impl Known for KnownCoordinates {
    fn n_values(&self) -> usize {
        self.indices.len()
    }

    fn check_dim(&self, dim: usize) -> Result<()> {
        check_coordinates(&self.indices, dim)
    }

    fn overwrite(&self, alpha: f64, sigma: f64, z: ArrayView2<f64>, mut x: ArrayViewMut2<f64>) {
        for ((&i, y), z) in self.indices.iter().zip(&self.values).zip(z.columns()) {
            x.column_mut(i)
                .zip_mut_with(&z, |x, z| *x = alpha * y + sigma * z);
        }
    }
}

/// A solver of the reverse process that overwrites known coordinates at the start and after every step.
///
/// The solver must be of one step, and another is refused: what a scheme of several remembers of overwritten points is no longer true of them.
///
/// Source: Song et al. (2021), appendix I.2.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement<V, K = KnownCoordinates> {
    solver: V,
    known: K,
}

impl<V, K: Known> Replacement<V, K> {
    /// The steps of `solver`, with `known` coordinates.
    pub fn new(solver: V, known: K) -> Self {
        Replacement { solver, known }
    }

    /// Overwrites the known coordinates of every row by `α_t y + σ_t z`; `z` is room for `(B, K)` numbers.
    fn replace(
        &self,
        process: &impl LinearGaussian,
        t: f64,
        x: &mut ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        z: &mut Array2<f64>,
    ) {
        let shape = (x.nrows(), self.known.n_values());
        if z.dim() != shape {
            *z = Array2::zeros(shape);
        }
        noise.independent_into(z.view_mut());
        self.known
            .overwrite(process.alpha(t), process.sigma(t), z.view(), x.view_mut());
    }

    /// A step of the solver and the known coordinates at its end.
    pub(super) fn advance<P, M>(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        x: &mut ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut ReplacementMemory<V::Memory>,
    ) where
        P: LinearGaussian,
        M: TimeScore,
        V: Solver<ReverseSde<P, M>>,
    {
        self.solver
            .step(equation, step, x.view_mut(), noise, &mut memory.inner);
        self.replace(equation.process(), step.to, x, noise, &mut memory.z);
    }
}

/// The memory of the solver within, and room for noise.
#[derive(Clone, Debug, Default)]
pub struct ReplacementMemory<W> {
    pub(super) inner: W,
    /// For the known coordinates.
    pub(super) z: Array2<f64>,
    /// For all.
    pub(super) forth: Array2<f64>,
}

impl<P, M, V, K> Solver<ReverseSde<P, M>> for Replacement<V, K>
where
    P: LinearGaussian,
    M: TimeScore,
    V: Solver<ReverseSde<P, M>>,
    K: Known,
{
    type Memory = ReplacementMemory<V::Memory>;

    fn noise_dim(&self, equation: &ReverseSde<P, M>) -> usize {
        self.solver.noise_dim(equation)
    }

    fn draws_beside(&self) -> bool {
        true
    }

    fn is_multistep(&self) -> bool {
        self.solver.is_multistep()
    }

    /// # Errors
    /// A solver of several steps; a grid that does not go backwards within the process; coordinates that there are not; what the solver within refuses.
    fn check(&self, equation: &ReverseSde<P, M>, grid: &TimeGrid) -> Result<()> {
        check_one_step("solver", &self.solver)?;
        check_backwards(equation.process(), grid)?;
        self.known.check_dim(equation.model().dim())?;
        self.solver.check(equation, grid)
    }

    fn step(
        &self,
        equation: &ReverseSde<P, M>,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut Self::Memory,
    ) {
        if step.index == 0 {
            self.replace(equation.process(), step.from, &mut x, noise, &mut memory.z);
        }
        self.advance(equation, step, &mut x, noise, memory);
    }
}
