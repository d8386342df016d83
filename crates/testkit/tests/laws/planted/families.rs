//! Bugs in exponential families.
//!
//! The log-normal carries them: everything about it has a closed form in elementary functions, its support is a half-line and its base measure
//! `h(x) = 1/x` varies.

use gibbsian_core::error::{check_each, check_finite, check_shape};
use gibbsian_core::{
    ContinuousFamily, Density, Energy, Error, ExponentialFamily, Potential, Result, Score, Seed, Space,
};
use gibbsian_testkit::conformance;
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3, array, s,
};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    StatisticsOfNeighbour,
    BaseConstant,
    BaseSupport,
    NaturalSign,
    MeanFactor,
    LogPartitionTerm,
    FisherEntry,
    FisherAsymmetric,
    WithNatural,
    WithMean,
    WithNaturalUnchecked,
    WithMeanUnchecked,
    EntropyConstant,
    DivergenceReversed,
    DivergenceOfItself,
    DrawsNarrow,
    FitUnbiased,
    FitIgnoresWeights,
    FitUnchecked,
    JacobianFactor,
    SecondSign,
    BaseGradientMissing,
    ScoreWithoutBase,
}

/// The law of `exp(μ + σ z)`, `T = (ln x, ln² x)`, with a bug.
#[derive(Clone)]
struct LogNormal {
    mean: f64,
    variance: f64,
    bug: Bug,
}

fn planted(bug: Bug) -> LogNormal {
    LogNormal {
        mean: 0.4,
        variance: 0.3,
        bug,
    }
}

fn probes() -> Array2<f64> {
    array![[0.7], [1.9], [2.6]]
}

impl LogNormal {
    fn has(&self, bug: Bug) -> bool {
        self.bug == bug
    }
}

impl Space for LogNormal {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for LogNormal {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, &x) in out.iter_mut().zip(x.column(0)) {
            *e = if x <= 0.0 {
                f64::INFINITY
            } else {
                (x.ln() - self.mean).powi(2) / (2.0 * self.variance) + x.ln()
            };
        }
    }
}

impl Density for LogNormal {
    fn log_z(&self) -> f64 {
        0.5 * (2.0 * std::f64::consts::PI * self.variance).ln()
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let narrow = if self.has(Bug::DrawsNarrow) { 0.95 } else { 1.0 };
        let deviation = narrow * self.variance.sqrt();
        Array2::from_shape_simple_fn((n, 1), || {
            (self.mean + deviation * rng.sample::<f64, _>(StandardNormal)).exp()
        })
    }
}

impl Score for LogNormal {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let base = if self.has(Bug::ScoreWithoutBase) { 0.0 } else { 1.0 };
        out.assign(&x.mapv(|x| -((x.ln() - self.mean) / self.variance + base) / x));
    }
}

impl Potential for LogNormal {}

impl ExponentialFamily for LogNormal {
    fn n_statistics(&self) -> usize {
        2
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (b, &x) in x.column(0).iter().enumerate() {
            out[[b, 0]] = x.ln();
            out[[b, 1]] = x.ln().powi(2);
        }
        if self.has(Bug::StatisticsOfNeighbour) && x.nrows() > 1 {
            out[[0, 0]] = x[[1, 0]].ln();
        }
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let constant = if self.has(Bug::BaseConstant) { 1e-8 } else { 0.0 };
        let outside = if self.has(Bug::BaseSupport) {
            0.0
        } else {
            f64::NEG_INFINITY
        };
        out.assign(
            &x.column(0)
                .mapv(|x| if x <= 0.0 { outside } else { constant - x.ln() }),
        );
    }

    fn natural_parameters(&self) -> Array1<f64> {
        let sign = if self.has(Bug::NaturalSign) { -1.0 } else { 1.0 };
        array![self.mean / self.variance, -0.5 * sign / self.variance]
    }

    fn mean_parameters(&self) -> Array1<f64> {
        let factor = if self.has(Bug::MeanFactor) {
            1.0 + 1e-7
        } else {
            1.0
        };
        array![self.mean, factor * (self.mean.powi(2) + self.variance)]
    }

