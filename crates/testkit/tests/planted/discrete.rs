//! Bugs in conditionals, flip energies and kernels on finite spaces.

use gibbsian_core::{
    BlockLaw, Blocks, Discrete, DiscreteEnergy, Energy, EnergyPullback, Kernel, Layout, Parametric,
    RelaxedEnergy, Result, Seed, Space, Streams, TransitionLaw, error,
};
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::targets::{Pairwise, Sweep};
use ndarray::{
    Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, CowArray, Ix2, array,
};
use rand::{Rng, RngExt};

use super::{DOUBLE, caught};

fn pairwise(scale: f64) -> Pairwise {
    let couplings = array![[0.0, 0.0, 0.0], [0.6, 0.0, 0.0], [-0.4, 0.3, 0.0]];
    Pairwise::new(array![0.3, -0.2, 0.5] * scale, couplings * scale).unwrap()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    /// Conditionals of a model that is one per cent too hot, drawn and written down alike.
    Temperature,
    /// Draws that are ten per cent too hot, under the right matrix.
    DrawnTemperature,
    Clamp,
    LastSite,
    FlipSign,
    SiteDelta,
    /// The last coordinate changes fastest.
    StatesOrder,
    /// A symbol that stands twice.
    Alphabet,
    ScoreSign,
    /// The energy of one pass is that of the row before.
    StaleEnergy,
    /// The derivative where nothing is flipped.
    NoFlip,
}

/// A pairwise model with a bug.
struct Planted(Pairwise, Pairwise, Bug);

fn planted(bug: Bug) -> Planted {
    let factor = match bug {
        Bug::Temperature => 0.99,
        Bug::DrawnTemperature => 0.9,
        _ => 1.0,
    };
    Planted(pairwise(1.0), pairwise(factor), bug)
}

impl Space for Planted {
    fn dim(&self) -> usize {
        3
    }
}

impl Discrete for Planted {
    fn alphabet(&self, site: usize) -> &[f64] {
        if self.2 == Bug::Alphabet && site == 2 {
            return &[1.0, 1.0];
        }
        self.0.alphabet(site)
    }

    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        if self.2 == Bug::StatesOrder {
            out.invert_axis(ndarray::Axis(1));
        }
        self.0.states_into(first, out);
    }
}

impl Energy for Planted {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out);
    }
}

impl DiscreteEnergy for Planted {
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        self.0.site_deltas_into(x, site, out.view_mut());
        if self.2 == Bug::SiteDelta && site == 1 {
            out *= 2.0;
        }
    }

    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.flip_deltas_into(x, out.view_mut());
        if self.2 == Bug::FlipSign {
            out *= -1.0;
        }
    }
}

impl RelaxedEnergy for Planted {
    fn relaxed_score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.relaxed_score_into(x, out.view_mut());
        if self.2 == Bug::ScoreSign {
            out *= -1.0;
        }
    }

    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        mut energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.energy_into(x, energy.view_mut());
        if self.2 == Bug::StaleEnergy && !energy.is_empty() {
            energy[x.nrows() - 1] = energy[0];
        }
        self.relaxed_score_into(x, score);
    }
}

impl Parametric for Planted {
    fn layout(&self) -> Layout {
        self.0.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.0.params()
    }
}

impl EnergyPullback for Planted {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        grad: ArrayViewMut1<f64>,
    ) {
        self.0.energy_pullback_with(x, weigh, grad);
    }

    fn flips_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView2<f64>, grad: ArrayViewMut1<f64>) {
        if self.2 == Bug::NoFlip {
            self.energy_pullback_into(x, w.sum_axis(Axis(1)).view(), grad);
        } else {
            self.0.flips_pullback_into(x, w, grad);
        }
    }
}

impl Blocks for Planted {
    fn n_blocks(&self) -> usize {
        // Off by one: the last site is never redrawn.
        if self.2 == Bug::LastSite { 2 } else { 3 }
    }

    fn resample(
        &self,
        x: ArrayViewMut2<f64>,
        block: usize,
        free: Option<ArrayView1<bool>>,
        rng: &mut dyn Rng,
    ) {
        let free = if self.2 == Bug::Clamp { None } else { free };
        self.1.resample(x, block, free, rng);
    }
}

impl BlockLaw for Planted {
    fn block_matrix(&self, block: usize, states: ArrayView2<f64>) -> Array2<f64> {
        let model = if self.2 == Bug::Temperature {
            &self.1
        } else {
            &self.0
        };
        model.block_matrix(block, states)
    }
}

#[test]
fn blocks() {
    let states = pairwise(1.0).states().unwrap();
    let seed = Seed::new(3);
    caught(
        conformance::blocks(&planted(Bug::Clamp), states.view(), seed),
        "a fully clamped redraw changes nothing",
    );
    caught(
        conformance::blocks(&planted(Bug::LastSite), states.view(), seed),
        "a sweep redraws every coordinate",
    );
    let law = |bug, redraw| conformance::block_law(&planted(bug), redraw, seed);
    caught(
        law(Bug::Temperature, Redraw::Conditional),
        "the conditional is the ratio of joint probabilities",
    );
    caught(
        law(Bug::Temperature, Redraw::ThroughHidden),
        "the transition leaves the target invariant",
    );
    caught(
        law(Bug::DrawnTemperature, Redraw::Conditional),
        "is drawn with the law of its matrix",
    );
    caught(law(Bug::Clamp, Redraw::Conditional), "keeps the conditional law");
}

