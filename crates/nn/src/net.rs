//! The place where a forward function is written.

use std::ops::{Deref, DerefMut};

use gibbsian_core::{Error, Layout, Result};
use gibbsian_grad::{Graph, Param};
use ndarray::ArrayView1;
use rand::Rng;

use crate::init::Init;
use crate::machine::NOISE;

/// A graph whose parameters have names and initial values: what a forward function writes into.
///
/// It dereferences to the [`Graph`], so every operation is at hand; the methods of its own make parameters and the layers that have them. Shapes that do not fit are errors of the program and panic, as in the graph;
/// what a model's constructor can refuse (a name that is taken twice, an output of another width) it refuses.
pub struct Net<'a> {
    graph: Graph,
    layout: Layout,
    values: Vec<f64>,
    rng: &'a mut dyn Rng,
    refusal: Option<Error>,
}

impl std::fmt::Debug for Net<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net")
            .field("layout", &self.layout)
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

impl Deref for Net<'_> {
    type Target = Graph;
    fn deref(&self) -> &Graph {
        &self.graph
    }
}

impl DerefMut for Net<'_> {
    fn deref_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }
}

impl<'a> Net<'a> {
    pub(crate) fn new(rng: &'a mut dyn Rng) -> Self {
        Net {
            graph: Graph::new(),
            layout: Layout::new(),
            values: Vec::new(),
            rng,
            refusal: None,
        }
    }

    /// The graph, the names of the parameters and their initial values.
    pub(crate) fn finish(self) -> Result<(Graph, Layout, Vec<f64>)> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        // The graph below has ways to parameters without a name and to inputs that nobody would give.
        let n_params: usize = self.graph.params().iter().map(|(n, m)| n * m).sum();
        if n_params != self.values.len() {
            let requirement = "one whose parameters are made by `Net::matrix` and `Net::row`";
            return Err(Error::parameter(
                "network",
                "with parameters that have no name",
                requirement,
            ));
        }
        if self.graph.n_inputs() != NOISE {
            let value = format!("with {} inputs of its own", self.graph.n_inputs() - NOISE);
            return Err(Error::parameter(
                "network",
                value,
                "a function of what it is given",
            ));
        }
        self.layout.check(ArrayView1::from(&self.values))?;
        Ok((self.graph, self.layout, self.values))
    }

    /// A matrix of parameters.
    pub fn matrix(&mut self, name: &str, shape: (usize, usize), init: Init) -> Param {
        self.add(name, &[shape.0, shape.1], shape, init)
    }

    /// A row of parameters, the same for every row of the batch.
    pub fn row(&mut self, name: &str, width: usize, init: Init) -> Param {
        self.add(name, &[width], (1, width), init)
    }

    /// Keeps the refusal of a number until the model is made, so that layers need no `?`.
    pub(crate) fn require(&mut self, name: &'static str, value: f64, holds: bool) {
        if !holds {
            let refusal = Error::parameter(name, value, "finite and greater than zero");
            self.refusal.get_or_insert(refusal);
        }
    }

    fn add(&mut self, name: &str, named: &[usize], shape: (usize, usize), init: Init) -> Param {
        if self.layout.find(name).is_some() {
            let taken = Error::parameter("name of a parameter", name, "another one than those before");
            self.refusal.get_or_insert(taken);
        }
        self.layout = std::mem::take(&mut self.layout).with(name, named);
        match init.draw(shape, self.rng) {
            Ok(values) => self.values.extend(values),
            Err(refusal) => {
                self.refusal.get_or_insert(refusal);
            }
        }
        self.graph.param(shape.0, shape.1)
    }
}
