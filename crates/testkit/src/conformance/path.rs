//! Laws of tempered families.
//!
//! On a small finite space everything that an annealing run relies on can be tested: that the start is normalised and
//! sampled exactly, that the transition leaves `f_β` invariant and runs the same way in both directions (Bowker's
//! test of symmetry on the counts of moves between exact draws), and that importance weights average to the ratio of
//! normalisers.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Path, Seed};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rand::RngExt;

use super::blocks::draw;
use crate::agreement::{close, identical};
use crate::audit::Audit;
use crate::differences::Precision;
use crate::quadrature::Support;
use crate::stats::special::chi_square_tail;
use crate::stats::{FALSE_ALARM, Test, chi_square, family, mean};
use crate::threads;
use crate::verdict::{Failure, Verdict, require};

/// Checks [`Path`] at the rows of `x` `(B, D)`: placing and positions are inverse; rows that do not fit are refused;
/// work is added, is additive along the path, is the integral of the slope and never stale after a transition, a
/// selection or an exchange; starts and transitions are determined by the seed, on any number of threads.
///
/// # Errors
/// The first law that does not hold.
pub fn path<P: Path>(path: &P, x: ArrayView2<f64>, precision: Precision, seed: Seed) -> Verdict {
    let placed = place(path, x)?;
    identical("positions are the placed rows", &path.positions(&placed), &x)?;
    let law = "rows that do not fit are refused";
    require(
        path.place(Array2::zeros((1, x.ncols() + 1)).view()).is_err(),
        law,
        "one column too many was taken",
    )?;
    for b in [0, x.nrows() - 1] {
        let mut spoilt = x.to_owned();
        spoilt[[b, 0]] = f64::NAN;
        require(
            path.place(spoilt.view()).is_err(),
            law,
            format_args!("NaN in row {b} was taken"),
        )?;
    }
    works(path, x, precision)?;
    slopes(path, x, precision)?;
    rearranged(path, x, precision)?;
    reproducible(path, precision, seed)
}

fn works<P: Path>(path: &P, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let n = x.nrows();
    let from_zero = |from: f64, to: f64| work(path, &mut place(path, x)?, from, to, Array1::zeros(n));
    let whole = from_zero(0.0, 1.0)?;
    let scale = 1.0 + crate::agreement::largest(&whole);
    let tolerance = precision.agreement();
    let compare = |law: &str, found: Array1<f64>, expected: &Array1<f64>| {
        close(law, &(found / scale + 1.0), &(expected / scale + 1.0), tolerance)
    };
    require(
        whole.iter().all(|w| w.is_finite()),
        "the work at the probes is finite",
        format_args!("{whole}"),
    )?;
    compare(
        "no step does no work",
        from_zero(0.375, 0.375)?,
        &Array1::zeros(n),
    )?;
    compare("work is undone on the way back", -from_zero(1.0, 0.0)?, &whole)?;

    // In pieces, in one state, so that what it caches is used, and on top of what is there.
    let mut state = place(path, x)?;
    let before: Array1<f64> = (0..n).map(|b| 0.5 - b as f64).collect();
    let mut pieces = before.clone();
    for (from, to) in [(0.0, 0.125), (0.125, 0.625), (0.625, 1.0)] {
        pieces = work(path, &mut state, from, to, pieces)?;
    }
    compare(
        "work is added, and additive along the path",
        pieces - &before,
        &whole,
    )?;

    let mut start = Array1::zeros(n);
    path.log_start(&state, start.as_slice_mut().expect("a new array is contiguous"));
    let mut added = before.clone();
    path.log_start(&state, added.as_slice_mut().expect("a new array is contiguous"));
    close(
        "log_start is added",
        &(added - &before),
        &start,
        tolerance.max(1e-14) * (1.0 + n as f64),
    )
}

