//! Chains in a continuous space, with what a kernel remembers of the target at each of them.
//!
//! The points, their energies and their scores are all that the gradient-based kernels carry from one step to the next; a proposal that
//! is refused then costs no second evaluation. A kernel that does not use energies or scores leaves them out of its walkers.

use gibbsian_core::error::{check_batch, check_finite, cure_of_rows};
use gibbsian_core::parallel::{BLOCK_ROWS, map_each};
use gibbsian_core::{Energy, Error, Potential, Record, RelaxedEnergy, Result, Score, Snapshot, Values};
use ndarray::{Array1, Array2, ArrayViewMut1, ArrayViewMut2, Axis};

/// Points `(B, D)` with their energies and scores, as far as the kernel remembers them.
#[derive(Clone, Debug, PartialEq)]
pub struct Walkers {
    /// The points, `(B, D)`.
    pub x: Array2<f64>,
    /// `E(x_b)`, `(B)`; zeros where the kernel does not ask for energies.
    pub energy: Array1<f64>,
    /// `s(x_b)`, `(B, D)`; `(B, 0)` where the kernel does not ask for scores.
    pub score: Array2<f64>,
}

/// The walkers of one block of rows.
pub struct Block<'a> {
    /// The points, `(b, D)`.
    pub x: ArrayViewMut2<'a, f64>,
    /// Their energies, `(b)`.
    pub energy: ArrayViewMut1<'a, f64>,
    /// Their scores, `(b, D)`.
    pub score: ArrayViewMut2<'a, f64>,
}

impl Walkers {
    /// Walkers at the rows of `x` that remember energies.
    ///
    /// # Errors
    /// Rows that do not fit the target or are not finite, or where the energy is not finite: a chain cannot start where the density is
    /// zero or unknown.
    pub fn with_energy<T: Energy + ?Sized>(target: &T, x: Array2<f64>) -> Result<Self> {
        let mut walkers = Walkers::at(target.dim(), x, 0)?;
        walkers.refresh_energy(target);
        walkers.check()?;
        Ok(walkers)
    }

    /// Walkers at the rows of `x` that remember scores.
    ///
    /// # Errors
    /// Rows that do not fit the target or are not finite, or where the score is not finite.
    pub fn with_score<T: Score + ?Sized>(target: &T, x: Array2<f64>) -> Result<Self> {
        let mut walkers = Walkers::at(target.dim(), x, target.dim())?;
        walkers.refresh_score(target);
        walkers.check()?;
        Ok(walkers)
    }

    /// Walkers at the rows of `x` that remember both.
    ///
    /// # Errors
    /// Those of [`Walkers::with_energy`] and [`Walkers::with_score`].
    pub fn with_both<T: Potential + ?Sized>(target: &T, x: Array2<f64>) -> Result<Self> {
        let mut walkers = Walkers::at(target.dim(), x, target.dim())?;
        walkers.refresh_both(target);
        walkers.check()?;
        Ok(walkers)
    }

    /// Walkers on a finite space, that remember energies and relaxed scores.
    ///
    /// # Errors
    /// Rows that are no states of the space, or where the energy or the relaxed score is not finite.
    pub fn on_finite_space<T: RelaxedEnergy + ?Sized>(target: &T, x: Array2<f64>) -> Result<Self> {
        target.check_states("x", x.view())?;
        let mut walkers = Walkers::at(target.dim(), x, target.dim())?;
        walkers.refresh_relaxed(target);
        walkers.check()?;
        Ok(walkers)
    }

    /// Recomputes the energies.
    pub fn refresh_energy<T: Energy + ?Sized>(&mut self, target: &T) {
        target.energy_into(self.x.view(), self.energy.view_mut());
    }

    /// Recomputes the scores.
    pub fn refresh_score<T: Score + ?Sized>(&mut self, target: &T) {
        target.score_into(self.x.view(), self.score.view_mut());
    }

    /// Recomputes both.
    pub fn refresh_both<T: Potential + ?Sized>(&mut self, target: &T) {
        target.energy_and_score_into(self.x.view(), self.energy.view_mut(), self.score.view_mut());
    }

