//! Which steps some outputs need, in which order, and where their numbers lie.

use std::collections::HashMap;

use gibbsian_linalg::kernels::conv::Geometry;

use crate::conv::{Packed, packed};
use crate::graph::{Graph, Op, Param, Var};
use crate::pullback::{Cotangents, Reduction};

/// What a stage is asked for.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    outputs: Vec<Var>,
    gradients: Vec<Vec<Reduction>>,
}

impl Stage {
    /// Some nodes, in this order.
    pub fn of(outputs: &[Var]) -> Self {
        Stage {
            outputs: outputs.to_vec(),
            gradients: Vec::new(),
        }
    }

    /// The gradients of all parameters beside them.
    pub fn with_gradients(self, cotangents: &Cotangents) -> Self {
        Stage {
            gradients: cotangents.of_params().to_vec(),
            ..self
        }
    }
}

/// Where a node's numbers of a block of rows lie, from this many numbers a row on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory that the next block overwrites.
    Scratch(usize),
    /// In memory that every block has for itself, until the run ends.
    Kept(usize),
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) operands: [Option<(Place, usize)>; 2],
    pub(crate) out: Place,
    pub(crate) width: usize,
}

/// An output: where it lies, and its columns.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub(crate) place: Place,
    pub(crate) width: usize,
}

/// A term of a parameter's gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Term {
    Outer(Output, Output),
    Sum(Output),
    Conv(Output, Output, Geometry),
}

#[derive(Clone, Debug)]
pub(crate) struct PlannedStage {
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Output>,
    /// Terms with the parameter that each belongs to.
    pub(crate) terms: Vec<(usize, Term)>,
    /// Weights that its convolutions read.
    pub(crate) packed: Vec<Packed>,
}

/// The steps of one or more stages, with their buffers assigned.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) stages: Vec<PlannedStage>,
    /// Numbers a row.
    pub(crate) scratch: usize,
    pub(crate) kept: usize,
    /// Where each parameter begins among all parameters, and its shape.
    pub(crate) params: Vec<(usize, (usize, usize))>,
    pub(crate) n_params: usize,
    pub(crate) block_rows: usize,
}

/// The most rows of a block, unless another number is asked for.
const BLOCK_ROWS: usize = 64;
/// Numbers of the widest node in a block, about, where its rows are long: what is at work at once stays in a core's private cache.
const BLOCK_NUMBERS: usize = 1 << 16;

impl Plan {
    /// A plan of one stage, for some nodes.
    pub fn new(graph: &Graph, outputs: &[Var]) -> Self {
        Plan::staged(graph, &[Stage::of(outputs)])
    }

    /// A plan of several stages, which are run in this order; inputs that only a later stage needs may be decided between them.
    ///
    /// A node is computed in the first stage that needs it, and kept if a later one does.
    pub fn staged(graph: &Graph, stages: &[Stage]) -> Self {
        let mut offset = 0;
        let params = graph.params().iter().map(|shape| {
            let first = offset;
            offset += shape.0 * shape.1;
            (first, *shape)
        });
        let params = params.collect();
        let mut layout = Layout::new(graph, stages);
        let stages = (0..stages.len())
            .map(|s| layout.plan_stage(s, &stages[s]))
            .collect();
        let widest = layout.stage.keys().map(|x| graph.width(*x)).max().unwrap_or(1);
        Plan {
            stages,
            scratch: layout.scratch.size,
            kept: layout.kept,
            params,
            n_params: offset,
            block_rows: (BLOCK_NUMBERS / widest.max(1)).clamp(1, BLOCK_ROWS),
        }
    }

    /// The plan with so many rows in a block. Results do not depend on it, except for the rounding of parameter gradients.
    ///
    /// # Panics
    /// When it is zero.
    pub fn with_block_rows(self, block_rows: usize) -> Self {
        assert!(block_rows > 0, "a block needs a row");
        Plan { block_rows, ..self }
    }

