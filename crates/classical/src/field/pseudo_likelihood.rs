//! Parameters from clean pictures by maximum pseudo-likelihood (Besag 1975), site by site through the neighbours only.
//!
//! `−Σ_i log p(y_i | y_∖i) = Σ_i [E_i(y_i) + log Σ_a exp(−E_i(a))]` with the local energies `E_i(a) = U_i(a) + Σ_j V_ij(a, y_j)`, which are linear in the parameters of a
//! [`TiedField`]: `E_i = E_i⁰ + Σ_k θ_k F_ik`. Gradient and curvature are mean and covariance of the `F_i` in the law of the site,
//!
//! `Σ_i [F_i(y_i) − ⟨F_i⟩]`,  `Σ_i ⟨F_i F_i'⟩ − ⟨F_i⟩⟨F_i⟩'`,
//!
//! so the loss is convex and Newton's method needs a handful of passes over the picture. An objective for any energy costs a pass over the whole picture for each
//! site; this one costs a few for all of them.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Error, Objective, Result, Space, Stateless};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::Rng;

use super::TiedField;
use super::fit::{Fit, Local, minimise};

/// The negative mean pseudo-log-likelihood in nats a row, and its exact gradient, of fields with tied potentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct FieldPseudoLikelihood;

impl Objective<TiedField> for FieldPseudoLikelihood {
    fn loss_and_grad_into(
        &mut self,
        model: &TiedField,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let local = pseudo_likelihood(model, x)?;
        grad.assign(&local.gradient);
        Ok(local.loss)
    }
}

/// The loss is a function of the minibatch.
impl Stateless for FieldPseudoLikelihood {}

/// Moves the parameters of `model` to the maximum of the pseudo-likelihood of the rows of `y` `(B, N)`, until a Newton step expects to win less than `tolerance`
/// nats a row.
///
/// ```
/// use gibbsian_classical::field::{TiedField, fit_pseudo_likelihood};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::array;
///
/// let graph = Graph::lattice(&[6], Boundary::Periodic)?;
/// let mut prior = TiedField::smooth(graph, vec![0.0, 1.0], 0.0, array![0.0].view())?;
/// let pictures = array![[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]];
/// let fit = fit_pseudo_likelihood(&mut prior, pictures.view(), 1e-12, 50)?;
/// assert!(fit.decrement < 1e-12);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// Where the loss only falls for ever, as on a picture of one label, it ends at large parameters with what is left to win below the tolerance.
///
/// # Errors
/// Rows that are no states; a tolerance that is not positive, or no steps; data on which two parameters mean the same, so that the curvature is singular; or an end that `max_steps` do
/// not reach.
pub fn fit_pseudo_likelihood(
    model: &mut TiedField,
    y: ArrayView2<f64>,
    tolerance: f64,
    max_steps: usize,
) -> Result<Fit> {
    minimise(model, tolerance, max_steps, |model| pseudo_likelihood(model, y))
}

/// The loss, with gradient and curvature, a row.
fn pseudo_likelihood(model: &TiedField, y: ArrayView2<f64>) -> Result<Local> {
    model.check_states("y", y)?;
    let (field, q, n_params) = (model.field(), model.field().n_labels(), model.features().len());
    let mut local = Local {
        loss: 0.0,
        gradient: Array1::zeros(n_params),
        curvature: Array2::zeros((n_params, n_params)),
    };
    let n_rows = y.nrows() as f64;
    let mut energies = vec![0.0; q];
    let mut features = Array2::zeros((n_params, q));
    let mut means = Array1::zeros(n_params);
    for row in y.rows() {
        let y = field.label_numbers("y", row)?;
        for site in 0..model.dim() {
            field.local_energies(site, |j| y[j], &mut energies);
            for (feature, mut row) in model.features().iter().zip(features.rows_mut()) {
                feature.local_energies(site, |j| y[j], row.as_slice_mut().expect("rows are slices"));
            }
            let own = energies[y[site]];
            energies.iter_mut().for_each(|e| *e = own - *e);
            let log_total = log_sum_exp(&energies);
            local.loss += log_total / n_rows;
            energies.iter_mut().for_each(|e| *e = (*e - log_total).exp());
            let p = ArrayView1::from(&energies);
            means.assign(&features.dot(&p));
            for k in 0..n_params {
                local.gradient[k] += (features[[k, y[site]]] - means[k]) / n_rows;
                for l in 0..=k {
                    let product =
                        |a: usize| p[a] * (features[[k, a]] - means[k]) * (features[[l, a]] - means[l]);
                    local.curvature[[k, l]] += (0..q).map(product).sum::<f64>() / n_rows;
                }
            }
        }
    }
    for k in 0..n_params {
        for l in 0..k {
            local.curvature[[l, k]] = local.curvature[[k, l]];
        }
    }
    if local.loss.is_finite() {
        Ok(local)
    } else {
        Err(Error::non_finite("loss", local.loss, "in the pseudo-likelihood"))
    }
}
