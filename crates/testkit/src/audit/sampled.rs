//! Ties the drawn step to the matrix.
//!
//! A matrix can be right while the code that draws is not. Many chains start at each state, take one step, and the
//! states they arrive in are counted against that row of the matrix; the chi-square statistics of the rows are
//! independent, so their sum is one test of the whole matrix. An arrival that the matrix forbids fails outright.

use std::collections::HashMap;

use gibbsian_core::{BlockLaw, Kernel, Seed, TransitionLaw};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::Rng;

use crate::audit::Audit;
use crate::stats::Test;
use crate::stats::chi_square::statistic;
use crate::stats::special::chi_square_tail;
use crate::verdict::Failure;

/// Tests one drawn step of `n_chains` chains from each state of positive probability against the rows of `p`.
///
/// `step` advances chains at the rows it is given; chains from one state are handed over together.
///
/// # Errors
/// `step` fails, or a chain arrives outside `states`.
pub fn step_as_drawn(
    name: &str,
    audit: &Audit,
    p: ArrayView2<f64>,
    n_chains: usize,
    step: &mut dyn FnMut(Array2<f64>) -> Result<Array2<f64>, Failure>,
) -> Result<Test, Failure> {
    let states = audit.states.view();
    let index = index_of_states(states);
    let (mut sum, mut df) = (0.0, 0.0);
    let mut worst = (0.0, String::new());
    for (i, state) in states
        .rows()
        .into_iter()
        .enumerate()
        .filter(|(i, _)| audit.pi[*i] > 0.0)
    {
        let at_state = state.insert_axis(Axis(0));
        let arrived = step(
            at_state
                .broadcast((n_chains, state.len()))
                .expect("one row repeats")
                .to_owned(),
        )?;
        let mut counts = vec![0u64; states.nrows()];
        for row in arrived.rows() {
            let Some(&j) = index.get(&key(row)) else {
                return Err(Failure::new(
                    name,
                    format_args!("from {state} to {row}, which is not a state"),
                ));
            };
            counts[j] += 1;
        }
        let probabilities: Vec<f64> = p.row(i).to_vec();
        match statistic(&counts, &probabilities) {
            Ok((s, d, detail)) => {
                (sum, df) = (sum + s, df + d);
                if s - d >= worst.0 {
                    worst = (s - d, format!("from state {i} {state}: {detail}"));
                }
            }
            Err(detail) => {
                return Ok(Test {
                    name: name.to_owned(),
                    statistic: f64::INFINITY,
                    p_value: 0.0,
                    detail: format!("from state {i} {state}: {detail}"),
                });
            }
        }
    }
    let p_value = if df == 0.0 { 1.0 } else { chi_square_tail(sum, df) };
    Ok(Test {
        name: name.to_owned(),
        statistic: sum,
        p_value,
        detail: format!("{df} degrees of freedom; worst {}", worst.1),
    })
}

/// Tests [`Kernel::step`] against [`TransitionLaw::transition_matrix`].
///
/// # Errors
/// The kernel refuses a state, or leaves the space.
pub fn kernel_as_drawn<T: ?Sized, K: TransitionLaw<T>>(
    kernel: &K,
    target: &T,
    audit: &Audit,
    n_chains: usize,
    seed: Seed,
) -> Result<Test, Failure> {
    let p = kernel.transition_matrix(target, audit.states.view());
    let mut rng = seed.rng();
    step_as_drawn(
        "the drawn step has the law of the matrix",
        audit,
        p.view(),
        n_chains,
        &mut |x| step_once(kernel, target, x, &mut rng),
    )
}

/// Tests [`gibbsian_core::Blocks::resample`] of one block against [`BlockLaw::block_matrix`].
///
/// # Errors
/// The model leaves the space.
pub fn block_as_drawn<M: BlockLaw + ?Sized>(
    model: &M,
    block: usize,
    audit: &Audit,
    n_chains: usize,
    seed: Seed,
) -> Result<Test, Failure> {
    let p = model.block_matrix(block, audit.states.view());
    let mut rng = seed.rng();
    let name = format!("block {block} is drawn with the law of its matrix");
    step_as_drawn(&name, audit, p.view(), n_chains, &mut |mut x| {
        model.resample(x.view_mut(), block, None, &mut rng);
        Ok(x)
    })
}

/// The positions after one step from the rows of `x`.
fn step_once<T: ?Sized, K: Kernel<T>>(
    kernel: &K,
    target: &T,
    x: Array2<f64>,
    rng: &mut dyn Rng,
) -> Result<Array2<f64>, Failure> {
    let mut state = kernel
        .init(target, x)
        .map_err(|e| Failure::refused("chains start at every state", &e))?;
    kernel.step(target, &mut state, rng);
    Ok(kernel.positions(&state).into_owned())
}

/// Which number each state has.
fn index_of_states(states: ArrayView2<f64>) -> HashMap<Vec<u64>, usize> {
    states
        .rows()
        .into_iter()
        .enumerate()
        .map(|(i, row)| (key(row), i))
        .collect()
}

/// A row as a key; both zeros are one.
fn key(row: ArrayView1<f64>) -> Vec<u64> {
    row.iter().map(|v| (v + 0.0).to_bits()).collect()
}
