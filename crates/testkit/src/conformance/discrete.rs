//! Laws of finite spaces and of the energies of single-site changes.

use gibbsian_core::{Discrete, DiscreteEnergy, EnergyPullback, RelaxedEnergy};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, concatenate, s};

use crate::agreement::close;
use crate::batch::{local_row_map, row_map};
use crate::derivatives::row_gradient;
use crate::differences::Precision;
use crate::pullback::{normals, row_pullback};
use crate::verdict::{Failure, Verdict, require};

/// Checks [`Discrete`]: non-empty alphabets of distinct finite symbols, and the number and order of the states, of
/// which the first few are listed from several places. A space with fewer states than combinations of symbols must have at most 2¹², which
/// rise when read from the last coordinate to the first.
///
/// # Errors
/// The first law that does not hold.
pub fn discrete<M: Discrete + ?Sized>(model: &M) -> Verdict {
    let mut product = Some(1u64);
    for site in 0..model.dim() {
        let alphabet = model.alphabet(site);
        let distinct =
            (0..alphabet.len()).all(|k| alphabet[k].is_finite() && !alphabet[..k].contains(&alphabet[k]));
        require(
            !alphabet.is_empty() && distinct,
            "an alphabet has distinct finite symbols",
            format_args!("that of site {site} is {alphabet:?}"),
        )?;
        product = product.and_then(|p| p.checked_mul(alphabet.len() as u64));
    }
    let found = model.n_states();
    if let (Some(n), Some(m)) = (found, product)
        && n < m
    {
        return some_combinations(model, n);
    }
    require(
        found == product,
        "n_states is the product of the alphabets",
        format_args!("{found:?} instead of {product:?}"),
    )?;
    let n_states = product.unwrap_or(u64::MAX);
    for first in [0, n_states / 3, n_states - n_states.min(8)] {
        let n = (n_states - first).min(8) as usize;
        let mut states = Array2::from_elem((n, model.dim()), f64::NAN);
        model.states_into(first, states.view_mut());
        let expected = Array2::from_shape_fn((n, model.dim()), |(k, site)| {
            let below: u64 = (0..site).map(|s| model.alphabet(s).len() as u64).product();
            let alphabet = model.alphabet(site);
            alphabet[((first + k as u64) / below % alphabet.len() as u64) as usize]
        });
        close(
            "coordinate 0 of the states changes fastest",
            &states,
            &expected,
            0.0,
        )
        .map_err(|f| f.within(format_args!("from state {first}")))?;
    }
    Ok(())
}

/// The states of a space that does not have all combinations of symbols.
fn some_combinations<M: Discrete + ?Sized>(model: &M, n_states: u64) -> Verdict {
    require(
        n_states <= 1 << 12,
        "the states are few enough to be listed",
        format_args!("there are {n_states}"),
    )?;
    let mut states = Array2::from_elem((n_states as usize, model.dim()), f64::NAN);
    model.states_into(0, states.view_mut());
    // The numbers of the symbols, the last coordinate first.
    let mut before: Option<Vec<Option<usize>>> = None;
    for (k, state) in states.rows().into_iter().enumerate() {
        let symbol = |site: usize| model.alphabet(site).iter().position(|a| *a == state[site]);
        let number: Vec<_> = (0..model.dim()).rev().map(symbol).collect();
        require(
            number.iter().all(Option::is_some),
            "states consist of symbols",
            format_args!("state {k} is {state}"),
        )?;
        require(
            before.is_none_or(|before| before < number),
            "states rise, coordinate 0 fastest",
            format_args!("state {k} is {state}"),
        )?;
        before = Some(number);
    }
    let middle = n_states / 2;
    let mut upper = Array2::from_elem(((n_states - middle) as usize, model.dim()), f64::NAN);
    model.states_into(middle, upper.view_mut());
    require(
        upper == states.slice(ndarray::s![middle as usize.., ..]),
        "states are listed from any number",
        format_args!("from {middle}: {upper}"),
    )
}

