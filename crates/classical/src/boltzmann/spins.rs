//! The same machine with units that are −1 or +1, and Hebb's rule.
//!
//! With `s = (1 + x)/2` the energy of 0 and 1 becomes that of spins,
//!
//! `−Σ_{i<j} w_ij s_i s_j − Σ_i b_i s_i = −Σ_{i<j} J_ij x_i x_j − Σ_i h_i x_i + c`,
//!
//! `J_ij = w_ij/4`, `h_i = b_i/2 + Σ_j w_ij/4`, `c = −Σ_{i<j} w_ij/4 − Σ_i b_i/2`. States keep their probabilities; the constant is returned, because
//! `log Z` of the one form is that of the other minus `c`.

use gibbsian_core::error::{check_batch, check_each, check_positive};
use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::BoltzmannMachine;

/// A machine as an Ising model: `E(x) = −½ x'Jx − h'x` on `x ∈ {−1, +1}^N`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpinForm {
    /// The couplings `J` `(N, N)`, symmetric with a zero diagonal.
    pub couplings: Array2<f64>,
    /// The fields `h` `(N)`.
    pub fields: Array1<f64>,
    /// `c`: the energy of 0 and 1 is that of the spins plus this.
    pub constant: f64,
}

impl BoltzmannMachine {
    /// The couplings and fields of the same law on spins `x = 2s − 1`.
    ///
    /// ```
    /// use gibbsian_classical::BoltzmannMachine;
    /// use ndarray::array;
    ///
    /// let machine = BoltzmannMachine::new(array![[0.0, 4.0], [4.0, 0.0]], array![-2.0, -2.0])?;
    /// let spins = machine.to_spins();
    /// assert_eq!((spins.couplings[[0, 1]], spins.fields[0], spins.constant), (1.0, 0.0, 1.0));
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    pub fn to_spins(&self) -> SpinForm {
        let couplings = &self.weights / 4.0;
        let sent = couplings.sum_axis(Axis(1));
        SpinForm {
            constant: -0.5 * sent.sum() - 0.5 * self.bias.sum(),
            fields: &self.bias * 0.5 + sent,
            couplings,
        }
    }

    /// The machine of an Ising model, and the constant `c` by which its energy exceeds that of the spins.
    ///
    /// `w_ij = 4 J_ij`, `b_i = 2 h_i − 2 Σ_j J_ij`, and `E(s) = E(x) + c` with `c = Σ_{i<j} J_ij − Σ_i h_i`; what `spins` says its constant is takes
    /// no part.
    ///
    /// # Errors
    /// Those of [`BoltzmannMachine::new`], of couplings and fields instead of weights and biases.
    pub fn from_spins(couplings: ArrayView2<f64>, fields: Array1<f64>) -> Result<(Self, f64)> {
        // The constructor finds what is wrong before any arithmetic hides it.
        let named = BoltzmannMachine::new(couplings.to_owned(), fields).map_err(of_spins)?;
        let sent = named.weights.sum_axis(Axis(1));
        let constant = 0.5 * sent.sum() - named.bias.sum();
        let machine = BoltzmannMachine::new(&named.weights * 4.0, (&named.bias - &sent) * 2.0)?;
        Ok((machine, constant))
    }

    /// The machine at inverse temperature `beta` whose couplings store patterns of spins `(P, N)` by Hebb's rule: `J = Σ_p x_p x_p' / N` off the diagonal,
    /// no fields (Hopfield 1982).
    ///
    /// Orthogonal patterns are minima of the energy, each with its negative; random ones up to about `0.14 N` are close to some.
    ///
    /// # Errors
    /// No patterns, entries that are not −1 or +1, or a `beta` that is not positive.
    pub fn hebbian(patterns: ArrayView2<f64>, beta: f64) -> Result<Self> {
        check_batch("patterns", &patterns, patterns.ncols().max(1))?;
        check_each("patterns", patterns, "-1 or 1", |x| x.abs() == 1.0)?;
        check_positive("beta", beta)?;
        let n = patterns.ncols();
        let mut couplings = patterns.t().dot(&patterns) * (beta / n as f64);
        couplings.diag_mut().fill(0.0);
        Ok(Self::from_spins(couplings.view(), Array1::zeros(n))?.0)
    }

    /// The states that the rows of `s` `(B, N)` settle in when unit after unit takes the side of its field: Hopfield's dynamics, Gibbs sampling at
    /// temperature zero.
    ///
    /// A unit whose field is zero up to rounding keeps its value, so every change lowers the energy and the dynamics ends.
    ///
    /// # Errors
    /// Rows that are no states.
    pub fn settle(&self, s: ArrayView2<f64>) -> Result<Array2<f64>> {
        gibbsian_core::Discrete::check_states(self, "s", s)?;
        let mut s = s.to_owned();
        let scale = self.weights.mapv(f64::abs).sum_axis(Axis(1)) + self.bias.mapv(f64::abs);
        let rounding = scale * (f64::EPSILON * self.n_units() as f64);
        for mut row in s.rows_mut() {
            let mut changed = true;
            while changed {
                changed = false;
                for unit in 0..self.n_units() {
                    let field = self.bias[unit] + self.weights.row(unit).dot(&row);
                    let side = f64::from(field > 0.0);
                    if field.abs() > rounding[unit] && row[unit] != side {
                        row[unit] = side;
                        changed = true;
                    }
                }
            }
        }
        Ok(s)
    }
}

/// The same refusal with the names that spins have.
fn of_spins(refusal: Error) -> Error {
    let renamed = |name: &str| {
        name.replacen("weights", "couplings", 1)
            .replacen("bias", "fields", 1)
    };
    match refusal {
        Error::Parameter {
            name,
            value,
            requirement,
        } => Error::parameter(renamed(&name), value, renamed(&requirement)),
        Error::Shape {
            name,
            found,
            required,
        } => Error::shape(renamed(&name), &found, required),
        other => other,
    }
}
