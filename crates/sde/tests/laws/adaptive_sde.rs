//! Adaptive steps: the law of the solution stays what it is, errors follow the tolerance, and what cannot be met is refused.

use gibbsian_core::process::OrnsteinUhlenbeck;
use gibbsian_core::{LinearGaussian, Seed, Space, TimeScore};
use gibbsian_sde::{
    AdaptiveSdeRun, AdaptiveSdeSteps, BrownianBlock, BrownianMotion, BrownianTree, Embedded, EulerMaruyama,
    FixedSteps, FreshNoise, ReverseSde, Solver, Sra1, Sri1W1, Step, StochasticHeun, StoredPath, TimeGrid,
};
use gibbsian_testkit::stats::order;
use gibbsian_testkit::targets::{Mixture, Noised};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, array};

use crate::ito::equations::{Forced, Relaxing, Washboard, coupled, geometric};

/// Requires mean and variance of independent normal numbers within five Monte Carlo errors.
fn expect_law(points: &Array2<f64>, mean: f64, variance: f64) {
    let n = points.len() as f64;
    let found = points.mean().unwrap();
    let spread = points.mapv(|x| (x - mean).powi(2)).mean().unwrap();
    let (error, error_spread) = ((variance / n).sqrt(), variance * (2.0 / n).sqrt());
    assert!(
        (found - mean).abs() < 5.0 * error,
        "mean {found}, not {mean} ± {error}"
    );
    assert!(
        (spread - variance).abs() < 5.0 * error_spread,
        "variance {spread}, not {variance} ± {error_spread}"
    );
}

/// Every row has its own steps, as large as the tolerance allows, so that rejections are common.
fn eager(from: f64, to: f64, tolerance: f64) -> AdaptiveSdeSteps {
    AdaptiveSdeSteps {
        first_step: 0.3,
        safety: 1.0,
        rows_per_block: 1,
        ..AdaptiveSdeSteps::new(from, to, tolerance)
    }
}

fn many_rejected(run: &AdaptiveSdeRun) {
    let total = run.total();
    assert!(total.rejected > total.accepted / 3, "{total:?}");
}

#[test]
fn rejections_do_not_change_the_law() {
    let start = Array2::from_elem((8000, 1), 2.0);
    let (mean, variance) = (2.0 * (-1f64).exp(), 1.0 - (-2f64).exp());
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(31)).unwrap();
    let run = eager(0.0, 1.0, 0.02)
        .solve(&Sra1, &Relaxing, start.clone(), &tree)
        .unwrap();
    many_rejected(&run);
    expect_law(&run.points, mean, variance);
    let run = eager(0.0, 1.0, 0.01)
        .solve(&StochasticHeun, &Relaxing, start, &tree)
        .unwrap();
    many_rejected(&run);
    expect_law(&run.points, mean, variance);
}

#[test]
fn rejections_do_not_change_the_law_backwards_in_time() {
    // From the exact law at the horizon to that near the data, N(2, 0.5²).
    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let data = Mixture::new(array![1.0], array![[2.0]], array![0.5]).unwrap();
    let law = |t: f64| {
        let alpha = process.alpha(t);
        (2.0 * alpha, 0.25 * alpha * alpha + process.variance(t))
    };
    let reverse = ReverseSde::new(process, Noised::new(data, process));
    let tree = BrownianTree::new(0.0, 2.0, Seed::new(32)).unwrap();
    let (mean, variance) = law(2.0);
    let start = FreshNoise::new(Seed::new(33)).normal((4000, 1)) * variance.sqrt() + mean;
    let run = eager(2.0, 0.1, 0.01)
        .solve(&Sra1, &reverse, start, &tree)
        .unwrap();
    many_rejected(&run);
    let (mean, variance) = law(0.1);
    expect_law(&run.points, mean, variance);
}

const N_ROWS: usize = 1024;

/// Many, so that the error of a block is never small because the first-order terms of a few rows vanish by chance, which lets steps grow to where the next terms rule.
const ROWS_PER_BLOCK: usize = 64;

/// Requires the error at time 1 to halve at least when the tolerance is quartered, and to have the order of the scheme over the mean length of the steps.
fn expect_order<E: Space + ?Sized>(
    name: &str,
    solver: &impl Embedded<E>,
    equation: &E,
    tree: &BrownianTree,
    solution: &Array2<f64>,
    expected: f64,
) {
    let start = Array2::ones(solution.raw_dim());
    let (mut lengths, mut errors) = (Vec::new(), Vec::new());
    for k in 0..4 {
        let steps = AdaptiveSdeSteps {
            first_step: 0.05,
            rows_per_block: ROWS_PER_BLOCK,
            ..AdaptiveSdeSteps::new(0.0, 1.0, 0.004 * 0.25f64.powi(k))
        };
        let run = steps.solve(solver, equation, start.clone(), tree).unwrap();
        lengths.push(run.blocks.len() as f64 / run.total().accepted as f64);
        errors.push((run.points - solution).mapv(|e| e * e).mean().unwrap().sqrt());
    }
    assert!(errors.windows(2).all(|e| e[1] < 0.5 * e[0]), "{name}: {errors:?}");
    order(&lengths, &errors).within(name, expected, 0.1).unwrap();
}

