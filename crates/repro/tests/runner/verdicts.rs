//! Every declared claim gets its verdict, whatever the experiment does.

use gibbsian_repro::ledger::{RUNS_TO_THE_END, Verdict};
use gibbsian_repro::{Check, Claim, Experiment, Scale, measured};

use crate::toys::{LARGE, ONE, TOY, folder, options, run, verdicts};

#[test]
fn a_claim_that_holds_passes() {
    assert_eq!(
        verdicts("holds", &TOY, Scale::Quick),
        [(ONE.claim.into(), Verdict::Pass, Some(1.0))]
    );
}

#[test]
fn a_claim_that_does_not_hold_fails_and_the_experiment_goes_on() {
    const OTHER: Claim = Claim {
        claim: "two is at most three",
        quick: Some(Check::at_most(3.0)),
        ..ONE
    };
    const E: Experiment = Experiment {
        claims: &[ONE, OTHER],
        run: |ctx| {
            ctx.measure(&ONE, 2.0)?;
            ctx.measure(&OTHER, 2.0)
        },
        ..TOY
    };
    let expected = [
        (ONE.claim.into(), Verdict::Fail, Some(2.0)),
        (OTHER.claim.into(), Verdict::Pass, Some(2.0)),
    ];
    assert_eq!(verdicts("goes-on", &E, Scale::Quick), expected);
}

#[test]
fn a_claim_of_full_scale_is_skipped_in_a_quick_run_only() {
    const E: Experiment = Experiment {
        claims: &[LARGE],
        run: |ctx| {
            if ctx.wants(&LARGE) {
                ctx.measure(&LARGE, ctx.pick(0.0, 12.0))?;
            }
            Ok(())
        },
        ..TOY
    };
    assert_eq!(
        verdicts("skipped", &E, Scale::Quick),
        [(LARGE.claim.into(), Verdict::Skipped, None)]
    );
    assert_eq!(
        verdicts("not-skipped", &E, Scale::Full),
        [(LARGE.claim.into(), Verdict::Pass, Some(12.0))]
    );
}

#[test]
fn a_claim_that_is_never_measured_fails() {
    const E: Experiment = Experiment {
        run: |_| Ok(()),
        ..TOY
    };
    assert_eq!(
        verdicts("missing", &E, Scale::Quick),
        [(ONE.claim.into(), Verdict::Fail, None)]
    );
}

#[test]
fn what_is_not_finite_fails() {
    const E: Experiment = Experiment {
        run: |ctx| ctx.measure(&ONE, f64::NAN),
        ..TOY
    };
    let out = folder("nan");
    let (summary, printed) = run(&[&E], &options(&out));
    assert_eq!(summary.ledger.claims[0].verdict, Verdict::Fail);
    assert!(printed.contains("the measurement is NaN"), "{printed}");
    let ledger = std::fs::read_to_string(out.join("ledger.json")).unwrap();
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    assert!(ledger["claims"][0]["measured"].is_null());
}

/// Runs an experiment that is stopped, and answers with the note of its last row.
fn stopped(test: &str, experiment: &'static Experiment) -> String {
    let out = folder(test);
    let (summary, _) = run(&[experiment, &AFTER], &options(&out));
    assert!(!summary.holds());
    let claims = &summary.outcomes[0].claims;
    let last = claims.last().unwrap();
    assert_eq!(last.entry.claim, RUNS_TO_THE_END);
    assert_eq!(last.entry.verdict, Verdict::Fail);
    assert_eq!((last.entry.measured, last.entry.tolerance), (Some(0.0), 0.0));
    assert_eq!(claims.len(), experiment.claims.len() + 1);
    // The others still run.
    assert!(summary.outcomes[1].holds());
    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("Stopped by an error"));
    last.note.clone().unwrap()
}

const AFTER: Experiment = Experiment { id: "after", ..TOY };

