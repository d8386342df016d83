//! How the rungs of parallel tempering are spaced (Syed, Bouchard-Côté, Deligiannidis and Doucet 2022, "Non-reversible parallel tempering").
//!
//! Neighbouring rungs `β < β'` of parallel tempering reject a swap with probability `r(β, β')`, and for close rungs the rejections along the ladder add
//! up to a number that does not depend on the ladder: the *communication barrier* `Λ(β) = ∫_0^β λ`, with `r(β, β') ≈ Λ(β') − Λ(β)`. A ladder of `N` swaps is
//! best when all reject alike, `Λ(β_k) = k Λ(1)/N`. So the rejections seen on one ladder, summed and interpolated, give the next.
//!
//! The interpolation must be monotone, or a ladder could run backwards: cubic Hermite pieces with the slopes of Fritsch and Carlson (1980).

use gibbsian_core::error::{check_shape, check_within};
use gibbsian_core::{Error, Ladder, Result};
use ndarray::ArrayView1;

/// The ladder of `n_rungs` rungs between which swaps would be rejected alike, where neighbours of `ladder` reject with probability `rejections` `(K)`.
///
/// Where nothing was rejected there is nothing to go by, and rungs are spaced uniformly. Most of the barrier in the lower half puts most rungs there:
///
/// ```
/// use gibbsian_core::Ladder;
/// use gibbsian_samplers::equalised;
/// use ndarray::array;
///
/// let better = equalised(&Ladder::linear(2)?, array![0.6, 0.2].view(), 3)?;
/// assert!(better.betas()[1] < 0.4);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Rejections that are no probabilities or of another number, or fewer than two rungs.
pub fn equalised(ladder: &Ladder, rejections: ArrayView1<f64>, n_rungs: usize) -> Result<Ladder> {
    check_shape("rejections", &rejections, &[ladder.n_steps()])?;
    for (k, r) in rejections.iter().enumerate() {
        check_within("rejections", *r, 0.0, 1.0)
            .map_err(|_| Error::parameter(format!("rejections[{k}]"), r, "in [0, 1]"))?;
    }
    if n_rungs < 2 {
        return Err(Error::parameter("n_rungs", n_rungs, "at least 2"));
    }
    let barrier = Barrier::new(ladder.betas(), rejections);
    let total = barrier.total();
    let uniform = Ladder::linear(n_rungs - 1)?;
    if total == 0.0 {
        return Ok(uniform);
    }
    let mut betas = uniform.betas().to_vec();
    let last = betas.len() - 1;
    for share in &mut betas[1..last] {
        *share = barrier.reaches(*share * total);
    }
    Ladder::new(betas)
}

/// `Λ(β)`, interpolated between rungs.
struct Barrier {
    betas: Vec<f64>,
    values: Vec<f64>,
    slopes: Vec<f64>,
}

impl Barrier {
    fn new(betas: &[f64], rejections: ArrayView1<f64>) -> Self {
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
    use ndarray::{Array1, array};

    #[test]
    fn interpolation_is_monotone_and_goes_through_the_rungs() {
        let betas = [0.0, 0.01, 0.1, 0.5, 0.7, 1.0];
        let rejections = array![0.9, 0.001, 0.0, 0.4, 0.05];
        let barrier = Barrier::new(&betas, rejections.view());
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
        let close = |a: &Ladder, b: &Ladder| {
            let mut pairs = a.betas().iter().zip(b.betas());
            a.n_rungs() == b.n_rungs() && pairs.all(|(a, b)| (a - b).abs() < 1e-15)
        };
        let (ladder, rejections) = (Ladder::linear(4).unwrap(), Array1::from_elem(4, 0.3));
        assert!(close(&equalised(&ladder, rejections.view(), 5).unwrap(), &ladder));
        let finer = equalised(&ladder, rejections.view(), 9).unwrap();
        assert!(close(&finer, &Ladder::linear(8).unwrap()));
        let none = Array1::<f64>::zeros(4);
        assert_eq!(equalised(&ladder, none.view(), 5).unwrap(), ladder);
    }

    #[test]
    fn a_barrier_in_closed_form_is_equalised() {
        // Λ(β) = β² seen through its increments on a fine ladder: the best rungs are √(k/N).
        let fine = Ladder::linear(100).unwrap();
        let increments: Array1<f64> = fine
            .betas()
            .windows(2)
            .map(|b| b[1] * b[1] - b[0] * b[0])
            .collect();
        let best = equalised(&fine, increments.view(), 5).unwrap();
        for (k, beta) in best.betas().iter().enumerate() {
            // The interpolation of a parabola with the slopes of its secants is exact but for the ends.
            assert!((beta - (k as f64 / 4.0).sqrt()).abs() < 1e-9, "{best:?}");
        }
    }

    #[test]
    fn what_is_no_rejection_is_refused_by_name() {
        let ladder = Ladder::linear(2).unwrap();
        assert!(equalised(&ladder, array![0.1].view(), 3).is_err());
        assert!(equalised(&ladder, array![0.1, 0.1].view(), 1).is_err());
        let refusal = equalised(&ladder, array![0.1, f64::NAN].view(), 3);
        assert_eq!(
            refusal.unwrap_err().to_string(),
            "`rejections[1]` is NaN, but must be in [0, 1]"
        );
    }
}
