//! Ends of supports and of the range of parameters, and what is refused.

use gibbsian_core::{Density, ExponentialFamily, Score};
use gibbsian_densities::*;
use ndarray::{Array2, Axis, array};

use crate::family_laws::column;

#[test]
fn a_trial_and_its_complement_are_mirror_images() {
    // By their logits, where one minus the larger probability is not the smaller.
    for (logit, other) in [(40.0, 41.0), (37.0, 36.5), (0.4, 0.3)] {
        let [p, q, mirrored_p, mirrored_q] =
            [logit, other, -logit, -other].map(|l| Bernoulli::from_logit(l).unwrap());
        assert_eq!(p.kl_divergence(&q), mirrored_p.kl_divergence(&mirrored_q));
        assert_eq!(p.entropy(), mirrored_p.entropy());
        assert_eq!((p.cdf(-0.5), p.cdf(0.5), p.cdf(1.0)), (0.0, p.complement(), 1.0));
    }
}

#[test]
fn the_entropy_of_a_binomial_is_continuous_where_its_form_changes() {
    // Around a variance of 10⁸; the term of the skewness is 3·10⁻¹⁰ there.
    let entropy = |n: u64| Binomial::new(n, 0.2).unwrap().entropy();
    let (below, above) = (624_000_000, 626_000_000);
    let expected = 0.5 * (above as f64 / below as f64).ln();
    let found = entropy(above) - entropy(below);
    assert!((found - expected).abs() < 1e-11, "{found} {expected}");
}

/// Where a quotient of parameters underflows, its logarithm does not.
#[test]
fn shapes_at_opposite_ends_of_their_range() {
    let near = |found: f64, expected: f64| {
        let close = (found - expected).abs() <= 1e-14 * expected.abs();
        assert!(close, "{found:e} instead of {expected:e}");
    };
    let (tiny, huge) = (1e-300, 1e300);
    // A rate moves the logarithm alone.
    let unit = Gamma::new(1e-24, 1.0).unwrap();
    near(
        Gamma::new(1e-24, huge).unwrap().entropy(),
        unit.entropy() - huge.ln(),
    );
    // B(α, β) → 1/α as α → 0, and E log x → −1/α.
    for (alpha, beta) in [(tiny, huge), (tiny, 1e10), (1e-200, 1e200)] {
        let (member, mirrored) = (Beta::new(alpha, beta).unwrap(), Beta::new(beta, alpha).unwrap());
        near(member.log_partition(), -alpha.ln());
        near(mirrored.log_partition(), -alpha.ln());
        near(member.mean_parameters()[0], -1.0 / alpha);
        near(mirrored.mean_parameters()[1], -1.0 / alpha);
        near(member.entropy(), -1.0 / alpha);
        let dirichlet = Dirichlet::new(array![alpha, beta]).unwrap();
        near(dirichlet.log_partition(), -alpha.ln());
        near(dirichlet.mean_parameters()[0], -1.0 / alpha);
    }
    // One concentration beside which the other is nothing: log p = log β + (α − 1) log x + (β − 1) log(1 − x), where α = 10³⁰ and x = 1 − 2⁻⁵³.
    let x = 1.0 - 0.5 * f64::EPSILON;
    let log_p = Beta::new(1e30, tiny).unwrap().log_density(array![[x]].view())[0];
    near(
        log_p,
        tiny.ln() - (1e30 - 1.0) * 0.5 * f64::EPSILON - (0.5 * f64::EPSILON).ln(),
    );
}

