//! Dirichlet and Wishart: 50-digit values, the laws of families, and the laws of their supports.

use crate::common::reference;
use gibbsian_core::{Density, Energy, ExponentialFamily, Score, Seed, Space};
use gibbsian_densities::{Beta, Dirichlet, Wishart};
use gibbsian_testkit::differences::{Precision, derivative};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

const DOUBLE: Precision = Precision::DOUBLE;

fn dirichlets() -> Vec<Dirichlet> {
    let concentrations = [
        array![0.7, 1.8],
        array![1.0, 1.0, 1.0],
        array![2.5, 0.6, 4.0],
        array![30.0, 12.0, 7.0, 55.0],
    ];
    concentrations
        .into_iter()
        .map(|a| Dirichlet::new(a).unwrap())
        .collect()
}

fn wisharts() -> Vec<Wishart> {
    let two = array![[2.0, 0.6], [0.6, 1.0]];
    let three = array![[1.5, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.8]];
    [(3.5, array![[1.3]]), (1.8, two.clone()), (9.0, two), (6.0, three)]
        .into_iter()
        .map(|(degrees, scale)| Wishart::new(degrees, scale).unwrap())
        .collect()
}

#[test]
fn dirichlet_against_50_digits() {
    reference::log_density_and_score("dirichlet", |p| {
        Dirichlet::new(p.vector("concentrations")).unwrap()
    });
}

#[test]
fn wishart_against_50_digits() {
    reference::log_density_and_score("wishart", |p| {
        Wishart::new(p.number("degrees_of_freedom"), p.matrix("scale")).unwrap()
    });
}

#[test]
fn draws_of_a_wishart_have_its_density() {
    // E_p[q/p] = 1; with more degrees of freedom and a smaller scale q/p is bounded.
    for (k, member) in wisharts().into_iter().enumerate() {
        let x = member.sample(1 << 14, &mut Seed::new(6).nth(k as u64).rng());
        let other = Wishart::new(1.1 * member.degrees_of_freedom(), &member.scale() * 0.85).unwrap();
        let ratios = (other.log_density(x.view()) - member.log_density(x.view())).exp();
        mean("q/p", &ratios.to_vec(), 1.0).assert(FALSE_ALARM);
    }
}

#[test]
fn the_score_of_a_dirichlet_is_the_gradient_along_the_simplex() {
    for member in dirichlets() {
        let x = member.mean();
        let score = member.score(x.view().insert_axis(Axis(0)));
        assert!(score.sum().abs() <= 1e-13 * score.iter().fold(1.0, |m: f64, s| m.max(s.abs())));
        // A direction in which nothing is lost to rounding of the sum: from one coordinate to the next.
        for i in 1..x.len() {
            let room = x[i].min(x[0]);
            let log_p = &mut |t: f64| {
                let mut moved = x.clone();
                moved[0] += t * room;
                moved[i] -= t * room;
                // The formula of the energy, since sums may round away from the simplex.
                let terms = (&member.concentrations() - 1.0) * moved.mapv(f64::ln);
                Ok(array![terms.sum()])
            };
            let slope = derivative(log_p, 1.0, DOUBLE).unwrap()[0];
            let found = (score[[0, 0]] - score[[0, i]]) * room;
            assert!(
                (found - slope.value).abs() <= 1e-12 * found.abs() + 8.0 * slope.error(),
                "{found} {slope:?}"
            );
        }
    }
}

#[test]
fn two_coordinates_are_a_beta() {
    let x = array![0.1, 0.25, 0.5, 0.875];
    let rows = ndarray::stack![Axis(1), x, 1.0 - &x];
    for (a, b) in [(0.5, 0.7), (3.0, 1.0), (1e5, 2e5)] {
        let (pair, beta) = (Dirichlet::new(array![a, b]).unwrap(), Beta::new(a, b).unwrap());
        let other = Dirichlet::new(array![2.0 * a, b + 1.0]).unwrap();
        let other_beta = Beta::new(2.0 * a, b + 1.0).unwrap();
        let (found, expected) = (
            pair.log_density(rows.view()),
            beta.log_density(x.view().insert_axis(Axis(1))),
        );
        let close = |f: f64, e: f64| assert!((f - e).abs() <= 1e-13 * e.abs().max(1.0), "{f} {e}");
        found.iter().zip(&expected).for_each(|(&f, &e)| close(f, e));
        close(pair.entropy(), beta.entropy());
        close(pair.kl_divergence(&other), beta.kl_divergence(&other_beta));
        close(pair.log_z(), beta.log_z());
    }
}

