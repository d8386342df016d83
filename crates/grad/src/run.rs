//! Running a plan: blocks of rows through its steps, gradients over the blocks.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use gibbsian_linalg::matmul_here_into;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};
use rayon::prelude::*;

use crate::conv;
use crate::fused::{Areas, CHUNK};
use crate::graph::Op;
use crate::memory::Memory;
use crate::plan::{Output, Place, Plan, Single, Step, Term};
use crate::real::Real;

/// Memory that runs of plans use again.
///
/// One workspace serves any number of plans, one run at a time; it grows to what the largest needs.
#[derive(Debug, Default)]
pub struct Workspace<F> {
    n_rows: usize,
    /// What every block keeps.
    kept: Vec<Vec<F>>,
    /// What a block needs while it is computed, for each that may be at once.
    scratch: Vec<Mutex<Scratch<F>>>,
    /// Weights of convolutions, put in order.
    weights: Vec<F>,
    /// Where a picture is staged, for each thread.
    staged: Vec<Mutex<Vec<F>>>,
}

impl<F: Real> Workspace<F> {
    /// No memory yet.
    pub fn new() -> Self {
        Workspace {
            n_rows: 0,
            kept: Vec::new(),
            scratch: Vec::new(),
            weights: Vec::new(),
            staged: Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
struct Scratch<F> {
    numbers: Vec<F>,
    registers: Vec<[F; CHUNK]>,
}

fn grow<F: Real>(buffer: &mut Vec<F>, size: usize) {
    if buffer.len() < size {
        buffer.resize(size, F::default());
    }
}

impl Plan {
    /// Begins a run over so many rows: what earlier runs kept is forgotten.
    pub fn begin<F: Real>(&self, workspace: &mut Workspace<F>, n_rows: usize) {
        workspace.n_rows = n_rows;
        let n_blocks = n_rows.div_ceil(self.rows_per_block);
        if workspace.kept.len() < n_blocks {
            workspace.kept.resize_with(n_blocks, Vec::new);
        }
        for kept in &mut workspace.kept[..n_blocks] {
            grow(kept, self.kept * self.rows_per_block);
        }
        let n_threads = rayon::current_num_threads() + 1;
        if workspace.scratch.len() < n_threads {
            workspace.scratch.resize_with(n_threads, Mutex::default);
            workspace.staged.resize_with(n_threads, Mutex::default);
        }
    }

    /// Computes a stage; every input that it needs is there, with a row for each of the run, and those before it have been computed.
    ///
    /// # Panics
    /// When parameters or inputs have other shapes than the graph's.
    pub fn run<F: Real>(
        &self,
        workspace: &mut Workspace<F>,
        stage: usize,
        params: &[F],
        inputs: &[ArrayView2<f64>],
    ) {
        assert_eq!(params.len(), self.n_params, "numbers of all parameters");
        let (n_rows, rows_per_block) = (workspace.n_rows, self.rows_per_block);
        let n_blocks = n_rows.div_ceil(rows_per_block);
        let planned = &self.stages[stage];
        for step in &planned.steps {
            if let Step::One(Single {
                op: Op::Input(index),
                width,
                ..
            }) = *step
            {
                assert_eq!(inputs[index].dim(), (n_rows, width), "the shape of input {index}");
            }
        }
        let of_param = |w: crate::Param| &params[self.range(w)];
        conv::pack(&planned.packed, of_param, &mut workspace.weights);
        let (scratch, staged, weights) = (&workspace.scratch, &workspace.staged, &workspace.weights);
        (workspace.kept[..n_blocks].par_iter_mut())
            .enumerate()
            .for_each(|(block, kept)| {
                let rows = block * rows_per_block..n_rows.min((block + 1) * rows_per_block);
                // A thread of the pool has a slot of its own, so that nobody waits.
                let slot = rayon::current_thread_index().map_or(0, |index| index + 1);
                let mut scratch = scratch[slot].lock().unwrap_or_else(PoisonError::into_inner);
                let Scratch { numbers, registers } = &mut *scratch;
                grow(numbers, self.scratch * rows_per_block);
                if registers.len() < self.registers {
                    registers.resize(self.registers, [F::default(); CHUNK]);
                }
                let mut staged = staged[slot].lock().unwrap_or_else(PoisonError::into_inner);
                let mut memory = Memory {
                    n: rows.len(),
                    rows_per_block,
                    areas: Areas {
                        scratch: numbers,
                        kept,
                        registers,
                    },
                    stage: planned,
                    weights,
                    staged: &mut staged,
                };
                for step in &planned.steps {
                    match step {
                        Step::One(step) => memory.compute(step, self, params, inputs, rows.clone()),
                        Step::Fused(fused) => fused.run(memory.n, rows_per_block, &mut memory.areas),
                    }
                }
            });
    }

    /// The rows of a block.
    fn rows_of(&self, block: usize, n_rows: usize) -> usize {
        self.rows_per_block.min(n_rows - block * self.rows_per_block)
    }

    /// The number of outputs of a stage.
    pub fn n_outputs(&self, stage: usize) -> usize {
        self.stages[stage].outputs.len()
    }

    /// Writes an output of a stage, a row for each of the run.
    pub fn output_into<F: Real>(
        &self,
        workspace: &Workspace<F>,
        stage: usize,
        index: usize,
        mut out: ArrayViewMut2<f64>,
    ) {
        let output = self.stages[stage].outputs[index];
        assert_eq!(
            out.dim(),
            (workspace.n_rows, output.width),
            "the shape of output {index}"
        );
        for (block, mut rows) in out
            .axis_chunks_iter_mut(ndarray::Axis(0), self.rows_per_block)
            .enumerate()
        {
            let numbers = self.kept_numbers(&workspace.kept[block], output, rows.nrows());
            for (out, x) in rows.iter_mut().zip(numbers) {
                *out = x.to_f64();
            }
        }
    }

    /// An output of a stage of one column.
    pub fn column_into<F: Real>(
        &self,
        workspace: &Workspace<F>,
        stage: usize,
        index: usize,
        out: ArrayViewMut1<f64>,
    ) {
        self.output_into(workspace, stage, index, out.insert_axis(ndarray::Axis(1)));
    }

    fn kept_numbers<'a, F: Real>(&self, kept: &'a [F], output: Output, n: usize) -> &'a [F] {
        let Place::Kept(first) = output.place else {
            unreachable!("what is asked for is kept")
        };
        &kept[first * self.rows_per_block..][..n * output.width]
    }

    /// **Adds** the gradients of all parameters that a stage computed the terms of to `grad`, in the order of the parameters.
    ///
    /// Sums over rows are taken in the order of the blocks, whatever the number of threads.
    pub fn add_gradient<F: Real>(
        &self,
        workspace: &mut Workspace<F>,
        stage: usize,
        mut grad: ArrayViewMut1<f64>,
    ) {
        assert_eq!(grad.len(), self.n_params, "numbers of all parameters");
        let Some(grad) = grad.as_slice_mut() else {
            let mut whole = Array1::zeros(self.n_params);
            self.add_gradient(workspace, stage, whole.view_mut());
            grad += &whole;
            return;
        };
        let (n_rows, planned) = (workspace.n_rows, &self.stages[stage]);
        let n_blocks = n_rows.div_ceil(self.rows_per_block);
        let kept = &workspace.kept[..n_blocks];
        let sums = Sums {
            plan: self,
            terms: &planned.terms,
            kept,
            n_rows,
            scratch: &workspace.scratch,
        };
        sums.add(0..self.params.len(), grad);
        conv::add_gradients(
            &planned.convolutions,
            n_blocks,
            |param| {
                let (first, (n, m)) = self.params[param];
                first..first + n * m
            },
            |output, block| self.kept_numbers(&kept[block], output, self.rows_of(block, n_rows)),
            &workspace.staged,
            &mut workspace.weights,
            grad,
        );
    }

    /// Adds what the `n` rows of one block give to some rows of a parameter's gradient.
    fn add_term<F: Real>(&self, term: Term, kept: &[F], n: usize, rows: Range<usize>, out: &mut [F]) {
        match term {
            Term::Outer(x, y) => {
                let view = |o: Output| {
                    let numbers = self.kept_numbers(kept, o, n);
                    ArrayView2::from_shape((n, o.width), numbers).expect("whole rows")
                };
                let (x, y) = (view(x), view(y));
                let out = ArrayViewMut2::from_shape((rows.len(), y.ncols()), out).expect("whole rows");
                let one = F::from_f64(1.0);
                matmul_here_into(one, x.slice(s![.., rows]).t(), y, one, out);
            }
            Term::Sum(x) => {
                for row in self.kept_numbers(kept, x, n).chunks_exact(x.width) {
                    F::accumulate(row, out);
                }
            }
        }
    }

    /// Runs all stages with the same inputs, and gives the outputs of all.
    pub fn evaluate<F: Real>(
        &self,
        workspace: &mut Workspace<F>,
        params: &[F],
        inputs: &[ArrayView2<f64>],
    ) -> Vec<Array2<f64>> {
        let n_rows = inputs.first().map_or(0, |x| x.nrows());
        self.begin(workspace, n_rows);
        let mut found = Vec::new();
        for stage in 0..self.stages.len() {
            self.run(workspace, stage, params, inputs);
            for (index, output) in self.stages[stage].outputs.iter().enumerate() {
                let mut out = Array2::zeros((n_rows, output.width));
                self.output_into(workspace, stage, index, out.view_mut());
                found.push(out);
            }
        }
        found
    }
}

/// The gradients of parameters, summed over blocks.
struct Sums<'s, F> {
    plan: &'s Plan,
    terms: &'s [(usize, Term)],
    kept: &'s [Vec<F>],
    n_rows: usize,
    scratch: &'s [Mutex<Scratch<F>>],
}

