//! Functions of one number, and their derivatives as graphs.

use crate::graph::{Graph, Var};

/// A function that is applied to every number of a node.
///
/// Values are good to a few units of the last place. Derivatives of sigmoids, and of what is made of them, are `σ (1 − σ)` and `1 − tanh²` and the like: good to the same number of units **of one**, so that tails below the rounding of the precision are
/// zero where the function has saturated (beyond 37 in double precision, 17 in single).
///
/// ```
/// use gibbsian_grad::{Function, Graph, Plan, Workspace};
/// use ndarray::array;
///
/// // Softplus and its derivative, the sigmoid.
/// let mut g = Graph::new();
/// let x = g.input(1);
/// let y = g.apply(Function::Softplus, x);
/// let slope = g.gradient(y, x);
/// let out = Plan::new(&g, &[y, slope]).evaluate(&mut Workspace::<f64>::new(), &[], &[array![[0.0]].view()]);
/// assert!((out[0][[0, 0]] - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(out[1], array![[0.5]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// `eˣ`.
    Exp,
    /// `log x`.
    Log,
    /// `1 / x`.
    Recip,
    /// `√x`.
    Sqrt,
    /// `sin x`.
    Sin,
    /// `cos x`.
    Cos,
    /// `tanh x`.
    Tanh,
    /// `σ(x) = 1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// The derivative of this order of `x σ(x)`. Up to the fourth they are computed at once, which is what score matching of an energy needs; beyond, from the sigmoid.
    Silu(u8),
    /// `log(1 + eˣ)`.
    Softplus,
    /// `max(x, 0)`.
    Relu,
    /// `1` where `x > 0` and `0` elsewhere.
    Step,
}

impl Function {
    /// The highest derivative of `x σ(x)` that is a function of its own.
    pub(crate) const SILU_ORDERS: u8 = 4;

    /// Adds the nodes of the derivative at `x`, where `y` is the value there; `None` where it is zero everywhere that it exists.
    pub(crate) fn derivative(self, g: &mut Graph, x: Var, y: Var) -> Option<Var> {
        Some(match self {
            Function::Exp => y,
            Function::Log => g.recip(x),
            Function::Recip => {
                let square = g.mul(y, y);
                g.scale(-1.0, square)
            }
            Function::Sqrt => {
                let inverse = g.recip(y);
                g.scale(0.5, inverse)
            }
            Function::Sin => g.cos(x),
            Function::Cos => {
                let sine = g.sin(x);
                g.scale(-1.0, sine)
            }
            Function::Tanh => {
                let square = g.mul(y, y);
                let one = g.constant(g.width(x), 1.0);
                g.sub(one, square)
            }
            Function::Sigmoid => {
                let square = g.mul(y, y);
                g.sub(y, square)
            }
            Function::Silu(order) if order < Self::SILU_ORDERS => g.apply(Function::Silu(order + 1), x),
            Function::Silu(_) => fifth_of_silu(g, x),
            Function::Softplus => g.sigmoid(x),
            Function::Relu => g.apply(Function::Step, x),
            Function::Step => return None,
        })
    }
}

impl Function {
    /// Adds the nodes of the second derivative at `x`, where `y` is the value there; `None` where it is zero everywhere that it exists.
    pub(crate) fn second_derivative(self, g: &mut Graph, x: Var, y: Var) -> Option<Var> {
        Some(match self {
            Function::Exp => y,
            Function::Log => {
                let inverse = g.recip(x);
                let square = g.mul(inverse, inverse);
                g.scale(-1.0, square)
            }
            Function::Recip => {
                let square = g.mul(y, y);
                let cube = g.mul(square, y);
                g.scale(2.0, cube)
            }
            Function::Sqrt => {
                let cube = g.mul(x, y);
                let inverse = g.recip(cube);
                g.scale(-0.25, inverse)
            }
            Function::Sin | Function::Cos => g.scale(-1.0, y),
            // −2 y y'.
            Function::Tanh => {
                let slope = self.derivative(g, x, y)?;
                let product = g.mul(y, slope);
                g.scale(-2.0, product)
            }
            // (1 − 2y) y'.
            Function::Sigmoid => {
                let slope = self.derivative(g, x, y)?;
                let product = g.mul(y, slope);
                let twice = g.scale(2.0, product);
                g.sub(slope, twice)
            }
            Function::Softplus => {
                let s = g.sigmoid(x);
                return Function::Sigmoid.derivative(g, x, s);
            }
            Function::Silu(order) => {
                let slope = self.derivative(g, x, y)?;
                if order < Self::SILU_ORDERS {
                    return Function::Silu(order + 1).derivative(g, x, slope);
                }
                let one = g.constant(g.width(x), 1.0);
                g.pushforward(&[(x, one)], &[slope])[0]
            }
            Function::Relu | Function::Step => return None,
        })
    }
}

/// `x σ⁽⁵⁾ + 5 σ⁽⁴⁾`, with `σ⁽⁴⁾ = p (1 − 2σ)(1 − 12p)` and `σ⁽⁵⁾ = p (1 − 30p + 120p²)`, `p = σ (1 − σ)`.
fn fifth_of_silu(g: &mut Graph, x: Var) -> Var {
    let width = g.width(x);
    let one = g.constant(width, 1.0);
    let minus = |g: &mut Graph, factor: f64, x: Var| {
        let scaled = g.scale(-factor, x);
        g.add(one, scaled)
    };
    let s = g.sigmoid(x);
    let rest = minus(g, 1.0, s);
    let p = g.mul(s, rest);
    let (odd, even) = (minus(g, 2.0, s), minus(g, 12.0, p));
    let fourth = g.mul(odd, even);
    let fourth = g.scale(5.0, fourth);
    let quadratic = minus(g, 4.0, p);
    let quadratic = g.mul(p, quadratic);
    let fifth = minus(g, 30.0, quadratic);
    let fifth = g.mul(x, fifth);
    let sum = g.add(fifth, fourth);
    g.mul(p, sum)
}
