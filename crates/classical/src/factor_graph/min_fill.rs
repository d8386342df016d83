//! The order in which variables are eliminated: next is the one whose neighbours lack the fewest joins among each other.

use std::collections::BTreeSet;

use super::FactorGraph;

/// What it costs to eliminate a variable: the joins that its neighbours lack, then the size of the table of it and its neighbours, then its number.
type Cost = (usize, Size, usize);

/// The number of joint states of some variables, which may be beyond integers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Size(f64);

impl Eq for Size {}

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Size {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The variables that are left, with who is joined to whom by now.
pub(super) struct MinFill<'a> {
    graph: &'a FactorGraph,
    neighbours: Vec<BTreeSet<usize>>,
    cost_of: Vec<Cost>,
    waiting: BTreeSet<Cost>,
}

impl<'a> MinFill<'a> {
    pub(super) fn new(graph: &'a FactorGraph) -> Self {
        let primal = &graph.structure.primal;
        let joined = |variable| primal.neighbours(variable).iter().map(|n| n.site).collect();
        let mut order = MinFill {
            graph,
            neighbours: (0..graph.n_variables()).map(joined).collect(),
            cost_of: Vec::new(),
            waiting: BTreeSet::new(),
        };
        order.cost_of = (0..graph.n_variables())
            .map(|variable| order.cost(variable))
            .collect();
        order.waiting = order.cost_of.iter().copied().collect();
        order
    }

    /// The next variable.
    pub(super) fn next(&self) -> Option<usize> {
        self.waiting.first().map(|(_, _, variable)| *variable)
    }

    /// The variables that share a table with this one by now.
    pub(super) fn neighbours(&self, variable: usize) -> &BTreeSet<usize> {
        &self.neighbours[variable]
    }

    /// Takes a variable out of the graph and joins its neighbours. Only they and their neighbours cost something else then.
    pub(super) fn eliminate(&mut self, variable: usize) {
        self.waiting.remove(&self.cost_of[variable]);
        let around = std::mem::take(&mut self.neighbours[variable]);
        let mut affected = around.clone();
        for i in &around {
            self.neighbours[*i].remove(&variable);
            self.neighbours[*i].extend(around.iter().filter(|j| *j != i));
            affected.extend(&self.neighbours[*i]);
        }
        for i in affected {
            self.waiting.remove(&self.cost_of[i]);
            self.cost_of[i] = self.cost(i);
            self.waiting.insert(self.cost_of[i]);
        }
    }

    fn cost(&self, variable: usize) -> Cost {
        let around: Vec<usize> = self.neighbours[variable].iter().copied().collect();
        let lacking = |k: usize| {
            let joined = &self.neighbours[around[k]];
            around[..k].iter().filter(|j| !joined.contains(j)).count()
        };
        let size = |variable: usize| self.graph.n_symbols(variable) as f64;
        let table = around
            .iter()
            .fold(size(variable), |product, i| product * size(*i));
        ((0..around.len()).map(lacking).sum(), Size(table), variable)
    }
}
