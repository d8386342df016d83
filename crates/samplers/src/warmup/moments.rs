//! Means and covariances of points that are seen once.
//!
//! Welford's update (1962) adds a point without cancellation, and sums over parts are joined exactly (Chan, Golub and LeVeque 1983), so that each block
//! of chains keeps its own and they are added in the order of the blocks.

use gibbsian_core::error::check_count;
use gibbsian_core::{Record, Result, Snapshot, Values};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::metric::Metric;

/// Which part of the covariance is learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricForm {
    /// The variances of the coordinates.
    #[default]
    Diagonal,
    /// All of it.
    Dense,
}

/// The number of points seen, their mean, and the sum of the products of deviations from it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningMoments {
    n: f64,
    mean: Array1<f64>,
    /// `Σ (x − x̄)(x − x̄)ᵀ`, `(D, D)`, or its diagonal, `(1, D)`.
    scatter: Array2<f64>,
}

impl RunningMoments {
    /// Of no points yet in `D` dimensions.
    ///
    /// # Errors
    /// No dimensions.
    pub fn new(dim: usize, form: MetricForm) -> Result<Self> {
        check_count("dim", dim)?;
        let rows = match form {
            MetricForm::Diagonal => 1,
            MetricForm::Dense => dim,
        };
        Ok(RunningMoments {
            n: 0.0,
            mean: Array1::zeros(dim),
            scatter: Array2::zeros((rows, dim)),
        })
    }

    /// The number of points.
    pub fn n(&self) -> f64 {
        self.n
    }

    /// Adds the rows of `x` `(B, D)`.
    pub fn add(&mut self, x: ArrayView2<f64>) {
        for x in x.rows() {
            self.n += 1.0;
            let before = &x - &self.mean;
            self.mean.scaled_add(1.0 / self.n, &before);
            let after = &x - &self.mean;
            self.add_products(&before, &after, 1.0);
        }
    }

    /// Adds the points of another part.
    pub fn join(&mut self, other: &RunningMoments) {
        if other.n == 0.0 {
            return;
        }
        let n = self.n + other.n;
        let apart = &other.mean - &self.mean;
        self.mean.scaled_add(other.n / n, &apart);
        self.scatter += &other.scatter;
        self.add_products(&apart, &apart, self.n * other.n / n);
        self.n = n;
    }

    /// Forgets all points.
    pub fn clear(&mut self) {
        self.n = 0.0;
        self.mean.fill(0.0);
        self.scatter.fill(0.0);
    }

    /// The metric of the covariance, drawn towards a small multiple of the identity while there are few points: `n/(n + 5) Σ̂ + 10⁻³ · 5/(n + 5) I`, as in Stan.
    ///
    /// # Errors
    /// Fewer than two points, or a covariance that is not finite.
    pub fn metric(&self) -> Result<Metric> {
        check_count(
            "the number of points less one",
            (self.n as usize).saturating_sub(1),
        )?;
        let shrunk = &self.scatter * (self.n / (self.n + 5.0) / (self.n - 1.0));
        let floor = 1e-3 * 5.0 / (self.n + 5.0);
        if self.scatter.nrows() == self.mean.len() && self.mean.len() > 1 {
            Metric::dense((shrunk + floor * &Array2::eye(self.mean.len())).view())
        } else {
            Metric::diagonal(shrunk.index_axis_move(Axis(0), 0) + floor)
        }
    }

    /// The number of coordinates.
    pub(super) fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The number of points, their mean and their scatter.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> {
        let head = std::iter::once(&self.n).chain(&self.mean);
        head.chain(&self.scatter).copied()
    }

    /// Puts back what [`RunningMoments::numbers`] gave.
    pub(super) fn set_numbers(&mut self, numbers: &[f64]) {
        let places = std::iter::once(&mut self.n).chain(&mut self.mean);
        for (place, number) in places.chain(&mut self.scatter).zip(numbers) {
            *place = *number;
        }
    }

    fn add_products(&mut self, left: &Array1<f64>, right: &Array1<f64>, factor: f64) {
        if self.scatter.nrows() == 1 {
            let mut diagonal = self.scatter.row_mut(0);
            for ((sum, l), r) in diagonal.iter_mut().zip(left).zip(right) {
                *sum += factor * l * r;
            }
        } else {
            // The rank-one matrix is symmetric: `left` and `right` are parallel. Rounding must not make it otherwise.
            for i in 0..left.len() {
                for j in 0..=i {
                    let product = factor * left[i] * right[j];
                    self.scatter[[i, j]] += product;
                    if i != j {
                        self.scatter[[j, i]] += product;
                    }
                }
            }
        }
    }
}

/// The numbers, one after the other.
impl Snapshot for RunningMoments {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let numbers: Vec<f64> = self.numbers().collect();
        record.put("moments", &[numbers.len()], Values::F64(numbers));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let length = self.numbers().count();
        self.set_numbers(record.f64s("moments", &[length])?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use gibbsian_testkit::conformance;
    use ndarray::{array, s};
    use rand::RngExt;

    fn points() -> Array2<f64> {
        let mut rng = Seed::new(1).rng();
        // Far from zero, where the textbook form loses its digits.
        Array2::from_shape_simple_fn((300, 3), || 1e8 + rng.random::<f64>())
    }

    #[test]
    fn moments_are_those_of_all_points_however_they_are_divided() {
        let x = points();
        let mean = x.mean_axis(Axis(0)).unwrap();
        let centred = &x - &mean;
        let covariance = centred.t().dot(&centred) / 299.0;
        for form in [MetricForm::Diagonal, MetricForm::Dense] {
            let mut whole = RunningMoments::new(3, form).unwrap();
            for part in [0..1, 1..40, 40..40, 40..300] {
                let mut moments = RunningMoments::new(3, form).unwrap();
                moments.add(x.slice(s![part, ..]));
                whole.join(&moments);
            }
            let expected: Array2<f64> = (300.0 * &covariance + 5e-3 * &Array2::eye(3)) / 305.0;
            let mut found = Array2::eye(3);
            let metric = whole.metric().unwrap();
            metric.apply_transposed(found.view_mut());
            metric.apply(found.view_mut());
            let expected = match form {
                MetricForm::Dense => expected,
                MetricForm::Diagonal => Array2::from_diag(&expected.diag()),
            };
            // The points are spaced by 1.5e-8, a relative 5e-8 of their deviations; sums of 300 such roundings.
            assert!(
                (&found - &expected).iter().all(|d| d.abs() < 1e-8),
                "{found} {expected}"
            );
            assert_eq!(whole.n(), 300.0);
        }
    }

    #[test]
    fn moments_are_saved_and_few_points_refused() {
        let mut moments = RunningMoments::new(2, MetricForm::Dense).unwrap();
        moments.add(array![[1.0, 2.0]].view());
        assert!(moments.metric().is_err());
        moments.add(array![[2.0, 2.0]].view());
        assert!(moments.metric().is_ok());
        conformance::snapshot(&moments, &mut RunningMoments::new(2, MetricForm::Dense).unwrap()).unwrap();
        moments.add(array![[f64::INFINITY, 0.0]].view());
        assert!(moments.metric().is_err());
        moments.clear();
        assert_eq!(moments, RunningMoments::new(2, MetricForm::Dense).unwrap());
        assert!(RunningMoments::new(0, MetricForm::Dense).is_err());
    }
}
