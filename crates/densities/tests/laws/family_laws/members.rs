//! Every trait of every member at ordinary points.

use gibbsian_core::{ContinuousFamily, Density, ExponentialFamily, Potential, ScoreJvp, Seed, Space};
use gibbsian_densities::*;
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, ArrayView2, array};

use crate::family_laws::column;

const DOUBLE: Precision = Precision::DOUBLE;

/// What the traits of any member promise, at the probes `x` `(B, D)`.
fn member_at<F: ExponentialFamily + Clone>(member: &F, x: ArrayView2<f64>, seed: &str) -> Verdict {
    let seed = Seed::new(17).child(seed);
    conformance::energy(member, x, DOUBLE)?;
    conformance::exponential_family(member, x, DOUBLE, seed)?;
    let mut model = Natural::new(member.clone());
    conformance::energy(&model, x, DOUBLE)?;
    conformance::parametric(&mut model)?;
    conformance::energy_pullback(&mut model, x, DOUBLE)
}

/// What the traits of a member with a score promise beyond that; `near` has steps that stay inside its support.
fn continuous_at<F>(member: &F, x: ArrayView2<f64>, near: Precision, seed: &str) -> Verdict
where
    F: ContinuousFamily + Potential + ScoreJvp + Clone,
{
    member_at(member, x, seed)?;
    conformance::score(member, x, DOUBLE)?;
    conformance::potential(member, x, near)?;
    conformance::score_jvp(member, x, near)?;
    conformance::continuous_family(member, x, near)?;
    let mut model = Natural::new(member.clone());
    conformance::potential(&model, x, near)?;
    conformance::score_jvp(&model, x, near)?;
    conformance::score_pullback(&mut model, x, near)
}

fn member<F: ExponentialFamily + Clone>(member: &F, points: &[f64], seed: &str) -> Verdict {
    member_at(member, column(points).view(), seed)
}

/// A continuous member on one number; `width` is a third of its deviation if it vanishes at the ends of its support. Others leave the normal
/// probes of `conformance::density` half outside, and have the goodness of fit of their draws.
fn continuous<F>(member: &F, points: &[f64], width: Option<f64>, seed: &str) -> Verdict
where
    F: ContinuousFamily + Potential + ScoreJvp + Clone,
{
    continuous_at(member, column(points).view(), DOUBLE, seed)?;
    let seed = Seed::new(18).child(seed);
    if let Some(width) = width {
        conformance::density(member, width, DOUBLE, seed)?;
        conformance::density(&Natural::new(member.clone()), width, DOUBLE, seed)?;
    }
    Ok(())
}

#[test]
fn normal() {
    for (mean, deviation) in [(0.0, 1.0), (1.5, 0.5), (-2.0, 1.3)] {
        let normal = Normal::new(mean, deviation).unwrap();
        continuous(&normal, &[-3.1, -0.4, 0.7, 2.3], Some(0.4 * deviation), "normal").unwrap();
    }
}

#[test]
fn exponential() {
    for rate in [0.5, 1.0, 4.0] {
        let exponential = Exponential::new(rate).unwrap();
        continuous(&exponential, &[0.2, 0.7, 1.1, 2.3], None, "exponential").unwrap();
    }
}

#[test]
fn gamma() {
    for (shape, rate) in [(0.6, 1.5), (1.0, 1.0), (2.5, 0.5), (30.0, 12.0)] {
        let gamma = Gamma::new(shape, rate).unwrap();
        let width = (shape > 2.0).then_some(0.3 * gamma.variance().sqrt());
        continuous(&gamma, &[0.4, 0.9, 1.7, 2.8], width, "gamma").unwrap();
    }
}

#[test]
fn beta() {
    for (alpha, beta) in [(0.7, 0.8), (1.0, 1.0), (2.5, 1.5), (20.0, 30.0)] {
        let density = Beta::new(alpha, beta).unwrap();
        let width = (alpha > 5.0).then_some(0.3 * density.variance().sqrt());
        continuous(&density, &[0.23, 0.41, 0.57, 0.78], width, "beta").unwrap();
    }
}

#[test]
fn von_mises() {
    for (direction, concentration) in [(0.3, 0.01), (-2.0, 0.4), (1.0, 2.5), (-0.6, 30.0), (3.0, 30.0)] {
        let density = VonMises::new(direction, concentration).unwrap();
        // Concentrated away from the seam, it vanishes at the ends of the support.
        let width = (concentration > 10.0 && direction.abs() < 1.0).then_some(0.07);
        continuous(&density, &[-2.1, -0.4, 0.7, 2.3], width, "von Mises").unwrap();
    }
}

#[test]
fn poisson() {
    for rate in [0.4, 3.0, 25.0] {
        member(
            &Poisson::new(rate).unwrap(),
            &[0.0, 1.0, 2.0, 5.0, 31.0],
            "poisson",
        )
        .unwrap();
    }
}

#[test]
fn binomial() {
    for (trials, probability) in [(1, 0.3), (5, 0.8), (40, 0.4)] {
        let binomial = Binomial::new(trials, probability).unwrap();
        member(&binomial, &[0.0, 1.0, 0.0, 1.0], "binomial").unwrap();
        conformance::discrete_energy(&binomial, column(&[0.0, 1.0]).view(), DOUBLE).unwrap();
        conformance::discrete_energy(&Natural::new(binomial), column(&[0.0, 1.0]).view(), DOUBLE).unwrap();
    }
}

