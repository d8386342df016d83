//! The machine against enumeration of its joint energy, written down once more with plain sums.

use gibbsian_classical::{Bernoulli, Boundary, ConvolutionalRbm, Gaussian, MaxPooled, Repeated, Spin};
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Discrete, Energy, FiniteUnits, Seed, SmoothUnits, Units};
use gibbsian_testkit::agreement::close;
use gibbsian_testkit::conformance::{self, Balance, Redraw};
use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::targets::Sweep;
use ndarray::{Array1, Array2, Array4, ArrayView1, ArrayView2, Axis, array};

const DOUBLE: Precision = Precision::DOUBLE;
const BOUNDARIES: [Boundary; 2] = [Boundary::Open, Boundary::Periodic];

/// `Σ h_{yxk} W_{ijck} v_{y+i, x+j, c}` from the definition.
fn coupling<V: Units, H: Units>(m: &ConvolutionalRbm<V, H>, v: ArrayView1<f64>, h: ArrayView1<f64>) -> f64 {
    let ([height, width], [rows, columns]) = (m.shape(), m.hidden_shape());
    let (n_i, n_j, n_c, n_k) = m.filters().dim();
    let mut sum = 0.0;
    for y in 0..rows {
        for x in 0..columns {
            for k in 0..n_k {
                for i in 0..n_i {
                    for j in 0..n_j {
                        for c in 0..n_c {
                            let (py, px) = ((y + i) % height, (x + j) % width);
                            sum += h[(y * columns + x) * n_k + k]
                                * m.filters()[[i, j, c, k]]
                                * v[(py * width + px) * n_c + c];
                        }
                    }
                }
            }
        }
    }
    sum
}

fn filters(shape: (usize, usize, usize, usize)) -> Array4<f64> {
    let numbers = [0.9, -0.7, 0.4, 1.1, -0.3, 0.6, -1.2, 0.2, 0.5, -0.8, 0.1];
    let mut n = 0;
    Array4::from_shape_simple_fn(shape, || {
        n += 1;
        numbers[n % numbers.len()]
    })
}

fn layer_states<U: FiniteUnits>(layer: &U) -> Array2<f64> {
    let mut states = Array2::zeros((layer.n_states().unwrap() as usize, layer.n_units()));
    layer.states_into(0, states.view_mut());
    states
}

/// Rows of `Σ_s s p(s | row)` from `log p(row, s)` up to a constant.
fn means(log_joint: ArrayView2<f64>, states: &Array2<f64>) -> Array2<f64> {
    let mut p = log_joint.to_owned();
    for mut row in p.axis_iter_mut(Axis(0)) {
        let log_total = log_sum_exp(&row.to_vec());
        row.mapv_inplace(|l| (l - log_total).exp());
    }
    p.dot(states)
}

/// Everything that finite layers give the machine.
fn machine<V: FiniteUnits + SmoothUnits, H: FiniteUnits>(
    m: &ConvolutionalRbm<V, H>,
    visible_energy: impl Fn(ArrayView1<f64>) -> f64,
    hidden_energy: impl Fn(ArrayView1<f64>) -> f64,
    seed: u64,
) {
    let (v, h) = (layer_states(m.visible()), layer_states(m.hidden()));
    let log_joint = Array2::from_shape_fn((v.nrows(), h.nrows()), |(a, b)| {
        coupling(m, v.row(a), h.row(b)) - visible_energy(v.row(a)) - hidden_energy(h.row(b))
    });
    let tolerance = DOUBLE.agreement();
    let free_energy: Array1<f64> = log_joint
        .rows()
        .into_iter()
        .map(|row| -log_sum_exp(&row.to_vec()))
        .collect();
    close("free energies", &m.energy(v.view()), &free_energy, tolerance).unwrap();
    let (of_h, of_v) = (means(log_joint.view(), &h), means(log_joint.t(), &v));
    close("hidden means", &m.hidden_mean(v.view()), &of_h, tolerance).unwrap();
    close("visible means", &m.visible_mean(h.view()), &of_v, tolerance).unwrap();
    let pairs = v.nrows().min(h.nrows());
    let rows: Vec<usize> = (0..pairs).collect();
    let (some_v, some_h) = (v.select(Axis(0), &rows), h.select(Axis(0), &rows));
    let joint = log_joint.diag().mapv(|l| -l);
    close(
        "joint energies",
        &m.joint_energy(some_v.view(), some_h.view()),
        &joint,
        tolerance,
    )
    .unwrap();
    let log_z = log_sum_exp(&log_joint.iter().copied().collect::<Vec<_>>());
    close("log Z", &array![m.log_z().unwrap()], &array![log_z], tolerance).unwrap();

    let few = m.states().unwrap();
    let few = few.view().split_at(Axis(0), few.nrows().min(64)).0;
    conformance::energy(m, few, DOUBLE).unwrap();
    conformance::discrete_energy(m, few, DOUBLE).unwrap();
    conformance::relaxed_energy(m, few, DOUBLE).unwrap();
    conformance::energy_pullback(&mut m.clone(), few, DOUBLE).unwrap();
    conformance::flips_pullback(m, few, DOUBLE).unwrap();
    conformance::snapshot(m, &mut changed(m)).unwrap();
    conformance::blocks(m, few, Seed::new(seed)).unwrap();
    conformance::block_law(m, Redraw::ThroughHidden, Seed::new(seed + 1)).unwrap();
    conformance::transition_law(&Sweep::Forward, m, Balance::Detailed, Seed::new(seed + 2)).unwrap();
}

