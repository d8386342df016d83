//! Centred descent commutes with flipping: by the exact gradient to rounding, and by sampled gradients draw for draw.

use gibbsian_classical::{Bernoulli, Biased, Centred, Offsets, Rbm, Shift};
use gibbsian_core::{Layout, Objective, Parametric, ParametricMut, Result, Seed, Streams, Units};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, aview1};

use crate::centred::data;
use crate::common::machine;
use crate::support::{Exact, OneSweep, distance};

/// Thirty steps of descent.
fn trained<V, H, O>(mut rbm: Rbm<V, H>, mut objective: O, x: ArrayView2<f64>) -> Rbm<V, H>
where
    V: Biased,
    H: Biased,
    O: Objective<Rbm<V, H>>,
{
    let mut grad = Array1::zeros(rbm.n_params());
    for step in 0..30 {
        let mut rng = Seed::new(3).nth(step).rng();
        objective
            .loss_and_grad_into(&rbm, x, &mut rng, grad.view_mut())
            .unwrap();
        rbm.set_params((rbm.params() - &grad * 0.3).view()).unwrap();
    }
    rbm
}

const FLIPPED_VISIBLE: [bool; 4] = [true, false, true, true];
const FLIPPED_HIDDEN: [bool; 3] = [false, true, true];

/// The data, seen in the mirror of [`FLIPPED_VISIBLE`].
fn flipped(x: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn(x.raw_dim(), |(b, i)| {
        if FLIPPED_VISIBLE[i] {
            1.0 - x[[b, i]]
        } else {
            x[[b, i]]
        }
    })
}

#[test]
fn centred_descent_of_the_likelihood_commutes_with_flipping() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let flip = |rbm: &Rbm| {
        rbm.with_flipped(
            ArrayView1::from(&FLIPPED_VISIBLE),
            ArrayView1::from(&FLIPPED_HIDDEN),
        )
        .unwrap()
        .0
    };
    let apart = |make: &dyn Fn() -> Box<dyn Objective<Rbm>>| {
        let there = trained(flip(&rbm), Boxed(make()), flipped(&data()).view());
        let here = trained(rbm.clone(), Boxed(make()), data().view());
        let moved = distance(&here.params(), &rbm.params());
        assert!(moved > 0.5, "training moved the machine by {moved} only");
        distance(&there.params(), &flip(&here).params())
    };
    let slow = Offsets {
        rate: 0.1,
        ..Offsets::DATA
    };
    for offsets in [slow, Offsets::ENHANCED] {
        let error = apart(&|| Box::new(Centred::new(Exact, offsets).unwrap()));
        assert!(error <= 1e-12, "{error:e}");
    }
    let ordinary = apart(&|| Box::new(Exact));
    assert!(
        ordinary > 0.1,
        "the ordinary gradient looks invariant: {ordinary}"
    );
}

/// An objective behind a pointer.
struct Boxed(Box<dyn Objective<Rbm>>);

impl Objective<Rbm> for Boxed {
    fn loss_and_grad_into(
        &mut self,
        model: &Rbm,
        x: ArrayView2<f64>,
        rng: &mut dyn rand::Rng,
        grad: ArrayViewMut1<f64>,
    ) -> Result<f64> {
        self.0.loss_and_grad_into(model, x, rng, grad)
    }
}

/// Zeros and ones that are drawn as a Bernoulli layer in the mirror draws: where that one has a one, this one has a zero.
#[derive(Clone)]
struct MirrorImage(Bernoulli);

impl Parametric for MirrorImage {
    fn layout(&self) -> Layout {
        self.0.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.0.params()
    }
}

impl ParametricMut for MirrorImage {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.0.set_params(params)
    }
}

impl Units for MirrorImage {
    fn n_units(&self) -> usize {
        self.0.n_units()
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        self.0.admits(unit, value)
    }

    fn energy_into(&self, x: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out);
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, out: ArrayViewMut1<f64>) {
        self.0.log_partition_into(field, out);
    }

    fn mean_into(&self, field: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
        self.0.mean_into(field, out);
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        let mirror = Bernoulli::new(self.0.bias().mapv(|b| -b)).unwrap();
        mirror.sample_into((-&field).view(), streams, out.view_mut());
        out.mapv_inplace(|x| 1.0 - x);
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        self.0.energy_pullback_into(x, w, grad);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        grad: ArrayViewMut1<f64>,
    ) {
        self.0.log_partition_pullback_into(field, w, grad);
    }
}

impl Shift for MirrorImage {
    fn shift(&mut self, field: ArrayView1<f64>) {
        self.0.shift(field);
    }
}

impl Biased for MirrorImage {
    fn bias_range(&self) -> std::ops::Range<usize> {
        self.0.bias_range()
    }

    fn variance(&self, field: ArrayView2<f64>) -> Array2<f64> {
        self.0.variance(field)
    }
}

/// The same draws in the mirror: sampled training gives the machine in the mirror, draw for draw.
#[test]
fn sampled_centred_descent_commutes_with_flipping_draw_for_draw() {
    let rbm = machine(4, 3, 0.8, 0.6, 5);
    let all_flipped = |rbm: &Rbm| {
        rbm.with_flipped(aview1(&[true; 4]), aview1(&[true; 3]))
            .unwrap()
            .0
    };
    let all = all_flipped(&rbm);
    let in_mirror = Rbm::new(
        MirrorImage(all.visible().clone()),
        MirrorImage(all.hidden().clone()),
        all.weights().to_owned(),
    )
    .unwrap();
    let x = data();
    let here = trained(rbm, Centred::new(OneSweep, Offsets::ENHANCED).unwrap(), x.view());
    let there = trained(
        in_mirror,
        Centred::new(OneSweep, Offsets::ENHANCED).unwrap(),
        (1.0 - &x).view(),
    );
    let expected = all_flipped(&here);
    let error = distance(&there.params(), &expected.params());
    assert!(error <= 1e-12, "{error:e}");
}
