//! Nearest-neighbour adversarial accuracy: can neighbours tell data from samples?
//!
//! With `d_{xy}(i)` the distance of the `i`-th point of `x` from its nearest in `y`, and `d_{xx}(i)` from its nearest other point of `x`,
//!
//! `A = ½ ( #{d_{xy} > d_{xx}}/N + #{d_{yx} > d_{yy}}/M )`.
//!
//! It is ½ when the two are from one law. Above, samples are recognisable; **below**, samples lie closer to the data than data do: the model has
//! copied its training set. Taken once against training and once against test data, the difference is a measure of leaked privacy.
//!
//! Source: Yale, Dash, Dutta, Guyon, Pavao and Bennett (2020), "Generation and evaluation of privacy preserving synthetic health data".

use gibbsian_core::Result;
use ndarray::ArrayView2;

use super::Points;
use super::neighbours::kth_distances;

/// Both halves of the adversarial accuracy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdversarialAccuracy {
    /// The fraction of points of `x` whose nearest neighbour is another point of `x`.
    pub of_x: f64,
    /// The fraction of points of `y` whose nearest neighbour is another point of `y`.
    pub of_y: f64,
}

impl AdversarialAccuracy {
    /// The mean of the two: ½ for one law.
    pub fn accuracy(&self) -> f64 {
        0.5 * (self.of_x + self.of_y)
    }
}

/// The adversarial accuracy between `x` `(N, D)`, for example data, and `y` `(M, D)`, for example samples.
///
/// The samples should have one size: the nearest of more points is nearer, which for unequal sizes moves the halves apart, to
/// `(N − 1)/(N + M − 1)` and `(M − 1)/(N + M − 1)` under one law; their mean is about ½ all the same. A distance that is equal both ways does
/// not count as recognised.
///
/// # Errors
/// Fewer than two points, other dimensions, or an entry that is not finite.
///
/// ```
/// use gibbsian_metrics::adversarial_accuracy;
/// use ndarray::array;
/// let data = array![[0.0], [1.0], [2.0]];
/// let copied = adversarial_accuracy(data.view(), data.view())?;
/// assert_eq!(copied.accuracy(), 0.0);
/// let far = adversarial_accuracy(data.view(), (&data + 100.0).view())?;
/// assert_eq!(far.accuracy(), 1.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub fn adversarial_accuracy(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Result<AdversarialAccuracy> {
    let (x, y) = Points::pair(x, y, 2)?;
    let recognised = |own: &Points, other: &Points| {
        let (within, across) = (
            kth_distances(own, own, 1, true),
            kth_distances(own, other, 1, false),
        );
        let n = within
            .iter()
            .zip(&across)
            .filter(|(within, across)| across > within)
            .count();
        n as f64 / own.n() as f64
    };
    Ok(AdversarialAccuracy {
        of_x: recognised(&x, &y),
        of_y: recognised(&y, &x),
    })
}