    /// The numbers of all parameters together.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Operations in all stages.
    pub fn n_steps(&self) -> usize {
        self.stages.iter().map(|stage| stage.steps.len()).sum()
    }
}

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

struct Layout<'a> {
    graph: &'a Graph,
    /// The stage that computes each needed node.
    stage: HashMap<Var, usize>,
    /// How many later uses a scratch node has.
    uses: HashMap<Var, usize>,
    is_kept: HashMap<Var, bool>,
    places: HashMap<Var, Place>,
    scratch: Scratch,
    kept: usize,
}

impl<'a> Layout<'a> {
    fn new(graph: &'a Graph, stages: &[Stage]) -> Self {
        let mut layout = Layout {
            graph,
            stage: HashMap::new(),
            uses: HashMap::new(),
            is_kept: HashMap::new(),
            places: HashMap::new(),
            scratch: Scratch::default(),
            kept: 0,
        };
        for (s, stage) in stages.iter().enumerate() {
            // What is asked for is kept until the run ends.
            let reduced = stage.gradients.iter().flatten().flat_map(|r| r.operands());
            for x in stage.outputs.iter().copied().chain(reduced) {
                layout.need(x, s);
                layout.is_kept.insert(x, true);
            }
        }
        // A node that a later stage uses is kept, too; so are inputs, which are there before anything is computed.
        for (x, s) in layout.stage.clone() {
            for operand in graph.node(x).op.operands() {
                *layout.uses.entry(operand).or_default() += 1;
                if layout.stage[&operand] < s {
                    layout.is_kept.insert(operand, true);
                }
            }
        }
        layout
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

    fn plan_stage(&mut self, s: usize, stage: &Stage) -> PlannedStage {
        let mut nodes: Vec<Var> = self
            .stage
            .iter()
            .filter(|(_, t)| **t == s)
            .map(|(x, _)| *x)
            .collect();
        nodes.sort_unstable();
        let mut steps = Vec::with_capacity(nodes.len());
        for x in nodes {
            let node = self.graph.node(x);
            let mut operands = [None; 2];
            for (slot, operand) in operands.iter_mut().zip(node.op.operands()) {
                *slot = Some((self.places[&operand], self.graph.width(operand)));
            }
            let out = self.place(x);
            steps.push(Step {
                op: node.op.clone(),
                operands,
                out,
                width: node.width,
            });
            self.places.insert(x, out);
            for operand in node.op.operands() {
                let uses = self.uses.get_mut(&operand).expect("an operand has uses");
                *uses -= 1;
                if let (0, Place::Scratch(first)) = (*uses, self.places[&operand]) {
                    self.scratch.give_back(first, self.graph.width(operand));
                }
            }
        }
        let output = |x: Var| Output {
            place: self.places[&x],
            width: self.graph.width(x),
        };
        let mut terms = Vec::new();
        for (param, reductions) in stage.gradients.iter().enumerate() {
            for reduction in reductions {
                let term = match *reduction {
                    Reduction::Outer(a, b) => Term::Outer(output(a), output(b)),
                    Reduction::Sum(a) => Term::Sum(output(a)),
                    Reduction::Conv(a, b, geometry) => Term::Conv(output(a), output(b), geometry),
                };
                terms.push((param, term));
            }
        }
        PlannedStage {
            packed: packed(&steps),
            steps,
            outputs: stage.outputs.iter().map(|x| output(*x)).collect(),
            terms,
        }
    }

    /// Room for a node; never that of one of its operands.
    fn place(&mut self, x: Var) -> Place {
        let width = self.graph.width(x);
        if self.is_kept.contains_key(&x) {
            self.kept += width;
            Place::Kept(self.kept - width)
        } else {
            Place::Scratch(self.scratch.take(width))
        }
    }
}

impl Plan {
    /// Where the numbers of a parameter lie, row by row.
    pub fn range(&self, w: Param) -> std::ops::Range<usize> {
        let (first, (n, m)) = self.params[w.0 as usize];
        first..first + n * m
    }
}
