//! Bugs in layers that have fewer states than combinations of symbols, and in spaces of such states.

use gibbsian_core::error::check_batch;
use gibbsian_core::math::log_sum_exp;
use gibbsian_core::{
    Discrete, Error, FiniteUnits, Layout, Parametric, ParametricMut, Result, Seed, Space, Streams, Units,
    parallel,
};
use gibbsian_testkit::conformance;
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::RngExt;

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    FiniteOutside,
    AdmitsAnything,
    ListsTwice,
    ListsDownwards,
    LogPartition,
    FreesPartsOfUnits,
    DrawsUniformly,
    OneStreamForTwoBlocks,
}

/// One categorical unit of three values, `e(x) = −b·x` on the three indicators.
#[derive(Clone)]
struct OneOfThree(Array1<f64>, Bug);

impl OneOfThree {
    fn new(bug: Bug) -> Self {
        OneOfThree(array![0.5, -0.75, 0.25], bug)
    }

    fn is_state(x: ArrayView1<f64>) -> bool {
        x.iter().all(|x| *x == 0.0 || *x == 1.0) && x.sum() == 1.0
    }
}

impl Parametric for OneOfThree {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", &[3])
    }

    fn params(&self) -> Array1<f64> {
        self.0.clone()
    }
}

impl ParametricMut for OneOfThree {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.0.assign(&params);
        Ok(())
    }
}

impl Units for OneOfThree {
    fn n_units(&self) -> usize {
        3
    }

    fn admits(&self, _unit: usize, value: f64) -> bool {
        value == 0.0 || value == 1.0
    }

    fn check_rows(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, 3)?;
        match x.rows().into_iter().find(|x| !Self::is_state(*x)) {
            Some(row) if self.1 != Bug::AdmitsAnything => Err(Error::parameter(name, row, "one of three")),
            _ => Ok(()),
        }
    }

    fn free_units(&self, free: ArrayView1<bool>) -> Array1<bool> {
        if self.1 == Bug::FreesPartsOfUnits {
            return free.to_owned();
        }
        Array1::from_elem(3, free.iter().all(|f| *f))
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            let outside = !x.sum().is_nan() && !Self::is_state(x) && self.1 != Bug::FiniteOutside;
            *e = if outside { f64::INFINITY } else { -x.dot(&self.0) };
        }
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (field, gamma) in field.rows().into_iter().zip(&mut out) {
            *gamma = log_sum_exp(&(&field + &self.0).to_vec());
            if self.1 == Bug::LogPartition {
                *gamma += 1e-9;
            }
        }
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (field, mut out) in field.rows().into_iter().zip(out.rows_mut()) {
            out.assign(&(&field + &self.0));
            let log_total = log_sum_exp(&out.to_vec());
            out.mapv_inplace(|t| (t - log_total).exp());
        }
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        self.mean_into(field, out.view_mut());
        let bug = self.1;
        parallel::for_each_block(out, |block, mut rows| {
            let block = if bug == Bug::OneStreamForTwoBlocks {
                block / 2
            } else {
                block
            };
            let mut rng = streams.block(block);
            for mut p in rows.rows_mut() {
                let u: f64 = rng.random();
                let bounds = match bug {
                    Bug::DrawsUniformly => [1.0 / 3.0, 2.0 / 3.0],
                    _ => [p[0], p[0] + p[1]],
                };
                let value = bounds.iter().filter(|bound| u >= **bound).count();
                p.fill(0.0);
                p[value] = 1.0;
            }
        });
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, mut grad: ArrayViewMut1<f64>) {
        for (x, w) in x.rows().into_iter().zip(w) {
            grad.scaled_add(-w, &x);
        }
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        for (mean, w) in self.mean(field).rows().into_iter().zip(w) {
            grad.scaled_add(*w, &mean);
        }
    }
}

impl FiniteUnits for OneOfThree {
    fn alphabet(&self, _unit: usize) -> &[f64] {
        &[0.0, 1.0]
    }

    fn n_states(&self) -> Option<u64> {
        Some(3)
    }

    fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
        out.fill(0.0);
        for (k, mut row) in out.rows_mut().into_iter().enumerate() {
            let state = first as usize + k;
            let value = match self.1 {
                Bug::ListsTwice => state.min(1),
                Bug::ListsDownwards => 2 - state,
                _ => state,
            };
            row[value] = 1.0;
        }
    }
}

impl Space for OneOfThree {
    fn dim(&self) -> usize {
        3
    }
}

impl Discrete for OneOfThree {
    fn alphabet(&self, _site: usize) -> &[f64] {
        &[0.0, 1.0]
    }

    fn n_states(&self) -> Option<u64> {
        FiniteUnits::n_states(self)
    }

    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        FiniteUnits::states_into(self, first, out);
    }
}

#[test]
fn layers_of_fewer_states() {
    let field = array![[0.3, 1.0, -0.4], [-2.0, 0.5, 0.9], [1.5, -0.75, 0.1]];
    let check = |bug| conformance::finite_units(&OneOfThree::new(bug), field.view(), DOUBLE, Seed::new(3));
    check(Bug::None).unwrap();
    for (bug, reason) in [
        (Bug::FiniteOutside, "what is no state has +∞"),
        (Bug::AdmitsAnything, "states are admitted and nothing else is"),
        (Bug::ListsTwice, "states have finite energies"),
        (Bug::LogPartition, "the law of the layer is normalised"),
        (Bug::FreesPartsOfUnits, "a state with free units of another state"),
        (Bug::DrawsUniformly, "draws of states"),
        (Bug::OneStreamForTwoBlocks, "independence of neighbouring blocks"),
    ] {
        caught(check(bug), reason);
    }
}

#[test]
fn spaces_of_fewer_states() {
    let check = |bug| conformance::discrete(&OneOfThree::new(bug));
    check(Bug::None).unwrap();
    caught(check(Bug::ListsTwice), "states rise");
    caught(check(Bug::ListsDownwards), "states rise");
}
