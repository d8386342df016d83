//! Ladders of inverse temperatures `0 = β_0 < β_1 < … < β_K = 1`.
//!
//! A ladder says where along a [`Path`](crate::Path) an annealing run stops, and where the replicas of tempering live. It is the whole tuning of an annealing
//! run: with perfect mixing the variance of the log weight is the sum over steps of the variance of the work, so steps should be short where the
//! work fluctuates much. The closed forms here are those of the literature; estimators and samplers measure where the steps belong.

use crate::error::{Error, Result, check_count, check_positive};

/// Inverse temperatures from exactly 0 to exactly 1, strictly increasing.
///
/// ```
/// use gibbsian_core::Ladder;
/// let ladder = Ladder::linear(4)?;
/// assert_eq!(ladder.betas(), [0.0, 0.25, 0.5, 0.75, 1.0]);
/// assert!(Ladder::new(vec![0.0, 0.5, 0.5, 1.0]).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder(Vec<f64>);

impl Ladder {
    /// A ladder of given rungs.
    ///
    /// # Errors
    /// Fewer than two rungs, a first that is not 0, a last that is not 1, or a rung that is not above the one before it.
    pub fn new(betas: Vec<f64>) -> Result<Self> {
        let [first, .., last] = betas[..] else {
            return Err(Error::parameter(
                "betas",
                format!("{betas:?}"),
                "at least two rungs",
            ));
        };
        if first != 0.0 {
            return Err(Error::parameter(
                "betas[0]",
                first,
                "0, the base, whose normaliser is known; put 0 in front of the rungs",
            ));
        }
        // NaN fails the comparison too.
        if let Some(k) = (1..betas.len())
            .find(|&k| betas[k].partial_cmp(&betas[k - 1]) != Some(std::cmp::Ordering::Greater))
        {
            return Err(Error::parameter(
                format!("betas[{k}]"),
                betas[k],
                format!(
                    "above betas[{}] = {}; sort the rungs and drop those that occur twice, or take Ladder::linear",
                    k - 1,
                    betas[k - 1]
                ),
            ));
        }
        if last != 1.0 {
            return Err(Error::parameter(
                format!("betas[{}]", betas.len() - 1),
                last,
                "1, the target; put 1 behind the rungs",
            ));
        }
        Ok(Ladder(betas))
    }

    /// `β_k = k / K`.
    ///
    /// # Errors
    /// No step.
    pub fn linear(n_steps: usize) -> Result<Self> {
        Self::piecewise(&[(1.0, n_steps)])
    }

    /// `β_0 = 0` and then `β_k = first^((K − k) / (K − 1))`: constant ratios from `first` to 1.
    ///
    /// # Errors
    /// Fewer than two steps, or a first rung outside (0, 1).
    pub fn geometric(n_steps: usize, first: f64) -> Result<Self> {
        if n_steps < 2 {
            return Err(Error::parameter("n_steps", n_steps, "at least 2"));
        }
        if !(first > 0.0 && first < 1.0) {
            return Err(Error::parameter("first", first, "above 0 and below 1"));
        }
        let last = (n_steps - 1) as f64;
        Self::new(
            (0..=n_steps)
                .map(|k| match k {
                    0 => 0.0,
                    _ => first.powf((n_steps - k) as f64 / last),
                })
                .collect(),
        )
    }

    /// `β_k = (σ_k − σ_0) / (σ_K − σ_0)` with `σ_k = 1 / (1 + exp(−δ (2k/K − 1)))`, `δ` the steepness: dense at both ends.
    ///
    /// Source: Grosse, Maddison and Salakhutdinov (2013), "Annealing between distributions by averaging moments", where
    /// `δ = 4`.
    ///
    /// # Errors
    /// No step, or a steepness that is not positive or so large that rungs coincide.
    pub fn sigmoid(n_steps: usize, steepness: f64) -> Result<Self> {
        check_count("n_steps", n_steps)?;
        check_positive("steepness", steepness)?;
        let sigma = |k: usize| {
            let t = 2.0 * k as f64 / n_steps as f64 - 1.0;
            1.0 / (1.0 + (-steepness * t).exp())
        };
        let (low, high) = (sigma(0), sigma(n_steps));
        Self::new((0..=n_steps).map(|k| (sigma(k) - low) / (high - low)).collect())
    }

