//! Student's t in several dimensions.
//!
//! With the whitening matrix of the scale matrix, the kernel below the multivariate normal, the squared distance `q` is a sum of squares that does not cancel
//! however ill-conditioned the matrix is; and everything else is the normal score `g = −Σ⁻¹ (x − μ)` times a number: the score is `w g` with
//! the weight `w = (ν + D)/(ν + q)`, small for points far out, and its Jacobian is `w (−Σ⁻¹ + 2 g gᵀ/(ν + q))`.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::Result;
use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Density, Energy, Potential, Score, ScoreJvp, Space, Streams};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::gaussian::rows::for_rows;
use crate::gaussian::whitening::Whitening;
use crate::gaussian::{assert_score_shapes, check_parts};
use crate::student_tail::{
    check_degrees_of_freedom, draw_spread, log_normaliser_beyond_normal, tail_energy, variance_factor,
};

/// Student's t density on `D` dimensions, of location `μ`, scale matrix `Σ` and `ν` degrees of freedom:
/// `p(x) = Γ((ν+D)/2) / (Γ(ν/2) √|νπΣ|) · (1 + q/ν)^(−(ν+D)/2)` with `q = (x − μ)ᵀ Σ⁻¹ (x − μ)`.
///
/// The energy is `½ (ν + D) log(1 + q/ν)`, the score `−(ν + D)/(ν + q) Σ⁻¹ (x − μ)`. The coordinates depend on each other even where `Σ` is diagonal.
/// Marginals are of the same form with the part of `Σ` and the same `ν`. Points whose `q` overflows, beyond 10¹⁵⁰ scales, count as
/// infinitely far.
///
/// A draw is `μ + √(ν/V) L z` with a standard normal `z` and one chi-squared `V` of `ν` degrees of freedom (Kotz and Nadarajah 2004, section 1.1).
/// Where `L z √(ν/V)` would leave the range of doubles, which `ν` under 0.05 give now and then, the coordinates of `z √(ν/V)` are cut to what `L` can
/// be multiplied with, so that draws are finite.
///
/// ```
/// use gibbsian_core::{Density, Score};
/// use gibbsian_densities::MultivariateStudentT;
/// use ndarray::array;
///
/// let student = MultivariateStudentT::new(array![1.0, 0.0], array![[4.0, 2.0], [2.0, 5.0]], 3.0)?;
/// // q = 1: the normal score (−½, 0) times (3 + 2)/(3 + 1).
/// assert_eq!(student.score(array![[3.0, 1.0]].view()), array![[-0.625, 0.0]]);
/// assert_eq!(student.covariance(), array![[12.0, 6.0], [6.0, 15.0]]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultivariateStudentT {
    location: Array1<f64>,
    whitening: Whitening,
    degrees_of_freedom: f64,
}

impl MultivariateStudentT {
    /// The density of this location `(D)`, scale matrix `(D, D)` and degrees of freedom.
    ///
    /// # Errors
    /// Shapes that do not fit, entries that are not finite, a matrix that is not symmetric or not positive definite, as
    /// [`MultivariateNormal::from_covariance`](crate::MultivariateNormal::from_covariance) says; degrees of freedom that are not finite and
    /// greater than zero.
    pub fn new(location: Array1<f64>, scale_matrix: Array2<f64>, degrees_of_freedom: f64) -> Result<Self> {
        check_parts("location", &location, "scale_matrix", &scale_matrix)?;
        check_degrees_of_freedom(degrees_of_freedom)?;
        let whitening = Whitening::from_covariance("scale_matrix", scale_matrix.view())?;
        Ok(MultivariateStudentT {
            location,
            whitening,
            degrees_of_freedom,
        })
    }

    /// The location `μ` `(D)`, which is the mode.
    pub fn location(&self) -> ArrayView1<'_, f64> {
        self.location.view()
    }

    /// The scale matrix `Σ` `(D, D)`, which is not the covariance.
    pub fn scale_matrix(&self) -> Array2<f64> {
        self.whitening.covariance()
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The mean `μ` `(D)`; NaN for `ν ≤ 1`, which have none.
    pub fn mean(&self) -> Array1<f64> {
        if self.degrees_of_freedom > 1.0 {
            self.location.clone()
        } else {
            Array1::from_elem(self.dim(), f64::NAN)
        }
    }

    /// The covariance `Σ ν/(ν − 2)` `(D, D)`; NaN for `ν ≤ 2`, which have none.
    pub fn covariance(&self) -> Array2<f64> {
        let factor = variance_factor(self.degrees_of_freedom);
        let factor = if factor.is_finite() { factor } else { f64::NAN };
        self.scale_matrix() * factor
    }

    fn location_slice(&self) -> &[f64] {
        self.location.as_slice().expect("owned arrays are contiguous")
    }

    /// `ν + D`.
    fn exponent(&self) -> f64 {
        self.degrees_of_freedom + self.dim() as f64
    }

    /// Writes the energies of rows that lie one after the other.
    fn energies(&self, rows: &[f64], out: &mut [f64]) {
        self.whitening.energies(self.location_slice(), rows, out);
        for out in out {
            *out = tail_energy(2.0 * *out, self.degrees_of_freedom, self.exponent());
        }
    }

    /// The weights `w` and `ν + q` of the rows.
    fn weights(&self, rows: &[f64]) -> Vec<(f64, f64)> {
        let mut half_squares = vec![0.0; rows.len() / self.dim()];
        self.whitening
            .energies(self.location_slice(), rows, &mut half_squares);
        let weight = |half: f64| {
            let reach = self.degrees_of_freedom + 2.0 * half;
            (self.exponent() / reach, reach)
        };
        half_squares.into_iter().map(weight).collect()
    }
}

