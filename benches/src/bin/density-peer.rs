//! Runs the density tasks of the peers' scripts on the same numbers, one JSON line.
//!
//! `density-peer density FILE` times log-densities, scores, and both in one pass; `density-peer em FILE N` times `N` iterations of expectation
//! maximisation. FILE is `f64` little-endian: `K, D, B`, weights `(K)`, means `(K, D)`, covariances `(K, D, D)`, points `(B, D)`. One component is
//! evaluated as a multivariate normal. Threads are those of rayon (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_core::{Density, Score};
use gibbsian_densities::{CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture, MultivariateNormal};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const REPEATS: usize = 15;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Inside the pool, as a driver would run it: calls from outside would wait for a worker at every parallel region.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(&arguments).map_err(|e| e.to_string()))?)
}

fn run(arguments: &[&str]) -> Outcome<()> {
    match arguments {
        ["density", file] => density(Problem::read(file)?),
        ["em", file, n] => em(Problem::read(file)?, n.parse()?),
        _ => Err("usage: see the top of the source".into()),
    }
}

struct Problem {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array3<f64>,
    x: Array2<f64>,
}

impl Problem {
    fn read(file: &str) -> Outcome<Self> {
        let bytes = std::fs::read(file)?;
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b));
        let mut take = |n: usize| numbers.by_ref().take(n).collect::<Vec<f64>>();
        let sizes = take(3);
        let (k, d, n) = (sizes[0] as usize, sizes[1] as usize, sizes[2] as usize);
        Ok(Problem {
            weights: take(k).into(),
            means: Array2::from_shape_vec((k, d), take(k * d))?,
            covariances: Array3::from_shape_vec((k, d, d), take(k * d * d))?,
            x: Array2::from_shape_vec((n, d), take(n * d))?,
        })
    }
}

fn density(problem: Problem) -> Outcome<()> {
    let Problem { weights, means, covariances, x } = problem;
    if weights.len() == 1 {
        let covariance = covariances.index_axis(Axis(0), 0);
        let normal = MultivariateNormal::from_covariance(means.row(0), covariance)?;
        report(x.view(), &normal, |x, value, score| normal.log_density_and_score_into(x, value, score))
    } else {
        let mixture = GaussianMixture::new(weights, means, Covariances::Full(covariances))?;
        report(x.view(), &mixture, |x, value, score| mixture.log_density_and_score_into(x, value, score))
    }
}

fn report<M: Density + Score>(
    x: ArrayView2<f64>,
    model: &M,
    both: impl Fn(ArrayView2<f64>, ArrayViewMut1<f64>, ArrayViewMut2<f64>),
) -> Outcome<()> {
    let mut value = Array1::zeros(x.nrows());
    let mut score = Array2::zeros(x.raw_dim());
    let value_seconds = clock(|| model.log_density_into(x, value.view_mut()));
    let score_seconds = clock(|| model.score_into(x, score.view_mut()));
    let both_seconds = clock(|| both(x, value.view_mut(), score.view_mut()));
    println!(
        "{{\"value\":{value_seconds:?},\"score\":{score_seconds:?},\"both\":{both_seconds:?},\"check\":[{},{}]}}",
        value.mean().unwrap_or(f64::NAN),
        score.mapv(f64::abs).mean().unwrap_or(f64::NAN),
    );
    Ok(())
}

fn clock(mut run: impl FnMut()) -> Vec<f64> {
    run();
    (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect()
}

/// From equal weights, shifted means and unit covariances, without a floor: plain iterations, as the other side runs them.
fn em(problem: Problem, iterations: usize) -> Outcome<()> {
    let Problem { weights, means, covariances, x } = problem;
    let (k, d) = means.dim();
    let mut unit = Array3::zeros(covariances.raw_dim());
    for mut one in unit.outer_iter_mut() {
        one.diag_mut().fill(1.0);
    }
    let equal = Array1::from_elem(k, 1.0 / weights.len() as f64);
    let start = GaussianMixture::new(equal, &means + 0.25, Covariances::Full(unit))?;
    let settings = |max_iterations| ExpectationMaximisation {
        max_iterations,
        tolerance: 0.0,
        variance_floor: 0.0,
        ..ExpectationMaximisation::new(k, CovarianceForm::Full)
    };
    let fit = |n: usize| -> Outcome<(f64, f64)> {
        let clock = Instant::now();
        let found = settings(n).fit_from(x.view(), &start)?;
        Ok((clock.elapsed().as_secs_f64(), found.log_likelihood() / x.nrows() as f64))
    };
    fit(1)?;
    let (one, many) = (fit(1)?, fit(1 + iterations)?);
    println!("{{\"em\":{},\"check\":[{},0.0],\"dim\":{d}}}", (many.0 - one.0) / iterations as f64, many.1);
    Ok(())
}
