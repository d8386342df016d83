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
        here = descend(model, &here, &step, decrement, &evaluate)?;
    }
    Err(no_minimum(&format!("no end after {max_steps} steps"), model))
}

/// The first of the steps of length 1, ½, ¼, … that lowers the loss; the model goes with it, or stays where there is none.
fn descend(
    model: &mut TiedField,
    here: &Local,
    step: &Array1<f64>,
    decrement: f64,
    evaluate: &impl Fn(&TiedField) -> Result<Local>,
) -> Result<Local> {
    let theta = model.params();
    let mut length = 1.0;
    let mut refused = None;
    // Shorter steps are lost in the rounding of a parameter of their size.
    while length >= f64::EPSILON {
        let moved = model.set_params((&theta - &(step * length)).view());
        match moved.and_then(|()| evaluate(model)) {
            // At least a quarter of what the slope promises (Armijo 1966), but for rounding near the end.
            Ok(there) if there.loss <= here.loss - 0.5 * length * decrement + 1e-14 * here.loss.abs() => {
                return Ok(there);
            }
            Ok(_) => refused = None,
            // Too far out there may be no finite loss.
            Err(error) => refused = Some(error),
        }
        length *= 0.5;
    }
    model.set_params(theta.view())?;
    Err(refused.unwrap_or_else(|| no_minimum("no descent along a Newton step", model)))
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ndarray::array;

    use super::*;
    use crate::graph::{Boundary, Graph};

    fn model(theta: f64) -> TiedField {
        let graph = Graph::lattice(&[2], Boundary::Open).unwrap();
        let mut model = TiedField::smooth(graph, vec![0.0, 1.0], 0.0, array![0.0].view()).unwrap();
        model.set_params(array![theta, 0.0].view()).unwrap();
        model
    }

    /// `θ − log θ` has its minimum at 1; from 3 the Newton step is `g/H = (2/3)/(1/9) = 6`, to where there is no logarithm, and its half leads to infinity.
    #[test]
    fn steps_to_where_there_is_no_loss_are_halved() {
        let mut model = model(3.0);
        let fit = minimise(&mut model, 1e-12, 50, |model| {
            let [theta, other] = [model.params()[0], model.params()[1]];
            gibbsian_core::error::check_loss(theta - theta.ln() + other * other, "at this parameter").map(
                |loss| Local {
                    loss,
                    gradient: array![1.0 - 1.0 / theta, 2.0 * other],
                    curvature: array![[1.0 / (theta * theta), 0.0], [0.0, 2.0]],
                },
            )
        });
        let fit = fit.unwrap();
        assert!(
            (fit.params[0] - 1.0).abs() < 1e-5 && fit.params[1] == 0.0,
            "{fit:?}"
        );
    }

    /// A gradient of the wrong sign leads uphill however short the step is.
    #[test]
    fn a_step_that_leads_nowhere_ends_the_search() {
        let evaluations = Cell::new(0);
        let mut model = model(0.0);
        let fit = minimise(&mut model, 1e-12, 50, |model| {
            evaluations.set(evaluations.get() + 1);
            Ok(Local {
                loss: model.params()[0],
                gradient: array![-1.0, 0.0],
                curvature: array![[1.0, 0.0], [0.0, 1.0]],
            })
        });
        let message = fit.unwrap_err().to_string();
        assert!(message.contains("no descent"), "{message}");
        assert!(evaluations.get() <= 60, "{} evaluations", evaluations.get());
        assert_eq!(
            model.params(),
            array![0.0, 0.0],
            "the model stays where the search ended"
        );
    }
}
