//! Data on a lattice under a density on the line.
//!
//! Pictures are integers, and a density evaluated at integers can be made as large as one likes. With uniform noise `u` on `[0, 1)ᴰ` it becomes a model of integers,
//! `P(n) = ∫ p(n + u) du`, whose likelihood is bounded below by what can be computed,
//!
//! `E_u log p(n + u) ≤ log P(n)`,
//!
//! by Jensen's inequality; equality holds where `p` is constant on the cells (Theis, van den Oord and Bethge 2016, equations 4 to 6). So a mean over dequantised points, in bits and per
//! dimension, can be set beside that of a model of integers, to which it is never unfair.

use std::f64::consts::LN_2;

use gibbsian_core::Streams;
use gibbsian_core::error::{Error, Result, check_count, check_finite, check_positive};
use gibbsian_core::parallel::for_each_block;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::{Rng, RngExt};

/// Integers as points: `x = offset + spacing (n + u)`, with uniform `u`.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_sde::UniformDequantisation;
/// use ndarray::array;
///
/// // Grey levels 0 to 255 on the interval from −1 to 1.
/// let pixels = UniformDequantisation::new(-1.0, 2.0 / 256.0)?;
/// let x = pixels.dequantise(array![[0.0, 255.0]].view(), &mut Seed::new(1).rng())?;
/// assert!(x[(0, 0)] >= -1.0 && x[(0, 0)] < -1.0 + 2.0 / 256.0);
/// // The uniform density on this interval says nothing about eight bits.
/// let bits = pixels.bits_per_dimension(array![2.0 * 0.5_f64.ln()].view(), 2)?;
/// assert!((bits[0] - 8.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UniformDequantisation {
    offset: f64,
    spacing: f64,
}

impl Default for UniformDequantisation {
    /// `n + u`.
    fn default() -> Self {
        UniformDequantisation {
            offset: 0.0,
            spacing: 1.0,
        }
    }
}

impl UniformDequantisation {
    /// The lattice whose cell number 0 begins at `offset`, with cells of width `spacing`.
    ///
    /// # Errors
    /// An offset that is not finite; a spacing that is not finite and greater than zero.
    pub fn new(offset: f64, spacing: f64) -> Result<Self> {
        check_finite("offset", &ndarray::arr0(offset))?;
        check_positive("spacing", spacing)?;
        Ok(UniformDequantisation { offset, spacing })
    }

    /// A point in the cell of every integer of `n` `(B, D)`; draws one key from the generator.
    ///
    /// # Errors
    /// Numbers that are not integers.
    pub fn dequantise(&self, n: ArrayView2<f64>, rng: &mut dyn Rng) -> Result<Array2<f64>> {
        if let Some(((row, column), value)) = n.indexed_iter().find(|(_, n)| n.fract() != 0.0) {
            return Err(Error::parameter(
                format!("n[{row}, {column}]"),
                value,
                "an integer",
            ));
        }
        let streams = Streams::draw(rng);
        let mut x = n.to_owned();
        for_each_block(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for x in &mut rows {
                let u: f64 = rng.random();
                *x = self.offset + self.spacing * (*x + u);
            }
        });
        Ok(x)
    }

    /// The number of the cell of every coordinate.
    pub fn quantise(&self, x: ArrayView2<f64>) -> Array2<f64> {
        x.mapv(|x| ((x - self.offset) / self.spacing).floor())
    }

    /// `−log₂(p(x) Δᴰ)/D` for log-densities `log p(x)` `(B)` of points in `D` dimensions: bits per dimension.
    ///
    /// # Errors
    /// No dimension.
    pub fn bits_per_dimension(&self, log_density: ArrayView1<f64>, dim: usize) -> Result<Array1<f64>> {
        check_count("dim", dim)?;
        let dim = dim as f64;
        Ok(log_density.mapv(|log_p| -(log_p / dim + self.spacing.ln()) / LN_2))
    }
}
