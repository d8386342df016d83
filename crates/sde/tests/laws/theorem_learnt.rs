//! The theorem with a score that was learnt: of a mixture that was fitted to samples of the data.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{Density, Seed, TimeScore};
use gibbsian_sde::TimeGrid;
use gibbsian_sde::theory::{ErrorBudget, Girsanov, Line};
use gibbsian_testkit::stats::{FALSE_ALARM, family, z_test};
use gibbsian_testkit::targets::{Mixture, Noised};
use ndarray::{Array1, Array2, Axis, array};

const N_COMPONENTS: usize = 2;

fn data() -> Mixture {
    Mixture::new(array![0.35, 0.65], array![[-1.5], [1.0]], array![0.5, 0.6]).unwrap()
}

fn process() -> OrnsteinUhlenbeck {
    OrnsteinUhlenbeck::new(3.0).unwrap()
}

fn grid() -> TimeGrid {
    TimeGrid::exponentially_decaying(3.0, 0.1, 60).unwrap()
}

/// A mixture by maximum likelihood: expectation and maximisation from the right one, so that the components keep their names; a hundred rounds leave nothing that samples of this size would see.
fn fitted(x: &Array2<f64>) -> Mixture {
    let x = x.column(0);
    let (mut weights, mut means, mut variances) = ([0.35, 0.65], [-1.5, 1.0], [0.25, 0.36_f64]);
    for _ in 0..100 {
        let mut sums = [[0.0; 3]; N_COMPONENTS];
        for x in x {
            let terms: [f64; N_COMPONENTS] = std::array::from_fn(|k| {
                weights[k] * (-0.5 * (x - means[k]).powi(2) / variances[k]).exp() / variances[k].sqrt()
            });
            let total: f64 = terms.iter().sum();
            for (sums, term) in sums.iter_mut().zip(terms) {
                let r = term / total;
                sums[0] += r;
                sums[1] += r * x;
                sums[2] += r * x * x;
            }
        }
        for (k, [n, first, second]) in sums.into_iter().enumerate() {
            weights[k] = n / x.len() as f64;
            means[k] = first / n;
            variances[k] = second / n - means[k] * means[k];
        }
    }
    Mixture::new(
        Array1::from(weights.to_vec()),
        Array2::from_shape_fn((N_COMPONENTS, 1), |(k, _)| means[k]),
        Array1::from(variances.map(f64::sqrt).to_vec()),
    )
    .unwrap()
}

/// The budget of the sampler with the score of a mixture that was fitted to so many samples.
fn budget(n_samples: usize, seed: Seed) -> ErrorBudget {
    let learnt = Noised::new(fitted(&data().sample(n_samples, &mut seed.rng())), process());
    let exact = Noised::new(data(), process());
    let line = Line::new(-9.0, 9.0, 451).unwrap();
    line.budget(|t| Ok(exact.marginal(t)), &learnt as &dyn TimeScore, &grid())
        .unwrap()
}

#[test]
fn the_bound_holds_for_learnt_scores_and_their_part_falls_with_the_number_of_samples() {
    const N_FITS: usize = 24;
    let sizes = [250, 1000, 4000];
    let (mut points, mut discretisations) = (Vec::new(), Vec::new());
    for n in sizes {
        let parts: Array1<f64> = (0..N_FITS)
            .map(|k| {
                let budget = budget(n, Seed::new(71).child("fit").nth((n * N_FITS + k) as u64));
                for step in budget.steps() {
                    assert!(step.holds() && step.slack() > 1.0 - 1e-9, "{n}: {step:?}");
                }
                assert!(budget.total_variation <= budget.bound());
                assert!(budget.bound() < 1.0, "{n}: {budget:?}");
                discretisations.push(budget.girsanov.discretisation);
                budget.girsanov.score
            })
            .collect();
        let mean = parts.mean().unwrap();
        let error = parts.std_axis(Axis(0), 1.0).into_scalar() / (N_FITS as f64).sqrt();
        points.push(((n as f64).ln(), mean.ln(), error / mean));
    }
    // The error of a fit of five parameters is normal with a variance in proportion to 1/n, and the mean square of the score's error with it; n = 250 is off by what is left, of order 1/n².
    let weigh = |f: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| f(p) / (p.2 * p.2)).sum::<f64>();
    let centre = weigh(&|p| p.0) / weigh(&|_| 1.0);
    let spread = weigh(&|p| (p.0 - centre).powi(2));
    let slope = weigh(&|p| (p.0 - centre) * p.1) / spread;
    family(
        &[z_test("the slope", slope, -1.0, spread.sqrt().recip())],
        FALSE_ALARM,
    )
    .unwrap();
    assert!(spread.sqrt().recip() < 0.2, "{points:?}");
    // The rest of the sum is that of the grid, whatever the score.
    let first = discretisations[0];
    assert!(discretisations.iter().all(|d| (d / first - 1.0).abs() < 1e-12));
}

#[test]
fn paths_measure_the_error_of_a_learnt_score() {
    let seed = Seed::new(72);
    let learnt = Noised::new(fitted(&data().sample(100, &mut seed.rng())), process());
    let exact = Noised::new(data(), process());
    let line = Line::new(-9.0, 9.0, 601).unwrap();
    let sum = line
        .budget(|t| Ok(exact.marginal(t)), &learnt, &grid())
        .unwrap()
        .girsanov;
    let x = data().sample(8000, &mut seed.child("paths").rng());
    let found = Girsanov {
        process: &process(),
        exact: &exact,
        model: &learnt,
    }
    .estimate(&grid(), x.view(), &mut seed.child("noise").rng())
    .unwrap();
    let tests = [
        ("the whole", found.total, sum.total()),
        ("discretisation", found.discretisation, sum.discretisation),
        ("the score", found.score, sum.score),
    ]
    .map(|(name, found, exact)| z_test(name, found.value, exact, found.standard_error));
    family(&tests, FALSE_ALARM).unwrap();
    assert!(found.score.standard_error < 0.1 * sum.score, "{found:?}");
}
