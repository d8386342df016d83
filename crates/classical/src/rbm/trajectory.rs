//! The path through machines that were saved while one was trained.
//!
//! Training starts at a machine whose units are nearly independent and ends at one that is hard to sample, and on its way it makes modes one after the other. Machines saved on that way are therefore a better
//! ladder than one machine at several temperatures, along which modes may appear and vanish abruptly: replicas that are exchanged between neighbours in training cross from the first machine to
//! the last (Béreux, Decelle, Furtlehner, Rosset and Seoane 2024, "Fast, accurate training and sampling of restricted Boltzmann machines", where this is called parallel trajectory tempering).
//!
//! The path is at the `k`-th of `K` machines at the `k`-th rung of a ladder, at independent layers at `β = 0`, and in between at the machine with the parameters between those of its neighbours,
//!
//! `θ_β = (1 − t) θ_{k−1} + t θ_k`,  `t = (β − β_{k−1})/(β_k − β_{k−1})`,  `log f_β(v) = −F(v; θ_β)`,
//!
//! so that it is a [`Path`] like any other: everything that anneals or tempers runs on it, and rungs may be moved between machines where these are too far apart. Parallel tempering on
//! [`RbmTrajectory::ladder`] is the published algorithm, with exact draws from the independent layers as its first rung.

use gibbsian_core::error::check_count;
use gibbsian_core::path::exchange_rows;
use gibbsian_core::{Blocks, Energy, Error, Ladder, Path, Result, Space, Streams, Units};
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2};
use rand::Rng;

use super::path::{Piece, check_kind, free_log_partition, interpolate};
use super::{Rbm, RbmStart};

/// The path from independent layers through machines of one kind, such as were saved while the last of them was trained.
///
/// ```
/// use gibbsian_classical::{Bernoulli, Rbm, RbmStart, RbmTrajectory};
/// use gibbsian_core::{Energy, Path, Seed};
/// use ndarray::array;
///
/// let layers = || (Bernoulli::unbiased(3), Bernoulli::unbiased(2));
/// let saved: Result<Vec<_>, _> =
///     [0.1, 0.5, 2.0].map(|scale| Rbm::random(layers().0, layers().1, scale, Seed::new(1))).into_iter().collect();
/// let start = RbmStart { visible: layers().0, hidden: layers().1 };
/// let path = RbmTrajectory::new(start, saved?)?;
/// // A rung a machine, and one for the independent layers.
/// assert_eq!(path.ladder().n_rungs(), 4);
/// let v = array![[1.0, 0.0, 1.0]];
/// let mut work = [0.0];
/// path.work(&mut path.place(v.view())?, path.ladder().betas()[1], 1.0, &mut work);
/// let energies = path.machines().map(|machine| machine.energy(v.view())[0]);
/// let energies: Vec<f64> = energies.collect();
/// assert!((work[0] - (energies[0] - energies[2])).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RbmTrajectory<V, H> {
    /// The independent layers as a machine without weights, and the machines.
    knots: Vec<Rbm<V, H>>,
    ladder: Ladder,
}

impl<V: Units, H: Units> RbmTrajectory<V, H> {
    /// The path from `start` through these machines in their order, at equal distances.
    ///
    /// # Errors
    /// No machines, or machines or layers that have not all the same parameters.
    pub fn new(start: RbmStart<V, H>, machines: Vec<Rbm<V, H>>) -> Result<Self> {
        check_count("the number of machines", machines.len())?;
        let ladder = Ladder::linear(machines.len())?;
        RbmTrajectory::with_ladder(start, machines, ladder)
    }

    /// The path that is at `start` on the first rung of this ladder and at the machines on the others.
    ///
    /// # Errors
    /// Those of [`RbmTrajectory::new`], and a ladder of another number of rungs.
    pub fn with_ladder(start: RbmStart<V, H>, machines: Vec<Rbm<V, H>>, ladder: Ladder) -> Result<Self> {
        if ladder.n_rungs() != machines.len() + 1 {
            return Err(Error::parameter(
                "ladder",
                format!("{} rungs", ladder.n_rungs()),
                format!(
                    "{}, one a machine and one for the independent layers",
                    machines.len() + 1
                ),
            ));
        }
        let last = &machines[machines.len() - 1];
        check_kind("start.visible", &start.visible, &last.visible)?;
        check_kind("start.hidden", &start.hidden, &last.hidden)?;
        // What no parameter says, as the number of trials of a binomial unit, is the last machine's.
        let mut knots = vec![Rbm {
            visible: interpolate(&start.visible, &last.visible, 0.0),
            hidden: interpolate(&start.hidden, &last.hidden, 0.0),
            weights: Array2::zeros(last.weights.raw_dim()),
        }];
        for (k, machine) in machines.iter().enumerate() {
            let within = |e: Error| e.within(&format!("machines[{k}]"));
            check_kind("visible", &machine.visible, &last.visible).map_err(within)?;
            check_kind("hidden", &machine.hidden, &last.hidden).map_err(within)?;
            knots.push(between(machine, last, 0.0));
        }
        Ok(RbmTrajectory { knots, ladder })
    }

