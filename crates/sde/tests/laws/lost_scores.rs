//! A score that is no number from some time on is named by whoever asks it, with the step and its times.

use gibbsian_core::process::VariancePreserving;
use gibbsian_core::{Seed, Space, TimeEnergy, TimePotential, TimeScore};
use gibbsian_sde::{
    AdaptiveRungeKutta, AdaptiveSdeSteps, Ancestral, BrownianTree, CommutativeMilstein, CommutativeSde, Ddim,
    DiffPir, DiffusionJvp, DpmSolver2M, DpmSolver2S, DpmSolverSde2M, EdmHeun, Embedded, EmbeddedPair, Euler,
    EulerMaruyama, ExponentialIntegrator, FixedSteps, FreshNoise, Guidance, Heun, KnownCoordinates,
    LangevinStep, LevyMilstein, LinearObservation, MetropolisCorrected, Milstein, PredictorCorrector,
    ProbabilityFlow, RePaint, Replacement, ReverseDiffusion, ReverseSde, ReverseVariance, RungeKutta4, Sde,
    Solver, Sra1, Sri1W1, StochasticHeun, StratonovichHeun, TimeDomain, TimeGrid, Twist, TwistedSmc, UniPc,
};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

/// The time below which the score is lost.
const LOST: f64 = 0.6;
const N_STEPS: usize = 8;
const N_ROWS: usize = 40;
const DIM: usize = 3;

/// The score of a standard normal law, but for the second coordinate below [`LOST`].
#[derive(Clone, Copy)]
struct Lost;

impl Space for Lost {
    fn dim(&self) -> usize {
        DIM
    }
}

impl TimeScore for Lost {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        for ((x, t), mut out) in x.rows().into_iter().zip(t).zip(out.rows_mut()) {
            out.assign(&x);
            out.mapv_inplace(|x| -x);
            if *t < LOST {
                out[1] = f64::NAN;
            }
        }
    }
}

impl TimeEnergy for Lost {
    fn energy_at_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, out) in x.rows().into_iter().zip(&mut out) {
            *out = 0.5 * x.dot(&x);
        }
    }
}

impl TimePotential for Lost {}

impl Guidance for Lost {
    fn guide_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        prior: ArrayViewMut2<f64>,
        mut guidance: ArrayViewMut2<f64>,
    ) {
        self.score_at_into(x, t, prior);
        guidance.fill(0.0);
    }
}

impl Twist for Lost {
    fn twist_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        mut log_likelihood: ArrayViewMut1<f64>,
        prior: ArrayViewMut2<f64>,
        guidance: ArrayViewMut2<f64>,
    ) {
        self.guide_into(x, t, prior, guidance);
        log_likelihood.fill(0.0);
    }
}

type Reverse = ReverseSde<VariancePreserving, Lost>;

fn process() -> VariancePreserving {
    VariancePreserving::new(0.1, 5.0).unwrap()
}

fn reverse() -> Reverse {
    ReverseSde::new(process(), Lost)
}

/// The reverse process as one that says that its noise has no derivative.
struct Additive(Reverse);

impl Space for Additive {
    fn dim(&self) -> usize {
        DIM
    }
}

impl Sde for Additive {
    fn time_domain(&self) -> TimeDomain {
        self.0.time_domain()
    }

    fn drift_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.0.drift_into(x, t, out);
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.0.diffuse_into(x, t, w, out);
    }
}

impl DiffusionJvp for Additive {
    fn diffusion_jvp_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        _: ArrayView2<f64>,
        _: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        out.fill(0.0);
    }
}

impl CommutativeSde for Additive {}

fn grid() -> TimeGrid {
    TimeGrid::uniform(1.0, 0.0, N_STEPS).unwrap()
}

fn start() -> Array2<f64> {
    FreshNoise::new(Seed::new(1)).normal((N_ROWS, DIM))
}

/// What a driver says of a scheme.
fn message<E: Space, S: Solver<E>>(solver: &S, equation: &E) -> String {
    let found = FixedSteps::new(grid()).solve(solver, equation, start(), &FreshNoise::new(Seed::new(2)));
    found.unwrap_err().to_string()
}

