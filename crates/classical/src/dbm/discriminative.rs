//! A classifier that starts as a generative model: sigmoid layers with its weights, and a softmax head (Salakhutdinov and Hinton 2009, section 3.3).
//!
//! A deep Boltzmann machine hears its first hidden layer from both sides. A feed-forward net hears it from below only, so the net's input is the picture together with the
//! mean-field means of the second hidden layer, and its first layer is `σ(v'W₁ + q(h²)'W₂' + c₁)`. Training may use those features or learn to ignore
//! them. A deep belief network has its recognition weights, and needs nothing beside the picture.
//!
//! With activations `a_l = σ(a_{l−1}'W_l + c_l)` and class probabilities `softmax(a_L'U + d)`, the loss is the mean of `−log p(class)`, and its gradient the usual
//! products of errors and activations, `δ_{l−1} = (W_l δ_l) a_{l−1} (1 − a_{l−1})`.

use gibbsian_core::error::{check_batch, check_each, check_loss};
use gibbsian_core::math::{log_sum_exp, sigmoid};
use gibbsian_core::{
    Error, Layout, Objective, Parametric, ParametricMut, Record, Result, Snapshot, Space, Stateless,
};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip, concatenate, s};
use rand::Rng;

use super::{Dbm, MeanField};
use crate::Dbn;

/// Sigmoid layers and a softmax head.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedForward {
    /// The last is the head.
    layers: Vec<Affine>,
}

/// `x'W + c`.
#[derive(Clone, Debug, PartialEq)]
struct Affine {
    weights: Array2<f64>,
    bias: Array1<f64>,
}

impl FeedForward {
    /// The net that starts as a deep Boltzmann machine, with a head of zeros; its input rows are those of [`FeedForward::with_means`].
    ///
    /// # Errors
    /// Fewer than two classes.
    pub fn from_dbm(dbm: &Dbm, n_classes: usize) -> Result<Self> {
        let mut layers: Vec<Affine> = (1..=dbm.depth())
            .map(|l| Affine {
                weights: dbm.weights(l).to_owned(),
                bias: dbm.hidden(l).bias().to_owned(),
            })
            .collect();
        if dbm.depth() > 1 {
            layers[0].weights = concatenate![Axis(0), dbm.weights(1), dbm.weights(2).t()];
        }
        FeedForward::with_head(layers, n_classes)
    }

    /// The net that starts as the recognition pass of a deep belief network, with a head of zeros.
    ///
    /// # Errors
    /// Fewer than two classes.
    pub fn from_dbn(dbn: &Dbn, n_classes: usize) -> Result<Self> {
        let stack = std::iter::once(dbn.bottom()).chain(dbn.upper());
        let layers = stack.map(|rbm| Affine {
            weights: rbm.weights().to_owned(),
            bias: rbm.hidden().bias().to_owned(),
        });
        FeedForward::with_head(layers.collect(), n_classes)
    }

    fn with_head(mut layers: Vec<Affine>, n_classes: usize) -> Result<Self> {
        if n_classes < 2 {
            return Err(Error::parameter("n_classes", n_classes, "at least 2"));
        }
        let n_features = layers.last().map_or(0, |layer| layer.bias.len());
        layers.push(Affine {
            weights: Array2::zeros((n_features, n_classes)),
            bias: Array1::zeros(n_classes),
        });
        Ok(FeedForward { layers })
    }

    /// Input rows for a net that started as a machine of two or more hidden layers: pictures with the means of the second hidden layer.
    ///
    /// # Panics
    /// When the mean field has one layer or another number of rows.
    pub fn with_means(v: ArrayView2<f64>, q: &MeanField) -> Array2<f64> {
        concatenate![Axis(1), v, q.means(2)]
    }

    /// The number of columns of input rows.
    pub fn n_inputs(&self) -> usize {
        self.layers[0].weights.nrows()
    }

    /// The number of classes.
    pub fn n_classes(&self) -> usize {
        self.layers[self.layers.len() - 1].bias.len()
    }

    /// `log p(class)` of every row, `(B, C)`.
    ///
    /// # Panics
    /// When rows have another number of columns than the net has inputs.
    pub fn log_probabilities(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let activations = self.activations(x);
        activations[activations.len() - 1].clone()
    }

    /// The share of rows whose likeliest class is not their label; a row whose probabilities are NaN has none.
    ///
    /// # Panics
    /// When there is not one label a row.
    pub fn error(&self, x: ArrayView2<f64>, labels: &[u8]) -> f64 {
        assert_eq!(x.nrows(), labels.len(), "rows against labels");
        let log_p = self.log_probabilities(x);
        let wrong = log_p.rows().into_iter().zip(labels).filter(|(p, label)| {
            let best = (0..p.len()).fold(0, |best, k| if p[k] > p[best] { k } else { best });
            best != usize::from(**label) || p.iter().any(|p| p.is_nan())
        });
        wrong.count() as f64 / labels.len() as f64
    }

