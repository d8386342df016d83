//! Which steps some outputs need, in which order, and where their numbers lie.

use crate::conv::{Packed, WeightGradient};
use crate::fused::Fused;
use crate::graph::{Graph, Op, Param, Var};
use crate::layout::Layout;
use crate::pullback::{Cotangents, Reduction};

/// What a stage is asked for.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    pub(crate) outputs: Vec<Var>,
    pub(crate) gradients: Vec<Vec<Reduction>>,
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

/// What is done at once to a block of rows.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    One(Single),
    /// Operations on numbers that take no notice of rows.
    Fused(Fused),
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    pub(crate) op: Op,
    pub(crate) operands: [Option<(Place, usize)>; 2],
    pub(crate) out: Place,
    pub(crate) width: usize,
    /// A row that is added to a product.
    pub(crate) bias: Option<Param>,
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
}

#[derive(Clone, Debug)]
pub(crate) struct PlannedStage {
    pub(crate) steps: Vec<Step>,
    pub(crate) outputs: Vec<Output>,
    /// Terms with the parameter that each belongs to.
    pub(crate) terms: Vec<(usize, Term)>,
    /// Gradients of its convolutions in their weights.
    pub(crate) convolutions: Vec<WeightGradient>,
    /// Weights that its convolutions read.
    pub(crate) packed: Vec<Packed>,
}

/// The steps of one or more stages, with their buffers assigned.
///
/// ```
/// use gibbsian_grad::{Graph, Plan, Workspace};
/// use ndarray::array;
///
/// let mut g = Graph::new();
/// let (x, w) = (g.input(2), g.param(2, 1));
/// let y = g.matmul(x, w);
/// let plan = Plan::new(&g, &[y]);
/// assert_eq!((plan.n_params(), plan.range(w)), (2, 0..2));
/// let out = plan.evaluate(&mut Workspace::<f64>::new(), &[3.0, 0.5], &[array![[1.0, 2.0], [0.0, 2.0]].view()]);
/// assert_eq!(out[0], array![[4.0], [1.0]]);
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) stages: Vec<PlannedStage>,
    /// Numbers a row.
    pub(crate) scratch: usize,
    pub(crate) kept: usize,
    /// Where each parameter begins among all parameters, and its shape.
    pub(crate) params: Vec<(usize, (usize, usize))>,
    pub(crate) n_params: usize,
    pub(crate) rows_per_block: usize,
    /// Registers of the fused step that needs most.
    pub(crate) registers: usize,
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
        Plan {
            stages,
            scratch: layout.scratch(),
            kept: layout.kept(),
            params,
            n_params: offset,
            rows_per_block: (BLOCK_NUMBERS / layout.widest()).clamp(1, BLOCK_ROWS),
            registers: layout.registers(),
        }
    }

    /// The plan with so many rows in a block. Results do not depend on it, except for the rounding of parameter gradients.
    ///
    /// # Panics
    /// When it is zero.
    pub fn with_rows_per_block(self, rows_per_block: usize) -> Self {
        assert!(rows_per_block > 0, "a block needs a row");
        Plan {
            rows_per_block,
            ..self
        }
    }

    /// The numbers of all parameters together.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Operations in all stages.
    pub fn n_steps(&self) -> usize {
        let of_step = |step: &Step| match step {
            Step::One(_) => 1,
            Step::Fused(fused) => fused.n_operations(),
        };
        self.stages
            .iter()
            .flat_map(|stage| &stage.steps)
            .map(of_step)
            .sum()
    }
}

impl Plan {
    /// Where the numbers of a parameter lie, row by row.
    pub fn range(&self, w: Param) -> std::ops::Range<usize> {
        let (first, (n, m)) = self.params[w.0 as usize];
        first..first + n * m
    }
}