/// Checks [`DiscreteEnergy`] at the states `x` `(B, D)`: what changing one site costs is the difference of two
/// energies, for every site and symbol, and for flips where all alphabets have two; and the laws of row maps.
///
/// # Errors
/// The first law that does not hold.
pub fn discrete_energy<M: DiscreteEnergy + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    discrete(model)?;
    let energy = model.energy(x);
    let binary = (0..model.dim()).all(|site| model.alphabet(site).len() == 2);
    let mut flips = Array2::from_elem(x.dim(), f64::NAN);
    if binary {
        model.flip_deltas_into(x, flips.view_mut());
    }
    for site in 0..model.dim() {
        let alphabet = model.alphabet(site);
        let mut found = Array2::from_elem((x.nrows(), alphabet.len()), f64::NAN);
        model.site_deltas_into(x, site, found.view_mut());
        let mut expected = found.clone();
        let mut expected_flips = flips.column(site).to_owned();
        for (k, &symbol) in alphabet.iter().enumerate() {
            let mut changed = x.to_owned();
            changed.column_mut(site).fill(symbol);
            let delta = model.energy(changed.view()) - &energy;
            for b in 0..x.nrows() {
                // The symbol that is not there; for two symbols, the flip.
                if x[[b, site]] != symbol {
                    expected_flips[b] = delta[b];
                }
            }
            expected.column_mut(k).assign(&delta);
        }
        // Energies cancel in the difference: the scale of its rounding is that of the energies.
        let scale = 1.0 + crate::agreement::largest(&energy);
        let within = |f: Failure| f.within(format_args!("site {site}"));
        let tolerance = precision.agreement();
        close(
            "site deltas are differences of energies",
            &(&found / scale + 1.0),
            &(&expected / scale + 1.0),
            tolerance,
        )
        .map_err(within)?;
        if binary {
            let (found, expected) = (&flips.column(site) / scale + 1.0, &expected_flips / scale + 1.0);
            close(
                "flip deltas are differences of energies",
                &found,
                &expected,
                tolerance,
            )
            .map_err(within)?;
        }
    }
    let last = model.dim().saturating_sub(1);
    // A local formula does not look at sites that this one is not coupled to.
    local_row_map(
        x,
        model.alphabet(last).len(),
        &|x, out| model.site_deltas_into(x, last, out),
        precision,
    )
    .map_err(|f| f.within("site deltas"))?;
    if binary {
        row_map(x, x.ncols(), &|x, out| model.flip_deltas_into(x, out), precision)
            .map_err(|f| f.within("flip deltas"))?;
    }
    Ok(())
}

/// Checks [`EnergyPullback::flips_pullback_into`] at the states `x` `(B, D)` of a space with two symbols a site: it is the weighted sum of the gradients at
/// all flipped states, in whatever way flips share work; and the laws of pullbacks.
///
/// # Errors
/// The first law that does not hold.
pub fn flips_pullback<M: Discrete + EnergyPullback>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let (d, n_params) = (x.ncols(), model.n_params());
    let mut w = normals("weights of flips", x.dim());
    // Flips of weight zero are left out.
    w.iter_mut().step_by(3).for_each(|w| *w = 0.0);
    let rows = concatenate![Axis(1), x, w];
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        model.flips_pullback_into(rows.slice(s![.., ..d]), rows.slice(s![.., d..]), grad);
    };
    let found = row_pullback(rows.view(), n_params, &add, precision)?;
    let mut expected = Array1::zeros(n_params);
    for site in 0..d {
        let alphabet = model.alphabet(site);
        let mut flipped = x.to_owned();
        flipped
            .column_mut(site)
            .mapv_inplace(|v| alphabet[usize::from(v == alphabet[0])]);
        model.energy_pullback_into(flipped.view(), w.column(site), expected.view_mut());
    }
    close(
        "the pullback of flips sums over the flipped states",
        &found,
        &expected,
        precision.agreement(),
    )
}

/// Checks [`RelaxedEnergy`] at the states `x` `(B, D)`: the relaxed score is minus the gradient of the energy's formula, there and half-way to the
/// next row; what comes in one pass is what comes in two; and the laws of row maps.
///
/// # Errors
/// The first law that does not hold.
pub fn relaxed_energy<M: RelaxedEnergy + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let next: Vec<usize> = (1..x.nrows()).chain([0]).collect();
    let between = (&x + &x.select(Axis(0), &next)) / 2.0;
    for x in [x, between.view()] {
        let law = "the relaxed score is minus the gradient of the energy";
        row_gradient(law, x, &model.relaxed_score(x), &|x| -model.energy(x), precision)?;
    }
    let one_pass = |x: ArrayView2<f64>, out: ArrayViewMut2<f64>| {
        let (mut energy, score) = out.split_at(Axis(1), 1);
        model.energy_and_relaxed_score_into(x, energy.column_mut(0), score);
    };
    let mut both = Array2::zeros((x.nrows(), x.ncols() + 1));
    one_pass(x, both.view_mut());
    let (energy, score) = both.view().split_at(Axis(1), 1);
    let tolerance = precision.agreement();
    close(
        "the energy of one pass",
        &energy.column(0),
        &model.energy(x),
        tolerance,
    )?;
    close(
        "the relaxed score of one pass",
        &score,
        &model.relaxed_score(x),
        tolerance,
    )?;
    row_map(
        x,
        x.ncols(),
        &|x, out| model.relaxed_score_into(x, out),
        precision,
    )
    .map_err(|f| f.within("relaxed scores"))?;
    row_map(x, x.ncols() + 1, &one_pass, precision)
        .map_err(|f| f.within("energy and relaxed score in one pass"))
}
