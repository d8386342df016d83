//! Figures: a small surface over our own SVG and PNG writers.
//!
//! A [`Plot`] holds marks over two labelled [`Axis`]es and renders to SVG; an [`ImageGrid`] holds small pictures (digits,
//! filters) and renders to PNG. Equal data give equal bytes: coordinates are rounded to hundredths of a pixel, nothing is
//! measured with a font, and no map with a random order is involved.
//!
//! ```
//! use gibbsian_figure::{Axis, Plot};
//! let steps = [0.1, 0.2, 0.4, 0.8];
//! let (svg, (width, height)) = Plot::new("Unadjusted Langevin", Axis::log("step ε"), Axis::linear("variance"))
//!     .line("measured", steps.map(|e| (e, 1.0 / (1.0 - e / 2.0) + 0.01)))
//!     .error_bars(steps.map(|e| (e, 1.0 / (1.0 - e / 2.0), 1.0 / (1.0 - e / 2.0) + 0.02)))
//!     .dashed("1/(1 − ε/2)", steps.map(|e| (e, 1.0 / (1.0 - e / 2.0))))
//!     .horizontal("target", 1.0)
//!     .render()?;
//! assert!(svg.starts_with("<svg") && svg.contains("<title>Unadjusted Langevin</title>"));
//! assert!(width > 0 && height > 0);
//! # Ok::<(), gibbsian_core::Error>(())
//! ```
//!
//! **To be read.** Labels name quantities with their units. Series take the colours of Okabe and Ito (2008), which people with any colour vision can tell apart, and
//! each has its own marker or dashes, so that a copy in grey can be read as well. The legend stands above the field and never over data. Every figure has a `title` and a label
//! for those who do not see it.
//!
//! **On any page.** Text and axes are in the reader's `currentColor`, so that one file reads on light and on dark and in print, without a script or a font. The plotting crates were
//! looked at and left: what is needed here fits a few hundred lines, and none of them gives that.
//!
//! What cannot be drawn is a [`gibbsian_core::Error`] that names the axis, the array or the range. Single numbers that are not finite, or not positive on a logarithmic axis,
//! are gaps.

#![deny(unsafe_code)]

mod axis;
mod colour;
mod contours;
mod heat;
mod images;
mod legend;
mod markers;
mod marks;
mod plot;
mod png_file;
mod svg;
pub mod text;

pub use axis::Axis;
pub use colour::ColourMap;
pub use images::ImageGrid;
pub use plot::{HeatMap, Plot};

/// The program in the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
