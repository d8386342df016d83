//! The class machine: features and a label see the same hidden units, and `p(y | x)` is exact.
//!
//! `E(x, y, h) = e_X(x) + e_H(h) − d'y − x'Wh − y'Uh` with `y` the indicators of one of `C` classes (Larochelle and Bengio 2008; Larochelle, Mandel, Pascanu and Bengio 2012,
//! "Learning algorithms for the classification restricted Boltzmann machine"). It is the machine whose visible layer is the features joined with one categorical
//! unit, so that everything of [`Rbm`] holds of it. With the hidden units summed out,
//!
//! `p(y = c | x) ∝ exp(d_c + Γ_H(x'W + U_c))`:
//!
//! one matrix product a batch, and then `Γ_H`, for Bernoulli units `Σ_j softplus`, once a class. The gradient of `log p(y | x)` is exact as well, with
//! `q_c = p(c | x) − y_c` and `m_c = E[h | x, c]`
//!
//! `−∂ log p/∂d_c = q_c`, `−∂ log p/∂U_c = q_c m_c'`, `−∂ log p/∂W = x (Σ_c q_c m_c)'`,
//!
//! and needs no sampling: [`ConditionalLikelihood`]. [`HybridLikelihood`] adds a generative objective, as a regulariser or for unlabelled features.

use gibbsian_core::error::{check_loss, check_non_negative};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::parallel::{block_rows, for_each_block};
use gibbsian_core::{Error, Objective, Parametric, Record, Result, Seed, Snapshot, Stateless, Units};
use gibbsian_linalg::{matmul, matmul_into};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, concatenate, s};
use rand::Rng;

use crate::rbm::Rbm;
use crate::units::arg_max;
use crate::{Bernoulli, Joined, Softmax};

/// A machine of features and one label; rows are `(x, y)`, `y` the `C` indicators.
///
/// ```
/// use gibbsian_classical::{Bernoulli, ClassRbm};
/// use gibbsian_core::Seed;
/// use ndarray::array;
///
/// let rbm = ClassRbm::with_classes(Bernoulli::unbiased(4), 3, Bernoulli::unbiased(8), 0.1, Seed::new(1))?;
/// let p = rbm.class_probabilities(array![[1.0, 0.0, 1.0, 1.0]].view())?;
/// assert_eq!(p.dim(), (1, 3));
/// assert!((p.sum() - 1.0).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub type ClassRbm<V = Bernoulli, H = Bernoulli> = Rbm<Joined<V, Softmax>, H>;

impl<V: Units, H: Units> Rbm<Joined<V, Softmax>, H> {
    /// The machine of these features, `n_classes` classes and hidden units, with independent normal weights of the given standard deviation and unbiased labels.
    ///
    /// # Errors
    /// Those of [`Rbm::random`], or fewer than two classes.
    pub fn with_classes(features: V, n_classes: usize, hidden: H, scale: f64, seed: Seed) -> Result<Self> {
        Rbm::random(
            Joined::new(features, Softmax::unbiased(1, n_classes)?),
            hidden,
            scale,
            seed,
        )
    }

    /// The number of classes `C`.
    pub fn n_classes(&self) -> usize {
        self.visible().second().n_values()
    }

    /// Rows `(x, y)` of features `(B, D)` and labels `(B)`, for training.
    ///
    /// # Errors
    /// Features that their units do not admit, another number of labels, or a label that is not below the number of classes.
    pub fn labelled(&self, features: ArrayView2<f64>, labels: &[usize]) -> Result<Array2<f64>> {
        self.check_features(features)?;
        let labels = ArrayView2::from_shape((labels.len(), 1), labels).expect("one label a row");
        if labels.len() != features.nrows() {
            return Err(Error::shape(
                "labels",
                &[labels.len()],
                format!("[{}]", features.nrows()),
            ));
        }
        Ok(concatenate![
            Axis(1),
            features,
            self.visible().second().one_hot(labels)?
        ])
    }

    /// `log p(y = c | x)` of features `(B, D)`, `(B, C)`.
    ///
    /// # Errors
    /// Features that their units do not admit, or a machine of more than one categorical unit.
    pub fn log_class_probabilities(&self, features: ArrayView2<f64>) -> Result<Array2<f64>> {
        self.check_features(features)?;
        Ok(self.log_probabilities_from_field(self.feature_field(features).view()))
    }

    /// `p(y = c | x)` of features `(B, D)`, `(B, C)`.
    ///
    /// # Errors
    /// As [`log_class_probabilities`](Rbm::log_class_probabilities).
    pub fn class_probabilities(&self, features: ArrayView2<f64>) -> Result<Array2<f64>> {
        Ok(self.log_class_probabilities(features)?.mapv_into(f64::exp))
    }

    /// The likeliest class of each row of features `(B, D)`; of equally likely ones the first.
    ///
    /// # Errors
    /// As [`log_class_probabilities`](Rbm::log_class_probabilities).
    pub fn classify(&self, features: ArrayView2<f64>) -> Result<Array1<usize>> {
        Ok(arg_max(self.log_class_probabilities(features)?.view()))
    }

    fn n_features(&self) -> usize {
        self.visible().first().n_units()
    }

