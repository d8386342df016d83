//! Runs the density tasks of the peers' scripts on the same points, one JSON line a task.
//!
//! `density-peer density FILE` times log-densities, scores and both in one pass at all points; `density-peer em FILE ITERATIONS` times an iteration
//! of the estimation of a mixture with as many components, from the means moved by a quarter. FILE is `f64`, little-endian:
//! `K, D, N, weights[K], means[K][D], covariances[K][D][D], x[N][D]`; a single component is evaluated as a normal density. Threads are those of
//! rayon (`RAYON_NUM_THREADS`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gibbsian_core::{Density, Score};
use gibbsian_densities::{
    CovarianceForm, Covariances, ExpectationMaximisation, GaussianMixture, MultivariateNormal,
};
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

type Failure = Box<dyn std::error::Error>;

/// The timed calls of each kind, after one that is not timed.
const REPEATS: usize = 9;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Inside the pool, as a driver would run it: calls from outside would wait for a worker at every parallel region.
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    Ok(pool.install(|| run(&arguments).map_err(|e| e.to_string()))?)
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["density", file] => {
            let Problem {
                weights,
                means,
                covariances,
                x,
            } = Problem::read(file)?;
            if means.nrows() == 1 {
                let covariance = covariances.index_axis_move(Axis(0), 0);
                let normal = MultivariateNormal::from_covariance(means.row(0).to_owned(), covariance)?;
                density(&normal, &x, |x, log_density, score| {
                    normal.log_density_and_score_into(x, log_density, score);
                });
            } else {
                let mixture = GaussianMixture::new(weights, means, Covariances::Full(covariances))?;
                density(&mixture, &x, |x, log_density, score| {
                    mixture.log_density_and_score_into(x, log_density, score);
                });
            }
            Ok(())
        }
        ["em", file, iterations] => em(&Problem::read(file)?, iterations.parse()?),
        _ => Err("usage: see the top of the source".into()),
    }
}

/// A mixture and draws from it.
struct Problem {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array3<f64>,
    x: Array2<f64>,
}

impl Problem {
    fn read(path: &str) -> Result<Self, Failure> {
        let bytes = std::fs::read(path)?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|&b| f64::from_le_bytes(b));
        let mut take = |n: usize| numbers.by_ref().take(n).collect::<Vec<f64>>();
        let [k, d, n] = take(3)[..] else {
            return Err("the file ends in its head".into());
        };
        let (k, d, n) = (k as usize, d as usize, n as usize);
        Ok(Problem {
            weights: take(k).into(),
            means: Array2::from_shape_vec((k, d), take(k * d))?,
            covariances: Array3::from_shape_vec((k, d, d), take(k * d * d))?,
            x: Array2::from_shape_vec((n, d), take(n * d))?,
        })
    }
}

/// The seconds of each call.
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

fn density<D: Density + Score>(
    density: &D,
    x: &Array2<f64>,
    both: impl Fn(ArrayView2<f64>, ArrayViewMut1<f64>, ArrayViewMut2<f64>),
) {
    let (mut values, mut scores) = (Array1::zeros(x.nrows()), Array2::zeros(x.raw_dim()));
    let value_s = clock(|| density.log_density_into(x.view(), values.view_mut()));
    let score_s = clock(|| density.score_into(x.view(), scores.view_mut()));
    let both_s = clock(|| both(x.view(), values.view_mut(), scores.view_mut()));
    println!(
        "{{\"peer\":\"gibbsian\",\"dim\":{},\"threads\":{},\"value\":{value_s:?},\"score\":{score_s:?},\"both\":{both_s:?},\"check\":[{},{}]}}",
        density.dim(),
        rayon::current_num_threads(),
        values.sum() / values.len() as f64,
        scores.mapv(f64::abs).sum() / scores.len() as f64,
    );
}

fn em(problem: &Problem, iterations: usize) -> Result<(), Failure> {
    let (k, d) = problem.means.dim();
    let start = GaussianMixture::new(
        Array1::from_elem(k, 1.0 / k as f64),
        &problem.means + 0.25,
        Covariances::Spherical(Array1::ones(k)),
    )?;
    let fit = |max_iterations: usize| -> Result<(f64, f64), Failure> {
        let settings = ExpectationMaximisation {
            max_iterations,
            tolerance: 0.0,
            variance_floor: 0.0,
            ..ExpectationMaximisation::new(k, CovarianceForm::Full)
        };
        let clock = Instant::now();
        let found = settings.fit_from(problem.x.view(), &start)?;
        let seconds = clock.elapsed().as_secs_f64();
        Ok((seconds, found.log_likelihoods.last().copied().unwrap_or(f64::NAN)))
    };
    fit(1)?;
    let (one, many) = (fit(1)?, fit(1 + iterations)?);
    println!(
        "{{\"peer\":\"gibbsian\",\"dim\":{d},\"threads\":{},\"em\":{},\"check\":[{},0.0]}}",
        rayon::current_num_threads(),
        (many.0 - one.0) / iterations as f64,
        many.1,
    );
    Ok(())
}
