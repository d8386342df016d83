//! Neural energies on a mixture, against quadrature.

use crate::common::{Place, grid, moments, points};

const CONFIG: &str = "kind = \"energy\"
[data]
path = \"points.csv\"
scale = \"standardise\"
[model]
hidden = [32, 32]
[training]
objective = \"OBJECTIVE\"
epochs = 30
buffer = 500
[sampling]
warm_up = 200
[evaluation]
chains = 300
temperatures = 200
cases = 40
";

fn trained(objective: &str) -> Place {
    let place = Place::new(&format!("energy-{objective}"));
    place.table("points.csv", "x,y", points(1500).view());
    place.write("energy.toml", CONFIG.replace("OBJECTIVE", objective));
    place.run("train @energy.toml --out @run --quiet").fine();
    place
}

#[test]
fn normaliser_certificate_and_draws_agree_with_quadrature() {
    let place = trained("replay");
    let (x, area) = grid();
    place.table("grid.csv", "x,y", x.view());
    place
        .run("evaluate @run --data @grid.csv --out @rows.csv --quiet")
        .fine();
    let log_p = place.column("rows.csv");
    // The sum over the grid is Z over its estimate.
    let off = (log_p.mapv(f64::exp).sum() * area).ln();
    let error = place.json("run/evaluation.json")["details"]["estimate"]["standard_error"]
        .as_f64()
        .unwrap();
    assert!(off.abs() < 5.0 * error + 0.02, "{off} ± {error}");

    let answer = place
        .run("evaluate @run --require-certificate --set evaluation.tolerance=1.0")
        .fine();
    assert!(
        answer.out.contains("certified: the mean over 40 rows lies in"),
        "{}",
        answer.out
    );
    // Better than nothing: the normal law of the data's moments has −4.0 nats, the truth −3.5.
    let mean = place.json("run/evaluation.json")["mean"].as_f64().unwrap();
    assert!((-4.6..-3.0).contains(&mean), "{mean}");
    // The enclosure is in the units of the data as well: of the first forty rows, whose mean is that of all but for its error.
    let evaluation = place.json("run/evaluation.json");
    let middle =
        0.5 * (evaluation["bounds"][0].as_f64().unwrap() + evaluation["bounds"][1].as_f64().unwrap());
    assert!((middle - mean).abs() < 1.0, "{middle} {mean}");

    let answer = place.run("sample @run --n 2000 --out @draws.csv").fine();
    assert!(answer.out.contains("R-hat"), "{}", answer.out);
    let draws = place.values("draws.csv");
    let (mean, sd) = moments(x.view(), &log_p, area);
    for i in 0..2 {
        // A third of the draws are effective at least, as the answer says of itself.
        let found = draws.column(i).mean().unwrap();
        assert!(
            (found - mean[i]).abs() < 5.0 * sd[i] / 700_f64.sqrt(),
            "{found} {mean:?}\n{}",
            answer.out
        );
        let spread = draws.column(i).std(1.0);
        assert!(
            (spread / sd[i] - 1.0).abs() < 5.0 / 1400_f64.sqrt(),
            "{spread} {sd:?}"
        );
    }
}

#[test]
fn every_objective_trains() {
    for objective in ["contrastive", "implicit", "denoising"] {
        let place = Place::new(&format!("energy-{objective}"));
        place.table("points.csv", "x,y", points(300).view());
        place.write(
            "energy.toml",
            CONFIG
                .replace("OBJECTIVE", objective)
                .replace("epochs = 30", "epochs = 2"),
        );
        place.run("train @energy.toml --out @run --quiet").fine();
        assert!(
            place.json("run/run.json")["last"]["energy_gap"]
                .as_f64()
                .unwrap()
                .is_finite()
        );
    }
}

#[test]
fn chains_that_do_not_mix_are_warned_of() {
    let place = Place::new("energy-far");
    // Two clumps, a hundred of their widths apart.
    let mut x = points(400);
    for (b, mut row) in x.rows_mut().into_iter().enumerate() {
        let centre = if b % 2 == 0 { 0.0 } else { 100.0 };
        row.mapv_inplace(|v| centre + (v * 1e3).sin());
    }
    place.table("points.csv", "x,y", x.view());
    place.write(
        "energy.toml",
        CONFIG
            .replace("OBJECTIVE", "denoising")
            .replace("epochs = 30", "epochs = 60\nnoise = 0.05"),
    );
    place.run("train @energy.toml --out @run --quiet").fine();
    let answer = place.run("sample @run --n 200 --out @draws.csv").fine();
    assert!(
        answer.err.contains("are not to be trusted"),
        "{}\n{}",
        answer.out,
        answer.err
    );
}
