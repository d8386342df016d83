//! A layer of binary units.
//!
//! `e(x) = −b·x` on `{0, 1}`, so `Γ(I) = Σ_i log(1 + exp(I_i + b_i))` and `⟨x_i⟩ = 1/(1 + exp(−I_i − b_i))`.

use gibbsian_core::{FiniteUnits, Layout, Parametric, ParametricMut, Result, Streams, Units, parallel};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::RngExt;

/// `N` independent units with values zero and one.
#[derive(Clone, Debug)]
pub struct BernoulliLayer {
    bias: Array1<f64>,
}

impl BernoulliLayer {
    /// The layer with these biases `(N)`.
    ///
    /// # Errors
    /// A bias that is not finite.
    pub fn new(bias: Array1<f64>) -> Result<Self> {
        gibbsian_core::error::check_finite("bias", &bias)?;
        Ok(BernoulliLayer { bias })
    }
}

impl Parametric for BernoulliLayer {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", &[self.bias.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.bias.clone()
    }
}

impl ParametricMut for BernoulliLayer {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.bias.assign(&params);
        Ok(())
    }
}

impl Units for BernoulliLayer {
    fn n_units(&self) -> usize {
        self.bias.len()
    }

    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=1.0).contains(&value)
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&-x.dot(&self.bias));
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (out, field) in out.iter_mut().zip(field.rows()) {
            *out = field
                .iter()
                .zip(&self.bias)
                .map(|(i, b)| log_one_plus_exp(i + b))
                .sum();
        }
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&(&field + &self.bias).mapv(logistic));
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, out: ArrayViewMut2<f64>) {
        parallel::for_each_block(out, |block, mut out| {
            let mut rng = streams.block(block);
            let rows = parallel::block_rows(block, field.nrows());
            for (mut out, field) in out
                .rows_mut()
                .into_iter()
                .zip(field.rows().into_iter().skip(rows.start))
            {
                for ((x, i), b) in out.iter_mut().zip(field).zip(&self.bias) {
                    *x = f64::from(rng.random::<f64>() < logistic(i + b));
                }
            }
        });
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, mut grad: ArrayViewMut1<f64>) {
        grad -= &w.dot(&x);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        grad += &w.dot(&self.mean(field));
    }
}

impl FiniteUnits for BernoulliLayer {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

/// `1 / (1 + exp(−a))`; without overflow, and accurate in both tails.
pub(crate) fn logistic(a: f64) -> f64 {
    if a >= 0.0 {
        1.0 / (1.0 + (-a).exp())
    } else {
        a.exp() / (1.0 + a.exp())
    }
}

/// `log(1 + exp(a))`.
pub(crate) fn log_one_plus_exp(a: f64) -> f64 {
    if a.is_nan() {
        a
    } else {
        a.max(0.0) + (-a.abs()).exp().ln_1p()
    }
}
