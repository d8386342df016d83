//! Guidance by classifiers, and without them.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
use gibbsian_core::special::normal_cdf;
use gibbsian_core::{Seed, Space, TimeEnergy, TimeScore};
use gibbsian_sde::{
    ClassifierFreeGuidance, ClassifierGuidance, FixedSteps, FreshNoise, LinearObservation, ReverseSde, Sra1,
    TimeGrid,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, array};

use super::{difference, probes, process, score_at, times, two_modes};
use crate::common::normals::Normals;

/// The exact classifier of a mixture's components: `∇ log r_k = Σ_j r_j (s_k − s_j)`, from their densities alone.
struct Class {
    prior: Normals<OrnsteinUhlenbeck>,
    class: usize,
}

impl Space for Class {
    fn dim(&self) -> usize {
        self.prior.dim()
    }
}

impl TimeScore for Class {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let n_classes = self.prior.weights.len();
        let parts: Vec<(Array1<f64>, Array2<f64>)> = (0..n_classes)
            .map(|k| {
                let component = self.prior.component(k);
                let mut energy = Array1::zeros(x.nrows());
                component.energy_at_into(x, t, energy.view_mut());
                (energy, score_at(&component, &x.to_owned(), &t.to_owned()))
            })
            .collect();
        for b in 0..x.nrows() {
            let densities = Array1::from_shape_fn(n_classes, |k| {
                self.prior.weights[k] * (parts[self.class].0[b] - parts[k].0[b]).exp()
            });
            let r = &densities / densities.sum();
            out.row_mut(b).fill(0.0);
            for (r, (_, score)) in r.iter().zip(&parts) {
                let apart = &parts[self.class].1.row(b) - &score.row(b);
                out.row_mut(b).scaled_add(*r, &apart);
            }
        }
    }
}

#[test]
fn an_exact_classifier_gives_the_score_of_its_class() {
    for dim in [1, 2, 8] {
        let prior = two_modes(dim);
        let (x, t) = (probes(12, dim), times(12));
        for class in [0, 1] {
            let classifier = || Class {
                prior: prior.clone(),
                class,
            };
            let exact = score_at(&prior.component(class), &x, &t);
            let guided = ClassifierGuidance::new(prior.clone(), classifier(), 1.0).unwrap();
            assert!(difference(&score_at(&guided, &x, &t), &exact) < 1e-12);

            // (1 + w) s_c − w s is guidance of weight 1 + w by the classifier that the two imply.
            let free = ClassifierFreeGuidance::new(prior.component(class), prior.clone(), 2.0).unwrap();
            let guided = ClassifierGuidance::new(prior.clone(), classifier(), 3.0).unwrap();
            assert!(difference(&score_at(&free, &x, &t), &score_at(&guided, &x, &t)) < 1e-12);
            let none = ClassifierFreeGuidance::new(prior.component(class), prior.clone(), 0.0).unwrap();
            assert_eq!(score_at(&none, &x, &t), exact);
        }
    }
}

#[test]
fn combinations_are_scores() {
    let (x, t) = (probes(5, 3), times(5));
    let (prior, weight) = (two_modes(3), 0.7);
    let classifier = Class {
        prior: prior.clone(),
        class: 1,
    };
    let guided = ClassifierGuidance::new(prior.clone(), classifier, weight).unwrap();
    conformance::time_score(&guided, x.view(), t.view(), Precision::DOUBLE).unwrap();
    let guided = ClassifierGuidance::new(prior.clone(), prior.component(0), weight).unwrap();
    conformance::time_score_jvp(&guided, x.view(), t.view(), Precision::DOUBLE).unwrap();
    let free = ClassifierFreeGuidance::new(prior.component(1), prior, weight).unwrap();
    conformance::time_score_jvp(&free, x.view(), t.view(), Precision::DOUBLE).unwrap();
}

/// The score of a likelihood that is known by what it makes of a prior: `∇ log p_t(y | x) = ∇ log p_t(x | y) − ∇ log p_t(x)`.
struct Implied<M> {
    posterior: M,
    prior: M,
}

impl<M: Space> Space for Implied<M> {
    fn dim(&self) -> usize {
        self.prior.dim()
    }
}

impl<M: TimeScore> TimeScore for Implied<M> {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        let mut prior = Array2::zeros(x.raw_dim());
        self.prior.score_at_into(x, t, prior.view_mut());
        self.posterior.score_at_into(x, t, out.view_mut());
        out -= &prior;
    }
}

/// Where samples end, near enough to the data to tell classes apart and far enough for 400 equal steps to be short.
const END: f64 = 0.05;

/// The guided reverse process from `start` `(B, D)` down to [`END`]. SRA1's error is of second power of steps of 1/80, below the Monte Carlo error of a few thousand rows.
fn sampled<M: TimeScore>(model: M, start: Array2<f64>, seed: u64) -> Array2<f64> {
    let steps = FixedSteps::new(TimeGrid::uniform(5.0, END, 400).unwrap());
    let noise = FreshNoise::new(Seed::new(seed));
    steps
        .solve(&Sra1, &ReverseSde::new(process(), model), start, &noise)
        .unwrap()
}

/// Rows of a mixture at time `t`.
fn noised(mixture: &Normals<OrnsteinUhlenbeck>, t: f64, n: usize, seed: u64) -> Array2<f64> {
    let z = FreshNoise::new(Seed::new(seed)).normal((n, mixture.dim()));
    mixture.sample(n, &mut Seed::new(seed).child("mixture").rng()) * process().alpha(t)
        + z * process().variance(t).sqrt()
}

