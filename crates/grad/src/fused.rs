//! Elementwise operations, several at once.
//!
//! A layer's activation, its derivatives and what they are multiplied by are a dozen operations on the same numbers. One by one each would read and write memory; here they are done on a few hundred numbers at a time,
//! whose intermediate values lie in *registers*, buffers that stay in the nearest cache.

use std::collections::HashMap;

use crate::axis::{self, Axis};
use crate::function::Function;
use crate::graph::{Op, Var};
use crate::layout::Layout;
use crate::plan::Place;
use crate::real::Real;

/// Numbers that go through all operations together.
pub(crate) const CHUNK: usize = 512;

/// Where an operand of an operation is.
#[derive(Clone, Copy, Debug)]
enum Source {
    Register(usize),
    Memory(Place),
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Add(Source, Source),
    AddNumber(Source, f64),
    Mul(Source, Source),
    Scale(Source, f64),
    Apply(Function, Source),
    /// With a node of fewer columns, which is repeated along an axis.
    AddRepeated(Source, Place, Axis),
    MulRepeated(Source, Place, Axis),
}

/// An operation, and where its numbers go: to memory if anybody else wants them.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    operation: Operation,
    out: Source,
}

/// Elementwise operations on nodes of one width.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    width: usize,
    instructions: Vec<Instruction>,
    n_registers: usize,
}

impl Fused {
    /// The operations of some nodes in this order; those that are wanted elsewhere have a place already.
    pub(crate) fn new(layout: &Layout<'_>, nodes: &[Var]) -> Self {
        let graph = layout.graph;
        let mut last_use: HashMap<Var, usize> = HashMap::new();
        for (k, x) in nodes.iter().enumerate() {
            for operand in graph.node(*x).op.operands() {
                last_use.insert(operand, k);
            }
        }
        let mut registers: HashMap<Var, usize> = HashMap::new();
        let (mut free, mut n_registers) = (Vec::new(), 0);
        let mut instructions = Vec::with_capacity(nodes.len());
        for (k, &x) in nodes.iter().enumerate() {
            let place = |x: Var| layout.place_of(x).expect("what a group reads has been computed");
            let source = |x: Var| match registers.get(&x) {
                Some(register) => Source::Register(*register),
                None => Source::Memory(place(x)),
            };
            let number = |x: Var| match graph.node(x).op {
                Op::Constant(bits) => Some(f64::from_bits(bits)),
                _ => None,
            };
            let op = &graph.node(x).op;
            let operation = match *op {
                Op::Add(a, b) => match (number(a), number(b)) {
                    (Some(number), _) => Operation::AddNumber(source(b), number),
                    (_, Some(number)) => Operation::AddNumber(source(a), number),
                    _ => Operation::Add(source(a), source(b)),
                },
                Op::Mul(a, b) => Operation::Mul(source(a), source(b)),
                Op::Scale(factor, a) => Operation::Scale(source(a), f64::from_bits(factor)),
                Op::Apply(function, a) => Operation::Apply(function, source(a)),
                // Of another width, so never of this group.
                Op::AddRepeated(a, b, axis) => Operation::AddRepeated(source(a), place(b), axis),
                Op::MulRepeated(a, b, axis) => Operation::MulRepeated(source(a), place(b), axis),
                _ => unreachable!("only elementwise nodes are fused"),
            };
            // Never a register that the operation reads: those are given back afterwards.
            let out = match layout.place_of(x) {
                Some(place) => Source::Memory(place),
                None => {
                    let register = free.pop().unwrap_or_else(|| {
                        n_registers += 1;
                        n_registers - 1
                    });
                    registers.insert(x, register);
                    Source::Register(register)
                }
            };
            instructions.push(Instruction { operation, out });
            for operand in op.operands() {
                if last_use[&operand] == k
                    && let Some(register) = registers.remove(&operand)
                {
                    free.push(register);
                }
            }
        }
        Fused {
            width: graph.width(nodes[0]),
            instructions,
            n_registers,
        }
    }

