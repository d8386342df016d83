//! The order of a stage's steps, and room for what they compute.

use std::collections::{HashMap, HashSet};

use crate::conv::{WeightGradient, packed};
use crate::fused::Fused;
use crate::graph::{Graph, Op, Param, Var};
use crate::plan::{Output, Place, PlannedStage, Single, Stage, Step, Term};
use crate::pullback::Reduction;

/// Memory of one block that nodes come into and go out of.
#[derive(Debug, Default)]
struct Scratch {
    size: usize,
    free: Vec<(usize, usize)>,
}

impl Scratch {
    fn take(&mut self, width: usize) -> usize {
        // The smallest gap that is wide enough.
        let gaps = self.free.iter().enumerate().filter(|(_, gap)| gap.1 >= width);
        if let Some((k, _)) = gaps.min_by_key(|(_, gap)| gap.1) {
            let (first, length) = self.free.swap_remove(k);
            if length > width {
                self.free.push((first + width, length - width));
            }
            return first;
        }
        self.size += width;
        self.size - width
    }

    fn give_back(&mut self, first: usize, width: usize) {
        let (mut first, mut end) = (first, first + width);
        // Neighbouring gaps become one.
        self.free.retain(|&(start, length)| {
            let touches = start + length == first || end == start;
            if touches {
                (first, end) = (first.min(start), end.max(start + length));
            }
            !touches
        });
        self.free.push((first, end - first));
    }
}

pub(crate) struct Layout<'a> {
    pub(crate) graph: &'a Graph,
    /// The stage that computes each needed node.
    stage: HashMap<Var, usize>,
    /// The nodes that are made from each.
    consumers: HashMap<Var, Vec<Var>>,
    is_kept: HashSet<Var>,
    /// How many later uses a scratch node has.
    uses: HashMap<Var, usize>,
    places: HashMap<Var, Place>,
    scratch: Scratch,
    kept: usize,
    /// The numbers of registers that fused steps need.
    registers: usize,
}

impl<'a> Layout<'a> {
    pub(crate) fn new(graph: &'a Graph, stages: &[Stage]) -> Self {
        let mut layout = Layout {
            graph,
            stage: HashMap::new(),
            consumers: HashMap::new(),
            is_kept: HashSet::new(),
            uses: HashMap::new(),
            places: HashMap::new(),
            scratch: Scratch::default(),
            kept: 0,
            registers: 0,
        };
        for (s, stage) in stages.iter().enumerate() {
            // What is asked for is kept until the run ends.
            let reduced = stage.gradients.iter().flatten().flat_map(|r| r.operands());
            for x in stage.outputs.iter().copied().chain(reduced) {
                layout.need(x, s);
                layout.is_kept.insert(x);
            }
        }
        // A node that a later stage uses is kept, too; so are inputs, which are there before anything is computed.
        for (&x, &s) in &layout.stage {
            for operand in graph.node(x).op.operands() {
                layout.consumers.entry(operand).or_default().push(x);
                *layout.uses.entry(operand).or_default() += 1;
                if layout.stage[&operand] < s {
                    layout.is_kept.insert(operand);
                }
            }
        }
        layout
    }

    /// Numbers a row of the memory that blocks share.
    pub(crate) fn scratch(&self) -> usize {
        self.scratch.size
    }

    /// Numbers a row of the memory that every block has.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Registers of the fused step that needs most.
    pub(crate) fn registers(&self) -> usize {
        self.registers
    }

    /// Columns of the widest node, at least one.
    pub(crate) fn widest(&self) -> usize {
        let widths = self.stage.keys().map(|x| self.graph.width(*x));
        widths.max().unwrap_or(1).max(1)
    }

    /// Marks a node and what it is made from as needed in a stage, unless an earlier one needs it.
    fn need(&mut self, x: Var, stage: usize) {
        let mut open = vec![x];
        while let Some(x) = open.pop() {
            if self.stage.contains_key(&x) {
                continue;
            }
            self.stage.insert(x, stage);
            open.extend(self.graph.node(x).op.operands());
        }
    }

    pub(crate) fn plan_stage(&mut self, s: usize, stage: &Stage) -> PlannedStage {
        let mut nodes: Vec<Var> = self
            .stage
            .iter()
            .filter(|(_, t)| **t == s)
            .map(|(x, _)| *x)
            .collect();
        nodes.sort_unstable();
        let mut steps = Vec::with_capacity(nodes.len());
        let mut group: Vec<Var> = Vec::new();
        for x in nodes {
            if self.is_constant(x) && !self.needs_memory(x) {
                continue;
            }
            let belongs = self.is_elementwise(x) && self.bias_of(x).is_none();
            let fits = |first: &Var| belongs && self.graph.width(*first) == self.graph.width(x);
            if !group.first().is_some_and(fits) {
                self.close(&mut group, &mut steps);
            }
            if belongs {
                group.push(x);
            } else if !self.is_biased(x) {
                let step = self.single(x);
                steps.push(Step::One(step));
            }
        }
        self.close(&mut group, &mut steps);
        let output = |x: Var| Output {
            place: self.places[&x],
            width: self.graph.width(x),
        };
        let (mut terms, mut convolutions) = (Vec::new(), Vec::new());
        for (param, reductions) in stage.gradients.iter().enumerate() {
            for reduction in reductions {
                match *reduction {
                    Reduction::Outer(a, b) => terms.push((param, Term::Outer(output(a), output(b)))),
                    Reduction::Sum(a) => terms.push((param, Term::Sum(output(a)))),
                    Reduction::Conv(a, b, geometry) => {
                        convolutions.push(WeightGradient::new(param, output(a), output(b), geometry));
                    }
                }
            }
        }
        PlannedStage {
            packed: packed(&steps),
            steps,
            outputs: stage.outputs.iter().map(|x| output(*x)).collect(),
            terms,
            convolutions,
        }
    }