    /// The activations of every layer, the last being log-probabilities.
    fn activations(&self, x: ArrayView2<f64>) -> Vec<Array2<f64>> {
        assert_eq!(x.ncols(), self.n_inputs(), "columns of x against inputs");
        let mut activations: Vec<Array2<f64>> = Vec::with_capacity(self.layers.len());
        for (l, layer) in self.layers.iter().enumerate() {
            let below = activations.last().map_or(x, |a| a.view());
            let mut a = matmul(below.view(), layer.weights.view()) + &layer.bias;
            if l + 1 < self.layers.len() {
                a.mapv_inplace(sigmoid);
            } else {
                for mut row in a.rows_mut() {
                    let log_total = log_sum_exp(&row.to_vec());
                    row -= log_total;
                }
            }
            activations.push(a);
        }
        activations
    }
}

/// The space of labelled rows: inputs followed by the indicators of their class.
impl Space for FeedForward {
    fn dim(&self) -> usize {
        self.n_inputs() + self.n_classes()
    }
}

impl Parametric for FeedForward {
    /// `layers.1.weights`, `layers.1.bias`, …, the head last.
    fn layout(&self) -> Layout {
        let mut layout = Layout::new();
        for (l, layer) in self.layers.iter().enumerate() {
            layout = layout
                .with(format!("layers.{}.weights", l + 1), layer.weights.shape())
                .with(format!("layers.{}.bias", l + 1), layer.bias.shape());
        }
        layout
    }

    fn params(&self) -> Array1<f64> {
        let layers = self.layers.iter();
        layers
            .flat_map(|layer| layer.weights.iter().chain(&layer.bias).copied())
            .collect()
    }
}

impl ParametricMut for FeedForward {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let layers = self.layers.iter_mut();
        let all = layers.flat_map(|layer| layer.weights.iter_mut().chain(&mut layer.bias));
        all.zip(params).for_each(|(old, new)| *old = *new);
        Ok(())
    }
}

impl Snapshot for FeedForward {
    fn snapshot(&self) -> Record {
        Record::of_params(self)
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let params = record.params(&self.layout())?;
        self.set_params(params.view())
    }
}

/// The mean of `−log p(class)` of a [`FeedForward`] net; rows are inputs followed by the indicators of their class, of which one is 1 and the others are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossEntropy;

impl CrossEntropy {
    /// Rows of inputs with the indicators of their labels.
    ///
    /// # Errors
    /// Another number of labels than rows, or a label that is no class.
    pub fn rows(x: ArrayView2<f64>, labels: &[u8], n_classes: usize) -> Result<Array2<f64>> {
        if labels.len() != x.nrows() {
            return Err(Error::shape(
                "labels",
                &[labels.len()],
                format!("[{}]", x.nrows()),
            ));
        }
        let mut rows = Array2::zeros((x.nrows(), x.ncols() + n_classes));
        rows.slice_mut(s![.., ..x.ncols()]).assign(&x);
        for (b, label) in labels.iter().enumerate() {
            let class = usize::from(*label);
            if class >= n_classes {
                let requirement = format!("below the number of classes, {n_classes}");
                return Err(Error::parameter(format!("labels[{b}]"), label, requirement));
            }
            rows[[b, x.ncols() + class]] = 1.0;
        }
        Ok(rows)
    }
}

impl Objective<FeedForward> for CrossEntropy {
    fn loss_and_grad_into(
        &mut self,
        net: &FeedForward,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_batch("x", &x, net.n_inputs() + net.n_classes())?;
        let (x, indicators) = x.split_at(Axis(1), net.n_inputs());
        check_each("indicators", indicators, "0 or 1", |y| y == 0.0 || y == 1.0)?;
        for (b, row) in indicators.rows().into_iter().enumerate() {
            if row.sum() != 1.0 {
                let name = format!("the sum of the indicators of row {b}");
                return Err(Error::parameter(name, row.sum(), "1: a row has one class"));
            }
        }
        let n = x.nrows() as f64;
        let activations = net.activations(x);
        let log_p = &activations[activations.len() - 1];
        // Only of the classes that are asked for: another may be impossible, and −∞ · 0 is no part of a sum.
        let asked = log_p.iter().zip(&indicators).filter(|(_, y)| **y == 1.0);
        let loss = -asked.map(|(log_p, _)| log_p).sum::<f64>() / n;
        check_loss(loss, "in the cross-entropy of a minibatch")?;
        // ∂loss/∂(logits) = (p − y)/n, because rows have one class.
        let mut delta = (log_p.mapv(f64::exp) - indicators) / n;
        let mut end = grad.len();
        for l in (0..net.layers.len()).rev() {
            let layer = &net.layers[l];
            let below = l.checked_sub(1).map_or(x, |k| activations[k].view());
            let mut bias = grad.slice_mut(s![end - layer.bias.len()..end]);
            bias.assign(&delta.sum_axis(Axis(0)));
            end -= layer.bias.len();
            let product = matmul(below.t(), delta.view());
            let weights = grad.slice_mut(s![end - layer.weights.len()..end]);
            for (g, p) in weights.into_iter().zip(&product) {
                *g = *p;
            }
            end -= layer.weights.len();
            if l > 0 {
                delta = matmul(delta.view(), layer.weights.t());
                Zip::from(&mut delta)
                    .and(&activations[l - 1])
                    .for_each(|d, a| *d *= a * (1.0 - a));
            }
        }
        Ok(loss)
    }
}

impl Stateless for CrossEntropy {}
