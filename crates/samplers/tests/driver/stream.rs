//! Runs on disk: interrupted anywhere and resumed, they end with the bits of a run that was not.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gibbsian_core::{Error, Layout, Result, Seed};
use gibbsian_samplers::{
    DrawStore, End, GO_ON, Monitor, Progress, Resumed, STOP, Sampling, Streamed, Streaming,
};
use gibbsian_testkit::threads;
use ndarray::Array1;

use crate::walk::{Bowl, Walk, start};
use crate::{files, fresh, put};

pub const WALK: Walk = Walk { width: 2.0 };

/// 7 steps to warm up, 23 draws, chunks of 4 draws.
pub fn sampling() -> Sampling {
    Sampling {
        n_warmup: 7,
        thin: 2,
        draws_per_segment: Some(4),
        ..Sampling::new(23, Seed::new(21))
    }
}

pub fn stream(
    sampling: &Sampling,
    directory: &Path,
    monitor: &mut dyn Monitor,
) -> Result<(Streamed, Option<Resumed>)> {
    let streaming = Streaming::new(directory, "a bowl");
    sampling.stream(WALK, &Bowl::new(2), start(6, 2), &streaming, monitor)
}

/// A monitor that ends the run after this many segments.
pub fn stop_after(n_segments: usize) -> impl Monitor {
    let mut n_seen = 0;
    move |_: &Progress<'_>| {
        n_seen += 1;
        Ok(if n_seen == n_segments { STOP } else { GO_ON })
    }
}

/// The files of the draws, and of nothing else.
fn draws_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    files(&directory.join("draws.zarr"))
}

#[test]
fn a_run_on_disk_is_the_run_in_memory() {
    let directory = fresh("whole");
    let (streamed, resumed) = stream(&sampling(), &directory, &mut ()).unwrap();
    assert!(resumed.is_none());
    let run = sampling().run(WALK, &Bowl::new(2), start(6, 2)).unwrap();
    assert_eq!(streamed.report, run.report);
    assert_eq!(
        streamed.store,
        DrawStore::open(directory.join("draws.zarr")).unwrap()
    );
    assert_eq!(streamed.store.draws().unwrap(), run.draws);
    for name in run.statistic_names {
        assert_eq!(
            streamed.store.statistic(name).unwrap(),
            run.statistic(name).unwrap()
        );
    }

    // File for file what one call writes.
    let mut at_once = DrawStore::create(fresh("at-once.zarr"), streamed.store.contents().clone()).unwrap();
    at_once.append(run.draws.view(), run.statistics.view()).unwrap();
    assert_eq!(files(at_once.path()), draws_of(&directory));

    // And in a file made of it afterwards.
    let variables = Layout::new().with("a", &[]).with("b", &[1]);
    let store = run.write_zarr(fresh("written.zarr"), Some(variables)).unwrap();
    assert_eq!(store.draws().unwrap(), run.draws);
    assert_eq!(store.statistic("lp").unwrap(), run.statistic("lp").unwrap());
    assert!(
        run.write_zarr(store.path(), None)
            .unwrap_err()
            .to_string()
            .contains("not written over")
    );
    let wrong = run.write_zarr(fresh("wrong.zarr"), Some(Layout::new().with("a", &[3])));
    assert!(
        wrong
            .unwrap_err()
            .to_string()
            .contains("`variables.n_params` is 3")
    );
}

#[test]
fn a_run_ended_after_any_segment_resumes_to_the_same_bits() {
    let whole = fresh("reference");
    let (expected, _) = stream(&sampling(), &whole, &mut ()).unwrap();
    // One segment of warming up, and six with draws.
    for n_segments in 1..=6 {
        let directory = fresh("ended");
        let (ended, _) = stream(&sampling(), &directory, &mut stop_after(n_segments)).unwrap();
        assert_eq!(ended.report.end, Some(End::Stopped));
        assert_eq!(ended.report.n_draws, 4 * (n_segments - 1));
        // A store is whole at all times.
        assert_eq!(ended.store.draws().unwrap().dim(), (6, 4 * (n_segments - 1), 2));
        let (streamed, resumed) = stream(&sampling(), &directory, &mut ()).unwrap();
        assert_eq!(resumed.unwrap().n_draws, ended.report.n_draws);
        assert_eq!(streamed.report, expected.report);
        assert_eq!(draws_of(&directory), draws_of(&whole));
    }
}

#[test]
fn segments_and_the_clock_may_differ_from_one_process_to_the_next() {
    let whole = fresh("reference-of-segments");
    stream(&sampling(), &whole, &mut ()).unwrap();
    let directory = fresh("segments");
    stream(&sampling(), &directory, &mut stop_after(2)).unwrap();
    for draws_per_segment in [1, 3, 7] {
        let other = Sampling {
            draws_per_segment: Some(draws_per_segment),
            ..sampling()
        };
        stream(&other, &directory, &mut stop_after(1)).unwrap();
    }
    let mut n_starts = 0;
    loop {
        // One batch in each process.
        let hurried = Sampling {
            time_limit: Some(Duration::ZERO),
            ..sampling()
        };
        let (streamed, _) = stream(&hurried, &directory, &mut ()).unwrap();
        n_starts += 1;
        if streamed.report.end == Some(End::Completed) {
            break;
        }
        assert_eq!(streamed.report.end, Some(End::TimeLimit));
    }
    assert_eq!(n_starts, 23 - (4 + 1 + 3 + 7));
    assert_eq!(draws_of(&directory), draws_of(&whole));
}

