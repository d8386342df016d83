//! The error of a smooth function of averages over independent chains.
//!
//! An estimate from draws at several temperatures depends on each draw only a little, and to first order additively:
//! `log Ẑ − log Z = (1/C) Σ_c φ_c`, where `φ_c` sums what the draws of chain `c` contribute at all temperatures (the influence function of
//! the estimate; the infinitesimal jackknife of Jaeckel, 1972). Chains are independent of each other, whatever happens inside them:
//! successive draws are correlated, the same draw serves two neighbouring temperatures, and a chain carries its state from
//! one temperature to the next. The variance between chains, `Var φ / C`, contains all of that and needs no autocorrelation time.
//! What the same draws would err by if they were independent is known too, and the ratio of the two is what the correlation costs.
//!
//! With `C` chains the error has `C − 1` degrees of freedom, so many short chains are better than a few long ones as long as
//! each has forgotten where it began.

/// The linearised contributions of draws to an estimate, added up by chain.
#[derive(Clone, Debug)]
pub(crate) struct Influence {
    /// `φ_c`, centred at each temperature.
    per_chain: Vec<f64>,
    /// The variance of the estimate if all draws were independent.
    independent_variance: f64,
    n_draws: usize,
}

impl Influence {
    /// No contribution yet, from `n_chains` chains of `n_draws` draws at each temperature.
    pub(crate) fn new(n_chains: usize, n_draws: usize) -> Self {
        Influence {
            per_chain: vec![0.0; n_chains],
            independent_variance: 0.0,
            n_draws,
        }
    }

    /// Adds the draws of one temperature, those of a chain side by side, whose mean enters the estimate. The mean itself is removed here.
    pub(crate) fn add(&mut self, values: &[f64]) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        self.independent_variance += squares / ((n - 1.0).max(1.0) * n);
        for (sum, draws) in self.per_chain.iter_mut().zip(values.chunks(self.n_draws)) {
            *sum += draws.iter().map(|v| v - mean).sum::<f64>() / draws.len() as f64;
        }
    }

    /// The number of independent chains `C`.
    pub(crate) fn n_chains(&self) -> usize {
        self.per_chain.len()
    }

    /// The number of draws at each temperature, over all chains.
    pub(crate) fn n_draws(&self) -> usize {
        self.n_draws * self.n_chains()
    }

    /// `φ_c` of every chain.
    pub(crate) fn per_chain(&self) -> &[f64] {
        &self.per_chain
    }

    /// `sd(φ) / √C`.
    pub(crate) fn standard_error(&self) -> f64 {
        mean_and_error(self.per_chain.iter().copied()).1
    }

    /// The share of the draws that count as independent: the variance of independent draws over the actual one, at most 1.
    pub(crate) fn efficiency(&self) -> f64 {
        let actual = self.standard_error().powi(2);
        if actual > self.independent_variance {
            self.independent_variance / actual
        } else {
            1.0
        }
    }

    /// The number of independent draws at each temperature that would err as much.
    pub(crate) fn effective_sample_size(&self) -> f64 {
        self.efficiency() * self.n_draws() as f64
    }
}

/// The mean and its standard error `sd / √n`.
pub(crate) fn mean_and_error(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_draws_are_worth_their_number_and_repeated_ones_a_chain_each() {
        let values: Vec<f64> = (0..400).map(|i| (f64::from(i) * 1.7).sin()).collect();
        let mut independent = Influence::new(400, 1);
        independent.add(&values);
        assert!((independent.effective_sample_size() - 400.0).abs() < 1e-9);

        let repeated: Vec<f64> = values.iter().flat_map(|v| [*v; 4]).collect();
        let mut chains = Influence::new(400, 4);
        chains.add(&repeated);
        assert!((chains.standard_error() - independent.standard_error()).abs() < 1e-12);
        assert!((chains.effective_sample_size() / 400.0 - 1.0).abs() < 0.01);
    }

    #[test]
    fn temperatures_add_up_within_a_chain() {
        // The same chains at two temperatures, contributing with opposite signs: the estimate does not err at all.
        let values: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.9).cos()).collect();
        let negative: Vec<f64> = values.iter().map(|v| -v).collect();
        let mut influence = Influence::new(20, 3);
        influence.add(&values);
        influence.add(&negative);
        assert!(influence.standard_error() < 1e-15);
    }
}
