//! Forests without fields, exactly.
//!
//! In the differences along its bonds the angles of a tree separate, and each bond contributes `∫ exp(J cos δ) dδ = 2π I₀(J)`; a tree as a whole has one angle more than bonds.

use gibbsian_core::special::ln_bessel_i0;
use gibbsian_core::{Error, Result, Space};
use std::f64::consts::PI;

use super::Xy;

impl Xy {
    /// `log Z = N log 2π + Σ_⟨ij⟩ log I₀(J_ij)` of a graph without loops, as an open chain, in no field.
    ///
    /// ```
    /// use gibbsian_classical::{Boundary, Graph, Xy};
    /// let pair = Xy::uniform(Graph::lattice(&[2], Boundary::Open)?, 1.0, [0.0; 2])?;
    /// let z = (2.0 * std::f64::consts::PI).powi(2) * 1.266_065_877_752_008_4;
    /// assert!((pair.log_z_of_forest()? - z.ln()).abs() < 1e-14);
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A field that is not zero, or a bond that closes a loop.
    pub fn log_z_of_forest(&self) -> Result<f64> {
        if let Some(((site, k), h)) = self.fields.indexed_iter().find(|(_, h)| **h != 0.0) {
            return Err(Error::parameter(
                format!("fields[{site}, {k}]"),
                h,
                "zero: spins in fields do not separate",
            ));
        }
        // The tree of each site, by its smallest number so far.
        let mut tree: Vec<usize> = (0..self.dim()).collect();
        for (bond, &[i, j]) in self.graph.bonds().iter().enumerate() {
            let (a, b) = (tree[i].min(tree[j]), tree[i].max(tree[j]));
            if a == b {
                return Err(Error::parameter(
                    format!("bonds[{bond}]"),
                    format!("({i}, {j})"),
                    "no bond that closes a loop",
                ));
            }
            for t in &mut tree {
                if *t == b {
                    *t = a;
                }
            }
        }
        let bonds: f64 = self.couplings.iter().map(|j| ln_bessel_i0(j.abs())).sum();
        Ok(self.dim() as f64 * (2.0 * PI).ln() + bonds)
    }
}