    /// Uniform steps within each piece: `(end, n_steps)` goes on from the end of the piece before to `end`.
    ///
    /// # Errors
    /// A piece without a step, ends that do not increase, or a last end that is not 1.
    pub fn piecewise(pieces: &[(f64, usize)]) -> Result<Self> {
        let mut betas = vec![0.0];
        let mut start = 0.0;
        for &(end, n_steps) in pieces {
            check_count("n_steps", n_steps)?;
            for k in 1..n_steps {
                betas.push(start + (end - start) * (k as f64 / n_steps as f64));
            }
            betas.push(end);
            start = end;
        }
        Self::new(betas)
    }

    /// The 14,500 steps of Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief networks",
    /// section 5: 500 uniform ones from 0 to 0.5, 4,000 to 0.9 and 10,000 to 1.
    pub fn salakhutdinov_murray() -> Self {
        Self::piecewise(&[(0.5, 500), (0.9, 4_000), (1.0, 10_000)])
            .expect("the published ladder increases from 0 to 1")
    }

    /// The rungs `β_0 … β_K`.
    pub fn betas(&self) -> &[f64] {
        &self.0
    }

    /// The number of rungs `K + 1`.
    pub fn n_rungs(&self) -> usize {
        self.0.len()
    }

    /// The number of steps `K`, one less than the number of rungs.
    pub fn n_steps(&self) -> usize {
        self.0.len() - 1
    }

    /// The rungs from 1 down to 0.
    pub fn descending(&self) -> Vec<f64> {
        self.0.iter().rev().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_closed_form_is_a_ladder_with_the_rungs_it_names() {
        let geometric = Ladder::geometric(4, 1e-3).unwrap();
        assert_eq!(geometric.n_steps(), 4);
        let ratios: Vec<f64> = geometric.betas()[1..].windows(2).map(|w| w[1] / w[0]).collect();
        assert!(ratios.iter().all(|r| (r - 10.0).abs() < 1e-12), "{ratios:?}");

        let sigmoid = Ladder::sigmoid(10, 4.0).unwrap();
        assert!((sigmoid.betas()[5] - 0.5).abs() < 1e-15);
        assert!(sigmoid.betas()[1] < 0.1, "the ends are dense");

        let published = Ladder::salakhutdinov_murray();
        assert_eq!(published.n_steps(), 14_500);
        assert_eq!(published.betas()[500], 0.5);
        assert_eq!(published.betas()[4_500], 0.9);
        assert!((published.betas()[4_501] - 0.900_01).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_a_ladder_is_refused_by_name() {
        let refused = |betas: &[f64]| Ladder::new(betas.to_vec()).unwrap_err().to_string();
        assert!(refused(&[]).contains("two rungs"));
        assert!(refused(&[0.0]).contains("two rungs"));
        assert!(refused(&[0.1, 1.0]).contains("`betas[0]` is 0.1"));
        assert!(refused(&[0.0, 0.9]).contains("`betas[1]` is 0.9"));
        assert!(refused(&[0.0, f64::NAN, 1.0]).contains("`betas[1]` is NaN"));
        assert!(refused(&[0.0, 0.7, 0.6, 1.0]).contains("`betas[2]` is 0.6"));
        assert!(refused(&[0.0, f64::INFINITY]).contains("inf"));
        assert!(Ladder::linear(0).is_err());
        assert!(Ladder::geometric(5, 1.0).is_err());
        assert!(Ladder::geometric(1, 0.5).is_err());
        assert!(Ladder::sigmoid(1000, 1e4).is_err(), "saturated rungs coincide");
        assert!(Ladder::piecewise(&[(0.5, 3)]).is_err());
        assert!(Ladder::piecewise(&[]).is_err());
    }
}