/// Where a scheme asks the score in a step.
#[derive(Clone, Copy, Debug)]
enum Asks {
    /// At its start alone.
    Start,
    /// At its end too, or on the way beyond the time where the score is lost.
    Ahead,
}

/// The coordinates that a lost number of one coordinate reaches within the step.
#[derive(Clone, Copy, Debug)]
enum Reaches {
    Itself,
    All,
}

/// The scheme names itself, so that none of the crate can be missing; what it says is written down, word for word.
macro_rules! each_names_its_step {
    ($($scheme:ident: $asks:ident, $reaches:ident, $solver:expr, $equation:expr;)*) => {{
        $({
            // Of the eighths, 1/2 is the first below 0.6: the fifth step begins there, and the fourth ends there.
            let (step, from, to) = match Asks::$asks {
                Asks::Start => (5, 0.5, 0.375),
                Asks::Ahead => (4, 0.625, 0.5),
            };
            let column = match Reaches::$reaches {
                Reaches::Itself => 1,
                Reaches::All => 0,
            };
            assert_eq!(
                message(&$solver, &$equation),
                format!("`x[0, {column}]` became NaN in step {step} of {N_STEPS}, from time {from} to {to}, but must stay finite"),
                "{}: {}", stringify!($scheme), stringify!($solver)
            );
        })*
        [$(stringify!($scheme)),*]
    }};
}

#[test]
fn every_scheme_names_the_step_in_which_the_score_was_lost() {
    let flow = ProbabilityFlow::new(process(), Lost);
    let known = || KnownCoordinates::new(vec![2], array![0.3]).unwrap();
    let observation = LinearObservation::new(array![[1.0, 0.0, 0.0]], array![0.2], 0.5).unwrap();
    let corrected = |step| PredictorCorrector::new(EulerMaruyama, step);
    let churned = |churn| EdmHeun {
        churn,
        ..EdmHeun::default()
    };
    let covered = each_names_its_step![
        EulerMaruyama: Start, Itself, EulerMaruyama, reverse();
        Milstein: Start, Itself, Milstein, reverse();
        CommutativeMilstein: Start, Itself, CommutativeMilstein, Additive(reverse());
        LevyMilstein: Start, Itself, LevyMilstein::new(3), Additive(reverse());
        StratonovichHeun: Ahead, Itself, StratonovichHeun, reverse();
        Sri1W1: Ahead, Itself, Sri1W1, reverse();
        StochasticHeun: Ahead, Itself, StochasticHeun, reverse();
        Sra1: Ahead, Itself, Sra1, reverse();
        ExponentialIntegrator: Start, Itself, ExponentialIntegrator, reverse();
        ReverseDiffusion: Start, Itself, ReverseDiffusion, reverse();
        Ancestral: Start, Itself, Ancestral::default(), reverse();
        Ancestral: Start, Itself, Ancestral { variance: ReverseVariance::Transition }, reverse();
        Ddim: Start, Itself, Ddim::new(0.0).unwrap(), reverse();
        Ddim: Start, Itself, Ddim::new(1.0).unwrap(), reverse();
        DpmSolver2M: Start, Itself, DpmSolver2M, reverse();
        DpmSolver2S: Ahead, Itself, DpmSolver2S::new(0.9).unwrap(), reverse();
        DpmSolverSde2M: Start, Itself, DpmSolverSde2M, reverse();
        UniPc: Start, Itself, UniPc::new(1).unwrap(), reverse();
        UniPc: Start, Itself, UniPc::default(), reverse();
        UniPc: Start, Itself, UniPc::new(3).unwrap(), reverse();
        EdmHeun: Ahead, Itself, EdmHeun::default(), reverse();
        EdmHeun: Ahead, Itself, churned(1.0), reverse();
        PredictorCorrector: Ahead, All, corrected(LangevinStep::SignalToNoise(0.1)), reverse();
        PredictorCorrector: Ahead, Itself, corrected(LangevinStep::NoiseLevel(0.1)), reverse();
        PredictorCorrector: Ahead, Itself, corrected(LangevinStep::Fixed(0.01)), reverse();
        Euler: Start, Itself, Euler, flow;
        Heun: Ahead, Itself, Heun, flow;
        RungeKutta4: Ahead, Itself, RungeKutta4, flow;
        EmbeddedPair: Ahead, Itself, EmbeddedPair::BOGACKI_SHAMPINE, flow;
        EmbeddedPair: Ahead, Itself, EmbeddedPair::DORMAND_PRINCE, flow;
        EmbeddedPair: Ahead, Itself, EmbeddedPair::TSITOURAS, flow;
        Replacement: Start, Itself, Replacement::new(EulerMaruyama, known()), reverse();
        RePaint: Start, Itself, RePaint::new(EulerMaruyama, known(), 2).unwrap(), reverse();
        DiffPir: Start, All, DiffPir::new(observation.clone(), 1.0, 1.0).unwrap(), reverse();
        MetropolisCorrected: Ahead, All, MetropolisCorrected::new(EulerMaruyama, 1, 0.1, 1.0).unwrap(), reverse();
    ];

    // The schemes of the crate are those of its tables.
    let tables = include_str!("../../src/schemes/mod.rs").lines();
    let schemes: Vec<&str> = tables
        .filter_map(|line| line.strip_prefix("//! | [`")?.split('`').next())
        .collect();
    assert!(schemes.len() > 15, "{schemes:?}");
    for scheme in schemes {
        assert!(covered.contains(&scheme), "{scheme} is missing");
    }
}

