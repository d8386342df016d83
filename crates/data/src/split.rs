//! Holding points out of a set, by seed.

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

    #[test]
    fn an_empty_part_is_refused() {
        for n_held_out in [0, 5, 6] {
            let e = hold_out(5, n_held_out, Seed::new(0)).unwrap_err();
            assert!(e.to_string().contains("`n_held_out`"), "{e}");
        }
    }
}
