//! Sums of the lines that are switched on.
//!
//! The sum of a line's 64 columns stays in registers while the lines of a list are added in its order. That order, and the plain addition, are
//! the same for every vector width, so the results are the same bits. The loop is written with vector types because the compiler,
//! given arrays, keeps a copy of the running sum in memory and doubles the time.

use std::ops::Range;

use super::{ActiveLists, Line, PANEL};

/// Writes `start + Σ_k value_k · lines[index_k]` over list `lists[b]` into `out[b]`, for every list.
///
/// ```
/// use gibbsian_linalg::kernels::{ActiveLists, Line, PANEL, gather};
///
/// // Three rows of weights, of which two states switch on the first and third, and the second.
/// let weights = [Line([1.0; PANEL]), Line([10.0; PANEL]), Line([100.0; PANEL])];
/// let mut lists = ActiveLists::default();
/// lists.reset(2, 3, false);
/// lists.fill_groups(2, |_, mut group| {
///     group.push_bits(0, 0b101, 0);
///     group.push_bits(1, 0b010, 0);
/// });
/// let mut out = [Line::ZERO; 2];
/// gather(&weights, &lists, &Line([0.5; PANEL]), &mut out);
/// assert_eq!((out[0].0[7], out[1].0[7]), (101.5, 10.5));
/// ```
///
/// # Panics
/// When `out` has not one line a list, or an index lies beyond `lines`.
pub fn gather(lines: &[Line], lists: &ActiveLists, start: &Line, out: &mut [Line]) {
    gather_range(lines, lists, 0..lists.n_lists(), start, 1.0, out);
}

/// Writes `start + scale · Σ_k value_k · lines[index_k]` over list `range.start + b` into `out[b]`, for the lists in `range`.
///
/// # Panics
/// When `out` has not one line a list of the range, or an index lies beyond `lines`.
pub fn gather_range(
    lines: &[Line],
    lists: &ActiveLists,
    range: Range<usize>,
    start: &Line,
    scale: f32,
    out: &mut [Line],
) {
    assert_eq!(out.len(), range.len(), "one line of output a list");
    let task = Gather {
        lines,
        lists,
        first: range.start,
        start,
        scale,
        out,
    };
    #[cfg(target_arch = "x86_64")]
    {
        use gibbsian_core::simd::Level;
        match Level::current() {
            // SAFETY: a level is current only where the processor has its instructions.
            Level::Avx512 => return unsafe { x86::avx512(task) },
            // SAFETY: as above.
            Level::Avx2 => return unsafe { x86::avx2(task) },
            Level::Portable => {}
        }
    }
    task.run::<[f32; 4], { PANEL / 4 }>();
}

struct Gather<'a> {
    lines: &'a [Line],
    lists: &'a ActiveLists,
    first: usize,
    start: &'a Line,
    scale: f32,
    out: &'a mut [Line],
}

/// Some neighbouring numbers in a register.
trait Vector: Copy {
    const LANES: usize;
    fn splat(x: f32) -> Self;
    /// Reads the first numbers of `x`.
    fn load(x: &[f32]) -> Self;
    fn store(self, x: &mut [f32]);
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
}

impl Gather<'_> {
    /// The sums, with `N` vectors to a line.
    #[inline(always)]
    fn run<V: Vector, const N: usize>(self) {
        assert_eq!(V::LANES * N, PANEL);
        let scale = V::splat(self.scale);
        for (b, out) in self.out.iter_mut().enumerate() {
            let list = self.first + b;
            let mut sum = [V::splat(0.0); N];
            match self.lists.values(list) {
                None => {
                    for &index in self.lists.indices(list) {
                        let line = &self.lines[index as usize];
                        for (k, sum) in sum.iter_mut().enumerate() {
                            *sum = sum.plus(V::load(&line.0[k * V::LANES..]));
                        }
                    }
                }
                Some(values) => {
                    for (&index, &value) in self.lists.indices(list).iter().zip(values) {
                        let line = &self.lines[index as usize];
                        let value = V::splat(value);
                        for (k, sum) in sum.iter_mut().enumerate() {
                            *sum = sum.plus(value.times(V::load(&line.0[k * V::LANES..])));
                        }
                    }
                }
            }
            for (k, sum) in sum.into_iter().enumerate() {
                let start = V::load(&self.start.0[k * V::LANES..]);
                start.plus(scale.times(sum)).store(&mut out.0[k * V::LANES..]);
            }
        }
    }
}

