//! The largest flow from a source to a sink, and the smallest cut between them (Boykov and Kolmogorov 2004, "An experimental comparison of
//! min-cut/max-flow algorithms for energy minimization in vision").
//!
//! Two trees grow, one from the source along arcs with room, one from the sink against them. Where they touch there is a path; as much as fits is sent along it, arcs that are
//! full drop out, and the nodes cut off, the *orphans*, look for a new parent in their own tree before they become free. The trees are kept from path to path, which is what makes
//! the method fast on pictures, where paths are short; its worst case is worse than that of push–relabel.
//!
//! When no tree can grow, the nodes of the source's tree are those that can be reached from the source along arcs with room, the nodes of the sink's tree
//! those from which the sink can be reached, and the nodes that are free may lie on either side of a smallest cut. Capacities are doubles. A path is filled to its narrowest arc,
//! whose room becomes zero exactly, so the search ends as it would with integers.

use std::collections::VecDeque;

/// An arc from one node, and the room left in it.
#[derive(Clone, Copy, Debug)]
struct Arc {
    head: u32,
    /// The arc back.
    sister: u32,
    room: f64,
}

/// Which tree a node is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Reached from the source.
    Source,
    /// The sink is reached from it.
    Sink,
    /// Neither: it may be cut off with either.
    Free,
}

/// How a node hangs in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parent {
    /// Not at all.
    None,
    /// By the arc to or from the source or sink itself.
    Terminal,
    /// Its arc filled up, and it waits for another parent.
    Orphan,
    /// By this arc, which leads from the node to its parent.
    Arc(u32),
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Room of the arc from the source, or minus the room of the arc to the sink.
    terminal: f64,
    side: Side,
    parent: Parent,
    is_active: bool,
    /// When the distance was last known to be right.
    time: u32,
    /// The number of arcs to the terminal, at that time.
    distance: u32,
}

/// A network with capacities, and the flow in it.
pub(super) struct MaxFlow {
    nodes: Vec<Node>,
    /// `arcs[first[i]..first[i + 1]]` leave node `i`.
    first: Vec<u32>,
    arcs: Vec<Arc>,
    active: VecDeque<u32>,
    orphans: VecDeque<u32>,
    time: u32,
    flow: f64,
}

impl MaxFlow {
    /// Nodes with `terminals[i]`, the capacity of the arc from the source, or minus that of the arc to the sink; and `(i, j, c, d)`, arcs of capacity `c` from `i` to
    /// `j` and `d` back.
    pub(super) fn new(terminals: &[f64], edges: &[(usize, usize, f64, f64)]) -> Self {
        let mut first = vec![0_u32; terminals.len() + 1];
        for &(i, j, ..) in edges {
            first[i + 1] += 1;
            first[j + 1] += 1;
        }
        for i in 0..terminals.len() {
            first[i + 1] += first[i];
        }
        let mut next = first.clone();
        let none = Arc {
            head: 0,
            sister: 0,
            room: 0.0,
        };
        let mut arcs = vec![none; 2 * edges.len()];
        for &(i, j, there, back) in edges {
            let (a, b) = (next[i], next[j]);
            next[i] += 1;
            next[j] += 1;
            arcs[a as usize] = Arc {
                head: j as u32,
                sister: b,
                room: there,
            };
            arcs[b as usize] = Arc {
                head: i as u32,
                sister: a,
                room: back,
            };
        }
        let node = |terminal: &f64| Node {
            terminal: *terminal,
            side: Side::Free,
            parent: Parent::None,
            is_active: false,
            time: 0,
            distance: 0,
        };
        let mut flow = MaxFlow {
            nodes: terminals.iter().map(node).collect(),
            first,
            arcs,
            active: VecDeque::new(),
            orphans: VecDeque::new(),
            time: 0,
            flow: 0.0,
        };
        flow.run();
        flow
    }

    /// The largest flow, which is the capacity of the smallest cut.
    pub(super) fn flow(&self) -> f64 {
        self.flow
    }

    /// Where a node is in the end.
    pub(super) fn side(&self, node: usize) -> Side {
        self.nodes[node].side
    }

    fn run(&mut self) {
        for i in 0..self.nodes.len() {
            let node = &mut self.nodes[i];
            if node.terminal != 0.0 {
                node.side = if node.terminal > 0.0 {
                    Side::Source
                } else {
                    Side::Sink
                };
                node.parent = Parent::Terminal;
                node.distance = 1;
                self.activate(i as u32);
            }
        }
        let mut current = None;
        while let Some(node) = current.take().or_else(|| self.next_active()) {
            if self.nodes[node as usize].parent == Parent::None {
                continue;
            }
            let path = self.grow(node);
            self.time += 1;
            if let Some(middle) = path {
                // The node may touch the other tree again.
                current = Some(node);
                self.augment(middle);
                while let Some(orphan) = self.orphans.pop_front() {
                    self.adopt(orphan);
                }
            }
        }
    }

    fn activate(&mut self, node: u32) {
        if !self.nodes[node as usize].is_active {
            self.nodes[node as usize].is_active = true;
            self.active.push_back(node);
        }
    }

    fn next_active(&mut self) -> Option<u32> {
        let node = self.active.pop_front()?;
        self.nodes[node as usize].is_active = false;
        Some(node)
    }

    fn arcs_of(&self, node: u32) -> std::ops::Range<u32> {
        self.first[node as usize]..self.first[node as usize + 1]
    }

    fn arc(&self, a: u32) -> Arc {
        self.arcs[a as usize]
    }