    pub(crate) fn n_registers(&self) -> usize {
        self.n_registers
    }

    pub(crate) fn n_operations(&self) -> usize {
        self.instructions.len()
    }

    /// Does the operations on `n` rows.
    pub(crate) fn run<F: Real>(&self, n: usize, rows_per_block: usize, memory: &mut Areas<'_, F>) {
        let total = n * self.width;
        let mut first = 0;
        while first < total {
            let length = CHUNK.min(total - first);
            for instruction in &self.instructions {
                memory.execute(instruction, rows_per_block, first, length);
            }
            first += length;
        }
    }
}

/// The memory of a block and the registers of the thread that computes it.
pub(crate) struct Areas<'a, F> {
    pub(crate) scratch: &'a mut [F],
    pub(crate) kept: &'a mut [F],
    pub(crate) registers: &'a mut [[F; CHUNK]],
}

/// What may be read of an array while a part of it is written.
struct Around<'a, T> {
    before: &'a [T],
    after: &'a [T],
    /// Where `after` begins.
    end: usize,
}

impl<'a, T> Around<'a, T> {
    fn all(array: &'a [T]) -> Self {
        Around {
            before: array,
            after: &[],
            end: array.len(),
        }
    }

    /// Cuts a part out.
    fn part(array: &'a mut [T], first: usize, length: usize) -> (&'a mut [T], Self) {
        let (before, rest) = array.split_at_mut(first);
        let (part, after) = rest.split_at_mut(length);
        let around = Around {
            before,
            after,
            end: first + length,
        };
        (part, around)
    }

    /// What begins at `first`, up to the part or to the end.
    fn from(&self, first: usize) -> &'a [T] {
        match first < self.before.len() {
            true => &self.before[first..],
            false => &self.after[first - self.end..],
        }
    }
}

impl<F: Real> Areas<'_, F> {
    fn execute(&mut self, instruction: &Instruction, rows_per_block: usize, first: usize, length: usize) {
        let begin = |place: usize| place * rows_per_block + first;
        let Areas {
            scratch,
            kept,
            registers,
        } = self;
        let (out, scratch, kept, registers): (&mut [F], _, _, _) = match instruction.out {
            Source::Register(r) => {
                let (register, registers) = Around::part(registers, r, 1);
                let out = &mut register[0][..length];
                (out, Around::all(scratch), Around::all(kept), registers)
            }
            Source::Memory(Place::Scratch(place)) => {
                let (out, scratch) = Around::part(scratch, begin(place), length);
                (out, scratch, Around::all(kept), Around::all(registers))
            }
            Source::Memory(Place::Kept(place)) => {
                let (out, kept) = Around::part(kept, begin(place), length);
                (out, Around::all(scratch), kept, Around::all(registers))
            }
        };
        let read = |source: Source| match source {
            Source::Register(r) => &registers.from(r)[0][..length],
            Source::Memory(Place::Scratch(place)) => &scratch.from(begin(place))[..length],
            Source::Memory(Place::Kept(place)) => &kept.from(begin(place))[..length],
        };
        let whole = |place: Place| match place {
            Place::Scratch(place) => scratch.from(place * rows_per_block),
            Place::Kept(place) => kept.from(place * rows_per_block),
        };
        match instruction.operation {
            Operation::Add(a, b) => Real::add(read(a), read(b), out),
            Operation::AddNumber(a, number) => F::add_number(read(a), number, out),
            Operation::Mul(a, b) => Real::mul(read(a), read(b), out),
            Operation::Scale(a, factor) => F::scale(read(a), factor, out),
            Operation::Apply(function, a) => F::apply(function, read(a), out),
            Operation::AddRepeated(a, b, axis) => axis::add_repeated(read(a), whole(b), axis, first, out),
            Operation::MulRepeated(a, b, axis) => axis::mul_repeated(read(a), whole(b), axis, first, out),
        }
    }
}
