//! Updates and checkpoints of a Boltzmann machine's size: 784 visible and 500 hidden units, 393,284 parameters.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::{Layout, Record, Values};
use gibbsian_train::{
    Checkpoint, CheckpointFiles, Constant, Decay, Momentum, Nesterov, Optimiser, Sgd, fingerprint,
};
use ndarray::Array1;

fn layout() -> Layout {
    Layout::new()
        .with("weights", &[784, 500])
        .with("visible.bias", &[784])
        .with("hidden.bias", &[500])
}

/// One fused pass each; throughput counts the numbers that a pass must read and write.
fn updates(c: &mut Criterion) {
    let layout = layout();
    let n = layout.n_params();
    let decay = Decay { l2: 2e-4, l1: 0.0 };
    let mu = || Constant::new(0.9).unwrap();
    let grad = Array1::from_shape_fn(n, |i| (i as f64).sin() * 1e-3);
    let mut params = Array1::from_shape_fn(n, |i| (i as f64).cos());
    let mut group = c.benchmark_group("update 393k parameters");
    let mut measure = |name: &str, optimiser: &mut dyn Optimiser, streams: u64| {
        group.throughput(Throughput::Bytes(8 * streams * n as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                optimiser
                    .update(0, 1e-3, black_box(grad.view()), params.view_mut())
                    .unwrap();
            });
        });
    };
    measure("plain", &mut Sgd::new(&layout, decay).unwrap(), 3);
    measure("momentum", &mut Momentum::new(&layout, mu(), decay).unwrap(), 5);
    measure("Nesterov", &mut Nesterov::new(&layout, mu(), decay).unwrap(), 5);
    group.finish();
}

/// Weights, momenta and chains: 9.4 MB of numbers.
fn checkpoints(c: &mut Criterion) {
    let n = layout().n_params();
    let mut record = Record::new();
    for name in ["model.weights", "optimiser.velocity", "chains"] {
        let values = (0..n).map(|i| (i as f64).sin()).collect();
        record.put(name, &[n], Values::F64(values));
    }
    let checkpoint = Checkpoint {
        step: 1,
        seed: 2,
        recipe: fingerprint("bench"),
        record,
    };
    let bytes = checkpoint.to_bytes().unwrap();
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("checkpoint-bench");
    let mut files = CheckpointFiles::new(directory).unwrap();

    let mut group = c.benchmark_group("checkpoint 9.4 MB");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("to bytes", |b| b.iter(|| checkpoint.to_bytes().unwrap()));
    group.bench_function("from bytes", |b| {
        b.iter(|| Checkpoint::from_bytes(black_box(&bytes), "bench").unwrap());
    });
    group.bench_function("save durably", |b| b.iter(|| files.save(&checkpoint).unwrap()));
    group.bench_function("load", |b| b.iter(|| files.load().unwrap().unwrap()));
    group.finish();
}

criterion_group!(benches, updates, checkpoints);
criterion_main!(benches);