#[test]
fn draws_of_a_dirichlet_have_its_density() {
    // E_p[q/p] = 1 for a q with lighter tails everywhere.
    for (k, member) in dirichlets().into_iter().enumerate() {
        let x = member.sample(1 << 14, &mut Seed::new(4).nth(k as u64).rng());
        let tests: Vec<_> = (0..member.dim())
            .map(|i| {
                let mut moved = member.concentrations().to_owned();
                moved[i] *= 1.2;
                let other = Dirichlet::new(moved).unwrap();
                let ratios = (other.log_density(x.view()) - member.log_density(x.view())).exp();
                mean(&format!("concentration {i} moved"), &ratios.to_vec(), 1.0)
            })
            .collect();
        family(&tests, FALSE_ALARM).unwrap();
    }
}

#[test]
fn draws_are_pinned() {
    let draw = |rows: Array2<f64>| rows.row(1).to_vec();
    let dirichlet = Dirichlet::new(array![0.4, 2.0, 5.5]).unwrap();
    assert_eq!(draw(dirichlet.sample(2, &mut Seed::new(7).rng())), DIRICHLET);
    let wishart = Wishart::new(2.5, array![[2.0, 0.6], [0.6, 1.0]]).unwrap();
    assert_eq!(draw(wishart.sample(2, &mut Seed::new(7).rng())), WISHART);
}

const DIRICHLET: [f64; 3] = [0.12016405631874096, 0.3548842960112769, 0.5249516476699821];
const WISHART: [f64; 3] = [0.25417676159126634, -0.3174785780347143, 0.837521085771179];

#[test]
fn near_members_have_divergences_with_digits() {
    // KL = ½ dᵀ I d (1 + O(d)), far below the rounding of the log-partitions.
    let member = Dirichlet::new(array![2e8, 3e8, 5e7]).unwrap();
    let d = array![1.0, -2.0, 0.5];
    let other = Dirichlet::new(&member.concentrations() + &d).unwrap();
    let expected = 0.5 * d.dot(&member.fisher_information().dot(&d));
    let found = member.kl_divergence(&other);
    assert!((found / expected - 1.0).abs() <= 1e-7, "{found:e} {expected:e}");

    let scale = array![[2.0, 0.6], [0.6, 1.0]];
    let member = Wishart::new(1e6, scale.clone()).unwrap();
    let other = Wishart::new(1e6 + 1.0 / 64.0, scale * (1.0 + 1.0 / (1u64 << 30) as f64)).unwrap();
    let d = &other.natural_parameters() - &member.natural_parameters();
    let expected = 0.5 * d.dot(&member.fisher_information().dot(&d));
    let found = member.kl_divergence(&other);
    assert!((found / expected - 1.0).abs() <= 1e-5, "{found:e} {expected:e}");
}

