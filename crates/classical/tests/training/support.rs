//! Objectives in their plainest form, and laws to compare.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Blocks, Discrete, Energy, EnergyPullback, Objective, Record, Result, Snapshot};
use ndarray::{Array1, ArrayView2, ArrayViewMut1};
use rand::Rng;

/// The negative mean log-likelihood by enumeration.
#[derive(Clone, Copy, Debug)]
pub struct Exact;

impl<M: EnergyPullback + Discrete> Objective<M> for Exact {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        _rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let states = model.states()?;
        let minus_energy = model.energy(states.view()).mapv(|e| -e);
        let log_z = log_sum_exp(&minus_energy.to_vec());
        let p = minus_energy.mapv(|e| (e - log_z).exp());
        let n = x.nrows() as f64;
        grad.fill(0.0);
        model.energy_pullback_into(x, Array1::from_elem(x.nrows(), 1.0 / n).view(), grad.view_mut());
        model.energy_pullback_into(states.view(), (-p).view(), grad);
        Ok(model.energy(x).sum() / n + log_z)
    }
}

/// Contrastive divergence with one Gibbs sweep.
#[derive(Clone, Copy, Debug)]
pub struct OneSweep;

impl<M: EnergyPullback + Blocks> Objective<M> for OneSweep {
    fn loss_and_grad_into(
        &mut self,
        model: &M,
        x: ArrayView2<f64>,
        rng: &mut dyn Rng,
        mut grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        let mut end = x.to_owned();
        model.resample(end.view_mut(), 0, None, rng);
        let w = Array1::from_elem(x.nrows(), 1.0 / x.nrows() as f64);
        grad.fill(0.0);
        model.energy_pullback_into(x, w.view(), grad.view_mut());
        model.energy_pullback_into(end.view(), (-&w).view(), grad);
        Ok(model.energy(x).dot(&w) - model.energy(end.view()).dot(&w))
    }
}

/// A state, so that a wrapper has something to save.
impl Snapshot for Exact {
    fn snapshot(&self) -> Record {
        Record::new()
    }

    fn restore(&mut self, _: &Record) -> Result<()> {
        Ok(())
    }
}

/// `log p(x)` of every row, by enumeration.
pub fn log_law<M: Discrete + Energy>(model: &M, x: ArrayView2<f64>) -> Array1<f64> {
    let all = model.energy(model.states().unwrap().view()).mapv(|e| -e);
    let log_z = log_sum_exp(&all.to_vec());
    model.energy(x).mapv(|e| -e - log_z)
}

/// The largest absolute difference, NaN if one is.
pub fn distance(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}
