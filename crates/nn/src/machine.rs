//! Parameters in the precision of the arithmetic, and plans that run on them.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use gibbsian_core::{Layout, Result};
use gibbsian_grad::{Graph, Plan, Real, Stage, Var, Workspace};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// The arithmetic of a network. What goes in and comes out is `f64` in either.
///
/// In [`Precision::Single`] a value, a score or a gradient has relative errors of some 1e-6, and training is twice as fast. The parameters themselves are kept in double precision in both, so that small updates
/// are not lost. Numbers beyond `3.4·10³⁸` are infinite inside, squares of coordinates among them, and what comes of them is infinite or NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// `f32`.
    #[default]
    Single,
    /// `f64`.
    Double,
}

/// The inputs of a network's graph, in this order; a plan that does not need one is given an empty array.
pub(crate) struct Inputs {
    /// The points, `(B, D)`; a generator's are latent, `(B, L)`.
    pub(crate) x: Var,
    /// The times, `(B, 1)`.
    pub(crate) t: Var,
    /// The directions of Jacobian-vector products, as wide as the points.
    pub(crate) v: Var,
    /// The cotangents of scores or generated points, `(B, D)`.
    pub(crate) u: Var,
    /// The cotangents of Jacobian-vector products, `(B, D)`.
    pub(crate) w: Var,
    /// The cotangents of energies or divergences, `(B, 1)`.
    pub(crate) c: Var,
}

/// The noise of a sketch, an input that only models with one add after these.
pub(crate) const NOISE: usize = 6;

pub(crate) const N_INPUTS: usize = 7;
pub(crate) const U: usize = 3;
pub(crate) const W: usize = 4;
pub(crate) const C: usize = 5;

impl Inputs {
    pub(crate) fn new(g: &mut Graph, dim: usize) -> Self {
        Inputs::between(g, dim, dim)
    }

    /// The inputs of a network from `n_inputs` columns to `dim`.
    pub(crate) fn between(g: &mut Graph, n_inputs: usize, dim: usize) -> Self {
        Inputs {
            x: g.input(n_inputs),
            t: g.input(1),
            v: g.input(n_inputs),
            u: g.input(dim),
            w: g.input(dim),
            c: g.input(1),
        }
    }
}

/// The inputs of a run: points, perhaps times, perhaps directions.
pub(crate) fn views<'a>(
    x: ArrayView2<'a, f64>,
    t: Option<ArrayView1<'a, f64>>,
    v: Option<ArrayView2<'a, f64>>,
) -> Views<'a> {
    let nothing = ArrayView2::from_shape((0, 0), &[]).expect("no numbers");
    let t = t.map_or(nothing, |t| t.insert_axis(Axis(1)));
    [x, t, v.unwrap_or(nothing), nothing, nothing, nothing, nothing]
}

pub(crate) type Views<'a> = [ArrayView2<'a, f64>; N_INPUTS];

/// Values, then parameter gradients for the cotangents that a caller has chosen after seeing them.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    plan: Plan,
    widths: Vec<usize>,
    /// The input that each value's cotangent is.
    slots: Vec<usize>,
}

impl Pull {
    /// Of some nodes, each with the input that is its cotangent and that input's index.
    pub(crate) fn new(g: &mut Graph, outputs: &[(Var, Var, usize)]) -> Self {
        let seeds: Vec<_> = outputs.iter().map(|(x, u, _)| (*x, *u)).collect();
        let cotangents = g.pullback(&seeds);
        let values: Vec<_> = outputs.iter().map(|(x, _, _)| *x).collect();
        let stages = [Stage::of(&values), Stage::default().with_gradients(&cotangents)];
        Pull {
            plan: Plan::staged(g, &stages),
            widths: values.iter().map(|x| g.width(*x)).collect(),
            slots: outputs.iter().map(|(_, _, slot)| *slot).collect(),
        }
    }
}

/// The parameters in one precision, and memory for runs that may be at once.
struct Numbers<T> {
    params: Vec<T>,
    rooms: Mutex<Vec<Room<T>>>,
}

/// The memory of one run.
#[derive(Default)]
struct Room<T> {
    workspace: Workspace<T>,
    values: Vec<Array2<f64>>,
    cotangents: Vec<Array2<f64>>,
}

impl<T: Real> Numbers<T> {
    fn new(params: &[f64]) -> Self {
        Numbers {
            params: params.iter().map(|x| T::from_f64(*x)).collect(),
            rooms: Mutex::new(Vec::new()),
        }
    }

    /// Takes these parameters; the answer is whether all are finite.
    fn set(&mut self, params: &[f64]) -> bool {
        convert(params, &mut self.params, T::from_f64)
    }

    fn with_room<R>(&self, run: impl FnOnce(&mut Room<T>) -> R) -> R {
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms().pop().unwrap_or_else(|| Room {
            workspace: Workspace::new(),
            values: Vec::new(),
            cotangents: Vec::new(),
        });
        let out = run(&mut room);
        rooms().push(room);
        out
    }

    fn run(&self, plan: &Plan, views: &Views<'_>, outs: &mut [ArrayViewMut2<f64>]) {
        self.with_room(|room| {
            plan.begin(&mut room.workspace, views[0].nrows());
            plan.run(&mut room.workspace, 0, &self.params, views);
            for (k, out) in outs.iter_mut().enumerate() {
                plan.output_into(&room.workspace, 0, k, out.view_mut());
            }
        });
    }

