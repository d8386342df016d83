//! Centred coordinates: the same law, the gradient of those coordinates, and descent that commutes with flipping.

use gibbsian_classical::{
    Biased, BinaryRbm, Binomial, Centred, CentredRbm, Centring, Gaussian, Offset, Offsets, Rbm, Softmax, Spin,
};
use gibbsian_core::{
    Discrete, Energy, EnergyPullback, FiniteUnits, Objective, Parametric, ParametricMut, Seed, Snapshot,
};
use gibbsian_testkit::conformance;
use gibbsian_testkit::differences::Precision;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array, s};

use crate::common::{binary_states, machine};
use crate::support::{Exact, OneSweep, distance, log_law};

fn centring() -> Centring {
    Centring::new(array![0.2, 0.7, -0.3, 1.5], array![0.4, 0.9, -2.0]).unwrap()
}

fn spins() -> Rbm<Spin, Spin> {
    let like = machine(4, 3, 0.8, 0.6, 5);
    let visible = Spin::new(like.visible().bias().to_owned()).unwrap();
    let hidden = Spin::new(like.hidden().bias().to_owned()).unwrap();
    Rbm::new(visible, hidden, like.weights().to_owned()).unwrap()
}

/// Labels that see counts: layers that are wider than bits and spins.
fn labels() -> Rbm<Softmax, Binomial> {
    let like = machine(4, 3, 0.8, 0.6, 5);
    let bias = like.visible().bias().to_owned();
    let visible = Softmax::new(bias.into_shape_with_order((2, 2)).unwrap()).unwrap();
    let hidden = Binomial::new(like.hidden().bias().to_owned(), 2).unwrap();
    Rbm::new(visible, hidden, like.weights().to_owned()).unwrap()
}

/// Other parameters of a layer than its biases stay what they are.
fn real_hidden() -> Rbm<Spin, Gaussian> {
    let like = spins();
    let precision = array![1.5, 0.8, 2.0];
    let hidden = Gaussian::new(like.hidden().bias().to_owned(), precision).unwrap();
    Rbm::new(like.visible().clone(), hidden, like.weights().to_owned()).unwrap()
}

pub fn data() -> Array2<f64> {
    array![
        [1.0, 0.0, 1.0, 1.0],
        [1.0, 1.0, 0.0, 1.0],
        [1.0, 0.0, 0.0, 1.0],
        [0.0, 1.0, 1.0, 1.0],
        [1.0, 1.0, 1.0, 0.0]
    ]
}

fn gradient<M: Parametric>(objective: &mut impl Objective<M>, model: &M, x: ArrayView2<f64>) -> Array1<f64> {
    let mut grad = Array1::zeros(model.n_params());
    objective
        .loss_and_grad_into(model, x, &mut Seed::new(1).rng(), grad.view_mut())
        .unwrap();
    grad
}

#[test]
fn the_law_does_not_depend_on_the_coordinates() {
    fn check<V: FiniteUnits + Biased, H: FiniteUnits + Biased>(rbm: &Rbm<V, H>) {
        let (v, h) = (rbm.states().unwrap(), rbm.transposed().states().unwrap());
        let centred = CentredRbm::new(rbm, centring()).unwrap();
        let error = distance(&log_law(&centred, v.view()), &log_law(rbm, v.view()));
        assert!(error <= 1e-13, "{error:e}");
        // The joint energies differ by one constant, and summing out the hidden units gives the free energy.
        for row in v.rows() {
            let v = row.broadcast((h.nrows(), row.len())).unwrap();
            let joint = centred.joint_energy(v, h.view());
            let difference = &joint - rbm.joint_energy(v, h.view());
            let spread = difference.mapv(|d| d - difference[0]).mapv(f64::abs).sum();
            assert!(spread <= 1e-12, "{difference}");
            let summed = -gibbsian_core::math::log_sum_exp(&joint.mapv(|e| -e).to_vec());
            let free = centred.energy(row.insert_axis(Axis(0)))[0];
            assert!((summed - free).abs() <= 1e-13 * free.abs().max(1.0));
        }
        let back = centred.normal().unwrap();
        assert!(distance(&back.params(), &rbm.params()) <= 1e-15 * 4.0);
    }
    check(&machine(4, 3, 0.8, 0.6, 5));
    check(&spins());
    check(&labels());
}

