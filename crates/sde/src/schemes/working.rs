//! The arrays that schemes work in.

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2};

/// Arrays that a block of rows keeps between steps, so that solving does not allocate; each takes its shape from its first use.
#[derive(Clone, Debug, Default)]
pub struct Working {
    arrays: Vec<Array2<f64>>,
    time: Array1<f64>,
}

impl Working {
    /// `N` arrays of these shapes, with what their last user left in them, and `n_rows` times `t`.
    pub(crate) fn take<const N: usize>(
        &mut self,
        shapes: [(usize, usize); N],
        n_rows: usize,
        t: f64,
    ) -> ([ArrayViewMut2<'_, f64>; N], ArrayView1<'_, f64>) {
        self.arrays
            .resize(self.arrays.len().max(N), Array2::default((0, 0)));
        for (array, shape) in self.arrays.iter_mut().zip(shapes) {
            if array.dim() != shape {
                *array = Array2::zeros(shape);
            }
        }
        if self.time.len() != n_rows {
            self.time = Array1::zeros(n_rows);
        }
        self.time.fill(t);
        let mut arrays = self.arrays.iter_mut();
        let views = std::array::from_fn(|_| arrays.next().expect("as many arrays as shapes").view_mut());
        (views, self.time.view())
    }
}
