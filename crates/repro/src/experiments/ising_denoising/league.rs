//! All methods on the same two pictures, with parameters learnt from the noisy ones.

use gibbsian_classical::Graph;
use gibbsian_classical::field::{
    BeliefPropagation, ConditionalModes, Convergence, Denoiser, FlipNoise, GibbsMarginals, Marginals,
    MaxProduct, MeanField, NoisyFit, NoisyLearner, PairwiseField, TiedField, lowest_by_cut,
};
use gibbsian_core::{Energy, ParametricMut, Seed};
use gibbsian_samplers::{Cooling, Metropolis, SimulatedAnnealing};
use ndarray::{Array1, Array2, Axis, array, stack};
use rayon::prelude::*;

use super::pictures::Noisy;
use crate::statistics::{larger, smaller};
use crate::{Check, Claim, Context, ImageGrid, Provenance, Result, Table, measured};

/// The share of the pixels that noise flips, set before the first run.
const HORSE_NOISE: f64 = 0.15;
const TEXT_NOISE: f64 = 0.10;

pub(super) const LOWEST: Claim = Claim {
    claim: "text and horse: no method reaches less energy than the cut: the least energy above it, over methods and pictures, in nats",
    source: "Greig, Porteous and Seheult (1989)",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0).within(1e-8)),
    full: Check::at_least(0.0).within(1e-8),
    reason: "a theorem; energies are sums of some 400,000 terms of order one, each added with a rounding error of at most 2·10⁻¹¹, at random and far below the bound",
};

pub(super) const PROOF: Claim = Claim {
    claim: "text and horse: the cut's energy less the flow that bounds all energies from below, in nats",
    source: "Ford and Fulkerson (1956): the largest flow is the smallest cut",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-7)),
    full: Check::value(0.0).within(1e-7),
    reason: "zero but for the rounding of some 10⁶ additions to a sum of order 10⁵, each of 10⁻¹¹, at random",
};

pub(super) const HORSE_FLIP: Claim = Claim {
    claim: "horse: the flip probability learnt from a window of the noisy picture alone",
    source: "the share of the picture's pixels that were flipped",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::reference().within_scaled(1.0)),
    full: Check::reference().within_scaled(1.0),
    reason: "within the share of the clean pixels that two or more neighbours contradict: those are what the prior may take for noise, or noise may be taken for. The window's own share differs by some 0.0025, one binomial error",
};

pub(super) const TEXT_FLIP: Claim = Claim {
    claim: "text: the flip probability learnt from a window of the noisy picture alone",
    ..HORSE_FLIP
};

pub(super) const HORSE_ERRORS: Claim = Claim {
    claim: "horse: the most wrong pixels of any method, over those of the noisy picture",
    source: "the lecture note's goal",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.5)),
    full: Check::at_most(0.5),
    reason: "set before the run: of the flipped pixels 0.85⁴ = 52 % have no flipped neighbour and are put right by any method that looks at four neighbours, and pairs by most",
};

pub(super) const TEXT_ERRORS: Claim = Claim {
    claim: "text: the most wrong pixels of any method, over those of the noisy picture",
    source: "the lecture note's goal",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.8)),
    full: Check::at_most(0.8),
    reason: "set before the run: 0.9⁴ = 66 % of the flipped pixels stand alone, but half of the ink, 5 % of the pixels, is strokes so thin that two neighbours contradict it, and may be lost",
};

pub(super) const EXPECTED_ERRORS: Claim = Claim {
    claim: "text and horse: the expected wrong pixels of the likeliest pixels less those of the cut, by marginals of other chains, in per cent of the pixels",
    source: "Marroquin, Mitter and Poggio (1987)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.0).within_standard_errors(4.0)),
    full: Check::at_most(0.0).within_standard_errors(4.0),
    reason: "under the posterior a theorem, whatever the picture; the marginals that decide and those that judge are of different chains, and the error is that of the judges",
};

pub(super) const BOUNDS: Claim = Claim {
    claim: "text and horse: mean field's best bound on log Z lies below Bethe's estimate and above minus the lowest energy: the smaller of both margins, in nats a pixel",
    source: "attractive fields of two labels: Ruozzi (2012), Weller and Jebara (2014); a point mass is a mean field",
    provenance: Provenance::Exact,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "a mean field that starts as a point mass on the cut's picture begins with a bound of minus its energy and only ascends; none has more than Bethe's best, which is looked for from the observations; a wrong sign or a bond counted twice would show. \
             From the observations alone mean field may end below the cut: at full scale, with a coupling of 2.6, it does on the horse",
};

/// One method's picture.
struct Restoration {
    method: &'static str,
    labels: Array1<f64>,
    /// What is shown: labels, or the probability of ink.
    shown: Array1<f64>,
    convergence: Option<Convergence>,
    /// An estimate of `log Z`.
    log_z: Option<f64>,
}

