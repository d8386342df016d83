//! Scores that are estimated from a part of the data.
//!
//! The score of a posterior is a sum over data, `s(x) = ∇ log p(x) + Σᵢ ∇ log p(yᵢ | x)`. When the sum is long, samplers use the terms of a
//! few data instead, weighted so that the estimate is right on average (Welling and Teh 2011). The estimate is another rung than
//! [`Score`]: who asks for a score must not be handed a random one.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use rand::{Rng, RngExt};

use crate::energy::Space;
use crate::error::{Error, Result};
use crate::score::Score;

/// A random estimate `ŝ(x)` of a score, with `E ŝ(x) = ∇ log p(x)`.
pub trait StochasticScore: Space {
    /// Writes an estimate of the score of every row of `x` `(B, D)` into `out` `(B, D)`; the estimates of the rows are independent.
    fn score_estimate_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>, rng: &mut dyn Rng);

    /// The estimates, in a new array.
    fn score_estimate(&self, x: ArrayView2<f64>, rng: &mut dyn Rng) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.score_estimate_into(x, out.view_mut(), rng);
        out
    }
}

/// A log-density that is a sum of a prior's and one term for each of `N` data: `log p(x) + Σᵢ log p(yᵢ | x)`.
pub trait DatumScores: Space {
    /// The number of data `N`, at least one.
    fn n_data(&self) -> usize;

    /// Writes `∇ log p(x_b)`, the prior's score, of every row into `out`; both are `(B, D)`.
    fn prior_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// **Adds** `weight Σ_{i ∈ chosen} ∇ log p(yᵢ | x)` at the one point `x` `(D)` to `out` `(D)`.
    fn add_datum_scores(&self, x: ArrayView1<f64>, chosen: &[usize], weight: f64, out: ArrayViewMut1<f64>);
}

impl<T: DatumScores + ?Sized> DatumScores for &T {
    fn n_data(&self) -> usize {
        (**self).n_data()
    }

    fn prior_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        (**self).prior_score_into(x, out);
    }

    fn add_datum_scores(&self, x: ArrayView1<f64>, chosen: &[usize], weight: f64, out: ArrayViewMut1<f64>) {
        (**self).add_datum_scores(x, chosen, weight, out);
    }
}

/// The score of a posterior, estimated from `n` of the `N` data: `∇ log p(x) + (N/n) Σ_{i ∈ S} ∇ log p(yᵢ | x)`.
///
/// `S` is a set of `n` different data, every set being equally likely, drawn anew for every row and every call. With data terms of
/// covariance `C` (of divisor `N − 1`) among each other, the estimate has covariance `N (N − n)/n · C`: none at `n = N`, and a factor
/// `1 − n/N` less than of a draw with replacement. The exact score is there too, as [`Score`].
#[derive(Clone, Debug)]
pub struct Minibatch<T> {
    model: T,
    size: usize,
}

impl<T: DatumScores> Minibatch<T> {
    /// Estimates from `size` data of `model`.
    ///
    /// # Errors
    /// A size of zero or beyond the number of data.
    pub fn new(model: T, size: usize) -> Result<Self> {
        let n_data = model.n_data();
        if (1..=n_data).contains(&size) {
            Ok(Minibatch { model, size })
        } else {
            Err(Error::parameter(
                "size",
                size,
                format!("at least 1 and at most {n_data}, the number of data"),
            ))
        }
    }

    /// The model.
    pub fn model(&self) -> &T {
        &self.model
    }

    /// The number of data of an estimate.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl<T: DatumScores> Space for Minibatch<T> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<T: DatumScores> StochasticScore for Minibatch<T> {
    fn score_estimate_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>, rng: &mut dyn Rng) {
        let n_data = self.model.n_data();
        let weight = n_data as f64 / self.size as f64;
        let mut is_chosen = vec![false; n_data];
        let mut chosen = Vec::with_capacity(self.size);
        self.model.prior_score_into(x, out.view_mut());
        for (x, out) in x.rows().into_iter().zip(out.rows_mut()) {
            // Floyd's subset (Bentley and Floyd 1987, "A sample of brilliance"): one number for each member, whatever N is.
            chosen.clear();
            for last in n_data - self.size..n_data {
                let i = rng.random_range(0..=last);
                let i = if is_chosen[i] { last } else { i };
                is_chosen[i] = true;
                chosen.push(i);
            }
            self.model.add_datum_scores(x, &chosen, weight, out);
            for &i in &chosen {
                is_chosen[i] = false;
            }
        }
    }
}

/// The exact score, of all data.
impl<T: DatumScores> Score for Minibatch<T> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let all: Vec<usize> = (0..self.model.n_data()).collect();
        self.model.prior_score_into(x, out.view_mut());
        for (x, out) in x.rows().into_iter().zip(out.rows_mut()) {
            self.model.add_datum_scores(x, &all, 1.0, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;
    use ndarray::array;

    /// A term `10ⁱ` for datum i, so that a sum tells which data are in it.
    #[derive(Debug)]
    struct Digits(usize);

    impl Space for Digits {
        fn dim(&self) -> usize {
            1
        }
    }

    impl DatumScores for Digits {
        fn n_data(&self) -> usize {
            self.0
        }

        fn prior_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
            out.assign(&x);
        }

        fn add_datum_scores(
            &self,
            _x: ArrayView1<f64>,
            chosen: &[usize],
            weight: f64,
            mut out: ArrayViewMut1<f64>,
        ) {
            out[0] += weight * chosen.iter().map(|&i| 10.0_f64.powi(i as i32)).sum::<f64>();
        }
    }

    #[test]
    fn every_pair_of_data_is_equally_likely() {
        const N_DRAWS: usize = 60_000;
        let estimates = Minibatch::new(Digits(4), 2)
            .unwrap()
            .score_estimate(Array2::zeros((N_DRAWS, 1)).view(), &mut Seed::new(1).rng());
        let mut counts = Vec::new();
        for pair in [11.0, 101.0, 1001.0, 110.0, 1010.0, 1100.0] {
            counts.push(estimates.iter().filter(|&&s| s == 2.0 * pair).count() as f64);
        }
        assert_eq!(counts.iter().sum::<f64>(), N_DRAWS as f64);
        let expected = N_DRAWS as f64 / 6.0;
        let chi_square: f64 = counts.iter().map(|n| (n - expected).powi(2) / expected).sum();
        // Chi-square on 5 degrees of freedom exceeds 35.9 with probability 1e-6.
        assert!(chi_square < 35.9, "{counts:?}");
    }

    #[test]
    fn all_data_give_the_exact_score() {
        let model = Minibatch::new(Digits(6), 6).unwrap();
        let x = array![[0.5], [-2.0]];
        assert_eq!(model.score(x.view()), array![[111_111.5], [111_109.0]]);
        assert_eq!(
            model.score_estimate(x.view(), &mut Seed::new(2).rng()),
            model.score(x.view())
        );
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for size in [0, 5] {
            let refusal = Minibatch::new(Digits(4), size).unwrap_err().to_string();
            assert_eq!(
                refusal,
                format!("`size` is {size}, but must be at least 1 and at most 4, the number of data")
            );
        }
    }
}
