//! Alternate squares of a board.
//!
//! The density is one of two numbers and the score would be zero wherever it is defined: it says nothing of the density, whose gradient is all on the edges of
//! the squares, and identities that integrate by parts do not hold. So there is no score here.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Error, Result, check_count, check_positive};
use gibbsian_core::{Density, Energy, Space, Streams, parallel};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1};
use rand::{Rng, RngExt};

/// The largest `n` whose square does not overflow.
const LARGEST_SIDE: usize = usize::MAX >> (usize::BITS / 2);

/// The uniform density on the black squares of a board of `n × n` squares with corners at `±half_width`.
///
/// Squares are numbered `(i, j)` from the lower left; those with `i + j` even have the density `1 / (⌈n²/2⌉ side²)`, everything else has none. A square owns its
/// left and its lower edge. The default is the board of four by four squares on `[−4, 4]²`.
///
/// ```
/// use gibbsian_core::Density;
/// use gibbsian_densities::planar::Checkerboard;
/// use ndarray::array;
///
/// let board = Checkerboard::default();
/// let log_p = board.log_density(array![[-3.0, -3.0], [-1.0, -3.0], [5.0, 5.0]].view());
/// assert_eq!(log_p, array![-32f64.ln(), f64::NEG_INFINITY, f64::NEG_INFINITY]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Checkerboard {
    n: usize,
    half_width: f64,
    side: f64,
    log_area: f64,
}

impl Checkerboard {
    /// The board of `n × n` squares on `[−half_width, half_width]²`.
    ///
    /// # Errors
    /// No square, more than 2³² − 1 along a side (2¹⁶ − 1 where `usize` has 32 bits), or a width that is not positive.
    pub fn new(n: usize, half_width: f64) -> Result<Self> {
        check_count("n", n)?;
        if n > LARGEST_SIDE {
            let requirement = format!("at most {LARGEST_SIDE}, so that all squares can be counted");
            return Err(Error::parameter("n", n, requirement));
        }
        check_positive("half_width", half_width)?;
        Ok(Self::build(n, half_width))
    }

    fn build(n: usize, half_width: f64) -> Self {
        let count = (n * n).div_ceil(2) as f64;
        let side = 2.0 * half_width / n as f64;
        Checkerboard {
            n,
            half_width,
            side,
            // log(count side²), in terms that do not overflow.
            log_area: (4.0 * count / (n as f64 * n as f64)).ln() + 2.0 * half_width.ln(),
        }
    }

    /// The number of squares along a side.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Half of the width of the board.
    pub fn half_width(&self) -> f64 {
        self.half_width
    }

    fn is_black(&self, x: ArrayView1<f64>) -> bool {
        let inside = x.iter().all(|v| (-self.half_width..self.half_width).contains(v));
        // Rounding may lead to the end of a side, never beyond.
        let number = |v: f64| (((v + self.half_width) / self.side) as usize).min(self.n - 1);
        inside && (number(x[0]) + number(x[1])).is_multiple_of(2)
    }
}

impl Default for Checkerboard {
    fn default() -> Self {
        Checkerboard::build(4, 4.0)
    }
}

impl Space for Checkerboard {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Checkerboard {
    /// Zero on the black squares.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(2, x, &out);
        for (out, x) in out.iter_mut().zip(x.rows()) {
            *out = if x.iter().any(|v| v.is_nan()) {
                f64::NAN
            } else if self.is_black(x) {
                0.0
            } else {
                f64::INFINITY
            };
        }
    }
}

impl Density for Checkerboard {
    fn log_z(&self) -> f64 {
        self.log_area
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut x = Array2::zeros((n, 2));
        parallel::for_each_block(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            for mut row in rows.rows_mut() {
                // A square is drawn, not a point that is then looked at: with a rejection the number of draws would depend on the values. In rows of
                // squares counted one after the other, black ones are every second on a board of odd width; of each row's half on one of even width.
                let half = self.n.div_ceil(2);
                let (i, j) = if self.n.is_multiple_of(2) {
                    let (i, k) = (rng.random_range(0..self.n), rng.random_range(0..half));
                    (i, 2 * k + i % 2)
                } else {
                    let place = 2 * rng.random_range(0..(self.n * self.n).div_ceil(2));
                    (place / self.n, place % self.n)
                };
                for (x, number) in row.iter_mut().zip([i, j]) {
                    let u: f64 = rng.random();
                    *x = (number as f64 + u) * self.side - self.half_width;
                }
            }
        });
        x
    }
}