impl<F: Real> Sums<'_, F> {
    /// Adds those of some neighbouring parameters to `grad`, which is theirs; halves of the list side by side, because a wait after each would cost small networks more than their sums.
    fn add(&self, params: Range<usize>, grad: &mut [f64]) {
        match params.len() {
            0 => {}
            1 => self.add_panels(params.start, grad),
            n => {
                let middle = params.start + n / 2;
                let first = |param: usize| self.plan.params[param].0;
                let (left, right) = grad.split_at_mut(first(middle) - first(params.start));
                rayon::join(
                    || self.add(params.start..middle, left),
                    || self.add(middle..params.end, right),
                );
            }
        }
    }

    /// One task a panel of rows, so that a large matrix has many. A panel is summed where it stays in a core's cache: of millions of parameters it is the passes over them that take the time.
    fn add_panels(&self, param: usize, grad: &mut [f64]) {
        let (_, (n, m)) = self.plan.params[param];
        let terms = || self.terms.iter().filter(|(of, _)| *of == param);
        if terms().next().is_none() {
            return;
        }
        (grad.par_chunks_mut((PANEL_ROWS * m).max(1)))
            .enumerate()
            .for_each(|(panel, grad)| {
                let panel = panel * PANEL_ROWS..n.min((panel + 1) * PANEL_ROWS);
                let slot = rayon::current_thread_index().map_or(0, |index| index + 1);
                let mut scratch = self.scratch[slot].lock().unwrap_or_else(PoisonError::into_inner);
                grow(&mut scratch.numbers, grad.len());
                let sum = &mut scratch.numbers[..grad.len()];
                sum.fill(F::default());
                for (_, term) in terms() {
                    for (block, kept) in self.kept.iter().enumerate() {
                        let n = self.plan.rows_of(block, self.n_rows);
                        self.plan.add_term(*term, kept, n, panel.clone(), sum);
                    }
                }
                F::add_to_f64(sum, grad);
            });
    }
}

/// Rows of a parameter's gradient that one task sums.
const PANEL_ROWS: usize = 64;
