//! Laws of block conditionals.
//!
//! With the target listed, a block that is redrawn from its conditional has the matrix `P_ij = π_j / Σ_{k ~ i} π_k`,
//! where `k ~ i` are the states that agree with `i` outside the block; `P` is then idempotent, reversible and leaves
//! `π` invariant. A model that draws hidden units on the way forgets what it was given, so that only the last two
//! remain.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{BlockLaw, Blocks, Discrete, Energy, Seed};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rand::RngExt;

use crate::agreement::{Agreement, close, identical};
use crate::audit::law::{detailed_balance, leaves_invariant, stochastic};
use crate::audit::{Audit, block_as_drawn};
use crate::stats::{FALSE_ALARM, Test, chi_square, family};
use crate::threads;
use crate::verdict::{Verdict, require};

/// How a model redraws its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redraw {
    /// From their conditional law given the rest.
    Conditional,
    /// By drawing hidden units first, and forgetting them.
    ThroughHidden,
}

/// Checks [`Blocks`] at the states `x` `(B, D)`: redrawing is deterministic in the generator, gives the same bits on
/// any number of threads, keeps clamped coordinates, and redraws everything in a sweep.
///
/// # Errors
/// The first law that does not hold.
pub fn blocks<M: Blocks + ?Sized>(model: &M, x: ArrayView2<f64>, seed: Seed) -> Verdict {
    let long = Array2::from_shape_fn((3 * BLOCK_ROWS + 5, x.ncols()), |(b, i)| x[[b % x.nrows(), i]]);
    let redrawn = |block: usize, free: Option<ArrayView1<bool>>, seed: Seed| {
        let mut y = long.clone();
        model.resample(y.view_mut(), block, free, &mut seed.rng());
        y
    };
    let mut touched = Array1::from_elem(x.ncols(), false);
    for block in 0..model.n_blocks() {
        let heading = |f: crate::verdict::Failure| f.within(format_args!("block {block}"));
        let run = || redrawn(block, None, seed).into_flat();
        threads::same_on_any_number("a redraw has the same bits", run).map_err(heading)?;
        for k in 0..8 {
            let y = redrawn(block, None, seed.nth(k));
            for (touched, (new, old)) in touched
                .iter_mut()
                .zip(y.columns().into_iter().zip(long.columns()))
            {
                *touched |= new != old;
            }
        }
        let mut none = long.clone();
        model.resample(
            none.view_mut(),
            block,
            Some(Array1::from_elem(x.ncols(), false).view()),
            &mut seed.rng(),
        );
        identical("a fully clamped redraw changes nothing", &none, &long).map_err(heading)?;
        for parity in 0..2 {
            let free: Array1<bool> = (0..x.ncols()).map(|i| i % 2 == parity).collect();
            let y = redrawn(block, Some(free.view()), seed);
            for i in (0..x.ncols()).filter(|i| !free[*i]) {
                identical(
                    "clamped coordinates keep their value",
                    &y.column(i),
                    &long.column(i),
                )
                .map_err(heading)?;
            }
        }
    }
    require(
        touched.iter().all(|t| *t),
        "a sweep redraws every coordinate",
        format_args!("which ones changed in eight sweeps: {touched}"),
    )
}

/// Checks [`BlockLaw`] of a small finite model: each block's matrix against the ratio of joint probabilities,
/// invariance and detailed balance to rounding, the draws against the matrix, and clamped draws against the
/// conditional law given what is clamped.
///
/// # Errors
/// The first law that does not hold.
pub fn block_law<M: BlockLaw + Discrete + Energy>(model: &M, redraw: Redraw, seed: Seed) -> Verdict {
    const N_CHAINS: usize = 4096;
    let audit = Audit::new(model)?;
    let mut tests = Vec::new();
    for block in 0..model.n_blocks() {
        let p = model.block_matrix(block, audit.states.view());
        let heading = |f: crate::verdict::Failure| f.within(format_args!("block {block}"));
        stochastic(p.view()).map_err(heading)?;
        if redraw == Redraw::Conditional {
            conditional(&audit, &p).map_err(heading)?;
            close("redrawing twice is redrawing once", &p.dot(&p), &p, 1e-13).map_err(heading)?;
        }
        leaves_invariant(audit.pi.view(), p.view()).map_err(heading)?;
        detailed_balance(audit.pi.view(), p.view()).map_err(heading)?;
        tests.push(block_as_drawn(
            model,
            block,
            &audit,
            N_CHAINS,
            seed.nth(block as u64),
        )?);
        for parity in 0..2 {
            let seed = seed.child("clamped").nth(2 * block as u64 + parity as u64);
            tests.push(clamped(model, block, parity, &audit, 8 * N_CHAINS, seed));
        }
    }
    family(&tests, FALSE_ALARM)
}

