//! A machine of any two finite kinds of units against enumeration of its joint density.

use gibbsian_classical::{Rbm, RbmPath};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, FiniteUnits, Seed, SmoothUnits};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use gibbsian_testkit::verdict::Verdict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// Checks everything that a pair of layers gives a machine: the free energy, `log Z` over either layer, conditional means, the gradient,
/// the cost of changes, block Gibbs sampling with its law, the joint model, and the annealing path from the layers `base`.
///
/// `joint_energy(rbm, v, h)` is the definition, with plain sums, for one pair of states.
///
/// # Errors
/// The first law that does not hold.
pub fn machine<V: FiniteUnits, H: FiniteUnits>(
    rbm: &Rbm<V, H>,
    joint_energy: impl Fn(ArrayView1<f64>, ArrayView1<f64>) -> f64,
    base: (V, H),
    seed: Seed,
) -> Verdict {
    const DOUBLE: Precision = Precision::DOUBLE;
    let (v, h) = (rbm.states().unwrap(), rbm.transposed().states().unwrap());
    let log_joint = Array2::from_shape_fn((v.nrows(), h.nrows()), |(a, b)| -joint_energy(v.row(a), h.row(b)));
    let free_energy: Array1<f64> = log_joint
        .rows()
        .into_iter()
        .map(|row| -log_sum_exp(&row.to_vec()))
        .collect();
    let tolerance = DOUBLE.agreement();
    close(
        "the free energy sums the hidden units out",
        &rbm.energy(v.view()),
        &free_energy,
        tolerance,
    )?;
    close(
        "hidden means are those of the joint density",
        &rbm.hidden_mean(v.view()),
        &means(log_joint.view(), &h),
        tolerance,
    )?;
    close(
        "visible means are those of the joint density",
        &rbm.visible_mean(h.view()),
        &means(log_joint.t(), &v),
        tolerance,
    )?;
    let log_z = log_sum_exp(&log_joint.iter().copied().collect::<Vec<_>>());
    let transposed = rbm.transposed();
    let found = [
        rbm.log_z(),
        rbm.log_z_over_hidden(),
        transposed.log_z(),
        transposed.log_z_over_hidden(),
    ];
    close(
        "log Z is the sum over all pairs, over either layer",
        &Array1::from_iter(found.map(|z| z.unwrap())),
        &Array1::from_elem(4, log_z),
        tolerance,
    )?;

    conformance::energy(rbm, v.view(), DOUBLE)?;
    conformance::discrete_energy(rbm, v.view(), DOUBLE)?;
    conformance::energy_pullback(&mut rbm.clone(), v.view(), DOUBLE)?;
    if (0..v.ncols()).all(|site| rbm.alphabet(site).len() == 2) {
        conformance::flips_pullback(rbm, v.view(), DOUBLE)?;
    }
    conformance::blocks(rbm, v.view(), seed.child("blocks"))?;
    conformance::block_law(rbm, Redraw::ThroughHidden, seed.child("block-law"))?;
    conformance::transition_law(&Sweep::Forward, rbm, Balance::Detailed, seed.child("sweep"))?;
    let joint = rbm.joint();
    conformance::block_law(&joint, Redraw::Conditional, seed.child("joint-block-law"))?;
    conformance::transition_law(
        &Sweep::Forward,
        &joint,
        Balance::Global,
        seed.child("joint-sweep"),
    )?;
    let path = RbmPath::new(rbm, base.0, base.1).unwrap();
    conformance::path(&path, v.view(), DOUBLE, seed.child("path"))?;
    conformance::finite_path(&path, v.view(), DOUBLE, seed.child("finite-path"))
}

/// [`machine`], and what visible units add whose energy can be differentiated.
///
/// # Errors
/// The first law that does not hold.
pub fn smooth_machine<V: FiniteUnits + SmoothUnits, H: FiniteUnits>(
    rbm: &Rbm<V, H>,
    joint_energy: impl Fn(ArrayView1<f64>, ArrayView1<f64>) -> f64,
    base: (V, H),
    seed: Seed,
) -> Verdict {
    conformance::relaxed_energy(rbm, rbm.states().unwrap().view(), Precision::DOUBLE)?;
    machine(rbm, joint_energy, base, seed)
}

/// Rows of `Σ_s s p(s | row)` from `log p(row, s)` up to a constant.
pub fn means(log_joint: ArrayView2<f64>, states: &Array2<f64>) -> Array2<f64> {
    let mut p = log_joint.to_owned();
    for mut row in p.axis_iter_mut(Axis(0)) {
        let log_total = log_sum_exp(&row.to_vec());
        row.mapv_inplace(|l| (l - log_total).exp());
    }
    p.dot(states)
}
