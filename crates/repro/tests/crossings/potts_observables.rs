//! Means of colours with the errors of the jackknife, against enumeration.

use gibbsian_classical::potts::ColourMeans;
use gibbsian_classical::{Boundary, Graph, Potts, SwendsenWang, Wolff};
use gibbsian_core::{Kernel, Seed};
use gibbsian_metrics::jackknife;
use gibbsian_partition::ExactDistribution;
use gibbsian_samplers::Gibbs;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, z_test};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, Array3, s};

const N_CHAINS: usize = 16;

/// What is observed of chains from one colour, `(chains, sweeps, 5)`.
fn observed<K: Kernel<Potts>>(kernel: &K, model: &Potts, n_sweeps: usize, seed: Seed) -> Array3<f64> {
    let mut chains = kernel.init(model, Array2::zeros((N_CHAINS, 9))).unwrap();
    let mut out = Array3::zeros((N_CHAINS, n_sweeps, 5));
    for sweep in 0..100 + n_sweeps {
        kernel.step(model, &mut chains, &mut seed.nth(sweep as u64).rng());
        if sweep >= 100 {
            let values = model.observe(kernel.positions(&chains).view());
            out.slice_mut(s![.., sweep - 100, ..]).assign(&values);
        }
    }
    out
}

#[test]
fn functions_of_means_of_colours_have_errors_of_the_size_of_their_deviations() -> Verdict {
    type Function = fn(ColourMeans) -> f64;
    let functions: [(&str, Function); 4] = [
        ("energy", |means| means.energy),
        ("heat capacity", |means| means.energy_variance()),
        ("susceptibility", |means| means.susceptibility(9)),
        ("cumulant", |means| means.binder_cumulant(3)),
    ];
    // Near the transition, where all of them change.
    let model = Potts::uniform(Graph::lattice(&[3, 3], Boundary::Periodic).unwrap(), 3, 0.9).unwrap();
    let law = ExactDistribution::new(&model).unwrap();
    let exact = law.probabilities().dot(&model.observe(law.states()));
    let tests_of = |kernel: &str, draws: Array3<f64>| -> Vec<Test> {
        // Blocks of a hundred sweeps, many times the time after which nine sites forget.
        let test = |(name, function): &(&str, Function)| {
            let found = jackknife(draws.view(), 20, |means| function(ColourMeans::of(means))).unwrap();
            let expected = function(ColourMeans::of(exact.view()));
            z_test(
                &format!("{name} by {kernel}"),
                found.corrected(),
                expected,
                found.standard_error,
            )
        };
        functions.iter().map(test).collect()
    };
    let mut tests = tests_of("clusters", observed(&SwendsenWang, &model, 2000, Seed::new(1)));
    tests.extend(tests_of(
        "single clusters",
        observed(&Wolff, &model, 2000, Seed::new(2)),
    ));
    tests.extend(tests_of(
        "heat bath",
        observed(&Gibbs, &model, 2000, Seed::new(3)),
    ));
    family(&tests, FALSE_ALARM)
}
