//! Factor graphs: discrete variables, and tables of energies on any number of them together.
//!
//! Every variable `i` has an alphabet of its own, every factor `a` a list `∂a` of variables and a table `E_a` with an axis for each of them,
//!
//! `E(x) = Σ_a E_a(x_∂a)`,  `p(x) = exp(−E(x)) / Z`
//!
//! (Kschischang, Frey and Loeliger 2001, "Factor graphs and the sum-product algorithm", whose factors are `f_a = exp(−E_a)`). A table of one variable is a field, one of two a coupling; Markov random
//! fields of any order, Bayesian networks with `E_a = −log p(x_i | x_parents)`, parity checks and logical rules are all of this form. Tables are finite: what must not be gets an energy
//! of some tens of nats, after which it is not.
//!
//! The tables are the parameters, and `∂E/∂E_a(s) = [x_∂a = s]`: the gradient of a likelihood compares how often entries occur in the data and in the model. Variables that share
//! no factor are redrawn together by Gibbs sampling. [`SumProduct`] and [`MaxProduct`] pass messages, which is exact on trees; [`log_z_by_elimination`], [`lowest_by_elimination`] and
//! [`sample_by_elimination`] are exact wherever the graph is narrow. A [`PairwiseField`] is the special case of one alphabet and pairs, with tables that are shared, and becomes a factor
//! graph by `From`.

mod blocks;
mod elimination;
mod max_product;
mod messages;
mod min_fill;
mod parameters;
mod structure;
mod sum_product;

use std::sync::Arc;

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::error::{check_count, check_finite};
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, Error, Result, Space};
use ndarray::{Array1, ArrayD, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut1, ArrayViewMut2, Axis};

pub use elimination::{log_z_by_elimination, lowest_by_elimination, sample_by_elimination};
pub use max_product::{Likeliest, MaxProduct};
pub use sum_product::{FactorBeliefs, SumProduct};

use crate::field::{Compensated, PairwiseField};
use structure::Structure;

/// Discrete variables with tables of energies on any number of them.
///
/// ```
/// use gibbsian_classical::FactorGraph;
/// use gibbsian_core::Energy;
/// use ndarray::{Array3, array};
///
/// // Three bits, a field on the first, and one nat for an odd number of ones.
/// let odd = Array3::from_shape_fn((2, 2, 2), |(a, b, c)| f64::from((a + b + c) % 2 == 1));
/// let graph = FactorGraph::new(
///     vec![vec![0.0, 1.0]; 3],
///     vec![(vec![0], array![0.0, -0.5].into_dyn()), (vec![0, 1, 2], odd.into_dyn())],
/// )?;
/// let x = array![[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]];
/// assert_eq!(graph.energy(x.view()), array![1.0, -0.5]);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FactorGraph {
    structure: Arc<Structure>,
    /// All tables one after the other.
    entries: Array1<f64>,
}

impl FactorGraph {
    /// The graph of variables with these alphabets and of factors, each the variables that it joins and its table of energies with an axis for each of them, in this order.
    ///
    /// # Errors
    /// No variables, an alphabet that is empty or has symbols that are not finite and distinct, a factor without variables or with one that does not exist or is named twice,
    /// a table of another shape than its variables' alphabets, or an energy that is not finite.
    pub fn new(alphabets: Vec<Vec<f64>>, factors: Vec<(Vec<usize>, ArrayD<f64>)>) -> Result<Self> {
        check_count("the number of variables", alphabets.len())?;
        for (i, alphabet) in alphabets.iter().enumerate() {
            check_alphabet(i, alphabet)?;
        }
        let mut variables_of_factors = Vec::with_capacity(factors.len());
        let mut entries = Vec::new();
        for (a, (variables, table)) in factors.into_iter().enumerate() {
            check_variables(a, &variables, alphabets.len())?;
            let shape: Vec<usize> = variables.iter().map(|i| alphabets[*i].len()).collect();
            if table.shape() != shape {
                let required = format!("{shape:?}, an axis for the alphabet of each of its variables");
                return Err(Error::shape(
                    format!("the table of factors[{a}]"),
                    table.shape(),
                    required,
                ));
            }
            check_finite(&format!("the table of factors[{a}] at "), &table)
                .map_err(|e| e.with_cure("give what must not be an energy of some tens of nats"))?;
            entries.extend(table.iter());
            variables_of_factors.push(variables);
        }
        Ok(FactorGraph {
            structure: Arc::new(Structure::new(alphabets, variables_of_factors)?),
            entries: Array1::from_vec(entries),
        })
    }

