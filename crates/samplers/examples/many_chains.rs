//! Two thousand chains on a banana, streamed to disk: start it, interrupt it, start it again.
//!
//! ```text
//! cargo run --release --example many_chains -p gibbsian-samplers -- banana
//! python -c 'import arviz; print(arviz.summary(arviz.from_zarr("banana/draws.zarr")))'
//! ```

// An example is a program, and shows what it found.
#![allow(clippy::print_stdout)]

use gibbsian_core::{Energy, Layout, Potential, Result, Score, Seed, Space, Streams};
use gibbsian_samplers::{GO_ON, Hmc, Progress, Sampling, Streaming};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};
use rand_distr::{Distribution, StandardNormal};

/// `x ~ N(0, 1)`, `y given x ~ N(x², 1/4)`, so `E y = 1` and `Var y = 2 + 1/4`.
struct Banana;

impl Space for Banana {
    fn dim(&self) -> usize {
        2
    }
}

impl Energy for Banana {
    fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
        for (e, x) in out.iter_mut().zip(x.rows()) {
            let beyond = x[1] - x[0] * x[0];
            *e = 0.5 * x[0] * x[0] + 2.0 * beyond * beyond;
        }
    }
}

impl Score for Banana {
    fn score_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        for (mut s, x) in out.rows_mut().into_iter().zip(x.rows()) {
            let beyond = x[1] - x[0] * x[0];
            s[0] = -x[0] + 8.0 * x[0] * beyond;
            s[1] = -4.0 * beyond;
        }
    }
}

impl Potential for Banana {}

fn main() -> Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "banana".into());
    let seed = Seed::new(1);
    let mut rng = Streams::from_key(seed.child("start").value()).block(0);
    let start = Array2::from_shape_simple_fn((2000, 2), || StandardNormal.sample(&mut rng));

    let sampling = Sampling {
        n_warmup: 200,
        draws_per_segment: Some(100),
        ..Sampling::new(1000, seed)
    };
    let mut streaming = Streaming::new(directory, "the banana of the example");
    streaming.variables = Some(Layout::new().with("x", &[]).with("y", &[]));
    let mut watch = |progress: &Progress<'_>| {
        let (done, all) = (progress.n_steps, progress.n_steps_in_all);
        println!("{done} of {all} steps, {:.1?} to go", progress.remaining);
        Ok(GO_ON)
    };
    // Steps of 0.15 are accepted as often, but leave a few chains that start far out where they are: the report would name them.
    let (streamed, resumed) = sampling.stream(Hmc::new(0.08, 15)?, &Banana, start, &streaming, &mut watch)?;

    if let Some(resumed) = resumed {
        println!("resumed after {} draws", resumed.n_draws);
    }
    println!("{}", streamed.report);
    let y = streamed.store.draws()?.index_axis_move(Axis(2), 1);
    println!(
        "mean of y {:.4} (1), variance {:.4} (2.25)",
        y.mean().unwrap_or(f64::NAN),
        y.var(0.0)
    );
    println!("{}", streamed.store.path().display());
    Ok(())
}
