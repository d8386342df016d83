//! Exact draws.

use gibbsian_classical::{Boundary, CouplingFromPast, Graph, Ising};
use gibbsian_core::Seed;
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::stats::{FALSE_ALARM, Test, chi_square, family};
use gibbsian_testkit::threads;
use ndarray::Array1;

use crate::models::uniform;

/// How often each state is drawn, against its probability.
fn draws_have_the_law(name: &str, model: &Ising, seed: u64) -> Test {
    let audit = Audit::new(model).unwrap();
    let sampler = CouplingFromPast::new(model, 1 << 16).unwrap();
    let draws = sampler.sample(40_000, &mut Seed::new(seed).rng()).unwrap();
    let mut counts = vec![0; audit.pi.len()];
    for x in draws.x.rows() {
        // Coordinate 0 of the states changes fastest.
        counts[x.iter().rev().fold(0, |k, x| 2 * k + usize::from(*x > 0.0))] += 1;
    }
    chi_square(name, &counts, audit.pi.as_slice().unwrap())
}

#[test]
fn draws_are_exact() {
    let lattice = |shape: &[usize], boundary| Graph::lattice(shape, boundary).unwrap();
    let random = lattice(&[2, 4], Boundary::Open);
    let (couplings, fields) = (uniform(random.n_bonds(), 0.1, 1.0, 1), uniform(8, -0.8, 0.8, 2));
    let tests = [
        (
            "a ferromagnet",
            Ising::uniform(lattice(&[3, 3], Boundary::Periodic), 0.4, 0.0).unwrap(),
        ),
        (
            "in a field",
            Ising::uniform(Graph::triangular(2, 4, Boundary::Open).unwrap(), 0.3, 0.2).unwrap(),
        ),
        (
            "an antiferromagnet",
            Ising::uniform(lattice(&[2, 4], Boundary::Open), -0.6, 0.3).unwrap(),
        ),
        (
            "random bonds and fields",
            Ising::new(random, couplings, fields).unwrap(),
        ),
        (
            "strong bonds",
            Ising::uniform(lattice(&[4], Boundary::Periodic), 1.5, 0.05).unwrap(),
        ),
    ];
    let tests: Vec<Test> = (0..)
        .zip(&tests)
        .map(|(k, (name, model))| draws_have_the_law(name, model, k))
        .collect();
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn draws_belong_to_the_seed_on_any_number_of_threads() {
    let model = Ising::uniform(Graph::lattice(&[6, 6], Boundary::Periodic).unwrap(), 0.3, 0.0).unwrap();
    let sampler = CouplingFromPast::new(&model, 1 << 14).unwrap();
    let run = || sampler.sample(70, &mut Seed::new(1).rng()).unwrap().x.into_flat();
    threads::same_on_any_number("draws", run).unwrap();
    assert_ne!(
        run(),
        sampler.sample(70, &mut Seed::new(2).rng()).unwrap().x.into_flat()
    );
}

#[test]
fn chains_are_started_from_no_earlier_than_allowed() {
    let model = Ising::uniform(Graph::lattice(&[6, 6], Boundary::Periodic).unwrap(), 0.3, 0.0).unwrap();
    let sample = |most: usize| {
        let sampler = CouplingFromPast::new(&model, most).unwrap();
        sampler.sample(5, &mut Seed::new(3).rng())
    };
    let needed = *sample(1 << 14).unwrap().n_sweeps.iter().max().unwrap();
    assert!(needed > 1 && sample(needed).is_ok());
    assert!(sample(needed / 2).is_err() && sample(needed - 1).is_err());
}

#[test]
fn frustration_and_impatience_are_refused() {
    let ring = Graph::lattice(&[5], Boundary::Periodic).unwrap();
    let frustrated = Ising::uniform(ring.clone(), -1.0, 0.0).unwrap();
    assert!(
        CouplingFromPast::new(&frustrated, 10)
            .unwrap_err()
            .to_string()
            .contains("`couplings[")
    );
    // Signs that cancel around the ring are none, and neither is a way that a zero interrupts.
    let mut couplings = Array1::from_elem(5, -1.0);
    couplings[2] = 1.0;
    assert!(
        CouplingFromPast::new(
            &Ising::new(ring.clone(), couplings.clone(), Array1::zeros(5)).unwrap(),
            10
        )
        .is_ok()
    );
    couplings[2] = 0.0;
    assert!(CouplingFromPast::new(&Ising::new(ring, couplings, Array1::zeros(5)).unwrap(), 10).is_ok());
    // A bond without a coupling has no sign, so that three negative ones around a square are no frustration.
    let square = Graph::lattice(&[4], Boundary::Periodic).unwrap();
    let couplings = ndarray::array![-1.0, -1.0, 0.0, -1.0];
    let interrupted = Ising::new(square, couplings, Array1::zeros(4)).unwrap();
    assert!(CouplingFromPast::new(&interrupted, 10).is_ok());

    let cold = Ising::uniform(Graph::lattice(&[8, 8], Boundary::Periodic).unwrap(), 2.0, 0.0).unwrap();
    let error = CouplingFromPast::new(&cold, 16)
        .unwrap()
        .sample(1, &mut Seed::new(1).rng())
        .unwrap_err();
    assert!(error.to_string().contains("`max_sweeps` is 16"));
    assert!(CouplingFromPast::new(&cold, 0).is_err());
}
