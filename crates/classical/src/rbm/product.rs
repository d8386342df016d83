//! Products of machines: the sum of free energies is the free energy of the machine with all their hidden units.
//!
//! `Σ_m F_m(v) = −(Σ_m b_m)'v − Σ_m Σ_j log(1 + exp(c_mj + (v'W_m)_j))`, so that "and" over restricted machines is again one (Hinton 2002, section 5), with block
//! Gibbs sampling that is exact for the product. Its `log Z` is that of a machine, and not the sum of theirs.

use gibbsian_core::{Error, Result};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

use super::Rbm;
use crate::units::Bernoulli;

impl Rbm<Bernoulli, Bernoulli> {
    /// The machine whose free energy is the sum of those of `machines`: their visible biases added, their hidden units side by side.
    ///
    /// ```
    /// use gibbsian_classical::{Bernoulli, Rbm};
    /// use gibbsian_core::{Energy, Seed};
    /// use ndarray::array;
    ///
    /// let machine = |n_hidden, seed| {
    ///     Rbm::random(Bernoulli::unbiased(3), Bernoulli::unbiased(n_hidden), 1.0, Seed::new(seed))
    /// };
    /// let (a, b) = (machine(2, 1)?, machine(4, 2)?);
    /// let both = Rbm::product(&[&a, &b])?;
    /// let v = array![[1.0, 0.0, 1.0]];
    /// let sum = a.energy(v.view()) + b.energy(v.view());
    /// assert!((both.energy(v.view())[0] - sum[0]).abs() < 1e-14);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// No machines, or machines with different numbers of visible units.
    pub fn product(machines: &[&Self]) -> Result<Self> {
        let Some(first) = machines.first() else {
            return Err(Error::parameter("machines", "empty", "at least one machine"));
        };
        let n_visible = first.weights().nrows();
        let mut visible = Array1::zeros(n_visible);
        for (m, machine) in machines.iter().enumerate() {
            if machine.weights().nrows() != n_visible {
                return Err(Error::parameter(
                    format!("the visible units of machines[{m}]"),
                    machine.weights().nrows(),
                    format!("{n_visible}, as many as the first has"),
                ));
            }
            visible += &machine.visible().bias();
        }
        let hidden: Vec<ArrayView1<f64>> = machines.iter().map(|m| m.hidden.bias()).collect();
        let weights: Vec<ArrayView2<f64>> = machines.iter().map(|m| m.weights()).collect();
        let joined = "machines with as many visible units fit side by side";
        Rbm::new(
            Bernoulli::new(visible)?,
            Bernoulli::new(ndarray::concatenate(Axis(0), &hidden).expect(joined))?,
            ndarray::concatenate(Axis(1), &weights).expect(joined),
        )
    }
}
