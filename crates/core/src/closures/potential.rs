//! An energy with its score as one closure.

use std::fmt;

use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use super::score::assert_score_shapes;
use super::{Meaning, has_nan, show};
use crate::energy::{Energy, Space, assert_energy_shapes};
use crate::error::{Result, check_count};
use crate::parallel::{BLOCK_ROWS, for_each_block, map_each};
use crate::score::{Potential, Score};

/// The energy and the score `s(x) = −∇E(x)` that a closure of one point `x` `(D)` gives in one pass: it returns a value and writes **its** gradient.
///
/// That is `E` and `∇E` for [`FnPotential::new`], `log p` and `∇ log p` for [`FnPotential::from_log_density`]. Whether the gradient belongs to the value is not checked; Stein's identity
/// `E xᵢ sᵢ(x) = −1` is a test of it (the example `own_energy` of `gibbsian` makes it). Who asks for the energy alone pays for the gradient too.
///
/// ```
/// use gibbsian_core::{Energy, FnPotential, Score};
/// use ndarray::array;
///
/// let standard = FnPotential::new(2, |x, mut gradient| {
///     gradient.assign(&x);
///     0.5 * x.dot(&x)
/// })?;
/// assert_eq!(standard.energy(array![[3.0, 4.0]].view()), array![12.5]);
/// assert_eq!(standard.score(array![[3.0, 4.0]].view()), array![[-3.0, -4.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct FnPotential<F> {
    dim: usize,
    meaning: Meaning,
    f: F,
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> FnPotential<F> {
    /// The energy that `f` returns, on points of `dim` coordinates, with the gradient `∇E` that it writes.
    ///
    /// # Errors
    /// No coordinates.
    pub fn new(dim: usize, f: F) -> Result<Self> {
        FnPotential::of(dim, Meaning::Energy, f)
    }

    /// The energy `−f(x)` of a log-density `f`, normalised or not, with the gradient `∇f`, the score, that it writes.
    ///
    /// # Errors
    /// No coordinates.
    pub fn from_log_density(dim: usize, f: F) -> Result<Self> {
        FnPotential::of(dim, Meaning::LogDensity, f)
    }

    fn of(dim: usize, meaning: Meaning, f: F) -> Result<Self> {
        Ok(FnPotential {
            dim: check_count("dim", dim)?,
            meaning,
            f,
        })
    }

    /// The energy of a point, its score written into `score`.
    fn at(&self, x: ArrayView1<f64>, mut score: ArrayViewMut1<f64>) -> f64 {
        score.fill(f64::NAN);
        if has_nan(x) {
            return f64::NAN;
        }
        let value = (self.f)(x, score.view_mut());
        self.meaning.make_score(score);
        self.meaning.energy(value)
    }
}

impl<F: Sync> Space for FnPotential<F> {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> Energy for FnPotential<F> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for_each_block(out.insert_axis(Axis(1)), |block, mut out| {
            let mut score = Array1::zeros(self.dim);
            for (b, e) in out.iter_mut().enumerate() {
                *e = self.at(x.row(block * BLOCK_ROWS + b), score.view_mut());
            }
        });
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> Score for FnPotential<F> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_score_shapes(self.dim, x, &out);
        for_each_block(out, |block, mut out| {
            for (b, score) in out.rows_mut().into_iter().enumerate() {
                self.at(x.row(block * BLOCK_ROWS + b), score);
            }
        });
    }
}

impl<F: Fn(ArrayView1<f64>, ArrayViewMut1<f64>) -> f64 + Sync> Potential for FnPotential<F> {
    fn energy_and_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        mut score: ArrayViewMut2<f64>,
    ) {
        assert_energy_shapes(self.dim, x, &energy);
        assert_score_shapes(self.dim, x, &score);
        let of_rows = |x: ArrayView2<f64>, mut energy: ArrayViewMut1<f64>, mut score: ArrayViewMut2<f64>| {
            for ((x, e), score) in x.rows().into_iter().zip(&mut energy).zip(score.rows_mut()) {
                *e = self.at(x, score);
            }
        };
        if x.nrows() <= BLOCK_ROWS {
            of_rows(x, energy, score);
            return;
        }
        let blocks = (x.axis_chunks_iter(Axis(0), BLOCK_ROWS))
            .zip(energy.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS))
            .zip(score.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS))
            .collect();
        map_each(blocks, |_, ((x, energy), score)| of_rows(x, energy, score));
    }
}

impl<F> fmt::Debug for FnPotential<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show("FnPotential", self.dim, f)
    }
}
