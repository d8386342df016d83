//! Energies as Bayesian priors: samplers draw from their posteriors, and what estimates normalisers weighs the evidence.

use gibbsian_core::{Density, Energy, GeometricPath, Kernel, Seed};
use gibbsian_densities::quadrature::{Domain, QuadratureOptions, numeric_log_z};
use gibbsian_densities::{Covariances, GaussianMixture, MultivariateNormal};
use gibbsian_nn::{Activation, NeuralEnergy, Precision};
use gibbsian_partition::{Ladder, ais};
use gibbsian_samplers::{Hmc, Mala};
use gibbsian_sde::{LinearObservation, PosteriorEnergy};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean};
use ndarray::{Array1, Array2, array};

/// Two overlapping components in the plane.
fn mixture() -> GaussianMixture {
    let full = array![[[1.0, 0.4], [0.4, 0.8]], [[0.6, -0.2], [-0.2, 1.2]]];
    let means = array![[-1.0, 0.0], [1.0, 0.5]];
    GaussianMixture::new(array![0.4, 0.6], means, Covariances::Full(full)).unwrap()
}

/// The first coordinate, in noise of variance 0.49.
fn observation() -> LinearObservation {
    LinearObservation::new(array![[1.0, 0.0]], array![0.3], 0.49).unwrap()
}

/// `E[x]` and `E[x²]` of the posterior, and the log-evidence: each component is conditioned as a normal law, and weighed by its density at the observation.
fn exact() -> (Array1<f64>, Array1<f64>, f64) {
    let (weights, y, variance) = ([0.4, 0.6], 0.3, 0.49);
    let means = [[-1.0, 0.0], [1.0, 0.5]];
    let covariances = [[[1.0, 0.4], [0.4, 0.8]], [[0.6, -0.2], [-0.2, 1.2]]];
    let (mut first, mut second, mut evidence) = (Array1::zeros(2), Array1::zeros(2), 0.0);
    for ((w, m), c) in weights.iter().zip(means).zip(covariances) {
        let s = c[0][0] + variance;
        let residual: f64 = y - m[0];
        let density = (-0.5 * residual * residual / s).exp() / (2.0 * std::f64::consts::PI * s).sqrt();
        for i in 0..2 {
            let mean = m[i] + c[i][0] / s * residual;
            let spread = c[i][i] - c[i][0] * c[0][i] / s;
            first[i] += w * density * mean;
            second[i] += w * density * (spread + mean * mean);
        }
        evidence += w * density;
    }
    (first / evidence, second / evidence, f64::ln(evidence))
}

/// Ends of independent chains of a kernel after so many steps, from draws of the prior.
fn ends<K: Kernel<PosteriorEnergy<GaussianMixture>>>(kernel: K, n_steps: usize, seed: u64) -> Array2<f64> {
    let posterior = PosteriorEnergy::new(mixture(), observation()).unwrap();
    let mut rng = Seed::new(seed).rng();
    let start = mixture().sample(4_000, &mut rng);
    let mut state = kernel.init(&posterior, start).unwrap();
    for _ in 0..n_steps {
        kernel.step(&posterior, &mut state, &mut rng);
    }
    kernel.positions(&state).to_owned()
}

/// Tests of both moments of both coordinates.
fn moments(kernel: &str, x: &Array2<f64>) -> Vec<Test> {
    let (first, second, _) = exact();
    let of_coordinate = |i: usize| {
        let x = x.column(i).to_vec();
        let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
        [
            mean(&format!("{kernel}: mean of x[{i}]"), &x, first[i]),
            mean(&format!("{kernel}: mean of x[{i}]²"), &squares, second[i]),
        ]
    };
    (0..2).flat_map(of_coordinate).collect()
}

#[test]
fn chains_draw_from_the_posterior_of_a_mixture() {
    let mut tests = moments("MALA", &ends(Mala::new(0.4).unwrap(), 300, 1));
    tests.extend(moments("HMC", &ends(Hmc::new(0.4, 5).unwrap(), 100, 2)));
    family(&tests, FALSE_ALARM).unwrap();
}

#[test]
fn normalisers_weigh_the_evidence() {
    // Of the mixture, whose evidence is known.
    let plane = Domain::whole(2).unwrap();
    let posterior = PosteriorEnergy::new(mixture(), observation()).unwrap();
    let log_z = numeric_log_z(&posterior, &plane, QuadratureOptions::default())
        .unwrap()
        .log_z;
    let (.., log_evidence) = exact();
    assert!((log_z - log_evidence).abs() < 1e-7, "{log_z} and {log_evidence}");

    // Of a network that nobody has normalised: the posterior's constant over the prior's, by annealing of each and by quadrature.
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| {
        let e = net.mlp("energy", x, &[16], 1, Activation::Tanh);
        let e = net.scale(3.0, e);
        net.confined(e, x, 1.5)
    };
    let network = NeuralEnergy::new(2, forward, &mut Seed::new(5).rng())
        .unwrap()
        .with_precision(Precision::Double);
    let base = MultivariateNormal::isotropic(Array1::zeros(2), 2.25).unwrap();
    let posterior = PosteriorEnergy::new(&network, observation()).unwrap();
    let quadrature = |energy: &dyn Energy| {
        let options = QuadratureOptions {
            relative: 1e-6,
            ..QuadratureOptions::default()
        };
        numeric_log_z(energy, &plane, options).unwrap().log_z
    };
    let ladder = Ladder::linear(60).unwrap();
    let path = GeometricPath::new(&base, &posterior, Mala::new(0.4).unwrap(), 1).unwrap();
    let run = ais(&path, &ladder, 2_000, &mut Seed::new(6).rng()).unwrap();
    let estimate = run.estimate(1.0 - FALSE_ALARM).unwrap();
    let exact = quadrature(&posterior);
    assert!(
        estimate.interval.contains(exact),
        "{estimate}, by quadrature {exact}"
    );
    // An observation that the prior nearly expects tells less than one from far away.
    let evidence = exact - quadrature(&network);
    let far = LinearObservation::new(array![[1.0, 0.0]], array![6.0], 0.49).unwrap();
    let far = PosteriorEnergy::new(&network, far).unwrap();
    assert!(quadrature(&far) - quadrature(&network) < evidence - 3.0);
}
