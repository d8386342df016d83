//! A field of two labels is an Ising model in other words, whatever the labels are called.
//!
//! With spins `s_i = −1` for the first label and `+1` for the second, every function of two labels is `c + h s`, and every table is
//! `V(s, s') = c − J s s' − h s − h' s'` with
//!
//! `c = ¼ (V_00 + V_01 + V_10 + V_11)`,  `J = −¼ (V_00 − V_01 − V_10 + V_11)`,  `h = ¼ (V_00 + V_01 − V_10 − V_11)`,  `h' = ¼ (V_00 − V_01 + V_10 − V_11)`.

use gibbsian_core::{Error, Result};
use ndarray::{Array1, Array2, Array3};

use super::PairwiseField;
use crate::ising::Ising;

impl PairwiseField {
    /// The Ising model of a field of two labels, and the constant `c` with `E_field(y) = E_Ising(s) + c`, in that order; `s = −1` for the first label and
    /// `+1` for the second.
    ///
    /// ```
    /// use gibbsian_classical::{Boundary, Graph, PairwiseField};
    /// use gibbsian_core::Energy;
    /// use ndarray::{Array2, array};
    ///
    /// let graph = Graph::lattice(&[2], Boundary::Open)?;
    /// let field = PairwiseField::potts(graph, vec![0.0, 1.0], Array2::zeros((2, 2)), 1.0)?;
    /// let (ising, constant) = field.to_ising()?;
    /// assert_eq!(ising.couplings(), array![0.5]);
    /// let spins = ising.energy(array![[-1.0, 1.0]].view());
    /// assert_eq!(field.energy(array![[0.0, 1.0]].view()), spins + constant);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Another number of labels than two.
    pub fn to_ising(&self) -> Result<(Ising, f64)> {
        if self.n_labels() != 2 {
            let requirement = "two, as a spin has two values";
            return Err(Error::parameter(
                "the number of labels",
                self.n_labels(),
                requirement,
            ));
        }
        let mut constant = 0.0;
        let mut fields = Array1::zeros(self.structure.graph.n_sites());
        for (field, u) in fields.iter_mut().zip(self.unary.rows()) {
            constant += 0.5 * (u[0] + u[1]);
            *field = 0.5 * (u[0] - u[1]);
        }
        let mut couplings = Array1::zeros(self.graph().n_bonds());
        for (bond, &[i, j]) in self.graph().bonds().iter().enumerate() {
            let v = self.table(bond);
            let [v00, v01, v10, v11] = [v[[0, 0]], v[[0, 1]], v[[1, 0]], v[[1, 1]]];
            constant += 0.25 * (v00 + v01 + v10 + v11);
            couplings[bond] = 0.25 * (v01 + v10 - v00 - v11);
            fields[i] += 0.25 * (v00 + v01 - v10 - v11);
            fields[j] += 0.25 * (v00 - v01 + v10 - v11);
        }
        Ok((Ising::new(self.graph().clone(), couplings, fields)?, constant))
    }

    /// An Ising model as a field whose labels are `low` for spin −1 and `high` for spin +1; the energies are the same, without a constant.
    ///
    /// # Errors
    /// Labels that are not finite and different.
    pub fn from_ising(ising: &Ising, [low, high]: [f64; 2]) -> Result<Self> {
        let unary = Array2::from_shape_fn((ising.fields().len(), 2), |(i, a)| -spin(a) * ising.fields()[i]);
        // Bonds with equal couplings share a table where all are equal, which is the case that pictures have.
        let couplings = ising.couplings();
        let uniform = couplings.iter().all(|j| *j == couplings[0]);
        let n_tables = if uniform {
            couplings.len().min(1)
        } else {
            couplings.len()
        };
        let tables = Array3::from_shape_fn((n_tables, 2, 2), |(t, a, b)| -couplings[t] * spin(a) * spin(b));
        let table_of_bond = (0..couplings.len()).map(|bond| if uniform { 0 } else { bond });
        PairwiseField::new(
            ising.graph().clone(),
            vec![low, high],
            unary,
            tables,
            table_of_bond.collect(),
        )
    }
}

fn spin(label: usize) -> f64 {
    if label == 0 { -1.0 } else { 1.0 }
}
