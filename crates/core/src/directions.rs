//! Random directions, and the traces that are estimated along them.
//!
//! A trace is an expectation, `tr A = E vᵀAv`, for every law of directions with `E vvᵀ = I` (Hutchinson 1990), so the divergence of a score costs one
//! Jacobian-vector product a direction instead of one a coordinate. Sliced score matching and the likelihoods of probability flows rest on it. All laws here
//! have that second moment; those on the sphere therefore have radius `√D`, not 1, and estimate a trace `D` times too small otherwise.
//!
//! They differ in their fourth moments, that is in the noise of an estimate. With `S = (A + Aᵀ)/2`,
//!
//! | directions | `Var vᵀAv` | exact for |
//! |---|---|---|
//! | [`Gaussian`](Directions::Gaussian) | `2 ‖S‖²` | nothing |
//! | [`Rademacher`](Directions::Rademacher) | `2 (‖S‖² − Σ_i S_ii²)` | diagonal matrices |
//! | [`Sphere`](Directions::Sphere) | `2 (D ‖S‖² − (tr S)²)/(D + 2)` | multiples of the identity |
//!
//! in Frobenius norms (for the first two Avron and Toledo 2011; for the third from `E u_i²u_j² = (1 + 2δ_ij)/(D(D + 2))` on the unit sphere). Signs have the least variance of all directions with independent
//! coordinates, and they and the sphere are never worse than the Gaussian: the one drops the diagonal, the other a multiple of the identity. An estimate is never a default: it is
//! asked for by name, and `ScoreJvp::divergence` stays exact.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};
use rand::Rng;

use crate::error::{Error, Result, check_batch, check_count};
use crate::parallel::for_each_block;
use crate::score::ScoreJvp;
use crate::seed::Streams;
use crate::simd::{LaneRng, fill_standard_normal};

/// A law of random directions `v` in `D` dimensions with `E v = 0` and `E vvᵀ = I`.
///
/// ```
/// use gibbsian_core::{Directions, Seed};
/// let v = Directions::Sphere.draw((4, 3), &mut Seed::new(1).rng());
/// assert!(v.rows().into_iter().all(|v| (v.dot(&v) - 3.0).abs() < 1e-14));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Directions {
    /// Independent standard normal coordinates.
    Gaussian,
    /// Independent signs ±1 (Rademacher variables).
    #[default]
    Rademacher,
    /// Uniform on the sphere of radius `√D`.
    Sphere,
}

impl Directions {
    /// Fills every row of `out` `(B, D)` with a direction of its own, from fixed blocks of rows.
    pub fn fill(self, streams: Streams, out: ArrayViewMut2<f64>) {
        for_each_block(out, |block, mut rows| {
            let mut rng = LaneRng::new(streams, block);
            match self {
                Directions::Gaussian => fill_normal(&mut rows, &mut rng),
                Directions::Rademacher => fill_signs(&mut rows, &mut rng),
                Directions::Sphere => {
                    fill_normal(&mut rows, &mut rng);
                    let radius = (rows.ncols() as f64).sqrt();
                    for mut row in rows.rows_mut() {
                        let norm = row.dot(&row).sqrt();
                        row.mapv_inplace(|z| radius * (z / norm));
                    }
                }
            }
        });
    }

    /// Directions of this `(B, D)`, in a new array; draws one key from the generator.
    pub fn draw(self, shape: (usize, usize), rng: &mut dyn Rng) -> Array2<f64> {
        let mut out = Array2::zeros(shape);
        self.fill(Streams::draw(rng), out.view_mut());
        out
    }