/// A picture with its learnt parameters and all restorations.
struct Played {
    picture: Noisy,
    fit: NoisyFit,
    posterior: PairwiseField,
    restorations: Vec<Restoration>,
    proof: f64,
    /// Expected errors of the marginals' modes less those of the cut, and their standard error.
    expected: (f64, f64),
    /// Mean field's bound on `log Z` from a point mass on the cut's picture.
    bound_from_cut: f64,
}

pub(super) fn run(ctx: &mut Context) -> Result<()> {
    let seed = ctx.seed().child("league");
    let effort = ctx.pick(1, 10);
    let pictures = vec![
        Noisy::horse(HORSE_NOISE, seed.child("noise"))?,
        Noisy::text(TEXT_NOISE, seed.child("noise"))?,
    ];
    let played: Result<Vec<Played>> = pictures
        .into_par_iter()
        .map(|picture| {
            let seed = seed.child(picture.name);
            play(picture, effort, seed)
        })
        .collect();
    let played = played?;

    let mut table = Table::new([
        "picture",
        "method",
        "energy_above_the_cut",
        "wrong_pixels_per_cent",
        "rounds",
        "converged",
    ]);
    let (mut above, mut proof, mut margin) = (f64::INFINITY, 0.0, f64::INFINITY);
    for game in &played {
        let energies: Vec<f64> = game
            .restorations
            .iter()
            .map(|r| energy(&game.posterior, &r.labels))
            .collect();
        let lowest = energies[energies.len() - 1];
        let n = game.picture.clean.len() as f64;
        for (r, e) in game.restorations.iter().zip(&energies) {
            table.row([
                game.picture.name.into(),
                r.method.into(),
                (e - lowest).into(),
                (100.0 * game.picture.error(&r.labels)).into(),
                r.convergence
                    .map_or(String::new(), |c| c.n_rounds.to_string())
                    .into(),
                match r.convergence {
                    Some(c) if c.converged => "yes",
                    Some(_) => "no",
                    None => "",
                }
                .into(),
            ])?;
        }
        above = energies[..energies.len() - 1]
            .iter()
            .map(|e| e - lowest)
            .fold(above, smaller);
        proof = larger(proof, game.proof.abs());
        let log_z = |method| {
            let found = game.restorations.iter().find(|r| r.method == method);
            found.and_then(|r| r.log_z).ok_or("both estimate log Z")
        };
        let (bound, bethe) = (log_z(MEAN_FIELD)?, log_z(BELIEFS)?);
        let best = larger(bound, game.bound_from_cut);
        margin = smaller(margin, smaller(bethe - best, best + lowest) / n);
        ctx.note(format!(
            "{}: learnt from a window of the noisy picture, coupling {:.3}, bias {:.3}, flip probability {:.4}, which moved by {:.4} in the last quarter of the rounds. Bounds on log Z in nats a pixel: {:.5} by the cut, by mean field \
             {:.5} from the observations and {:.5} from the cut; Bethe's estimate {:.5}.",
            game.picture.name,
            game.fit.params[0],
            game.fit.params[1],
            game.fit.flip,
            game.fit.drift[2],
            -lowest / n,
            bound / n,
            game.bound_from_cut / n,
            bethe / n,
        ));
        show(ctx, game)?;
    }
    ctx.measure(&LOWEST, above)?;
    ctx.measure(&PROOF, proof)?;
    for (claim, errors, game) in [
        (&HORSE_FLIP, &HORSE_ERRORS, &played[0]),
        (&TEXT_FLIP, &TEXT_ERRORS, &played[1]),
    ] {
        let picture = &game.picture;
        let noise = picture.error(&picture.noisy);
        let flip = measured(game.fit.flip)
            .against(noise)
            .with_scale(picture.contradicted()?);
        ctx.measure(claim, flip)?;
        // The first is the noisy picture itself.
        let worst = game.restorations[1..]
            .iter()
            .map(|r| picture.error(&r.labels))
            .fold(0.0, larger);
        ctx.measure(errors, worst / noise)?;
    }
    let worst = played
        .iter()
        .map(|game| game.expected)
        .fold((f64::NEG_INFINITY, 0.0), |a, b| {
            if b.0.is_nan() || b.0 > a.0 { b } else { a }
        });
    ctx.measure(
        &EXPECTED_ERRORS,
        measured(100.0 * worst.0).with_error(100.0 * worst.1),
    )?;
    ctx.measure(&BOUNDS, margin)?;
    ctx.table(
        "league",
        "Energy in nats above that of the cut, wrong pixels in per cent, rounds over all pixels, and whether the method ended by itself. Energies of marginals are those of the likeliest pixels.",
        &table,
    )
}

const MEAN_FIELD: &str = "mean field";
const BELIEFS: &str = "belief propagation";

fn energy(field: &PairwiseField, y: &Array1<f64>) -> f64 {
    field.energy(y.view().insert_axis(Axis(0)))[0]
}

