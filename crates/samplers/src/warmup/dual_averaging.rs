//! Step sizes by dual averaging (Nesterov 2009; Hoffman and Gelman 2014, section 3.2).
//!
//! The step size is to be such that the mean acceptance probability is `δ`. After `m` steps with errors `δ − α_i` it is set by
//!
//! `H̄_m = (1 − 1/(m + t₀)) H̄_{m−1} + (δ − α_m)/(m + t₀)`,  `log ε_{m+1} = μ − (√m/γ) H̄_m`,
//!
//! and what is kept in the end is the average `log ε̄_m = m^{−κ} log ε_{m+1} + (1 − m^{−κ}) log ε̄_{m−1}`, which forgets the
//! beginning. With many chains `α` is their mean, which hardly fluctuates; the constants are still those that everybody uses,
//! `γ = 0.05`, `t₀ = 10`, `κ = 0.75` and `μ = log 10 ε₀`, which favours steps that are too long, since these cost less to try.

use gibbsian_core::error::check_within;
use gibbsian_core::{Record, Result, Snapshot, Values};

use crate::step_size::check_step_size;

const GAMMA: f64 = 0.05;
const T_0: f64 = 10.0;
const KAPPA: f64 = 0.75;

/// A step size that learns from acceptance probabilities.
///
/// ```
/// use gibbsian_samplers::DualAveraging;
/// // A kernel whose acceptance falls with its step size as e^−ε.
/// let mut step_size = DualAveraging::new(1.0, 0.8)?;
/// for _ in 0..1000 {
///     step_size.learn((-step_size.current()).exp());
/// }
/// assert!((step_size.average() + 0.8_f64.ln()).abs() < 0.01);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DualAveraging {
    target: f64,
    /// `m`.
    count: f64,
    mu: f64,
    /// `H̄_m`.
    error: f64,
    /// `log ε_{m+1}`.
    log_step: f64,
    /// `log ε̄_m`.
    log_average: f64,
}

impl DualAveraging {
    /// From the step size `ε₀` towards the acceptance probability `δ`.
    ///
    /// # Errors
    /// A step size that is not positive and finite, or a probability outside `[0, 1]`.
    pub fn new(step_size: f64, target: f64) -> Result<Self> {
        check_step_size(step_size)?;
        check_within("target", target, 0.0, 1.0)?;
        Ok(DualAveraging {
            target,
            count: 0.0,
            mu: (10.0 * step_size).ln(),
            error: 0.0,
            log_step: step_size.ln(),
            log_average: step_size.ln(),
        })
    }

    /// Takes the mean acceptance probability of a step with the current step size; NaN counts as zero.
    pub fn learn(&mut self, acceptance: f64) {
        let alpha = if acceptance.is_nan() {
            0.0
        } else {
            acceptance.min(1.0)
        };
        self.count += 1.0;
        let eta = 1.0 / (self.count + T_0);
        self.error += eta * ((self.target - alpha) - self.error);
        // A target that accepts nothing, or everything, must not lead out of the positive numbers.
        self.log_step = (self.mu - self.count.sqrt() / GAMMA * self.error).clamp(-700.0, 700.0);
        let weight = self.count.powf(-KAPPA);
        self.log_average += weight * (self.log_step - self.log_average);
    }

    /// The step size to try next.
    pub fn current(&self) -> f64 {
        self.log_step.exp()
    }

    /// The step size to keep; that of the start, before anything was learnt.
    pub fn average(&self) -> f64 {
        self.log_average.exp()
    }
}

impl Snapshot for DualAveraging {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let numbers = vec![
            self.target,
            self.count,
            self.mu,
            self.error,
            self.log_step,
            self.log_average,
        ];
        record.put("step_size", &[numbers.len()], Values::F64(numbers));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let numbers = record.f64s("step_size", &[6])?;
        *self = DualAveraging {
            target: numbers[0],
            count: numbers[1],
            mu: numbers[2],
            error: numbers[3],
            log_step: numbers[4],
            log_average: numbers[5],
        };
        Ok(())
    }
}
