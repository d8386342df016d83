//! Denoising score matching over a ladder of noise levels (Song and Ermon 2019, equations 5 and 6).
//!
//! One model `s(x, σ)` learns the score of the data at every level `σ_1 > … > σ_L` of noise,
//!
//! `J(θ) = (1/L) Σ_i λ_i ½ E ‖s(x + σ_i z, σ_i) + z/σ_i‖²`.
//!
//! The error of a good score is about `1/σ`, so that `λ_i = σ_i²`, the default, makes all levels count alike; the loss is then `½ E_i E ‖σ_i s + z‖²`, the mean squared error of the predicted noise `−σ_i s`.
//! (The paper and its lectures drop the ½ in places; here it stays.) The level of every row is drawn anew; [`RowUniforms`] says how.

use gibbsian_core::error::{check_each, check_shape};
use gibbsian_core::{NoiseLadder, Objective, Result, Stateless, Streams, TimeScore, TimeScorePullback};
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use crate::noised_rows::NoisedRows;
use crate::phases::Shares;
use crate::row_uniforms::RowUniforms;

/// `mean_b λ_i ½ ‖s(x_b + σ_i z_b, σ_i) + z_b/σ_i‖²`, with a level `i` drawn for every row.
///
/// What the model is told in place of a time is `σ_i`.
///
/// ```
/// use gibbsian_core::{NoiseLadder, Objective, Parametric, Seed};
/// use gibbsian_objectives::{MultiLevelDenoising, RowUniforms};
/// # use gibbsian_testkit::targets::HeatedGaussian;
/// use ndarray::{Array1, Array2, array};
///
/// // `HeatedGaussian` is a normal density at every noise level, by its mean and the logarithm of its deviation.
/// let ladder = NoiseLadder::geometric(10.0, 0.1, 5)?;
/// let mut objective = MultiLevelDenoising::new(ladder).with_rows(RowUniforms::Stratified);
/// let model = HeatedGaussian::new(array![0.0, 0.0], 0.0)?;
/// let mut grad = Array1::zeros(model.n_params());
/// let x = Array2::zeros((20, 2));
/// objective.loss_and_grad_into(&model, x.view(), &mut Seed::new(1).rng(), grad.view_mut())?;
/// // Where noise hides the data, the score says all that is to be known of it.
/// let losses = objective.level_losses(&model, x.view(), &mut Seed::new(2).rng())?;
/// assert!(losses[0] < 0.01 && losses[4] > 0.5);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiLevelDenoising {
    ladder: NoiseLadder,
    /// `λ_i/σ_i²`.
    scales: Array1<f64>,
    rows: RowUniforms,
}

impl MultiLevelDenoising {
    /// The objective with `λ_i = σ_i²` and independent levels.
    pub fn new(ladder: NoiseLadder) -> Self {
        MultiLevelDenoising {
            scales: Array1::ones(ladder.n_levels()),
            ladder,
            rows: RowUniforms::Independent,
        }
    }

    /// The same with weights `λ_i` `(L)`, one a level.
    ///
    /// # Errors
    /// Another number of weights than levels, or one that is negative or not finite.
    pub fn with_weights(mut self, weights: ArrayView1<f64>) -> Result<Self> {
        check_shape("weights", &weights, &[self.ladder.n_levels()])?;
        check_each("weights", weights, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        self.scales = &weights / &self.ladder.levels().mapv(|s| s * s);
        Ok(self)
    }

    /// The same with `λ_i = weight(σ_i)`.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub fn weighted_by(self, weight: impl Fn(f64) -> f64) -> Result<Self> {
        let weights = self.ladder.levels().mapv(weight);
        self.with_weights(weights.view())
    }

    /// The same with levels shared out otherwise.
    pub fn with_rows(mut self, rows: RowUniforms) -> Self {
        self.rows = rows;
        self
    }

    /// The levels.
    pub fn ladder(&self) -> &NoiseLadder {
        &self.ladder
    }

    /// `λ_i ½ E ‖s(x + σ_i z, σ_i) + z/σ_i‖²` of every level `(L)`, estimated on all rows of `x`; their mean is the objective.
    ///
    /// # Errors
    /// A batch that does not fit the model.
    pub fn level_losses<M: TimeScore + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
    ) -> Result<Array1<f64>> {
        let streams = Streams::draw(rng);
        let mut losses = Array1::zeros(self.ladder.n_levels());
        for (i, loss) in losses.iter_mut().enumerate() {
            let rows = self.noised(&vec![i; x.nrows()]);
            let errors = rows.errors(model, x, streams.part(i as u64))?;
            *loss = self.scales[i] * errors.sum() / x.nrows() as f64;
        }
        Ok(losses)
    }

    /// Rows at these levels.
    fn noised(&self, levels: &[usize]) -> NoisedRows {
        let sigma: Array1<f64> = levels.iter().map(|&i| self.ladder.levels()[i]).collect();
        NoisedRows {
            alpha: Array1::ones(levels.len()),
            scale: levels.iter().map(|&i| self.scales[i]).collect(),
            time: sigma.clone(),
            sigma,
        }
    }

    fn loss_and_grad<M: TimeScorePullback + ?Sized>(
        &self,
        model: &M,
        x: ArrayView2<f64>,
        shares: Shares<'_>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let streams = Streams::draw(rng);
        let n_levels = self.ladder.n_levels();
        let levels: Vec<usize> = self
            .rows
            .draw(x.nrows(), streams.part(0))
            .iter()
            .map(|u| ((u * n_levels as f64) as usize).min(n_levels - 1))
            .collect();
        let c = shares.scaled(1.0);
        self.noised(&levels).loss_and_grad(
            model,
            x,
            c.view(),
            streams.part(1),
            grad,
            "in denoising over noise levels",
        )
    }
}

impl<M: TimeScorePullback + ?Sized> Objective<M> for MultiLevelDenoising {
    by_shares! { loss_and_grad }
}

/// Levels and noise are drawn anew at every call.
impl Stateless for MultiLevelDenoising {}
