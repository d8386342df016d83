//! Equal seeds give equal bytes of every figure and table, on any number of threads and in every rerun.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gibbsian_core::Streams;
use gibbsian_repro::runner::Options;
use gibbsian_repro::{Axis, Context, Experiment, HeatMap, ImageGrid, Plot, Result, Table};
use ndarray::Array2;
use rand::Rng;
use rayon::prelude::*;

use crate::toys::{ONE, TOY, folder, options, run};

const N_BLOCKS: usize = 64;

/// Sums uniform numbers in blocks, in parallel, and shows them in every kind of figure.
fn sums(ctx: &mut Context) -> Result<()> {
    let streams = Streams::from_key(ctx.seed().value());
    let sums: Vec<f64> = (0..N_BLOCKS)
        .into_par_iter()
        .map(|block| {
            let mut rng = streams.block(block);
            (0..1000)
                .map(|_| (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64)
                .sum()
        })
        .collect();
    let mut table = Table::new(["block", "sum"]);
    for (block, &sum) in sums.iter().enumerate() {
        table.row([block.into(), sum.into()])?;
    }
    ctx.table("sums", "Sums.", &table)?;
    let picture = Array2::from_shape_fn((8, 8), |(i, j)| sums[8 * i + j] / 1000.0);
    let points = || sums.iter().enumerate().map(|(i, &sum)| (i as f64 + 1.0, sum));
    let plot = Plot::new("Sums", Axis::log("block"), Axis::linear("sum"))
        .line("line", points())
        .band(points().map(|(x, y)| (x, y - 9.0, y + 9.0)))
        .points("points", points())
        .horizontal("mean", 500.0);
    ctx.plot("lines", "Lines.", &plot)?;
    let map = HeatMap::new("sum", picture.view(), (0.0, 1.0), (0.0, 1.0));
    let plot = Plot::new("Map", Axis::linear("x"), Axis::linear("y"))
        .heat_map(map)
        .arrows("arrows", points().map(|(x, y)| [x / 64.0, 0.5, y - 500.0, 1.0]));
    ctx.plot("map", "A map.", &plot)?;
    let plot = Plot::new("Histogram", Axis::linear("sum"), Axis::linear("density"))
        .histogram("sums", &sums, 450.0, 550.0, 10);
    ctx.plot("histogram", "A histogram.", &plot)?;
    ctx.images("picture", "A picture.", &ImageGrid::new(picture.view(), 2, 4))?;
    ctx.measure(&ONE, 1.0)
}

const SUMS: Experiment = Experiment { run: sums, ..TOY };

/// The figures and tables of an experiment, by name.
fn artefacts(out: &Path) -> BTreeMap<String, Vec<u8>> {
    (fs::read_dir(out.join("toy")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|e| ["csv", "svg", "png"].iter().any(|&known| e == known))
        })
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_string(),
                fs::read(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn figures_and_tables_do_not_depend_on_threads_or_reruns() {
    let out = folder("threads");
    let artefacts_on = |threads: usize, seed: u64| {
        let threads = Some(threads);
        let (summary, printed) = run(
            &[&SUMS],
            &Options {
                threads,
                seed,
                ..options(&out)
            },
        );
        assert!(summary.holds(), "{printed}");
        artefacts(&out)
    };
    let first = artefacts_on(1, 1);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["histogram.svg", "lines.svg", "map.svg", "picture.png", "sums.csv"]
    );
    for threads in [1, 2, 3, 4, 8] {
        assert!(artefacts_on(threads, 1) == first, "{threads} threads");
    }
    // The comparison would notice a difference.
    assert!(artefacts_on(1, 2) != first);
}
