//! Analytic derivatives against differences.
//!
//! What is held against what:
//!
//! | derivative | differences of |
//! |---|---|
//! | score `s` | `−E` along each coordinate |
//! | product `J v` | `s` along `v` |
//! | divergence `tr J` | `s_i` along coordinate `i`, summed |
//! | pullback of the energy | `Σ_b w_b E(x_b)` along each parameter |
//! | pullback of the score | `Σ_b u_b · s(x_b)` along each parameter |
//! | pullback of the product | `Σ_b u_b · s(x_b) + w_b · J(x_b) v_b` along each parameter |
//!
//! so each rung of the ladder stands on the one below it. An entry may differ by [`Precision::relative`] of itself
//! plus eight times the estimated error of the differences; differences that do not resolve the derivative at all are
//! a failure of the probe and reported as such. Directions and cotangents are fixed standard normal draws: a wrong
//! term survives them with probability zero.
//!
//! Complex steps and dual numbers would be sharper still, but the traits speak `f64`; a crate whose formulas are
//! generic in the number type checks those with dual numbers itself and ties the traits to them here.
//!
//! The checks return the worst entry when they succeed, so that their sharpness can be measured too.

use gibbsian_core::{ParametricMut, Potential, ScoreJvp};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::agreement::{Agreement, Worst, close, largest};
use crate::differences::{Estimate, Precision, derivative};
use crate::pullback::normals;
use crate::verdict::Failure;

/// Checks `s = −∂E/∂x` at every probe and coordinate.
///
/// # Errors
/// The worst entry that disagrees.
pub fn score<M: Potential + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let law = "the score is minus the gradient of the energy";
    row_gradient(law, x, &model.score(x), &|x| -model.energy(x), precision)
}

/// Checks a gradient `(B, D)` of a function of rows `(B, D) → (B)` against differences.
///
/// # Errors
/// The worst entry that disagrees.
pub fn row_gradient(
    law: &str,
    x: ArrayView2<f64>,
    found: &Array2<f64>,
    f: &dyn Fn(ArrayView2<f64>) -> Array1<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let mut entries = Entries::new(law, precision);
    for i in 0..x.ncols() {
        for (b, slope) in along_coordinate(x, i, precision, f)?.into_iter().enumerate() {
            entries.push(|| format!("row {b}, coordinate {i}"), found[[b, i]], slope);
        }
    }
    entries.finish()
}

/// Checks `J v` against differences of the score along `v`, and that the score that comes with the product is the score.
///
/// # Errors
/// The worst entry that disagrees.
pub fn score_jvp<M: ScoreJvp + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let v = normals("direction", x.dim());
    let (mut score, mut jvp) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
    model.score_jvp_into(x, v.view(), score.view_mut(), jvp.view_mut());
    close(
        "the score beside the product is the score",
        &score,
        &model.score(x),
        precision.agreement(),
    )?;

    let along_v = &mut |t: f64| Ok(model.score((&x + &(&v * t)).view()).into_flat());
    let slopes = derivative(along_v, largest(&x).max(largest(&v)), precision)?;
    let mut entries = Entries::new("J v is the derivative of the score along v", precision);
    for (k, slope) in slopes.into_iter().enumerate() {
        let (b, i) = (k / x.ncols(), k % x.ncols());
        entries.push(|| format!("row {b}, coordinate {i}"), jvp[[b, i]], slope);
    }
    entries.finish()
}

/// Checks the divergence against differences of the score, coordinate by coordinate.
///
/// # Errors
/// The worst row that disagrees.
pub fn divergence<M: ScoreJvp + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let mut traces = vec![Estimate::default(); x.nrows()];
    for i in 0..x.ncols() {
        let slopes = along_coordinate(x, i, precision, &|x| model.score(x).column(i).to_owned())?;
        for (trace, slope) in traces.iter_mut().zip(slopes) {
            *trace = trace.plus(slope);
        }
    }
    let found = model.divergence(x);
    let mut entries = Entries::new(
        "the divergence is the trace of the Jacobian of the score",
        precision,
    );
    for (b, trace) in traces.into_iter().enumerate() {
        entries.push(|| format!("row {b}"), found[b], trace);
    }
    entries.finish()
}

