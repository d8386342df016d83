//! The vector kernels of `gibbsian-core` at every level of this machine, beside the scalar functions of the standard library.
//!
//! Slices of 4,096 elements stay in the first-level cache; 500 is a hidden layer, with a ragged tail. Criterion reports
//! elements per second; nanoseconds per element are its inverse.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::simd::{self, LaneRng, Level};
use gibbsian_core::{Streams, math};
use rand::Rng;

const SIZES: [usize; 2] = [500, 4096];

/// Logits between −10 and 10 in no particular order.
fn logits(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| ((i * 7919) % n) as f32 / n as f32 * 20.0 - 10.0)
        .collect()
}

/// The levels that this machine executes; the kernels are set to each in turn.
fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|&level| level <= Level::detected())
}

fn elementwise(c: &mut Criterion) {
    type Function = (&'static str, fn(&[f32], &mut [f32]), fn(f32) -> f32);
    let functions: [Function; 4] = [
        ("exp", simd::exp_f32, f32::exp),
        ("sigmoid", simd::sigmoid_f32, |x| 1.0 / (1.0 + (-x).exp())),
        ("softplus", simd::softplus_f32, |x| {
            x.max(0.0) + (-x.abs()).exp().ln_1p()
        }),
        ("tanh", simd::tanh_f32, f32::tanh),
    ];
    for (name, kernel, scalar) in functions {
        let mut group = c.benchmark_group(name);
        for n in SIZES {
            let (x, mut y) = (logits(n), vec![0.0; n]);
            group.throughput(Throughput::Elements(n as u64));
            for level in levels() {
                Level::limit(level);
                group.bench_function(BenchmarkId::new(format!("{level:?}"), n), |b| {
                    b.iter(|| kernel(black_box(&x), black_box(&mut y)));
                });
            }
            group.bench_function(BenchmarkId::new("std", n), |b| {
                b.iter(|| {
                    for (y, &x) in y.iter_mut().zip(black_box(&x)) {
                        *y = scalar(x);
                    }
                    black_box(&mut y);
                });
            });
        }
    }
}

fn random_words(c: &mut Criterion) {
    let mut group = c.benchmark_group("u32");
    for n in SIZES {
        let mut words = vec![0; n];
        group.throughput(Throughput::Elements(n as u64));
        for level in levels() {
            Level::limit(level);
            let mut rng = LaneRng::new(Streams::from_key(1), 0);
            group.bench_function(BenchmarkId::new(format!("{level:?}"), n), |b| {
                b.iter(|| rng.fill_u32(black_box(&mut words)));
            });
        }
        let mut rng = Streams::from_key(1).block(0);
        group.bench_function(BenchmarkId::new("one xoshiro256++", n), |b| {
            b.iter(|| {
                for word in &mut words {
                    *word = rng.next_u32();
                }
                black_box(&mut words);
            });
        });
    }
}

fn bernoulli(c: &mut Criterion) {
    let mut group = c.benchmark_group("bernoulli from logits");
    for n in SIZES {
        let (x, mut p) = (logits(n), vec![0.0; n]);
        let (mut masks, mut units) = (vec![0; n.div_ceil(64)], vec![0.0; n]);
        group.throughput(Throughput::Elements(n as u64));
        for level in levels() {
            Level::limit(level);
            let mut rng = LaneRng::new(Streams::from_key(1), 0);
            group.bench_function(BenchmarkId::new(format!("{level:?} masks"), n), |b| {
                b.iter(|| simd::sample_masks(&mut rng, black_box(&x), black_box(&mut masks)));
            });
            // With the copy that keeps the argument from becoming a probability of a probability.
            group.bench_function(
                BenchmarkId::new(format!("{level:?} masks and probabilities"), n),
                |b| {
                    b.iter(|| {
                        p.copy_from_slice(black_box(&x));
                        simd::sample_masks_with_probabilities(&mut rng, &mut p, black_box(&mut masks));
                    });
                },
            );
            group.bench_function(BenchmarkId::new(format!("{level:?} units"), n), |b| {
                b.iter(|| simd::sample_units(&mut rng, black_box(&x), black_box(&mut units)));
            });
        }
        let mut rng = Streams::from_key(1).block(0);
        group.bench_function(BenchmarkId::new("scalar", n), |b| {
            b.iter(|| {
                for (unit, &x) in units.iter_mut().zip(black_box(&x)) {
                    let u = (rng.next_u32() >> 8) as f32 * 2.0_f32.powi(-24);
                    *unit = if u < 1.0 / (1.0 + (-x).exp()) { 1.0 } else { 0.0 };
                }
                black_box(&mut units);
            });
        });
    }
}

fn sums(c: &mut Criterion) {
    let mut group = c.benchmark_group("softplus sums");
    for n in SIZES {
        let x = logits(n);
        group.throughput(Throughput::Elements(n as u64));
        for level in levels() {
            Level::limit(level);
            group.bench_function(BenchmarkId::new(format!("{level:?} sum"), n), |b| {
                b.iter(|| simd::softplus_sum(black_box(&x)));
            });
            group.bench_function(BenchmarkId::new(format!("{level:?} difference"), n), |b| {
                b.iter(|| simd::softplus_scaled_difference_sum(black_box(&x), 0.5, 0.501));
            });
        }
        group.bench_function(BenchmarkId::new("scalar f64 sum", n), |b| {
            b.iter(|| {
                black_box(&x)
                    .iter()
                    .map(|&x| math::softplus(f64::from(x)))
                    .sum::<f64>()
            });
        });
    }
}

criterion_group!(benches, elementwise, random_words, bernoulli, sums);
criterion_main!(benches);
