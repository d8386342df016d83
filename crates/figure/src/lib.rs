//! Figures: a small surface over our own SVG and PNG writers.
//!
//! A [`Plot`] holds marks over two labelled [`Axis`]es and renders to SVG; an [`ImageGrid`] holds small pictures (digits,
//! filters) and renders to PNG. Equal data give equal bytes: coordinates are rounded to hundredths of a pixel, nothing is
//! measured with a font, and no map with a random order is involved.
//!
//! The plotting crates were looked at and left: what is needed here fits a few hundred lines, and only our own writer gives
//! text and axes in the reader's `currentColor`, so that one file reads on light and on dark, without a script or a font.
//! Series take the colours of Okabe and Ito (2008), which people with any colour vision can tell apart.

#![deny(unsafe_code)]

mod axis;
mod colour;
mod contours;
mod heat;
mod images;
mod legend;
mod marks;
mod plot;
mod svg;
pub mod text;

pub use axis::Axis;
pub use colour::ColourMap;
pub use images::ImageGrid;
pub use plot::{HeatMap, Plot};