    fn log_partition(&self) -> f64 {
        let factor = if self.has(Bug::LogPartitionTerm) { 1.0 } else { 0.5 };
        factor * self.mean.powi(2) / self.variance + self.log_z()
    }

    fn fisher_information(&self) -> Array2<f64> {
        let (mean, variance) = (self.mean, self.variance);
        let cross = 2.0 * mean * variance;
        let mut fisher = array![
            [variance, cross],
            [cross, 4.0 * mean.powi(2) * variance + 2.0 * variance.powi(2)]
        ];
        match self.bug {
            Bug::FisherEntry => fisher[[1, 1]] *= 1.0 + 1e-7,
            Bug::FisherAsymmetric => fisher[[0, 1]] *= 1.0 + 1e-7,
            _ => {}
        }
        fisher
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        if !self.has(Bug::WithNaturalUnchecked) {
            check_shape("natural", &natural, &[2])?;
            check_finite("natural", &natural)?;
        }
        let sign = if self.has(Bug::NaturalSign) { -1.0 } else { 1.0 };
        let variance = -0.5 * sign / natural.get(1).unwrap_or(&-1.0);
        let mean = natural.first().unwrap_or(&0.0) * variance;
        let scale = if self.has(Bug::WithNatural) {
            1.0 + 1e-9
        } else {
            1.0
        };
        let valid = variance.is_finite() && variance > 0.0;
        if !valid && !self.has(Bug::WithNaturalUnchecked) {
            return Err(Error::parameter("natural[1]", natural[1], "less than zero"));
        }
        Ok(LogNormal {
            mean,
            variance: scale * variance,
            bug: self.bug,
        })
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        if !self.has(Bug::WithMeanUnchecked) {
            check_shape("mean", &mean, &[2])?;
            check_finite("mean", &mean)?;
        }
        let factor = if self.has(Bug::MeanFactor) {
            1.0 + 1e-7
        } else {
            1.0
        };
        let first = *mean.first().unwrap_or(&0.0);
        let variance = mean.get(1).unwrap_or(&1.0) / factor - first.powi(2);
        if !self.has(Bug::WithMeanUnchecked) && variance <= 0.0 {
            return Err(Error::parameter(
                "mean[1]",
                mean[1],
                "greater than the square of mean[0]",
            ));
        }
        let scale = if self.has(Bug::WithMean) { 1.0 + 1e-9 } else { 1.0 };
        Ok(LogNormal {
            mean: first,
            variance: scale * variance,
            bug: self.bug,
        })
    }

    fn entropy(&self) -> f64 {
        let constant = if self.has(Bug::EntropyConstant) { 0.0 } else { 0.5 };
        self.mean + self.log_z() + constant
    }

    fn kl_divergence(&self, other: &Self) -> f64 {
        let (p, q) = if self.has(Bug::DivergenceReversed) {
            (other, self)
        } else {
            (self, other)
        };
        let ratio = p.variance / q.variance;
        let constant = if self.has(Bug::DivergenceOfItself) && self.mean == other.mean {
            1e-9
        } else {
            0.0
        };
        0.5 * (ratio - 1.0 - ratio.ln() + (p.mean - q.mean).powi(2) / q.variance) + constant
    }

    fn fit_weighted(&self, x: ArrayView2<f64>, weights: ArrayView1<f64>) -> Result<Self> {
        if !self.has(Bug::FitUnchecked) {
            gibbsian_core::error::check_batch("x", &x, 1)?;
            check_finite("x", &x)?;
            check_each("x", x, "greater than zero", |x| x > 0.0)?;
        }
        check_shape("weights", &weights, &[x.nrows()])?;
        check_each("weights", weights, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        gibbsian_core::error::check_positive("the sum of weights", weights.sum())?;
        let weights = if self.has(Bug::FitIgnoresWeights) {
            Array1::ones(x.nrows())
        } else {
            weights.to_owned()
        };
        let statistics = self.statistics(x);
        let moments = weights.dot(&statistics) / weights.sum();
        if self.has(Bug::FitUnchecked) && moments.iter().any(|m| !m.is_finite()) {
            return Ok(self.clone());
        }
        let mut estimate = self.with_mean(moments.view())?;
        if self.has(Bug::FitUnbiased) {
            estimate.variance *= 1.0 + 1.0 / (weights.sum() - 1.0);
        }
        Ok(estimate)
    }
}

impl ContinuousFamily for LogNormal {
    fn statistics_jacobian_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        let factor = if self.has(Bug::JacobianFactor) { 1.0 } else { 2.0 };
        out.slice_mut(s![.., 0, ..]).assign(&x.mapv(|x| 1.0 / x));
        out.slice_mut(s![.., 1, ..])
            .assign(&x.mapv(|x| factor * x.ln() / x));
    }