/// Checks a gradient in the parameters of `Σ_k terms_k(model)` against differences. The parameters are put back
/// afterwards.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter; or the model refuses a parameter within the reach of the
/// differences, and a smaller [`Precision::step`] is needed.
pub fn parameter_gradient<M: ParametricMut + ?Sized>(
    law: &str,
    model: &mut M,
    found: ArrayView1<f64>,
    terms: &dyn Fn(&M) -> Array1<f64>,
    precision: Precision,
) -> Result<Worst, Failure> {
    let layout = model.layout();
    let params = model.params();
    let mut entries = Entries::new(law, precision);
    let mut outcome = Ok(());
    for (k, &at) in params.iter().enumerate() {
        let mut moved = params.clone();
        let mut along = |t: f64| {
            moved[k] = at + t;
            model
                .set_params(moved.view())
                .map_err(|e| Failure::refused(law, &e))?;
            Ok(terms(model))
        };
        match derivative(&mut along, at.abs(), precision) {
            Ok(slopes) => {
                let slope = slopes.into_iter().fold(Estimate::default(), Estimate::plus);
                entries.push(|| layout.locate(k), found[k], slope);
            }
            Err(failure) => {
                outcome = Err(failure.within(format_args!("differences in {}", layout.locate(k))));
                break;
            }
        }
    }
    model
        .set_params(params.view())
        .map_err(|e| Failure::refused("parameters are put back", &e))?;
    outcome?;
    entries.finish()
}

/// The derivative of a function of rows along one coordinate of all of them.
pub(crate) fn along_coordinate(
    x: ArrayView2<f64>,
    i: usize,
    precision: Precision,
    f: &dyn Fn(ArrayView2<f64>) -> Array1<f64>,
) -> Result<Vec<Estimate>, Failure> {
    let mut moved = x.to_owned();
    let mut along = |t: f64| {
        moved.column_mut(i).assign(&(&x.column(i) + t));
        Ok(f(moved.view()))
    };
    derivative(&mut along, largest(&x.column(i)), precision)
}

/// Analytic entries beside their estimates.
pub(crate) struct Entries {
    law: String,
    precision: Precision,
    entries: Vec<(String, f64, Estimate)>,
}

impl Entries {
    /// A comparison under `law`, without entries yet.
    pub(crate) fn new(law: &str, precision: Precision) -> Self {
        Entries {
            law: law.to_owned(),
            precision,
            entries: Vec::new(),
        }
    }

    /// Adds one analytic derivative and its estimate.
    pub(crate) fn push(&mut self, name: impl FnOnce() -> String, found: f64, estimate: Estimate) {
        self.entries.push((name(), found, estimate));
    }

    /// The worst entry when all agree.
    ///
    /// # Errors
    /// Some entry disagrees, or its differences do not resolve it.
    pub(crate) fn finish(self) -> Result<Worst, Failure> {
        let size = self
            .entries
            .iter()
            .fold(0.0, |m: f64, (_, _, e)| m.max(e.value.abs()));
        let mut agreement = Agreement::new(self.law.clone());
        for (name, found, estimate) in self.entries {
            // With fewer than half of the digits asked for the comparison would be empty; what rounding takes is not
            // the probe's fault.
            let resolved = self.precision.relative.sqrt() * size + 1e3 * estimate.rounding;
            if estimate.truncation.is_nan() || estimate.truncation > resolved {
                return Err(Failure::new(
                    self.law,
                    format_args!(
                        "{name}: differences do not resolve the derivative ({:e} ± {:e}, found {found:e}); probe where \
                         the function is finite and smooth within a step, or take smaller steps",
                        estimate.value,
                        estimate.error()
                    ),
                ));
            }
            let relative = self.precision.relative * found.abs().max(estimate.value.abs());
            agreement.entry(|| name, found, estimate.value, relative + 8.0 * estimate.error());
        }
        agreement.finish()
    }
}
