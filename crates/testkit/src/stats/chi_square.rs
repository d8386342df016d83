//! Pearson's chi-square test of counts against probabilities.

use crate::stats::Test;
use crate::stats::special::chi_square_tail;

/// Cells are pooled until each expects this many counts.
///
/// The textbook's 5 serves levels of a few percent. The tail of the statistic at 1e-6 is heavier than chi-square's
/// when expected counts are small (the skewness of a Poisson count is `1/√expected`), so more are asked for here.
const LEAST_EXPECTED: f64 = 20.0;

/// Tests `observed` counts against cell `probabilities`.
///
/// `Σ (O − n p)² / (n p)`, with the cells of smallest expectation pooled, is compared with chi-square on (cells − 1)
/// degrees of freedom, the usual approximation. A count in a cell of probability zero gives p-value zero.
pub fn chi_square(name: &str, observed: &[u64], probabilities: &[f64]) -> Test {
    let (statistic, df, detail) = match statistic(observed, probabilities) {
        Ok(s) => s,
        Err(detail) => {
            return Test {
                name: name.to_owned(),
                statistic: f64::INFINITY,
                p_value: 0.0,
                detail,
            };
        }
    };
    let p_value = if observed.iter().all(|n| *n == 0) {
        // Nothing was counted.
        f64::NAN
    } else if df == 0.0 {
        1.0
    } else {
        chi_square_tail(statistic, df)
    };
    Test {
        name: name.to_owned(),
        statistic,
        p_value,
        detail: format!("{df} degrees of freedom; {detail}"),
    }
}

/// Tests whether `ranks`, integers in `0..n_ranks`, are uniform, in at most `n_bins` bins of neighbouring ranks.
///
/// This is the test of simulation-based calibration (Talts, Betancourt, Simpson, Vehtari and Gelman 2018).
pub fn uniform_ranks(name: &str, ranks: &[usize], n_ranks: usize, n_bins: usize) -> Test {
    let n_bins = n_bins.clamp(1, n_ranks.max(1));
    let bin = |rank: usize| rank * n_bins / n_ranks;
    let (mut observed, mut widths) = (vec![0; n_bins], vec![0.0; n_bins]);
    for rank in 0..n_ranks {
        widths[bin(rank)] += 1.0 / n_ranks as f64;
    }
    for &rank in ranks {
        if rank >= n_ranks {
            let detail = format!("rank {rank} is not below {n_ranks}");
            return Test {
                name: name.to_owned(),
                statistic: f64::INFINITY,
                p_value: 0.0,
                detail,
            };
        }
        observed[bin(rank)] += 1;
    }
    chi_square(name, &observed, &widths)
}

/// The statistic, its degrees of freedom and the cell that contributes most; or what makes the hypothesis impossible.
///
/// Sums of statistics and degrees of freedom of independent experiments are again a chi-square statistic.
pub(crate) fn statistic(observed: &[u64], probabilities: &[f64]) -> Result<(f64, f64, String), String> {
    if observed.len() != probabilities.len() {
        return Err(format!(
            "{} counts for {} probabilities",
            observed.len(),
            probabilities.len()
        ));
    }
    let total: f64 = probabilities.iter().sum();
    if !probabilities.iter().all(|p| *p >= 0.0) || (total - 1.0).abs() > 1e-9 {
        return Err(format!(
            "these are no probabilities (their sum is {total}): {probabilities:?}"
        ));
    }
    if let Some(cell) = (0..observed.len()).find(|&k| observed[k] > 0 && probabilities[k] == 0.0) {
        return Err(format!(
            "cell {cell} has probability zero but was seen {} times",
            observed[cell]
        ));
    }
    let n: f64 = observed.iter().map(|&o| o as f64).sum();
    // Pooled smallest first, so that as many cells as possible stand alone.
    let mut order: Vec<usize> = (0..observed.len()).filter(|&k| probabilities[k] > 0.0).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]).then(a.cmp(&b)));
    let mut cells: Vec<(f64, f64, usize)> = Vec::new();
    let mut open = (0.0, 0.0, 0);
    for k in order {
        open = (open.0 + observed[k] as f64, open.1 + n * probabilities[k], k);
        if open.1 >= LEAST_EXPECTED {
            cells.push(open);
            open = (0.0, 0.0, 0);
        }
    }
    if open.1 > 0.0 {
        // What is left joins the last cell, the largest.
        match cells.last_mut() {
            Some(last) => *last = (last.0 + open.0, last.1 + open.1, last.2),
            None => cells.push(open),
        }
    }
    let contribution = |&(o, e, _): &(f64, f64, usize)| (o - e) * (o - e) / e;
    let sum: f64 = cells.iter().map(contribution).sum();
    let detail = cells
        .iter()
        .max_by(|a, b| contribution(a).total_cmp(&contribution(b)))
        .map_or("no counts".to_owned(), |c| {
            format!(
                "n = {n}, largest contribution from cell {}: seen {}, expected {:.3}",
                c.2, c.0, c.1
            )
        });
    Ok((sum, cells.len().saturating_sub(1) as f64, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::RngExt;

    #[test]
    fn a_worked_example() {
        // (44 − 50)²/50 + (56 − 50)²/50 = 1.44 on one degree of freedom: erfc(√0.72).
        let test = chi_square("coin", &[44, 56], &[0.5, 0.5]);
        assert!((test.statistic - 1.44).abs() < 1e-12);
        assert!((test.p_value - 0.230_139_340_443_409).abs() < 1e-12, "{test:?}");
    }

    #[test]
    fn p_values_of_true_hypotheses_are_uniform() {
        let mut rng = Seed::new(3).child("chi-square").rng();
        let probabilities = [0.4, 0.3, 0.2, 0.0999, 0.0001, 0.0];
        let ranks: Vec<usize> = (0..2000)
            .map(|_| {
                let mut observed = [0; 6];
                for _ in 0..1000 {
                    let (mut u, mut cell) = (rng.random::<f64>(), 0);
                    while u >= probabilities[cell] {
                        u -= probabilities[cell];
                        cell += 1;
                    }
                    observed[cell] += 1;
                }
                (chi_square("die", &observed, &probabilities).p_value * 10.0).min(9.0) as usize
            })
            .collect();
        uniform_ranks("p-values", &ranks, 10, 10).assert(1e-6);
    }

    #[test]
    fn wrong_hypotheses_are_rejected() {
        assert!(
            chi_square("biased", &[5300, 4700], &[0.5, 0.5])
                .verdict(1e-6)
                .is_err()
        );
        assert!(chi_square("nothing", &[0, 0], &[0.5, 0.5]).verdict(1e-6).is_err());
        assert_eq!(chi_square("impossible", &[99, 1], &[1.0, 0.0]).p_value, 0.0);
        assert_eq!(chi_square("no law", &[50, 50], &[0.5, 0.4]).p_value, 0.0);
        assert_eq!(chi_square("no law", &[50, 50], &[0.5, f64::NAN]).p_value, 0.0);
        assert!(
            uniform_ranks("piled up", &vec![0; 100], 4, 4)
                .verdict(1e-6)
                .is_err()
        );
    }
}
