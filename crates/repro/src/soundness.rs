//! Declarations that could not decide anything, found by a test before they run.

use crate::experiment::{Check, Expected, Experiment, Tolerance};
use crate::{ledger, runner};

/// Everything wrong with a list of experiments that a machine can see: ids and claims that clash, missing texts, numbers
/// that could never decide anything. An empty answer is what the registry's test requires.
pub fn faults(experiments: &[&Experiment]) -> Vec<String> {
    let mut faults = Vec::new();
    for (i, experiment) in experiments.iter().enumerate() {
        let id = experiment.id;
        let mut fault = |what: String| faults.push(format!("{id}: {what}"));
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(allowed) || id.starts_with('-') {
            fault("an id is lower-case letters, digits and hyphens".into());
        }
        if RESERVED.contains(&id) {
            fault("this id names a folder of the runner".into());
        }
        if experiments[..i].iter().any(|e| e.id == id) {
            fault("the id is taken".into());
        }
        if [experiment.title, experiment.shows, experiment.source]
            .iter()
            .any(|t| t.trim().is_empty())
        {
            fault("title, shows and source must not be empty".into());
        }
        if !experiment.question.ends_with('?') {
            fault("a question ends with a question mark".into());
        }
        if experiment.mathematics.trim().is_empty() {
            fault("the mathematics must not be empty".into());
        }
        if let Err(why) = gibbsian_mathml::to_html(experiment.mathematics) {
            fault(why.to_string());
        }
        if experiment.budget_seconds == 0 {
            fault("the time budget must be at least one second".into());
        }
        if experiment.claims.is_empty() {
            fault("an experiment without a claim shows nothing".into());
        }
        for (j, claim) in experiment.claims.iter().enumerate() {
            if experiment.claims[..j].iter().any(|c| c.claim == claim.claim) {
                fault(format!("two claims read {:?}", claim.claim));
            }
            if [claim.claim, claim.source, claim.reason]
                .iter()
                .any(|t| t.trim().is_empty())
            {
                fault(format!(
                    "claim {:?} lacks its text, source or reason",
                    claim.claim
                ));
            }
            if claim.claim == ledger::RUNS_TO_THE_END {
                fault(format!("the runner makes the claim {:?} itself", claim.claim));
            }
            for check in claim.quick.iter().chain([&claim.full]) {
                if let Some(what) = check_fault(check) {
                    fault(format!("claim {:?}: {what}", claim.claim));
                }
            }
        }
    }
    faults
}

/// Names beside the experiments' folders that the runner uses itself.
const RESERVED: [&str; 1] = [runner::CACHE];

fn check_fault(check: &Check) -> Option<&'static str> {
    let (Tolerance::Absolute(t)
    | Tolerance::Relative(t)
    | Tolerance::StandardErrors(t)
    | Tolerance::Scaled(t)) = check.tolerance;
    if !(t.is_finite() && t >= 0.0) {
        return Some("a tolerance is finite and at least zero");
    }
    match check.expected {
        Expected::Value(v) if !v.is_finite() => Some("an expected value is finite"),
        Expected::Range(None, None) => Some("an interval open at both ends cannot fail"),
        Expected::Range(low, high) if low.into_iter().chain(high).any(|b| !b.is_finite()) => {
            Some("a bound is finite; an open end is `None`")
        }
        Expected::Range(Some(low), Some(high)) if low > high => {
            Some("the lower bound is above the upper one")
        }
        Expected::Range(..) if matches!(check.tolerance, Tolerance::Relative(_)) => {
            Some("a relative tolerance needs an expected value")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Claim, Provenance};

    const CLAIM: Claim = Claim {
        claim: "one is one",
        source: "arithmetic",
        provenance: Provenance::Exact,
        quick: Some(Check::value(1.0)),
        full: Check::value(1.0),
        reason: "exact",
    };
    const GOOD: Experiment = Experiment {
        id: "good",
        title: "t",
        question: "q?",
        mathematics: "$m$",
        shows: "s",
        source: "s",
        budget_seconds: 1,
        claims: &[CLAIM],
        run: |_| Ok(()),
    };

    fn faults_of(claim: Claim) -> Vec<String> {
        let claims: &'static [Claim] = vec![claim].leak();
        faults(&[&Experiment { claims, ..GOOD }])
    }

    #[test]
    fn a_sound_declaration_has_no_fault() {
        assert_eq!(faults(&[&GOOD]), Vec::<String>::new());
    }

    #[test]
    fn clashing_or_unusable_ids_are_faults() {
        assert_eq!(faults(&[&GOOD, &GOOD]), ["good: the id is taken"]);
        for id in ["", "Upper", "a b", "../x", "-x", "cache"] {
            assert_eq!(faults(&[&Experiment { id, ..GOOD }]).len(), 1, "{id:?}");
        }
    }

    #[test]
    fn texts_and_claims_are_required() {
        let e = Experiment {
            source: " ",
            claims: &[],
            budget_seconds: 0,
            ..GOOD
        };
        assert_eq!(faults(&[&e]).len(), 3);
        let twice = Experiment {
            claims: &[CLAIM, CLAIM],
            ..GOOD
        };
        assert_eq!(faults(&[&twice]), ["good: two claims read \"one is one\""]);
        assert_eq!(faults_of(Claim { reason: "", ..CLAIM }).len(), 1);
        let reserved = Claim {
            claim: ledger::RUNS_TO_THE_END,
            ..CLAIM
        };
        assert_eq!(faults_of(reserved).len(), 1);
    }

    #[test]
    fn checks_that_cannot_decide_are_faults() {
        for full in [
            Check::value(f64::NAN),
            Check::value(1.0).within(-1.0),
            Check::value(1.0).within_standard_errors(f64::INFINITY),
            Check::between(2.0, 1.0),
            Check::at_least(f64::NEG_INFINITY),
            Check::at_least(1.0).within_relative(0.1),
            Check {
                expected: Expected::Range(None, None),
                tolerance: Tolerance::Absolute(0.0),
            },
        ] {
            assert_eq!(faults_of(Claim { full, ..CLAIM }).len(), 1, "{full:?}");
        }
        let fine = Claim {
            quick: None,
            full: Check::reference().within_relative(1e-9),
            ..CLAIM
        };
        assert!(faults_of(fine).is_empty());
    }
}
