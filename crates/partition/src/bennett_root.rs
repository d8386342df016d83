//! The root of Bennett's equation, which is the optimal bridge's estimate.

use gibbsian_core::math::{log_sigmoid, log_sum_exp, sigmoid};

use crate::bridge::Works;

/// A solution of Bennett's equation and what each draw contributes to it.
pub(crate) struct Bennett {
    pub(crate) log_ratio: f64,
    /// What each draw moves the ratio by, times the number of draws of its side; up to a constant a side.
    pub(crate) forward: Vec<f64>,
    pub(crate) reverse: Vec<f64>,
    /// `Σ 4 σ (1 − σ)` over all draws.
    pub(crate) overlap: f64,
}

impl Bennett {
    pub(crate) fn solve(works: &Works) -> Self {
        let [s_0, s_1] = works.effective;
        let m = (s_1 / s_0).ln();
        // h(c) = log Σ_i σ(w_i − c + M) − log Σ_j σ(v_j + c − M), up to the constant that makes means of the sums; it falls with c.
        let n_ratio = (works.forward.len() as f64 / works.reverse.len() as f64).ln() + m;
        let sides = |c: f64| -> (Vec<f64>, Vec<f64>) {
            (
                works.forward.iter().map(|w| log_sigmoid(w - c + m)).collect(),
                works.reverse.iter().map(|v| log_sigmoid(v + c - m)).collect(),
            )
        };
        // The one-sided estimates lie on either side of no root in general, but the extreme works do: beyond the largest
        // log f_1/f_0 that was seen, every term on the left is small and every one on the right large.
        let finite = |w: &&f64| w.is_finite();
        let ratios = || {
            let forward = works.forward.iter().filter(finite).copied();
            forward.chain(works.reverse.iter().filter(finite).map(|v| -v))
        };
        let margin = m.abs() + (works.forward.len() + works.reverse.len()) as f64;
        let mut low = ratios().fold(f64::INFINITY, f64::min) - margin;
        let mut high = ratios().fold(f64::NEG_INFINITY, f64::max) + margin;
        let mut c = 0.5 * (low + high);
        for _ in 0..200 {
            let (forward, reverse) = sides(c);
            let (left, right) = (log_sum_exp(&forward), log_sum_exp(&reverse));
            let h = left - right - n_ratio;
            if h > 0.0 {
                low = c;
            } else {
                high = c;
            }
            // h'(c) = −Σ_i σ_i (1 − σ_i) / Σ_i σ_i − the same of the other side: two means of 1 − σ.
            let mean_complement = |logs: &[f64], total: f64| -> f64 {
                logs.iter().map(|l| (l - total).exp() * -l.exp_m1()).sum()
            };
            let slope = -mean_complement(&forward, left) - mean_complement(&reverse, right);
            let newton = c - h / slope;
            let next = if newton > low && newton < high {
                newton
            } else {
                0.5 * (low + high)
            };
            let moved = (next - c).abs();
            c = next;
            // The convergence is quadratic: the next step would be far below rounding.
            if moved <= 1e-12 * c.abs().max(1.0) {
                break;
            }
        }
        Self::at(works, c)
    }

    /// The contributions of draws to the solution `c`.
    pub(crate) fn at(works: &Works, c: f64) -> Self {
        let [s_0, s_1] = works.effective;
        let m = (s_1 / s_0).ln();
        let forward: Vec<f64> = works.forward.iter().map(|w| sigmoid(w - c + m)).collect();
        let reverse: Vec<f64> = works.reverse.iter().map(|v| sigmoid(v + c - m)).collect();
        let shared = |s: &[f64]| s.iter().map(|s| s * (1.0 - s)).sum::<f64>();
        let (shared_0, shared_1) = (shared(&forward), shared(&reverse));
        let d = s_0 * shared_0 / forward.len() as f64 + s_1 * shared_1 / reverse.len() as f64;
        // Where all terms underflow there is no overlap, and the contributions are no longer asked for.
        let scaled =
            |sigma: Vec<f64>, s: f64| sigma.iter().map(|x| s * x / d.max(f64::MIN_POSITIVE)).collect();
        Bennett {
            log_ratio: c,
            forward: scaled(forward, s_0),
            reverse: scaled(reverse, -s_1),
            overlap: 4.0 * (shared_0 + shared_1),
        }
    }
}
