//! The law of a single unit of a layer, read off from the law of the layer.

use gibbsian_core::Units;
use ndarray::{Array1, Array2, ArrayView1, s};

use crate::quadrature::Support;
use crate::stats::{Test, chi_square, kolmogorov_smirnov};

/// The law of one unit, on its alphabet or on quadrature nodes.
pub(super) struct UnitLaw {
    values: Vec<f64>,
    weights: Array1<f64>,
    /// `p_i(value) / p_i(x_i)` for each value.
    ratios: Array1<f64>,
    finite: bool,
}

impl UnitLaw {
    /// The law of unit `i` in `field`, seen from the state `x`: on the alphabet, or on quadrature nodes of the
    /// given step where there is none.
    pub(super) fn new<U: Units>(
        layer: &U,
        alphabets: Option<&[&[f64]]>,
        field: ArrayView1<f64>,
        x: ArrayView1<f64>,
        i: usize,
        step: f64,
    ) -> Self {
        let (values, weights) = match alphabets {
            Some(alphabets) => (alphabets[i].to_vec(), vec![1.0; alphabets[i].len()]),
            None => Support::of(|v| layer.admits(i, v)).rule(step),
        };
        let n = values.len();
        let fields = Array2::from_shape_fn((n + 1, field.len()), |(_, j)| field[j]);
        let mut points = Array2::from_shape_fn((n + 1, field.len()), |(_, j)| x[j]);
        for (k, &v) in values.iter().enumerate() {
            points[[k, i]] = v;
        }
        let log_law = layer.log_law(fields.view(), points.view());
        // Far out I·x − e(x) may be ∞ − ∞; there the density vanishes.
        let ratios = log_law
            .slice(s![..n])
            .mapv(|l| if l.is_nan() { 0.0 } else { (l - log_law[n]).exp() });
        UnitLaw {
            values,
            weights: Array1::from_vec(weights),
            ratios,
            finite: alphabets.is_some(),
        }
    }

    /// `R_i`, the sum or integral of the ratios.
    pub(super) fn total_ratio(&self) -> f64 {
        self.ratios.dot(&self.weights)
    }

    /// The probabilities of all values up to each node.
    fn cumulative(&self) -> Vec<f64> {
        let mut sum = 0.0;
        let total = self.total_ratio();
        let rise = |(r, w): (&f64, &f64)| {
            // The mass of a node lies half on either side.
            sum += r * w / total;
            sum - 0.5 * r * w / total
        };
        self.ratios.iter().zip(&self.weights).map(rise).collect()
    }

    fn cdf(&self, cumulative: &[f64], x: f64) -> f64 {
        let k = self.values.partition_point(|v| *v <= x);
        if k == 0 || k == self.values.len() {
            return if k == 0 { 0.0 } else { 1.0 };
        }
        let t = (x - self.values[k - 1]) / (self.values[k] - self.values[k - 1]);
        cumulative[k - 1] + t * (cumulative[k] - cumulative[k - 1])
    }

    /// The cells of a sample: symbols, or four quarters of a continuous law.
    fn cells(&self, sample: &[f64]) -> (Vec<usize>, Vec<f64>) {
        if self.finite {
            let total = self.ratios.sum();
            let cell = |x: &f64| self.values.iter().position(|v| v == x).unwrap_or(usize::MAX);
            return (
                sample.iter().map(cell).collect(),
                self.ratios.iter().map(|r| r / total).collect(),
            );
        }
        let cumulative = self.cumulative();
        let cell = |x: &f64| ((4.0 * self.cdf(&cumulative, *x)) as usize).min(3);
        (sample.iter().map(cell).collect(), vec![0.25; 4])
    }

    /// Tests draws of the unit.
    pub(super) fn test(&self, name: &str, sample: &[f64]) -> Test {
        if !self.finite {
            let cumulative = self.cumulative();
            return kolmogorov_smirnov(name, sample, |x| self.cdf(&cumulative, x));
        }
        self.test_pairs(name, sample, &UnitLaw::sure(), &vec![0.0; sample.len()])
    }

    /// Tests that pairs of draws are draws of two independent units.
    pub(super) fn test_pairs(
        &self,
        name: &str,
        sample: &[f64],
        other: &UnitLaw,
        other_sample: &[f64],
    ) -> Test {
        let (first, p) = self.cells(sample);
        let (second, q) = other.cells(other_sample);
        // The last cell, of probability zero, takes what lies outside the alphabet.
        let mut counts = vec![0; p.len() * q.len() + 1];
        let outside = counts.len() - 1;
        for (a, b) in first.into_iter().zip(second) {
            counts[if a < p.len() && b < q.len() {
                a * q.len() + b
            } else {
                outside
            }] += 1;
        }
        let mut joint: Vec<f64> = p.iter().flat_map(|p| q.iter().map(move |q| p * q)).collect();
        joint.push(0.0);
        chi_square(name, &counts, &joint)
    }

    /// A unit that is always zero.
    fn sure() -> Self {
        UnitLaw {
            values: vec![0.0],
            weights: Array1::ones(1),
            ratios: Array1::ones(1),
            finite: true,
        }
    }
}
