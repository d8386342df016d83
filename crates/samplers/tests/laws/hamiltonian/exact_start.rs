//! Chains that start from exact draws still are exact draws after some steps.

use gibbsian_core::special::normal_cdf;
use gibbsian_core::{Density, Kernel, Potential, Seed};
use gibbsian_samplers::{Hmc, Jitter, Metric, Nuts};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov, mean};
use ndarray::{Array2, ArrayView1, array};

use crate::hamiltonian::targets::{Logistic, Walled, correlated, inside, two_modes};

/// The points of so many chains after some steps from exact draws.
fn after<T: Density + Potential, K: Kernel<T>>(
    kernel: &K,
    target: &T,
    n: usize,
    n_steps: usize,
) -> Array2<f64> {
    let seed = Seed::new(2011);
    walk(
        kernel,
        target,
        target.sample(n, &mut seed.child("start").rng()),
        n_steps,
    )
}

fn walk<T: Potential, K: Kernel<T>>(kernel: &K, target: &T, x: Array2<f64>, n_steps: usize) -> Array2<f64> {
    let mut state = kernel.init(target, x).unwrap();
    let mut rng = Seed::new(2011).child("steps").rng();
    for _ in 0..n_steps {
        kernel.step(target, &mut state, &mut rng);
    }
    kernel.positions(&state).into_owned()
}

fn ks(name: &str, x: ArrayView1<f64>, cdf: impl Fn(f64) -> f64) -> Test {
    kolmogorov_smirnov(name, &x.to_vec(), cdf)
}

/// Marginals and a slanted coordinate of a normal law in two dimensions, and its energy.
fn normal_laws<K: Kernel<gibbsian_testkit::targets::Gaussian>>(name: &str, kernel: &K) -> Vec<Test> {
    let target = correlated();
    let x = after(kernel, &target, 1 << 15, 4);
    let (mean, covariance) = (target.mean().to_owned(), target.covariance());
    let along = |direction: [f64; 2]| {
        let direction = array![direction[0], direction[1]];
        let deviation = direction.dot(&covariance.dot(&direction)).sqrt();
        let centre = direction.dot(&mean);
        ks(name, x.dot(&direction).view(), |v| {
            normal_cdf((v - centre) / deviation)
        })
    };
    let energy = gibbsian_core::Energy::energy(&target, x.view());
    vec![
        along([1.0, 0.0]),
        along([0.0, 1.0]),
        along([1.0, 1.5]),
        // Twice the energy is chi-square on two degrees of freedom.
        ks(name, energy.view(), |e| 1.0 - (-e).exp()),
    ]
}

#[test]
fn a_normal_law_is_left_invariant() {
    let dense = Metric::dense(array![[2.0, -0.7], [-0.7, 0.4]].view()).unwrap();
    let diagonal = Metric::diagonal(array![1.5, 0.4]).unwrap();
    let hmc = Hmc::new(0.35, 5).unwrap();
    let nuts = Nuts::new(0.35).unwrap();
    let tests = [
        normal_laws("HMC", &hmc),
        normal_laws(
            "HMC, random number of steps",
            &hmc.clone().with_jitter(Jitter::NumberOfSteps).unwrap(),
        ),
        normal_laws(
            "HMC, random step sizes, diagonal metric",
            &hmc.clone()
                .with_metric(diagonal.clone())
                .with_jitter(Jitter::StepSize { fraction: 0.5 })
                .unwrap(),
        ),
        normal_laws("HMC, dense metric", &hmc.with_metric(dense.clone())),
        normal_laws("NUTS", &nuts),
        normal_laws("NUTS, diagonal metric", &nuts.clone().with_metric(diagonal)),
        normal_laws(
            "NUTS, dense metric, long steps",
            &Nuts::new(1.1).unwrap().with_metric(dense),
        ),
        normal_laws("NUTS, cut off", &nuts.with_max_depth(2).unwrap()),
    ];
    family(&tests.concat(), FALSE_ALARM).unwrap();
}

#[test]
fn a_mixture_is_left_invariant() {
    let target = two_modes();
    let cdf = |x: f64, means: [f64; 2]| {
        0.3 * normal_cdf((x - means[0]) / 0.6) + 0.7 * normal_cdf((x - means[1]) / 0.8)
    };
    let mut tests = Vec::new();
    for x in [
        after(&Nuts::new(0.4).unwrap(), &target, 1 << 17, 3),
        after(&Hmc::new(0.5, 3).unwrap(), &target, 1 << 17, 3),
    ] {
        tests.push(ks("first", x.column(0), |v| cdf(v, [-1.3, 1.1])));
        tests.push(ks("second", x.column(1), |v| cdf(v, [0.0, 0.8])));
        tests.push(mean(
            "their product",
            &(&x.column(0) * &x.column(1)).to_vec(),
            0.7 * 1.1 * 0.8,
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn a_million_draws_of_a_law_with_heavy_tails() {
    // Long steps, so that energies err a lot and weights matter.
    let x = after(&Nuts::new(1.6).unwrap(), &Logistic, 1 << 20, 3);
    ks("NUTS", x.column(0), Logistic::cdf).assert(FALSE_ALARM / 2.0);
    let x = after(&Hmc::new(1.6, 2).unwrap(), &Logistic, 1 << 20, 3);
    ks("HMC", x.column(0), Logistic::cdf).assert(FALSE_ALARM / 2.0);
}

#[test]
fn what_lies_behind_a_wall_is_refused_and_the_rest_keeps_its_law() {
    let wall = 1.2;
    let target = Walled {
        wall,
        energy: f64::INFINITY,
        score: f64::NAN,
    };
    let mass = normal_cdf(wall) - normal_cdf(-wall);
    let cdf = |x: f64| (normal_cdf(x) - normal_cdf(-wall)) / mass;
    let start = inside(wall, 1 << 17, Seed::new(12));
    let tests = [
        ks(
            "NUTS",
            walk(&Nuts::new(0.7).unwrap(), &target, start.clone(), 3).column(0),
            cdf,
        ),
        ks(
            "HMC",
            walk(&Hmc::new(0.5, 3).unwrap(), &target, start, 3).column(0),
            cdf,
        ),
    ];
    family(&tests, FALSE_ALARM).unwrap();
}
