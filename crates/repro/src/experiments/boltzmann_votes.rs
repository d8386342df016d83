//! A Boltzmann machine of 435 members of Congress and their votes, learnt exactly.
//!
//! The fully visible machine (Hinton and Sejnowski 1983) at the maximum of its likelihood has the means and second moments of the data, and among all laws that
//! have them the largest entropy (Jaynes 1957): for every such `q`, `H(p) − H(q) = KL(q ‖ p)`, because `log p` is linear in the moments. With hidden units or missing
//! entries the same optimum says that co-occurrences with the known units clamped are those of the machine running free.
//!
//! Sixteen votes have 65,536 states, so that everything here is a sum and nothing is sampled.
//!
//! **The rule for "?".** A member whose position on a vote is unknown has the probability of what is known, summed over both positions. The other usual rule, to drop
//! such members, leaves 232 of 435; it is measured beside.

mod held_out;
mod maximum_entropy;

use gibbsian_classical::{BoltzmannMachine, ExactFit, Observations};
use gibbsian_core::{Parametric, Seed};
use gibbsian_data::LabelledTable;
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};

use crate::statistics::larger;
use crate::{
    Axis as PlotAxis, Check, Claim, ColourMap, Context, Experiment, HeatMap, Plot, Provenance, Result, Table,
};

const MOMENTS: Claim = Claim {
    claim: "at the optimum of the fully visible machine the means and second moments of the 16 votes are those of the data, unknown positions given their conditional law: the largest difference",
    source: "Ackley, Hinton and Sejnowski (1985), eq. 7; the free moments by listing 65,536 states one by one, which shares no code with the fit",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the fit ends at a gradient of 1e-13; sums of 65,536 positive terms err by some 1e-15",
};

const HIDDEN: Claim = Claim {
    claim: "with two hidden units and a ridge λ, co-occurrences with the votes clamped less those of the free machine are λ times the parameters, nothing else: the largest difference",
    source: "Ackley, Hinton and Sejnowski (1985); the clamped and the free phase by the pullback of the visible units' free energy",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "the same rounding; λ is one over the number of members, a standard normal prior on each parameter. Without it a hidden unit's couplings grow without end",
};

const DROPPED: Claim = Claim {
    claim: "members with an unknown position dropped, the likelihood of the 232 others has no finite maximum; summed over, that of all 435 has one: the number of finite maxima of the two",
    source: "moments on the boundary of what laws on 16 binary units can have need infinite couplings",
    provenance: Provenance::Exact,
    quick: Some(Check::value(1.0)),
    full: Check::value(1.0),
    reason: "states what was seen when the data were first fitted: Newton steps stay longer than one while the gradient falls below 1e-13, and end",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "boltzmann-votes",
    title: "A Boltzmann machine of votes",
    question: "Which law has the means and correlations of sixteen votes, and nothing else?",
    mathematics: r"A fully visible Boltzmann machine of votes $x_i \in \{0, 1\}$, and the gradient of its mean log-likelihood:
        $$p(x) \propto \exp \left( \sum_{i < j} W_{ij} \, x_i x_j + \sum_i b_i x_i \right) , \qquad \frac{\partial \, \mathbb{E}_{\text{data}} \log p}{\partial W_{ij}} = \langle x_i x_j \rangle_{\text{data}} - \langle x_i x_j \rangle_{p} .$$
        At the maximum the moments agree. Since $\log p$ is linear in them, every other law $q$ with these moments has less entropy, by exactly
        $$H(p) - H(q) = \operatorname{KL}(q \,\|\, p) .$$
        With hidden units or unknown positions the first mean is taken with what is known clamped.",
    shows: "Sixteen votes of the House of Representatives of 1984 by a fully connected machine, learnt to the last digits.\n\nAt the optimum the moments agree, \
            and every other law with these moments has less entropy by exactly its divergence. With hidden units the clamped and the free phase agree \
            up to the pull of the ridge. Held-out members say what the couplings and the rule for unknown positions are worth, and the party is a \
            seventeenth unit that is predicted from the votes.",
    source: "Ackley, Hinton and Sejnowski (1985), A learning algorithm for Boltzmann machines; Jaynes (1957); Congressional Voting Records (Schlimmer 1987)",
    budget_seconds: 10,
    claims: &[
        MOMENTS,
        maximum_entropy::ENTROPY,
        maximum_entropy::DISTINCT,
        HIDDEN,
        DROPPED,
        held_out::COUPLINGS,
        held_out::RULE,
        held_out::PARTY,
        held_out::CALIBRATED,
    ],
    run,
};

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/tables");