/// The work between two temperatures is the integral of the slope, by quadrature that is exact to rounding.
fn slopes<P: Path>(path: &P, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let n = x.nrows();
    let mut state = place(path, x)?;
    let slope = |state: &P::State, beta: f64, mut out: Array1<f64>| {
        path.slope(
            state,
            beta,
            out.as_slice_mut().expect("a new array is contiguous"),
        );
        out
    };
    for (from, to) in [(0.0, 0.125), (0.125, 0.625), (0.625, 1.0)] {
        let mut integral = Array1::zeros(n);
        let (betas, weights) = Support::Interval(from, to).rule(1.0 / 32.0);
        for (beta, weight) in betas.into_iter().zip(weights) {
            integral += &(slope(&state, beta, Array1::zeros(n)) * weight);
        }
        let expected = work(path, &mut state, from, to, Array1::zeros(n))?;
        let scale = 1.0 + crate::agreement::largest(&expected);
        close(
            "the work is the integral of the slope",
            &(integral / scale + 1.0),
            &(expected / scale + 1.0),
            precision.agreement().max(1e-12),
        )?;
    }
    let before: Array1<f64> = (0..n).map(|b| 0.5 - b as f64).collect();
    let added = slope(&state, 0.5, before.clone()) - &before;
    close(
        "the slope is added",
        &added,
        &slope(&state, 0.5, Array1::zeros(n)),
        1e-14 * (1.0 + n as f64),
    )
}

/// Selection and exchange move positions, and nothing of the old ones stays behind.
fn rearranged<P: Path>(path: &P, x: ArrayView2<f64>, precision: Precision) -> Verdict {
    let n = x.nrows();
    let reversed = x.slice(s![..;-1, ..]);
    // The states cache what they cache.
    let worked = |x: ArrayView2<f64>| -> Result<P::State, Failure> {
        let mut state = place(path, x)?;
        work(path, &mut state, 0.0, 1.0, Array1::zeros(n))?;
        Ok(state)
    };
    let same_work = |law: &str, state: &mut P::State| not_stale(path, state, law, precision);

    // Backwards, with the first row once more at the end.
    let rows: Vec<usize> = (0..n).rev().chain([0]).collect();
    let mut selected = path.select(&worked(x)?, &rows);
    identical(
        "selected chains are those named",
        &path.positions(&selected),
        &x.select(Axis(0), &rows),
    )?;
    same_work(
        "the work of selected chains is that of their positions",
        &mut selected,
    )?;

    let (mut a, mut b) = (worked(x)?, worked(reversed)?);
    let swap: Vec<bool> = (0..n).map(|row| row % 3 == 0).collect();
    path.exchange(&mut a, &mut b, &swap);
    let chosen = |kept: ArrayView2<f64>, taken: ArrayView2<f64>| {
        Array2::from_shape_fn(x.raw_dim(), |(row, i)| {
            if swap[row] {
                taken[[row, i]]
            } else {
                kept[[row, i]]
            }
        })
    };
    let law = "marked chains are exchanged and no others";
    identical(law, &path.positions(&a), &chosen(x, reversed))?;
    identical(law, &path.positions(&b), &chosen(reversed, x))?;
    let law = "the work of exchanged chains is that of their positions";
    same_work(law, &mut a)?;
    same_work(law, &mut b)
}

fn reproducible<P: Path>(path: &P, precision: Precision, seed: Seed) -> Verdict {
    const N: usize = 3 * BLOCK_ROWS + 5;
    let walk = || {
        let mut rng = seed.rng();
        let mut state = path.start(N, &mut rng);
        let started = path.positions(&state).into_owned();
        let mut weights = vec![0.0; N];
        for k in 0..4 {
            let (from, to) = (0.25 * f64::from(k), 0.25 * f64::from(k + 1));
            path.work(&mut state, from, to, &mut weights);
            path.transition(&mut state, to, &mut rng);
        }
        (started, weights, state)
    };
    let flat = || {
        let (started, weights, state) = walk();
        started
            .into_iter()
            .chain(weights)
            .chain(path.positions(&state).iter().copied())
            .collect::<Array1<f64>>()
    };
    threads::same_on_any_number("start, work and transitions have the same bits", flat)?;

    let (started, _, mut state) = walk();
    require(
        started.nrows() == N,
        "a start has the rows asked for",
        format_args!("{} instead of {N}", started.nrows()),
    )?;
    let moved = path.positions(&state);
    require(
        moved != started,
        "transitions move chains",
        "four of them changed nothing",
    )?;
    let law = "the work after a transition is that of the new positions";
    not_stale(path, &mut state, law, precision)
}

