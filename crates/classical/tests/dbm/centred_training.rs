//! Centred steps of the machine in single precision: those of the reference, and indifferent to how a unit is coded.

use gibbsian_classical::dbm::{
    BinaryDbm, CentredVariational, FusedVariational, FusedVariationalOptions, VariationalOptions,
    VariationalPersistent,
};
use gibbsian_classical::{Arithmetic, Bernoulli, Dbm};
use gibbsian_core::{Objective, Parametric, Record, Seed, Snapshot, TrainStep, Values};
use gibbsian_testkit::agreement::{close, identical};
use gibbsian_testkit::stats::{FALSE_ALARM, family, mean};
use gibbsian_testkit::{conformance, threads};
use ndarray::{Array1, Array2, Axis, s};

use crate::binary::{means, pair, rows};
use crate::binary_training::{generic_gradient, swept};
use crate::learning::plain;

const PLAIN: FusedVariationalOptions = FusedVariationalOptions {
    phases: VariationalOptions {
        n_steps: 2,
        tolerance: 0.0,
        max_sweeps: 6,
    },
    momentum: 0.0,
    weight_decay: 0.0,
    arithmetic: Arithmetic::Fastest,
};
const HEAVY: FusedVariationalOptions = FusedVariationalOptions {
    momentum: 0.75,
    weight_decay: 0.01,
    ..PLAIN
};
const LEARNING_RATE: f64 = 0.05;

fn centred(settings: FusedVariationalOptions, machine: &BinaryDbm, n: usize, rate: f64) -> FusedVariational {
    let start = rows(n, machine.sizes().iter().sum(), 0.5, 77);
    let data_means = means(1, machine.sizes()[0], 78).remove_axis(Axis(0));
    let plain = FusedVariational::new(settings, machine, start.view()).unwrap();
    plain.centred(machine, data_means.view(), rate).unwrap()
}

/// The reference of such a step.
fn reference(machine: &BinaryDbm, n: usize, rate: f64) -> CentredVariational {
    let start = rows(n, machine.sizes().iter().sum(), 0.5, 77);
    let data_means = means(1, machine.sizes()[0], 78).remove_axis(Axis(0));
    let plain = VariationalPersistent::new(PLAIN.phases, start).unwrap();
    CentredVariational::new(plain, &Dbm::from(machine), data_means.view(), rate).unwrap()
}

/// The gradient in the centred parameters and what a step along it is in the plain ones: with `θ = Tθ̃`, `TT'` of the plain gradient.
fn centre(sizes: &[usize], offsets: &Array1<f64>, gradient: &Array1<f64>) -> Array1<f64> {
    let n_weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let (mut transposed, mut next, mut first) = (gradient.clone(), 0, 0);
    for pair in sizes.windows(2) {
        for a in first..first + pair[0] {
            for b in first + pair[0]..first + pair[0] + pair[1] {
                transposed[next] -=
                    offsets[b] * gradient[n_weights + a] + offsets[a] * gradient[n_weights + b];
                next += 1;
            }
        }
        first += pair[0];
    }
    plain(sizes, offsets, &transposed)
}

