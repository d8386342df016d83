//! Compositions sampled by corrected kernels, and Boltzmann machines under objectives and normalisers that know nothing of them.
//!
//! In each case the law that the samples should have is known without sampling: a product of two mixtures of two normals is a mixture of four, and a product of
//! restricted machines is a machine.

use gibbsian_classical::{Bernoulli, BoltzmannMachine, Rbm, VisibleMarginal};
use gibbsian_core::{Density, Discrete, GeometricPath, Kernel, Score, Seed, Space};
use gibbsian_densities::{AndNot, Covariances, GaussianMixture, MultivariateNormal, ProductOfExperts};
use gibbsian_objectives::{ExactLikelihood, PersistentContrastiveDivergence};
use gibbsian_partition::{ExactDistribution, Ladder, Smc, exact_log_z, smc};
use gibbsian_samplers::{Gibbs, GibbsWithGradients, Mala, Metropolis, UnadjustedLangevin};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut2, Axis, array};

fn mixture(means: Array2<f64>, variances: Array1<f64>) -> GaussianMixture {
    GaussianMixture::new(array![0.6, 0.4], means, Covariances::Spherical(variances)).unwrap()
}

/// Two mixtures whose humps lie across each other.
fn experts() -> [GaussianMixture; 2] {
    [
        mixture(array![[-1.0, 0.0], [1.0, 0.5]], array![0.6, 0.4]),
        mixture(array![[0.5, 1.0], [-0.5, -1.0]], array![0.8, 0.9]),
    ]
}

/// The product in closed form, and the logarithm of its integral.
fn closed(a: &GaussianMixture, b: &GaussianMixture) -> (GaussianMixture, f64) {
    let normal = |m: &GaussianMixture, k: usize| {
        MultivariateNormal::from_covariance(m.component_mean(k).to_owned(), m.component_covariance(k))
            .unwrap()
    };
    let (mut weights, mut means, mut covariances) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..2 {
        for j in 0..2 {
            let (law, log_z) =
                MultivariateNormal::product(&[(&normal(a, i), 1.0), (&normal(b, j), 1.0)]).unwrap();
            weights.push(a.weights()[i] * b.weights()[j] * log_z.exp());
            means.extend(law.mean().to_vec());
            covariances.extend(law.covariance().iter().copied());
        }
    }
    let total: f64 = weights.iter().sum();
    let law = GaussianMixture::new(
        weights.iter().map(|w| w / total).collect(),
        Array2::from_shape_vec((4, 2), means).unwrap(),
        Covariances::Full(Array3::from_shape_vec((4, 2, 2), covariances).unwrap()),
    );
    (law.unwrap(), total.ln())
}

/// First and second moments of points against those of a mixture.
fn moments(x: ArrayView2<f64>, law: &GaussianMixture) -> Verdict {
    let (m, c) = (law.mean(), law.covariance());
    let mut tests = Vec::new();
    for i in 0..2 {
        tests.push(mean(&format!("x_{i}"), &x.column(i).to_vec(), m[i]));
        for j in 0..=i {
            let product = &x.column(i) * &x.column(j);
            tests.push(mean(
                &format!("x_{i} x_{j}"),
                &product.to_vec(),
                c[[i, j]] + m[i] * m[j],
            ));
        }
    }
    family(&tests, FALSE_ALARM)
}

#[test]
fn adjusted_langevin_steps_on_the_sum_of_energies_keep_the_product() -> Verdict {
    let [a, b] = experts();
    let (law, _) = closed(&a, &b);
    let product = ProductOfExperts::new(array![1.0, 1.0], vec![a, b]).unwrap();
    let kernel = Mala::new(0.4).unwrap();
    // From exact draws of the closed form, the moments stay; from a corner, they arrive.
    let exact = law.sample(20_000, &mut Seed::new(1).rng());
    let corner = Array2::from_elem((20_000, 2), 2.0);
    for (x, n_steps) in [(exact, 10), (corner, 150)] {
        let mut chains = kernel.init(&product, x).unwrap();
        for step in 0..n_steps {
            kernel.step(&product, &mut chains, &mut Seed::new(2).nth(step).rng());
        }
        let x = Kernel::<ProductOfExperts<GaussianMixture>>::positions(&kernel, &chains);
        moments(x.view(), &law)?;
    }
    Ok(())
}

