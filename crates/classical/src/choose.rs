//! A draw from finitely many cells.

/// The cell in whose share of `[0, 1)` the uniform number `u` falls.
pub(crate) fn choose(probabilities: &[f64], mut u: f64) -> usize {
    for (a, p) in probabilities.iter().enumerate() {
        if u < *p {
            return a;
        }
        u -= p;
    }
    // Rounding may leave the sum of the shares a little below `u`; the last cell with a share takes it.
    probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0)
}
