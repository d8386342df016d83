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
    eliminate_field(field, &mut Sum)
}

/// A state of lowest energy and its energy, exactly; of several that are lowest, one.
///
/// # Errors
/// Those of [`log_z_by_elimination`].
pub fn lowest_by_elimination(field: &PairwiseField) -> Result<(Array1<f64>, f64)> {
    let mut choices = Choices::default();
    eliminate_field(field, &mut choices)?;
    // In reverse: the label of a site that left is a function of the labels of the frontier it left behind.
    let (q, mut y) = (field.n_labels(), vec![0; field.dim()]);
    for left in choices.left.iter().rev() {
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

/// The largest weight, and by which labels it is reached.
#[derive(Default)]
struct Choices {
    /// Of the site that is leaving, so far.
    best: Vec<u16>,
    left: Vec<Left>,
}

impl Leave for Choices {
    fn join(&mut self, log_weights: &[f64]) -> f64 {
        let better = |best, a| {
            if log_weights[a] > log_weights[best] {
                a
            } else {
                best
            }
        };
        let best = (1..log_weights.len()).fold(0, better);
        self.best.push(best as u16);
        log_weights[best]
    }

    fn left(&mut self, site: usize, frontier: &[usize]) {
        self.left.push(Left {
            site,
            frontier: frontier.to_vec(),
            best: std::mem::take(&mut self.best),
        });
    }
}

impl LogWeights for PairwiseField {
    /// The number of a table in `seen`.
    type Link = usize;

    fn shape(&self) -> (usize, usize) {
        (self.dim(), self.n_labels())
    }

    fn links(&self, site: usize) -> impl Iterator<Item = (usize, usize)> {
        let links = self.structure.links(site).iter();
        links.map(|link| (link.site, link.seen))
    }

    fn of_site(&self, site: usize, label: usize) -> f64 {
        -self.unary_of(site)[label]
    }

    fn of_pair(&self, seen: usize, other: usize, label: usize) -> f64 {
        let q = self.n_labels();
        -self.seen[(seen * q + other) * q + label]
    }
}

fn eliminate_field(field: &PairwiseField, leave: &mut impl Leave) -> Result<f64> {
    let q = field.n_labels();
    // The best labels are written down in two bytes.
    let most = if q <= usize::from(u16::MAX) { MOST } else { 0 };
    eliminate(field, most, leave).map_err(|wide| {
        Error::parameter(
            format!("the number of labellings of the frontier at site {}", wide.site),
            format!("{q}^{}", wide.n_sites),
            format!("at most {MOST}"),
        )
    })
}

/// Logarithms of weights of labellings, sums of terms of sites and of pairs of neighbours.
pub(crate) trait LogWeights {
    /// What leads from a site to a neighbour.
    type Link: Copy;

    /// The number of sites, and of labels that each of them has.
    fn shape(&self) -> (usize, usize);

    /// The neighbours of a site.
    fn links(&self, site: usize) -> impl Iterator<Item = (usize, Self::Link)>;

    /// The term of a site with this label.
    fn of_site(&self, site: usize, label: usize) -> f64;

    /// The term of a site and its neighbour along this link, where the neighbour has the label `other`.
    fn of_pair(&self, link: Self::Link, other: usize, label: usize) -> f64;
}

/// What becomes of the labels of a site that leaves.
pub(crate) trait Leave {
    /// One number in place of those of the site's labels, at one labelling of the frontier that stays.
    fn join(&mut self, log_weights: &[f64]) -> f64;

    /// The numbers for all labellings of this frontier have been joined, in their order.
    fn left(&mut self, _site: usize, _frontier: &[usize]) {}
}

/// The sum of the weights.
pub(crate) struct Sum;

impl Leave for Sum {
    fn join(&mut self, log_weights: &[f64]) -> f64 {
        log_sum_exp(log_weights)
    }
}

/// A frontier with more labellings than are allowed: that with this site, of so many sites.
pub(crate) struct TooWide {
    site: usize,
    pub(crate) n_sites: usize,
}

/// Eliminates all sites, with at most `most` labellings of a frontier; returns what is left of all weights.
pub(crate) fn eliminate<W: LogWeights>(
    weights: &W,
    most: usize,
    leave: &mut impl Leave,
) -> std::result::Result<f64, TooWide> {
    let (n, q) = weights.shape();
    // known[y_0 + q y_1 + …] of the labels of the sites in the frontier, the oldest first.
    let (mut frontier, mut known): (Vec<usize>, Vec<f64>) = (Vec::new(), vec![0.0]);
    for site in 0..n {
        if known.len() * q > most {
            let n_sites = frontier.len() + 1;
            return Err(TooWide { site, n_sites });
        }
        known = enter(weights, site, &frontier, &known);
        frontier.push(site);
        // Who has no neighbour that is still to come leaves.
        let is_done = |i: &usize| weights.links(*i).all(|(neighbour, _)| neighbour <= site);
        while let Some(place) = frontier.iter().position(is_done) {
            let left = frontier.remove(place);
            let stride = q.pow(place as u32);
            let mut of_labels = vec![0.0; q];
            let rest = (0..known.len() / q).map(|number| {
                let low = number % stride + number / stride * stride * q;
                for (a, own) in of_labels.iter_mut().enumerate() {
                    *own = known[low + a * stride];
                }
                leave.join(&of_labels)
            });
            known = rest.collect();
            leave.left(left, &frontier);
        }
    }
    Ok(known[0])
}

/// What is known, with the labels of a new site as the slowest digit.
fn enter<W: LogWeights>(weights: &W, site: usize, frontier: &[usize], known: &[f64]) -> Vec<f64> {
    let (_, q) = weights.shape();
    let mut all: Vec<f64> = Vec::with_capacity(known.len() * q);
    for a in 0..q {
        let own = weights.of_site(site, a);
        all.extend(known.iter().map(|w| w + own));
    }
    // A neighbour that is not in the frontier is still to come: it cannot have left before this site.
    let place_of = |neighbour| frontier.iter().position(|i| *i == neighbour);
    for (neighbour, link) in weights.links(site) {
        let Some(place) = place_of(neighbour) else {
            continue;
        };
        let stride = q.pow(place as u32);
        for (number, w) in all.iter_mut().enumerate() {
            let (b, a) = (number / stride % q, number / known.len());
            *w += weights.of_pair(link, b, a);
        }
    }
    all
}
