//! Enumeration, annealing in both directions, and what is computed from the weights.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_classical::{Bernoulli, BinaryRbm, BinaryRbmPath, Rbm};
use gibbsian_core::Seed;
use gibbsian_partition::{
    ExactDistribution, Ladder, LogWeights, Pilot, Reliability, ais, exact_log_z, raise, reverse_ais,
};
use ndarray::Array2;

const SEED: Seed = Seed::new(7);

fn rbm(n_visible: usize, n_hidden: usize, scale: f64) -> Rbm {
    let (visible, hidden) = (Bernoulli::unbiased(n_visible), Bernoulli::unbiased(n_hidden));
    Rbm::random(visible, hidden, scale, SEED.child("machine")).expect("the sizes are positive")
}

fn enumeration(c: &mut Criterion) {
    let small = rbm(16, 8, 0.5);
    let mut group = c.benchmark_group("partition/enumeration");
    group.throughput(Throughput::Elements(1 << 16));
    group.bench_function("log_z_16x8", |b| b.iter(|| exact_log_z(&small)));
    group.bench_function("table_16x8", |b| b.iter(|| ExactDistribution::new(&small)));
    group.finish();
}

/// 100 chains in a machine of the size of the handwritten digits; an element is one chain at one temperature.
fn annealing(c: &mut Criterion) {
    let (n_chains, n_steps) = (100, 100);
    let fast = BinaryRbm::from(&rbm(784, 500, 0.05));
    let path = BinaryRbmPath::new(&fast, &Bernoulli::unbiased(784)).expect("the base has the machine's size");
    let ladder = Ladder::linear(n_steps).expect("a hundred steps are a ladder");
    let cases = Array2::from_shape_fn((n_chains, 784), |(t, i)| {
        f64::from(u8::from((t * 31 + i * 17) % 5 == 0))
    });
    let mut group = c.benchmark_group("partition/annealing_784x500");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .throughput(Throughput::Elements((n_chains * n_steps) as u64));
    group.bench_function("forward", |b| {
        b.iter(|| ais(&path, &ladder, n_chains, &mut SEED.rng()))
    });
    group.bench_function("reverse", |b| {
        b.iter(|| reverse_ais(&path, &ladder, cases.view(), &mut SEED.rng()))
    });
    group.bench_function("raise_10_cases_of_10_chains", |b| {
        b.iter(|| {
            raise(
                &path,
                &ladder,
                cases.slice(ndarray::s![..10, ..]),
                10,
                &mut SEED.rng(),
            )
        })
    });
    group.bench_function("pilot", |b| {
        b.iter(|| Pilot::run(&path, &ladder, n_chains, &mut SEED.rng()))
    });
    group.finish();
}

/// What a thousand weights cost after the run.
fn statements(c: &mut Criterion) {
    let logs: Vec<f64> = (1..=1_000).map(|i| (f64::from(i) * 0.618).fract().ln()).collect();
    let weights = LogWeights::new(logs).expect("the logarithms are finite");
    let mut group = c.benchmark_group("partition/statements_1000");
    group.bench_function("interval", |b| b.iter(|| black_box(&weights).interval(0.95)));
    group.bench_function("betting_bound", |b| {
        b.iter(|| black_box(&weights).betting_bound(0.95))
    });
    group.bench_function("reliability", |b| b.iter(|| Reliability::of(black_box(&weights))));
    group.finish();
}

criterion_group!(benches, enumeration, annealing, statements);
criterion_main!(benches);
