//! Laws of layers of independent units.
//!
//! Units are independent, so the normalisation of the layer is checked unit by unit without listing its states: with
//! `R_i = Σ_a exp[log p(x | I with x_i = a) − log p(x | I)] = 1 / p_i(x_i | I_i)`, an integral where units are
//! continuous, a normalised law has `log p(x | I) + Σ_i log R_i = 0`. Layers that have fewer states than their alphabets have combinations are
//! listed instead ([`super::grouped_units`]).

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{FiniteUnits, Seed, Streams, Units};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, concatenate, s};

use super::grouped_units::Grouped;
use super::unit_law::UnitLaw;
use crate::agreement::{Agreement, close, identical};
use crate::batch::row_map;
use crate::derivatives::{parameter_gradient, row_gradient};
use crate::differences::Precision;
use crate::pullback::{normals, row_pullback};
use crate::stats::{FALSE_ALARM, family};
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// Checks a layer of units with finitely many values at the fields `field` `(B, N)`: the laws of its parameters, of
/// row maps and of pullbacks; an energy that is affine in the parameters; a normalised law with means `∂Γ/∂I`; draws
/// that have this law, unit by unit, in neighbouring units together, and in neighbouring blocks of rows together, and
/// the same bits on any number of threads; what is admitted; and what is free beside clamped units.
///
/// Of a layer with fewer states than its alphabets have combinations, the states are listed, and must be few.
///
/// The probes of the energy are draws at these fields. Parameters should be generic: different for each unit, nowhere
/// zero.
///
/// # Errors
/// The first law that does not hold.
pub fn finite_units<U: FiniteUnits>(
    layer: &U,
    field: ArrayView2<f64>,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    let alphabets: Vec<&[f64]> = (0..layer.n_units()).map(|unit| layer.alphabet(unit)).collect();
    for (unit, alphabet) in alphabets.iter().enumerate() {
        for (k, &a) in alphabet.iter().enumerate() {
            require(
                layer.admits(unit, a),
                "every symbol of the alphabet is admitted",
                format_args!("{a} is not, for unit {unit}"),
            )?;
            require(
                !alphabet[..k].contains(&a),
                "the symbols of the alphabet differ",
                format_args!("{a} stands twice for unit {unit}"),
            )?;
        }
    }
    let product = alphabets
        .iter()
        .try_fold(1u64, |n, a| n.checked_mul(a.len() as u64));
    let space = if layer.n_states() == product {
        Space::Alphabets(&alphabets)
    } else {
        Space::States(Grouped::new(layer)?)
    };
    check(layer, &space, field, precision, seed)
}

/// What a layer's states are.
enum Space<'a> {
    Continuum,
    /// Any combination of symbols.
    Alphabets(&'a [&'a [f64]]),
    States(Grouped),
}

impl<'a> Space<'a> {
    fn alphabets(&self) -> Option<&'a [&'a [f64]]> {
        match self {
            Space::Alphabets(alphabets) => Some(alphabets),
            _ => None,
        }
    }
}

/// Checks a layer of units with a continuum of values, as [`finite_units`] does: sums over the alphabet become
/// integrals over what the layer admits (the line, the half-line, `[−1, 1]` or `[0, 1]`).
///
/// # Errors
/// The first law that does not hold.
pub fn continuous_units<U: Units>(
    layer: &U,
    field: ArrayView2<f64>,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    check(layer, &Space::Continuum, field, precision, seed)
}

