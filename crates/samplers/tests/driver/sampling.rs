//! Draws in memory: which steps are kept, what ends a run, and what the report says.

use std::ops::ControlFlow;
use std::time::Duration;

use gibbsian_core::{Acceptance, Seed};
use gibbsian_samplers::chains::default_rows_per_block;
use gibbsian_samplers::{Chains, End, GO_ON, Metric, Progress, Run, STOP, Sampling, Tunable};
use gibbsian_testkit::stats::{FALSE_ALARM, binomial};
use gibbsian_testkit::threads;
use ndarray::{Array1, Array2, array, s};

use crate::walk::{Bowl, Walk, start};

const WALK: Walk = Walk { width: 2.0 };

fn sampling(n_draws: usize) -> Sampling {
    Sampling::new(n_draws, Seed::new(11))
}

fn run(sampling: &Sampling, n_chains: usize) -> Run {
    sampling.run(WALK, &Bowl::new(2), start(n_chains, 2)).unwrap()
}

#[test]
fn draws_are_the_promised_steps_of_the_chains() {
    let sampling = Sampling {
        n_warmup: 7,
        thin: 3,
        draws_per_segment: Some(4),
        ..sampling(10)
    };
    let run = run(&sampling, 9);
    let target = Bowl::new(2);
    let mut chains = Chains::new(WALK, &target, start(9, 2), Seed::new(11).child("chains")).unwrap();
    chains.advance(7);
    let (mut last, mut moves) = (chains.positions(), vec![0; 9]);
    let mut acceptance = vec![Acceptance::default(); chains.n_blocks()];
    for draw in 0..10 {
        chains.observe(3, &mut acceptance, |a, step| {
            *a = *a + gibbsian_core::StepInfo::acceptance(step.info);
        });
        let x = chains.positions();
        assert_eq!(run.draws.slice(s![.., draw, ..]), x);
        for (chain, moves) in moves.iter_mut().enumerate() {
            let lp = run.statistic("lp").unwrap()[[chain, draw]];
            assert!((lp + 0.5 * x.row(chain).dot(&x.row(chain))).abs() < 1e-15);
            // Counted within the block, as kernels do.
            assert_eq!(
                run.statistic("n_steps").unwrap()[[chain, draw]],
                3.0 + (chain % default_rows_per_block(9)) as f64
            );
            *moves += u64::from(x.row(chain) != last.row(chain));
        }
        last = x;
    }
    assert!(run.statistic("energy").is_none());
    let report = run.report;
    assert_eq!(report.moves, moves);
    assert_eq!(report.acceptance, acceptance.iter().copied().sum());
    let of_blocks: Vec<Acceptance> = report.blocks.iter().map(|b| b.acceptance).collect();
    assert_eq!(of_blocks, acceptance);
    assert_eq!(
        (report.warmup.proposed, report.acceptance.proposed),
        (9 * 7, 9 * 30)
    );
    assert_eq!((report.n_warmup, report.n_draws, report.thin), (7, 10, 3));
    assert_eq!(report.end, Some(End::Completed));
    assert!(report.warnings().is_empty());
}

#[test]
fn bits_do_not_depend_on_threads_segments_or_the_clock() {
    let bits = |sampling: &Sampling| {
        let run = run(sampling, 70);
        let mut all: Vec<f64> = run.draws.into_iter().chain(run.statistics).collect();
        all.push(run.report.acceptance.probability);
        all.push(run.report.warmup.probability);
        Array1::from(all)
    };
    let plain = Sampling {
        n_warmup: 5,
        thin: 2,
        ..sampling(20)
    };
    threads::same_on_any_number("a run", || bits(&plain)).unwrap();
    for draws_per_segment in [1, 3, 20, 1000] {
        let cut = Sampling {
            draws_per_segment: Some(draws_per_segment),
            time_limit: Some(Duration::from_secs(1000)),
            ..plain.clone()
        };
        assert_eq!(bits(&cut), bits(&plain));
    }
    // The number of chains in a block does matter.
    let other = Sampling {
        rows_per_block: Some(5),
        ..plain.clone()
    };
    assert_ne!(bits(&other), bits(&plain));
}

