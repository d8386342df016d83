//! Absolute tolerances for each coordinate: what scaling makes of them, what they resolve, and what is refused.

use gibbsian_core::{Error, Seed};
use gibbsian_sde::{
    AdaptiveRungeKutta, AdaptiveSdeSteps, AdditiveSde, BrownianTree, EmbeddedPair, Event, FreshNoise,
    PerCoordinate, Sde, Sra1, StochasticHeun, TimeGrid,
};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Zip, array, s};

use crate::common::equations::{By, Pair, distance};

/// A power of two: multiplying by it rounds nothing.
const SMALL: f64 = 1.0 / (1_u64 << 40) as f64;

/// The equation of `x` for the points `scale · x`.
fn scaled(scale: [f64; 3]) -> By<impl Fn(&[f64], f64, &mut [f64]) + Sync> {
    By {
        dim: 3,
        velocity: move |x: &[f64], t: f64, out: &mut [f64]| {
            let x = [x[0] / scale[0], x[1] / scale[1], x[2] / scale[2]];
            out[0] = scale[0] * x[0] * t.cos();
            out[1] = scale[1] * (-5.0 * x[2] + 0.1 * x[0]);
            out[2] = scale[2] * 5.0 * x[1];
        },
    }
}

fn start() -> Array2<f64> {
    array![
        [1.0, 0.5, 0.0],
        [-2.0, 0.0, 1.5],
        [0.3, 0.1, -0.2],
        [4.0, -1.0, 1.0],
        [0.0, 0.2, 0.2]
    ]
}

#[test]
fn scaled_tolerances_make_the_steps_of_the_scaled_equation_bit_for_bit() {
    let scale = [1.0, SMALL, 0.25];
    let by = array![scale];
    for pair in [EmbeddedPair::DORMAND_PRINCE, EmbeddedPair::BOGACKI_SHAMPINE] {
        let solver = AdaptiveRungeKutta {
            pair,
            ..AdaptiveRungeKutta::with_tolerance(1e-6)
        };
        let each = solver
            .with_absolute_tolerances(array![1e-6, 1e-6 * SMALL, 1e-6 * 0.25])
            .unwrap();
        let stop = Event::stop(&|x, _| x[0] - 2.0);
        let plain = solver
            .solve_with_events(&scaled([1.0; 3]), start(), 0.0, 3.0, &[stop])
            .unwrap();
        let mut found = each
            .solve_with_events(&scaled(scale), start() * &by, 0.0, 3.0, &[stop])
            .unwrap();
        found.points /= &by;
        for occurrence in &mut found.occurrences {
            occurrence.point /= &by.row(0);
        }
        // Rows leave at different times, so that others take their places.
        assert!(!found.occurrences.is_empty());
        assert_eq!(found, plain);

        let grid = TimeGrid::uniform(3.0, 0.0, 7).unwrap();
        let (plain, _) = solver.solve_at(&scaled([1.0; 3]), start(), &grid, &[]).unwrap();
        let (found, _) = each.solve_at(&scaled(scale), start() * &by, &grid, &[]).unwrap();
        assert_eq!(found / &by, plain);
    }
}

#[test]
fn equal_tolerances_are_one() {
    let solver = AdaptiveRungeKutta {
        relative_tolerance: 1e-7,
        absolute_tolerance: 1e-4,
        ..AdaptiveRungeKutta::default()
    };
    let each = solver.with_absolute_tolerances(array![1e-4, 1e-4]).unwrap();
    let found = each.solve(&Pair, Pair::start(), 0.0, 2.0).unwrap();
    assert_eq!(found, solver.solve(&Pair, Pair::start(), 0.0, 2.0).unwrap());

    let tree = BrownianTree::new(0.0, 1.0, Seed::new(3)).unwrap();
    let begin = FreshNoise::new(Seed::new(4)).normal((70, 2));
    let steps = AdaptiveSdeSteps {
        relative_tolerance: 1e-3,
        ..AdaptiveSdeSteps::new(0.0, 1.0, 0.02)
    };
    let each = steps
        .clone()
        .with_absolute_tolerances(array![0.02, 0.02])
        .unwrap();
    let found = each
        .solve(&Sra1, &Washboards([1.0; 2]), begin.clone(), &tree)
        .unwrap();
    assert_eq!(
        found,
        steps.solve(&Sra1, &Washboards([1.0; 2]), begin, &tree).unwrap()
    );
}

#[test]
fn a_small_fast_coordinate_is_resolved_by_a_tolerance_of_its_own_only() {
    // A slow coordinate of size one, and a pair of size 10⁻⁹ that turns 40 radians in a unit of time.
    let size = 1e-9;
    let equation = By {
        dim: 3,
        velocity: |x: &[f64], t: f64, out: &mut [f64]| {
            out.copy_from_slice(&[x[0] * t.cos(), -40.0 * x[2], 40.0 * x[1]]);
        },
    };
    let begin = array![[1.0, size, 0.0], [-2.0, 0.0, 0.3 * size]];
    let (sin, cos) = (80.0_f64).sin_cos();
    let mut exact = begin.clone();
    exact.column_mut(0).mapv_inplace(|x| x * (2.0_f64).sin().exp());
    exact
        .slice_mut(s![.., 1..])
        .assign(&begin.slice(s![.., 1..]).dot(&array![[cos, sin], [-sin, cos]]));
    let error = |x: &Array2<f64>, of: std::ops::Range<usize>| {
        distance(
            &x.slice(s![.., of.clone()]).to_owned(),
            &exact.slice(s![.., of]).to_owned(),
        )
    };

    let solver = AdaptiveRungeKutta::with_tolerance(1e-6);
    let one = solver.solve(&equation, begin.clone(), 0.0, 2.0).unwrap();
    assert!(error(&one.points, 1..3) > 0.5 * size, "{}", one.points);

    let (large, small) = (1e-6, 1e-6 * size);
    let each = solver
        .with_absolute_tolerances(array![large, small, small])
        .unwrap();
    let found = each.solve(&equation, begin, 0.0, 2.0).unwrap();
    // A step's error in a coordinate is at most the root of three of its tolerance, since the mean of three squares is at most one; turning makes nothing of it,
    // and e^{sin t} at most e.
    let n = *found.n_accepted.iter().max().unwrap() as f64;
    let bound = 2.0_f64.sqrt() * 3.0_f64.sqrt() * n * (small + 1e-6 * size);
    assert!(
        error(&found.points, 1..3) < bound && bound < 0.01 * size,
        "{bound:e}"
    );
    assert!(
        error(&found.points, 0..1) < 3.0_f64.sqrt() * n * (large + 1e-6 * 2.0 * 1_f64.exp()) * 1_f64.exp()
    );
}

