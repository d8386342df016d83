//! Kernels that can be tuned while they warm up.
//!
//! A kernel is a plain value, and tuning one means to replace its step size and its metric by better ones. What is better is judged by the same two
//! things for all of them: the mean acceptance probability, for which theory knows the best value, and the covariance of the target.

use crate::metric::Metric;

/// A kernel with a step size and a metric, and an acceptance rate at which it works best.
pub trait Tunable: Clone {
    /// The step size, in the units of the metric.
    fn step_size(&self) -> f64;

    /// The metric.
    fn metric(&self) -> &Metric;

    /// The same kernel with another step size, positive and finite, and another metric, of the target's dimension.
    fn tuned(&self, step_size: f64, metric: Metric) -> Self;

    /// The mean acceptance probability to aim at.
    fn target_acceptance(&self) -> f64;

    /// A cheap kernel of the same step size, for finding a first one: of one step, where this one makes many.
    fn trial(&self) -> Self {
        self.clone()
    }
}
