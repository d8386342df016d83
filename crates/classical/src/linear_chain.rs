//! The linear-chain conditional random field: labels of a sequence, tied to their neighbours and conditioned on features (Lafferty, McCallum and Pereira 2001, "Conditional random fields").
//!
//! For features `x_1 … x_T` and labels `y_1 … y_T` in `0..C`
//!
//! `E(y | x) = −Σ_t (x_t'W + b)_{y_t} − Σ_{t>1} A_{y_{t−1} y_t}`.
//!
//! The normaliser over all `C^T` labellings is a product of matrices, computed in logarithms from the left (`α`) and from the right (`β`),
//!
//! `α_t(c) = s_t(c) + log Σ_b exp(α_{t−1}(b) + A_bc)`, `β_t(c) = log Σ_d exp(A_cd + s_{t+1}(d) + β_{t+1}(d))`, `log Z = log Σ_c exp α_T(c)`,
//!
//! in `O(T C²)`; messages of either direction matter up to a constant. Marginals are `p(y_t = c) = exp(α_t + β_t − log Z)`, and the gradient of `log p(y | x)` is the statistics of `y` less their expectations. The likeliest
//! labelling is the same recursion with maxima (Viterbi 1967). A matrix `A` of zeros is softmax regression of every position by itself.

use gibbsian_core::error::{check_batch, check_count, check_finite, check_loss, check_points, check_shape};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Layout, Objective, Parametric, ParametricMut, Result, Stateless};
use gibbsian_linalg::{matmul, matmul_into};
use ndarray::{
    Array1, Array2, Array3, ArrayView1, ArrayView2, ArrayViewMut, ArrayViewMut1, Axis, Dimension,
    concatenate, s,
};
use rand::Rng;

/// The linear-chain conditional random field: a chain of labels conditioned on features.
///
/// ```
/// use gibbsian_classical::LinearChainCrf;
/// use ndarray::{Array1, Array2, array};
///
/// // Two labels that like to stay what they are; the features speak of the first position only.
/// let chain = LinearChainCrf::new(array![[1.0, -1.0]], Array1::zeros(2), array![[2.0, 0.0], [0.0, 2.0]])?;
/// let x = array![[1.0], [0.0], [0.0]];
/// assert_eq!(chain.likeliest(x.view())?.0, [0, 0, 0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LinearChainCrf {
    weights: Array2<f64>,
    bias: Array1<f64>,
    transitions: Array2<f64>,
}

/// What is known about the labels of one sequence.
#[derive(Clone, Debug)]
pub struct Marginals {
    /// `log Z(x)`, the logarithm of the sum of `exp(−E(y | x))` over all labellings.
    pub log_z: f64,
    /// `p(y_t = c | x)`, `(T, C)`.
    pub single: Array2<f64>,
    /// `p(y_t = b, y_{t+1} = c | x)`, `(T − 1, C, C)`.
    pub pairs: Array3<f64>,
}

impl LinearChainCrf {
    /// The chain with weights `W` `(D, C)`, biases `b` `(C)` and transitions `A` `(C, C)`, from row to column.
    ///
    /// # Errors
    /// No classes, shapes that do not fit, or numbers that are not finite.
    pub fn new(weights: Array2<f64>, bias: Array1<f64>, transitions: Array2<f64>) -> Result<Self> {
        let n_classes = weights.ncols();
        if n_classes == 0 {
            return Err(Error::shape("weights", weights.shape(), "(D, at least 1)"));
        }
        check_shape("bias", &bias, &[n_classes])?;
        check_shape("transitions", &transitions, &[n_classes, n_classes])?;
        check_finite("weights", &weights)?;
        check_finite("bias", &bias)?;
        check_finite("transitions", &transitions)?;
        Ok(LinearChainCrf {
            weights,
            bias,
            transitions,
        })
    }

    /// The chain that finds all labellings equally likely.
    ///
    /// # Errors
    /// No classes.
    pub fn uniform(n_features: usize, n_classes: usize) -> Result<Self> {
        LinearChainCrf::new(
            Array2::zeros((n_features, n_classes)),
            Array1::zeros(n_classes),
            Array2::zeros((n_classes, n_classes)),
        )
    }

    /// The number of features `D` of a position.
    pub fn n_features(&self) -> usize {
        self.weights.nrows()
    }

