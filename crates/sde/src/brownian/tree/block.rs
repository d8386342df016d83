//! The way down a Brownian tree and back up.
//!
//! A time is reached by cuts: each node on its way is cut at its midpoint, the last one at the time itself. An interval is the union of what lies right of the way to its start and left of the way to its end, below
//! the node where both part. Both ways are remembered, and the next question goes on from them.

use gibbsian_core::Streams;
use gibbsian_core::simd::{LaneRng, fill_standard_normal};
use ndarray::{Array2, ArrayViewMut2};

use super::super::BrownianBlock;
use super::super::fresh::fill;
use super::BrownianTree;

/// A node: its number, 1 for the root and `2n`, `2n + 1` for the halves of `n`, and its interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    pub(super) number: u64,
    pub(super) early: f64,
    pub(super) late: f64,
}

impl Node {
    pub(super) fn root(tree: &BrownianTree) -> Self {
        Node {
            number: 1,
            early: tree.early,
            late: tree.late,
        }
    }

    pub(super) fn middle(&self) -> f64 {
        self.early + 0.5 * (self.late - self.early)
    }

    /// Whether it is the first half of its parent.
    fn is_first(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    pub(super) fn half(&self, middle: f64, second: bool) -> Self {
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

/// The paths of one block of rows.
pub(super) struct Block<'t> {
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

impl<'t> Block<'t> {
    /// The paths of block number `block`, whose nodes draw from `streams`.
    pub(super) fn new(tree: &'t BrownianTree, streams: Streams, independent: Streams, block: usize) -> Self {
        Block {
            tree,
            streams,
            block,
            whole: Part::default(),
            from: Way::default(),
            to: Way::default(),
            draws: Vec::new(),
            unused: Array2::default((0, 0)),
            independent: LaneRng::new(independent, block),
        }
    }

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
