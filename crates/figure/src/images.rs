//! Small pictures side by side, as PNG.

use gibbsian_core::error::{Error, Result};
use ndarray::ArrayView2;

use crate::colour::ColourMap;
use crate::{png_file, text};

/// Equal pictures in rows, such as digits or the filters of a hidden unit.
///
/// ```
/// use gibbsian_figure::{ColourMap, ImageGrid};
/// use ndarray::Array2;
/// let digits = Array2::<f64>::zeros((100, 28 * 28));
/// let grid = ImageGrid::new(digits.view(), 28, 28).columns(10).colours(ColourMap::Ink, 0.0, 1.0);
/// assert!(grid.render().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct ImageGrid {
    n_images: usize,
    n_pixels: usize,
    pixels: Vec<f64>,
    height: usize,
    width: usize,
    columns: usize,
    magnification: usize,
    map: ColourMap,
    low: f64,
    high: f64,
}

/// Screen pixels per pixel of a picture, either way, unless told.
const MAGNIFICATION: usize = 2;
/// The grey between pictures, seen on dark and on light.
const GAP: [u8; 3] = [128, 128, 128];
/// The side of the largest PNG; more would be a mistake and not a figure.
const LARGEST_SIDE: usize = 8192;

impl ImageGrid {
    /// One picture a row of `images`, itself in rows of `width` pixels from the top left. White paper, ink from 0 to 1.
    pub fn new(images: ArrayView2<f64>, height: usize, width: usize) -> Self {
        ImageGrid {
            n_images: images.nrows(),
            n_pixels: images.ncols(),
            pixels: images.iter().copied().collect(),
            height,
            width,
            columns: 10,
            magnification: MAGNIFICATION,
            map: ColourMap::Ink,
            low: 0.0,
            high: 1.0,
        }
    }

    /// The number of pictures in a row (10 unless told).
    pub fn columns(self, columns: usize) -> Self {
        ImageGrid { columns, ..self }
    }

    /// Screen pixels per pixel of a picture, either way (2 unless told), for pictures of few pixels.
    pub fn magnified(self, magnification: usize) -> Self {
        ImageGrid {
            magnification,
            ..self
        }
    }

    /// The colours, and the numbers that get their ends.
    pub fn colours(self, map: ColourMap, low: f64, high: f64) -> Self {
        ImageGrid {
            map,
            low,
            high,
            ..self
        }
    }

    /// The pictures as PNG, with its width and height.
    ///
    /// # Errors
    /// There is no picture, column or pixel, the pixels of a picture are not `height · width`, the range of colours is empty or not finite, or the
    /// whole is too large to look at.
    pub fn render(&self) -> Result<(Vec<u8>, (u32, u32))> {
        if self.n_images == 0 || self.columns == 0 || self.n_pixels == 0 || self.magnification == 0 {
            let what = format!(
                "of {} of {} in {}, magnified {} times",
                text::count(self.n_images, "image"),
                text::count(self.n_pixels, "pixel"),
                text::count(self.columns, "column"),
                self.magnification
            );
            return Err(Error::parameter("grid", what, "of one or more of each"));
        }
        let by = self.magnification;
        if self.height.checked_mul(self.width) != Some(self.n_pixels) {
            let required = format!("(images, {} x {})", self.height, self.width);
            return Err(Error::shape("images", &[self.n_images, self.n_pixels], required));
        }
        if !(self.low < self.high && (self.high - self.low).is_finite()) {
            let value = format!("[{}, {}]", self.low, self.high);
            return Err(Error::parameter(
                "range of the colours",
                value,
                "finite, the lower end first",
            ));
        }
        let columns = self.columns.min(self.n_images);
        let rows = self.n_images.div_ceil(columns);
        let side = |n: usize, pixels: usize| {
            (pixels.checked_mul(by))
                .and_then(|pixels| n.checked_mul(pixels + 1))
                .map(|side| side + 1)
                .filter(|&side| side <= LARGEST_SIDE)
                .ok_or_else(|| {
                    let what = format!("of {}", text::count(self.n_images, "image"));
                    Error::parameter("grid", what, format!("at most {LARGEST_SIDE} pixels a side"))
                })
        };
        let (width, height) = (side(columns, self.width)?, side(rows, self.height)?);

        let mut canvas = GAP.repeat(width * height);
        for row in 0..rows {
            for column in 0..columns {
                // Places after the last picture stay empty, in the colour of the gaps.
                let Some(image) = self.pixels.chunks(self.n_pixels).nth(row * columns + column) else {
                    continue;
                };
                let top = 1 + row * (by * self.height + 1);
                let left = 1 + column * (by * self.width + 1);
                for y in 0..by * self.height {
                    for x in 0..by * self.width {
                        let value = image[y / by * self.width + x / by];
                        let colour = self.map.at((value - self.low) / (self.high - self.low));
                        let place = 3 * ((top + y) * width + left + x);
                        canvas[place..place + 3].copy_from_slice(&colour);
                    }
                }
            }
        }
        Ok((
            png_file::encode(width as u32, height as u32, &canvas),
            (width as u32, height as u32),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    /// Decodes what was encoded.
    fn decoded(png: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn pictures_stand_in_rows_with_a_gap() {
        // Three 1 x 2 pictures in two columns: each is 2 x 4 pixels on the screen.
        let images = array![[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        let grid = ImageGrid::new(images.view(), 1, 2)
            .columns(2)
            .colours(ColourMap::Grey, 0.0, 1.0);
        let (png, size) = grid.render().unwrap();
        assert_eq!(size, (2 * 5 + 1, 2 * 3 + 1));
        let (width, height, pixels) = decoded(&png);
        assert_eq!((width, height), size);
        let line = |y: usize| -> Vec<u8> {
            pixels[3 * 11 * y..3 * 11 * (y + 1)]
                .iter()
                .step_by(3)
                .copied()
                .collect()
        };
        assert_eq!(line(0), [128; 11]);
        assert_eq!(line(1), [128, 0, 0, 255, 255, 128, 255, 255, 0, 0, 128]);
        assert_eq!(line(1), line(2));
        assert_eq!(line(4), [128, 255, 255, 255, 255, 128, 128, 128, 128, 128, 128]);
    }

    #[test]
    fn small_pictures_can_be_magnified() {
        let image = array![[0.0, 1.0]];
        let grid = ImageGrid::new(image.view(), 1, 2).colours(ColourMap::Grey, 0.0, 1.0);
        let (png, size) = grid.magnified(3).render().unwrap();
        assert_eq!(size, (2 * 3 + 2, 3 + 2));
        let line: Vec<u8> = decoded(&png).2[3 * 8..6 * 8].iter().step_by(3).copied().collect();
        assert_eq!(line, [128, 0, 0, 0, 255, 255, 255, 128]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |n: usize, pixels: usize, height, width| {
            ImageGrid::new(Array2::zeros((n, pixels)).view(), height, width)
                .render()
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(1, 6, 2, 2),
            "`images` has shape [1, 6], but must have shape (images, 2 x 2)"
        );
        assert!(refused(0, 4, 2, 2).contains("of 0 images of 4 pixels in 10 columns"));
        let invisible = ImageGrid::new(Array2::zeros((1, 4)).view(), 2, 2).magnified(0);
        assert!(invisible.render().is_err());
        assert!(refused(1, 5000, 5000, 1).contains("at most 8192 pixels a side"));
        let grid = ImageGrid::new(Array2::zeros((1, 4)).view(), 2, 2);
        assert!(grid.colours(ColourMap::Grey, 1.0, 1.0).render().is_err());
    }
}
