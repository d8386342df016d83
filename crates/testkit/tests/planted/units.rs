//! Bugs in layers of units.

use gibbsian_core::{FiniteUnits, Layout, Parametric, ParametricMut, Result, Seed, Streams, Units, parallel};
use gibbsian_testkit::conformance;
use gibbsian_testkit::targets::BernoulliLayer;
use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, array};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::{DOUBLE, caught};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    QuadraticEnergy,
    LogPartition,
    Mean,
    EnergyPullback,
    LogPartitionPullback,
    Temperature,
    OneStreamForTwoBlocks,
    OneDrawForAllUnits,
    IgnoresStreams,
    AdmitsNan,
}

/// A binary layer with a bug.
#[derive(Clone)]
struct Binary(BernoulliLayer, Bug);

impl Parametric for Binary {
    fn layout(&self) -> Layout {
        self.0.layout()
    }

    fn params(&self) -> Array1<f64> {
        self.0.params()
    }
}

impl ParametricMut for Binary {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.0.set_params(params)
    }
}

impl Units for Binary {
    fn n_units(&self) -> usize {
        self.0.n_units()
    }

    fn admits(&self, unit: usize, value: f64) -> bool {
        self.0.admits(unit, value) || (self.1 == Bug::AdmitsNan && value.is_nan())
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.0.energy_into(x, out.view_mut());
        if self.1 == Bug::QuadraticEnergy {
            out += self.params().mapv(|b| b * b).sum();
        }
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        self.0.log_partition_into(field, out.view_mut());
        if self.1 == Bug::LogPartition {
            out += 1e-9;
        }
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        self.0.mean_into(field, out.view_mut());
        if self.1 == Bug::Mean {
            out *= 0.999;
        }
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        match self.1 {
            // A temperature of 10/9.
            Bug::Temperature => {
                let mut hot = self.0.clone();
                hot.set_params((self.params() * 0.9).view()).unwrap();
                hot.sample_into((&field * 0.9).view(), streams, out);
            }
            Bug::OneStreamForTwoBlocks => {
                let mean = self.mean(field);
                parallel::for_each_block(out, |block, mut out| {
                    let mut rng = streams.block(block / 2);
                    let first = parallel::block_rows(block, field.nrows()).start;
                    for ((b, i), x) in out.indexed_iter_mut() {
                        *x = f64::from(rng.random::<f64>() < mean[[first + b, i]]);
                    }
                });
            }
            Bug::OneDrawForAllUnits => {
                let (mean, mut rng) = (self.mean(field), streams.block(0));
                for (mut row, mean) in out.rows_mut().into_iter().zip(mean.rows()) {
                    let u: f64 = rng.random();
                    row.assign(&mean.mapv(|p| f64::from(u < p)));
                }
            }
            Bug::IgnoresStreams => self.0.sample_into(field, Streams::from_key(1), out),
            _ => self.0.sample_into(field, streams, out),
        }
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, grad: ArrayViewMut1<f64>) {
        let w = if self.1 == Bug::EnergyPullback {
            -&w
        } else {
            w.to_owned()
        };
        self.0.energy_pullback_into(x, w.view(), grad);
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        if self.1 == Bug::LogPartitionPullback {
            grad.fill(0.0);
        }
        self.0.log_partition_pullback_into(field, w, grad);
    }
}

impl FiniteUnits for Binary {
    fn alphabet(&self, unit: usize) -> &[f64] {
        self.0.alphabet(unit)
    }
}

#[test]
fn finite_layers() {
    let field = array![[0.3, 1.0, -0.4], [-2.0, 0.5, 0.9], [1.5, -0.75, 0.1]];
    let check = |bug| {
        let layer = Binary(BernoulliLayer::new(array![0.5, -1.25, 2.0]).unwrap(), bug);
        conformance::finite_units(&layer, field.view(), DOUBLE, Seed::new(1))
    };
    check(Bug::None).unwrap();
    for (bug, reason) in [
        (Bug::QuadraticEnergy, "the energy is affine in the parameters"),
        (Bug::LogPartition, "the law of the layer is normalised"),
        (Bug::Mean, "means are the gradient of the log-partition"),
        (
            Bug::EnergyPullback,
            "the pullback is the gradient of the weighted energies",
        ),
        (Bug::LogPartitionPullback, "a pullback adds to the gradient"),
        (Bug::Temperature, "draws of unit"),
        (Bug::OneStreamForTwoBlocks, "independence of neighbouring blocks"),
        (Bug::OneDrawForAllUnits, "independence of units"),
        (Bug::IgnoresStreams, "other streams give other draws"),
        (Bug::AdmitsNan, "only finite values are admitted"),
    ] {
        caught(check(bug), reason);
    }
}