impl Vector for [f32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; 4]
    }

    #[inline(always)]
    fn load(x: &[f32]) -> Self {
        [x[0], x[1], x[2], x[3]]
    }

    #[inline(always)]
    fn store(self, x: &mut [f32]) {
        x[..4].copy_from_slice(&self);
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] + other[l])
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        std::array::from_fn(|l| self[l] * other[l])
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Gather, PANEL, Vector};

    /// The sums with 512-bit vectors.
    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(task: Gather<'_>) {
        task.run::<__m512, { PANEL / 16 }>();
    }

    /// The sums with 256-bit vectors.
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(task: Gather<'_>) {
        task.run::<__m256, { PANEL / 8 }>();
    }

    macro_rules! vector {
        ($type:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $mul:ident) => {
            // SAFETY (of every block below): values of this type are made and used only inside the function above that is compiled
            // for it, which runs only where the instructions exist; loads and stores are of slices that were cut to length.
            impl Vector for $type {
                const LANES: usize = $lanes;

                #[inline(always)]
                fn splat(x: f32) -> Self {
                    // SAFETY: as said above.
                    unsafe { $splat(x) }
                }

                #[inline(always)]
                fn load(x: &[f32]) -> Self {
                    let x = &x[..$lanes];
                    // SAFETY: as said above.
                    unsafe { $load(x.as_ptr()) }
                }

                #[inline(always)]
                fn store(self, x: &mut [f32]) {
                    let x = &mut x[..$lanes];
                    // SAFETY: as said above.
                    unsafe { $store(x.as_mut_ptr(), self) }
                }

                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    // SAFETY: as said above.
                    unsafe { $add(self, other) }
                }

                #[inline(always)]
                fn times(self, other: Self) -> Self {
                    // SAFETY: as said above.
                    unsafe { $mul(self, other) }
                }
            }
        };
    }
    vector!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_mul_ps
    );
    vector!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_mul_ps
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::simd::Level;

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
            let active = |row: usize| (0..50).filter(move |i| (i * i + row).is_multiple_of(4));
            let value = |i: usize| if with_values { 0.25 * (i % 5) as f32 } else { 1.0 };
            let mut lists = ActiveLists::default();
            lists.reset(9, 50, with_values);
            lists.fill_groups(1, |row, mut group| {
                for i in active(row) {
                    if with_values {
                        group.push_value(0, i as u32, value(i));
                    } else {
                        group.push(0, i as u32);
                    }
                }
            });
            for level in Level::ALL {
                Level::limit(level);
                let mut out = vec![Line::ZERO; 7];
                gather_range(&lines, &lists, 2..9, &start, 2.0, &mut out);
                for (row, out) in out.iter().enumerate() {
                    for k in 0..PANEL {
                        let sum: f32 = active(row + 2).map(|i| value(i) * lines[i].0[k]).sum();
                        assert_eq!(out.0[k], k as f32 + 2.0 * sum, "row {row}, column {k}, {level:?}");
                    }
                }
            }
            Level::limit(Level::Avx512);
        }
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn an_index_beyond_the_lines_is_an_error_of_the_caller() {
        let mut lists = ActiveLists::default();
        lists.reset(1, 1, false);
        lists.fill_groups(1, |_, mut group| group.push(0, 3));
        gather(&lines(3), &lists, &Line::ZERO, &mut [Line::ZERO]);
    }
}