#[test]
fn points_outside_the_support_have_no_density_and_nan_stays() {
    fn holds<F: Density>(member: &F, outside: &[f64]) {
        for &x in outside {
            let x = column(&[x]);
            assert_eq!(member.log_density(x.view())[0], f64::NEG_INFINITY, "{x}");
            assert_eq!(member.energy(x.view())[0], f64::INFINITY, "{x}");
        }
        let nan = column(&[f64::NAN]);
        assert!(member.log_density(nan.view())[0].is_nan() && member.energy(nan.view())[0].is_nan());
    }
    fn both<F: ExponentialFamily>(member: F, outside: &[f64]) {
        holds(&member, outside);
        holds(&Natural::new(member), outside);
    }
    let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
    both(Exponential::new(2.0).unwrap(), &[-1e-300, -1.0, down]);
    both(Gamma::new(2.0, 1.0).unwrap(), &[-1e-300, -1.0, down]);
    both(Beta::new(2.0, 3.0).unwrap(), &[-1e-300, 1.0 + 1e-15, up, down]);
    both(
        VonMises::new(2.0, 3.0).unwrap(),
        &[std::f64::consts::PI.next_up(), -3.2, 1e10, up, down],
    );
    both(Poisson::new(2.0).unwrap(), &[-1.0, 0.5, up, down]);
    both(Binomial::new(5, 0.5).unwrap(), &[-1.0, 0.5, 6.0, up, down]);
    both(Bernoulli::new(0.5).unwrap(), &[-1.0, 0.5, 2.0, up, down]);
    both(
        Categorical::new(array![0.5, 0.5]).unwrap(),
        &[-1.0, 0.5, 2.0, up, down],
    );
    holds(&Normal::standard(), &[up, down]);
    holds(&Gamma::new(2.0, 1.0).unwrap(), &[0.0, up]);
    holds(&Exponential::new(2.0).unwrap(), &[up]);

    // A density has its limits at the ends of its support.
    let at = |shape: f64| Gamma::new(shape, 3.0).unwrap().log_density(array![[0.0]].view())[0];
    assert!((at(1.0) - 3.0_f64.ln()).abs() < 1e-15 && at(0.5) == up);
    let at = |alpha: f64, beta: f64| {
        Beta::new(alpha, beta)
            .unwrap()
            .log_density(array![[0.0], [1.0]].view())
    };
    assert!(at(1.0, 1.0).iter().all(|l| l.abs() < 1e-15));
    assert_eq!(at(0.5, 2.0), array![up, down]);

    // A score exists inside only.
    let outside = array![[-0.5], [f64::NAN]];
    assert!(
        Gamma::new(2.0, 1.0)
            .unwrap()
            .score(outside.view())
            .iter()
            .all(|s| s.is_nan())
    );
    assert!(
        Beta::new(2.0, 1.0)
            .unwrap()
            .score(outside.view())
            .iter()
            .all(|s| s.is_nan())
    );
    assert!(
        Exponential::new(2.0)
            .unwrap()
            .score(outside.view())
            .iter()
            .all(|s| s.is_nan())
    );
}

#[test]
fn no_concentration_is_the_uniform_distribution_of_the_circle() {
    let uniform = VonMises::new(0.3, 0.0).unwrap();
    let x = column(&[-2.0, 0.3, 3.1]);
    let log_p = -std::f64::consts::TAU.ln();
    assert_eq!(uniform.log_density(x.view()), array![log_p, log_p, log_p]);
    assert!(uniform.score(x.view()).iter().all(|s| *s == 0.0));
    assert_eq!(uniform.mean_parameters(), array![0.0, 0.0]);
    assert_eq!(uniform.entropy(), -log_p);
    assert!(
        (uniform.fisher_information() - 0.5 * Array2::<f64>::eye(2))
            .iter()
            .all(|i| i.abs() < 1e-16)
    );
    for member in [
        uniform.with_natural(array![0.0, 0.0].view()),
        uniform.with_mean(array![0.0, 0.0].view()),
    ] {
        assert_eq!(member.unwrap().concentration(), 0.0);
    }
    // Four points that balance.
    let turn = std::f64::consts::FRAC_PI_2;
    let fitted = uniform
        .fit(column(&[-turn, 0.0, turn, 2.0 * turn]).view())
        .unwrap();
    assert!(fitted.concentration() < 1e-15, "{fitted:?}");
}