/// A prior that knows nothing yet.
fn smooth(graph: Graph) -> Result<TiedField> {
    Ok(TiedField::smooth(graph, vec![0.0, 1.0], 0.5, array![0.0].view())?)
}

fn play(picture: Noisy, effort: usize, seed: Seed) -> Result<Played> {
    let x = picture.noisy.view();
    // A window gives the parameters away as well as the whole picture does, and its rounds are cheap.
    let window = picture.window();
    let mut learnt = smooth(window.graph()?)?;
    let learner = NoisyLearner::new(400 * effort, 1)?;
    let fit = learner.run(
        &mut learnt,
        window.noisy.view(),
        0.2,
        &mut seed.child("learner").rng(),
    )?;
    let mut prior = smooth(picture.graph()?)?;
    prior.set_params(fit.params.view())?;
    let noise = FlipNoise::symmetric(vec![0.0, 1.0], fit.flip)?;
    let posterior = Denoiser::new(prior.field().clone(), noise).posterior(x)?;

    let sampler = GibbsMarginals::new(2, 10 * effort, 40 * effort)?;
    let sampled = sampler.run(&posterior, &mut seed.child("chains").rng());
    let judges: Vec<Marginals> = (0..4)
        .map(|k| {
            sampler
                .run(&posterior, &mut seed.child("judges").nth(k).rng())
                .marginals
        })
        .collect();
    let ascent = MeanField::new(1e-6, 200 * effort)?;
    let field = ascent.run(&posterior)?;
    let beliefs = BeliefPropagation::new(0.0, 1e-6, 100 * effort)?.run(&posterior);
    let product = MaxProduct::new(0.3, 1e-6, 100 * effort)?.run(&posterior);
    let modes = ConditionalModes::default().run(&posterior, x)?;
    let annealing = SimulatedAnnealing::new(Metropolis, Cooling::geometric(0.3, 10.0, 100 * effort)?);
    let start = x.insert_axis(Axis(0)).to_owned();
    let annealed = annealing.run(&posterior, start, &mut seed.child("annealing").rng())?;
    let cut = lowest_by_cut(&posterior)?;
    // Labels are 0 and 1, so the second label's probability is the label.
    let at_cut = stack![Axis(1), cut.labels.mapv(|y| 1.0 - y), cut.labels];

    let decided = |method, labels: Array1<f64>, convergence| Restoration {
        method,
        shown: labels.clone(),
        labels,
        convergence,
        log_z: None,
    };
    let marginal = |method, marginals: &Marginals, convergence, log_z| Restoration {
        method,
        labels: marginals.likeliest(),
        shown: marginals.means(),
        convergence,
        log_z,
    };
    let restorations = vec![
        decided("noisy", picture.noisy.clone(), None),
        decided("conditional modes", modes.labels, Some(modes.convergence)),
        decided("annealing", annealed.best().0.to_owned(), None),
        marginal("Gibbs marginals", &sampled.marginals, None, None),
        marginal(
            MEAN_FIELD,
            &field.marginals,
            Some(field.convergence),
            Some(field.bound()),
        ),
        marginal(
            BELIEFS,
            &beliefs.marginals,
            Some(beliefs.convergence),
            Some(beliefs.log_z()),
        ),
        decided("max–product", product.labels, Some(product.convergence)),
        decided("cut", cut.labels.clone(), None),
    ];
    let modes_of_marginals = sampled.marginals.likeliest();
    let differences: Vec<f64> = judges
        .iter()
        .map(|judge| {
            judge.expected_error(modes_of_marginals.view()) - judge.expected_error(cut.labels.view())
        })
        .collect();
    Ok(Played {
        expected: crate::statistics::mean_and_error(differences.into_iter()),
        proof: cut.energy - cut.lower_bound,
        bound_from_cut: ascent.run_from(&posterior, at_cut.view())?.bound(),
        picture,
        fit,
        posterior,
        restorations,
    })
}

fn show(ctx: &mut Context, game: &Played) -> Result<()> {
    let picture = &game.picture;
    let shown = [&picture.clean]
        .into_iter()
        .chain(game.restorations.iter().map(|r| &r.shown));
    let pixels: Vec<f64> = shown.flatten().copied().collect();
    let n_pictures = 1 + game.restorations.len();
    let images = Array2::from_shape_vec((n_pictures, picture.clean.len()), pixels)?;
    let errors: Vec<String> = game
        .restorations
        .iter()
        .map(|r| format!("{} {:.2} %", r.method, 100.0 * picture.error(&r.labels)))
        .collect();
    let grid = ImageGrid::new(images.view(), picture.height, picture.width).columns(3);
    ctx.images(
        picture.name,
        &format!(
            "Row after row: the clean picture, then with the share of wrong pixels {}. Of marginals the probability of ink is shown.",
            errors.join(", ")
        ),
        &grid,
    )
}