#[test]
fn errors_follow_the_tolerance() {
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(34)).unwrap();
    let fixed = FixedSteps {
        rows_per_block: ROWS_PER_BLOCK,
        ..FixedSteps::new(TimeGrid::uniform(0.0, 1.0, 4096).unwrap())
    };
    let start = Array2::ones((N_ROWS, 1));
    let solution = fixed.solve(&Sra1, &Washboard, start, &tree).unwrap();
    expect_order("SRA1", &Sra1, &Washboard, &tree, &solution, 1.5);
    expect_order("Heun", &StochasticHeun, &Washboard, &tree, &solution, 1.0);

    let (growth, volatility) = (0.5, 0.5);
    let mut w = Array2::zeros((N_ROWS, 1));
    for (block, rows) in w.axis_chunks_iter_mut(Axis(0), ROWS_PER_BLOCK).enumerate() {
        tree.block(block, block * ROWS_PER_BLOCK)
            .increment_into(0.0, 1.0, rows);
    }
    let solution = w.mapv(|w| (growth - 0.5 * volatility * volatility + volatility * w).exp());
    expect_order(
        "SRI1W1",
        &Sri1W1,
        &geometric(growth, volatility),
        &tree,
        &solution,
        1.5,
    );
}

/// The coarser scheme of a pair.
struct Coarser<V>(V);

impl<E: ?Sized, V: Embedded<E>> Solver<E> for Coarser<V> {
    type Memory = V::Memory;

    fn noise_dim(&self, equation: &E) -> usize {
        self.0.noise_dim(equation)
    }

    fn step(
        &self,
        equation: &E,
        step: &Step,
        mut x: ArrayViewMut2<f64>,
        noise: &mut dyn BrownianBlock,
        memory: &mut V::Memory,
    ) {
        let mut difference = Array2::zeros(x.dim());
        self.0
            .step_and_difference(equation, step, x.view_mut(), noise, memory, difference.view_mut());
        x -= &difference;
    }
}

#[test]
fn differences_are_those_from_the_scheme_of_euler_and_maruyama() {
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(40)).unwrap();
    let fixed = FixedSteps::new(TimeGrid::uniform(0.0, 1.0, 20).unwrap());
    let start = FreshNoise::new(Seed::new(41)).normal((40, 1));
    let euler = fixed
        .solve(&EulerMaruyama, &Forced, start.clone(), &tree)
        .unwrap();
    for coarser in [
        fixed
            .solve(&Coarser(Sra1), &Forced, start.clone(), &tree)
            .unwrap(),
        fixed
            .solve(&Coarser(StochasticHeun), &Forced, start.clone(), &tree)
            .unwrap(),
    ] {
        assert!((coarser - &euler).iter().all(|e| e.abs() < 1e-13));
    }
}

#[test]
fn the_difference_of_sri1w1_is_that_from_a_scheme_of_order_one() {
    let (growth, volatility) = (0.5, 0.5);
    let path = StoredPath::draw(
        TimeGrid::uniform(0.0, 1.0, 256).unwrap(),
        (1000, 1),
        Seed::new(42),
    )
    .unwrap();
    let (steps, errors): (Vec<f64>, Vec<f64>) = (4..9)
        .map(|k| {
            let grid = TimeGrid::uniform(0.0, 1.0, 1 << k).unwrap();
            let x = FixedSteps::new(grid)
                .solve(
                    &Coarser(Sri1W1),
                    &geometric(growth, volatility),
                    Array2::ones((1000, 1)),
                    &path,
                )
                .unwrap();
            let mut w = Array2::zeros((1000, 1));
            path.block(0, 0).increment_into(0.0, 1.0, w.view_mut());
            let solution = w.mapv(|w| (growth - 0.5 * volatility * volatility + volatility * w).exp());
            (
                0.5f64.powi(k),
                (x - solution).mapv(|e| e * e).mean().unwrap().sqrt(),
            )
        })
        .unzip();
    order(&steps, &errors)
        .within("the coarser scheme", 1.0, 0.05)
        .unwrap();
}

