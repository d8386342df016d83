//! Chains on one torus at one temperature, and functions of their means with errors.

use gibbsian_classical::ising::Thermodynamics;
use gibbsian_classical::{Boundary, Graph, Ising, SwendsenWang};
use gibbsian_core::{Kernel, Seed};
use gibbsian_metrics::jackknife;
use ndarray::{Array2, Array3, s};

use super::{N_OBSERVABLES, SpinMeans, kaufman};
use crate::Result;
use crate::statistics::weighted_slope;

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
    /// What is observed of each state, then the mean cluster size of the sweep that begins there, `(chains, sweeps, 6)`.
    draws: Array3<f64>,
}

impl Run {
    /// Chains from the ground state, after a tenth of their length.
    pub(super) fn new(size: usize, temperature: f64, n_sweeps: usize, seed: Seed) -> Result<Self> {
        let graph = Graph::lattice(&[size, size], Boundary::Periodic)?;
        let model = Ising::uniform(graph, temperature.recip(), 0.0)?;
        let mut state = SwendsenWang.init(&model, Array2::ones((N_CHAINS, size * size)))?;
        let mut draws = Array3::zeros((N_CHAINS, n_sweeps, N_OBSERVABLES + 1));
        for sweep in 0..n_sweeps / 10 {
            let mut rng = seed.child("warm-up").nth(sweep as u64).rng();
            SwendsenWang.step(&model, &mut state, &mut rng);
        }
        for sweep in 0..n_sweeps {
            let observed = model.observe(state.states().view());
            draws.slice_mut(s![.., sweep, ..N_OBSERVABLES]).assign(&observed);
            let partitions = SwendsenWang.step(&model, &mut state, &mut seed.nth(sweep as u64).rng());
            for (chain, partition) in partitions.0.iter().enumerate() {
                draws[[chain, sweep, N_OBSERVABLES]] = partition.mean_size();
            }
        }
        Ok(Run {
            size,
            temperature,
            draws,
        })
    }

    /// What Kaufman says.
    pub(super) fn torus(&self) -> Result<Thermodynamics> {
        let k = self.temperature.recip();
        Ok(kaufman(self.size, self.size, k, k)?)
    }

    /// A function of the means and of the mean cluster size.
    pub(super) fn of_all(&self, f: impl Fn(SpinMeans, f64) -> f64) -> Result<Point> {
        let found = jackknife(self.draws.view(), N_BLOCKS, |means| {
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

/// Where a weighted straight line through points is zero.
pub(super) fn zero_of_line(points: &[(f64, Point)]) -> Point {
    let triples: Vec<(f64, f64, f64)> = points.iter().map(|(x, y)| (*x, y.value, y.error)).collect();
    let (slope, slope_error) = weighted_slope(&triples);
    let total: f64 = triples.iter().map(|t| t.2.powi(-2)).sum();
    let mean =
        |f: &dyn Fn(&(f64, f64, f64)) -> f64| triples.iter().map(|t| f(t) / (t.2 * t.2)).sum::<f64>() / total;
    let (x, y) = (mean(&|t| t.0), mean(&|t| t.1));
    // Mean and slope of a weighted line are independent.
    let shift = -y / slope;
    Point {
        value: x + shift,
        error: total.sqrt().recip().hypot(shift * slope_error) / slope.abs(),
    }
}