/// The machine with other parameters.
fn changed<V: Units, H: Units>(m: &ConvolutionalRbm<V, H>) -> ConvolutionalRbm<V, H> {
    use gibbsian_core::{Parametric, ParametricMut};
    let mut other = m.clone();
    other.set_params((m.params() * 0.5).view()).unwrap();
    other
}

/// Two channels in a picture of 2 × 3 pixels would be 2¹² states beside 2¹²; 2 × 2 pixels and 1 × 3 ones are enough to tell all indices apart.
#[test]
fn machines_of_zeros_and_ones_are_their_enumeration() {
    for (seed, boundary) in [(10, BOUNDARIES[0]), (20, BOUNDARIES[1])] {
        let (b, c) = (array![0.4, -0.7], array![-0.2, 0.5]);
        let m = ConvolutionalRbm::binary([1, 3], b, c, filters((1, 2, 2, 2)), boundary).unwrap();
        let places = m.hidden_shape()[1];
        assert_eq!(places, if boundary == Boundary::Open { 2 } else { 3 });
        let visible = |v: ArrayView1<f64>| -(0..3).map(|p| 0.4 * v[2 * p] - 0.7 * v[2 * p + 1]).sum::<f64>();
        let hidden = move |h: ArrayView1<f64>| {
            -(0..places)
                .map(|p| -0.2 * h[2 * p] + 0.5 * h[2 * p + 1])
                .sum::<f64>()
        };
        machine(&m, visible, hidden, seed);
    }
    for (seed, boundary) in [(30, BOUNDARIES[0]), (40, BOUNDARIES[1])] {
        let m = ConvolutionalRbm::binary([3, 2], array![0.3], array![-0.4], filters((2, 2, 1, 1)), boundary);
        machine(&m.unwrap(), |v| -0.3 * v.sum(), |h| 0.4 * h.sum(), seed);
    }
}

/// A max-pooled hidden layer on spins: what is not a state has no energy, and nothing else of the machine changes.
#[test]
fn machines_of_other_units_are_their_enumeration() {
    let visible = Repeated::new(Spin::new(array![0.3]).unwrap(), 6).unwrap();
    let hidden = MaxPooled::new([2, 2], [2, 1], array![0.2, -0.3]).unwrap();
    let m = ConvolutionalRbm::new([2, 3], visible, hidden, filters((1, 2, 1, 2)), Boundary::Open).unwrap();
    let in_support = |h: ArrayView1<f64>| (0..4).all(|block| h[block] + h[block + 4] <= 1.0);
    machine(
        &m,
        |v| -0.3 * v.sum(),
        |h| {
            if in_support(h) {
                -(0..4).map(|p| 0.2 * h[2 * p] - 0.3 * h[2 * p + 1]).sum::<f64>()
            } else {
                f64::INFINITY
            }
        },
        50,
    );
}

#[test]
fn real_pictures_have_scores_and_all_their_derivatives() {
    let numbers = [0.4, -0.9, 1.7, -0.3, 0.8, -2.1, 0.3, 0.6, 1.2, 1.3, -0.8];
    for boundary in BOUNDARIES {
        let visible = Gaussian::new(array![0.3, -0.5], array![1.4, 0.9]).unwrap();
        let visible = Repeated::new(visible, 6).unwrap();
        let x = Array2::from_shape_fn((3, 12), |(b, i)| numbers[(5 * b + i) % numbers.len()]);
        let places: usize = if boundary == Boundary::Open { 2 } else { 6 };
        let hidden = Repeated::new(Bernoulli::new(array![0.2, -0.4]).unwrap(), places).unwrap();
        let m = ConvolutionalRbm::new([2, 3], visible, hidden, filters((2, 2, 2, 2)), boundary);
        let mut m = m.unwrap();
        conformance::energy(&m, x.view(), DOUBLE).unwrap();
        conformance::energy_pullback(&mut m, x.view(), DOUBLE).unwrap();
        conformance::score(&m, x.view(), DOUBLE).unwrap();
        conformance::potential(&m, x.view(), DOUBLE).unwrap();
        conformance::score_jvp(&m, x.view(), DOUBLE).unwrap();
        conformance::score_pullback(&mut m, x.view(), DOUBLE).unwrap();
        conformance::score_jvp_pullback(&mut m, x.view(), DOUBLE).unwrap();
    }
}
