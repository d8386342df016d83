//! Heat maps as a picture in the plot, with their colour bar.

use gibbsian_core::error::{Error, Result};

use crate::axis::{Axis, Placed};
use crate::plot::HeatMap;
use crate::png_file;
use crate::svg::{Field, WIDTH, put, text_at, text_upwards};
use crate::text;

/// Draws the cells and answers with the numbers at the ends of the colour map.
pub(crate) fn draw(
    svg: &mut String,
    map: &HeatMap,
    x: &Placed,
    y: &Placed,
    field: Field,
) -> Result<(f64, f64)> {
    if x.is_logarithmic() || y.is_logarithmic() {
        return Err(Error::parameter("axes of the heat map", "logarithmic", "linear"));
    }
    if map.values.is_empty() {
        let found = [map.n_rows, map.n_columns];
        return Err(Error::shape(
            "values of the heat map",
            &found,
            "(rows, columns), neither zero",
        ));
    }
    let (low, high) = map.range.unwrap_or_else(|| {
        (map.values.iter().filter(|v| v.is_finite()))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
                (l.min(v), h.max(v))
            })
    });
    if !(low <= high && (high - low).is_finite()) {
        return Err(Error::parameter(
            "range of the heat map's colours",
            format!("[{low}, {high}]"),
            "finite, the lower end first",
        ));
    }
    // Equal numbers everywhere are drawn in the middle colour.
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, high + 0.5)
    };
    // The first row of the grid is the lowest, the first row of a picture the highest.
    let rgb: Vec<u8> = (map.values.chunks(map.n_columns).rev().flatten())
        .flat_map(|&value| map.map.at((value - low) / (high - low)))
        .collect();
    let png = png_file::encode(map.n_columns as u32, map.n_rows as u32, &rgb);
    let corners = (x.at(map.x.0), x.at(map.x.1), y.at(map.y.0), y.at(map.y.1));
    let (Some(left), Some(right), Some(bottom), Some(top)) = corners else {
        return Err(Error::parameter(
            "corners of the heat map",
            format!("{:?} x {:?}", map.x, map.y),
            "places on both axes",
        ));
    };
    put(
        svg,
        format_args!(
            "<svg x=\"{fl:.2}\" y=\"{ft:.2}\" width=\"{fw:.2}\" height=\"{fh:.2}\" viewBox=\"{fl:.2} {ft:.2} {fw:.2} {fh:.2}\">\
             <image x=\"{left:.2}\" y=\"{top:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/></svg>\n",
            text::base64(&png),
            fl = field.left,
            ft = field.top,
            fw = field.right - field.left,
            fh = field.bottom - field.top,
            w = right - left,
            h = bottom - top,
        ),
    );
    Ok((low, high))
}

/// Draws the colours beside the field, with their numbers and the label.
pub(crate) fn colour_bar(
    svg: &mut String,
    map: Option<&HeatMap>,
    low: f64,
    high: f64,
    field: Field,
) -> Result<()> {
    let Some(map) = map else { return Ok(()) };
    let rgb: Vec<u8> = (0..64)
        .rev()
        .flat_map(|i| map.map.at(f64::from(i) / 63.0))
        .collect();
    let png = png_file::encode(1, 64, &rgb);
    let left = field.right + 12.0;
    put(
        svg,
        format_args!(
            "<image x=\"{left:.2}\" y=\"{:.2}\" width=\"10\" height=\"{:.2}\" preserveAspectRatio=\"none\" \
             href=\"data:image/png;base64,{}\"/>\n",
            field.top,
            field.bottom - field.top,
            text::base64(&png)
        ),
    );
    let scale = Axis::linear("")
        .range(low, high)
        .lay(std::iter::empty(), field.bottom, field.top)?;
    for (value, label) in scale.ticks(4) {
        if let Some(at) = scale.at(value) {
            text_at(svg, left + 14.0, at + 4.0, "start", &label);
        }
    }
    text_upwards(svg, WIDTH - 4.0, (field.top + field.bottom) / 2.0, &map.label);
    Ok(())
}
