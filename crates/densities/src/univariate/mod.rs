//! Densities of one number.
//!
//! | density | `−log p(x)` | support |
//! |---|---|---|
//! | [`StudentT`]`(μ, σ, ν)` | `½ (ν+1) log(1 + z²/ν) + log σ + ½ log ν + log B(½, ν/2)`, `z = (x − μ)/σ` | the line |
//! | [`Laplace`]`(μ, b)` | `abs(x − μ)/b + log 2b` | the line |
//! | [`TruncatedNormal`]`(m, σ, l, u)` | `½ z² + log σ√2π + log(Φ(β) − Φ(α))`, `z = (x − m)/σ` | `[l, u]` |
//!
//! Those that are exponential families are in [`family`](crate::family). Each is written as functions of a number, [`Univariate`]; the traits of the waist, which speak of batches `(B, 1)`, follow from them by
//! the macro `univariate_density!`.

mod laplace;
mod student_t;
mod truncated_normal;

pub use laplace::Laplace;
pub use student_t::StudentT;
pub use truncated_normal::TruncatedNormal;

use rand::Rng;

/// A density on the real line or a part of it, one number at a time.
///
/// `x` outside the support has log-density −∞, energy +∞ and score NaN; NaN gives NaN.
pub trait Univariate: Sync {
    /// The energy `E(x)`: a textbook kernel without the normaliser, which each density names.
    fn energy_at(&self, x: f64) -> f64;

    /// `log Z = log ∫ exp(−E(x)) dx`.
    fn log_normaliser(&self) -> f64;

    /// `log p(x)`, in the form that loses the fewest digits; that may not be the sum of the other two.
    fn log_density_at(&self, x: f64) -> f64;

    /// One draw.
    fn draw(&self, rng: &mut dyn Rng) -> f64;
}

/// A univariate density that is differentiable on its support.
pub trait UnivariateScore: Univariate {
    /// `s(x) = d log p / dx`.
    fn score_at(&self, x: f64) -> f64;

    /// `ds/dx`.
    fn score_derivative_at(&self, x: f64) -> f64;
}

/// Implements `Space`, `Energy` and `Density` of [`gibbsian_core`] for a [`Univariate`], and with `score` also `Score` and `ScoreJvp`.
macro_rules! univariate_density {
    ($density:ty) => {
        impl gibbsian_core::Space for $density {
            fn dim(&self) -> usize {
                1
            }
        }
        impl gibbsian_core::Energy for $density {
            fn energy_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut1<f64>) {
                $crate::univariate::map_rows(x, out, |x| {
                    $crate::univariate::Univariate::energy_at(self, x)
                });
            }
        }
        impl gibbsian_core::Density for $density {
            fn log_z(&self) -> f64 {
                $crate::univariate::Univariate::log_normaliser(self)
            }
            fn sample(&self, n: usize, rng: &mut dyn rand::Rng) -> ndarray::Array2<f64> {
                $crate::univariate::draw_rows(n, rng, |rng| {
                    $crate::univariate::Univariate::draw(self, rng)
                })
            }
            fn log_density_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut1<f64>) {
                $crate::univariate::map_rows(x, out, |x| {
                    $crate::univariate::Univariate::log_density_at(self, x)
                });
            }
        }
    };
    ($density:ty, score) => {
        $crate::univariate::univariate_density!($density);
        impl gibbsian_core::Potential for $density {}

        impl gibbsian_core::Score for $density {
            fn score_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut2<f64>) {
                assert!(
                    out.dim() == x.dim(),
                    "x has shape {:?} and the score has shape {:?}, but they must be equal",
                    x.shape(),
                    out.shape()
                );
                $crate::univariate::map_rows(x, out.column_mut(0), |x| {
                    $crate::univariate::UnivariateScore::score_at(self, x)
                });
            }
        }
        impl gibbsian_core::ScoreJvp for $density {
            fn score_jvp_into(
                &self,
                x: ndarray::ArrayView2<f64>,
                v: ndarray::ArrayView2<f64>,
                score: ndarray::ArrayViewMut2<f64>,
                mut jvp: ndarray::ArrayViewMut2<f64>,
            ) {
                gibbsian_core::Score::score_into(self, x, score);
                gibbsian_core::ScoreJvp::divergence_into(self, x, jvp.column_mut(0));
                jvp *= &v;
            }
            fn divergence_into(&self, x: ndarray::ArrayView2<f64>, out: ndarray::ArrayViewMut1<f64>) {
                $crate::univariate::map_rows(x, out, |x| {
                    $crate::univariate::UnivariateScore::score_derivative_at(self, x)
                });
            }
        }
    };
}
pub(crate) use univariate_density;

/// Writes `f(x_b)` of the rows of `x` `(B, 1)` into `out` `(B)`, large batches in parallel.
pub(crate) fn map_rows(
    x: ndarray::ArrayView2<f64>,
    mut out: ndarray::ArrayViewMut1<f64>,
    f: impl Fn(f64) -> f64 + Sync + Send,
) {
    gibbsian_core::energy::assert_energy_shapes(1, x, &out);
    // With fewer elements to a task, waking another thread costs more than it saves.
    const TASK: usize = 2048;
    let x = x.column(0);
    let tasks = (out.axis_chunks_iter_mut(ndarray::Axis(0), TASK))
        .zip(x.axis_chunks_iter(ndarray::Axis(0), TASK))
        .collect();
    gibbsian_core::parallel::map_each(tasks, |_, (out, x)| {
        ndarray::Zip::from(out).and(x).for_each(|out, &x| *out = f(x));
    });
}

/// `n` draws `(n, 1)`, each fixed block of rows from its own stream.
pub(crate) fn draw_rows(
    n: usize,
    rng: &mut dyn Rng,
    draw: impl Fn(&mut dyn Rng) -> f64 + Sync + Send,
) -> ndarray::Array2<f64> {
    let streams = gibbsian_core::Streams::draw(rng);
    let mut out = ndarray::Array2::zeros((n, 1));
    gibbsian_core::parallel::for_each_block(out.view_mut(), |block, mut rows| {
        let mut rng = streams.block(block);
        rows.mapv_inplace(|_| draw(&mut rng));
    });
    out
}
