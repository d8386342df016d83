//! Ladders of inverse temperatures, and how they are spaced (Syed, Bouchard-Côté, Deligiannidis and Doucet 2022, "Non-reversible parallel tempering").
//!
//! Neighbouring rungs `β < β'` of parallel tempering reject a swap with probability `r(β, β')`, and for close rungs the rejections along the ladder add
//! up to a number that does not depend on the ladder: the *communication barrier* `Λ(β) = ∫_0^β λ`, with `r(β, β') ≈ Λ(β') − Λ(β)`. A ladder of `N` swaps is
//! best when all reject alike, `Λ(β_k) = k Λ(1)/N`. So the rejections seen on one ladder, summed and interpolated, give the next.
//!
//! The interpolation must be monotone, or a ladder could run backwards: cubic Hermite pieces with the slopes of Fritsch and Carlson (1980).

use gibbsian_core::error::{check_shape, check_within};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView1};

/// Inverse temperatures `0 = β_0 < β_1 < … < β_N = 1`.
///
/// ```
/// use gibbsian_samplers::Ladder;
/// use ndarray::array;
///
/// // Most of the barrier was met in the lower half: that is where the rungs go.
/// let ladder = Ladder::uniform(3)?;
/// let better = ladder.equalised(array![0.6, 0.2].view(), 3)?;
/// assert!(better.betas()[1] < 0.4);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    betas: Array1<f64>,
}

impl Ladder {
    /// The ladder of these rungs, from the start of a path to its target.
    ///
    /// # Errors
    /// Fewer than two rungs, a first that is not 0 or a last that is not 1, or rungs that do not increase; NaN is refused with them.
    pub fn new(betas: Array1<f64>) -> Result<Self> {
        let n = betas.len();
        if n < 2 {
            return Err(Error::shape("betas", betas.shape(), "[at least 2]"));
        }
        let ends = [
            (0, 0.0, "0, the start of the path"),
            (n - 1, 1.0, "1, its target"),
        ];
        for (k, end, required) in ends {
            if betas[k] != end {
                return Err(Error::parameter(format!("betas[{k}]"), betas[k], required));
            }
        }
        for k in 1..n {
            // NaN is above nothing.
            if betas[k].is_nan() || betas[k] <= betas[k - 1] {
                return Err(Error::parameter(
                    format!("betas[{k}]"),
                    betas[k],
                    format!("above betas[{}] = {}", k - 1, betas[k - 1]),
                ));
            }
        }
        Ok(Ladder { betas })
    }

    /// `n_rungs` rungs at equal distances.
    ///
    /// # Errors
    /// Fewer than two rungs.
    pub fn uniform(n_rungs: usize) -> Result<Self> {
        let last = n_rungs.saturating_sub(1).max(1) as f64;
        Ladder::new((0..n_rungs).map(|k| k as f64 / last).collect())
    }

    /// The rungs, `(N + 1)`.
    pub fn betas(&self) -> ArrayView1<'_, f64> {
        self.betas.view()
    }

    /// The number of rungs, `N + 1`.
    pub fn n_rungs(&self) -> usize {
        self.betas.len()
    }

    /// The ladder of `n_rungs` rungs between which swaps would be rejected alike, where neighbours of this one reject with probability `rejections` `(N)`.
    ///
    /// Where nothing was rejected there is nothing to go by, and rungs are spaced uniformly.
    ///
    /// # Errors
    /// Rejections that are no probabilities or of another number, or fewer than two rungs.
    pub fn equalised(&self, rejections: ArrayView1<f64>, n_rungs: usize) -> Result<Self> {
        check_shape("rejections", &rejections, &[self.n_rungs() - 1])?;
        for (k, r) in rejections.iter().enumerate() {
            check_within("rejections", *r, 0.0, 1.0)
                .map_err(|_| Error::parameter(format!("rejections[{k}]"), r, "in [0, 1]"))?;
        }
        let barrier = Barrier::new(self.betas.view(), rejections);
        let total = barrier.total();
        let uniform = Ladder::uniform(n_rungs)?;
        if total == 0.0 {
            return Ok(uniform);
        }
        let mut betas = uniform.betas;
        let last = betas.len() - 1;
        for share in betas.iter_mut().take(last).skip(1) {
            *share = barrier.reaches(*share * total);
        }
        Ladder::new(betas)
    }
}

/// `Λ(β)`, interpolated between rungs.
struct Barrier {
    betas: Vec<f64>,
    values: Vec<f64>,
    slopes: Vec<f64>,
}

impl Barrier {
    fn new(betas: ArrayView1<f64>, rejections: ArrayView1<f64>) -> Self {
        let mut values = vec![0.0];
        for r in rejections {
            values.push(values[values.len() - 1] + r);
        }
        let secants: Vec<f64> = rejections
            .iter()
            .zip(betas.windows(2))
            .map(|(r, pair)| r / (pair[1] - pair[0]))
            .collect();
        let last = secants.len() - 1;
        let mut slopes: Vec<f64> = (0..=secants.len())
            .map(|k| match k {
                0 => secants[0],
                k if k > last => secants[last],
                // A flat neighbour makes the curve flat where it begins.
                k if secants[k - 1] * secants[k] == 0.0 => 0.0,
                k => 0.5 * (secants[k - 1] + secants[k]),
            })
            .collect();
        // Slopes within a circle of radius three secants keep a piece monotone.
        for (k, secant) in secants.iter().enumerate() {
            let size = slopes[k].hypot(slopes[k + 1]);
            if size > 3.0 * secant {
                let factor = 3.0 * secant / size;
                slopes[k] *= factor;
                slopes[k + 1] *= factor;
            }
        }
        Barrier {
            betas: betas.to_vec(),
            values,
            slopes,
        }
    }

