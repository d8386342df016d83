//! Colours on a graph.

use gibbsian_classical::{Boundary, Graph, Potts, SwendsenWang, Wolff};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, EnergyPullback, Kernel, ParametricMut, Seed, TransitionLaw};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, array};

use crate::models::{frustrated, uniform};

const DOUBLE: Precision = Precision::DOUBLE;

/// Couplings of both signs and fields for every colour.
fn random(graph: Graph, n_colours: usize, seed: u64) -> Potts {
    let couplings = uniform(graph.n_bonds(), -1.0, 1.0, seed);
    let fields = uniform(graph.n_sites() * n_colours, -0.8, 0.8, seed + 1);
    let fields = fields
        .into_shape_with_order((graph.n_sites(), n_colours))
        .unwrap();
    Potts::new(graph, couplings, fields).unwrap()
}

fn lattice(shape: &[usize], boundary: Boundary) -> Graph {
    Graph::lattice(shape, boundary).unwrap()
}

fn enumerated_log_z(model: &Potts) -> f64 {
    let energies = model.energy(model.states().unwrap().view());
    log_sum_exp(&energies.mapv(|e| -e).to_vec())
}

#[test]
fn potts_models_keep_the_contracts_of_their_traits() {
    for (graph, n_colours) in [
        (lattice(&[2, 2], Boundary::Periodic), 3),
        (lattice(&[5], Boundary::Periodic), 2),
        (Graph::triangular(2, 2, Boundary::Open).unwrap(), 4),
    ] {
        let mut model = random(graph, n_colours, 3);
        let x = model.states().unwrap();
        let x = x.slice(ndarray::s![..;7, ..]);
        conformance::parametric(&mut model).unwrap();
        conformance::snapshot(&model, &mut model.at(0.5).unwrap()).unwrap();
        conformance::energy(&model, x, DOUBLE).unwrap();
        let (cold, warm) = (model.energy(x), model.at(0.5).unwrap().energy(x));
        close("energies at another temperature", &(warm * 2.0), &cold, 1e-13).unwrap();
        conformance::discrete_energy(&model, x, DOUBLE).unwrap();
        conformance::energy_pullback(&mut model, x, DOUBLE).unwrap();
        conformance::blocks(&model, x, Seed::new(1)).unwrap();
        conformance::block_law(&model, Redraw::Conditional, Seed::new(2)).unwrap();
        conformance::transition_law(&Sweep::Forward, &model, Balance::Global, Seed::new(3)).unwrap();
    }
}

#[test]
fn clusters_of_colours_have_the_laws_of_their_matrices() {
    let models = [
        Potts::uniform(lattice(&[5], Boundary::Open), 3, 0.9).unwrap(),
        Potts::uniform(lattice(&[4], Boundary::Periodic), 4, -1.1).unwrap(),
        random(lattice(&[2, 2], Boundary::Open), 4, 7),
        random(Graph::complete(4).unwrap(), 3, 8),
        random(lattice(&[2, 3], Boundary::Periodic), 2, 9),
    ];
    for (k, model) in models.iter().enumerate() {
        let seed = Seed::new(12).nth(k as u64);
        conformance::transition_law(&SwendsenWang, model, Balance::Detailed, seed.child("all")).unwrap();
        conformance::transition_law(&Wolff, model, Balance::Detailed, seed.child("one")).unwrap();
    }
    let (model, other) = (
        random(lattice(&[3, 3], Boundary::Open), 3, 1),
        random(lattice(&[3, 3], Boundary::Open), 3, 2),
    );
    let mut x = Array2::zeros((5, 9));
    model.states_into(7777, x.view_mut());
    conformance::kernel(&SwendsenWang, &model, &other, x.view(), Seed::new(1)).unwrap();
    conformance::kernel(&Wolff, &model, &other, x.view(), Seed::new(2)).unwrap();
}

#[test]
fn two_colours_are_spins() {
    let graph = Graph::triangular(3, 3, Boundary::Open).unwrap();
    let spins = frustrated(graph.clone(), 4);
    // The same model with couplings 2J and fields ∓h, and a field that only moves the constant.
    let mut fields = Array2::zeros((9, 2));
    for (site, mut field) in fields.rows_mut().into_iter().enumerate() {
        let (h, moved) = (spins.fields()[site], 0.1 * site as f64);
        field.assign(&array![moved - h, moved + h]);
    }
    let colours = Potts::new(graph, &spins.couplings() * 2.0, fields.clone()).unwrap();
    let constant = spins.couplings().sum() + fields.sum() / 2.0;
    let (x, y) = (spins.states().unwrap(), colours.states().unwrap());
    assert_eq!(y, x.mapv(|x| (x + 1.0) / 2.0));
    let (e, f) = (spins.energy(x.view()), colours.energy(y.view()));
    close("energies", &(f + constant), &e, 1e-12).unwrap();
    let log_z = log_sum_exp(&e.mapv(|e| -e).to_vec());
    assert!((colours.log_z().unwrap() - constant - log_z).abs() < 1e-12);
}

