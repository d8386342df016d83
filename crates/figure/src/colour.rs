//! The colours of series and of heat maps.

/// Okabe and Ito, "Color universal design" (2008), without black and yellow, which vanish on dark and on light.
pub(crate) const SERIES: [&str; 6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

/// How a number becomes a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMap {
    /// Black to white.
    Grey,
    /// White to black, for ink on paper.
    Ink,
    /// Dark blue to yellow, evenly in lightness: nine stops along viridis (Smith and van der Walt, 2015).
    Viridis,
    /// Blue through white to orange, for numbers with a meaningful middle.
    Diverging,
}

const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

const DIVERGING: [[u8; 3]; 5] = [
    [0, 68, 136],
    [110, 166, 205],
    [247, 247, 247],
    [244, 165, 90],
    [166, 60, 6],
];

/// The colour of what is not a number.
const NOT_A_NUMBER: [u8; 3] = [204, 51, 102];

impl ColourMap {
    /// The colour at `t` of the way from the lowest to the highest number; outside `[0, 1]` the nearest end.
    pub(crate) fn at(self, t: f64) -> [u8; 3] {
        match self {
            _ if t.is_nan() => NOT_A_NUMBER,
            ColourMap::Grey => interpolate(&[[0; 3], [255; 3]], t),
            ColourMap::Ink => interpolate(&[[255; 3], [0; 3]], t),
            ColourMap::Viridis => interpolate(&VIRIDIS, t),
            ColourMap::Diverging => interpolate(&DIVERGING, t),
        }
    }
}

fn interpolate(stops: &[[u8; 3]], t: f64) -> [u8; 3] {
    let place = t.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let left = (place as usize).min(stops.len() - 2);
    let fraction = place - left as f64;
    std::array::from_fn(|channel| {
        let (a, b) = (
            f64::from(stops[left][channel]),
            f64::from(stops[left + 1][channel]),
        );
        (a + fraction * (b - a)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_the_middle_are_the_stops() {
        assert_eq!(ColourMap::Grey.at(0.0), [0; 3]);
        assert_eq!(ColourMap::Grey.at(1.0), [255; 3]);
        assert_eq!(ColourMap::Ink.at(-3.0), [255; 3]);
        assert_eq!(ColourMap::Viridis.at(2.0), [253, 231, 37]);
        assert_eq!(ColourMap::Viridis.at(0.5), [33, 144, 141]);
        assert_eq!(ColourMap::Diverging.at(0.5), [247; 3]);
        assert_eq!(ColourMap::Grey.at(f64::NAN), NOT_A_NUMBER);
    }
}