    /// The number of variables.
    pub fn n_variables(&self) -> usize {
        self.structure.alphabets.len()
    }

    /// The number of factors.
    pub fn n_factors(&self) -> usize {
        self.structure.factors.len()
    }

    /// The variables of a factor, in the order of the axes of its table.
    ///
    /// # Panics
    /// When there is no such factor.
    pub fn variables(&self, factor: usize) -> &[usize] {
        &self.structure.factors[factor].variables
    }

    /// The table of energies of a factor.
    ///
    /// # Panics
    /// When there is no such factor.
    pub fn table(&self, factor: usize) -> ArrayViewD<'_, f64> {
        let scope = &self.structure.factors[factor];
        ArrayViewD::from_shape(scope.shape.clone(), self.table_entries(factor))
            .expect("tables are stored whole")
    }

    /// The factors that a variable takes part in, in rising order.
    ///
    /// # Panics
    /// When there is no such variable.
    pub fn factors_of(&self, variable: usize) -> impl Iterator<Item = usize> {
        self.structure.factors_of[variable].iter().map(|seat| seat.factor)
    }

    /// The numbers of symbols of a state in their alphabets.
    ///
    /// # Errors
    /// Another number of variables, or a value that is no symbol of its variable; the first is named.
    pub fn symbol_numbers(&self, name: &str, x: ArrayView1<f64>) -> Result<Vec<usize>> {
        if x.len() != self.dim() {
            let required = format!("[{}]", self.dim());
            return Err(Error::shape(name.to_owned(), x.shape(), required));
        }
        x.iter()
            .enumerate()
            .map(|(i, &value)| {
                self.number(i, value).ok_or_else(|| {
                    let requirement = format!("one of the symbols {:?}", self.structure.alphabets[i]);
                    Error::parameter(format!("{name}[{i}]"), value, requirement)
                })
            })
            .collect()
    }

    /// The state whose symbols have these numbers.
    fn state(&self, numbers: &[usize]) -> Array1<f64> {
        let alphabets = &self.structure.alphabets;
        numbers
            .iter()
            .zip(alphabets)
            .map(|(s, alphabet)| alphabet[*s])
            .collect()
    }

    fn number(&self, variable: usize, value: f64) -> Option<usize> {
        let alphabet = &self.structure.alphabets[variable];
        alphabet.iter().position(|symbol| *symbol == value)
    }

    /// The number of symbols of a variable.
    fn n_symbols(&self, variable: usize) -> usize {
        self.structure.alphabets[variable].len()
    }

    fn table_entries(&self, factor: usize) -> &[f64] {
        let all = self.entries.as_slice().expect("a new vector is a slice");
        &all[self.structure.factors[factor].range.clone()]
    }

    /// `E(x)` of symbols given by number.
    fn energy_of(&self, symbols: &[usize]) -> f64 {
        let factors = self.structure.factors.iter().enumerate();
        let terms = factors.map(|(a, scope)| self.table_entries(a)[scope.entry(|i| symbols[i])]);
        terms.sum::<Compensated>().value()
    }

    /// `E_i(s) = Σ_{a ∋ i} E_a(s, x_∂a∖i)` for every symbol of a variable given the others, NaN if one that matters has no symbol.
    fn local_energies(&self, variable: usize, x: ArrayView1<f64>, out: &mut [f64]) {
        out.fill(0.0);
        for seat in &self.structure.factors_of[variable] {
            let (scope, table) = (
                &self.structure.factors[seat.factor],
                self.table_entries(seat.factor),
            );
            let mut base = 0;
            for (&other, stride) in scope.variables.iter().zip(&scope.strides) {
                if other == variable {
                    continue;
                }
                match self.number(other, x[other]) {
                    Some(symbol) => base += symbol * stride,
                    None => {
                        out.fill(f64::NAN);
                        return;
                    }
                }
            }
            let stride = scope.strides[seat.position];
            for (s, e) in out.iter_mut().enumerate() {
                *e += table[base + s * stride];
            }
        }
    }
}

