//! What all methods share, and how what they learned is measured.

use gibbsian_core::{Density, Potential, Seed};
use gibbsian_densities::{GaussianMixture, MultivariateNormal};
use gibbsian_metrics::r_hat;
use gibbsian_nn::NeuralEnergy;
use gibbsian_objectives::PhaseReport;
use gibbsian_samplers::{Mala, Sampling};
use ndarray::{Array1, Array2, Axis as Along, s};

use super::claims::{CHAINS, DOMAIN, MESH, Method, NEGATIVES, TRUTH};
use super::grid::{Grid, Judged};
use super::training::network;
use super::{CONFINEMENT, DEVIATION, RADIUS, STEP, shown};
use crate::statistics::larger;
use crate::{Context, Result, Table};

/// How the negative chains of a method looked at the end of its training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chains {
    /// The energy gap of the last minibatch, and in its standard errors.
    gap: f64,
    in_errors: f64,
    /// `R̂` of their energies over the last updates.
    r_hat: Option<f64>,
}

impl Chains {
    /// A method without chains.
    pub(super) const NONE: Chains = Chains {
        gap: f64::NAN,
        in_errors: f64::NAN,
        r_hat: None,
    };

    /// What an objective reported of its last update.
    pub(super) fn of(report: Option<&PhaseReport>) -> Self {
        report.map_or(Chains::NONE, |report| Chains {
            gap: report.energy_gap(),
            in_errors: report.standardised_gap(),
            r_hat: None,
        })
    }

    /// The same, with the `R̂` of their energies.
    pub(super) fn agreeing(self, r_hat: f64) -> Self {
        let r_hat = Some(r_hat);
        Chains { r_hat, ..self }
    }
}

/// What was learned, on both meshes and by chains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    judged: Judged,
    /// The larger change of log Z and divergence by halving the mesh.
    change: f64,
    acceptance: f64,
    r_hat: f64,
}

/// What a method left.
pub(super) struct Learnt<M = NeuralEnergy> {
    pub(super) model: M,
    pub(super) look: Look,
    pub(super) chains: Chains,
}

/// What all methods share: data, initial weights, the judge, and what it found.
pub(super) struct Bench {
    pub(super) target: GaussianMixture,
    pub(super) data: Array2<f64>,
    weights: Seed,
    pub(super) grid: Grid,
    fine: Grid,
    table: Table,
    /// The largest change of log Z or divergence by halving the mesh, the largest share outside, the largest R̂, and that of negative chains.
    worst: [f64; 4],
}

impl Bench {
    pub(super) fn new(ctx: &mut Context, target: GaussianMixture) -> Result<Self> {
        let data = target.sample(ctx.pick(20_000, 100_000), &mut ctx.seed().child("data").rng());
        let (grid, fine) = (Grid::new(0.1), Grid::new(0.05));
        ctx.measure(&TRUTH, grid.log_z(&target) - target.log_z())?;
        let normal =
            MultivariateNormal::isotropic(Array1::zeros(2), 0.5 * RADIUS * RADIUS + DEVIATION * DEVIATION)?;
        ctx.note(format!(
            "For comparison: the normal law of the same moments has the divergence {:.4} nat.",
            grid.divergence_of(&target, &normal)
        ));
        let (acceptance, r_hat) = mixing(ctx, &target)?;
        ctx.note(format!(
            "Adjusted Langevin chains on the exact density: acceptance {acceptance:.3}, R̂ {r_hat:.4}."
        ));
        shown::data(ctx, &target, data.slice(s![..2_000, ..]))?;
        let columns = [
            "method",
            "kl",
            "total_variation",
            "log_z",
            "share_outside",
            "change_by_mesh",
            "acceptance",
            "r_hat",
            "energy_gap",
            "gap_in_errors",
            "negatives_r_hat",
        ];
        Ok(Bench {
            data,
            weights: ctx.seed().child("weights"),
            table: Table::new(columns),
            target,
            grid,
            fine,
            worst: [0.0; 4],
        })
    }