#[test]
fn the_machine_in_centred_coordinates_obeys_the_laws_of_its_traits() {
    let v = binary_states(4);
    let mut centred = CentredRbm::new(&machine(4, 3, 0.8, 0.6, 5), centring()).unwrap();
    conformance::energy(&centred, v.view(), Precision::DOUBLE).unwrap();
    conformance::discrete_energy(&centred, v.view(), Precision::DOUBLE).unwrap();
    conformance::energy_pullback(&mut centred, v.view(), Precision::DOUBLE).unwrap();
    conformance::parametric(&mut centred).unwrap();
}

/// One step along the gradient in centred coordinates, and one along the wrapper's direction in ordinary ones.
#[test]
fn the_direction_is_descent_in_centred_coordinates() {
    const RATE: f64 = 0.5;
    fn check<V: FiniteUnits + Biased, H: Biased>(rbm: &Rbm<V, H>, x: ArrayView2<f64>) {
        let mut there = CentredRbm::new(rbm, centring()).unwrap();
        let step = gradient(&mut Exact, &there, x);
        there.set_params((there.params() - step * RATE).view()).unwrap();

        let fixed = Offsets {
            visible: Offset::Fixed,
            hidden: Offset::Fixed,
            rate: 1.0,
        };
        let mut here = rbm.clone();
        let mut objective = Centred::starting_at(Exact, fixed, centring()).unwrap();
        let step = gradient(&mut objective, &here, x);
        here.set_params((here.params() - step * RATE).view()).unwrap();
        let error = distance(&there.normal().unwrap().params(), &here.params());
        assert!(error <= 1e-14, "{error:e}");
        assert_eq!(objective.centring(), Some(&centring()));
    }
    check(&machine(4, 3, 0.8, 0.6, 5), data().view());
    check(&spins(), (data() * 2.0 - 1.0).view());
    let indicators = array![[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]];
    check(&labels(), indicators.view());
    check(&real_hidden(), (data() * 2.0 - 1.0).view());
}

/// `−∇W_c = Cov_data(v, h) − Cov_model(v, h)` for offsets halfway between data and model (Cho, Raiko and Ilin 2011).
#[test]
fn the_enhanced_gradient_is_a_difference_of_covariances() {
    let (rbm, x) = (machine(4, 3, 0.8, 0.6, 5), data());
    let grad = gradient(
        &mut Centred::new(Exact, Offsets::ENHANCED).unwrap(),
        &rbm,
        x.view(),
    );
    let states = binary_states(4);
    let p = log_law(&rbm, states.view()).mapv(f64::exp);
    let covariance = |v: ArrayView2<f64>, p: &Array1<f64>| {
        let h = rbm.hidden_mean(v);
        let weighted = &v * &p.view().insert_axis(Axis(1));
        let (mean_v, mean_h) = (p.dot(&v), p.dot(&h));
        weighted.t().dot(&h)
            - mean_v
                .insert_axis(Axis(1))
                .dot(&mean_h.view().insert_axis(Axis(0)))
    };
    let uniform = Array1::from_elem(5, 0.2);
    let expected = covariance(states.view(), &p) - covariance(x.view(), &uniform);
    for (g, e) in grad.iter().zip(&expected) {
        assert!((g - e).abs() <= 1e-15, "{g} instead of {e}");
    }
}

#[test]
fn offsets_follow_their_means() {
    let (rbm, x) = (machine(4, 3, 0.8, 0.6, 5), data());
    let states = binary_states(4);
    let p = log_law(&rbm, states.view()).mapv(f64::exp);
    let of_data = [
        x.mean_axis(Axis(0)).unwrap(),
        rbm.hidden_mean(x.view()).mean_axis(Axis(0)).unwrap(),
    ];
    let of_model = [p.dot(&states), p.dot(&rbm.hidden_mean(states.view()))];
    for (kind, share) in [(Offset::Data, 0.0), (Offset::Average, 0.5), (Offset::Model, 1.0)] {
        let expected = [0, 1].map(|k| &of_data[k] * (1.0 - share) + &of_model[k] * share);
        let offsets = Offsets {
            visible: kind,
            hidden: kind,
            rate: 0.25,
        };
        // The first minibatch sets them, later ones move them by a quarter of the way.
        let mut new = Centred::new(Exact, offsets).unwrap();
        assert!(new.centring().is_none());
        gradient(&mut new, &rbm, x.view());
        let mut old = Centred::starting_at(Exact, offsets, centring()).unwrap();
        gradient(&mut old, &rbm, x.view());
        for (found, nu) in [(new.centring(), 1.0), (old.centring(), 0.25)] {
            let found = found.unwrap();
            let goal = |start: ArrayView1<f64>, mean: &Array1<f64>| &start * (1.0 - nu) + mean * nu;
            let (mu, lambda) = (
                goal(centring().visible(), &expected[0]),
                goal(centring().hidden(), &expected[1]),
            );
            assert!(distance(&found.visible().to_owned(), &mu) <= 1e-14, "{kind:?}");
            assert!(distance(&found.hidden().to_owned(), &lambda) <= 1e-14, "{kind:?}");
        }
    }
}

