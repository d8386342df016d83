//! Entropies, divergences and Fisher informations against 50-digit references, and estimates against the parameters they came from.
//!
//! The table `family_values.json` is written by `family.py`, and `matrix_family_values.json` by `matrix_family.py`.

use gibbsian_core::ExponentialFamily;
use gibbsian_densities::*;
use ndarray::{Array2, array};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
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
    let read = |name: &str| -> Vec<Entry> {
        let path = format!("{}/tests/reference/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let entries = [read("family_values.json"), read("matrix_family_values.json")].concat();
    assert!(entries.len() >= 65);
    for entry in &entries {
        match entry.family.as_str() {
            "normal" => check(entry, |p| Normal::new(p[0], p[1]).unwrap()),
            "exponential" => check(entry, |p| Exponential::new(p[0]).unwrap()),
            "gamma" => check(entry, |p| Gamma::new(p[0], p[1]).unwrap()),
            "beta" => check(entry, |p| Beta::new(p[0], p[1]).unwrap()),
            "poisson" => check(entry, |p| Poisson::new(p[0]).unwrap()),
            "binomial" => check(entry, |p| Binomial::new(p[0] as u64, p[1]).unwrap()),
            "bernoulli" => check(entry, |p| Bernoulli::new(p[0]).unwrap()),
            "categorical" => check(entry, |p| Categorical::from_logits(p.to_vec().into()).unwrap()),
            "dirichlet" => check(entry, |p| Dirichlet::new(p.to_vec().into()).unwrap()),
            "wishart" => check(entry, |p| Wishart::new(p[0], symmetric(&p[1..])).unwrap()),
            "multivariate_normal" => check(entry, |p| {
                MultivariateNormal::from_covariance(p[..2].to_vec().into(), symmetric(&p[2..])).unwrap()
            }),
            family => panic!("{family}"),
        }
    }
}

#[derive(Deserialize)]
struct Circular {
    parameters: [f64; 2],
    entropy: String,
    fisher: [String; 3],
    circular_variance: String,
    others: Vec<[f64; 2]>,
    divergences: Vec<String>,
}

/// The table `von_mises_values.json` is written by `von_mises.py`.
#[test]
fn von_mises() {
    let path = format!(
        "{}/tests/reference/von_mises_values.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let entries: Vec<Circular> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let build = |[direction, concentration]: [f64; 2]| VonMises::new(direction, concentration).unwrap();
    let number = |text: &String| text.parse::<f64>().unwrap();
    for entry in &entries {
        let (member, place) = (build(entry.parameters), format!("{:?}", entry.parameters));
        let close = |what: &str, found: f64, exact: f64, bound: f64| {
            let error = (found - exact).abs();
            assert!(
                error <= bound,
                "{place}: {what} {found:e} instead of {exact:e}, off by {error:e}"
            );
        };
        let entropy = number(&entry.entropy);
        close(
            "entropy",
            member.entropy(),
            entropy,
            4.0 * f64::EPSILON * (entropy.abs() + 1.0),
        );
        let variance = number(&entry.circular_variance);
        close(
            "variance",
            member.circular_variance(),
            variance,
            4.0 * f64::EPSILON * variance,
        );

        // What is beside the diagonal has its errors.
        let (fisher, exact) = (member.fisher_information(), entry.fisher.each_ref().map(number));
        let size = exact[0].max(exact[2]);
        for (found, exact) in [fisher[[0, 0]], fisher[[1, 0]], fisher[[1, 1]]]
            .into_iter()
            .zip(exact)
        {
            close("information", found, exact, 8.0 * f64::EPSILON * size);
        }

        for (other, exact) in entry.others.iter().zip(&entry.divergences) {
            let exact = number(exact);
            close(
                &format!("divergence to {other:?}"),
                member.kl_divergence(&build(*other)),
                exact,
                1e-13 * exact,
            );
        }
        assert_eq!(member.kl_divergence(&member), 0.0, "{place}");
    }
}

#[test]
fn von_mises_estimates_converge_at_every_concentration() {
    for k in -24..=40 {
        let kappa = 1.37 * 10.0_f64.powf(0.5 * f64::from(k));
        let member = VonMises::new(2.0, kappa).unwrap();
        let back = member.with_mean(member.mean_parameters().view());
        // One minus the length has the rounding of 1, of which 1/(2κ) is left.
        let bound = 8.0 * f64::EPSILON * (1.0 + 2.0 * kappa);
        if bound < 0.1 {
            let back = back.unwrap();
            assert!(
                (back.concentration() / kappa - 1.0).abs() < bound,
                "{kappa}: {back:?}"
            );
            assert!((back.direction() - 2.0).abs() < 1e-15);
        }
    }
}

/// The symmetric matrix of two rows with this lower triangle.
fn symmetric(lower: &[f64]) -> Array2<f64> {
    array![[lower[0], lower[1]], [lower[1], lower[2]]]
}

fn check<F: ExponentialFamily>(entry: &Entry, build: impl Fn(&[f64]) -> F) {
    let member = build(&entry.parameters);
    let place = format!("{} {:?}", entry.family, entry.parameters);
    // Entropies may be near zero as the difference of two numbers of the size of one.
    let exact: f64 = entry.entropy.parse().unwrap();
    let found = member.entropy();
    let scale = if matches!(
        entry.family.as_str(),
        "poisson" | "binomial" | "bernoulli" | "categorical"
    ) {
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

    // Probabilities are rounded, by which a divergence d²/2 moves by d ε.
    let rounding = if entry.family == "categorical" {
        4.0 * f64::EPSILON
    } else {
        0.0
    };
    for (other, exact) in entry.others.iter().zip(&entry.divergences) {
        let exact: f64 = exact.parse().unwrap();
        let found = member.kl_divergence(&build(other));
        let error = (found - exact).abs();
        assert!(
            error <= 1e-10 * exact + rounding * (2.0 * exact).sqrt(),
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
