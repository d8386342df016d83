//! Kernels on continuous spaces: an adjusted Langevin step, right and with the bugs that such steps have.

use gibbsian_core::{Kernel, Potential, Result, Seed, Streams, error};
use gibbsian_testkit::audit::{exact_start, geweke, ranks};
use gibbsian_testkit::conformance::Balance;
use gibbsian_testkit::targets::{Gaussian, PoissonCurve};
use ndarray::{Array1, Array2, ArrayView1, Axis, CowArray, Ix2, array};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::planted::caught;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    /// Accepts by `p(x')/p(x)`, as if the proposal were symmetric.
    NoProposalRatio,
    /// Accepts everything.
    Unadjusted,
    /// Accepts with the ratio to the power `1/1.25`.
    Hot,
    /// Proposes again until something is accepted.
    NoRepeats,
    /// Keeps the energy of the old target after a refresh.
    StaleEnergy,
    /// Leaves the second coordinate alone.
    Frozen,
    /// Turns the plane by a right angle: invariant for a round normal law, but one-way.
    Rotation,
}

/// `x' = x + ε s + √(2ε) z`, accepted with the ratio of Metropolis and Hastings.
struct Langevin {
    step_size: f64,
    bug: Bug,
}

impl Langevin {
    fn log_proposal<T: Potential + ?Sized>(
        &self,
        target: &T,
        from: ArrayView1<f64>,
        to: ArrayView1<f64>,
    ) -> f64 {
        let score = target.score(from.insert_axis(Axis(0)));
        let drifted = &from + &(self.step_size * &score.row(0));
        -(&to - &drifted).mapv(|d| d * d).sum() / (4.0 * self.step_size)
    }

    fn propose<T: Potential + ?Sized>(
        &self,
        target: &T,
        from: ArrayView1<f64>,
        rng: &mut dyn Rng,
    ) -> Array1<f64> {
        let score = target.score(from.insert_axis(Axis(0)));
        let mut to = &from + &(self.step_size * &score.row(0));
        to.mapv_inplace(|x| x + (2.0 * self.step_size).sqrt() * rng.sample::<f64, _>(StandardNormal));
        if self.bug == Bug::Frozen {
            to[1] = from[1];
        }
        to
    }

    fn move_row<T: Potential + ?Sized>(
        &self,
        target: &T,
        x: &mut Array1<f64>,
        energy: &mut f64,
        rng: &mut dyn Rng,
    ) {
        if self.bug == Bug::Rotation {
            *x = array![-x[1], x[0]];
            return;
        }
        loop {
            let to = self.propose(target, x.view(), rng);
            let proposed = target.energy(to.view().insert_axis(Axis(0)))[0];
            let mut log_ratio = *energy - proposed;
            if self.bug != Bug::NoProposalRatio && self.bug != Bug::Frozen {
                log_ratio += self.log_proposal(target, to.view(), x.view());
                log_ratio -= self.log_proposal(target, x.view(), to.view());
            }
            if self.bug == Bug::Hot {
                log_ratio /= 1.25;
            }
            if self.bug == Bug::Unadjusted || rng.random::<f64>().ln() < log_ratio {
                (*x, *energy) = (to, proposed);
                return;
            }
            if self.bug != Bug::NoRepeats {
                return;
            }
        }
    }
}

impl<T: Potential + ?Sized> Kernel<T> for Langevin {
    type State = (Array2<f64>, Array1<f64>);
    type Info = ();

    fn init(&self, target: &T, x: Array2<f64>) -> Result<Self::State> {
        error::check_batch("x", &x, target.dim())?;
        let energy = target.energy(x.view());
        Ok((x, energy))
    }

    fn refresh(&self, target: &T, (x, energy): &mut Self::State) {
        if self.bug != Bug::StaleEnergy {
            *energy = target.energy(x.view());
        }
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        CowArray::from(state.0.view())
    }

    fn step(&self, target: &T, (x, energy): &mut Self::State, rng: &mut dyn Rng) {
        let mut rng = Streams::draw(rng).block(0);
        for (mut row, energy) in x.rows_mut().into_iter().zip(energy) {
            let mut moved = row.to_owned();
            self.move_row(target, &mut moved, energy, &mut rng);
            row.assign(&moved);
        }
    }
}

fn from_exact_draws(bug: Bug, balance: Balance) -> gibbsian_testkit::verdict::Verdict {
    let precision = if bug == Bug::Rotation {
        array![[1.0, 0.0], [0.0, 1.0]]
    } else {
        array![[2.0, 0.6], [0.6, 1.0]]
    };
    let target = Gaussian::new(array![0.0, 0.0], precision).unwrap();
    let kernel = Langevin { step_size: 0.5, bug };
    exact_start(&kernel, &target, balance, 40_000, 9, Seed::new(3))
}

#[test]
fn a_right_step_passes_from_exact_draws_and_wrong_ones_do_not() {
    from_exact_draws(Bug::None, Balance::Detailed).unwrap();
    for bug in [Bug::NoProposalRatio, Bug::Unadjusted, Bug::Hot, Bug::NoRepeats] {
        caught(from_exact_draws(bug, Balance::Global), "is what it was");
    }
    // The means stay what they are, only the arrow of time shows.
    from_exact_draws(Bug::Rotation, Balance::Global).unwrap();
    caught(from_exact_draws(Bug::Rotation, Balance::Detailed), "exchange of");
}

#[test]
fn a_joint_test_sees_what_changes_with_the_posterior() {
    let joint = |bug| {
        let kernel = Langevin { step_size: 0.05, bug };
        geweke(&kernel, &PoissonCurve, 4_000, 20, Seed::new(5))
    };
    joint(Bug::None).unwrap();
    for bug in [Bug::NoProposalRatio, Bug::Unadjusted, Bug::StaleEnergy] {
        caught(joint(bug), "Geweke's joint test");
    }
}

#[test]
fn ranks_are_uniform_for_a_right_kernel_only() {
    let calibrated = |bug| {
        let kernel = Langevin { step_size: 0.05, bug };
        ranks(&kernel, &PoissonCurve, 2_000, 19, Seed::new(7))
    };
    calibrated(Bug::None).unwrap();
    for bug in [Bug::NoProposalRatio, Bug::Unadjusted] {
        caught(calibrated(bug), "ranks of parameter");
    }
}

#[test]
fn chains_that_stay_are_reported() {
    let target = Gaussian::new(array![0.0, 0.0], array![[1.0, 0.0], [0.0, 1.0]]).unwrap();
    let kernel = Langevin {
        step_size: 1e9,
        bug: Bug::None,
    };
    let verdict = exact_start(&kernel, &target, Balance::Global, 1_000, 2, Seed::new(9));
    caught(verdict, "chains move");
    caught(from_exact_draws(Bug::Frozen, Balance::Detailed), "is what it was");
}