#[test]
fn bits_do_not_depend_on_threads() {
    threads::same_on_any_number("a run on disk", || {
        let directory = fresh(&format!("threads-{}", rayon::current_num_threads()));
        stream(&sampling(), &directory, &mut stop_after(3)).unwrap();
        stream(&sampling(), &directory, &mut ()).unwrap();
        let all = files(&directory);
        assert!(all.contains_key("checkpoint.safetensors"));
        Array1::from_iter(all.into_values().flatten().map(f64::from))
    })
    .unwrap();
}

#[test]
fn whatever_part_of_a_segment_was_written_the_run_resumes() {
    let whole = fresh("reference-of-parts");
    stream(&sampling(), &whole, &mut ()).unwrap();
    for n_segments in [1, 4] {
        let directory = fresh("parts");
        stream(&sampling(), &directory, &mut stop_after(n_segments)).unwrap();
        let before = files(&directory);
        // One more segment in another process.
        stream(&sampling(), &directory, &mut stop_after(1)).unwrap();
        let after = files(&directory);
        // In the order in which they are written: chunks, the metadata that count, the checkpoint's two names, the other metadata.
        let order = |name: &String| match name.rsplit('/').next().unwrap() {
            ".zmetadata" => 1,
            "checkpoint.previous.safetensors" => 2,
            "checkpoint.safetensors" => 3,
            last if last.starts_with(".z") => 4,
            _ => 0,
        };
        let mut changed: Vec<&String> = after
            .keys()
            .filter(|name| before.get(*name) != after.get(*name))
            .collect();
        changed.sort_by_key(|name| (order(name), (*name).clone()));
        assert!(changed.len() >= 12, "{changed:?}");
        for n_written in 0..=changed.len() {
            let mut mixed = before.clone();
            for name in &changed[..n_written] {
                mixed.insert((*name).clone(), after[*name].clone());
            }
            // What a killed process leaves half written lies beside.
            mixed.insert("draws.zarr/posterior/x/9.9.9.partial".into(), vec![1, 2, 3]);
            put(&directory, &mixed);
            let (_, resumed) = stream(&sampling(), &directory, &mut ()).unwrap();
            assert!(resumed.is_some());
            let mut draws = draws_of(&directory);
            draws.remove("posterior/x/9.9.9.partial");
            assert_eq!(draws, draws_of(&whole), "{n_written} of {}", changed.len());
        }
    }
}

#[test]
fn a_store_that_was_not_yet_made_to_its_end_is_made_again() {
    let whole = fresh("reference-of-beginnings");
    stream(&sampling(), &whole, &mut ()).unwrap();
    let directory = fresh("beginnings");
    let mut refuse = |_: &Progress<'_>| Err(Error::parameter("patience", 0, "more"));
    assert!(stream(&sampling(), &directory, &mut refuse).is_err());
    let begun = files(&directory);
    let made: Vec<&String> = begun
        .keys()
        .filter(|name| name.starts_with("draws.zarr"))
        .collect();
    for n_made in 0..made.len() {
        let mut part = begun.clone();
        part.remove("draws.zarr/.zmetadata");
        for name in &made[n_made..] {
            part.remove(*name);
        }
        put(&directory, &part);
        stream(&sampling(), &directory, &mut ()).unwrap();
        assert_eq!(draws_of(&directory), draws_of(&whole));
    }
}

#[test]
fn a_longer_run_continues_a_shorter_one_and_a_complete_one_is_left_alone() {
    let whole = fresh("reference-of-lengths");
    let (expected, _) = stream(&sampling(), &whole, &mut ()).unwrap();
    let directory = fresh("lengths");
    let shorter = Sampling {
        n_draws: 10,
        ..sampling()
    };
    stream(&shorter, &directory, &mut ()).unwrap();
    let (longer, resumed) = stream(&sampling(), &directory, &mut ()).unwrap();
    let resumed = resumed.unwrap();
    assert_eq!((resumed.n_draws, resumed.n_steps), (10, 27));
    assert_eq!(longer.report, expected.report);
    assert_eq!(draws_of(&directory), draws_of(&whole));

    let before = files(&directory);
    let mut never = |_: &Progress<'_>| panic!("the run is complete");
    let (again, resumed) = stream(&sampling(), &directory, &mut never).unwrap();
    assert_eq!(again.report, expected.report);
    assert_eq!(resumed.unwrap().n_draws, 23);
    assert_eq!(files(&directory), before);
}