#[test]
fn a_run_that_ends_early_has_the_first_draws() {
    let whole = run(&sampling(50), 5);
    let stopping = Sampling {
        draws_per_segment: Some(10),
        ..sampling(50)
    };
    let target = Bowl::new(2);
    let mut seen = Vec::new();
    let mut stop = |progress: &Progress<'_>| {
        assert_eq!(progress.n_steps_in_all, 50);
        assert_eq!(progress.report.end, None);
        seen.push((progress.n_steps, progress.report.n_draws));
        Ok(if progress.report.n_draws >= 30 {
            STOP
        } else {
            GO_ON
        })
    };
    let stopped = stopping
        .run_watched(WALK, &target, start(5, 2), &mut stop)
        .unwrap();
    assert_eq!(seen, [(10, 10), (20, 20), (30, 30)]);
    assert_eq!(stopped.report.end, Some(End::Stopped));
    assert_eq!(stopped.draws, whole.draws.slice(s![.., ..30, ..]));
    assert_eq!(stopped.statistics, whole.statistics.slice(s![.., .., ..30]));

    // No time at all is enough for one batch and no more.
    let hurried = Sampling {
        time_limit: Some(Duration::ZERO),
        ..sampling(50)
    };
    let hurried = run(&hurried, 5);
    assert_eq!(hurried.report.end, Some(End::TimeLimit));
    assert_eq!(hurried.draws, whole.draws.slice(s![.., ..1, ..]));
    let warming = Sampling {
        n_warmup: 1000,
        time_limit: Some(Duration::ZERO),
        ..sampling(50)
    };
    let warming = run(&warming, 5);
    assert_eq!(warming.draws.dim(), (5, 0, 2));
    assert_eq!((warming.report.n_warmup, warming.report.n_draws), (1, 0));
    assert!(warming.report.stuck().is_empty());

    // A wish to stop at the end changes nothing, and an error of a monitor is the run's.
    let mut at_end = |_: &Progress<'_>| Ok(STOP);
    let completed = sampling(50)
        .run_watched(WALK, &target, start(5, 2), &mut at_end)
        .unwrap();
    assert_eq!(completed.report.end, Some(End::Completed));
    let mut failing = |_: &Progress<'_>| Err(gibbsian_core::Error::parameter("patience", 0, "more"));
    let failed = sampling(50).run_watched(WALK, &target, start(5, 2), &mut failing);
    assert!(failed.unwrap_err().to_string().contains("patience"));
}

#[test]
fn two_monitors_both_watch_and_either_may_stop() {
    let (mut first, mut second) = (0, 0);
    let mut both = (
        |_: &Progress<'_>| {
            first += 1;
            Ok(GO_ON)
        },
        |_: &Progress<'_>| {
            second += 1;
            Ok(if second == 2 {
                ControlFlow::Break(())
            } else {
                GO_ON
            })
        },
    );
    let one_by_one = Sampling {
        draws_per_segment: Some(1),
        ..sampling(5)
    };
    let run = one_by_one
        .run_watched(WALK, &Bowl::new(2), start(5, 2), &mut both)
        .unwrap();
    assert_eq!((first, second, run.report.n_draws), (2, 2, 2));
}

