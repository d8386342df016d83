//! Parameters from clean pictures by exact maximum likelihood, on fields small enough to list.
//!
//! `−⟨log p(y)⟩ = ⟨E⟩_data + log Z` with the gradient `⟨E_k⟩_data − ⟨E_k⟩_p` and the curvature `Cov_p(E_k, E_l)`: at the maximum the model has the statistics of the data.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, Result};
use ndarray::{ArrayView2, Axis};

use super::TiedField;
use super::fit::{Fit, Local, minimise};

/// Moves the parameters of `model` to the maximum of the likelihood of the rows of `y` `(B, N)`, until a Newton step expects to win less than `tolerance` nats a row.
///
/// ```
/// use gibbsian_classical::field::{TiedField, fit_likelihood};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::array;
///
/// // Of two sites, three rows in four agree: e^J = 3.
/// let graph = Graph::lattice(&[2], Boundary::Open)?;
/// let mut prior = TiedField::smooth(graph, vec![0.0, 1.0], 0.0, array![0.0].view())?;
/// let y = array![[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
/// let fit = fit_likelihood(&mut prior, y.view(), 1e-14, 50)?;
/// assert!((fit.params[0] - 3.0_f64.ln()).abs() < 1e-7);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// More than 2²⁴ states; and those of [`fit_pseudo_likelihood`](super::fit_pseudo_likelihood).
pub fn fit_likelihood(
    model: &mut TiedField,
    y: ArrayView2<f64>,
    tolerance: f64,
    max_steps: usize,
) -> Result<Fit> {
    model.check_states("y", y)?;
    let states = model.states()?;
    // The statistics do not depend on the parameters.
    let statistics = model.statistics(states.view());
    let observed = model.statistics(y).mean_axis(Axis(0)).expect("there are rows");
    minimise(model, tolerance, max_steps, |model| {
        let log_weights = model.energy(states.view()).mapv(|e| -e);
        let log_z = log_sum_exp(log_weights.as_slice().expect("a new array is a slice"));
        let p = log_weights.mapv(|w| (w - log_z).exp());
        let means = statistics.t().dot(&p);
        let centred = &statistics - &means;
        let weighted = &centred * &p.insert_axis(Axis(1));
        Ok(Local {
            loss: model.energy(y).mean().expect("there are rows") + log_z,
            gradient: &observed - &means,
            curvature: centred.t().dot(&weighted),
        })
    })
}
