//! Pictures in arrays of numbers and of bytes.

use gibbsian_core::Seed;
use gibbsian_data::{encode_npy, write_npy};
use ndarray::Array3;
use rand::RngExt;

use crate::common::{Answer, Place, bars};

/// Pictures of random grey, of which the first pixel may be the same in all.
fn grey(n: usize, height: usize, width: usize, has_constant: bool) -> Array3<f64> {
    let mut rng = Seed::new(5).rng();
    let mut x = Array3::from_shape_fn((n, height, width), |_| rng.random::<f64>());
    if has_constant {
        x.slice_mut(ndarray::s![.., 0, 0]).fill(0.25);
    }
    x
}

#[test]
fn the_size_of_pictures_is_that_of_the_file() {
    let place = Place::new("size");
    for (height, width) in [(16, 64), (20, 30), (5, 5)] {
        write_npy(place.path("x.npy"), &grey(12, height, width, false)).unwrap();
        for kind in ["rbm", "score"] {
            let said = place.run(&format!("new {kind} --data @x.npy")).fine().out;
            assert!(
                said.contains(&format!("\npicture = [{height}, {width}] ")),
                "{said}"
            );
        }
    }
}

#[test]
fn what_is_left_of_pictures_without_some_pixels_is_trained_on_as_numbers() {
    let place = Place::new("pixels");
    write_npy(place.path("x.npy"), &grey(60, 4, 4, true)).unwrap();
    let config = |keys: &str| {
        format!(
            "kind = \"score\"\n[data]\npath = \"x.npy\"\nscale = \"standardise\"\n{keys}\n[model]\nhidden = [4]\n[training]\nepochs = 2\n"
        )
    };
    place.write("c.toml", config(""));
    let refused = place.run("train @c.toml --out @run --quiet");
    assert!(
        refused.code == 2 && refused.err.contains("data.drop = [\"1\"]"),
        "{}",
        refused.err
    );
    place.write("c.toml", config("drop = [\"1\"]"));
    let answer = place.run("train @c.toml --out @run --quiet").fine();
    assert!(answer.err.contains("are pictures no more"), "{}", answer.err);
    assert!(place.json("run/run.json")["picture"].is_null());

    let fitted = place.run("new score --data @x.npy").fine();
    assert!(
        fitted.out.contains("drop = [\"1\"]") && fitted.out.contains("# picture"),
        "{}",
        fitted.out
    );
    place.write("fitted.toml", fitted.out);
    place
        .run("train @fitted.toml --out @fitted --quiet --set training.epochs=2 --set model.hidden=[4]")
        .fine();
}

#[test]
fn keys_of_columns_are_refused_where_rows_are_pictures_of_bytes() {
    let place = Place::new("bytes");
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 30, 0, 0, 0, 4, 0, 0, 0, 4];
    bytes.extend((0..30 * 16).map(|i| (i * 37 % 256) as u8));
    place.write("x-idx3-ubyte", bytes);
    for (key, value) in [
        ("columns", "[\"1\", \"2\"]"),
        ("drop", "[\"1\"]"),
        ("label", "\"1\""),
        ("missing", "\"drop-rows\""),
    ] {
        place.write(
            "c.toml",
            format!("kind = \"rbm\"\n[data]\npath = \"x-idx3-ubyte\"\nbinarise = \"stochastic\"\n{key} = {value}\n[training]\nepochs = 1\n"),
        );
        let answer = place.run("train @c.toml --out @run --quiet");
        assert_eq!(answer.code, 2, "{key}: {}{}", answer.out, answer.err);
        assert!(
            answer.err.contains(&format!("`data.{key}` is ")) && answer.err.contains("pictures of bytes"),
            "{}",
            answer.err
        );
    }
}

/// Pictures of bytes between 0 and 255.
fn bytes(n: usize, height: usize, width: usize) -> Array3<u8> {
    grey(n, height, width, false).mapv(|x| (255.0 * x) as u8)
}

/// Trains a small machine of the pictures in a file.
fn machine(place: &Place, file: &str, keys: &str) -> Answer {
    let _ = std::fs::remove_dir_all(place.path("run"));
    place.write(
        "c.toml",
        format!(
            "kind = \"rbm\"\n[data]\npath = \"{file}\"\n{keys}\n[model]\nhidden = 2\n[training]\nepochs = 1\n"
        ),
    );
    place.run("train @c.toml --out @run --quiet")
}

