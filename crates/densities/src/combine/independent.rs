//! Independent blocks of coordinates.
//!
//! `p(x) = Π_m p_m(x_m)`, where `x = (x_1, …, x_M)` is cut into the coordinates of each part, in order. Energies and log-densities
//! add, scores and Jacobian-vector products lie side by side, divergences add.

use std::ops::Range;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{Result, check_count};
use gibbsian_core::{Density, Discrete, DiscreteEnergy, Energy, Potential, Score, ScoreJvp, Space, Streams};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};
use rand::Rng;

use super::alphabets::Combinations;

/// The product of densities on separate coordinates.
///
/// The parts may be of one type, or of several behind `Box<dyn Density>` or [`Box<dyn SmoothDensity>`](super::SmoothDensity). The
/// energy is the sum of the parts' energies.
///
/// ```
/// use gibbsian_core::{Density, Space};
/// use gibbsian_densities::{Independent, LinearGaussianChain};
/// use ndarray::{array, Array2};
///
/// let part = LinearGaussianChain::new(Array2::zeros((2, 2)), array![0.0, 1.0], array![1.0, 2.0])?;
/// let both = Independent::new(vec![&part, &part])?;
/// assert_eq!(both.dim(), 4);
///
/// let (x, y) = (array![[0.5, -1.0]], array![[0.5, -1.0, 0.5, -1.0]]);
/// assert_eq!(both.log_density(y.view()), 2.0 * part.log_density(x.view()));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Independent<P> {
    parts: Vec<P>,
    /// Where the coordinates of each part begin, and the dimension at the end.
    starts: Vec<usize>,
}

impl<P: Space> Independent<P> {
    /// The product of `parts`, the first coordinates being those of the first.
    ///
    /// # Errors
    /// No parts.
    pub fn new(parts: Vec<P>) -> Result<Self> {
        check_count("the number of parts", parts.len())?;
        let mut starts = vec![0];
        for part in &parts {
            starts.push(starts[starts.len() - 1] + part.dim());
        }
        Ok(Independent { parts, starts })
    }

    /// The parts.
    pub fn parts(&self) -> &[P] {
        &self.parts
    }

    /// Each part with its coordinates.
    fn blocks(&self) -> impl Iterator<Item = (&P, Range<usize>)> {
        self.parts
            .iter()
            .zip(self.starts.windows(2).map(|ends| ends[0]..ends[1]))
    }

    /// The part that `site` belongs to, and where its coordinates begin.
    fn part_of(&self, site: usize) -> (&P, Range<usize>) {
        let m = self.starts.partition_point(|&start| start <= site) - 1;
        (&self.parts[m], self.starts[m]..self.starts[m + 1])
    }

    /// Writes the sum over the parts of what `value` gives for their coordinates. Where infinite terms of both signs meet, it is `outside`: the
    /// pole of one part does not make up for a coordinate that lies outside the support of another.
    fn add_up(
        &self,
        x: ArrayView2<f64>,
        mut out: ArrayViewMut1<f64>,
        outside: f64,
        value: impl Fn(&P, ArrayView2<f64>, ArrayViewMut1<f64>),
    ) {
        assert_energy_shapes(self.dim(), x, &out);
        out.fill(0.0);
        let mut term = Array1::zeros(x.nrows());
        for (part, sites) in self.blocks() {
            value(part, x.slice(s![.., sites]), term.view_mut());
            out.zip_mut_with(&term, |out, term| {
                let sum = *out + term;
                *out = if sum.is_nan() && !out.is_nan() && !term.is_nan() {
                    outside
                } else {
                    sum
                };
            });
        }
    }

    /// Panics with both shapes unless `out` has a row of `D` numbers for each of `x`.
    #[track_caller]
    fn assert_rows(&self, x: ArrayView2<f64>, out: &ArrayViewMut2<f64>) {
        assert!(
            x.ncols() == self.dim() && out.dim() == x.dim(),
            "x has shape {:?} and out has shape {:?}, but both must be (B, {})",
            x.shape(),
            out.shape(),
            self.dim(),
        );
    }
}

