//! Entropies, divergences and Fisher informations against 50-digit references, and estimates against the parameters they came from.
//!
//! The table `family_values.json` is written by `family.py`.

use gibbsian_core::ExponentialFamily;
use gibbsian_densities::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    family: String,
    parameters: Vec<f64>,
    entropy: String,
    fisher: Vec<String>,
    others: Vec<Vec<f64>>,
    divergences: Vec<String>,
}

#[test]
fn entropies_informations_and_divergences() {
    let path = format!(
        "{}/tests/reference/family_values.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let entries: Vec<Entry> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(entries.len() >= 50);
    for entry in &entries {
        match entry.family.as_str() {
            "normal" => check(entry, |p| Normal::new(p[0], p[1]).unwrap()),
            "exponential" => check(entry, |p| Exponential::new(p[0]).unwrap()),
            "gamma" => check(entry, |p| Gamma::new(p[0], p[1]).unwrap()),
            "beta" => check(entry, |p| Beta::new(p[0], p[1]).unwrap()),
            "poisson" => check(entry, |p| Poisson::new(p[0]).unwrap()),
            "binomial" => check(entry, |p| Binomial::new(p[0] as u64, p[1]).unwrap()),
            "bernoulli" => check(entry, |p| Bernoulli::new(p[0]).unwrap()),
            family => panic!("{family}"),
        }
    }
}

fn check<F: ExponentialFamily>(entry: &Entry, build: impl Fn(&[f64]) -> F) {
    let member = build(&entry.parameters);
    let place = format!("{} {:?}", entry.family, entry.parameters);
    // Entropies may be near zero as the difference of two numbers of the size of one.
    let exact: f64 = entry.entropy.parse().unwrap();
    let found = member.entropy();
    let scale = if matches!(entry.family.as_str(), "poisson" | "binomial" | "bernoulli") {
        exact
    } else {
        exact.abs() + 1.0
    };
    assert!(
        (found - exact).abs() <= 2e-14 * scale,
        "{place}: entropy {found:e} instead of {exact:e}"
    );

    let fisher = member.fisher_information();
    let lower = (0..fisher.nrows()).flat_map(|i| (0..=i).map(move |j| (i, j)));
    for ((i, j), exact) in lower.zip(&entry.fisher) {
        let (found, exact): (f64, f64) = (fisher[[i, j]], exact.parse().unwrap());
        assert!(
            (found / exact - 1.0).abs() <= 1e-14,
            "{place}: information [{i}, {j}] {found:e} instead of {exact:e}"
        );
    }

    for (other, exact) in entry.others.iter().zip(&entry.divergences) {
        let exact: f64 = exact.parse().unwrap();
        let found = member.kl_divergence(&build(other));
        let error = (found - exact).abs();
        assert!(
            error <= 1e-10 * exact,
            "{place} to {other:?}: {found:e} instead of {exact:e}, off by {:e}",
            error / exact
        );
    }
    assert_eq!(member.kl_divergence(&member), 0.0, "{place}");
}

/// Shapes over fourteen decades.
fn shapes() -> impl Iterator<Item = f64> {
    (-12..=16).map(|k| 1.37 * 10.0_f64.powf(0.5 * f64::from(k)))
}

#[test]
fn gamma_estimates_converge_at_every_shape() {
    for a in shapes() {
        for rate in [1e-3, 1.0, 50.0] {
            let gamma = Gamma::new(a, rate).unwrap();
            let back = gamma.with_mean(gamma.mean_parameters().view()).unwrap();
            // The mean parameters carry rounding of their own size, of which the gap of about 1/a is what remains.
            let rounding = f64::EPSILON * (gamma.mean_log().abs() + gamma.mean().ln().abs() + 1.0 / a);
            let bound = 4.0 * (f64::EPSILON + rounding * 2.0 * a);
            assert!(
                (back.shape() / a - 1.0).abs() < bound,
                "shape {a}, rate {rate}: {} within {bound:e}",
                back.shape()
            );
            assert!((back.mean() / gamma.mean() - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn beta_estimates_converge_at_every_pair_of_shapes() {
    for alpha in shapes() {
        for beta in shapes() {
            let member = Beta::new(alpha, beta).unwrap();
            let mean = member.mean_parameters();
            if mean[0].exp() + mean[1].exp() >= 1.0 {
                // No double is between these means and the boundary.
                continue;
            }
            let Ok(back) = member.with_mean(mean.view()) else {
                panic!("{member:?} of {mean} is refused")
            };
            // What a change of the mean parameters by rounding can do to the shapes: the inverse Fisher information times it.
            let fisher = member.fisher_information();
            let determinant = fisher[[0, 0]] * fisher[[1, 1]] - fisher[[0, 1]] * fisher[[0, 1]];
            let rounding = mean.mapv(|m| 16.0 * f64::EPSILON * m.abs());
            if determinant <= 1e-10 * fisher[[0, 0]] * fisher[[1, 1]] {
                continue;
            }
            let bound = [
                (fisher[[1, 1]] * rounding[0] + fisher[[0, 1]].abs() * rounding[1]) / determinant,
                (fisher[[0, 1]].abs() * rounding[0] + fisher[[0, 0]] * rounding[1]) / determinant,
            ];
            let error = [(back.alpha() - alpha).abs(), (back.beta() - beta).abs()];
            assert!(
                error[0] <= bound[0] + 1e-14 * alpha && error[1] <= bound[1] + 1e-14 * beta,
                "{member:?} came back as {back:?}, bounds {bound:?}"
            );
        }
    }
}