    fn statistics_second_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut3<f64>) {
        let sign = if self.has(Bug::SecondSign) { 1.0 } else { -1.0 };
        out.slice_mut(s![.., 0, ..])
            .assign(&x.mapv(|x| sign * x.powi(-2)));
        out.slice_mut(s![.., 1, ..])
            .assign(&x.mapv(|x| 2.0 * (1.0 - x.ln()) * x.powi(-2)));
    }

    fn log_base_gradient_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let factor = if self.has(Bug::BaseGradientMissing) {
            0.0
        } else {
            -1.0
        };
        out.assign(&x.mapv(|x| factor / x));
    }
}

#[test]
fn the_sound_family_passes() {
    let member = planted(Bug::None);
    conformance::exponential_family(&member, probes().view(), DOUBLE, Seed::new(1)).unwrap();
    conformance::continuous_family(&member, probes().view(), DOUBLE).unwrap();
}

#[test]
fn bugs_in_exponential_families_are_reported() {
    for (bug, reason) in [
        (
            Bug::StatisticsOfNeighbour,
            "a row alone has the value it has in a batch",
        ),
        (Bug::BaseConstant, "log p = ⟨η, T⟩ + log h − A"),
        (Bug::BaseSupport, "log p is −∞ exactly where log h is"),
        (Bug::NaturalSign, "log p = ⟨η, T⟩ + log h − A"),
        (
            Bug::MeanFactor,
            "the mean parameters are the gradient of the log-partition",
        ),
        (Bug::LogPartitionTerm, "log p = ⟨η, T⟩ + log h − A"),
        (
            Bug::FisherEntry,
            "the Fisher information is the Hessian of the log-partition",
        ),
        (Bug::FisherAsymmetric, "the Fisher information is symmetric"),
        (Bug::WithNatural, "with_natural undoes natural_parameters"),
        (Bug::WithMean, "with_mean undoes mean_parameters"),
        (
            Bug::WithNaturalUnchecked,
            "a member that is given has the natural parameters that were asked for",
        ),
        (Bug::WithMeanUnchecked, "mean parameters was taken"),
        (Bug::EntropyConstant, "the entropy is A − ⟨η, ∇A⟩ − E log h"),
        (
            Bug::DivergenceReversed,
            "the divergence is the Bregman divergence of the log-partition",
        ),
        (
            Bug::DivergenceOfItself,
            "the divergence of a member from itself is zero",
        ),
        (Bug::DrawsNarrow, "draws have the covariance of the statistics"),
        (
            Bug::FitUnbiased,
            "the estimate has the mean statistics of the data",
        ),
        (Bug::FitIgnoresWeights, "a weight counts as that many repetitions"),
        (Bug::FitUnchecked, "was taken"),
    ] {
        let verdict = conformance::exponential_family(&planted(bug), probes().view(), DOUBLE, Seed::new(1));
        caught(verdict.map_err(|f| f.within(format_args!("{bug:?}"))), reason);
    }
}

#[test]
fn bugs_in_continuous_families_are_reported() {
    for (bug, reason) in [
        (
            Bug::JacobianFactor,
            "the Jacobian of the statistics is their derivative",
        ),
        (
            Bug::SecondSign,
            "the second derivatives of the statistics are derivatives of the first",
        ),
        (
            Bug::BaseGradientMissing,
            "the gradient of the base measure is its derivative",
        ),
        (Bug::ScoreWithoutBase, "the score is Σ η ∇T + ∇log h"),
    ] {
        let verdict = conformance::continuous_family(&planted(bug), probes().view(), DOUBLE);
        caught(verdict.map_err(|f| f.within(format_args!("{bug:?}"))), reason);
    }
}
