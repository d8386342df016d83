//! A path that nobody keeps, and that can be asked anything.
//!
//! A virtual Brownian tree halves an interval again and again. What happens in a node given what happened in its parent follows from normal numbers of the node's own, and these from the seed and the number of the
//! node alone; so every part of the path can be computed when it is asked for, the same each time (Gaines and Lyons 1997; Kidger 2021, section 5.5.2; with areas Jelinčič, Foster and Kidger 2024).
//!
//! **The law at a cut.** Let an interval of length `h` with increment `W` and area `H` be cut into shares `a` and `b = 1 − a`. Increments and areas `(W₁, H₁)`, `(W₂, H₂)` of the parts are independent with variances
//! `ah`, `ah/12`, `bh`, `bh/12`, and because integrals add,
//!
//! `W = W₁ + W₂`,  `H = ½ b W₁ − ½ a W₂ + a H₁ + b H₂`.
//!
//! Hence `Cov(W₁, H) = ½ ab h = 6ab Var H` and `Cov(H₁, H) = a² h/12 = a² Var H`. Conditioning a normal law on `(W, H)` subtracts what these explain:
//! with `c = a³ + b³ = 1 − 3ab` the remainder of `W₁` has variance `ab h − 36 a²b² h/12 = abc h`, and its covariance with those of `H₁` and `H₂` is `−½ a³b h` and `−½ ab³ h`. So
//!
//! `W₁ = a W + 6ab H + Z`,  `H₁ = a² H − a²/(2c) Z + b N`,
//! `W₂ = b W − 6ab H − Z`,  `H₂ = b² H − b²/(2c) Z − a N`,  `Z ~ N(0, abc h)`,  `N ~ N(0, ab h/(12c))`,
//!
//! where the second sum above fixes `a H₁ + b H₂`, and with it the signs of `N`. At the midpoint `Z` has variance `h/16` and `N` variance `h/12`: theirs.
//! Rejected: to compute values of the path and subtract them. Increments and, more so, areas of short intervals lose digits by that; here the parts of an interval are put together by the two sums, in which
//! nothing cancels.
//!
//! **Times between.** At the greatest depth an interval is cut once more, at the very time that is asked for. Times that are ends of nodes, and one more inside each interval of the greatest depth, have exactly the law of a
//! Brownian motion, together. Two times in the inside of one such interval are each right by themselves, but both are made of the same two numbers; a grid that has such times is refused, and wants
//! a greater depth.

mod block;

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::{Seed, Streams};
use ndarray::arr0;

use self::block::{Block, Node};
use super::{BrownianBlock, BrownianMotion};
use crate::grid::TimeGrid;

/// A Brownian motion on an interval that is computed from its seed when it is asked for: any part, in any order, as often as one likes.
///
/// The answer to a question does not depend on the questions before. Each block of rows has streams of its own. Neighbouring questions share most of their way down the tree, which is remembered: solving from end to
/// end in steps that are ends of nodes costs a number of draws a step that does not grow with the number of steps; a time that is none costs the whole depth. A tree for one grid need be no deeper than
/// to part its times: [`BrownianTree::with_depth`].
///
/// ```
/// use gibbsian_core::Seed;
/// use gibbsian_sde::{BrownianMotion, BrownianTree};
/// use ndarray::Array2;
///
/// let tree = BrownianTree::new(0.0, 1.0, Seed::new(1))?;
/// let mut block = tree.block(0, 0);
/// let (mut w, mut first, mut second) = (Array2::zeros((3, 2)), Array2::zeros((3, 2)), Array2::zeros((3, 2)));
/// block.increment_into(0.2, 0.9, w.view_mut());
/// block.increment_into(0.6, 0.9, second.view_mut());
/// block.increment_into(0.2, 0.6, first.view_mut());
/// assert!((first + second - w).iter().all(|e| e.abs() < 1e-14));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrownianTree {
    early: f64,
    late: f64,
    depth: u32,
    seed: Seed,
}

impl BrownianTree {
    /// The number of halvings unless another is asked for: intervals of `2 · 10⁻¹⁰` of the whole.
    pub const DEPTH: u32 = 32;