#[test]
fn chains_that_never_moved_are_named() {
    // From a million, steps of a millionth of a millionth lead nowhere, and every one of them is accepted.
    let target = Bowl::new(2);
    let mut x = start(5, 2);
    x.row_mut(3).fill(1e6);
    let stepping = Sampling {
        n_warmup: 3,
        rows_per_block: Some(2),
        ..sampling(200)
    };
    let run = stepping.run(Walk { width: 1e-12 }, &target, x.clone()).unwrap();
    assert_eq!(run.report.stuck(), [3]);
    assert!(
        run.report
            .moves
            .iter()
            .enumerate()
            .all(|(b, m)| (*m > 100) == (b != 3)),
        "{:?}",
        run.report.moves
    );
    let warnings = run.report.warnings();
    assert!(warnings[0].contains("chain 3 never moved"), "{warnings:?}");

    let run = stepping.run(Walk { width: f64::NAN }, &target, x).unwrap();
    assert_eq!(run.report.stuck(), [0, 1, 2, 3, 4]);
    let text = run.report.to_string();
    for part in [
        "chains 0–4 never moved",
        "undefined 1000",
        "400 of 400 proposals of chains 2–3",
        "15 of 15",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(run.report.acceptance.undefined, 1000);
}

#[test]
fn draws_that_are_not_finite_are_counted() {
    // An energy of −∞ is no density; this kernel goes there all the same.
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
    let run = sampling(400)
        .run(Walk { width: 1e308 }, &Well, array![[0.0], [0.5]])
        .unwrap();
    assert_eq!(run.report.diverged(), [0, 1]);
    let n: u64 = run.draws.iter().map(|x| u64::from(!x.is_finite())).sum();
    assert_eq!(run.report.non_finite.iter().sum::<u64>(), n);
    assert!(run.report.to_string().contains("left the finite numbers"));
}

#[test]
fn the_report_tells_acceptance_and_tuning() {
    struct Tuned(Metric);
    impl Clone for Tuned {
        fn clone(&self) -> Self {
            Tuned(self.0.clone())
        }
    }
    impl Tunable for Tuned {
        fn step_size(&self) -> f64 {
            0.25
        }
        fn metric(&self) -> &Metric {
            &self.0
        }
        fn tuned(&self, _: f64, metric: Metric) -> Self {
            Tuned(metric)
        }
        fn target_acceptance(&self) -> f64 {
            0.5
        }
    }
    let mut report = run(&sampling(2000), 8).report;
    let rate = report.acceptance.rate();
    assert!(rate > 0.3 && rate < 0.9, "{rate}");
    // The fraction has the mean probability as its expectation.
    let (accepted, proposed) = (report.acceptance.accepted, report.acceptance.proposed);
    let test = binomial("accepted", accepted, proposed, rate);
    assert!(test.p_value > FALSE_ALARM, "{test:?}");
    report.set_tuning(&Tuned(Metric::diagonal(array![4.0, 9.0]).unwrap()));
    let text = report.to_string();
    for part in [
        "8 chains of 2000 draws",
        "step size 0.25",
        "diagonal, [2.0000, 3.0000]",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    let bowl = Bowl {
        bound: 3.0,
        ..Bowl::new(2)
    };
    let refusal = |sampling: Sampling, x: Array2<f64>| {
        let refused = sampling.run(WALK, &bowl, x);
        refused.err().unwrap().to_string()
    };
    let x = || start(4, 2);
    for (sampling, name) in [
        (sampling(0), "`n_draws`"),
        (
            Sampling {
                thin: 0,
                ..sampling(5)
            },
            "`thin`",
        ),
        (
            Sampling {
                rows_per_block: Some(0),
                ..sampling(5)
            },
            "`rows_per_block`",
        ),
        (
            Sampling {
                draws_per_segment: Some(0),
                ..sampling(5)
            },
            "`draws_per_segment`",
        ),
        (
            Sampling {
                thin: usize::MAX,
                ..sampling(5)
            },
            "`n_draws`",
        ),
        (sampling(usize::MAX / 64), "`draws`"),
    ] {
        let refusal = refusal(sampling, x());
        assert!(refusal.contains(name), "{refusal}");
    }
    assert!(refusal(sampling(5), start(0, 2)).contains("(at least 1, D)"));
    assert!(refusal(sampling(5), start(4, 3)).contains("[4, 3]"));
    // Where the density is not known, by the row of all chains and not of its block.
    let mut outside = start(100, 2);
    outside *= 0.01;
    outside[[71, 0]] = 4.0;
    let refusal = refusal(sampling(5), outside);
    assert!(
        refusal.contains("x[71, ..]") && refusal.contains("finite energy"),
        "{refusal}"
    );
}

#[test]
fn draws_are_pinned() {
    // Golden values: a change here changes every seeded result and belongs into the changelog.
    let pinned = run(
        &Sampling {
            n_warmup: 2,
            ..sampling(2)
        },
        2,
    );
    let expected = array![
        [
            [0.6748694096557439, -0.03796881269191166],
            [0.6748694096557439, -0.03796881269191166]
        ],
        [
            [-1.4562681480048216, 0.25316434542713595],
            [-1.2580366313898095, 0.2745465397445579]
        ]
    ];
    assert_eq!(pinned.draws, expected);
}