    /// Ends a group of elementwise nodes.
    fn close(&mut self, group: &mut Vec<Var>, steps: &mut Vec<Step>) {
        if group.is_empty() {
            return;
        }
        // Numbers are read and written in chunks, so no node may take the place of one that the group reads.
        for &x in &*group {
            let is_inner = |y: &Var| group.contains(y);
            let leaves = self.consumers.get(&x).is_some_and(|ys| !ys.iter().all(is_inner));
            if leaves || self.is_kept.contains(&x) {
                let place = self.place(x);
                self.places.insert(x, place);
            }
        }
        let fused = Fused::new(self, group);
        self.registers = self.registers.max(fused.n_registers());
        steps.push(Step::Fused(fused));
        for x in group.drain(..) {
            self.release_operands(x);
        }
    }

    /// A node that is a step of its own.
    fn single(&mut self, x: Var) -> Single {
        // A product and the row that is added to it are one step.
        let (product, bias) = match self.bias_of(x) {
            Some((product, bias)) => (product, Some(bias)),
            None => (x, None),
        };
        let node = self.graph.node(product);
        let mut operands = [None; 2];
        for (slot, operand) in operands.iter_mut().zip(node.op.operands()) {
            *slot = Some((self.places[&operand], self.graph.width(operand)));
        }
        let out = self.place(x);
        self.places.insert(x, out);
        self.release_operands(product);
        Single {
            op: node.op.clone(),
            operands,
            out,
            width: node.width,
            bias,
        }
    }

    /// The product and the row of an addition that is computed as one step: `x W + b`, where nobody else wants either by itself.
    fn bias_of(&self, x: Var) -> Option<(Var, Param)> {
        let Op::Add(a, b) = self.graph.node(x).op else {
            return None;
        };
        let pair = |product: Var, row: Var| match (&self.graph.node(product).op, &self.graph.node(row).op) {
            (Op::MatMul { .. }, Op::Lift(bias)) => {
                let same_stage = self.stage[&product] == self.stage[&x];
                let alone = self.consumers[&product].len() == 1 && !self.is_kept.contains(&product);
                (alone && same_stage).then_some((product, *bias))
            }
            _ => None,
        };
        pair(a, b).or_else(|| pair(b, a))
    }

    /// Whether a node is computed with the addition that it goes into, or needed by such additions only.
    fn is_biased(&self, x: Var) -> bool {
        let inside = |y: &Var| {
            let node = &self.graph.node(x).op;
            self.bias_of(*y)
                .is_some_and(|(product, _)| product == x || matches!(node, Op::Lift(_)))
        };
        let consumers = self.consumers.get(&x);
        !self.is_kept.contains(&x) && consumers.is_some_and(|ys| ys.iter().all(inside))
    }

    pub(crate) fn is_constant(&self, x: Var) -> bool {
        matches!(self.graph.node(x).op, Op::Constant(_))
    }

    fn is_elementwise(&self, x: Var) -> bool {
        matches!(
            self.graph.node(x).op,
            Op::Add(..)
                | Op::Mul(..)
                | Op::Scale(..)
                | Op::Apply(..)
                | Op::AddRepeated(..)
                | Op::MulRepeated(..)
        )
    }

    /// Whether a constant must be written out: additions have it as a number, and products with it are scalings already.
    fn needs_memory(&self, x: Var) -> bool {
        let adds = |y: &Var| matches!(self.graph.node(*y).op, Op::Add(..));
        self.is_kept.contains(&x) || self.consumers.get(&x).is_some_and(|ys| !ys.iter().all(adds))
    }

    /// Where a node's numbers lie, if they are in memory.
    pub(crate) fn place_of(&self, x: Var) -> Option<Place> {
        self.places.get(&x).copied()
    }

    /// Gives back the room of operands that nobody needs any more.
    fn release_operands(&mut self, x: Var) {
        for operand in self.graph.node(x).op.operands() {
            let uses = self.uses.get_mut(&operand).expect("an operand has uses");
            *uses -= 1;
            if let (0, Some(Place::Scratch(first))) = (*uses, self.places.get(&operand)) {
                self.scratch.give_back(*first, self.graph.width(operand));
            }
        }
    }

    /// Room for a node; never that of one of its operands.
    fn place(&mut self, x: Var) -> Place {
        let width = self.graph.width(x);
        if self.is_kept.contains(&x) {
            self.kept += width;
            Place::Kept(self.kept - width)
        } else {
            Place::Scratch(self.scratch.take(width))
        }
    }
}