#[test]
fn steps_grow_where_nothing_happens() {
    // Near the data the score of a narrow mixture changes fast, near the noise slowly.
    let process = OrnsteinUhlenbeck::new(4.0).unwrap();
    let mixture = Mixture::new(array![0.5, 0.5], array![[-1.0], [1.0]], array![0.05, 0.05]).unwrap();
    let reverse = ReverseSde::new(process, Noised::new(mixture, process));
    let tree = BrownianTree::new(0.0, 4.0, Seed::new(35)).unwrap();
    let start = FreshNoise::new(Seed::new(36)).normal((64, 1));
    let count = |from: f64, to: f64| {
        let steps = AdaptiveSdeSteps {
            first_step: 0.05,
            ..AdaptiveSdeSteps::new(from, to, 0.01)
        };
        let run = steps.solve(&Sra1, &reverse, start.clone(), &tree).unwrap();
        run.total().accepted
    };
    let (early, late) = (count(4.0, 3.8), count(0.2, 1e-3));
    assert!(late > 3 * early, "{early} steps, then {late}");
}

#[test]
fn points_do_not_depend_on_the_number_of_threads() {
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(37)).unwrap();
    let start = FreshNoise::new(Seed::new(38)).normal((100, 2));
    same_on_any_number("adaptive steps", || {
        let run = AdaptiveSdeSteps::new(0.0, 1.0, 0.05)
            .solve(&Sri1W1, &coupled(), start.clone(), &tree)
            .unwrap();
        let counts = run.blocks.iter().map(|counts| counts.accepted as f64);
        run.points.iter().copied().chain(counts).collect()
    })
    .unwrap();
}

/// A score that is NaN before time 1.
struct Broken;

impl Space for Broken {
    fn dim(&self) -> usize {
        1
    }
}

impl TimeScore for Broken {
    fn score_at_into(&self, x: ArrayView2<f64>, t: ArrayView1<f64>, mut out: ArrayViewMut2<f64>) {
        out.assign(&x);
        out.mapv_inplace(|x| if t[0] < 1.0 { f64::NAN } else { -x });
    }
}

#[test]
fn what_cannot_be_met_is_named_with_its_time() {
    let tree = BrownianTree::new(0.0, 2.0, Seed::new(39)).unwrap();
    let start = Array2::ones((40, 1));
    let refused = |steps: &AdaptiveSdeSteps| {
        let e = steps.solve(&Sra1, &Relaxing, start.clone(), &tree).unwrap_err();
        e.to_string()
    };
    let steps = AdaptiveSdeSteps::new(0.0, 2.0, 0.01);

    // Steps of 0.1 have errors far above 1e-6.
    let e = refused(&AdaptiveSdeSteps {
        first_step: 0.1,
        min_step: 0.1,
        ..AdaptiveSdeSteps::new(0.0, 2.0, 1e-6)
    });
    assert!(
        e.contains("min_step")
            && e.contains("in step 1 from time 0 to")
            && e.contains("times what is allowed"),
        "{e}"
    );

    let e = refused(&AdaptiveSdeSteps {
        max_steps: 3,
        ..steps.clone()
    });
    assert!(
        e.contains("`max_steps` is 3") && e.contains("reached time 0."),
        "{e}"
    );

    let process = OrnsteinUhlenbeck::new(2.0).unwrap();
    let e = AdaptiveSdeSteps::new(2.0, 0.0, 0.01)
        .solve(&Sra1, &ReverseSde::new(process, Broken), start.clone(), &tree)
        .unwrap_err()
        .to_string();
    let time: f64 = e
        .split("from time ")
        .nth(1)
        .and_then(|e| e.split(' ').next())
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        e.contains("x[0, 0]") && e.contains("NaN") && (time - 1.0).abs() < 0.01,
        "{e}"
    );

    for wrong in [
        AdaptiveSdeSteps {
            absolute_tolerance: -1.0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            relative_tolerance: f64::NAN,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            absolute_tolerance: 0.0,
            relative_tolerance: 0.0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            first_step: 0.0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            min_step: -0.1,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            safety: f64::INFINITY,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            max_steps: 0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            rows_per_block: 0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            to: 0.0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            to: 3.0,
            ..steps.clone()
        },
        AdaptiveSdeSteps {
            to: f64::NAN,
            ..steps.clone()
        },
        // Smaller than the tree resolves.
        AdaptiveSdeSteps {
            min_step: 1e-9,
            ..steps.clone()
        },
    ] {
        assert!(!refused(&wrong).is_empty(), "{wrong:?}");
    }
    assert!(
        steps
            .solve(&Sra1, &Relaxing, Array2::ones((4, 2)), &tree)
            .is_err()
    );
    assert!(
        steps
            .solve(&Sra1, &Relaxing, Array2::from_elem((4, 1), f64::NAN), &tree)
            .is_err()
    );
}
