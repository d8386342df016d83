//! Multivariate normal densities: log-densities, scores and both at once, by the number of dimensions.
//!
//! Throughput is in points a second, 100,000 points to a batch, on one thread and on two.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::{Density, Score, Seed};
use gibbsian_densities::MultivariateNormal;
use ndarray::{Array1, Array2};
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

fn gaussian(criterion: &mut Criterion) {
    for dim in [1, 2, 3, 4, 8, 16, 64, 128] {
        let normal = normal(dim);
        let x = normal.sample(N_POINTS, &mut Seed::new(1).rng());
        let (mut values, mut scores) = (Array1::zeros(N_POINTS), Array2::zeros(x.raw_dim()));
        let mut group = criterion.benchmark_group(format!("gaussian/{dim}"));
        group.throughput(Throughput::Elements(N_POINTS as u64));
        group.sample_size(20);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a thread pool");
            group.bench_function(BenchmarkId::new("log_density", threads), |bencher| {
                pool.install(|| {
                    bencher.iter(|| normal.log_density_into(black_box(x.view()), values.view_mut()))
                });
            });
            group.bench_function(BenchmarkId::new("score", threads), |bencher| {
                pool.install(|| bencher.iter(|| normal.score_into(black_box(x.view()), scores.view_mut())));
            });
            group.bench_function(BenchmarkId::new("both", threads), |bencher| {
                pool.install(|| {
                    bencher.iter(|| {
                        let (values, scores) = (values.view_mut(), scores.view_mut());
                        normal.log_density_and_score_into(black_box(x.view()), values, scores);
                    });
                });
            });
        }
    }
}

criterion_group!(benches, gaussian);
criterion_main!(benches);
