//! Distances between samples against the numbers of other libraries.

use crate::common::{close, matrix, number, table};
use gibbsian_core::Seed;
use gibbsian_metrics::*;
use ndarray::{Array1, Array2, Axis, concatenate};
use serde_json::Value;

/// Rounding in sums over a thousand pairs.
const RELATIVE: f64 = 1e-12;

fn tables() -> Value {
    table(include_str!("../reference/samples.json"))
}

fn cases(name: &str) -> Vec<Value> {
    tables()[name].as_array().unwrap().clone()
}

fn vector(value: &Value) -> Array1<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[test]
fn wasserstein_and_energy_distances_on_the_line() {
    for case in cases("numbers") {
        let (x, y) = (vector(&case["x"]), vector(&case["y"]));
        for (name, order) in [("w1", 1.0), ("w2", 2.0), ("w3", 3.0)] {
            let found = wasserstein(x.view(), y.view(), order).unwrap();
            close(
                &format!("{} {name}", case["name"]),
                found,
                number(&case[name]),
                RELATIVE,
            );
            assert_eq!(wasserstein(y.view(), x.view(), order).unwrap(), found);
        }
        if x.len() > 1 {
            let column = |v: &Array1<f64>| v.clone().insert_axis(Axis(1));
            let found = energy_distance(column(&x).view(), column(&y).view())
                .unwrap()
                .value;
            // The reference is the root of an integral, squared again.
            close("energy", found, number(&case["energy"]), 1e-11);
        }
    }
}

#[test]
fn kernels_and_neighbours_between_points() {
    for case in cases("points") {
        let (x, y) = (matrix(&case["x"]), matrix(&case["y"]));
        let (x, y) = (x.view(), y.view());
        let kernels: [(&str, Box<dyn PairKernel>); 3] = [
            ("gaussian", Box::new(GaussianKernel::new(1.5).unwrap())),
            (
                "multiquadric",
                Box::new(InverseMultiquadric::new(2.0, -0.7).unwrap()),
            ),
            ("cubic", Box::new(PolynomialKernel::cubic(x.ncols()).unwrap())),
        ];
        for (name, kernel) in &kernels {
            let found = mmd(x, y, kernel.as_ref()).unwrap();
            let biased = number(&case[name]["biased"]);
            // The terms of the sum are of the order of the kernel's largest mean.
            let scale = if *name == "cubic" { 60.0 } else { 1.0 };
            close(name, found.biased + scale, biased + scale, RELATIVE);
            close(
                name,
                found.unbiased + scale,
                number(&case[name]["unbiased"]) + scale,
                RELATIVE,
            );
            let test = mmd_test(x, y, kernel.as_ref(), 3, &mut Seed::new(1).rng()).unwrap();
            close(name, test.mmd.biased + scale, found.biased + scale, RELATIVE);
            close(name, test.mmd.unbiased + scale, found.unbiased + scale, RELATIVE);
        }
        let energy = energy_distance(x, y).unwrap();
        close("energy", energy.value, number(&case["energy"]), 1e-11);
        close(
            "energy, unbiased",
            energy.unbiased + 1.0,
            number(&case["energy_unbiased"]) + 1.0,
            RELATIVE,
        );
        close(
            "coefficient",
            energy.coefficient,
            number(&case["energy_coefficient"]),
            1e-11,
        );
        close(
            "median",
            median_distance(x, y).unwrap(),
            number(&case["median_distance"]),
            RELATIVE,
        );
        for k in [1, 3, 5] {
            let (kl, js) = (
                knn_kl_divergence(x, y, k).unwrap(),
                knn_jensen_shannon(x, y, k).unwrap(),
            );
            close("kl", kl + 1.0, number(&case["kl"][k.to_string()]) + 1.0, 1e-11);
            close("js", js + 1.0, number(&case["js"][k.to_string()]) + 1.0, 1e-11);
        }
        let found = adversarial_accuracy(x, y).unwrap();
        assert_eq!(
            vec![found.of_x, found.of_y],
            vector(&case["adversarial"]).to_vec()
        );
        // The reference takes the root of a product of covariances and keeps fewer digits.
        close(
            "frechet",
            frechet_distance_of_samples(x, y).unwrap(),
            number(&case["frechet"]),
            1e-9,
        );
    }
}

#[test]
fn classifiers_learn_what_scikit_learn_does() {
    for case in cases("points") {
        let (x, y, test) = (matrix(&case["x"]), matrix(&case["y"]), matrix(&case["test"]));
        let train: Array2<f64> = concatenate![Axis(0), x, y];
        let is_y: Vec<bool> = (0..train.nrows()).map(|i| i >= x.nrows()).collect();
        let votes = NearestNeighbours::new(5)
            .unwrap()
            .probabilities(train.view(), &is_y, test.view())
            .unwrap();
        assert_eq!(votes, vector(&case["classifiers"]["neighbours"]).to_vec());
        let logistic = QuadraticLogistic::new(0.5).unwrap();
        let found = logistic.probabilities(train.view(), &is_y, test.view()).unwrap();
        for (found, expected) in found.iter().zip(vector(&case["classifiers"]["logistic"])) {
            // The reference stops when its gradient is small.
            close("logistic", *found, expected, 1e-7);
        }
    }
}

#[test]
fn stein_discrepancies_are_those_of_the_definition() {
    for case in cases("stein") {
        let (x, scores) = (matrix(&case["x"]), matrix(&case["scores"]));
        let kernel: Box<dyn RadialKernel> = match case["kernel"].as_str().unwrap() {
            "multiquadric 1 -0.5" => Box::new(InverseMultiquadric::default()),
            "multiquadric 2 -0.3" => Box::new(InverseMultiquadric::new(2.0, -0.3).unwrap()),
            "gaussian 1.2" => Box::new(GaussianKernel::new(1.2).unwrap()),
            other => panic!("{other}"),
        };
        let found = kernel_stein_discrepancy(x.view(), scores.view(), kernel.as_ref()).unwrap();
        close("v", found.v_statistic, number(&case["v"]), RELATIVE);
        close("u", found.u_statistic + 1.0, number(&case["u"]) + 1.0, RELATIVE);
        let test = kernel_stein_test(
            x.view(),
            scores.view(),
            kernel.as_ref(),
            3,
            0.5,
            &mut Seed::new(1).rng(),
        )
        .unwrap();
        close(
            "v of the test",
            test.discrepancy.v_statistic,
            found.v_statistic,
            RELATIVE,
        );
    }
}

#[test]
fn floors_of_total_variation_are_expectations() {
    for case in cases("floors") {
        let (n, masses) = (number(&case["n"]), vector(&case["masses"]));
        let mut counts = vec![0; masses.len()];
        counts[0] = n as u64;
        let found = total_variation(&counts, masses.view(), n).unwrap();
        close("floor", found.floor, number(&case["floor"]), RELATIVE);
    }
}

#[test]
fn the_inception_score() {
    let case = &tables()["inception"];
    let found = inception_score(matrix(&case["probabilities"]).view(), 4).unwrap();
    close("mean", found.value, number(&case["mean"]), RELATIVE);
    close("error", found.standard_error, number(&case["error"]), 1e-10);
}
