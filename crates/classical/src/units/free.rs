//! Redrawing a layer of which some units are held.

use gibbsian_core::Units;
use ndarray::{Array2, ArrayView1, ArrayViewMut2, Zip};

/// Writes the units of `new` `(B, N)` that may change into `x`: all of them, or those that [`Units::free_units`] makes of `free` `(N)`.
pub(crate) fn assign_free<U: Units>(
    layer: &U,
    mut x: ArrayViewMut2<f64>,
    new: &Array2<f64>,
    free: Option<ArrayView1<bool>>,
) {
    match free {
        None => x.assign(new),
        Some(free) => Zip::from(&mut x)
            .and(new)
            .and_broadcast(&layer.free_units(free))
            .for_each(|x, new, free| {
                if *free {
                    *x = *new;
                }
            }),
    }
}
