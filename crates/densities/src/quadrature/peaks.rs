//! Where the mass of an energy may hide: the minima of `h(t) = E(x(t)) − log dx/dt`.
//!
//! An energy tells where it falls even where `exp(−E)` underflows. Minima of `h` on a grid of `t` are followed downhill and measured. The
//! derivative of the substitution belongs to `h`, because it turns an energy that falls without bound into an integrable singularity or
//! at infinity into one with a bound.

use gibbsian_core::Energy;
use gibbsian_core::error::{Error, Result};
use ndarray::Array2;

use super::domain::Peak;
use super::interval::Axis;

/// The number of grid points along the axis of a line, and along each axis of a plane.
const GRID: [usize; 2] = [2001, 129];
/// No more minima than this are followed.
const MAX_PEAKS: usize = 48;

pub(super) struct Peaks {
    /// The lowest `h` that was seen.
    pub(super) lowest: f64,
    /// The minima.
    pub(super) places: Vec<Peak>,
    pub(super) n_evaluations: usize,
}

pub(super) fn find<E: Energy + ?Sized>(energy: &E, axes: &[Axis]) -> Result<Peaks> {
    let d = axes.len();
    let n = GRID[d - 1];
    let mut search = Search {
        energy,
        axes,
        n_evaluations: 0,
    };
    let spacing: Vec<f64> = axes
        .iter()
        .map(|axis| (axis.range.1 - axis.range.0) / (n - 1) as f64)
        .collect();
    let grid = Array2::from_shape_fn((n.pow(d as u32), d), |(k, axis)| {
        let i = if axis + 1 == d { k % n } else { k / n };
        axes[axis].range.0 + i as f64 * spacing[axis]
    });
    let h = search.evaluate(&grid)?;
    let mut minima: Vec<usize> = (0..h.len())
        .filter(|&k| h[k].is_finite() && is_minimum(&h, k, n, d))
        .collect();
    minima.sort_by(|&a, &b| h[a].total_cmp(&h[b]).then(a.cmp(&b)));
    minima.truncate(MAX_PEAKS);
    if minima.is_empty() {
        return Err(Error::parameter(
            "the energy",
            "infinite on a grid over the domain",
            "finite on a part of it that a grid can see",
        ));
    }
    let mut lowest = f64::INFINITY;
    let mut places = Vec::with_capacity(minima.len());
    for k in minima {
        let (at, low) = search.descend(grid.row(k).to_vec(), h[k], &spacing)?;
        let widths = search.widths(&at, low, &spacing)?;
        places.push(Peak { at, widths });
        lowest = lowest.min(low);
    }
    Ok(Peaks {
        lowest,
        places,
        n_evaluations: search.n_evaluations,
    })
}

/// Whether no neighbour on the grid is lower, of equal ones the first.
fn is_minimum(h: &[f64], k: usize, n: usize, d: usize) -> bool {
    let (row, column) = if d == 1 { (0, k) } else { (k / n, k % n) };
    let rows = if d == 1 {
        0..=0
    } else {
        row.saturating_sub(1)..=(row + 1).min(n - 1)
    };
    rows.into_iter().all(|r| {
        (column.saturating_sub(1)..=(column + 1).min(n - 1)).all(|c| {
            let other = r * n + c;
            other == k || h[k] < h[other] || (h[k] == h[other] && k < other)
        })
    })
}

struct Search<'a, E: ?Sized> {
    energy: &'a E,
    axes: &'a [Axis],
    n_evaluations: usize,
}

impl<E: Energy + ?Sized> Search<'_, E> {
    /// `h` at rows of `t`.
    fn evaluate(&mut self, t: &Array2<f64>) -> Result<Vec<f64>> {
        let mut x = t.clone();
        let mut log_element = vec![0.0; t.nrows()];
        for (mut row, log_element) in x.rows_mut().into_iter().zip(&mut log_element) {
            for (t, axis) in row.iter_mut().zip(self.axes) {
                let (x, dx) = axis.at(*t);
                *t = x;
                *log_element += dx.ln();
            }
        }
        self.n_evaluations += t.nrows();
        let energies = self.energy.energy(x.view());
        for (e, x) in energies.iter().zip(x.rows()) {
            if e.is_nan() || *e == f64::NEG_INFINITY {
                return Err(Error::non_finite("the energy", *e, format!("at x = {x:e}")));
            }
        }
        Ok(energies.iter().zip(log_element).map(|(e, l)| e - l).collect())
    }

    /// Compass search: the best of the steps along the axes, of half the length when none is downhill.
    fn descend(&mut self, mut at: Vec<f64>, mut low: f64, spacing: &[f64]) -> Result<(Vec<f64>, f64)> {
        const MAX_STEPS: usize = 120;
        let d = at.len();
        let mut scale = 0.5;
        for _ in 0..MAX_STEPS {
            let steps = Array2::from_shape_fn((2 * d, d), |(k, axis)| {
                let step = if k / 2 != axis {
                    0.0
                } else if k % 2 == 0 {
                    scale * spacing[axis]
                } else {
                    -scale * spacing[axis]
                };
                (at[axis] + step).clamp(self.axes[axis].range.0, self.axes[axis].range.1)
            });
            let h = self.evaluate(&steps)?;
            let best = (0..h.len()).min_by(|&a, &b| h[a].total_cmp(&h[b])).unwrap_or(0);
            if h[best] < low {
                low = h[best];
                at = steps.row(best).to_vec();
            } else if scale > 1e-10 {
                scale *= 0.5;
            } else {
                break;
            }
        }
        Ok((at, low))
    }

    /// How far along each axis `h` stays within one half of its minimum, on the narrower side, to a factor of two.
    fn widths(&mut self, at: &[f64], low: f64, spacing: &[f64]) -> Result<Vec<f64>> {
        const N_SCALES: i32 = 40;
        let d = at.len();
        let mut widths = Vec::with_capacity(d);
        for (axis, spacing) in spacing.iter().enumerate() {
            let length = |k: i32| spacing * 2f64.powi(k - 30);
            let probes = Array2::from_shape_fn((2 * N_SCALES as usize, d), |(k, a)| {
                let step = length(k as i32 / 2) * if k % 2 == 0 { 1.0 } else { -1.0 };
                let moved = if a == axis { at[a] + step } else { at[a] };
                moved.clamp(self.axes[a].range.0, self.axes[a].range.1)
            });
            let h = self.evaluate(&probes)?;
            let first = (0..N_SCALES).find(|&k| {
                let k = k as usize;
                h[2 * k] - low > 0.5 || h[2 * k + 1] - low > 0.5
            });
            widths.push(length(first.unwrap_or(N_SCALES)));
        }
        Ok(widths)
    }
}
