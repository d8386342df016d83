//! An energy that learnt to remove noise.
//!
//! Denoising score matching (Vincent 2011) of tossed digits under Gaussian noise `σ` trains the slope of
//!
//! `E(x) = ‖x − h(x)‖² / (2σ²) + ‖x − ½‖² / (2 w²)`
//!
//! towards `(x − E[x₀ | x]) / σ²`, where `x₀` is the picture without noise. `h` is a network with fewer hidden units than pixels. The form does what training cannot: a picture that `h` does not restore, and it has learnt to restore digits
//! alone, has the energy of what is lost, however far it is from the digits. The wide well makes the energy that of a density and is the same for all binary pictures.

use gibbsian_core::{Directions, Energy, Parametric, Seed, Space, Streams};
use gibbsian_data::{Images, LastBatch, Minibatches, StochasticBinarised};
use gibbsian_nn::{Activation, Net, NeuralEnergy, Var};
use gibbsian_objectives::{DenoisingError, DenoisingScoreMatching};
use gibbsian_train::{Adam, AdamOptions, Decay, Descent, Linear, Trainer};
use ndarray::{Array1, Array2, ArrayView2};

use crate::{Context, Result};

/// `σ`: half the contrast of a pixel.
const SIGMA: f64 = 0.5;
/// `w`, the width of the well.
const WELL: f64 = 2.0;
const BATCH: usize = 100;
const RATE: f64 = 3e-3;
/// Draws of noise that the energy of a picture is the mean over.
const N_NOISES: u64 = 8;

/// The trained energy.
pub(super) struct Denoiser {
    energy: NeuralEnergy,
}

impl Denoiser {
    /// Learns from fresh tosses under fresh noise.
    pub(super) fn train(ctx: &Context, pictures: Images) -> Result<Self> {
        let seed = ctx.seed().child("network");
        let n_hidden = ctx.pick(256, 512);
        let data = StochasticBinarised::new(pictures);
        let dim = data.dim();
        let forward = |net: &mut Net<'_>, x: Var| {
            let half = net.constant(dim, 0.5);
            let centred = net.sub(x, half);
            let h = net.mlp("denoiser", centred, &[n_hidden], dim, Activation::Silu);
            let lost = net.reconstruction_energy(centred, h);
            let lost = net.scale(SIGMA.powi(-2), lost);
            net.confined(lost, centred, WELL)
        };
        let mut energy = NeuralEnergy::new(dim, forward, &mut seed.child("weights").rng())?;
        let objective = DenoisingScoreMatching::new(SIGMA)?.measured_in(DenoisingError::Noise);
        let adam = Adam::new(&energy.layout(), AdamOptions::default(), Decay::NONE)?;
        let n = data.images().n();
        let mut order = Minibatches::new(n, BATCH, LastBatch::Keep, seed.child("order"))?;
        let n_epochs = ctx.pick(3, 20);
        let n_steps = n_epochs * n.div_ceil(BATCH) as u64;
        let trainer = Trainer::new(n_epochs, Linear::new(RATE, 0.0, n_steps)?, seed)?;
        let mut step = Descent::new(objective, adam);
        trainer.fit(&mut energy, &mut step, &data, &mut order, &mut ())?;
        Ok(Denoiser { energy })
    }

    /// The mean energies of pictures under fresh noise, since it is noisy pictures whose energy this is. A single draw brings the energy of the noise itself, `½ Σ z²`, with a deviation of `√(D/2)`, 20 nats, that has
    /// nothing to do with the picture.
    pub(super) fn energy_under_noise(&self, x: ArrayView2<f64>, seed: Seed) -> Array1<f64> {
        let mut sum = Array1::zeros(x.nrows());
        let mut noisy = Array2::zeros(x.raw_dim());
        for draw in 0..N_NOISES {
            Directions::Gaussian.fill(Streams::from_key(seed.nth(draw).value()), noisy.view_mut());
            noisy *= SIGMA;
            noisy += &x;
            sum += &self.energy.energy(noisy.view());
        }
        sum / N_NOISES as f64
    }
}