    /// The rungs of the machines, the independent layers first.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// The machines in their order.
    pub fn machines(&self) -> impl Iterator<Item = &Rbm<V, H>> {
        self.knots[1..].iter()
    }

    /// The machine at `β`, which lies between two neighbours.
    ///
    /// # Panics
    /// When `β` is not in `[0, 1]`.
    pub fn at(&self, beta: f64) -> Rbm<V, H> {
        let (k, t) = self.place_of(beta);
        match t {
            0.0 => self.knots[k].clone(),
            1.0 => self.knots[k + 1].clone(),
            _ => between(&self.knots[k], &self.knots[k + 1], t),
        }
    }

    /// The piece that `β` lies in, and where.
    fn place_of(&self, beta: f64) -> (usize, f64) {
        assert!(
            (0.0..=1.0).contains(&beta),
            "β is {beta}, but a path is from 0 to 1"
        );
        let betas = self.ladder.betas();
        let k = betas[1..betas.len() - 1].partition_point(|end| *end <= beta);
        (k, (beta - betas[k]) / (betas[k + 1] - betas[k]))
    }

    /// **Adds** `sign · log f_β(v)` to `out`.
    fn add_log_density(&self, v: &Array2<f64>, beta: f64, sign: f64, out: &mut [f64]) {
        let energy = self.at(beta).energy(v.view());
        for (out, e) in out.iter_mut().zip(&energy) {
            *out -= sign * e;
        }
    }
}

/// The machine with parameters `(1 − t) θ₀ + t θ₁`.
///
/// What makes a machine normalisable is convex in its parameters, so it is not asked again.
fn between<V: Units, H: Units>(start: &Rbm<V, H>, end: &Rbm<V, H>, t: f64) -> Rbm<V, H> {
    Rbm {
        visible: interpolate(&start.visible, &end.visible, t),
        hidden: interpolate(&start.hidden, &end.hidden, t),
        weights: &start.weights * (1.0 - t) + &end.weights * t,
    }
}

impl<V: Units, H: Units> Space for RbmTrajectory<V, H> {
    fn dim(&self) -> usize {
        self.knots[0].dim()
    }
}

impl<V: Units, H: Units> Path for RbmTrajectory<V, H> {
    type State = Array2<f64>;

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        let no_field = Array2::zeros((n, self.dim()));
        self.knots[0].visible.sample(no_field.view(), Streams::draw(rng))
    }

    fn log_z_start(&self) -> f64 {
        free_log_partition(&self.knots[0].visible) + free_log_partition(&self.knots[0].hidden)
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Array2<f64>> {
        self.knots[0].check_visible(x)?;
        Ok(x.to_owned())
    }

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn log_start(&self, state: &Array2<f64>, out: &mut [f64]) {
        self.add_log_density(state, 0.0, 1.0, out);
    }

    fn work(&self, state: &mut Array2<f64>, from: f64, to: f64, log_weights: &mut [f64]) {
        self.add_log_density(state, to, 1.0, log_weights);
        self.add_log_density(state, from, -1.0, log_weights);
    }

    // Within a piece of length `Δ` the parameters move by `(θ₁ − θ₀)/Δ` a unit of `β`, and with `I = v'W_β`
    // `Δ d/dβ log f_β(v) = −e_{V₁}(v) + e_{V₀}(v) + ∂Γ/∂θ_H · (θ_{H₁} − θ_{H₀}) + E[h | I] · v'(W₁ − W₀)`.
    fn slope(&self, state: &Array2<f64>, beta: f64, out: &mut [f64]) {
        let (k, t) = self.place_of(beta);
        let (start, end) = (&self.knots[k], &self.knots[k + 1]);
        let here = between(start, end, t);
        let field = here.hidden_field(state.view());
        let moved = state.dot(&(&end.weights - &start.weights));
        let piece = Piece {
            visible: [&start.visible, &end.visible],
            hidden: [&start.hidden, &end.hidden],
            here: here.hidden,
            length: self.ladder.betas()[k + 1] - self.ladder.betas()[k],
        };
        piece.add_slope(state.view(), field.view(), moved.view(), out);
    }

    fn transition(&self, state: &mut Array2<f64>, beta: f64, rng: &mut dyn Rng) {
        self.at(beta).resample(state.view_mut(), 0, None, rng);
    }

    fn select(&self, state: &Array2<f64>, rows: &[usize]) -> Array2<f64> {
        state.select(Axis(0), rows)
    }

    fn exchange(&self, a: &mut Array2<f64>, b: &mut Array2<f64>, swap: &[bool]) {
        exchange_rows(a, b, swap);
    }
}
