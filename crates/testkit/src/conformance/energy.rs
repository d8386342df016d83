//! Laws of energies and their pullbacks.

use gibbsian_core::{Energy, EnergyPullback, ParametricMut};
use ndarray::ArrayView2;

use crate::agreement::identical;
use crate::batch::row_map;
use crate::differences::Precision;
use crate::parameter_pullbacks;
use crate::verdict::{Verdict, require};

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
