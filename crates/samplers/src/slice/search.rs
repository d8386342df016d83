//! One update of every row of a block along a line of its own: the level, stepping out, shrinking.

use gibbsian_core::{Energy, StreamRng};
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::RngExt;
use rand_distr::Exp1;

use super::{Search, SliceInfo};
use crate::walkers::Block;

/// Where one row is in its update: the level, and the ends of the interval in units of its line.
struct Interval {
    level: f64,
    left: f64,
    right: f64,
    steps_left: usize,
    steps_right: usize,
}

impl Search {
    /// Moves every row along its line, a row of `lines` `(b, D)`.
    pub(super) fn update<T: Energy + ?Sized>(
        &self,
        target: &T,
        walkers: &mut Block,
        lines: ArrayView2<f64>,
        rng: &mut StreamRng,
    ) -> SliceInfo {
        let n = walkers.x.nrows();
        let mut info = SliceInfo {
            updates: n as u64,
            ..SliceInfo::default()
        };
        let mut intervals: Vec<Interval> = walkers.energy.iter().map(|e| self.around(*e, rng)).collect();
        let mut points = Points {
            x: Array2::zeros((n, walkers.x.ncols())),
            energy: Array1::zeros(n),
        };
        self.step_out(target, walkers, lines, &mut intervals, &mut points, &mut info);

        let mut active: Vec<usize> = (0..n).collect();
        let mut t = vec![0.0; n];
        while !active.is_empty() {
            for &b in &active {
                let Interval { left, right, .. } = intervals[b];
                t[b] = left + rng.random::<f64>() * (right - left);
            }
            points.evaluate(target, walkers, lines, &active, |b| t[b], &mut info);
            let mut k = 0;
            active.retain(|&b| {
                let (x, energy) = (points.x.row(k), points.energy[k]);
                k += 1;
                // A point that rounds to the present one is in the slice, whatever its energy became when it was evaluated in other company.
                let at_home = x == walkers.x.row(b);
                if at_home || energy < intervals[b].level {
                    if !at_home {
                        walkers.x.row_mut(b).assign(&x);
                        walkers.energy[b] = energy;
                    }
                    return false;
                }
                info.shrinkages += 1;
                if t[b] < 0.0 {
                    intervals[b].left = t[b];
                } else {
                    intervals[b].right = t[b];
                }
                true
            });
        }
        info
    }

    /// A level above the energy, an interval laid around zero, and how far each side may go.
    fn around(&self, energy: f64, rng: &mut StreamRng) -> Interval {
        let level = energy + rng.sample::<f64, _>(Exp1);
        let left = -self.width * rng.random::<f64>();
        // J = floor(m v) steps to the left and m − 1 − J to the right.
        let steps_left = rng.random_range(0..self.limit);
        Interval {
            level,
            left,
            right: left + self.width,
            steps_left,
            steps_right: self.limit - 1 - steps_left,
        }
    }

    /// Makes the intervals longer while their ends are in the slice and steps are left.
    fn step_out<T: Energy + ?Sized>(
        &self,
        target: &T,
        walkers: &Block,
        lines: ArrayView2<f64>,
        intervals: &mut [Interval],
        points: &mut Points,
        info: &mut SliceInfo,
    ) {
        for to_the_left in [true, false] {
            let mut active: Vec<usize> = (0..intervals.len()).collect();
            loop {
                active.retain(|&b| intervals[b].steps(to_the_left) > 0);
                if active.is_empty() {
                    break;
                }
                points.evaluate(
                    target,
                    walkers,
                    lines,
                    &active,
                    |b| intervals[b].end(to_the_left),
                    info,
                );
                let mut k = 0;
                active.retain(|&b| {
                    let inside = points.energy[k] < intervals[b].level;
                    k += 1;
                    if inside {
                        intervals[b].extend(to_the_left, self.width);
                        info.expansions += 1;
                        info.limited += u64::from(intervals[b].steps(to_the_left) == 0);
                    }
                    inside
                });
            }
        }
    }
}

impl Interval {
    fn steps(&self, left: bool) -> usize {
        if left { self.steps_left } else { self.steps_right }
    }

    fn end(&self, left: bool) -> f64 {
        if left { self.left } else { self.right }
    }

    fn extend(&mut self, left: bool, width: f64) {
        if left {
            self.left -= width;
            self.steps_left -= 1;
        } else {
            self.right += width;
            self.steps_right -= 1;
        }
    }
}

/// Points on the lines of the rows that are not done, and their energies.
struct Points {
    x: Array2<f64>,
    energy: Array1<f64>,
}

impl Points {
    /// Evaluates `x_b + t(b) d_b` of the rows `active`; what is no energy becomes +∞ and is counted.
    fn evaluate<T: Energy + ?Sized>(
        &mut self,
        target: &T,
        walkers: &Block,
        lines: ArrayView2<f64>,
        active: &[usize],
        t: impl Fn(usize) -> f64,
        info: &mut SliceInfo,
    ) {
        for (&b, mut point) in active.iter().zip(self.x.rows_mut()) {
            point.assign(&walkers.x.row(b));
            point.scaled_add(t(b), &lines.row(b));
        }
        let rows = s![..active.len(), ..];
        let mut energy = self.energy.slice_mut(s![..active.len()]);
        target.energy_into(self.x.slice(rows), energy.view_mut());
        info.evaluations += active.len() as u64;
        energy.map_inplace(|e| {
            if e.is_nan() || *e == f64::NEG_INFINITY {
                info.undefined += 1;
                *e = f64::INFINITY;
            }
        });
    }
}
