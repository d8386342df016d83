//! Small finite targets with generic parameters, and one whose energies are planted.

use gibbsian_core::energy::assert_energy_shapes;
use gibbsian_core::{Discrete, DiscreteEnergy, Energy, RelaxedEnergy, Space};
use gibbsian_testkit::targets::{MixedSpin, Pairwise};
use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, array};

/// Four spins; `sign` −1 is another target of the same kind.
pub fn pairwise(sign: f64) -> Pairwise {
    Pairwise::new(
        array![0.3, -0.5, 0.1, 0.4] * sign,
        array![
            [0.0, 0.0, 0.0, 0.0],
            [0.8, 0.0, 0.0, 0.0],
            [-0.6, 0.5, 0.0, 0.0],
            [0.3, -0.7, 0.9, 0.0]
        ] * sign,
    )
    .unwrap()
}

/// Sites with two, three, one and four symbols.
pub fn mixed(sign: f64) -> MixedSpin {
    let alphabets = vec![
        vec![0.0, 1.0],
        vec![-1.0, 0.0, 1.0],
        vec![2.0],
        vec![-1.5, -0.5, 0.5, 1.5],
    ];
    let fields = [0.4, -0.3, 0.2, 0.1];
    let crystal_fields = [0.1, -0.5, 0.3, 0.2];
    let couplings = [0.7, -0.2, 0.4, 0.6, -0.5, 0.3];
    let params = fields.into_iter().chain(crystal_fields).chain(couplings);
    MixedSpin::new(alphabets, params.map(|v| sign * v).collect()).unwrap()
}

/// Zeros and ones on a ring, and what two neighbouring ones cost.
pub struct Ring {
    pub dim: usize,
    pub cost: f64,
}

impl Ring {
    fn together(&self, x: ndarray::ArrayView1<f64>) -> bool {
        (0..self.dim).any(|i| x[i] + x[(i + 1) % self.dim] == 2.0)
    }
}

impl Space for Ring {
    fn dim(&self) -> usize {
        self.dim
    }
}

impl Discrete for Ring {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }
}

impl Energy for Ring {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        assert_energy_shapes(self.dim, x, &out);
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = if self.together(x) {
                self.cost
            } else {
                -0.5 * x.sum()
            };
        }
    }
}

impl DiscreteEnergy for Ring {}

impl RelaxedEnergy for Ring {
    /// That of `−½ Σ x` alone: what is forbidden has no gradient.
    fn relaxed_score_into(&self, _x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        out.fill(0.5);
    }
}
