//! Rank normalisation: what is left of a quantity when only the order of its draws counts.
//!
//! Draws are replaced by `z = Φ⁻¹((r − 3/8)/(S + 1/4))`, where `r` is the rank among all `S` draws of all chains, averaged over ties
//! (Blom 1958). Whatever law the quantity has, `z` is nearly normal, so that variances exist and R-hat means something for a Cauchy law
//! too. Folding, `|x − median|` before ranking, turns differences in scale into differences in location.
//!
//! Sorting is the dearest step of a summary and is done once a quantity: quantiles read it off, and the folded order is the merge of its
//! two sides.
//!
//! Source: Vehtari et al. (2021), section 4.

use gibbsian_core::special::normal_quantile;

use super::Chains;

/// The draws of a quantity in ascending order.
pub(super) struct Sorted {
    /// Positions in the chains, of the smallest draw first.
    order: Vec<usize>,
    /// The draws in that order.
    values: Vec<f64>,
}

impl Sorted {
    pub(super) fn new(chains: &Chains) -> Self {
        let mut keyed: Vec<(u64, usize)> = (0..)
            .zip(&chains.values)
            .map(|(place, &v)| (order_key(v), place))
            .collect();
        // Integer keys have a total order; ties share their rank, so that the order among them is of no consequence.
        keyed.sort_unstable_by_key(|&(key, _)| key);
        Sorted {
            order: keyed.iter().map(|&(_, place)| place).collect(),
            values: keyed.iter().map(|&(key, _)| of_order_key(key)).collect(),
        }
    }

    /// The draws in ascending order.
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The quantile of type 7 of Hyndman and Fan (1996): linear between the draws at `(S − 1) p`.
    ///
    /// A draw that is the quantile is returned as it is, since indicators compare with it.
    pub(super) fn quantile(&self, p: f64) -> f64 {
        let at = (self.values.len() - 1) as f64 * p;
        let below = at.floor();
        let (a, t) = (self.values[below as usize], at - below);
        let b = self.values[(below as usize + 1).min(self.values.len() - 1)];
        // From the nearer end.
        if t < 0.5 {
            a + (b - a) * t
        } else {
            b - (b - a) * (1.0 - t)
        }
    }

    /// The mean of the two middle draws, or the middle one. The two lie equally far from it, or nearly: rounding decides
    /// whether they are ties, so it is the rounding of this sum and of no other interpolation.
    fn median(&self) -> f64 {
        let n = self.values.len();
        0.5 * (self.values[(n - 1) / 2] + self.values[n / 2])
    }

    /// The order of the halved chains: the same without the middle draws, if there are any.
    pub(super) fn of_halves(&self, chains: &Chains) -> Self {
        let (n, half) = (chains.n_draws, chains.n_draws / 2);
        let (mut order, mut values) = (self.order.clone(), self.values.clone());
        if n % 2 == 1 {
            order.clear();
            values.clear();
            for (&place, &value) in self.order.iter().zip(&self.values) {
                let (chain, draw) = (place / n, place % n);
                if draw != half {
                    order.push(place - chain - usize::from(draw > half));
                    values.push(value);
                }
            }
        }
        Sorted { order, values }
    }

    /// The order of the distances from the median.
    pub(super) fn folded(&self) -> Self {
        let median = self.median();
        let (mut order, mut values) = (
            Vec::with_capacity(self.order.len()),
            Vec::with_capacity(self.order.len()),
        );
        let mut above = self.values.partition_point(|v| *v <= median);
        let mut below = above;
        while order.len() < self.order.len() {
            let left = if below > 0 {
                median - self.values[below - 1]
            } else {
                f64::INFINITY
            };
            let right = if above < self.values.len() {
                self.values[above] - median
            } else {
                f64::INFINITY
            };
            if left <= right {
                below -= 1;
                order.push(self.order[below]);
                values.push(left);
            } else {
                order.push(self.order[above]);
                values.push(right);
                above += 1;
            }
        }
        Sorted { order, values }
    }

    /// The normal scores of the draws at their places in the chains.
    pub(super) fn normalised(&self, chains: &Chains, scores: &NormalScores) -> Chains {
        let mut z = vec![0.0; self.order.len()];
        let mut first = 0;
        while first < self.order.len() {
            let mut end = first + 1;
            while end < self.order.len() && self.values[end] == self.values[first] {
                end += 1;
            }
            let score = scores.at(first, end);
            self.order[first..end].iter().for_each(|&place| z[place] = score);
            first = end;
        }
        Chains {
            values: z,
            unit: 1.0,
            ..*chains
        }
    }
}

