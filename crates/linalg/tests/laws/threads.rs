//! Factorisations give the same bits whatever pool they run in, and alongside each other.

use crate::common::{positive_definite, scattered};
use gibbsian_linalg::{Cholesky, Lu, Svd, SymmetricEigen};
use ndarray::Array2;
use rayon::prelude::*;

/// Everything that is computed from one matrix.
fn results(seed: u64) -> Vec<Array2<f64>> {
    let n = 150;
    let (a, b) = (positive_definite(n, seed), scattered(n, n, seed + 1));
    let cholesky = Cholesky::new("a", a.view()).unwrap();
    let eigen = SymmetricEigen::new("a", a.view()).unwrap();
    let lu = Lu::new("b", b.view()).unwrap();
    let svd = Svd::new("b", b.view()).unwrap();
    vec![
        cholesky.lower().to_owned(),
        cholesky.solve(b.view()),
        cholesky.inverse(),
        eigen.vectors().to_owned(),
        eigen.function(f64::sqrt),
        lu.solve(a.view()),
        svd.left().to_owned(),
        svd.right_transposed().to_owned(),
    ]
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| (0..4_u64).into_par_iter().map(results).collect::<Vec<_>>())
    };
    let one = on(1);
    for threads in [2, 3, 4, 8] {
        assert_eq!(on(threads), one, "on {threads} threads");
    }
    let alone: Vec<_> = (0..4).map(results).collect();
    assert_eq!(alone, one);
}
