//! Where data are rare a learned score is wrong, and noise repairs it.
//!
//! Score matching weighs the error of a score by the density of the data. Song and Ermon (2019, section 3) name three troubles that follow, and the cure.
//!
//! - `modes`: between two far modes there are no data, and the score near each tells nothing of their weights. The Fisher divergence of a law with wrong weights
//!   vanishes as `exp(−m²/2)` in the distance `m`, its total variation does not.
//! - `line`: on data that lie on a line in the plane the score across the line does not exist, and the loss of score matching has no minimum. In noise it is `−y/σ²`.
//! - `trained`: the error of networks against the density of the data, with little noise and with much.

mod line;
mod modes;
mod trained;

use crate::{Context, Experiment, Result};

/// See the top of the file.
pub const EXPERIMENT: Experiment = Experiment {
    id: "low-density",
    title: "Scores where data are rare",
    shows: "A learned score is good where data are and bad where they are not: between far modes it knows nothing of their weights, across a line of data it does not exist.\
            \n\nAdded noise fills the space. In noise as large as the distance of a mode from the middle the Fisher divergence bounds the error of their weights, and the errors of \
            trained networks in sparse and dense places come nearer to each other.",
    source: "Song and Ermon (2019), sections 3.1 and 3.2; Wenliang and Kanagawa (2020)",
    budget_seconds: 10,
    claims: &[
        modes::TOTAL_VARIATION,
        modes::BLIND,
        modes::VANISHES,
        modes::SEES,
        line::NORMAL,
        line::UNBOUNDED,
        line::EXACT,
        trained::RARE,
        trained::REPAIRED,
    ],
    run,
};

fn run(ctx: &mut Context) -> Result<()> {
    ctx.progress(0, 3, "far modes");
    modes::measure(ctx)?;
    ctx.progress(1, 3, "a line in the plane");
    line::measure(ctx)?;
    ctx.progress(2, 3, "networks");
    trained::measure(ctx)
}
