//! The maximum that remembers what was no number.

/// The larger of two numbers, or NaN if one of them is.
///
/// [`f64::max`] drops NaN: a residual folded with it would be small where nothing was computed, and a search would count as converged.
pub(crate) fn larger<T: PartialOrd + Copy>(a: T, b: T) -> T {
    // What does not compare with itself is no number.
    if a > b || a.partial_cmp(&a).is_none() {
        a
    } else {
        b
    }
}

#[cfg(test)]
mod tests {
    use super::larger;

    #[test]
    fn nan_stays_from_either_side() {
        assert_eq!(larger(1.0, 2.0), 2.0);
        assert_eq!(larger(2.0, 1.0), 2.0);
        assert_eq!(larger(f64::INFINITY, 1.0), f64::INFINITY);
        for (a, b) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, f64::INFINITY)] {
            assert!(larger(a, b).is_nan());
            assert!(larger(a as f32, b as f32).is_nan());
        }
    }
}
