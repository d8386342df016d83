//! Conditional energies: where the labels are few, `p(y | x) = exp(−E(x, y)) / Σ_y' exp(−E(x, y'))` is exact and trains without sampling.
//!
//! Three energies of growing reach. Softmax regression is `E = −y'(Wx + b)` and nothing else. The class machine sums hidden units out as well (Larochelle and Bengio
//! 2008). A chain lets neighbouring labels of a sequence see one another, and its sum over all labellings is a product of matrices (Lafferty, McCallum and Pereira 2001).
//!
//! **Digits.** The first part of MNIST's training pictures to learn from, all 10,000 test pictures to judge by; grey pixels divided by 255 are the values of the
//! features.
//!
//! **Words.** There is no corpus of digits here, so words are made: six digits, the first uniform, each following one plus 1 with probability 0.6, plus 3 with 0.3, and uniform
//! otherwise (modulo ten); each letter a picture of its digit, 8 × 8 pixels divided by 16, drawn with replacement from pictures that are either for training or for testing, with
//! normal noise of deviation 0.5 added to every pixel. The chain is told none of this law.

mod digits;
mod words;

use gibbsian_core::{BatchOrder, Objective, ParametricMut, Seed, TrainStep};
use gibbsian_data::{LastBatch, Minibatches};
use gibbsian_train::{Constant, Decay, Descent, Linear, Momentum, Schedule};
use ndarray::{Array2, Axis};

use crate::{Check, Claim, Context, Experiment, Provenance, Result, Table};

const SOFTMAX: Claim = Claim {
    claim: "softmax regression is an energy model: the largest difference between log p(y | x) from the energies of all labels and log softmax(Wx + b)",
    source: "the definition of the conditional density of an energy",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "energies are of order ten, sums of 785 terms: rounding leaves 1e-14 to 1e-13",
};

const CLASS_EXACT: Claim = Claim {
    claim: "the class machine's log p(y | x) is that of the free energies of all labels: the largest difference over the largest free energy",
    source: "Larochelle and Bengio (2008), equation 2",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within_scaled(1e-13)),
    full: Check::value(0.0).within_scaled(1e-13),
    reason: "the features' own energy, hundreds of nats, cancels; relative to it only rounding is left",
};

const CLASS_ACCURACY: Claim = Claim {
    claim: "the test accuracy of the class machine: the lower end of its 95 % interval",
    source: "set before the run; nearest neighbours on all 60,000 pictures have about 0.97",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.9)),
    full: Check::at_least(0.97),
    reason: "at quick scale a twelfth of the pictures and a few passes over them; at full scale the accuracy of nearest neighbours",
};

const CLASS_GAIN: Claim = Claim {
    claim: "hidden units help: test accuracy of the class machine minus that of softmax regression on the same pictures, in standard errors of the paired difference",
    source: "Larochelle and Bengio (2008): a linear classifier is the class machine without hidden units",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(4.0)),
    full: Check::at_least(4.0),
    reason: "four standard errors",
};

const MARGINALS: Claim = Claim {
    claim: "forward and backward recursion give the marginals of enumeration: the largest difference over letters and pairs of letters in test words",
    source: "Lafferty, McCallum and Pereira (2001), section 3",
    provenance: Provenance::Exact,
    quick: Some(Check::value(0.0).within(1e-12)),
    full: Check::value(0.0).within(1e-12),
    reason: "probabilities from sums of ten thousand terms of one sign: rounding leaves 1e-14",
};

const CHAIN_GAIN: Claim = Claim {
    claim: "neighbours help: accuracy by letter of the chain minus that of softmax regression on the same test words, in standard errors between words",
    source: "the law of the words has 1.27 nats of entropy a letter less than independent letters have, 1.03 for log 10",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(4.0)),
    full: Check::at_least(4.0),
    reason: "four standard errors; words are independent, their letters are not",
};

