//! Kolmogorov–Smirnov tests: the largest distance between two distribution functions.
//!
//! P-values are bounds, not approximations: `P(D ≥ d) ≤ 2 exp(−2 n d²)` holds for every `n` and every continuous law
//! (Massart 1990, "The tight constant in the Dvoretzky–Kiefer–Wolfowitz inequality") and is the leading term of the
//! exact tail, so that nothing is lost at small levels. For two samples the effective size is `n m / (n + m)`; there
//! the constant 2 is the limit for large samples (Wei and Dudley 2012 prove it for `n = m ≥ 458`). Laws with atoms
//! make both conservative.

use crate::stats::Test;

/// Tests whether `sample` was drawn independently from the law with distribution function `cdf`.
pub fn kolmogorov_smirnov(name: &str, sample: &[f64], cdf: impl Fn(f64) -> f64) -> Test {
    let sorted = sort(sample);
    let n = sorted.len() as f64;
    let mut worst = (0.0, f64::NAN);
    for (k, &x) in sorted.iter().enumerate() {
        let f = cdf(x);
        let distance = (f - k as f64 / n).max((k + 1) as f64 / n - f);
        if distance.is_nan() {
            // No later distance may hide it.
            worst = (distance, x);
            break;
        }
        if distance > worst.0 {
            worst = (distance, x);
        }
    }
    bounded(name, n, worst, format!("n = {n}"))
}

/// Tests whether two independent samples come from one law.
pub fn kolmogorov_smirnov_two_sample(name: &str, first: &[f64], second: &[f64]) -> Test {
    let (first, second) = (sort(first), sort(second));
    let (n, m) = (first.len() as f64, second.len() as f64);
    // NaN lies beside NaN in the order: samples of nothing else would agree.
    if first.iter().chain(&second).any(|x| x.is_nan()) {
        return bounded(name, f64::NAN, (f64::NAN, f64::NAN), format!("n = {n}, m = {m}"));
    }
    let (mut i, mut j, mut worst) = (0, 0, (0.0, f64::NAN));
    while i < first.len() && j < second.len() {
        let x = if first[i].total_cmp(&second[j]).is_le() {
            first[i]
        } else {
            second[j]
        };
        // Ties move both functions before they are compared.
        while i < first.len() && first[i].total_cmp(&x).is_le() {
            i += 1;
        }
        while j < second.len() && second[j].total_cmp(&x).is_le() {
            j += 1;
        }
        let distance = (i as f64 / n - j as f64 / m).abs();
        if distance > worst.0 {
            worst = (distance, x);
        }
    }
    bounded(name, n * m / (n + m), worst, format!("n = {n}, m = {m}"))
}

fn bounded(name: &str, n: f64, (distance, at): (f64, f64), sizes: String) -> Test {
    let bound = 2.0 * (-2.0 * n * distance * distance).exp();
    Test {
        name: name.to_owned(),
        statistic: distance,
        // `min` would turn NaN into one.
        p_value: if n > 0.0 && !bound.is_nan() {
            bound.min(1.0)
        } else {
            f64::NAN
        },
        detail: format!("{sizes}, largest distance at {at:e}"),
    }
}

fn sort(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::RngExt;

    fn uniforms(n: usize, stream: u64) -> Vec<f64> {
        let mut rng = Seed::new(8).nth(stream).rng();
        (0..n).map(|_| rng.random()).collect()
    }

    #[test]
    fn distances_of_worked_examples() {
        let test = kolmogorov_smirnov("uniform", &[0.5, 0.25], |x| x);
        assert_eq!(test.statistic, 0.5);
        let test = kolmogorov_smirnov_two_sample("ties", &[1.0, 2.0, 2.0, 3.0], &[2.0, 2.0, 4.0]);
        assert!((test.statistic - 1.0 / 3.0).abs() < 1e-15, "{test:?}");
    }

    #[test]
    fn true_laws_pass_and_shifted_ones_do_not() {
        kolmogorov_smirnov("uniform", &uniforms(2000, 0), |x| x).assert(1e-6);
        kolmogorov_smirnov_two_sample("uniform", &uniforms(2000, 1), &uniforms(1500, 2)).assert(1e-6);
        assert!(
            kolmogorov_smirnov("squared", &uniforms(2000, 3), |x| x * x)
                .verdict(1e-6)
                .is_err()
        );
        let shifted: Vec<f64> = uniforms(1500, 5).iter().map(|x| x + 0.15).collect();
        assert!(
            kolmogorov_smirnov_two_sample("shifted", &uniforms(2000, 4), &shifted)
                .verdict(1e-6)
                .is_err()
        );
    }

    #[test]
    fn nan_and_empty_samples_do_not_pass() {
        assert!(
            kolmogorov_smirnov("nan", &[f64::NAN, 0.5], |x| x)
                .verdict(1e-6)
                .is_err()
        );
        assert!(kolmogorov_smirnov("empty", &[], |x| x).verdict(1e-6).is_err());
        assert!(
            kolmogorov_smirnov_two_sample("empty", &[], &[0.5])
                .verdict(1e-6)
                .is_err()
        );
    }
}
