//! Numbers and names as people read them.

pub(crate) use gibbsian_figure::text::{base64, count, escape, number, significant};

use crate::ledger::Target;

/// An expected number or interval with its tolerance.
pub(crate) fn expectation(expected: &Target, tolerance: f64) -> String {
    let target = match expected {
        Target::Number(value) => number(*value),
        Target::Interval([Some(low), Some(high)]) => format!("[{}, {}]", number(*low), number(*high)),
        Target::Interval([Some(low), None]) => format!("≥ {}", number(*low)),
        Target::Interval([None, Some(high)]) => format!("≤ {}", number(*high)),
        Target::Interval([None, None]) => "a reference".into(),
    };
    if tolerance == 0.0 {
        target
    } else {
        format!("{target} ± {}", significant(tolerance, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_show_their_kind() {
        assert_eq!(expectation(&Target::Number(0.5), 0.01), "0.5 ± 0.01");
        assert_eq!(expectation(&Target::Number(1.0), 0.006_108_38), "1 ± 0.00611");
        assert_eq!(expectation(&Target::Number(1.0), 12_345.6), "1 ± 12346");
        assert_eq!(
            expectation(&Target::Interval([Some(1.0), Some(2.0)]), 0.0),
            "[1, 2]"
        );
        assert_eq!(
            expectation(&Target::Interval([Some(1.0), None]), 0.5),
            "≥ 1 ± 0.5"
        );
        assert_eq!(expectation(&Target::Interval([None, Some(1.0)]), 0.0), "≤ 1");
    }
}
