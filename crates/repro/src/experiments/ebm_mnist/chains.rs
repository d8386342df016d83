//! Chains that are run on, and looked at on the way.

use gibbsian_core::{Energy, Kernel};
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::RunLength;
use gibbsian_samplers::UnadjustedLangevin;
use ndarray::Array2;

use crate::{Context, Result};

/// Chains at some of their lengths.
pub(super) struct Chains {
    pub(super) lengths: Vec<usize>,
    /// Where they were then.
    pub(super) stops: Vec<Array2<f64>>,
    /// Energies at the first and the last of the lengths.
    pub(super) run: RunLength,
}

impl Chains {
    pub(super) fn run(
        ctx: &Context,
        kernel: &UnadjustedLangevin,
        model: &NeuralEnergy,
        start: Array2<f64>,
        lengths: &[usize],
    ) -> Result<Self> {
        let mut rng = ctx.seed().child("chains").rng();
        let mut state = kernel.init(model, start)?;
        let (mut n_steps, mut stops) = (0, Vec::new());
        let mut acceptance = Default::default();
        for &length in lengths {
            while n_steps < length {
                acceptance = acceptance + kernel.step(model, &mut state, &mut rng);
                n_steps += 1;
            }
            stops.push(Kernel::<NeuralEnergy>::positions(kernel, &state).to_owned());
        }
        let run = RunLength {
            short: model.energy(stops[0].view()),
            long: model.energy(stops[stops.len() - 1].view()),
            acceptance,
        };
        Ok(Chains {
            lengths: lengths.to_vec(),
            stops,
            run,
        })
    }

    pub(super) fn last(&self) -> &Array2<f64> {
        &self.stops[self.stops.len() - 1]
    }
}