    fn total(&self) -> f64 {
        self.values[self.values.len() - 1]
    }

    /// `Λ(β)`.
    fn at(&self, beta: f64) -> f64 {
        let inner = &self.betas[1..self.betas.len() - 1];
        let k = inner.partition_point(|b| *b <= beta);
        let h = self.betas[k + 1] - self.betas[k];
        let t = (beta - self.betas[k]) / h;
        let u = 1.0 - t;
        // The cubic Hermite basis.
        self.values[k] * u * u * (1.0 + 2.0 * t)
            + self.values[k + 1] * t * t * (1.0 + 2.0 * u)
            + h * t * u * (self.slopes[k] * u - self.slopes[k + 1] * t)
    }

    /// The `β` where `Λ` reaches `value`, by bisection down to neighbouring numbers.
    fn reaches(&self, value: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return high;
            }
            if self.at(middle) < value {
                low = middle;
            } else {
                high = middle;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn interpolation_is_monotone_and_goes_through_the_rungs() {
        let betas = array![0.0, 0.01, 0.1, 0.5, 0.7, 1.0];
        let rejections = array![0.9, 0.001, 0.0, 0.4, 0.05];
        let barrier = Barrier::new(betas.view(), rejections.view());
        let mut sum = 0.0;
        for (beta, r) in betas.iter().skip(1).zip(&rejections) {
            sum += r;
            assert!((barrier.at(*beta) - sum).abs() < 1e-15);
        }
        let values: Vec<f64> = (0..=10_000).map(|k| barrier.at(f64::from(k) / 1e4)).collect();
        assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - 1e-15));
    }

    #[test]
    fn equal_rejections_leave_a_ladder_and_refine_it_evenly() {
        let ladder = Ladder::uniform(5).unwrap();
        let same = ladder.equalised(Array1::from_elem(4, 0.3).view(), 5).unwrap();
        assert!((&same.betas - &ladder.betas).iter().all(|d| d.abs() < 1e-15));
        let finer = ladder.equalised(Array1::from_elem(4, 0.3).view(), 9).unwrap();
        assert!(
            (&finer.betas - &Ladder::uniform(9).unwrap().betas)
                .iter()
                .all(|d| d.abs() < 1e-15)
        );
        assert_eq!(ladder.equalised(Array1::zeros(4).view(), 5).unwrap(), ladder);
    }

    #[test]
    fn a_barrier_in_closed_form_is_equalised() {
        // Λ(β) = β² seen through its increments on a fine ladder: the best rungs are √(k/N).
        let fine = Ladder::uniform(101).unwrap();
        let increments: Array1<f64> = fine
            .betas
            .windows(2)
            .into_iter()
            .map(|b| b[1] * b[1] - b[0] * b[0])
            .collect();
        let best = fine.equalised(increments.view(), 5).unwrap();
        for (k, beta) in best.betas.iter().enumerate() {
            // The interpolation of a parabola with the slopes of its secants is exact but for the ends.
            assert!((beta - (k as f64 / 4.0).sqrt()).abs() < 1e-9, "{best:?}");
        }
    }

    #[test]
    fn ladders_that_are_none_are_refused_by_name() {
        let refuse = |betas: Array1<f64>| Ladder::new(betas).unwrap_err().to_string();
        assert_eq!(
            refuse(array![0.0]),
            "`betas` has shape [1], but must have shape [at least 2]"
        );
        assert_eq!(
            refuse(array![0.1, 1.0]),
            "`betas[0]` is 0.1, but must be 0, the start of the path"
        );
        assert_eq!(
            refuse(array![0.0, 2.0]),
            "`betas[1]` is 2, but must be 1, its target"
        );
        assert_eq!(
            refuse(array![0.0, 0.5, 0.5, 1.0]),
            "`betas[2]` is 0.5, but must be above betas[1] = 0.5"
        );
        assert!(refuse(array![0.0, f64::NAN, 1.0]).starts_with("`betas[1]` is NaN"));
        assert!(refuse(array![0.0, 1.5, 1.0]).starts_with("`betas[2]` is 1,"));
        let ladder = Ladder::uniform(3).unwrap();
        assert!(Ladder::uniform(1).is_err() && Ladder::uniform(0).is_err());
        assert!(ladder.equalised(array![0.1].view(), 3).is_err());
        assert!(ladder.equalised(array![0.1, 0.1].view(), 1).is_err());
        let refusal = ladder
            .equalised(array![0.1, f64::NAN].view(), 3)
            .unwrap_err()
            .to_string();
        assert_eq!(refusal, "`rejections[1]` is NaN, but must be in [0, 1]");
    }
}
