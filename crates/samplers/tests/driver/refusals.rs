//! Runs on disk that cannot go on: damage, another run, another process, numbers that are not finite.

use std::fs;

use gibbsian_core::{Layout, Seed};
use gibbsian_samplers::{DrawStore, Progress, STOP, Sampling, Streaming};
use ndarray::Array2;

use crate::stream::{WALK, sampling, stop_after, stream};
use crate::walk::{Bowl, Walk, start};
use crate::{files, fresh, put};

#[test]
fn damage_gives_the_previous_checkpoint_or_a_named_error() {
    let whole = fresh("reference-of-damage");
    stream(&sampling(), &whole, &mut ()).unwrap();
    let directory = fresh("damage");
    let hurried = Sampling {
        draws_per_segment: Some(3),
        ..sampling()
    };
    stream(&hurried, &directory, &mut stop_after(3)).unwrap();
    let mut earlier = files(&directory);
    earlier.retain(|name, _| name.starts_with("draws.zarr"));
    stream(&hurried, &directory, &mut stop_after(1)).unwrap();
    let good = files(&directory);
    let with = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(bad.get_mut(name).unwrap());
        put(&directory, &bad);
        stream(&sampling(), &directory, &mut ())
    };
    let newest = "checkpoint.safetensors";
    let changes = [
        (|bytes| bytes.truncate(bytes.len() - 1)) as fn(&mut Vec<u8>),
        |bytes| bytes.truncate(1),
        |bytes| bytes.clear(),
        |bytes| bytes[2000] ^= 16,
    ];
    for change in changes {
        let (streamed, resumed) = with(newest, &change).unwrap();
        let resumed = resumed.unwrap();
        assert!(resumed.notice.unwrap().to_string().contains(newest));
        assert_eq!((resumed.n_draws, streamed.report.n_draws), (3, 23));
        // Chunks kept their length, which is that of the segments at first.
        assert_eq!(
            streamed.store.draws().unwrap(),
            DrawStore::open(whole.join("draws.zarr"))
                .unwrap()
                .draws()
                .unwrap()
        );
    }
    let refusal = |name: &str, change: &dyn Fn(&mut Vec<u8>)| with(name, change).unwrap_err().to_string();
    for name in [
        "draws.zarr/posterior/x/0.0.0",
        "draws.zarr/sample_stats/lp/0.1",
        "draws.zarr/.zmetadata",
    ] {
        let refusal = refusal(name, &|bytes| bytes.truncate(40));
        assert!(refusal.contains(name), "{refusal}");
    }
    // Fewer draws than the checkpoint counts.
    let mut fewer = good.clone();
    fewer.extend(earlier);
    put(&directory, &fewer);
    let refusal = stream(&sampling(), &directory, &mut ()).unwrap_err().to_string();
    assert!(
        refusal.contains("3 draws of") && refusal.contains("at least the 6 draws"),
        "{refusal}"
    );

    let mut without = good.clone();
    without.retain(|name, _| !name.starts_with("draws.zarr"));
    put(&directory, &without);
    let refusal = stream(&sampling(), &directory, &mut ()).unwrap_err().to_string();
    assert!(refusal.contains(".zmetadata"), "{refusal}");
}