/// `Φ⁻¹((r − 3/8)/(S + 1/4))` for the ranks `r = 1 … S`.
pub(super) struct NormalScores(Vec<f64>);

impl NormalScores {
    pub(super) fn new(size: usize) -> Self {
        NormalScores((1..=size).map(|rank| score(rank as f64, size)).collect())
    }

    /// The score of the mean rank of the draws that are number `first` to `end − 1` in order.
    fn at(&self, first: usize, end: usize) -> f64 {
        if end - first == 1 {
            self.0[first]
        } else {
            score(0.5 * (first + 1 + end) as f64, self.0.len())
        }
    }
}

fn score(rank: f64, size: usize) -> f64 {
    normal_quantile((rank - 0.375) / (size as f64 + 0.25))
}

/// An integer whose order is that of the doubles; the two zeros are neighbours, and ties all the same.
fn order_key(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The double of an [`order_key`].
fn of_order_key(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ties_share_the_score_of_their_mean_rank_and_zeros_are_ties() {
        let chains = Chains::new(array![[2.0, -0.0, 0.0, 5.0], [2.0, 2.0, -1.0, 7.0]].view()).unwrap();
        let z = Sorted::new(&chains).normalised(&chains, &NormalScores::new(8));
        let score = |rank: f64| normal_quantile((rank - 0.375) / 8.25);
        let ranks = [5.0, 2.5, 2.5, 7.0, 5.0, 5.0, 1.0, 8.0];
        assert_eq!(z.values, ranks.map(score));
    }

    #[test]
    fn quantiles_are_reached_from_the_nearer_end() {
        // 7.4 is 0.4 of the way from 5 to 11, and 9.8 is 0.8 of it.
        let chains = Chains::new(array![[5.0, 11.0, 5.0, 11.0]].view()).unwrap();
        let sorted = Sorted::new(&chains);
        assert_eq!(sorted.quantile(0.0), 5.0);
        assert_eq!(sorted.quantile(1.0), 11.0);
        assert!((sorted.quantile(1.4 / 3.0) - 7.4).abs() < 1e-14);
        // 10⁻¹⁶ of the way from the far end: 1 + 10¹⁶ (1 − 2⁻⁵³) would round away from the draw.
        let sorted = Sorted {
            order: vec![],
            values: vec![-1e16, 1.0],
        };
        assert_eq!(
            sorted.quantile(1.0 - f64::EPSILON / 2.0),
            1.0 - 1e16 * (f64::EPSILON / 2.0)
        );
    }

    #[test]
    fn the_folded_order_is_that_of_sorting_the_distances() {
        let draws = array![[3.0, 1.0, 4.0, 1.0, 5.0], [9.0, 2.0, 6.0, 5.0, 3.5]];
        let chains = Chains::new(draws.view()).unwrap();
        let folded = Sorted::new(&chains).folded();
        let mut distances: Vec<f64> = draws.iter().map(|v: &f64| (v - 3.75).abs()).collect();
        distances.sort_by(f64::total_cmp);
        assert_eq!(folded.values, distances);
        for (&place, &d) in folded.order.iter().zip(&folded.values) {
            assert_eq!((chains.values[place] - 3.75).abs(), d);
        }
    }

    #[test]
    fn keys_sort_as_doubles_do_and_come_back() {
        let values = [3.0, -0.0, 0.0, -1e-310, 5e-324, -2.5, 1e300, -1e300, 3.0];
        let mut keys: Vec<u64> = values.iter().map(|&v| order_key(v)).collect();
        keys.sort_unstable();
        let mut expected = values;
        expected.sort_by(f64::total_cmp);
        let found: Vec<u64> = keys.into_iter().map(|key| of_order_key(key).to_bits()).collect();
        assert_eq!(found, expected.map(f64::to_bits));
    }

    #[test]
    fn halving_commutes_with_sorting() {
        let draws = array![[3.0, 1.0, 4.0, 1.5, 5.0], [9.0, 2.0, 6.0, 5.5, 3.5]];
        let chains = Chains::new(draws.view()).unwrap();
        let halves = chains.halves();
        assert_eq!(halves.values, [3.0, 1.0, 1.5, 5.0, 9.0, 2.0, 5.5, 3.5]);
        let (one, other) = (Sorted::new(&chains).of_halves(&chains), Sorted::new(&halves));
        assert_eq!((one.order, one.values), (other.order, other.values));
    }
}
