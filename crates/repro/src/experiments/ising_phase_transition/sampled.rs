//! Chains on one torus at one temperature, and functions of their means with errors.

use gibbsian_classical::ising::Thermodynamics;
use gibbsian_classical::{Boundary, Graph, Ising, SwendsenWang};
use gibbsian_core::{Kernel, Seed};
use gibbsian_linalg::Cholesky;
use gibbsian_metrics::jackknife;
use ndarray::{Array1, Array2, Array3, Axis, array, s};

use super::{N_OBSERVABLES, SpinMeans, kaufman};
use crate::Result;

const N_CHAINS: usize = 4;
const N_BLOCKS: usize = 15;

/// A number and its standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub value: f64,
    pub error: f64,
}

impl Point {
    /// `|value − expected|` in standard errors; zero for the same number without an error.
    pub(super) fn deviation(self, expected: f64) -> f64 {
        if self.value == expected {
            return 0.0;
        }
        (self.value - expected).abs() / self.error
    }
}

/// The draws of a size at a temperature.
pub(super) struct Run {
    pub size: usize,
    pub temperature: f64,
    /// Means over blocks of what is observed of each state, then of the mean cluster size of the sweep that begins there, `(chains, blocks, 6)`.
    blocks: Array3<f64>,
}

impl Run {
    /// Chains from the ground state, after a tenth of their length.
    pub(super) fn new(size: usize, temperature: f64, n_sweeps: usize, seed: Seed) -> Result<Self> {
        let graph = Graph::lattice(&[size, size], Boundary::Periodic)?;
        let model = Ising::uniform(graph, temperature.recip(), 0.0)?;
        let mut state = SwendsenWang.init(&model, Array2::ones((N_CHAINS, size * size)))?;
        let mut blocks = Array3::zeros((N_CHAINS, N_BLOCKS, N_OBSERVABLES + 1));
        let length = n_sweeps / N_BLOCKS;
        for sweep in 0..n_sweeps / 10 {
            let mut rng = seed.child("warm-up").nth(sweep as u64).rng();
            SwendsenWang.step(&model, &mut state, &mut rng);
        }
        for sweep in 0..N_BLOCKS * length {
            let observed = model.observe(state.states().view());
            let partitions = SwendsenWang.step(&model, &mut state, &mut seed.nth(sweep as u64).rng());
            for (chain, (observed, partition)) in observed.rows().into_iter().zip(partitions.0).enumerate() {
                let mut block = blocks.slice_mut(s![chain, sweep / length, ..]);
                block
                    .slice_mut(s![..N_OBSERVABLES])
                    .scaled_add(1.0 / length as f64, &observed);
                block[N_OBSERVABLES] += partition.mean_size() / length as f64;
            }
        }
        Ok(Run {
            size,
            temperature,
            blocks,
        })
    }

    /// What Kaufman says.
    pub(super) fn torus(&self) -> Result<Thermodynamics> {
        let k = self.temperature.recip();
        Ok(kaufman(self.size, self.size, k, k)?)
    }

    /// A function of the means and of the mean cluster size.
    pub(super) fn of_all(&self, f: impl Fn(SpinMeans, f64) -> f64) -> Result<Point> {
        let found = jackknife(self.blocks.view(), N_BLOCKS, |means| {
            f(
                SpinMeans::of(means.slice(s![..N_OBSERVABLES])),
                means[N_OBSERVABLES],
            )
        })?;
        Ok(Point {
            value: found.corrected(),
            error: found.standard_error,
        })
    }

    pub(super) fn statistic(&self, f: impl Fn(SpinMeans) -> f64) -> Result<Point> {
        self.of_all(|means, _| f(means))
    }

    pub(super) fn energy(&self) -> Result<Point> {
        self.statistic(|means| means.energy)
    }

    pub(super) fn heat_capacity(&self) -> Result<Point> {
        self.statistic(|means| means.energy_variance())
    }

    pub(super) fn cumulant(&self) -> Result<Point> {
        self.statistic(|means| means.binder_cumulant())
    }

    pub(super) fn cluster_size(&self) -> Result<Point> {
        self.of_all(|_, cluster| cluster)
    }
}

/// A Gauss–Legendre rule on `[0, end]`.
pub(super) struct Gauss {
    pub places: Vec<f64>,
    pub weights: Vec<f64>,
}

impl Gauss {
    /// Roots of the Legendre polynomial by Newton's method from Tricomi's estimate.
    pub(super) fn new(n: usize, end: f64) -> Self {
        let (mut places, mut weights) = (Vec::new(), Vec::new());
        for i in 0..n {
            let mut x = -((i as f64 + 0.75) * std::f64::consts::PI / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..20 {
                let (mut before, mut now) = (1.0, x);
                for k in 1..n {
                    let k = k as f64;
                    (before, now) = (now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0));
                }
                slope = n as f64 * (before - x * now) / (1.0 - x * x);
                x -= now / slope;
            }
            places.push(0.5 * end * (1.0 + x));
            weights.push(end / ((1.0 - x * x) * slope * slope));
        }
        Gauss { places, weights }
    }
}

/// Where a weighted parabola through points is zero, near the middle of them, with the error that the fit has there.
///
/// # Errors
/// Fewer than three different places.
pub(super) fn zero_of_parabola(points: &[(f64, Point)]) -> Result<Point> {
    let n = points.len() as f64;
    let centre = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let unit = (points.iter().map(|(x, _)| (x - centre).powi(2)).sum::<f64>() / n).sqrt();
    let powers = |u: f64| array![1.0, u, u * u];
    let (mut normal, mut right) = (Array2::zeros((3, 3)), Array1::zeros(3));
    for (x, y) in points {
        let v = powers((x - centre) / unit);
        let weight = y.error.powi(-2);
        right.scaled_add(weight * y.value, &v);
        let (column, row) = (v.view().insert_axis(Axis(1)), v.view().insert_axis(Axis(0)));
        normal.scaled_add(weight, &column.dot(&row));
    }
    let normal = Cholesky::new("the normal equations of a parabola", normal.view())?;
    let fit = normal.solve_vector(right.view());
    let mut u = 0.0;
    let slope = |u: f64| fit[1] + 2.0 * fit[2] * u;
    for _ in 0..20 {
        u -= fit.dot(&powers(u)) / slope(u);
    }
    let v = powers(u);
    Ok(Point {
        value: centre + unit * u,
        error: unit * v.dot(&normal.solve_vector(v.view())).sqrt() / slope(u).abs(),
    })
}
