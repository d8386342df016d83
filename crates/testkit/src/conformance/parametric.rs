//! Laws of [`gibbsian_core::ParametricMut`].

use std::collections::HashSet;

use gibbsian_core::{Error, Layout, ParametricMut};
use ndarray::{Array1, ArrayView1};

use crate::agreement::identical;
use crate::verdict::{Failure, Verdict, require};

/// Checks that the layout covers the vector without gaps under unique names, that `set_params(params())` changes no
/// bit, that other parameters are taken as given, and that a wrong length and non-finite entries are refused by name
/// and leave the model unchanged; and that `update_params` hands out the parameters, takes what they became, and changes nothing where it or its caller refuses.
///
/// Other parameters are the present ones scaled by 17/16, which any model whose domain is a cone admits.
///
/// # Errors
/// The first law that does not hold.
pub fn parametric<M: ParametricMut + ?Sized>(model: &mut M) -> Verdict {
    let layout = model.layout();
    let params = model.params();
    covers(&layout, params.len(), model.n_params())?;

    set(model, params.view(), "set_params takes back params")?;
    identical("set_params(params) changes no bit", &model.params(), &params)?;

    let scaled = &params * 1.0625;
    set(model, scaled.view(), "set_params takes scaled parameters")?;
    identical(
        "params returns what set_params was given",
        &model.params(),
        &scaled,
    )?;
    // A view with strides, since an optimiser may hold parameters and momenta side by side.
    let mut pairs = Array1::from_elem(2 * params.len(), f64::NAN);
    pairs.slice_mut(ndarray::s![..;2]).assign(&params);
    set(
        model,
        pairs.slice(ndarray::s![..;2]),
        "set_params takes a view with strides",
    )?;
    identical(
        "params returns what set_params was given through strides",
        &model.params(),
        &params,
    )?;

    for length in [params.len() + 1, params.len().saturating_sub(1)] {
        if length != params.len() {
            refused(model, &params, Array1::from_elem(length, 0.5), "params")?;
        }
    }
    for k in [0, params.len() / 2, params.len().saturating_sub(1)] {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            if k < params.len() {
                let mut spoilt = &params * 1.0625;
                spoilt[k] = bad;
                refused(model, &params, spoilt, &layout.locate(k))?;
            }
        }
    }
    updates(model, &params)
}

/// Twice, because a model may keep memory from one update to the next.
fn updates<M: ParametricMut + ?Sized>(model: &mut M, params: &Array1<f64>) -> Verdict {
    for _ in 0..2 {
        let mut seen = Array1::zeros(0);
        let scaled = model.update_params(&mut |mut p| {
            seen = p.to_owned();
            p *= 1.0625;
            Ok(())
        });
        scaled.map_err(|e| Failure::refused("an update is taken", &e))?;
        identical("an update begins with the parameters", &seen, params)?;
        let after = model.params();
        identical(
            "the parameters become what an update left",
            &after,
            &(params * 1.0625),
        )?;
        let halted = model.update_params(&mut |mut p| {
            p.fill(0.5);
            Err(Error::parameter("change", "refused", "accepted"))
        });
        require(
            halted.is_err(),
            "a refusal of the caller is handed on",
            "none was",
        )?;
        identical("a refusal of the caller changes nothing", &model.params(), &after)?;
        if !params.is_empty() {
            let spoilt = model.update_params(&mut |mut p| {
                p[0] = f64::NAN;
                Ok(())
            });
            require(
                spoilt.is_err(),
                "a parameter that is none is refused",
                "it was taken",
            )?;
            identical("a refused update changes nothing", &model.params(), &after)?;
        }
        set(model, params.view(), "set_params takes back params")?;
    }
    Ok(())
}

fn covers(layout: &Layout, length: usize, n_params: usize) -> Verdict {
    let law = "the layout covers the parameters";
    require(
        layout.n_params() == length && n_params == length,
        law,
        format_args!(
            "params has {length} entries, n_params says {n_params}, the layout {}",
            layout.n_params()
        ),
    )?;
    let (mut end, mut names) = (0, HashSet::new());
    for t in layout.tensors() {
        let size = t.shape.iter().product::<usize>();
        require(
            t.range.start == end && t.range.len() == size,
            law,
            format_args!(
                "`{}` of shape {:?} lies in {:?} after {end}",
                t.name, t.shape, t.range
            ),
        )?;
        require(
            !t.name.is_empty() && names.insert(&t.name),
            "the names of the parameters are unique",
            format_args!("`{}` is empty or stands twice", t.name),
        )?;
        end = t.range.end;
    }
    Ok(())
}

fn set<M: ParametricMut + ?Sized>(model: &mut M, params: ArrayView1<f64>, law: &str) -> Verdict {
    model.set_params(params).map_err(|e| Failure::refused(law, &e))
}

/// Requires `bad` to be refused with an error that names `culprit`, and the model to keep `params`.
fn refused<M: ParametricMut + ?Sized>(
    model: &mut M,
    params: &Array1<f64>,
    bad: Array1<f64>,
    culprit: &str,
) -> Verdict {
    match model.set_params(bad.view()) {
        Ok(()) => {
            return Err(Failure::new(
                "bad parameters are refused",
                format_args!("{bad} was taken"),
            ));
        }
        Err(e) => require(
            e.to_string().contains(culprit),
            "a refusal names the parameter",
            format_args!("`{culprit}` is not in: {e}"),
        )?,
    }
    identical("a refusal leaves the model unchanged", &model.params(), params)
}
