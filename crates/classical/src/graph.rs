//! Graphs of sites and bonds: lattices, complete graphs, and the user's own.
//!
//! A graph says who is coupled to whom and nothing else; models put couplings on its bonds and fields on its sites. Sites are numbered from 0. On a
//! lattice of shape `(L_1, …, L_d)` the last coordinate changes fastest, as in an array of that shape.
//!
//! A bond is a pair of different sites, and each pair is listed once. There is one exception: a periodic lattice that is two sites
//! long has two bonds between the two, one through the boundary. That is what the exact results for finite tori count, so they are kept as
//! two bonds whose couplings add up.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use gibbsian_core::error::check_count;
use gibbsian_core::{Error, Result};

/// Sites, and bonds between pairs of them.
///
/// ```
/// use gibbsian_classical::{Boundary, Graph};
///
/// let torus = Graph::lattice(&[4, 4], Boundary::Periodic)?;
/// assert_eq!((torus.n_sites(), torus.n_bonds()), (16, 32));
/// assert!(torus.neighbours(0).iter().map(|n| n.site).eq([1, 3, 4, 12]));
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    bonds: Vec<[usize; 2]>,
    /// `neighbours[first[i]..first[i + 1]]` are those of site `i`, in rising order.
    first: Vec<usize>,
    neighbours: Vec<Neighbour>,
    lattice: Option<Lattice>,
}

/// A site at the other end of a bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// The site.
    pub site: usize,
    /// The number of the bond that leads there.
    pub bond: usize,
}

/// What a lattice does at its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Boundary {
    /// It stops.
    Open,
    /// It closes to a ring.
    Periodic,
}

/// The hypercubic lattice that a graph was made as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lattice {
    /// The number of sites in each direction.
    pub shape: Vec<usize>,
    /// The boundary in each direction.
    pub boundaries: Vec<Boundary>,
}

impl Graph {
    /// The graph with these bonds.
    ///
    /// # Errors
    /// No sites, a bond to a site that does not exist, a self-loop, or a pair of sites that is listed twice.
    pub fn new(n_sites: usize, bonds: Vec<[usize; 2]>) -> Result<Self> {
        check_count("n_sites", n_sites)?;
        for (b, &[i, j]) in bonds.iter().enumerate() {
            if i.max(j) >= n_sites {
                let requirement = format!("between two of {n_sites} sites");
                return Err(Error::parameter(
                    format!("bonds[{b}]"),
                    format!("({i}, {j})"),
                    requirement,
                ));
            }
            if i == j {
                let requirement = "between different sites, not a self-loop";
                return Err(Error::parameter(
                    format!("bonds[{b}]"),
                    format!("({i}, {j})"),
                    requirement,
                ));
            }
        }
        let graph = Graph::assemble(n_sites, bonds, None);
        for i in 0..n_sites {
            if let Some(pair) = graph.neighbours(i).windows(2).find(|n| n[0].site == n[1].site) {
                return Err(Error::parameter(
                    format!("bonds[{}]", pair[1].bond),
                    format!("({i}, {})", pair[1].site),
                    format!("another pair than bonds[{}]", pair[0].bond),
                ));
            }
        }
        Ok(graph)
    }

    /// The hypercubic lattice of this shape: a chain, a square lattice, a cubic one, with the same boundary in all directions.
    ///
    /// # Errors
    /// Those of [`Graph::lattice_with`].
    pub fn lattice(shape: &[usize], boundary: Boundary) -> Result<Self> {
        Graph::lattice_with(shape, &vec![boundary; shape.len()])
    }

    /// The hypercubic lattice of this shape with a boundary for each direction; bonds go site by site, the first direction first.
    ///
    /// # Errors
    /// No directions, another number of boundaries, a length of zero, or a ring of one site, whose bond would be a self-loop.
    pub fn lattice_with(shape: &[usize], boundaries: &[Boundary]) -> Result<Self> {
        check_lengths(shape, boundaries)?;
        let n_sites = shape.iter().product();
        let mut bonds = Vec::new();
        for site in 0..n_sites {
            let mut stride = n_sites;
            for (&length, &boundary) in shape.iter().zip(boundaries) {
                stride /= length;
                let at = site / stride % length;
                if at + 1 < length {
                    bonds.push([site, site + stride]);
                } else if boundary == Boundary::Periodic {
                    bonds.push([site, site - at * stride]);
                }
            }
        }
        let lattice = Lattice {
            shape: shape.to_vec(),
            boundaries: boundaries.to_vec(),
        };
        Ok(Graph::assemble(n_sites, bonds, Some(lattice)))
    }

