//! Dual numbers over dual numbers, and graphs evaluated with them.

use gibbsian_linalg::kernels::conv::Geometry;

use crate::axis::Axis;
use crate::function::Function;
use crate::graph::{Graph, Op, Var};

/// What a graph can be evaluated with.
pub(super) trait Number: Copy {
    fn of(x: f64) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn apply(self, function: Function) -> Self;
}

impl Number for f64 {
    fn of(x: f64) -> Self {
        x
    }

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn mul(self, other: Self) -> Self {
        self * other
    }

    fn apply(self, function: Function) -> Self {
        match function {
            Function::Exp => self.exp(),
            Function::Log => self.ln(),
            Function::Recip => 1.0 / self,
            Function::Sqrt => self.sqrt(),
            Function::Sin => self.sin(),
            Function::Cos => self.cos(),
            Function::Tanh => self.tanh(),
            Function::Sigmoid => 1.0 / (1.0 + (-self).exp()),
            Function::Silu(order) => silu(self, order),
            Function::Softplus => self.exp().ln_1p(),
            Function::Relu => self.max(0.0),
            Function::Step => f64::from(u8::from(self > 0.0)),
        }
    }
}

/// The derivative of this order of `x σ(x)`, by Leibniz: `x σ⁽ⁿ⁾ + n σ⁽ⁿ⁻¹⁾`, and `σ⁽ⁿ⁾` as a polynomial in `σ`.
fn silu<T: Number>(x: T, order: u8) -> T {
    const POLYNOMIALS: [&[f64]; 5] = [
        &[0.0, 1.0],
        &[0.0, 1.0, -1.0],
        &[0.0, 1.0, -3.0, 2.0],
        &[0.0, 1.0, -7.0, 12.0, -6.0],
        &[0.0, 1.0, -15.0, 50.0, -60.0, 24.0],
    ];
    let s = x.apply(Function::Sigmoid);
    let horner = |order: u8| {
        let coefficients = POLYNOMIALS[usize::from(order)].iter().rev();
        coefficients.fold(T::of(0.0), |sum, c| sum.mul(s).add(T::of(*c)))
    };
    let leading = x.mul(horner(order));
    match order {
        0 => leading,
        _ => leading.add(horner(order - 1).mul(T::of(f64::from(order)))),
    }
}

/// `a + b ε` with `ε² = 0`.
#[derive(Clone, Copy)]
pub(super) struct Dual<T> {
    pub(super) real: T,
    pub(super) dual: T,
}

impl<T: Number> Number for Dual<T> {
    fn of(x: f64) -> Self {
        Dual {
            real: T::of(x),
            dual: T::of(0.0),
        }
    }

    fn add(self, other: Self) -> Self {
        Dual {
            real: self.real.add(other.real),
            dual: self.dual.add(other.dual),
        }
    }

    fn mul(self, other: Self) -> Self {
        Dual {
            real: self.real.mul(other.real),
            dual: self.real.mul(other.dual).add(self.dual.mul(other.real)),
        }
    }

    fn apply(self, function: Function) -> Self {
        if let Function::Silu(order) = function {
            return silu(self, order);
        }
        let x = self.real;
        let y = x.apply(function);
        let minus = |x: T| x.mul(T::of(-1.0));
        // Derivatives as textbooks have them, of x and not of the value.
        let derivative = match function {
            Function::Exp => x.apply(Function::Exp),
            Function::Log => x.apply(Function::Recip),
            Function::Recip => minus(x.mul(x).apply(Function::Recip)),
            Function::Sqrt => x.apply(Function::Sqrt).apply(Function::Recip).mul(T::of(0.5)),
            Function::Sin => x.apply(Function::Cos),
            Function::Cos => minus(x.apply(Function::Sin)),
            Function::Tanh => {
                // 4 / (eˣ + e⁻ˣ)².
                let sum = x.apply(Function::Exp).add(minus(x).apply(Function::Exp));
                sum.mul(sum).apply(Function::Recip).mul(T::of(4.0))
            }
            Function::Sigmoid => x.apply(Function::Sigmoid).mul(minus(x).apply(Function::Sigmoid)),
            Function::Silu(_) => unreachable!("made of others"),
            Function::Softplus => x.apply(Function::Sigmoid),
            Function::Relu => x.apply(Function::Step),
            Function::Step => T::of(0.0),
        };
        Dual {
            real: y,
            dual: derivative.mul(self.dual),
        }
    }
}

