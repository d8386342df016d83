//! Numbers that took long are made once, and what a full run finds is said at once.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use gibbsian_repro::runner::Options;
use gibbsian_repro::{Context, Experiment, Result, Scale};

use crate::toys::{ONE, TOY, folder, options, run};

static MADE: AtomicUsize = AtomicUsize::new(0);

/// Makes numbers under two names, and is interrupted unless they were there.
fn annealing(ctx: &mut Context) -> Result<()> {
    let before = MADE.load(Ordering::SeqCst);
    let make = |numbers: [f64; 3]| {
        MADE.fetch_add(1, Ordering::SeqCst);
        Ok(numbers.to_vec())
    };
    let weights = ctx.numbers("annealing there", || make([0.1, f64::NEG_INFINITY, -0.0]))?;
    let back = ctx.numbers("annealing back", || make([f64::MIN_POSITIVE, 1e308, 0.1 + 0.2]))?;
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&weights), bits(&[0.1, f64::NEG_INFINITY, -0.0]));
    assert_eq!(bits(&back), bits(&[f64::MIN_POSITIVE, 1e308, 0.1 + 0.2]));
    ctx.note("annealed there and back");
    ctx.measure(&ONE, 1.0)?;
    if MADE.load(Ordering::SeqCst) > before {
        return Err("interrupted".into());
    }
    Ok(())
}

const E: Experiment = Experiment {
    run: annealing,
    ..TOY
};

#[test]
fn numbers_are_made_once_and_taken_up_with_their_bits() {
    let out = folder("numbers");
    let resumed = Options {
        resume: true,
        ..options(&out)
    };
    let made = |options: &Options| {
        MADE.store(0, Ordering::SeqCst);
        let (summary, printed) = run(&[&E], options);
        (MADE.load(Ordering::SeqCst), summary.holds(), printed)
    };
    assert_eq!(made(&options(&out)).0, 2);
    // One that is damaged is made again, by itself.
    let checkpoints = out.join("toy/checkpoints");
    let path = fs::read_dir(&checkpoints)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(made(&resumed).0, 1);
    let (n_made, holds, _) = made(&resumed);
    assert!(n_made == 0 && holds);
    // A run that is not the same takes nothing.
    assert_eq!(made(&options(&out)).0, 2);

    // Quick runs say what they found at their end; a full run before it is interrupted.
    let (_, _, quick) = made(&options(&out));
    assert!(!quick.contains("annealed there and back"), "{quick}");
    let (_, _, full) = made(&Options {
        scale: Scale::Full,
        ..options(&folder("numbers-full"))
    });
    let at = |what: &str| full.find(what).unwrap_or_else(|| panic!("{what}: {full}"));
    assert!(at("toy: annealed there and back") < at("toy: pass    one is one: measured 1"));
    assert!(at("toy: pass    one is one: measured 1") < at("interrupted"));
}