    /// The number of classes `C`.
    pub fn n_classes(&self) -> usize {
        self.weights.ncols()
    }

    /// The transitions `A`.
    pub fn transitions(&self) -> ArrayView2<'_, f64> {
        self.transitions.view()
    }

    /// `E(y | x)` of one labelling of the sequence `x` `(T, D)`.
    ///
    /// # Errors
    /// A sequence that does not fit, another number of labels than positions, or a label that is not below `C`.
    pub fn energy(&self, x: ArrayView2<f64>, y: &[usize]) -> Result<f64> {
        check_batch("x", &x, self.n_features())?;
        if y.len() != x.nrows() {
            return Err(Error::shape("y", &[y.len()], format!("[{}]", x.nrows())));
        }
        if let Some(t) = y.iter().position(|y| *y >= self.n_classes()) {
            return Err(Error::parameter(
                format!("y[{t}]"),
                y[t],
                format!("below {}", self.n_classes()),
            ));
        }
        let scores = self.scores(x);
        let positions: f64 = y.iter().enumerate().map(|(t, &c)| scores[[t, c]]).sum();
        let moves: f64 = y.windows(2).map(|p| self.transitions[[p[0], p[1]]]).sum();
        Ok(-positions - moves)
    }

    /// `log Z(x)` and all marginals of the sequence `x` `(T, D)`.
    ///
    /// # Errors
    /// No positions, or another number of features.
    pub fn marginals(&self, x: ArrayView2<f64>) -> Result<Marginals> {
        check_batch("x", &x, self.n_features())?;
        Ok(self.marginals_of(self.scores(x).view()))
    }

    /// The likeliest labelling of the sequence `x` `(T, D)` and its energy; of equal ones that with the smallest last labels.
    ///
    /// # Errors
    /// No positions, or another number of features.
    pub fn likeliest(&self, x: ArrayView2<f64>) -> Result<(Vec<usize>, f64)> {
        check_batch("x", &x, self.n_features())?;
        let scores = self.scores(x);
        let (n, n_classes) = scores.dim();
        let mut best = scores.row(0).to_owned();
        let mut from = Array2::zeros((n, n_classes));
        for t in 1..n {
            let mut next = Array1::zeros(n_classes);
            for c in 0..n_classes {
                let reached = &best + &self.transitions.column(c);
                let b = first_largest(reached.view());
                from[[t, c]] = b;
                next[c] = scores[[t, c]] + reached[b];
            }
            best = next;
        }
        let mut labels = vec![first_largest(best.view()); n];
        let energy = -best[labels[n - 1]];
        for t in (1..n).rev() {
            labels[t - 1] = from[[t, labels[t]]];
        }
        Ok((labels, energy))
    }

    /// `s_t = x_t'W + b` `(T, C)`.
    fn scores(&self, x: ArrayView2<f64>) -> Array2<f64> {
        matmul(x, self.weights.view()) + &self.bias
    }

    fn marginals_of(&self, scores: ArrayView2<f64>) -> Marginals {
        // Messages are normalised at every position, so that their rounding errors do not add up along the chain.
        let (n, n_classes) = scores.dim();
        let mut alpha = scores.to_owned();
        let mut log_z = normalise(alpha.row_mut(0));
        for t in 1..n {
            for c in 0..n_classes {
                let reached = &alpha.row(t - 1) + &self.transitions.column(c);
                alpha[[t, c]] += log_sum_exp(&reached.to_vec());
            }
            log_z += normalise(alpha.row_mut(t));
        }
        let mut beta: Array2<f64> = Array2::zeros((n, n_classes));
        let mut pairs = Array3::zeros((n - 1, n_classes, n_classes));
        for t in (1..n).rev() {
            let behind = &scores.row(t) + &beta.row(t);
            for b in 0..n_classes {
                let onward = &behind + &self.transitions.row(b);
                beta[[t - 1, b]] = log_sum_exp(&onward.to_vec());
                pairs
                    .slice_mut(s![t - 1, b, ..])
                    .assign(&(onward + alpha[[t - 1, b]]));
            }
            normalise(beta.row_mut(t - 1));
            normalise(pairs.index_axis_mut(Axis(0), t - 1));
        }
        let mut single = alpha + beta;
        for row in single.rows_mut() {
            normalise(row);
        }
        Marginals {
            log_z,
            single: single.mapv_into(f64::exp),
            pairs: pairs.mapv_into(f64::exp),
        }
    }
}