/// `dX_i = −s_i sin(2 X_i/s_i) dt + s_i dB_i`: one equation in units `s_i`.
struct Washboards([f64; 2]);

impl gibbsian_core::Space for Washboards {
    fn dim(&self) -> usize {
        2
    }
}

impl Washboards {
    fn each(&self, v: ArrayView2<f64>, mut out: ArrayViewMut2<f64>, f: impl Fn(f64, f64) -> f64) {
        for (v, mut out) in v.rows().into_iter().zip(out.rows_mut()) {
            Zip::from(&mut out)
                .and(v)
                .and(&ArrayView1::from(&self.0))
                .for_each(|out, v, s| *out = f(*v, *s));
        }
    }
}

impl Sde for Washboards {
    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        self.each(x, out, |x, s| -s * (2.0 * x / s).sin());
    }

    fn diffuse_into(
        &self,
        _: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.each(w, out, |w, s| s * w);
    }
}

impl AdditiveSde for Washboards {
    fn covariance_product_into(&self, _: ArrayView1<f64>, v: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.each(v, out, |v, s| s * s * v);
    }
}

#[test]
fn steps_with_noise_scale_too() {
    let scale = [1.0, SMALL];
    let by = array![scale];
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(5)).unwrap();
    let begin = FreshNoise::new(Seed::new(6)).normal((70, 2));
    let steps = AdaptiveSdeSteps::new(0.0, 1.0, 0.01);
    let each = steps
        .clone()
        .with_absolute_tolerances(array![0.01, 0.01 * SMALL])
        .unwrap();
    let plain = steps
        .solve(&StochasticHeun, &Washboards([1.0; 2]), begin.clone(), &tree)
        .unwrap();
    let mut found = each
        .solve(&StochasticHeun, &Washboards(scale), &begin * &by, &tree)
        .unwrap();
    found.points /= &by;
    assert_eq!(found, plain);
    // The number leaves the small coordinate to chance: fewer steps, and other points.
    let mut unresolved = steps
        .solve(&StochasticHeun, &Washboards(scale), &begin * &by, &tree)
        .unwrap();
    unresolved.points /= &by;
    assert!(unresolved.total().accepted < plain.total().accepted);
}

#[test]
fn tolerances_that_make_no_sense_are_refused() {
    fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().to_string()
    }
    let solver = AdaptiveRungeKutta::default();
    for (value, text) in [
        (0.0, "0"),
        (-1.0, "-1"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(
            message(solver.with_absolute_tolerances(array![1.0, value])),
            format!(
                "`absolute_tolerances[1]` is {text}, but must be finite and greater than zero; begin with 1e-5 of the size of the coordinate"
            )
        );
    }
    let length = |n| {
        format!(
            "`absolute_tolerances` has shape [{n}], but must have shape [2]; give one for each coordinate of a point"
        )
    };
    let three = solver.with_absolute_tolerances(array![1.0, 1.0, 1.0]).unwrap();
    assert_eq!(message(three.solve(&Pair, Pair::start(), 0.0, 1.0)), length(3));
    let grid = TimeGrid::uniform(0.0, 1.0, 2).unwrap();
    assert_eq!(
        message(three.solve_at(&Pair, Pair::start(), &grid, &[])),
        length(3)
    );
    assert_eq!((three.solver(), three.absolute_tolerances().len()), (&solver, 3));

    let steps = AdaptiveSdeSteps::new(0.0, 1.0, 0.1);
    assert_eq!(
        message(steps.clone().with_absolute_tolerances(array![1.0, -1.0])),
        "`absolute_tolerances[1]` is -1, but must be finite and at least zero"
    );
    let absolute = AdaptiveSdeSteps {
        relative_tolerance: 0.0,
        absolute_tolerance: 0.0,
        ..steps.clone()
    };
    assert_eq!(
        message(absolute.clone().with_absolute_tolerances(array![0.0, 1.0])),
        "`absolute_tolerances[0]` is 0, but must be positive where `relative_tolerance` is zero"
    );
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(1)).unwrap();
    let solve = |each: PerCoordinate<AdaptiveSdeSteps>| {
        each.solve(&Sra1, &Washboards([1.0; 2]), Array2::zeros((3, 2)), &tree)
    };
    assert_eq!(
        message(solve(steps.with_absolute_tolerances(array![1.0]).unwrap())),
        length(1)
    );
    // The number that is not used may be any that is allowed.
    assert!(solve(absolute.with_absolute_tolerances(array![1.0, 1.0]).unwrap()).is_ok());
}
