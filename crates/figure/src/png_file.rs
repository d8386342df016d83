//! Pictures as PNG files (ISO/IEC 15948), compressed by DEFLATE with its fixed codes (RFC 1951).
//!
//! Figures are few flat colours in runs and repeated rows, so differences to the pixel on the left and repetitions within a row and of rows are all that is looked for. Files come out
//! at most somewhat larger than those of a general compressor, of which a user of figures would have to build ten crates; the `png` crate reads them back in the tests.
//! The same pixels give the same bytes.

/// Bytes of a pixel: red, green, blue.
const CHANNELS: usize = 3;
/// How far back DEFLATE may refer.
const WINDOW: usize = 1 << 15;
/// The shortest and the longest repetition that it has codes for.
const SHORTEST: usize = 3;
const LONGEST: usize = 258;
/// How many earlier places with the same three bytes are tried.
const TRIES: usize = 64;

/// The least length of each code from 257 on, and how many further bits say how much longer.
#[rustfmt::skip]
const LENGTHS: [(u16, u8); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3),
    (59, 3), (67, 4), (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];

/// RGB bytes `(height, width, 3)` as a file.
pub(crate) fn encode(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // Eight bits a channel, colours without a palette, the only compression and filters there are, no interlacing.
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(
        &mut file,
        b"IDAT",
        &zlib(&filtered(rgb, CHANNELS * width as usize)),
    );
    chunk(&mut file, b"IEND", &[]);
    file
}

/// Each row as the number of its filter (1, "Sub") and the differences of its pixels to those on the left.
fn filtered(rgb: &[u8], row_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgb.len() + rgb.len() / row_bytes.max(1));
    for row in rgb.chunks(row_bytes.max(1)) {
        out.push(1);
        for (i, &byte) in row.iter().enumerate() {
            let left = i.checked_sub(CHANNELS).map_or(0, |i| row[i]);
            out.push(byte.wrapping_sub(left));
        }
    }
    out
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let checksum = crc32(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

/// The checksum of a chunk: the remainder by the polynomial `0x04C11DB7`, least significant bit first.
fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0_u32; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(n as u32, |c, _| {
            if c & 1 == 1 {
                0xedb8_8320 ^ (c >> 1)
            } else {
                c >> 1
            }
        });
    }
    !bytes
        .iter()
        .fold(u32::MAX, |c, &byte| table[usize::from(c as u8 ^ byte)] ^ (c >> 8))
}

/// The checksum of a zlib stream (RFC 1950).
fn adler32(bytes: &[u8]) -> u32 {
    const PRIME: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % PRIME;
        b = (b + a) % PRIME;
    }
    b << 16 | a
}

/// A zlib stream of one block.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = Bits::default();
    // DEFLATE with a window of 32 KiB; then the last block, with the fixed codes.
    out.put(0x0178, 16);
    out.put(0b011, 3);
    let mut search = Search::new(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        match search.longest(bytes, place) {
            Some((length, distance)) => {
                out.put_repetition(length, distance);
                (place..place + length).for_each(|p| search.remember(bytes, p));
                place += length;
            }
            None => {
                out.put_symbol(u16::from(bytes[place]));
                search.remember(bytes, place);
                place += 1;
            }
        }
    }
    out.put_symbol(256);
    let mut file = out.finish();
    file.extend(adler32(bytes).to_be_bytes());
    file
}

/// Bits in the order of DEFLATE: the first in the lowest place of a byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    n_pending: u32,
}

impl Bits {
    fn put(&mut self, value: u32, n_bits: u32) {
        self.pending |= u64::from(value) << self.n_pending;
        self.n_pending += n_bits;
        while self.n_pending >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.n_pending -= 8;
        }
    }

    /// Codes go with their highest bit first.
    fn put_code(&mut self, code: u32, n_bits: u32) {
        self.put(code.reverse_bits() >> (32 - n_bits), n_bits);
    }

    /// A byte, the end, or the code of a length, by the fixed code (RFC 1951, 3.2.6).
    fn put_symbol(&mut self, symbol: u16) {
        let s = u32::from(symbol);
        match symbol {
            0..=143 => self.put_code(0x30 + s, 8),
            144..=255 => self.put_code(0x190 + s - 144, 9),
            256..=279 => self.put_code(s - 256, 7),
            _ => self.put_code(0xc0 + s - 280, 8),
        }
    }

    /// So many bytes from so far back (RFC 1951, 3.2.5).
    fn put_repetition(&mut self, length: usize, distance: usize) {
        let code = LENGTHS.partition_point(|&(least, _)| usize::from(least) <= length) - 1;
        let (least, n_bits) = LENGTHS[code];
        self.put_symbol(257 + code as u16);
        self.put((length - usize::from(least)) as u32, u32::from(n_bits));
        // Two codes for each doubling of the distance: its highest two bits choose, the others follow.
        let d = (distance - 1) as u32;
        let n_bits = d.checked_ilog2().map_or(0, |log| log.saturating_sub(1));
        let code = 2 * n_bits + (d >> n_bits);
        self.put_code(code, 5);
        self.put(d & ((1 << n_bits) - 1), n_bits);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, (8 - self.n_pending) % 8);
        self.bytes
    }
}

