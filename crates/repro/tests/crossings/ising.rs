//! The Ising model under everything that knows models by their traits only: kernels, annealing, tempering, flat histograms, objectives.

use gibbsian_classical::{Boundary, Graph, Ising, IsingPath, TransferMatrix};
use gibbsian_core::{Density, Energy, Objective, Seed};
use gibbsian_objectives::{ExactLikelihood, PseudoLikelihood};
use gibbsian_partition::{
    FlatHistogram, Ladder, Quadrature, Reach, RungSampling, Smc, ais, density_of_states, mbar, sample_rungs,
    smc, thermodynamic,
};
use gibbsian_samplers::{
    Gibbs, GibbsWithGradients, Metropolis, PalindromicGibbs, ParallelTempering, RandomScanGibbs,
};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean, z_test};
use ndarray::Array1;
use rand::RngExt;
use rand_distr::StandardNormal;

/// Independent normal couplings and fields.
fn glass(graph: Graph, coupling: f64, field: f64, seed: u64) -> Ising {
    let mut rng = Seed::new(seed).child("model").rng();
    let mut normal = |scale: f64| scale * rng.sample::<f64, _>(StandardNormal);
    let couplings = Array1::from_shape_simple_fn(graph.n_bonds(), || normal(coupling));
    let fields = Array1::from_shape_simple_fn(graph.n_sites(), || normal(field));
    Ising::new(graph, couplings, fields).unwrap()
}

fn square(rows: usize, columns: usize, boundary: Boundary) -> Graph {
    Graph::lattice(&[rows, columns], boundary).unwrap()
}

#[test]
fn kernels_leave_the_model_invariant() {
    for (k, graph) in [square(2, 3, Boundary::Open), Graph::complete(4).unwrap()]
        .into_iter()
        .enumerate()
    {
        let model = glass(graph, 0.7, 0.4, 1);
        let seed = Seed::new(2).nth(k as u64);
        let (global, detailed) = (Balance::Global, Balance::Detailed);
        conformance::transition_law(&Metropolis, &model, global, seed.nth(0)).unwrap();
        conformance::transition_law(&Gibbs, &model, global, seed.nth(1)).unwrap();
        conformance::transition_law(&PalindromicGibbs, &model, detailed, seed.nth(2)).unwrap();
        conformance::transition_law(&RandomScanGibbs, &model, detailed, seed.nth(3)).unwrap();
        conformance::transition_law(&GibbsWithGradients, &model, detailed, seed.nth(4)).unwrap();
    }
}

#[test]
fn annealing_finds_the_normaliser() {
    let model = glass(square(4, 5, Boundary::Periodic), 0.6, 0.3, 3);
    // Two sides of a torus make a boundary of eight spins.
    let log_z = model.log_z().unwrap();
    assert!((model.log_z_by_enumeration().unwrap() - log_z).abs() < 1e-12 * log_z);
    let path = IsingPath::new(&model);
    let ladder = Ladder::linear(40).unwrap();
    let forward = ais(&path, &ladder, 4_000, &mut Seed::new(4).rng()).unwrap();
    let ratios: Vec<f64> = forward
        .log_weights()
        .values()
        .iter()
        .map(|w| (w - log_z).exp())
        .collect();
    let mut tests = vec![mean("annealed weights over Z", &ratios, 1.0)];
    let run = smc(&path, &ladder, &Smc::new(200), 100, &mut Seed::new(5).rng()).unwrap();
    let weights = run.unbiased().log_weights().values().iter();
    let ratios: Vec<f64> = weights.map(|w| (w - log_z).exp()).collect();
    tests.push(mean("populations' weights over Z", &ratios, 1.0));
    family(&tests, FALSE_ALARM).unwrap();

    let sampling = RungSampling {
        n_draws: 200,
        ..RungSampling::new()
    };
    let ladder = Ladder::linear(16).unwrap();
    let draws = sample_rungs(&path, &ladder, &sampling, &mut Seed::new(6).rng()).unwrap();
    let integral = thermodynamic(&draws, Quadrature::Simpson, 0.9999).unwrap();
    assert!(
        integral.estimate.interval.contains(log_z),
        "{integral:?}, {log_z}"
    );
}