#[test]
fn summing_out_is_enumeration() {
    for (k, (graph, n_colours)) in [
        (lattice(&[3, 3], Boundary::Periodic), 3),
        (lattice(&[6], Boundary::Open), 5),
        (Graph::complete(6).unwrap(), 3),
        (lattice(&[2, 5], Boundary::Periodic), 2),
        (lattice(&[2, 2, 2], Boundary::Open), 4),
        (Graph::new(4, vec![[3, 0], [2, 1]]).unwrap(), 3),
        (Graph::new(1, vec![]).unwrap(), 3),
    ]
    .into_iter()
    .enumerate()
    {
        let model = random(graph, n_colours, 20 + k as u64);
        let (found, expected) = (model.log_z().unwrap(), enumerated_log_z(&model));
        assert!(
            (found - expected).abs() < 1e-12 * expected.abs().max(1.0),
            "model {k}: {found} and {expected}"
        );
    }
    // A strip, whose direction of summation does not matter: 20 by 4 and 4 by 20 have frontiers of 4 and of 20 sites.
    let strip = |shape: &[usize]| {
        Potts::uniform(lattice(shape, Boundary::Open), 2, 0.8)
            .unwrap()
            .log_z()
    };
    let (long, wide) = (strip(&[20, 4]).unwrap(), strip(&[4, 20]).unwrap());
    assert!((long - wide).abs() < 1e-12 * long);
    let too_wide = Potts::uniform(lattice(&[4, 30], Boundary::Open), 2, 0.8).unwrap();
    assert!(too_wide.log_z().unwrap_err().to_string().contains("2^24"));
}

#[test]
fn the_gradient_is_the_statistics() {
    let model = random(lattice(&[3], Boundary::Open), 3, 5);
    let mut grad = Array1::zeros(2 + 9);
    model.energy_pullback_into(
        array![[1.0, 1.0, 2.0]].view(),
        array![2.0].view(),
        grad.view_mut(),
    );
    let expected = array![-2.0, 0.0, 0.0, -2.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0, -2.0];
    assert_eq!(grad, expected);
}

#[test]
fn models_and_states_that_are_none_are_refused_by_name() {
    let graph = lattice(&[2, 2], Boundary::Open);
    let refuse = |couplings: Array1<f64>, fields: Array2<f64>| {
        Potts::new(graph.clone(), couplings, fields)
            .unwrap_err()
            .to_string()
    };
    assert!(refuse(Array1::zeros(3), Array2::zeros((4, 3))).contains("couplings"));
    assert!(refuse(Array1::zeros(4), Array2::zeros((3, 3))).contains("fields"));
    assert!(refuse(Array1::zeros(4), Array2::zeros((4, 1))).contains("number of colours"));
    assert!(refuse(Array1::zeros(4), Array2::zeros((4, 257))).contains("number of colours"));
    assert!(refuse(array![0.0, 0.0, f64::NAN, 0.0], Array2::zeros((4, 3))).contains("couplings[2]"));
    assert!(refuse(Array1::zeros(4), Array2::from_elem((4, 3), f64::INFINITY)).contains("fields[0, 0]"));
    let mut model = Potts::uniform(graph, 3, 0.5).unwrap();
    assert!(model.at(f64::NAN).is_err());
    assert!(model.set_params(Array1::zeros(3).view()).is_err());
    let e = model.energy(
        array![
            [0.0, 3.0, 1.0, 2.0],
            [0.5, 0.0, 0.0, 0.0],
            [f64::NAN, 0.0, 0.0, -1.0]
        ]
        .view(),
    );
    assert!(e[0] == f64::INFINITY && e[1] == f64::INFINITY && e[2].is_nan());
    assert!(
        model
            .check_states("x", array![[0.0, 1.0, 2.0, 3.0]].view())
            .is_err()
    );
}

/// As many colours as a byte has values, the most that a model may have: a cluster of one site gets any of the 255 others.
#[test]
fn wolff_turns_clusters_of_256_colours() {
    let model = Potts::uniform(Graph::new(1, vec![]).unwrap(), 256, 1.0).unwrap();
    let p = Wolff.transition_matrix(&model, model.states().unwrap().view());
    let expected = Array2::from_shape_fn((256, 256), |(i, j)| if i == j { 0.0 } else { 1.0 / 255.0 });
    close("the matrix", &p, &expected, 1e-12).unwrap();

    let n_chains = 255 * 100;
    let mut chains = Wolff.init(&model, Array2::from_elem((n_chains, 1), 7.0)).unwrap();
    Wolff.step(&model, &mut chains, &mut Seed::new(31).rng());
    let mut counts = vec![0; 256];
    chains
        .states()
        .iter()
        .for_each(|colour| counts[*colour as usize] += 1);
    assert_eq!(counts.remove(7), 0, "the colour that it had");
    family(
        &[chi_square("the new colours", &counts, &[1.0 / 255.0; 255])],
        FALSE_ALARM,
    )
    .unwrap();
}