    /// The triangular lattice of `rows × columns` sites: the square lattice with one diagonal a square, `(r, c)` to `(r + 1, c + 1)`.
    ///
    /// # Errors
    /// A length of zero, or a periodic one below three, where different bonds would join the same pair.
    pub fn triangular(rows: usize, columns: usize, boundary: Boundary) -> Result<Self> {
        check_lengths(&[rows, columns], &[boundary; 2])?;
        let periodic = boundary == Boundary::Periodic;
        if periodic && rows.min(columns) < 3 {
            let requirement = "at least 3 in both directions of a periodic triangular lattice";
            return Err(Error::parameter(
                "shape",
                format!("({rows}, {columns})"),
                requirement,
            ));
        }
        let mut bonds = Vec::new();
        for r in 0..rows {
            for c in 0..columns {
                for (dr, dc) in [(1, 0), (0, 1), (1, 1)] {
                    if periodic || (r + dr < rows && c + dc < columns) {
                        let other = (r + dr) % rows * columns + (c + dc) % columns;
                        bonds.push([r * columns + c, other]);
                    }
                }
            }
        }
        Graph::new(rows * columns, bonds)
    }

    /// The graph in which every pair of sites is joined, in the order `(0, 1), (0, 2), …, (1, 2), …`.
    ///
    /// # Errors
    /// No sites.
    pub fn complete(n_sites: usize) -> Result<Self> {
        let bonds = (0..n_sites).flat_map(|i| (i + 1..n_sites).map(move |j| [i, j]));
        Graph::new(n_sites, bonds.collect())
    }

    /// The graph of bonds that are known to be between different sites that exist; pairs may have several.
    pub(crate) fn of_bonds(n_sites: usize, bonds: Vec<[usize; 2]>) -> Self {
        Graph::assemble(n_sites, bonds, None)
    }

    fn assemble(n_sites: usize, bonds: Vec<[usize; 2]>, lattice: Option<Lattice>) -> Self {
        let mut first = vec![0; n_sites + 1];
        for [i, j] in &bonds {
            first[i + 1] += 1;
            first[j + 1] += 1;
        }
        for i in 0..n_sites {
            first[i + 1] += first[i];
        }
        let mut next = first.clone();
        let mut neighbours = vec![Neighbour { site: 0, bond: 0 }; 2 * bonds.len()];
        for (bond, &[i, j]) in bonds.iter().enumerate() {
            for (from, site) in [(i, j), (j, i)] {
                neighbours[next[from]] = Neighbour { site, bond };
                next[from] += 1;
            }
        }
        for i in 0..n_sites {
            neighbours[first[i]..first[i + 1]].sort_unstable();
        }
        Graph {
            bonds,
            first,
            neighbours,
            lattice,
        }
    }

    /// The number of sites.
    pub fn n_sites(&self) -> usize {
        self.first.len() - 1
    }

    /// The number of bonds.
    pub fn n_bonds(&self) -> usize {
        self.bonds.len()
    }

    /// The pairs of sites that are joined.
    pub fn bonds(&self) -> &[[usize; 2]] {
        &self.bonds
    }

    /// The sites that a site is joined to, in rising order, with the bonds that lead there.
    pub fn neighbours(&self, site: usize) -> &[Neighbour] {
        &self.neighbours[self.first[site]..self.first[site + 1]]
    }

    /// The hypercubic lattice that this graph was made as, if it was.
    pub fn as_lattice(&self) -> Option<&Lattice> {
        self.lattice.as_ref()
    }

    /// Classes of sites without bonds inside a class; two of them wherever two suffice, as the checkerboard of a square lattice.
    ///
    /// The sites of one class are independent given the rest, so they can be redrawn together. The next site to be coloured is the one whose
    /// neighbours have the most colours already, and it takes the first that is free (Brélaz 1979), which is exact for graphs of two colours and needs
    /// three for a triangular lattice.
    pub fn colouring(&self) -> Vec<Vec<usize>> {
        let mut classes: Vec<Vec<usize>> = Vec::new();
        let mut colour_of = vec![None; self.n_sites()];
        let mut colours_nearby = vec![BTreeSet::new(); self.n_sites()];
        // Entries are not removed when a site's count grows; those of coloured sites are skipped.
        let urgency = |site: usize, n_colours: usize| (n_colours, self.neighbours(site).len(), Reverse(site));
        let mut waiting: BinaryHeap<_> = (0..self.n_sites()).map(|site| urgency(site, 0)).collect();
        while let Some((_, _, Reverse(site))) = waiting.pop() {
            if colour_of[site].is_some() {
                continue;
            }
            let colour = (0..)
                .find(|c| !colours_nearby[site].contains(c))
                .expect("some colour is free");
            colour_of[site] = Some(colour);
            classes.resize(classes.len().max(colour + 1), Vec::new());
            classes[colour].push(site);
            for neighbour in self.neighbours(site) {
                if colour_of[neighbour.site].is_none() && colours_nearby[neighbour.site].insert(colour) {
                    waiting.push(urgency(neighbour.site, colours_nearby[neighbour.site].len()));
                }
            }
        }
        for class in &mut classes {
            class.sort_unstable();
        }
        classes
    }
}

