//! Restricted Boltzmann machines on bars and stripes, against enumeration.

use ndarray::{Array1, Axis};
use serde_json::Value;

use crate::common::{NINE, Place, all_states, bars, log_probabilities};

const CONFIG: &str = "kind = \"rbm\"
seed = 3
[data]
path = \"bars.csv\"
hold_out = 0.2
picture = [3, 3]
[model]
hidden = 12
[training]
epochs = 400
batch = 50
learning_rate = 0.1
[sampling]
warmup = 200
thin = 5
";

/// A trained machine, its weights as the library reads them, and log p of all states by enumeration.
fn trained(name: &str) -> (Place, Array1<f64>) {
    let place = Place::new(name);
    place.table("bars.csv", NINE, bars(500).view());
    place.table("all.csv", NINE, all_states().view());
    place.write("bars.toml", CONFIG);
    place.run("train @bars.toml --out @run --quiet").fine();
    let exact = log_probabilities(&place.rbm("run", 9, 12), all_states().view());
    (place, exact)
}

#[test]
fn log_probabilities_are_those_of_enumeration_and_what_is_learnt_is_the_data() {
    let (place, exact) = trained("rbm-exact");
    place
        .run("evaluate @run --data @all.csv --out @rows.csv --require-certificate")
        .fine();
    let said = place.column("rows.csv");
    assert!(
        (&said - &exact).iter().all(|d| d.abs() < 1e-6),
        "{}",
        &said - &exact
    );
    assert!((said.mapv(f64::exp).sum() - 1.0).abs() < 1e-6);

    let answer = place.run("evaluate @run").fine();
    assert!(
        answer.out.contains("certified: the log-probabilities are exact"),
        "{}",
        answer.out
    );
    let evaluation = place.json("run/evaluation.json");
    assert_eq!(evaluation["rows"], 100);
    // 14 patterns have at best −2.64 nats; independent pixels −6.2.
    let mean = evaluation["mean"].as_f64().unwrap();
    assert!((-5.0..-2.6).contains(&mean), "{mean}");
    assert!(mean > evaluation["details"]["independent_units"].as_f64().unwrap() + 1.0);
}

#[test]
fn annealing_encloses_the_exact_mean_and_says_when_it_is_too_wide() {
    let (place, exact) = trained("rbm-anneal");
    place.table(
        "test.csv",
        NINE,
        all_states().select(Axis(0), &[0, 7, 56, 73, 511, 3]).view(),
    );
    let line = "evaluate @run --data @test.csv --set evaluation.method=annealing --set evaluation.temperatures=1000 \
                --set evaluation.chains=100 --set evaluation.chains_per_case=16 --require-certificate";
    let answer = place
        .run(&format!("{line} --set evaluation.tolerance=1.0"))
        .fine();
    let evaluation = place.json("run/evaluation.json");
    let mean = exact.select(Axis(0), &[0, 7, 56, 73, 511, 3]).mean().unwrap();
    let bounds = &evaluation["details"]["certificate"]["bounds"];
    assert!(
        bounds[0].as_f64().unwrap() <= mean && mean <= bounds[1].as_f64().unwrap(),
        "{mean} {bounds}"
    );
    assert_eq!(evaluation["certified"], Value::Bool(true), "{}", answer.out);
    // What is said of the mean is off by the error of log Z: five standard errors of it.
    let error = evaluation["details"]["estimate"]["standard_error"]
        .as_f64()
        .unwrap();
    let said = evaluation["mean"].as_f64().unwrap();
    assert!((said - mean).abs() < 5.0 * error, "{said} ± {error}, {mean}");
    let [low, high] = [0, 1].map(|end| evaluation["interval"][end].as_f64().unwrap());
    assert!(low < said && said < high, "{low} {said} {high}");

    // Fewer cases than rows are spread evenly: optimistic is the mean of every other row.
    let answer = place
        .run(&format!(
            "{line} --set evaluation.tolerance=2.0 --set evaluation.cases=3 --out @rows.csv"
        ))
        .fine();
    let rows = place.column("rows.csv");
    let evaluation = place.json("run/evaluation.json");
    let optimistic = evaluation["details"]["certificate"]["optimistic"]
        .as_f64()
        .unwrap();
    let spread = (rows[0] + rows[2] + rows[4]) / 3.0;
    // Sums of single precision in another order.
    assert!((spread - optimistic).abs() < 1e-5, "{spread} {optimistic}");
    assert!(
        answer.out.contains("certificate over 3 of 6 rows, evenly spread")
            && answer
                .out
                .contains("certified: the mean over 3 of 6 rows lies in"),
        "{}",
        answer.out
    );

    let answer = place.run(&format!("{line} --set evaluation.tolerance=0.000001"));
    assert_eq!(answer.code, 1, "{}", answer.out);
    assert!(
        answer.out.contains("not certified: inconclusive"),
        "{}",
        answer.out
    );
    assert!(
        answer.err.contains("a certificate was required"),
        "{}",
        answer.err
    );
}

