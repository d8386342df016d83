//! The two rules as kernels.

use gibbsian_core::error::check_count;
use gibbsian_core::{Kernel, Result, Streams, TransitionLaw};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rand::Rng;

use super::lattice::MultiSpinState;
use super::rule::{Rule, Turns, heat_bath, metropolis};
use crate::ising::Ising;

macro_rules! kernel {
    ($(#[$attribute:meta])* $name:ident, $rule:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            n_sweeps: usize,
        }

        impl $name {
            /// The kernel whose step is so many sweeps; a step costs a little of its own, which counts on small lattices.
            ///
            /// # Errors
            /// No sweeps.
            pub fn new(n_sweeps: usize) -> Result<Self> {
                Ok($name { n_sweeps: check_count("n_sweeps", n_sweeps)? })
            }

            /// The probability with which a site is turned, exactly as it is drawn, for each spin (down, up) and number of neighbours that are equal to it (0 to 4).
            pub fn law(coupling: f64, field: f64) -> Turns {
                Rule::new(&$rule(coupling, field)).law()
            }
        }

        impl Kernel<Ising> for $name {
            type State = MultiSpinState;
            type Info = ();

            fn init(&self, model: &Ising, x: Array2<f64>) -> Result<MultiSpinState> {
                MultiSpinState::new(model, x.view(), $rule)
            }

            /// # Panics
            /// When couplings or fields differ from site to site now.
            fn refresh(&self, model: &Ising, state: &mut MultiSpinState) {
                state.refresh(model, $rule);
            }

            fn positions<'s>(&self, state: &'s MultiSpinState) -> CowArray<'s, f64, Ix2> {
                state.positions()
            }

            fn step(&self, _model: &Ising, state: &mut MultiSpinState, rng: &mut dyn Rng) {
                state.sweep(self.n_sweeps, Streams::draw(rng));
            }
        }

        impl TransitionLaw<Ising> for $name {
            fn transition_matrix(&self, model: &Ising, states: ArrayView2<f64>) -> Array2<f64> {
                let law = $name::law(model.couplings()[0], model.fields()[0]);
                let sweep = sweep_matrix(model, law, states);
                (1..self.n_sweeps).fold(sweep.clone(), |step, _| step.dot(&sweep))
            }
        }
    };
}

kernel! {
    /// Metropolis sweeps of many spins a word: a flip that costs `ΔE` is made with probability `min(1, e^−ΔE)` (Metropolis and others 1953).
    ///
    /// For periodic square lattices with one coupling and one field: even sides, and at most 128 columns or a multiple of 128. Chains of a block advance together, so
    /// that narrow lattices want many of them.
    ///
    /// A flip that costs nothing is certain. On lattices two sites wide without a field that can keep a chain from some of the states; the heat bath has no such case.
    ///
    /// ```
    /// use gibbsian_classical::ising::spontaneous_magnetisation;
    /// use gibbsian_classical::{Boundary, Graph, Ising, MultiSpinMetropolis};
    /// use gibbsian_core::{Kernel, Seed};
    /// use ndarray::Array2;
    ///
    /// let torus = Ising::uniform(Graph::lattice(&[64, 64], Boundary::Periodic)?, 0.6, 0.0)?;
    /// let (kernel, mut rng) = (MultiSpinMetropolis::new(10)?, Seed::new(1).rng());
    /// let mut chains = kernel.init(&torus, Array2::ones((2, 64 * 64)))?;
    /// kernel.step(&torus, &mut chains, &mut rng);
    /// let m = kernel.positions(&chains).mean().unwrap();
    /// assert!((m - spontaneous_magnetisation(0.6, 0.6)?).abs() < 0.02); // Well below the critical temperature ten sweeps are enough.
    /// # Ok::<(), gibbsian_core::Error>(())
    /// ```
    MultiSpinMetropolis, metropolis
}

kernel! {
    /// Heat-bath sweeps of many spins a word: every spin is redrawn from its law given the rest, which turns it with probability `1 / (1 + e^ΔE)` (Glauber 1963).
    ///
    /// For the same lattices as [`MultiSpinMetropolis`].
    MultiSpinHeatBath, heat_bath
}

/// Redraws the sites of each colour, independently with the probabilities of `law`.
fn sweep_matrix(model: &Ising, law: Turns, states: ArrayView2<f64>) -> Array2<f64> {
    let lattice = model.graph().as_lattice().expect("a lattice");
    let columns = lattice.shape[1];
    let n = states.nrows();
    let mut sweep = Array2::eye(n);
    for colour in 0..2 {
        let is_redrawn = |site: &usize| (site / columns + site % columns) % 2 == colour;
        let half = Array2::from_shape_fn((n, n), |(i, j)| {
            let (from, to) = (states.row(i), states.row(j));
            let mut p = 1.0;
            for site in 0..from.len() {
                if is_redrawn(&site) {
                    let neighbours = model.graph().neighbours(site).iter();
                    let n_equal = neighbours.filter(|n| from[n.site] == from[site]).count();
                    let turns = law[usize::from(from[site] > 0.0)][n_equal];
                    p *= if from[site] == to[site] {
                        1.0 - turns
                    } else {
                        turns
                    };
                } else if from[site] != to[site] {
                    return 0.0;
                }
            }
            p
        });
        sweep = sweep.dot(&half);
    }
    sweep
}
