//! The loops of a step over all numbers of a block: plain, and compiled for wide vectors.

use gibbsian_core::simd::{Vectorized, vectorized};

/// Arrays of a block are a multiple of this long, so that no loop has a rest.
pub(super) const LANES: usize = 8;

/// `out = x + h Σ_i a_i k_i`.
pub(super) fn advance(x: &[f64], h: &[f64], a: &[f64], stages: &[Vec<f64>], n: usize, out: &mut [f64]) {
    macro_rules! with_terms {
        ($($terms:literal)*) => {
            match a.len() {
                $($terms => vectorized(Advance::<$terms> {
                    x: &x[..n],
                    h: &h[..n],
                    a: std::array::from_fn(|i| a[i]),
                    stages: std::array::from_fn(|i| &stages[i][..n]),
                    out: &mut out[..n],
                }),)*
                terms => unreachable!("a pair with {terms} terms"),
            }
        };
    }
    with_terms!(1 2 3 4 5 6);
}

struct Advance<'a, const N: usize> {
    x: &'a [f64],
    h: &'a [f64],
    a: [f64; N],
    stages: [&'a [f64]; N],
    out: &'a mut [f64],
}

impl<const N: usize> Vectorized for Advance<'_, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (start, out) in (0..).step_by(LANES).zip(self.out.chunks_exact_mut(LANES)) {
            let sum = weighted_sum(self.a, self.stages, start);
            let (x, h) = (&self.x[start..][..LANES], &self.h[start..][..LANES]);
            for l in 0..LANES {
                out[l] = x[l] + h[l] * sum[l];
            }
        }
    }
}

#[inline(always)]
fn weighted_sum<const N: usize>(a: [f64; N], stages: [&[f64]; N], start: usize) -> [f64; LANES] {
    let mut sum = [0.0; LANES];
    for i in 0..N {
        let k = &stages[i][start..][..LANES];
        for l in 0..LANES {
            sum[l] += a[i] * k[l];
        }
    }
    sum
}

/// What the error of a step is measured in.
#[derive(Clone, Copy)]
pub(super) struct Tolerance<A> {
    pub(super) absolute: A,
    pub(super) relative: f64,
}

/// An absolute tolerance for each number of a block.
pub(super) trait Absolute: Copy {
    /// Those from `start` on.
    fn lanes(self, start: usize) -> [f64; LANES];
}

/// The same for all.
impl Absolute for f64 {
    #[inline(always)]
    fn lanes(self, _: usize) -> [f64; LANES] {
        [self; LANES]
    }
}

/// As many as the block has numbers.
impl Absolute for &[f64] {
    #[inline(always)]
    fn lanes(self, start: usize) -> [f64; LANES] {
        let tolerances = &self[start..][..LANES];
        std::array::from_fn(|l| tolerances[l])
    }
}

/// Writes the square of `h Σ_i e_i k_i / (atol + rtol max(|x|, |x'|))` into `out`; it is not finite where the new point `x'` is not.
pub(super) fn squared_errors<A: Absolute>(
    tolerance: Tolerance<A>,
    ends: [&[f64]; 2],
    h: &[f64],
    e: &[f64],
    stages: &[Vec<f64>],
    n: usize,
    out: &mut [f64],
) {
    macro_rules! with_terms {
        ($($terms:literal)*) => {
            match e.len() {
                $($terms => vectorized(SquaredErrors::<A, $terms> {
                    tolerance,
                    ends: ends.map(|end| &end[..n]),
                    h: &h[..n],
                    e: std::array::from_fn(|i| e[i]),
                    stages: std::array::from_fn(|i| &stages[i][..n]),
                    out: &mut out[..n],
                }),)*
                terms => unreachable!("a pair with {terms} terms"),
            }
        };
    }
    with_terms!(4 7);
}

struct SquaredErrors<'a, A, const N: usize> {
    tolerance: Tolerance<A>,
    ends: [&'a [f64]; 2],
    h: &'a [f64],
    e: [f64; N],
    stages: [&'a [f64]; N],
    out: &'a mut [f64],
}

impl<A: Absolute, const N: usize> Vectorized for SquaredErrors<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tolerance { absolute, relative } = self.tolerance;
        for (start, out) in (0..).step_by(LANES).zip(self.out.chunks_exact_mut(LANES)) {
            let sum = weighted_sum(self.e, self.stages, start);
            let [x, y] = self.ends.map(|end| &end[start..][..LANES]);
            let h = &self.h[start..][..LANES];
            let absolute = absolute.lanes(start);
            for l in 0..LANES {
                let scale = absolute[l] + relative * x[l].abs().max(y[l].abs());
                let ratio = h[l] * sum[l] / scale;
                // Zero times an infinite coordinate is not a number, and one divided by an infinite scale would pass for a good step.
                out[l] = ratio * ratio + 0.0 * y[l];
            }
        }
    }
}
