//! Log-densities of guided probability flows.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
use gibbsian_core::{TimeEnergy, TimeScoreJvp};
use gibbsian_sde::{
    AdaptiveRungeKutta, ClassifierFreeGuidance, ClassifierGuidance, FlowLikelihood, NaiveProduct,
    ProbabilityFlow,
};
use ndarray::{Array1, Array2, array};

use super::{observed, probes, two_modes};
use crate::common::normals::Normals;

const START: f64 = 1e-3;

/// A process at whose end less than 10⁻⁸ of the data is left.
fn process() -> OrnsteinUhlenbeck {
    OrnsteinUhlenbeck::new(20.0).unwrap()
}

fn log_density(model: impl TimeScoreJvp, x: &Array2<f64>) -> Array1<f64> {
    let flow = ProbabilityFlow::new(process(), model);
    let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
    let likelihood = FlowLikelihood::new(flow, START, solver).unwrap();
    likelihood.log_density(x.view()).unwrap().log_density
}

#[test]
fn exact_guidance_gives_the_density_of_the_posterior() {
    let prior = Normals {
        process: process(),
        ..two_modes(2)
    };
    let (posterior, _) = prior.posterior(&observed(2, 0.3));
    let x = probes(6, 2);
    let mut energy = Array1::zeros(6);
    posterior.energy_at_into(x.view(), Array1::from_elem(6, START).view(), energy.view_mut());
    let agrees = |found: Array1<f64>| {
        // Some hundred steps, each with an error of a tolerance.
        assert!(
            (&found + &energy).iter().all(|e| e.abs() < 1e-6),
            "{found} instead of {}",
            -&energy
        );
    };
    // ∇ log p_t(y | x) is the difference of the two scores.
    let classifier = NaiveProduct::new(array![1.0, -1.0], vec![posterior.clone(), prior.clone()]).unwrap();
    agrees(log_density(
        ClassifierGuidance::new(prior.clone(), classifier, 1.0).unwrap(),
        &x,
    ));
    agrees(log_density(
        ClassifierFreeGuidance::new(posterior.clone(), prior, 0.0).unwrap(),
        &x,
    ));
}

#[test]
fn guidance_of_another_weight_gives_the_density_of_its_flow() {
    // Normals of variances u and c without and with the condition. With v' = 2 − 2v the flow dx/dt = −x − s of s = −((1 + w)/c_t − w/u_t) x multiplies points by
    // exp ∫ ((1 + w)/c_t − w/u_t − 1) dt = (c_T/c_0)^{(1 + w)/2} (u_T/u_0)^{−w/2}.
    let normal =
        |variance: f64| Normals::isotropic(array![1.0], array![[0.0]], &[variance.sqrt()], process());
    let (u, c, w) = (1.7, 0.4, 1.5);
    let guided = ClassifierFreeGuidance::new(normal(c), normal(u), w).unwrap();
    let x = array![[-0.4], [0.1], [0.7]];
    let found = log_density(guided, &x);
    let change = |variance: f64| {
        let at = |t: f64| process().alpha(t).powi(2) * variance + process().variance(t);
        at(20.0) / at(START)
    };
    let factor = (change(c).powf(1.0 + w) * change(u).powf(-w)).sqrt();
    for (found, x) in found.iter().zip(&x) {
        let exact = factor.ln() - 0.5 * ((factor * x).powi(2) + std::f64::consts::TAU.ln());
        assert!((found - exact).abs() < 1e-6, "{found} instead of {exact}");
    }
    // It is not the normal density whose precision at START is (1 + w)/c − w/u.
    let precision = (1.0 + w) / c - w / u;
    assert!((factor * factor / precision - 1.0).abs() > 0.1);
}
