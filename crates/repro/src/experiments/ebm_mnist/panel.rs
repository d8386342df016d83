//! What is asked of pictures.

use gibbsian_metrics::{GaussianKernel, median_distance, mmd};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;

use super::network::{Recipe, noised};
use super::streams;
use crate::pictures::{Judged, Pictures};
use crate::{Context, Result};

/// What samples are compared with: held-out digits under the noise of the data, which the samples have as well.
pub(super) struct Panel<'a> {
    pictures: &'a Pictures,
    /// Held-out digits with noise.
    pub(super) test: Array2<f64>,
    /// Which digits those are.
    labels: Vec<u8>,
    real: Judged,
    /// The median distance of training digits with noise to the nearest training digit: that of copies.
    copies: f64,
    kernel: GaussianKernel,
    /// The squared maximum mean discrepancy of independent pixels.
    pub(super) independent: f64,
}

/// What some pictures look like.
pub(super) struct Look {
    /// The judge's mean confidence over that on held-out digits.
    pub(super) confidence: f64,
    /// The share of pictures that are taken for each digit.
    pub(super) shares: [f64; 10],
    /// Digits that at least two per cent of the pictures are taken for.
    pub(super) n_classes: usize,
    /// Where the median distance to the nearest training digit lies between that of copies, 0, and that of held-out digits, 1.
    pub(super) novelty: f64,
    /// The squared maximum mean discrepancy to held-out digits, unbiased.
    pub(super) mmd: f64,
}

impl<'a> Panel<'a> {
    /// A panel that compares with `n` digits.
    pub(super) fn new(ctx: &Context, recipe: &Recipe, pictures: &'a Pictures, n: usize) -> Result<Self> {
        let with_noise = |x: Array2<f64>, name: &str| noised(x.view(), recipe.sigma, streams(ctx, name));
        let seed = ctx.seed().child("compared digits");
        let rows = pictures.some_held_out(n, seed.child("test"));
        let test = with_noise(pictures.test.select(Axis(0), &rows), "noise of test digits");
        let labels = rows.iter().map(|row| pictures.test_labels[*row]).collect();
        let rows = pictures.some_learnt(n, seed.child("train"));
        let train = with_noise(pictures.train.select(Axis(0), &rows), "noise of training digits");
        let kernel = GaussianKernel::new(median_distance(test.view(), train.view())?)?;
        // Pixels from different digits: right one by one, wrong together.
        let mut rng = ctx.seed().child("independent pixels").rng();
        let independent = Array2::from_shape_fn(test.raw_dim(), |(_, i)| {
            pictures.train[[rng.random_range(0..pictures.train.nrows()), i]]
        });
        let noise = streams(ctx, "noise of independent pixels");
        let independent = noised(independent.view(), recipe.sigma, noise);
        Ok(Panel {
            real: pictures.judge(test.view()),
            copies: pictures.judge(train.view()).distance(),
            independent: mmd(independent.view(), test.view(), &kernel)?.unbiased,
            pictures,
            test,
            labels,
            kernel,
        })
    }

    /// The judge's accuracy on the held-out digits with noise.
    pub(super) fn accuracy(&self) -> f64 {
        self.real.accuracy(&self.labels)
    }

    pub(super) fn look(&self, x: ArrayView2<f64>) -> Result<Look> {
        let said = self.pictures.judge(x);
        Ok(Look {
            confidence: said.confidence() / self.real.confidence(),
            shares: std::array::from_fn(|class| said.share(class as u8)),
            n_classes: said.n_classes(0.02),
            novelty: between(self.copies, self.real.distance(), said.distance()),
            mmd: mmd(x, self.test.view(), &self.kernel)?.unbiased,
        })
    }

    pub(super) fn side(&self) -> usize {
        self.pictures.side
    }
}

/// Where `x` lies on the scale on which `zero` is 0 and `one` is 1.
fn between(zero: f64, one: f64, x: f64) -> f64 {
    (x - zero) / (one - zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_zero_and_new_digits_one() {
        assert_eq!(
            [2.0, 3.0, 4.0, 6.0].map(|x| between(2.0, 4.0, x)),
            [0.0, 0.5, 1.0, 2.0]
        );
    }
}