/// Normal units, `e(x) = ½ a x² − b x`, whose draws have standard deviation `deviation / √a`.
#[derive(Clone)]
struct Normal {
    params: Array1<f64>,
    deviation: f64,
    /// Added to `Γ`.
    offset: f64,
}

impl Parametric for Normal {
    fn layout(&self) -> Layout {
        Layout::new().with("bias", &[2]).with("precision", &[2])
    }

    fn params(&self) -> Array1<f64> {
        self.params.clone()
    }
}

impl ParametricMut for Normal {
    fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
        self.layout().check(params)?;
        self.params.assign(&params);
        Ok(())
    }
}

impl Units for Normal {
    fn n_units(&self) -> usize {
        2
    }

    fn admits(&self, _unit: usize, value: f64) -> bool {
        value.is_finite()
    }

    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (x, e) in x.rows().into_iter().zip(&mut out) {
            *e = (0..2)
                .map(|i| 0.5 * self.params[2 + i] * x[i] * x[i] - self.params[i] * x[i])
                .sum();
        }
    }

    fn log_partition_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (field, g) in field.rows().into_iter().zip(&mut out) {
            *g = self.offset;
            for i in 0..2 {
                let (a, b) = (self.params[2 + i], self.params[i] + field[i]);
                *g += 0.5 * b * b / a + 0.5 * (2.0 * std::f64::consts::PI / a).ln();
            }
        }
    }

    fn mean_into(&self, field: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for ((b, i), m) in out.indexed_iter_mut() {
            *m = (self.params[i] + field[[b, i]]) / self.params[2 + i];
        }
    }

    fn sample_into(&self, field: ArrayView2<f64>, streams: Streams, mut out: ArrayViewMut2<f64>) {
        self.mean_into(field, out.view_mut());
        parallel::for_each_block(out, |block, mut out| {
            let mut rng = streams.block(block);
            for ((_, i), x) in out.indexed_iter_mut() {
                let z: f64 = rng.sample(StandardNormal);
                *x += self.deviation * z / self.params[2 + i].sqrt();
            }
        });
    }

    fn energy_pullback_into(&self, x: ArrayView2<f64>, w: ArrayView1<f64>, mut grad: ArrayViewMut1<f64>) {
        for (x, w) in x.rows().into_iter().zip(w) {
            for i in 0..2 {
                grad[i] -= w * x[i];
                grad[2 + i] += 0.5 * w * x[i] * x[i];
            }
        }
    }

    fn log_partition_pullback_into(
        &self,
        field: ArrayView2<f64>,
        w: ArrayView1<f64>,
        mut grad: ArrayViewMut1<f64>,
    ) {
        for (field, w) in field.rows().into_iter().zip(w) {
            for i in 0..2 {
                let (a, b) = (self.params[2 + i], self.params[i] + field[i]);
                grad[i] += w * b / a;
                grad[2 + i] -= w * (0.5 * b * b / (a * a) + 0.5 / a);
            }
        }
    }
}

#[test]
fn continuous_layers() {
    let field = array![[0.3, 1.0], [-2.0, 0.5], [1.5, -0.75]];
    let check = |deviation, offset| {
        let layer = Normal {
            params: array![0.5, -1.25, 1.5, 4.0],
            deviation,
            offset,
        };
        conformance::continuous_units(&layer, field.view(), DOUBLE, Seed::new(2))
    };
    check(1.0, 0.0).unwrap();
    caught(check(1.1, 0.0), "draws of unit");
    caught(check(1.0, 1e-8), "the law of the layer is normalised");
}