    /// Recomputes energies and relaxed scores.
    pub fn refresh_relaxed<T: RelaxedEnergy + ?Sized>(&mut self, target: &T) {
        target.energy_and_relaxed_score_into(self.x.view(), self.energy.view_mut(), self.score.view_mut());
    }

    /// Calls `f(block, walkers, scratch)` on each fixed block of rows, in parallel, and returns what it says of each, in block order.
    ///
    /// `scratch` is what a block needs for its work and nobody after it; it is made once and kept, so that steps allocate nothing.
    pub fn map_blocks<S: Default + Send, R: Send>(
        &mut self,
        scratch: &mut Vec<S>,
        f: impl Fn(usize, Block<'_>, &mut S) -> R + Sync,
    ) -> Vec<R> {
        let n_blocks = self.x.nrows().div_ceil(BLOCK_ROWS);
        scratch.resize_with(n_blocks, S::default);
        if n_blocks == 1 {
            let all = Block {
                x: self.x.view_mut(),
                energy: self.energy.view_mut(),
                score: self.score.view_mut(),
            };
            return vec![f(0, all, &mut scratch[0])];
        }
        let x = self.x.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS);
        let energy = self.energy.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS);
        let score = self.score.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS);
        let blocks = x
            .zip(energy)
            .zip(score)
            .map(|((x, energy), score)| Block { x, energy, score })
            .zip(scratch)
            .collect();
        map_each(blocks, |block, (walkers, scratch)| f(block, walkers, scratch))
    }

    /// Walkers at the rows of `x` that remember nothing, or have room for scores.
    pub(crate) fn at(dim: usize, x: Array2<f64>, score_columns: usize) -> Result<Self> {
        check_batch("x", &x, dim).map_err(|e| {
            let is_told = x.nrows() == 0 || !cure_of_rows([x.nrows(), x.ncols()], dim).is_empty();
            e.with_cure(if is_told {
                ""
            } else {
                "give every chain a row and every coordinate of the target a column"
            })
        })?;
        check_finite("x", &x)?;
        let n = x.nrows();
        Ok(Walkers {
            // Blocks hand out rows as slices.
            x: x.as_standard_layout().into_owned(),
            energy: Array1::zeros(n),
            score: Array2::zeros((n, score_columns)),
        })
    }

    fn check(&self) -> Result<()> {
        for (b, (energy, score)) in self.energy.iter().zip(self.score.rows()).enumerate() {
            let (required, quantity, value) = if !energy.is_finite() {
                (
                    "a point of finite energy; start inside the support, for example from draws of the base or from data",
                    "energy",
                    *energy,
                )
            } else if let Some(s) = score.iter().find(|s| !s.is_finite()) {
                (
                    "a point with a finite score; start inside the support, away from its edge",
                    "score",
                    *s,
                )
            } else {
                continue;
            };
            let point = self.x.row(b);
            return Err(Error::start(
                format!("x[{b}, ..]"),
                point,
                required,
                quantity,
                value,
            ));
        }
        Ok(())
    }
}

/// Points, energies and scores: the last two could be recomputed, but an energy that was evaluated in another batch may round differently.
impl Snapshot for Walkers {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        for (name, shape, values) in [
            ("x", self.x.shape(), self.x.iter().copied().collect()),
            ("energy", self.energy.shape(), self.energy.to_vec()),
            ("score", self.score.shape(), self.score.iter().copied().collect()),
        ] {
            record.put(name, shape, Values::F64(values));
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let x = record.f64s("x", self.x.shape())?;
        let energy = record.f64s("energy", self.energy.shape())?;
        let score = record.f64s("score", self.score.shape())?;
        let copy = |to: &mut dyn Iterator<Item = &mut f64>, from: &[f64]| {
            for (to, from) in to.zip(from) {
                *to = *from;
            }
        };
        copy(&mut self.x.iter_mut(), x);
        copy(&mut self.energy.iter_mut(), energy);
        copy(&mut self.score.iter_mut(), score);
        Ok(())
    }
}