#[test]
fn runs_at_several_temperatures_are_one_run() {
    // The multi-histogram method: all draws say something about the normaliser at every temperature.
    let model = glass(square(3, 4, Boundary::Periodic), 0.5, 0.3, 11);
    let path = IsingPath::new(&model);
    let ladder = Ladder::linear(5).unwrap();
    let sampling = RungSampling {
        n_chains: 100,
        n_draws: 50,
        reach: Reach::All,
        ..RungSampling::new()
    };
    let draws = sample_rungs(&path, &ladder, &sampling, &mut Seed::new(12).rng()).unwrap();
    let found = mbar(&draws, 0.99).unwrap();
    let mut tests = Vec::new();
    for (k, beta) in ladder.betas().iter().enumerate().skip(1) {
        let couplings = &model.couplings() * *beta;
        let at_beta = Ising::new(model.graph().clone(), couplings, model.fields().to_owned()).unwrap();
        tests.push(z_test(
            &format!("log Z at {beta}"),
            found.log_z[k],
            at_beta.log_z().unwrap(),
            found.covariance()[[k, k]].sqrt(),
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn tempering_has_the_exact_moments_where_single_sites_are_stuck() {
    // Deep in the ordered phase with a small field: all up is likelier than all down by e^{2 Σ h}, and there is a wall between them.
    let graph = square(4, 4, Boundary::Periodic);
    let model = Ising::new(
        graph.clone(),
        Array1::from_elem(graph.n_bonds(), 0.7),
        Array1::from_elem(16, 0.02),
    )
    .unwrap();
    let exact = model.enumerate().unwrap();
    let path = IsingPath::new(&model);
    let tempering = ParallelTempering::new(gibbsian_samplers::Ladder::linear(8).unwrap());
    let mut rng = Seed::new(7).rng();
    let n_sets = 200;
    let mut replicas = tempering.start(&path, n_sets, &mut rng).unwrap();
    for _ in 0..100 {
        tempering.advance(&path, &mut replicas, &mut rng);
    }
    let (mut energy, mut magnetisation) = (vec![0.0; n_sets], vec![0.0; n_sets]);
    for _ in 0..200 {
        tempering.advance(&path, &mut replicas, &mut rng);
        let x = replicas.positions();
        for (set, x) in x.rows().into_iter().enumerate() {
            energy[set] += model.energy(x.insert_axis(ndarray::Axis(0)))[0] / 200.0;
            magnetisation[set] += x.sum() / 200.0;
        }
    }
    family(
        &[
            mean("energy", &energy, exact.mean_energy),
            mean("magnetisation", &magnetisation, exact.means.sum()),
        ],
        FALSE_ALARM,
    )
    .unwrap();
}

#[test]
fn a_flat_histogram_counts_the_states_of_a_torus() {
    let model = Ising::uniform(square(4, 4, Boundary::Periodic), 1.0, 0.0).unwrap();
    let mut exact = std::collections::BTreeMap::new();
    for energy in model.energy(gibbsian_core::Discrete::states(&model).unwrap().view()) {
        *exact.entry(energy as i64).or_insert(0.0) += 1.0;
    }
    assert_eq!(
        (exact[&-32], exact[&-24], exact[&0], exact.len()),
        (2.0, 32.0, 20_524.0, 15)
    );
    let states = density_of_states(&model, &FlatHistogram::new(4.0), &mut Seed::new(8).rng()).unwrap();
    for (energy, log_count) in states.log_counts() {
        let expected = f64::ln(exact[&(energy.round() as i64)]);
        // 32,000 draws over 15 levels, of which some tens are worth one: a tenth in the logarithm, five times.
        assert!(
            (log_count - expected).abs() < 0.5,
            "{energy}: {log_count} instead of {expected}"
        );
    }
    for beta in [-0.5, 0.2, 0.440_686_8, 1.0] {
        let estimate = states.estimate(beta, 0.9999).unwrap();
        let log_z = model.at(beta).unwrap().log_z().unwrap();
        assert!(estimate.interval.contains(log_z), "{beta}: {estimate}, {log_z}");
    }
}

#[test]
fn objectives_have_their_optimum_at_the_truth() {
    let model = glass(square(3, 4, Boundary::Open), 0.5, 0.3, 9);
    let n = 20_000;
    let x = TransferMatrix::new(&model)
        .unwrap()
        .sample(n, &mut Seed::new(10).rng());
    let few = x.slice(ndarray::s![..6, ..]);
    conformance::objective(|| ExactLikelihood, &model, few, Seed::new(11)).unwrap();
    conformance::objective(|| PseudoLikelihood, &model, few, Seed::new(12)).unwrap();
    let mut moved = model.clone();
    conformance::objective_gradient(
        || PseudoLikelihood,
        &mut moved,
        few,
        Precision::DOUBLE,
        Seed::new(13),
    )
    .unwrap();
    let mut gradient = Array1::zeros(gibbsian_core::Parametric::n_params(&model));
    for exact in [true, false] {
        let mut rng = Seed::new(14).rng();
        let (x, grad) = (x.view(), gradient.view_mut());
        let loss = if exact {
            ExactLikelihood.loss_and_grad_into(&model, x, &mut rng, grad)
        } else {
            PseudoLikelihood.loss_and_grad_into(&model, x, &mut rng, grad)
        };
        loss.unwrap();
        // A statistic lies in [−1, 1]; that of a bond enters a pseudo-likelihood twice, less its conditional mean.
        let bound = if exact { 1.0 } else { 4.0 };
        let allowed = 6.0 * bound / (n as f64).sqrt();
        assert!(
            gradient.iter().all(|g| g.abs() < allowed),
            "{gradient} against {allowed}"
        );
        assert!(gradient.iter().any(|g| *g != 0.0));
    }
}
