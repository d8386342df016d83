//! The factor that turns standard normal numbers into draws.

use gibbsian_core::simd::{Vectorized, vectorized};
use ndarray::Array1;

use super::evaluation::{Added, panel_products};
use super::panels::Panels;

/// The factor `L`, `Σ = L Lᵀ`, ready for products with rows.
pub(crate) enum Colouring {
    Diagonal(Array1<f64>),
    Dense(Panels),
}

impl Colouring {
    /// The largest size of the coordinates of `z` for which all products and sums of `L z` are finite.
    pub fn reach(&self) -> f64 {
        let larger = |largest: f64, l: &f64| largest.max(l.abs());
        let (dim, largest) = match self {
            Colouring::Diagonal(scale) => (scale.len(), scale.iter().fold(0.0, larger)),
            Colouring::Dense(panels) => (panels.dim(), panels.iter().flatten().flatten().fold(0.0, larger)),
        };
        f64::MAX / (4.0 * dim as f64 * (1.0 + largest))
    }

    /// Adds `L z_b` to the rows of `out`, for `z_b` the rows of `z`.
    pub fn add_to(&self, z: &[f64], out: &mut [f64]) {
        match self {
            Colouring::Diagonal(scale) => {
                for (z, out) in z.chunks_exact(scale.len()).zip(out.chunks_exact_mut(scale.len())) {
                    for ((out, z), scale) in out.iter_mut().zip(z).zip(scale) {
                        *out += scale * z;
                    }
                }
            }
            Colouring::Dense(panels) => vectorized(Coloured { panels, z, out }),
        }
    }
}

struct Coloured<'a> {
    panels: &'a Panels,
    z: &'a [f64],
    out: &'a mut [f64],
}

impl Vectorized for Coloured<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let origin = vec![0.0; self.panels.dim()];
        panel_products(self.panels, &origin, self.z, Added, self.out);
    }
}
