//! Noises that are matrices: strong orders where the solution is known as a function of the path.

use gibbsian_core::{Seed, Space};
use gibbsian_sde::{
    BrownianMotion, BrownianTree, CommutativeMilstein, CommutativeSde, EulerMaruyama, FixedSteps, FreshNoise,
    LevyMilstein, Milstein, OwnClock, Solver, StoredPath, TimeGrid, check_commutes,
};
use gibbsian_testkit::stats::{Line, order};
use gibbsian_testkit::threads::same_on_any_number;
use ndarray::{Array1, Array2, ArrayView1, Axis, array};

use super::equations::{By, Rows, geometric};

const N_ROWS: usize = 1000;
const ROWS_PER_BLOCK: usize = 250;

/// `dz = μ z dt + Σ_j c_j z dB_j` in the complex plane: `z_t = z_0 exp((μ − ½ Σ c_j²) t + Σ c_j W_j)`, three noises in two coordinates.
pub struct Complex;

pub const MU: [f64; 2] = [0.2, -0.5];
pub const C: [[f64; 2]; 3] = [[0.4, 0.3], [-0.1, 0.5], [0.3, -0.2]];

pub fn times(a: [f64; 2], b: &[f64]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// `Σ c_j w_j`.
fn mixed(w: &[f64]) -> [f64; 2] {
    [0, 1].map(|i| (0..3).map(|j| C[j][i] * w[j]).sum())
}

impl Rows for Complex {
    const DIM: usize = 2;
    const MOTIONS: usize = 3;

    fn drift(&self, x: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&times(MU, x));
    }

    fn diffuse(&self, x: &[f64], w: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&times(mixed(w), x));
    }

    fn jvp(&self, _: &[f64], w: &[f64], v: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&times(mixed(w), v));
    }
}

impl CommutativeSde for By<Complex> {}

/// `(W_1, W_2, sinh(asinh y_0 + 2 A_12))`: the height is driven by the area, `d(2A) = W_1 dB_2 − W_2 dB_1`, and bent, so that with `c = √(1 + y²)` it has the noise
/// `c (x_1 dB_2 − x_2 dB_1)` and by Itô's formula the drift `½ y (x_1² + x_2²)`.
struct Swept;

impl Rows for Swept {
    const DIM: usize = 3;
    const MOTIONS: usize = 2;

    fn drift(&self, x: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&[0.0, 0.0, 0.5 * x[2] * (x[0] * x[0] + x[1] * x[1])]);
    }

    fn diffuse(&self, x: &[f64], w: &[f64], out: &mut [f64]) {
        let c = (1.0 + x[2] * x[2]).sqrt();
        out.copy_from_slice(&[w[0], w[1], c * (x[0] * w[1] - x[1] * w[0])]);
    }

    fn jvp(&self, x: &[f64], w: &[f64], v: &[f64], out: &mut [f64]) {
        let c = (1.0 + x[2] * x[2]).sqrt();
        let bent = x[2] / c * v[2] * (x[0] * w[1] - x[1] * w[0]);
        out.copy_from_slice(&[0.0, 0.0, c * (v[0] * w[1] - v[1] * w[0]) + bent]);
    }
}

/// A false promise: what becomes of the scheme for commutative noise where it does not commute.
impl CommutativeSde for By<Swept> {}

fn grid(ends: (f64, f64), n: usize) -> TimeGrid {
    TimeGrid::uniform(ends.0, ends.1, n).unwrap()
}

fn solve<E: Space, V: Solver<E>>(
    solver: &V,
    equation: &E,
    grid: TimeGrid,
    start: &Array2<f64>,
    motion: &dyn BrownianMotion,
) -> Array2<f64> {
    let steps = FixedSteps {
        rows_per_block: ROWS_PER_BLOCK,
        ..FixedSteps::new(grid)
    };
    steps.solve(solver, equation, start.clone(), motion).unwrap()
}

/// The slope of the root mean square distance from `solution`, over 64 to 1024 steps, in either direction of time.
fn slope<E: Space, V: Solver<E>>(
    solver: &V,
    equation: &E,
    start: &Array2<f64>,
    motion: &StoredPath,
    solution: &Array2<f64>,
) -> Line {
    let ends = (motion.grid().first(), motion.grid().last());
    let (mut sizes, mut errors) = (Vec::new(), Vec::new());
    for k in 6..11 {
        let x = solve(solver, equation, grid(ends, 1 << k), start, motion);
        sizes.push(0.5f64.powi(k));
        errors.push((x - solution).mapv(|e| e * e).mean().unwrap().sqrt());
    }
    order(&sizes, &errors)
}

