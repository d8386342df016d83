//! Tables over all states of some units, filled and summed in `O(2^n)` operations.
//!
//! Entry `k` of a table belongs to the state whose unit `i` is bit `i` of `k`, which is the order of [`Discrete::states`](gibbsian_core::Discrete::states). Adding a
//! unit doubles a table, and what the upper half differs in from the lower is again a table of the units below: of the sums `Σ_j w_ij s_j`, and they
//! double in the same way. So no entry costs more than a few additions, and nothing depends on the entry before it, as it would along a Gray code.

use gibbsian_core::simd;
use ndarray::{Array2, ArrayView1, ArrayView2};

use super::pairs;

/// Writes `a·s` of all states `s` of the units with the coefficients `a` into `out` `(2^n)`.
pub(super) fn linear_into(a: &[f64], out: &mut [f64]) {
    debug_assert_eq!(out.len(), 1 << a.len());
    out[0] = 0.0;
    for (i, a) in a.iter().enumerate() {
        let (below, above) = out[..2 << i].split_at_mut(1 << i);
        for (above, below) in above.iter_mut().zip(below) {
            *above = *below + a;
        }
    }
}

/// `Σ_{i<j} w_ij s_i s_j + b·s` of all states, minus the energy, in a new table.
pub(super) fn log_weights(weights: ArrayView2<f64>, bias: ArrayView1<f64>) -> Vec<f64> {
    let n = bias.len();
    let mut out = vec![0.0; 1 << n];
    let mut sent = vec![0.0; 1 << n.saturating_sub(1)];
    for i in 0..n {
        let row: Vec<f64> = weights.row(i).iter().take(i).copied().collect();
        linear_into(&row, &mut sent[..1 << i]);
        let (below, above) = out[..2 << i].split_at_mut(1 << i);
        for ((above, below), sent) in above.iter_mut().zip(below).zip(&sent) {
            *above = *below + (sent + bias[i]);
        }
    }
    out
}

/// `log Σ exp` of a table of finite numbers, whose entries become `exp(l − max)`; the largest is 1. Returns the maximum and the sum.
pub(super) fn exponentials(table: &mut [f64]) -> (f64, f64) {
    let top = table.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l));
    for l in table.iter_mut() {
        *l -= top;
    }
    simd::exp_f64_in_place(table);
    (top, sum(table))
}

/// A sum by halves, in an order that depends on the length alone; its error grows with the logarithm of the length.
pub(super) fn sum(x: &[f64]) -> f64 {
    if x.len() <= 64 {
        return x.iter().sum();
    }
    let (left, right) = x.split_at(x.len() / 2);
    sum(left) + sum(right)
}

/// The means `Σ_s p(s) s_i` of all units under the table `p`, which is spoilt.
pub(super) fn means(p: &mut [f64], out: &mut [f64]) {
    let mut p = p;
    for i in (0..out.len()).rev() {
        let (below, above) = p.split_at_mut(1 << i);
        out[i] = sum(above);
        for (below, above) in below.iter_mut().zip(&*above) {
            *below += above;
        }
        p = below;
    }
}

/// The second moments `Σ_s p(s) s_i s_j` under the table `p`, with the means on the diagonal.
pub(super) fn second_moments(p: &[f64], n: usize) -> Array2<f64> {
    debug_assert_eq!(p.len(), 1 << n);
    let mut out = Array2::zeros((n, n));
    let mut p = p.to_vec();
    let mut given = vec![0.0; n];
    for i in (0..n).rev() {
        let (below, above) = p.split_at_mut(1 << i);
        out[[i, i]] = sum(above);
        for (below, above) in below.iter_mut().zip(&*above) {
            *below += above;
        }
        means(above, &mut given[..i]);
        for (j, m) in given[..i].iter().enumerate() {
            out[[i, j]] = *m;
            out[[j, i]] = *m;
        }
        p.truncate(1 << i);
    }
    out
}

/// Replaces each `p(A)` by `Σ_{s ⊇ A} p(s)`, the moment `⟨Π_{i ∈ A} s_i⟩` of the units in `A`: moments of every order at once.
pub(super) fn superset_sums(p: &mut [f64]) {
    let mut half = 1;
    while half < p.len() {
        for block in p.chunks_exact_mut(2 * half) {
            let (without, with) = block.split_at_mut(half);
            for (without, with) in without.iter_mut().zip(with) {
                *without += *with;
            }
        }
        half *= 2;
    }
}

/// The sets of units whose products are the statistics of a machine, as bits, in the order of the parameters: pairs, then single units.
pub(super) fn statistic_sets(n: usize) -> Vec<usize> {
    pairs(n)
        .map(|(i, j)| 1 << i | 1 << j)
        .chain((0..n).map(|i| 1 << i))
        .collect()
}
