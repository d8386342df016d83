//! Categorical units: `N` units of `q` values, each `q` columns of indicators of which one is 1; `e(x) = −b·x`,
//! `Γ(I) = Σ_n log Σ_k exp(b_nk + I_nk)`.
//!
//! The columns of a unit are tied: of the 2^q combinations of zeros and ones `q` are states. They are the visible units of ratings and sequences, where they are
//! known as Potts or softmax units (Salakhutdinov, Mnih and Hinton 2007), and the labels of a class machine (Larochelle and Bengio 2008).

use gibbsian_core::error::{check_batch, check_finite, check_positive};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, FiniteUnits, Result, StreamRng};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::RngExt;

use super::bias_only::{BiasOnly, bias_only_units};

/// A layer of `N` units with `q` values each, as `N q` columns: unit `n` has the columns `nq..(n+1)q`, one of which is 1 and the others 0.
///
/// The law in a field `I` is `p(x_nk = 1) = exp(b_nk + I_nk) / Σ_l exp(b_nl + I_nl)`. Columns of probabilities that sum to one count as data: the energy is linear in `x`, and a
/// mean stands for the distribution that it is the mean of. Everywhere else the energy is +∞. Biases are redundant, since a constant added to those of one unit
/// changes no probability; see [`Rbm::with_zero_sum_visible`](crate::Rbm::with_zero_sum_visible).
///
/// ```
/// use gibbsian_classical::Softmax;
/// use gibbsian_core::{FiniteUnits, Units};
/// use ndarray::array;
///
/// let units = Softmax::new(array![[0.0, 2.0_f64.ln(), 0.0]])?;
/// assert_eq!(units.n_states(), Some(3));
/// let p = units.mean(array![[0.0, 0.0, 0.0]].view());
/// assert!((p - array![[0.25, 0.5, 0.25]]).iter().all(|d| d.abs() < 1e-15));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    bias: Array1<f64>,
    n_values: usize,
}

/// By how much probabilities of one unit may sum to something else than one.
const ROUNDING: f64 = 1e-9;

impl Softmax {
    /// The layer with these biases `(N, q)`.
    ///
    /// # Errors
    /// A bias that is not finite, or fewer than two values a unit.
    pub fn new(bias: Array2<f64>) -> Result<Self> {
        check_finite("bias", &bias)?;
        let mut units = Softmax::unbiased(bias.nrows(), bias.ncols())?;
        units.bias = bias.into_iter().collect();
        Ok(units)
    }

    /// `n` units of `n_values` equally likely values.
    ///
    /// # Errors
    /// Fewer than two values a unit.
    pub fn unbiased(n: usize, n_values: usize) -> Result<Self> {
        if n_values < 2 {
            return Err(Error::parameter("n_values", n_values, "at least 2"));
        }
        Ok(Softmax {
            bias: Array1::zeros(n * n_values),
            n_values,
        })
    }

    /// The independent units whose probabilities match data of which `n` cases have these `means` `(N, q)`, with `pseudo_count` cases of each
    /// value added, so that a value that never occurs has a large but finite bias.
    ///
    /// # Errors
    /// A mean outside `[0, 1]`, means of a unit that do not sum to one, or a pseudo-count that is not positive.
    pub fn matching_means(means: ArrayView2<f64>, n: usize, pseudo_count: f64) -> Result<Self> {
        gibbsian_core::error::check_probabilities("means", &means)?;
        check_positive("pseudo_count", pseudo_count)?;
        if let Some(unit) = means.rows().into_iter().position(|p| !sums_to_one(p)) {
            let sum = means.row(unit).sum();
            return Err(Error::parameter(format!("the sum of means[{unit}]"), sum, "1"));
        }
        let (n, q) = (n as f64, means.ncols() as f64);
        Softmax::new(means.mapv(|m| ((n * m + pseudo_count) / (n + q * pseudo_count)).ln()))
    }

    /// The number of values `q` of a unit.
    pub fn n_values(&self) -> usize {
        self.n_values
    }

    /// The number of categorical units `N`, each of which is `q` columns.
    pub fn n_categorical(&self) -> usize {
        self.bias.len() / self.n_values
    }

    /// The biases `b` `(N, q)`.
    pub fn bias(&self) -> ArrayView2<'_, f64> {
        self.bias
            .view()
            .into_shape_with_order((self.n_categorical(), self.n_values))
            .expect("as many biases as columns")
    }

    /// The rows of indicators `(B, N q)` of labels `(B, N)` in `0..q`.
    ///
    /// # Errors
    /// Another number of labels a row than units, or a label that is not below `q`.
    pub fn one_hot(&self, labels: ArrayView2<usize>) -> Result<Array2<f64>> {
        gibbsian_core::error::check_shape("labels", &labels, &[labels.nrows(), self.n_categorical()])?;
        let mut out = Array2::zeros((labels.nrows(), self.bias.len()));
        for ((b, unit), &label) in labels.indexed_iter() {
            if label >= self.n_values {
                let name = format!("labels[{b}, {unit}]");
                return Err(Error::parameter(name, label, format!("below {}", self.n_values)));
            }
            out[[b, unit * self.n_values + label]] = 1.0;
        }
        Ok(out)
    }
}

