//! Steps for sampling that stops early.

use gibbsian_core::error::{Result, check_positive};

use crate::grid::TimeGrid;

impl TimeGrid {
    /// Steps that are equal above time one and shrink in proportion to the time below it: equal steps of `∫ dt / min(1, t)`.
    ///
    /// Scores of data without a density of their own grow like `1/t` or faster near `t = 0`, and steps must not be longer than the time that is left: `h_k ≤ κ min(1, t_{k+1})` with a
    /// `κ` that is the same for all steps, up to `e^κ − 1` for `κ` (Chen, Lee and Lu 2023; Benton, De Bortoli, Doucet and Deligiannidis 2024).
    ///
    /// ```
    /// use gibbsian_sde::TimeGrid;
    /// let grid = TimeGrid::exponentially_decaying(2.0, (-3.0_f64).exp(), 4)?;
    /// let expected = [2.0, 1.0, (-1.0_f64).exp(), (-2.0_f64).exp(), (-3.0_f64).exp()];
    /// assert!(grid.times().iter().zip(expected).all(|(t, e)| (t - e).abs() < 1e-15));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Ends that are not finite, positive and different; no steps.
    pub fn exponentially_decaying(from: f64, to: f64, n_steps: usize) -> Result<Self> {
        check_positive("from", from)?;
        check_positive("to", to)?;
        let clock = |t: f64| if t >= 1.0 { t - 1.0 } else { t.ln() };
        let time = |u: f64| if u >= 0.0 { u + 1.0 } else { u.exp() };
        let mut times = TimeGrid::uniform(clock(from), clock(to), n_steps)?
            .times()
            .mapv(time);
        // The ends are what was asked for, not what rounding made of them.
        (times[0], times[n_steps]) = (from, to);
        TimeGrid::new(times)
    }
}
