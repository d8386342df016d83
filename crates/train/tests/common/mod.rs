//! A small model and objective that every test of training can use.
//!
//! The model is the normal density with mean `m = w + b` and unit covariance, `E(x) = |x|²/2 − m·x + |m|²/2`. It has
//! a weight (a tensor of rank two) and a bias, and can be sampled exactly, so its likelihood gradient can be
//! estimated with samples, as a Boltzmann machine's would.

#![allow(dead_code)]

use gibbsian_core::dataset::Matrix;
use gibbsian_core::{
    BatchOrder, Energy, Layout, Objective, Parametric, ParametricMut, Record, Result, Seed, Snapshot, Space,
    Values,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, s};
use rand::{Rng, RngExt};

#[derive(Clone, Debug, PartialEq)]
pub struct Normal {
    pub params: Array1<f64>,
}

impl Normal {
    pub fn new(dim: usize) -> Self {
        Normal {
            params: Array1::zeros(2 * dim),
        }
    }

    pub fn mean(&self) -> Array1<f64> {
        let d = self.dim();
        &self.params.slice(s![..d]) + &self.params.slice(s![d..])
    }
}

impl Space for Normal {
    fn dim(&self) -> usize {
        self.params.len() / 2
    }
}

impl Energy for Normal {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        let mean = self.mean();
        for (e, row) in out.iter_mut().zip(x.rows()) {
            *e = 0.5 * row.iter().zip(&mean).map(|(x, m)| (x - m) * (x - m)).sum::<f64>();
        }
    }
}

impl Parametric for Normal {
    fn layout(&self) -> Layout {
        let d = self.dim();
        Layout::new().with("weights", &[1, d]).with("bias", &[d])
    }

    fn params(&self) -> Array1<f64> {
        self.params.clone()
    }
}

impl ParametricMut for Normal {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.params.assign(&params);
        Ok(())
    }
}

/// The likelihood gradient with one model sample per row, uniform noise of unit variance standing in for the
/// normal's; the noise of the last call is kept and used half, so that there is a state to save.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub kept: f64,
}

impl Objective<Normal> for Sampled {
    fn loss_and_grad_into(
        &mut self,
        model: &Normal,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let d = model.dim();
        let fresh = (12.0_f64.sqrt()) * (rng.random::<f64>() - 0.5);
        let noise = 0.5 * (fresh + self.kept);
        self.kept = fresh;
        let g = model.mean() + noise / x.nrows() as f64 - x.mean_axis(Axis(0)).unwrap();
        grad.slice_mut(s![..d]).assign(&g);
        grad.slice_mut(s![d..]).assign(&g);
        Ok(model.energy(x).mean().unwrap())
    }
}

impl Snapshot for Sampled {
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        record.put("kept", &[], Values::F64(vec![self.kept]));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        self.kept = record.f64s("kept", &[])?[0];
        Ok(())
    }
}

/// Minibatches whose points are drawn with replacement, a function of the step.
pub struct Drawn {
    pub n: usize,
    pub batch_size: usize,
    pub steps_per_epoch: u64,
    pub seed: Seed,
    pub batch: Vec<usize>,
}

impl Drawn {
    pub fn new(n: usize, batch_size: usize, seed: Seed) -> Self {
        Drawn {
            n,
            batch_size,
            steps_per_epoch: n.div_ceil(batch_size) as u64,
            seed,
            batch: Vec::new(),
        }
    }
}

impl BatchOrder for Drawn {
    fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }

    fn max_batch_size(&self) -> usize {
        self.batch_size
    }

    fn batch(&mut self, step: u64) -> &[usize] {
        let mut rng = self.seed.nth(step).rng();
        self.batch = (0..self.batch_size)
            .map(|_| (rng.next_u64() % self.n as u64) as usize)
            .collect();
        &self.batch
    }
}

/// `n` points around `(1, 2, …, dim)`.
pub fn points(n: usize, dim: usize, seed: Seed) -> Matrix {
    let mut rng = seed.rng();
    let x = Array2::from_shape_fn((n, dim), |(_, j)| {
        (j + 1) as f64 + (12.0_f64.sqrt()) * (rng.random::<f64>() - 0.5)
    });
    Matrix::new(x).unwrap()
}
