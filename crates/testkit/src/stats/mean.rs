//! Tests of a mean.

use crate::stats::Test;
use crate::stats::special::{normal_two_sided, student_two_sided};

/// Tests a value with a known standard error against its expectation, by the normal law.
pub fn z_test(name: &str, value: f64, expected: f64, standard_error: f64) -> Test {
    let statistic = (value - expected) / standard_error;
    Test {
        name: name.to_owned(),
        statistic,
        p_value: if value == expected {
            1.0
        } else {
            normal_two_sided(statistic)
        },
        detail: format!("value {value:e}, expected {expected:e}, standard error {standard_error:e}"),
    }
}

/// Tests the mean of independent draws, by Student's t with the variance of the sample.
///
/// Exact for normal draws; otherwise the sample must be large enough for the central limit theorem.
pub fn mean(name: &str, sample: &[f64], expected: f64) -> Test {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let standard_error = (variance / n).sqrt();
    let statistic = (mean - expected) / standard_error;
    let p_value = if n < 2.0 || !mean.is_finite() {
        f64::NAN
    } else if mean == expected {
        1.0
    } else {
        student_two_sided(statistic, n - 1.0)
    };
    Test {
        name: name.to_owned(),
        statistic,
        p_value,
        detail: format!(
            "mean {mean:e} of {n} draws, expected {expected:e}, standard error {standard_error:e}"
        ),
    }
}

/// Tests the mean of a stationary chain by batch means: `n_batches` consecutive batches, whose means count as
/// independent.
///
/// Each batch must be much longer than the autocorrelation time. Steps that do not fill the batches are dropped from
/// the start.
pub fn mean_of_chain(name: &str, chain: &[f64], expected: f64, n_batches: usize) -> Test {
    let length = chain.len() / n_batches.max(1);
    if length == 0 {
        return mean(name, &[], expected);
    }
    let first = chain.len() - length * n_batches;
    let means: Vec<f64> = chain[first..]
        .chunks_exact(length)
        .map(|b| b.iter().sum::<f64>() / length as f64)
        .collect();
    mean(name, &means, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::RngExt;
    use rand_distr::StandardNormal;

    #[test]
    fn students_worked_example() {
        // Mean 2, variance 1, t = (2 − 1)/(1/√3) = √3 on two degrees of freedom; p = 1 − t/√(t² + 2).
        let test = mean("three", &[1.0, 2.0, 3.0], 1.0);
        assert!((test.statistic - 3f64.sqrt()).abs() < 1e-14);
        assert!((test.p_value - (1.0 - 3f64.sqrt() / 5f64.sqrt())).abs() < 1e-13);
    }

    #[test]
    fn correlated_chains_need_batches() {
        // An autoregression with coefficient 0.95 around zero: the naive test is misled, batch means are not.
        let mut rng = Seed::new(5).child("chain").rng();
        let mut x = 0.0;
        let n_false = |test: &dyn Fn(&[f64]) -> Test, rng: &mut gibbsian_core::StreamRng, x: &mut f64| {
            (0..200)
                .filter(|_| {
                    let chain: Vec<f64> = (0..4000)
                        .map(|_| {
                            *x = 0.95 * *x + rng.sample::<f64, _>(StandardNormal);
                            *x
                        })
                        .collect();
                    test(&chain).verdict(0.01).is_err()
                })
                .count()
        };
        // 200 tests at 1 %: more than 11 has probability 1e-6.
        assert!(n_false(&|c| mean_of_chain("chain", c, 0.0, 20), &mut rng, &mut x) <= 11);
        assert!(n_false(&|c| mean("chain", c, 0.0), &mut rng, &mut x) > 50);
        assert!(n_false(&|c| mean_of_chain("chain", c, 3.0, 20), &mut rng, &mut x) > 150);
    }

    #[test]
    fn degenerate_samples() {
        assert!(mean("constant", &[2.0; 5], 2.0).verdict(0.01).is_ok());
        assert!(mean("constant", &[2.0; 5], 1.0).verdict(0.01).is_err());
        assert!(mean("nan", &[2.0, f64::NAN], 2.0).verdict(0.01).is_err());
        assert!(mean("one", &[2.0], 2.0).verdict(0.01).is_err());
        assert!(z_test("z", 1.0, 0.0, 0.1).verdict(1e-6).is_err());
    }
}
