//! What a field knows of its graph: who says what to whom, and which sites can be redrawn together.

use crate::graph::Graph;

/// A graph with a table number on every bond.
#[derive(Debug, PartialEq)]
pub(super) struct Structure {
    pub(super) graph: Graph,
    pub(super) table_of_bond: Vec<usize>,
    /// The classes of [`Graph::colouring`].
    pub(super) classes: Vec<Vec<usize>>,
    /// `links[first[i]..first[i + 1]]` lead away from site `i`, in the order of its neighbours.
    first: Vec<usize>,
    links: Vec<Link>,
    /// The number of each bond's link at its first site and at its second.
    ends: Vec<[usize; 2]>,
}

/// A bond seen from one of its sites.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// The site at the other end.
    pub(super) site: usize,
    /// `2t` where this site is the second of a bond with table `t`, and `2t + 1` where it is the first.
    pub(super) seen: usize,
    /// The number of the same bond's link at the other end.
    pub(super) back: usize,
}

impl Structure {
    pub(super) fn new(graph: Graph, table_of_bond: Vec<usize>) -> Self {
        let mut first = vec![0];
        let mut links: Vec<Link> = Vec::with_capacity(2 * graph.n_bonds());
        let mut ends = vec![[usize::MAX; 2]; graph.n_bonds()];
        for site in 0..graph.n_sites() {
            for neighbour in graph.neighbours(site) {
                let is_first = graph.bonds()[neighbour.bond][0] == site;
                ends[neighbour.bond][usize::from(!is_first)] = links.len();
                links.push(Link {
                    site: neighbour.site,
                    seen: 2 * table_of_bond[neighbour.bond] + usize::from(is_first),
                    back: neighbour.bond,
                });
            }
            first.push(links.len());
        }
        // Until here `back` held the bond.
        for (number, link) in links.iter_mut().enumerate() {
            let [a, b] = ends[link.back];
            link.back = if a == number { b } else { a };
        }
        Structure {
            classes: graph.colouring(),
            graph,
            table_of_bond,
            first,
            links,
            ends,
        }
    }

    /// The links that lead away from a site.
    pub(super) fn links(&self, site: usize) -> &[Link] {
        &self.links[self.link_range(site)]
    }

    /// Their numbers among all links.
    pub(super) fn link_range(&self, site: usize) -> std::ops::Range<usize> {
        self.first[site]..self.first[site + 1]
    }

    /// The numbers of a bond's links: the one that leads away from its first site, and the one that leads away from its second.
    pub(super) fn ends(&self, bond: usize) -> (usize, usize) {
        (self.ends[bond][0], self.ends[bond][1])
    }

    pub(super) fn n_links(&self) -> usize {
        self.links.len()
    }
}
