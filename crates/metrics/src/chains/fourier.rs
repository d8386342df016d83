//! The discrete Fourier transform of length `2ᵏ`, as far as autocovariances need it.
//!
//! By the theorem of Wiener and Khinchin the autocovariance is the inverse transform of the power spectrum. The forward transform splits by
//! frequency and leaves its output in bit-reversed order, the inverse one splits by time and takes its input in that order; between
//! them a power spectrum does not care where its entries lie, so nothing is ever permuted. Two real series travel as the real and
//! the imaginary part of one complex series: the power spectrum of `a + i b` is that of `a` plus that of `b` plus an odd part, and
//! the odd part of a real spectrum has an imaginary transform, which is dropped.
//!
//! Source: Cooley and Tukey (1965); Gentleman and Sande (1966) for the splitting by frequency.

use std::f64::consts::PI;

use gibbsian_core::simd::{Vectorized, vectorized};

/// Tables for one length.
pub(super) struct Fourier {
    size: usize,
    /// For each stage of length `size`, `size/2`, …, 2 the powers `exp(−2πi j / length)`, `j < length/2`, one after the other.
    cos: Vec<f64>,
    sin: Vec<f64>,
}

impl Fourier {
    /// The tables for the smallest power of two that holds `at_least` entries.
    pub(super) fn new(at_least: usize) -> Self {
        let size = at_least.max(2).next_power_of_two();
        let (mut cos, mut sin) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut length = size;
        while length >= 2 {
            for j in 0..length / 2 {
                let angle = -2.0 * PI * j as f64 / length as f64;
                cos.push(angle.cos());
                sin.push(angle.sin());
            }
            length /= 2;
        }
        Fourier { size, cos, sin }
    }

    /// The length `2ᵏ`.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Transforms `re + i im` in place; the output is in bit-reversed order.
    pub(super) fn forward(&self, re: &mut [f64], im: &mut [f64]) {
        vectorized(Forward { tables: self, re, im });
    }

    /// The real part of the inverse transform of the real spectrum `re`, given in bit-reversed order, in place.
    pub(super) fn inverse_real(&self, re: &mut [f64]) {
        let mut im = vec![0.0; self.size];
        let (mut length, mut table_end) = (2, self.cos.len());
        while length <= self.size {
            let half = length / 2;
            let table = table_end - half;
            let (cos, sin) = (&self.cos[table..table_end], &self.sin[table..table_end]);
            for (re, im) in re.chunks_exact_mut(length).zip(im.chunks_exact_mut(length)) {
                let ((re, re_far), (im, im_far)) = (re.split_at_mut(half), im.split_at_mut(half));
                for j in 0..half {
                    // The conjugate of the forward factor.
                    let a = re_far[j] * cos[j] + im_far[j] * sin[j];
                    let b = im_far[j] * cos[j] - re_far[j] * sin[j];
                    re_far[j] = re[j] - a;
                    im_far[j] = im[j] - b;
                    re[j] += a;
                    im[j] += b;
                }
            }
            table_end = table;
            length *= 2;
        }
        let scale = 1.0 / self.size as f64;
        re.iter_mut().for_each(|v| *v *= scale);
    }
}

struct Forward<'a> {
    tables: &'a Fourier,
    re: &'a mut [f64],
    im: &'a mut [f64],
}

impl Vectorized for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (mut length, mut table) = (self.tables.size, 0);
        while length >= 2 {
            let half = length / 2;
            let cos = &self.tables.cos[table..table + half];
            let sin = &self.tables.sin[table..table + half];
            for (re, im) in self
                .re
                .chunks_exact_mut(length)
                .zip(self.im.chunks_exact_mut(length))
            {
                let ((re, re_far), (im, im_far)) = (re.split_at_mut(half), im.split_at_mut(half));
                for j in 0..half {
                    let (a, b) = (re[j] - re_far[j], im[j] - im_far[j]);
                    re[j] += re_far[j];
                    im[j] += im_far[j];
                    re_far[j] = a * cos[j] - b * sin[j];
                    im_far[j] = a * sin[j] + b * cos[j];
                }
            }
            table += half;
            length = half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forward_transform_is_the_defining_sum_up_to_order() {
        let fourier = Fourier::new(16);
        let n = fourier.size();
        let x: Vec<f64> = (0..n).map(|i| (i as f64 * 1.7).sin() + 0.3 * i as f64).collect();
        let y: Vec<f64> = (0..n).map(|i| (i as f64 * 0.9).cos()).collect();
        let (mut re, mut im) = (x.clone(), y.clone());
        fourier.forward(&mut re, &mut im);
        for k in 0..n {
            let (mut a, mut b) = (0.0, 0.0);
            for t in 0..n {
                let angle = -2.0 * PI * (k * t) as f64 / n as f64;
                a += x[t] * angle.cos() - y[t] * angle.sin();
                b += x[t] * angle.sin() + y[t] * angle.cos();
            }
            let place = k.reverse_bits() >> (usize::BITS - n.trailing_zeros());
            assert!(
                (re[place] - a).abs() < 1e-12 && (im[place] - b).abs() < 1e-12,
                "{k}"
            );
        }
    }

    #[test]
    fn a_cosine_has_two_lines_and_its_power_is_its_autocovariance() {
        let fourier = Fourier::new(16);
        let n = fourier.size();
        let (mut re, mut im) = ((0..n).map(|t| wave(3 * t, n)).collect::<Vec<_>>(), vec![0.0; n]);
        fourier.forward(&mut re, &mut im);
        let mut power: Vec<f64> = re.iter().zip(&im).map(|(re, im)| re * re + im * im).collect();
        for k in 0..n {
            let place = k.reverse_bits() >> (usize::BITS - n.trailing_zeros());
            let line = if k == 3 || k == n - 3 { n as f64 / 2.0 } else { 0.0 };
            assert!((re[place] - line).abs() < 1e-13 && im[place].abs() < 1e-13, "{k}");
        }
        // Around the circle Σ_t x_t x_{t+k} = (n/2) cos(2π 3 k/n).
        fourier.inverse_real(&mut power);
        for (k, c) in power.iter().enumerate() {
            assert!((c - n as f64 / 2.0 * wave(3 * k, n)).abs() < 1e-12, "{k}: {c}");
        }
    }

    fn wave(place: usize, n: usize) -> f64 {
        (2.0 * PI * place as f64 / n as f64).cos()
    }

    #[test]
    fn the_shortest_spectrum_comes_back() {
        let fourier = Fourier::new(2);
        assert_eq!(fourier.size(), 2);
        let mut re = vec![3.0, 1.0];
        fourier.inverse_real(&mut re);
        assert_eq!(re, [2.0, 1.0]);
    }
}
