//! Draws of the members of the exponential family: goodness of fit over the range of their parameters, and pinned values.

use gibbsian_core::{Density, Seed};
use gibbsian_densities::*;
use gibbsian_testkit::stats::special::{beta_i, gamma_p_q};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, binomial, chi_square, family, kolmogorov_smirnov, mean};
use ndarray::{Array2, array};

const N_DRAWS: usize = 200_000;

fn draws<M: Density>(member: &M, seed: &str) -> Vec<f64> {
    member
        .sample(N_DRAWS, &mut Seed::new(3).child(seed).rng())
        .into_flat()
        .to_vec()
}

/// Whether the counts of draws in `0..=last` and above are those of the log-density.
fn counts<M: Density>(name: &str, member: &M, first: u64, last: u64) -> Test {
    let x = Array2::from_shape_fn(((last - first + 1) as usize, 1), |(k, _)| {
        (first + k as u64) as f64
    });
    let mut probabilities = member.log_density(x.view()).exp().to_vec();
    probabilities.push((1.0 - probabilities.iter().sum::<f64>()).max(0.0));
    let mut observed = vec![0; probabilities.len()];
    for x in draws(member, name) {
        let inside = x >= first as f64 && x <= last as f64;
        let cell = if inside {
            x as usize - first as usize
        } else {
            observed.len() - 1
        };
        observed[cell] += 1;
    }
    chi_square(name, &observed, &probabilities)
}

