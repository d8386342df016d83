//! Bugs in tempered families and densities.

use gibbsian_core::{Blocks, Density, Discrete, Energy, Path, Result, Seed, Space, Streams};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::{Gaussian, Pairwise, Tempered};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, CowArray, Ix2, array};
use rand::Rng;

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    LogZ,
    Start,
    WorkOverwrites,
    WorkNotAdditive,
    WorkStale,
    StartOverwrites,
    /// A sweep in one direction leaves `f_β` invariant but is not reversible.
    OneWay,
    /// The transition of the next temperature.
    OffByOne,
    SlopeOverwrites,
    /// The work of the whole path, whatever `β`, minus a part that averages to nothing over it.
    SlopeTilted,
    SelectIgnoresOrder,
    SelectKeepsCache,
    ExchangesAll,
    ExchangeKeepsCache,
    TakesNan,
    MovesOnPlacing,
}

/// A tempered pairwise model with a bug; the state carries the work of the target, as a cache would.
struct Planted(Tempered, Bug);

fn pairwise() -> Pairwise {
    let couplings = array![[0.0, 0.0, 0.0], [1.2, 0.0, 0.0], [-0.8, 0.9, 0.0]];
    Pairwise::new(array![0.3, -0.6, 0.5], couplings).unwrap()
}

fn planted(bug: Bug) -> Planted {
    Planted(Tempered::new(array![0.2, -0.3, 0.5], pairwise()).unwrap(), bug)
}

impl Space for Planted {
    fn dim(&self) -> usize {
        3
    }
}

impl Path for Planted {
    type State = (Array2<f64>, Option<Array1<f64>>);

    fn start(&self, n: usize, rng: &mut dyn Rng) -> Self::State {
        let x = if self.1 == Bug::Start {
            Tempered::new(array![0.25, -0.3, 0.6], pairwise())
                .unwrap()
                .start(n, rng)
        } else {
            self.0.start(n, rng)
        };
        (x, None)
    }

    fn log_z_start(&self) -> f64 {
        self.0.log_z_start() + if self.1 == Bug::LogZ { 1e-9 } else { 0.0 }
    }

    fn place(&self, x: ArrayView2<f64>) -> Result<Self::State> {
        let placed = if self.1 == Bug::TakesNan && x.ncols() == 3 {
            x.to_owned()
        } else {
            self.0.place(x)?
        };
        Ok((
            if self.1 == Bug::MovesOnPlacing {
                -placed
            } else {
                placed
            },
            None,
        ))
    }

    fn positions<'s>(&self, state: &'s Self::State) -> CowArray<'s, f64, Ix2> {
        CowArray::from(state.0.view())
    }

    fn log_start(&self, state: &Self::State, out: &mut [f64]) {
        if self.1 == Bug::StartOverwrites {
            out.fill(0.0);
        }
        self.0.log_start(&state.0, out);
    }

    fn work(&self, (x, cache): &mut Self::State, from: f64, to: f64, log_weights: &mut [f64]) {
        let mut whole = vec![0.0; x.nrows()];
        self.0.work(x, 0.0, 1.0, &mut whole);
        let gap = cache.get_or_insert(Array1::from_vec(whole));
        for (w, gap) in log_weights.iter_mut().zip(gap) {
            let step = if self.1 == Bug::WorkNotAdditive {
                (to - from).abs() * (to - from)
            } else {
                to - from
            };
            *w = if self.1 == Bug::WorkOverwrites {
                step * *gap
            } else {
                *w + step * *gap
            };
        }
    }

    fn slope(&self, (x, _): &Self::State, beta: f64, out: &mut [f64]) {
        if self.1 == Bug::SlopeOverwrites {
            out.fill(0.0);
        }
        self.0.slope(x, beta, out);
        if self.1 == Bug::SlopeTilted {
            out.iter_mut().for_each(|s| *s += beta - 0.5);
        }
    }

    fn select(&self, (x, cache): &Self::State, rows: &[usize]) -> Self::State {
        let mut rows = rows.to_vec();
        if self.1 == Bug::SelectIgnoresOrder {
            rows.sort_unstable();
        }
        let kept = (self.1 == Bug::SelectKeepsCache).then(|| cache.clone()).flatten();
        (self.0.select(x, &rows), kept)
    }

    fn exchange(&self, a: &mut Self::State, b: &mut Self::State, swap: &[bool]) {
        let all = vec![true; swap.len()];
        let swap = if self.1 == Bug::ExchangesAll { &all } else { swap };
        self.0.exchange(&mut a.0, &mut b.0, swap);
        if self.1 != Bug::ExchangeKeepsCache {
            (a.1, b.1) = (None, None);
        }
    }

    fn transition(&self, (x, cache): &mut Self::State, beta: f64, rng: &mut dyn Rng) {
        if self.1 != Bug::WorkStale {
            *cache = None;
        }
        match self.1 {
            Bug::OneWay => {
                let (model, streams) = (self.0.at(beta), Streams::draw(rng));
                for block in 0..3 {
                    model.resample(x.view_mut(), block, None, &mut streams.block(block));
                }
            }
            Bug::OffByOne => self.0.transition(x, (beta - 0.25).max(0.0), rng),
            _ => self.0.transition(x, beta, rng),
        }
    }
}

