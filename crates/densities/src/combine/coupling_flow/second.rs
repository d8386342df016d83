//! Second derivatives of scores along two directions, and with them what exact score matching of a flow asks for.

use gibbsian_core::score::JvpCotangent;
use gibbsian_core::{Density, ScoreJvp, ScoreJvpPullback, Space};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, s};

use super::CouplingFlow;
use super::number::{HyperDual, Number};
use crate::{LinearGaussianChain, MultivariateNormal};

/// A score whose second derivative can be taken along two directions.
///
/// A flow asks it of its base where it is trained by implicit or sliced score matching, because the parameters move the point at which the base is curved. Normal densities have it, and flows of them, so that flows can be put
/// on flows.
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_densities::{CouplingFlow, CouplingOptions, MultivariateNormal, SecondScoreJvp};
/// use ndarray::array;
///
/// let base = MultivariateNormal::isotropic(array![0.0, 0.0], 1.0)?;
/// let (x, v, w) = (array![[0.5, -1.0]], array![[1.0, 0.0]], array![[0.0, 1.0]]);
/// // The score of a normal density is affine, that of a flow is not.
/// assert_eq!(base.second_score_jvp(x.view(), v.view(), w.view()), array![[0.0, 0.0]]);
/// let flow = CouplingFlow::new(base, CouplingOptions::default(), Seed::new(1))?;
/// let bent = flow.second_score_jvp(x.view(), v.view(), w.view());
/// assert!(bent[[0, 0]] != 0.0);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
pub trait SecondScoreJvp: ScoreJvp {
    /// Writes `∂²s(x_b + a v_b + c w_b)/∂a∂c` at `a = c = 0` into `out`; all are `(B, D)`.
    fn second_score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    );

    /// The same as a new array.
    fn second_score_jvp(&self, x: ArrayView2<f64>, v: ArrayView2<f64>, w: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.second_score_jvp_into(x, v, w, out.view_mut());
        out
    }
}

macro_rules! affine_score {
    ($($density:ty),+) => {$(
        /// Zero, because the score is affine; NaN where a point has one.
        impl SecondScoreJvp for $density {
            fn second_score_jvp_into(
                &self,
                x: ArrayView2<f64>,
                v: ArrayView2<f64>,
                w: ArrayView2<f64>,
                mut out: ArrayViewMut2<f64>,
            ) {
                let shapes = [x.dim(), v.dim(), w.dim(), out.dim()];
                let fits = (x.nrows(), self.dim());
                assert!(shapes.iter().all(|s| *s == fits), "shapes {shapes:?}, but all must be {fits:?}");
                for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
                    out.fill(if x.iter().any(|x| x.is_nan()) { f64::NAN } else { 0.0 });
                }
            }
        }
    )+};
}

affine_score!(MultivariateNormal, LinearGaussianChain);

impl<B: SecondScoreJvp> CouplingFlow<B> {
    /// The base's score at `f(x + ε₁ v + ε₂ w + ε₁ε₂ u)`: its value and its three parts, one beside the other, `(B, 4D)`.
    fn base_score(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        w: ArrayView2<f64>,
        u: ArrayView2<f64>,
    ) -> Array2<f64> {
        let dim = self.dim();
        let mut z = Array2::zeros((x.nrows(), 4 * dim));
        self.map_blocks(x, z.view_mut(), |pass, b, x, mut out| {
            pass.forward(self, &row(ArrayView1::from(x), v.row(b), w.row(b), u.row(b)));
            for (i, z) in pass.z.iter().enumerate() {
                for (k, part) in [z.value, z.first, z.second, z.both].into_iter().enumerate() {
                    out[k * dim + i] = part;
                }
            }
        });
        let part = |k: usize| z.slice(s![.., k * dim..(k + 1) * dim]);
        let mut all = Array2::zeros(z.raw_dim());
        let (mut score, mut slopes) = all.view_mut().split_at(Axis(1), dim);
        for k in 1..4 {
            let slope = slopes.slice_mut(s![.., (k - 1) * dim..k * dim]);
            self.base
                .score_jvp_into(part(0), part(k), score.view_mut(), slope);
        }
        let mut both = slopes.slice_mut(s![.., 2 * dim..]);
        both += &self.base.second_score_jvp(part(0), part(1), part(2));
        all
    }
}

/// Numbers of rows that lie one beside the other.
fn beside(row: ArrayView1<f64>) -> Vec<HyperDual> {
    let dim = row.len() / 4;
    let part = |k: usize| row.slice_move(s![k * dim..(k + 1) * dim]);
    self::row(part(0), part(1), part(2), part(3))
}

fn row(
    value: ArrayView1<f64>,
    first: ArrayView1<f64>,
    second: ArrayView1<f64>,
    both: ArrayView1<f64>,
) -> Vec<HyperDual> {
    (0..value.len())
        .map(|i| HyperDual::new(value[i], first[i], second[i], both[i]))
        .collect()
}

impl<B: SecondScoreJvp> SecondScoreJvp for CouplingFlow<B> {
    fn second_score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        let zero = Array2::zeros(x.raw_dim());
        let base_score = self.base_score(x, v, w, zero.view());
        self.map_blocks(x, out, |pass, b, x, mut out| {
            pass.forward(self, &row(ArrayView1::from(x), v.row(b), w.row(b), zero.row(b)));
            let mut g = beside(base_score.row(b));
            pass.backward(self, &mut g, HyperDual::constant(1.0), None);
            out.iter_mut().zip(g).for_each(|(out, g)| *out = g.both);
        });
    }
}

impl<B: Density + SecondScoreJvp> ScoreJvpPullback for CouplingFlow<B> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let [mut score, mut jvp, mut u, mut w] = [(); 4].map(|()| Array2::zeros(x.raw_dim()));
        self.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
        cotangent(score.view(), jvp.view(), u.view_mut(), w.view_mut());
        // The mixed part of log p at x + ε₁ v + ε₂ w + ε₁ε₂ u is w·J v + u·s, and that of its gradient the gradient of it.
        let base_score = self.base_score(x, v, w.view(), u.view());
        self.add_gradients(
            x,
            grad,
            |g: HyperDual| g.both,
            |pass, b, x, gradient| {
                pass.forward(self, &row(ArrayView1::from(x), v.row(b), w.row(b), u.row(b)));
                let mut g = beside(base_score.row(b));
                pass.backward(self, &mut g, HyperDual::constant(1.0), Some(gradient));
            },
        );
    }
}