fn check_lengths(shape: &[usize], boundaries: &[Boundary]) -> Result<()> {
    check_count("the number of directions", shape.len())?;
    if boundaries.len() != shape.len() {
        let requirement = format!("one for each of {} directions", shape.len());
        return Err(Error::parameter(
            "boundaries",
            format!("{} given", boundaries.len()),
            requirement,
        ));
    }
    for (k, (&length, &boundary)) in shape.iter().zip(boundaries).enumerate() {
        let least = if boundary == Boundary::Periodic { 2 } else { 1 };
        if length < least {
            let requirement = format!("at least {least} with this boundary");
            return Err(Error::parameter(format!("shape[{k}]"), length, requirement));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lattices_have_the_bonds_that_they_should() {
        let count = |g: Result<Graph>| {
            g.map(|g| (g.n_sites(), g.n_bonds(), g.colouring().len()))
                .unwrap()
        };
        assert_eq!(count(Graph::lattice(&[5], Boundary::Open)), (5, 4, 2));
        assert_eq!(count(Graph::lattice(&[5], Boundary::Periodic)), (5, 5, 3));
        assert_eq!(count(Graph::lattice(&[2, 3], Boundary::Open)), (6, 7, 2));
        assert_eq!(count(Graph::lattice(&[4, 6], Boundary::Periodic)), (24, 48, 2));
        assert_eq!(count(Graph::lattice(&[2, 3, 4], Boundary::Open)), (24, 46, 2));
        assert_eq!(count(Graph::triangular(3, 4, Boundary::Open)), (12, 23, 3));
        assert_eq!(count(Graph::triangular(3, 3, Boundary::Periodic)), (9, 27, 3));
        assert_eq!(count(Graph::complete(5)), (5, 10, 5));
        assert_eq!(count(Graph::new(1, vec![])), (1, 0, 1));
    }

    #[test]
    fn neighbours_are_mutual_and_no_class_has_a_bond_inside() {
        for graph in [
            Graph::lattice_with(&[3, 4], &[Boundary::Open, Boundary::Periodic]).unwrap(),
            Graph::triangular(4, 5, Boundary::Periodic).unwrap(),
            Graph::lattice(&[2, 2], Boundary::Periodic).unwrap(),
        ] {
            for (bond, &[i, j]) in graph.bonds().iter().enumerate() {
                assert!(graph.neighbours(i).contains(&Neighbour { site: j, bond }));
                assert!(graph.neighbours(j).contains(&Neighbour { site: i, bond }));
            }
            let classes = graph.colouring();
            for &[i, j] in graph.bonds() {
                assert!(
                    !classes
                        .iter()
                        .any(|class| class.contains(&i) && class.contains(&j))
                );
            }
            let mut sites = classes.concat();
            sites.sort_unstable();
            assert!(sites.into_iter().eq(0..graph.n_sites()));
        }
    }

    #[test]
    fn a_ring_of_two_sites_has_two_bonds() {
        let ring = Graph::lattice(&[2], Boundary::Periodic).unwrap();
        assert_eq!(ring.bonds(), [[0, 1], [1, 0]]);
    }

    #[test]
    fn graphs_that_are_none_are_refused_by_name() {
        let refuse = |g: Result<Graph>| g.unwrap_err().to_string();
        assert_eq!(
            refuse(Graph::new(3, vec![[0, 1], [2, 2]])),
            "`bonds[1]` is (2, 2), but must be between different sites, not a self-loop"
        );
        assert_eq!(
            refuse(Graph::new(3, vec![[0, 3]])),
            "`bonds[0]` is (0, 3), but must be between two of 3 sites"
        );
        assert_eq!(
            refuse(Graph::new(3, vec![[0, 1], [1, 2], [1, 0]])),
            "`bonds[2]` is (0, 1), but must be another pair than bonds[0]"
        );
        assert!(refuse(Graph::new(0, vec![])).contains("n_sites"));
        assert!(refuse(Graph::lattice(&[], Boundary::Open)).contains("directions"));
        assert!(refuse(Graph::lattice(&[3, 0], Boundary::Open)).contains("shape[1]"));
        assert!(refuse(Graph::lattice(&[1, 3], Boundary::Periodic)).contains("shape[0]"));
        assert!(refuse(Graph::triangular(2, 5, Boundary::Periodic)).contains("at least 3"));
    }
}
