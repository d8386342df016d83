//! Members that the machine has not seen.

use gibbsian_classical::BoltzmannMachine;
use ndarray::{Array1, s};
use rayon::prelude::*;

use super::{N_VOTES, Votes, rows_of, shuffled, with_prior};
use crate::statistics::{Share, mean_and_error};
use crate::{Axis, Check, Claim, Context, Plot, Provenance, Result, Table};

const N_FOLDS: usize = 5;

/// Standard errors that separate a difference from none.
const CLEARLY: f64 = 4.0;

pub(super) const COUPLINGS: Claim = Claim {
    claim: "couplings are worth more than one nat a held-out member: the mean log-probability less that of independent votes, less four standard errors",
    source: "five folds, a standard normal prior on each parameter",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(1.0)),
    full: Check::at_least(1.0),
    reason: "set before any member was held out: on the members it was fitted to, the machine has -6.4 nats where sixteen tosses of a fair coin have -11.1; a nat is what 136 parameters and 348 members may lose",
};

pub(super) const RULE: Claim = Claim {
    claim: "summing over unknown positions predicts held-out members better than dropping members with one: the mean difference of log-probability less four standard errors",
    source: "the same folds, each machine with a prior for its own number of members",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "a ranking beyond four standard errors of the paired difference; the dropped members are 47 % of the data, and would be no loss if only complete members were alike",
};

pub(super) const PARTY: Claim = Claim {
    claim: "the party of a held-out member is the likelier one given the votes: the share",
    source: "the conditional law of a seventeenth unit, unknown votes summed over",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.93, 0.99)),
    full: Check::between(0.93, 0.99),
    reason: "set before the run: one vote alone, on physicians' fees, separates the parties at about 95 %, and the binomial error of 435 members is 1 %; 100 % would mean that the label leaked",
};

pub(super) const CALIBRATED: Claim = Claim {
    claim: "and its probabilities are honest: the share of Democrats less the mean probability that was given to being one, in standard errors",
    source: "the sum of 435 independent tosses with these probabilities",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within(5.0)),
    full: Check::value(0.0).within(5.0),
    reason: "if the conditional law were that of the members, five standard errors; a prior on couplings that mattered would pull probabilities to the middle",
};

/// What is known of one held-out member.
struct Member {
    coupled: f64,
    independent: f64,
    dropped: f64,
    /// The probability of being a Democrat, and whether it is one.
    democrat: (f64, bool),
}

/// Cuts the members into folds and measures what each machine says of those it has not seen.
pub(super) fn folds(ctx: &mut Context, votes: &Votes) -> Result<()> {
    let folds = shuffled(votes.n_members(), N_FOLDS, ctx.seed().child("folds"));
    let members: Vec<Result<Vec<Member>>> = folds.par_iter().map(|held_out| fold(votes, held_out)).collect();
    let members: Vec<Member> = members
        .into_iter()
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();

    let gain = |worth: fn(&Member) -> f64| mean_and_error(members.iter().map(worth));
    let (couplings, error) = gain(|m| m.coupled - m.independent);
    ctx.measure(&COUPLINGS, couplings - CLEARLY * error)?;
    let (rule, rule_error) = gain(|m| m.coupled - m.dropped);
    ctx.measure(&RULE, rule - CLEARLY * rule_error)?;
    ctx.note(format!(
        "A held-out member: {:.2} nats with couplings, {:.2} as independent votes (difference {couplings:.2} ± {error:.2}), {:.2} from complete members \
         only (difference {rule:.2} ± {rule_error:.2}).",
        gain(|m| m.coupled).0,
        gain(|m| m.independent).0,
        gain(|m| m.dropped).0,
    ));
    party(ctx, &members)
}

