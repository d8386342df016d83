//! How far the loss and the gradient of one datum scatter.
//!
//! At the optimum for `N(0, vI)` the residual `r = s(x̃) + z/σ` is independent of `x̃` and has variance `R = v/(σ²(v + σ²))` in every coordinate, so that for
//! one datum
//!
//! - the loss `½‖r‖²` has variance `½ d R²`, which tends to `d/(2σ⁴)`;
//! - the gradient in an entry `λ_ii` of the precision, `−x̃_i r_i`, has variance `v/σ²`, in `λ_ij` below the diagonal `2v/σ²`;
//! - that in the mean, `λ r_i` with `λ = 1/(v + σ²)`, has variance `R/(v + σ²)²`.
//!
//! For any smooth score `z/σ` dominates the residual as `σ → 0`: the loss has variance `d/(2σ⁴)` whatever the model, and the gradient `(∂s/∂θ)ᵀ z/σ` has
//! `σ⁻² ‖∂s/∂θ‖²_F`; what is left out is smaller by `σ²`.

use gibbsian_core::{Density, Objective, Parametric, ScorePullback, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Activation, Net, NeuralScore, Precision};
use gibbsian_objectives::DenoisingScoreMatching;
use ndarray::{Array1, Array2, ArrayView2, Axis as Along};
use rand::Rng;

use crate::statistics::{larger, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table, measured};

pub(super) const LOSS_LAW: Claim = Claim {
    claim: "at the optimum of normal data the loss of one datum has variance ½ d v²/(σ²(v + σ²))²: the largest difference, in standard errors",
    source: "the residual is normal and independent of the noisy point; see the top of the file `variance.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five noise levels from 0.01 to 3, standard errors from the kurtosis of the law: a false alarm in 350,000 were sample variances normal, in 200,000 with their skewness",
};

pub(super) const GRADIENT_LAW: Claim = Claim {
    claim: "and its gradients have variances v/σ² (diagonal of the precision), 2v/σ² (below it) and v/(σ²(v + σ²)³) (mean): the largest difference, in standard errors",
    source: "the same",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(5.0)),
    full: Check::at_most(5.0),
    reason: "five entries at five noise levels, standard errors from the kurtosis of the law: a false alarm in 70,000, in 40,000 with the skewness of sample variances",
};

pub(super) const LOSS_LIMIT: Claim = Claim {
    claim: "for a network that fits nothing the variance of the loss of one datum is d/(2σ⁴) where σ is small: their ratio",
    source: "½‖z‖²/σ² is a chi-square variable; see the top of the file `variance.rs`",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.0).within_standard_errors(5.0)),
    full: Check::value(1.0).within_standard_errors(5.0),
    reason: "σ = 0.01; terms left out are some 1e-4, standard errors 2e-2, at full scale 5e-3: a false alarm in some 500,000, because sample variances are skewed",
};

pub(super) const GRADIENT_LIMIT: Claim = Claim {
    claim: "and the trace of the covariance of its gradient is the mean of ‖∂s/∂θ‖² over σ²: their ratio",
    source: "the same; the Jacobian in the parameters by pullbacks of unit vectors",
    ..LOSS_LIMIT
};

const DIM: usize = 2;
const VARIANCE: f64 = 1.3;
const ROWS: usize = 64;
const LEVELS: [f64; 5] = [0.01, 0.1, 0.5, 1.0, 3.0];
const SMALL: f64 = 0.01;

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    laws(ctx)?;
    limits(ctx)
}

/// The losses and gradients of many minibatches.
struct Scatter {
    losses: Vec<f64>,
    gradients: Vec<Array1<f64>>,
}

