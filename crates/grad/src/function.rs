//! Functions of one number, and their derivatives as graphs.

use crate::graph::{Graph, Var};

/// A function that is applied to every number of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// `log(1 + eˣ)`.
    Softplus,
    /// `max(x, 0)`.
    Relu,
    /// `1` where `x > 0` and `0` elsewhere.
    Step,
}

impl Function {
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
            Function::Softplus => g.sigmoid(x),
            Function::Relu => g.apply(Function::Step, x),
            Function::Step => return None,
        })
    }
}