/// Multiplies by a weight; infinitely far out that is zero, whatever the factor.
fn weigh(weight: f64, values: &mut [f64]) {
    for value in values {
        *value = if weight == 0.0 { 0.0 } else { weight * *value };
    }
}

impl Space for MultivariateStudentT {
    fn dim(&self) -> usize {
        self.location.len()
    }
}

impl Energy for MultivariateStudentT {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        for_rows(x, [out.insert_axis(Axis(1))], &|rows, [out]| {
            self.energies(rows, out)
        });
    }
}

impl Density for MultivariateStudentT {
    /// `½ log |νπΣ| + log Γ(ν/2) − log Γ((ν + D)/2)`.
    fn log_z(&self) -> f64 {
        self.whitening.log_z() + log_normaliser_beyond_normal(self.degrees_of_freedom, self.dim())
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let streams = Streams::draw(rng);
        let colouring = self.whitening.colouring();
        let (d, reach) = (self.dim(), colouring.reach());
        let mut x = Array2::zeros((n, d));
        for_each_block(x.view_mut(), |block, mut rows| {
            let mut rng = streams.block(block);
            let mut z = vec![0.0; rows.len()];
            for z in z.chunks_exact_mut(d) {
                let spread = draw_spread(self.degrees_of_freedom, &mut rng);
                for z in z {
                    // An infinite number times a zero of L would be NaN.
                    *z = (spread * rng.sample::<f64, _>(StandardNormal)).clamp(-reach, reach);
                }
            }
            rows.assign(&self.location);
            colouring.add_to(&z, rows.as_slice_mut().expect("rows of an owned array"));
            // A location may itself be at the end of the range.
            rows.mapv_inplace(|x| x.clamp(-f64::MAX, f64::MAX));
        });
        x
    }
}

impl Score for MultivariateStudentT {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        assert_score_shapes(x, &out);
        assert_eq!(x.ncols(), self.dim(), "x has shape {:?}", x.shape());
        for_rows(x, [out], &|rows, [out]| {
            self.whitening.scores(self.location_slice(), rows, out);
            for (out, (weight, _)) in out.chunks_exact_mut(self.dim()).zip(self.weights(rows)) {
                weigh(weight, out);
            }
        });
    }
}

impl Potential for MultivariateStudentT {}

impl ScoreJvp for MultivariateStudentT {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        let d = self.dim();
        assert_score_shapes(x, &score);
        assert_score_shapes(v, &jvp);
        assert!(
            x.ncols() == d && v.dim() == x.dim(),
            "x has shape {:?} and v has shape {:?}, but they must be (B, {d})",
            x.shape(),
            v.shape(),
        );
        // Side by side, so that one cut into parts has the rows of both.
        let both = ndarray::concatenate![Axis(1), x, v];
        let origin = vec![0.0; d];
        for_rows(both.view(), [score, jvp], &|both, [score, jvp]| {
            let half = |first: usize| -> Vec<f64> {
                both.chunks_exact(2 * d)
                    .flat_map(|row| &row[first..first + d])
                    .copied()
                    .collect()
            };
            let (x, v) = (half(0), half(d));
            self.whitening.scores(self.location_slice(), &x, score);
            self.whitening.scores(&origin, &v, jvp);
            let rows = score.chunks_exact_mut(d).zip(jvp.chunks_exact_mut(d));
            for (((score, jvp), v), (weight, reach)) in rows.zip(v.chunks_exact(d)).zip(self.weights(&x)) {
                let along: f64 = score.iter().zip(v).map(|(g, v)| g * v).sum();
                let pull = 2.0 * along / reach;
                for (score, jvp) in score.iter().zip(&mut *jvp) {
                    *jvp += pull * score;
                }
                weigh(weight, jvp);
                weigh(weight, score);
            }
        });
    }

    /// `w (−tr Σ⁻¹ + 2 |g|²/(ν + q))`.
    fn divergence_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let (d, trace) = (self.dim(), self.whitening.precision_trace());
        for_rows(x, [out.insert_axis(Axis(1))], &|rows, [out]| {
            let mut scores = vec![0.0; rows.len()];
            self.whitening.scores(self.location_slice(), rows, &mut scores);
            let scores = scores.chunks_exact(d);
            for ((out, g), (weight, reach)) in out.iter_mut().zip(scores).zip(self.weights(rows)) {
                let square: f64 = g.iter().map(|g| g * g).sum();
                *out = 2.0 * square / reach - trace;
                weigh(weight, std::slice::from_mut(out));
            }
        });
    }
}
