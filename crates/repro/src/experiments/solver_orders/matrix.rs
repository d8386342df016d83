//! Strong orders where noise is a matrix: schemes that see increments, and one that sees areas.

use gibbsian_core::Space;
use gibbsian_sde::{
    BrownianMotion, CommutativeMilstein, CommutativeSde, DiffusionJvp, EulerMaruyama, LevyMilstein, Sde,
    StoredPath, TimeGrid,
};
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, array};

use super::Orders;
use super::strong::{STEPS, compare, errors};
use crate::statistics::larger;
use crate::{Check, Claim, Context, Provenance, Result};

/// Intervals of the stored paths.
const FINE: usize = STEPS[STEPS.len() - 1];

pub(super) const MATRIX: Claim = Claim {
    claim: "strong orders for matrices of noise: 1 from increments where the noises commute, 1 from Lévy areas where they do not, and 1/2 without: largest distance of a slope from its order, over 0.1 \
            for Euler–Maruyama and 0.05 for the others",
    source: "Kloeden and Platen (1992), section 10.3; Clark and Cameron (1980) on what increments alone can give",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "the solutions are functions of increments and areas of the whole interval; tolerances as for one noise",
};

/// `dz = μ z dt + Σ_j c_j z dB_j` in the complex plane, three noises that commute: `z_t = z_0 exp((μ − ½ Σ c_j²) t + Σ c_j W_j)`.
struct Spiral;

const GROWTH: [f64; 2] = [0.2, -0.5];
const NOISES: [[f64; 2]; 3] = [[0.4, 0.3], [-0.1, 0.5], [0.3, -0.2]];

fn product(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// `Σ c_j w_j`.
fn mixed(w: ArrayView1<f64>) -> [f64; 2] {
    [0, 1].map(|i| NOISES.iter().zip(&w).map(|(c, w)| c[i] * w).sum())
}

/// `(B_1, B_2, sinh(asinh y_0 + 2 A_12))`: the height is driven by the area that the first two sweep, `d(2A) = B_1 dB_2 − B_2 dB_1`, and bent. With `c = √(1 + y²)` its noise is
/// `c (x_1 dB_2 − x_2 dB_1)`, and by Itô's formula its drift `½ y (x_1² + x_2²)`.
struct Swept;

const HEIGHT: f64 = 0.5;

/// The square of an error has a variance where `E exp(8A) = 1/cos(4T)` is finite, `T < π/8`.
const SWEPT_END: f64 = 0.25;

/// The rows of points, of noises or directions, and of what is written.
fn each_row(
    x: ArrayView2<f64>,
    w: ArrayView2<f64>,
    mut out: ArrayViewMut2<f64>,
    f: impl Fn(ArrayView1<f64>, ArrayView1<f64>, ArrayViewMut1<f64>),
) {
    for ((x, w), out) in x.rows().into_iter().zip(w.rows()).zip(out.rows_mut()) {
        f(x, w, out);
    }
}

impl Space for Spiral {
    fn dim(&self) -> usize {
        2
    }
}

impl Sde for Spiral {
    fn noise_dim(&self) -> usize {
        3
    }

    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each_row(x, x, out, |x, _, mut out| {
            out.assign(&ArrayView1::from(&product(GROWTH, [x[0], x[1]])));
        });
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each_row(x, w, out, |x, w, mut out| {
            out.assign(&ArrayView1::from(&product(mixed(w), [x[0], x[1]])));
        });
    }
}

impl DiffusionJvp for Spiral {
    /// The noise is linear in the point.
    fn diffusion_jvp_into(
        &self,
        _: ArrayView2<f64>,
        t: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        self.diffuse_into(v, t, w, out);
    }
}

impl CommutativeSde for Spiral {}

impl Space for Swept {
    fn dim(&self) -> usize {
        3
    }
}

impl Sde for Swept {
    fn noise_dim(&self) -> usize {
        2
    }

    fn drift_into(&self, x: ArrayView2<f64>, _: ArrayView1<f64>, out: ArrayViewMut2<f64>) {
        each_row(x, x, out, |x, _, mut out| {
            out.fill(0.0);
            out[2] = 0.5 * x[2] * (x[0] * x[0] + x[1] * x[1]);
        });
    }

    fn diffuse_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        out: ArrayViewMut2<f64>,
    ) {
        each_row(x, w, out, |x, w, mut out| {
            (out[0], out[1]) = (w[0], w[1]);
            out[2] = (1.0 + x[2] * x[2]).sqrt() * (x[0] * w[1] - x[1] * w[0]);
        });
    }
}

