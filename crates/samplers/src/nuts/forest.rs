//! The trees of a block of chains, grown together.

use gibbsian_core::Potential;
use gibbsian_core::StreamRng;
use gibbsian_core::simd::{LaneRng, Vectorized, fill_standard_normal, vectorized};
use ndarray::ArrayViewMut1;
use rand::RngExt;

use super::Nuts;
use super::turns::Checkpoints;
use crate::hamiltonian::{DIVERGENCE, Phase, Transition, flat, flat_mut, is_undefined, rows_together};
use crate::metric::Metric;
use crate::walkers::Block;

/// The trees of some rows that are grown together, and all that this needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Forest {
    dim: usize,
    /// The ends that move, in the order of `active`.
    phase: Phase,
    /// The row of each trajectory that still grows.
    active: Vec<usize>,
    /// The other ends, row by row, as everything from here on.
    far: Ends,
    /// The momentum at the end from which the newest half grows.
    near: Vec<f64>,
    /// The sum of the momenta of all points.
    sum: Vec<f64>,
    checkpoints: Checkpoints,
    candidate_x: Vec<f64>,
    candidate_score: Vec<f64>,
    trees: Vec<Tree>,
}

/// Ends of trajectories that wait.
#[derive(Clone, Debug, Default)]
struct Ends {
    x: Vec<f64>,
    momentum: Vec<f64>,
    score: Vec<f64>,
    force: Vec<f64>,
}

/// The numbers of one tree.
#[derive(Clone, Copy, Debug, Default)]
struct Tree {
    /// `H` at the start.
    start: f64,
    /// Weights are `e^{reference − H}`. The reference is `H` at the start, until a point lies so far below it that weights might overflow.
    reference: f64,
    /// The sum of the weights of the older part.
    weight: f64,
    /// The sum of the weights of the part that grows.
    new_weight: f64,
    /// `E` and `H` of the candidate of that part.
    candidate: (f64, f64),
    /// The number of the next leaf of that part.
    leaf: u32,
    is_forward: bool,
    is_done: bool,
    /// `|w|²` of the last leaf.
    square: f64,
    /// The sum of the acceptance probabilities of all leaves.
    probability: f64,
    report: Transition,
}

/// Where the samples are written, some rows of a block.
struct Samples<'a> {
    x: &'a mut [f64],
    energy: ArrayViewMut1<'a, f64>,
    score: &'a mut [f64],
}

impl Forest {
    /// One transition of each row of a block.
    pub fn transitions<T: Potential + ?Sized>(
        &mut self,
        kernel: &Nuts,
        target: &T,
        mut block: Block<'_>,
        rng: &mut StreamRng,
        lanes: &mut LaneRng,
    ) -> Vec<Transition> {
        let (n, dim) = block.x.dim();
        let together = rows_together(dim).min(n);
        let mut transitions = Vec::with_capacity(n);
        for first in (0..n).step_by(together) {
            let rows = first..(first + together).min(n);
            let numbers = first * dim..rows.end * dim;
            let samples = &mut Samples {
                x: &mut block.x.as_slice_mut().expect("blocks are whole rows")[numbers.clone()],
                energy: block.energy.slice_mut(ndarray::s![rows.clone()]),
                score: &mut block.score.as_slice_mut().expect("blocks are whole rows")[numbers],
            };
            self.fit(together, dim, &kernel.metric);
            fill_standard_normal(lanes, &mut flat_mut(&mut self.phase.momentum)[..rows.len() * dim]);
            self.plant(kernel, samples, rng);
            self.grow_all(kernel, target, samples, rng);
            transitions.extend(
                self.trees
                    .iter()
                    .zip(&samples.energy)
                    .map(|(tree, &energy)| Transition {
                        lp: -energy,
                        acceptance_rate: tree.probability / f64::from(tree.report.n_steps),
                        ..tree.report
                    }),
            );
        }
        transitions
    }

    fn grow_all<T: Potential + ?Sized>(
        &mut self,
        kernel: &Nuts,
        target: &T,
        samples: &mut Samples<'_>,
        rng: &mut StreamRng,
    ) {
        while !self.active.is_empty() {
            let n = self.active.len();
            self.phase.kick_and_drift(&kernel.metric, 0.5, n);
            self.phase.evaluate(target, &kernel.metric, n);
            self.phase.kick(&kernel.metric, 0.5, 0..n);
            vectorized(Grow {
                forest: self,
                kernel,
                samples,
                rng,
            });
        }
    }

    fn fit(&mut self, rows: usize, dim: usize, metric: &Metric) {
        self.dim = dim;
        self.phase.fit(rows, dim, metric);
        self.checkpoints.fit(rows, dim);
        let n = rows * dim;
        self.far.force.resize(self.phase.force.len(), 0.0);
        for numbers in [
            &mut self.far.x,
            &mut self.far.momentum,
            &mut self.far.score,
            &mut self.near,
            &mut self.sum,
            &mut self.candidate_x,
            &mut self.candidate_score,
        ] {
            numbers.resize(n, 0.0);
        }
    }