    /// `Var vᵀAv` of a square matrix `A` `(D, D)`: the squared error of the estimate of `tr A` along one direction, by the table of the module.
    ///
    /// # Errors
    /// A matrix that is not square.
    ///
    /// ```
    /// use gibbsian_core::Directions;
    /// let a = ndarray::array![[2.0, 0.0], [0.0, 2.0]];
    /// assert_eq!(Directions::Gaussian.quadratic_form_variance(a.view())?, 16.0);
    /// assert_eq!(Directions::Rademacher.quadratic_form_variance(a.view())?, 0.0);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn quadratic_form_variance(self, a: ArrayView2<f64>) -> Result<f64> {
        let d = a.nrows();
        if a.ncols() != d {
            return Err(Error::shape("a", a.shape(), "(D, D)"));
        }
        let symmetric = (&a + &a.t()) * 0.5;
        let squares = symmetric.iter().map(|s| s * s).sum::<f64>();
        Ok(match self {
            Directions::Gaussian => 2.0 * squares,
            // The sum over what is off the diagonal, without cancellation.
            Directions::Rademacher => {
                let off_diagonal = symmetric.indexed_iter().filter(|((i, j), _)| i != j);
                2.0 * off_diagonal.map(|(_, s)| s * s).sum::<f64>()
            }
            // ‖S‖² − (tr S)²/D is the square of the part without trace.
            Directions::Sphere => {
                let mean = symmetric.diag().sum() / d as f64;
                let mut traceless = symmetric;
                traceless.diag_mut().mapv_inplace(|s| s - mean);
                let squares = traceless.iter().map(|s| s * s).sum::<f64>();
                2.0 * d as f64 * squares / (d as f64 + 2.0)
            }
        })
    }
}

/// Estimates the divergence `tr J(x_b)` of every row of `x` `(B, D)` as the mean of `vᵀJv` over `n` directions a row, `(B)`.
///
/// At a time or a noise level, hand over [`At::new(model, t)`](crate::At). To keep the directions of an estimate, as the likelihood of one sample path needs, draw
/// them and call [`divergence_along_into`].
///
/// # Errors
/// A batch that does not fit the model, or no directions.
///
/// Source: Hutchinson (1990); for scores Song, Garg, Shi and Ermon (2020).
pub fn hutchinson_divergence<M: ScoreJvp + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    directions: Directions,
    n: usize,
    rng: &mut dyn Rng,
) -> Result<Array1<f64>> {
    check_batch("x", &x, model.dim())?;
    check_count("n", n)?;
    let streams = Streams::draw(rng);
    let [mut v, mut score] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
    let mut one = Array1::zeros(x.nrows());
    let mut sum = Array1::zeros(x.nrows());
    for k in 0..n {
        directions.fill(streams.part(k as u64), v.view_mut());
        divergence_along_into(model, x, v.view(), score.view_mut(), one.view_mut());
        sum += &one;
    }
    Ok(sum / n as f64)
}

/// Writes the scores into `score` `(B, D)` and `v_b · J(x_b) v_b` along given directions `v` `(B, D)` into `out` `(B)`, in one pass.
///
/// # Panics
/// When the shapes do not fit.
pub fn divergence_along_into<M: ScoreJvp + ?Sized>(
    model: &M,
    x: ArrayView2<f64>,
    v: ArrayView2<f64>,
    score: ArrayViewMut2<f64>,
    out: ArrayViewMut1<f64>,
) {
    let mut jvp = Array2::zeros(x.raw_dim());
    model.score_jvp_into(x, v, score, jvp.view_mut());
    Zip::from(out)
        .and(v.rows())
        .and(jvp.rows())
        .for_each(|out, v, jvp| *out = v.dot(&jvp));
}

/// Fills a block of rows in row-major order, which a view with strides may not have in memory.
fn fill_normal(rows: &mut ArrayViewMut2<f64>, rng: &mut LaneRng) {
    if let Some(slice) = rows.as_slice_mut() {
        fill_standard_normal(rng, slice);
    } else {
        let mut numbers = vec![0.0; rows.len()];
        fill_standard_normal(rng, &mut numbers);
        for (z, number) in rows.iter_mut().zip(numbers) {
            *z = number;
        }
    }
}

/// Fills a block of rows with signs, 32 from each word.
fn fill_signs(rows: &mut ArrayViewMut2<f64>, rng: &mut LaneRng) {
    let (mut word, mut n_left) = (0, 0);
    for sign in rows.iter_mut() {
        if n_left == 0 {
            (word, n_left) = (rng.word(), 32);
        }
        *sign = if word & 1 == 0 { 1.0 } else { -1.0 };
        word >>= 1;
        n_left -= 1;
    }
}
