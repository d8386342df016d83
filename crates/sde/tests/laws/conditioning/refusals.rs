//! What is refused, and how it is named.

use gibbsian_core::{Error, Seed, Space, TimeScore, TimeScoreJvp};
use gibbsian_sde::{
    ClassifierFreeGuidance, ClassifierGuidance, DiagonalTweedieProjection, DiffPir,
    DiffusionPosteriorSampling, EulerMaruyama, FixedSteps, FreshNoise, Guidance, KnownCoordinates,
    LinearObservation, MetropolisCorrected, MomentMatching, NaiveProduct, PosteriorEnergy,
    PseudoinverseGuidance, RePaint, Replacement, ReverseSde, TimeGrid, TweedieProjection, Twist, TwistedSmc,
};
use gibbsian_testkit::targets::Mixture;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use super::{observed, probes, process, score_at, two_modes};

#[track_caller]
fn says<T>(result: Result<T, Error>, message: &str) {
    match result {
        Ok(_) => panic!("accepted instead of: {message}"),
        Err(error) => assert_eq!(error.to_string(), message),
    }
}

#[test]
fn observations() {
    let new = LinearObservation::new;
    says(
        new(Array2::zeros((0, 2)), array![], 1.0),
        "`matrix` has shape [0, 2], but must have shape (at least 1, at least 1)",
    );
    says(
        new(array![[1.0, f64::NAN]], array![0.0], 1.0),
        "`matrix[0, 1]` is NaN, but must be finite",
    );
    says(
        new(array![[1.0]], array![0.0, 1.0], 1.0),
        "`values` has shape [2], but must have shape [1]",
    );
    says(
        new(array![[1.0]], array![f64::INFINITY], 1.0),
        "`values[0]` is inf, but must be finite",
    );
    for (variance, text) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN")] {
        says(
            new(array![[1.0]], array![0.0], variance),
            &format!(
                "`noise_variance` is {text}, but must be finite and greater than zero; exact values are observed with a small variance, 1e-6 of the data's"
            ),
        );
    }
    let of = |indices: Vec<usize>| LinearObservation::of_coordinates(3, indices, array![0.0, 0.0], 1.0);
    says(of(vec![]), "`the number of indices` is 0, but must be at least 1");
    says(
        of(vec![1, 3]),
        "`indices[1]` is 3, but must be less than 3, the number of coordinates",
    );
    says(
        of(vec![1, 1]),
        "`indices[1]` is 1, but must be different from those before it",
    );
}

#[test]
fn methods() {
    let (prior, observation) = (two_modes(2), observed(3, 0.3));
    let message = "`the dimension of the observation` is 3, but must be 2, that of the prior; a matrix has a row a measurement and a column a coordinate, transpose one of the other order";
    let (p, o) = (process(), || observation.clone());
    says(DiffusionPosteriorSampling::new(p, prior.clone(), o()), message);
    says(PseudoinverseGuidance::new(p, prior.clone(), o(), 1.0), message);
    says(TweedieProjection::new(p, prior.clone(), o()), message);
    says(MomentMatching::new(p, prior.clone(), o()), message);
    let mixture = Mixture::new(array![1.0], array![[0.0, 0.0]], array![1.0]).unwrap();
    says(PosteriorEnergy::new(mixture, o()), message);
    says(
        PseudoinverseGuidance::new(p, prior.clone(), observed(2, 0.3), 0.0),
        "`data_variance` is 0, but must be finite and greater than zero",
    );
    let matching = MomentMatching::new(p, prior.clone(), observed(2, 0.3)).unwrap();
    says(
        matching.clone().with_iterations(0, 0.1),
        "`max_iterations` is 0, but must be at least 1",
    );
    says(
        matching.with_iterations(1, -0.1),
        "`tolerance` is -0.1, but must be finite and at least zero",
    );
    says(
        ClassifierGuidance::new(prior.clone(), two_modes(3), 1.0),
        "`the dimension of the classifier` is 3, but must be 2, that of the score it is combined with",
    );
    says(
        ClassifierFreeGuidance::new(prior.clone(), prior.clone(), f64::NAN),
        "`weight` is NaN, but must be finite",
    );
    says(
        NaiveProduct::<super::Normals<gibbsian_core::process::OrnsteinUhlenbeck>>::new(array![], vec![]),
        "`the number of parts` is 0, but must be at least 1",
    );
    says(
        NaiveProduct::new(array![0.0], vec![prior.clone()]),
        "`weights` is [0], but must be different from zero somewhere",
    );
    says(
        NaiveProduct::new(array![1.0, 1.0], vec![prior, two_modes(1)]),
        "`the dimension of parts[1]` is 1, but must be 2, that of the first",
    );
}

