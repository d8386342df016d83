//! Bernoulli units: `x ∈ {0, 1}`, `e(x) = −b·x`, `Γ(I) = Σ_i log(1 + exp(b_i + I_i))`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_finite, check_positive, check_probabilities};
use gibbsian_core::math::{logit, sigmoid, softplus};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{FiniteUnits, Layout, Parametric, ParametricMut, Result, SmoothUnits, Streams, Units};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::RngExt;

/// A layer of units that are 0 or 1, with one bias each (Smolensky 1986).
///
/// The law in a field `I` is `p(x_i = 1) = σ(b_i + I_i)`. Values in `[0, 1]` count as data: the energy is linear in `x`, and
/// a mean stands for the distribution that it is the mean of.
#[derive(Clone, Debug, PartialEq)]
pub struct Bernoulli {
    bias: Array1<f64>,
}

impl Bernoulli {
    /// The layer with these biases.
    ///
    /// # Errors
    /// A bias that is not finite.
    pub fn new(bias: Array1<f64>) -> Result<Self> {
        check_finite("bias", &bias)?;
        Ok(Bernoulli { bias })
    }

    /// `n` units with bias zero.
    pub fn unbiased(n: usize) -> Self {
        Bernoulli {
            bias: Array1::zeros(n),
        }
    }

    /// The independent units whose means match data of which `n` cases have these `means`, with `pseudo_count` cases of each
    /// value added, so that a pixel that is never on has a large but finite bias.
    ///
    /// This is the base-rate model of Salakhutdinov and Murray (2008, section 4).
    ///
    /// # Errors
    /// A mean outside `[0, 1]`, or a pseudo-count that is not positive.
    pub fn matching_means(means: ArrayView1<f64>, n: usize, pseudo_count: f64) -> Result<Self> {
        check_probabilities("means", &means)?;
        check_positive("pseudo_count", pseudo_count)?;
        let n = n as f64;
        Ok(Bernoulli {
            bias: means.mapv(|m| logit((n * m + pseudo_count) / (n + 2.0 * pseudo_count))),
        })
    }

    /// The biases `b`.
    pub fn bias(&self) -> ArrayView1<'_, f64> {
        self.bias.view()
    }
}

impl Parametric for Bernoulli {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", &[self.bias.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.bias.clone()
    }
}

impl ParametricMut for Bernoulli {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.bias.assign(&params);
        Ok(())
    }
}

impl Units for Bernoulli {
    fn n_units(&self) -> usize {
        self.bias.len()
    }

    fn admits(&self, _unit: usize, value: f64) -> bool {
        (0.0..=1.0).contains(&value)
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), x, &out);
        Zip::from(x.rows())
            .and(&mut out)
            .for_each(|x, e| *e = -x.dot(&self.bias));
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.n_units(), field, &out);
        Zip::from(field.rows()).and(&mut out).for_each(|field, gamma| {
            *gamma = field.iter().zip(&self.bias).map(|(i, b)| softplus(i + b)).sum();
        });
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        Zip::from(&mut out)
            .and(&field)
            .and_broadcast(&self.bias)
            .for_each(|m, i, b| *m = sigmoid(i + b));
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        self.mean_into(field, out.view_mut());
        for_each_block(out, |block, mut rows| {
            let mut rng = streams.block(block);
            rows.mapv_inplace(|mean| f64::from(rng.random::<f64>() < mean));
        });
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, mut grad: ArrayViewMut1<f64>) {
        for (x, w) in x.rows().into_iter().zip(&w) {
            grad.scaled_add(-w, &x);
        }
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        for (mean, w) in self.mean(field).rows().into_iter().zip(&w) {
            grad.scaled_add(*w, &mean);
        }
    }
}

impl FiniteUnits for Bernoulli {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl SmoothUnits for Bernoulli {
    fn energy_gradient_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&-&self.bias);
    }
}