#[test]
fn the_ends_of_the_circle_are_one_point() {
    use std::f64::consts::PI;
    for concentration in [0.0, 0.7, 40.0, 1e9] {
        let density = VonMises::new(3.0, concentration).unwrap();
        let ends = column(&[PI, -PI]);
        let (log_p, score) = (density.log_density(ends.view()), density.score(ends.view()));
        // The doubles nearest to ±π are 2.4e-16 apart around the circle.
        let seam = 2.5e-16;
        let bound = seam * score[[0, 0]].abs() + 4.0 * f64::EPSILON * log_p[0].abs();
        assert!((log_p[0] - log_p[1]).abs() <= bound, "{concentration}: {log_p}");
        let bound = seam * concentration + 4.0 * f64::EPSILON * score[[0, 0]].abs();
        assert!(
            (score[[0, 0]] - score[[1, 0]]).abs() <= bound,
            "{concentration}: {score}"
        );
    }
    // A turn is subtracted with more digits than 2π has as a double.
    assert_eq!(VonMises::wrap(1.0), 1.0);
    assert_eq!(VonMises::wrap(1e6), -0.357564167085735);
    assert!(VonMises::wrap(f64::NAN).is_nan() && VonMises::wrap(f64::INFINITY).is_nan());
}

#[test]
fn rows_outside_the_support_add_nothing_to_a_gradient() {
    use gibbsian_core::EnergyPullback;
    let model = Natural::new(Gamma::new(2.0, 1.0).unwrap());
    let mut gradient = ndarray::Array1::zeros(2);
    model.energy_pullback_into(
        array![[-1.0], [2.0]].view(),
        array![1.0, 0.5].view(),
        gradient.view_mut(),
    );
    assert_eq!(gradient, array![-0.5 * 2.0_f64.ln(), -1.0]);
}

#[test]
fn estimates_from_concentrated_data_keep_their_digits() {
    // Spread is 10⁻⁸ of the mean, where the mean statistics alone have lost the spread.
    let z = column(&[-1.5, -0.5, 0.25, 0.75, 1.0]);
    let variance = z.mapv(|z| z * z).mean_axis(Axis(0)).unwrap()[0];
    let x = z.mapv(|z| 1e8 + z);
    let fitted = Normal::standard().fit(x.view()).unwrap();
    assert_eq!(fitted.mean(), 1e8);
    assert!((fitted.variance() / variance - 1.0).abs() < 1e-14);

    // A gamma of that spread is a normal: its shape is (mean/deviation)² up to a relative 10⁻⁸.
    let fitted = Gamma::new(1.0, 1.0).unwrap().fit(x.view()).unwrap();
    assert!(
        (fitted.shape() / (1e16 / variance) - 1.0).abs() < 1e-7,
        "{}",
        fitted.shape()
    );

    // A von Mises of that spread too: around ±π, its concentration is one over the variance up to 10⁻¹⁶.
    let angles = z.mapv(|z| VonMises::wrap(std::f64::consts::PI + 1e-8 * z));
    let fitted = VonMises::new(0.0, 0.0).unwrap().fit(angles.view()).unwrap();
    let spread = angles.mapv(|x| {
        if x > 0.0 {
            x - std::f64::consts::PI
        } else {
            x + std::f64::consts::PI
        }
    });
    let centre = spread.mean().unwrap();
    let variance = spread.mapv(|x| (x - centre) * (x - centre)).mean().unwrap();
    assert!(
        (fitted.concentration() * variance - 1.0).abs() < 1e-7,
        "{fitted:?}"
    );
    assert!(
        VonMises::wrap(fitted.direction() - std::f64::consts::PI - centre).abs() < 4e-16,
        "{fitted:?}"
    );
}

