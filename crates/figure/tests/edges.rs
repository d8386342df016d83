//! Numbers at the edges: ranges too narrow to be parted, and places without a number.

use gibbsian_figure::{Axis, Plot};

fn plot() -> Plot {
    Plot::new("t", Axis::linear("x"), Axis::linear("y"))
}

#[test]
fn ranges_that_no_step_parts_are_shown_or_refused() {
    let tiny = f64::from_bits(1);
    for (low, high) in [
        (0.0, 1e-323),
        (tiny, 3.0 * tiny),
        (-tiny, tiny),
        (1e-310, 2e-310),
        (tiny, tiny),
    ] {
        let (svg, _) = plot().line("", [(0.0, low), (1.0, high)]).render().unwrap();
        assert!(!svg.contains("NaN") && svg.len() < 100_000, "{low:e} {high:e}");
        // On a logarithmic axis they are as far apart as others, and have no round numbers between them.
        if low > 0.0 {
            let log = Plot::new("t", Axis::linear("x"), Axis::log("y"));
            let (svg, _) = log.line("", [(0.0, low), (1.0, high)]).render().unwrap();
            assert!(!svg.contains("NaN") && svg.len() < 100_000, "{low:e} {high:e}");
        }
        let asked = Plot::new("t", Axis::linear("x").range(low, high), Axis::linear("y"));
        assert!(asked.line("", [(low, 0.0), (high, 1.0)]).render().is_err());
    }
    // The widest numbers of a logarithmic axis have a margin that is no number.
    let (svg, _) = Plot::new("t", Axis::linear("x"), Axis::log("y"))
        .line("", [(0.0, 1e308), (1.0, f64::MAX)])
        .render()
        .unwrap();
    assert!(!svg.contains("NaN") && svg.len() < 100_000);
    // A narrow range that steps do part.
    assert!(plot().line("", [(0.0, 0.0), (1.0, 1e-299)]).render().is_ok());
}

#[test]
fn a_band_has_a_gap_where_a_point_has_no_place() {
    let gap = (1.0, f64::NAN, f64::NAN);
    let path = |points: &[(f64, f64, f64)]| {
        let line = [(0.0, 0.0), (4.0, 1.0)];
        let (svg, _) = plot()
            .line("", line)
            .band(points.iter().copied())
            .render()
            .unwrap();
        let band = svg.lines().find(|l| l.contains("fill-opacity=\"0.2\""));
        band.unwrap_or_default().to_owned()
    };
    let at = |x: f64| (x, 0.2, 0.8);
    assert_eq!(
        path(&[at(0.0), at(0.5), at(2.0), at(3.0)]).matches('M').count(),
        1
    );
    let parted = path(&[at(0.0), at(0.5), gap, at(2.0), at(3.0)]);
    assert_eq!(
        (parted.matches('M').count(), parted.matches('Z').count()),
        (2, 2),
        "{parted}"
    );
    // One end without a place is a gap, too, as are ends of the list.
    for end in [(1.0, f64::NAN, 1.0), (1.0, 0.0, f64::INFINITY)] {
        assert_eq!(
            path(&[end, at(1.5), at(2.0), end, at(3.0), at(4.0), end])
                .matches('M')
                .count(),
            2
        );
    }
}

/// The least certain point of a logarithmic plot has the longest bar, not none.
#[test]
fn what_reaches_below_zero_leaves_a_logarithmic_field() {
    let path = |low: f64| {
        let plot = Plot::new("t", Axis::linear("x"), Axis::log("y")).points("", [(0.0, 1.0), (1.0, 0.1)]);
        let (svg, _) = plot.error_bars([(1.0, low, 0.5)]).render().unwrap();
        let bar = svg
            .lines()
            .find(|l| l.contains("stroke-width=\"1.2\"") && l.contains('V'));
        bar.unwrap_or_default().to_owned()
    };
    // Two ends, and only the upper one.
    assert_eq!(path(0.05).matches("h6").count(), 2);
    assert_eq!(path(-0.1).matches("h6").count(), 1);
    assert_eq!(path(f64::NAN), "");
}

#[test]
fn a_heat_map_has_linear_axes() {
    use gibbsian_figure::HeatMap;
    let values = ndarray::array![[1.0, 2.0], [3.0, 4.0]];
    let map = HeatMap::new("v", values.view(), (1.0, 2.0), (1.0, 2.0));
    let plot = |axis| {
        Plot::new("t", axis, Axis::linear("y"))
            .heat_map(map.clone())
            .render()
    };
    assert!(plot(Axis::linear("x")).is_ok());
    let refusal = plot(Axis::log("x")).unwrap_err().to_string();
    assert!(refusal.contains("logarithmic"), "{refusal}");
}
