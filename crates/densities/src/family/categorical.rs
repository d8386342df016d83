//! One trial with K outcomes.

use gibbsian_core::error::{Error, check_each, check_finite, check_shape};
use gibbsian_core::{Discrete, DiscreteEnergy, ExponentialFamily, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rand::{Rng, RngExt};

use super::numeric::{deviance_between, two_sum};
use crate::univariate::{Univariate, map_rows, univariate_density};

/// The categorical distribution: the index `x = i` of one of `K` outcomes with probability `pᵢ`.
///
/// The energy is `−log pᵢ` and `log Z = 0`. As a member of an exponential family it has the `K − 1` indicators `T = (1[x=0], …, 1[x=K−2])`
/// and `ηᵢ = log pᵢ/p₍K₋₁₎`: an indicator of the last outcome would be an affine function of the others.
///
/// ```
/// use gibbsian_core::{Density, ExponentialFamily};
/// use gibbsian_densities::Categorical;
/// use ndarray::array;
///
/// let die = Categorical::new(array![0.5, 0.25, 0.25])?;
/// assert_eq!(die.log_density(array![[0.0], [3.0]].view()), array![0.5_f64.ln(), f64::NEG_INFINITY]);
/// assert_eq!(die.mean_parameters(), array![0.5, 0.25]);
/// assert_eq!(Categorical::from_logits(array![1000.0, 1000.0])?.probabilities(), array![0.5, 0.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Categorical {
    probabilities: Array1<f64>,
    log_probabilities: Array1<f64>,
    indices: Vec<f64>,
}

impl Categorical {
    /// The distribution of these probabilities `(K)`.
    ///
    /// # Errors
    /// No entries, an entry that is not greater than zero, or a sum that differs from one by more than rounding, `2Kε`; an outcome
    /// that never happens has no finite natural parameter and is left out.
    pub fn new(probabilities: Array1<f64>) -> Result<Self> {
        check_some("probabilities", &probabilities)?;
        check_each("probabilities", probabilities.view(), "in (0, 1]", |p| {
            p > 0.0 && p <= 1.0
        })?;
        let sum = probabilities.sum();
        if (sum - 1.0).abs() > 2.0 * probabilities.len() as f64 * f64::EPSILON {
            return Err(Error::parameter(
                "the sum of probabilities",
                sum,
                "one; divide the probabilities by their sum, or give logits to from_logits",
            ));
        }
        let log_probabilities = probabilities.mapv(f64::ln);
        Ok(Self::assemble(probabilities, log_probabilities))
    }

    /// The distribution with `pᵢ = exp(lᵢ) / Σⱼ exp(lⱼ)` for logits `l` `(K)`, which any constant may be added to.
    ///
    /// # Errors
    /// No entries, an entry that is not finite, or logits so far apart that an outcome has no positive probability among
    /// the doubles.
    pub fn from_logits(logits: Array1<f64>) -> Result<Self> {
        check_some("logits", &logits)?;
        check_finite("logits", &logits)?;
        let log_probabilities = log_softmax(&logits);
        let probabilities = log_probabilities.mapv(f64::exp);
        match probabilities.iter().position(|p| *p == 0.0) {
            None => Ok(Self::assemble(probabilities, log_probabilities)),
            Some(i) => Err(Error::parameter(
                format!("logits[{i}]"),
                logits[i],
                "within 745 of the logarithm of the sum of exponentials",
            )),
        }
    }

    fn assemble(probabilities: Array1<f64>, log_probabilities: Array1<f64>) -> Self {
        Categorical {
            indices: (0..probabilities.len()).map(|i| i as f64).collect(),
            probabilities,
            log_probabilities,
        }
    }

    /// The number of outcomes `K`.
    pub fn n_outcomes(&self) -> usize {
        self.probabilities.len()
    }

    /// The probabilities `(K)`.
    pub fn probabilities(&self) -> ArrayView1<'_, f64> {
        self.probabilities.view()
    }

    /// The log-probabilities `(K)`.
    pub fn log_probabilities(&self) -> ArrayView1<'_, f64> {
        self.log_probabilities.view()
    }

    /// The outcome that `x` names, if it is one.
    fn outcome(&self, x: f64) -> Option<usize> {
        (super::is_count(x) && x < self.n_outcomes() as f64).then_some(x as usize)
    }
}

fn check_some(name: &'static str, values: &Array1<f64>) -> Result<()> {
    if values.is_empty() {
        return Err(Error::shape(name, values.shape(), "[at least 1]"));
    }
    Ok(())
}

