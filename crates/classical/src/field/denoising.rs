//! A picture and what noise made of it, as one model.
//!
//! The prior `p(y) ∝ exp(−E(y))` says that neighbours tend to agree, the noise `Π_i p(x_i | y_i)` says what is seen. Their product is the joint model
//!
//! `p(y, x) = exp(−E(y) + Σ_i log p(x_i | y_i)) / Z`,
//!
//! and for a given `x` its exponent, as a function of `y`, is the field of the posterior: `p(y | x) = p(y, x) / p(x)` differs from it by a factor
//! without `y`. So the likeliest `y` given `x` is the `y` of the likeliest pair with this `x`, and no normaliser is needed to find it; but the *joint* maximum over both
//! `y` and `x` is another question, and so is the likeliest label of each site by itself.

use gibbsian_core::{Error, Result, Space};
use ndarray::{Array2, Array3, ArrayView1, Axis, concatenate, s};

use super::{FlipNoise, Noise, PairwiseField};
use crate::graph::Graph;

/// A prior field and the noise through which it is seen.
///
/// ```
/// use gibbsian_classical::field::{Denoiser, FlipNoise, PairwiseField, lowest_by_cut};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::{Array2, array};
///
/// let graph = Graph::lattice(&[3, 3], Boundary::Open)?;
/// let prior = PairwiseField::potts(graph, vec![0.0, 1.0], Array2::zeros((9, 2)), 1.0)?;
/// let denoiser = Denoiser::new(prior, FlipNoise::symmetric(vec![0.0, 1.0], 0.1)?);
/// let noisy = array![1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
/// let restored = lowest_by_cut(&denoiser.posterior(noisy.view())?)?;
/// assert_eq!(restored.labels, array![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Denoiser<N> {
    prior: PairwiseField,
    noise: N,
}

impl<N: Noise> Denoiser<N> {
    /// The model of pictures from `prior` seen through `noise`.
    pub fn new(prior: PairwiseField, noise: N) -> Self {
        Denoiser { prior, noise }
    }

    /// The prior.
    pub fn prior(&self) -> &PairwiseField {
        &self.prior
    }

    /// The noise.
    pub fn noise(&self) -> &N {
        &self.noise
    }

    /// The field of `p(y | x)`, with the energy `E(y) − Σ_i log p(x_i | y_i)` of the joint model at this `x`: no constant is dropped.
    ///
    /// # Errors
    /// An `x` of another size, an observation that the noise cannot give, or noise with other labels than the prior.
    pub fn posterior(&self, x: ArrayView1<f64>) -> Result<PairwiseField> {
        if x.len() != self.prior.dim() {
            return Err(Error::shape("x", x.shape(), format!("[{}]", self.prior.dim())));
        }
        let mut unary = Array2::zeros(self.prior.unary.raw_dim());
        for (site, mut row) in unary.rows_mut().into_iter().enumerate() {
            let out = row.as_slice_mut().expect("rows are slices");
            self.noise
                .energies_into(site, x[site], self.prior.labels(), out)?;
        }
        unary += &self.prior.unary;
        self.prior.with_unary(unary)
    }
}

impl Denoiser<FlipNoise> {
    /// The field of `p(y, x)` on `2N` sites: first the true labels `y`, then the observed ones `x`, with a bond from each to its own after the bonds of the prior.
    ///
    /// # Errors
    /// Noise with other labels than the prior.
    pub fn joint(&self) -> Result<PairwiseField> {
        let (prior, n) = (&self.prior, self.prior.dim());
        if prior.labels() != self.noise.labels() {
            let requirement = format!("{:?}, the alphabet of the field", prior.labels());
            let given = format!("{:?}", self.noise.labels());
            return Err(Error::parameter("the labels of the noise", given, requirement));
        }
        let q = prior.n_labels();
        let graph = seen_through_noise(prior.graph())?;
        let unary = concatenate![Axis(0), prior.unary, Array2::zeros((n, q))];
        let n_tables = prior.tables.shape()[0];
        let mut tables = Array3::zeros((n_tables + 1, q, q));
        tables.slice_mut(s![..n_tables, .., ..]).assign(&prior.tables);
        tables
            .slice_mut(s![n_tables, .., ..])
            .assign(&self.noise.probabilities().mapv(|p| -p.ln()));
        let table_of_bond = prior.table_of_bond().iter().copied().chain(vec![n_tables; n]);
        PairwiseField::new(
            graph,
            prior.labels().to_vec(),
            unary,
            tables,
            table_of_bond.collect(),
        )
    }
}

/// The graph with a second site for every site, what is seen of it, and a bond between the two.
pub(super) fn seen_through_noise(graph: &Graph) -> Result<Graph> {
    let n = graph.n_sites();
    let bonds = graph.bonds().iter().copied().chain((0..n).map(|i| [i, n + i]));
    Graph::new(2 * n, bonds.collect())
}