#[test]
fn paths() {
    let states = pairwise().states().unwrap();
    let check = |bug| conformance::path(&planted(bug), states.view(), DOUBLE, Seed::new(1));
    check(Bug::None).unwrap();
    for (bug, reason) in [
        (Bug::WorkOverwrites, "work is added, and additive along the path"),
        (Bug::WorkNotAdditive, "work is added, and additive along the path"),
        (
            Bug::WorkStale,
            "the work after a transition is that of the new positions",
        ),
        (Bug::StartOverwrites, "log_start is added"),
        (Bug::SlopeOverwrites, "the slope is added"),
        (Bug::SlopeTilted, "the work is the integral of the slope"),
        (Bug::SelectIgnoresOrder, "selected chains are those named"),
        (
            Bug::SelectKeepsCache,
            "the work of selected chains is that of their positions",
        ),
        (Bug::ExchangesAll, "marked chains are exchanged and no others"),
        (
            Bug::ExchangeKeepsCache,
            "the work of exchanged chains is that of their positions",
        ),
        (Bug::TakesNan, "NaN in row 0 was taken"),
        (Bug::MovesOnPlacing, "positions are the placed rows"),
    ] {
        caught(check(bug), reason);
    }
}

#[test]
fn finite_paths() {
    let states = pairwise().states().unwrap();
    let check = |bug| conformance::finite_path(&planted(bug), states.view(), DOUBLE, Seed::new(2));
    check(Bug::None).unwrap();
    for (bug, reason) in [
        (Bug::LogZ, "the start is normalised by log_z_start"),
        (Bug::Start, "start draws from f_0"),
        (Bug::OneWay, "is reversible"),
        (Bug::OffByOne, "leaves f_β invariant"),
    ] {
        caught(check(bug), reason);
    }
}

/// A normal distribution whose `log Z` or whose draws are wrong.
struct Wrong {
    inner: Gaussian,
    log_z: f64,
    stretch: f64,
}

impl Space for Wrong {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
}

impl Energy for Wrong {
    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.inner.energy_into(x, out);
    }
}

impl Density for Wrong {
    fn log_z(&self) -> f64 {
        self.inner.log_z() + self.log_z
    }

    fn sample(&self, n: usize, rng: &mut dyn Rng) -> Array2<f64> {
        self.inner.sample(n, rng) * self.stretch
    }
}

#[test]
fn densities() {
    let check = |log_z, stretch| {
        let inner = Gaussian::new(array![0.0, 0.0], array![[1.0, 0.0], [0.3, 1.0]]).unwrap();
        conformance::density(
            &Wrong {
                inner,
                log_z,
                stretch,
            },
            0.4,
            DOUBLE,
            Seed::new(3),
        )
    };
    check(0.0, 1.0).unwrap();
    caught(check(0.1, 1.0), "draws and density belong together");
    caught(check(0.0, 1.1), "draws and density belong together");
}

#[test]
fn densities_on_the_line() {
    let inner = Gaussian::new(array![0.0], array![[1.0]]).unwrap();
    let wrong = Wrong {
        inner,
        log_z: 1e-5,
        stretch: 1.0,
    };
    caught(
        conformance::density(&wrong, 0.4, DOUBLE, Seed::new(3)),
        "a density has mass one",
    );
}
