//! What is made of a score's node: its Jacobian, and parameter gradients of all of it.

use gibbsian_core::{DivergenceCotangent, JvpCotangent};
use gibbsian_grad::{Graph, Plan, Var};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::machine::{C, Inputs, Machine, Pull, U, Views, W};

/// Up to this many dimensions the divergence is one plan with all its directions; beyond, the directions take turns.
const UNROLLED: usize = 8;

/// The plans of a score `s`, which may depend on a time.
#[derive(Clone, Debug)]
pub(crate) struct Scores {
    score: Plan,
    jvp: Plan,
    score_pull: Pull,
    jvp_pull: Pull,
    /// The divergence, and its pullback beside the score's.
    divergence: Option<(Plan, Pull)>,
}

impl Scores {
    pub(crate) fn new(g: &mut Graph, inputs: &Inputs, s: Var) -> Self {
        let Inputs { x, v, u, w, c, .. } = *inputs;
        let jvp = g.pushforward(&[(x, v)], &[s])[0];
        let divergence = (g.width(x) <= UNROLLED).then(|| {
            let trace = trace(g, x, s);
            (Plan::new(g, &[trace]), Pull::new(g, &[(s, u, U), (trace, c, C)]))
        });
        Scores {
            score: Plan::new(g, &[s]),
            jvp: Plan::new(g, &[s, jvp]),
            score_pull: Pull::new(g, &[(s, u, U)]),
            jvp_pull: Pull::new(g, &[(s, u, U), (jvp, w, W)]),
            divergence,
        }
    }

    pub(crate) fn score(&self, machine: &Machine, views: &Views<'_>, out: ArrayViewMut2<f64>) {
        machine.run(&self.score, views, &mut [out]);
    }

    pub(crate) fn jvp(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        machine.run(&self.jvp, views, &mut [score, jvp]);
    }

    /// Writes the divergences, unless they have no plan.
    #[must_use]
    pub(crate) fn divergence(&self, machine: &Machine, views: &Views<'_>, out: ArrayViewMut1<f64>) -> bool {
        let plan = self.divergence.as_ref().map(|(plan, _)| plan);
        if let Some(plan) = plan {
            machine.run(plan, views, &mut [out.insert_axis(Axis(1))]);
        }
        plan.is_some()
    }

    pub(crate) fn score_pullback(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            cotangent(values[0].view(), cotangents[0].view_mut());
        };
        machine.pull(&self.score_pull, views, decide, grad);
    }

    pub(crate) fn jvp_pullback(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        cotangent: &mut JvpCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
            let (u, w) = cotangents.split_at_mut(1);
            cotangent(
                values[0].view(),
                values[1].view(),
                u[0].view_mut(),
                w[0].view_mut(),
            );
        };
        machine.pull(&self.jvp_pull, views, decide, grad);
    }

    /// Adds the gradients of score and divergence, unless they have no plan.
    #[must_use]
    pub(crate) fn divergence_pullback(
        &self,
        machine: &Machine,
        views: &Views<'_>,
        cotangent: &mut DivergenceCotangent<'_>,
        grad: ArrayViewMut1<f64>,
    ) -> bool {
        let pull = self.divergence.as_ref().map(|(_, pull)| pull);
        if let Some(pull) = pull {
            let decide = &mut |values: &[Array2<f64>], cotangents: &mut [Array2<f64>]| {
                let (u, c) = cotangents.split_at_mut(1);
                let c = c[0].column_mut(0);
                cotangent(values[0].view(), values[1].column(0), u[0].view_mut(), c);
            };
            machine.pull(pull, views, decide, grad);
        }
        pull.is_some()
    }
}

/// `tr ∂s/∂x`, all directions in one graph.
fn trace(g: &mut Graph, x: Var, s: Var) -> Var {
    let dim = g.width(x);
    let entries: Vec<Var> = (0..dim)
        .map(|i| {
            let unit: Vec<f64> = (0..dim).map(|j| f64::from(u8::from(i == j))).collect();
            let direction = g.constant_row(&unit);
            let column = g.pushforward(&[(x, direction)], &[s])[0];
            g.slice(column, i, 1)
        })
        .collect();
    let first = entries[0];
    entries[1..].iter().fold(first, |sum, entry| g.add(sum, *entry))
}
