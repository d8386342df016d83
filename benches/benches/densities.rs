//! Multivariate normal densities and mixtures of 16 of them: log-densities, scores and both at once, by the number of dimensions; iterations of
//! expectation maximisation.
//!
//! Throughput is in points a second, 100,000 points to a batch, on one thread and on two.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::{Density, Score, Seed};
use gibbsian_densities::{
    CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture, MultivariateNormal,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut1, ArrayViewMut2};
use std::hint::black_box;

const N_POINTS: usize = 100_000;

/// A covariance with something everywhere.
fn normal(dim: usize) -> MultivariateNormal {
    let covariance = Array2::from_shape_fn((dim, dim), |(i, j)| {
        0.5_f64.powi(i.abs_diff(j).min(40) as i32) + if i == j { 0.5 } else { 0.0 }
    });
    MultivariateNormal::from_covariance(Array1::linspace(-1.0, 1.0, dim), covariance)
        .expect("positive definite")
}

/// Means on a grid two apart, and a covariance with something everywhere.
fn mixture(n_components: usize, dim: usize) -> GaussianMixture {
    let means = Array2::from_shape_fn((n_components, dim), |(k, d)| 2.0 * ((k >> (d % 4)) & 3) as f64);
    let covariances = Array3::from_shape_fn((n_components, dim, dim), |(k, i, j)| {
        0.5_f64.powi(i.abs_diff(j) as i32) / (1 + k) as f64 + if i == j { 0.5 } else { 0.0 }
    });
    let weights = Array1::from_elem(n_components, 1.0 / n_components as f64);
    GaussianMixture::new(weights, means, Covariances::Full(covariances)).expect("positive definite")
}

/// All three evaluations, on one thread and on two.
fn evaluate<D: Density + Score>(
    criterion: &mut Criterion,
    name: String,
    density: &D,
    both: impl Fn(ArrayView2<f64>, ArrayViewMut1<f64>, ArrayViewMut2<f64>) + Sync,
) {
    let x = density.sample(N_POINTS, &mut Seed::new(1).rng());
    let (mut values, mut scores) = (Array1::zeros(N_POINTS), Array2::zeros(x.raw_dim()));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(N_POINTS as u64));
    group.sample_size(20);
    for threads in [1, 2] {
        let pool = pool(threads);
        group.bench_function(BenchmarkId::new("log_density", threads), |bencher| {
            pool.install(|| {
                bencher.iter(|| density.log_density_into(black_box(x.view()), values.view_mut()));
            });
        });
        group.bench_function(BenchmarkId::new("score", threads), |bencher| {
            pool.install(|| bencher.iter(|| density.score_into(black_box(x.view()), scores.view_mut())));
        });
        group.bench_function(BenchmarkId::new("both", threads), |bencher| {
            pool.install(|| {
                bencher.iter(|| both(black_box(x.view()), values.view_mut(), scores.view_mut()));
            });
        });
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a thread pool")
}

fn gaussian(criterion: &mut Criterion) {
    for dim in [1, 2, 3, 4, 8, 16, 64, 128] {
        let normal = normal(dim);
        evaluate(
            criterion,
            format!("gaussian/{dim}"),
            &normal,
            |x, values, scores| {
                normal.log_density_and_score_into(x, values, scores);
            },
        );
    }
}

fn mixtures(criterion: &mut Criterion) {
    for dim in [2, 16] {
        let mixture = mixture(16, dim);
        evaluate(
            criterion,
            format!("mixture-16/{dim}"),
            &mixture,
            |x, values, scores| {
                mixture.log_density_and_score_into(x, values, scores);
            },
        );
    }
}

/// Two passes over the data: one iteration and the likelihood of its result.
fn em(criterion: &mut Criterion) {
    for dim in [2, 16] {
        let start = mixture(16, dim);
        let x = start.sample(N_POINTS, &mut Seed::new(1).rng());
        let settings = ExpectationMaximisation {
            max_iterations: 1,
            tolerance: 0.0,
            ..ExpectationMaximisation::new(16, CovarianceForm::Full)
        };
        let mut group = criterion.benchmark_group(format!("em-16/{dim}"));
        group.throughput(Throughput::Elements(2 * N_POINTS as u64));
        group.sample_size(10);
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new("passes", threads), |bencher| {
                pool(threads).install(|| {
                    bencher.iter(|| settings.fit_from(black_box(x.view()), &start).expect("a fit"));
                });
            });
        }
    }
}

criterion_group!(benches, gaussian, mixtures, em);
criterion_main!(benches);
