//! Every example of the folder, run as a test of one program: an example that is not listed here fails the last test.
//!
//! They are modules of this program and not programs of their own, so that continuous integration links once.

use std::collections::BTreeSet;
use std::fmt::Debug;

mod figures;

#[path = "../../examples/annealed_importance.rs"]
mod annealed_importance;
#[path = "../../examples/bridge_two_models.rs"]
mod bridge_two_models;
#[path = "../../examples/certify_rbm.rs"]
mod certify_rbm;
#[path = "../../examples/checkpoint_resume.rs"]
mod checkpoint_resume;
#[path = "../../examples/complete_picture.rs"]
mod complete_picture;
#[path = "../../examples/contrastive_divergence.rs"]
mod contrastive_divergence;
#[path = "../../examples/dbm_bound.rs"]
mod dbm_bound;
#[path = "../../examples/denoise_picture.rs"]
mod denoise_picture;
#[path = "../../examples/draws_on_disk.rs"]
mod draws_on_disk;
#[path = "../../examples/empirical_score.rs"]
mod empirical_score;
#[path = "../../examples/exact_ising_draws.rs"]
mod exact_ising_draws;
#[path = "../../examples/exponential_family.rs"]
mod exponential_family;
#[path = "../../examples/fit_mixture_csv.rs"]
mod fit_mixture_csv;
#[path = "../../examples/gibbs_with_gradients.rs"]
mod gibbs_with_gradients;
#[path = "../../examples/ising_critical.rs"]
mod ising_critical;
#[path = "../../examples/langevin_bias.rs"]
mod langevin_bias;
#[path = "../../examples/mixture_density.rs"]
mod mixture_density;
#[path = "../../examples/mixture_score.rs"]
mod mixture_score;
#[path = "../../examples/noise_conditional.rs"]
mod noise_conditional;
#[path = "../../examples/noise_contrastive.rs"]
mod noise_contrastive;
#[path = "../../examples/nuts_diagnostics.rs"]
mod nuts_diagnostics;
#[path = "../../examples/own_energy.rs"]
mod own_energy;
#[path = "../../examples/own_kernel.rs"]
mod own_kernel;
#[path = "../../examples/own_layer.rs"]
mod own_layer;
#[path = "../../examples/own_objective.rs"]
mod own_objective;
#[path = "../../examples/own_solver.rs"]
mod own_solver;
#[path = "../../examples/parallel_tempering.rs"]
mod parallel_tempering;
#[path = "../../examples/plot.rs"]
mod plot;
#[path = "../../examples/posterior_sampling.rs"]
mod posterior_sampling;
#[path = "../../examples/probability_flow.rs"]
mod probability_flow;
#[path = "../../examples/product_of_experts.rs"]
mod product_of_experts;
#[path = "../../examples/rbm_log_z.rs"]
mod rbm_log_z;
#[path = "../../examples/reverse_sde.rs"]
mod reverse_sde;
#[path = "../../examples/score_matching_normal.rs"]
mod score_matching_normal;
#[path = "../../examples/stein_discrepancy.rs"]
mod stein_discrepancy;
#[path = "../../examples/torch_weights.rs"]
mod torch_weights;
#[path = "../../examples/train_rbm_csv.rs"]
mod train_rbm_csv;
#[path = "../../examples/train_score_csv.rs"]
mod train_score_csv;

/// One test an example, and the list of their names.
macro_rules! examples {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        mod run {
            $(
                #[test]
                fn $name() {
                    super::finish(super::$name::main());
                }
            )*
        }
    };
}

examples![
    annealed_importance,
    bridge_two_models,
    certify_rbm,
    checkpoint_resume,
    complete_picture,
    contrastive_divergence,
    dbm_bound,
    denoise_picture,
    draws_on_disk,
    empirical_score,
    exact_ising_draws,
    exponential_family,
    fit_mixture_csv,
    gibbs_with_gradients,
    ising_critical,
    langevin_bias,
    mixture_density,
    mixture_score,
    noise_conditional,
    noise_contrastive,
    nuts_diagnostics,
    own_energy,
    own_kernel,
    own_layer,
    own_objective,
    own_solver,
    parallel_tempering,
    plot,
    posterior_sampling,
    probability_flow,
    product_of_experts,
    rbm_log_z,
    reverse_sde,
    score_matching_normal,
    stein_discrepancy,
    torch_weights,
    train_rbm_csv,
    train_score_csv,
];

/// Reports what an example returned as its error, by its message.
#[track_caller]
fn finish<E: Debug>(outcome: Result<(), E>) {
    if let Err(error) = outcome {
        panic!("the example returned {error:?}");
    }
}

#[test]
fn every_example_of_the_folder_is_run_and_indexed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of examples")
        .filter_map(|entry| {
            Some(
                entry
                    .ok()?
                    .file_name()
                    .to_string_lossy()
                    .strip_suffix(".rs")?
                    .to_owned(),
            )
        })
        .collect();
    let listed: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        files, listed,
        "examples in the folder, and those that this program runs"
    );

    let index = std::fs::read_to_string(format!("{folder}/README.md")).expect("the index of examples");
    for name in NAMES {
        let lines = index
            .lines()
            .filter(|line| line.contains(&format!("({name}.rs)")))
            .count();
        assert_eq!(lines, 1, "lines of examples/README.md that link {name}.rs");
        let source =
            std::fs::read_to_string(format!("{folder}/{name}.rs")).expect("a file that was just listed");
        let command = format!("`cargo run -p gibbsian --example {name}`");
        assert!(
            source.contains(&command),
            "{name}.rs does not say how it is run: {command}"
        );
    }
}
