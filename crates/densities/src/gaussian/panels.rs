//! A small matrix packed for products with rows of points, `y = M r` for many `r` at once.
//!
//! The matrix is cut into panels of [`LANES`] output coordinates; line `c` of a panel holds column `c` of its rows, so that the product of one
//! coordinate `r_c` with a line is one vector operation, and a tile of [`POINTS`] points shares each line. Points need not be transposed: their
//! coordinates are broadcast from memory, which costs nothing, and results come out in rows. A lower triangular matrix has panels that
//! end where their zeros begin. Each sum runs over `c` in order: the bits are the same at every vector width, and do not depend on
//! which points share a tile.

use ndarray::ArrayView2;

use crate::lanes::{LANES, Line, add_scaled, eight};

/// Points in a tile: eight independent sums hide the latency of additions.
pub(crate) const POINTS: usize = LANES;

/// A packed square matrix.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    dim: usize,
    /// Where each panel's lines end.
    ends: Vec<usize>,
    lines: Vec<Line>,
}

impl Panels {
    /// Packs a lower triangular matrix; what is above the diagonal is not read.
    pub fn lower_triangular(matrix: ArrayView2<f64>) -> Self {
        Panels::pack(matrix, |first| (first + LANES).min(matrix.nrows()), |a, c| c <= a)
    }

    /// Packs any square matrix.
    pub fn full(matrix: ArrayView2<f64>) -> Self {
        Panels::pack(matrix, |_| matrix.ncols(), |_, _| true)
    }

    fn pack(
        matrix: ArrayView2<f64>,
        depth: impl Fn(usize) -> usize,
        kept: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let dim = matrix.nrows();
        let (mut ends, mut lines) = (Vec::new(), Vec::new());
        for first in (0..dim).step_by(LANES) {
            for c in 0..depth(first) {
                lines.push(std::array::from_fn(|lane| {
                    let a = first + lane;
                    if a < dim && kept(a, c) {
                        matrix[(a, c)]
                    } else {
                        0.0
                    }
                }));
            }
            ends.push(lines.len());
        }
        Panels { dim, ends, lines }
    }

    /// The number of rows and columns of the matrix.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The panels in order of their coordinates.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = &[Line]> {
        (0..self.ends.len()).map(|p| {
            let start = if p == 0 { 0 } else { self.ends[p - 1] };
            &self.lines[start..self.ends[p]]
        })
    }

    /// `M r_k` for the coordinates of one panel and the points of one tile, whose coordinates lie one row after the other.
    #[inline(always)]
    pub fn tile(&self, panel: &[Line], rows: &[f64]) -> [Line; POINTS] {
        let n = panel.len();
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|k| &rows[k * self.dim..][..n]);
        let mut sums = [[0.0; LANES]; POINTS];
        // Zipped iterators need no check of an index, whose failure would force the sums out of their registers.
        let points = a
            .iter()
            .zip(b)
            .zip(c.iter().zip(d))
            .zip(e.iter().zip(f).zip(g.iter().zip(h)));
        for (line, (((a, b), (c, d)), ((e, f), (g, h)))) in panel.iter().zip(points) {
            let r = [*a, *b, *c, *d, *e, *f, *g, *h];
            sums = eight(|k| add_scaled(sums[k], r[k], *line));
        }
        sums
    }
}