impl Scatter {
    fn of<M: ScorePullback>(
        model: &M,
        sigma: f64,
        n: u64,
        seed: Seed,
        data: impl Fn(&mut dyn Rng) -> Array2<f64>,
    ) -> Result<Self> {
        let mut objective = DenoisingScoreMatching::new(sigma)?;
        let (mut losses, mut gradients) = (Vec::new(), Vec::new());
        for k in 0..n {
            let mut rng = seed.nth(k).rng();
            let x = data(&mut rng);
            let mut grad = Array1::zeros(model.n_params());
            losses.push(objective.loss_and_grad_into(model, x.view(), &mut rng, grad.view_mut())?);
            gradients.push(grad);
        }
        Ok(Scatter { losses, gradients })
    }

    /// The variance of the loss of one datum, and its standard error by the sample.
    fn loss(&self) -> (f64, f64) {
        variance(self.losses.iter().copied())
    }

    /// The same for an entry of the gradient.
    fn entry(&self, i: usize) -> (f64, f64) {
        variance(self.gradients.iter().map(|g| g[i]))
    }

    /// The same for the trace of the covariance of the gradient.
    fn trace(&self) -> (f64, f64) {
        let n = self.gradients.len() as f64;
        let mut mean = Array1::<f64>::zeros(self.gradients[0].len());
        for g in &self.gradients {
            mean.scaled_add(n.recip(), g);
        }
        let squares = self.gradients.iter().map(|g| {
            let deviation = g - &mean;
            deviation.dot(&deviation)
        });
        of_one_datum(squares, n)
    }
}

/// The variance of one datum from means of minibatches.
fn variance(means: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = means.len() as f64;
    let mean = means.clone().sum::<f64>() / n;
    of_one_datum(means.map(move |m| (m - mean).powi(2)), n)
}

/// `ROWS · n/(n − 1)` times the mean of the squared deviations of `n` minibatches.
fn of_one_datum(squares: impl Iterator<Item = f64> + Clone, n: f64) -> (f64, f64) {
    mean_and_error(squares.map(move |s| ROWS as f64 * s * n / (n - 1.0)))
}

/// A variance by a law: its name, its number, and the excess kurtosis of one datum.
struct Law {
    quantity: &'static str,
    variance: f64,
    excess: f64,
}

impl Law {
    /// The standard error of the variance of `n` minibatches, which has `Var S² = σ⁴ (2/(n − 1) + κ/n)`.
    fn standard_error(&self, n: u64) -> f64 {
        let n = n as f64;
        self.variance * (2.0 / (n - 1.0) + self.excess / (n * ROWS as f64)).sqrt()
    }
}

/// The laws of the loss and of the gradient at noise `σ`, in the order of the parameters: both means, then the entries (0, 0), (1, 0) and (1, 1) of the precision.
fn laws_at(sigma: f64) -> (Law, [Law; 5]) {
    let law = |quantity, variance, excess| Law {
        quantity,
        variance,
        excess,
    };
    let total = VARIANCE + sigma * sigma;
    let residual = VARIANCE / (sigma * sigma * total);
    let (in_mean, in_precision) = (residual / (total * total), VARIANCE / (sigma * sigma));
    // A product of two independent normal numbers has a fourth moment of 9, a sum of two such products one of 24 with the variance 2.
    let gradients = [
        law("mean 0", in_mean, 0.0),
        law("mean 1", in_mean, 0.0),
        law("precision 00", in_precision, 6.0),
        law("precision 10", 2.0 * in_precision, 3.0),
        law("precision 11", in_precision, 6.0),
    ];
    let loss = law("loss", 0.5 * DIM as f64 * residual * residual, 12.0 / DIM as f64);
    (loss, gradients)
}

