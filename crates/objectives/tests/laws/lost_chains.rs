//! Chains that end where no number is, on a model that answers with a finite energy there all the same.

use gibbsian_core::{
    Energy, EnergyPullback, Error, Kernel, Layout, Objective, Parametric, Result, Seed, Space,
};
use gibbsian_objectives::{
    ContrastiveDivergence, Draws, PersistentContrastiveDivergence, Replay, ReplayBuffer,
    ReplayContrastiveDivergence,
};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, CowArray, Ix2, array};
use rand::Rng;

/// `E(x) = θ max(x, −1)`, which is `−θ` at NaN because a maximum forgets it.
struct Clipped(f64);

impl Space for Clipped {
    fn dim(&self) -> usize {
        1
    }
}

impl Energy for Clipped {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        out.assign(&x.column(0).mapv(|x| self.0 * x.max(-1.0)));
    }
}

impl Parametric for Clipped {
    fn layout(&self) -> Layout {
        Layout::new().with("slope", &[1])
    }

    fn params(&self) -> Array1<f64> {
        array![self.0]
    }
}

impl EnergyPullback for Clipped {
    fn energy_pullback_with(
        &self,
        x: ArrayView2<f64>,
        weights: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
        mut grad: ArrayViewMut1<f64>,
    ) {
        let mut w = Array1::zeros(x.nrows());
        weights(self.energy(x).view(), w.view_mut());
        grad[0] += w.dot(&x.column(0).mapv(|x| x.max(-1.0)));
    }
}

/// Loses the second of its chains.
struct Lost;

impl Kernel<Clipped> for Lost {
    type State = Array2<f64>;
    type Info = ();

    fn init(&self, _: &Clipped, x: Array2<f64>) -> Result<Array2<f64>> {
        Ok(x)
    }

    fn refresh(&self, _: &Clipped, _: &mut Array2<f64>) {}

    fn positions<'s>(&self, state: &'s Array2<f64>) -> CowArray<'s, f64, Ix2> {
        state.view().into()
    }

    fn step(&self, _: &Clipped, state: &mut Array2<f64>, _: &mut dyn Rng) {
        state[[1, 0]] = f64::NAN;
    }
}

fn start() -> Array2<f64> {
    array![[0.0], [1.0], [2.0]]
}

fn noise(n: usize, _: &mut dyn Rng) -> Array2<f64> {
    Array2::zeros((n, 1))
}

#[track_caller]
fn lost(objective: &mut impl Objective<Clipped>) {
    let mut grad = Array1::zeros(1);
    let error = objective
        .loss_and_grad_into(
            &Clipped(1.0),
            start().view(),
            &mut Seed::new(1).rng(),
            grad.view_mut(),
        )
        .unwrap_err();
    match &error {
        Error::NonFinite { name, value, .. } => {
            assert!(name == "coordinate 0 of chain 1" && value.is_nan(), "{error}");
        }
        _ => panic!("{error}"),
    }
}

#[test]
fn no_contrast_is_taken_with_chains_that_are_lost() {
    lost(&mut ContrastiveDivergence::new(Lost, 1).unwrap());
    lost(&mut PersistentContrastiveDivergence::new(Lost, 1, start()).unwrap());
}

#[test]
fn lost_chains_are_not_kept() {
    let settings = Replay {
        reinitialise: 0.5,
        ..Replay::new(1, 3)
    };
    let buffer = ReplayBuffer::new(start()).unwrap();
    let mut objective = ReplayContrastiveDivergence::new(Lost, Draws(noise), buffer, settings).unwrap();
    lost(&mut objective);
    assert_eq!(objective.buffer().positions(), start());
    // The minibatch that went wrong can be looked at.
    assert_eq!(objective.report().unwrap().visits.len(), 3);
}
