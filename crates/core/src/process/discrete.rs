//! The table of a discrete chain, and the process that runs through it.

use ndarray::{Array1, ArrayView1};

use super::{Clock, Schedule};
use crate::error::{Error, Result, check_each, check_within};

/// A chain `X_i = √(1 − β_i) X_{i−1} + √β_i z_i`, `i = 1, …, N`, and the clock that shows `−log ᾱ_i` at the times `i/N`, with `ᾱ_i = Π_{j ≤ i} (1 − β_j)`.
///
/// [`Schedule::discrete`] is the variance-preserving process on this clock: at the times `i/N` it has the moments of the chain, and its transitions between
/// them are the chain's. In between the clock is the cubic through the table that is monotone and whose rate is continuous: slopes at the table's points are harmonic means of those of the
/// chords beside them, which are never more than three times either (Fritsch and Carlson 1980; Fritsch and Butland 1984).
///
/// Source: Ho, Jain and Abbeel (2020), equations 2 and 4.
///
/// ```
/// use gibbsian_core::process::{DiscreteSchedule, LinearGaussian, Schedule};
///
/// let table = DiscreteSchedule::linear(1e-4, 0.02, 1000)?;
/// let process = Schedule::new(table.clone());
/// assert!((process.alpha(0.4).powi(2) - table.alpha_bar(400)).abs() < 1e-15);
/// let step = process.transition(0.399, 0.4);
/// assert!((step.variance - table.betas()[399]).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DiscreteSchedule {
    betas: Array1<f64>,
    /// `−log(1 − β_i)`, the growth of the clock over one cell.
    growths: Array1<f64>,
    /// `−log ᾱ_i`, `i = 0, …, N`.
    shown: Array1<f64>,
    /// The slopes of the clock at its points, a cell being the unit of time.
    slopes: Array1<f64>,
}

impl DiscreteSchedule {
    /// The chain with these `β_1, …, β_N`.
    ///
    /// # Errors
    /// An empty table, or entries outside `(0, 1)`.
    pub fn new(betas: Array1<f64>) -> Result<Self> {
        if betas.is_empty() {
            return Err(Error::shape("betas", betas.shape(), "(at least 1)"));
        }
        check_each("betas", betas.view(), "between 0 and 1, both excluded", |beta| {
            beta > 0.0 && beta < 1.0
        })?;
        let growths = betas.mapv(|beta| -(-beta).ln_1p());
        // Compensated, so that the error does not grow with the number of steps (Kahan).
        let (mut sum, mut lost) = (0.0, 0.0);
        let shown = std::iter::once(0.0)
            .chain(growths.iter().map(|growth| {
                let term = growth - lost;
                let next = sum + term;
                lost = (next - sum) - term;
                sum = next;
                sum
            }))
            .collect();
        Ok(DiscreteSchedule {
            slopes: slopes(growths.view()),
            betas,
            growths,
            shown,
        })
    }

    /// `β_i` that rise evenly from `first` to `last` in `n_steps` steps, as in Ho, Jain and Abbeel (2020, section 4), who have `1e-4`, `0.02` and 1,000.
    ///
    /// # Errors
    /// Ends outside `(0, 1)`, or fewer than two steps.
    pub fn linear(first: f64, last: f64, n_steps: usize) -> Result<Self> {
        for (name, beta) in [("first", first), ("last", last)] {
            check_within(name, beta, f64::MIN_POSITIVE, 1.0_f64.next_down())?;
        }
        if n_steps < 2 {
            return Err(Error::parameter("n_steps", n_steps, "at least 2"));
        }
        let end = (n_steps - 1) as f64;
        DiscreteSchedule::new(
            (0..n_steps)
                .map(|i| first + (last - first) * (i as f64 / end))
                .collect(),
        )
    }

    /// The number `N` of steps.
    pub fn n_steps(&self) -> usize {
        self.betas.len()
    }

