//! Many spins a word.

use gibbsian_classical::ising::kaufman;
use gibbsian_classical::{Boundary, Graph, Ising, MultiSpinHeatBath, MultiSpinMetropolis};
use gibbsian_core::math::sigmoid;
use gibbsian_core::{Energy, Kernel, Seed, TransitionLaw};
use gibbsian_testkit::audit::law::{leaves_invariant, stochastic};
use gibbsian_testkit::audit::{Audit, kernel_as_drawn};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, binomial, family, mean};
use ndarray::{Array1, Array2, s};
use rand::RngExt;

fn torus(rows: usize, columns: usize, coupling: f64, field: f64) -> Ising {
    let graph = Graph::lattice(&[rows, columns], Boundary::Periodic).unwrap();
    Ising::uniform(graph, coupling, field).unwrap()
}

/// Spins drawn at will, with a third of them down.
fn spins(n_chains: usize, model: &Ising, seed: u64) -> Array2<f64> {
    let mut rng = Seed::new(seed).child("spins").rng();
    let shape = (n_chains, model.graph().n_sites());
    Array2::from_shape_simple_fn(shape, || if rng.random::<f64>() < 0.3 { -1.0 } else { 1.0 })
}

#[test]
fn sweeps_have_the_laws_of_their_matrices() {
    for (k, model) in [
        torus(2, 2, 0.3, 0.0),
        torus(2, 4, 0.44, 0.0),
        torus(4, 2, 0.2, 0.1),
        torus(2, 4, -0.35, -0.3),
    ]
    .into_iter()
    .enumerate()
    {
        let seed = Seed::new(5).nth(k as u64);
        let (metropolis, heat_bath) = (
            MultiSpinMetropolis::new(1).unwrap(),
            MultiSpinHeatBath::new(2).unwrap(),
        );
        conformance::transition_law(&heat_bath, &model, Balance::Global, seed.child("heat bath")).unwrap();
        // Metropolis makes moves that cost nothing for certain, and on so small a torus that leaves states that are not reached without a field.
        let audit = Audit::new(&model).unwrap();
        let matrix = metropolis.transition_matrix(&model, audit.states.view());
        stochastic(matrix.view()).unwrap();
        leaves_invariant(audit.pi.view(), matrix.view()).unwrap();
        let drawn = kernel_as_drawn(&metropolis, &model, &audit, 4096, seed.child("metropolis"));
        drawn.unwrap().assert(FALSE_ALARM);
    }
}

#[test]
fn sweeps_keep_the_contract_of_kernels() {
    for (rows, columns) in [(4, 6), (2, 128)] {
        let (model, other) = (torus(rows, columns, 0.3, 0.0), torus(rows, columns, 0.1, 0.2));
        let x = spins(5, &model, 1);
        let (metropolis, heat_bath) = (
            MultiSpinMetropolis::new(2).unwrap(),
            MultiSpinHeatBath::new(1).unwrap(),
        );
        conformance::kernel(&metropolis, &model, &other, x.view(), Seed::new(1)).unwrap();
        conformance::kernel(&heat_bath, &model, &other, x.view(), Seed::new(2)).unwrap();
        let mut turned = metropolis.init(&model, -&x).unwrap();
        conformance::snapshot(&metropolis.init(&model, x).unwrap(), &mut turned).unwrap();
    }
}

#[test]
fn the_law_is_the_textbooks() {
    let (j, h) = (0.37, 0.21);
    let (metropolis, heat_bath) = (MultiSpinMetropolis::law(j, h), MultiSpinHeatBath::law(j, h));
    for (spin, x) in [-1.0, 1.0].into_iter().enumerate() {
        for n in 0..5 {
            let cost = 2.0 * (j * (2.0 * n as f64 - 4.0) + x * h);
            assert!((metropolis[spin][n] - (-cost).exp().min(1.0)).abs() < 1e-15);
            assert!((heat_bath[spin][n] - sigmoid(-cost)).abs() < 1e-15);
        }
    }
}

