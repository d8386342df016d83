//! Every check is able to fail: planted bugs, each reported, and for the right reason.

mod continuous;
mod derivatives;
mod discrete;
mod families;
mod grouped_units;
mod parameters;
mod paths;
mod processes;
mod units;

use gibbsian_testkit::differences::Precision;
use gibbsian_testkit::verdict::Verdict;

const DOUBLE: Precision = Precision::DOUBLE;

/// Requires a failure whose law or evidence mentions `reason`.
#[track_caller]
fn caught(verdict: Verdict, reason: &str) {
    match verdict {
        Ok(()) => panic!("the planted bug was not reported (expected: {reason})"),
        Err(failure) => assert!(
            failure.to_string().contains(reason),
            "reported for another reason than `{reason}`: {failure}"
        ),
    }
}
