//! Laws of Markov kernels.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Discrete, Energy, Kernel, Seed, Space, TransitionLaw};
use ndarray::{Array2, ArrayView2};

use crate::agreement::identical;
use crate::audit::{Audit, kernel_as_drawn};
use crate::counting::CountingRng;
use crate::stats::FALSE_ALARM;
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// What a kernel on a finite space promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// The target is invariant.
    Global,
    /// Flows between any two states balance.
    Detailed,
}

/// Checks [`Kernel`] from the rows of `x` `(B, D)`: positions after `init` are the rows; a step is determined by the
/// seed, on any number of threads, and draws one 64-bit key; rows of the wrong length and rows of NaN are refused; a
/// refresh changes nothing while the target is unchanged, and forgets everything of the old target when it becomes
/// `other`.
///
/// `other` should be the same kind of target with other parameters.
///
/// # Errors
/// The first law that does not hold.
pub fn kernel<T: Space + ?Sized, K: Kernel<T>>(
    kernel: &K,
    target: &T,
    other: &T,
    x: ArrayView2<f64>,
    seed: Seed,
) -> Verdict {
    let long = Array2::from_shape_fn((3 * BLOCK_ROWS + 5, x.ncols()), |(b, i)| x[[b % x.nrows(), i]]);
    let init = |target: &T| {
        let started = kernel.init(target, long.clone());
        started.map_err(|e| Failure::refused("chains start at the probes", &e))
    };
    let state = init(target)?;
    identical(
        "positions after init are the given rows",
        &kernel.positions(&state),
        &long,
    )?;
    refuses(kernel, target, x)?;

    let mut rng = CountingRng::new(seed.rng());
    kernel.step(target, &mut init(target)?, &mut rng);
    require(
        rng.n_words == 1 && !rng.other_draws,
        "a step draws one key from the generator",
        format_args!("it drew {} words, other draws: {}", rng.n_words, rng.other_draws),
    )?;

    let walk = |from: &T, target: &T, seed: Seed, refresh: bool| -> Result<Array2<f64>, Failure> {
        let (mut state, mut rng) = (init(from)?, seed.rng());
        for _ in 0..N_STEPS {
            if refresh {
                kernel.refresh(target, &mut state);
                kernel.refresh(target, &mut state);
            }
            kernel.step(target, &mut state, &mut rng);
        }
        Ok(kernel.positions(&state).into_owned())
    };
    let reference = walk(target, target, seed, false)?;
    identical(
        "the same seed gives the same chain",
        &walk(target, target, seed, false)?,
        &reference,
    )?;
    identical(
        "a refresh for the same target changes nothing",
        &walk(target, target, seed, true)?,
        &reference,
    )?;
    identical(
        "a refresh for another target forgets the first",
        &walk(target, other, seed, true)?,
        &walk(other, other, seed, false)?,
    )?;
    require(
        walk(target, target, seed.nth(1), false)? != reference && reference != long,
        "chains move, and differently for another seed",
        format_args!("after {N_STEPS} steps"),
    )?;
    on_any_number_of_threads(kernel, target, &long, seed)
}

const N_STEPS: usize = 10;

fn on_any_number_of_threads<T: Space + ?Sized, K: Kernel<T>>(
    kernel: &K,
    target: &T,
    x: &Array2<f64>,
    seed: Seed,
) -> Verdict {
    let run = || {
        let mut rng = seed.rng();
        let Ok(mut state) = kernel.init(target, x.clone()) else {
            return ndarray::Array1::zeros(0);
        };
        for _ in 0..N_STEPS {
            kernel.step(target, &mut state, &mut rng);
        }
        kernel.positions(&state).into_owned().into_flat()
    };
    threads::same_on_any_number("chains have the same bits", run)
}

fn refuses<T: Space + ?Sized, K: Kernel<T>>(kernel: &K, target: &T, x: ArrayView2<f64>) -> Verdict {
    let law = "rows that do not fit are refused";
    require(
        kernel.init(target, Array2::zeros((2, x.ncols() + 1))).is_err(),
        law,
        "one column too many was taken",
    )?;
    for b in [0, x.nrows() - 1] {
        let mut spoilt = x.to_owned();
        spoilt[[b, x.ncols() - 1]] = f64::NAN;
        require(
            kernel.init(target, spoilt).is_err(),
            law,
            format_args!("NaN in row {b} was taken"),
        )?;
    }
    Ok(())
}

/// Checks a [`TransitionLaw`] on a small finite target: the matrix is stochastic, leaves the target invariant to
/// 1e-14, connects the support and, where promised, balances in detail; and a step is drawn with the law of the
/// matrix.
///
/// # Errors
/// The first law that does not hold.
pub fn transition_law<T: Discrete + Energy, K: TransitionLaw<T>>(
    kernel: &K,
    target: &T,
    balance: Balance,
    seed: Seed,
) -> Verdict {
    const N_CHAINS: usize = 4096;
    let audit = Audit::new(target)?;
    let p = kernel.transition_matrix(target, audit.states.view());
    match balance {
        Balance::Global => audit.invariant(p.view())?,
        Balance::Detailed => audit.reversible(p.view())?,
    }
    kernel_as_drawn(kernel, target, &audit, N_CHAINS, seed)?.verdict(FALSE_ALARM)
}