#[test]
fn sequential_monte_carlo_finds_the_normaliser_of_a_product() {
    let [a, b] = experts();
    let (law, log_integral) = closed(&a, &b);
    let log_z = log_integral + a.log_z() + b.log_z();
    let product = ProductOfExperts::new(array![1.0, 1.0], vec![a, b]).unwrap();
    let base = MultivariateNormal::isotropic(array![0.0, 0.0], 2.0).unwrap();
    let path = GeometricPath::new(&base, &product, Mala::new(0.4).unwrap(), 2).unwrap();
    let run = smc(
        &path,
        &Ladder::linear(10).unwrap(),
        &Smc::new(200),
        50,
        &mut Seed::new(3).rng(),
    )
    .unwrap();
    // Confidence 1 − 10⁻⁶ for the interval, which is that of the mean of fifty islands.
    let estimate = run.unbiased().estimate(1.0 - FALSE_ALARM).unwrap();
    assert!(estimate.interval.contains(log_z), "{estimate} {log_z}");
    assert!(estimate.interval.width() < 0.2);
    let found = run.expectation(|x| x[0]);
    assert!((found - law.mean()[0]).abs() < 0.1);
}

fn machines() -> [Rbm; 2] {
    let machine = |n_hidden, bias: f64, seed| {
        let visible = Bernoulli::new(array![bias, -0.3, 0.2, 0.5, -bias]).unwrap();
        Rbm::random(visible, Bernoulli::unbiased(n_hidden), 1.0, Seed::new(seed)).unwrap()
    };
    [machine(2, 0.4, 1), machine(3, -0.2, 2)]
}

#[test]
fn the_sum_of_free_energies_is_sampled_by_the_joined_machine_and_by_corrected_kernels() -> Verdict {
    let [a, b] = machines();
    let joined = Rbm::product(&[&a, &b]).unwrap();
    let product = ProductOfExperts::new(array![1.0, 1.0], vec![&a, &b]).unwrap();
    // The law of the sum by enumeration, which knows nothing of hidden units.
    let law = ExactDistribution::new(&product).unwrap();
    assert!((law.log_z() - joined.log_z().unwrap()).abs() < 1e-13);
    conformance::transition_law(&Metropolis, &product, Balance::Global, Seed::new(4))?;
    conformance::block_law(&joined, Redraw::ThroughHidden, Seed::new(5))?;

    let mut chains = Gibbs.init(&joined, Array2::zeros((20_000, 5))).unwrap();
    for sweep in 0..60 {
        Gibbs.step(&joined, &mut chains, &mut Seed::new(6).nth(sweep).rng());
    }
    let states = product.states().unwrap();
    let mut counts = vec![0; states.nrows()];
    for row in chains.rows() {
        counts[states.rows().into_iter().position(|s| s == row).unwrap()] += 1;
    }
    let test = chi_square(
        "the joined machine's draws",
        &counts,
        &law.probabilities().to_vec(),
    );
    family(&[test], FALSE_ALARM)
}

#[test]
fn a_negation_on_a_finite_space_is_sampled_by_corrected_kernels() -> Verdict {
    let [a, b] = machines();
    let model = AndNot::enumerated(&a, &b, 0.8).unwrap();
    let log_z = exact_log_z(&model).unwrap();
    assert!((log_z - model.log_z().unwrap()).abs() < 1e-13);
    conformance::transition_law(&Metropolis, &model, Balance::Global, Seed::new(7))
}

/// A score of which nobody kept the energy.
struct ScoreAlone(MultivariateNormal);

impl Space for ScoreAlone {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Score for ScoreAlone {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.score_into(x, out);
    }
}

