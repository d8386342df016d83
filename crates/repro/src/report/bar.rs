//! A margin as a picture of a line's height.
//!
//! The shaded part is what is accepted, the mark is the measurement. An interval with two ends fills the middle; what has one end runs off the other side.
//! Colours are those of the text around it.

use crate::ledger::Verdict;
use crate::margin::{Accepted, Margin};
use crate::outcome::ClaimOutcome;
use crate::report::put;
use crate::text::escape;

const WIDTH: f64 = 64.0;
/// Where the ends of an interval with two ends are.
const LOW: f64 = 12.0;
const HIGH: f64 = 52.0;
/// As far out as a mark is drawn.
const OUTERMOST: (f64, f64) = (4.0, 60.0);

/// The bar of a claim as SVG, with its meaning in words for those who do not see it.
pub(super) fn svg(claim: &ClaimOutcome) -> String {
    let margin = Margin::of(claim);
    let words = match (&margin, claim.entry.verdict) {
        (_, Verdict::Skipped) => "not measured".to_owned(),
        (Some(margin), _) => margin.long(),
        (None, _) => "no margin".to_owned(),
    };
    let mut svg = String::new();
    put(
        &mut svg,
        format_args!(
            "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 12\" role=\"img\" aria-label=\"{}\">",
            escape(&words)
        ),
    );
    let Some(margin) = margin else {
        put(
            &mut svg,
            format_args!(
                "<path class=\"axis\" stroke-dasharray=\"3 3\" d=\"M2 6H{}\"/></svg>",
                WIDTH - 2.0
            ),
        );
        return svg;
    };
    let (band, edges, at) = place(&margin);
    put(
        &mut svg,
        format_args!("<path class=\"axis\" d=\"M2 6H{}\"/>", WIDTH - 2.0),
    );
    if let Some((from, to)) = band {
        put(
            &mut svg,
            format_args!("<path class=\"band\" d=\"M{from} 2H{to}V10H{from}Z\"/>"),
        );
    }
    let ticks: String = edges.iter().map(|x| format!("M{x} 1V11")).collect();
    put(&mut svg, format_args!("<path class=\"edge\" d=\"{ticks}\"/>"));
    let at = at.clamp(OUTERMOST.0, OUTERMOST.1);
    if claim.entry.verdict == Verdict::Fail {
        put(
            &mut svg,
            format_args!("<path class=\"cross\" d=\"M{:.1} 2l8 8m0 -8l-8 8\"/>", at - 4.0),
        );
    } else {
        put(
            &mut svg,
            format_args!("<circle cx=\"{at:.1}\" cy=\"6\" r=\"3.5\"/>"),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The shaded part, the ends to mark, and the place of the measurement.
fn place(margin: &Margin) -> (Option<(f64, f64)>, Vec<f64>, f64) {
    let half = (HIGH - LOW) / 2.0;
    let middle = (LOW + HIGH) / 2.0;
    let share = margin.closeness();
    match margin.accepted {
        Accepted::Exactly => {
            let at = if margin.distance < 0.0 { HIGH } else { middle };
            (None, vec![middle], at)
        }
        Accepted::Between { is_above } => {
            let from_middle = half * (1.0 - share);
            let at = if is_above {
                middle + from_middle
            } else {
                middle - from_middle
            };
            (Some((LOW, HIGH)), vec![LOW, HIGH], at)
        }
        Accepted::AtLeast => (Some((LOW, WIDTH - 2.0)), vec![LOW], LOW + 2.0 * half * share),
        Accepted::AtMost => (Some((2.0, HIGH)), vec![HIGH], HIGH - 2.0 * half * share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margin(accepted: Accepted, share: f64) -> Margin {
        Margin {
            distance: share,
            share: Some(share),
            standard_errors: None,
            accepted,
        }
    }

    #[test]
    fn a_mark_stands_where_the_measurement_is() {
        let at = |accepted, share| place(&margin(accepted, share)).2;
        for (accepted, share, expected) in [
            (Accepted::Between { is_above: true }, 1.0, 32.0),
            (Accepted::Between { is_above: true }, 0.0, HIGH),
            (Accepted::Between { is_above: false }, 0.0, LOW),
            (Accepted::Between { is_above: false }, 0.5, 22.0),
            (Accepted::Between { is_above: true }, -0.5, HIGH + 10.0),
            (Accepted::AtLeast, 0.0, LOW),
            (Accepted::AtLeast, 0.5, 32.0),
            (Accepted::AtLeast, -0.1, LOW - 4.0),
            (Accepted::AtMost, 0.0, HIGH),
            (Accepted::AtMost, 1.0, LOW),
            (Accepted::AtMost, -0.1, HIGH + 4.0),
            (Accepted::Exactly, 0.0, 32.0),
        ] {
            assert!(
                (at(accepted, share) - expected).abs() < 1e-9,
                "{accepted:?} {share}"
            );
        }
    }
}
