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
    question: "How good is a learned score where there are no data?",
    mathematics: r"Score matching weighs errors by the density of the data, $D = \tfrac{1}{2} \mathbb{E}_p \lVert \nabla \log p - s \rVert^2$. Two normal modes at $\pm m$ with the weights $w$ and $1 - w$ differ from those with $w'$ and $1 - w'$ by
        $$\mathrm{TV} = |w - w'| \left( 2 \Phi(m) - 1 \right) , \qquad D = O \left( m \, e^{-m^2 / 2} \right) ,$$
        so a nearly perfect score knows almost nothing of the weights of far modes. On a line of data the score across the line does not exist; in noise $\sigma$ it is $-y / \sigma^2$ at the distance $y$. Noise divides $m$ by $\sqrt{1 + \sigma^2}$, and where that makes $m < 1$ a score bounds the weights: in the units of the noisy modes
        $$2 \left( 1 - m^2 \right) \mathrm{TV}^2 \le D .$$",
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
