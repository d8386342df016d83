//! The score of points of data under solvers, likelihoods and conditioning.
//!
//! The points are the corners of a cube, all of which a rotation of the cube carries into each other. The processes, the starts and the schemes know no direction, so every way back ends at each corner with probability
//! 1/8, whatever the errors of its steps.

use gibbsian_core::process::{LinearGaussian, OrnsteinUhlenbeck};
use gibbsian_core::{Density, Seed};
use gibbsian_densities::NoisedEmpirical;
use gibbsian_sde::{
    AdaptiveRungeKutta, Ancestral, Ddim, FixedSteps, FlowLikelihood, FreshNoise, LinearObservation,
    MomentMatching, ProbabilityFlow, PseudoinverseGuidance, ReverseSde, Solver, TimeGrid, TweedieProjection,
    Twist, TwistedSmc, VariationalBound,
};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family, mean};
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView2, array};

type Data = NoisedEmpirical<OrnsteinUhlenbeck>;

fn process() -> OrnsteinUhlenbeck {
    OrnsteinUhlenbeck::new(5.0).unwrap()
}

/// The corners of a cube.
fn cube() -> Data {
    let points = Array2::from_shape_fn((8, 3), |(k, i)| if (k >> i) & 1 == 1 { 1.0 } else { -1.0 });
    NoisedEmpirical::new(points, process()).unwrap()
}

/// The corner of a row, and the squared distance from `α` times it.
fn corner(x: ArrayView2<f64>, b: usize, alpha: f64) -> (usize, f64) {
    let k = (0..3).map(|i| usize::from(x[(b, i)] > 0.0) << i).sum();
    let square = x.row(b).iter().map(|x| (x.abs() - alpha).powi(2)).sum();
    (k, square)
}

/// The time at which the ways back end, with `σ = 0.045` and the points two apart.
const LAST: f64 = 1e-3;

/// `n` points that went back by a scheme, and the counts of the corners where they are; every one within seven `σ` of `α` times its corner.
fn ends<V>(scheme: &V, n: usize, seed: u64) -> (Array2<f64>, Vec<f64>, Vec<u64>)
where
    V: for<'a> Solver<ReverseSde<OrnsteinUhlenbeck, &'a Data>>,
{
    let data = cube();
    let noise = FreshNoise::new(Seed::new(seed));
    let grid = TimeGrid::uniform_in_log_snr(&process(), 5.0, LAST, 60).unwrap();
    let reverse = ReverseSde::new(process(), &data);
    let start = noise.normal((n, 3));
    let x = FixedSteps::new(grid)
        .solve(scheme, &reverse, start, &noise)
        .unwrap();
    let (alpha, variance) = (process().alpha(LAST), process().variance(LAST));
    let (mut squares, mut counts) = (Vec::new(), vec![0; 8]);
    for b in 0..n {
        let (k, square) = corner(x.view(), b, alpha);
        counts[k] += 1;
        squares.push(square / variance);
    }
    let denoised = reverse.denoise(x.view(), LAST).unwrap();
    for (b, square) in squares.iter().enumerate() {
        // χ² of three degrees of freedom is above 49 once in 10¹⁰.
        assert!(*square < 49.0, "row {b}: {}", x.row(b));
        let (_, square) = corner(denoised.view(), b, 1.0);
        assert!(square.sqrt() < 1e-12, "row {b}: {}", denoised.row(b));
    }
    (x, squares, counts)
}

/// Once a path is near one point alone, the ancestral step is exact: its end is the point in noise of variance σ².
#[test]
fn the_reverse_equation_ends_at_the_data_each_as_often() -> Verdict {
    let (_, squares, counts) = ends(&Ancestral::default(), 4000, 1);
    family(
        &[
            chi_square("the corners", &counts, &[0.125; 8]),
            mean("squared distances, in σ²", &squares, 3.0),
        ],
        FALSE_ALARM,
    )
}

#[test]
fn so_does_the_flow() -> Verdict {
    let (_, _, counts) = ends(&Ddim::new(0.0).unwrap(), 4000, 2);
    chi_square("the corners", &counts, &[0.125; 8]).verdict(FALSE_ALARM)
}

#[test]
fn likelihoods_of_points_in_noise_are_those_of_parzens_mixture() -> Verdict {
    const START: f64 = 0.05;
    let data = cube();
    let law = data.marginal(START).unwrap();
    let x = law.sample(5, &mut Seed::new(3).rng());
    let exact = law.log_density(x.view());
    let flow = ProbabilityFlow::new(process(), &data);
    let prior = data.marginal(5.0).unwrap();
    let solver = AdaptiveRungeKutta::with_tolerance(1e-9);
    let likelihood = FlowLikelihood::with_prior(flow, prior, START, solver).unwrap();
    let found = likelihood.log_density(x.view()).unwrap().log_density;
    // A tolerance a step of some hundred steps.
    close("log-density", &found, &exact, 1e-6)?;
    Ok(())
}

