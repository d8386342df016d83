//! Absolute tolerances that differ from coordinate to coordinate.
//!
//! One absolute tolerance says of all coordinates below which size they do not matter. Where they have units of their own, positions and velocities, concentrations, a
//! tolerance that is small enough for the smallest is wasted on the largest, and one for the largest leaves the smallest to chance: its errors are all allowed. Here `atol` is
//! a vector, and an error of coordinate `i` is measured in `atol_i + rtol · max(|x_i|, |x'_i|)`. Nothing else of the solver changes; with equal entries it gives the same
//! bits as with the number.
//!
//! The relative tolerance stays one number: it has no units. The same division is made by the solvers of ordinary equations of Hairer and Wanner (1996) and of SciPy.

use gibbsian_core::Space;
use gibbsian_core::error::{Result, check_each, check_shape};
use ndarray::{Array1, Array2, Array3, ArrayView1};

use crate::adaptive::{AdaptiveRungeKutta, Event, Solution};
use crate::adaptive_sde::{AdaptiveSdeRun, AdaptiveSdeSteps, Embedded};
use crate::brownian::BrownianTree;
use crate::equation::Ode;
use crate::grid::TimeGrid;

/// A solver with an absolute tolerance for each coordinate, in place of its one: made by [`AdaptiveRungeKutta::with_absolute_tolerances`] and
/// [`AdaptiveSdeSteps::with_absolute_tolerances`].
///
/// ```
/// use gibbsian_core::Space;
/// use gibbsian_sde::{AdaptiveRungeKutta, Ode};
/// use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, array};
///
/// /// A large coordinate at rest, and a small one that decays.
/// struct Scales;
/// impl Space for Scales {
///     fn dim(&self) -> usize {
///         2
///     }
/// }
/// impl Ode for Scales {
///     fn velocity_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
///         for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
///             (out[0], out[1]) = (0.0, -x[1]);
///         }
///     }
/// }
///
/// let solver = AdaptiveRungeKutta::with_tolerance(1e-8).with_absolute_tolerances(array![1e-2, 1e-20])?;
/// let x = solver.solve(&Scales, array![[1e6, 1e-9]], 0.0, 3.0)?.points;
/// assert!((x[[0, 1]] / (1e-9 * (-3.0_f64).exp()) - 1.0).abs() < 1e-6);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PerCoordinate<S> {
    solver: S,
    absolute_tolerances: Array1<f64>,
}

impl<S> PerCoordinate<S> {
    /// The solver, whose own absolute tolerance is not used.
    pub fn solver(&self) -> &S {
        &self.solver
    }

    /// `atol` `(D)`.
    pub fn absolute_tolerances(&self) -> ArrayView1<'_, f64> {
        self.absolute_tolerances.view()
    }

    /// Requires one for each coordinate.
    fn check_dim(&self, equation: &(impl Space + ?Sized)) -> Result<ArrayView1<'_, f64>> {
        check_shape(
            "absolute_tolerances",
            &self.absolute_tolerances,
            &[equation.dim()],
        )
        .map_err(|e| e.with_cure("give one for each coordinate of a point"))?;
        Ok(self.absolute_tolerances.view())
    }
}

impl AdaptiveRungeKutta {
    /// The same solver with an absolute tolerance for each coordinate `(D)`.
    ///
    /// # Errors
    /// A tolerance that is not positive and finite. That there are as many as coordinates is asked when the solver meets its equation.
    pub fn with_absolute_tolerances(
        self,
        absolute_tolerances: Array1<f64>,
    ) -> Result<PerCoordinate<AdaptiveRungeKutta>> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        check_each(
            "absolute_tolerances",
            absolute_tolerances.view(),
            "finite and greater than zero",
            positive,
        )
        .map_err(|e| e.with_cure("begin with 1e-5 of the size of the coordinate"))?;
        Ok(PerCoordinate {
            solver: self,
            absolute_tolerances,
        })
    }
}

impl PerCoordinate<AdaptiveRungeKutta> {
    /// As [`AdaptiveRungeKutta::solve`].
    ///
    /// # Errors
    /// Those of that method; tolerances of another number than coordinates.
    pub fn solve<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        from: f64,
        to: f64,
    ) -> Result<Solution> {
        self.solve_with_events(equation, x, from, to, &[])
    }

    /// As [`AdaptiveRungeKutta::solve_with_events`].
    ///
    /// # Errors
    /// Those of [`PerCoordinate::solve`].
    pub fn solve_with_events<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        from: f64,
        to: f64,
        events: &[Event],
    ) -> Result<Solution> {
        let absolute = Some(self.check_dim(equation)?);
        self.solver
            .solve_within(absolute, equation, x, (from, to), events)
    }

    /// As [`AdaptiveRungeKutta::solve_at`].
    ///
    /// # Errors
    /// Those of [`PerCoordinate::solve`].
    pub fn solve_at<E: Ode + ?Sized>(
        &self,
        equation: &E,
        x: Array2<f64>,
        grid: &TimeGrid,
        events: &[Event],
    ) -> Result<(Array3<f64>, Solution)> {
        let absolute = Some(self.check_dim(equation)?);
        self.solver.solve_at_within(absolute, equation, x, grid, events)
    }
}

impl AdaptiveSdeSteps {
    /// The same steps with an absolute tolerance for each coordinate `(D)`.
    ///
    /// # Errors
    /// A tolerance that is negative or not finite, or zero where the relative tolerance is zero. That there are as many as coordinates is asked
    /// when the steps meet their equation.
    pub fn with_absolute_tolerances(
        self,
        absolute_tolerances: Array1<f64>,
    ) -> Result<PerCoordinate<AdaptiveSdeSteps>> {
        check_each(
            "absolute_tolerances",
            absolute_tolerances.view(),
            "finite and at least zero",
            |v| v.is_finite() && v >= 0.0,
        )?;
        if self.relative_tolerance == 0.0 {
            check_each(
                "absolute_tolerances",
                absolute_tolerances.view(),
                "positive where `relative_tolerance` is zero",
                |v| v > 0.0,
            )?;
        }
        Ok(PerCoordinate {
            solver: self,
            absolute_tolerances,
        })
    }
}

impl PerCoordinate<AdaptiveSdeSteps> {
    /// As [`AdaptiveSdeSteps::solve`].
    ///
    /// # Errors
    /// Those of that method; tolerances of another number than coordinates.
    pub fn solve<E, V>(
        &self,
        solver: &V,
        equation: &E,
        x: Array2<f64>,
        tree: &BrownianTree,
    ) -> Result<AdaptiveSdeRun>
    where
        E: Space + ?Sized,
        V: Embedded<E>,
    {
        let absolute = Some(self.check_dim(equation)?);
        self.solver.solve_within(absolute, solver, equation, x, tree)
    }
}
