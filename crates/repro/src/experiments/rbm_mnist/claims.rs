//! What the experiment must show.

use crate::{Check, Claim, Provenance};

pub(super) const SWEEPS: Claim = Claim {
    claim: "CD-25 gives a higher test log-probability than CD-1 after equally many epochs (difference in nats)",
    source: "Salakhutdinov and Murray (2008): CD1 far below CD3 and CD25 on MNIST at 500 hidden units",
    provenance: Provenance::Published,
    quick: Some(Check::at_least(0.0)),
    full: Check::at_least(0.0),
    reason: "a ranking; the error of the difference, about 0.2 nats from both partition functions, is reported beside it",
};

pub(super) const GAP: Claim = Claim {
    claim: "the test log-probability of the CD-25 machine is certified: the width in nats of bounds that hold with 95 % confidence",
    source: "Burda, Grosse and Salakhutdinov (2015) for the construction",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.0, 2.0)),
    full: Check::between(0.0, 0.5),
    reason: "half a nat at full scale; two nats at quick scale, where the annealing has a tenth of the temperatures, still a fraction of the \
             difference that the quick run decides",
};

pub(super) const ORDER: Claim = Claim {
    claim: "the conservative end does not exceed the optimistic one",
    source: "Jensen's inequality, twice",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0).within_standard_errors(4.0)),
    full: Check::at_least(0.0).within_standard_errors(4.0),
    reason: "four standard errors of the paired difference",
};

pub(super) const PUBLISHED: Claim = Claim {
    claim: "500 hidden units trained by CD-25 reach the published test log-probability (nats, by annealed importance sampling)",
    source: "Salakhutdinov and Murray (2008): −86.34 for CD25 with 500 hidden units; their toss of the test pictures",
    provenance: Provenance::Published,
    quick: None,
    full: Check::at_least(-86.34),
    reason: "the published value itself",
};

pub(super) const COMMITTED: Claim = Claim {
    claim: "the weights that the full run left, annealed again with fewer temperatures, have its log Z (nats)",
    source: "the full run on these weights: 498.42 ± 0.04 from 30,000 temperatures and 200 chains, test log-probability −86.17",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(498.42).within_standard_errors(4.0)),
    full: Check::value(498.42).within_standard_errors(4.0),
    reason: "four standard errors of both estimates; the one of the full run is added to that of this one",
};

pub(super) const PERSISTENT: Claim = Claim {
    claim: "PCD-1 gives a higher test log-probability than CD-1 after equally many epochs and sweeps (difference in nats)",
    source: "Tieleman (2008): PCD above CD-1 on MNIST",
    provenance: Provenance::Published,
    quick: None,
    full: Check::at_least(0.0),
    reason: "a ranking at a stated budget: the same minibatches, learning rates and sweeps",
};

pub(super) const RECOGNISED: Claim = Claim {
    claim: "fantasies after a thousand sweeps from noise (ten thousand at full scale) are recognised: the judge's mean confidence over that on real test digits",
    source: "one for real digits; a picture that lies between two classes has about half",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.85)),
    full: Check::at_least(0.85),
    reason: "set before the run, much nearer to real digits than to undecided pictures",
};

pub(super) const CLASSES: Claim = Claim {
    claim: "all kinds of digits appear among the fantasies: classes with at least one per cent of them",
    source: "the data have ten classes of about ten per cent each",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(8.0)),
    full: Check::at_least(9.0),
    reason: "set before the run: contrastive divergence is known to lose modes, a machine that lost more than two digits has not learnt the data",
};

pub(super) const INPAINTED: Claim = Claim {
    claim: "lower halves that are drawn given the upper ones make the digit that it was: share of test digits",
    source: "one in ten by chance; an upper half does not always decide which digit it is",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.5)),
    full: Check::at_least(0.5),
    reason: "set before the run: five times chance",
};