/// Votes of the machine with hidden units.
const N_SOME: usize = 8;

/// Positions 1 and 0, and which of them are known.
struct Votes {
    x: Array2<f64>,
    known: Array2<bool>,
    names: Vec<String>,
}

impl Votes {
    /// The 16 votes, and the party in the last column.
    fn load() -> Result<Self> {
        let table = LabelledTable::house_votes(TABLES)?;
        let party = table.labels().as_slice().iter().map(|&p| f64::from(p));
        let party = Array1::from_iter(party).insert_axis(Axis(1));
        let x = concatenate![Axis(1), table.features(), party];
        let names = table.names().unwrap_or_default().iter().cloned();
        Ok(Votes {
            known: x.mapv(|v| v >= 0.0),
            x,
            names: names.chain(["democrat".into()]).collect(),
        })
    }

    /// The first `n` columns of some members.
    fn observations(&self, members: &[usize], n: usize) -> Result<Observations> {
        let (x, known) = (
            self.x.select(Axis(0), members),
            self.known.select(Axis(0), members),
        );
        Ok(Observations::new(x.slice(s![.., ..n]), known.slice(s![.., ..n]))?)
    }

    fn n_members(&self) -> usize {
        self.x.nrows()
    }

    /// Members whose positions on all votes are known.
    fn complete(&self) -> Vec<usize> {
        let votes = self.known.slice(s![.., ..N_VOTES]);
        (0..self.n_members())
            .filter(|&b| votes.row(b).iter().all(|k| *k))
            .collect()
    }
}

const N_VOTES: usize = 16;

fn run(ctx: &mut Context) -> Result<()> {
    let votes = Votes::load()?;
    let everyone: Vec<usize> = (0..votes.n_members()).collect();
    let cases = votes.observations(&everyone, N_VOTES)?;
    let start = BoltzmannMachine::independent(Array1::zeros(N_VOTES))?;

    ctx.progress(0, 4, "the fully visible machine");
    let fitted = ExactFit::default().maximise(&start, &cases)?;
    let law = maximum_entropy::Law::new(&fitted.machine)?;
    let difference = &law.second_moments() - &fitted.clamped;
    ctx.measure(&MOMENTS, difference.iter().fold(0.0, |m, d| larger(m, d.abs())))?;
    maximum_entropy::others(
        ctx,
        &law,
        &fitted.machine,
        votes.x.slice(s![.., ..N_VOTES]),
        votes.known.slice(s![.., ..N_VOTES]),
    )?;

    ctx.progress(1, 4, "hidden units");
    hidden(ctx, &votes, &everyone)?;

    let complete = votes.observations(&votes.complete(), N_VOTES)?;
    let dropped = ExactFit::default().maximise(&start, &complete);
    if let Err(reason) = &dropped {
        ctx.note(format!(
            "Of the {} members whose positions are all known: {reason}.",
            complete.n_cases()
        ));
    }
    // The other fit is above: an error there would have ended the run.
    ctx.measure(&DROPPED, 1.0 + f64::from(u8::from(dropped.is_ok())))?;

    ctx.progress(2, 4, "held-out members");
    held_out::folds(ctx, &votes)?;
    show_couplings(ctx, &votes, &fitted.machine)
}