/// `P_ij` against the ratio of joints, over all states that agree with `i` outside of the coordinates that the block moves.
fn conditional(audit: &Audit, p: &Array2<f64>) -> Verdict {
    let (n, dim) = audit.states.dim();
    let differ = |i: usize, j: usize, c: usize| audit.states[[i, c]] != audit.states[[j, c]];
    let moves: Vec<bool> = (0..dim)
        .map(|c| p.indexed_iter().any(|((i, j), p)| *p > 0.0 && differ(i, j, c)))
        .collect();
    let mut agreement = Agreement::new("the conditional is the ratio of joint probabilities");
    for i in 0..n {
        let alike = |j: &usize| (0..dim).all(|c| moves[c] || !differ(i, *j, c));
        let class: Vec<usize> = (0..n).filter(alike).collect();
        let total: f64 = class.iter().map(|j| audit.pi[*j]).sum();
        // Without mass there is no conditional law.
        for j in class.into_iter().filter(|_| total > 0.0) {
            let expected = audit.pi[j] / total;
            agreement.entry(
                || format!("from state {i} to {j}"),
                p[[i, j]],
                expected,
                1e-12 * expected,
            );
        }
    }
    agreement.verdict()
}

/// Every second coordinate clamped to its value in the likeliest state: from exact draws of the conditional law, a
/// redraw must keep that law.
fn clamped<M: Blocks>(model: &M, block: usize, parity: usize, audit: &Audit, n: usize, seed: Seed) -> Test {
    let free: Array1<bool> = (0..model.dim()).map(|i| i % 2 == parity).collect();
    let likeliest = (0..audit.pi.len())
        .max_by(|a, b| audit.pi[*a].total_cmp(&audit.pi[*b]))
        .unwrap_or(0);
    let allowed =
        |k: usize| (0..model.dim()).all(|i| free[i] || audit.states[[k, i]] == audit.states[[likeliest, i]]);
    let members: Vec<usize> = (0..audit.pi.len()).filter(|k| allowed(*k)).collect();
    let total: f64 = members.iter().map(|k| audit.pi[*k]).sum();
    let law: Vec<f64> = members.iter().map(|k| audit.pi[*k] / total).collect();

    let mut rng = seed.rng();
    let mut x = Array2::zeros((n, model.dim()));
    for mut row in x.rows_mut() {
        row.assign(&audit.states.row(members[draw(&law, rng.random())]));
    }
    model.resample(x.view_mut(), block, Some(free.view()), &mut rng);
    let mut counts = vec![0; members.len() + 1];
    for row in x.rows() {
        counts[members
            .iter()
            .position(|k| audit.states.row(*k) == row)
            .unwrap_or(members.len())] += 1;
    }
    // The last cell is what breaks the clamp or leaves the space.
    let law: Vec<f64> = law.into_iter().chain([0.0]).collect();
    chi_square(
        &format!("a redraw of block {block} with sites of parity {parity} free keeps the conditional law"),
        &counts,
        &law,
    )
}

/// The cell of a law in which the uniform number `u` falls.
pub(super) fn draw(law: &[f64], mut u: f64) -> usize {
    for (k, p) in law.iter().enumerate() {
        if u < *p {
            return k;
        }
        u -= p;
    }
    law.len() - 1
}