/// The increments over the whole of an interval and the area of the first pair.
fn whole(motion: &dyn BrownianMotion, noise_dim: usize, ends: (f64, f64)) -> (Array2<f64>, Array1<f64>) {
    let mut w = Array2::zeros((N_ROWS, noise_dim));
    let mut levy = Array2::zeros((N_ROWS, noise_dim * (noise_dim - 1) / 2));
    let blocks = w
        .axis_chunks_iter_mut(Axis(0), ROWS_PER_BLOCK)
        .zip(levy.axis_chunks_iter_mut(Axis(0), ROWS_PER_BLOCK));
    for (block, (w, levy)) in blocks.enumerate() {
        motion
            .block(block, ROWS_PER_BLOCK * block)
            .increment_and_levy_area_into(ends.0, ends.1, 4, w, levy);
    }
    (w, levy.column(0).to_owned())
}

#[test]
fn commutative_noise_has_order_one_from_increments() {
    let path = StoredPath::draw(grid((0.0, 1.0), 1024), (N_ROWS, 3), Seed::new(41)).unwrap();
    let (w, _) = whole(&path, 3, (0.0, 1.0));
    let start = Array2::from_shape_fn((N_ROWS, 2), |(_, i)| [0.8, -0.4][i]);
    let mut solution = Array2::zeros((N_ROWS, 2));
    let squares = C.map(|c| times(c, &c));
    for (w, mut z) in w.rows().into_iter().zip(solution.rows_mut()) {
        let m = mixed(w.as_slice().unwrap());
        let [re, im] = [0, 1].map(|i| MU[i] - 0.5 * squares.iter().map(|s| s[i]).sum::<f64>() + m[i]);
        let turned = times([re.exp() * im.cos(), re.exp() * im.sin()], &[0.8, -0.4]);
        z.assign(&ArrayView1::from(&turned));
    }
    let equation = By(Complex);
    check_commutes(&equation, start.view(), Array1::zeros(N_ROWS).view(), 1e-14).unwrap();
    let by = |name: &str, slope: Line, expected, share| {
        slope.within(name, expected, share).unwrap();
    };
    by(
        "Milstein",
        slope(&CommutativeMilstein, &equation, &start, &path, &solution),
        1.0,
        0.05,
    );
    by(
        "Euler and Maruyama",
        slope(&EulerMaruyama, &equation, &start, &path, &solution),
        0.5,
        0.1,
    );
    // Areas cancel, whatever they are: but for rounding the general scheme is the same.
    let [one, other] = [
        solve(
            &CommutativeMilstein,
            &equation,
            grid((0.0, 1.0), 64),
            &start,
            &path,
        ),
        solve(
            &LevyMilstein::new(2),
            &equation,
            grid((0.0, 1.0), 64),
            &start,
            &path,
        ),
    ];
    assert!((one - other).iter().all(|e| e.abs() < 1e-13));
}

#[test]
fn noise_that_does_not_commute_has_order_one_from_areas_and_a_half_without() {
    // The square of an error has a variance where `E exp(8A) = 1/cos(4T)` is finite, that is for `T < π/8`.
    const ENDS: (f64, f64) = (0.0, 0.25);
    let path = StoredPath::draw(grid(ENDS, 1024), (N_ROWS, 2), Seed::new(42)).unwrap();
    let path = path.with_levy_areas(4).unwrap();
    let (w, levy) = whole(&path, 2, ENDS);
    let start = Array2::from_shape_fn((N_ROWS, 3), |(_, i)| [0.0, 0.0, 0.5][i]);
    let solution = Array2::from_shape_fn((N_ROWS, 3), |(b, i)| match i {
        0 | 1 => w[[b, i]],
        _ => (0.5_f64.asinh() + 2.0 * levy[b]).sinh(),
    });
    let equation = By(Swept);
    let expect = |name: &str, slope: Line, expected, share| {
        slope.within(name, expected, share).unwrap();
    };
    expect(
        "with areas",
        slope(&LevyMilstein::new(4), &equation, &start, &path, &solution),
        1.0,
        0.05,
    );
    expect(
        "without",
        slope(&CommutativeMilstein, &equation, &start, &path, &solution),
        0.5,
        0.1,
    );
    expect(
        "Euler and Maruyama",
        slope(&EulerMaruyama, &equation, &start, &path, &solution),
        0.5,
        0.1,
    );
    // The promise is found out.
    let error = check_commutes(&equation, start.view(), Array1::zeros(N_ROWS).view(), 1e-12).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "`the commutator of noises 0 and 1 at row 0` is 2.23606797749979, but must be zero up to"
        ) && text.ends_with("; noise that does not commute is for LevyMilstein"),
        "{text}"
    );
}