/// The machines of one fold, and what they say of the members outside it.
fn fold(votes: &Votes, held_out: &[usize]) -> Result<Vec<Member>> {
    let seen: Vec<usize> = (0..votes.n_members()).filter(|b| !held_out.contains(b)).collect();
    let complete: Vec<usize> = votes
        .complete()
        .into_iter()
        .filter(|b| seen.contains(b))
        .collect();
    let fit = |members: &[usize], n: usize| -> Result<BoltzmannMachine> {
        let start = BoltzmannMachine::independent(Array1::zeros(n))?;
        Ok(with_prior(members.len())
            .maximise(&start, &votes.observations(members, n)?)?
            .machine)
    };
    let coupled = fit(&seen, N_VOTES)?;
    let dropped = fit(&complete, N_VOTES)?;
    let with_party = fit(&seen, N_VOTES + 1)?;
    // Without couplings each vote is a coin; its share has half a vote added to either side, another prior than the machines'.
    let mut bias = Array1::zeros(N_VOTES);
    for vote in 0..N_VOTES {
        let (x, known) = (votes.x.column(vote), votes.known.column(vote));
        let positions: Vec<f64> = seen.iter().filter(|&&b| known[b]).map(|&b| x[b]).collect();
        let share = (positions.iter().sum::<f64>() + 0.5) / (positions.len() as f64 + 1.0);
        bias[vote] = (share / (1.0 - share)).ln();
    }
    let independent = BoltzmannMachine::independent(bias)?;

    let x = rows_of(votes.x.view(), held_out, N_VOTES + 1);
    let known = rows_of(votes.known.view(), held_out, N_VOTES + 1);
    let of_votes = |machine: &BoltzmannMachine| {
        machine.log_probability(x.slice(s![.., ..N_VOTES]), known.slice(s![.., ..N_VOTES]))
    };
    let (coupled, independent, dropped) = (of_votes(&coupled)?, of_votes(&independent)?, of_votes(&dropped)?);
    // log p(votes, democrat) − log p(votes): the votes alone leave the last unit unknown.
    let mut as_democrat = x.clone();
    as_democrat.column_mut(N_VOTES).fill(1.0);
    let joint = with_party.log_probability(as_democrat.view(), known.view())?;
    let mut unknown = known.clone();
    unknown.column_mut(N_VOTES).fill(false);
    let votes_alone = with_party.log_probability(x.view(), unknown.view())?;
    Ok((0..held_out.len())
        .map(|b| Member {
            coupled: coupled[b],
            independent: independent[b],
            dropped: dropped[b],
            democrat: ((joint[b] - votes_alone[b]).exp(), x[[b, N_VOTES]] == 1.0),
        })
        .collect())
}

/// How well and how honestly the party is told.
fn party(ctx: &mut Context, members: &[Member]) -> Result<()> {
    let n = members.len() as f64;
    let right = Share::of(members.iter().map(|m| (m.democrat.0 > 0.5) == m.democrat.1));
    ctx.measure(&PARTY, right.share)?;
    let mean = members.iter().map(|m| m.democrat.0).sum::<f64>() / n;
    let share = members.iter().filter(|m| m.democrat.1).count() as f64 / n;
    let variance: f64 = members.iter().map(|m| m.democrat.0 * (1.0 - m.democrat.0)).sum();
    ctx.measure(&CALIBRATED, (share - mean) * n / variance.sqrt())?;
    ctx.note(format!(
        "Party from votes: {right} of {n:.0} members told right, with the 95 % interval."
    ));

    let mut table = Table::new(["from", "to", "members", "mean_probability", "democrats"]);
    let (mut points, mut bars) = (Vec::new(), Vec::new());
    for bin in 0..5 {
        let (low, high) = (f64::from(bin) / 5.0, f64::from(bin + 1) / 5.0);
        let within = |m: &&Member| m.democrat.0 >= low && (m.democrat.0 < high || bin == 4);
        let some: Vec<&Member> = members.iter().filter(within).collect();
        if some.is_empty() {
            continue;
        }
        let count = some.len() as f64;
        let probability = some.iter().map(|m| m.democrat.0).sum::<f64>() / count;
        let democrats = Share::of(some.iter().map(|m| m.democrat.1));
        table.row([
            low.into(),
            high.into(),
            count.into(),
            probability.into(),
            democrats.share.into(),
        ])?;
        points.push((probability, democrats.share));
        bars.push((probability, democrats.lower, democrats.upper));
    }
    ctx.table(
        "party",
        "Held-out members by the probability of being a Democrat that their votes give them.",
        &table,
    )?;
    let plot = Plot::new(
        "The party, told from the votes",
        Axis::linear("probability of being a Democrat").range(0.0, 1.0),
        Axis::linear("share of Democrats").range(0.0, 1.0),
    )
    .points("held-out members, with 95 % intervals", points)
    .error_bars(bars)
    .dashed("honest", [(0.0, 0.0), (1.0, 1.0)]);
    ctx.plot(
        "party",
        "Five bins of probability; few members lie between the ends.",
        &plot,
    )
}
