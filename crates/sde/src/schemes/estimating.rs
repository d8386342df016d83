//! What a scheme with an error estimate implements, written once.

/// Makes a type with `advance(equation, step, x, noise, memory, difference)` a solver of the equations of a trait, and one whose steps can be adapted; the
/// attribute says what the coarser scheme of the difference is.
macro_rules! estimating {
    ($(#[$coarser:meta])* $scheme:ident, $equation:ident) => {
        impl<E: $equation + ?Sized> $crate::solver::Solver<E> for $scheme {
            type Memory = $crate::schemes::Working;

            fn noise_dim(&self, equation: &E) -> usize {
                equation.noise_dim()
            }

            fn check(
                &self,
                equation: &E,
                grid: &$crate::grid::TimeGrid,
            ) -> gibbsian_core::error::Result<()> {
                equation.time_domain().check_grid(grid)
            }

            fn step(
                &self,
                equation: &E,
                step: &$crate::solver::Step,
                x: ndarray::ArrayViewMut2<f64>,
                noise: &mut dyn $crate::brownian::BrownianBlock,
                memory: &mut $crate::schemes::Working,
            ) {
                $scheme::advance(equation, step, x, noise, memory, None);
            }
        }

        $(#[$coarser])*
        impl<E: $equation + ?Sized> $crate::adaptive_sde::Embedded<E> for $scheme {
            fn step_and_difference(
                &self,
                equation: &E,
                step: &$crate::solver::Step,
                x: ndarray::ArrayViewMut2<f64>,
                noise: &mut dyn $crate::brownian::BrownianBlock,
                memory: &mut $crate::schemes::Working,
                difference: ndarray::ArrayViewMut2<f64>,
            ) {
                $scheme::advance(equation, step, x, noise, memory, Some(difference));
            }
        }
    };
}
pub(super) use estimating;
