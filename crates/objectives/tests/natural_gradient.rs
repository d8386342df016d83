//! The Fisher information against the listed law and differences, and a direction that does not depend on the coordinates.

mod common;

use common::{call, data, energy_derivatives, mixed, model, refusal};
use gibbsian_core::{
    Discrete, Energy, EnergyPullback, Layout, Objective, Parametric, ParametricMut, Record, Seed, Snapshot,
    Space,
};
use gibbsian_objectives::{ExactLikelihood, NaturalGradient, fisher_information};
use gibbsian_testkit::audit::Audit;
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::Pairwise;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, array};

fn natural() -> NaturalGradient<ExactLikelihood> {
    NaturalGradient::new(ExactLikelihood, 0.0).unwrap()
}

#[test]
fn the_information_is_the_covariance_of_the_derivatives() {
    let model = model();
    let audit = Audit::new(&model).unwrap();
    let at = energy_derivatives(&model, audit.states.view());
    let mean = audit.pi.dot(&at);
    let expected = Array2::from_shape_fn((6, 6), |(i, j)| {
        let product = &at.column(i) * &at.column(j);
        audit.pi.dot(&product) - mean[i] * mean[j]
    });
    let error = (fisher_information(&model).unwrap() - expected)
        .mapv(f64::abs)
        .sum();
    assert!(error <= 1e-14, "{error:e}");
}

/// `KL(p_θ ‖ p_{θ+d}) = ½ d'G d + O(d³)`.
#[test]
fn the_information_is_the_curvature_of_the_divergence() {
    let model = mixed();
    let audit = Audit::new(&model).unwrap();
    let information = fisher_information(&model).unwrap();
    let direction = Array1::from_shape_fn(model.n_params(), |k| 0.3 - 0.1 * (k % 7) as f64);
    let divergence = |step: f64| {
        let mut other = model.clone();
        other
            .set_params((model.params() + &direction * step).view())
            .unwrap();
        let q = Audit::new(&other).unwrap().pi;
        audit
            .pi
            .iter()
            .zip(&q)
            .map(|(p, q)| p * (p / q).ln())
            .sum::<f64>()
    };
    // The cubic terms cancel between the two sides.
    let step = 1e-3;
    let quadratic = 0.5 * step * step * direction.dot(&information.dot(&direction));
    let measured = 0.5 * (divergence(step) + divergence(-step));
    assert!(
        (measured / quadratic - 1.0).abs() <= 1e-4,
        "{measured:e}, not {quadratic:e}"
    );
}

/// A pairwise model with the parameters `φ`, `θ = Aφ`.
#[derive(Clone)]
struct Linear {
    model: Pairwise,
    map: Array2<f64>,
    phi: Array1<f64>,
}

impl Space for Linear {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl Energy for Linear {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.model.energy_into(x, out);
    }
}

impl Discrete for Linear {
    fn alphabet(&self, site: usize) -> &[f64] {
        self.model.alphabet(site)
    }
}

impl Parametric for Linear {
    fn layout(&self) -> Layout {
        Layout::new().with("phi", &[self.phi.len()])
    }

    fn params(&self) -> Array1<f64> {
        self.phi.clone()
    }
}

impl EnergyPullback for Linear {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut theta = Array1::zeros(6);
        self.model.energy_pullback_with(x, weigh, theta.view_mut());
        grad += &self.map.t().dot(&theta);
    }
}

#[test]
fn the_direction_does_not_depend_on_the_coordinates() {
    let map = Array2::from_shape_fn((6, 6), |(i, j)| {
        f64::from(i == j) + 0.3 * ((3 * i + 5 * j) % 7) as f64 - 0.8
    });
    let there = Linear {
        model: model(),
        // The coordinates themselves do not enter.
        phi: Array1::zeros(6),
        map: map.clone(),
    };
    let mut phi_step = Array1::zeros(6);
    natural()
        .loss_and_grad_into(
            &there,
            data().view(),
            &mut Seed::new(1).rng(),
            phi_step.view_mut(),
        )
        .unwrap();
    let (_, theta_step) = call(&mut natural(), data().view(), &mut Seed::new(1).rng()).unwrap();
    let error = (map.dot(&phi_step) - &theta_step).mapv(f64::abs).sum();
    assert!(error <= 1e-11 * theta_step.mapv(f64::abs).sum(), "{error:e}");
    // The ordinary gradient does depend on them.
    let mut phi_step = Array1::zeros(6);
    ExactLikelihood
        .loss_and_grad_into(
            &there,
            data().view(),
            &mut Seed::new(1).rng(),
            phi_step.view_mut(),
        )
        .unwrap();
    let (_, theta_step) = call(&mut ExactLikelihood, data().view(), &mut Seed::new(1).rng()).unwrap();
    assert!((map.dot(&phi_step) - theta_step).mapv(f64::abs).sum() > 0.1);
}

/// In an exponential family steps of rate one are Newton's, which double the digits each.
#[test]
fn full_steps_converge_quadratically_to_the_maximum_of_the_likelihood() {
    // Data with all moments inside their ranges: every state once, and the data.
    let states = Audit::new(&model()).unwrap().states;
    let x = ndarray::concatenate![ndarray::Axis(0), states, data()];
    let mut fitted = Pairwise::new(Array1::zeros(3), Array2::zeros((3, 3))).unwrap();
    let mut errors = Vec::new();
    for _ in 0..8 {
        let mut gradient = Array1::zeros(6);
        ExactLikelihood
            .loss_and_grad_into(&fitted, x.view(), &mut Seed::new(1).rng(), gradient.view_mut())
            .unwrap();
        errors.push(gradient.mapv(f64::abs).sum());
        let mut step = Array1::zeros(6);
        natural()
            .loss_and_grad_into(&fitted, x.view(), &mut Seed::new(1).rng(), step.view_mut())
            .unwrap();
        fitted.set_params((fitted.params() - step).view()).unwrap();
    }
    assert!(errors[7] <= 1e-14, "{errors:?}");
    assert!(errors.iter().any(|e| (1e-9..1e-2).contains(e)), "{errors:?}");
    for pair in errors.windows(2).filter(|pair| pair[0] < 0.1 && pair[1] > 1e-14) {
        assert!(pair[1] <= 10.0 * pair[0] * pair[0], "{errors:?}");
    }
}

#[test]
fn the_wrapper_obeys_the_laws_of_objectives() {
    conformance::objective(natural, &model(), data().view(), Seed::new(2)).unwrap();
    let damped = || NaturalGradient::new(ExactLikelihood, 0.1).unwrap();
    let states = mixed().states().unwrap();
    conformance::objective(damped, &mixed(), states.view(), Seed::new(2)).unwrap();
    assert_eq!(natural().snapshot(), Record::new());
    natural().restore(&Record::new()).unwrap();
}

#[test]
fn what_cannot_be_inverted_is_refused() {
    for damping in [-1.0, f64::NAN] {
        assert!(NaturalGradient::new(ExactLikelihood, damping).is_err());
    }
    // One of two spins' fields is redundant if the spin is certain.
    let certain = Pairwise::new(array![400.0, 0.0], Array2::zeros((2, 2))).unwrap();
    let mut grad = Array1::zeros(3);
    let error = natural()
        .loss_and_grad_into(
            &certain,
            array![[1.0, 1.0]].view(),
            &mut Seed::new(1).rng(),
            grad.view_mut(),
        )
        .unwrap_err();
    assert!(error.to_string().contains("fisher_information"), "{error}");
    assert!(refusal(&mut natural(), Array2::zeros((0, 3))).contains("`x`"));
}
