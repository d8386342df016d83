//! Sums of the lines that are switched on.

use gibbsian_core::simd::{Vectorized, vectorized};

use super::{ActiveLists, Line, PANEL};

/// Numbers in one vector of the widest kind.
const LANES: usize = 16;

/// The line being summed, as four vectors that stay in registers.
#[derive(Clone, Copy)]
struct Sum([[f32; LANES]; PANEL / LANES]);

impl Sum {
    #[inline(always)]
    fn of(line: &Line) -> Self {
        let mut sum = Sum([[0.0; LANES]; PANEL / LANES]);
        for (k, lanes) in sum.0.iter_mut().enumerate() {
            lanes.copy_from_slice(&line.0[k * LANES..(k + 1) * LANES]);
        }
        sum
    }

    #[inline(always)]
    fn add(&mut self, line: &Line) {
        for k in 0..PANEL / LANES {
            for l in 0..LANES {
                self.0[k][l] += line.0[k * LANES + l];
            }
        }
    }

    #[inline(always)]
    fn add_scaled(&mut self, line: &Line, scale: f32) {
        for k in 0..PANEL / LANES {
            for l in 0..LANES {
                self.0[k][l] += scale * line.0[k * LANES + l];
            }
        }
    }

    #[inline(always)]
    fn store(&self, line: &mut Line) {
        for (k, lanes) in self.0.iter().enumerate() {
            line.0[k * LANES..(k + 1) * LANES].copy_from_slice(lanes);
        }
    }

    /// Adds the lines of one list, in its order.
    #[inline(always)]
    fn add_list(&mut self, lines: &[Line], lists: &ActiveLists, list: usize) {
        match lists.values(list) {
            None => {
                for &index in lists.indices(list) {
                    self.add(&lines[index as usize]);
                }
            }
            Some(values) => {
                for (&index, &value) in lists.indices(list).iter().zip(values) {
                    self.add_scaled(&lines[index as usize], value);
                }
            }
        }
    }
}

/// Writes `start + Σ_k value_k · lines[index_k]` over list `b` into `out[b]`, for every list.
///
/// # Panics
/// When `out` has not one line a list, or an index lies beyond `lines`.
pub fn gather(lines: &[Line], lists: &ActiveLists, start: &Line, out: &mut [Line]) {
    gather_scaled(lines, lists, start, 1.0, out);
}

/// Writes `start + scale · Σ_k value_k · lines[index_k]` over list `b` into `out[b]`, for every list.
///
/// # Panics
/// As [`gather`].
pub fn gather_scaled(lines: &[Line], lists: &ActiveLists, start: &Line, scale: f32, out: &mut [Line]) {
    assert_eq!(out.len(), lists.n_lists(), "one line of output a list");
    vectorized(Gather {
        lines,
        lists,
        start,
        scale,
        out,
    });
}

struct Gather<'a> {
    lines: &'a [Line],
    lists: &'a ActiveLists,
    start: &'a Line,
    scale: f32,
    out: &'a mut [Line],
}

impl Vectorized for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (list, out) in self.out.iter_mut().enumerate() {
            let mut sum = Sum::of(&Line::ZERO);
            sum.add_list(self.lines, self.lists, list);
            let mut result = Sum::of(self.start);
            for k in 0..PANEL / LANES {
                for l in 0..LANES {
                    result.0[k][l] += self.scale * sum.0[k][l];
                }
            }
            result.store(out);
        }
    }
}

/// The sum of the lines of one list; for callers that are compiled for wide vectors themselves.
#[inline(always)]
pub fn sum_into(lines: &[Line], lists: &ActiveLists, list: usize, out: &mut Line) {
    let mut sum = Sum::of(&Line::ZERO);
    sum.add_list(lines, lists, list);
    sum.store(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines whose entries are small integers, so that sums are exact in any order.
    fn lines(n: usize) -> Vec<Line> {
        (0..n)
            .map(|i| Line(std::array::from_fn(|k| ((i * 31 + k * 7) % 17) as f32 - 8.0)))
            .collect()
    }

    #[test]
    fn a_gather_is_the_product_with_the_rows_as_a_matrix() {
        let lines = lines(50);
        let start = Line(std::array::from_fn(|k| k as f32));
        for with_values in [false, true] {
            let mut lists = ActiveLists::default();
            lists.reset(9, 50, with_values);
            lists.fill_groups(1, |row, mut group| {
                for i in (0..50).filter(|i| (i * i + row) % 4 == 0) {
                    if with_values {
                        group.push_value(0, i as u32, 0.25 * (i % 5) as f32);
                    } else {
                        group.push(0, i as u32);
                    }
                }
            });
            let mut out = vec![Line::ZERO; 9];
            gather_scaled(&lines, &lists, &start, 2.0, &mut out);
            for (row, out) in out.iter().enumerate() {
                for k in 0..PANEL {
                    let mut expected = k as f32;
                    for i in (0..50).filter(|i| (i * i + row) % 4 == 0) {
                        let value = if with_values { 0.25 * (i % 5) as f32 } else { 1.0 };
                        expected += 2.0 * value * lines[i].0[k];
                    }
                    assert_eq!(out.0[k], expected, "row {row}, column {k}");
                }
            }
        }
    }
}
