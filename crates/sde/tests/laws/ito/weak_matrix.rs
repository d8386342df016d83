//! Weak orders for noises that are matrices, without sampling: for linear equations the moments after many steps follow from those of one, and these are sums over a rule that is exact for them.

use gibbsian_core::Space;
use gibbsian_sde::{BrownianBlock, CommutativeMilstein, LevyMilstein, Solver, Step};
use gibbsian_testkit::stats::order;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, array, linalg::kron};

use super::equations::{By, Rows};
use super::matrix::{C, Complex, MU, times};
use super::weak::normal_rule;

/// Increments, and areas of the first pair, one row each.
struct Nodes {
    increments: Array2<f64>,
    areas: Array2<f64>,
}

impl BrownianBlock for Nodes {
    fn increment_into(&mut self, _: f64, _: f64, mut increment: ArrayViewMut2<f64>) {
        increment.assign(&self.increments);
    }

    fn increment_and_area_into(&mut self, _: f64, _: f64, _: ArrayViewMut2<f64>, _: ArrayViewMut2<f64>) {
        unreachable!("these schemes ask for no space-time areas");
    }

    fn increment_and_levy_area_into(
        &mut self,
        _: f64,
        _: f64,
        _: usize,
        mut increment: ArrayViewMut2<f64>,
        mut levy: ArrayViewMut2<f64>,
    ) {
        increment.assign(&self.increments);
        levy.assign(&self.areas);
    }

    fn independent_into(&mut self, _: ArrayViewMut2<f64>) {
        unreachable!("these schemes draw nothing beside the motion");
    }
}

/// Where one step of length `h` leads from `start`, at every node.
fn one_step<E: Space, V: Solver<E>>(
    solver: &V,
    equation: &E,
    h: f64,
    start: &[f64],
    nodes: &mut Nodes,
) -> Array2<f64> {
    let n = nodes.increments.nrows();
    let mut x = Array2::from_shape_fn((n, start.len()), |(_, i)| start[i]);
    let step = Step {
        index: 0,
        n_steps: 1,
        from: 0.0,
        to: h,
    };
    solver.step(equation, &step, x.view_mut(), nodes, &mut V::Memory::default());
    x
}

/// `zⁿ`.
fn power(z: [f64; 2], n: usize) -> [f64; 2] {
    (0..n).fold([1.0, 0.0], |product, _| times(product, &z))
}

/// `e^z`.
fn exponential(z: [f64; 2]) -> [f64; 2] {
    [z[0].exp() * z[1].cos(), z[0].exp() * z[1].sin()]
}

