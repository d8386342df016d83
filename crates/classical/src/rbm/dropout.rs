//! Dropout of hidden units: a machine of which every case sees another part (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, section 8).
//!
//! Every hidden unit is *retained* with probability `p`, independently for every case, and otherwise held at zero. For a pattern `r ∈ {0, 1}^H` of retained units there is a machine with these alone,
//!
//! `F_r(v) = e_V(v) − Σ_j r_j log(1 + exp(c_j + (v'W)_j))`,  `p(v | r) = exp(−F_r(v)) / Z_r`,
//!
//! all of which share their parameters. What is trained is the mean log-likelihood of the cases under patterns that do not depend on them,
//!
//! `L(θ) = −⟨E_r log p(v | r; θ)⟩_data = E_r [⟨F_r⟩_data + log Z_r]`,  `∂L = E_r [⟨∂F_r⟩_data − E_{p(· | r)} ∂F_r]`,
//!
//! which by the convexity of `−log` is an upper bound of the negative log-likelihood of the mixture `Σ_r p(r) p(v | r)` of all these machines. [`EnumeratedDropout`] sums over all patterns.
//! [`DropoutContrastiveDivergence`] draws one for every case in every minibatch and replaces `E_{p(· | r)}` by a chain of that case's machine that starts at the case, as in
//! the paper. Retaining all units is the ordinary likelihood and ordinary contrastive divergence.
//!
//! After training the mean of a hidden unit over patterns is `p σ(c_j + (v'W)_j)`, for readers of features; the machine with all its units is another density than the mixture.

use gibbsian_core::error::{check_count, check_each, check_loss, check_shape};
use gibbsian_core::math::{sigmoid, softplus};
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Error, FiniteUnits, Objective, Result, Stateless, Streams, Units};
use gibbsian_linalg::matmul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip};
use rand::{Rng, RngExt};

use super::{EnumeratedLikelihood, Rbm};
use crate::units::Bernoulli;

/// Contrastive divergence with dropout of hidden units.
///
/// The loss is `⟨F_r⟩_data − ⟨F_r⟩_chains`, a surrogate and not a likelihood.
///
/// ```
/// use gibbsian_classical::{Bernoulli, DropoutContrastiveDivergence, Rbm};
/// use gibbsian_core::{Objective, Parametric, Seed};
/// use ndarray::{Array1, array};
///
/// let rbm = Rbm::random(Bernoulli::unbiased(3), Bernoulli::unbiased(4), 0.1, Seed::new(1))?;
/// let mut objective = DropoutContrastiveDivergence::new(0.5, 1)?;
/// let x = array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]];
/// let mut grad = Array1::zeros(rbm.n_params());
/// let loss = objective.loss_and_grad_into(&rbm, x.view(), &mut Seed::new(2).rng(), grad.view_mut())?;
/// assert!(loss.is_finite());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropoutContrastiveDivergence {
    retention: f64,
    n_steps: usize,
}

impl DropoutContrastiveDivergence {
    /// Hidden units that are retained with probability `retention`, and `n_steps` of block Gibbs sampling.
    ///
    /// # Errors
    /// A probability that is not in `(0, 1]`, or zero steps: chains that do not move give the gradient zero.
    pub fn new(retention: f64, n_steps: usize) -> Result<Self> {
        Ok(DropoutContrastiveDivergence {
            retention: check_retention(retention)?,
            n_steps: check_count("n_steps", n_steps)?,
        })
    }

    /// The gradient with the rows counting `w_b` each.
    fn contrast<V: Units>(
        &self,
        model: &Rbm<V, Bernoulli>,
        x: ArrayView2<f64>,
        w: Array1<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let streams = Streams::draw(rng);
        let thinned = Thinned {
            rbm: model,
            retained: patterns(
                self.retention,
                (x.nrows(), model.hidden.n_units()),
                streams.part(0),
            ),
        };
        let mut chains = x.to_owned();
        for step in 0..self.n_steps {
            chains = thinned.sweep(chains.view(), streams.part(1 + step as u64));
        }
        let loss = w.dot(&(thinned.free_energy(x) - thinned.free_energy(chains.view())));
        grad.fill(0.0);
        thinned.add_gradient(x, w.view(), grad.view_mut());
        thinned.add_gradient(chains.view(), (-&w).view(), grad);
        check_loss(loss, "in contrastive divergence with dropout")
    }
}

impl<V: Units> Objective<Rbm<V, Bernoulli>> for DropoutContrastiveDivergence {
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm<V, Bernoulli>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let w = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
        self.contrast(model, x, w, rng, grad)
    }

    fn weighted_loss_and_grad_into(
        &mut self,
        model: &Rbm<V, Bernoulli>,
        x: ArrayView2<f64>,
        w: ArrayView1<f64>,
        rng: &mut dyn Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        check_shape("weights", &w, &[x.nrows()])?;
        check_each("weights", w, "finite and at least zero", |w| {
            w.is_finite() && w >= 0.0
        })?;
        self.contrast(model, x, &w / x.nrows() as f64, rng, grad)
    }
}

/// Every call starts its chains anew at the minibatch, with new patterns.
impl Stateless for DropoutContrastiveDivergence {}

/// Independent patterns of retained units, `(B, H)`.
fn patterns(retention: f64, shape: (usize, usize), streams: Streams) -> Array2<f64> {
    let mut retained = Array2::zeros(shape);
    for_each_block(retained.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        rows.mapv_inplace(|_| f64::from(rng.random::<f64>() < retention));
    });
    retained
}