#[test]
fn means_lead_back_even_from_extremes() {
    for concentrations in [
        array![1e-6, 3.0],
        array![1e-3, 1e-3, 1e-3],
        array![1e-4, 1.0, 1e4],
        array![1e6, 1.0, 1.0],
        Array1::from_elem(50, 0.02),
        Array1::from_shape_fn(40, |i| 10f64.powi(i as i32 % 8 - 4)),
    ] {
        let member = Dirichlet::new(concentrations.clone()).unwrap();
        let back = member.with_mean(member.mean_parameters().view()).unwrap();
        let residual = back.mean_parameters() - member.mean_parameters();
        for (r, m) in residual.iter().zip(&member.mean_parameters()) {
            assert!(
                r.abs() <= 1e-13 * m.abs().max(1e-3),
                "{concentrations}: {r} of {m}"
            );
        }
    }
    for degrees in [2.0 + 1e-9, 2.01, 2.5, 10.0, 1e4, 1e9] {
        let scale = array![[1.5, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.8]];
        let member = Wishart::new(degrees, scale).unwrap();
        let back = member.with_mean(member.mean_parameters().view()).unwrap();
        // log |E X| − E log |X| ≈ p(p+1)/2ν is a difference of numbers of some tens.
        let allowed = 1e-14 * 50.0 * degrees;
        assert!(
            ((back.degrees_of_freedom() - degrees) / degrees).abs() <= allowed.max(1e-12),
            "{degrees}"
        );
    }
}

#[test]
fn what_lies_outside_has_no_density() {
    let dirichlet = Dirichlet::new(array![1.0, 2.0, 0.5]).unwrap();
    let outside = array![
        [0.5, 0.5, 0.1],
        [0.5, 0.5, 0.0],
        [1.5, -0.25, -0.25],
        [0.5, 0.3, 0.2 + 1e-14]
    ];
    assert!(
        dirichlet
            .log_density(outside.view())
            .iter()
            .all(|p| *p == f64::NEG_INFINITY)
    );
    assert!(
        dirichlet
            .energy(outside.view())
            .iter()
            .all(|e| *e == f64::INFINITY)
    );
    assert!(dirichlet.score(outside.view()).iter().all(|s| s.is_nan()));
    // A normalised row may miss one by rounding, and NaN stays NaN.
    let inside = array![[0.1 + 0.2, 0.3, 0.4], [f64::NAN, 0.5, 0.5]];
    let log_p = dirichlet.log_density(inside.view());
    assert!(log_p[0].is_finite() && log_p[1].is_nan(), "{log_p}");
    // Next to a face two products lose their digits, and the log-density keeps them.
    let edge = array![[1e-305, 0.5, 0.5]];
    let expected = dirichlet.log_density(array![[1e-5, 0.5, 0.5 - 1e-5]].view())[0];
    assert!((dirichlet.log_density(edge.view())[0] - expected).abs() < 1e-4);

    let wishart = Wishart::new(3.0, Array2::eye(2)).unwrap();
    let outside = array![[1.0, 1.0, 1.0], [-1.0, 0.0, 1.0], [1.0, 0.0, f64::INFINITY]];
    assert!(
        wishart
            .log_density(outside.view())
            .iter()
            .all(|p| *p == f64::NEG_INFINITY)
    );
    assert!(wishart.energy(outside.view()).iter().all(|e| *e == f64::INFINITY));
    assert!(wishart.score(outside.view()).iter().all(|s| s.is_nan()));
    assert!(wishart.log_density(array![[1.0, f64::NAN, 1.0]].view())[0].is_nan());
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let message = |e: gibbsian_core::Error| e.to_string();
    assert_eq!(
        message(Dirichlet::new(array![1.0, -2.0]).unwrap_err()),
        "`concentrations[1]` is -2, but must be between 1e-300 and 1e300"
    );
    assert_eq!(
        message(Dirichlet::new(array![1.0]).unwrap_err()),
        "`concentrations` has shape [1], but must have shape (at least 2)"
    );
    let dirichlet = Dirichlet::new(array![1.0, 2.0]).unwrap();
    assert_eq!(
        message(dirichlet.with_mean(array![-0.5, -0.5].view()).unwrap_err()),
        "`mean` is [-0.5, -0.5], but must be such that the sum of exp(mean) is less than one by more than rounding"
    );
    // Without spread no member is likeliest.
    assert!(dirichlet.fit(array![[0.25, 0.75], [0.25, 0.75]].view()).is_err());
    assert_eq!(
        message(dirichlet.fit(array![[0.25, 0.7]].view()).unwrap_err()),
        "`x[0]` is [0.25, 0.7], but must be a point of the support"
    );
    assert_eq!(
        message(Wishart::new(1.0, Array2::eye(2)).unwrap_err()),
        "`degrees_of_freedom` is 1, but must be finite and greater than 1, the order of the scale less one"
    );
    assert!(message(Wishart::new(3.0, array![[1.0, 2.0], [2.0, 1.0]]).unwrap_err()).contains("scale"));
    assert!(message(Wishart::new(3.0, array![[1.0, 0.2], [0.3, 1.0]]).unwrap_err()).contains("scale"));
    let wishart = Wishart::new(3.0, Array2::eye(1)).unwrap();
    assert_eq!(
        message(wishart.with_mean(array![1.0, 0.5].view()).unwrap_err()),
        "`the mean of log |X|` is 0.5, but must be less than 0, the log-determinant of the mean of X"
    );
}