/// The time that a message tells after these words.
fn time_after(words: &str, message: &str) -> f64 {
    let (_, after) = message.split_once(words).unwrap_or_else(|| panic!("{message}"));
    let number = |c: char| c.is_ascii_digit() || c == '.' || c == 'e' || c == '-';
    after[..after.find(|c| !number(c)).unwrap_or(after.len())]
        .parse()
        .unwrap_or_else(|_| panic!("{message}"))
}

#[test]
fn adaptive_steps_come_to_where_the_score_is_lost_and_name_it() {
    // The last step begins before the loss, and one of the shortest that are allowed goes over it.
    let flow = ProbabilityFlow::new(process(), Lost);
    for pair in [
        EmbeddedPair::BOGACKI_SHAMPINE,
        EmbeddedPair::DORMAND_PRINCE,
        EmbeddedPair::TSITOURAS,
    ] {
        let solver = AdaptiveRungeKutta {
            pair,
            ..AdaptiveRungeKutta::default()
        };
        let found = solver.solve(&flow, start(), 1.0, 0.0).unwrap_err().to_string();
        assert!(
            found.starts_with("`the velocity of row ") && found.contains("became NaN in step "),
            "{found}"
        );
        let time = time_after("from time ", &found);
        assert!((LOST..LOST + 1e-6).contains(&time), "{found}");
    }

    fn stochastic<S: Embedded<Reverse>>(scheme: &S) {
        let tree = BrownianTree::new(1.0, 0.0, Seed::new(3)).unwrap();
        let steps = AdaptiveSdeSteps::new(1.0, 0.0, 0.05);
        let found = steps
            .solve(scheme, &reverse(), start(), &tree)
            .unwrap_err()
            .to_string();
        assert!(found.starts_with("`x[0, 1]` became NaN in step "), "{found}");
        let (from, to) = (time_after("from time ", &found), time_after(" to ", &found));
        // A scheme that looks less than once over its step may have come over the loss with the step before, which is as long as the tolerance lets it be.
        assert!(
            to < from && from <= LOST + steps.min_step && LOST - 0.1 < to && from - to <= steps.min_step,
            "{found}"
        );
    }
    stochastic(&Sra1);
    stochastic(&StochasticHeun);
    stochastic(&Sri1W1);
}

#[test]
fn a_population_names_the_step_too() {
    let found = TwistedSmc::new(grid(), 5).run(&process(), &Lost, Seed::new(4));
    assert_eq!(
        found.unwrap_err().to_string(),
        "`x[0, 1]` became NaN in step 5 of 8, from time 0.5 to 0.375, but must stay finite"
    );
}