fn sums_to_one(p: ArrayView1<f64>) -> bool {
    (p.sum() - 1.0).abs() <= ROUNDING
}

fn is_distribution(p: ArrayView1<f64>) -> bool {
    p.iter().all(|p| *p >= 0.0) && sums_to_one(p)
}

impl BiasOnly for Softmax {
    fn biases(&self) -> &Array1<f64> {
        &self.bias
    }

    fn biases_mut(&mut self) -> &mut Array1<f64> {
        &mut self.bias
    }

    fn base_energy(&self, x: ArrayView1<f64>) -> f64 {
        let mut units = x.axis_chunks_iter(Axis(0), self.n_values);
        if x.iter().any(|x| x.is_nan()) {
            f64::NAN
        } else if units.all(is_distribution) {
            0.0
        } else {
            f64::INFINITY
        }
    }

    fn log_partition_at(&self, t: ArrayView1<f64>) -> f64 {
        let units = t.axis_chunks_iter(Axis(0), self.n_values);
        units.map(|t| log_sum_exp(&t.to_vec())).sum()
    }

    fn mean_at(&self, mut t: ArrayViewMut1<f64>) {
        for mut t in t.axis_chunks_iter_mut(Axis(0), self.n_values) {
            let log_total = log_sum_exp(&t.to_vec());
            t.mapv_inplace(|t| (t - log_total).exp());
        }
    }

    fn draw_at(&self, mut t: ArrayViewMut1<f64>, rng: &mut StreamRng) {
        self.mean_at(t.view_mut());
        for mut p in t.axis_chunks_iter_mut(Axis(0), self.n_values) {
            let mut u: f64 = rng.random();
            // The probabilities sum to one up to rounding; what is left over belongs to the likeliest value, whose probability is certainly not zero.
            let mut chosen = (0..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best });
            for (k, p) in p.iter().enumerate() {
                if u < *p {
                    chosen = k;
                    break;
                }
                u -= p;
            }
            p.fill(0.0);
            p[chosen] = 1.0;
        }
    }

    // Cov(x) d = p ∘ (d − p·d), unit by unit.
    fn response_at(&self, t: ArrayView1<f64>, d: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&t);
        self.mean_at(out.view_mut());
        let units = out.axis_chunks_iter_mut(Axis(0), self.n_values);
        for (mut p, d) in units.zip(d.axis_chunks_iter(Axis(0), self.n_values)) {
            let mean = p.dot(&d);
            p.zip_mut_with(&d, |p, d| *p *= d - mean);
        }
    }

    // The third cumulant with centred a and d: p ∘ (a d − E a d).
    fn response_gradient_at(
        &self,
        t: ArrayView1<f64>,
        a: ArrayView1<f64>,
        d: ArrayView1<f64>,
        mut out: ArrayViewMut1<f64>,
    ) {
        out.assign(&t);
        self.mean_at(out.view_mut());
        for (unit, mut p) in out.axis_chunks_iter_mut(Axis(0), self.n_values).enumerate() {
            let columns = s![unit * self.n_values..(unit + 1) * self.n_values];
            let (a, d) = (a.slice(columns), d.slice(columns));
            let product = (&a - p.dot(&a)) * (&d - p.dot(&d));
            let mean = p.dot(&product);
            p.zip_mut_with(&product, |p, product| *p *= product - mean);
        }
    }
}

bias_only_units!(Softmax, shape: |layer| vec![layer.n_categorical(), layer.n_values], {
    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=1.0).contains(&value)
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.bias.len())?;
        for (b, row) in x.rows().into_iter().enumerate() {
            for (unit, p) in row.axis_chunks_iter(Axis(0), self.n_values).enumerate() {
                if !is_distribution(p) {
                    let first = unit * self.n_values;
                    return Err(Error::parameter(
                        format!("{name}[{b}, {first}..{}]", first + self.n_values),
                        p,
                        "the indicators of one value, or probabilities that sum to one",
                    ));
                }
            }
        }
        Ok(())
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        let mut out = free.to_owned();
        for mut unit in out.axis_chunks_iter_mut(Axis(0), self.n_values) {
            let all = unit.iter().all(|free| *free);
            unit.fill(all);
        }
        out
    }
});

impl FiniteUnits for Softmax {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }

    /// `q^N`.
    fn n_states(&self) -> Option<u64> {
        (self.n_values as u64).checked_pow(u32::try_from(self.n_categorical()).ok()?)
    }

    /// Unit 0 changes fastest, from its first value to its last.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
        let q = self.n_values as u64;
        for (k, mut row) in out.rows_mut().into_iter().enumerate() {
            let mut rest = first + k as u64;
            for unit in 0..self.n_categorical() {
                row[unit * self.n_values + (rest % q) as usize] = 1.0;
                rest /= q;
            }
        }
    }
}

/// The position of the largest entry of every row, the first of equal ones.
pub(crate) fn arg_max(rows: ArrayView2<f64>) -> Array1<usize> {
    rows.rows()
        .into_iter()
        .map(|row| (0..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best }))
        .collect()
}
