//! What cluster moves report.

use gibbsian_core::{Acceptance, StepInfo};

/// The clusters that a sweep cut a chain into.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Partition {
    /// How many there were.
    pub n_clusters: u64,
    /// The number of sites in the largest.
    pub largest: u64,
    /// `Σ_C n_C²` over clusters of `n_C` sites.
    pub squares: f64,
    n_sites: u64,
}

impl Partition {
    /// The partition of so many sites into clusters of these sizes; zeros are none.
    pub(crate) fn of_sizes(n_sites: usize, sizes: &[u32]) -> Self {
        // Sizes add up to less than 2³², so that their squares do to less than 2⁶⁴.
        let squares: u64 = sizes.iter().map(|&size| u64::from(size) * u64::from(size)).sum();
        Partition {
            n_clusters: sizes.iter().filter(|&&size| size > 0).count() as u64,
            largest: sizes.iter().copied().max().unwrap_or(0).into(),
            squares: squares as f64,
            n_sites: n_sites as u64,
        }
    }

    /// `Σ_C n_C² / N`, the size of the cluster that a uniformly drawn site is in.
    ///
    /// For a ferromagnet of spins without fields its mean is `⟨(Σ_i x_i)²⟩ / N`, with less variance than the square itself (Wolff 1988).
    pub fn mean_size(&self) -> f64 {
        self.squares / self.n_sites as f64
    }
}

/// A partition of each chain; the statistic `cluster_size` is [`Partition::mean_size`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partitions(pub Vec<Partition>);

impl StepInfo for Partitions {
    const STATISTICS: &'static [&'static str] = &["cluster_size", "n_clusters", "largest_cluster"];

    fn statistic(&self, index: usize, chain: usize) -> f64 {
        let partition = &self.0[chain];
        match index {
            0 => partition.mean_size(),
            1 => partition.n_clusters as f64,
            2 => partition.largest as f64,
            _ => panic!("no statistic {index} of chain {chain} is reported"),
        }
    }
}

/// The cluster that was grown in a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// The number of sites in it. It is the cluster of a uniformly drawn site, so that [`Partition::mean_size`] has the same mean.
    pub size: u64,
    /// Whether it was turned.
    pub accepted: bool,
    /// The probability with which it was, one without fields.
    pub probability: f64,
}

/// A turn of each chain; the statistic `cluster_size` is [`Turn::size`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turns(pub Vec<Turn>);

impl StepInfo for Turns {
    const STATISTICS: &'static [&'static str] = &["cluster_size"];

    fn acceptance(&self) -> Acceptance {
        Acceptance {
            proposed: self.0.len() as u64,
            accepted: self.0.iter().filter(|turn| turn.accepted).count() as u64,
            undefined: 0,
            probability: self.0.iter().map(|turn| turn.probability).sum(),
        }
    }

    fn statistic(&self, index: usize, chain: usize) -> f64 {
        assert_eq!(index, 0, "no statistic {index} of chain {chain} is reported");
        self.0[chain].size as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_counts_its_clusters() {
        let partition = Partition::of_sizes(6, &[3, 0, 2, 0, 0, 1]);
        assert_eq!((partition.n_clusters, partition.largest), (3, 3));
        assert_eq!((partition.squares, partition.mean_size()), (14.0, 14.0 / 6.0));
        let all = Partitions(vec![Partition::default(), partition]);
        assert_eq!(
            [0, 1, 2].map(|index| all.statistic(index, 1)),
            [14.0 / 6.0, 3.0, 3.0]
        );
    }

    #[test]
    fn turns_are_proposals() {
        let turn = |accepted, probability| Turn {
            size: 4,
            accepted,
            probability,
        };
        let acceptance = Turns(vec![turn(true, 0.75), turn(false, 0.25), turn(true, 0.5)]).acceptance();
        assert_eq!((acceptance.proposed, acceptance.accepted), (3, 2));
        assert_eq!(acceptance.rate(), 0.5);
    }
}
