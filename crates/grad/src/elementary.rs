//! Functions of every number, by name, and what is soon made of them.

use crate::function::Function;
use crate::graph::{Graph, Var};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident: $function:ident;)*) => {
        impl Graph {
            $($(#[$doc])* pub fn $name(&mut self, x: Var) -> Var {
                self.apply(Function::$function, x)
            })*
        }
    };
}
functions! {
    /// `eˣ`.
    exp: Exp;
    /// `log x`.
    log: Log;
    /// `1 / x`.
    recip: Recip;
    /// `√x`.
    sqrt: Sqrt;
    /// `sin x`.
    sin: Sin;
    /// `cos x`.
    cos: Cos;
    /// `tanh x`.
    tanh: Tanh;
    /// `1 / (1 + e⁻ˣ)`.
    sigmoid: Sigmoid;
    /// `log(1 + eˣ)`.
    softplus: Softplus;
    /// `max(x, 0)`; its derivative at zero is taken to be zero.
    relu: Relu;
}

impl Graph {
    /// `x σ(x)` (Elfwing, Uchibe and Doya 2018; Ramachandran, Zoph and Le 2017).
    pub fn silu(&mut self, x: Var) -> Var {
        self.apply(Function::Silu(0), x)
    }

    /// `x²`.
    pub fn square(&mut self, x: Var) -> Var {
        self.mul(x, x)
    }

    /// `Σ_j a_j b_j`, one column.
    pub fn dot(&mut self, a: Var, b: Var) -> Var {
        let product = self.mul(a, b);
        self.total(product)
    }
}
