//! Exact binomial tests and intervals, for coverage and acceptance rates.

use crate::stats::Test;
use crate::stats::special::{beta_i, bisect};

/// Tests `successes` of `n` independent trials against success probability `p`: twice the smaller exact tail.
pub fn binomial(name: &str, successes: u64, n: u64, p: f64) -> Test {
    let detail = format!("{successes} of {n}, expected {:.3}", n as f64 * p);
    let p_value = if successes > n || !(0.0..=1.0).contains(&p) {
        0.0
    } else {
        (2.0 * at_most(successes, n, p).min(at_least(successes, n, p))).min(1.0)
    };
    Test {
        name: name.to_owned(),
        statistic: successes as f64 / n as f64,
        p_value,
        detail,
    }
}

/// The exact interval of Clopper and Pearson (1934) for a success probability, at confidence `1 − alpha`.
pub fn clopper_pearson(successes: u64, n: u64, alpha: f64) -> (f64, f64) {
    let lower = if successes == 0 {
        0.0
    } else {
        bisect(0.0, 1.0, |p| at_least(successes, n, p) < 0.5 * alpha)
    };
    let upper = if successes >= n {
        1.0
    } else {
        bisect(0.0, 1.0, |p| at_most(successes, n, p) > 0.5 * alpha)
    };
    (lower, upper)
}

/// `P(X ≥ k)` for `X ~ Binomial(n, p)`: `I_p(k, n − k + 1)`.
fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else {
        beta_i(k as f64, (n - k) as f64 + 1.0, p).0
    }
}

/// `P(X ≤ k)`.
fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k == n {
        1.0
    } else {
        beta_i(k as f64 + 1.0, (n - k) as f64, p).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_sums_of_probabilities() {
        let (n, p) = (12u64, 0.3f64);
        let choose = |k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
        let mass = |k: u64| choose(k) * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32);
        for k in 0..=n {
            let exact: f64 = (k..=n).map(mass).sum();
            assert!((at_least(k, n, p) / exact - 1.0).abs() < 1e-12);
            let exact: f64 = (0..=k).map(mass).sum();
            assert!((at_most(k, n, p) / exact - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_interval_without_successes_has_a_closed_form() {
        // (1 − p)^n = α/2.
        let (lower, upper) = clopper_pearson(0, 50, 0.05);
        assert_eq!(lower, 0.0);
        assert!((upper - (1.0 - 0.025f64.powf(1.0 / 50.0))).abs() < 1e-14);
        let (lower, upper) = clopper_pearson(50, 50, 0.05);
        assert!((lower - 0.025f64.powf(1.0 / 50.0)).abs() < 1e-14 && upper == 1.0);
    }

    #[test]
    fn wrong_coverage_is_rejected() {
        binomial("coverage", 953, 1000, 0.95).assert(1e-6);
        assert!(binomial("coverage", 900, 1000, 0.95).verdict(1e-6).is_err());
        assert!(binomial("coverage", 990, 1000, 0.95).verdict(1e-6).is_err());
        assert!(binomial("never", 1, 1000, 0.0).verdict(1e-6).is_err());
    }
}