/// `lᵢ − log Σⱼ exp(lⱼ)`.
fn log_softmax(logits: &Array1<f64>) -> Array1<f64> {
    // The sum is taken relative to the largest logit, whose own log-probability is then −log(1 + the rest), accurate also where the
    // rest is 10⁻²⁰⁰. A difference of logits is known with its rounding error, which the exponential would magnify.
    let first = (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
    let differences: Vec<(f64, f64)> = logits.iter().map(|l| two_sum(*l, -logits[first])).collect();
    let (mut rest, mut lost) = (0.0, 0.0);
    for (i, (d, e)) in differences.iter().enumerate() {
        if i != first {
            let (sum, error) = two_sum(rest, d.exp() * (1.0 + e));
            (rest, lost) = (sum, lost + error);
        }
    }
    let log_sum = (rest + lost).ln_1p();
    differences.iter().map(|(d, e)| d + (e - log_sum)).collect()
}

impl Univariate for Categorical {
    fn energy_at(&self, x: f64) -> f64 {
        -self.log_density_at(x)
    }

    fn log_normaliser(&self) -> f64 {
        0.0
    }

    fn log_density_at(&self, x: f64) -> f64 {
        match self.outcome(x) {
            Some(i) => self.log_probabilities[i],
            None if x.is_nan() => x,
            None => f64::NEG_INFINITY,
        }
    }

    /// The first outcome whose cumulated probability exceeds a uniform number; with rounding, the last.
    fn draw(&self, rng: &mut dyn Rng) -> f64 {
        let mut rest: f64 = rng.random();
        for (i, p) in self.probabilities.iter().enumerate() {
            rest -= p;
            if rest < 0.0 {
                return i as f64;
            }
        }
        (self.n_outcomes() - 1) as f64
    }
}

univariate_density!(Categorical);

impl Discrete for Categorical {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &self.indices
    }
}

impl DiscreteEnergy for Categorical {}

impl ExponentialFamily for Categorical {
    fn n_statistics(&self) -> usize {
        self.n_outcomes() - 1
    }

    fn statistics_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == 1 && out.dim() == (x.nrows(), self.n_statistics()),
            "x has shape {:?} and out has shape {:?}, but the statistics need (B, 1) and (B, {})",
            x.shape(),
            out.shape(),
            self.n_statistics(),
        );
        for (mut out, &x) in out.rows_mut().into_iter().zip(x.column(0)) {
            out.fill(if x.is_nan() { x } else { 0.0 });
            if let Some(indicator) = self.outcome(x).and_then(|i| out.get_mut(i)) {
                *indicator = 1.0;
            }
        }
    }

    fn log_base_measure_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        map_rows(x, out, |x| match self.outcome(x) {
            Some(_) => 0.0,
            None if x.is_nan() => x,
            None => f64::NEG_INFINITY,
        });
    }

    fn natural_parameters(&self) -> Array1<f64> {
        self.log_probabilities
            .slice(s![..-1])
            .mapv(|l| l + self.log_partition())
    }

    fn mean_parameters(&self) -> Array1<f64> {
        self.probabilities.slice(s![..-1]).to_owned()
    }

    /// `log(1 + Σ exp ηᵢ) = −log p₍K₋₁₎`.
    fn log_partition(&self) -> f64 {
        -self.log_probabilities[self.n_outcomes() - 1]
    }

    /// `diag(p) − p pᵀ` of all outcomes but the last, on the diagonal as `pᵢ Σ_{j≠i} pⱼ`: `1 − pᵢ` has no digits where `pᵢ` rounds to one.
    fn fisher_information(&self) -> Array2<f64> {
        let p = &self.probabilities;
        let others = |i: usize| (0..p.len()).filter(|j| *j != i).map(|j| p[j]).sum::<f64>();
        Array2::from_shape_fn((p.len() - 1, p.len() - 1), |(i, j)| {
            p[i] * if i == j { others(i) } else { -p[j] }
        })
    }

    fn with_natural(&self, natural: ArrayView1<f64>) -> Result<Self> {
        check_shape("natural", &natural, &[self.n_statistics()])?;
        check_finite("natural", &natural)?;
        let mut logits = Array1::zeros(self.n_outcomes());
        logits.slice_mut(s![..-1]).assign(&natural);
        Categorical::from_logits(logits)
    }

    fn with_mean(&self, mean: ArrayView1<f64>) -> Result<Self> {
        check_shape("mean", &mean, &[self.n_statistics()])?;
        check_each("mean", mean, "in (0, 1)", |p| p > 0.0 && p < 1.0)?;
        let last = 1.0 - mean.sum();
        if last <= 0.0 {
            return Err(Error::parameter("the sum of mean", mean.sum(), "less than one"));
        }
        let mut probabilities = Array1::from_elem(self.n_outcomes(), last);
        probabilities.slice_mut(s![..-1]).assign(&mean);
        Categorical::new(probabilities)
    }

    /// `−Σ pᵢ log pᵢ`.
    fn entropy(&self) -> f64 {
        -self.probabilities.dot(&self.log_probabilities)
    }

    /// `Σ D(pᵢ, p'ᵢ)` with the deviance `D`, whose extra terms `p'ᵢ − pᵢ` add up to nothing: no term is negative.
    ///
    /// # Panics
    /// When the other has another number of outcomes.
    fn kl_divergence(&self, other: &Self) -> f64 {
        assert_eq!(
            self.n_outcomes(),
            other.n_outcomes(),
            "divergence of two numbers of outcomes"
        );
        self.probabilities
            .iter()
            .zip(&other.probabilities)
            .map(|(&p, &q)| deviance_between(p, q, q - p))
            .sum()
    }
}