#[test]
fn another_run_is_refused() {
    let directory = fresh("others");
    stream(&sampling(), &directory, &mut stop_after(3)).unwrap();
    let before = files(&directory);
    let run = |sampling: &Sampling, walk: Walk, x: Array2<f64>, streaming: Streaming, target: Bowl| {
        let refused = sampling.stream(walk, &target, x, &streaming, &mut ());
        assert_eq!(files(&directory), before);
        refused.unwrap_err().to_string()
    };
    let (x, bowl) = (|| start(6, 2), || Bowl::new(2));
    let here = |recipe: &str| Streaming::new(&directory, recipe);
    let seeded = Sampling {
        seed: Seed::new(22),
        ..sampling()
    };
    let refusal = run(&seeded, WALK, x(), here("a bowl"), bowl());
    assert!(refusal.contains("`checkpoint.seed`"), "{refusal}");
    let warmed = Sampling {
        n_warmup: 8,
        ..sampling()
    };
    let thinned = Sampling {
        thin: 3,
        ..sampling()
    };
    let blocks = Sampling {
        rows_per_block: Some(3),
        ..sampling()
    };
    let named = Streaming {
        variables: Some(Layout::new().with("y", &[2])),
        ..here("a bowl")
    };
    let higher = Bowl { floor: 0.5, ..bowl() };
    let mut elsewhere = x();
    elsewhere[[5, 1]] += 1e-9;
    for refusal in [
        run(&sampling(), WALK, x(), here("another bowl"), bowl()),
        run(&sampling(), Walk { width: 2.5 }, x(), here("a bowl"), bowl()),
        run(&sampling(), WALK, elsewhere, here("a bowl"), bowl()),
        run(&sampling(), WALK, start(7, 2), here("a bowl"), bowl()),
        // Another target, as far as the start shows it.
        run(&sampling(), WALK, x(), here("a bowl"), higher),
        run(&warmed, WALK, x(), here("a bowl"), bowl()),
        run(&thinned, WALK, x(), here("a bowl"), bowl()),
        run(&blocks, WALK, x(), here("a bowl"), bowl()),
        run(&sampling(), WALK, x(), named, bowl()),
    ] {
        assert!(refusal.contains("`checkpoint.recipe`"), "{refusal}");
    }
    let shorter = Sampling {
        n_draws: 7,
        ..sampling()
    };
    let refusal = run(&shorter, WALK, x(), here("a bowl"), bowl());
    assert!(refusal.contains("`checkpoint.n_draws` is 8"), "{refusal}");

    // Draws whose checkpoint is gone are left alone.
    let directory = fresh("orphans");
    stream(&sampling(), &directory, &mut ()).unwrap();
    fs::remove_file(directory.join("checkpoint.safetensors")).unwrap();
    fs::remove_file(directory.join("checkpoint.previous.safetensors")).unwrap();
    let refusal = stream(&sampling(), &directory, &mut ()).unwrap_err().to_string();
    assert!(refusal.contains("a run with a checkpoint"), "{refusal}");
}

#[test]
fn two_at_once_are_kept_apart() {
    let directory = fresh("busy");
    let mut refusal = None;
    let mut other = |_: &Progress<'_>| {
        refusal = stream(&sampling(), &directory, &mut ()).err();
        Ok(STOP)
    };
    stream(&sampling(), &directory, &mut other).unwrap();
    let refusal = refusal.unwrap().to_string();
    assert!(refusal.contains("no other process"), "{refusal}");
    stream(&sampling(), &directory, &mut ()).unwrap();
}

#[test]
fn states_that_are_not_finite_end_the_run_and_leave_the_last_good_checkpoint() {
    struct Well;
    impl gibbsian_core::Space for Well {
        fn dim(&self) -> usize {
            1
        }
    }
    impl gibbsian_core::Energy for Well {
        fn energy_into(&self, x: ndarray::ArrayView2<f64>, mut out: ndarray::ArrayViewMut1<f64>) {
            out.assign(&x.column(0).mapv(|x| -x.abs()));
        }
    }
    let directory = fresh("well");
    let streaming = Streaming::new(&directory, "no density");
    let long = Sampling {
        draws_per_segment: Some(1),
        ..Sampling::new(10_000, Seed::new(1))
    };
    let x = Array2::zeros((1, 1));
    let refusal = long
        .stream(Walk { width: 1e307 }, &Well, x, &streaming, &mut ())
        .unwrap_err();
    assert!(
        refusal.to_string().contains("checkpoint entry chains.states.x"),
        "{refusal}"
    );
    let checkpoint = gibbsian_checkpoint::CheckpointFiles::new(&directory)
        .unwrap()
        .load()
        .unwrap();
    assert!(checkpoint.unwrap().notice.is_none());
}