/// The work of chains that moved is that of chains placed where they are: nothing of the old positions may be left.
fn not_stale<P: Path>(path: &P, state: &mut P::State, law: &str, precision: Precision) -> Verdict {
    let x = path.positions(state).into_owned();
    let n = x.nrows();
    let fresh = work(path, &mut place(path, x.view())?, 0.25, 1.0, Array1::zeros(n))?;
    let found = work(path, state, 0.25, 1.0, Array1::zeros(n))?;
    let scale = 1.0 + crate::agreement::largest(&fresh);
    close(
        law,
        &(found / scale + 1.0),
        &(fresh / scale + 1.0),
        precision.agreement(),
    )
}

/// Checks a [`Path`] on a small finite space, all of whose states are listed: the start is normalised and drawn
/// exactly; at `β` = 0, ½ and 1 the transition leaves `f_β` invariant and is reversible; and annealing estimates the
/// normaliser without bias.
///
/// # Errors
/// The first law that does not hold.
pub fn finite_path<P: Path>(path: &P, states: ArrayView2<f64>, precision: Precision, seed: Seed) -> Verdict {
    let n = states.nrows();
    let mut placed = place(path, states)?;
    let mut log_start = Array1::zeros(n);
    path.log_start(
        &placed,
        log_start.as_slice_mut().expect("a new array is contiguous"),
    );
    let mut law_at = |beta: f64| {
        let log_weights = work(path, &mut placed, 0.0, beta, log_start.clone())?;
        Audit::from_log_weights(states.to_owned(), log_weights)
    };
    let start = law_at(0.0)?;
    let (found, expected) = (
        ndarray::arr1(&[path.log_z_start()]),
        ndarray::arr1(&[start.log_z]),
    );
    close(
        "the start is normalised by log_z_start",
        &(found + 1.0),
        &(expected + 1.0),
        precision.agreement(),
    )?;

    let mut rng = seed.child("start").rng();
    let drawn = path.start(N_DRAWS, &mut rng);
    let counts = count(&start, path.positions(&drawn).view())?;
    let mut tests = vec![chi_square("start draws from f_0", &counts, &start.pi.to_vec())];
    for (k, beta) in [0.0, 0.5, 1.0].into_iter().enumerate() {
        let seed = seed.child("transition").nth(k as u64);
        tests.extend(
            transition(path, &law_at(beta)?, beta, seed).map_err(|f| f.within(format_args!("β = {beta}")))?,
        );
    }
    let log_ratio = law_at(1.0)?.log_z - start.log_z;
    tests.push(annealed(path, log_ratio, seed.child("annealed")));
    family(&tests, FALSE_ALARM)
}

const N_DRAWS: usize = 1 << 16;

