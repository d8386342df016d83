//! What training sees of a table: the numbers, or coins tossed for them.

use gibbsian_core::dataset::assert_batch;
use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Dataset, Space, Streams};
use ndarray::{Array2, ArrayViewMut2};
use rand::RngExt;

/// Probabilities, tossed afresh at every visit.
#[derive(Debug)]
pub(crate) struct Tossed {
    probabilities: Array2<f64>,
}

impl Tossed {
    /// Numbers that are known to lie in `[0, 1]`.
    pub(crate) fn new(probabilities: Array2<f64>) -> Self {
        Tossed { probabilities }
    }
}

impl Space for Tossed {
    fn dim(&self) -> usize {
        self.probabilities.ncols()
    }
}

impl Dataset for Tossed {
    fn n_points(&self) -> usize {
        self.probabilities.nrows()
    }

    fn rows_into(&self, indices: &[usize], streams: Streams, mut out: ArrayViewMut2<f64>) {
        assert_batch(self, indices, &out);
        let mut rng = streams.block(0);
        for (b, (index, mut row)) in indices.iter().zip(out.rows_mut()).enumerate() {
            if b % BLOCK_ROWS == 0 {
                rng = streams.block(b / BLOCK_ROWS);
            }
            for (x, p) in row.iter_mut().zip(self.probabilities.row(*index)) {
                *x = f64::from(u8::from(rng.random::<f64>() < *p));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};

    #[test]
    fn coins_are_on_as_often_as_they_should() {
        let view = Tossed::new(array![[0.0, 0.3, 1.0]]);
        let n = 20_000;
        let x = view.rows(&vec![0; n], Streams::from_key(1));
        let means = x.mean_axis(Axis(0)).unwrap();
        assert_eq!((means[0], means[2]), (0.0, 1.0));
        let error = (0.3 * 0.7 / n as f64).sqrt();
        assert!((means[1] - 0.3).abs() < 5.0 * error, "{means}");
        assert_eq!(x, view.rows(&vec![0; n], Streams::from_key(1)));
        assert_ne!(x, view.rows(&vec![0; n], Streams::from_key(2)));
    }
}