#[test]
fn parts_and_moments_of_a_dirichlet() {
    let dirichlet = Dirichlet::new(array![0.5, 2.0, 3.5]).unwrap();
    assert_eq!(dirichlet.marginal(1).unwrap(), Beta::new(2.0, 4.0).unwrap());
    let covariance = dirichlet.covariance();
    for i in 0..3 {
        let marginal = dirichlet.marginal(i).unwrap();
        assert!((marginal.mean() - dirichlet.mean()[i]).abs() < 1e-16);
        assert!((marginal.variance() / covariance[[i, i]] - 1.0).abs() < 1e-15);
        // Coordinates sum to one, which has no covariance with anything.
        assert!(covariance.row(i).sum().abs() < 1e-17);
    }
    let message = dirichlet.marginal(3).unwrap_err().to_string();
    assert_eq!(message, "`coordinate` is 3, but must be below 3");
}

proptest! {
    #[test]
    fn divergences_are_positive_and_means_lead_back(
        p in prop::collection::vec(-6.0..6.0_f64, 3),
        q in prop::collection::vec(-6.0..6.0_f64, 3),
    ) {
        let [p, q] = [p, q].map(|logs| Dirichlet::new(Array1::from(logs).exp()).unwrap());
        prop_assert!(p.kl_divergence(&q) >= 0.0);
        prop_assert!(p.kl_divergence(&p) == 0.0);
        let back = q.with_mean(p.mean_parameters().view()).unwrap();
        // ψ(α) − ψ(s) loses as many digits as the spread of the logarithms is below one.
        prop_assert!(p.kl_divergence(&back) <= 1e-20 * p.concentrations().sum().powi(2).max(1.0));
        let x = p.sample(3, &mut Seed::new(5).rng());
        prop_assert!(p.log_density(x.view()).iter().all(|l| l.is_finite()));
    }

    #[test]
    fn the_wishart_of_a_congruent_scale_is_the_law_of_congruent_matrices(
        degrees in 2.1..50.0_f64, a in 0.2..3.0_f64, b in -2.0..2.0_f64, c in 0.2..3.0_f64, seed in 0..1000_u64,
    ) {
        // X ↦ F X Fᵀ in two dimensions has the Jacobian |F|³.
        let factor = array![[a, 0.0], [b, c]];
        let unit = Wishart::new(degrees, Array2::eye(2)).unwrap();
        let scaled = Wishart::new(degrees, factor.dot(&factor.t())).unwrap();
        let x = unit.sample(1, &mut Seed::new(seed).rng());
        let moved = factor.dot(&unit.matrix(x.row(0))).dot(&factor.t());
        let row = array![[moved[[0, 0]], moved[[1, 0]], moved[[1, 1]]]];
        let found = scaled.log_density(row.view())[0] + 3.0 * (a * c).ln();
        let expected = unit.log_density(x.view())[0];
        let m = unit.matrix(x.row(0));
        // Rounding of the moved matrix counts by its condition.
        let condition = m.diag().sum().powi(2) / (m[[0, 0]] * m[[1, 1]] - m[[0, 1]].powi(2))
            * ((a * a + b * b + c * c) / (a * c)).powi(2);
        prop_assert!((found - expected).abs() <= 1e-14 * condition * (degrees + expected.abs() + m.diag().sum()), "{found} {expected}");
    }
}