fn check<U: Units>(
    layer: &U,
    space: &Space,
    field: ArrayView2<f64>,
    precision: Precision,
    seed: Seed,
) -> Verdict {
    require(
        field.ncols() == layer.n_units(),
        "probes fit",
        format_args!(
            "fields have shape {:?}, the layer has {} units",
            field.shape(),
            layer.n_units()
        ),
    )?;
    super::parametric(&mut layer.clone())?;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        require(
            (0..layer.n_units()).all(|unit| !layer.admits(unit, bad)),
            "only finite values are admitted",
            format_args!("{bad} is"),
        )?;
    }
    let x = layer.sample(field, Streams::draw(&mut seed.child("probes").rng()));

    row_map(
        x.view(),
        1,
        &|x, mut out| layer.energy_into(x, out.column_mut(0)),
        precision,
    )
    .map_err(|f| f.within("energy"))?;
    row_map(
        field,
        1,
        &|i, mut out| layer.log_partition_into(i, out.column_mut(0)),
        precision,
    )
    .map_err(|f| f.within("log-partition"))?;
    row_map(field, field.ncols(), &|i, out| layer.mean_into(i, out), precision)
        .map_err(|f| f.within("mean"))?;

    affine_energy(layer, x.view(), precision)?;
    match space {
        Space::States(grouped) => {
            grouped.normalised(layer, field, precision)?;
            grouped.clamped(layer)?;
        }
        _ => {
            normalised(layer, space.alphabets(), field, x.view(), precision)?;
            let free: Array1<bool> = (0..field.ncols()).map(|i| i % 2 == 0).collect();
            require(
                layer.free_units(free.view()) == free,
                "independent units are free one by one",
                "others are",
            )?;
        }
    }
    let gamma = |i: ArrayView2<f64>| log_partition(layer, i);
    row_gradient(
        "means are the gradient of the log-partition",
        field,
        &layer.mean(field),
        &gamma,
        precision,
    )?;
    pullbacks(layer, field, x.view(), precision)?;
    reproducible(layer, field, seed)?;
    match space {
        Space::States(grouped) => grouped.drawn(layer, field, N_DRAWS, seed),
        _ => drawn(layer, space.alphabets(), field, seed),
    }
}

const N_DRAWS: usize = 512 * BLOCK_ROWS;

/// `e(x; aθ₁ + bθ₂) = a e(x; θ₁) + b e(x; θ₂)` for `a + b = 1`, with positive `a`, `b` and `θ₂` so that cones of parameters are not left.
fn affine_energy<U: Units>(layer: &U, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let (a, b) = (0.375, 0.625);
    let first = layer.params();
    let mut second = first.clone();
    for (k, v) in second.iter_mut().enumerate() {
        *v *= 0.25 + 0.5 * (k % 5) as f64;
    }
    let at = |params: &Array1<f64>| {
        let mut moved = layer.clone();
        moved
            .set_params(params.view())
            .map_err(|e| Failure::refused("positive combinations of parameters are taken", &e))?;
        Ok::<_, Failure>(energy(&moved, x))
    };
    let expected = at(&first)? * a + at(&second)? * b;
    close(
        "the energy is affine in the parameters",
        &at(&(&first * a + &second * b))?,
        &expected,
        precision.agreement(),
    )
}

/// `log p(x | I) + Σ_i log R_i = 0`; see the module.
fn normalised<U: Units>(
    layer: &U,
    alphabets: Option<&[&[f64]]>,
    field: ArrayView2<f64>,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let log_law = layer.log_law(field, x);
    let mut agreement = Agreement::new("the law of the layer is normalised");
    for b in 0..x.nrows() {
        let mut sum = log_law[b];
        for i in 0..x.ncols() {
            let law = UnitLaw::new(layer, alphabets, field.row(b), x.row(b), i, 1.0 / 64.0);
            sum += law.total_ratio().ln();
        }
        // Quadrature is good to 1e-11 for each unit.
        let tolerance = precision.agreement() * (1.0 + log_law[b].abs()) + 1e-11 * x.ncols() as f64;
        agreement.entry(
            || format!("log of the total probability in field {b}"),
            sum,
            0.0,
            tolerance,
        );
    }
    agreement.verdict()
}

fn pullbacks<U: Units>(
    layer: &U,
    field: ArrayView2<f64>,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    let n = x.ncols();
    let w = normals("weights", (x.nrows(), 1));
    let column = w.column(0).to_owned();

    let rows = concatenate![Axis(1), x, w];
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        layer.energy_pullback_into(rows.slice(s![.., ..n]), rows.column(n), grad);
    };
    let grad = row_pullback(rows.view(), layer.n_params(), &add, precision)
        .map_err(|f| f.within("energy pullback"))?;
    let law = "the pullback is the gradient of the weighted energies";
    parameter_gradient(
        law,
        &mut layer.clone(),
        grad.view(),
        &|l: &U| &column * &energy(l, x),
        precision,
    )?;

    let rows = concatenate![Axis(1), field, w];
    let add = |rows: ArrayView2<f64>, grad: ArrayViewMut1<f64>| {
        layer.log_partition_pullback_into(rows.slice(s![.., ..n]), rows.column(n), grad);
    };
    let grad = row_pullback(rows.view(), layer.n_params(), &add, precision)
        .map_err(|f| f.within("log-partition pullback"))?;
    let law = "the pullback is the gradient of the weighted log-partitions";
    parameter_gradient(
        law,
        &mut layer.clone(),
        grad.view(),
        &|l: &U| &column * &log_partition(l, field),
        precision,
    )?;
    Ok(())
}