#[test]
fn the_wrapper_obeys_the_laws_of_objectives() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let make = || Centred::new(OneSweep, Offsets::DATA).unwrap();
    conformance::objective(make, &rbm, data().view(), Seed::new(2)).unwrap();
}

/// Of the machine in single precision it is the same direction, within what its gradient carries.
#[test]
fn the_fused_machine_is_centred_too() {
    let fused = BinaryRbm::from(&machine(4, 3, 0.8, 0.6, 5));
    let reference = Rbm::from(&fused);
    let make = || Centred::new(Exact, Offsets::ENHANCED).unwrap();
    let (found, expected) = (
        gradient(&mut make(), &fused, data().view()),
        gradient(&mut make(), &reference, data().view()),
    );
    assert!(distance(&found, &expected) <= 1e-6);
    assert!(distance(&expected, &gradient(&mut Exact, &reference, data().view())) > 0.01);
    let sampled = || Centred::new(OneSweep, Offsets::DATA).unwrap();
    conformance::objective(sampled, &fused, data().view(), Seed::new(2)).unwrap();
}

#[test]
fn offsets_survive_an_interruption() {
    let (rbm, x) = (machine(4, 3, 0.8, 0.6, 5), data());
    let offsets = Offsets {
        rate: 0.3,
        ..Offsets::ENHANCED
    };
    let mut whole = Centred::new(Exact, offsets).unwrap();
    gradient(&mut whole, &rbm, x.view());
    gradient(&mut whole, &rbm, x.slice(s![..2, ..]));
    // Into one that has no offsets yet, and one that has others.
    let mut new = Centred::new(Exact, offsets).unwrap();
    new.restore(&whole.snapshot()).unwrap();
    let mut other = Centred::starting_at(Exact, offsets, centring()).unwrap();
    conformance::snapshot(&whole, &mut other).unwrap();
    let expected = gradient(&mut whole, &rbm, x.view());
    assert_eq!(gradient(&mut new, &rbm, x.view()), expected);
    assert_eq!(gradient(&mut other, &rbm, x.view()), expected);
    // The state before the first minibatch is a state too.
    let mut none = Centred::new(Exact, offsets).unwrap();
    none.restore(&Centred::new(Exact, offsets).unwrap().snapshot())
        .unwrap();
    assert!(none.centring().is_none());
}

#[test]
fn bad_input_is_refused_by_name() {
    for rate in [0.0, 1.5, f64::NAN] {
        let offsets = Offsets {
            rate,
            ..Offsets::DATA
        };
        let error = Centred::new(Exact, offsets).unwrap_err().to_string();
        assert_eq!(error, format!("`offsets.rate` is {rate}, but must be in (0, 1]"));
    }
    let fixed = Offsets {
        visible: Offset::Fixed,
        ..Offsets::DATA
    };
    let error = Centred::new(Exact, fixed).unwrap_err().to_string();
    assert_eq!(error, "`offsets` is Fixed, but must be given a value to start at");
    assert_eq!(
        Centring::new(array![0.0, f64::NAN], array![0.0])
            .unwrap_err()
            .to_string(),
        "`visible[1]` is NaN, but must be finite"
    );
    let error = CentredRbm::new(&machine(3, 3, 1.0, 1.0, 1), centring()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`offsets.visible` has shape [4], but must have shape [3]"
    );
    let mut misfit = Centred::starting_at(Exact, Offsets::DATA, centring()).unwrap();
    let small = machine(3, 3, 1.0, 1.0, 1);
    let outcome = misfit.loss_and_grad_into(
        &small,
        Array2::zeros((2, 3)).view(),
        &mut Seed::new(1).rng(),
        Array1::zeros(small.n_params()).view_mut(),
    );
    assert!(outcome.unwrap_err().to_string().contains("offsets.visible"));
}

#[test]
fn gradients_of_other_shapes_are_refused() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let direction = std::panic::catch_unwind(|| {
        let _ = centring().direction(&rbm, Array1::zeros(5).view_mut());
    });
    assert!(direction.is_err());
    let mut grad = Array1::from_elem(rbm.n_params(), 1.0);
    rbm.energy_pullback_into(data().view(), Array1::ones(5).view(), grad.view_mut());
    centring().direction(&rbm, grad.view_mut()).unwrap();
    assert!(grad.iter().all(|g| g.is_finite()));
}
