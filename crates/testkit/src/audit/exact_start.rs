//! Invariance of kernels on continuous spaces, seen from exact draws.
//!
//! A chain that starts with an exact draw of its target has the target's law at every later step, and nothing has to be discarded or waited for. Two
//! families of tests use that.
//!
//! **Paired means.** `E f(x_k) = E f(x_0)` is tested on the differences `f(x_k) − f(x_0)` of each chain, whose variance is `2 (1 − ρ_k) Var f`: the
//! slower a chain, the sharper the test, while a comparison with fresh draws would not gain. **Exchange.** One step of a reversible kernel gives a pair
//! with the law of the reversed pair, so `f(x_0) g(x_1) − f(x_1) g(x_0)` has mean zero for all `f` and `g`.
//!
//! Chains are independent, so the errors are those of independent draws and the false-alarm probability is honest up to the central limit theorem.

use gibbsian_core::{Density, Kernel, Seed};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::conformance::Balance;
use crate::stats::{FALSE_ALARM, Test, family, kolmogorov_smirnov_two_sample, mean};
use crate::verdict::{Failure, Verdict, require};

/// A function of a point `(D)`, with its name.
pub type TestFunction = (String, Box<dyn Fn(ArrayView1<f64>) -> f64>);

/// Functions of a point whose means the tests compare.
pub fn test_functions(dim: usize) -> Vec<TestFunction> {
    let mut functions: Vec<TestFunction> = Vec::new();
    for i in 0..dim {
        functions.push((format!("x_{i}"), Box::new(move |x| x[i])));
        functions.push((format!("x_{i}^2"), Box::new(move |x| x[i] * x[i])));
        functions.push((format!("sin x_{i}"), Box::new(move |x| x[i].sin())));
        functions.push((format!("cos 2 x_{i}"), Box::new(move |x| (2.0 * x[i]).cos())));
        functions.push((
            format!("x_{i} > 1/2"),
            Box::new(move |x| f64::from(u8::from(x[i] > 0.5))),
        ));
    }
    for i in 1..dim {
        functions.push((format!("x_{} x_{i}", i - 1), Box::new(move |x| x[i - 1] * x[i])));
    }
    functions
}

/// Starts `n_chains` chains at exact draws of the target, makes `n_steps` steps, and tests that the law is still the target's, and with
/// [`Balance::Detailed`] that a step is as likely as its reverse.
///
/// # Errors
/// The sharpest test that fails, at the joint false-alarm probability [`FALSE_ALARM`]; chains that do not start, or of which fewer than one in a
/// hundred moves.
pub fn exact_start<T: Density + ?Sized, K: Kernel<T>>(
    kernel: &K,
    target: &T,
    balance: Balance,
    n_chains: usize,
    n_steps: usize,
    seed: Seed,
) -> Verdict {
    let x_0 = target.sample(n_chains, &mut seed.child("start").rng());
    let started = kernel.init(target, x_0.clone());
    let mut state = started.map_err(|e| Failure::refused("chains start at exact draws", &e))?;
    let mut rng = seed.child("steps").rng();
    kernel.step(target, &mut state, &mut rng);
    let x_1 = kernel.positions(&state).into_owned();
    for _ in 1..n_steps {
        kernel.step(target, &mut state, &mut rng);
    }
    let x_k = kernel.positions(&state).into_owned();
    let moved = x_0
        .rows()
        .into_iter()
        .zip(x_k.rows())
        .filter(|(a, b)| a != b)
        .count();
    require(
        100 * moved >= n_chains,
        "chains move",
        format_args!("{moved} of {n_chains} did in {n_steps} steps"),
    )?;

    let functions = test_functions(x_0.ncols());
    let values = |x: &Array2<f64>| -> Vec<Array1<f64>> {
        let of = |f: &dyn Fn(ArrayView1<f64>) -> f64| x.rows().into_iter().map(f).collect();
        functions.iter().map(|(_, f)| of(f.as_ref())).collect()
    };
    let (f_0, f_1, f_k) = (values(&x_0), values(&x_1), values(&x_k));
    let mut tests = Vec::new();
    for (((name, _), f_0), f_k) in functions.iter().zip(&f_0).zip(&f_k) {
        let name = format!("E[{name}] after {n_steps} steps is what it was");
        tests.push(mean(&name, &(f_k - f_0).to_vec(), 0.0));
    }
    energies_keep_their_mean(target, x_0.view(), x_k.view(), &mut tests);
    let fresh = target.sample(n_chains, &mut seed.child("fresh").rng());
    for (i, (fresh, last)) in fresh.columns().into_iter().zip(x_k.columns()).enumerate() {
        let name = format!("coordinate {i} after {n_steps} steps against fresh draws");
        let test = kolmogorov_smirnov_two_sample(&name, &fresh.to_vec(), &last.to_vec());
        tests.push(test);
    }
    if balance == Balance::Detailed {
        for a in 0..functions.len() {
            for b in 0..a {
                let exchanged = &f_0[a] * &f_1[b] - &f_1[a] * &f_0[b];
                let name = format!("exchange of {} and {}", functions[a].0, functions[b].0);
                tests.push(mean(&name, &exchanged.to_vec(), 0.0));
            }
        }
    }
    family(&tests, FALSE_ALARM)
}

/// The energy is the test function that scales and temperatures show in first.
fn energies_keep_their_mean<T: Density + ?Sized>(
    target: &T,
    before: ArrayView2<f64>,
    after: ArrayView2<f64>,
    tests: &mut Vec<Test>,
) {
    let change = target.energy(after) - target.energy(before);
    tests.push(mean("the mean energy is what it was", &change.to_vec(), 0.0));
}
