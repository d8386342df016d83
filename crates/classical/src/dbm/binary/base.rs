//! Where annealing a [`BinaryDbm`] starts: independent units of every layer.

use gibbsian_core::error::{check_batch, check_each, check_shape};
use gibbsian_core::{Error, Result, Space};
use gibbsian_linalg::kernels::Line;
use ndarray::{ArrayView2, Axis, s};

use super::{BinaryDbm, BinaryDbmPath};
use crate::rbm::binary::bias_lines;
use crate::units::Bernoulli;

impl<'a> BinaryDbmPath<'a> {
    /// The path that starts at independent units with the means of these states of all layers, `(N, all units)`: of chains that ran from data, say.
    ///
    /// Every unit is counted once more on and once more off ([`Bernoulli::matching_means`]), so that none is certain.
    ///
    /// # Errors
    /// No state, or states of another length; a value outside `[0, 1]`.
    pub fn matching(machine: &'a BinaryDbm, states: ArrayView2<f64>) -> Result<Self> {
        check_batch("states", &states, machine.joint().dim())?;
        let mut first = 0;
        let mut layers = Vec::with_capacity(machine.depth() + 1);
        for n in machine.sizes() {
            let means = states.slice(s![.., first..first + n]).mean_axis(Axis(0));
            let means = means.expect("a batch has rows");
            layers.push(Bernoulli::matching_means(means.view(), states.nrows(), 1.0)?);
            first += n;
        }
        BinaryDbmPath::new(machine, &layers[0])?.with_hidden_base(&layers[1..])
    }

    /// The path with these independent hidden units at its start, a layer each.
    ///
    /// # Errors
    /// Another number of layers or units than the machine has, or a bias that single precision cannot hold.
    pub fn with_hidden_base(mut self, hidden: &[Bernoulli]) -> Result<Self> {
        let depth = self.machine.depth();
        if hidden.len() != depth {
            return Err(Error::shape(
                "hidden",
                &[hidden.len()],
                format!("[{depth}], a base for every hidden layer"),
            ));
        }
        for (l, base) in hidden.iter().enumerate() {
            self.base[l + 1] = base_lines("hidden", base, self.machine.n_units(l + 1))?;
        }
        Ok(self)
    }
}

/// The biases of a layer of the base, as lines.
pub(super) fn base_lines(name: &'static str, base: &Bernoulli, n_units: usize) -> Result<Vec<Line>> {
    let bias = base.bias();
    check_shape(name, &bias, &[n_units])?;
    let requirement = "a number that single precision can hold";
    check_each(name, bias, requirement, |b| (b as f32).is_finite())?;
    Ok(bias_lines(n_units, |i| bias[i] as f32))
}