    /// The network before training, the same for all.
    pub(super) fn start(&self) -> Result<NeuralEnergy> {
        network(self.weights)
    }

    /// What can be said of a model without its method, which is most of the work.
    pub(super) fn look<M: Potential>(&self, ctx: &Context, model: &M) -> Result<Look> {
        let coarse = self.grid.judge(model, &self.target)?;
        let judged = self.fine.judge(model, &self.target)?;
        let change = larger(
            (judged.log_z - coarse.log_z).abs(),
            (judged.divergence - coarse.divergence).abs(),
        );
        let (acceptance, r_hat) = mixing(ctx, model)?;
        Ok(Look {
            judged,
            change,
            acceptance,
            r_hat,
        })
    }

    /// A model of plain energies with what can be said of it.
    pub(super) fn learnt(&self, ctx: &Context, model: NeuralEnergy, chains: Chains) -> Result<Learnt> {
        let look = self.look(ctx, &model)?;
        Ok(Learnt { model, look, chains })
    }

    /// Measures the claims of a method, and shows what it learned.
    pub(super) fn judge<M: Potential>(
        &mut self,
        ctx: &mut Context,
        method: &Method,
        model: &M,
        look: Look,
        chains: Chains,
    ) -> Result<()> {
        let Judged {
            log_z,
            divergence,
            variation,
            outside,
        } = look.judged;
        ctx.measure(&method.divergence, divergence)?;
        ctx.measure(&method.variation, variation)?;
        // Methods without negative chains have nothing to agree.
        let negatives = chains.r_hat.unwrap_or(0.0);
        let found = [look.change, outside, look.r_hat, negatives];
        for (worst, found) in self.worst.iter_mut().zip(found) {
            *worst = larger(*worst, found);
        }
        let numbers = [
            divergence,
            variation,
            log_z,
            outside,
            look.change,
            look.acceptance,
            look.r_hat,
            chains.gap,
            chains.in_errors,
            chains.r_hat.unwrap_or(f64::NAN),
        ];
        self.table
            .row(std::iter::once(method.name.into()).chain(numbers.map(Into::into)))?;
        shown::learned(ctx, method, model, log_z)
    }

    pub(super) fn finish(self, ctx: &mut Context) -> Result<()> {
        let [change, outside, r_hat, negatives] = self.worst;
        ctx.measure(&MESH, change)?;
        ctx.measure(&DOMAIN, outside)?;
        ctx.measure(&CHAINS, r_hat)?;
        ctx.measure(&NEGATIVES, negatives)?;
        ctx.table(
            "methods",
            "Divergence from the truth in nats, total variation, the normaliser; the share of mass near the edge and the change by halving the mesh; acceptance and R̂ of adjusted Langevin chains on what \
             was learned; the energy gap of the last minibatch, and in its standard errors, where training has chains, and where these outlive an update the R̂ of their energies over the last updates.",
            &self.table,
        )
    }
}

/// The acceptance and the largest R̂ of the coordinates of adjusted Langevin chains from the confining law.
fn mixing<M: Potential + ?Sized>(ctx: &Context, model: &M) -> Result<(f64, f64)> {
    let seed = ctx.seed().child("chains");
    let noise = MultivariateNormal::isotropic(Array1::zeros(2), CONFINEMENT * CONFINEMENT)?;
    let start = noise.sample(32, &mut seed.child("start").rng());
    let sampling = Sampling {
        n_warmup: 300,
        thin: 20,
        ..Sampling::new(300, seed)
    };
    let run = sampling.run(Mala::new(STEP)?, model, start)?;
    let of = |i: usize| r_hat(run.draws.index_axis(Along(2), i));
    Ok((run.report.acceptance.rate(), larger(of(0)?, of(1)?)))
}