    /// Trees of one point each, with the momenta that are there, and their first doubling.
    fn plant(&mut self, kernel: &Nuts, samples: &Samples<'_>, rng: &mut StreamRng) {
        let (n, rows) = (samples.x.len(), samples.energy.len());
        flat_mut(&mut self.phase.x)[..n].copy_from_slice(samples.x);
        flat_mut(&mut self.phase.score)[..n].copy_from_slice(samples.score);
        self.phase.start(&kernel.metric, rows);
        let momentum = &flat(&self.phase.momentum)[..n];
        self.far.x[..n].copy_from_slice(samples.x);
        self.far.score[..n].copy_from_slice(samples.score);
        self.far.momentum[..n].copy_from_slice(momentum);
        self.sum[..n].copy_from_slice(momentum);
        self.far.force.copy_from_slice(flat(&self.phase.force));
        self.active.clear();
        self.trees.clear();
        for row in 0..rows {
            let start = samples.energy[row] + self.phase.kinetic[row];
            self.active.push(row);
            self.trees.push(Tree {
                start,
                reference: start,
                weight: 1.0,
                // Where the moving end and the waiting one are the same point, either may go either way.
                is_forward: true,
                report: Transition {
                    energy: start,
                    ..Transition::default()
                },
                ..Tree::default()
            });
            self.sprout(row, kernel.step_size, rng);
        }
    }

    /// Begins the next doubling of the tree whose moving end is in row `k`.
    #[inline(always)]
    fn sprout(&mut self, k: usize, step_size: f64, rng: &mut StreamRng) {
        let row = self.active[k];
        let tree = &mut self.trees[row];
        let is_forward = rng.random::<bool>();
        if is_forward != tree.is_forward {
            self.far.swap(row, &mut self.phase, k, self.dim);
        }
        tree.is_forward = is_forward;
        tree.leaf = 0;
        tree.new_weight = 0.0;
        self.phase.step[k] = if is_forward { step_size } else { -step_size };
        let momentum = &flat(&self.phase.momentum)[k * self.dim..][..self.dim];
        self.near[row * self.dim..][..self.dim].copy_from_slice(momentum);
        self.checkpoints.reach(tree.report.tree_depth);
    }

    /// Takes the point at which the trajectory in row `k` has arrived into its tree.
    #[inline(always)]
    fn grow(&mut self, k: usize, kernel: &Nuts, samples: &mut Samples<'_>, rng: &mut StreamRng) {
        let dim = self.dim;
        let row = self.active[k];
        let tree = &mut self.trees[row];
        let numbers = row * dim..(row + 1) * dim;
        let moving = k * dim..(k + 1) * dim;
        let (energy, kinetic) = (self.phase.energy[k], self.phase.kinetic[k]);
        let h = energy + kinetic;
        tree.report.n_steps += 1;
        if is_undefined(h) || h - tree.start > DIVERGENCE {
            tree.report.diverging = true;
            // Outside the support there is no score, and the momentum is no number: that is no fault.
            tree.report.undefined = energy != f64::INFINITY && is_undefined(h);
            tree.is_done = true;
            return;
        }

        let weight = tree.weigh(h);
        tree.new_weight += weight;
        if tree.leaf == 0 || rng.random::<f64>() * tree.new_weight < weight {
            self.candidate_x[numbers.clone()].copy_from_slice(&flat(&self.phase.x)[moving.clone()]);
            self.candidate_score[numbers.clone()].copy_from_slice(&flat(&self.phase.score)[moving.clone()]);
            tree.candidate = (energy, h);
        }

        let w = &flat(&self.phase.momentum)[moving];
        let sum = &mut self.sum[numbers.clone()];
        let depth = tree.report.tree_depth;
        let is_last = tree.leaf + 1 == 1 << depth;
        let squares = [tree.square, 2.0 * kinetic];
        if self
            .checkpoints
            .turns_at(row, tree.leaf, is_last, w, squares, sum)
        {
            tree.is_done = true;
            return;
        }
        tree.leaf += 1;
        tree.square = squares[1];
        if !is_last {
            return;
        }

        tree.report.tree_depth += 1;
        if rng.random::<f64>() * tree.weight < tree.new_weight {
            samples.x[numbers.clone()].copy_from_slice(&self.candidate_x[numbers.clone()]);
            samples.score[numbers.clone()].copy_from_slice(&self.candidate_score[numbers.clone()]);
            samples.energy[row] = tree.candidate.0;
            tree.report.energy = tree.candidate.1;
            tree.report.moved = true;
        }
        tree.weight += tree.new_weight;
        let (far, near) = (&self.far.momentum[numbers.clone()], &self.near[numbers]);
        if self.checkpoints.turns_whole(row, far, near, w, sum) {
            tree.is_done = true;
        } else if tree.report.tree_depth == kernel.max_depth {
            tree.report.reached_max_treedepth = true;
            tree.is_done = true;
        } else {
            self.sprout(k, kernel.step_size, rng);
        }
    }

