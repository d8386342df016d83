//! Open square lattices and cylinders without fields, of any size and with any couplings, as free fermions.
//!
//! Let a boundary of `L` spins carry the vector of weights of everything behind it. A bond along the boundary multiplies it by `e^{J z_i z_{i+1}} = cosh J (1 + tanh J z_i z_{i+1})`, a bond to
//! the next row by `e^J + e^{−J} x_i = e^J (1 + e^{−2J} x_i)`, with Pauli matrices `z` and `x`. By the Majorana operators `a_i = x_0 ⋯ x_{i−1} z_i` and `b_i = x_0 ⋯ x_{i−1} y_i` (Jordan
//! and Wigner 1928; Kaufman 1949; Schultz, Mattis and Lieb 1964),
//!
//! `x_i = i a_i b_i`,  `z_i z_{i+1} = −i a_{i+1} b_i`,  and around a cylinder `z_{L−1} z_0 = i a_0 b_{L−1}` for vectors that a turn of all spins leaves alone,
//!
//! so every factor is `1 + c P` with a product `P = i a_k b_l` of two of them. It maps a Gaussian state to a Gaussian state, and a Gaussian state is its correlations `M_kl = ⟨i a_k b_l⟩`, an
//! orthogonal `L × L` matrix, instead of `2^L` weights. With `p = M_kl` and `n = 1 + c² + 2cp` the factor changes the square of the norm by `n` and
//!
//! `M_kl → ((1 + c²) p + 2c)/n`,  the rest of row `k` and of column `l` by `(1 − c²)/n`,  and all others `M_ij → M_ij − (2c/n) M_il M_kj`.
//!
//! A site costs `4 L²` operations, and no power of two. A field is no product of two Majorana operators, so there are none.
//!
//! **Signs.** A negative bond between rows is made positive by a turn of all spins behind it, which changes the signs of bonds along rows. **Errors.** `n` is small where
//! strong bonds contradict what the state says already: frustration at low temperatures. Roundings are divided by it, so their sum is kept, and a result that has lost more than
//! a hundred-millionth is refused.

use gibbsian_core::math::log_cosh;
use gibbsian_core::{Error, Result};
use ndarray::Array2;
use std::f64::consts::LN_2;

use super::Ising;
use crate::graph::Boundary;

/// The largest error that a result may have by the bound that is kept with it.
const LARGEST_ERROR: f64 = 1e-8;

impl Ising {
    /// `log Z` of a square lattice without fields that is open in at least one direction, in a time of order `rows · columns · L²`, where `L` is the shorter side, or the
    /// one that is closed to a ring.
    ///
    /// ```
    /// use gibbsian_classical::{Boundary, Graph, Ising};
    /// let lattice = Ising::uniform(Graph::lattice(&[40, 40], Boundary::Open)?, 0.4, 0.0)?;
    /// let per_site = lattice.log_z_planar()? / 1600.0;
    /// assert!((0.85..0.88).contains(&per_site));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A graph that is no lattice of one or two directions, or one that is closed in both; a field that is not zero; couplings so strong and so frustrated that rounding would spoil the
    /// result.
    pub fn log_z_planar(&self) -> Result<f64> {
        let strip = Strip::new(self)?;
        let mut state = Gaussian::free(strip.length);
        for row in 0..strip.n_rows {
            if row > 0 {
                for site in 0..strip.length {
                    state.apply(Factor::between_rows(strip.between[[row - 1, site]]), site, site);
                }
            }
            for site in 1..strip.length {
                state.apply(
                    Factor::along_row(strip.along[[row, site - 1]], -1.0),
                    site,
                    site - 1,
                );
            }
            if strip.is_ring {
                let last = strip.length - 1;
                state.apply(Factor::along_row(strip.along[[row, last]], 1.0), 0, last);
            }
        }
        let error = state.rounding + state.defect();
        // The overlap with free spins: each is summed out by `(1 + x)/2`, and both ends have a factor 2^{L/2}.
        for site in 0..strip.length {
            state.apply(Factor::free(), site, site);
        }
        let log_z = state.log_norm + strip.length as f64 * LN_2;
        // A NaN must not pass either.
        if error < LARGEST_ERROR && log_z.is_finite() {
            Ok(log_z)
        } else {
            let largest = self.couplings.iter().fold(0.0, |m: f64, j| m.max(j.abs()));
            let requirement = format!("weaker or less frustrated: rounding errors add up to {error:.0e}");
            Err(Error::parameter(
                "couplings",
                format!("up to {largest}"),
                requirement,
            ))
        }
    }
}

/// A lattice seen row by row, with positive couplings between rows.
struct Strip {
    n_rows: usize,
    length: usize,
    is_ring: bool,
    /// `along[[row, site]]` couples a site to the next in its row; the last is zero unless rows are rings.
    along: Array2<f64>,
    /// `between[[row, site]]` couples a site to that in the next row.
    between: Array2<f64>,
}

