//! Grey pictures in PNG files, read strictly.
//!
//! A PNG file (ISO/IEC 15948, "Portable Network Graphics") is a signature and chunks, each with a length, a name and a checksum. Accepted are pictures of 8 bits a
//! channel without interlacing: grey, or colours that are all grey, either with or without alpha; what is transparent lies on white paper. Refused by name are palettes and other depths, a
//! pixel that is not grey, chunks that say how to read the picture in other ways (animation, a transparent colour, anything critical that is unknown), a wrong checksum in any
//! chunk, and whatever follows the end.
//!
//! Memory: a header can claim any size, so a picture may have at most 2²⁴ pixels, and no more bytes than its compressed data could possibly give: deflate packs at most 1,032
//! bytes into one (Adler and Gailly). Only then is anything allocated.

use std::io::{Cursor, Read};
use std::path::Path;

use ::png::{ColorType, Decoder, DecodingError, Limits, Transformations};
use flate2::Crc;
use gibbsian_core::{Error, Result};

use crate::images::Images;
use crate::source::Source;

/// The largest file.
const MAX_FILE: usize = 64 << 20;
/// The most pixels.
const MAX_PIXELS: u64 = 1 << 24;
/// The most bytes that one byte of a deflate stream stands for.
const MAX_RATIO: u64 = 1032;
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

/// Reads a PNG file as one grey picture, 0 black and 255 white.
///
/// # Errors
/// [`Error::File`] when it cannot be opened or read, [`Error::Format`] when it is not exactly as the [module](self) says.
pub fn read_png(path: impl AsRef<Path>) -> Result<Images> {
    decode(Source::open(path.as_ref())?)
}

/// Decodes a PNG file from any reader; `origin` names it in messages.
///
/// ```
/// let torn = gibbsian_data::decode_png("torn", &b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..]).unwrap_err();
/// assert_eq!(
///     torn.to_string(),
///     "torn: found the end of the file inside the chunk IHDR, expected 13 bytes and a checksum"
/// );
/// ```
///
/// # Errors
/// As [`read_png`].
pub fn decode_png(origin: impl Into<String>, reader: impl Read) -> Result<Images> {
    decode(Source::new(origin, reader, 0)?)
}

fn decode<R: Read>(mut source: Source<R>) -> Result<Images> {
    let origin = source.origin().to_owned();
    let bytes = source.take_at_most(MAX_FILE + 1)?;
    if bytes.len() > MAX_FILE {
        return Err(Error::format(
            origin,
            "a longer file",
            format!("at most {MAX_FILE} bytes"),
        ));
    }
    let size = check_chunks(&origin, &bytes)?;

    let refused = |e: DecodingError| Error::format(&*origin, e, "a valid PNG file");
    let limits = Limits {
        bytes: size.raw_bytes + (1 << 20),
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(&bytes), limits);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(refused)?;
    let mut raw = vec![0; size.n_pixels * size.channels];
    let info = reader.next_frame(&mut raw).map_err(refused)?;
    reader.finish().map_err(refused)?;
    debug_assert_eq!(info.color_type.samples(), size.channels);

    let grey = to_grey(&origin, info.color_type, &raw, size.width)?;
    Images::new(1, size.height, size.width, grey)
}

/// What the header promises.
struct Size {
    height: usize,
    width: usize,
    channels: usize,
    n_pixels: usize,
    /// Of all rows, with the byte before each that says how it is filtered.
    raw_bytes: usize,
}

/// Checks the frame of every chunk, and the header against the amount of data.
fn check_chunks(origin: &str, bytes: &[u8]) -> Result<Size> {
    let Some(mut rest) = bytes.strip_prefix(&SIGNATURE) else {
        return Err(Error::format(
            origin,
            "another signature",
            "the signature of a PNG file",
        ));
    };
    let (mut header, mut data_bytes) = (None, 0_u64);
    loop {
        let (name, data, after) = chunk(origin, rest)?;
        rest = after;
        let text = String::from_utf8_lossy(&name);
        match (&name, header.is_some()) {
            (b"IHDR", false) => header = Some(data),
            (_, false) => {
                return Err(Error::format(
                    origin,
                    format!("{text} as the first chunk"),
                    "IHDR",
                ));
            }
            (b"IDAT", _) => data_bytes += data.len() as u64,
            (b"IEND", _) => break,
            // A palette beside colours is a suggestion.
            (b"PLTE", _) => {}
            (b"acTL" | b"tRNS", _) => {
                return Err(Error::format(
                    origin,
                    format!("a chunk {text}"),
                    "a still picture without a transparent colour",
                ));
            }
            ([first, ..], _) if first.is_ascii_uppercase() => {
                return Err(Error::format(
                    origin,
                    format!("a critical chunk {text}"),
                    "IDAT, PLTE or IEND",
                ));
            }
            _ => {}
        }
    }
    if !rest.is_empty() {
        return Err(Error::format(
            origin,
            "more bytes after IEND",
            "the end of the file",
        ));
    }
    check_header(origin, header.unwrap_or_default(), data_bytes)
}

