//! Negations and mixtures of energies sampled by kernels that are corrected for their steps, and by weighted populations.
//!
//! The law is always known without a chain: the quotient of two normals is a normal, a negation up to a cap is an integral on a line and has exact draws by rejection, and the share of
//! a component in a mixture is the weight that it was given.

use gibbsian_classical::{Bernoulli, Rbm};
use gibbsian_core::{Density, Discrete, Energy, GeometricPath, Kernel, Potential, Seed, TransitionLaw};
use gibbsian_densities::quadrature::{
    Domain, Interval, QuadratureOptions, expectation as by_quadrature, numeric_log_z,
};
use gibbsian_densities::{AndNot, Capped, KnownLogZ, MixtureOfEnergies, MultivariateNormal, QuadraticEnergy};
use gibbsian_partition::{Ladder, Smc, SmcRun, ais, smc};
use gibbsian_samplers::{Mala, Metropolis};
use gibbsian_testkit::conformance::{self, Balance};
use gibbsian_testkit::stats::{FALSE_ALARM, Test, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};
use rand::RngExt;

/// Independent chains after some steps of Langevin's kernel with acceptance.
fn adjusted<T: Potential>(
    model: &T,
    start: Array2<f64>,
    step_size: f64,
    n_steps: u64,
    seed: Seed,
) -> Array2<f64> {
    let kernel = Mala::new(step_size).unwrap();
    let mut chains = kernel.init(model, start).unwrap();
    for step in 0..n_steps {
        kernel.step(model, &mut chains, &mut seed.nth(step).rng());
    }
    Kernel::<T>::positions(&kernel, &chains).into_owned()
}

/// A function of a point by its name, and its mean under the model.
type Mean<'a> = (&'a str, &'a dyn Fn(ArrayView1<f64>) -> f64, f64);

