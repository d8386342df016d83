//! A path that nobody keeps, and that can be asked anything.
//!
//! A virtual Brownian tree halves an interval again and again. What happens in a node given what happened in its parent follows from normal numbers of the node's own, and these from the seed and the number of the
//! node alone; so every part of the path can be computed when it is asked for, the same each time (Gaines and Lyons 1997; Kidger 2022, section 5.5.2; with areas Jelinčič, Foster and Kidger 2024).
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

use gibbsian_core::error::{Error, Result, check_finite};
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use gibbsian_core::{Seed, Streams};
use ndarray::{Array2, ArrayViewMut2, aview1};

use super::fresh::fill;
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
        check_finite("from", &aview1(&[from]))?;
        check_finite("to", &aview1(&[to]))?;
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
        Box::new(Block {
            tree: self,
            streams: streams("tree"),
            block,
            whole: Part::default(),
            from: Way::default(),
            to: Way::default(),
            draws: Vec::new(),
            unused: Array2::default((0, 0)),
            independent: LaneRng::new(streams("independent"), block),
        })
    }
}

/// A node: its number, 1 for the root and `2n`, `2n + 1` for the halves of `n`, and its interval.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    number: u64,
    early: f64,
    late: f64,
}

impl Node {
    fn root(tree: &BrownianTree) -> Self {
        Node {
            number: 1,
            early: tree.early,
            late: tree.late,
        }
    }

    fn middle(&self) -> f64 {
        self.early + 0.5 * (self.late - self.early)
    }

    /// Whether it is the first half of its parent.
    fn is_first(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    fn half(&self, middle: f64, second: bool) -> Self {
        Node {
            number: 2 * self.number + u64::from(second),
            early: if second { middle } else { self.early },
            late: if second { self.late } else { middle },
        }
    }
}

/// Increments and areas over an interval, one of each for every number of a block.
#[derive(Debug, Default)]
struct Part {
    w: Vec<f64>,
    area: Vec<f64>,
}

impl Part {
    fn resize(&mut self, n: usize) {
        self.w.resize(n, 0.0);
        self.area.resize(n, 0.0);
    }
}

/// A node that has been cut, and what happens in the two parts.
#[derive(Debug, Default)]
struct Cut {
    node: Node,
    at: f64,
    first: Part,
    second: Part,
}

/// The cuts on the way from the root to a time: the last is at that time. It is empty for the ends of the tree.
#[derive(Debug, Default)]
struct Way {
    /// Those from `length` on are kept for their memory.
    cuts: Vec<Cut>,
    length: usize,
}

impl Way {
    fn cuts(&self) -> &[Cut] {
        &self.cuts[..self.length]
    }

    /// Where it leads; none if it is empty.
    fn end(&self) -> Option<f64> {
        self.cuts().last().map(|cut| cut.at)
    }
}

struct Block<'t> {
    tree: &'t BrownianTree,
    streams: Streams,
    block: usize,
    whole: Part,
    /// Ways to the ends of the interval that was asked for last.
    from: Way,
    to: Way,
    draws: Vec<f64>,
    /// Areas that nobody asked for.
    unused: Array2<f64>,
    independent: LaneRng,
}

