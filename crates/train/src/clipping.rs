//! Bounds on lengths: of the gradient before a step, and of the weights after it.
//!
//! Both wrap an [`Optimiser`]. Clipping by the norm (Pascanu, Mikolov and Bengio 2013) keeps the direction of a gradient and bounds its length, so that one wild minibatch cannot throw the
//! parameters away; it acts on the whole gradient, before momentum. The max-norm (Srebro and Shraibman 2005; Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014) bounds the
//! length of the weights that come into each unit by projecting them back, and leaves shorter ones alone, where decay would pull at all of them.

use gibbsian_core::error::check_positive;
use gibbsian_core::{Layout, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView1, ArrayViewMut1, s};

use crate::optimiser::Optimiser;

/// An optimiser that sees `g · min(1, c / ‖g‖)` in place of the gradient `g`.
#[derive(Debug)]
pub struct Clipped<P> {
    optimiser: P,
    max_norm: f64,
    clipped: Array1<f64>,
}

impl<P> Clipped<P> {
    /// Bounds the Euclidean length of the gradient by `max_norm`.
    ///
    /// # Errors
    /// A bound that is not positive and finite.
    pub fn new(optimiser: P, max_norm: f64) -> Result<Self> {
        check_positive("max_norm", max_norm)?;
        Ok(Clipped {
            optimiser,
            max_norm,
            clipped: Array1::zeros(0),
        })
    }
}

impl<P: Optimiser> Optimiser for Clipped<P> {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        let norm = length(grad);
        if norm <= self.max_norm {
            return self.optimiser.update(step, learning_rate, grad, params);
        }
        if self.clipped.len() != grad.len() {
            self.clipped = Array1::zeros(grad.len());
        }
        let factor = self.max_norm / norm;
        self.clipped
            .zip_mut_with(&grad, |clipped, g| *clipped = g * factor);
        self.optimiser
            .update(step, learning_rate, self.clipped.view(), params)
    }
}

impl<P: Snapshot> Snapshot for Clipped<P> {
    /// The state of the optimiser.
    fn snapshot(&self) -> Record {
        self.optimiser.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.optimiser.restore(record)
    }
}

/// An optimiser after whose steps no column of a weight matrix is longer than a bound.
///
/// A matrix is a tensor of rank two, inputs × units; column `j` has what comes into unit `j`. Other tensors are not bounded.
#[derive(Debug)]
pub struct MaxNorm<P> {
    optimiser: P,
    max_norm: f64,
    /// Where the matrices start, and their shapes.
    matrices: Vec<(usize, [usize; 2])>,
}

impl<P> MaxNorm<P> {
    /// Bounds the Euclidean length of every column of the matrices in `layout` by `max_norm`.
    ///
    /// # Errors
    /// A bound that is not positive and finite.
    pub fn new(optimiser: P, layout: &Layout, max_norm: f64) -> Result<Self> {
        check_positive("max_norm", max_norm)?;
        let matrices = layout.tensors().iter().filter_map(|t| match t.shape[..] {
            [rows, columns] => Some((t.range.start, [rows, columns])),
            _ => None,
        });
        Ok(MaxNorm {
            optimiser,
            max_norm,
            matrices: matrices.collect(),
        })
    }
}

impl<P: Optimiser> Optimiser for MaxNorm<P> {
    fn update(
        &mut self,
        step: u64,
        learning_rate: f64,
        grad: ArrayView1<f64>,
        mut params: ArrayViewMut1<f64>,
    ) -> Result<()> {
        self.optimiser
            .update(step, learning_rate, grad, params.view_mut())?;
        for (start, [rows, columns]) in &self.matrices {
            for j in 0..*columns {
                let mut column = params.slice_mut(s![start + j..start + rows * columns;*columns]);
                let norm = length(column.view());
                if norm > self.max_norm {
                    column *= self.max_norm / norm;
                }
            }
        }
        Ok(())
    }
}

impl<P: Snapshot> Snapshot for MaxNorm<P> {
    /// The state of the optimiser.
    fn snapshot(&self) -> Record {
        self.optimiser.snapshot()
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.optimiser.restore(record)
    }
}

/// `‖x‖`, scaled so that squares neither overflow nor vanish.
fn length(x: ArrayView1<f64>) -> f64 {
    let largest = x.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * x.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Constant, Decay, Momentum, Sgd};
    use ndarray::array;

    fn layout() -> Layout {
        Layout::new().with("weights", &[2, 2]).with("bias", &[1])
    }

    fn sgd() -> Sgd {
        Sgd::new(&layout(), Decay::NONE).unwrap()
    }

    #[test]
    fn long_gradients_keep_their_direction_and_short_ones_their_length() {
        let step = |grad: &Array1<f64>| {
            let mut params = Array1::zeros(5);
            let mut clipped = Clipped::new(sgd(), 2.5).unwrap();
            clipped.update(0, 1.0, grad.view(), params.view_mut()).unwrap();
            params
        };
        let grad = array![3.0, 0.0, 0.0, 4.0, 0.0];
        assert_eq!(step(&grad), array![-1.5, 0.0, 0.0, -2.0, 0.0]);
        assert_eq!(step(&(&grad * 0.5)), &grad * -0.5);
        assert_eq!(step(&Array1::zeros(5)), Array1::<f64>::zeros(5));
        // Squares of these overflow.
        let huge = step(&(&grad * 1e200)) - array![-1.5, 0.0, 0.0, -2.0, 0.0];
        assert!(huge.iter().all(|d| d.abs() <= 4.0 * f64::EPSILON), "{huge}");
    }

    #[test]
    fn clipping_comes_before_momentum() {
        let momentum = Momentum::new(&layout(), Constant::new(0.5).unwrap(), Decay::NONE).unwrap();
        let mut clipped = Clipped::new(momentum, 1.0).unwrap();
        let mut params = Array1::zeros(5);
        for step in 0..2 {
            let grad = array![2.0, 0.0, 0.0, 0.0, 0.0];
            clipped.update(step, 1.0, grad.view(), params.view_mut()).unwrap();
        }
        assert_eq!(params[0], -1.0 - 1.5);
        let saved = clipped.snapshot();
        assert_eq!(saved.f64s("velocity", &[5]).unwrap()[0], -1.5);
        clipped.restore(&saved).unwrap();
    }

    #[test]
    fn only_columns_that_are_too_long_are_shortened() {
        let mut bounded = MaxNorm::new(sgd(), &layout(), 5.0).unwrap();
        // Columns (6, 8) and (1, 2), and a bias.
        let mut params = array![6.0, 1.0, 8.0, 2.0, 100.0];
        bounded
            .update(0, 1.0, Array1::zeros(5).view(), params.view_mut())
            .unwrap();
        assert_eq!(params, array![3.0, 1.0, 4.0, 2.0, 100.0]);
        assert_eq!(bounded.snapshot(), Record::new());
        bounded.restore(&Record::new()).unwrap();
    }

    #[test]
    fn bounds_are_positive() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = Clipped::new(sgd(), bad).unwrap_err().to_string();
            assert!(error.contains("max_norm"), "{error}");
            assert!(MaxNorm::new(sgd(), &layout(), bad).is_err());
        }
    }
}
