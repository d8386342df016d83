//! Samples from many Markov chains, with what the chains say of themselves.

use gibbsian_core::{Blocks, Energy, Seed};
use gibbsian_metrics::{Requirements, summarise};
use gibbsian_samplers::{GO_ON, Gibbs, Sampling};
use ndarray::{Array2, Array3, ArrayView3, Axis, s};
use serde::Deserialize;

use crate::check;
use crate::failure::Result;
use crate::progress::Progress;

/// Fewer draws of a chain are not judged.
pub(crate) const FEWEST_JUDGED: usize = 20;

/// The energies of some states.
type EnergyOf<'a> = &'a dyn Fn(&Array2<f64>) -> ndarray::Array1<f64>;

/// How Gibbs chains are run: the section `[sampling]` of Boltzmann machines.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GibbsKeys {
    /// Chains side by side; 0 for one to 25 draws, at most 100.
    pub chains: usize,
    /// Sweeps before the first draw.
    pub warmup: usize,
    /// Sweeps from one draw to the next.
    pub thin: usize,
}

impl Default for GibbsKeys {
    fn default() -> Self {
        GibbsKeys {
            chains: 0,
            warmup: 1000,
            thin: 10,
        }
    }
}

impl GibbsKeys {
    /// Checks the keys.
    pub(crate) fn check(&self) -> Result<()> {
        check::at_least(
            "sampling.thin",
            self.thin as u64,
            1,
            "set sampling.thin = 10, the sweeps from one draw to the next",
        )
    }

    /// At least `n` draws of the blocks of `target` from chains that start at `start(n_chains)`, with notes and warnings; the chains are judged by an energy, which has a name.
    pub(crate) fn run<T: Blocks + ?Sized>(
        &self,
        target: &T,
        (energy, energy_name): (EnergyOf<'_>, &str),
        start: impl FnOnce(usize) -> Array2<f64>,
        n: usize,
        seed: Seed,
        progress: &Progress,
    ) -> Result<(Array2<f64>, Vec<String>, Vec<String>)> {
        let n_chains = n_chains(self.chains, n);
        let n_draws = n.div_ceil(n_chains);
        let sampling = Sampling {
            n_warmup: self.warmup,
            thin: self.thin,
            ..Sampling::new(n_draws, seed)
        };
        let mut watch = |p: &gibbsian_samplers::Progress<'_>| {
            progress.report(p.n_steps, p.n_steps_in_all, "Gibbs sweeps", "");
            Ok(GO_ON)
        };
        progress.begin("Gibbs sweeps");
        let run = sampling.run_watched(Gibbs, target, start(n_chains), &mut watch)?;
        let energies = Array3::from_shape_vec(
            (n_chains, n_draws, 1),
            run.draws
                .axis_iter(Axis(0))
                .flat_map(|chain| energy(&chain.to_owned()))
                .collect(),
        )
        .map_err(|e| crate::failure::Failure::Failed(e.to_string()))?;
        let mut notes = vec![format!(
            "{n_chains} Gibbs chains, {} sweeps of warm-up, {n_draws} draws each, one every {} sweeps",
            self.warmup, self.thin
        )];
        let mut warnings: Vec<String> = run.report.warnings();
        judge(
            energies.view(),
            &[energy_name.into()],
            "more sampling.warmup and sampling.thin",
            &mut notes,
            &mut warnings,
        )?;
        Ok((spread(run.draws.view(), n), notes, warnings))
    }
}

/// Chains for `n` draws: as asked, or one to 25 draws.
pub(crate) fn n_chains(asked: usize, n: usize) -> usize {
    match asked {
        0 => n.div_ceil(25).clamp(4, 100),
        asked => asked,
    }
    .min(n)
}

/// R-hat and effective draws of each quantity of `draws` `(chains, draws, D)`, with a warning where they are not to be trusted.
pub(crate) fn judge(
    draws: ArrayView3<f64>,
    names: &[String],
    cure: &str,
    notes: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let (n_chains, n_draws, _) = draws.dim();
    if n_draws < FEWEST_JUDGED {
        notes.push(format!(
            "{n_draws} draws a chain are too few to judge the mixing by; ask for more with --n, or for fewer sampling.chains"
        ));
        return Ok(());
    }
    // A hundred effective draws in all are enough to be used as a sample; means of them want more, and say so by their errors.
    let requirements = Requirements {
        ess_per_chain: 100.0 / n_chains as f64,
        r_hat: Requirements::default().r_hat + r_hat_noise(n_chains, n_draws),
    };
    let summaries = summarise(draws, requirements)?;
    let worst = summaries.worst();
    let fewest = summaries
        .iter()
        .map(|s| s.ess_bulk.min(s.ess_tail))
        .fold(f64::INFINITY, f64::min);
    notes.push(format!(
        "R-hat at most {:.4} ({}), at least {fewest:.0} effective draws of {}",
        summaries[worst].r_hat,
        names[worst],
        n_chains * n_draws
    ));
    for (summary, name) in summaries.iter().zip(names) {
        if summary.verdict != gibbsian_metrics::ChainVerdict::Trusted {
            warnings.push(format!(
                "the draws of {name} are not to be trusted: {} (R-hat {:.4}, {:.0} effective draws); {cure}",
                summary.verdict,
                summary.r_hat,
                summary.ess_bulk.min(summary.ess_tail)
            ));
        }
    }
    Ok(())
}

/// What R-hat exceeds one by, once in 30,000, where `2C` halves of chains of `n` draws each are independent draws: four standard deviations of
/// `(B/W − 1) / 2n`, where `B/W` is a mean of `2C − 1` squares.
fn r_hat_noise(n_chains: usize, n_draws: usize) -> f64 {
    4.0 * (2.0 / (2.0 * n_chains as f64 - 1.0)).sqrt() / n_draws as f64
}

/// `n` of the draws `(chains, draws, D)` as rows, all chains at one time after the other and the last times first to go.
pub(crate) fn spread(draws: ArrayView3<f64>, n: usize) -> Array2<f64> {
    let (n_chains, n_draws, dim) = draws.dim();
    let mut rows = Array2::zeros((n.min(n_chains * n_draws), dim));
    for (k, mut row) in rows.rows_mut().into_iter().enumerate() {
        row.assign(&draws.slice(s![k % n_chains, k / n_chains, ..]));
    }
    rows
}

/// The energies of rows, for [`GibbsKeys::run`].
pub(crate) fn energies_of<M: Energy>(model: &M) -> impl Fn(&Array2<f64>) -> ndarray::Array1<f64> + '_ {
    |x| model.energy(x.view())
}
