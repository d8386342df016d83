//! What the experiment must show.

use crate::{Check, Claim, Provenance};

pub(super) const CLOTHES: Claim = Claim {
    claim: "clothes are stranger than digits to a machine of digits: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; ½ is a guess",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.9)),
    full: Check::at_least(0.95),
    reason: "nine of ten pairs in order: far from a guess, and a machine trained for seconds need not be perfect",
};

pub(super) const MATCHED: Claim = Claim {
    claim: "so are independent pixels with the means of the test digits: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; no energy that is linear in the pixels can tell them on average",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.97)),
    full: Check::at_least(0.99),
    reason: "strokes are what hidden units see first",
};

pub(super) const WHITE: Claim = Claim {
    claim: "so are fair coins: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run; digits have an eighth of their pixels on, coins half",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.99)),
    full: Check::at_least(0.99),
    reason: "perfect order of two thousand pairs has the lower end 0.998",
};

pub(super) const BLIND: Claim = Claim {
    claim: "independent pixels are blind to matched noise: the mean of their energy on it minus that on the digits (nats)",
    source: "the mean of −b·x depends on the means of x alone",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(0.0).within_standard_errors(5.0)),
    full: Check::value(0.0).within_standard_errors(5.0),
    reason: "five standard errors of the difference, digits being tossed once more for it",
};

pub(super) const GAIN: Claim = Claim {
    claim: "the machine tells clothes better than independent pixels do: difference of the areas, in standard errors that add up as if the areas were independent",
    source: "set before the run",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(4.0)),
    full: Check::at_least(4.0),
    reason: "four standard errors; areas from the same pictures are positively correlated, which makes this conservative",
};

pub(super) const NEURAL_CLOTHES: Claim = Claim {
    claim: "clothes are stranger than digits to a network trained by denoising: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run, to what is asked of the machine; Saremi, Mehrjou, Schölkopf and Hyvärinen (2018) for energies by denoising",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.9)),
    full: Check::at_least(0.95),
    reason: "nine of ten pairs in order; nothing in the training says what the energy is so far from the digits, only its form does",
};

pub(super) const NEURAL_MATCHED: Claim = Claim {
    claim: "so are independent pixels with the means of the test digits to the network: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run, to what is asked of the machine",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.97)),
    full: Check::at_least(0.99),
    reason: "what has no strokes is not restored",
};

pub(super) const NEURAL_WHITE: Claim = Claim {
    claim: "so are fair coins to the network: the lower end of the 95 % interval of the area under the ROC",
    source: "set before the run, to what is asked of the machine",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.99)),
    full: Check::at_least(0.99),
    reason: "perfect order of two thousand pairs has the lower end 0.998",
};
