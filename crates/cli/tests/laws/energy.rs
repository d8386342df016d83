//! Neural energies on a mixture, against quadrature.

use gibbsian_checkpoint::Checkpoint;

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
warmup = 200
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
    // The chains of the buffer are one sample: ten steps between two visits forget a mode's inside, by the older limit.
    let r_hat = place.json("run/run.json")["last"]["chains_r_hat"]
        .as_f64()
        .unwrap();
    assert!((0.9..1.1).contains(&r_hat), "{r_hat}");
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
        answer
            .out
            .contains("certified: the mean over 40 of 150 rows lies in"),
        "{}",
        answer.out
    );
    // Better than nothing: the normal law of the data's moments has −4.0 nats, the truth −3.5.
    let mean = place.json("run/evaluation.json")["mean"].as_f64().unwrap();
    assert!((-4.6..-3.0).contains(&mean), "{mean}");
    // The enclosure is in the units of the data as well: that of scaled data, moved by the logarithm of the volume, around the mean of forty rows that are spread evenly over the 150 held out.
    place
        .run("evaluate @run --out @held.csv --set evaluation.tolerance=1.0 --quiet")
        .fine();
    let evaluation = place.json("run/evaluation.json");
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let scale = Checkpoint::read(place.path("run/weights.safetensors"))
        .unwrap()
        .record;
    let log_volume: f64 = scale
        .f64s("data.scale", &[2])
        .unwrap()
        .iter()
        .map(|s| s.ln())
        .sum();
    assert!((number(&evaluation["log_volume"]) - log_volume).abs() < 1e-12);
    let certificate = &evaluation["details"]["certificate"];
    let bounds = [0, 1].map(|end| number(&evaluation["bounds"][end]));
    for end in 0..2 {
        let scaled = number(&certificate["bounds"][end]);
        assert!((bounds[end] - (scaled - log_volume)).abs() < 1e-12);
    }
    let held = place.column("held.csv");
    let cases = (0..40).map(|c| held[c * 150 / 40]).sum::<f64>() / 40.0;
    // Sums of single precision in another order.
    let optimistic = number(&certificate["optimistic"]) - log_volume;
    assert!((cases - optimistic).abs() < 1e-5, "{cases} {optimistic}");
    assert!(bounds[0] < cases && cases < bounds[1], "{bounds:?} {cases}");

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
    // Judged again, the mean of draws is minus the entropy; the normaliser is the same estimate in both.
    place
        .run("evaluate @run --data @draws.csv --out @again.csv --quiet")
        .fine();
    let again = place.column("again.csv");
    let p = log_p.mapv(f64::exp);
    let minus_entropy = (&p * &log_p).sum() / p.sum();
    let error = again.std(1.0) / 700_f64.sqrt();
    assert!(
        (again.mean().unwrap() - minus_entropy).abs() < 5.0 * error,
        "{} ± {error}, {minus_entropy}",
        again.mean().unwrap()
    );
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
        let last = &place.json("run/run.json")["last"];
        assert!(last["energy_gap"].as_f64().unwrap().is_finite());
        // Of chains, and only of chains.
        let has_chains = objective == "contrastive";
        let acceptance = last["acceptance"].as_f64();
        assert_eq!(acceptance.is_some_and(|a| a > 0.0 && a <= 1.0), has_chains);
        assert_eq!(last["phase_gap"].as_f64().is_some_and(f64::is_finite), has_chains);
        // These chains do not outlive an update.
        assert!(last["chains_r_hat"].is_null());
    }
}

#[test]
fn chains_that_do_not_mix_are_warned_of() {
    let place = Place::new("energy-far");
    // Two clumps, a hundred of their widths apart, and training until the barrier between them has been learnt: chains stay where they start.
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
            .replace("epochs = 30", "epochs = 400\nnoise = 0.05"),
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

#[test]
fn learning_rates_end_at_zero() {
    for kind in ["energy", "score"] {
        let place = Place::new(&format!("rate-{kind}"));
        place.table("points.csv", "x,y", points(200).view());
        place.write(
            "c.toml",
            format!("kind = \"{kind}\"\n[data]\npath = \"points.csv\"\nscale = \"standardise\"\nhold_out = 0\n[model]\nhidden = [4]\n[training]\nepochs = 40\nbatch = 20\nlearning_rate = 0.001\n"),
        );
        place.run("train @c.toml --out @run --quiet").fine();
        // 400 steps, of which 100 rise and 300 are on half a cosine: the last is one step from its end, at sin²(π/2 · 1/300) of the rate.
        let last = &place.json("run/run.json")["last"]["learning_rate"];
        let share = last.as_f64().unwrap() / 0.001;
        assert!(
            share > 0.0 && share < (0.5 * std::f64::consts::PI / 300.0).powi(2),
            "{share}"
        );
    }
}

#[test]
fn energies_that_explode_go_back() {
    let place = Place::new("energy-guarded");
    place.table("points.csv", "x,y", points(300).view());
    let config = |rate: &str| {
        CONFIG
            .replace("OBJECTIVE", "replay")
            .replace("epochs = 30", &format!("epochs = 60\nlearning_rate = {rate}"))
    };
    place.write("energy.toml", config("3"));
    let answer = place.run("train @energy.toml --out @run --quiet").fine();
    assert!(
        answer.err.contains("training diverged and went back"),
        "{}",
        answer.err
    );
    let last = &place.json("run/run.json")["last"];
    assert!(last["energy_gap"].as_f64().unwrap().is_finite());

    // Of rates that eight halvings do not mend, a failure with its cure: where energies are numbers and where they are not.
    for (rate, wrong) in [("1e7", "`loss` is "), ("1e30", "became NaN")] {
        place.write("energy.toml", config(rate));
        let answer = place.run(&format!("train @energy.toml --out @at-{rate} --quiet"));
        assert_eq!(answer.code, 1, "{}", answer.err);
        for text in [wrong, "after 8 rollbacks", "lower training.learning_rate"] {
            assert!(answer.err.contains(text), "{}", answer.err);
        }
    }
}