#[test]
fn a_product_of_scores_alone_moves_unadjusted_chains() -> Verdict {
    let normal = |mean, variance| ScoreAlone(MultivariateNormal::isotropic(array![mean], variance).unwrap());
    // Precisions 1 and 1/2, the second taken away at a half of its weight: P = 3/4, and the mean is P⁻¹ (0 − ½·½·2).
    let product =
        ProductOfExperts::with_negations(array![1.0, -0.5], vec![normal(0.0, 1.0), normal(2.0, 2.0)])
            .unwrap();
    let (precision, centre) = (0.75, -0.5 / 0.75);
    let step_size = 0.4;
    let kernel = UnadjustedLangevin::new(step_size).unwrap();
    let mut chains = kernel.init(&product, Array2::zeros((20_000, 1))).unwrap();
    for step in 0..100 {
        kernel.step(&product, &mut chains, &mut Seed::new(8).nth(step).rng());
    }
    let x = Kernel::<ProductOfExperts<ScoreAlone>>::positions(&kernel, &chains)
        .column(0)
        .to_vec();
    // x' = x − ε P (x − m) + √(2ε) z has the variance 1/(P (1 − ε P/2)).
    let variance = 1.0 / (precision * (1.0 - 0.5 * step_size * precision));
    let squares: Vec<f64> = x.iter().map(|x| (x - centre).powi(2)).collect();
    family(
        &[
            mean("the mean", &x, centre),
            mean("the variance", &squares, variance),
        ],
        FALSE_ALARM,
    )
}

fn boltzmann() -> BoltzmannMachine {
    let random = BoltzmannMachine::random(6, 0.8, Seed::new(9)).unwrap();
    BoltzmannMachine::new(
        random.weights().to_owned(),
        array![0.3, -0.2, 0.5, -0.6, 0.1, 0.2],
    )
    .unwrap()
}

#[test]
fn boltzmann_machines_are_trained_by_objectives_that_do_not_know_them() -> Verdict {
    let mut visible = VisibleMarginal::new(boltzmann(), 4).unwrap();
    let x = visible
        .states()
        .unwrap()
        .select(Axis(0), &[1, 3, 3, 7, 9, 12, 15]);
    conformance::objective(|| ExactLikelihood, &visible, x.view(), Seed::new(1))?;
    conformance::objective_gradient(
        || ExactLikelihood,
        &mut visible,
        x.view(),
        Precision::DOUBLE,
        Seed::new(2),
    )?;
    let start = x.clone();
    let persistent = || PersistentContrastiveDivergence::new(Gibbs, 2, start.clone()).unwrap();
    conformance::objective(persistent, &visible, x.view(), Seed::new(3))?;
    let joint = boltzmann();
    let x = joint.states().unwrap().select(Axis(0), &[1, 3, 13, 37, 59, 62]);
    conformance::objective(|| ExactLikelihood, &joint, x.view(), Seed::new(4))
}

#[test]
fn boltzmann_machines_are_known_to_normalisers_and_kernels_by_their_traits() -> Verdict {
    let joint = boltzmann();
    let visible = VisibleMarginal::new(joint.clone(), 4).unwrap();
    let exact = joint.log_z().unwrap();
    assert!((exact_log_z(&joint).unwrap() - exact).abs() < 1e-13);
    assert!((exact_log_z(&visible).unwrap() - exact).abs() < 1e-13);
    let law = ExactDistribution::new(&joint).unwrap();
    let moments = joint.moments().unwrap();
    assert!((law.entropy() - moments.entropy).abs() < 1e-13);
    let difference = &law.second_moment() - &moments.second;
    assert!(difference.iter().all(|d| d.abs() < 1e-14));
    conformance::transition_law(&Gibbs, &visible, Balance::Global, Seed::new(5))?;
    let x = visible.states().unwrap();
    let other = VisibleMarginal::new(BoltzmannMachine::random(6, 0.5, Seed::new(3)).unwrap(), 4).unwrap();
    conformance::kernel(&GibbsWithGradients, &visible, &other, x.view(), Seed::new(6))
}
