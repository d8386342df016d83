//! Energies that know a level of noise: recovery likelihood and telescoping ratios.
//!
//! Both learn `E(x, t)` with the level as a third input of the network and are asked for the density of clean data. Recovery likelihood maximises that of a point given a noisier one, so its chains run on laws that are nearly
//! normal and need not cross between modes. Telescoping ratios tell neighbouring mixtures of a datum with noise apart; their product with the density of the noise is a density, normalised as far as it is right.

use gibbsian_core::process::ElucidatedNoise;
use gibbsian_core::{Energy, Potential, Score, Seed, Space, TimeEnergy, TimeScore};
use gibbsian_densities::MultivariateNormal;
use gibbsian_nn::{Activation, NeuralTimeEnergy};
use gibbsian_objectives::{DiffusionRecoveryLikelihood, Recovery, TelescopingRatioEstimation};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

use super::CONFINEMENT;
use super::bench::{Bench, Chains, Learnt};
use super::claims::{Method, NORMALISED};
use super::training::{Course, MOMENTUM, RATE, train};
use crate::{Context, Result, both};

pub(super) fn learn(ctx: &mut Context, bench: &mut Bench, noise: &MultivariateNormal) -> Result<()> {
    let ratios = TelescopingRatioEstimation::new(noise.clone(), Array1::from(WAYMARKS.to_vec()))?;
    let (shared, here) = (&*bench, &*ctx);
    let (recovered, telescoped) = both(
        || recovery(here, shared),
        || telescoping(here, shared, noise, &ratios),
    )?;
    let clean = Clean(&recovered.model);
    bench.judge(ctx, &Method::RECOVERY, &clean, recovered.look, recovered.chains)?;
    let density = Telescoped {
        ratios: &ratios,
        noise,
        model: &telescoped.model,
    };
    ctx.measure(&NORMALISED, bench.grid.log_z(&density))?;
    bench.judge(
        ctx,
        &Method::TELESCOPING,
        &density,
        telescoped.look,
        telescoped.chains,
    )
}

/// Two layers of 64 units of a point and its level; in the well of a normal law, or alone.
fn network(seed: Seed, confined: bool) -> Result<NeuralTimeEnergy> {
    Ok(NeuralTimeEnergy::new(
        2,
        |net, x, t| {
            let both = net.concat(&[x, t]);
            let e = net.mlp("energy", both, &[64, 64], 1, Activation::Silu);
            if confined {
                net.confined(e, x, CONFINEMENT)
            } else {
                e
            }
        },
        &mut seed.rng(),
    )?)
}

/// The energy without noise of a model of all levels.
struct Clean<'a>(&'a NeuralTimeEnergy);

impl Space for Clean<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
}

impl Energy for Clean<'_> {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_at_into(x, Array1::zeros(x.nrows()).view(), out);
    }
}

impl Score for Clean<'_> {
    fn score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.score_at_into(x, Array1::zeros(x.nrows()).view(), out);
    }
}

impl Potential for Clean<'_> {}

/// The noise between levels is some three halves of a mode's deviation, so that a noisy point half-way between neighbours may be of either: their relative weights are in the conditional laws.
fn recovery(ctx: &Context, bench: &Bench) -> Result<Learnt<NeuralTimeEnergy>> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(3_000, 30_000),
    };
    let settings = Recovery {
        n_steps: 20,
        ..Recovery::new(0.3)
    };
    let objective =
        DiffusionRecoveryLikelihood::new(ElucidatedNoise::new(1.0)?, array![0.0, 0.5, 1.0], settings)?;
    let name = Method::RECOVERY.name;
    let model = network(ctx.seed().child(name), true)?;
    let (model, step) = train(ctx, &bench.data, course, name, model, objective)?;
    let look = bench.look(ctx, &Clean(&model))?;
    let chains = Chains::of(step.objective().report());
    Ok(Learnt { model, look, chains })
}

/// The density that telescoping ratios estimate, as an energy with all of its constant.
struct Telescoped<'a> {
    ratios: &'a TelescopingRatioEstimation<MultivariateNormal>,
    noise: &'a MultivariateNormal,
    model: &'a NeuralTimeEnergy,
}

impl Space for Telescoped<'_> {
    fn dim(&self) -> usize {
        self.model.dim()
    }
}

impl Energy for Telescoped<'_> {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&-self.ratios.log_density(self.model, x));
    }
}

impl Score for Telescoped<'_> {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.noise.score_into(x, out.view_mut());
        let mut of_ratio = Array2::zeros(x.raw_dim());
        for alpha in WAYMARKS.into_iter().take(self.ratios.n_bridges()) {
            let t = Array1::from_elem(x.nrows(), alpha);
            self.model.score_at_into(x, t.view(), of_ratio.view_mut());
            out += &of_ratio;
        }
    }
}

impl Potential for Telescoped<'_> {}

const WAYMARKS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

fn telescoping(
    ctx: &Context,
    bench: &Bench,
    noise: &MultivariateNormal,
    ratios: &TelescopingRatioEstimation<MultivariateNormal>,
) -> Result<Learnt<NeuralTimeEnergy>> {
    let course = Course {
        batch: 128,
        rate: RATE,
        momentum: MOMENTUM,
        n_steps: ctx.pick(4_000, 40_000),
    };
    let name = Method::TELESCOPING.name;
    let model = network(ctx.seed().child(name), false)?;
    let (model, _) = train(ctx, &bench.data, course, name, model, ratios.clone())?;
    let density = Telescoped {
        ratios,
        noise,
        model: &model,
    };
    let look = bench.look(ctx, &density)?;
    let chains = Chains::NONE;
    Ok(Learnt { model, look, chains })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_testkit::conformance;
    use gibbsian_testkit::differences::Precision;

    /// The score of a product of ratios is minus the gradient of its energy.
    #[test]
    fn what_is_judged_is_an_energy_with_its_score() {
        let noise = MultivariateNormal::isotropic(Array1::zeros(2), 4.0).unwrap();
        let ratios = TelescopingRatioEstimation::new(noise.clone(), Array1::from(WAYMARKS.to_vec())).unwrap();
        let double = |confined| {
            network(Seed::new(1), confined)
                .unwrap()
                .with_precision(gibbsian_nn::Precision::Double)
        };
        let x = array![[0.3, 1.2], [-2.0, 0.1], [1.1, -0.7]];
        let telescoped = Telescoped {
            ratios: &ratios,
            noise: &noise,
            model: &double(false),
        };
        conformance::potential(&telescoped, x.view(), Precision::DOUBLE).unwrap();
        conformance::potential(&Clean(&double(true)), x.view(), Precision::DOUBLE).unwrap();
    }
}