/// A step of `dz = μ z dt + Σ_j c_j z dB_j` multiplies by a number `R`, so that `E z`, `E z²` and `E |z|²` are powers of `E R`, `E R²` and `E |R|²`, and in the limit exponentials of `μ`,
/// `2μ + Σ c_j²` and `2 Re μ + Σ |c_j|²`.
fn expect_commutative_order(name: &str, solver: &impl Solver<By<Complex>>) {
    let rule = normal_rule();
    let nodes = |h: f64| -> (Nodes, Vec<f64>) {
        let (mut increments, mut weights) = (Vec::new(), Vec::new());
        for (a, p) in rule {
            for (b, q) in rule {
                for (c, r) in rule {
                    increments.extend([a, b, c].map(|z| z * h.sqrt()));
                    weights.push(p * q * r);
                }
            }
        }
        let n = weights.len();
        let nodes = Nodes {
            increments: Array2::from_shape_vec((n, 3), increments).unwrap(),
            // Whatever they are, they cancel.
            areas: Array2::from_shape_fn((n, 3), |(b, i)| h * ((3 * b + i) as f64).sin()),
        };
        (nodes, weights)
    };
    let squares = C.map(|c| times(c, &c));
    let square_rate = [0, 1].map(|i| 2.0 * MU[i] + squares.iter().map(|s| s[i]).sum::<f64>());
    let length_rate = 2.0 * MU[0] + C.iter().map(|c| c[0] * c[0] + c[1] * c[1]).sum::<f64>();
    let (mut sizes, mut errors) = (Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for n in [512, 1024, 2048] {
        let h = 1.0 / n as f64;
        let (mut nodes, weights) = nodes(h);
        let r = one_step(solver, &By(Complex), h, &[1.0, 0.0], &mut nodes);
        let (mut first, mut second, mut length) = ([0.0; 2], [0.0; 2], 0.0);
        for (r, p) in r.rows().into_iter().zip(weights) {
            let r = [r[0], r[1]];
            let square = times(r, &r);
            for i in 0..2 {
                first[i] += p * r[i];
                second[i] += p * square[i];
            }
            length += p * (r[0] * r[0] + r[1] * r[1]);
        }
        let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        sizes.push(h);
        errors[0].push(distance(power(first, n), exponential(MU)));
        errors[1].push(distance(power(second, n), exponential(square_rate)));
        errors[2].push((length.powi(n as i32) - length_rate.exp()).abs());
    }
    for (moment, errors) in ["E z", "E z²", "E |z|²"].iter().zip(&errors) {
        order(&sizes, errors)
            .within(&format!("{name}: {moment}"), 1.0, 0.01)
            .unwrap();
    }
}

#[test]
fn weak_orders_for_commutative_noise() {
    expect_commutative_order("Milstein, commutative", &CommutativeMilstein);
    expect_commutative_order("Milstein with areas", &LevyMilstein::new(1));
}

/// `dX = A X dt + B_1 X dB_1 + B_2 X dB_2`, with noises that do not commute.
struct Linear;

impl Linear {
    fn drift() -> Array2<f64> {
        array![[-0.4, 0.3], [-0.2, 0.1]]
    }

    fn noises() -> [Array2<f64>; 2] {
        [array![[0.5, 0.0], [0.2, -0.3]], array![[0.0, 0.6], [-0.4, 0.1]]]
    }

    fn mixed(w: &[f64]) -> Array2<f64> {
        let [b1, b2] = Linear::noises();
        b1 * w[0] + b2 * w[1]
    }
}

fn apply(a: &Array2<f64>, x: &[f64], out: &mut [f64]) {
    out.copy_from_slice(a.dot(&ArrayView1::from(x)).as_slice().unwrap());
}

impl Rows for Linear {
    const DIM: usize = 2;
    const MOTIONS: usize = 2;

    fn drift(&self, x: &[f64], out: &mut [f64]) {
        apply(&Linear::drift(), x, out);
    }

    fn diffuse(&self, x: &[f64], w: &[f64], out: &mut [f64]) {
        apply(&Linear::mixed(w), x, out);
    }

    fn jvp(&self, _: &[f64], w: &[f64], v: &[f64], out: &mut [f64]) {
        apply(&Linear::mixed(w), v, out);
    }
}

/// The matrices of one step at the nodes of a rule, with their weights. Areas have two nodes, `±` their deviation given the increments, `Var(A | ΔW) = (h² + h |ΔW|²)/12` (Lévy 1951).
fn matrices(h: f64) -> Vec<(Array2<f64>, f64)> {
    let (mut increments, mut areas, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (a, p) in normal_rule() {
        for (b, q) in normal_rule() {
            for sign in [-1.0, 1.0] {
                let w = [a, b].map(|z| z * h.sqrt());
                increments.extend(w);
                areas.push(sign * ((h * h + h * (w[0] * w[0] + w[1] * w[1])) / 12.0).sqrt());
                weights.push(0.5 * p * q);
            }
        }
    }
    let n = weights.len();
    let mut nodes = Nodes {
        increments: Array2::from_shape_vec((n, 2), increments).unwrap(),
        areas: Array2::from_shape_vec((n, 1), areas).unwrap(),
    };
    let columns = [[1.0, 0.0], [0.0, 1.0]]
        .map(|unit| one_step(&LevyMilstein::new(1), &By(Linear), h, &unit, &mut nodes));
    let matrix = |b: usize| Array2::from_shape_fn((2, 2), |(i, j)| columns[j][[b, i]]);
    (0..n).map(matrix).zip(weights).collect()
}

/// `E M ⊗ M` of one step, which takes `E X ⊗ X` on.
fn second_moment(h: f64) -> Array2<f64> {
    matrices(h)
        .iter()
        .fold(Array2::zeros((4, 4)), |sum, (m, p)| sum + kron(m, m) * *p)
}

#[test]
fn a_step_with_areas_has_the_second_moments_of_its_integrals() {
    // With E I_jk I_lm = ½ h² δ_jl δ_km for all integrals, E M ⊗ M = (1 + A h) ⊗ (1 + A h) + h Σ_j B_j ⊗ B_j + ½ h² Σ_jk B_k B_j ⊗ B_k B_j. The areas make the half of the last sum.
    for h in [0.5, 0.1] {
        let still = Array2::<f64>::eye(2) + Linear::drift() * h;
        let mut expected = kron(&still, &still);
        for b in &Linear::noises() {
            expected += &(kron(b, b) * h);
            for c in &Linear::noises() {
                let product = c.dot(b);
                expected += &(kron(&product, &product) * (0.5 * h * h));
            }
        }
        let found = second_moment(h);
        assert!((found - expected).iter().all(|e| e.abs() < 1e-14));
    }
}

/// `aⁿ` by squaring; `n` is a power of two.
fn squared(mut a: Array2<f64>, n: usize) -> Array2<f64> {
    for _ in 0..n.trailing_zeros() {
        a = a.dot(&a);
    }
    a
}

/// `e^a` by its series.
fn exponential_of(a: &Array2<f64>) -> Array2<f64> {
    let mut term = Array2::eye(a.nrows());
    (1..40).fold(term.clone(), |sum, k| {
        term = term.dot(a) / f64::from(k);
        sum + &term
    })
}

#[test]
fn weak_order_for_noise_that_does_not_commute() {
    let one = Array2::<f64>::eye(2);
    let a = Linear::drift();
    // d E X ⊗ X = (A ⊗ 1 + 1 ⊗ A + Σ B_j ⊗ B_j) E X ⊗ X dt.
    let mut generator = kron(&a, &one) + kron(&one, &a);
    for b in &Linear::noises() {
        generator += &kron(b, b);
    }
    let norm = |a: ArrayView2<f64>| a.iter().map(|a| a * a).sum::<f64>().sqrt();
    let (mut sizes, mut of_mean, mut of_square) = (Vec::new(), Vec::new(), Vec::new());
    for n in [512, 1024, 2048] {
        let h = 1.0 / n as f64;
        let mean = matrices(h)
            .iter()
            .fold(Array2::zeros((2, 2)), |sum, (m, p)| sum + m * *p);
        sizes.push(h);
        of_mean.push(norm((squared(mean, n) - exponential_of(&a)).view()));
        of_square.push(norm(
            (squared(second_moment(h), n) - exponential_of(&generator)).view(),
        ));
    }
    order(&sizes, &of_mean).within("mean", 1.0, 0.01).unwrap();
    order(&sizes, &of_square)
        .within("second moments", 1.0, 0.01)
        .unwrap();
}
