//! Grids of times that solvers step along, forwards or backwards.

use gibbsian_core::LinearGaussian;
use gibbsian_core::error::{Error, Result, check_count, check_finite, check_positive, check_within};
use ndarray::{Array1, ArrayView1};

/// Strictly monotone times `t_0, …, t_n`, increasing or decreasing.
///
/// ```
/// use gibbsian_sde::TimeGrid;
/// let grid = TimeGrid::uniform(1.0, 0.0, 4)?;
/// assert_eq!(grid.times().to_vec(), [1.0, 0.75, 0.5, 0.25, 0.0]);
/// assert!(TimeGrid::new(ndarray::array![1.0, 0.5, 0.5]).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TimeGrid(Array1<f64>);

impl TimeGrid {
    /// These times.
    ///
    /// # Errors
    /// Fewer than two times, times that are not finite, or that do not go on in one direction.
    pub fn new(times: Array1<f64>) -> Result<Self> {
        if times.len() < 2 {
            return Err(Error::shape("times", times.shape(), "(at least 2)"));
        }
        check_finite("times", &times)?;
        let falls = times[1] < times[0];
        for (i, pair) in times.windows(2).into_iter().enumerate() {
            if pair[0] == pair[1] || (pair[1] < pair[0]) != falls {
                let direction = if falls { "less" } else { "greater" };
                return Err(Error::parameter(
                    format!("times[{}]", i + 1),
                    pair[1],
                    format!(
                        "{direction} than the time before, {}; sort the times and drop those that occur twice",
                        pair[0]
                    ),
                ));
            }
        }
        Ok(TimeGrid(times))
    }

    /// `n_steps` equal steps.
    ///
    /// # Errors
    /// Ends that are not finite or not different; no steps.
    pub fn uniform(from: f64, to: f64, n_steps: usize) -> Result<Self> {
        TimeGrid::mapped(n_steps, |u| (1.0 - u) * from + u * to)
    }

    /// Steps whose ends are equal steps of `t^{1/ρ}`: `t_i = (from^{1/ρ} + (i/n)(to^{1/ρ} − from^{1/ρ}))^ρ`. With `ρ > 1` they are shorter near zero.
    ///
    /// Karras, Aittala, Aila and Laine (2022), equation 5, have this of `σ` with `ρ = 7`, which is [`TimeGrid::karras`].
    ///
    /// # Errors
    /// Ends that are negative, not finite or not different; an exponent that is not positive; no steps.
    pub fn power(from: f64, to: f64, exponent: f64, n_steps: usize) -> Result<Self> {
        check_positive("exponent", exponent)?;
        for (name, end) in [("from", from), ("to", to)] {
            check_within(name, end, 0.0, f64::MAX)?;
        }
        let (a, b) = (from.powf(1.0 / exponent), to.powf(1.0 / exponent));
        let inner = TimeGrid::mapped(n_steps, |u| ((1.0 - u) * a + u * b).powf(exponent))?;
        Ok(inner.between(from, to))
    }

    /// Backwards steps of a process between two noise-to-signal ratios `ς = σ/α`, equal in `ς^{1/ρ}` (Karras et al. 2022, equation 5).
    ///
    /// # Errors
    /// Ratios that are not positive, not decreasing, or more than the process reaches; no steps.
    pub fn karras<P: LinearGaussian + ?Sized>(
        process: &P,
        ratio_max: f64,
        ratio_min: f64,
        exponent: f64,
        n_steps: usize,
    ) -> Result<Self> {
        check_positive("ratio_min", ratio_min)?;
        check_falls(["ratio_max", "ratio_min"], [ratio_max, ratio_min])?;
        let ratios = TimeGrid::power(ratio_max, ratio_min, exponent, n_steps)?;
        ratios.in_clock_of(process, |ratio| -2.0 * ratio.ln())
    }

    /// Backwards steps of a process between two times, equal in the logarithm `λ_t` of the signal-to-noise ratio (Lu et al. 2022, section 3.3).
    ///
    /// # Errors
    /// Times outside `(0, T]`, or not decreasing; no steps.
    pub fn uniform_in_log_snr<P: LinearGaussian + ?Sized>(
        process: &P,
        from: f64,
        to: f64,
        n_steps: usize,
    ) -> Result<Self> {
        check_positive("to", to)?;
        check_within("from", from, 0.0, process.horizon())?;
        check_falls(["from", "to"], [from, to])?;
        let levels = TimeGrid::uniform(process.log_snr(from), process.log_snr(to), n_steps)?;
        Ok(levels.in_clock_of(process, |log_snr| log_snr)?.between(from, to))
    }

    /// The times `T − t` of these, in their order.
    ///
    /// # Errors
    /// Times that the difference no longer tells apart.
    pub fn in_own_clock(&self, horizon: f64) -> Result<Self> {
        TimeGrid::new(self.0.mapv(|t| horizon - t))
    }

    /// The same grid with one more time at its end.
    ///
    /// # Errors
    /// A time that does not go on in the same direction.
    pub fn then(self, last: f64) -> Result<Self> {
        TimeGrid::new(self.0.into_iter().chain([last]).collect())
    }

    /// The times.
    pub fn times(&self) -> ArrayView1<'_, f64> {
        self.0.view()
    }

    /// The number of steps, at least one.
    pub fn n_steps(&self) -> usize {
        self.0.len() - 1
    }

    /// Where the grid starts.
    pub fn first(&self) -> f64 {
        self.0[0]
    }

    /// Where the grid ends.
    pub fn last(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    fn mapped(n_steps: usize, time: impl Fn(f64) -> f64) -> Result<Self> {
        check_count("n_steps", n_steps).map_err(|e| e.with_cure("20 to 1000 steps are usual"))?;
        TimeGrid::new((0..=n_steps).map(|i| time(i as f64 / n_steps as f64)).collect())
    }

    fn in_clock_of<P: LinearGaussian + ?Sized>(
        &self,
        process: &P,
        log_snr: impl Fn(f64) -> f64,
    ) -> Result<Self> {
        let times: Result<Array1<f64>> = self
            .0
            .iter()
            .map(|&level| process.time_at_log_snr(log_snr(level)))
            .collect();
        TimeGrid::new(times?)
    }

    /// The ends are what was asked for, not what rounding made of them.
    fn between(mut self, from: f64, to: f64) -> Self {
        let last = self.n_steps();
        (self.0[0], self.0[last]) = (from, to);
        self
    }
}

/// Requires the second of two numbers to be less than the first.
fn check_falls(names: [&'static str; 2], ends: [f64; 2]) -> Result<()> {
    if ends[1] < ends[0] {
        return Ok(());
    }
    Err(Error::parameter(
        names[1],
        ends[1],
        format!(
            "less than {}, {}: the way is from noise to data; exchange the two",
            names[0], ends[0]
        ),
    ))
}
