//! Filters and the pictures on both of their sides.
//!
//! Pictures are rows with the channels side by side: column `(y w + x) C + c` is channel `c` of pixel `(y, x)`. A filter that stands at `(y, x)` sees the *patch* of the pixels
//! `(y + i, x + j)`, and all filters together are one matrix `(k_h k_w C, K)`, so that a picture's field is a product with the matrix of its patches. What hidden units send back is
//! the transposed product, every pixel adding up what it gets in all patches that it lies in.

use gibbsian_core::parallel::{BLOCK_ROWS, for_each_block, map_blocks};
use gibbsian_linalg::matmul;
use ndarray::{Array2, Array4, ArrayView1, ArrayView2, ArrayViewMut1};

use crate::graph::Boundary;

/// Shared weights `(k_h, k_w, C, K)` on a picture of `h × w` pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filters {
    /// In the order of their shape.
    weights: Array4<f64>,
    shape: [usize; 2],
    boundary: Boundary,
}

impl Filters {
    /// Filters that fit into the picture.
    pub(super) fn new(weights: Array4<f64>, shape: [usize; 2], boundary: Boundary) -> Self {
        Filters {
            weights: weights.as_standard_layout().into_owned(),
            shape,
            boundary,
        }
    }

    pub(super) fn weights(&self) -> &Array4<f64> {
        &self.weights
    }

    pub(super) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    pub(super) fn boundary(&self) -> Boundary {
        self.boundary
    }

    /// The places where a filter can stand, in each direction.
    pub(super) fn hidden_shape(&self) -> [usize; 2] {
        hidden_shape(
            self.shape,
            [self.weights.dim().0, self.weights.dim().1],
            self.boundary,
        )
    }

    pub(super) fn n_visible(&self) -> usize {
        self.shape[0] * self.shape[1] * self.weights.dim().2
    }

    pub(super) fn n_hidden(&self) -> usize {
        self.n_places() * self.weights.dim().3
    }

    fn n_places(&self) -> usize {
        self.hidden_shape().iter().product()
    }

    /// The number of weights of one filter.
    fn n_patch(&self) -> usize {
        let (height, width, channels, _) = self.weights.dim();
        height * width * channels
    }