/// A graph's node for one row, with numbers of any kind for parameters (all, row by row) and inputs.
pub(super) fn evaluate<T: Number>(g: &Graph, params: &[T], inputs: &[Vec<T>], wanted: Var) -> Vec<T> {
    let mut first = Vec::new();
    let mut offset = 0;
    for (n, m) in g.params() {
        first.push(offset);
        offset += n * m;
    }
    assert_eq!(offset, params.len());
    let mut values: Vec<Vec<T>> = Vec::new();
    for node in (0..=wanted.0).map(|i| g.node(Var(i))) {
        let at = |x: &Var| &values[x.0 as usize];
        let sum = |terms: &mut dyn Iterator<Item = T>| terms.fold(T::of(0.0), |sum, x| sum.add(x));
        let value = match &node.op {
            Op::Input(index) => inputs[*index].clone(),
            Op::Constant(bits) => vec![T::of(f64::from_bits(*bits)); node.width],
            Op::Row(bits) => bits.iter().map(|b| T::of(f64::from_bits(*b))).collect(),
            Op::MatMul { x, w, transposed } => {
                let (_, m) = g.shape(*w);
                let weight = |i: usize, j: usize| {
                    let (i, j) = if *transposed { (j, i) } else { (i, j) };
                    params[first[w.0 as usize] + i * m + j]
                };
                let x = at(x);
                (0..node.width)
                    .map(|j| sum(&mut x.iter().enumerate().map(|(i, x)| x.mul(weight(i, j)))))
                    .collect()
            }
            Op::Lift(b) => params[first[b.0 as usize]..][..node.width].to_vec(),
            Op::Add(a, b) => at(a).iter().zip(at(b)).map(|(a, b)| a.add(*b)).collect(),
            Op::Mul(a, b) => at(a).iter().zip(at(b)).map(|(a, b)| a.mul(*b)).collect(),
            Op::Scale(bits, x) => at(x)
                .iter()
                .map(|x| x.mul(T::of(f64::from_bits(*bits))))
                .collect(),
            Op::Apply(function, x) => at(x).iter().map(|x| x.apply(*function)).collect(),
            Op::Total(x) => vec![sum(&mut at(x).iter().copied())],
            Op::Spread(x) => vec![at(x)[0]; node.width],
            Op::Gather(x, columns) => columns.indices.iter().map(|i| at(x)[*i as usize]).collect(),
            Op::Scatter(x, columns) => {
                let mut out = vec![T::of(0.0); node.width];
                for (x, i) in at(x).iter().zip(columns.indices.iter()) {
                    out[*i as usize] = out[*i as usize].add(*x);
                }
                out
            }
            Op::Sum(x, axis) => along(*axis, |o, i| {
                sum(&mut (0..axis.n).map(|k| at(x)[(o * axis.n + k) * axis.inner + i]))
            }),
            Op::SumProducts(a, b, axis) => along(*axis, |o, i| {
                let place = |k: usize| (o * axis.n + k) * axis.inner + i;
                sum(&mut (0..axis.n).map(|k| at(a)[place(k)].mul(at(b)[place(k)])))
            }),
            Op::Repeat(x, axis) => (0..node.width).map(|k| at(x)[without(*axis, k)]).collect(),
            Op::AddRepeated(a, b, axis) => (0..node.width)
                .map(|k| at(a)[k].add(at(b)[without(*axis, k)]))
                .collect(),
            Op::MulRepeated(a, b, axis) => (0..node.width)
                .map(|k| at(a)[k].mul(at(b)[without(*axis, k)]))
                .collect(),
            Op::Join(a, b, outer) => {
                let pieces = at(a)
                    .chunks(at(a).len() / outer)
                    .zip(at(b).chunks(at(b).len() / outer));
                pieces.flat_map(|(a, b)| [a, b].concat()).collect()
            }
            Op::Part(x, outer, start) => {
                let n = node.width / outer;
                let pieces = at(x).chunks(at(x).len() / outer);
                pieces.flat_map(|x| x[*start..start + n].to_vec()).collect()
            }
            Op::Conv {
                x,
                w,
                geometry,
                transposed,
            } => {
                let mut out = vec![T::of(0.0); node.width];
                for_each_product(*geometry, |picture, result, weight| {
                    let (from, to) = if *transposed {
                        (result, picture)
                    } else {
                        (picture, result)
                    };
                    let product = at(x)[from].mul(params[first[w.0 as usize] + weight]);
                    out[to] = out[to].add(product);
                });
                out
            }
        };
        values.push(value);
    }
    values.swap_remove(wanted.0 as usize)
}

/// Numbers for every place without an axis.
fn along<T>(axis: Axis, f: impl Fn(usize, usize) -> T) -> Vec<T> {
    (0..axis.outer * axis.inner)
        .map(|k| f(k / axis.inner, k % axis.inner))
        .collect()
}

/// The place without an axis that belongs to one with it.
fn without(axis: Axis, k: usize) -> usize {
    k / (axis.n * axis.inner) * axis.inner + k % axis.inner
}

/// Calls `f` with the places in the picture, the result and the weights of every product of a convolution.
fn for_each_product(g: Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let range = |n: usize| 0..n;
    for (v, u) in range(g.out_height()).flat_map(|v| range(g.out_width()).map(move |u| (v, u))) {
        for (i, j) in range(g.kernel).flat_map(|i| range(g.kernel).map(move |j| (i, j))) {
            let (Some(y), Some(x)) = (
                (g.stride * v + i).checked_sub(g.padding),
                (g.stride * u + j).checked_sub(g.padding),
            ) else {
                continue;
            };
            if y >= g.height || x >= g.width {
                continue;
            }
            for (c, o) in range(g.in_channels).flat_map(|c| range(g.out_channels).map(move |o| (c, o))) {
                f(
                    (y * g.width + x) * g.in_channels + c,
                    (v * g.out_width() + u) * g.out_channels + o,
                    ((i * g.kernel + j) * g.in_channels + c) * g.out_channels + o,
                );
            }
        }
    }
}

/// A number that moves with `ε`.
pub(super) fn moving<T: Number>(real: T, by: f64) -> Dual<T> {
    Dual {
        real,
        dual: T::of(by),
    }
}