#[test]
fn energies_of_single_sites() {
    let states = pairwise(1.0).states().unwrap();
    let check = |bug| conformance::discrete_energy(&planted(bug), states.view(), DOUBLE);
    caught(check(Bug::FlipSign), "flip deltas are differences of energies");
    caught(check(Bug::SiteDelta), "site 1: site deltas");
    caught(
        check(Bug::StatesOrder),
        "coordinate 0 of the states changes fastest",
    );
    caught(check(Bug::Alphabet), "that of site 2");
}

#[test]
fn pullbacks_of_flips() {
    let states = pairwise(1.0).states().unwrap();
    caught(
        conformance::flips_pullback(&planted(Bug::NoFlip), states.view(), DOUBLE),
        "the pullback of flips sums over the flipped states",
    );
}

#[test]
fn relaxed_energies() {
    let states = pairwise(1.0).states().unwrap();
    let check = |bug| conformance::relaxed_energy(&planted(bug), states.view(), DOUBLE);
    caught(
        check(Bug::ScoreSign),
        "the relaxed score is minus the gradient of the energy",
    );
    caught(check(Bug::StaleEnergy), "the energy of one pass");
}

#[test]
fn a_sweep_that_skips_a_site_is_reducible() {
    caught(
        conformance::transition_law(
            &Sweep::Forward,
            &planted(Bug::LastSite),
            Balance::Global,
            Seed::new(4),
        ),
        "irreducibility",
    );
    caught(
        conformance::transition_law(&Sweep::Forward, &pairwise(1.0), Balance::Detailed, Seed::new(4)),
        "detailed balance",
    );
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Move {
    Right,
    /// Every proposal is accepted.
    NoRatio,
    /// `min(1, π'/π)` with the energies exchanged.
    InvertedRatio,
    /// The matrix is right, the step accepts everything.
    DrawnNoRatio,
    StaleEnergy,
    TwoKeys,
    OwnSeed,
    TakesNan,
    Mutates,
}

/// Metropolis flips of a uniformly chosen site.
struct Metropolis(Move);

impl Metropolis {
    fn acceptance(&self, delta: f64) -> f64 {
        match self.0 {
            Move::NoRatio => 1.0,
            Move::InvertedRatio => delta.exp().min(1.0),
            _ => (-delta).exp().min(1.0),
        }
    }
}

impl Kernel<Pairwise> for Metropolis {
    type State = (Array2<f64>, Array1<f64>);
    type Info = ();

    fn init(&self, target: &Pairwise, mut x: Array2<f64>) -> Result<Self::State> {
        error::check_batch("x", &x, 3)?;
        if self.0 != Move::TakesNan {
            error::check_finite("x", &x)?;
        }
        if self.0 == Move::Mutates {
            x.column_mut(0).fill(1.0);
        }
        let energy = target.energy(x.view());
        Ok((x, energy))
    }

    fn refresh(&self, target: &Pairwise, state: &mut Self::State) {
        if self.0 != Move::StaleEnergy {
            state.1 = target.energy(state.0.view());
        }
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        CowArray::from(state.0.view())
    }

    fn step(&self, target: &Pairwise, (x, energy): &mut Self::State, rng: &mut dyn Rng) {
        let streams = match self.0 {
            Move::OwnSeed => Streams::from_key(7),
            _ => Streams::draw(rng),
        };
        if self.0 == Move::TwoKeys {
            rng.next_u64();
        }
        let mut rng = streams.block(0);
        for (mut row, energy) in x.rows_mut().into_iter().zip(energy) {
            let site = rng.random_range(0..3);
            row[site] *= -1.0;
            let proposed = target.energy(row.view().insert_axis(ndarray::Axis(0)))[0];
            let accept = self.acceptance(proposed - *energy);
            if self.0 == Move::DrawnNoRatio || rng.random::<f64>() < accept {
                *energy = proposed;
            } else {
                row[site] *= -1.0;
            }
        }
    }
}

impl TransitionLaw<Pairwise> for Metropolis {
    fn transition_matrix(&self, target: &Pairwise, states: ArrayView2<f64>) -> Array2<f64> {
        let energy = target.energy(states);
        let n = states.nrows();
        let mut p = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..n {
                let n_different = states
                    .row(i)
                    .iter()
                    .zip(states.row(j))
                    .filter(|(a, b)| a != b)
                    .count();
                if n_different == 1 {
                    p[[i, j]] = self.acceptance(energy[j] - energy[i]) / 3.0;
                }
            }
            p[[i, i]] = 1.0 - p.row(i).sum();
        }
        p
    }
}

#[test]
fn metropolis() {
    let target = pairwise(1.0);
    let law =
        |fault, balance| conformance::transition_law(&Metropolis(fault), &target, balance, Seed::new(5));
    law(Move::Right, Balance::Detailed).unwrap();
    caught(
        law(Move::NoRatio, Balance::Global),
        "the transition leaves the target invariant",
    );
    caught(
        law(Move::InvertedRatio, Balance::Global),
        "the transition leaves the target invariant",
    );
    caught(
        law(Move::DrawnNoRatio, Balance::Detailed),
        "the drawn step has the law of the matrix",
    );
}

#[test]
fn kernels() {
    let (target, other) = (pairwise(1.0), pairwise(-2.0));
    let states = target.states().unwrap();
    let check = |fault| conformance::kernel(&Metropolis(fault), &target, &other, states.view(), Seed::new(6));
    check(Move::Right).unwrap();
    for (fault, reason) in [
        (
            Move::StaleEnergy,
            "a refresh for another target forgets the first",
        ),
        (Move::TwoKeys, "it drew 2 words"),
        (Move::OwnSeed, "it drew 0 words"),
        (Move::TakesNan, "NaN in row 0 was taken"),
        (Move::Mutates, "positions after init are the given rows"),
    ] {
        caught(check(fault), reason);
    }
}
