//! Laws of training objectives.

use gibbsian_core::{Objective, Parametric, ParametricMut, Seed};
use ndarray::{Array1, Array2, ArrayView2, s};

use crate::agreement::identical;
use crate::derivatives::parameter_gradient;
use crate::differences::Precision;
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// Checks [`Objective`] on the minibatch `x` `(B, D)`, with a new objective from `make` each time: the gradient is
/// overwritten, also through strides; loss and gradient are finite and determined by the seed, on any number of
/// threads; and batches that do not fit (a column too many, no rows, NaN) are refused, a NaN by its row.
///
/// # Errors
/// The first law that does not hold.
pub fn objective<M: Parametric + Sync + ?Sized, O: Objective<M>>(
    make: impl Fn() -> O + Sync,
    model: &M,
    x: ArrayView2<f64>,
    seed: Seed,
) -> Verdict {
    let n = model.n_params();
    let run = |before: f64| {
        let mut grad = Array1::from_elem(n, before);
        match make().loss_and_grad_into(model, x, &mut seed.rng(), grad.view_mut()) {
            Ok(loss) => Ok(grad.into_iter().chain([loss]).collect::<Array1<f64>>()),
            Err(e) => Err(Failure::refused("a minibatch is taken", &e)),
        }
    };
    let reference = run(0.0)?;
    require(
        reference.iter().all(|v| v.is_finite()),
        "loss and gradient are finite",
        format_args!("{reference}"),
    )?;
    identical("the gradient is overwritten", &run(7.0)?, &reference)?;
    identical(
        "the gradient is overwritten, even where it was NaN",
        &run(f64::NAN)?,
        &reference,
    )?;
    let mut host = Array1::from_elem(2 * n, 0.25);
    let strided = make().loss_and_grad_into(model, x, &mut seed.rng(), host.slice_mut(s![..;2]));
    strided.map_err(|e| Failure::refused("a minibatch is taken", &e))?;
    identical(
        "a gradient view with strides is filled",
        &host.slice(s![..;2]),
        &reference.slice(s![..n]),
    )?;
    threads::same_on_any_number("loss and gradient have the same bits", || {
        run(0.0).unwrap_or_else(|_| Array1::zeros(0))
    })?;

    let (row, column) = (x.nrows() - 1, x.ncols() - 1);
    let mut spoilt = x.to_owned();
    spoilt[[row, column]] = f64::NAN;
    let wide = Array2::from_shape_fn((x.nrows(), x.ncols() + 1), |(b, i)| x[[b, i.min(x.ncols() - 1)]]);
    for (what, bad) in [
        ("a column too many", wide),
        ("no rows", x.slice(s![..0, ..]).to_owned()),
        ("NaN", spoilt),
    ] {
        let outcome =
            make().loss_and_grad_into(model, bad.view(), &mut seed.rng(), Array1::zeros(n).view_mut());
        let Err(error) = outcome else {
            return Err(Failure::new(
                "a batch that does not fit is refused",
                format_args!("one with {what} was taken"),
            ));
        };
        // Its column may count from where labels begin.
        let place = format!("[{row}, ");
        require(
            what != "NaN" || error.to_string().contains(&place),
            "a number that is none is named with its row",
            format_args!("{error}"),
        )?;
    }
    Ok(())
}

/// Checks that the gradient of an objective is the derivative of its loss, for objectives that return the loss itself
/// (and not a surrogate) and whose random numbers do not depend on the parameters: the seed is the same at each
/// evaluation.
///
/// # Errors
/// The worst entry that disagrees, by the name of its parameter.
pub fn objective_gradient<M: ParametricMut + ?Sized, O: Objective<M>>(
    make: impl Fn() -> O,
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    let loss_and_grad = |model: &M| {
        let mut grad = Array1::zeros(model.n_params());
        let loss = make().loss_and_grad_into(model, x, &mut seed.rng(), grad.view_mut());
        loss.map(|loss| (loss, grad))
            .map_err(|e| Failure::refused("a minibatch is taken", &e))
    };
    let (_, grad) = loss_and_grad(model)?;
    // A refusal on the way becomes NaN, which no comparison accepts.
    let loss = |model: &M| ndarray::arr1(&[loss_and_grad(model).map_or(f64::NAN, |(loss, _)| loss)]);
    parameter_gradient(
        "the gradient is the derivative of the loss",
        model,
        grad.view(),
        &loss,
        precision,
    )
    .map(|_| ())
}
