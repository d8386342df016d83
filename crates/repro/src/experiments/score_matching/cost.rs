//! What an objective asks of a network, counted.
//!
//! The unit is a pass: one evaluation of the score, of a product with its Jacobian, or of the gradient of either in the parameters, for one point. Each costs a fixed multiple of an evaluation
//! of the network, whatever the dimension (Baydin et al. 2018), so the number of passes is what grows. The exact trace takes a product and a pullback for every coordinate and the score once, `2D + 1`; a direction takes one pullback;
//! differences along a direction take the score at two points; noise takes one pullback of the score.
//!
//! Passes are counted by a wrapper that has the provided divergence of the trait. Networks of up to eight dimensions override it: all directions are then one graph, which shares the work that does not depend on the direction, and still has `D` tangents.

use std::sync::atomic::{AtomicUsize, Ordering};

use gibbsian_core::{
    Directions, JvpCotangent, Layout, Objective, Parametric, Score, ScoreJvp, ScoreJvpPullback,
    ScorePullback, Seed, Space,
};
use gibbsian_nn::{Activation, NeuralScore};
use gibbsian_objectives::{
    DenoisingScoreMatching, FiniteDifferenceVarianceReducedSlicedScoreMatching, ImplicitScoreMatching,
    SlicedScoreMatching, VarianceReducedSlicedScoreMatching,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

pub(super) const IMPLICIT: Claim = Claim {
    claim: "the exact trace takes 2D + 1 passes through the network a point: the largest difference, D = 1 to 64",
    source: "Hyvärinen (2005); Song, Garg, Shi and Ermon (2020), section 1",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "counts",
};

pub(super) const FLAT: Claim = Claim {
    claim: "n directions take n passes in any dimension, and by differences 2n: the largest difference, both forms, n = 1 and 3, D = 1 to 64",
    source: "Song, Garg, Shi and Ermon (2020), section 3; Pang et al. (2020)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "counts",
};

pub(super) const DENOISING: Claim = Claim {
    claim: "denoising takes one pass in any dimension: the largest difference, D = 1 to 64",
    source: "Vincent (2011)",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0)),
    full: Check::value(0.0),
    reason: "counts",
};

/// A model that counts for how many points it was asked.
struct Counted<M> {
    model: M,
    n_passes: AtomicUsize,
}

impl<M> Counted<M> {
    fn count(&self, x: ArrayView2<f64>) {
        self.n_passes.fetch_add(x.nrows(), Ordering::Relaxed);
    }
}

impl<M: Space> Space for Counted<M> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl<M: Parametric> Parametric for Counted<M> {
    fn layout(&self) -> Layout {
        self.model.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.model.params()
    }
}

impl<M: Score> Score for Counted<M> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.count(x);
        self.model.score_into(x, out);
    }
}

impl<M: ScoreJvp> ScoreJvp for Counted<M> {
    fn score_jvp_into(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.count(x);
        self.model.score_jvp_into(x, v, score, jvp);
    }
}

impl<M: ScorePullback> ScorePullback for Counted<M> {
    fn score_pullback_with(
        &self,
        x: ArrayView2<f64>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.count(x);
        self.model.score_pullback_with(x, cotangent, grad);
    }
}

impl<M: ScoreJvpPullback> ScoreJvpPullback for Counted<M> {
    fn score_jvp_pullback_with(
        &self,
        x: ArrayView2<f64>,
        v: ArrayView2<f64>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.count(x);
        self.model.score_jvp_pullback_with(x, v, cotangent, grad);
    }
}

type Network = Counted<NeuralScore>;

/// The number of its claim, its name, how many passes it should take, and the objective.
type Counts = (usize, &'static str, usize, Box<dyn Objective<Network>>);

pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("cost");
    let signs = Directions::Rademacher;
    let mut table = Table::new(["objective", "dimensions", "passes"]);
    let mut curves: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    let mut worst = [0.0_f64; 3];
    for d in [1, 2, 4, 8, 16, 32, 64] {
        let objectives: [Counts; 7] = [
            (0, "explicit", 2 * d + 1, Box::new(ImplicitScoreMatching)),
            (
                1,
                "sliced, 1 direction",
                1,
                Box::new(SlicedScoreMatching::new(signs, 1)?),
            ),
            (
                1,
                "sliced, 3 directions",
                3,
                Box::new(SlicedScoreMatching::new(signs, 3)?),
            ),
            (
                1,
                "reduced, 1 direction",
                1,
                Box::new(VarianceReducedSlicedScoreMatching::new(signs, 1)?),
            ),
            (
                1,
                "reduced, 3 directions",
                3,
                Box::new(VarianceReducedSlicedScoreMatching::new(signs, 3)?),
            ),
            (
                1,
                "differences, 1 direction",
                2,
                Box::new(FiniteDifferenceVarianceReducedSlicedScoreMatching::new(
                    signs, 1, 1e-2,
                )?),
            ),
            (2, "denoising", 1, Box::new(DenoisingScoreMatching::new(0.1)?)),
        ];
        for (k, (claim, name, expected, mut objective)) in objectives.into_iter().enumerate() {
            let passes = passes(objective.as_mut(), d, seed)?;
            worst[claim] = worst[claim].max((passes - expected as f64).abs());
            table.row([name.into(), d.into(), passes.into()])?;
            if curves.len() <= k {
                curves.push((name, Vec::new()));
            }
            curves[k].1.push((d as f64, passes));
        }
    }
    for (claim, worst) in [&IMPLICIT, &FLAT, &DENOISING].into_iter().zip(worst) {
        ctx.measure(claim, worst)?;
    }
    let mut plot = Plot::new(
        "What an objective asks of a network",
        Axis::log("dimensions"),
        Axis::log("passes a point"),
    );
    for (name, curve) in curves {
        plot = plot.line(name, curve);
    }
    ctx.table(
        "cost",
        "Passes through the network for one point and its gradient.",
        &table,
    )?;
    ctx.plot(
        "cost",
        "Passes through the network for the loss of one point and its gradient, against the dimension.",
        &plot,
    )
}

/// Passes a point of one loss with its gradient.
fn passes(objective: &mut dyn Objective<Network>, dim: usize, seed: Seed) -> Result<f64> {
    const N: usize = 10;
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| net.mlp("score", x, &[4], dim, Activation::Tanh);
    let network = Counted {
        model: NeuralScore::new(dim, forward, &mut seed.rng())?,
        n_passes: AtomicUsize::new(0),
    };
    let x = Array2::from_shape_fn((N, dim), |(b, i)| (b as f64 - 4.5) / (i + 1) as f64);
    let mut grad = Array1::zeros(network.n_params());
    objective.loss_and_grad_into(&network, x.view(), &mut seed.rng(), grad.view_mut())?;
    Ok(network.n_passes.into_inner() as f64 / N as f64)
}
