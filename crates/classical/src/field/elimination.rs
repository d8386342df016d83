//! Exact sums and minima by eliminating sites in order (Bertelè and Brioschi 1972).
//!
//! Sites enter one after the other, and a site leaves when all its neighbours are in. Between, the sites that are in and have a neighbour outside are the *frontier*, and what is known is a number
//! for each of its `q^f` labellings. On a strip of width `f` numbered along it the frontier has `f` sites however long the strip is, so that fields of any length can be
//! solved exactly: an oracle where enumeration has long ended. Rejected: better orders of elimination, since numbering the sites well is up to who makes the graph.

use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{Error, Result, Space};
use ndarray::Array1;

use super::PairwiseField;

/// The most labellings of a frontier, with the site that enters.
const MOST: usize = 1 << 22;

/// `log Z`, exactly.
///
/// ```
/// use gibbsian_classical::field::{PairwiseField, log_z_by_elimination};
/// use gibbsian_classical::{Boundary, Graph};
/// use ndarray::Array2;
///
/// // A chain of a hundred sites: Z = 2 (1 + e)^99.
/// let graph = Graph::lattice(&[100], Boundary::Open)?;
/// let field = PairwiseField::potts(graph, vec![0.0, 1.0], Array2::zeros((100, 2)), 1.0)?;
/// let log_z = 2.0_f64.ln() + 99.0 * (1.0 + 1.0_f64.exp()).ln();
/// assert!((log_z_by_elimination(&field)? / log_z - 1.0).abs() < 1e-14);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// A frontier with more than 2²² labellings, with the site at which it has.
pub fn log_z_by_elimination(field: &PairwiseField) -> Result<f64> {
    let (log_z, _) = eliminate(field, |terms| (log_sum_exp(terms), 0))?;
    Ok(log_z)
}

/// A state of lowest energy and its energy, exactly; of several that are lowest, one.
///
/// # Errors
/// Those of [`log_z_by_elimination`].
pub fn lowest_by_elimination(field: &PairwiseField) -> Result<(Array1<f64>, f64)> {
    let (_, choices) = eliminate(field, |terms| {
        let best = (1..terms.len()).fold(0, |best, a| if terms[a] > terms[best] { a } else { best });
        (terms[best], best)
    })?;
    // In reverse: the label of a site that left is a function of the labels of the frontier it left behind.
    let (q, mut y) = (field.n_labels(), vec![0; field.dim()]);
    for left in choices.iter().rev() {
        let number = left
            .frontier
            .iter()
            .rev()
            .fold(0, |number, site| number * q + y[*site]);
        y[left.site] = usize::from(left.best[number]);
    }
    let energy = field.energy_of(&y);
    Ok((field.state(&y), energy))
}

/// A site that left, and its best label for each labelling of the frontier that stayed.
struct Left {
    site: usize,
    frontier: Vec<usize>,
    best: Vec<u16>,
}

/// Eliminates all sites; `join` sums up the terms of one site's labels and says which is best.
fn eliminate(field: &PairwiseField, join: impl Fn(&[f64]) -> (f64, usize)) -> Result<(f64, Vec<Left>)> {
    let (n, q) = (field.dim(), field.n_labels());
    // weights[y_0 + q y_1 + …] of the labels of the sites in the frontier, the oldest first.
    let (mut frontier, mut weights): (Vec<usize>, Vec<f64>) = (Vec::new(), vec![0.0]);
    let mut choices = Vec::with_capacity(n);
    for site in 0..n {
        if weights.len() * q > MOST || q > usize::from(u16::MAX) {
            return Err(Error::parameter(
                format!("the number of labellings of the frontier at site {site}"),
                format!("{q}^{}", frontier.len() + 1),
                format!("at most {MOST}"),
            ));
        }
        weights = enter(field, site, &frontier, &weights);
        frontier.push(site);
        // Who has no neighbour that is still to come leaves.
        let is_done = |i: &usize| field.structure.links(*i).iter().all(|link| link.site <= site);
        while let Some(place) = frontier.iter().position(is_done) {
            let left = frontier.remove(place);
            let stride = q.pow(place as u32);
            let mut best = Vec::with_capacity(weights.len() / q);
            let mut terms = vec![0.0; q];
            let rest = (0..weights.len() / q).map(|number| {
                let low = number % stride + number / stride * stride * q;
                for (a, term) in terms.iter_mut().enumerate() {
                    *term = weights[low + a * stride];
                }
                let (joined, choice) = join(&terms);
                best.push(choice as u16);
                joined
            });
            weights = rest.collect();
            choices.push(Left {
                site: left,
                frontier: frontier.clone(),
                best,
            });
        }
    }
    Ok((weights[0], choices))
}

/// The weights with the labels of a new site as the slowest digit.
fn enter(field: &PairwiseField, site: usize, frontier: &[usize], weights: &[f64]) -> Vec<f64> {
    let q = field.n_labels();
    let mut all: Vec<f64> = Vec::with_capacity(weights.len() * q);
    for u in field.unary_of(site) {
        all.extend(weights.iter().map(|w| w - u));
    }
    for link in field.structure.links(site).iter().filter(|link| link.site < site) {
        let place = frontier
            .iter()
            .position(|i| *i == link.site)
            .expect("a neighbour of a new site has not left");
        let stride = q.pow(place as u32);
        for (number, w) in all.iter_mut().enumerate() {
            let (b, a) = (number / stride % q, number / weights.len());
            *w -= field.seen[(link.seen * q + b) * q + a];
        }
    }
    all
}
