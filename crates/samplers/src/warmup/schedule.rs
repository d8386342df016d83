//! When what is tuned (Stan's reference manual, "Automatic parameter tuning").
//!
//! At first chains move to where the probability is, and only step sizes are tuned; then the metric is estimated in windows that double in length, each
//! forgetting what was seen before; at the end the step size is settled in the last metric.

use gibbsian_core::Result;
use gibbsian_core::error::check_count;

/// The ends of the windows in which a metric is estimated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    n_steps: u64,
    first: u64,
    ends: Vec<u64>,
}

impl Schedule {
    /// For so many steps: 75, then windows of 25, 50, 100 and so on, then 50; with fewer than 150 steps 15 %, one window, and 10 %. The last
    /// window takes what would be left too short for another one. With fewer than 20 steps there is no window.
    ///
    /// # Errors
    /// No steps.
    ///
    /// ```
    /// use gibbsian_samplers::Schedule;
    /// assert_eq!(Schedule::new(1000)?.window_ends(), [100, 150, 250, 450, 950]);
    /// assert_eq!(Schedule::new(100)?.window_ends(), [90]);
    /// assert!(Schedule::new(10)?.window_ends().is_empty());
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn new(n_steps: usize) -> Result<Self> {
        let n_steps = check_count("n_steps", n_steps)
            .map_err(|e| e.with_cure("150 steps have room for all windows, and 500 to 1000 are usual"))?
            as u64;
        if n_steps < 20 {
            return Ok(Schedule {
                n_steps,
                first: n_steps,
                ends: Vec::new(),
            });
        }
        let (first, last) = if n_steps < 75 + 25 + 50 {
            (n_steps * 15 / 100, n_steps - n_steps / 10)
        } else {
            (75, n_steps - 50)
        };
        let mut length = if n_steps < 75 + 25 + 50 { last - first } else { 25 };
        let mut ends = Vec::new();
        let mut start = first;
        while start < last {
            // A window that leaves no room for one of twice its length takes all.
            let end = if start + 3 * length > last {
                last
            } else {
                start + length
            };
            ends.push(end);
            start = end;
            length *= 2;
        }
        Ok(Schedule { n_steps, first, ends })
    }

    /// The number of steps.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }

    /// How many steps have been made when each window ends.
    pub fn window_ends(&self) -> &[u64] {
        &self.ends
    }

    /// Whether the point after step number `t`, counted from zero, belongs to a window.
    pub fn is_in_window(&self, t: u64) -> bool {
        t >= self.first && self.ends.last().is_some_and(|end| t < *end)
    }

    /// Whether a window ends with step number `t`, counted from zero.
    pub fn ends_with(&self, t: u64) -> bool {
        self.ends.contains(&(t + 1))
    }
}