/// At its own points the bound is `log (1/8) N(x_i; x_i, (σ/α)² I)`. Its integral `½ ∫ E‖r‖² dλ`, with `r = α (x̂ − x_i)/σ`, is that of the least mean squared error over the signal-to-noise ratio, and therefore the
/// information that a noisy point has of which one it was (Guo, Shamai and Verdú 2005), log 8 where noise is little. The horizon leaves α² = 5·10⁻⁵ of it out.
#[test]
fn the_variational_bound_pays_for_the_choice_of_a_point() {
    let data = cube();
    let bound = VariationalBound::new(process(), &data, LAST).unwrap();
    let estimate = bound
        .estimate(data.points(), 16_000, &mut Seed::new(4).rng())
        .unwrap();
    let (found, error) = estimate.mean();
    let spread = process().variance(LAST) / process().alpha(LAST).powi(2);
    let expected = -(8.0_f64.ln()) - 1.5 * (std::f64::consts::TAU * spread).ln();
    assert!(error < 0.05, "{error}");
    assert!(
        (found - expected).abs() < 5.0 * error + 2e-4,
        "{found} ± {error} instead of {expected}"
    );
}

/// Ends are corners, and each as likely under the sampler of the prior: so population means are unbiased for the posterior of the corners, with any number of particles.
#[test]
fn populations_have_the_posterior_of_the_points() -> Verdict {
    let data = cube();
    let matrix = array![[1.0, 0.6, -0.3], [0.0, 0.8, 0.5]];
    let observation = LinearObservation::new(matrix, array![0.7, -0.4], 0.5).unwrap();
    let mut likelihood = Array1::zeros(8);
    observation.log_likelihood_into(data.points(), likelihood.view_mut());
    let likelihood = likelihood.mapv(f64::exp);
    let evidence = likelihood.sum() / 8.0;
    let posterior = &likelihood / likelihood.sum();

    let grid = TimeGrid::uniform_in_log_snr(&process(), 5.0, LAST, 25)
        .unwrap()
        .then(0.0)
        .unwrap();
    let smc = TwistedSmc {
        data_variance: 0.0,
        ..TwistedSmc::new(grid, 40)
    };
    let mut tests = Vec::new();
    let mut run = |name: &str, twist: &dyn Twist| {
        let populations: Vec<_> = (0..250)
            .map(|i| {
                smc.run(&process(), twist, Seed::new(5).child(name).nth(i))
                    .unwrap()
            })
            .collect();
        let ratio = |i: usize| populations[i].log_evidence().exp() / evidence;
        let ratios: Vec<f64> = (0..250).map(ratio).collect();
        tests.push(mean(&format!("{name}: evidence"), &ratios, 1.0));
        for (population, _) in populations.iter().zip(0..20) {
            for b in 0..40 {
                let (_, square) = corner(population.points(), b, 1.0);
                assert!(square.sqrt() < 1e-9, "{}", population.points().row(b));
            }
        }
        for k in 0..8 {
            let at = |x: ndarray::ArrayView1<f64>| {
                f64::from(u8::from((0..3).all(|i| (x[i] > 0.0) == ((k >> i) & 1 == 1))))
            };
            let misses: Vec<f64> = (0..250)
                .map(|i| ratio(i) * (populations[i].expectation(at) - posterior[k]))
                .collect();
            tests.push(mean(&format!("{name}: corner {k}"), &misses, 0.0));
        }
    };
    run(
        "projection",
        &TweedieProjection::new(process(), &data, observation.clone()).unwrap(),
    );
    run(
        "pseudoinverse",
        &PseudoinverseGuidance::new(process(), &data, observation.clone(), 1.0).unwrap(),
    );
    family(&tests, FALSE_ALARM)
}

/// Guided paths end at points, too: a guidance chooses between them.
#[test]
fn guided_paths_end_at_points_of_the_data() {
    let data = cube();
    let observation = LinearObservation::of_coordinates(3, vec![0], array![1.0], 0.05).unwrap();
    let grid = TimeGrid::uniform_in_log_snr(&process(), 5.0, LAST, 60).unwrap();
    let noise = FreshNoise::new(Seed::new(6));
    let steps = FixedSteps::new(grid);
    let matching = MomentMatching::new(process(), &data, observation).unwrap();
    let reverse = ReverseSde::new(process(), matching);
    let x = steps
        .solve(&Ancestral::default(), &reverse, noise.normal((200, 3)), &noise)
        .unwrap();
    let mut n_seen = 0;
    for b in 0..200 {
        let (k, square) = corner(x.view(), b, process().alpha(LAST));
        assert!(square / process().variance(LAST) < 49.0, "{}", x.row(b));
        n_seen += k & 1;
    }
    // Half of them without guidance. All of them would be exact, which moment matching is not.
    let five_errors = 5.0 * (200.0_f64 / 4.0).sqrt();
    assert!(
        n_seen as f64 > 100.0 + five_errors,
        "{n_seen} of 200 on the side that was seen"
    );
}
