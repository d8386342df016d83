//! Pictures in arrays of numbers and of bytes.

use gibbsian_core::Seed;
use gibbsian_data::write_npy;
use ndarray::Array3;
use rand::RngExt;

use crate::common::Place;

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