#[test]
fn normal_and_exponential_draws() {
    let normal = Normal::new(2.0, 3.0).unwrap();
    let exponential = Exponential::new(0.2).unwrap();
    let tests = [
        kolmogorov_smirnov("normal", &draws(&normal, "normal"), |x| normal.cdf(x)),
        kolmogorov_smirnov("exponential", &draws(&exponential, "exponential"), |x| {
            exponential.cdf(x)
        }),
    ];
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn gamma_draws() {
    let tests: Vec<Test> = [0.001, 0.02, 0.3, 0.999, 1.0, 1.001, 2.7, 40.0, 1e4]
        .map(|shape| {
            let name = format!("gamma of shape {shape}");
            let sample = draws(&Gamma::new(shape, 2.0).unwrap(), &name);
            // Draws below the smallest normal double stand there, and its distribution function is not zero.
            let least = gamma_p_q(shape, 2.0 * f64::MIN_POSITIVE).0;
            let cdf = |x: f64| gamma_p_q(shape, 2.0 * x).0;
            let above: Vec<f64> = sample
                .iter()
                .copied()
                .filter(|x| *x > f64::MIN_POSITIVE)
                .collect();
            let below = (sample.len() - above.len()) as u64;
            [
                kolmogorov_smirnov(&name, &above, |x| (cdf(x) - least) / (1.0 - least)),
                binomial(&name, below, N_DRAWS as u64, least),
            ]
        })
        .concat();
    family(&tests, FALSE_ALARM).unwrap();
}

/// A small shape makes draws of rate 1 underflow, which a small rate brings back.
#[test]
fn gamma_draws_of_a_small_shape_and_a_small_rate() {
    let (shape, rate) = (0.001, 1e-300);
    let sample = draws(&Gamma::new(shape, rate).unwrap(), "small");
    // Far below the mean the distribution function is a power.
    let anchor = 1e-290_f64;
    let cdf = |x: f64| gamma_p_q(shape, anchor).0 * (shape * (rate.ln() + x.ln() - anchor.ln())).exp();
    let tests = [f64::MIN_POSITIVE, 1e-200, 1e-100, 1.0, 1e100, 1e200, 1e280].map(|x| {
        let below = sample.iter().filter(|s| **s <= x).count() as u64;
        binomial(&format!("below {x:e}"), below, N_DRAWS as u64, cdf(x))
    });
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn beta_draws() {
    let shapes = [
        (0.5, 0.5),
        (0.1, 0.1),
        (0.02, 3.0),
        (1.0, 1.0),
        (0.9, 1.1),
        (2.5, 7.0),
        (1.0, 30.0),
        (300.0, 200.0),
        (1e4, 0.3),
    ];
    let mut tests: Vec<Test> = shapes
        .iter()
        .flat_map(|&(alpha, beta)| {
            let name = format!("beta of shapes {alpha}, {beta}");
            let sample = draws(&Beta::new(alpha, beta).unwrap(), &name);
            // Near 1 doubles are so far apart that draws coincide.
            let last = 1.0 - 1e-8;
            let inside: Vec<f64> = sample.into_iter().filter(|x| *x < last).collect();
            let mass = beta_i(alpha, beta, last).0;
            [
                kolmogorov_smirnov(&name, &inside, |x| beta_i(alpha, beta, x).0 / mass),
                binomial(&name, inside.len() as u64, N_DRAWS as u64, mass),
            ]
        })
        .collect();
    // Shapes so small that most draws are within rounding of 0 or of 1: what can be seen is the side and the law far from both.
    let sample = draws(&Beta::new(1e-3, 2e-3).unwrap(), "tiny");
    for x in [1e-300, 1e-100, 1e-10, 0.5, 1.0 - 1e-10] {
        let below = sample.iter().filter(|s| **s <= x).count() as u64;
        tests.push(binomial("tiny", below, N_DRAWS as u64, beta_i(1e-3, 2e-3, x).0));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn von_mises_draws() {
    use gibbsian_densities::quadrature::{Interval, QuadratureOptions, integrate_line};
    use std::f64::consts::PI;
    let tests: Vec<Test> = [
        (0.0, 0.0),
        (-1.0, 1e-6),
        (3.0, 0.3),
        (1.0, 0.499),
        (1.0, 0.501),
        (-PI, 2.0),
        (2.0, 60.0),
        (0.5, 1e10),
        (0.0, 1e20),
    ]
    .map(|(direction, concentration): (f64, f64)| {
        let name = format!("von Mises {direction}, {concentration:e}");
        let member = VonMises::new(direction, concentration).unwrap();
        // Cells of distance from the direction, as far as there is any mass.
        let reach = (9.0 / concentration.sqrt()).min(PI);
        const N_CELLS: usize = 60;
        let edge = |k: usize| reach * (2.0 * k as f64 / N_CELLS as f64 - 1.0);
        let around = VonMises::new(0.0, concentration).unwrap();
        let mut probabilities: Vec<f64> = (0..N_CELLS)
            .map(|k| {
                let over = Interval::closed(edge(k), edge(k + 1)).unwrap();
                let p = |x: f64| around.log_density_at(x).exp();
                integrate_line(p, over, QuadratureOptions::default())
                    .unwrap()
                    .value
            })
            .collect();
        probabilities.push((1.0 - probabilities.iter().sum::<f64>()).max(0.0));
        let mut observed = vec![0; N_CELLS + 1];
        for x in draws(&member, &name) {
            assert!(x.abs() <= PI);
            let cell = (VonMises::wrap(x - direction) / reach + 1.0) * (N_CELLS / 2) as f64;
            observed[if (0.0..N_CELLS as f64).contains(&cell) {
                cell as usize
            } else {
                N_CELLS
            }] += 1;
        }
        if reach == PI {
            // The end of the last cell is the beginning of the first.
            observed[N_CELLS - 1] += std::mem::take(&mut observed[N_CELLS]);
        }
        chi_square(&name, &observed, &probabilities)
    })
    .to_vec();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn poisson_draws_of_rates_that_integers_cannot_count() {
    let rate = 1e20;
    let z: Vec<f64> = draws(&Poisson::new(rate).unwrap(), "huge")
        .iter()
        .map(|k| (k - rate) / rate.sqrt())
        .collect();
    let squares: Vec<f64> = z.iter().map(|z| z * z).collect();
    family(
        &[mean("deviation", &z, 0.0), mean("square", &squares, 1.0)],
        FALSE_ALARM,
    )
    .unwrap();
}

#[test]
fn poisson_draws() {
    let tests: Vec<Test> = [0.01, 0.7, 5.0, 11.9, 12.1, 40.0, 400.0, 1e4]
        .map(|rate: f64| {
            let spread = 8.0 * rate.sqrt() + 10.0;
            counts(
                &format!("poisson {rate}"),
                &Poisson::new(rate).unwrap(),
                (rate - spread).max(0.0) as u64,
                (rate + spread) as u64,
            )
        })
        .to_vec();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn binomial_draws() {
    let tests: Vec<Test> = [
        (1, 0.3),
        (12, 0.9),
        (30, 0.2),
        (100, 0.4),
        (100, 0.97),
        (5000, 0.001),
        (100_000, 0.3),
        (1 << 40, 1e-9),
        (100_000_000, 0.5),
    ]
    .map(|(trials, probability)| {
        let member = Binomial::new(trials, probability).unwrap();
        let (mean, spread) = (member.mean(), 8.0 * member.variance().sqrt() + 10.0);
        let last = (mean + spread).min(trials as f64) as u64;
        counts(
            &format!("binomial {trials}, {probability}"),
            &member,
            (mean - spread).max(0.0) as u64,
            last,
        )
    })
    .to_vec();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn draws_from_few_outcomes() {
    let tests = [
        counts("bernoulli", &Bernoulli::new(0.3).unwrap(), 0, 1),
        counts("rare", &Bernoulli::from_logit(-7.0).unwrap(), 0, 1),
        counts(
            "categorical",
            &Categorical::new(array![0.1, 0.2, 0.6, 0.1]).unwrap(),
            0,
            3,
        ),
        counts("binomial as trials", &Binomial::new(4, 0.3).unwrap(), 0, 4),
    ];
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn draws_are_pinned() {
    fn three<M: Density>(member: M) -> Vec<f64> {
        member.sample(3, &mut Seed::new(1).rng()).into_flat().to_vec()
    }
    // Golden values: a change here changes every seeded result and belongs into the changelog.
    assert_eq!(
        three(Normal::new(1.0, 2.0).unwrap()),
        [2.9950364217546412, 5.95528601566699, -0.9122635018141096]
    );
    assert_eq!(
        three(Exponential::new(2.0).unwrap()),
        [0.737801157578974, 3.551784221523228, 0.03913936099835467]
    );
    assert_eq!(
        three(Gamma::new(2.5, 2.0).unwrap()),
        [1.99581470747695, 0.5210073463001923, 1.4051815394504519]
    );
    assert_eq!(
        three(Gamma::new(0.5, 2.0).unwrap()),
        [1.1158078389587323, 0.9412247066199094, 0.1163506311455161]
    );
    assert_eq!(
        three(Beta::new(0.5, 2.0).unwrap()),
        [0.3787243059314165, 0.081416019437605, 0.09834192084194437]
    );
    assert_eq!(
        three(VonMises::new(3.0, 0.4).unwrap()),
        [-1.7037877821533738, 0.5509390607097164, -2.709787800895139]
    );
    assert_eq!(
        three(VonMises::new(3.0, 40.0).unwrap()),
        [-3.0541567144356963, 3.067213021279749, 3.0114543004233347]
    );
    assert_eq!(three(Poisson::new(3.0).unwrap()), [3.0, 3.0, 8.0]);
    assert_eq!(three(Poisson::new(300.0).unwrap()), [317.0, 342.0, 283.0]);
    assert_eq!(three(Binomial::new(10, 0.4).unwrap()), [5.0, 5.0, 2.0]);
    assert_eq!(three(Binomial::new(1000, 0.4).unwrap()), [375.0, 424.0, 411.0]);
    assert_eq!(three(Bernoulli::new(0.5).unwrap()), [0.0, 0.0, 1.0]);
    assert_eq!(
        three(Categorical::new(array![0.3, 0.3, 0.4]).unwrap()),
        [2.0, 2.0, 0.0]
    );
}
