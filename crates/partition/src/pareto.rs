//! The tail of the weights: how many moments do they have?
//!
//! The largest weights exceed a high threshold by amounts that follow a generalised Pareto law of shape `k`; weights have finite
//! variance when `k < 1/2` and a finite mean when `k < 1`. The shape is estimated by the empirical Bayes posterior mean of
//! Zhang and Stephens (2009), "A new and efficient estimation method for the generalized Pareto distribution", pulled
//! towards 1/2 as if by ten further observations (Vehtari et al., 2024, appendix G).

/// The fewest exceedances worth fitting.
const MIN_TAIL: usize = 5;

/// The shape of the upper tail of `sorted` (ascending, non-negative), or `None` if there is no tail to fit.
pub(crate) fn pareto_shape(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len() as f64;
    let n_tail = (0.2 * n).min(3.0 * n.sqrt()).ceil() as usize;
    if n_tail < MIN_TAIL || n_tail >= sorted.len() {
        return None;
    }
    let (body, tail) = sorted.split_at(sorted.len() - n_tail);
    let threshold = body[body.len() - 1];
    let excesses: Vec<f64> = tail.iter().map(|w| w - threshold).collect();
    fit_shape(&excesses)
}

/// The shape of a generalised Pareto law with given excesses, ascending.
fn fit_shape(excesses: &[f64]) -> Option<f64> {
    let n = excesses.len();
    let largest = excesses[n - 1];
    let quartile = excesses[(n as f64 / 4.0 + 0.5).floor() as usize - 1];
    if quartile <= largest * f64::EPSILON {
        return None;
    }
    // In the parametrisation θ = k/σ (negated) the shape maximises the likelihood in closed form, k(θ) = mean log(1 − θ x), and
    // the profile log-likelihood is n (log(−θ/k) − k − 1). The prior puts θ on a grid around the inverse scale.
    let shape = |theta: f64| excesses.iter().map(|x| (-theta * x).ln_1p()).sum::<f64>() / n as f64;
    let n_grid = 30 + (n as f64).sqrt().floor() as usize;
    let thetas: Vec<f64> = (1..=n_grid)
        .map(|j| 1.0 / largest + (1.0 - (n_grid as f64 / (j as f64 - 0.5)).sqrt()) / (3.0 * quartile))
        .collect();
    let profiles: Vec<f64> = thetas
        .iter()
        .map(|&theta| {
            let k = shape(theta);
            n as f64 * ((-theta / k).ln() - k - 1.0)
        })
        .collect();
    let best = profiles.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut mean, mut total) = (0.0, 0.0);
    for (theta, profile) in thetas.iter().zip(&profiles) {
        let weight = (profile - best).exp();
        mean += weight * theta;
        total += weight;
    }
    let k = shape(mean / total);
    let n = n as f64;
    let pulled = (k * n + 10.0 * 0.5) / (n + 10.0);
    pulled.is_finite().then_some(pulled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quantiles of a generalised Pareto law stand for a perfect sample of it.
    fn quantiles(k: f64, n: usize) -> Vec<f64> {
        (0..n)
            .map(|i| {
                let q = 1.0 - (i as f64 + 0.5) / n as f64;
                if k == 0.0 { -q.ln() } else { (q.powf(-k) - 1.0) / k }
            })
            .collect()
    }

    #[test]
    fn the_shape_of_a_pareto_law_is_found_up_to_the_pull() {
        for k in [-0.3, 0.0, 0.3, 0.7, 1.0] {
            let found = fit_shape(&quantiles(k, 2_000)).unwrap();
            let pulled = (k * 2_000.0 + 5.0) / 2_010.0;
            // The maximum-likelihood error is (1 + k) / √n; a quantile sample has far less.
            assert!(
                (found - pulled).abs() < 0.5 * (1.0 + k) / 2_000f64.sqrt(),
                "{k}: {found}"
            );
        }
    }

    #[test]
    fn without_a_tail_there_is_no_shape() {
        assert_eq!(pareto_shape(&[1.0; 1_000]), None);
        assert_eq!(pareto_shape(&[0.1, 0.2, 0.3]), None);
        assert!(pareto_shape(&quantiles(0.2, 25)).is_some());
    }
}