#[test]
fn fused_centred_steps_are_those_of_the_reference() {
    // Within a panel of 64 units and across panels, with how far offsets, weights and biases may be off. Of few units everything is good to single precision. Of many, means of fields of a hundred
    // terms are off by less than 10⁻⁴, as for the plain step; the gradient of a weight has three such terms and that of a bias those of up to 135 weights, and a velocity keeps three steps.
    const FEW: [f64; 3] = [1e-6; 3];
    const MANY: [f64; 3] = [1e-4, LEARNING_RATE * 9e-4, LEARNING_RATE * 135.0 * 9e-4];
    let machines: [(&[usize], [f64; 3]); 5] = [
        (&[5, 3], FEW),
        (&[6, 4, 3], FEW),
        (&[4, 3, 3, 2], FEW),
        (&[70, 64, 65], MANY),
        (&[65, 130, 3], MANY),
    ];
    for (sizes, [of_offsets, of_weights, of_biases]) in machines {
        let n_weights: usize = sizes.windows(2).map(|n| n[0] * n[1]).sum();
        for (settings, rate) in [(PLAIN, 0.3), (HEAVY, 0.1), (PLAIN, 0.0)] {
            for x in [rows(37, sizes[0], 0.3, 8), means(37, sizes[0], 8)] {
                let (mut fused, _) = pair(sizes, 0.2, 8);
                let mut step = centred(settings, &fused, 21, rate);
                let mut reference = reference(&fused, 21, rate);
                let mut chains = step.chains();
                let mut velocity = Array1::<f64>::zeros(fused.n_params());
                let (mut rng, mut same) = (Seed::new(8).rng(), Seed::new(8).rng());
                for _ in 0..3 {
                    let before = fused.clone();
                    chains = swept(&before, chains, settings.phases.n_steps, &mut same);
                    step.train_step(&mut fused, x.view(), LEARNING_RATE, &mut rng)
                        .unwrap();
                    identical("chains", &step.chains(), &chains).unwrap();
                    // The reference draws other chains; its offsets depend on the data alone, and that its gradient is this one is tested beside it.
                    let mut ignored = Array1::zeros(before.n_params());
                    reference
                        .loss_and_grad_into(
                            &Dbm::from(&before),
                            x.view(),
                            &mut Seed::new(1).rng(),
                            ignored.view_mut(),
                        )
                        .unwrap();
                    for (found, expected) in step.offsets().iter().zip(reference.offsets()) {
                        close("offsets", found, expected, of_offsets).unwrap();
                    }
                    let offsets: Array1<f64> = reference.offsets().iter().flatten().copied().collect();
                    let mut gradient = centre(sizes, &offsets, &generic_gradient(&before, &x, &chains));
                    let params = before.params();
                    for k in 0..n_weights {
                        gradient[k] += settings.weight_decay * params[k];
                    }
                    velocity = settings.momentum * &velocity - LEARNING_RATE * &gradient;
                    let difference = fused.params() - (&params + &velocity);
                    let worst = |part: ndarray::ArrayView1<f64>| {
                        part.fold(0.0, |m, d| if d.abs() <= m { m } else { d.abs() })
                    };
                    let (weights, biases) = difference.view().split_at(Axis(0), n_weights);
                    let (weights, biases) = (worst(weights), worst(biases));
                    assert!(
                        weights <= of_weights && biases <= of_biases,
                        "{sizes:?}: {weights:e} {biases:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn centred_steps_obey_the_laws_of_steps_and_snapshots() {
    for settings in [PLAIN, HEAVY] {
        let (fast, _) = pair(&[70, 64, 65], 0.2, 9);
        let x = rows(37, 70, 0.4, 9);
        conformance::train_step(
            || centred(settings, &fast, 41, 0.2),
            &fast,
            x.view(),
            0.05,
            Seed::new(9),
        )
        .unwrap();
        let used = |seed: u64| {
            let (mut step, mut model) = (centred(settings, &fast, 20, 0.2), fast.clone());
            for k in 0..2 {
                step.train_step(&mut model, x.view(), 0.05, &mut Seed::new(seed).nth(k).rng())
                    .unwrap();
            }
            step
        };
        conformance::snapshot(&used(1), &mut used(2)).unwrap();
    }
    let (fast, _) = pair(&[130, 200, 70], 0.1, 10);
    let x = rows(70, 130, 0.3, 10);
    threads::same_on_any_number("centred steps", || {
        let (mut step, mut model, mut rng) =
            (centred(HEAVY, &fast, 50, 0.1), fast.clone(), Seed::new(3).rng());
        for k in 0..10 {
            step.train_step(&mut model, x.slice(s![k % 3.., ..]), 0.05, &mut rng)
                .unwrap();
        }
        model.params()
    })
    .unwrap();
}

/// Which units are coded the other way round, layer by layer.
const FLIPPED: [&[bool]; 3] = [&[true, false, true, false], &[false, true, true], &[true, false]];

/// Zeros for ones in the units that are.
fn flip(x: &Array2<f64>) -> Array2<f64> {
    let flipped: Vec<bool> = FLIPPED.concat();
    Array2::from_shape_fn(
        x.raw_dim(),
        |(b, i)| if flipped[i] { 1.0 - x[[b, i]] } else { x[[b, i]] },
    )
}

/// The machine with the same law in the other coding: with `x = m + s x'`, `W' = sWs` and `b' = s (b + W m)` over both neighbours.
fn flipped_machine(dbm: &Dbm) -> Dbm {
    let sign = |l: usize| -> Array1<f64> { FLIPPED[l].iter().map(|f| if *f { -1.0 } else { 1.0 }).collect() };
    let at: Vec<Array1<f64>> = FLIPPED
        .iter()
        .map(|l| l.iter().map(|f| f64::from(u8::from(*f))).collect())
        .collect();
    let mut layers = Vec::new();
    for l in 0..=dbm.depth() {
        let bias = if l == 0 {
            dbm.visible().bias()
        } else {
            dbm.hidden(l).bias()
        };
        let mut bias = bias.to_owned();
        if l > 0 {
            bias += &at[l - 1].dot(&dbm.weights(l));
        }
        if l < dbm.depth() {
            bias += &dbm.weights(l + 1).dot(&at[l + 1]);
        }
        layers.push(Bernoulli::new(bias * sign(l)).unwrap());
    }
    let weights = (1..=dbm.depth())
        .map(|l| &dbm.weights(l) * &sign(l - 1).insert_axis(Axis(1)) * &sign(l))
        .collect();
    Dbm::new(layers.remove(0), layers, weights).unwrap()
}

/// Mean field to its end, which does not depend on the coding as its start does. Offsets at the means of the positive phase do not either.
const CONVERGED: FusedVariationalOptions = FusedVariationalOptions {
    phases: VariationalOptions {
        n_steps: 2,
        tolerance: 0.0,
        max_sweeps: 200,
    },
    ..PLAIN
};

/// A training step in the other coding, and back, has the law of a step: over many seeds every parameter moves by the same on average, with momentless steps from the same chains.
#[test]
fn flipped_units_are_trained_to_the_same_law() {
    const N: usize = 4000;
    let sizes = [4, 3, 2];
    let (machine, dbm) = pair(&sizes, 0.8, 12);
    let other = flipped_machine(&dbm);
    // Exchanging twice is nothing, and the law is the same.
    close(
        "there and back",
        &flipped_machine(&other).params(),
        &dbm.params(),
        1e-14,
    )
    .unwrap();
    let x = rows(9, 4, 0.3, 12);
    let all = |v: &Array2<f64>| ndarray::concatenate![Axis(1), *v, Array2::zeros((v.nrows(), 5))];
    let x_other = flip(&all(&x)).slice(s![.., ..4]).to_owned();
    let free_energies = [
        dbm.free_energy(x.view()).unwrap(),
        other.free_energy(x_other.view()).unwrap(),
    ];
    let shift = &free_energies[0] - &free_energies[1];
    assert!(shift.iter().all(|s| (s - shift[0]).abs() < 1e-12), "{shift}");

    let start = rows(6, 9, 0.5, 13);
    // Of the parameters in the first coding.
    let moved = |coded: bool, centred: bool, k: usize| -> Array1<f64> {
        let (model, x, start) = match coded {
            false => (dbm.clone(), x.clone(), start.clone()),
            true => (other.clone(), x_other.clone(), flip(&start)),
        };
        let mut model = BinaryDbm::from(&model);
        let mut step = FusedVariational::new(CONVERGED, &model, start.view()).unwrap();
        if centred {
            let data_means = x.mean_axis(Axis(0)).unwrap();
            step = step.centred(&model, data_means.view(), 1.0).unwrap();
        }
        let seed = Seed::new(14)
            .nth(k as u64)
            .child(if coded { "other" } else { "one" });
        step.train_step(&mut model, x.view(), LEARNING_RATE, &mut seed.rng())
            .unwrap();
        let after = Dbm::from(&model);
        (if coded { flipped_machine(&after) } else { after }).params()
    };
    let tests = |centred: bool| {
        let mut differences = Array2::zeros((N, machine.n_params()));
        for (k, mut row) in differences.rows_mut().into_iter().enumerate() {
            row.assign(&(moved(true, centred, k) - moved(false, centred, k)));
        }
        let of_parameter = |k: usize| mean(&machine.layout().locate(k), &differences.column(k).to_vec(), 0.0);
        family(
            &(0..machine.n_params()).map(of_parameter).collect::<Vec<_>>(),
            FALSE_ALARM,
        )
    };
    tests(true).unwrap();
    // The plain gradient depends on the coding, and as many steps show it.
    assert!(tests(false).is_err());
}

/// A record of plain steps with offsets of layers of five, four and three units.
fn with_offsets(mut record: Record, first_hidden: [f64; 4]) -> Record {
    for (l, values) in [vec![0.5; 5], first_hidden.to_vec(), vec![0.5; 3]]
        .into_iter()
        .enumerate()
    {
        record.put(format!("offset.{l}"), &[values.len()], Values::F64(values));
    }
    record
}

#[test]
fn steps_that_cannot_be_centred_are_refused_by_name() {
    let (fast, _) = pair(&[5, 4, 3], 0.3, 15);
    let plain = || FusedVariational::new(PLAIN, &fast, rows(4, 12, 0.5, 15).view()).unwrap();
    let refuse = |machine: &BinaryDbm, data_means: Array1<f64>, rate: f64| {
        plain()
            .centred(machine, data_means.view(), rate)
            .unwrap_err()
            .to_string()
    };
    let half = || Array1::from_elem(5, 0.5);
    assert!(plain().offsets().is_empty());
    assert!(refuse(&fast, Array1::zeros(4), 0.1).starts_with("`data_means` has shape [4]"));
    let mut bad = half();
    bad[2] = f64::NAN;
    assert!(refuse(&fast, bad, 0.1).starts_with("`data_means[2]` is NaN, but must be in [0, 1]"));
    for rate in [-0.1, 1.1, f64::NAN] {
        assert!(refuse(&fast, half(), rate).starts_with(&format!("`rate` is {rate}")));
    }
    // The reference takes any numbers as means, of units of any kind, but numbers.
    let dbm = Dbm::from(&fast);
    let reference = || VariationalPersistent::new(PLAIN.phases, rows(4, 12, 0.5, 15)).unwrap();
    let mut bad = half();
    bad[2] = f64::INFINITY;
    let refused = CentredVariational::new(reference(), &dbm, bad.view(), 0.1).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("`data_means[2]` is inf, but must be finite")
    );
    let mut centred = CentredVariational::new(reference(), &dbm, half().view(), 0.1).unwrap();
    let record = with_offsets(centred.plain().snapshot(), [0.1, f64::NAN, 0.2, 0.3]);
    assert!(
        centred
            .restore(&record)
            .unwrap_err()
            .to_string()
            .contains("offset.1[1]")
    );
    assert_eq!(centred.offsets()[1].len(), 4);
    assert!(centred.offsets()[1].iter().all(|o| o.is_finite()));
    let (other, _) = pair(&[5, 3, 4], 0.3, 15);
    assert!(refuse(&other, half(), 0.1).starts_with("`machine` has shape [5, 3, 4]"));

    // A refused step leaves machine and offsets.
    let (mut step, mut model) = (plain().centred(&fast, half().view(), 0.5).unwrap(), fast.clone());
    let before = step.offsets().to_vec();
    let x = rows(6, 5, 0.5, 1);
    assert!(
        step.train_step(&mut model, x.view(), 1e300, &mut Seed::new(1).rng())
            .is_err()
    );
    assert_eq!((&model, step.offsets()), (&fast, &before[..]));
    // So does a record without offsets, or with some that are none.
    let bare = plain().snapshot();
    assert!(step.restore(&bare).unwrap_err().to_string().contains("offset.0"));
    let record = with_offsets(plain().snapshot(), [0.1, 0.2, 1.5, 0.3]);
    assert!(
        step.restore(&record)
            .unwrap_err()
            .to_string()
            .contains("offset.1")
    );
    assert_eq!(step.offsets(), &before[..]);
}
