//! What machines of large digits dream of, judged and shown.

use gibbsian_core::Seed;
use gibbsian_data::Mnist;
use ndarray::{Array2, ArrayView2, s};
use rand::seq::index;

use crate::judge::Judge;
use crate::pictures::Judged;
use crate::{Check, Claim, Context, ImageGrid, Provenance, Result, Table};

/// What a judge of large digits must know.
pub const JUDGE: Claim = Claim {
    claim: "the judge of the fantasies, nearest neighbours that know nothing of the machine, has a test accuracy of at least 97 %",
    source: "the requirement on the judge; LeCun et al. (1998) report 95.0 to 97.6 % for nearest neighbours",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_least(0.97)),
    full: Check::at_least(0.97),
    reason: "the requirement itself",
};

/// What keeps a machine from passing training digits for its own.
pub const NO_COPIES: Claim = Claim {
    claim: "fantasies are no copies: their median distance to the nearest training digit over that of test digits",
    source: "a copy has distance zero, a new digit that of test digits",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::between(0.5, 1.5)),
    full: Check::between(0.5, 1.5),
    reason: "set before the run: within half of what unseen real digits show",
};

/// The pictures that are shown.
const N_SHOWN: usize = 100;
/// Real digits that fantasies are compared with.
const N_REAL: usize = 1_000;

/// A judge of large digits, and what it says of real ones that it has not seen.
pub struct DigitJudge<'a> {
    digits: &'a Mnist,
    judge: Judge,
    real: Judged,
}

impl<'a> DigitJudge<'a> {
    /// The judge that knows the training digits, and looks at a thousand test digits that `seed` draws: the first of them were written by neater hands than the others.
    pub fn new(digits: &'a Mnist, seed: Seed) -> Result<Self> {
        let judge = Judge::new(&digits.train)?;
        let images = digits.test.images();
        let drawn = index::sample(&mut seed.rng(), images.n(), N_REAL.min(images.n())).into_vec();
        let real = Array2::from_shape_fn((drawn.len(), images.dim()), |(b, i)| {
            f64::from(images.pixels(drawn[b])[i]) / 255.0
        });
        let real = Judged(judge.judge(real.view(), images.height(), images.width()));
        Ok(DigitJudge { digits, judge, real })
    }

    /// Its accuracy on all test digits.
    pub fn accuracy(&self) -> Result<f64> {
        self.judge.accuracy(&self.digits.test)
    }

    /// What it says of pictures.
    pub fn judge(&self, pictures: ArrayView2<f64>) -> Judged {
        let images = self.digits.test.images();
        Judged(self.judge.judge(pictures, images.height(), images.width()))
    }

    /// Its mean confidence over that on real digits.
    pub fn confidence(&self, said: &Judged) -> f64 {
        said.confidence() / self.real.confidence()
    }

    /// The median distance to the nearest training digit over that of real digits.
    pub fn distance(&self, said: &Judged) -> f64 {
        said.distance() / self.real.distance()
    }

    /// The first hundred of the pictures, and a table of what the judge sees in all.
    pub fn show(
        &self,
        ctx: &mut Context,
        caption: &str,
        pictures: ArrayView2<f64>,
        said: &Judged,
    ) -> Result<()> {
        let mut table = Table::new(["digit", "share_of_fantasies"]);
        for class in 0..10u8 {
            table.row([i64::from(class).into(), said.share(class).into()])?;
        }
        ctx.table("classes", "What the judge sees in the fantasies.", &table)?;
        self.grid(ctx, "fantasies", caption, pictures, 20)
    }

    /// Pictures side by side, so many a row and a hundred at most.
    pub fn grid(
        &self,
        ctx: &mut Context,
        name: &str,
        caption: &str,
        pictures: ArrayView2<f64>,
        columns: usize,
    ) -> Result<()> {
        let images = self.digits.test.images();
        let shown = pictures.slice(s![..N_SHOWN.min(pictures.nrows()), ..]);
        let grid = ImageGrid::new(shown, images.height(), images.width()).columns(columns);
        ctx.images(name, caption, &grid)
    }
}