impl Strip {
    fn new(model: &Ising) -> Result<Self> {
        if let Some(site) = model.fields.iter().position(|h| *h != 0.0) {
            let requirement = "zero: fields are no free fermions";
            return Err(Error::parameter(
                format!("fields[{site}]"),
                model.fields[site],
                requirement,
            ));
        }
        let lattice = model.graph.as_lattice();
        let (shape, boundaries) = match lattice.map(|l| (&l.shape[..], &l.boundaries[..])) {
            Some((&[length], &[boundary])) => ([1, length], [Boundary::Open, boundary]),
            Some((&[rows, columns], &[down, right])) if [down, right].contains(&Boundary::Open) => {
                ([rows, columns], [down, right])
            }
            _ => {
                let requirement = "a lattice of one or two directions, open in one of them";
                return Err(Error::parameter("graph", "another graph", requirement));
            }
        };
        // Rows run along the ring, or along the shorter side.
        let is_turned = match boundaries {
            [Boundary::Periodic, _] => true,
            [_, Boundary::Periodic] => false,
            _ => shape[0] < shape[1],
        };
        let [n_rows, length] = if is_turned { [shape[1], shape[0]] } else { shape };
        let place = |site: usize| {
            let (row, column) = (site / shape[1], site % shape[1]);
            if is_turned { [column, row] } else { [row, column] }
        };
        let mut along = Array2::zeros((n_rows, length));
        let mut between = Array2::zeros((n_rows.saturating_sub(1), length));
        // A bond goes from its first site to the next one in its direction.
        for (&[i, j], &coupling) in model.graph.bonds().iter().zip(&model.couplings) {
            let ([row, site], [other_row, _]) = (place(i), place(j));
            if row == other_row {
                along[[row, site]] = coupling;
            } else {
                between[[row, site]] = coupling;
            }
        }
        for row in 1..n_rows {
            for site in 0..length {
                if between[[row - 1, site]] < 0.0 {
                    // Spins of this column are turned from here on.
                    for behind in row..n_rows {
                        along[[behind, site]] *= -1.0;
                        along[[behind, (site + length - 1) % length]] *= -1.0;
                    }
                    between[[row - 1, site]] *= -1.0;
                }
            }
        }
        Ok(Strip {
            n_rows,
            length,
            is_ring: boundaries.contains(&Boundary::Periodic),
            along,
            between,
        })
    }
}

/// The operator `e^{log_scale} (1 + c P)`.
struct Factor {
    log_scale: f64,
    c: f64,
    /// `1 − |c|`, which subtracting would not give for strong couplings.
    complement: f64,
}

impl Factor {
    /// `e^{J z z}`, where `z z = sign · i a b`.
    fn along_row(coupling: f64, sign: f64) -> Self {
        let decay = (-2.0 * coupling.abs()).exp();
        Factor {
            log_scale: log_cosh(coupling),
            c: sign * coupling.tanh(),
            complement: 2.0 * decay / (1.0 + decay),
        }
    }

    /// `e^J + e^{−J} x`, for `J ≥ 0`.
    fn between_rows(coupling: f64) -> Self {
        Factor {
            log_scale: coupling,
            c: (-2.0 * coupling).exp(),
            complement: -(-2.0 * coupling).exp_m1(),
        }
    }

    /// `(1 + x)/2`.
    fn free() -> Self {
        Factor {
            log_scale: -LN_2,
            c: 1.0,
            complement: 0.0,
        }
    }
}

/// A Gaussian state by its correlations, and the logarithm of its norm.
struct Gaussian {
    correlations: Array2<f64>,
    log_norm: f64,
    /// A bound on the rounding error of `log_norm`, to first order.
    rounding: f64,
}

impl Gaussian {
    /// All spins free, `x_i = 1`.
    fn free(length: usize) -> Self {
        Gaussian {
            correlations: Array2::eye(length),
            log_norm: 0.0,
            rounding: 0.0,
        }
    }

    /// Applies a factor with `P = i a_k b_l`.
    fn apply(&mut self, factor: Factor, k: usize, l: usize) {
        let Factor {
            log_scale,
            c,
            complement,
        } = factor;
        let m = &mut self.correlations;
        let p = m[[k, l]];
        // 1 + c² + 2cp without its cancellation.
        let n = complement * complement + 2.0 * c.abs() * (1.0 + c.signum() * p);
        let shrink = complement * (1.0 + c.abs()) / n;
        let step = 2.0 * c / n;
        let row = m.row(k).to_owned();
        for (i, mut others) in m.rows_mut().into_iter().enumerate() {
            if i != k {
                let here = others[l];
                others.scaled_add(-step * here, &row);
                others[l] = shrink * here;
            }
        }
        m.row_mut(k).mapv_inplace(|value| shrink * value);
        m[[k, l]] = ((1.0 + c * c) * p + 2.0 * c) / n;
        self.log_norm += log_scale + 0.5 * n.ln();
        self.rounding += f64::EPSILON * (c.abs() / n + log_scale.abs());
    }

    /// How far the correlations are from an orthogonal matrix.
    fn defect(&self) -> f64 {
        let m = &self.correlations;
        let difference = m.dot(&m.t()) - Array2::<f64>::eye(m.nrows());
        difference.fold(
            0.0,
            |worst: f64, d| if d.is_nan() { *d } else { worst.max(d.abs()) },
        )
    }
}
