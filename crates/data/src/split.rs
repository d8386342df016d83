//! Holding points out of a set, by seed: once, or every point once.

use gibbsian_core::{Error, Result, Seed};

use crate::minibatch::Shuffle;

/// Two disjoint sets of indices that together are all of `0..n`, each in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldOut {
    /// The points to learn from.
    pub kept: Vec<usize>,
    /// The points to judge by.
    pub held_out: Vec<usize>,
}

/// Chooses `n_held_out` of `n` points, every subset of that size being equally likely.
///
/// ```
/// use gibbsian_core::Seed;
/// let split = gibbsian_data::hold_out(6, 2, Seed::new(1))?;
/// assert_eq!((split.kept.len(), split.held_out.len()), (4, 2));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// `n_held_out` is not in `1..n`: both parts must have a point.
pub fn hold_out(n: usize, n_held_out: usize, seed: Seed) -> Result<HoldOut> {
    if n_held_out == 0 || n_held_out >= n {
        return Err(Error::parameter(
            "n_held_out",
            n_held_out,
            format!("at least 1 and below the number of points, {n}"),
        ));
    }
    let mut held_out = Shuffle::new(n, seed)?.order(0);
    let mut kept = held_out.split_off(n_held_out);
    held_out.sort_unstable();
    kept.sort_unstable();
    Ok(HoldOut { kept, held_out })
}

/// Cuts `n` points into `n_folds` parts of nearly equal size at random, and holds out one part after the other (Stone 1974, "Cross-validatory choice and assessment of statistical predictions").
///
/// Every point is held out once; sizes of the parts differ by at most one, and the larger ones come first. Mean losses on held-out parts are not independent, since any two share
/// most of what they are trained on: their spread over the square root of `n_folds` is no standard error.
///
/// ```
/// use gibbsian_core::Seed;
/// let folds = gibbsian_data::cross_validation(7, 3, Seed::new(1))?;
/// let sizes: Vec<usize> = folds.iter().map(|fold| fold.held_out.len()).collect();
/// assert_eq!(sizes, [3, 2, 2]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// `n_folds` is not in `2..=n`: every part must have a point, and something must be left to learn from.
pub fn cross_validation(n: usize, n_folds: usize, seed: Seed) -> Result<Vec<HoldOut>> {
    if n_folds < 2 || n_folds > n {
        return Err(Error::parameter(
            "n_folds",
            n_folds,
            format!("at least 2 and at most the number of points, {n}"),
        ));
    }
    let order = Shuffle::new(n, seed)?.order(0);
    let mut part = vec![0; n];
    for (place, &point) in order.iter().enumerate() {
        part[point] = place % n_folds;
    }
    let fold = |k| {
        let (held_out, kept) = (0..n).partition(|&point| part[point] == k);
        HoldOut { kept, held_out }
    };
    Ok((0..n_folds).map(fold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_are_disjoint_and_complete(n in 2_usize..200, part in 0.0..1.0, seed: u64) {
            let n_held_out = 1 + (part * (n - 1) as f64) as usize;
            let split = hold_out(n, n_held_out, Seed::new(seed)).unwrap();
            prop_assert_eq!(split.held_out.len(), n_held_out);
            prop_assert!(split.kept.is_sorted() && split.held_out.is_sorted());
            let mut all = [split.kept, split.held_out].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn every_point_is_held_out_once(n in 2_usize..100, part in 0.0..1.0, seed: u64) {
            let n_folds = 2 + (part * (n - 1) as f64) as usize;
            let folds = cross_validation(n, n_folds, Seed::new(seed)).unwrap();
            prop_assert_eq!(folds.len(), n_folds);
            let mut held_out: Vec<usize> = Vec::new();
            for fold in &folds {
                prop_assert!((n / n_folds..=n.div_ceil(n_folds)).contains(&fold.held_out.len()));
                prop_assert!(fold.kept.is_sorted() && fold.held_out.is_sorted());
                let mut all = [fold.kept.clone(), fold.held_out.clone()].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
                held_out.extend(&fold.held_out);
            }
            held_out.sort_unstable();
            prop_assert_eq!(held_out, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn pairs_of_points_share_a_fold_as_often_as_chance_says() {
        // Six points in three folds: two given points are held out together with probability 1/5.
        let together = (0..2_000).filter(|&seed| {
            let folds = cross_validation(6, 3, Seed::new(seed)).unwrap();
            folds
                .iter()
                .any(|f| f.held_out.contains(&0) && f.held_out.contains(&1))
        });
        let (n, p) = (2_000.0, 0.2_f64);
        // Five standard errors: a false alarm in two million.
        assert!((together.count() as f64 - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt());
    }

    #[test]
    fn folds_without_points_are_refused() {
        for n_folds in [0, 1, 6] {
            let e = cross_validation(5, n_folds, Seed::new(0)).unwrap_err();
            assert!(e.to_string().contains("`n_folds`"), "{e}");
        }
    }

    #[test]
    fn an_empty_part_is_refused() {
        for n_held_out in [0, 5, 6] {
            let e = hold_out(5, n_held_out, Seed::new(0)).unwrap_err();
            assert!(e.to_string().contains("`n_held_out`"), "{e}");
        }
    }
}
