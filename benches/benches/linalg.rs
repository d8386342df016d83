//! The matrix product beside its alternatives, at the shapes of a restricted Boltzmann machine with 784 visible and 500 hidden
//! units and batches of 100, and at a square one; and the factorisations by their size.
//!
//! Throughput is in multiply-adds a second: twice that in floating-point operations.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gibbsian_linalg::{Cholesky, Lu, Real, Svd, SymmetricEigen, matmul, matmul_into};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, LinalgScalar};
use std::hint::black_box;

fn entries(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        ((31 * i + 17 * j) % 97) as f64 / 97.0 - 0.5
    })
}

fn products<T: Real + LinalgScalar>(criterion: &mut Criterion, precision: &str, convert: fn(f64) -> T) {
    let array = |rows, columns| entries(rows, columns).mapv(convert);
    let (visible, weights, hidden) = (array(100, 784), array(784, 500), array(100, 500));
    let square = array(512, 512);
    let cases: [(&str, ArrayView2<'_, T>, ArrayView2<'_, T>); 6] = [
        ("V W, 100 x 784 x 500", visible.view(), weights.view()),
        ("V' H, 784 x 100 x 500", visible.t(), hidden.view()),
        ("H W', 100 x 500 x 784", hidden.view(), weights.t()),
        ("A B, 512 x 512 x 512", square.view(), square.view()),
        ("A' B, 512 x 512 x 512", square.t(), square.view()),
        ("A B', 512 x 512 x 512", square.view(), square.t()),
    ];
    for (name, a, b) in cases {
        let mut group = criterion.benchmark_group(format!("product/{precision}/{name}"));
        let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
        group.throughput(Throughput::Elements((m * k * n) as u64));
        let (zero, one) = (convert(0.0), convert(1.0));
        let mut c = Array2::from_elem((m, n), zero);
        group.bench_function("ndarray", |bencher| {
            bencher.iter(|| general_mat_mul(one, &black_box(a), &black_box(b), zero, &mut c));
        });
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a thread pool");
            group.bench_function(BenchmarkId::new("gibbsian", threads), |bencher| {
                pool.install(|| {
                    bencher.iter(|| matmul_into(one, black_box(a), black_box(b), zero, c.view_mut()))
                });
            });
        }
    }
}

fn single(criterion: &mut Criterion) {
    products::<f32>(criterion, "f32", |x| x as f32);
}

fn double(criterion: &mut Criterion) {
    products::<f64>(criterion, "f64", |x| x);
}

fn factorisations(criterion: &mut Criterion) {
    for n in [16, 128, 512] {
        let b = entries(n, n);
        let a = matmul(b.view(), b.t()) + Array2::<f64>::eye(n);
        let mut group = criterion.benchmark_group(format!("factorisation/{n}"));
        group.sample_size(20);
        group.bench_function("cholesky", |bencher| {
            bencher.iter(|| Cholesky::new("a", black_box(a.view())))
        });
        group.bench_function("lu", |bencher| bencher.iter(|| Lu::new("a", black_box(a.view()))));
        group.bench_function("eigen", |bencher| {
            bencher.iter(|| SymmetricEigen::new("a", black_box(a.view())))
        });
        group.bench_function("svd", |bencher| {
            bencher.iter(|| Svd::new("a", black_box(a.view())))
        });
    }
}

criterion_group!(benches, single, double, factorisations);
criterion_main!(benches);