    /// The room that a tree on this side sees in an arc that leaves one of its nodes: along it from the source, against it from the sink.
    fn room(&self, a: u32, side: Side) -> f64 {
        let arc = self.arc(a);
        match side {
            Side::Source => arc.room,
            _ => self.arc(arc.sister).room,
        }
    }

    /// Takes free neighbours into the tree of a node, or finds an arc from the source's tree to the sink's.
    fn grow(&mut self, node: u32) -> Option<u32> {
        let Node {
            side, time, distance, ..
        } = self.nodes[node as usize];
        for a in self.arcs_of(node) {
            if self.room(a, side) <= 0.0 {
                continue;
            }
            let Arc { head, sister, .. } = self.arc(a);
            let other = &mut self.nodes[head as usize];
            if other.side == Side::Free {
                other.side = side;
                other.parent = Parent::Arc(sister);
                other.time = time;
                other.distance = distance + 1;
                self.activate(head);
            } else if other.side != side {
                return Some(if side == Side::Source { a } else { sister });
            } else if other.time <= time && other.distance > distance {
                // A shorter way to the terminal keeps trees flat.
                other.parent = Parent::Arc(sister);
                other.time = time;
                other.distance = distance + 1;
            }
        }
        None
    }

    /// Sends as much as fits along the path through the arc `middle` and cuts off what hangs on full arcs.
    fn augment(&mut self, middle: u32) {
        let ends = [
            (Side::Source, self.arc(self.arc(middle).sister).head),
            (Side::Sink, self.arc(middle).head),
        ];
        let mut least = self.arc(middle).room;
        for (side, start) in ends {
            let mut node = start;
            while let Parent::Arc(a) = self.nodes[node as usize].parent {
                least = least.min(self.room(self.arc(a).sister, side));
                node = self.arc(a).head;
            }
            least = least.min(self.nodes[node as usize].terminal.abs());
        }
        self.send(middle, least);
        for (side, start) in ends {
            let mut node = start;
            while let Parent::Arc(a) = self.nodes[node as usize].parent {
                let sister = self.arc(a).sister;
                let downwards = if side == Side::Source { sister } else { a };
                self.send(downwards, least);
                if self.arc(downwards).room <= 0.0 {
                    self.nodes[node as usize].parent = Parent::Orphan;
                    self.orphans.push_front(node);
                }
                node = self.arc(a).head;
            }
            let root = &mut self.nodes[node as usize];
            root.terminal -= if side == Side::Source { least } else { -least };
            if root.terminal == 0.0 {
                root.parent = Parent::Orphan;
                self.orphans.push_front(node);
            }
        }
        self.flow += least;
    }

    fn send(&mut self, a: u32, amount: f64) {
        let sister = self.arc(a).sister;
        self.arcs[a as usize].room -= amount;
        self.arcs[sister as usize].room += amount;
    }

    /// Hangs an orphan on the neighbour in its tree that is nearest to the terminal, or sets it free and makes orphans of its children.
    fn adopt(&mut self, orphan: u32) {
        let side = self.nodes[orphan as usize].side;
        let mut best: Option<(u32, u32)> = None;
        for a in self.arcs_of(orphan) {
            let Arc { head, sister, .. } = self.arc(a);
            // From the neighbour to the orphan.
            if self.room(sister, side) <= 0.0 || self.nodes[head as usize].side != side {
                continue;
            }
            if let Some(distance) = self.distance_to_terminal(head) {
                if best.is_none_or(|(_, shortest)| distance < shortest) {
                    best = Some((a, distance));
                }
                self.mark(head, distance);
            }
        }
        if let Some((a, distance)) = best {
            let node = &mut self.nodes[orphan as usize];
            node.parent = Parent::Arc(a);
            node.time = self.time;
            node.distance = distance + 1;
            return;
        }
        for a in self.arcs_of(orphan) {
            let Arc { head, sister, .. } = self.arc(a);
            let Node {
                side: its, parent, ..
            } = self.nodes[head as usize];
            if its != side || parent == Parent::None {
                continue;
            }
            if self.room(sister, side) > 0.0 {
                self.activate(head);
            }
            if let Parent::Arc(up) = parent
                && self.arc(up).head == orphan
            {
                self.nodes[head as usize].parent = Parent::Orphan;
                self.orphans.push_back(head);
            }
        }
        let node = &mut self.nodes[orphan as usize];
        node.side = Side::Free;
        node.parent = Parent::None;
    }

    /// The number of arcs from a node of a tree to its terminal, or `None` if it hangs on an orphan.
    fn distance_to_terminal(&self, mut node: u32) -> Option<u32> {
        let mut distance = 0;
        loop {
            let Node {
                time,
                distance: known,
                parent,
                ..
            } = self.nodes[node as usize];
            if time == self.time && parent != Parent::Orphan {
                return Some(distance + known);
            }
            distance += 1;
            match parent {
                Parent::Terminal => return Some(distance),
                Parent::Arc(a) => node = self.arc(a).head,
                Parent::Orphan | Parent::None => return None,
            }
        }
    }

    /// Writes down the distances on the way to the terminal, so that the next search can stop at them.
    fn mark(&mut self, mut node: u32, mut distance: u32) {
        while self.nodes[node as usize].time != self.time {
            self.nodes[node as usize].time = self.time;
            self.nodes[node as usize].distance = distance;
            let Parent::Arc(a) = self.nodes[node as usize].parent else {
                return;
            };
            node = self.arc(a).head;
            distance -= 1;
        }
    }
}