    fn pull(&self, pull: &Pull, views: &Views<'_>, decide: &mut Decide<'_>, grad: ArrayViewMut1<f64>) {
        let n = views[0].nrows();
        self.with_room(|room| {
            let plan = &pull.plan;
            plan.begin(&mut room.workspace, n);
            plan.run(&mut room.workspace, 0, &self.params, views);
            fit(&mut room.values, n, &pull.widths);
            fit(&mut room.cotangents, n, &pull.widths);
            for (k, value) in room.values.iter_mut().enumerate() {
                plan.output_into(&room.workspace, 0, k, value.view_mut());
            }
            decide(&room.values, &mut room.cotangents);
            let mut views = *views;
            for (slot, cotangent) in pull.slots.iter().zip(&room.cotangents) {
                views[*slot] = cotangent.view();
            }
            plan.run(&mut room.workspace, 1, &self.params, &views);
            plan.add_gradient(&mut room.workspace, 1, grad);
        });
    }
}

/// Makes arrays of these widths; what fits already stays.
fn fit(arrays: &mut Vec<Array2<f64>>, n: usize, widths: &[usize]) {
    let fits = arrays.len() == widths.len()
        && arrays
            .iter()
            .zip(widths)
            .all(|(array, width)| array.dim() == (n, *width));
    if !fits {
        *arrays = widths.iter().map(|width| Array2::zeros((n, *width))).collect();
    }
}

/// Fills the cotangents from the values.
pub(crate) type Decide<'a> = dyn FnMut(&[Array2<f64>], &mut [Array2<f64>]) + 'a;

enum Lane {
    Single(Numbers<f32>),
    Double(Numbers<f64>),
}

/// Evaluates the same expression on the numbers of whichever precision.
macro_rules! on_lane {
    ($lane:expr, $numbers:ident => $body:expr) => {
        match $lane {
            Lane::Single($numbers) => $body,
            Lane::Double($numbers) => $body,
        }
    };
}

/// Named parameters, and the arithmetic on them.
pub(crate) struct Machine {
    layout: Layout,
    params: Array1<f64>,
    /// The parameters of the update before: memory for those of the next; empty before the first.
    spare: Array1<f64>,
    lane: Lane,
}

/// Parameters that one thread converts.
const CHUNK: usize = 1 << 16;

/// Converts numbers, many of them on many threads; the answer is whether all were finite.
fn convert<T: Send>(from: &[f64], to: &mut [T], number: impl Fn(f64) -> T + Sync) -> bool {
    let each = |to: &mut [T], from: &[f64]| {
        let mut are_finite = true;
        for (to, &x) in to.iter_mut().zip(from) {
            *to = number(x);
            are_finite &= x.is_finite();
        }
        are_finite
    };
    if from.len() <= CHUNK {
        return each(to, from);
    }
    (to.par_chunks_mut(CHUNK).zip(from.par_chunks(CHUNK)))
        .map(|(to, from)| each(to, from))
        .reduce(|| true, |a, b| a & b)
}

impl Machine {
    pub(crate) fn new(layout: Layout, params: Vec<f64>, precision: Precision) -> Self {
        let lane = match precision {
            Precision::Single => Lane::Single(Numbers::new(&params)),
            Precision::Double => Lane::Double(Numbers::new(&params)),
        };
        Machine {
            layout,
            params: Array1::from_vec(params),
            spare: Array1::default(0),
            lane,
        }
    }

    pub(crate) fn precision(&self) -> Precision {
        match self.lane {
            Lane::Single(_) => Precision::Single,
            Lane::Double(_) => Precision::Double,
        }
    }

    pub(crate) fn with_precision(self, precision: Precision) -> Self {
        Machine::new(self.layout, self.params.into_raw_vec_and_offset().0, precision)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn params(&self) -> &Array1<f64> {
        &self.params
    }

    pub(crate) fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout.check(params)?;
        self.params.assign(&params);
        self.follow();
        Ok(())
    }

    pub(crate) fn update_params(
        &mut self,
        change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>,
    ) -> Result<()> {
        let mut next = std::mem::take(&mut self.spare);
        if next.len() != self.params.len() {
            next = Array1::zeros(self.params.len());
        }
        if let (Some(from), Some(to)) = (self.params.as_slice(), next.as_slice_mut()) {
            convert(from, to, |x| x);
        }
        let outcome = change(next.view_mut());
        if outcome.is_ok() {
            std::mem::swap(&mut self.params, &mut next);
            // One pass takes and checks them: of millions it is memory that takes the time.
            if !self.follow() {
                std::mem::swap(&mut self.params, &mut next);
                self.follow();
                let refusal = self.layout.check(next.view());
                self.spare = next;
                return refusal;
            }
        }
        self.spare = next;
        outcome
    }

    /// Takes the parameters into the precision of the arithmetic; the answer is whether all are finite.
    fn follow(&mut self) -> bool {
        let params = self.params.as_slice().expect("parameters lie side by side");
        on_lane!(&mut self.lane, numbers => numbers.set(params))
    }

    /// Runs a plan of one stage and writes its outputs.
    pub(crate) fn run(&self, plan: &Plan, views: &Views<'_>, outs: &mut [ArrayViewMut2<f64>]) {
        on_lane!(&self.lane, numbers => numbers.run(plan, views, outs));
    }

    /// Hands the values of a [`Pull`] to `decide` and **adds** the parameters' gradients.
    pub(crate) fn pull(
        &self,
        pull: &Pull,
        views: &Views<'_>,
        decide: &mut Decide<'_>,
        grad: ArrayViewMut1<f64>,
    ) {
        on_lane!(&self.lane, numbers => numbers.pull(pull, views, decide, grad));
    }
}

impl Clone for Machine {
    fn clone(&self) -> Self {
        Machine::new(self.layout.clone(), self.params.to_vec(), self.precision())
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("layout", &self.layout)
            .field("precision", &self.precision())
            .finish_non_exhaustive()
    }
}
