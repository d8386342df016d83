//! The noise of sliced score matching: three laws of directions, one direction and many, and both forms of the objective.
//!
//! Sliced score matching (Song, Garg, Shi and Ermon 2020) estimates `tr J + ½ ‖s‖²` along random directions with `E vvᵀ = I`, by `vᵀJv + ½ (vᵀs)²` or, in what is called the form of reduced
//! variance, by `vᵀJv + ½ ‖s‖²`. At a point `x` both are a quadratic form `vᵀAv` and a number, with `A = J + ½ ssᵀ` or `A = J`, and with `S = (A + Aᵀ)/2`
//!
//! `Var vᵀAv = 2‖S‖²` (Gaussian), `2(‖S‖² − Σ_i S_ii²)` (signs), `2(D‖S‖² − (tr S)²)/(D + 2)` (sphere of radius `√D`).
//!
//! - `finite` averages over finite sets of directions that have the fourth moments of each law, so that these variances are sums and not estimates;
//! - `normals` draws: for the true score of a normal law with precision `Λ` the expectations over `x` have closed forms, and for some `Λ` they say that the second form is the worse one;
//! - `many` takes many directions a point, which divides the variance over directions and leaves that over points;
//! - `trained` does the same for a network that was trained on data, whose Jacobian is not even symmetric.

mod finite;
mod many;
mod normals;
mod trained;

use gibbsian_core::{Directions, ScoreJvp};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Zip, s};

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "sliced-directions",
    title: "The noise of sliced score matching",
    question: "How much does the loss of sliced score matching vary along random directions, and is the form of reduced variance worth its name?",
    mathematics: r"At a point with the score $s$ and its Jacobian $J$ the two forms of sliced score matching are quadratic in the direction $v$, where $\mathbb{E} \, v v^\top = I$:
        $$v^\top J v + \tfrac{1}{2} (v^\top s)^2 \quad \left( A = J + \tfrac{1}{2} s s^\top \right) , \qquad v^\top J v + \tfrac{1}{2} \lVert s \rVert^2 \quad \left( A = J \right) .$$
        With $S = \tfrac{1}{2} (A + A^\top)$ in $D$ dimensions their variances over $v$ are
        $$\operatorname{Var} v^\top A v = \begin{cases} 2 \lVert S \rVert^2 & \text{Gaussian directions,} \\ 2 \left( \lVert S \rVert^2 - \sum_i S_{ii}^2 \right) & \text{signs,} \\ 2 \, \dfrac{D \lVert S \rVert^2 - (\operatorname{tr} S)^2}{D + 2} & \text{the sphere of radius } \sqrt{D} . \end{cases}$$
        For Gaussian directions the first form exceeds the second by $2 \, s^\top J s + \tfrac{1}{2} \lVert s \rVert^4$, which may have either sign: on average over $\mathcal{N}(0, I)$ with its true score it is $\tfrac{1}{2} d (d - 2)$.",
    shows: "How much the objective of sliced score matching varies along random directions, for Gaussian directions, signs and the sphere of radius √D, in both of its forms, against closed forms.\
            \n\nThe form that is called variance-reduced is not always: with any of the three laws there are normal densities where it varies more, and with Gaussian directions that is so whenever the score \
            varies in fewer than two dimensions, effectively. Many directions divide the variance over directions and nothing else.",
    source: "Song, Garg, Shi and Ermon (2020); Hutchinson (1990); Avron and Toledo (2011)",
    budget_seconds: 10,
    claims: &[
        finite::CONDITIONAL,
        finite::UNBIASED,
        finite::AVERAGED,
        finite::EXCESS,
        finite::LINE,
        normals::SAME,
        normals::VARIANCES,
        normals::WORSE,
        normals::BETTER,
        normals::EQUAL,
        normals::SHARE,
        many::CONDITIONAL,
        many::WHOLE,
        trained::LEARNT,
        trained::ENUMERATED,
        trained::DRAWN,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 4, "finite sets");
    finite::measure(ctx)?;
    ctx.progress(1, 4, "normal laws");
    normals::measure(ctx)?;
    ctx.progress(2, 4, "many directions");
    many::measure(ctx)?;
    ctx.progress(3, 4, "a network");
    trained::measure(ctx)
}

/// The laws of directions and their names.
const LAWS: [(Directions, &str); 3] = [
    (Directions::Gaussian, "Gaussian"),
    (Directions::Rademacher, "signs"),
    (Directions::Sphere, "sphere"),
];

/// The two forms, wherever there is an array of two: `½ (vᵀs)²` first.
const FORMS: [&str; 2] = ["plain", "reduced"];

/// `vᵀJv + ½ (vᵀs)²` and `vᵀJv + ½ ‖s‖²` at every row of `x`, along the row of `v`.
fn slices(model: &impl ScoreJvp, x: ArrayView2<f64>, v: ArrayView2<f64>) -> [Array1<f64>; 2] {
    let [mut score, mut jvp] = [(); 2].map(|()| Array2::zeros(x.raw_dim()));
    model.score_jvp_into(x, v, score.view_mut(), jvp.view_mut());
    let along = |square: &dyn Fn(f64, f64) -> f64| {
        let mut out = Array1::zeros(x.nrows());
        Zip::from(&mut out)
            .and(v.rows())
            .and(score.rows())
            .and(jvp.rows())
            .for_each(|out, v, s, jv| *out = v.dot(&jv) + 0.5 * square(v.dot(&s), s.dot(&s)));
        out
    };
    [along(&|slope, _| slope * slope), along(&|_, square| square)]
}

/// The matrices `∂s_i/∂x_j` of all rows, `(B, D, D)`.
fn jacobians(model: &impl ScoreJvp, x: ArrayView2<f64>) -> Array3<f64> {
    let (n, d) = x.dim();
    let mut out = Array3::zeros((n, d, d));
    let [mut unit, mut score, mut jvp] = [(); 3].map(|()| Array2::zeros((n, d)));
    for j in 0..d {
        unit.fill(0.0);
        unit.column_mut(j).fill(1.0);
        model.score_jvp_into(x, unit.view(), score.view_mut(), jvp.view_mut());
        out.slice_mut(s![.., .., j]).assign(&jvp);
    }
    out
}

/// `Var_v` of both forms at every row, by the closed forms from the score and its Jacobian.
fn conditional(model: &impl ScoreJvp, x: ArrayView2<f64>, law: Directions) -> Result<Vec<[f64; 2]>> {
    let (score, jacobian) = (model.score(x), jacobians(model, x));
    let rows = score.rows().into_iter().zip(jacobian.outer_iter());
    rows.map(|(score, jacobian)| {
        let column = score.insert_axis(Axis(1));
        let plain = &jacobian + &(column.dot(&column.t()) * 0.5);
        Ok([
            law.quadratic_form_variance(plain.view())?,
            law.quadratic_form_variance(jacobian)?,
        ])
    })
    .collect()
}
