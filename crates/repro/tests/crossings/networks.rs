//! Samplers and normalisers on a network, which they know nothing of.
//!
//! In the plane an integral over a grid that refines itself knows the law of any energy, so a network is held to it as a normal density would be.

use gibbsian_core::{Energy, GeometricPath, Kernel, Parametric, ParametricMut, Seed};
use gibbsian_densities::MultivariateNormal;
use gibbsian_densities::quadrature::{Domain, NumericLogZ, QuadratureOptions, expectation, numeric_log_z};
use gibbsian_nn::{Activation, NeuralEnergy, Precision};
use gibbsian_partition::{Ladder, Smc, ais, smc};
use gibbsian_samplers::{Hmc, Mala, RandomWalkMetropolis};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

const SETTINGS: QuadratureOptions = QuadratureOptions {
    absolute: 1e-8,
    relative: 1e-8,
    max_evaluations: 4_000_000,
};

/// A network with weights three times as large as they begin, squeezed between −3 and 3 in a well of deviation 1.5: a landscape with several valleys, none of which is far below the others.
fn network() -> NeuralEnergy {
    let forward = |net: &mut gibbsian_nn::Net<'_>, x| {
        let e = net.mlp("energy", x, &[16, 16], 1, Activation::Silu);
        let e = net.tanh(e);
        let e = net.scale(3.0, e);
        net.confined(e, x, 1.5)
    };
    let mut energy = NeuralEnergy::new(2, forward, &mut Seed::new(5).rng())
        .unwrap()
        .with_precision(Precision::Double);
    let params = energy.params() * 3.0;
    energy.set_params(params.view()).unwrap();
    energy
}

fn log_z(energy: &NeuralEnergy) -> NumericLogZ {
    numeric_log_z(energy, &Domain::whole(2).unwrap(), SETTINGS).unwrap()
}

/// The base of the paths, where chains begin.
fn base() -> MultivariateNormal {
    MultivariateNormal::isotropic(ndarray::array![0.0, 0.0], 2.25).unwrap()
}

type Statistic = fn(ArrayView1<f64>) -> f64;

const STATISTICS: [(&str, Statistic); 5] = [
    ("x_0", |x| x[0]),
    ("x_1", |x| x[1]),
    ("x_0²", |x| x[0] * x[0]),
    ("x_0 x_1", |x| x[0] * x[1]),
    ("x_1²", |x| x[1] * x[1]),
];

/// Independent chains, each asked once at its end.
fn moments(energy: &NeuralEnergy, x: ArrayView2<f64>) -> Verdict {
    let domain = Domain::whole(2).unwrap();
    let tests: Vec<_> = STATISTICS
        .iter()
        .map(|(name, f)| {
            let values = |x: ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>| {
                out.iter_mut().zip(x.rows()).for_each(|(out, x)| *out = f(x));
            };
            let truth = expectation(energy, values, &domain, SETTINGS).unwrap().value;
            let found: Vec<f64> = x.rows().into_iter().map(f).collect();
            mean(name, &found, truth)
        })
        .collect();
    family(&tests, FALSE_ALARM)
}

/// The ends of chains from the base.
fn ends<K: Kernel<NeuralEnergy>>(kernel: &K, energy: &NeuralEnergy, n_steps: u64) -> Array2<f64> {
    let start = gibbsian_core::Density::sample(&base(), 8_000, &mut Seed::new(1).rng());
    let mut chains = kernel.init(energy, start).unwrap();
    for step in 0..n_steps {
        kernel.step(energy, &mut chains, &mut Seed::new(2).nth(step).rng());
    }
    kernel.positions(&chains).to_owned()
}

/// Of all densities with its mean and covariance the normal one has the largest entropy; what a density falls short of it says how far from normal it is.
#[test]
fn the_network_is_no_normal_density() {
    let energy = network();
    let domain = Domain::whole(2).unwrap();
    let average = |f: &dyn Fn(ArrayView1<f64>) -> f64| {
        let values = |x: ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>| {
            out.iter_mut().zip(x.rows()).for_each(|(out, x)| *out = f(x));
        };
        expectation(&energy, values, &domain, SETTINGS).unwrap().value
    };
    let [a, b, aa, ab, bb] = STATISTICS.map(|(_, f)| average(&f));
    let det = (aa - a * a) * (bb - b * b) - (ab - a * b).powi(2);
    let normal = (std::f64::consts::TAU * std::f64::consts::E).ln() + 0.5 * det.ln();
    let own = log_z(&energy).log_z + average(&|x| energy.energy(x.insert_axis(Axis(0)))[0]);
    assert!(normal - own > 0.1, "{normal} {own}");
}

#[test]
fn adjusted_kernels_keep_the_law_of_a_network() -> Verdict {
    let energy = network();
    moments(&energy, ends(&Mala::new(0.3).unwrap(), &energy, 200).view())?;
    moments(&energy, ends(&Hmc::new(0.4, 4).unwrap(), &energy, 60).view())?;
    moments(
        &energy,
        ends(&RandomWalkMetropolis::new(0.8).unwrap(), &energy, 300).view(),
    )
}

#[test]
fn annealing_normalises_a_network() {
    let (energy, base) = (network(), base());
    let truth = log_z(&energy);
    let path = GeometricPath::new(&base, &energy, Mala::new(0.3).unwrap(), 1).unwrap();
    let run = ais(
        &path,
        &Ladder::linear(50).unwrap(),
        2_000,
        &mut Seed::new(3).rng(),
    )
    .unwrap();
    let estimate = run.estimate(1.0 - FALSE_ALARM).unwrap();
    assert!(
        estimate.interval.contains(truth.log_z),
        "{estimate} {}",
        truth.log_z
    );
    assert!(estimate.interval.width() < 0.2, "{estimate}");
    let settings = Smc::new(200);
    let run = smc(
        &path,
        &Ladder::linear(20).unwrap(),
        &settings,
        50,
        &mut Seed::new(4).rng(),
    )
    .unwrap();
    let estimate = run.unbiased().estimate(1.0 - FALSE_ALARM).unwrap();
    assert!(
        estimate.interval.contains(truth.log_z),
        "{estimate} {}",
        truth.log_z
    );
}

/// A kernel sees energies in single precision with errors of some 1e-6 of them; acceptance hides that.
#[test]
fn single_precision_is_enough_for_a_chain() -> Verdict {
    let energy = network();
    let single = energy.clone().with_precision(Precision::Single);
    moments(&energy, ends(&Mala::new(0.3).unwrap(), &single, 200).view())
}