/// Invariance and reversibility of one transition from exact draws of `f_β`.
fn transition<P: Path>(path: &P, audit: &Audit, beta: f64, seed: Seed) -> Result<[Test; 2], Failure> {
    let mut rng = seed.rng();
    let law = audit.pi.to_vec();
    let from: Vec<usize> = (0..N_DRAWS).map(|_| draw(&law, rng.random())).collect();
    let x = Array2::from_shape_fn((N_DRAWS, audit.states.ncols()), |(b, i)| {
        audit.states[[from[b], i]]
    });
    let mut state = place(path, x.view())?;
    path.transition(&mut state, beta, &mut rng);
    let arrived = path.positions(&state);
    let counts = count(audit, arrived.view())?;
    let invariance = chi_square(
        &format!("the transition at β = {beta} leaves f_β invariant"),
        &counts,
        &law,
    );

    let n = law.len();
    let mut moves = Array2::<f64>::zeros((n, n));
    for (from, row) in from.into_iter().zip(arrived.rows()) {
        moves[[from, index(audit, row)?]] += 1.0;
    }
    Ok([
        invariance,
        symmetry(&format!("the transition at β = {beta} is reversible"), &moves),
    ])
}

/// Bowker's test (1948) that moves from `i` to `j` are as frequent as moves back: `Σ (n_ij − n_ji)² / (n_ij + n_ji)`.
///
/// Pairs are pooled until each cell has forty moves, which keeps the hypothesis: sums of balanced flows balance.
fn symmetry(name: &str, moves: &Array2<f64>) -> Test {
    const LEAST_MOVES: f64 = 40.0;
    let (mut statistic, mut df) = (0.0, 0.0);
    let (mut difference, mut total) = (0.0, 0.0);
    for i in 0..moves.nrows() {
        for j in 0..i {
            difference += moves[[i, j]] - moves[[j, i]];
            total += moves[[i, j]] + moves[[j, i]];
            if total >= LEAST_MOVES {
                statistic += difference * difference / total;
                df += 1.0;
                (difference, total) = (0.0, 0.0);
            }
        }
    }
    Test {
        name: name.to_owned(),
        statistic,
        p_value: if df > 0.0 {
            chi_square_tail(statistic, df)
        } else {
            f64::NAN
        },
        detail: format!("{df} cells of pairs"),
    }
}

/// `E[Π f_{k}(x_{k−1}) / f_{k−1}(x_{k−1})] = Z_1 / Z_0` over runs of a few steps (Neal 2001, "Annealed importance
/// sampling").
fn annealed<P: Path>(path: &P, log_ratio: f64, seed: Seed) -> Test {
    const N_STEPS: u32 = 4;
    let mut rng = seed.rng();
    let mut state = path.start(N_DRAWS, &mut rng);
    let mut log_weights = vec![0.0; N_DRAWS];
    for k in 0..N_STEPS {
        let beta = |k: u32| f64::from(k) / f64::from(N_STEPS);
        path.work(&mut state, beta(k), beta(k + 1), &mut log_weights);
        path.transition(&mut state, beta(k + 1), &mut rng);
    }
    let ratios: Vec<f64> = log_weights.iter().map(|w| (w - log_ratio).exp()).collect();
    mean("annealing estimates the normaliser without bias", &ratios, 1.0)
}

fn place<P: Path>(path: &P, x: ArrayView2<f64>) -> Result<P::State, Failure> {
    path.place(x)
        .map_err(|e| Failure::refused("states of the space can be placed", &e))
}

/// `log_weights` with the work from `from` to `to` added.
fn work<P: Path>(
    path: &P,
    state: &mut P::State,
    from: f64,
    to: f64,
    mut log_weights: Array1<f64>,
) -> Result<Array1<f64>, Failure> {
    path.work(
        state,
        from,
        to,
        log_weights.as_slice_mut().expect("a new array is contiguous"),
    );
    Ok(log_weights)
}

fn count(audit: &Audit, x: ArrayView2<f64>) -> Result<Vec<u64>, Failure> {
    let mut counts = vec![0; audit.pi.len()];
    for row in x.rows() {
        counts[index(audit, row)?] += 1;
    }
    Ok(counts)
}

fn index(audit: &Audit, row: ArrayView1<f64>) -> Result<usize, Failure> {
    let found = audit.states.rows().into_iter().position(|s| s == row);
    found.ok_or_else(|| Failure::new("chains stay in the space", format_args!("{row} is not a state")))
}
