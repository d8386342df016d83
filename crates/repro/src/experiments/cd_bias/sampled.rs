//! The implemented CD-k, which draws, against its expectation, which is a power of the transition matrix.
//!
//! The minibatch holds each picture in exact proportion, so only the chains are random. They are independent, one chain's statistic is a mean
//! of hidden units and pixels in `[0, 1]`, and its variance `v` is known by enumeration; so Bernstein's inequality bounds the
//! error of the mean of `N` chains without appeal to a normal law: with probability at least `1 − 2 e^{−L}` it is at most
//! `√(2 v L / N) + L / (3 N)` (Boucheron, Lugosi and Massart 2013, section 2.8). All parameters and all `k` share the level.

use gibbsian_core::{Objective, Parametric};
use gibbsian_data::bars_and_stripes;
use gibbsian_objectives::ContrastiveDivergence;
use gibbsian_samplers::Gibbs;
use ndarray::{Array1, Array2, Axis, concatenate};

use super::chain::{GibbsChain, random_machine, rows_of};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result, Table};

const SIDE: usize = 3;
const N_HIDDEN: usize = 6;
const STEPS: [usize; 3] = [1, 3, 10];
/// The probability that a correct implementation fails.
const ALPHA: f64 = 1e-6;

pub(super) const AGREEMENT: Claim = Claim {
    claim: "the CD-k objective agrees with the transition matrix: largest deviation of its gradient over Bernstein's bound, k = 1, 3, 10",
    source: "Hinton (2002); enumeration of 512 states",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "the bounds of all parameters and all k hold at once with probability 1 − 1e-6",
};

/// Draws gradients and compares.
pub(super) fn measure(ctx: &mut Context) -> Result<()> {
    let n_copies = ctx.pick(1 << 12, 1 << 17);
    let seed = ctx.seed().child("sampled");
    let machine = random_machine(SIDE * SIDE, N_HIDDEN, 1.0, 0.5, seed)?;
    let chain = GibbsChain::new(&machine)?;
    let rows = rows_of(&bars_and_stripes(SIDE)?);
    let batch = concatenate(Axis(0), &vec![rows.view(); n_copies])?;
    let n = batch.nrows() as f64;
    let log_level = (2.0 * (STEPS.len() * machine.n_params()) as f64 / ALPHA).ln();

    let mut table = Table::new(["k", "parameter", "drawn", "expected", "standard_error"]);
    let (mut largest, mut largest_z): (f64, f64) = (0.0, 0.0);
    for (stage, k) in STEPS.into_iter().enumerate() {
        ctx.progress(stage, STEPS.len(), "drawing CD gradients");
        let mut drawn = Array1::zeros(machine.n_params());
        ContrastiveDivergence::new(Gibbs, k)?.loss_and_grad_into(
            &machine,
            batch.view(),
            &mut seed.nth(k as u64).rng(),
            drawn.view_mut(),
        )?;
        let (expected, variance) = expectation(&chain, &rows, k);
        for m in 0..drawn.len() {
            let deviation = (drawn[m] - expected[m]).abs();
            let error = (variance[m] / n).sqrt();
            largest = larger(
                largest,
                deviation / ((2.0 * log_level).sqrt() * error + log_level / (3.0 * n)),
            );
            largest_z = larger(largest_z, deviation / error);
            table.row([
                k.into(),
                machine.layout().locate(m).into(),
                drawn[m].into(),
                expected[m].into(),
                error.into(),
            ])?;
        }
    }
    ctx.measure(&AGREEMENT, largest)?;
    ctx.note(format!(
        "The drawn CD-k gradient differs from the enumerated one by {largest_z:.2} standard errors at most, among {} numbers from {n} chains.",
        STEPS.len() * machine.n_params(),
    ));
    ctx.table(
        "objective",
        "The gradient that the objective drew, its expectation, and its exact standard error.",
        &table,
    )
}

/// Expectation of the gradient, and the variance of one chain's share in it, averaged over the data.
fn expectation(chain: &GibbsChain, rows: &Array2<f64>, k: usize) -> (Array1<f64>, Array1<f64>) {
    let squares = chain.derivatives.mapv(|d| d * d);
    let n_params = chain.derivatives.ncols();
    let (mut mean, mut variance) = (Array1::zeros(n_params), Array1::zeros(n_params));
    for row in rows.rows() {
        let start: Array1<f64> = (chain.states.rows().into_iter())
            .map(|v| f64::from(u8::from(v == row)))
            .collect();
        let end = chain.after(&start, k);
        let at_end = end.dot(&chain.derivatives);
        variance += &(end.dot(&squares) - &at_end * &at_end);
        mean += &(start.dot(&chain.derivatives) - at_end);
    }
    let n = rows.nrows() as f64;
    (mean / n, variance / n)
}