#[test]
fn bad_parameters_are_refused_by_name() {
    fn refused<T>(found: gibbsian_core::Result<T>, message: &str) {
        let said = found.err().expect(message).to_string();
        // What helps may follow the requirement.
        let rest = said.strip_prefix(message);
        assert!(
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("; ")),
            "{said}"
        );
    }
    let nan = f64::NAN;
    refused(Normal::new(nan, 1.0), "`mean` is NaN, but must be finite");
    refused(
        Normal::new(0.0, 0.0),
        "`deviation` is 0, but must be finite and greater than zero",
    );
    refused(
        Exponential::new(-1.0),
        "`rate` is -1, but must be finite and greater than zero",
    );
    refused(
        Gamma::new(0.0, 1.0),
        "`shape` is 0, but must be finite and greater than zero",
    );
    refused(
        Gamma::new(1.0, f64::INFINITY),
        "`rate` is inf, but must be finite and greater than zero",
    );
    refused(
        Beta::new(1.0, nan),
        "`beta` is NaN, but must be finite and greater than zero",
    );
    refused(
        VonMises::new(3.2, 1.0),
        "`direction` is 3.2, but must be in [-3.141592653589793, 3.141592653589793]",
    );
    for bad in [-1.0, nan, f64::INFINITY] {
        let message = format!("`concentration` is {bad}, but must be at least zero and at most 1e300");
        refused(VonMises::new(0.0, bad), &message);
    }
    refused(
        Poisson::new(0.0),
        "`rate` is 0, but must be finite and greater than zero",
    );
    refused(Binomial::new(0, 0.5), "`trials` is 0, but must be at least 1");
    refused(Binomial::new(3, 1.0), "`probability` is 1, but must be in (0, 1)");
    refused(
        Bernoulli::new(0.0),
        "`probability` is 0, but must be in (0, 1); give log-odds to from_logit",
    );
    refused(Bernoulli::from_logit(nan), "`logit` is NaN, but must be finite");
    refused(
        Categorical::new(array![0.5, 0.25]),
        "`the sum of probabilities` is 0.75, but must be one; divide the probabilities by their sum, or give logits to from_logits",
    );
    refused(
        Categorical::new(array![1.0, 0.0]),
        "`probabilities[1]` is 0, but must be in (0, 1]",
    );
    refused(
        Categorical::from_logits(array![0.0, nan]),
        "`logits[1]` is NaN, but must be finite",
    );
    refused(
        Categorical::new(array![]),
        "`probabilities` has shape [0], but must have shape [at least 1]",
    );

    // No member is likeliest for data without spread, or for a trial that always succeeds.
    let same = array![[2.0], [2.0]];
    refused(
        Normal::standard().fit(same.view()),
        "`the variance of x` is 0, but must be finite and greater than zero",
    );
    refused(
        Gamma::new(1.0, 1.0).unwrap().fit(same.view()),
        "`log E x - E log x` is 0, but must be finite and greater than zero",
    );
    refused(
        VonMises::new(0.0, 1.0).unwrap().fit(same.view()),
        "`the circular variance of x` is 0, but must be finite and greater than zero",
    );
    refused(
        VonMises::new(0.0, 1.0)
            .unwrap()
            .with_mean(array![0.6, -0.8].view()),
        "`the length of mean` is 1, but must be less than one",
    );
    refused(
        VonMises::new(0.0, 1.0).unwrap().fit(array![[0.5], [4.0]].view()),
        "`x[1]` is [4], but must be a point of the support",
    );
    refused(
        Bernoulli::new(0.5).unwrap().fit(array![[1.0], [1.0]].view()),
        "`mean[0]` is 1, but must be in (0, 1)",
    );
    refused(
        Poisson::new(1.0).unwrap().fit(array![[0.0]].view()),
        "`mean[0]` is 0, but must be between 1e-300 and 1e300",
    );
    refused(
        Normal::standard().with_natural(array![0.0, 0.5].view()),
        "`natural[1]` is 0.5, but must be less than zero",
    );
}