    /// `β_1, …, β_N`.
    pub fn betas(&self) -> ArrayView1<'_, f64> {
        self.betas.view()
    }

    /// `ᾱ_i`, the squared scale of the mean after `i` steps.
    ///
    /// # Panics
    /// An `i` above `N`.
    pub fn alpha_bar(&self, i: usize) -> f64 {
        (-self.shown[i]).exp()
    }

    /// The time `i/N` after `i` steps.
    pub fn time(&self, i: usize) -> f64 {
        i as f64 / self.n_steps() as f64
    }

    /// The cell that a time is in, and its place `0 ≤ u < 1` there. Times of the table are found as such, whatever rounding makes of their product with `N`.
    fn place(&self, t: f64) -> (usize, f64) {
        let n = self.n_steps();
        let position = t * n as f64;
        let nearest = position.round();
        let position = if nearest / n as f64 == t {
            nearest
        } else {
            position
        };
        let cell = position.floor().clamp(0.0, n as f64 - 1.0);
        (cell as usize, position - cell)
    }

    /// How much the clock grows in a cell from `u` to `v`, as `v − u` times a quotient of differences.
    fn within(&self, cell: usize, u: f64, v: f64) -> f64 {
        let (first, last, growth) = (self.slopes[cell], self.slopes[cell + 1], self.growths[cell]);
        let (square, cube) = (3.0 * growth - 2.0 * first - last, first + last - 2.0 * growth);
        (v - u) * (first + square * (u + v) + cube * (u * u + u * v + v * v))
    }
}

impl Schedule<DiscreteSchedule> {
    /// The process through the chain with these `β_1, …, β_N`; see [`DiscreteSchedule`].
    ///
    /// # Errors
    /// Those of [`DiscreteSchedule::new`].
    pub fn discrete(betas: Array1<f64>) -> Result<Self> {
        DiscreteSchedule::new(betas).map(Schedule::new)
    }
}

impl Clock for DiscreteSchedule {
    fn horizon(&self) -> f64 {
        1.0
    }

    fn at(&self, t: f64) -> f64 {
        let (cell, u) = self.place(t);
        if u == 1.0 {
            return self.shown[cell + 1];
        }
        self.shown[cell] + self.within(cell, 0.0, u)
    }

    fn rate(&self, t: f64) -> f64 {
        let (cell, u) = self.place(t);
        let (first, last, growth) = (self.slopes[cell], self.slopes[cell + 1], self.growths[cell]);
        let (square, cube) = (3.0 * growth - 2.0 * first - last, first + last - 2.0 * growth);
        self.n_steps() as f64 * (first + u * (2.0 * square + u * 3.0 * cube))
    }

    /// The parts of both cells and the whole ones between, all positive.
    fn elapsed(&self, s: f64, t: f64) -> f64 {
        let ((early, u), (late, v)) = (self.place(s), self.place(t));
        if early == late {
            return self.within(early, u, v);
        }
        let whole: f64 = self.growths.iter().take(late).skip(early + 1).sum();
        self.within(early, u, 1.0) + whole + self.within(late, 0.0, v)
    }
}

/// The slopes at the `N + 1` points of a monotone table of which the growths over cells of length one are given.
fn slopes(growths: ArrayView1<f64>) -> Array1<f64> {
    let n = growths.len();
    if n == 1 {
        return Array1::from_elem(2, growths[0]);
    }
    // At an end the slope of the parabola through three points, kept within what is monotone, and positive.
    let end = |near: f64, far: f64| (1.5 * near - 0.5 * far).clamp(near / 3.0, 3.0 * near);
    Array1::from_shape_fn(n + 1, |i| match i {
        0 => end(growths[0], growths[1]),
        i if i == n => end(growths[n - 1], growths[n - 2]),
        i => 2.0 * growths[i - 1] * growths[i] / (growths[i - 1] + growths[i]),
    })
}