#[test]
fn with_one_noise_both_are_milsteins_scheme() {
    /// Geometric Brownian motion as a matrix.
    struct One;
    impl Rows for One {
        const DIM: usize = 1;
        const MOTIONS: usize = 1;
        fn drift(&self, x: &[f64], out: &mut [f64]) {
            out[0] = 0.5 * x[0];
        }
        fn diffuse(&self, x: &[f64], w: &[f64], out: &mut [f64]) {
            out[0] = 0.7 * x[0] * w[0];
        }
        fn jvp(&self, _: &[f64], w: &[f64], v: &[f64], out: &mut [f64]) {
            out[0] = 0.7 * v[0] * w[0];
        }
    }
    impl CommutativeSde for By<One> {}
    let start = Array2::ones((40, 1));
    for ends in [(0.0, 1.0), (1.0, 0.0)] {
        let path = StoredPath::draw(grid(ends, 32), (40, 1), Seed::new(43)).unwrap();
        let expected = solve(&Milstein, &geometric(0.5, 0.7), grid(ends, 32), &start, &path);
        let one = solve(&CommutativeMilstein, &By(One), grid(ends, 32), &start, &path);
        let other = solve(&LevyMilstein::new(0), &By(One), grid(ends, 32), &start, &path);
        assert!((one - &expected).iter().all(|e| e.abs() < 1e-13));
        assert!((other - &expected).iter().all(|e| e.abs() < 1e-13));
        assert!(path.with_levy_areas(1).is_err());
    }
}

#[test]
fn both_clocks_give_the_same_points() {
    let backwards = grid((2.0, 0.0), 64);
    let forwards = backwards.in_own_clock(2.0).unwrap();
    let path = |grid, motions| {
        StoredPath::draw(grid, (40, motions), Seed::new(44))
            .unwrap()
            .with_levy_areas(2)
            .unwrap()
    };
    let start = FreshNoise::new(Seed::new(45)).normal((40, 3));
    let one = solve(
        &LevyMilstein::new(2),
        &By(Swept),
        backwards.clone(),
        &start,
        &path(backwards.clone(), 2),
    );
    let own = OwnClock::new(By(Swept), 2.0).unwrap();
    let other = solve(
        &LevyMilstein::new(2),
        &own,
        forwards.clone(),
        &start,
        &path(forwards.clone(), 2),
    );
    assert_eq!(one, other);
    let start = FreshNoise::new(Seed::new(46)).normal((40, 2));
    let one = solve(
        &CommutativeMilstein,
        &By(Complex),
        backwards.clone(),
        &start,
        &path(backwards, 3),
    );
    let own = OwnClock::new(By(Complex), 2.0).unwrap();
    let other = solve(
        &CommutativeMilstein,
        &own,
        forwards.clone(),
        &start,
        &path(forwards, 3),
    );
    assert_eq!(one, other);
}

#[test]
fn areas_do_not_depend_on_threads_and_trees_draw_them() {
    let tree = BrownianTree::new(0.0, 1.0, Seed::new(56)).unwrap();
    let start = Array2::zeros((1000, 3));
    same_on_any_number("areas on a tree", || {
        solve(
            &LevyMilstein::new(3),
            &By(Swept),
            grid((0.0, 1.0), 10),
            &start,
            &tree,
        )
        .into_iter()
        .collect()
    })
    .unwrap();
    same_on_any_number("stored areas", || {
        let path = StoredPath::draw(grid((0.0, 1.0), 4), (100, 2), Seed::new(57))
            .unwrap()
            .with_levy_areas(3)
            .unwrap();
        solve(
            &LevyMilstein::new(3),
            &By(Swept),
            grid((0.0, 1.0), 2),
            &Array2::zeros((100, 3)),
            &path,
        )
        .into_iter()
        .collect()
    })
    .unwrap();
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let zero = array![0.0];
    let message = |e: gibbsian_core::Error| e.to_string();
    let x = Array2::zeros((1, 2));
    assert_eq!(
        message(check_commutes(&By(Complex), x.view(), array![0.0, 1.0].view(), 0.1).unwrap_err()),
        "`t` has shape [2], but must have shape [1]"
    );
    assert!(check_commutes(&By(Swept), x.view(), zero.view(), 0.1).is_err());
    assert!(check_commutes(&By(Complex), x.view(), zero.view(), -0.1).is_err());
    // What is no number does not pass.
    let lost = Array2::from_elem((1, 2), f64::NAN);
    assert!(check_commutes(&By(Complex), lost.view(), zero.view(), 0.1).is_err());
}
