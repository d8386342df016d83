//! The law of a step along one orbit, from the definition: a recursion over all coin tosses and all subtrees, for tests.
//!
//! Forwards and backwards, the leapfrog scheme leads from a point `(x, w)` to a sequence of points, and a step moves along it. Its transition
//! probabilities on the sequence can be listed, so that invariance can be checked to rounding, and what the sampler draws by counting leaves can be
//! compared with them.

use gibbsian_core::{Energy, Potential, Score, Space};
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::Nuts;
use crate::tunable::Tunable;

/// `E(x) = x₀⁴/4 + 2 x₁² + 0.3 x₀ x₁`: neither round nor harmonic.
pub(super) struct Oval;

impl Space for Oval {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Oval {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = energy([x[0], x[1]]);
        }
    }
}

impl Score for Oval {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (x, mut s) in x.rows().into_iter().zip(out.rows_mut()) {
            let score = score([x[0], x[1]]);
            (s[0], s[1]) = (score[0], score[1]);
        }
    }
}

impl Potential for Oval {}

fn energy(x: [f64; 2]) -> f64 {
    0.25 * x[0].powi(4) + 2.0 * x[1] * x[1] + 0.3 * x[0] * x[1]
}

fn score(x: [f64; 2]) -> [f64; 2] {
    [-x[0].powi(3) - 0.3 * x[1], -4.0 * x[1] - 0.3 * x[0]]
}

/// Which conditions end a trajectory.
#[derive(Clone, Copy)]
struct Rules {
    /// Those of the subtrees of a new half.
    subtrees: bool,
    /// Those at the joints.
    joints: bool,
}

const ALL: Rules = Rules {
    subtrees: true,
    joints: true,
};

/// Points along a trajectory, the one that it started from in the middle.
pub(super) struct Orbit {
    max_depth: u32,
    rules: Rules,
    x: Vec<[f64; 2]>,
    w: Vec<[f64; 2]>,
    h: Vec<f64>,
    law: Law,
}

/// Where a step ends, and after how many doublings.
#[derive(Clone, Default)]
struct Law {
    points: Vec<f64>,
    depths: Vec<f64>,
}

impl Orbit {
    pub const STARTS: [([f64; 2], [f64; 2]); 4] = [
        ([0.3, -0.2], [0.5, 0.8]),
        ([1.2, 0.1], [-0.4, 1.1]),
        ([-0.1, 0.6], [0.2, -0.1]),
        ([0.0, 0.0], [1.5, -0.7]),
    ];

    pub const STEP: f64 = 0.45;

    /// The points that can be reached from a start, those that can be reached from them, and the law of a step from the start.
    pub fn new((x, w): ([f64; 2], [f64; 2]), kernel: &Nuts) -> Self {
        let reach = 2 * ((1 << kernel.max_depth()) - 1);
        let walk = |step: f64| {
            let (mut x, mut w) = (x, w);
            (0..reach)
                .map(|_| {
                    let s = score(x);
                    for i in 0..2 {
                        w[i] += 0.5 * step * s[i];
                        x[i] += step * w[i];
                    }
                    let s = score(x);
                    for i in 0..2 {
                        w[i] += 0.5 * step * s[i];
                    }
                    (x, w)
                })
                .collect::<Vec<_>>()
        };
        let mut points = walk(-kernel.step_size());
        points.reverse();
        points.push((x, w));
        points.extend(walk(kernel.step_size()));
        let (x, w): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        let h = x
            .iter()
            .zip(&w)
            .map(|(x, w)| energy(*x) + 0.5 * dot(*w, *w))
            .collect();
        let mut orbit = Orbit {
            max_depth: kernel.max_depth(),
            rules: ALL,
            x,
            w,
            h,
            law: Law::default(),
        };
        orbit.law = orbit.law_from(orbit.middle());
        orbit
    }

    pub fn start(&self) -> ([f64; 2], [f64; 2]) {
        (self.x[self.middle()], self.w[self.middle()])
    }

    /// The probabilities of the points.
    pub fn probabilities(&self) -> &[f64] {
        &self.law.points
    }

    /// The probabilities of the numbers of doublings.
    pub fn depths(&self) -> &[f64] {
        &self.law.depths
    }

    /// Which point this is.
    pub fn index_of(&self, x0: f64, x1: f64) -> usize {
        let is_at = |x: &[f64; 2]| (x[0] - x0).abs() + (x[1] - x1).abs() < 1e-9;
        self.x.iter().position(is_at).expect("a point of the orbit")
    }

