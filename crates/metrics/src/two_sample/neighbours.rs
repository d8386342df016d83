//! Distances to nearest neighbours, by looking at every pair.
//!
//! Trees are faster in few dimensions and slower in many, and would bring an order of their own; every pair once is exact, parallel and
//! deterministic.

use gibbsian_core::parallel::map_blocks;

use super::{Points, squared_distance};

/// For each point of `x` the `k` points of `among` nearest to it, nearest first, as (squared distance, index). The point of the same index is
/// left out if `without_itself`: `among` then begins with `x`. Ties go to the smaller index.
pub(super) fn nearest(x: &Points, among: &Points, k: usize, without_itself: bool) -> Vec<Vec<(f64, usize)>> {
    map_blocks(x.n(), |_, rows| {
        rows.map(|i| {
            let mut best: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
            for (j, y) in among.rows().enumerate() {
                if without_itself && i == j {
                    continue;
                }
                let distance = squared_distance(x.row(i), y);
                if best.len() < k || distance < best[k - 1].0 {
                    let place = best.partition_point(|(d, _)| *d <= distance);
                    best.insert(place, (distance, j));
                    best.truncate(k);
                }
            }
            best
        })
        .collect::<Vec<_>>()
    })
    .concat()
}

/// The distance of each point of `x` from its `k`-th nearest neighbour; see [`nearest`].
pub(super) fn kth_distances(x: &Points, among: &Points, k: usize, without_itself: bool) -> Vec<f64> {
    nearest(x, among, k, without_itself)
        .iter()
        .map(|best| best[k - 1].0.sqrt())
        .collect()
}