    /// Lets the trajectories that still move close ranks.
    fn retire(&mut self) {
        for k in (0..self.active.len()).rev() {
            if self.trees[self.active[k]].is_done {
                self.active.swap_remove(k);
                self.phase.replace(k, self.active.len());
            }
        }
    }
}

impl Tree {
    /// The weight of a point with this `H`, and its acceptance probability into the sum.
    #[inline(always)]
    fn weigh(&mut self, h: f64) -> f64 {
        const FAR_BELOW: f64 = 500.0;
        if self.reference - h > FAR_BELOW {
            let factor = (h - self.reference).exp();
            self.weight *= factor;
            self.new_weight *= factor;
            self.reference = h;
        }
        let weight = (self.reference - h).exp();
        self.probability += if self.reference == self.start {
            weight.min(1.0)
        } else {
            (self.start - h).exp().min(1.0)
        };
        weight
    }
}

impl Ends {
    /// Lets the waiting end move and the moving end, in row `k`, wait.
    #[inline(always)]
    fn swap(&mut self, row: usize, phase: &mut Phase, k: usize, dim: usize) {
        let swap = |waiting: &mut [f64], moving: &mut [f64]| {
            waiting[row * dim..][..dim].swap_with_slice(&mut moving[k * dim..][..dim]);
        };
        swap(&mut self.x, flat_mut(&mut phase.x));
        swap(&mut self.momentum, flat_mut(&mut phase.momentum));
        swap(&mut self.score, flat_mut(&mut phase.score));
        if !self.force.is_empty() {
            swap(&mut self.force, flat_mut(&mut phase.force));
        }
    }
}

/// Takes the points at which all trajectories have arrived into their trees.
struct Grow<'a, 'b> {
    forest: &'a mut Forest,
    kernel: &'a Nuts,
    samples: &'a mut Samples<'b>,
    rng: &'a mut StreamRng,
}

impl Vectorized for Grow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for k in 0..self.forest.active.len() {
            self.forest.grow(k, self.kernel, self.samples, self.rng);
        }
        self.forest.retire();
    }
}

#[cfg(test)]
mod tests {
    use super::super::orbit::{Orbit, Oval};
    use super::*;
    use gibbsian_core::{Energy, Score, Seed};
    use gibbsian_testkit::stats::{FALSE_ALARM, chi_square, family};
    use ndarray::{Array1, Array2};

    /// Where trajectories that all start at one point of an orbit end, and how many steps they take.
    fn ends(orbit: &Orbit, kernel: &Nuts, n: usize) -> (Array2<f64>, Vec<Transition>) {
        let (x, w) = orbit.start();
        let mut x = Array2::from_shape_fn((n, 2), |(_, i)| x[i]);
        let (mut energy, mut score) = (Oval.energy(x.view()), Oval.score(x.view()));
        let mut samples = Samples {
            x: x.as_slice_mut().unwrap(),
            energy: energy.view_mut(),
            score: score.as_slice_mut().unwrap(),
        };
        let mut forest = Forest::default();
        forest.fit(n, 2, &kernel.metric);
        for mut row in forest.phase.momentum.rows_mut() {
            row.assign(&Array1::from(w.to_vec()));
        }
        let mut rng = Seed::new(31).rng();
        forest.plant(kernel, &samples, &mut rng);
        forest.grow_all(kernel, &Oval, &mut samples, &mut rng);
        let reports = forest.trees.iter().map(|tree| tree.report).collect();
        (x, reports)
    }

    #[test]
    fn trees_are_drawn_with_the_law_of_the_recursion() {
        const N: usize = 1 << 16;
        let mut tests = Vec::new();
        for start in Orbit::STARTS {
            let kernel = Nuts::new(Orbit::STEP).unwrap().with_max_depth(4).unwrap();
            let orbit = Orbit::new(start, &kernel);
            let (x, reports) = ends(&orbit, &kernel, N);
            let mut counts = vec![0; orbit.probabilities().len()];
            for row in x.rows() {
                counts[orbit.index_of(row[0], row[1])] += 1;
            }
            let (counts, p) = (&counts, orbit.probabilities());
            tests.push(chi_square("points", counts, p));
            let mut depths = vec![0; 5];
            for report in &reports {
                depths[report.tree_depth as usize] += 1;
            }
            tests.push(chi_square("depths", &depths, orbit.depths()));
        }
        family(&tests, FALSE_ALARM).unwrap();
    }
}
