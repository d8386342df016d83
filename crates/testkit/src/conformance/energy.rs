//! Laws of energies and their pullbacks.

use gibbsian_core::{
    At, Energy, EnergyPullback, ParametricMut, TimeEnergy, TimeEnergyPullback, TimePotential,
};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, concatenate, s};

use crate::agreement::{close, identical};
use crate::batch::row_map;
use crate::differences::Precision;
use crate::verdict::{Verdict, require};
use crate::{derivatives, parameter_pullbacks};

/// Checks [`Energy`] at the probes `x` `(B, D)`: energies are overwritten, deterministic, independent of other rows,
/// of memory layout and of the number of threads; NaN gives NaN in its own row; both forms agree.
///
/// # Errors
/// The first law that does not hold.
pub fn energy<M: Energy + ?Sized>(model: &M, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    require(
        x.ncols() == model.dim(),
        "probes fit",
        format_args!("x has shape {:?}, dim is {}", x.shape(), model.dim()),
    )?;
    row_map(
        x,
        1,
        &|x, mut out| model.energy_into(x, out.column_mut(0)),
        precision,
    )?;
    let mut into = ndarray::Array1::zeros(x.nrows());
    model.energy_into(x, into.view_mut());
    identical("energy and energy_into agree", &model.energy(x), &into)
}

/// Checks [`EnergyPullback`] at the probes `x` `(B, D)`: the gradient against differences, entry by entry; that it is
/// added and summed over rows; that both forms agree and the callback is handed the energies once.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn energy_pullback<M: EnergyPullback + ParametricMut + ?Sized>(
    model: &mut M,
    x: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::energy_pullback(model, x, precision).map(|_| ())
}

/// Checks [`TimeEnergy`] at the probes `x` `(B, D)` and times `t` `(B)`, which should differ: the laws of row maps, time being a
/// coordinate of a row like the others.
///
/// # Errors
/// The first law that does not hold.
pub fn time_energy<M: TimeEnergy + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    let d = x.ncols();
    let rows = concatenate![Axis(1), x, t.insert_axis(Axis(1))];
    let at = |rows: ArrayView2<f64>, mut out: ArrayViewMut2<f64>| {
        model.energy_at_into(rows.slice(s![.., ..d]), rows.column(d), out.column_mut(0));
    };
    row_map(rows.view(), 1, &at, precision)
}

/// Checks [`TimeEnergyPullback`] as [`energy_pullback`] does, at the times `t` `(B)`.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn time_energy_pullback<M: TimeEnergyPullback + ParametricMut>(
    model: &mut M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::time_energy_pullback(model, x, t, precision).map(|_| ())
}

/// Checks [`TimePotential`] as [`super::potential`] does, at the times `t` `(B)`.
///
/// # Errors
/// The worst entry that disagrees.
pub fn time_potential<M: TimePotential + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    t: ArrayView1<f64>,
    precision: Precision,
) -> Verdict {
    let at = At::new(model, t);
    derivatives::score(&at, x, precision)?;
    let d = x.ncols();
    let rows = concatenate![Axis(1), x, t.insert_axis(Axis(1))];
    let one_pass = |rows: ArrayView2<f64>, out: ArrayViewMut2<f64>| {
        let (mut energy, score) = out.split_at(Axis(1), 1);
        let x = rows.slice(s![.., ..d]);
        model.energy_and_score_at_into(x, rows.column(d), energy.column_mut(0), score);
    };
    let two_passes = |rows: ArrayView2<f64>, out: ArrayViewMut2<f64>| {
        let (mut energy, score) = out.split_at(Axis(1), 1);
        let x = rows.slice(s![.., ..d]);
        model.energy_at_into(x, rows.column(d), energy.column_mut(0));
        model.score_at_into(x, rows.column(d), score);
    };
    let mut outs = [(); 2].map(|()| ndarray::Array2::zeros((x.nrows(), d + 1)));
    one_pass(rows.view(), outs[0].view_mut());
    two_passes(rows.view(), outs[1].view_mut());
    let law = "energy and score of one pass are those of two";
    close(law, &outs[0], &outs[1], precision.agreement())?;
    row_map(rows.view(), d + 1, &one_pass, precision).map_err(|f| f.within("energy and score in one pass"))
}