/// Eight votes and two hidden units.
fn hidden(ctx: &mut Context, votes: &Votes, everyone: &[usize]) -> Result<()> {
    let ridge = 1.0 / everyone.len() as f64;
    let start = BoltzmannMachine::random(N_SOME + 2, 0.1, ctx.seed().child("hidden"))?;
    let cases = votes.observations(everyone, N_SOME)?;
    let fit = ExactFit {
        ridge,
        ..ExactFit::default()
    };
    let fitted = fit.maximise(&start, &cases)?;
    let (clamped, free) = two_phases(&fitted.machine, votes, everyone)?;
    let pull = fitted.machine.params() * ridge;
    let worst = (clamped - free - pull)
        .iter()
        .fold(0.0, |m, d| larger(m, d.abs()));
    ctx.measure(&HIDDEN, worst)
}

/// `⟨T⟩` with what is known of each member clamped, and of the free machine, by lists of states.
fn two_phases(
    machine: &BoltzmannMachine,
    votes: &Votes,
    members: &[usize],
) -> Result<(Array1<f64>, Array1<f64>)> {
    let law = maximum_entropy::Law::new(machine)?;
    let mut clamped = Array2::zeros((machine.n_units(), machine.n_units()));
    for &b in members {
        clamped += &law.given(votes.x.slice(s![b, ..N_SOME]), votes.known.slice(s![b, ..N_SOME]));
    }
    clamped /= members.len() as f64;
    Ok((
        machine.statistics(clamped.view()),
        machine.statistics(law.second_moments().view()),
    ))
}

/// The couplings as a picture and a table.
fn show_couplings(ctx: &mut Context, votes: &Votes, machine: &BoltzmannMachine) -> Result<()> {
    let largest = machine.weights().iter().fold(0.0f64, |m, w| m.max(w.abs()));
    let sides = (0.5, N_VOTES as f64 + 0.5);
    let heat_map = HeatMap::new("coupling", machine.weights(), sides, sides)
        .colours(ColourMap::Diverging)
        .range(-largest, largest);
    let plot = Plot::new(
        "Couplings of sixteen votes",
        PlotAxis::linear("vote").range(sides.0, sides.1),
        PlotAxis::linear("vote").range(sides.0, sides.1),
    )
    .heat_map(heat_map)
    .equal_aspect();
    ctx.plot(
        "couplings",
        "The maximum-entropy couplings; the votes are numbered as in the data, and the table has their names.",
        &plot,
    )?;
    let moments = machine.moments()?;
    let mut rows = Table::new(["first", "second", "coupling", "both_for"]);
    for i in 0..N_VOTES {
        for j in i + 1..N_VOTES {
            rows.row([
                votes.names[i].as_str().into(),
                votes.names[j].as_str().into(),
                machine.weights()[[i, j]].into(),
                moments.second[[i, j]].into(),
            ])?;
        }
    }
    ctx.table(
        "couplings",
        "Coupling and probability of both votes being for, of every pair.",
        &rows,
    )
}

/// A ridge that is a standard normal prior on each parameter.
fn with_prior(n_members: usize) -> ExactFit {
    ExactFit {
        ridge: 1.0 / n_members as f64,
        // Held-out likelihoods are read to four digits.
        tolerance: 1e-9,
        ..ExactFit::default()
    }
}

/// Members of each of some folds, shuffled.
fn shuffled(n: usize, n_folds: usize, seed: Seed) -> Vec<Vec<usize>> {
    use rand::seq::SliceRandom;
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut seed.rng());
    (0..n_folds)
        .map(|k| order.iter().copied().skip(k).step_by(n_folds).collect())
        .collect()
}

/// The columns of a view for some rows.
fn rows_of<T: Clone>(x: ArrayView2<T>, members: &[usize], n: usize) -> Array2<T> {
    x.select(Axis(0), members).slice(s![.., ..n]).to_owned()
}