/// Turns of one half sweep, counted for each situation of the sites of a colour, and for pairs of sites side by side.
fn count_turns(
    kernel: &MultiSpinMetropolis,
    law: [[f64; 5]; 2],
    model: &Ising,
    n_chains: usize,
) -> Vec<Test> {
    let columns = model.graph().as_lattice().unwrap().shape[1];
    let before = spins(n_chains, model, 9);
    let mut state = kernel.init(model, before.clone()).unwrap();
    kernel.step(model, &mut state, &mut Seed::new(4).rng());
    let after = kernel.positions(&state).into_owned();
    let (mut seen, mut turned) = ([[0u64; 5]; 2], [[0u64; 5]; 2]);
    // Excess of joint turns of a site and the next of its colour over the product of their probabilities, over its standard deviation.
    let (mut excess, mut variance) = (0.0, 0.0);
    let situation = |x: ndarray::ArrayView1<f64>, site: usize| {
        let equal = model
            .graph()
            .neighbours(site)
            .iter()
            .filter(|n| x[n.site] == x[site])
            .count();
        (usize::from(x[site] > 0.0), equal)
    };
    for (x, y) in before.rows().into_iter().zip(after.rows()) {
        // The first half sweep sees the state before; its sites have even coordinate sums.
        let first: Vec<usize> = (0..x.len())
            .filter(|s| (s / columns + s % columns).is_multiple_of(2))
            .collect();
        for pair in first.windows(2) {
            let [a, b] = [situation(x, pair[0]), situation(x, pair[1])];
            seen[a.0][a.1] += 1;
            turned[a.0][a.1] += u64::from(x[pair[0]] != y[pair[0]]);
            let [p, q] = [law[a.0][a.1], law[b.0][b.1]];
            let [s, t] = [0, 1].map(|k| f64::from(u8::from(x[pair[k]] != y[pair[k]])));
            excess += (s - p) * (t - q);
            variance += p * (1.0 - p) * q * (1.0 - q);
        }
    }
    let mut tests = Vec::new();
    for spin in 0..2 {
        for n in 0..5 {
            let name = format!("turns of spin {spin} with {n} equal neighbours");
            tests.push(binomial(&name, turned[spin][n], seen[spin][n], law[spin][n]));
        }
    }
    tests.push(gibbsian_testkit::stats::z_test(
        "joint turns",
        excess,
        0.0,
        f64::sqrt(variance),
    ));
    tests
}