/// Where three bytes have stood before.
struct Search {
    /// The last place of each hash, and of each place the one before it; counted from one.
    last: Vec<u32>,
    before: Vec<u32>,
}

impl Search {
    fn new(n_bytes: usize) -> Self {
        Self {
            last: vec![0; WINDOW],
            before: vec![0; n_bytes],
        }
    }

    fn hash(bytes: &[u8], place: usize) -> Option<usize> {
        let &[a, b, c] = bytes.get(place..place + SHORTEST)? else {
            return None;
        };
        let word = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1);
        Some((word >> 17) as usize)
    }

    fn remember(&mut self, bytes: &[u8], place: usize) {
        if let Some(hash) = Self::hash(bytes, place) {
            self.before[place] = self.last[hash];
            self.last[hash] = place as u32 + 1;
        }
    }

    /// Length and distance of the longest earlier run of the bytes at `place`; the nearest of equal ones.
    fn longest(&self, bytes: &[u8], place: usize) -> Option<(usize, usize)> {
        let mut best = None;
        let mut candidate = self.last[Self::hash(bytes, place)?];
        let end = bytes.len().min(place + LONGEST);
        for _ in 0..TRIES {
            let Some(start) = (candidate as usize).checked_sub(1) else {
                break;
            };
            if place - start > WINDOW {
                break;
            }
            let length = (place..end)
                .take_while(|&p| bytes[p] == bytes[start + p - place])
                .count();
            if length >= SHORTEST && best.is_none_or(|(longest, _)| length > longest) {
                best = Some((length, place - start));
            }
            candidate = self.before[start];
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        reader.finish().unwrap();
        (info.width, info.height, pixels)
    }

    /// Bytes that look random, of so many values.
    fn noise(n: usize, n_values: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % n_values) as u8
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn pictures_come_back_from_another_decoder() {
        for (width, height) in [
            (1, 1),
            (1, 300),
            (300, 1),
            (7, 5),
            (64, 64),
            (257, 129),
            (4000, 3),
        ] {
            let n = CHANNELS * width * height;
            let steps: Vec<u8> = (0..n).map(|i| (i / 90 * 17) as u8).collect();
            for rgb in [vec![0; n], vec![200; n], steps, noise(n, 2), noise(n, 256)] {
                let file = encode(width as u32, height as u32, &rgb);
                assert_eq!(decoded(&file), (width as u32, height as u32, rgb));
            }
        }
    }

    /// Repetitions of every length, and from distances up to the whole window and beyond it.
    #[test]
    fn every_length_and_distance_has_its_code() {
        for gap in [0, 1, 2, 3, 5, 60, 1000, WINDOW - 400, WINDOW - 300, WINDOW] {
            let mut bytes = Vec::new();
            for length in SHORTEST..=LONGEST + 2 {
                bytes.extend(noise(length, 256));
                bytes.push(length as u8);
            }
            let repeated = bytes.clone();
            bytes.extend(noise(gap, 3));
            bytes.extend(repeated);
            bytes.resize(bytes.len().next_multiple_of(CHANNELS), 0);
            let file = encode((bytes.len() / CHANNELS) as u32, 1, &bytes);
            assert!(decoded(&file).2 == bytes, "{gap}");
        }
    }

    #[test]
    fn the_window_has_an_end() {
        for (period, is_found) in [(WINDOW, true), (WINDOW + 1, false)] {
            // The filter of the first row takes differences, so that the bytes that are compressed repeat but for the first pixel.
            let mut rgb = noise(period, 256).repeat(2);
            rgb.resize(rgb.len().next_multiple_of(CHANNELS), 0);
            let file = encode((rgb.len() / CHANNELS) as u32, 1, &rgb);
            assert_eq!(file.len() < period * 3 / 2, is_found, "{period}: {}", file.len());
            assert!(decoded(&file).2 == rgb);
        }
    }

    #[test]
    fn flat_pictures_are_small() {
        let width = 600;
        let grid: Vec<u8> = (0..width * width)
            .flat_map(|i| {
                if (i / width / 30 + i % width / 30) % 2 == 0 {
                    [255; 3]
                } else {
                    [40, 90, 160]
                }
            })
            .collect();
        let n_bytes = encode(width as u32, width as u32, &grid).len();
        // 258 bytes take at best a code of 8 bits and a distance of 5 to 18.
        assert!(n_bytes < grid.len() / 50, "{n_bytes} of {}", grid.len());
    }

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }
}
