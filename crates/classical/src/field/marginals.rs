//! What inference returns: a labelling with its energy, or how likely each label is at each site; and how the iteration ended.

use ndarray::{Array1, Array2, ArrayView1};

/// Probabilities of labels, site by site.
#[derive(Clone, Debug, PartialEq)]
pub struct Marginals {
    /// `p(y_i = a)`, `(N, q)`; every row sums to one.
    pub probabilities: Array2<f64>,
    pub(super) labels: Vec<f64>,
}

impl Marginals {
    /// The likeliest label of each site by itself (Marroquin, Mitter and Poggio 1987), the first of several that are equally likely.
    ///
    /// With the true marginals no estimate has fewer wrong labels in expectation; the lowest energy has the likeliest state as a whole, which is something else.
    pub fn likeliest(&self) -> Array1<f64> {
        let best = |p: ArrayView1<f64>| (1..p.len()).fold(0, |best, a| if p[a] > p[best] { a } else { best });
        self.probabilities
            .rows()
            .into_iter()
            .map(|p| self.labels[best(p)])
            .collect()
    }

    /// The mean label of each site, the estimate of least expected squared error where labels are grey levels.
    pub fn means(&self) -> Array1<f64> {
        self.probabilities.dot(&ArrayView1::from(&self.labels))
    }

    /// The expected number of wrong labels of a decision `y` `(N)`, as a share of the sites: `1 − (1/N) Σ_i p(y_i)`.
    ///
    /// A value that is no label is always wrong.
    ///
    /// # Panics
    /// When `y` has another length.
    pub fn expected_error(&self, y: ArrayView1<f64>) -> f64 {
        assert_eq!(
            y.len(),
            self.probabilities.nrows(),
            "a decision has a label for each site"
        );
        let right = y.iter().zip(self.probabilities.rows()).map(|(y, p)| {
            let number = self.labels.iter().position(|label| label == y);
            number.map_or(0.0, |a| p[a])
        });
        1.0 - right.sum::<f64>() / y.len() as f64
    }
}

/// A state that a method decided for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Labelling {
    /// The labels `(N)`.
    pub labels: Array1<f64>,
    /// Their energy.
    pub energy: f64,
    /// How the search for them ended.
    pub convergence: Convergence,
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    /// Whether the last change was within the tolerance.
    pub converged: bool,
    /// The number of rounds over all sites.
    pub n_rounds: usize,
    /// The last change, in the quantity that the method names.
    pub residual: f64,
}