#[test]
fn each_situation_has_its_probability_on_every_layout() {
    let kernel = MultiSpinMetropolis::new(1).unwrap();
    let mut tests = Vec::new();
    // Several chains in a word, one, rows of several words, and more than one strip of words.
    for (rows, columns, n_chains, field) in [
        (6, 12, 70, 0.0),
        (4, 64, 40, 0.0),
        (10, 128, 3, 0.1),
        (6, 384, 2, 0.0),
        (1030, 1024, 1, 0.0),
    ] {
        let model = torus(rows, columns, 0.3, field);
        tests.extend(count_turns(
            &kernel,
            MultiSpinMetropolis::law(0.3, field),
            &model,
            n_chains,
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn no_two_sites_share_a_draw() {
    // Without a coupling every site of a heat bath is a fair coin, whatever it was: at the same place of another strip of words, of another chain, block or sweep it is another one.
    let kernel = MultiSpinHeatBath::new(1).unwrap();
    let (rows, columns) = (1026, 1024);
    let wide = torus(rows, columns, 0.0, 0.0);
    let mut state = kernel.init(&wide, Array2::ones((1, rows * columns))).unwrap();
    let mut rng = Seed::new(3).rng();
    kernel.step(&wide, &mut state, &mut rng);
    let x = kernel.positions(&state).into_owned();
    let mut tests = Vec::new();
    for shift in [1, 2, 256, 512] {
        let n = (rows - shift) * columns;
        let equal = (0..n)
            .filter(|&i| x[[0, i]] == x[[0, i + shift * columns]])
            .count();
        tests.push(binomial(
            &format!("{shift} rows apart"),
            equal as u64,
            n as u64,
            0.5,
        ));
    }
    kernel.step(&wide, &mut state, &mut rng);
    let next = kernel.positions(&state).into_owned();
    let equal = x.iter().zip(&next).filter(|(a, b)| a == b).count();
    tests.push(binomial("two steps", equal as u64, x.len() as u64, 0.5));
    let narrow = torus(64, 64, 0.0, 0.0);
    let mut state = kernel.init(&narrow, Array2::ones((40, 4096))).unwrap();
    kernel.step(&narrow, &mut state, &mut rng);
    let x = kernel.positions(&state).into_owned();
    for other in [1, 2, 32] {
        let equal = (0..4096).filter(|&i| x[[0, i]] == x[[other, i]]).count();
        tests.push(binomial(
            &format!("chains 0 and {other}"),
            equal as u64,
            4096,
            0.5,
        ));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn mean_energies_of_long_chains_are_exact() {
    let mut tests = Vec::new();
    for (rows, columns, coupling) in [
        (4, 4, 0.4),
        (4, 6, 0.5),
        (4, 128, 0.44),
        (64, 6, 0.35),
        (64, 64, 0.3),
    ] {
        let model = torus(rows, columns, coupling, 0.0);
        let expected = kaufman(rows, columns, coupling, coupling).unwrap().mean_energy;
        let kernel = MultiSpinMetropolis::new(4).unwrap();
        let mut state = kernel.init(&model, spins(256, &model, 2)).unwrap();
        let mut rng = Seed::new(6).rng();
        let mut sums = Array1::<f64>::zeros(256);
        for step in 0..150 {
            kernel.step(&model, &mut state, &mut rng);
            if step >= 50 {
                sums += &model.energy(kernel.positions(&state).view());
            }
        }
        // Chains are independent.
        tests.push(mean("energy", (sums / 100.0).as_slice().unwrap(), expected));
    }
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn lattices_that_cannot_be_swept_are_refused() {
    let kernel = MultiSpinMetropolis::new(1).unwrap();
    let refuse = |model: &Ising| kernel.init(model, spins(1, model, 0)).unwrap_err().to_string();
    let open = Graph::lattice(&[4, 4], Boundary::Open).unwrap();
    assert!(refuse(&Ising::uniform(open, 0.1, 0.0).unwrap()).contains("an open lattice"));
    assert!(refuse(&torus(3, 4, 0.1, 0.0)).contains("3 by 4 sites"));
    assert!(refuse(&torus(4, 130, 0.1, 0.0)).contains("4 by 130 sites"));
    let cube = Graph::lattice(&[4, 4, 4], Boundary::Periodic).unwrap();
    assert!(refuse(&Ising::uniform(cube, 0.1, 0.0).unwrap()).contains("[4, 4, 4]"));
    let graph = Graph::lattice(&[2, 2], Boundary::Periodic).unwrap();
    let mut couplings = Array1::from_elem(8, 0.1);
    couplings[3] = 0.2;
    let uneven = Ising::new(graph, couplings, Array1::zeros(4)).unwrap();
    assert!(refuse(&uneven).contains("different couplings"));
    assert!(refuse(&Ising::uniform(Graph::complete(4).unwrap(), 0.1, 0.0).unwrap()).contains("no lattice"));
    assert!(MultiSpinHeatBath::new(0).is_err());
}

#[test]
fn draws_are_pinned() {
    let model = torus(4, 8, 0.4, 0.0);
    let kernel = MultiSpinMetropolis::new(3).unwrap();
    let mut state = kernel.init(&model, Array2::ones((2, 32))).unwrap();
    kernel.step(&model, &mut state, &mut Seed::new(1).rng());
    let x = kernel.positions(&state).into_owned();
    let bits = x
        .slice(s![0, ..])
        .iter()
        .rev()
        .fold(0u32, |bits, x| 2 * bits + u32::from(*x > 0.0));
    assert_eq!(bits, 4_294_965_753);
}