#[test]
fn solvers() {
    says(
        DiffPir::new(observed(2, 0.3), 0.0, 0.5),
        "`lambda` is 0, but must be finite and greater than zero",
    );
    says(
        DiffPir::new(observed(2, 0.3), 1.0, 1.5),
        "`zeta` is 1.5, but must be in [0, 1]",
    );
    let known = || KnownCoordinates::new(vec![2], array![0.0]).unwrap();
    says(
        RePaint::new(EulerMaruyama, known(), 0),
        "`n_passages` is 0, but must be at least 1",
    );
    says(
        KnownCoordinates::new(vec![0, 0], array![0.0, 0.0]),
        "`indices[1]` is 0, but must be different from those before it",
    );
    // Numbers of coordinates that no memory would hold.
    let last = usize::MAX;
    says(
        KnownCoordinates::new(vec![last, 0, last], array![0.0, 0.0, 0.0]),
        &format!("`indices[2]` is {last}, but must be different from those before it"),
    );
    let distant = KnownCoordinates::new(vec![1 << 60, last], array![0.0, 0.0]).unwrap();
    says(
        MetropolisCorrected::new(EulerMaruyama, 1, 0.0, 1.0),
        "`ratio` is 0, but must be finite and greater than zero",
    );

    let noise = FreshNoise::new(Seed::new(1));
    let reverse = ReverseSde::new(process(), two_modes(2));
    let backwards = FixedSteps::new(TimeGrid::uniform(5.0, 0.0, 3).unwrap());
    let forwards = FixedSteps::new(TimeGrid::uniform(0.0, 5.0, 3).unwrap());
    let beyond = FixedSteps::new(TimeGrid::uniform(6.0, 0.0, 3).unwrap());
    let x = Array2::zeros((1, 2));
    says(
        backwards.solve(
            &Replacement::new(EulerMaruyama, known()),
            &reverse,
            x.clone(),
            &noise,
        ),
        "`indices[0]` is 2, but must be less than 2, the number of coordinates",
    );
    says(
        backwards.solve(
            &Replacement::new(EulerMaruyama, distant),
            &reverse,
            x.clone(),
            &noise,
        ),
        "`indices[0]` is 1152921504606846976, but must be less than 2, the number of coordinates",
    );
    says(
        backwards.solve(
            &DiffPir::new(observed(3, 0.3), 1.0, 0.5).unwrap(),
            &reverse,
            x.clone(),
            &noise,
        ),
        "`the dimension of the observation` is 3, but must be 2, that of the prior; a matrix has a row a measurement and a column a coordinate, transpose one of the other order",
    );
    let pir = DiffPir::new(observed(2, 0.3), 1.0, 0.5).unwrap();
    says(
        forwards.solve(&pir, &reverse, x.clone(), &noise),
        "`times[3]` is 5, but must be less than the first time, 0: the equation is solved backwards in time; reverse the grid",
    );
    says(
        beyond.solve(&pir, &reverse, x.clone(), &noise),
        "`times[0]` is 6, but must be in [0, 5]; begin at the horizon and end at a small time such as 1e-3",
    );
    let corrected = MetropolisCorrected::new(EulerMaruyama, 1, 0.5, 1.0).unwrap();
    says(
        beyond.solve(&corrected, &reverse, x, &noise),
        "`times[0]` is 6, but must be in [0, 5]; begin at the horizon and end at a small time such as 1e-3",
    );
}

/// A twist that is NaN before a time.
struct Breaks;

impl Space for Breaks {
    fn dim(&self) -> usize {
        1
    }
}

impl Guidance for Breaks {
    fn guide_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        mut prior: ArrayViewMut2<f64>,
        mut guidance: ArrayViewMut2<f64>,
    ) {
        prior.fill(0.0);
        guidance.fill(0.0);
    }
}

impl Twist for Breaks {
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut log_likelihood: ArrayViewMut1<f64>,
        prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    ) {
        self.guide_into(x, t, prior, guidance);
        log_likelihood.assign(&t.mapv(|t| if t < 0.6 { f64::NAN } else { 0.0 }));
    }
}

#[test]
fn populations() {
    let smc = || TwistedSmc::new(TimeGrid::uniform(1.0, 0.0, 4).unwrap(), 3);
    let run = |smc: TwistedSmc| smc.run(&process(), &Breaks, Seed::new(1));
    says(
        run(smc()),
        "`log_weights[0]` became NaN in step 2 of 4, from time 0.75 to 0.5, but must stay finite",
    );
    says(
        run(TwistedSmc {
            n_particles: 0,
            ..smc()
        }),
        "`n_particles` is 0, but must be at least 1",
    );
    says(
        run(TwistedSmc {
            threshold: 1.5,
            ..smc()
        }),
        "`threshold` is 1.5, but must be in [0, 1]",
    );
    says(
        run(TwistedSmc {
            data_variance: -1.0,
            ..smc()
        }),
        "`data_variance` is -1, but must be finite and at least zero",
    );
    let grid = TimeGrid::uniform(1.0, 0.5, 4).unwrap();
    says(
        run(TwistedSmc { grid, ..smc() }),
        "`the last of times` is 0.5, but must be 0, where the likelihood is known",
    );
}

/// A field that is no gradient: its Jacobian turns.
struct Turning;

impl Space for Turning {
    fn dim(&self) -> usize {
        2
    }
}

impl TimeScore for Turning {
    fn score_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x.dot(&array![[-50.0, 3.0], [-3.0, -50.0]]));
    }
}

impl TimeScoreJvp for Turning {
    fn score_jvp_at_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        v: ArrayView2<f64>,
        score: ArrayViewMut2<f64>,
        jvp: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, score);
        self.score_at_into(v, t, jvp);
    }
}

#[test]
fn covariances_that_are_not_positive_are_nan_or_left_alone() {
    // I + σ² J = I − 50 σ² I, and more: no covariance.
    let observation = observed(2, 0.01);
    let (x, t) = (probes(4, 2), Array1::from_elem(4, 1.0));
    let projection = TweedieProjection::new(process(), Turning, observation.clone()).unwrap();
    assert!(score_at(&projection, &x, &t).iter().all(|s| s.is_nan()));
    let diagonal = DiagonalTweedieProjection::new(process(), Turning, observation.clone()).unwrap();
    assert!(score_at(&diagonal, &x, &t).iter().all(|s| s.is_nan()));
    // Conjugate gradients stop before their first step.
    let matching = MomentMatching::new(process(), Turning, observation).unwrap();
    assert_eq!(score_at(&matching, &x, &t), score_at(&Turning, &x, &t));
}