#[test]
fn bytes_of_zeros_and_ones_are_bits() {
    let place = Place::new("bit-bytes");
    let bits = bars(60).into_shape_with_order((60, 3, 3)).unwrap();
    let of_bytes = bits.mapv(|x| x as u8);
    write_npy(place.path("numbers.npy"), &bits).unwrap();
    let encoded = encode_npy(&of_bytes);
    place.write("bytes.npy", &encoded);
    // What `x > 0.5` is saved as.
    let descr = encoded.windows(3).position(|w| w == b"|u1").unwrap();
    let mut booleans = encoded.clone();
    booleans[descr..descr + 3].copy_from_slice(b"|b1");
    place.write("booleans.npy", booleans);
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 3, 0, 0, 0, 3];
    idx.extend(&of_bytes);
    place.write("x-idx3-ubyte", idx);
    let mut idx = vec![0, 0, 8, 2, 0, 0, 0, 60, 0, 0, 0, 9];
    idx.extend(&of_bytes);
    place.write("x-idx2-ubyte", idx);
    let mut files = vec!["bytes.npy", "booleans.npy", "x-idx3-ubyte", "x-idx2-ubyte"];
    #[cfg(feature = "npz")]
    {
        let mut archive = gibbsian_data::NpzWriter::create(place.path("x.npz")).unwrap();
        archive.put("x", &of_bytes).unwrap();
        archive.finish().unwrap();
        files.push("x.npz");
    }
    machine(&place, "numbers.npy", "").fine();
    let whole = place.json("run/run.json");
    for file in files.drain(..) {
        let answer = machine(&place, file, "").fine();
        assert!(!answer.err.contains("divided"), "{file}: {}", answer.err);
        let run = place.json("run/run.json");
        let of_rank_three = file != "x-idx2-ubyte";
        assert_eq!(
            run["picture"] == serde_json::json!([3, 3]),
            of_rank_three,
            "{file}"
        );
        for key in ["recipe", "last"] {
            assert_eq!(run[key], whole[key], "{file}");
        }
    }
    // Bits are judged by a machine of grey pictures as black and white.
    write_npy(place.path("grey.npy"), &bytes(60, 3, 3)).unwrap();
    machine(&place, "grey.npy", "binarise = \"threshold\"").fine();
    let mut means = Vec::new();
    for (name, file) in [("white.npy", of_bytes.mapv(|x| 255 * x)), ("bits.npy", of_bytes)] {
        write_npy(place.path(name), &file).unwrap();
        place.run(&format!("evaluate @run --data @{name} --quiet")).fine();
        means.push(place.json("run/evaluation.json")["mean"].clone());
    }
    assert_eq!(means[0], means[1]);
}

#[test]
fn bytes_are_not_judged_as_numbers_of_other_units() {
    let place = Place::new("units");
    let pictures = bytes(30, 4, 4);
    let numbers = pictures.mapv(f64::from).into_shape_with_order((30, 16)).unwrap();
    write_npy(place.path("bytes.npy"), &pictures).unwrap();
    write_npy(place.path("numbers.npy"), &numbers).unwrap();
    write_npy(place.path("fractions.npy"), &(&numbers / 255.0)).unwrap();
    let judged = |file: &str| place.run(&format!("evaluate @run --data @{file} --quiet"));
    let refused = |file: &str, said: &str| {
        let answer = judged(file);
        assert_eq!(answer.code, 2, "{file}: {}{}", answer.out, answer.err);
        assert!(answer.err.contains(said), "{file}: {}", answer.err);
    };
    machine(&place, "bytes.npy", "binarise = \"threshold\"").fine();
    refused("numbers.npy", "but the model was trained on pictures of bytes");
    judged("fractions.npy").fine();
    judged("bytes.npy").fine();
    place
        .run("sample @run --n 20 --out @d.csv --set sampling.warmup=20")
        .fine();
    judged("d.csv").fine();
    // Runs of before do not say what they are of.
    let mut run = place.json("run/run.json");
    assert_eq!(run.as_object_mut().unwrap().remove("bytes"), Some(true.into()));
    place.write("run/run.json", run.to_string());
    judged("numbers.npy").fine();

    for keys in [
        "scale = \"unit-together\"\nbinarise = \"threshold\"",
        "scale = \"unit\"\nbinarise = \"stochastic\"",
        "scale = \"standardise\"\nbinarise = \"threshold\"\nthreshold = 0",
        "binarise = \"threshold\"\nthreshold = 127.5",
    ] {
        machine(&place, "numbers.npy", keys).fine();
        refused(
            "bytes.npy",
            "but the model was trained on numbers outside of [0, 1]",
        );
        judged("numbers.npy").fine();
    }
    machine(
        &place,
        "fractions.npy",
        "scale = \"standardise\"\nbinarise = \"threshold\"",
    )
    .fine();
    judged("bytes.npy").fine();
}

#[test]
fn thresholds_beyond_all_greys_are_refused() {
    let place = Place::new("beyond-grey");
    write_npy(place.path("x.npy"), &bytes(30, 4, 4)).unwrap();
    for threshold in [-0.1, 1.0, 127.0] {
        let answer = machine(
            &place,
            "x.npy",
            &format!("binarise = \"threshold\"\nthreshold = {threshold:?}"),
        );
        assert_eq!(answer.code, 2, "{threshold}: {}", answer.err);
        assert!(
            answer.err.contains(&format!(
                "`data.threshold` is {threshold}, but must be at least 0 and below 1"
            )),
            "{}",
            answer.err
        );
    }
    for threshold in [0.0, 0.9] {
        machine(
            &place,
            "x.npy",
            &format!("binarise = \"threshold\"\nthreshold = {threshold:?}"),
        )
        .fine();
    }
}