#[test]
fn bernoulli() {
    for probability in [0.2, 0.5, 0.9] {
        let bernoulli = Bernoulli::new(probability).unwrap();
        member(&bernoulli, &[0.0, 1.0, 1.0], "bernoulli").unwrap();
        conformance::discrete_energy(&bernoulli, column(&[0.0, 1.0]).view(), DOUBLE).unwrap();
    }
}

#[test]
fn categorical() {
    for probabilities in [
        array![0.2, 0.8],
        array![0.5, 0.2, 0.3],
        array![0.1, 0.2, 0.3, 0.05, 0.35],
    ] {
        let categorical = Categorical::new(probabilities).unwrap();
        member(&categorical, &[0.0, 1.0, 1.0], "categorical").unwrap();
        conformance::discrete_energy(&categorical, column(&[0.0, 1.0]).view(), DOUBLE).unwrap();
    }
}

#[test]
fn dirichlet() {
    for concentrations in [
        array![0.7, 1.8],
        array![1.0, 1.0, 1.0],
        array![2.5, 0.6, 4.0],
        array![30.0, 12.0, 7.0, 55.0],
    ] {
        let dirichlet = Dirichlet::new(concentrations).unwrap();
        let x = dirichlet.sample(4, &mut Seed::new(2).rng());
        member_at(&dirichlet, x.view(), "dirichlet").unwrap();
        conformance::score(&dirichlet, x.view(), DOUBLE).unwrap();
    }
}

#[test]
fn wishart() {
    let two = array![[2.0, 0.6], [0.6, 1.0]];
    let three = array![[1.5, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.8]];
    for (degrees, scale) in [(3.5, array![[1.3]]), (1.8, two.clone()), (9.0, two), (6.0, three)] {
        let wishart = Wishart::new(degrees, scale).unwrap();
        // Matrices far from singular, for differences to stay among the positive definite ones.
        let x = Array2::from_shape_fn((4, wishart.dim()), |(b, d)| {
            let is_diagonal = (0..wishart.order()).any(|i| i * (i + 3) / 2 == d);
            if is_diagonal {
                2.0 + 0.3 * b as f64
            } else {
                0.4 * (b as f64 - 1.3) + 0.1 * d as f64
            }
        });
        continuous_at(&wishart, x.view(), DOUBLE.with_step(0.03), "wishart").unwrap();
        if wishart.order() == 2 && degrees > 5.0 {
            conformance::density(&wishart, 1.0, DOUBLE, Seed::new(18).child("wishart")).unwrap();
        }
    }
}

#[test]
fn multivariate_normal() {
    for (mean, matrix) in [
        (array![0.4], array![[1.7]]),
        (array![0.5, -1.0], array![[2.0, 0.5], [0.5, 1.0]]),
        (
            array![0.2, 1.0, -0.6],
            array![[1.5, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.8]],
        ),
    ] {
        let by_covariance = MultivariateNormal::from_covariance(mean.clone(), matrix.clone()).unwrap();
        let by_precision = MultivariateNormal::from_precision(mean, matrix).unwrap();
        for normal in [by_covariance, by_precision] {
            let x = Array2::from_shape_fn((3, normal.dim()), |(b, i)| ((7 * b + 3 * i) as f64).sin() + 0.1);
            continuous_at(&normal, x.view(), DOUBLE, "multivariate normal").unwrap();
            conformance::density(&normal, 0.3, DOUBLE, Seed::new(18).child("multivariate")).unwrap();
        }
    }
}

#[test]
fn discrete_members_have_mass_one_and_their_moments() {
    fn holds<F: ExponentialFamily>(member: &F, last: usize, mean: f64, variance: f64) {
        let x = Array2::from_shape_fn((last + 1, 1), |(k, _)| k as f64);
        let p = member.log_density(x.view()).exp();
        let moment = |f: &dyn Fn(f64) -> f64| x.column(0).mapv(f).dot(&p);
        assert!((p.sum() - 1.0).abs() < 1e-13, "mass {}", p.sum());
        assert!((moment(&|k| k) / mean - 1.0).abs() < 1e-12);
        assert!((moment(&|k| (k - mean) * (k - mean)) / variance - 1.0).abs() < 1e-12);
        let entropy = -member
            .log_density(x.view())
            .iter()
            .zip(&p)
            .map(|(l, p)| if *p > 0.0 { l * p } else { 0.0 })
            .sum::<f64>();
        assert!(
            (member.entropy() / entropy - 1.0).abs() < 1e-12,
            "{} {entropy}",
            member.entropy()
        );
    }
    for rate in [1e-3, 0.4, 3.0, 25.0, 300.0] {
        let m = Poisson::new(rate).unwrap();
        holds(&m, 1000, m.mean(), m.variance());
    }
    for (n, p) in [(1, 0.3), (5, 0.8), (40, 0.4), (900, 0.01), (900, 0.5)] {
        let m = Binomial::new(n, p).unwrap();
        holds(&m, n as usize, m.mean(), m.variance());
    }
    let m = Bernoulli::new(0.2).unwrap();
    holds(&m, 1, m.mean(), m.variance());
}