#[test]
fn an_error_and_a_panic_become_failed_claims() {
    const ERR: Experiment = Experiment {
        run: |_| Err("the data ran out".into()),
        ..TOY
    };
    assert_eq!(stopped("error", &ERR), "the data ran out");
    const PANIC: Experiment = Experiment {
        run: |_| panic!("a shape of {:?}", [2, 3]),
        ..TOY
    };
    assert_eq!(stopped("panic", &PANIC), "panicked: a shape of [2, 3]");
    const WORKER: Experiment = Experiment {
        run: |_| {
            rayon::join(|| (), || panic!("in a worker"));
            Ok(())
        },
        ..TOY
    };
    assert_eq!(stopped("worker", &WORKER), "panicked: in a worker");
}

#[test]
fn mistakes_in_measuring_stop_the_experiment() {
    const UNDECLARED: Experiment = Experiment {
        run: |ctx| ctx.measure(&LARGE, 1.0),
        ..TOY
    };
    assert!(stopped("undeclared", &UNDECLARED).contains("was measured but is not declared"));
    const TWICE: Experiment = Experiment {
        run: |ctx| {
            ctx.measure(&ONE, 1.0)?;
            ctx.measure(&ONE, 1.0)
        },
        ..TOY
    };
    assert!(stopped("twice", &TWICE).contains("was measured twice"));
    const TOO_EARLY: Experiment = Experiment {
        claims: &[LARGE],
        run: |ctx| ctx.measure(&LARGE, 12.0),
        ..TOY
    };
    assert!(stopped("too-early", &TOO_EARLY).contains("holds at full scale only"));
    const NO_ERROR: Experiment = Experiment {
        claims: &[SAMPLED],
        run: |ctx| ctx.measure(&SAMPLED, 1.0),
        ..TOY
    };
    assert!(stopped("no-error", &NO_ERROR).contains("with_error"));
}

const SAMPLED: Claim = Claim {
    claim: "a mean is one",
    quick: Some(Check::value(1.0).within_standard_errors(3.0)),
    ..ONE
};

#[test]
fn a_call_cannot_loosen_a_declaration() {
    // The same sentence with a wider tolerance than the declared one.
    const LOOSE: Claim = Claim {
        quick: Some(Check::value(1.0).within(100.0)),
        ..ONE
    };
    const E: Experiment = Experiment {
        run: |ctx| ctx.measure(&LOOSE, 2.0),
        ..TOY
    };
    assert_eq!(
        verdicts("loose", &E, Scale::Quick),
        [(ONE.claim.into(), Verdict::Fail, Some(2.0))]
    );
}

#[test]
fn the_tolerance_follows_the_standard_error() {
    const E: Experiment = Experiment {
        claims: &[SAMPLED],
        run: |ctx| ctx.measure(&SAMPLED, measured(1.5).with_error(0.25)),
        ..TOY
    };
    let (summary, _) = run(&[&E], &options(&folder("standard-error")));
    let entry = &summary.ledger.claims[0];
    assert_eq!((entry.verdict, entry.tolerance), (Verdict::Pass, 0.75));
}

#[test]
fn the_seconds_of_the_claims_add_up_to_the_experiment() {
    const OTHER: Claim = Claim {
        claim: "another",
        ..ONE
    };
    const E: Experiment = Experiment {
        claims: &[ONE, OTHER],
        run: |ctx| {
            let pause = || std::thread::sleep(std::time::Duration::from_millis(300));
            pause();
            ctx.measure(&ONE, 1.0)?;
            pause();
            ctx.measure(&OTHER, 1.0)?;
            pause();
            Ok(())
        },
        ..TOY
    };
    let (summary, _) = run(&[&E], &options(&folder("seconds")));
    let outcome = &summary.outcomes[0];
    let seconds: Vec<f64> = outcome.claims.iter().map(|c| c.entry.seconds).collect();
    assert!(seconds[0] >= 0.3 && seconds[1] >= 0.6, "{seconds:?}");
    // The bookkeeping around the measurements takes far less than one of the pauses.
    assert!((seconds.iter().sum::<f64>() - outcome.seconds).abs() < 0.3);
}
