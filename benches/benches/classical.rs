//! The exact partition function of machines with one small layer.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_classical::{Bernoulli, BinaryRbm, Rbm};
use gibbsian_core::Seed;

fn rbm(n_visible: usize, n_hidden: usize) -> Rbm {
    let (visible, hidden) = (Bernoulli::unbiased(n_visible), Bernoulli::unbiased(n_hidden));
    Rbm::random(visible, hidden, 0.1, Seed::new(1)).expect("the sizes are positive")
}

/// An element is one state of the enumerated layer; one thread and two.
fn exact_log_z(c: &mut Criterion) {
    let mut group = c.benchmark_group("classical/exact_log_z");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    for n_threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .expect("threads start");
        let fast = BinaryRbm::from(&rbm(784, 20));
        group.throughput(Throughput::Elements(1 << 20));
        group.bench_function(format!("products_784x20/{n_threads}"), |b| {
            b.iter(|| pool.install(|| black_box(&fast).log_z()));
        });
        // The generic enumeration takes an exponential and a logarithm a factor, so a smaller layer has to do.
        let generic = rbm(784, 14);
        group.throughput(Throughput::Elements(1 << 14));
        group.bench_function(format!("generic_784x14/{n_threads}"), |b| {
            b.iter(|| pool.install(|| black_box(&generic).log_z()));
        });
    }
    group.finish();
}

criterion_group!(classical, exact_log_z);
criterion_main!(classical);
