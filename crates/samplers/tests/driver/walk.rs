//! A small target, and a kernel that reports everything that a kernel can report.

use gibbsian_core::parallel::for_each_block;
use gibbsian_core::{Acceptance, Energy, Kernel, Result, Space, StepInfo, Streams};
use gibbsian_samplers::Walkers;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2};
use rand::{Rng, RngExt};

/// `E(x) = |x|²/2` above a floor, and not a number where `x₀` is above a bound.
#[derive(Clone, Debug)]
pub struct Bowl {
    pub dim: usize,
    pub bound: f64,
    pub floor: f64,
}

impl Bowl {
    pub fn new(dim: usize) -> Self {
        Bowl {
            dim,
            bound: f64::INFINITY,
            floor: 0.0,
        }
    }
}

impl Space for Bowl {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Energy for Bowl {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, x) in out.iter_mut().zip(x.rows()) {
            *e = if x[0] > self.bound {
                f64::NAN
            } else {
                self.floor + 0.5 * x.dot(&x)
            };
        }
    }
}

/// Metropolis sampling with uniform proposals in a cube.
#[derive(Clone, Debug)]
pub struct Walk {
    pub width: f64,
}

pub struct Told {
    acceptance: Acceptance,
    lp: Array1<f64>,
    taken: Array1<f64>,
    n_steps: u64,
}

impl StepInfo for Told {
    const STATISTICS: &'static [&'static str] = &["lp", "diverging", "n_steps"];

    fn acceptance(&self) -> Acceptance {
        self.acceptance
    }

    fn statistic(&self, index: usize, chain: usize) -> f64 {
        match index {
            0 => self.lp[chain],
            1 => 1.0 - self.taken[chain],
            _ => (self.n_steps + chain as u64) as f64,
        }
    }
}

impl<T: Energy + Sync + ?Sized> Kernel<T> for Walk {
    type State = Walkers;
    type Info = Told;

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Walkers> {
        Walkers::with_energy(target, x)
    }

    fn refresh(&self, target: &T, state: &mut Walkers) {
        state.refresh_energy(target);
    }

    fn positions<'s>(&self, state: &'s Walkers) -> CowArray<'s, f64, Ix2> {
        state.x.view().into()
    }

    fn step(&self, target: &T, state: &mut Walkers, rng: &mut dyn Rng) -> Told {
        let streams = Streams::draw(rng);
        let mut proposed = state.x.clone();
        for_each_block(proposed.view_mut(), |block, mut x| {
            let mut rng = streams.block(block);
            x.mapv_inplace(|x| x + self.width * (rng.random::<f64>() - 0.5));
        });
        let energies = target.energy(proposed.view());
        let mut rng = streams.part(1).block(0);
        let mut told = Told {
            acceptance: Acceptance::default(),
            lp: Array1::zeros(state.x.nrows()),
            taken: Array1::zeros(state.x.nrows()),
            n_steps: 3,
        };
        for (b, energy) in energies.into_iter().enumerate() {
            let probability = (state.energy[b] - energy).exp().min(1.0);
            told.acceptance.proposed += 1;
            if energy.is_nan() {
                told.acceptance.undefined += 1;
            } else {
                told.acceptance.probability += probability;
                if rng.random::<f64>() < probability {
                    state.x.row_mut(b).assign(&proposed.row(b));
                    state.energy[b] = energy;
                    told.acceptance.accepted += 1;
                    told.taken[b] = 1.0;
                }
            }
            told.lp[b] = -state.energy[b];
        }
        told
    }
}

/// Rows at which chains start.
pub fn start(n_chains: usize, dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((n_chains, dim), |(b, i)| 0.1 * (b as f64 - i as f64))
}