impl Block<'_> {
    /// Standard normal numbers of a node, 2 for each of `n`.
    fn draw(&mut self, node: u64, n: usize) {
        self.draws.resize(2 * n, 0.0);
        let mut rng = LaneRng::new(self.streams.part(node), self.block);
        fill_standard_normal(&mut rng, &mut self.draws);
    }

    /// Forgets what it remembers if that is of another number of motions, and draws the whole path's increment and area.
    fn prepare(&mut self, n: usize) {
        if self.whole.w.len() == n {
            return;
        }
        (self.from, self.to) = (Way::default(), Way::default());
        self.whole.resize(n);
        self.draw(0, n);
        let h = self.tree.late - self.tree.early;
        let (w, area) = self.draws.split_at(n);
        let scaled = |out: &mut [f64], z: &[f64], deviation: f64| {
            out.iter_mut().zip(z).for_each(|(out, z)| *out = deviation * z);
        };
        scaled(&mut self.whole.w, w, h.sqrt());
        scaled(&mut self.whole.area, area, (h / 12.0).sqrt());
    }

    /// Makes `way` lead to `t`, keeping what it has in common with where it led before.
    fn lead(&mut self, way: &mut Way, t: f64) {
        let (mut node, mut level) = (Node::root(self.tree), 0);
        while node.early < t && t < node.late {
            let deepest = level == self.tree.depth as usize;
            let at = if deepest { t } else { node.middle() };
            let known =
                level < way.length && way.cuts[level].node.number == node.number && way.cuts[level].at == at;
            if !known {
                self.cut(way, level, node, at);
                way.length = level + 1;
            }
            level += 1;
            if at == t {
                break;
            }
            node = node.half(at, t > at);
        }
        way.length = level;
    }

    /// Cuts a node; see the module for the law.
    fn cut(&mut self, way: &mut Way, level: usize, node: Node, at: f64) {
        let n = self.whole.w.len();
        self.draw(node.number, n);
        if way.cuts.len() == level {
            way.cuts.push(Cut::default());
        }
        let (above, below) = way.cuts.split_at_mut(level);
        let parent = match above.last() {
            None => &self.whole,
            Some(cut) if node.is_first() => &cut.first,
            Some(cut) => &cut.second,
        };
        let Cut { first, second, .. } = &mut below[0];
        first.resize(n);
        second.resize(n);

        let h = node.late - node.early;
        let (a, b) = ((at - node.early) / h, (node.late - at) / h);
        let c = 1.0 - 3.0 * a * b;
        let (deviation_z, deviation_n) = ((a * b * c * h).sqrt(), (a * b * h / (12.0 * c)).sqrt());
        for i in 0..n {
            let (w, area) = (parent.w[i], parent.area[i]);
            let (z_i, n_i) = (deviation_z * self.draws[i], deviation_n * self.draws[n + i]);
            let tilt = 6.0 * a * b * area + z_i;
            first.w[i] = a * w + tilt;
            second.w[i] = b * w - tilt;
            let bend = area - z_i / (2.0 * c);
            first.area[i] = a * a * bend + b * n_i;
            second.area[i] = b * b * bend - a * n_i;
        }
        (below[0].node, below[0].at) = (node, at);
    }

    /// The increment and the area over `[s, t]`, `s < t`.
    fn interval(&mut self, s: f64, t: f64, w: &mut [f64], area: &mut [f64]) {
        self.prepare(w.len());
        let (mut from, mut to) = (std::mem::take(&mut self.from), std::mem::take(&mut self.to));
        // A step goes on where the last one ended.
        if to.end() == Some(s) || from.end() == Some(t) {
            std::mem::swap(&mut from, &mut to);
        }
        self.lead(&mut from, s);
        self.lead(&mut to, t);

        let common = (from.cuts().iter().zip(to.cuts()))
            .take_while(|(one, other)| one.node.number == other.node.number)
            .count();
        let mut sum = Sum {
            w,
            area,
            start: s,
            end: s,
        };
        match common
            .checked_sub(1)
            .map(|last| (&from.cuts[last], &to.cuts[last]))
        {
            Some((one, other)) if one.at != other.at => {
                sum.add(&one.second, one.node.late);
                sum.take_away(&other.second, t);
            }
            _ => {
                // Up from `s`, where everything right of the way belongs to the interval, and down to `t`, where everything left of it does.
                let (up, down) = (&from.cuts()[common..], &to.cuts()[common..]);
                for (k, cut) in up.iter().enumerate().rev() {
                    if up.get(k + 1).is_none_or(|next| next.node.is_first()) {
                        sum.add(&cut.second, cut.node.late);
                    }
                }
                if from.length == 0 && to.length == 0 {
                    sum.add(&self.whole, t);
                }
                for (k, cut) in down.iter().enumerate() {
                    if down.get(k + 1).is_none_or(|next| !next.node.is_first()) {
                        sum.add(&cut.first, cut.at);
                    }
                }
            }
        }
        (self.from, self.to) = (from, to);
    }
}

/// Increment and area over an interval that grows at its end.
struct Sum<'a> {
    w: &'a mut [f64],
    area: &'a mut [f64],
    start: f64,
    end: f64,
}

impl Sum<'_> {
    /// Adds the part from the end to `end`.
    fn add(&mut self, part: &Part, end: f64) {
        if self.end == self.start {
            self.w.copy_from_slice(&part.w);
            self.area.copy_from_slice(&part.area);
        } else {
            let h = end - self.start;
            let (a, b) = ((self.end - self.start) / h, (end - self.end) / h);
            for (i, (w, area)) in self.w.iter_mut().zip(self.area.iter_mut()).enumerate() {
                *area = 0.5 * (b * *w - a * part.w[i]) + a * *area + b * part.area[i];
                *w += part.w[i];
            }
        }
        self.end = end;
    }

    /// Takes away the part from `end` to the end: the inverse.
    fn take_away(&mut self, part: &Part, end: f64) {
        let h = self.end - self.start;
        let (a, b) = ((end - self.start) / h, (self.end - end) / h);
        for (i, (w, area)) in self.w.iter_mut().zip(self.area.iter_mut()).enumerate() {
            *w -= part.w[i];
            *area = (*area - 0.5 * (b * *w - a * part.w[i]) - b * part.area[i]) / a;
        }
        self.end = end;
    }
}

impl BrownianBlock for Block<'_> {
    fn increment_into(&mut self, from: f64, to: f64, increment: ArrayViewMut2<f64>) {
        let mut unused = std::mem::take(&mut self.unused);
        if unused.dim() != increment.dim() {
            unused = Array2::zeros(increment.dim());
        }
        self.increment_and_area_into(from, to, increment, unused.view_mut());
        self.unused = unused;
    }

    /// # Panics
    /// A time outside the tree; [`BrownianMotion::check`] says so first.
    fn increment_and_area_into(
        &mut self,
        from: f64,
        to: f64,
        mut increment: ArrayViewMut2<f64>,
        mut area: ArrayViewMut2<f64>,
    ) {
        let span = self.tree.early..=self.tree.late;
        assert!(
            span.contains(&from) && span.contains(&to),
            "the tree over {span:?} has no interval from {from} to {to}"
        );
        if from == to {
            increment.fill(0.0);
            area.fill(0.0);
            return;
        }
        let w = increment.as_slice_mut().expect("an array in standard layout");
        let h = area.as_slice_mut().expect("an array in standard layout");
        self.interval(from.min(to), from.max(to), w, h);
        if to < from {
            // The path above its chord is the same from both ends.
            w.iter_mut().for_each(|w| *w = -*w);
        }
    }

    fn independent_into(&mut self, mut z: ArrayViewMut2<f64>) {
        fill(&mut self.independent, &mut z, 1.0);
    }
}
