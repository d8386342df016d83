//! Laws of generators and their pullbacks.

use gibbsian_core::{Generator, GeneratorPullback, ParametricMut};
use ndarray::{Array2, ArrayView2};

use crate::agreement::identical;
use crate::batch::row_map;
use crate::differences::Precision;
use crate::parameter_pullbacks;
use crate::verdict::{Verdict, require};

/// Checks [`Generator`] at the latent probes `z` `(B, L)`: the laws of row maps.
///
/// # Errors
/// The first law that does not hold.
pub fn generator<G: Generator + ?Sized>(model: &G, z: ArrayView2<f64>, precision: Precision) -> Verdict {
    require(
        z.ncols() == model.latent_dim(),
        "probes fit",
        format_args!(
            "z has shape {:?}, latent_dim is {}",
            z.shape(),
            model.latent_dim()
        ),
    )?;
    row_map(z, model.dim(), &|z, out| model.generate_into(z, out), precision)?;
    let mut into = Array2::zeros((z.nrows(), model.dim()));
    model.generate_into(z, into.view_mut());
    identical("generate and generate_into agree", &model.generate(z), &into)
}

/// Checks [`GeneratorPullback`] as [`super::score_pullback`] does, at the latent probes `z` `(B, L)`.
///
/// # Errors
/// The first law that does not hold, with the name of the worst parameter.
pub fn generator_pullback<G: GeneratorPullback + ParametricMut + ?Sized>(
    model: &mut G,
    z: ArrayView2<f64>,
    precision: Precision,
) -> Verdict {
    parameter_pullbacks::generator_pullback(model, z, precision).map(|_| ())
}