const VITERBI: Claim = Claim {
    claim: "the likeliest labelling gets more whole test words right than the likeliest letters do, or as many: the difference of the shares",
    source: "the former maximises the probability of the word, the latter the expected number of letters",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.0).within_standard_errors(4.0)),
    full: Check::at_least(0.0).within_standard_errors(4.0),
    reason: "four standard errors of the paired difference",
};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "conditional-energy",
    title: "Energies of labels",
    question: "What do hidden units and neighbours add to an energy whose labels can be summed over?",
    mathematics: r"Where only the labels $y$ are summed over, the conditional density of an energy and its gradient are exact:
        $$p(y \mid x) = \frac{e^{-E(x, y)}}{\sum_{y'} e^{-E(x, y')}} , \qquad \nabla_\theta \log p(y \mid x) = -\nabla_\theta E(x, y) + \sum_{y'} p(y' \mid x) \, \nabla_\theta E(x, y') .$$
        Softmax regression is $E = -(W x + b)_y$. The class machine sums hidden units out as well, and a chain of labels lets neighbours see one another,
        $$E(x, y) = -\sum_t (W x_t + b)_{y_t} - \sum_t A_{y_t, y_{t+1}} ,$$
        whose sum over all labellings is a product of matrices.",
    shows: "Where only the labels are summed over, an energy has an exact conditional density and an exact gradient.\
            \n\nSoftmax regression as an energy model; the class machine, which adds hidden units; a chain that labels made-up words of handwritten digits. Test accuracies come with \
            Wilson's 95 % interval. Digits: Y. LeCun and C. Cortes; E. Alpaydin and C. Kaynak.",
    source: "Lafferty, McCallum and Pereira (2001); Larochelle and Bengio (2008)",
    budget_seconds: 10,
    claims: &[
        SOFTMAX,
        CLASS_EXACT,
        CLASS_ACCURACY,
        CLASS_GAIN,
        MARGINALS,
        CHAIN_GAIN,
        VITERBI,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    let mut table = Table::new(["model", "data", "of", "right", "lower", "upper", "number"]);
    digits::run(ctx, &mut table)?;
    words::run(ctx, &mut table)?;
    ctx.table(
        "accuracies",
        "Shares of the test set that are right, with Wilson's 95 % interval.",
        &table,
    )
}

/// How a model is trained: by momentum, at a rate that falls linearly to a fiftieth.
struct Training {
    n_epochs: u64,
    batch: usize,
    rate: f64,
    decay: Decay,
    seed: Seed,
}

impl Training {
    /// Descends the objective on minibatches of the cases.
    fn run<M: ParametricMut, O: Objective<M>>(
        self,
        model: &mut M,
        objective: O,
        cases: &Array2<f64>,
    ) -> Result<()> {
        let optimiser = Momentum::new(&model.layout(), Constant::new(0.5)?, self.decay)?;
        let mut step = Descent::new(objective, optimiser);
        let mut order = Minibatches::new(
            cases.nrows(),
            self.batch,
            LastBatch::Keep,
            self.seed.child("order"),
        )?;
        let n_steps = self.n_epochs * order.steps_per_epoch();
        let rate = Linear::new(self.rate, self.rate / 50.0, n_steps)?;
        for t in 0..n_steps {
            let x = cases.select(Axis(0), order.batch(t));
            let mut rng = self.seed.child("step").nth(t).rng();
            step.train_step(model, x.view(), rate.value(t), &mut rng)?;
        }
        Ok(())
    }
}

/// Adds a row of the table: how many of some independent answers are right.
fn report(
    table: &mut Table,
    model: &str,
    data: &str,
    of: &str,
    right: &[bool],
) -> Result<crate::statistics::Share> {
    let share = crate::statistics::Share::of(right.iter().copied());
    table.row([
        model.into(),
        data.into(),
        of.into(),
        share.share.into(),
        share.lower.into(),
        share.upper.into(),
        (right.len() as i64).into(),
    ])?;
    Ok(share)
}
