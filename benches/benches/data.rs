//! Minibatches of pictures: conversion of 100 of 784 pixels through each view, orders of 60,000 points, and reading the MNIST files.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_core::dataset::{BatchOrder, Dataset};
use gibbsian_core::{Seed, Streams};
use gibbsian_data::{
    LastBatch, Means, Minibatches, Mnist, Shuffle, StochasticBinarised, Threshold, read_idx,
};
use ndarray::Array2;

fn directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist")
}

/// Each iteration is one minibatch of a shuffled epoch over all 60,000 pictures, so that the pictures come from memory as they do in
/// training and not from a cache.
fn views(c: &mut Criterion) {
    let images = Mnist::load(directory())
        .expect("the MNIST files are committed")
        .train
        .images()
        .clone();
    let cases: [(&str, &dyn Dataset); 3] = [
        ("threshold", &Threshold::new(images.clone(), 127)),
        ("stochastic", &StochasticBinarised::new(images.clone())),
        ("means", &Means::new(images)),
    ];
    let mut group = c.benchmark_group("data/rows_into_100x784");
    group.throughput(Throughput::Elements(100 * 784));
    for (name, view) in cases {
        let mut order = Minibatches::new(view.n_points(), 100, LastBatch::Keep, Seed::new(1))
            .expect("a hundred is a batch size for 60,000 points");
        // One epoch's order; reshuffling is measured apart.
        let steps = order.steps_per_epoch();
        let mut out = Array2::zeros((100, 784));
        let mut step = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                view.rows_into(order.batch(step), Streams::from_key(step), out.view_mut());
                step = (step + 1) % steps;
                black_box(&out);
            });
        });
    }
    group.finish();
}

fn orders(c: &mut Criterion) {
    let shuffle = Shuffle::new(60_000, Seed::new(1)).expect("60,000 is at least one");
    let mut order = shuffle.order(0);
    let mut epoch = 0;
    c.bench_function("data/shuffle_60000", |b| {
        b.iter(|| {
            epoch += 1;
            shuffle.order_into(epoch, &mut order);
            black_box(&order);
        });
    });
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("data/read");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let path = directory().join("train-images-idx3-ubyte.gz");
    group.throughput(Throughput::Bytes(60_000 * 784));
    group.bench_function("mnist_train_images_gz", |b| {
        b.iter(|| read_idx(&path).expect("a committed file"))
    });
    group.finish();
}

criterion_group!(benches, views, orders, reading);
criterion_main!(benches);