fn check_retention(retention: f64) -> Result<f64> {
    if retention > 0.0 && retention <= 1.0 {
        return Ok(retention);
    }
    Err(Error::parameter(
        "retention",
        retention,
        "above 0 and at most 1: it is the probability that a unit stays; begin with 0.5",
    ))
}

/// For every row the machine with the units that are retained for it.
struct Thinned<'a, V> {
    rbm: &'a Rbm<V, Bernoulli>,
    retained: Array2<f64>,
}

impl<V: Units> Thinned<'_, V> {
    /// `c + v'W`.
    fn total(&self, v: ArrayView2<f64>) -> Array2<f64> {
        self.rbm.hidden_field(v) + self.rbm.hidden.bias()
    }

    /// `F_r(v)` of every row with its own pattern.
    fn free_energy(&self, v: ArrayView2<f64>) -> Array1<f64> {
        let mut energy = Array1::zeros(v.nrows());
        self.rbm.visible.energy_into(v, energy.view_mut());
        energy - (self.total(v).mapv_into(softplus) * &self.retained).sum_axis(Axis(1))
    }

    /// **Adds** `Σ_b w_b ∂F_r(v_b)`.
    fn add_gradient(&self, v: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        let (weights, rest) = grad.split_at(Axis(0), self.rbm.weights.len());
        let (visible, mut hidden) = rest.split_at(Axis(0), self.rbm.visible.n_params());
        let means = self.total(v).mapv_into(sigmoid) * &self.retained * w.insert_axis(Axis(1));
        Zip::from(weights)
            .and(&matmul(v.t(), means.view()).flatten())
            .for_each(|g, p| *g -= p);
        self.rbm.visible.energy_pullback_into(v, w, visible);
        hidden -= &means.sum_axis(Axis(0));
    }

    /// One sweep of block Gibbs sampling of every row in its own machine.
    fn sweep(&self, v: ArrayView2<f64>, streams: Streams) -> Array2<f64> {
        let h = self.rbm.sample_hidden(v, streams.part(0)) * &self.retained;
        self.rbm.sample_visible(h.view(), streams.part(1))
    }
}

/// The largest number of hidden units whose patterns are enumerated.
const MAX_HIDDEN: usize = 16;

/// `L = −⟨E_r log p(v | r)⟩_data` in nats, and its exact gradient, by enumeration of all `2^H` patterns and of the smaller layer of each machine.
///
/// For small machines, and for judging what is trained by sampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnumeratedDropout {
    retention: f64,
}

impl EnumeratedDropout {
    /// Hidden units that are retained with probability `retention`.
    ///
    /// # Errors
    /// A probability that is not in `(0, 1]`.
    pub fn new(retention: f64) -> Result<Self> {
        Ok(EnumeratedDropout {
            retention: check_retention(retention)?,
        })
    }
}

impl<V: FiniteUnits> Objective<Rbm<V, Bernoulli>> for EnumeratedDropout {
    /// # Errors
    /// Also more than 16 hidden units.
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm<V, Bernoulli>,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        model.check_visible(x)?;
        let (n_visible, n_hidden) = model.weights.dim();
        if n_hidden > MAX_HIDDEN {
            let requirement = format!("at most {MAX_HIDDEN} for all patterns to be enumerated");
            return Err(Error::parameter(
                "the number of hidden units",
                n_hidden,
                requirement,
            ));
        }
        grad.fill(0.0);
        let of_visible = model.visible.n_params();
        let mut loss = 0.0;
        for pattern in 0..1usize << n_hidden {
            let kept: Vec<usize> = (0..n_hidden).filter(|j| pattern >> j & 1 == 1).collect();
            let p = self.retention.powi(kept.len() as i32)
                * (1.0 - self.retention).powi((n_hidden - kept.len()) as i32);
            if p == 0.0 {
                continue;
            }
            let part = of_retained(model, &kept)?;
            let mut part_grad = Array1::zeros(part.weights.len() + of_visible + part.hidden.n_units());
            loss += p * EnumeratedLikelihood.loss_and_grad_into(&part, x, rng, part_grad.view_mut())?;
            // Weights and biases go back to the units that they belong to.
            let n_part = part.hidden.n_units();
            for (k, j) in kept.iter().enumerate() {
                for i in 0..n_visible {
                    grad[i * n_hidden + j] += p * part_grad[i * n_part + k];
                }
                grad[n_visible * n_hidden + of_visible + j] +=
                    p * part_grad[n_visible * n_part + of_visible + k];
            }
            for i in 0..of_visible {
                grad[n_visible * n_hidden + i] += p * part_grad[n_visible * n_part + i];
            }
        }
        check_loss(loss, "in the enumerated likelihood with dropout")
    }
}

/// An enumeration has no memory.
impl Stateless for EnumeratedDropout {}

/// The machine with these hidden units alone, or with one that is coupled to nothing if there are none: it adds `log 2` to `−F` and to `log Z`.
fn of_retained<V: Units>(model: &Rbm<V, Bernoulli>, kept: &[usize]) -> Result<Rbm<V, Bernoulli>> {
    let visible = model.visible.clone();
    if kept.is_empty() {
        let weights = Array2::zeros((model.weights.nrows(), 1));
        return Rbm::new(visible, Bernoulli::unbiased(1), weights);
    }
    let hidden = Bernoulli::new(model.hidden.bias().select(Axis(0), kept))?;
    Rbm::new(visible, hidden, model.weights.select(Axis(1), kept))
}