    fn middle(&self) -> usize {
        self.x.len() / 2
    }

    fn weight(&self, points: std::ops::Range<usize>) -> f64 {
        points.map(|k| (-self.h[k]).exp()).sum()
    }

    fn law_from(&self, from: usize) -> Law {
        let mut law = Law {
            points: vec![0.0; self.x.len()],
            depths: vec![0.0; self.max_depth as usize + 1],
        };
        let mut here = vec![0.0; self.x.len()];
        here[from] = 1.0;
        self.double(from..from + 1, 0, 1.0, &here, &mut law);
        law
    }

    /// Adds what happens after a tree over `tree` was reached, which has probability `p` and a sample with the law `sample`.
    fn double(&self, tree: std::ops::Range<usize>, depth: u32, p: f64, sample: &[f64], law: &mut Law) {
        let n = tree.len();
        for half in [tree.start.wrapping_sub(n)..tree.start, tree.end..tree.end + n] {
            let p = 0.5 * p;
            let mut end = |sample: &[f64], depth: u32| {
                law.depths[depth as usize] += p;
                for (point, sample) in law.points.iter_mut().zip(sample) {
                    *point += p * sample;
                }
            };
            if self.rules.subtrees && self.turns_inside(half.clone()) {
                end(sample, depth);
                continue;
            }
            let weight = self.weight(half.clone());
            let accept = (weight / self.weight(tree.clone())).min(1.0);
            let mut sample: Vec<f64> = sample.iter().map(|s| (1.0 - accept) * s).collect();
            for k in half.clone() {
                sample[k] += accept * (-self.h[k]).exp() / weight;
            }
            let whole = tree.start.min(half.start)..tree.end.max(half.end);
            if self.turns(whole.clone()) || depth + 1 == self.max_depth {
                end(&sample, depth + 1);
            } else {
                self.double(whole, depth + 1, p, &sample, law);
            }
        }
    }

    /// Whether a subtree or one of its subtrees turns.
    fn turns_inside(&self, tree: std::ops::Range<usize>) -> bool {
        let middle = usize::midpoint(tree.start, tree.end);
        tree.len() > 1
            && (self.turns_inside(tree.start..middle)
                || self.turns_inside(middle..tree.end)
                || self.turns(tree))
    }

    fn turns(&self, tree: std::ops::Range<usize>) -> bool {
        let middle = usize::midpoint(tree.start, tree.end);
        let turn_back = |first: usize, last: usize| {
            let sum = (first..=last).fold([0.0; 2], |sum, k| [sum[0] + self.w[k][0], sum[1] + self.w[k][1]]);
            dot(sum, self.w[first]) <= 0.0 || dot(sum, self.w[last]) <= 0.0
        };
        turn_back(tree.start, tree.end - 1)
            || self.rules.joints && (turn_back(tree.start, middle) || turn_back(middle - 1, tree.end - 1))
    }

    /// `|Σ_a π(a) P(a → b) − π(b)| / π(b)` for the point `b` in the middle.
    fn imbalance(&self) -> f64 {
        let (b, reach) = (self.middle(), self.x.len() / 4);
        let pi = |k: usize| (self.h[b] - self.h[k]).exp();
        let flow: f64 = (b - reach..=b + reach)
            .map(|a| pi(a) * self.law_from(a).points[b])
            .sum();
        (flow - 1.0).abs()
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

#[test]
fn the_law_of_a_step_leaves_the_target_invariant_on_each_orbit() {
    let kernel = Nuts::new(Orbit::STEP).unwrap().with_max_depth(3).unwrap();
    let mut without_subtrees: f64 = 0.0;
    let mut depths = [0.0; 4];
    for start in Orbit::STARTS {
        let mut orbit = Orbit::new(start, &kernel);
        let imbalance = orbit.imbalance();
        assert!(imbalance < 1e-13, "{imbalance:e} from {start:?}");
        for (sum, depth) in depths.iter_mut().zip(orbit.depths()) {
            *sum += depth;
        }
        // The whole tree alone is not enough: the same tree would not be built from all of its points.
        orbit.rules.subtrees = false;
        without_subtrees = without_subtrees.max(orbit.imbalance());
    }
    assert!(without_subtrees > 1e-3, "{without_subtrees:e}");
    // Otherwise nothing was turned back, and nothing tested.
    assert!(depths[1..3].iter().sum::<f64>() > 1.0, "{depths:?}");
}
