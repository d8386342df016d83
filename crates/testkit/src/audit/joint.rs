//! Tests of a sampler inside a Bayesian model, where parameters and data can be drawn together.
//!
//! **Geweke's joint test** (Geweke 2004, "Getting it right"). The joint law `p(θ) p(y | θ)` is drawn exactly. A chain that alternates a step of the kernel on
//! `p(θ | y)` with a redraw of `y` from `p(y | θ)` leaves it invariant, whatever `y` is at the moment; so the kernel is tried on a new posterior at every step, and its
//! `refresh` with it. Chains start from exact draws, therefore every step counts: for each test function the mean along a chain minus the value at
//! its start has mean zero, and the chains are independent.
//!
//! **Ranks** (Gandy and Scott 2020; the calibration of Talts, Betancourt, Simpson, Vehtari and Gelman 2018 without its approximation). The parameters that made the data are an exact
//! draw of their posterior. Put at a random place of a chain of a *reversible* kernel, with steps to both sides, they are exchangeable with all others in the
//! chain, however slowly it mixes, so their rank is exactly uniform.

use gibbsian_core::parallel::map_blocks;
use gibbsian_core::{Error, Kernel, Potential, Seed};
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};
use rand::{Rng, RngExt};

use crate::audit::exact_start::test_functions;
use crate::stats::{FALSE_ALARM, family, mean, uniform_ranks};
use crate::verdict::{Failure, Verdict};

/// A Bayesian model: a prior, data given parameters, and the posterior that a sampler would be asked for.
pub trait JointModel: Sync {
    /// The density of the parameters given data, up to its normaliser.
    type Posterior: Potential;

    /// One draw of the parameters, `(D)`.
    fn draw_parameters(&self, rng: &mut dyn Rng) -> Array1<f64>;

    /// One draw of the data given parameters, `(N)`.
    fn draw_data(&self, parameters: ArrayView1<f64>, rng: &mut dyn Rng) -> Array1<f64>;

    /// The posterior given data.
    fn posterior(&self, data: ArrayView1<f64>) -> Self::Posterior;
}

/// Geweke's joint test with `n_chains` independent chains of `n_steps` alternations.
///
/// The test functions are those of [`test_functions`] of the parameters, and the first and second powers of the data.
///
/// # Errors
/// The sharpest test that fails, at the joint false-alarm probability [`FALSE_ALARM`]; chains that do not start.
pub fn geweke<M: JointModel, K: Kernel<M::Posterior>>(
    kernel: &K,
    model: &M,
    n_chains: usize,
    n_steps: usize,
    seed: Seed,
) -> Verdict {
    let chains: Vec<Result<Vec<Array1<f64>>, Error>> = map_blocks(n_chains, |_, chains| {
        chains
            .map(|chain| excess_of_chain(kernel, model, n_steps, seed.nth(chain as u64)))
            .collect()
    });
    let mut excess = Vec::with_capacity(n_chains);
    for block in chains {
        excess.extend(block.map_err(|e| Failure::refused("chains start at exact draws", &e))?);
    }
    let names = joint_names(model, seed);
    let tests: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let values: Vec<f64> = excess.iter().map(|e| e[i]).collect();
            mean(&format!("Geweke's joint test of E[{name}]"), &values, 0.0)
        })
        .collect();
    family(&tests, FALSE_ALARM)
}

/// The mean of every test function along one chain minus its value at the start.
fn excess_of_chain<M: JointModel, K: Kernel<M::Posterior>>(
    kernel: &K,
    model: &M,
    n_steps: usize,
    seed: Seed,
) -> Result<Array1<f64>, Error> {
    let mut rng = seed.rng();
    let theta = model.draw_parameters(&mut rng);
    let mut data = model.draw_data(theta.view(), &mut rng);
    let start = joint_values(theta.view(), data.view());
    let mut posterior = model.posterior(data.view());
    let mut state = kernel.init(&posterior, theta.insert_axis(Axis(0)))?;
    let mut sum = Array1::zeros(start.len());
    for _ in 0..n_steps {
        kernel.step(&posterior, &mut state, &mut rng);
        let theta = kernel.positions(&state).row(0).to_owned();
        data = model.draw_data(theta.view(), &mut rng);
        posterior = model.posterior(data.view());
        kernel.refresh(&posterior, &mut state);
        sum += &joint_values(theta.view(), data.view());
    }
    Ok(sum / n_steps as f64 - start)
}