/// Kolmogorov and Smirnov's test of every coordinate against its exact marginal at [`END`].
fn coordinates(name: &str, x: &Array2<f64>, exact: &Normals<OrnsteinUhlenbeck>) -> Vec<Test> {
    let (alpha, variance) = (process().alpha(END), process().variance(END));
    let test = |i: usize| {
        let cdf = |x: f64| -> f64 {
            let components = exact
                .weights
                .iter()
                .zip(exact.means.column(i))
                .zip(&exact.covariances);
            components
                .map(|((w, m), s)| {
                    let deviation = (alpha * alpha * s[[i, i]] + variance).sqrt();
                    w * normal_cdf((x - alpha * m) / deviation)
                })
                .sum()
        };
        kolmogorov_smirnov(&format!("{name}, coordinate {i}"), &x.column(i).to_vec(), cdf)
    };
    (0..x.ncols()).map(test).collect()
}

#[test]
fn samples_guided_by_a_classifier_are_those_of_the_tilted_mixture() {
    const N: usize = 3000;
    let prior = two_modes(2);
    let mut tests = Vec::new();
    for class in [0, 1] {
        let exact = prior.component(class);
        let classifier = Class {
            prior: prior.clone(),
            class,
        };
        let guided = ClassifierGuidance::new(prior.clone(), classifier, 1.0).unwrap();
        let x = sampled(guided, noised(&exact, 5.0, N, 61), 62 + class as u64);
        tests.extend(coordinates(&format!("class {class}"), &x, &exact));
        // Without guidance they are others.
        let free = sampled(prior.clone(), noised(&prior, 5.0, N, 64), 65);
        assert!(family(&coordinates("unguided", &free, &exact), FALSE_ALARM).is_err());
    }
    // A likelihood exp(−w (y − a·x)²/2τ²), the weight w in its variance, tilts the mixture to another one.
    let observation = LinearObservation::new(array![[1.0, -0.5]], array![0.3], 0.4 / 2.5).unwrap();
    let exact = prior.posterior(&observation).0;
    let implied = Implied {
        posterior: exact.clone(),
        prior: prior.clone(),
    };
    let guided = ClassifierGuidance::new(prior.clone(), implied, 1.0).unwrap();
    let x = sampled(guided, noised(&exact, 5.0, N, 66), 67);
    tests.extend(coordinates("a likelihood of weight 2.5", &x, &exact));
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn samples_guided_without_a_classifier_have_the_law_of_their_equation_which_is_not_the_tilted_one() {
    // A condition N(μ, c) of data N(0, u): the guided score (1 + w) s_c − w s_u is affine, so the law of the samples is normal, with moments by two ordinary equations.
    const N: usize = 4000;
    let (mu, c, u, weight) = (1.0, 0.3, 1.2, 2.0);
    let normal = |mean: f64, variance: f64| {
        Normals::isotropic(array![1.0], array![[mean]], &[f64::sqrt(variance)], process())
    };
    let (condition, all) = (normal(mu, c), normal(0.0, u));
    let guided = ClassifierFreeGuidance::new(condition.clone(), all, weight).unwrap();

    // dx = [f x − g² s] dt + g dB̄ with s = p − q x, solved down by Runge and Kutta's scheme with 10⁴ steps.
    let rates = |t: f64, [mean, variance]: [f64; 2]| {
        let (alpha, noise) = (process().alpha(t), process().variance(t));
        let (of_condition, of_all) = (alpha * alpha * c + noise, alpha * alpha * u + noise);
        let p = (1.0 + weight) * alpha * mu / of_condition;
        let q = (1.0 + weight) / of_condition - weight / of_all;
        let (f, g) = (process().drift_rate(t), process().diffusion_squared(t));
        [(f + g * q) * mean - g * p, 2.0 * (f + g * q) * variance - g]
    };
    let (alpha, noise) = (process().alpha(5.0), process().variance(5.0));
    let mut moments = [alpha * mu, alpha * alpha * c + noise];
    let n_steps = 10_000;
    let h = (END - 5.0) / f64::from(n_steps);
    for k in 0..n_steps {
        let t = 5.0 + f64::from(k) * h;
        let moved = |by: f64, rate: [f64; 2]| [0, 1].map(|i| moments[i] + by * h * rate[i]);
        let first = rates(t, moments);
        let second = rates(t + 0.5 * h, moved(0.5, first));
        let third = rates(t + 0.5 * h, moved(0.5, second));
        let fourth = rates(t + h, moved(1.0, third));
        moments =
            [0, 1].map(|i| moments[i] + h / 6.0 * (first[i] + 2.0 * second[i] + 2.0 * third[i] + fourth[i]));
    }
    let x = sampled(guided, noised(&condition, 5.0, N, 68), 69);
    let standard: Vec<f64> = x.iter().map(|x| (x - moments[0]) / moments[1].sqrt()).collect();
    family(
        &[kolmogorov_smirnov("guided", &standard, normal_cdf)],
        FALSE_ALARM,
    )
    .unwrap();

    // p(x) p(y | x)^{1+w} has the precision (1 + w)/c − w/u; what the equation gives is wider or narrower by far more than the noise that is left at its end.
    let precision = (1.0 + weight) / c - weight / u;
    let (alpha, noise) = (process().alpha(END), process().variance(END));
    let tilted = alpha * alpha / precision + noise;
    let of_tilted = alpha * (1.0 + weight) * mu / c / precision;
    assert!((moments[1] / tilted - 1.0).abs() > 0.05 || (moments[0] - of_tilted).abs() > 0.05);
    let standard: Vec<f64> = x.iter().map(|x| (x - of_tilted) / tilted.sqrt()).collect();
    assert!(
        family(
            &[kolmogorov_smirnov("tilted", &standard, normal_cdf)],
            FALSE_ALARM
        )
        .is_err()
    );
}