impl DiffusionJvp for Swept {
    fn diffusion_jvp_into(
        &self,
        x: ArrayView2<f64>,
        _: ArrayView1<f64>,
        w: ArrayView2<f64>,
        v: ArrayView2<f64>,
        mut out: ArrayViewMut2<f64>,
    ) {
        out.fill(0.0);
        for (((x, w), v), mut out) in (x.rows().into_iter().zip(w.rows()).zip(v.rows())).zip(out.rows_mut()) {
            let c = (1.0 + x[2] * x[2]).sqrt();
            let bent = x[2] / c * v[2] * (x[0] * w[1] - x[1] * w[0]);
            out[2] = c * (v[0] * w[1] - v[1] * w[0]) + bent;
        }
    }
}

/// Increments of the whole interval, and the area of the first pair.
fn whole(path: &StoredPath, n_rows: usize, n_motions: usize) -> (Array2<f64>, Array2<f64>) {
    let mut w = Array2::zeros((n_rows, n_motions));
    let mut areas = Array2::zeros((n_rows, n_motions * (n_motions - 1) / 2));
    let rows = w
        .axis_chunks_iter_mut(Axis(0), 1)
        .zip(areas.axis_chunks_iter_mut(Axis(0), 1));
    for (row, (w, areas)) in rows.enumerate() {
        let mut block = path.block(row, row);
        block.increment_and_levy_area_into(path.grid().first(), path.grid().last(), 0, w, areas);
    }
    (w, areas)
}

/// Measures noises that commute, and noises that do not.
pub(super) fn measure(ctx: &mut Context, orders: &mut Orders) -> Result<()> {
    let (n, seed) = (ctx.pick(1_000, 10_000), ctx.seed());
    let path = |end: f64, n_motions: usize, name: &str| {
        let grid = TimeGrid::uniform(0.0, end, FINE)?;
        StoredPath::draw(grid, (n, n_motions), seed.child(name))
    };
    let rows = |row: ArrayView1<f64>| row.broadcast((n, row.len())).map(|all| all.to_owned());

    let shared = path(1.0, 3, "commuting")?;
    let z = [0.8, -0.4];
    let start = rows(ArrayView1::from(&z)).ok_or("no rows")?;
    let mut solution = Array2::zeros((n, 2));
    let (w, _) = whole(&shared, n, 3);
    each_row(w.view(), w.view(), solution.view_mut(), |w, _, mut out| {
        let squares = NOISES.map(|c| product(c, c));
        let m = mixed(w);
        let [re, im] = [0, 1].map(|i| GROWTH[i] - 0.5 * squares.iter().map(|s| s[i]).sum::<f64>() + m[i]);
        out.assign(&ArrayView1::from(&product(
            [re.exp() * im.cos(), re.exp() * im.sin()],
            z,
        )));
    });
    let curves = [
        (
            "Euler–Maruyama",
            0.5,
            errors(&EulerMaruyama, &Spiral, &start, &shared, &solution)?,
        ),
        (
            "Milstein",
            1.0,
            errors(&CommutativeMilstein, &Spiral, &start, &shared, &solution)?,
        ),
    ];
    let commuting = compare(
        ctx,
        orders,
        "a spiral with three noises that commute",
        "commuting",
        curves,
    )?;

    let shared = path(SWEPT_END, 2, "swept")?.with_levy_areas(4)?;
    let start = rows(array![0.0, 0.0, HEIGHT].view()).ok_or("no rows")?;
    let (w, areas) = whole(&shared, n, 2);
    let mut solution = Array2::zeros((n, 3));
    each_row(w.view(), areas.view(), solution.view_mut(), |w, area, mut out| {
        (out[0], out[1]) = (w[0], w[1]);
        out[2] = (HEIGHT.asinh() + 2.0 * area[0]).sinh();
    });
    let curves = [
        (
            "Euler–Maruyama",
            0.5,
            errors(&EulerMaruyama, &Swept, &start, &shared, &solution)?,
        ),
        (
            "Milstein, with areas",
            1.0,
            errors(&LevyMilstein::new(4), &Swept, &start, &shared, &solution)?,
        ),
    ];
    let swept = compare(ctx, orders, "a height driven by an area", "swept", curves)?;
    ctx.measure(&MATRIX, larger(commuting, swept))
}
