//! Deep Boltzmann machines, against the sum over all states.

use gibbsian_classical::dbm::BinaryDbm;
use gibbsian_classical::{Bernoulli, Dbm};
use gibbsian_core::Snapshot;
use ndarray::{Array2, ArrayView1};

use crate::common::{NINE, Place, all_states, bars};

const CONFIG: &str = "kind = \"dbm\"
[data]
path = \"bars.csv\"
[model]
hidden = [8, 4]
[training]
pretraining_epochs = 10
epochs = 20
batch = 50
[sampling]
warmup = 100
thin = 5
[evaluation]
chains = 100
temperatures = 500
";

#[test]
fn probabilities_sum_to_one_and_the_bound_is_one() {
    let place = Place::new("dbm");
    place.table("bars.csv", NINE, bars(300).view());
    place.table("all.csv", NINE, all_states().view());
    place.write("dbm.toml", CONFIG);
    place.run("train @dbm.toml --out @run --quiet").fine();
    place
        .run("evaluate @run --data @all.csv --out @exact.csv --require-certificate")
        .fine();
    let exact = place.column("exact.csv");
    let log_z = place.json("run/evaluation.json")["details"]["log_z"]
        .as_f64()
        .unwrap();
    assert!((exact.mapv(f64::exp).sum() - 1.0).abs() < 1e-6);

    let answer = place
        .run("evaluate @run --data @all.csv --out @bound.csv --set evaluation.method=annealing")
        .fine();
    let bound = place.column("bound.csv");
    let evaluation = place.json("run/evaluation.json");
    // The bound is one up to the error of log Z: five standard errors of it.
    let slack = 5.0
        * evaluation["details"]["estimate"]["standard_error"]
            .as_f64()
            .unwrap()
        + 1e-4;
    assert!((&bound - &exact).iter().all(|d| *d < slack), "{slack}");
    // It is the library's for the same weights, beside the log Z that is said.
    let hidden = vec![Bernoulli::unbiased(8), Bernoulli::unbiased(4)];
    let weights = vec![Array2::zeros((9, 8)), Array2::zeros((8, 4))];
    let blank = Dbm::new(Bernoulli::unbiased(9), hidden, weights).unwrap();
    let mut machine = BinaryDbm::from(&blank);
    machine.restore(&place.weights("run")).unwrap();
    let states = all_states();
    let q = machine.mean_field(states.view(), 1e-4, 100).unwrap();
    let said = evaluation["details"]["log_z"].as_f64().unwrap();
    let own = -Dbm::from(&machine).variational_free_energy(states.view(), &q) - said;
    assert!(
        (&bound - &own).iter().all(|d| d.abs() < 1e-9),
        "{}",
        &bound - &own
    );
    assert_eq!(evaluation["certified"], serde_json::Value::Bool(false));
    // Annealed there and back, and the larger of both is used.
    let [there, back] = [
        &evaluation["details"]["estimate"]["log_z"],
        &evaluation["details"]["log_z_back"],
    ]
    .map(|value| value.as_f64().unwrap());
    assert!(
        (there - log_z).abs() < slack && (back - log_z).abs() < slack,
        "{log_z}: {there}, {back}"
    );
    assert_eq!(evaluation["details"]["log_z"].as_f64().unwrap(), there.max(back));
    assert!(evaluation["interval"].is_array());
    assert!(
        answer.out.contains("a lower bound up to the error of log Z"),
        "{}",
        answer.out
    );
    assert!(
        answer.out.contains("lower bound on the log-probability"),
        "{}",
        answer.out
    );

    let answer = place
        .run("evaluate @run --data @all.csv --set evaluation.method=annealing --set evaluation.tolerance=0.0000001")
        .fine();
    assert!(answer.out.contains("log Z is not known"), "{}", answer.out);
    assert!(place.json("run/evaluation.json")["interval"].is_null());

    place.run("sample @run --n 200 --out @draws.csv").fine();
    let draws = place.values("draws.csv");
    assert_eq!(draws.dim(), (200, 9));
    assert!(draws.iter().all(|x| *x == 0.0 || *x == 1.0));
    // Draws are judged as what they are, row by row.
    let answer = place
        .run("evaluate @run --data @draws.csv --out @again.csv")
        .fine();
    assert!(!answer.err.contains("warning"), "{}", answer.err);
    let state = |row: ArrayView1<f64>| (0..9).map(|i| (row[i] as usize) << i).sum::<usize>();
    for (row, said) in draws.rows().into_iter().zip(place.column("again.csv")) {
        assert!((said - exact[state(row)]).abs() < 1e-9);
    }
}