/// Subtracts the logarithm of the sum of exponentials, and returns it.
fn normalise<D: Dimension>(mut log_weights: ArrayViewMut<f64, D>) -> f64 {
    let log_total = log_sum_exp(&log_weights.iter().copied().collect::<Vec<_>>());
    log_weights -= log_total;
    log_total
}

fn first_largest(values: ArrayView1<f64>) -> usize {
    (0..values.len()).fold(0, |best, k| if values[k] > values[best] { k } else { best })
}

impl Parametric for LinearChainCrf {
    fn layout(&self) -> Layout {
        Layout::new()
            .with("weights", self.weights.shape())
            .with("bias", self.bias.shape())
            .with("transitions", self.transitions.shape())
    }

    fn params(&self) -> Array1<f64> {
        let weights = Array1::from_iter(self.weights.iter().copied());
        let transitions = Array1::from_iter(self.transitions.iter().copied());
        concatenate![Axis(0), weights, self.bias, transitions]
    }
}

impl ParametricMut for LinearChainCrf {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        let parts = self.weights.iter_mut().chain(&mut self.bias);
        for (old, new) in parts.chain(&mut self.transitions).zip(params) {
            *old = *new;
        }
        Ok(())
    }
}

/// Minus the mean of `log p(y | x)` a sequence in nats, with its exact gradient.
///
/// A row is one sequence of `length` positions: the features of all positions, `length · D` numbers, then the labels as `length` whole numbers.
#[derive(Clone, Copy, Debug)]
pub struct SequenceLikelihood {
    length: usize,
}

impl SequenceLikelihood {
    /// For sequences of `T = length` positions each.
    ///
    /// # Errors
    /// No position.
    pub fn new(length: usize) -> Result<Self> {
        check_count("length", length)?;
        Ok(SequenceLikelihood { length })
    }

    /// The features `(T, D)` and labels of one row.
    fn read(
        &self,
        chain: &LinearChainCrf,
        b: usize,
        row: ArrayView1<f64>,
    ) -> Result<(Array2<f64>, Vec<usize>)> {
        let n_numbers = self.length * chain.n_features();
        let features = row.slice(s![..n_numbers]).to_owned();
        let labels = row.slice(s![n_numbers..]);
        let admits = |y: f64| y >= 0.0 && y.fract() == 0.0 && y < chain.n_classes() as f64;
        if let Some(t) = labels.iter().position(|y| !admits(*y)) {
            return Err(Error::parameter(
                format!("x[{b}, {}]", n_numbers + t),
                labels[t],
                format!("a label below {}", chain.n_classes()),
            ));
        }
        let x = features.into_shape_with_order((self.length, chain.n_features()));
        Ok((
            x.expect("as many numbers as features"),
            labels.iter().map(|y| *y as usize).collect(),
        ))
    }
}

impl Objective<LinearChainCrf> for SequenceLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &LinearChainCrf,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_points("x", &x, self.length * (model.n_features() + 1))?;
        let share = 1.0 / x.nrows() as f64;
        let mut loss = 0.0;
        let mut weights = Array2::zeros(model.weights.raw_dim());
        let mut bias = Array1::zeros(model.bias.len());
        let mut transitions = Array2::<f64>::zeros(model.transitions.raw_dim());
        for (b, row) in x.rows().into_iter().enumerate() {
            let (features, labels) = self.read(model, b, row)?;
            let marginals = model.marginals(features.view())?;
            loss += share * (model.energy(features.view(), &labels)? + marginals.log_z);
            // Expected statistics less those of the labels.
            let mut excess = marginals.single;
            for (t, &c) in labels.iter().enumerate() {
                excess[[t, c]] -= 1.0;
            }
            matmul_into(share, features.t(), excess.view(), 1.0, weights.view_mut());
            bias.scaled_add(share, &excess.sum_axis(Axis(0)));
            transitions.scaled_add(share, &marginals.pairs.sum_axis(Axis(0)));
            for pair in labels.windows(2) {
                transitions[[pair[0], pair[1]]] -= share;
            }
        }
        for (g, new) in grad
            .iter_mut()
            .zip(weights.iter().chain(&bias).chain(&transitions))
        {
            *g = *new;
        }
        check_loss(loss, "in the likelihood of sequences")
    }
}

/// It is exact.
impl Stateless for SequenceLikelihood {}