fn laws(ctx: &mut Context) -> Result<()> {
    let data = MultivariateNormal::isotropic(Array1::zeros(DIM), VARIANCE)?;
    let n = ctx.pick(3_000, 60_000);
    let (mut loss, mut gradient) = (0.0_f64, 0.0_f64);
    let mut table = Table::new(["sigma", "quantity", "variance", "standard_error", "closed_form"]);
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for (level, sigma) in LEVELS.into_iter().enumerate() {
        let model = MultivariateNormal::isotropic(Array1::zeros(DIM), VARIANCE + sigma * sigma)?;
        let seed = ctx.seed().child("laws").nth(level as u64);
        let scatter = Scatter::of(&model, sigma, n, seed, |rng| data.sample(ROWS, rng))?;
        let mut compare = |law: &Law, found: f64| -> Result<f64> {
            let error = law.standard_error(n);
            table.row([
                sigma.into(),
                law.quantity.into(),
                found.into(),
                error.into(),
                law.variance.into(),
            ])?;
            Ok((found - law.variance).abs() / error)
        };
        let (of_loss, of_gradient) = laws_at(sigma);
        loss = larger(loss, compare(&of_loss, scatter.loss().0)?);
        for (i, law) in of_gradient.iter().enumerate() {
            gradient = larger(gradient, compare(law, scatter.entry(i).0)?);
        }
        losses.push((sigma, scatter.loss().0));
        gradients.push((sigma, scatter.entry(2).0));
    }
    ctx.measure(&LOSS_LAW, loss)?;
    ctx.measure(&GRADIENT_LAW, gradient)?;
    let levels = || (0..=100).map(|k| 0.01 * 10f64.powf(2.5 * f64::from(k) / 100.0));
    let plot = Plot::new(
        "Losses and gradients of single data",
        Axis::log("noise level σ"),
        Axis::log("variance"),
    )
    .points("loss", losses)
    .theory(
        "½ d v²/(σ²(v + σ²))²",
        levels().map(|s| (s, laws_at(s).0.variance)),
    )
    .points("gradient in a precision", gradients)
    .theory("v/σ²", levels().map(|s| (s, laws_at(s).1[2].variance)))
    .dashed("d/(2σ⁴)", levels().map(|s| (s, 0.5 * DIM as f64 / s.powi(4))));
    ctx.plot(
        "variance",
        "At the optimum of normal data of variance v = 1.3 in d = 2 dimensions: measured, and the closed forms.",
        &plot,
    )?;
    ctx.table(
        "variance",
        "The variance of the loss and of the gradient of one datum at the optimum of normal data.",
        &table,
    )
}

/// A network at one minibatch of data: only the noise is drawn anew.
fn limits(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("limits");
    let forward = |net: &mut Net<'_>, x| net.mlp("score", x, &[16, 16], DIM, Activation::Silu);
    let model = NeuralScore::new(DIM, forward, &mut seed.child("model").rng())?;
    let model = model.with_precision(Precision::Double);
    let x = MultivariateNormal::isotropic(Array1::zeros(DIM), VARIANCE)?
        .sample(ROWS, &mut seed.child("data").rng());
    let n = ctx.pick(4_000, 100_000);
    let scatter = Scatter::of(&model, SMALL, n, seed.child("noise"), |_| x.clone())?;
    let against = |(found, error): (f64, f64), limit: f64| measured(found / limit).with_error(error / limit);
    let loss = 0.5 * DIM as f64 / SMALL.powi(4);
    ctx.measure(&LOSS_LIMIT, against(scatter.loss(), loss))?;
    let gradient = mean_square_jacobian(&model, x.view()) / (SMALL * SMALL);
    ctx.measure(&GRADIENT_LIMIT, against(scatter.trace(), gradient))
}

/// The mean over the rows of `‖∂s/∂θ‖²_F`.
fn mean_square_jacobian(model: &NeuralScore, x: ArrayView2<f64>) -> f64 {
    let mut sum = 0.0;
    for row in x.rows() {
        for unit in Array2::<f64>::eye(DIM).rows() {
            let mut grad = Array1::zeros(model.n_params());
            let (row, unit) = (row.insert_axis(Along(0)), unit.insert_axis(Along(0)));
            model.score_pullback_into(row, unit, grad.view_mut());
            sum += grad.dot(&grad);
        }
    }
    sum / x.nrows() as f64
}