/// Populations from a normal to a model, and the tests that `E Ẑ = Z` and `E Ẑ Σ_i W_i φ(x_i) = Z ⟨φ⟩` over independent islands, which hold exactly.
fn populations<T: Potential>(
    base: &MultivariateNormal,
    model: &T,
    log_z: f64,
    means: &[Mean<'_>],
    seed: Seed,
) -> Vec<Test> {
    const N_ISLANDS: usize = 200;
    const N_PARTICLES: usize = 100;
    let path = GeometricPath::new(base, model, Mala::new(0.3).unwrap(), 2).unwrap();
    let ladder = Ladder::linear(12).unwrap();
    let run: SmcRun = smc(
        &path,
        &ladder,
        &Smc {
            threshold: 1.0,
            ..Smc::new(N_PARTICLES)
        },
        N_ISLANDS,
        &mut seed.child("smc").rng(),
    )
    .unwrap();
    assert!(
        run.n_resampled().iter().sum::<usize>() > 0,
        "nothing was resampled"
    );
    let mut weights = run.particle_log_weights().iter().map(|l| (l - log_z).exp());
    let weights = Array1::from_shape_simple_fn(N_ISLANDS * N_PARTICLES, || weights.next().unwrap());
    let islands = |statistic: &dyn Fn(ArrayView1<f64>) -> f64| -> Vec<f64> {
        let values = run.particles().map_axis(Axis(1), statistic) * &weights;
        let islands = values.into_shape_with_order((N_ISLANDS, N_PARTICLES)).unwrap();
        islands.sum_axis(Axis(1)).to_vec()
    };
    let mut tests = vec![mean("Ẑ/Z of populations", &islands(&|_| 1.0), 1.0)];
    for (name, statistic, expected) in means {
        tests.push(mean(
            &format!("{name} by populations"),
            &islands(*statistic),
            *expected,
        ));
    }
    // The same path without resampling is annealed importance sampling.
    let annealed = ais(&path, &ladder, 2000, &mut seed.child("ais").rng()).unwrap();
    let weights = annealed.log_weights().values().iter().map(|l| (l - log_z).exp());
    tests.push(mean("Ẑ/Z of annealing", &weights.collect::<Vec<_>>(), 1.0));
    tests
}

/// Tests of the mean and the second moments of rows against those of a normal.
fn moments(what: &str, x: ArrayView2<f64>, law: &MultivariateNormal) -> Vec<Test> {
    let (m, c) = (law.mean(), law.covariance());
    let mut tests = Vec::new();
    for i in 0..m.len() {
        tests.push(mean(&format!("{what}: x_{i}"), &x.column(i).to_vec(), m[i]));
        for j in 0..=i {
            let product = &x.column(i) * &x.column(j);
            let expected = c[[i, j]] + m[i] * m[j];
            tests.push(mean(&format!("{what}: x_{i} x_{j}"), &product.to_vec(), expected));
        }
    }
    tests
}

#[test]
fn a_quotient_of_normals_is_the_normal_of_the_closed_form() -> Verdict {
    let covariance = array![[1.0, 0.4], [0.4, 0.8]];
    let a = MultivariateNormal::from_covariance(array![0.3, -0.2], covariance).unwrap();
    let b = MultivariateNormal::isotropic(array![1.0, 0.5], 3.0).unwrap();
    let alpha = 0.9;
    let (law, _) = MultivariateNormal::product(&[(&a, 1.0), (&b, -alpha)]).unwrap();
    let model = AndNot::of_normals(a, b, alpha).unwrap();

    // From exact draws the moments stay, from a corner they arrive. A step of a third of the variance is far from the limit of small ones.
    let exact = law.sample(20_000, &mut Seed::new(1).rng());
    let corner = Array2::from_elem((20_000, 2), 2.5);
    let mut tests = moments(
        "kept",
        adjusted(&model, exact, 0.3, 10, Seed::new(2)).view(),
        &law,
    );
    tests.extend(moments(
        "found",
        adjusted(&model, corner, 0.3, 150, Seed::new(3)).view(),
        &law,
    ));

    let base = MultivariateNormal::isotropic(array![0.0, 0.0], 4.0).unwrap();
    let (m, c) = (law.mean(), law.covariance());
    tests.extend(populations(
        &base,
        &model,
        model.log_z().unwrap(),
        &[
            ("x_0", &|x| x[0], m[0]),
            ("x_1", &|x| x[1], m[1]),
            ("x_0 x_1", &|x| x[0] * x[1], c[[0, 1]] + m[0] * m[1]),
            ("x_1²", &|x| x[1] * x[1], c[[1, 1]] + m[1] * m[1]),
        ],
        Seed::new(4),
    ));
    family(&tests, FALSE_ALARM)
}

#[test]
fn a_negation_up_to_a_cap_has_the_moments_of_quadrature() -> Verdict {
    let normal = |mean, variance| MultivariateNormal::isotropic(array![mean], variance).unwrap();
    let (a, b) = (normal(0.0, 1.5), normal(0.6, 0.4));
    let (alpha, cap) = (1.2, 1.5);
    let model = AndNot::capped(a.clone(), b.clone(), alpha, cap).unwrap();

    // The energy has a kink where the cap is reached, so the line is cut there.
    let kink = (2.0 * cap * 0.4f64).sqrt();
    let sides = [
        Interval::below(0.6 - kink).unwrap(),
        Interval::closed(0.6 - kink, 0.6 + kink).unwrap(),
        Interval::above(0.6 + kink).unwrap(),
    ];
    let pieces: Vec<(f64, Array1<f64>)> = sides
        .into_iter()
        .map(|side| {
            let domain = Domain::interval(side);
            let options = QuadratureOptions::default();
            let log_z = numeric_log_z(&model, &domain, options).unwrap().log_z;
            let power = |k: i32| {
                let f = |x: ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>| {
                    out.assign(&x.column(0).mapv(|x| x.powi(k)));
                };
                by_quadrature(&model, f, &domain, options).unwrap().value
            };
            (log_z, array![power(1), power(2), power(3)])
        })
        .collect();
    let z: f64 = pieces.iter().map(|(log_z, _)| log_z.exp()).sum();
    let expected = pieces
        .iter()
        .fold(Array1::zeros(3), |sum, (log_z, m)| sum + m * (log_z.exp() / z));
    let between = pieces[1].0.exp() / z;

    let of_rows = |what: &str, x: ArrayView2<f64>| {
        let x = x.column(0);
        let mut tests: Vec<Test> = (1..=3)
            .map(|k| {
                let powers = x.mapv(|x| x.powi(k)).to_vec();
                mean(&format!("{what}: x^{k}"), &powers, expected[k as usize - 1])
            })
            .collect();
        let inside = x.mapv(|x| f64::from((x - 0.6).abs() < kink)).to_vec();
        tests.push(mean(&format!("{what}: below the cap"), &inside, between));
        tests
    };

    // exp(−E) = exp(−E_A) exp(α min(E_B, cap)): a draw of A is kept with probability exp(α (min(E_B, cap) − cap)).
    let proposals = a.sample(60_000, &mut Seed::new(5).rng());
    let capped = Capped::new(b, cap).unwrap().energy(proposals.view());
    let mut rng = Seed::new(6).rng();
    let kept: Vec<usize> = (0..proposals.nrows())
        .filter(|&k| rng.random::<f64>() < (alpha * (capped[k] - cap)).exp())
        .collect();
    let exact = proposals.select(Axis(0), &kept);
    let mut tests = of_rows("by rejection", exact.view());
    // Steps that are large for the hump inside: without the correction they would flatten it.
    let moved = adjusted(&model, exact, 0.5, 25, Seed::new(7));
    tests.extend(of_rows("kept", moved.view()));
    let corner = Array2::from_elem((20_000, 1), -3.0);
    tests.extend(of_rows(
        "found",
        adjusted(&model, corner, 0.5, 400, Seed::new(8)).view(),
    ));
    tests.extend(populations(
        &normal(0.0, 4.0),
        &model,
        z.ln(),
        &[
            ("x", &|x| x[0], expected[0]),
            ("x²", &|x| x[0] * x[0], expected[1]),
            (
                "below the cap",
                &|x| f64::from((x[0] - 0.6).abs() < kink),
                between,
            ),
        ],
        Seed::new(9),
    ));
    family(&tests, FALSE_ALARM)
}

#[test]
fn populations_find_the_share_of_every_component() -> Verdict {
    // Two wells apart, one wide and one narrow, with constants that would turn the shares around if they counted.
    let well = |precision: f64, centre: f64, constant: f64| {
        let energy = QuadraticEnergy::new(array![[precision]], array![precision * centre], constant).unwrap();
        let log_z = energy.complete_the_square().unwrap().1;
        KnownLogZ::new(energy, log_z).unwrap()
    };
    let weights = array![0.3, 0.7];
    let mixture = MixtureOfEnergies::new(weights, vec![well(0.5, -2.5, -6.0), well(4.0, 2.5, 9.0)]).unwrap();
    let share = |x: ArrayView1<f64>, k: usize| mixture.posterior(x.insert_axis(Axis(0)))[[0, k]];
    // The posterior probability of a component has its weight for a mean, and the mean and the square of x are those of the components.
    let tests = populations(
        &MultivariateNormal::isotropic(array![0.0], 9.0).unwrap(),
        &mixture,
        0.0,
        &[
            ("the wide component", &|x| share(x, 0), 0.3),
            ("the narrow component", &|x| share(x, 1), 0.7),
            ("x", &|x| x[0], 0.3 * -2.5 + 0.7 * 2.5),
            ("x²", &|x| x[0] * x[0], 6.25 + 0.3 * 2.0 + 0.7 * 0.25),
        ],
        Seed::new(10),
    );
    family(&tests, FALSE_ALARM)
}

#[test]
fn metropolis_leaves_a_mixture_of_machines_as_it_is() -> Verdict {
    let machine = |n_hidden, bias: f64, seed| {
        let visible = Bernoulli::new(array![bias, -0.3, 0.2, 0.5]).unwrap();
        Rbm::random(visible, Bernoulli::unbiased(n_hidden), 1.5, Seed::new(seed)).unwrap()
    };
    let machines = [machine(2, 0.8, 1), machine(3, -0.7, 2)];
    let known = |k: usize| KnownLogZ::new(&machines[k], machines[k].log_z().unwrap()).unwrap();
    let mixture = MixtureOfEnergies::new(array![0.35, 0.65], vec![known(0), known(1)]).unwrap();
    conformance::transition_law(&Metropolis, &mixture, Balance::Global, Seed::new(11))?;

    // The law by its definition, Σ_k w_k exp(−F_k) / Z_k, of which neither the mixture nor the kernel is asked.
    let states = mixture.states().unwrap();
    let mut law = Array1::<f64>::zeros(states.nrows());
    for (machine, weight) in machines.iter().zip([0.35, 0.65]) {
        let log_z = machine.log_z().unwrap();
        law += &machine
            .energy(states.view())
            .mapv(|e| weight * (-e - log_z).exp());
    }
    assert!((law.sum() - 1.0).abs() < 1e-14);
    let matrix = Metropolis.transition_matrix(&mixture, states.view());
    let after = law.dot(&matrix);
    let difference = (&after - &law).mapv(f64::abs);
    assert!(difference.iter().all(|d| *d < 1e-15), "{difference}");
    Ok(())
}