/// A factor for the labels of every site, and one for every bond; tables that bonds share are copied.
impl From<&PairwiseField> for FactorGraph {
    fn from(field: &PairwiseField) -> Self {
        let unary = field
            .unary()
            .axis_iter(Axis(0))
            .enumerate()
            .map(|(i, u)| (vec![i], u.to_owned().into_dyn()))
            .collect::<Vec<_>>();
        let bonds = field.graph().bonds().iter().enumerate();
        let pairs = bonds.map(|(bond, ends)| (ends.to_vec(), field.table(bond).to_owned().into_dyn()));
        let alphabets = vec![field.labels().to_vec(); field.graph().n_sites()];
        FactorGraph::new(alphabets, unary.into_iter().chain(pairs).collect())
            .expect("a field has labels for its sites and tables for its bonds")
    }
}

/// Requires at least one symbol, all finite and different.
fn check_alphabet(variable: usize, alphabet: &[f64]) -> Result<()> {
    if alphabet.is_empty() {
        let name = format!("alphabets[{variable}]");
        return Err(Error::parameter(name, "empty", "of at least one symbol"));
    }
    for (s, symbol) in alphabet.iter().enumerate() {
        if !symbol.is_finite() || alphabet[..s].contains(symbol) {
            return Err(Error::parameter(
                format!("alphabets[{variable}][{s}]"),
                symbol,
                "finite and different from those before",
            ));
        }
    }
    Ok(())
}

/// Requires variables that exist and are different.
fn check_variables(factor: usize, variables: &[usize], n_variables: usize) -> Result<()> {
    if variables.is_empty() {
        let name = format!("the variables of factors[{factor}]");
        return Err(Error::parameter(name, "empty", "at least one variable"));
    }
    for (k, i) in variables.iter().enumerate() {
        if *i >= n_variables || variables[..k].contains(i) {
            return Err(Error::parameter(
                format!("the variables of factors[{factor}][{k}]"),
                i,
                format!("one of {n_variables} variables, and different from those before"),
            ));
        }
    }
    Ok(())
}

impl Space for FactorGraph {
    fn dim(&self) -> usize {
        self.n_variables()
    }
}

impl Energy for FactorGraph {
    /// `+∞` where a value is no symbol of its variable.
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim(), x, &out);
        let mut symbols = vec![0; self.dim()];
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            let mut outside = None;
            for (i, (symbol, &value)) in symbols.iter_mut().zip(x).enumerate() {
                match self.number(i, value) {
                    Some(number) => *symbol = number,
                    None if value.is_nan() => outside = Some(f64::NAN),
                    None => outside = outside.or(Some(f64::INFINITY)),
                }
            }
            *e = outside.unwrap_or_else(|| self.energy_of(&symbols));
        }
    }
}

impl Discrete for FactorGraph {
    fn alphabet(&self, site: usize) -> &[f64] {
        &self.structure.alphabets[site]
    }
}

impl DiscreteEnergy for FactorGraph {
    /// Only the factors of the variable are looked at.
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let mut energies = vec![0.0; self.n_symbols(site)];
        for (x, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
            self.local_energies(site, x, &mut energies);
            let own = self.number(site, x[site]).map_or(f64::NAN, |s| energies[s]);
            for (out, e) in out.iter_mut().zip(&energies) {
                *out = e - own;
            }
        }
    }
}