fn joint_values(theta: ArrayView1<f64>, data: ArrayView1<f64>) -> Array1<f64> {
    let of_parameters: Array1<f64> = test_functions(theta.len())
        .iter()
        .map(|(_, f)| f(theta))
        .collect();
    concatenate![
        Axis(0),
        of_parameters,
        data,
        data.mapv(|y| y * y),
        Array1::from_elem(1, theta.sum() * data.sum())
    ]
}

fn joint_names<M: JointModel>(model: &M, seed: Seed) -> Vec<String> {
    let theta = model.draw_parameters(&mut seed.rng());
    let data = model.draw_data(theta.view(), &mut seed.rng());
    let of_parameters = test_functions(theta.len()).into_iter().map(|(name, _)| name);
    let powers = |power: &'static str| (0..data.len()).map(move |i| format!("y_{i}{power}"));
    of_parameters
        .chain(powers(""))
        .chain(powers("^2"))
        .chain(["Σθ Σy".to_owned()])
        .collect()
}

/// Tests the ranks of the parameters that made the data among `n_steps` further states of a **reversible** kernel, in `n_simulations` simulated data sets.
///
/// A state that equals the parameters, because proposals were refused, is ranked at random among its equals.
///
/// # Errors
/// Ranks of a parameter that are not uniform, at the joint false-alarm probability [`FALSE_ALARM`]; chains that do not start.
pub fn ranks<M: JointModel, K: Kernel<M::Posterior>>(
    kernel: &K,
    model: &M,
    n_simulations: usize,
    n_steps: usize,
    seed: Seed,
) -> Verdict {
    let blocks: Vec<Result<Vec<Vec<usize>>, Error>> = map_blocks(n_simulations, |_, simulations| {
        simulations
            .map(|s| ranks_of_simulation(kernel, model, n_steps, seed.nth(s as u64)))
            .collect()
    });
    let mut ranks = Vec::with_capacity(n_simulations);
    for block in blocks {
        ranks.extend(block.map_err(|e| Failure::refused("chains start at exact draws", &e))?);
    }
    let n_ranks = n_steps + 1;
    let n_bins = n_ranks.min(n_simulations / 20).max(2);
    let tests: Vec<_> = (0..ranks[0].len())
        .map(|i| {
            let ranks: Vec<usize> = ranks.iter().map(|r| r[i]).collect();
            uniform_ranks(&format!("ranks of parameter {i}"), &ranks, n_ranks, n_bins)
        })
        .collect();
    family(&tests, FALSE_ALARM)
}

fn ranks_of_simulation<M: JointModel, K: Kernel<M::Posterior>>(
    kernel: &K,
    model: &M,
    n_steps: usize,
    seed: Seed,
) -> Result<Vec<usize>, Error> {
    let mut rng = seed.rng();
    let theta = model.draw_parameters(&mut rng);
    let posterior = model.posterior(model.draw_data(theta.view(), &mut rng).view());
    let n_before = rng.random_range(0..=n_steps);
    let mut others = Array2::zeros((0, theta.len()));
    for n in [n_before, n_steps - n_before] {
        let mut state = kernel.init(&posterior, theta.clone().insert_axis(Axis(0)))?;
        for _ in 0..n {
            kernel.step(&posterior, &mut state, &mut rng);
            let position = kernel.positions(&state).into_owned();
            others.append(Axis(0), position.view()).expect("one row fits");
        }
    }
    let rank = |i: usize, rng: &mut dyn Rng| {
        let below = others.column(i).iter().filter(|x| **x < theta[i]).count();
        let equal = others.column(i).iter().filter(|x| **x == theta[i]).count();
        below + rng.random_range(0..=equal)
    };
    Ok((0..theta.len()).map(|i| rank(i, &mut rng)).collect())
}