    fn check_features(&self, features: ArrayView2<f64>) -> Result<()> {
        let n_labels = self.visible().second().n_categorical();
        if n_labels != 1 {
            return Err(Error::parameter(
                "labels",
                format!("a layer of {n_labels} categorical units"),
                "a layer of one",
            ));
        }
        self.visible().first().check_rows("features", features)
    }

    /// `x'W` `(B, H)`.
    fn feature_field(&self, features: ArrayView2<f64>) -> Array2<f64> {
        matmul(features, self.weights().slice(s![..self.n_features(), ..]))
    }

    fn log_probabilities_from_field(&self, field: ArrayView2<f64>) -> Array2<f64> {
        let labels = self.weights();
        let labels = labels.slice(s![self.n_features().., ..]);
        let bias = self.visible().second().bias();
        let mut out = Array2::zeros((field.nrows(), self.n_classes()));
        for_each_block(out.view_mut(), |block, mut rows| {
            let field = field.slice(s![block_rows(block, field.nrows()), ..]);
            for (c, column) in rows.columns_mut().into_iter().enumerate() {
                self.hidden()
                    .log_partition_into((&field + &labels.row(c)).view(), column);
            }
            for mut row in rows.rows_mut() {
                row += &bias.row(0);
                let log_total = log_sum_exp(&row.to_vec());
                row -= log_total;
            }
        });
        out
    }
}

/// Minus the mean of `log p(y | x)` in nats, with its exact gradient; rows are `(x, y)`.
///
/// Probabilities for `y` give the cross-entropy to them. The parameters of the features' own units have no part in `p(y | x)`, and gradient zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConditionalLikelihood;

impl<V: Units, H: Units> Objective<ClassRbm<V, H>> for ConditionalLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &ClassRbm<V, H>,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let (features, labels) = model.visible().split(x);
        model.check_features(features)?;
        let (n, n_features) = (x.nrows() as f64, model.n_features());
        let field = model.feature_field(features);
        let log_p = model.log_probabilities_from_field(field.view());
        // Classes that y excludes do not count, also where log p = −∞.
        let terms = log_p.iter().zip(&labels).filter(|(_, y)| **y > 0.0);
        let loss = -terms.map(|(log_p, y)| y * log_p).sum::<f64>() / n;
        check_loss(loss, "in the conditional likelihood")?;
        let q = (log_p.mapv(f64::exp) - labels) / n;

        grad.fill(0.0);
        let n_hidden = model.hidden().n_units();
        let (grad_weights, rest) = grad.split_at(Axis(0), model.weights().len());
        let (mut grad_visible, mut grad_hidden) = rest.split_at(Axis(0), model.visible().n_params());
        let n_first = model.visible().first().n_params();
        let mut grad_bias = grad_visible.slice_mut(s![n_first..]);
        grad_bias += &q.sum_axis(Axis(0));
        // Σ_c q_c m_c, what the features' weights see, and Σ_b q_bc m_bc, what the weights of class c see.
        let mut by_field = Array2::zeros(field.raw_dim());
        let mut product = Array2::zeros((n_features + model.n_classes(), n_hidden));
        for (c, q) in q.columns().into_iter().enumerate() {
            let field = &field + &model.weights().row(n_features + c);
            let mut mean = model.hidden().mean(field.view());
            mean *= &q.insert_axis(Axis(1));
            product.row_mut(n_features + c).assign(&mean.sum_axis(Axis(0)));
            by_field += &mean;
            model
                .hidden()
                .log_partition_pullback_into(field.view(), q, grad_hidden.view_mut());
        }
        let by_features = product.slice_mut(s![..n_features, ..]);
        matmul_into(1.0, features.t(), by_field.view(), 0.0, by_features);
        // log p has +Γ, and q its sign.
        for (g, p) in grad_weights.into_iter().zip(&product) {
            *g += p;
        }
        Ok(loss)
    }
}

/// It is exact.
impl Stateless for ConditionalLikelihood {}

/// The conditional objective plus `weight` times a generative one on the same rows: `−⟨log p(y | x)⟩ + α L_gen` (Larochelle and Bengio 2008, equation 7).
///
/// The loss is that of both; where the generative one returns a surrogate, so is the sum.
#[derive(Clone, Debug)]
pub struct HybridLikelihood<G> {
    generative: G,
    weight: f64,
}

impl<G> HybridLikelihood<G> {
    /// With this generative objective, for example contrastive divergence, and `α = weight`.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub fn new(generative: G, weight: f64) -> Result<Self> {
        check_non_negative("weight", weight)?;
        Ok(HybridLikelihood { generative, weight })
    }
}

impl<V: Units, H: Units, G: Objective<ClassRbm<V, H>>> Objective<ClassRbm<V, H>> for HybridLikelihood<G> {
    fn loss_and_grad_into(
        &mut self,
        model: &ClassRbm<V, H>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        // First, because it looks at the features and the labels.
        let conditional = ConditionalLikelihood.loss_and_grad_into(model, x, rng, grad.view_mut())?;
        let mut generative = Array1::zeros(grad.len());
        let loss = self
            .generative
            .loss_and_grad_into(model, x, rng, generative.view_mut())?;
        grad.scaled_add(self.weight, &generative);
        Ok(conditional + self.weight * loss)
    }
}

impl<G: Snapshot> Snapshot for HybridLikelihood<G> {
    /// That of the generative objective.
    fn snapshot(&self) -> Record {
        self.generative.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.generative.restore(record)
    }
}