impl<P: Energy> Independent<P> {
    /// NaN for rows whose energy is not finite, because of whichever part, and otherwise zero; `(B, 1)`.
    fn spoilt(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.energy(x).mapv(|e| 0.0 * e).insert_axis(Axis(1))
    }
}

impl<P: Space> Space for Independent<P> {
    fn dim(&self) -> usize {
        self.starts[self.parts.len()]
    }
}

impl<P: Energy> Energy for Independent<P> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.add_up(x, out, f64::INFINITY, |part, x, out| part.energy_into(x, out));
    }
}

impl<P: Density> Density for Independent<P> {
    fn log_z(&self) -> f64 {
        self.parts.iter().map(Density::log_z).sum()
    }

    fn log_density_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.add_up(x, out, f64::NEG_INFINITY, |part, x, out| {
            part.log_density_into(x, out);
        });
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let mut out = Array2::zeros((n, self.dim()));
        for (m, (part, sites)) in self.blocks().enumerate() {
            let draws = part.sample(n, &mut streams.part(m as u64).block(0));
            out.slice_mut(s![.., sites]).assign(&draws);
        }
        out
    }
}

impl<P: Score> Score for Independent<P> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.assert_rows(x, &out);
        for (part, sites) in self.blocks() {
            part.score_into(x.slice(s![.., sites.clone()]), out.slice_mut(s![.., sites]));
        }
    }
}

impl<P: Potential> Potential for Independent<P> {}

impl<P: ScoreJvp> ScoreJvp for Independent<P> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut score: ArrayViewMut2<f64>,
        mut jvp: ArrayViewMut2<f64>,
    ) {
        self.assert_rows(x, &score);
        self.assert_rows(v, &jvp);
        for (part, sites) in self.blocks() {
            part.score_jvp_into(
                x.slice(s![.., sites.clone()]),
                v.slice(s![.., sites.clone()]),
                score.slice_mut(s![.., sites.clone()]),
                jvp.slice_mut(s![.., sites]),
            );
        }
    }

    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.add_up(x, out, f64::NAN, |part, x, out| part.divergence_into(x, out));
    }
}

impl<P: Discrete> Discrete for Independent<P> {
    fn alphabet(&self, site: usize) -> &[f64] {
        let (part, sites) = self.part_of(site);
        part.alphabet(site - sites.start)
    }

    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        // Symbols first, whose sites have their numbers here and not those that the parts know.
        Combinations(self).check_states(name, x)?;
        self.blocks()
            .try_for_each(|(part, sites)| part.check_states(name, x.slice(s![.., sites])))
    }

    fn n_states(&self) -> Option<u64> {
        self.parts
            .iter()
            .try_fold(1u64, |count, part| count.checked_mul(part.n_states()?))
    }

    /// The states of the first part change fastest. A part that has more of them than `u64` takes all of the number that is left.
    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        let n_states: Vec<_> = self.parts.iter().map(Discrete::n_states).collect();
        for (k, mut row) in out.axis_chunks_iter_mut(Axis(0), 1).enumerate() {
            let mut rest = first + k as u64;
            for ((part, sites), n_states) in self.blocks().zip(&n_states) {
                let (own, others) = n_states.map_or((rest, 0), |n| (rest % n, rest / n));
                part.states_into(own, row.slice_mut(s![.., sites]));
                rest = others;
            }
        }
    }
}

impl<P: DiscreteEnergy> DiscreteEnergy for Independent<P> {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let (part, sites) = self.part_of(site);
        part.site_deltas_into(x.slice(s![.., sites.clone()]), site - sites.start, out.view_mut());
        out += &self.spoilt(x);
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (part, sites) in self.blocks() {
            part.flip_deltas_into(x.slice(s![.., sites.clone()]), out.slice_mut(s![.., sites]));
        }
        out += &self.spoilt(x);
    }
}