    /// `(k_h k_w C, K)`.
    fn matrix(&self) -> ArrayView2<'_, f64> {
        self.weights
            .view()
            .into_shape_with_order((self.n_patch(), self.weights.dim().3))
            .expect("filters are stored in the order of their shape")
    }

    /// Calls `each` with every place of a filter, every position within it, and the pixel that is seen there, all as numbers.
    fn for_each_sight(&self, mut each: impl FnMut(usize, usize, usize)) {
        let ([height, width], [rows, columns]) = (self.shape, self.hidden_shape());
        let (filter_height, filter_width, ..) = self.weights.dim();
        for y in 0..rows {
            for x in 0..columns {
                for i in 0..filter_height {
                    for j in 0..filter_width {
                        // Without a periodic boundary nothing wraps around.
                        let pixel = (y + i) % height * width + (x + j) % width;
                        each(y * columns + x, i * filter_width + j, pixel);
                    }
                }
            }
        }
    }

    /// Writes the patches of a picture, a row a place.
    fn gather(&self, v: ArrayView1<f64>, patches: &mut Array2<f64>) {
        let n = self.weights.dim().2;
        self.for_each_sight(|place, position, pixel| {
            for c in 0..n {
                patches[[place, position * n + c]] = v[pixel * n + c];
            }
        });
    }

    /// **Adds** patches to the picture that they are seen in.
    fn scatter(&self, patches: &Array2<f64>, mut v: ArrayViewMut1<f64>) {
        let n = self.weights.dim().2;
        self.for_each_sight(|place, position, pixel| {
            for c in 0..n {
                v[pixel * n + c] += patches[[place, position * n + c]];
            }
        });
    }

    fn patches(&self) -> Array2<f64> {
        Array2::zeros((self.n_places(), self.n_patch()))
    }

    /// One picture of the hidden side, a row a place.
    fn places<'x>(&self, h: &'x ArrayView1<f64>) -> ndarray::CowArray<'x, f64, ndarray::Ix2> {
        h.to_shape((self.n_places(), self.weights.dim().3))
            .expect("rows have a column a hidden unit")
    }

    /// What pictures `(B, V)` send to the hidden side, `(B, H)`.
    pub(super) fn up(&self, v: ArrayView2<f64>) -> Array2<f64> {
        assert_columns(v, self.n_visible());
        let mut out = Array2::zeros((v.nrows(), self.n_hidden()));
        for_each_block(out.view_mut(), |block, mut rows| {
            let mut patches = self.patches();
            for (b, mut row) in rows.rows_mut().into_iter().enumerate() {
                self.gather(v.row(block * BLOCK_ROWS + b), &mut patches);
                let field = matmul(patches.view(), self.matrix().view());
                row.iter_mut().zip(&field).for_each(|(row, field)| *row = *field);
            }
        });
        out
    }

    /// What hidden units `(B, H)` send to the picture, `(B, V)`.
    pub(super) fn down(&self, h: ArrayView2<f64>) -> Array2<f64> {
        assert_columns(h, self.n_hidden());
        let mut out = Array2::zeros((h.nrows(), self.n_visible()));
        for_each_block(out.view_mut(), |block, mut rows| {
            for (b, row) in rows.rows_mut().into_iter().enumerate() {
                let h = h.row(block * BLOCK_ROWS + b);
                self.scatter(&matmul(self.places(&h).view(), self.matrix().t()), row);
            }
        });
        out
    }

    /// `∂/∂W Σ_b (up v_b)·h_b`, in the order of the weights: the sum over rows and places of patches times hidden units.
    pub(super) fn gradient(&self, v: ArrayView2<f64>, h: ArrayView2<f64>) -> Array2<f64> {
        let partial = map_blocks(v.nrows(), |_, rows| {
            let mut patches = self.patches();
            let mut sum = Array2::zeros(self.matrix().raw_dim());
            for b in rows {
                self.gather(v.row(b), &mut patches);
                let h = h.row(b);
                sum += &matmul(patches.t(), self.places(&h).view());
            }
            sum
        });
        let zero = Array2::zeros(self.matrix().raw_dim());
        partial.into_iter().fold(zero, |sum, part| sum + part)
    }

    /// **Adds** what a change of one visible unit by `step` sends to the hidden side.
    pub(super) fn add_change(&self, unit: usize, step: f64, mut field: ArrayViewMut1<f64>) {
        let ([height, width], [rows, columns]) = (self.shape, self.hidden_shape());
        let (filter_height, filter_width, n_channels, n_filters) = self.weights.dim();
        let (pixel, c) = (unit / n_channels, unit % n_channels);
        for i in 0..filter_height {
            for j in 0..filter_width {
                // The place from which the pixel is seen at (i, j), if there is one.
                let y = (pixel / width + height - i) % height;
                let x = (pixel % width + width - j) % width;
                if y < rows && x < columns {
                    for k in 0..n_filters {
                        field[(y * columns + x) * n_filters + k] += step * self.weights[[i, j, c, k]];
                    }
                }
            }
        }
    }

    /// The weights as a matrix of all visible by all hidden units.
    pub(super) fn dense(&self) -> Array2<f64> {
        let (_, _, n_channels, n_filters) = self.weights.dim();
        let mut dense = Array2::zeros((self.n_visible(), self.n_hidden()));
        self.for_each_sight(|place, position, pixel| {
            for c in 0..n_channels {
                for k in 0..n_filters {
                    dense[[pixel * n_channels + c, place * n_filters + k]] =
                        self.matrix()[[position * n_channels + c, k]];
                }
            }
        });
        dense
    }
}

/// The places where a filter of a size can stand in a picture of a shape.
pub(super) fn hidden_shape(shape: [usize; 2], filter: [usize; 2], boundary: Boundary) -> [usize; 2] {
    match boundary {
        Boundary::Open => [shape[0] + 1 - filter[0], shape[1] + 1 - filter[1]],
        Boundary::Periodic => shape,
    }
}

fn assert_columns(x: ArrayView2<f64>, n: usize) {
    assert_eq!(
        x.ncols(),
        n,
        "x has shape {:?}, but the units of this side are {n}",
        x.shape()
    );
}
