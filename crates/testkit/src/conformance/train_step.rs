//! Laws of training steps.

use gibbsian_core::{Error, ParametricMut, Seed, TrainStep};
use ndarray::{Array1, Array2, ArrayView2};

use crate::agreement::identical;
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// Checks [`TrainStep`] on the minibatch `x` `(B, D)`, with a new step from `make` each time: it changes the
/// parameters, is determined by the seed, on any number of threads; and it refuses batches that do not fit and a
/// learning rate of NaN, leaving the model as it was.
///
/// # Errors
/// The first law that does not hold.
pub fn train_step<M: ParametricMut + Clone + Sync, S: TrainStep<M>>(
    make: impl Fn() -> S + Sync,
    model: &M,
    x: ArrayView2<f64>,
    learning_rate: f64,
    seed: Seed,
) -> Verdict {
    const N_STEPS: usize = 3;
    let run = || -> Result<Array1<f64>, Error> {
        let (mut step, mut model, mut rng) = (make(), model.clone(), seed.rng());
        let mut losses = Vec::new();
        for _ in 0..N_STEPS {
            losses.push(step.train_step(&mut model, x, learning_rate, &mut rng)?);
        }
        Ok(model.params().into_iter().chain(losses).collect())
    };
    let reference = run().map_err(|e| Failure::refused("a minibatch is taken", &e))?;
    let params = model.params();
    require(
        reference.iter().all(|v| v.is_finite()),
        "parameters and loss stay finite",
        format_args!("{reference}"),
    )?;
    require(
        reference.iter().zip(&params).any(|(new, old)| new != old),
        "a step changes the parameters",
        format_args!("{N_STEPS} steps did not"),
    )?;
    threads::same_on_any_number("parameters and losses have the same bits", || {
        run().unwrap_or_else(|_| Array1::zeros(0))
    })?;

    let mut spoilt = x.to_owned();
    spoilt[[x.nrows() - 1, x.ncols() - 1]] = f64::NAN;
    let wide = Array2::from_shape_fn((x.nrows(), x.ncols() + 1), |(b, i)| x[[b, i.min(x.ncols() - 1)]]);
    let none = Array2::zeros((0, x.ncols()));
    for (what, batch, rate) in [
        ("a column too many", wide, learning_rate),
        ("no rows", none, learning_rate),
        ("NaN", spoilt, learning_rate),
        ("a learning rate of NaN", x.to_owned(), f64::NAN),
    ] {
        let mut model = model.clone();
        let outcome = make().train_step(&mut model, batch.view(), rate, &mut seed.rng());
        require(
            outcome.is_err(),
            "a step that does not fit is refused",
            format_args!("{what} was taken"),
        )?;
        identical(
            "a refused step leaves the model unchanged",
            &model.params(),
            &params,
        )
        .map_err(|f| f.within(what))?;
    }
    Ok(())
}