/// The name and the data of the first chunk, whose checksum is right, and the bytes after it.
fn chunk<'b>(origin: &str, bytes: &'b [u8]) -> Result<([u8; 4], &'b [u8], &'b [u8])> {
    let Some((&[a, b, c, d, n @ ..], after)) = bytes.split_first_chunk::<8>() else {
        return Err(Error::format(
            origin,
            "the end of the file before IEND",
            "a chunk",
        ));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let name = String::from_utf8_lossy(&n);
    if !n.iter().all(u8::is_ascii_alphabetic) {
        return Err(Error::format(
            origin,
            format!("a chunk named {n:?}"),
            "four letters",
        ));
    }
    let framed = after.split_at_checked(length);
    let Some((data, (checksum, after))) =
        framed.and_then(|(data, rest)| Some((data, rest.split_first_chunk::<4>()?)))
    else {
        let found = format!("the end of the file inside the chunk {name}");
        return Err(Error::format(
            origin,
            found,
            format!("{length} bytes and a checksum"),
        ));
    };
    let mut crc = Crc::new();
    crc.update(&n);
    crc.update(data);
    let found = u32::from_be_bytes(*checksum);
    if found != crc.sum() {
        let found = format!("checksum {found:#010x} of the chunk {name}");
        return Err(Error::format(origin, found, format!("{:#010x}", crc.sum())));
    }
    Ok((n, data, after))
}

fn check_header(origin: &str, header: &[u8], data_bytes: u64) -> Result<Size> {
    let &[
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        depth,
        colour,
        compression,
        filter,
        interlace,
    ] = header
    else {
        let found = format!("{} bytes of IHDR", header.len());
        return Err(Error::format(origin, found, "13 bytes"));
    };
    let (width, height) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let n_pixels = u64::from(width) * u64::from(height);
    if n_pixels == 0 || n_pixels > MAX_PIXELS {
        let found = format!("{width} x {height} pixels");
        return Err(Error::format(origin, found, format!("1 to {MAX_PIXELS} pixels")));
    }
    let channels: u32 = match (depth, colour) {
        (8, 0) => 1,
        (8, 2) => 3,
        (8, 4) => 2,
        (8, 6) => 4,
        _ => {
            let found = format!("depth {depth} with colour type {colour}");
            let expected = "depth 8 with colour type 0, 2, 4 or 6 (grey or colours, with or without alpha)";
            return Err(Error::format(origin, found, expected));
        }
    };
    if [compression, filter, interlace] != [0; 3] {
        let found =
            format!("methods {compression}, {filter}, {interlace} of compression, filtering and interlacing");
        return Err(Error::format(origin, found, "method 0 of each"));
    }
    let raw_bytes = n_pixels * u64::from(channels) + u64::from(height);
    if raw_bytes > MAX_RATIO * data_bytes {
        let found = format!("{width} x {height} pixels in {data_bytes} compressed bytes");
        return Err(Error::format(
            origin,
            found,
            format!("at most {MAX_RATIO} bytes of pixels for each"),
        ));
    }
    // At most 2²⁶ + 2²⁴, which fits any usize of 32 bits.
    Ok(Size {
        height: height as usize,
        width: width as usize,
        channels: channels as usize,
        n_pixels: n_pixels as usize,
        raw_bytes: raw_bytes as usize,
    })
}

/// One byte a pixel: colours must be grey, and paper shines through what is transparent.
fn to_grey(origin: &str, colour: ColorType, raw: &[u8], width: usize) -> Result<Vec<u8>> {
    let on_white = |grey: u8, alpha: u8| {
        let (grey, alpha) = (u32::from(grey), u32::from(alpha));
        // Rounded to nearest; the sum is at most 255².
        ((grey * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let mut grey = Vec::with_capacity(raw.len() / colour.samples());
    for (k, pixel) in raw.chunks_exact(colour.samples()).enumerate() {
        grey.push(match *pixel {
            [grey] => grey,
            [grey, alpha] => on_white(grey, alpha),
            [r, g, b] if r == g && g == b => r,
            [r, g, b, alpha] if r == g && g == b => on_white(r, alpha),
            ref other => {
                let found = format!("the colour {other:?} in row {}, column {}", k / width, k % width);
                return Err(Error::format(origin, found, "grey"));
            }
        });
    }
    Ok(grey)
}
