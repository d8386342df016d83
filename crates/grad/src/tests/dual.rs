//! Dual numbers over dual numbers, and graphs evaluated with them.

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
            Function::Softplus => self.exp().ln_1p(),
            Function::Relu => self.max(0.0),
            Function::Step => f64::from(u8::from(self > 0.0)),
        }
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
        };
        values.push(value);
    }
    values.swap_remove(wanted.0 as usize)
}

/// A number that moves with `ε`.
pub(super) fn moving<T: Number>(real: T, by: f64) -> Dual<T> {
    Dual {
        real,
        dual: T::of(by),
    }
}
