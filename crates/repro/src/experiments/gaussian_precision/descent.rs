//! The explicit score matching objective of any model, and its minimum over normal densities by iteration.

use gibbsian_core::{Parametric, ParametricMut, ScoreJvp, ScoreJvpPullback, Space};
use gibbsian_densities::MultivariateNormal;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::Result;

/// `E [tr J + ½ |s|²]` over the rows of `x` (Hyvärinen 2005, theorem 1).
pub(super) fn objective(model: &impl ScoreJvp, x: ArrayView2<f64>) -> f64 {
    let squares = model.score(x).map_axis(Axis(1), |s| s.dot(&s));
    (model.divergence(x) + 0.5 * squares).sum() / x.nrows() as f64
}

/// Its gradient in the parameters, from the model's own derivatives.
pub(super) fn gradient(model: &impl ScoreJvpPullback, x: ArrayView2<f64>) -> Array1<f64> {
    let share = 1.0 / x.nrows() as f64;
    let mut gradient = Array1::zeros(model.n_params());
    for i in 0..model.dim() {
        let mut direction = Array2::zeros(x.raw_dim());
        direction.column_mut(i).fill(1.0);
        // Each direction has its own entry of the trace; ½ |s|² belongs to the first.
        model.score_jvp_pullback_with(
            x,
            direction.view(),
            &mut |score, _, mut u, mut w| {
                u.assign(&(&score * if i == 0 { share } else { 0.0 }));
                w.fill(0.0);
                w.column_mut(i).fill(share);
            },
            gradient.view_mut(),
        );
    }
    gradient
}

/// The minimum over normal densities of mean zero, and the objective at every step.
///
/// As a function of the symmetric `K` the objective is quadratic with the Hessian `V ↦ ½ (CV + VC)`, whose eigenvalues are in `[low, high]`, those of
/// `C`. Chebyshev's iteration (Golub and Varga 1961) reduces the error by `T_t((high + low) / (high − low))` in `t` steps, so their number follows from
/// the bounds and the precision of the numbers. It starts at `I / high`: the error then stays
/// within its first size in each eigenvector of `C`, on both sides, so that every `K` on the way is positive definite.
pub(super) fn minimise(x: ArrayView2<f64>, low: f64, high: f64) -> Result<(MultivariateNormal, Vec<f64>)> {
    let d = x.ncols();
    let mut model = MultivariateNormal::isotropic(Array1::zeros(d), high)?;
    let root = (high / low).sqrt();
    let n_steps = ((2.0 / f64::EPSILON).ln() / ((root + 1.0) / (root - 1.0)).ln()).ceil() as usize;

    let (theta, delta) = ((high + low) / 2.0, (high - low) / 2.0);
    let mut rho = delta / theta;
    let mut step = descent(&model, x) / theta;
    let mut objectives = vec![objective(&model, x)];
    for _ in 0..n_steps {
        let params = model.params() + &step;
        model.set_params(params.view())?;
        objectives.push(objective(&model, x));
        let next = 1.0 / (2.0 * theta / delta - rho);
        step = &step * (next * rho) + descent(&model, x) * (2.0 * next / delta);
        rho = next;
    }
    Ok((model, objectives))
}

/// Minus the gradient in the symmetric matrix `K`, as a change of the parameters; the mean stays.
///
/// An entry beside the diagonal is one parameter and two entries of the matrix, so its derivative is twice theirs.
fn descent(model: &MultivariateNormal, x: ArrayView2<f64>) -> Array1<f64> {
    let d = model.dim();
    let mut change = -gradient(model, x);
    let mut entries = change.iter_mut();
    entries.by_ref().take(d).for_each(|mean| *mean = 0.0);
    for i in 0..d {
        for j in 0..=i {
            if let Some(entry) = entries.next()
                && i != j
            {
                *entry *= 0.5;
            }
        }
    }
    change
}