#[test]
fn draws_have_the_moments_of_the_machine() {
    let (place, exact) = trained("rbm-sample");
    let answer = place
        .run("sample @run --n 4000 --out @draws.csv --figure @draws.png")
        .fine();
    assert!(answer.out.contains("R-hat"), "{}", answer.out);
    let draws = place.values("draws.csv");
    assert_eq!(draws.dim(), (4000, 9));
    assert!(draws.iter().all(|x| *x == 0.0 || *x == 1.0));
    assert!(
        std::fs::read(place.path("draws.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    let p = exact.mapv(f64::exp);
    let states = all_states();
    // Draw k is of chain k mod 100, so that means of chains are independent. Five of their standard errors: 10⁻⁶ for each of nine units and nine products.
    for (i, j) in (0..9).map(|i| (i, i)).chain((0..9).map(|i| (i, (i + 1) % 9))) {
        let truth = (&states.column(i) * &states.column(j)).dot(&p);
        let product = &draws.column(i) * &draws.column(j);
        let chains: Array1<f64> = (0..100)
            .map(|c| (0..40).map(|t| product[t * 100 + c]).sum::<f64>() / 40.0)
            .collect();
        let error = chains.std(1.0) / 10.0;
        assert!(
            (chains.mean().unwrap() - truth).abs() < 5.0 * error,
            "{i} {j}: {} {truth} {error}",
            chains.mean().unwrap()
        );
    }
}

#[test]
fn training_leaves_what_it_promises() {
    let (place, _) = trained("rbm-left");
    for file in [
        "config.toml",
        "run.json",
        "log.csv",
        "loss.svg",
        "pseudo-log-likelihood.svg",
        "free-energy-gap.svg",
        "filters.png",
        "fantasies.png",
    ] {
        assert!(place.path("run").join(file).exists(), "{file}");
    }
    let log = gibbsian_data::read_table(place.path("run/log.csv"), gibbsian_data::Header::Present).unwrap();
    assert_eq!(
        log.names().unwrap(),
        [
            "step",
            "epoch",
            "loss",
            "learning_rate",
            "pseudo_log_likelihood",
            "free_energy_gap"
        ]
    );
    assert_eq!(log.values().nrows(), 400);
    let summary = place.json("run/run.json");
    assert_eq!(
        (summary["kind"].as_str(), summary["rows"][0].as_u64()),
        (Some("rbm"), Some(400))
    );
    let shown = place.run("show @run").fine().out;
    assert!(
        shown.contains("9 visible and 12 hidden") && shown.contains("not evaluated yet"),
        "{shown}"
    );
    let shown = place.run("show @run/weights.safetensors").fine().out;
    assert!(
        shown.contains("model.weights") && shown.contains("f32 [9, 12]"),
        "{shown}"
    );
}
