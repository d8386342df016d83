//! The decision on proposed points, as all adjusted kernels of this crate make it (Metropolis and others 1953; Hastings 1970).

use gibbsian_core::Acceptance;
use gibbsian_core::simd::{LaneRng, exp_f64_in_place};
use rand::RngExt;

/// The points proposed to the chains of a block, one a chain.
pub(crate) struct Proposals<'a> {
    /// Their energies.
    pub(crate) energy: &'a [f64],
    /// `log [p(y) q(x | y) / (p(x) q(y | x))]`, of any value where the energy is not finite. It is replaced by the probability.
    pub(crate) log_ratio: &'a mut [f64],
}

impl Proposals<'_> {
    /// Goes to each point with probability `min(1, e^log_ratio)`, by `take(chain)`.
    ///
    /// A point of energy `+∞` has no density and is refused. An energy of NaN or −∞, a ratio that is not finite although the energy is, and a point for
    /// which `is_finite(chain)` does not hold are refused and counted as undefined. One uniform number is spent on each.
    pub(crate) fn decide(
        self,
        rng: &mut LaneRng,
        is_finite: impl Fn(usize) -> bool,
        mut take: impl FnMut(usize),
    ) -> Acceptance {
        let Proposals { energy, log_ratio } = self;
        for ratio in log_ratio.iter_mut() {
            *ratio = if ratio.is_finite() {
                ratio.min(0.0)
            } else {
                f64::NAN
            };
        }
        exp_f64_in_place(log_ratio);
        let mut count = Acceptance::default();
        for (b, (&energy, probability)) in energy.iter().zip(log_ratio).enumerate() {
            let outside = energy == f64::INFINITY;
            if !is_finite(b) || (!outside && (!energy.is_finite() || probability.is_nan())) {
                count.undefined += 1;
                *probability = 0.0;
            } else if outside {
                *probability = 0.0;
            }
            count.proposed += 1;
            count.probability += *probability;
            if rng.random::<f64>() < *probability {
                count.accepted += 1;
                take(b);
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Streams;

    #[test]
    fn proposals_are_taken_refused_or_undefined() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for (is_finite, energy, log_ratio, probability, undefined) in [
            (true, 1.0, 0.5, 1.0, false),
            (true, 1.0, -0.7, (-0.7_f64).exp(), false),
            (true, 1.0, -1e300, 0.0, false),
            (true, 1.0, -inf, 0.0, true),
            (true, 1.0, inf, 0.0, true),
            (true, inf, nan, 0.0, false),
            (true, inf, 0.5, 0.0, false),
            (true, 1.0, nan, 0.0, true),
            (true, nan, 0.5, 0.0, true),
            (true, -inf, inf, 0.0, true),
            (false, 1.0, 0.5, 0.0, true),
            (false, inf, 0.5, 0.0, true),
        ] {
            const N: usize = 1000;
            let (energies, mut log_ratio) = ([energy; N], [log_ratio; N]);
            let proposals = Proposals {
                energy: &energies,
                log_ratio: &mut log_ratio,
            };
            let mut taken = 0;
            let mut rng = LaneRng::new(Streams::from_key(1), 0);
            let count = proposals.decide(&mut rng, |_| is_finite, |_| taken += 1);
            assert_eq!((count.proposed, count.accepted), (N as u64, taken));
            assert_eq!(count.undefined, if undefined { N as u64 } else { 0 });
            assert!((count.rate() - probability).abs() < 1e-12, "{count:?}");
            // Five deviations of a coin; certain ones are certain.
            let deviation = (probability * (1.0 - probability) / N as f64).sqrt();
            assert!(
                (count.fraction() - probability).abs() <= 5.0 * deviation,
                "{count:?}"
            );
        }
    }
}