    /// The tree over the interval between two times, in whichever order, as deep as [`BrownianTree::DEPTH`] or as floating-point numbers allow.
    ///
    /// # Errors
    /// Times that are not finite, or not different.
    pub fn new(from: f64, to: f64, seed: Seed) -> Result<Self> {
        check_finite("from", &arr0(from))?;
        check_finite("to", &arr0(to))?;
        let (early, late) = (from.min(to), from.max(to));
        if early == late || !(late - early).is_finite() {
            let requirement = format!("a time at a finite distance from the other end, {from}");
            return Err(Error::parameter("to", to, requirement));
        }
        Ok(BrownianTree {
            early,
            late,
            depth: most_halvings(early, late).min(BrownianTree::DEPTH),
            seed,
        })
    }

    /// The same with another number of halvings: another path.
    ///
    /// # Errors
    /// A depth that floating-point numbers between the ends do not resolve.
    pub fn with_depth(self, depth: u32) -> Result<Self> {
        let most = most_halvings(self.early, self.late);
        if depth > most {
            return Err(Error::parameter(
                "depth",
                depth,
                format!("at most {most} between {} and {}", self.early, self.late),
            ));
        }
        Ok(BrownianTree { depth, ..self })
    }

    /// The number of halvings.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The length of the smallest intervals, `|to − from| / 2^depth`.
    pub fn resolution(&self) -> f64 {
        (self.late - self.early) * 0.5_f64.powi(self.depth as i32)
    }

    /// A time between `a` and `b` that is cheapest to ask for: an end of nodes as large as possible, and `b` where the smallest nodes are too large to have one there.
    ///
    /// ```
    /// use gibbsian_core::Seed;
    /// use gibbsian_sde::BrownianTree;
    /// let tree = BrownianTree::new(0.0, 1.0, Seed::new(1))?;
    /// assert_eq!(tree.cheapest_between(0.30, 0.40), 0.375);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn cheapest_between(&self, a: f64, b: f64) -> f64 {
        let (first, last) = (a.min(b), a.max(b));
        for end in [self.early, self.late] {
            if first <= end && end <= last {
                return end;
            }
        }
        let mut node = Node::root(self);
        for _ in 0..self.depth {
            let middle = node.middle();
            if first <= middle && middle <= last {
                return middle;
            }
            node = node.half(middle, middle < first);
        }
        b
    }

    /// The number of the smallest interval that has `t` inside; none for ends of nodes.
    fn leaf(&self, t: f64) -> Option<u64> {
        let mut node = Node::root(self);
        for _ in 0..self.depth {
            let middle = node.middle();
            if t == middle {
                return None;
            }
            node = node.half(middle, t > middle);
        }
        (node.early < t && t < node.late).then_some(node.number)
    }
}

/// The number of times that an interval can be halved so that every halving finds a time inside, whatever its rounding, and numbers of nodes fit their type.
fn most_halvings(early: f64, late: f64) -> u32 {
    let spacing = f64::EPSILON * early.abs().max(late.abs());
    ((late - early) / (4.0 * spacing)).log2().clamp(0.0, 60.0) as u32
}

impl BrownianMotion for BrownianTree {
    fn check(&self, grid: &TimeGrid, _: usize, _: usize) -> Result<()> {
        let times = grid.times();
        for (i, &t) in times.iter().enumerate() {
            if !(self.early..=self.late).contains(&t) {
                return Err(Error::parameter(
                    format!("times[{i}]"),
                    t,
                    format!(
                        "in the interval of the Brownian tree, [{}, {}]",
                        self.early, self.late
                    ),
                ));
            }
            if i > 0
                && self
                    .leaf(t)
                    .is_some_and(|leaf| self.leaf(times[i - 1]) == Some(leaf))
            {
                return Err(Error::parameter(
                    format!("times[{i}]"),
                    t,
                    format!(
                        "in another of the smallest intervals of the Brownian tree than {}, or the tree deeper than {}",
                        times[i - 1],
                        self.depth
                    ),
                ));
            }
        }
        Ok(())
    }

    fn block(&self, block: usize, _: usize) -> Box<dyn BrownianBlock + '_> {
        let streams = |name| Streams::from_key(self.seed.child(name).value());
        Box::new(Block::new(self, streams("tree"), streams("independent"), block))
    }
}