/// The same streams give the same bits on any number of threads, other streams others, and the output is overwritten.
fn reproducible<U: Units>(layer: &U, field: ArrayView2<f64>, seed: Seed) -> Verdict {
    let streams = Streams::draw(&mut seed.child("reproducible").rng());
    let long = Array2::from_shape_fn((3 * BLOCK_ROWS + 5, field.ncols()), |(b, i)| {
        field[[b % field.nrows(), i]]
    });
    threads::same_on_any_number("draws have the same bits", || {
        layer.sample(long.view(), streams).into_flat()
    })?;
    let first = layer.sample(long.view(), streams);
    let mut again = Array2::from_elem(long.raw_dim(), f64::NAN);
    layer.sample_into(long.view(), streams, again.view_mut());
    identical("draws overwrite the output", &again, &first)?;
    require(
        layer.sample(long.view(), streams.part(1)) != first,
        "other streams give other draws",
        "two streams gave the same batch",
    )
}

/// Draws against the law.
fn drawn<U: Units>(layer: &U, alphabets: Option<&[&[f64]]>, field: ArrayView2<f64>, seed: Seed) -> Verdict {
    // The joint tests presume the laws of the single units, so that those are judged first.
    let (mut tests, mut joint_tests) = (Vec::new(), Vec::new());
    for (b, field) in field.rows().into_iter().enumerate() {
        let streams = Streams::draw(&mut seed.child("drawn").nth(b as u64).rng());
        let fields = Array2::from_shape_fn((N_DRAWS, field.len()), |(_, i)| field[i]);
        let x = layer.sample(fields.view(), streams);
        if let Err(refusal) = layer.check_rows("draws", x.view()) {
            return Err(Failure::new("draws are admitted", refusal));
        }
        let laws: Vec<UnitLaw> = (0..field.len())
            .map(|i| UnitLaw::new(layer, alphabets, field, x.row(0), i, 1.0 / 256.0))
            .collect();
        for (i, law) in laws.iter().enumerate() {
            let column = x.column(i).to_vec();
            let name = format!("draws of unit {i} in field {b}");
            tests.push(law.test(&name, &column));
            // A unit with its neighbour, and with itself a block of rows later: streams used twice show here.
            let neighbour = (i + 1) % laws.len();
            if neighbour != i {
                let name = format!("independence of units {i} and {neighbour} in field {b}");
                joint_tests.push(law.test_pairs(
                    &name,
                    &column,
                    &laws[neighbour],
                    &x.column(neighbour).to_vec(),
                ));
            }
            let (even, odd): (Vec<_>, Vec<_>) = column
                .chunks_exact(2 * BLOCK_ROWS)
                .flat_map(|c| (0..BLOCK_ROWS).map(|k| (c[k], c[k + BLOCK_ROWS])))
                .unzip();
            let name = format!("independence of neighbouring blocks of rows in unit {i}, field {b}");
            joint_tests.push(law.test_pairs(&name, &even, law, &odd));
        }
    }
    family(&tests, FALSE_ALARM)?;
    family(&joint_tests, FALSE_ALARM)
}

fn energy<U: Units>(layer: &U, x: ArrayView2<f64>) -> Array1<f64> {
    let mut out = Array1::zeros(x.nrows());
    layer.energy_into(x, out.view_mut());
    out
}

fn log_partition<U: Units>(layer: &U, field: ArrayView2<f64>) -> Array1<f64> {
    let mut out = Array1::zeros(field.nrows());
    layer.log_partition_into(field, out.view_mut());
    out
}
