//! Newton's method for the convex losses of tied fields.

use gibbsian_core::error::{check_count, check_positive};
use gibbsian_core::{Error, Parametric, ParametricMut, Result};
use gibbsian_linalg::Cholesky;
use ndarray::{Array1, Array2};

use super::TiedField;

/// What was learnt from clean pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The parameters, which the model has too.
    pub params: Array1<f64>,
    /// The negative mean log-likelihood, or pseudo-log-likelihood, at the end, in nats a row.
    pub loss: f64,
    /// The curvature of the loss at the end, `(K, K)`. For the likelihood its inverse over the number of rows estimates the covariance of the parameters; for the pseudo-likelihood it does not,
    /// since the terms of a row are not independent.
    pub curvature: Array2<f64>,
    /// The number of Newton steps.
    pub n_steps: usize,
    /// What one more step would be expected to win, in nats a row.
    pub decrement: f64,
}

/// A loss at some parameters.
pub(super) struct Local {
    pub(super) loss: f64,
    pub(super) gradient: Array1<f64>,
    pub(super) curvature: Array2<f64>,
}

/// Newton steps, halved until they lower the loss, until one expects to win less than `tolerance`.
pub(super) fn minimise(
    model: &mut TiedField,
    tolerance: f64,
    max_steps: usize,
    evaluate: impl Fn(&TiedField) -> Result<Local>,
) -> Result<Fit> {
    check_positive("tolerance", tolerance)?;
    check_count("max_steps", max_steps)?;
    let mut here = evaluate(model)?;
    for n_steps in 0..=max_steps {
        let factor = factor(&here.curvature).ok_or_else(|| no_minimum("a singular curvature", model))?;
        let step = factor.solve_vector(here.gradient.view());
        let decrement = 0.5 * step.dot(&here.gradient);
        if decrement < tolerance {
            return Ok(Fit {
                params: model.params(),
                loss: here.loss,
                curvature: here.curvature,
                n_steps,
                decrement,
            });
        }
        if n_steps == max_steps {
            break;
        }
        let theta = model.params();
        let mut length = 1.0;
        here = loop {
            model.set_params((&theta - &(&step * length)).view())?;
            let there = evaluate(model)?;
            // At least a quarter of what the slope promises (Armijo 1966), but for rounding near the end.
            if there.loss <= here.loss - 0.5 * length * decrement + 1e-14 * here.loss.abs() {
                break there;
            }
            length *= 0.5;
        };
    }
    Err(no_minimum(&format!("no end after {max_steps} steps"), model))
}

/// The factor of a curvature, unless two parameters mean the same to what rounding leaves: then a pivot is what is left of its diagonal after everything cancelled.
fn factor(curvature: &Array2<f64>) -> Option<Cholesky> {
    let factor = Cholesky::new("curvature", curvature.view()).ok()?;
    let pivots = factor.lower().diag().mapv(|l| l * l);
    let is_regular = pivots
        .iter()
        .zip(curvature.diag())
        .all(|(pivot, h)| *pivot > 1e-10 * h);
    is_regular.then_some(factor)
}

fn no_minimum(found: &str, model: &TiedField) -> Error {
    let value = format!("data with {found} at the parameters {}", model.params());
    Error::parameter("y", value, "data whose likelihood has a maximum")
}
